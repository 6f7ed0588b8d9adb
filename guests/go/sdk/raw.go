package millstream

// Raw is a batch as bytes, whether or not it obeys the layout.
type Raw struct{ Index, Arena []byte }

func (b *Batch) raw() Raw { return Raw{bytesOf(b.rows), b.arena} }

// RawRow is one index row, field by field.
type RawRow struct {
	KeyEnd, ValueEnd, HeadersEnd uint32
	Port, Flags                  uint16
	Timestamp, Offset            int64
	Partition, KeyID             uint32
}

// RawIndex is the bytes of rows.
func RawIndex(rows ...RawRow) []byte {
	index := make([]row, len(rows))
	for n, r := range rows {
		index[n] = row{r.KeyEnd, r.ValueEnd, r.HeadersEnd, r.Port, r.Flags, r.Timestamp, r.Offset, r.Partition, r.KeyID}
	}
	return bytesOf(index)
}

// ReturnRaw returns bytes as they are in place of what was emitted (outputs) or set (timers); nil leaves it. For operators that test a host.
func (c *Context) ReturnRaw(outputs, timers *Raw) {
	if outputs != nil {
		c.rawOutputs = outputs
	}
	if timers != nil {
		c.rawTimers = timers
	}
}

// RejectRow rejects any row, even one that the batch does not have. For operators that test a host.
func (c *Context) RejectRow(row uint32, code uint16, message string) {
	c.rejects = append(c.rejects, Rejected{row, RejectError{code, message}})
}
