package millstreamtest

import "millstream"

// Input is a record to feed: by default to the first input, without timestamp or headers.
type Input struct {
	key, value []byte
	headers    millstream.HeadersBuilder
	port       string
	timestamp  int64
}

// In is a record of key and value.
func In(key, value string) Input {
	return Input{key: []byte(key), value: []byte(value), timestamp: millstream.NoTimestamp}
}

// NullKey is a record without a key.
func NullKey(value string) Input {
	in := In("", value)
	in.key = nil
	return in
}

// NullValue is a record without a value: a tombstone.
func NullValue(key string) Input {
	in := In(key, "")
	in.value = nil
	return in
}

// At sets the event time, ms since 1970 UTC.
func (in Input) At(timestampMs int64) Input { in.timestamp = timestampMs; return in }

// Port sends it to the input port of that name.
func (in Input) Port(name string) Input { in.port = name; return in }

// Header adds a header.
func (in Input) Header(name, value string) Input {
	headers := millstream.HeadersBuilder{}
	headers.AddAll(in.headers.Headers())
	headers.Add(name, []byte(value))
	in.headers = headers
	return in
}

// Output is one emitted record, ready to compare.
type Output struct {
	// Port is the name of the output port.
	Port       string
	Key, Value string
	// Null parts are empty above.
	KeyIsNull, ValueIsNull bool
	// Headers in order, as `name=value`, or `name` where the value is null.
	Headers []string
	// Timestamp is the event time, ms; inherited from the input record unless set.
	Timestamp int64
	// FromRow is the number of the row that it was made from, in its batch.
	FromRow int
	// Partition that was asked for; 0xFFFFFFFF: that of the key.
	Partition uint32
}

func outputOf(record millstream.Record, port string, input *millstream.Batch) Output {
	out := Output{
		Port: port, Key: string(record.Key), Value: string(record.Value), KeyIsNull: record.Key == nil, ValueIsNull: record.Value == nil,
		Timestamp: record.Timestamp, FromRow: int(record.Offset), Partition: record.Partition,
	}
	for name, value := range record.Headers().All() {
		if value != nil {
			name += "=" + string(value)
		}
		out.Headers = append(out.Headers, name)
	}
	if out.Timestamp == millstream.NoTimestamp {
		out.Timestamp = input.At(out.FromRow).Timestamp
	}
	return out
}

// pack packs records as the host would.
func (h *Harness) pack(records []Input) *millstream.Batch {
	h.t.Helper()
	var p packer
	ids := map[string]uint32{}
	for _, in := range records {
		port := -1
		for n, name := range h.inputs() {
			if in.port == name || in.port == "" && n == 0 {
				port = n
			}
		}
		if port < 0 {
			h.t.Fatalf("there is no input port `%s`", in.port)
		}
		// Null is a key of its own here.
		name := "null"
		if in.key != nil {
			name = "=" + string(in.key)
		}
		id, known := ids[name]
		if !known {
			id = uint32(len(ids))
			ids[name] = id
		}
		if h.NoKeyIDs {
			id = none
		}
		p.push(in.key, in.value, in.headers.Headers().Packed(), millstream.RawRow{Port: uint16(port), Timestamp: in.timestamp, Offset: h.offset, KeyID: id})
		h.offset++
	}
	return p.batch()
}

const none = 0xFFFFFFFF

// packer writes the layout by its rules, apart from the SDK's own builder.
type packer struct {
	rows  []millstream.RawRow
	arena []byte
}

func (p *packer) push(key, value, headers []byte, row millstream.RawRow) {
	const keyIsNull, valueIsNull, hasHeaders = 1, 2, 4
	if key == nil {
		row.Flags |= keyIsNull
	}
	if value == nil {
		row.Flags |= valueIsNull
	}
	if len(headers) > 0 {
		row.Flags |= hasHeaders
	}
	p.arena = append(p.arena, key...)
	row.KeyEnd = uint32(len(p.arena))
	p.arena = append(p.arena, value...)
	row.ValueEnd = uint32(len(p.arena))
	p.arena = append(p.arena, headers...)
	row.HeadersEnd = uint32(len(p.arena))
	p.rows = append(p.rows, row)
}

func (p *packer) batch() *millstream.Batch {
	batch, err := millstream.ParseBatch(millstream.RawIndex(p.rows...), p.arena)
	if err != nil {
		panic(err)
	}
	return batch
}
