package millstream

// Out is one record to emit. Unless told otherwise: to the first output port, with the input record's timestamp, to the partition of its key, without
// headers.
//
//	ctx.EmitOut(millstream.NewOut(key, value).To("late").At(60_000))
type Out struct {
	key, value, headers []byte
	port                string
	timestamp           int64
	partition           uint32
}

// NewOut is a record of key and value; nil is null, and a null value is a tombstone.
func NewOut(key, value []byte) Out {
	return Out{key: key, value: value, timestamp: NoTimestamp, partition: none}
}

// Copy is a copy of a record: key, value and headers.
func Copy(record *Record) Out {
	return Out{key: record.Key, value: record.Value, headers: record.packed, timestamp: NoTimestamp, partition: none}
}

// WithKey replaces the key.
func (o Out) WithKey(key []byte) Out { o.key = key; return o }

// WithValue replaces the value.
func (o Out) WithValue(value []byte) Out { o.value = value; return o }

// WithHeaders replaces all headers; a [HeadersBuilder] makes them.
func (o Out) WithHeaders(headers Headers) Out { o.headers = headers.packed; return o }

// To sends it to an output port by its declared name.
func (o Out) To(port string) Out { o.port = port; return o }

// At sets the event time, ms since 1970 UTC.
func (o Out) At(timestampMs int64) Out { o.timestamp = timestampMs; return o }

// InPartition names a partition of the stream behind the port, in place of the key's.
func (o Out) InPartition(partition uint32) Out { o.partition = partition; return o }
