// {{name}} counts the records of each key.
package main

import (
	"millstream"
	"strconv"
)

// What is remembered: by key, how many records it had. Kept by the host, and there again after a restart.
var counts = millstream.NewStore("counts", 1, millstream.Uint64)

type counter struct{}

func (counter) Process(record *millstream.Record, ctx *millstream.Context) error {
	count, _, err := counts.Get(ctx)
	if err != nil {
		return err
	}
	count++
	ctx.Emit(record.Key, strconv.AppendUint(nil, count, 10))
	return counts.Put(ctx, count)
}

func init() {
	millstream.Register(millstream.Declaration{
		Name: "{{name}}", Version: "0.1.0", Stores: []millstream.AnyStore{counts},
		Open: func(*millstream.Setup) (millstream.Operator, error) { return counter{}, nil },
	})
}

func main() {}
