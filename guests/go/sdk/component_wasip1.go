package millstream

import (
	"runtime"
	"strconv"
	"unsafe"
)

// The exports of the world `job` by the canonical ABI, on top of the registered operator. The host puts the arguments into memory that cabi_realloc gave,
// calls, reads the result where the export says it is, and calls cabi_post_….
//
// Go's collector does not move what it manages, so package variables keep what the host reads. Inside cabi_realloc nothing may be imported.

// opened is this component's operator, once it is open.
var opened *Instance

// scratch serves cabi_realloc: the arguments of a call and what imports answer. It starts anew with each call, so a steady state allocates nothing.
var scratch struct {
	block []uint64
	// used of the block, and of the blocks outgrown during this call, in words; those are still read, and alive through the slices into them.
	used, outgrown int
}

// scratchWordsMin is the first block: 64 KiB.
const scratchWordsMin = 64 << 10 / 8

// nothing is where empty lists point.
var nothing uint64

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldBytes, align, bytes uint32) unsafe.Pointer {
	if bytes == 0 {
		return unsafe.Pointer(&nothing)
	}
	words := int((bytes + 7) / 8) // at most 8 is asked for as alignment
	s := &scratch
	if s.used+words > len(s.block) {
		s.outgrown += s.used
		s.block, s.used = make([]uint64, max(scratchWordsMin, 2*len(s.block), words)), 0
	}
	at := unsafe.Pointer(&s.block[s.used])
	s.used += words
	if oldBytes > 0 {
		copy(unsafe.Slice((*byte)(at), bytes), unsafe.Slice((*byte)(old), oldBytes))
	}
	return at
}

// endCall takes the call's memory back. After a call that outgrew it, one block that would have held it all.
func endCall() {
	s := &scratch
	if s.outgrown > 0 {
		if all := s.outgrown + s.used; all > len(s.block) {
			s.block = make([]uint64, all)
		}
		s.outgrown = 0
	}
	s.used = 0
}

// Words of memory as the host reads and writes them.
type (
	word uint32
	list struct{ at, length word }
)

func address(at unsafe.Pointer) word { return word(uintptr(at)) }

func listOf[T any](items []T) list {
	return list{address(unsafe.Pointer(unsafe.SliceData(items))), word(len(items))}
}

func textOf(text string) list {
	return list{address(unsafe.Pointer(unsafe.StringData(text))), word(len(text))}
}

// bytes is what a list points to.
func (l list) bytes() []byte { return unsafe.Slice((*byte)(pointer(l.at)), l.length) }

// pointer makes a pointer of an address that the host gave: inside the scratch, or of `nothing`.
func pointer(at word) unsafe.Pointer {
	address := uintptr(at)
	return *(*unsafe.Pointer)(unsafe.Pointer(&address))
}

func batchOf(index unsafe.Pointer, indexBytes uint32, arena unsafe.Pointer, arenaBytes uint32) Batch {
	return Batch{unsafe.Slice((*row)(index), indexBytes/RowBytes), unsafe.Slice((*byte)(arena), arenaBytes)}
}

// answer is the result of the last call; the variables beside it are what it points to.
var (
	answer struct {
		failed  word
		words   [4]list
		rejects list
	}
	wireRejects []wireReject
	lastFailure string
	lastEffects Effects
	description struct {
		name, version, inputs, outputs, stores, schema list
	}
	describedNames  [2][]list
	describedStores []wireStore
)

type wireReject struct {
	row     word
	code    uint32 // u16 and two bytes that nobody reads
	message list
}

type wireStore struct {
	name    list
	version word
}

func failed(err error) unsafe.Pointer {
	tag := word(1)
	if _, retry := err.(*RetryError); retry {
		tag = 0
	}
	lastFailure = err.Error()
	answer.failed = 1
	text := textOf(lastFailure)
	answer.words[0] = list{tag, text.at}
	answer.words[1].at = text.length
	return unsafe.Pointer(&answer)
}

func succeeded(batches ...Raw) unsafe.Pointer {
	answer.failed = 0
	for n, batch := range batches {
		answer.words[2*n], answer.words[2*n+1] = listOf(batch.Index), listOf(batch.Arena)
	}
	return unsafe.Pointer(&answer)
}

func asked(effects Effects, err error) unsafe.Pointer {
	if err != nil {
		return failed(err)
	}
	lastEffects = effects
	wireRejects = wireRejects[:0]
	for n := range effects.Rejects {
		reject := &effects.Rejects[n]
		wireRejects = append(wireRejects, wireReject{word(reject.Row), uint32(reject.Code), textOf(reject.Message)})
	}
	answer.rejects = listOf(wireRejects)
	return succeeded(effects.Outputs, effects.Timers)
}

