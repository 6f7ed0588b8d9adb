package millstream

import (
	"bytes"
	"hash/maphash"
)

// keyTable numbers keys of stores in order of appearance: an open hash table of numbers, kept from batch to batch.
type keyTable struct {
	// cells hold number + 1, 0 where they are free; their count is a power of two, at least twice the keys'.
	cells []uint32
	keys  []tableKey
}

type tableKey struct {
	key   []byte
	hash  uint64
	store uint16
}

// The seed decides where keys lie in the table, never in which order they come out.
var seed = maphash.MakeSeed()

// reset empties the table, with room for so many keys.
func (t *keyTable) reset(keys int) {
	t.keys = t.keys[:0]
	cells := 16
	for cells < 2*keys {
		cells *= 2
	}
	t.free(cells)
}

// free makes so many cells, all free.
func (t *keyTable) free(cells int) {
	if cells > cap(t.cells) {
		t.cells = make([]uint32, cells)
		return
	}
	t.cells = t.cells[:cells]
	clear(t.cells)
}

// number is that of a key, and whether the key is new. The table keeps the slice, unless it is new and `copied` is given to make a copy.
func (t *keyTable) number(store uint16, key []byte, copied func([]byte) []byte) (uint32, bool) {
	hash := maphash.Bytes(seed, key) + uint64(store)*0x9E3779B97F4A7C15
	mask := uint64(len(t.cells) - 1)
	at := (hash ^ hash>>32) & mask
	for t.cells[at] != 0 {
		known := &t.keys[t.cells[at]-1]
		if known.hash == hash && known.store == store && bytes.Equal(known.key, key) {
			return t.cells[at] - 1, false
		}
		at = (at + 1) & mask
	}
	if copied != nil {
		key = copied(key)
	}
	t.keys = append(t.keys, tableKey{key, hash, store})
	t.cells[at] = uint32(len(t.keys))
	if 2*len(t.keys) > len(t.cells) {
		t.grow()
	}
	return uint32(len(t.keys) - 1), true
}

func (t *keyTable) grow() {
	t.free(2 * len(t.cells))
	mask := uint64(len(t.cells) - 1)
	for n := range t.keys {
		hash := t.keys[n].hash
		at := (hash ^ hash>>32) & mask
		for t.cells[at] != 0 {
			at = (at + 1) & mask
		}
		t.cells[at] = uint32(n + 1)
	}
}
