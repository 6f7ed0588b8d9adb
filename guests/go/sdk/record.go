package millstream

import "unicode/utf8"

// Record is one input record, read in place. Its slices are nil where the part is null, and valid until the call ends.
type Record struct {
	Key, Value []byte
	// Timestamp is the event time in ms since 1970 UTC, or [NoTimestamp].
	Timestamp int64
	// Port is the number of the input it came from, the place in the declaration's Inputs.
	Port int
	// Offset in its stream, and the Partition it was read from.
	Offset    int64
	Partition uint32

	packed     []byte
	row, keyID uint32
}

// Row is the number of the record in its batch.
func (r *Record) Row() int { return int(r.row) }

// Headers of the record.
func (r *Record) Headers() Headers { return Headers{r.packed} }

// Header is the last header of that name; nil: there is none, or its value is null.
func (r *Record) Header(name string) []byte {
	value, _ := r.Headers().Last(name)
	return value
}

// RequireKey is the key, or a reject with code [NoKey].
func (r *Record) RequireKey() ([]byte, error) {
	if r.Key == nil {
		return nil, errNoKey
	}
	return r.Key, nil
}

// RequireTime is the event time, or a reject with code [NoTime].
func (r *Record) RequireTime() (int64, error) {
	if r.Timestamp == NoTimestamp {
		return 0, errNoTime
	}
	return r.Timestamp, nil
}

// KeyText is the key as UTF-8 text, still as bytes, or a reject with code [BadText].
func (r *Record) KeyText() ([]byte, error) { return text(r.Key, "key") }

// ValueText is the value as UTF-8 text, still as bytes, or a reject with code [BadText].
func (r *Record) ValueText() ([]byte, error) { return text(r.Value, "value") }

var (
	errNoKey  = Reject(NoKey, "the record has no key")
	errNoTime = Reject(NoTime, "the record has no timestamp")
)

func text(bytes []byte, part string) ([]byte, error) {
	if bytes == nil {
		return nil, Reject(BadText, "the "+part+" is null")
	}
	if !utf8.Valid(bytes) {
		return nil, Reject(BadText, "the "+part+" is not UTF-8")
	}
	return bytes, nil
}

// Domain is the clock that a timer waits for.
type Domain uint16

const (
	// EventTime: due when the watermark has reached it.
	EventTime Domain = 0
	// ProcessingTime: due when the host's clock has reached it.
	ProcessingTime Domain = 1
	// deleting is added to a domain to delete a timer of it.
	deleting Domain = 2
)

// Timer is a timer to be set or deleted, or one that is due. It *is* its domain, time, key and payload: setting it twice sets one.
type Timer struct {
	Domain Domain
	// At is the due time, ms since 1970 UTC.
	At int64
	// Key decides whose state the timer sees; nil: nobody's. Key and payload together have at most 64 KiB.
	Key, Payload []byte
}
