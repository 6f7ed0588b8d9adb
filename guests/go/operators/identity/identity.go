// Identity passes every record on as it is: what the boundary costs, and nothing else.
package main

import "millstream"

type identity struct{}

func (identity) Process(record *millstream.Record, ctx *millstream.Context) error {
	ctx.Forward(record)
	return nil
}

func (identity) ProcessBatch(ctx *millstream.Context) error {
	ctx.ForwardAll()
	return nil
}

func init() {
	millstream.Register(millstream.Declaration{
		Name: "identity", Version: "0.1.0",
		Open: func(*millstream.Setup) (millstream.Operator, error) { return identity{}, nil },
	})
}

func main() {}
