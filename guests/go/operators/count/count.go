// Count is a keyed count: each record yields its key and how often that key was seen, as text. The value `poison` is rejected.
package main

import (
	"millstream"
	"strconv"
)

// poison is the reject code of a poisoned record.
const poison = 1

var counts = millstream.NewStore("counts", 1, millstream.Uint64)

type count struct {
	// Kept from record to record, so that none allocates.
	digits []byte
}

func (c *count) Process(record *millstream.Record, ctx *millstream.Context) error {
	if string(record.Value) == "poison" {
		return millstream.Reject(poison, "poison")
	}
	seen, _, err := counts.Get(ctx)
	if err != nil {
		return err
	}
	c.digits = strconv.AppendUint(c.digits[:0], seen+1, 10)
	ctx.Emit(record.Key, c.digits)
	return counts.Put(ctx, seen+1)
}

func init() {
	millstream.Register(millstream.Declaration{
		Name: "count", Version: "0.1.0", Stores: []millstream.AnyStore{counts},
		Open: func(*millstream.Setup) (millstream.Operator, error) { return &count{}, nil },
	})
}

func main() {}