//go:wasmexport millstream:operator/operator@0.1.0#describe
func describe() unsafe.Pointer {
	d := registered
	if d == nil {
		d = &Declaration{Name: "(no operator is registered: call millstream.Register in an init function)"}
	}
	for n, names := range [2][]string{d.InputPorts(), d.OutputPorts()} {
		describedNames[n] = nil
		for _, name := range names {
			describedNames[n] = append(describedNames[n], textOf(name))
		}
	}
	describedStores = nil
	for _, store := range d.Stores {
		declared := store.declared()
		describedStores = append(describedStores, wireStore{textOf(declared.name), word(declared.version)})
	}
	description.name, description.version, description.schema = textOf(d.Name), textOf(d.Version), textOf(d.ConfigSchema)
	description.inputs, description.outputs, description.stores = listOf(describedNames[0]), listOf(describedNames[1]), listOf(describedStores)
	return unsafe.Pointer(&description)
}

//go:wasmexport millstream:operator/operator@0.1.0#open
func open(config unsafe.Pointer, configBytes uint32, inputs unsafe.Pointer, inputsN uint32, outputs unsafe.Pointer, outputsN uint32,
	stores unsafe.Pointer, storesN uint32) unsafe.Pointer {
	defer trapPanics()
	if registered == nil {
		return failed(Fatal("no operator is registered: call millstream.Register in an init function"))
	}
	names := func(at unsafe.Pointer, n uint32) (names []string) {
		for _, name := range unsafe.Slice((*list)(at), n) {
			names = append(names, string(name.bytes()))
		}
		return names
	}
	setup := &Setup{
		Config: append([]byte(nil), unsafe.Slice((*byte)(config), configBytes)...),
		Inputs: names(inputs, inputsN), Outputs: names(outputs, outputsN), Stores: names(stores, storesN),
	}
	instance, err := Open(registered, setup, importedState, importedTelemetry{})
	if err != nil {
		return failed(err)
	}
	opened = instance
	return succeeded()
}

//go:wasmexport millstream:operator/operator@0.1.0#process
func process(watermark, now int64, task uint32, index unsafe.Pointer, indexBytes uint32, arena unsafe.Pointer, arenaBytes uint32) unsafe.Pointer {
	defer trapPanics()
	if opened == nil {
		return failed(Fatal("called before `open`"))
	}
	return asked(opened.Process(Call{watermark, now, task}, batchOf(index, indexBytes, arena, arenaBytes)))
}

//go:wasmexport millstream:operator/operator@0.1.0#on-timer
func onTimer(watermark, now int64, task uint32, index unsafe.Pointer, indexBytes uint32, arena unsafe.Pointer, arenaBytes uint32) unsafe.Pointer {
	defer trapPanics()
	if opened == nil {
		return failed(Fatal("called before `open`"))
	}
	return asked(opened.OnTimer(Call{watermark, now, task}, batchOf(index, indexBytes, arena, arenaBytes)))
}

//go:wasmexport millstream:operator/operator@0.1.0#migrate
func migrate(store unsafe.Pointer, storeBytes, fromVersion uint32, index unsafe.Pointer, indexBytes uint32, arena unsafe.Pointer,
	arenaBytes uint32) unsafe.Pointer {
	defer trapPanics()
	if opened == nil {
		return failed(Fatal("called before `open`"))
	}
	name := string(unsafe.Slice((*byte)(store), storeBytes))
	kept, err := opened.Migrate(name, fromVersion, batchOf(index, indexBytes, arena, arenaBytes))
	if err != nil {
		return failed(err)
	}
	return succeeded(kept)
}

//go:wasmexport cabi_post_millstream:operator/operator@0.1.0#describe
func afterDescribe(unsafe.Pointer) { endCall() }

//go:wasmexport cabi_post_millstream:operator/operator@0.1.0#open
func afterOpen(unsafe.Pointer) { endCall() }

//go:wasmexport cabi_post_millstream:operator/operator@0.1.0#process
func afterProcess(unsafe.Pointer) { endCall() }

//go:wasmexport cabi_post_millstream:operator/operator@0.1.0#on-timer
func afterOnTimer(unsafe.Pointer) { endCall() }

//go:wasmexport cabi_post_millstream:operator/operator@0.1.0#migrate
func afterMigrate(unsafe.Pointer) { endCall() }

// stackBytesMax is how much of a panic's stack goes to the log, bytes: with the text less than what the host keeps of a message.
const stackBytesMax = 7 << 10

// trapPanics makes a panic a trap, whose reason the host finds in the log: Go's own text and stack, in one message. Left to itself the runtime would write
// it word by word.
func trapPanics() {
	reason := recover()
	if reason == nil {
		return
	}
	stack := make([]byte, stackBytesMax)
	stack = stack[:runtime.Stack(stack, false)]
	importLog(uint32(LevelError), "panic: "+panicText(reason)+"\n\n"+string(stack))
	exit(2)
}

func panicText(reason any) string {
	switch r := reason.(type) {
	case error:
		return r.Error()
	case interface{ String() string }:
		return r.String()
	case string:
		return r
	case int:
		return strconv.Itoa(r)
	}
	return "(a value that is no text)"
}
