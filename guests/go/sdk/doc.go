// Package millstream is the SDK for operators in Go. It needs nothing but the standard library.
//
// An operator is a type with a Process method; an init function registers it, and `millstream build` makes a component of the package. The operator
// performs nothing itself: what it emits, rejects, sets or writes takes effect when the host commits, together with the input's position.
//
// A keyed count, whole:
//
//	package main
//
//	import (
//		"millstream"
//		"strconv"
//	)
//
//	var counts = millstream.NewStore("counts", 1, millstream.Uint64)
//
//	type count struct{}
//
//	func (*count) Process(record *millstream.Record, ctx *millstream.Context) error {
//		seen, _, err := counts.Get(ctx)
//		if err != nil {
//			return err
//		}
//		ctx.Emit(record.Key, strconv.AppendUint(nil, seen+1, 10))
//		return counts.Put(ctx, seen+1)
//	}
//
//	func init() {
//		millstream.Register(millstream.Declaration{
//			Name: "count", Version: "0.1.0", Stores: []millstream.AnyStore{counts},
//			Open: func(*millstream.Setup) (millstream.Operator, error) { return &count{}, nil },
//		})
//	}
//
//	func main() {}
//
// The same package runs natively, which is how to test it: see package millstreamtest.
//
// # What an operator may rely on
//
//   - Records of one task come in order, one call at a time. A fresh instance may take over between any two calls (recycling, a trap, a swap, a restart),
//     so what must last goes into a [Store] or a timer; a field of the operator is a cache at best.
//   - State is read once per batch, for the records' distinct keys, and written back once; in between, what a record writes the next one reads.
//   - There is no clock, no randomness, no file, no network: time is [Context.Now] and [Context.Watermark]. The same input gives the same bytes.
//   - What a record did before it was rejected stands; what a call did before it failed or trapped does not.
//   - nil is null, and an empty slice is not: a record with a nil value is a tombstone.
//   - Bytes that the SDK hands out (keys, values, headers) lie in the call's memory, which the next call uses again. Copy what is to be kept.
package millstream
