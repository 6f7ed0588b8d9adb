package millstream

// Operator is one node of a job's graph. One value serves all tasks of a worker, one call at a time.
//
// An operator that does more implements [BatchProcessor], [TimerHandler], [Prefetcher] or [Migrator], too.
type Operator interface {
	// Process handles one record. The record and its bytes are valid until the call ends.
	//
	// A [Reject] concerns this record alone. [Retry] and [Fatal] end the call; nothing of it is kept. Any other error rejects the record with code
	// [Unspecified] and the error's text.
	Process(record *Record, ctx *Context) error
}

// BatchProcessor handles whole batches: the fast path for operators that gain from many records at once.
type BatchProcessor interface {
	// ProcessBatch is called in place of Process. [Context.Records] has the records; each must be the current one while something is done for it, which
	// is what Records sees to. An error that is not [Retry] is fatal; [Context.Reject] rejects the current record.
	ProcessBatch(ctx *Context) error
}

// TimerHandler is told when timers are due.
type TimerHandler interface {
	// OnTimer handles a timer that this operator set. Outputs inherit the timer's time; state by key is that of the timer's key. Errors as in Process.
	OnTimer(timer *Timer, ctx *Context) error
}

// Prefetcher names the state that a batch will need, where that is not the state of its records' keys. It is read in one call; what is not named costs a
// call of its own.
type Prefetcher interface {
	Prefetch(record *Record, keys *Keys)
	PrefetchTimer(timer *Timer, keys *Keys)
}

// Migrator rewrites state of an older version.
type Migrator interface {
	// Migrate is given rows (key, value) of a store whose values are of an older version, and calls keep for each row to keep. An error stops the job.
	Migrate(store string, fromVersion uint32, rows *Batch, keep func(key, value []byte)) error
}

// Declaration says what an operator is; the component's description is derived from it.
type Declaration struct {
	Name, Version string
	// Inputs names the input ports in order; a record's Port is the place in this list. nil: one, called "in". [AnyInputs]: takes any number of inputs.
	Inputs []string
	// Outputs names the output ports; records go to the first unless told otherwise. nil: one, called "out". [NoOutputs]: a sink.
	Outputs []string
	// Stores it works with, made by [NewStore].
	Stores []AnyStore
	// ConfigSchema is the JSON Schema of the config, checked by the host before anything runs; or empty.
	ConfigSchema string
	// NoPrefetch turns reading ahead off: each first access of a key is then a call to the host.
	NoPrefetch bool
	// Open makes the operator. State cannot be read here. An error stops the job and is shown to its author ([Retry]: is tried again).
	Open func(setup *Setup) (Operator, error)
}

var (
	// AnyInputs is for operators that do not mind how many inputs they get.
	AnyInputs = []string{}
	// NoOutputs is for operators that emit nothing.
	NoOutputs = []string{}
)

// registered is the component's one operator.
var registered *Declaration

// Register makes an operator that of this component. Call it from an init function: main never runs. Panics where there is one already.
func Register(declaration Declaration) {
	if registered != nil {
		panic("millstream: two operators registered, `" + registered.Name + "` and `" + declaration.Name + "`: a component has one")
	}
	registered = &declaration
}

// Registered is the operator of this component, for test harnesses; nil: none.
func Registered() *Declaration { return registered }

// InputPorts are the declared input ports, defaults filled in; empty: any number.
func (d *Declaration) InputPorts() []string { return orDefault(d.Inputs, "in") }

// OutputPorts are the declared output ports, defaults filled in.
func (d *Declaration) OutputPorts() []string { return orDefault(d.Outputs, "out") }

func orDefault(names []string, name string) []string {
	if names == nil {
		return []string{name}
	}
	return names
}
