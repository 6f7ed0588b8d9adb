package millstream

import (
	"strconv"
	"unsafe"
)

// RowBytes is the width of an index row, in bytes.
const RowBytes = 40

const (
	// NoTimestamp is the Timestamp of a record that has none; as that of an output: inherit the input record's.
	NoTimestamp int64 = -1 << 63
	// none is "by key" as a partition, "not computed" as a key-id.
	none uint32 = 0xFFFFFFFF

	keyIsNull, valueIsNull, hasHeaders uint16 = 1, 2, 4

	// arenaBytesMax is the largest arena. Ends are u32; half of that leaves room to add without a check for overflow.
	arenaBytesMax = 1 << 30
)

// row is one index row as it lies in memory: little-endian, which all machines are that this runs on. See batch in wit/operator.wit.
type row struct {
	keyEnd, valueEnd, headersEnd uint32
	port, flags                  uint16
	timestamp, offset            int64
	partition, keyID             uint32
}

// The layout is exactly that of the boundary.
var _ = [1]struct{}{}[unsafe.Sizeof(row{})-RowBytes]

// Batch is many records: an index of rows, and an arena with their bytes.
type Batch struct {
	rows  []row
	arena []byte
}

// Len is the number of records.
func (b *Batch) Len() int { return len(b.rows) }

// At is the record at n; it panics past the end.
func (b *Batch) At(n int) Record {
	var record Record
	b.read(n, b.begin(n), &record)
	return record
}

// begin is where the row at n begins in the arena.
func (b *Batch) begin(n int) uint32 {
	if n == 0 {
		return 0
	}
	return b.rows[n-1].headersEnd
}

// empty is an arena of no bytes whose slices are not nil.
var empty = []byte{}

// read fills a record in from the row at n, which begins at begin, and returns where the next one begins.
func (b *Batch) read(n int, begin uint32, into *Record) uint32 {
	r := &b.rows[n]
	arena := b.arena
	if arena == nil {
		arena = empty
	}
	into.Key, into.Value, into.packed = nil, nil, nil
	if r.flags&keyIsNull == 0 {
		into.Key = arena[begin:r.keyEnd:r.keyEnd]
	}
	if r.flags&valueIsNull == 0 {
		into.Value = arena[r.keyEnd:r.valueEnd:r.valueEnd]
	}
	if r.flags&hasHeaders != 0 {
		into.packed = arena[r.valueEnd:r.headersEnd:r.headersEnd]
	}
	into.Timestamp, into.Offset = r.timestamp, r.offset
	into.Port, into.Partition = int(r.port), r.partition
	into.row, into.keyID = uint32(n), r.keyID
	return r.headersEnd
}

// Index is a copy of the index's bytes.
func (b *Batch) Index() []byte { return append([]byte(nil), bytesOf(b.rows)...) }

// Arena is the arena itself.
func (b *Batch) Arena() []byte { return b.arena }

func bytesOf(rows []row) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(rows))), len(rows)*RowBytes)
}

// LayoutRule names a rule of the layout, as the shared vectors do.
type LayoutRule string

const (
	IndexLength     LayoutRule = "IndexLength"
	EndsGoBackwards LayoutRule = "EndsGoBackwards"
	EndOutsideArena LayoutRule = "EndOutsideArena"
	ArenaNotUsedUp  LayoutRule = "ArenaNotUsedUp"
	UnknownFlags    LayoutRule = "UnknownFlags"
	NullWithBytes   LayoutRule = "NullWithBytes"
	BadHeaders      LayoutRule = "Headers"
)

// LayoutError says which rule a batch breaks, and in which row.
type LayoutError struct {
	Rule LayoutRule
	Row  int
}

func (e *LayoutError) Error() string {
	return "row " + strconv.Itoa(e.Row) + " of the batch breaks the layout's rule " + string(e.Rule)
}

// ParseBatch copies a batch from its bytes and checks every row. The error is a *[LayoutError]. In a component the host has checked what it hands over.
func ParseBatch(index, arena []byte) (*Batch, error) {
	rows := make([]row, len(index)/RowBytes)
	copy(bytesOf(rows), index)
	if len(index)%RowBytes != 0 {
		return nil, &LayoutError{IndexLength, len(rows)}
	}
	begin := uint32(0)
	for n := range rows {
		if rule := rows[n].breaks(begin, arena); rule != "" {
			return nil, &LayoutError{rule, n}
		}
		begin = rows[n].headersEnd
	}
	if int(begin) != len(arena) {
		return nil, &LayoutError{ArenaNotUsedUp, len(rows)}
	}
	return &Batch{rows, append([]byte{}, arena...)}, nil
}

