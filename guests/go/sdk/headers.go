package millstream

import (
	"encoding/binary"
	"iter"
)

// Headers of a record, still packed. The zero value has none.
type Headers struct{ packed []byte }

// All yields name and value of each header in order; names may repeat, a nil value is null.
func (h Headers) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if len(h.packed) < 2 {
			return
		}
		rest := h.packed[2:]
		for range binary.LittleEndian.Uint16(h.packed) {
			name, value, after, ok := header(rest)
			if !ok || !yield(string(name), value) {
				return
			}
			rest = after
		}
	}
}

// Packed is the bytes as they stand in an arena; empty: no headers.
func (h Headers) Packed() []byte { return h.packed }

// Last is the value of the last header of that name, and whether there is one. A value may be null: nil.
func (h Headers) Last(name string) ([]byte, bool) {
	var last []byte
	found := false
	for n, value := range h.All() {
		if n == name {
			last, found = value, true
		}
	}
	return last, found
}

// wellFormed says whether count and lengths agree exactly with the bytes.
func (h Headers) wellFormed() bool {
	if len(h.packed) < 2 {
		return false
	}
	rest := h.packed[2:]
	for range binary.LittleEndian.Uint16(h.packed) {
		var ok bool
		if _, _, rest, ok = header(rest); !ok {
			return false
		}
	}
	return len(rest) == 0
}

// header takes one header off.
func header(from []byte) (name, value, rest []byte, ok bool) {
	if len(from) < 2 {
		return nil, nil, nil, false
	}
	end := 2 + int(binary.LittleEndian.Uint16(from))
	if len(from) < end+4 {
		return nil, nil, nil, false
	}
	name, rest = from[2:end], from[end+4:]
	bytes := binary.LittleEndian.Uint32(from[end:])
	if bytes == none {
		return name, nil, rest, true
	}
	if uint64(len(rest)) < uint64(bytes) {
		return nil, nil, nil, false
	}
	return name, rest[:bytes:bytes], rest[bytes:], true
}

// HeadersBuilder packs headers. The zero value is ready; Reset keeps its memory.
type HeadersBuilder struct {
	packed []byte
	count  uint16
}

// Add adds one header; a nil value is null. A name is cut at 65,535 bytes; past 65,535 headers nothing more is added (false).
func (b *HeadersBuilder) Add(name string, value []byte) bool {
	if b.count == 0xFFFF {
		return false
	}
	if len(b.packed) == 0 {
		b.packed = append(b.packed, 0, 0)
	}
	b.count++
	name = name[:min(len(name), 0xFFFF)]
	le := binary.LittleEndian
	le.PutUint16(b.packed, b.count)
	b.packed = append(le.AppendUint16(b.packed, uint16(len(name))), name...)
	if value == nil {
		b.packed = le.AppendUint32(b.packed, none)
		return true
	}
	b.packed = append(le.AppendUint32(b.packed, uint32(len(value))), value...)
	return true
}

// AddAll adds all headers of a record.
func (b *HeadersBuilder) AddAll(headers Headers) {
	for name, value := range headers.All() {
		b.Add(name, value)
	}
}

// Reset empties it.
func (b *HeadersBuilder) Reset() { b.packed, b.count = b.packed[:0], 0 }

// Headers are those added so far, valid until the builder is used again.
func (b *HeadersBuilder) Headers() Headers { return Headers{b.packed} }
