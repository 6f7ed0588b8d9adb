package millstream

import (
	"errors"
	"iter"
	"strconv"
	"unicode/utf8"
	"unsafe"
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

// Get is the value of the current record's key, and whether there is one. It was read ahead with the batch. A record without a key is rejected
// ([NoKey]); bytes that are no V stop the job, since the store holds what this code cannot read.
func (s *Store[V]) Get(ctx *Context) (V, bool, error) {
	slot, err := ctx.cache.slotOfRecord(&s.store, &ctx.record)
	if err != nil {
		var zero V
		return zero, false, err
	}
	if s.codec.word && len(slot.value) == wordBytes {
		return *(*V)(unsafe.Pointer(unsafe.SliceData(slot.value))), true, nil
	}
	return s.decode(slot)
}

// Put sets the value of the current record's key. The records that follow see it; it is written back with the batch.
func (s *Store[V]) Put(ctx *Context, value V) error {
	slot, err := ctx.cache.slotOfRecord(&s.store, &ctx.record)
	if err != nil {
		return err
	}
	if s.codec.word && len(slot.value) == wordBytes {
		*(*V)(unsafe.Pointer(unsafe.SliceData(slot.value))) = value
		slot.dirty = true
		return nil
	}
	s.encode(ctx, slot, value)
	return nil
}

// Delete removes the current record's key.
func (s *Store[V]) Delete(ctx *Context) error {
	slot, err := ctx.cache.slotOfRecord(&s.store, &ctx.record)
	if err == nil {
		slot.value, slot.dirty = nil, true
	}
	return err
}

// GetOf is the value of any key. It costs a call to the host unless the key was read ahead or met before in this batch.
func (s *Store[V]) GetOf(ctx *Context, key []byte) (V, bool, error) {
	slot, err := s.slotOf(ctx, key)
	if err != nil {
		var zero V
		return zero, false, err
	}
	return s.decode(slot)
}

// PutOf sets the value of any key.
func (s *Store[V]) PutOf(ctx *Context, key []byte, value V) error {
	slot, err := s.slotOf(ctx, key)
	if err == nil {
		s.encode(ctx, slot, value)
	}
	return err
}

// DeleteOf removes any key.
func (s *Store[V]) DeleteOf(ctx *Context, key []byte) error {
	slot, err := s.slotOf(ctx, key)
	if err == nil {
		slot.value, slot.dirty = nil, true
	}
	return err
}

// Range yields keys from begin (inclusive) to end (exclusive; empty: the store's end) in ascending byte order, with their values. What this call wrote so
// far is seen. Keys are valid until the call ends. A value that cannot be read ends it, and the call fails.
func (s *Store[V]) Range(ctx *Context, begin, end []byte) iter.Seq2[[]byte, V] {
	return func(yield func([]byte, V) bool) {
		place, ok := ctx.cache.place(&s.store)
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

func (s *Store[V]) slotOf(ctx *Context, key []byte) (*slot, error) {
	if key == nil {
		key = empty
	}
	return ctx.cache.slotOfKey(&s.store, key)
}

func (s *Store[V]) decode(slot *slot) (V, bool, error) {
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

func (s *Store[V]) encode(ctx *Context, slot *slot, value V) {
	slot.value, slot.dirty = s.codec.Encode(ctx.cache.buffer(slot), value), true
}

func (s *store) undeclared() error {
	return Fatal("the operator does not declare the store `" + s.name + "`: add it to Stores")
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

	// word: a value is stored as it lies in memory, eight bytes, and need not go through the functions.
	word bool
}

const wordBytes = 8

// Numbers are eight bytes, little-endian, as in all languages' SDKs.
var (
	Uint64  = number[uint64]("uint64")
	Int64   = number[int64]("int64")
	Float64 = number[float64]("float64")
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

func number[V uint64 | int64 | float64](name string) Codec[V] {
	return Codec[V]{
		Decode: func(data []byte) (V, error) {
			if len(data) != wordBytes {
				return 0, errors.New("a value of type " + name + " has 8 bytes, this one " + strconv.Itoa(len(data)))
			}
			return *(*V)(unsafe.Pointer(unsafe.SliceData(data))), nil
		},
		Encode: func(to []byte, value V) []byte { return append(to, (*[wordBytes]byte)(unsafe.Pointer(&value))[:]...) },
		word:   true,
	}
}
