// Package millstreamtest runs an operator natively, without a component and without a host: feed records, move time, look at what came out.
//
// In a test of the operator's own package, whose init function has registered it:
//
//	func TestEachKeyIsCounted(t *testing.T) {
//		op := millstreamtest.Open(t, "")
//		op.Feed(millstreamtest.In("a", "x"), millstreamtest.In("a", "x"))
//		if out := op.Outputs(); out[1].Value != "2" {
//			t.Error(out)
//		}
//	}
package millstreamtest

import (
	"maps"
	"math"
	"millstream"
	"slices"
	"strings"
	"testing"
)

// Harness is an opened operator with a host of its own: state and timers in maps, time as told.
type Harness struct {
	// Host is what the operator was given and did to it.
	Host *Host
	// NoKeyIDs hands batches over without the numbers of their keys, as the host does with parts of batches.
	NoKeyIDs bool

	t           testing.TB
	declaration *millstream.Declaration
	config      string
	instance    *millstream.Instance
	call        millstream.Call
	offset      int64
	outputs     []Output
	rejects     []millstream.Rejected
}

// Open opens the registered operator with a config as JSON (empty: none), its declared ports and its declared stores. Watermark unknown, now 0, task 0.
// Where that fails, so does the test.
func Open(t testing.TB, config string) *Harness {
	t.Helper()
	if millstream.Registered() == nil {
		t.Fatal("no operator is registered: call millstream.Register in an init function")
	}
	h, err := OpenDeclared(t, millstream.Registered(), config)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// OpenDeclared opens any declared operator; the error is that of its Open.
func OpenDeclared(t testing.TB, declaration *millstream.Declaration, config string) (*Harness, error) {
	h := &Harness{Host: newHost(), t: t, declaration: declaration, config: config}
	h.call.Watermark = math.MinInt64
	return h, h.open()
}

func (h *Harness) open() error {
	setup := &millstream.Setup{Config: []byte(h.config), Inputs: h.inputs(), Outputs: h.declaration.OutputPorts()}
	for _, store := range h.declaration.Stores {
		setup.Stores = append(setup.Stores, store.(interface{ Name() string }).Name())
	}
	h.Host.stores = setup.Stores
	var err error
	h.instance, err = millstream.Open(h.declaration, setup, h.Host, h.Host)
	return err
}

// inputs are the declared ones; an operator that takes any number gets two.
func (h *Harness) inputs() []string {
	if names := h.declaration.InputPorts(); len(names) > 0 {
		return names
	}
	return []string{"in-0", "in-1"}
}

// Reopen replaces the operator by a fresh instance, as the host may at any time. State and timers stay.
func (h *Harness) Reopen() {
	h.t.Helper()
	if err := h.open(); err != nil {
		h.t.Fatal(err)
	}
}

// Feed hands records over as one batch. Where the call fails, so does the test.
func (h *Harness) Feed(records ...Input) {
	h.t.Helper()
	if err := h.Try(records...); err != nil {
		h.t.Fatal(err)
	}
}

// Try hands records over as one batch. After an error, a [millstream.RetryError] or a [millstream.FatalError], nothing of the call is kept.
func (h *Harness) Try(records ...Input) error {
	h.t.Helper()
	batch := h.pack(records)
	effects, err := h.instance.Process(h.call, *batch)
	return h.take(effects, err, batch)
}

// TryBatch hands a packed batch over.
func (h *Harness) TryBatch(batch *millstream.Batch) error {
	h.t.Helper()
	effects, err := h.instance.Process(h.call, *batch)
	return h.take(effects, err, batch)
}

// AdvanceWatermark moves event time on, and fires the event-time timers that are due, in order, until none is left.
func (h *Harness) AdvanceWatermark(watermarkMs int64) {
	h.t.Helper()
	h.call.Watermark = watermarkMs
	h.fire(millstream.EventTime, watermarkMs)
}

// AdvanceNow moves the clock on, and fires the processing-time timers that are due.
func (h *Harness) AdvanceNow(nowMs int64) {
	h.t.Helper()
	h.call.Now = nowMs
	h.fire(millstream.ProcessingTime, nowMs)
}

// Outputs is what was emitted since the last look, in order.
func (h *Harness) Outputs() []Output {
	outputs := h.outputs
	h.outputs = nil
	return outputs
}

// Rejects is what was rejected since the last look; Row numbers the rows of its batch.
func (h *Harness) Rejects() []millstream.Rejected {
	rejects := h.rejects
	h.rejects = nil
	return rejects
}

// Migrate runs rows (key to value) of a store of an older version through the operator; what it keeps of them.
func (h *Harness) Migrate(store string, fromVersion uint32, rows map[string]string) (map[string]string, error) {
	h.t.Helper()
	var p packer
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		p.push([]byte(key), []byte(rows[key]), nil, millstream.RawRow{})
	}
	raw, err := h.instance.Migrate(store, fromVersion, *p.batch())
	if err != nil {
		return nil, err
	}
	kept := map[string]string{}
	for _, record := range all(h.parse(raw)) {
		kept[string(record.Key)] = string(record.Value)
	}
	return kept, nil
}

func (h *Harness) fire(domain millstream.Domain, until int64) {
	h.t.Helper()
	for {
		due := h.Host.takeDue(domain, until)
		if due.Len() == 0 {
			return
		}
		effects, err := h.instance.OnTimer(h.call, *due)
		if err := h.take(effects, err, due); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *Harness) take(effects millstream.Effects, err error, input *millstream.Batch) error {
	h.t.Helper()
	if err != nil {
		h.Host.undo()
		return err
	}
	h.Host.keep()
	for _, timer := range all(h.parse(effects.Timers)) {
		h.Host.setTimer(h.t, timer)
	}
	for _, record := range all(h.parse(effects.Outputs)) {
		if record.Port >= len(h.declaration.OutputPorts()) || record.Offset < 0 || record.Offset >= int64(input.Len()) {
			h.t.Fatalf("an output goes to port %d or was made from row %d, which do not exist", record.Port, record.Offset)
		}
		h.outputs = append(h.outputs, outputOf(record, h.declaration.OutputPorts()[record.Port], input))
	}
	for _, reject := range effects.Rejects {
		if int(reject.Row) >= input.Len() {
			h.t.Fatalf("row %d was rejected, the batch has %d", reject.Row, input.Len())
		}
		h.rejects = append(h.rejects, millstream.Rejected{Row: reject.Row, RejectError: millstream.RejectError{
			Code: reject.Code, Message: strings.Clone(reject.Message),
		}})
	}
	return nil
}

// parse checks what came out, as the host does.
func (h *Harness) parse(raw millstream.Raw) *millstream.Batch {
	h.t.Helper()
	batch, err := millstream.ParseBatch(raw.Index, raw.Arena)
	if err != nil {
		h.t.Fatal(err)
	}
	return batch
}

func all(batch *millstream.Batch) []millstream.Record {
	records := make([]millstream.Record, batch.Len())
	for n := range records {
		records[n] = batch.At(n)
	}
	return records
}
