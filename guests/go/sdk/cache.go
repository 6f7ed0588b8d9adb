package millstream

// cache is the state of one batch: read with one call, written back with one call, and in between a list of slots.
//
// A record finds its slot by the number of its key, without hashing where the host gave the numbers. The table of slots is filled only when a key is
// looked up by its bytes. All of it is kept from call to call.
type cache struct {
	stores []named
	// declared are the same stores by address, which is quicker to compare than a name.
	declared []*store
	host     StateHost
	slots    []slot
	// rowIDs are own numbers of the rows' keys, where the host's cannot be used.
	rowIDs []uint32
	// distinct is how many keys the rows have; 0: slots cannot be found by number.
	distinct int
	keys     [][]byte
	numbers  keyTable
	// table has the slots before `tabled`, slot n under the number n.
	table  keyTable
	tabled int
	wanted builder
	writes builder
	room   []byte
	used   int
}

// slot is one key of one store. A value that does not outgrow its capacity is overwritten in place.
type slot struct {
	key []byte
	// value is nil where there is none.
	value []byte
	// place of the store among those declared.
	place uint16
	dirty bool
}

// begin forgets the batch before. What it left unwritten belonged to a failed call.
func (c *cache) begin() {
	c.slots, c.rowIDs, c.keys = c.slots[:0], c.rowIDs[:0], c.keys[:0]
	c.distinct, c.tabled, c.used = 0, 0, 0
	c.table.reset(0)
}

// readRecordKeys reads the rows' distinct keys in every store: slot = place of the store × distinct + number of the key.
func (c *cache) readRecordKeys(input *Batch) error {
	c.numberKeys(input)
	c.distinct = len(c.keys)
	c.wanted.reset()
	for place := range c.stores {
		for _, key := range c.keys {
			c.wanted.ask(key, c.stores[place].number)
			c.slots = append(c.slots, slot{key: key, place: uint16(place)})
		}
	}
	return c.read(0)
}

// numberKeys collects the distinct keys by number. rowIDs stays empty where the host's own numbers can be used: all given, none left out.
func (c *cache) numberKeys(input *Batch) {
	begin := uint32(0)
	arena := input.arena
	if arena == nil {
		arena = empty
	}
	numbered := true
	for n := range input.rows {
		r := &input.rows[n]
		if r.flags&keyIsNull == 0 {
			switch next := uint32(len(c.keys)); {
			case r.keyID == next:
				c.keys = append(c.keys, arena[begin:r.keyEnd:r.keyEnd])
			case r.keyID > next:
				numbered = false
			}
		}
		if !numbered {
			break
		}
		begin = r.headersEnd
	}
	if numbered {
		return
	}
	c.keys = c.keys[:0]
	c.numbers.reset(len(input.rows))
	begin = 0
	for n := range input.rows {
		r := &input.rows[n]
		id := none
		if r.flags&keyIsNull == 0 {
			id, _ = c.numbers.number(0, arena[begin:r.keyEnd:r.keyEnd], nil)
		}
		c.rowIDs = append(c.rowIDs, id)
		begin = r.headersEnd
	}
	for n := range c.numbers.keys {
		c.keys = append(c.keys, c.numbers.keys[n].key)
	}
}

// readNamed reads the keys that [Keys.Want] named.
func (c *cache) readNamed() error {
	c.wanted.reset()
	for n := range c.slots {
		c.wanted.ask(c.slots[n].key, c.stores[c.slots[n].place].number)
	}
	return c.read(0)
}

// read asks the host for the keys in wanted; the answers are the values of the slots from first on.
func (c *cache) read(first int) error {
	if len(c.wanted.rows) == 0 {
		return nil
	}
	found := c.host.GetMany(&c.wanted.Batch)
	if len(found.rows) != len(c.wanted.rows) {
		return Fatal("the host was asked for one number of keys and answered another")
	}
	arena := found.arena
	if arena == nil {
		arena = empty
	}
	for n := range found.rows {
		r := &found.rows[n]
		if r.flags&valueIsNull == 0 {
			// What the host handed over is this call's own, so a value of the same length goes where the old one was.
			c.slots[first+n].value = arena[r.keyEnd:r.valueEnd:r.valueEnd]
		}
	}
	return nil
}

