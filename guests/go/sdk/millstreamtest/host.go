package millstreamtest

import (
	"cmp"
	"maps"
	"millstream"
	"slices"
	"testing"
)

// Host is a host in memory: state and timers of one task, and what the operator said.
type Host struct {
	// Logs holds the lines logged, oldest first.
	Logs []Line
	// Counters holds the sums by name.
	Counters map[string]uint64
	// Calls says how often the host was asked.
	Calls Calls
	// PageRows is how many rows a page of a scan has at most; 0: all.
	PageRows int

	stores []string
	state  map[entry]string
	before map[entry]string
	timers map[timer]bool
}

// Line is one log line.
type Line struct {
	Level millstream.Level
	Text  string
}

// Calls counts calls to the host, and the rows it was given to write.
type Calls struct{ GetMany, PutMany, Scan, RowsWritten int }

type entry struct {
	store uint16
	key   string
}

type timer struct {
	domain       millstream.Domain
	at           int64
	keyIsNull    bool
	key, payload string
}

func newHost() *Host {
	return &Host{Counters: map[string]uint64{}, state: map[entry]string{}, timers: map[timer]bool{}}
}

// State is the stored bytes of a key, and whether there are any.
func (h *Host) State(store, key string) (string, bool) {
	value, ok := h.state[entry{h.number(store), key}]
	return value, ok
}

// SetState stores bytes under a key.
func (h *Host) SetState(store, key, value string) { h.state[entry{h.number(store), key}] = value }

// Entries is how many keys all stores have together.
func (h *Host) Entries() int { return len(h.state) }

// Timers is how many timers wait.
func (h *Host) Timers() int { return len(h.timers) }

func (h *Host) number(store string) uint16 {
	n := slices.Index(h.stores, store)
	if n < 0 {
		panic("the operator declares no store `" + store + "`")
	}
	return uint16(n)
}

func (h *Host) keep() { h.before = nil }

func (h *Host) undo() {
	if h.before != nil {
		h.state, h.before = h.before, nil
	}
}

func (h *Host) setTimer(t testing.TB, record millstream.Record) {
	is := timer{millstream.Domain(record.Port) % 2, record.Timestamp, record.Key == nil, string(record.Key), string(record.Value)}
	switch {
	case record.Port > 3:
		t.Fatalf("a timer with the port %d, which means nothing", record.Port)
	case record.Port > 1:
		delete(h.timers, is)
	default:
		h.timers[is] = true
	}
}

// takeDue takes the timers due at or before a time, by time, then key, then payload.
func (h *Host) takeDue(domain millstream.Domain, until int64) *millstream.Batch {
	var due []timer
	for is := range h.timers {
		if is.domain == domain && is.at <= until {
			due = append(due, is)
			delete(h.timers, is)
		}
	}
	slices.SortFunc(due, func(a, b timer) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.key, b.key), cmp.Compare(a.payload, b.payload))
	})
	var p packer
	for _, is := range due {
		key := []byte(is.key)
		if is.keyIsNull {
			key = nil
		}
		p.push(key, []byte(is.payload), nil, millstream.RawRow{Port: uint16(is.domain), Timestamp: is.at, Partition: none, KeyID: none})
	}
	return p.batch()
}

// GetMany implements [millstream.StateHost].
func (h *Host) GetMany(keys *millstream.Batch) millstream.Batch {
	h.Calls.GetMany++
	var p packer
	for n := range keys.Len() {
		key := keys.At(n)
		if key.Key == nil {
			panic("a state key is null")
		}
		var value []byte
		if stored, ok := h.state[entry{uint16(key.Port), string(key.Key)}]; ok {
			value = append([]byte{}, stored...)
		}
		p.push(key.Key, value, nil, millstream.RawRow{Port: uint16(key.Port)})
	}
	return *p.batch()
}

// PutMany implements [millstream.StateHost].
func (h *Host) PutMany(rows *millstream.Batch) {
	h.Calls.PutMany++
	h.Calls.RowsWritten += rows.Len()
	if h.before == nil {
		h.before = maps.Clone(h.state)
	}
	for n := range rows.Len() {
		row := rows.At(n)
		at := entry{uint16(row.Port), string(row.Key)}
		if row.Value == nil {
			delete(h.state, at)
		} else {
			h.state[at] = string(row.Value)
		}
	}
}

// Scan implements [millstream.StateHost].
func (h *Host) Scan(store uint16, begin, end []byte) (millstream.Batch, bool) {
	h.Calls.Scan++
	var keys []string
	for at := range h.state {
		if at.store == store && at.key >= string(begin) && (len(end) == 0 || at.key < string(end)) {
			keys = append(keys, at.key)
		}
	}
	slices.Sort(keys)
	done := true
	if h.PageRows > 0 && len(keys) > h.PageRows {
		keys, done = keys[:h.PageRows], false
	}
	var p packer
	for _, key := range keys {
		p.push([]byte(key), []byte(h.state[entry{store, key}]), nil, millstream.RawRow{Port: store})
	}
	return *p.batch(), done
}

// Log implements [millstream.TelemetryHost].
func (h *Host) Log(level millstream.Level, message string) {
	h.Logs = append(h.Logs, Line{level, message})
}

// Count implements [millstream.TelemetryHost].
func (h *Host) Count(name string, delta uint64) { h.Counters[name] += delta }
