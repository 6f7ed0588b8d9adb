package millstream

import "unsafe"

// What the host offers, by the canonical ABI. Only what a component can reach is imported: `state` by way of [NewStore].

//go:wasmimport millstream:operator/telemetry@0.1.0 log
func importLog(level uint32, message string)

//go:wasmimport millstream:operator/telemetry@0.1.0 count
func importCount(name string, delta uint64)

//go:wasmimport millstream:operator/state@0.1.0 get-many
func importGetMany(index unsafe.Pointer, indexBytes uint32, arena unsafe.Pointer, arenaBytes uint32, found unsafe.Pointer)

//go:wasmimport millstream:operator/state@0.1.0 put-many
func importPutMany(index unsafe.Pointer, indexBytes uint32, arena unsafe.Pointer, arenaBytes uint32)

//go:wasmimport millstream:operator/state@0.1.0 scan
func importScan(store uint32, begin unsafe.Pointer, beginBytes uint32, end unsafe.Pointer, endBytes uint32, limit, bytesMax uint32, page unsafe.Pointer)

// exit ends the instance; the builder's stub makes a trap of it.
//
//go:wasmimport wasi_snapshot_preview1 proc_exit
func exit(code int32)

// importedState is nil in a component that has no stores.
var importedState StateHost

func importState() { importedState = state{} }

type (
	state             struct{}
	importedTelemetry struct{}
)

// Where imports put their answers. Package variables: a local may move with its stack while the host calls cabi_realloc.
var (
	found [2]list
	page  struct {
		rows [2]list
		done uint8
	}
)

func (state) GetMany(keys *Batch) Batch {
	importGetMany(unsafe.Pointer(unsafe.SliceData(keys.rows)), uint32(len(keys.rows)*RowBytes),
		unsafe.Pointer(unsafe.SliceData(keys.arena)), uint32(len(keys.arena)), unsafe.Pointer(&found))
	return answered(&found)
}

func (state) PutMany(rows *Batch) {
	importPutMany(unsafe.Pointer(unsafe.SliceData(rows.rows)), uint32(len(rows.rows)*RowBytes),
		unsafe.Pointer(unsafe.SliceData(rows.arena)), uint32(len(rows.arena)))
}

func (state) Scan(store uint16, begin, end []byte) (Batch, bool) {
	importScan(uint32(store), unsafe.Pointer(unsafe.SliceData(begin)), uint32(len(begin)), unsafe.Pointer(unsafe.SliceData(end)), uint32(len(end)),
		0, 0, unsafe.Pointer(&page))
	return answered(&page.rows), page.done != 0
}

// answered is a batch that an import handed over, in the scratch of this call.
func answered(lists *[2]list) Batch {
	return batchOf(pointer(lists[0].at), uint32(lists[0].length), pointer(lists[1].at), uint32(lists[1].length))
}

func (importedTelemetry) Log(level Level, message string) { importLog(uint32(level), message) }

func (importedTelemetry) Count(name string, delta uint64) { importCount(name, delta) }