// slotOfRecord is the slot of the record's key.
func (c *cache) slotOfRecord(s *store, record *Record) (*slot, error) {
	if record.Key == nil {
		return nil, errNoKey
	}
	place := int(s.index)
	if c.distinct == 0 || place >= len(c.declared) || c.declared[place] != s {
		return c.slotOfKey(s, record.Key)
	}
	id := record.keyID
	if len(c.rowIDs) > 0 {
		id = c.rowIDs[record.row]
	}
	return &c.slots[place*c.distinct+int(id)], nil
}

// slotOfKey is the slot of any key; the host is asked for one that is not there.
func (c *cache) slotOfKey(s *store, key []byte) (*slot, error) {
	place, ok := c.place(s)
	if !ok {
		return nil, s.undeclared()
	}
	n, isNew := c.slotOrNew(place, key)
	if isNew {
		c.wanted.reset()
		c.wanted.ask(key, c.stores[place].number)
		if err := c.read(n); err != nil {
			return nil, err
		}
	}
	return &c.slots[n], nil
}

// place is that of a store among those declared; not ok: it is not.
func (c *cache) place(s *store) (uint16, bool) {
	if int(s.index) < len(c.declared) && c.declared[s.index] == s {
		return s.index, true
	}
	for n := range c.declared {
		if c.declared[n] == s {
			s.index = uint16(n)
			return s.index, true
		}
	}
	return 0, false
}

func (c *cache) slotOrNew(place uint16, key []byte) (int, bool) {
	for ; c.tabled < len(c.slots); c.tabled++ {
		s := &c.slots[c.tabled]
		c.table.number(s.place, s.key, nil)
	}
	n, isNew := c.table.number(place, key, c.copied)
	if isNew {
		c.slots = append(c.slots, slot{key: c.table.keys[n].key, place: place})
		c.tabled++
	}
	return int(n), isNew
}

func (c *cache) copied(key []byte) []byte { return append(c.alloc(len(key)), key...) }

// alloc is an empty slice with room for so many bytes, valid until the next batch.
func (c *cache) alloc(bytes int) []byte {
	if len(c.room)-c.used < bytes {
		// What lies in the old room keeps it until the batch is over.
		c.room, c.used = make([]byte, max(2*len(c.room), bytes, 4096)), 0
	}
	from := c.used
	c.used += bytes
	return c.room[from:from:c.used]
}

// valueBytesMin is the room that a new value gets to begin with, bytes: numbers fit.
const valueBytesMin = 16

// buffer is where the value of a slot is to be written, from its beginning.
func (c *cache) buffer(s *slot) []byte {
	if cap(s.value) == 0 {
		return c.alloc(valueBytesMin)
	}
	return s.value[:0]
}

// writeBack hands what was written to the host, in one call, in the order in which keys were first met.
func (c *cache) writeBack() {
	c.writes.reset()
	for n := range c.slots {
		s := &c.slots[n]
		if s.dirty {
			s.dirty = false
			c.writes.add(s.key, s.value).ofState(c.stores[s.place].number)
		}
	}
	if len(c.writes.rows) > 0 {
		c.host.PutMany(&c.writes.Batch)
	}
}

// Keys collects the state that an operator wants to have read ahead; see [Prefetcher].
type Keys struct{ cache *cache }

// Want names a key of a store; naming it again costs nothing. A store that is not declared is passed over: using it will say so.
func (k *Keys) Want(store AnyStore, key []byte) {
	if place, ok := k.cache.place(store.declared()); ok {
		k.cache.slotOrNew(place, key)
	}
}
