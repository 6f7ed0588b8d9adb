package millstream

import (
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"strconv"
	"unicode/utf8"
)

// AnyStore is a [Store] of any type of values.
type AnyStore interface{ declared() *store }

// store is the part of a store that does not depend on its values.
type store struct {
	name    string
	version uint32
	// index among the stores declared, set when it is first used.
	index uint16
}

// Store is a declared store: key to value of type V, one value per key and task. Keep it in a package variable.
type Store[V any] struct {
	store
	codec Codec[V]
}

// NewStore declares a store. `version` is that of the values' format, from 1; raise it with the format and implement [Migrator].
func NewStore[V any](name string, version uint32, codec Codec[V]) *Store[V] {
	// Only a component that gets here imports `state`, which a job must grant.
	importState()
	return &Store[V]{store{name: name, version: version}, codec}
}

func (s *Store[V]) declared() *store { return &s.store }

// Name of the store as declared.
func (s *store) Name() string { return s.name }

// place is that of the store among those of the open operator; not ok: it is not declared.
func (s *store) place(c *cache) (uint16, bool) {
	if int(s.index) < len(c.stores) && c.stores[s.index].name == s.name {
		return s.index, true
	}
	for n := range c.stores {
		if c.stores[n].name == s.name {
			s.index = uint16(n)
			return s.index, true
		}
	}
	return 0, false
}

func (s *store) undeclared() error {
	return Fatal("the operator does not declare the store `" + s.name + "`: add it to Stores")
}

// Get is the value of the current record's key, and whether there is one. It was read ahead with the batch. A record without a key is rejected
// ([NoKey]); bytes that are no V stop the job, since the store holds what this code cannot read.
func (s *Store[V]) Get(ctx *Context) (V, bool, error) {
	n, err := s.slot(ctx)
	if err != nil {
		var zero V
		return zero, false, err
	}
	return s.get(&ctx.cache.slots[n])
}

// Put sets the value of the current record's key. The records that follow see it; it is written back with the batch.
func (s *Store[V]) Put(ctx *Context, value V) error {
	n, err := s.slot(ctx)
	if err == nil {
		s.put(ctx, n, value)
	}
	return err
}

// Delete removes the current record's key.
func (s *Store[V]) Delete(ctx *Context) error {
	n, err := s.slot(ctx)
	if err == nil {
		ctx.cache.slots[n].value, ctx.cache.slots[n].dirty = nil, true
	}
	return err
}

// GetOf is the value of any key. It costs a call to the host unless the key was read ahead or met before in this batch.
func (s *Store[V]) GetOf(ctx *Context, key []byte) (V, bool, error) {
	n, err := s.slotOf(ctx, key)
	if err != nil {
		var zero V
		return zero, false, err
	}
	return s.get(&ctx.cache.slots[n])
}

// PutOf sets the value of any key.
func (s *Store[V]) PutOf(ctx *Context, key []byte, value V) error {
	n, err := s.slotOf(ctx, key)
	if err == nil {
		s.put(ctx, n, value)
	}
	return err
}

// DeleteOf removes any key.
func (s *Store[V]) DeleteOf(ctx *Context, key []byte) error {
	n, err := s.slotOf(ctx, key)
	if err == nil {
		ctx.cache.slots[n].value, ctx.cache.slots[n].dirty = nil, true
	}
	return err
}

// Range yields keys from begin (inclusive) to end (exclusive; empty: the store's end) in ascending byte order, with their values. What this call wrote so
// far is seen. Keys are valid until the call ends. A value that cannot be read ends it, and the call fails.
func (s *Store[V]) Range(ctx *Context, begin, end []byte) iter.Seq2[[]byte, V] {
	return func(yield func([]byte, V) bool) {
		place, ok := s.place(&ctx.cache)
		if !ok {
			ctx.fail(s.undeclared())
			return
		}
		ctx.cache.writeBack()
		for done := false; !done; {
			var page Batch
			page, done = ctx.cache.host.Scan(ctx.cache.stores[place].number, begin, end)
			for n := range page.Len() {
				record := page.At(n)
				value, err := s.codec.Decode(record.Value)
				if err != nil {
					ctx.fail(s.unreadable(record.Key, err))
					return
				}
				if !yield(record.Key, value) {
					return
				}
				begin = record.Key
			}
			done = done || page.Len() == 0
			begin = append(begin[:len(begin):len(begin)], 0)
		}
	}
}