// breaks is the first rule that a row breaks, or empty.
func (r *row) breaks(begin uint32, arena []byte) LayoutRule {
	switch {
	case r.keyEnd < begin || r.valueEnd < r.keyEnd || r.headersEnd < r.valueEnd:
		return EndsGoBackwards
	case int(r.headersEnd) > len(arena):
		return EndOutsideArena
	case r.flags&^(keyIsNull|valueIsNull|hasHeaders) != 0:
		return UnknownFlags
	case r.flags&keyIsNull != 0 && r.keyEnd != begin || r.flags&valueIsNull != 0 && r.valueEnd != r.keyEnd:
		return NullWithBytes
	case r.flags&hasHeaders == 0 && r.headersEnd != r.valueEnd:
		return BadHeaders
	case r.flags&hasHeaders != 0 && !(Headers{arena[r.valueEnd:r.headersEnd]}).wellFormed():
		return BadHeaders
	}
	return ""
}

// builder grows a batch, and keeps its memory from batch to batch.
type builder struct{ Batch }

func (b *builder) reset() { b.rows, b.arena = b.rows[:0], b.arena[:0] }

// push adds a record; nil is null. Ends and flags of fields are set here.
func (b *builder) push(key, value, headers []byte, fields row) {
	r := b.add(key, value)
	if len(headers) > 0 {
		b.arena = append(b.arena, headers...)
		r.flags |= hasHeaders
		r.headersEnd = uint32(len(b.arena))
	}
	r.port, r.timestamp, r.offset, r.partition, r.keyID = fields.port, fields.timestamp, fields.offset, fields.partition, fields.keyID
}

// add adds a record of key and value, without headers; nil is null. The caller sets all fields of the row but ends and flags: on Wasm each call of a
// function costs some 10 ns, and arguments go through memory. It panics when the batch outgrows a GiB: the host's limits are far below that.
func (b *builder) add(key, value []byte) *row {
	begin := len(b.arena)
	keyEnd := begin + len(key)
	end := keyEnd + len(value)
	if end > cap(b.arena) || len(b.rows) == cap(b.rows) {
		b.grow(end)
	}
	b.arena = b.arena[:end]
	b.rows = b.rows[:len(b.rows)+1]
	r := &b.rows[len(b.rows)-1]
	flags := uint16(0)
	if key == nil {
		flags = keyIsNull
	} else if len(key) <= shortBytesMax {
		copyShort(b.arena[begin:keyEnd], key)
	} else {
		copy(b.arena[begin:keyEnd], key)
	}
	if value == nil {
		flags |= valueIsNull
	} else if len(value) <= shortBytesMax {
		copyShort(b.arena[keyEnd:end], value)
	} else {
		copy(b.arena[keyEnd:end], value)
	}
	r.keyEnd, r.valueEnd, r.headersEnd, r.flags = uint32(keyEnd), uint32(end), uint32(end), flags
	return r
}

// grow makes room for one row more, and an arena of so many bytes.
func (b *builder) grow(arenaBytes int) {
	if arenaBytes > arenaBytesMax {
		panic("millstream: a batch's arena holds at most 1 GiB")
	}
	if len(b.rows) == cap(b.rows) {
		b.rows = append(make([]row, 0, max(64, 2*cap(b.rows))), b.rows...)
	}
	if arenaBytes > cap(b.arena) {
		b.arena = append(make([]byte, 0, max(4096, 2*cap(b.arena), arenaBytes)), b.arena...)
	}
}

// shortBytesMax is up to where bytes are copied here, and not by an instruction that leaves Wasm for the engine's own code.
const shortBytesMax = 32

// copyShort copies all of from, which is as long as to, in pieces of a word.
func copyShort(to, from []byte) {
	n := len(from)
	if n < 8 {
		for at := range from {
			to[at] = from[at]
		}
		return
	}
	source, target := unsafe.Pointer(unsafe.SliceData(from)), unsafe.Pointer(unsafe.SliceData(to[:n]))
	for at := 0; at < n-8; at += 8 {
		*(*uint64)(unsafe.Add(target, at)) = *(*uint64)(unsafe.Add(source, at))
	}
	// The last word may overlap the one before.
	*(*uint64)(unsafe.Add(target, n-8)) = *(*uint64)(unsafe.Add(source, n-8))
}

// ask adds a key of a store to be read.
func (b *builder) ask(key []byte, store uint16) { b.add(key, nil).ofState(store) }

// ofState sets what rows of state have no use for.
func (r *row) ofState(store uint16) {
	r.port, r.timestamp, r.offset, r.partition, r.keyID = store, NoTimestamp, 0, none, none
}
