package millstream

import "iter"

// Context is what an operator sees of the world during one call, and what it asks for.
//
// It stands at one record (or due timer) at a time: outputs, rejects and keyed state belong to that one. Methods that emit have no result: a mistake, such
// as a port that was not declared, fails the call once the record is done.
type Context struct {
	call      Call
	input     Batch
	record    Record
	timer     Timer
	ports     []named
	cache     cache
	telemetry TelemetryHost
	outputs   builder
	timers    builder
	rejects   []Rejected
	// err is the first failure that had no way to be returned.
	err error
	// See ReturnRaw.
	rawOutputs, rawTimers *Raw
}

// begin forgets the call before.
func (c *Context) begin(call Call, input Batch) {
	c.call, c.input, c.err, c.rawOutputs, c.rawTimers = call, input, nil, nil, nil
	c.outputs.reset()
	c.timers.reset()
	c.rejects = c.rejects[:0]
}

// Watermark is event time, ms since 1970 UTC: no earlier record is expected. The smallest int64: not known yet; the largest: the input has ended.
func (c *Context) Watermark() int64 { return c.call.Watermark }

// Now is processing time, ms since 1970 UTC, the same for the whole call.
func (c *Context) Now() int64 { return c.call.Now }

// Task is the number of the task: the partition number of its inputs.
func (c *Context) Task() uint32 { return c.call.Task }

// Input is the call's batch: records, or due timers.
func (c *Context) Input() *Batch { return &c.input }

// Records yields the batch's records in order, and makes each the current one. It is one Record, filled in anew for each.
func (c *Context) Records() iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		begin := uint32(0)
		for n := range c.input.rows {
			begin = c.input.read(n, begin, &c.record)
			if !yield(&c.record) {
				return
			}
		}
	}
}

// Emit emits a record of key and value to the first output port, with the current record's timestamp, to the partition of its key. nil is null.
func (c *Context) Emit(key, value []byte) {
	if len(c.ports) == 0 {
		c.noPort("")
		return
	}
	r := c.outputs.add(key, value)
	r.port, r.timestamp, r.offset, r.partition, r.keyID = c.ports[0].number, NoTimestamp, int64(c.record.row), none, none
}

// Forward emits a copy of a record: key, value and headers.
func (c *Context) Forward(record *Record) {
	if len(c.ports) == 0 {
		c.noPort("")
		return
	}
	c.outputs.push(record.Key, record.Value, record.packed, c.fields(c.ports[0].number))
}

// EmitOut emits a record of which more is said than key and value.
func (c *Context) EmitOut(out Out) {
	port, ok := c.port(out.port)
	if !ok {
		c.noPort(out.port)
		return
	}
	fields := c.fields(port)
	fields.timestamp, fields.partition = out.timestamp, out.partition
	c.outputs.push(out.key, out.value, out.headers, fields)
}

// ForwardAll emits all records of the batch as they are, to the first port: the fast path of what passes on everything.
func (c *Context) ForwardAll() {
	if len(c.ports) == 0 {
		c.noPort("")
		return
	}
	base := uint32(len(c.outputs.arena))
	first := len(c.outputs.rows)
	c.outputs.arena = append(c.outputs.arena, c.input.arena...)
	c.outputs.rows = append(c.outputs.rows, c.input.rows...)
	added := c.outputs.rows[first:]
	port := c.ports[0].number
	for n := range added {
		r := &added[n]
		r.keyEnd, r.valueEnd, r.headersEnd = r.keyEnd+base, r.valueEnd+base, r.headersEnd+base
		r.port, r.offset, r.partition, r.keyID = port, int64(n), none, none
	}
}

// fields are those of an output of the current record.
func (c *Context) fields(port uint16) row {
	return row{port: port, timestamp: NoTimestamp, offset: int64(c.record.row), partition: none, keyID: none}
}

func (c *Context) port(name string) (uint16, bool) {
	for n := range c.ports {
		if name == "" || c.ports[n].name == name {
			return c.ports[n].number, true
		}
	}
	return 0, false
}

func (c *Context) noPort(name string) {
	if name == "" {
		c.fail(Fatal("the operator emits, but declares no output port: add one to Outputs"))
		return
	}
	c.fail(Fatal("the operator declares no output port `" + name + "`: add it to Outputs"))
}

// fail notes the first failure of the call.
func (c *Context) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// Reject rejects the current record, in ProcessBatch; elsewhere return [Reject]. Each record at most once.
func (c *Context) Reject(code uint16, message string) {
	c.rejects = append(c.rejects, Rejected{c.record.row, RejectError{code, message}})
}

// SetTimer sets a timer. Use the record's key where the timer is to see the record's state.
func (c *Context) SetTimer(timer Timer) { c.pushTimer(timer, timer.Domain) }

// DeleteTimer deletes the timer with the same domain, time, key and payload, if there is one.
func (c *Context) DeleteTimer(timer Timer) { c.pushTimer(timer, timer.Domain+deleting) }

func (c *Context) pushTimer(timer Timer, port Domain) {
	payload := timer.Payload
	if payload == nil {
		payload = empty
	}
	c.timers.push(timer.Key, payload, nil, row{port: uint16(port), timestamp: timer.At, offset: int64(c.record.row), partition: none, keyID: none})
}

// Log says something to whoever runs the job. Rate-limited by the host; at most 8 KiB are kept.
func (c *Context) Log(level Level, message string) { c.telemetry.Log(level, message) }

// Count adds to a counter; at most 64 names per operator, 128 bytes each.
func (c *Context) Count(name string, delta uint64) { c.telemetry.Count(name, delta) }

// settle takes what handling the current record came to: notes a reject, passes a failure on.
func (c *Context) settle(err error) error {
	reject, failed := outcome(err)
	switch {
	case failed != nil:
		return failed
	case c.err != nil:
		return c.err
	case reject != nil:
		c.rejects = append(c.rejects, Rejected{c.record.row, *reject})
	}
	return nil
}

// effects hands over what was asked for.
func (c *Context) effects() Effects {
	effects := Effects{c.outputs.raw(), c.timers.raw(), c.rejects}
	if c.rawOutputs != nil {
		effects.Outputs = *c.rawOutputs
	}
	if c.rawTimers != nil {
		effects.Timers = *c.rawTimers
	}
	return effects
}
