package millstream

// Level says how grave a log line is.
type Level uint8

const (
	LevelError Level = 0
	LevelWarn  Level = 1
	LevelInfo  Level = 2
	LevelDebug Level = 3
)

// Call is the context of one call, the same for all its records.
type Call struct {
	// Watermark is event time, ms: the smallest int64 is not known yet, the largest is the end of the input.
	Watermark int64
	// Now is processing time, ms since 1970 UTC.
	Now  int64
	Task uint32
}

// Rejected is a record that the operator refused: the number of its row, and why.
type Rejected struct {
	Row uint32
	RejectError
}

// Effects is what one call asks for, valid until the next call. Rows as the WIT's `effects` has them.
type Effects struct {
	Outputs, Timers Raw
	Rejects         []Rejected
}

// StateHost is the WIT's `state`. In a component the imports stand behind it, in tests a map.
type StateHost interface {
	// GetMany has one row out per row in, in order; a null value where there is none.
	GetMany(keys *Batch) Batch
	// PutMany writes in order; a null value deletes.
	PutMany(rows *Batch)
	// Scan reads a page of the keys from begin to before end (empty: the store's end), and says whether the range is done.
	Scan(store uint16, begin, end []byte) (Batch, bool)
}

// TelemetryHost is the WIT's `telemetry`.
type TelemetryHost interface {
	Log(level Level, message string)
	Count(name string, delta uint64)
}