// All yields the whole store (of the current task) as Range does.
func (s *Store[V]) All(ctx *Context) iter.Seq2[[]byte, V] { return s.Range(ctx, nil, nil) }

// Prefix yields all keys that begin with prefix as Range does.
func (s *Store[V]) Prefix(ctx *Context, prefix []byte) iter.Seq2[[]byte, V] {
	return s.Range(ctx, prefix, prefixEnd(prefix))
}

// prefixEnd is the first key past a prefix: its last byte that can grow, grown; a prefix of 0xFF bytes has none, hence the store's end.
func prefixEnd(prefix []byte) []byte {
	for n := len(prefix) - 1; n >= 0; n-- {
		if prefix[n] != 0xFF {
			return append(append([]byte(nil), prefix[:n]...), prefix[n]+1)
		}
	}
	return nil
}

func (s *Store[V]) slot(ctx *Context) (int, error) {
	place, ok := s.place(&ctx.cache)
	if !ok {
		return 0, s.undeclared()
	}
	return ctx.cache.slotOfRecord(place, &ctx.record)
}

func (s *Store[V]) slotOf(ctx *Context, key []byte) (int, error) {
	place, ok := s.place(&ctx.cache)
	if !ok {
		return 0, s.undeclared()
	}
	if key == nil {
		key = empty
	}
	return ctx.cache.slotOfKey(place, key)
}

func (s *Store[V]) get(slot *slot) (V, bool, error) {
	if slot.value == nil {
		var zero V
		return zero, false, nil
	}
	value, err := s.codec.Decode(slot.value)
	if err != nil {
		return value, false, s.unreadable(slot.key, err)
	}
	return value, true, nil
}

func (s *Store[V]) put(ctx *Context, n int, value V) {
	slot := &ctx.cache.slots[n]
	slot.value, slot.dirty = s.codec.Encode(ctx.cache.buffer(slot), value), true
}

func (s *store) unreadable(key []byte, err error) error {
	quoted := strconv.QuoteToASCII(string(key))
	return Fatal("store `" + s.name + "`, key `" + quoted[1:len(quoted)-1] + "`: " + err.Error())
}

// Codec says how values of one type stand in a store.
type Codec[V any] struct {
	// Decode makes a value of its bytes. It must copy what it keeps of them: a later Put overwrites them.
	Decode func(data []byte) (V, error)
	// Encode appends the bytes of a value. The same value must always give the same bytes.
	Encode func(to []byte, value V) []byte
}

// Numbers are eight bytes, little-endian, as in all languages' SDKs.
var (
	Uint64  = number("uint64", func(bits uint64) uint64 { return bits }, func(value uint64) uint64 { return value })
	Int64   = number("int64", func(bits uint64) int64 { return int64(bits) }, func(value int64) uint64 { return uint64(value) })
	Float64 = number("float64", math.Float64frombits, math.Float64bits)
)

// Text is UTF-8.
var Text = Codec[string]{
	Decode: func(data []byte) (string, error) {
		if !utf8.Valid(data) {
			return "", errors.New("the value is not UTF-8")
		}
		return string(data), nil
	},
	Encode: func(to []byte, value string) []byte { return append(to, value...) },
}

// Bytes are as they are.
var Bytes = Codec[[]byte]{
	Decode: func(data []byte) ([]byte, error) { return append([]byte{}, data...), nil },
	Encode: func(to, value []byte) []byte { return append(to, value...) },
}

func number[V any](name string, decode func(uint64) V, encode func(V) uint64) Codec[V] {
	return Codec[V]{
		Decode: func(data []byte) (V, error) {
			if len(data) != 8 {
				var zero V
				return zero, errors.New("a value of type " + name + " has 8 bytes, this one " + strconv.Itoa(len(data)))
			}
			return decode(binary.LittleEndian.Uint64(data)), nil
		},
		Encode: func(to []byte, value V) []byte { return binary.LittleEndian.AppendUint64(to, encode(value)) },
	}
}
