// Misbehave misbehaves on demand, to test hosts: a record's value is the order, `name` or `name:number`; whatever is no order is passed on.
//
//	panic                     panics (with a text, which the SDK logs)
//	nil, index, exit          a nil pointer, an index out of range, os.Exit
//	goroutine, deadlock       a panic where nobody recovers, waiting for nobody
//	loop                      never returns
//	memory                    allocates and touches memory without end
//	recurse                   recurses without end
//	bad-length, bad-ends, bad-arena, bad-flags, bad-port, bad-row, bad-headers, bad-overlap    break a rule of the layout
//	bad-timer                 asks for a timer with a port that means nothing
//	bad-reject                rejects a row that the batch does not have
//	huge:n                    emits n records of 1 MiB (default 1,024)
//	tiny:n                    emits n empty records (default 1,000,000)
//	timers:n                  sets n timers (default 1,000,000)
//	storm:n                   calls the host n times (default 10,000,000)
//	logs:n                    logs n messages of 8 KiB (default 131,072: 1 GiB)
//	counters:n                counts under n different names (default 10,000)
//	long-key:n                writes a state key of n bytes (default 1 MiB)
//	long-value:n              writes a state value of n bytes (default 64 MiB)
//	many-keys:n               writes n state keys (default 1,000,000)
//	forgetful                 emits how many records this instance has seen: what an operator must not do
//	reject:n, retry, fatal    rejects with code n (default 1), fails for now, fails for good
//
// Config: `open` = `panic`, `loop`, `memory` or `fatal`, done while opening; `panic-on` = values at which to panic, for traps in the middle of a batch;
// `on-timer` = an order for when a timer fires (`later` as a value sets one at the record's time).
package main

import (
	"bytes"
	"encoding/binary"
	"millstream"
	"os"
	"slices"
	"strconv"
	"strings"
)

const mib = 1 << 20

var state = millstream.NewStore("state", 1, millstream.Bytes)

type misbehave struct {
	Open    *string  `json:"open"`
	PanicOn []string `json:"panic-on"`
	Timer   *string  `json:"on-timer"`

	seen int
}

func open(setup *millstream.Setup) (millstream.Operator, error) {
	op := &misbehave{}
	if err := setup.DecodeConfig(op); err != nil {
		return nil, err
	}
	if op.Open == nil {
		return op, nil
	}
	switch *op.Open {
	case "panic":
		panic("told to panic while opening")
	case "loop":
		spin()
	case "memory":
		eatMemory()
	case "fatal":
		return nil, millstream.Fatal("told to fail while opening")
	}
	return nil, millstream.Fatal("config: `open`: unknown order `" + *op.Open + "`")
}

func (m *misbehave) Process(record *millstream.Record, ctx *millstream.Context) error {
	m.seen++
	value := string(record.Value)
	if slices.Contains(m.PanicOn, value) {
		panic("told to panic on `" + value + "`")
	}
	switch value {
	case "forgetful":
		ctx.EmitOut(millstream.Copy(record).WithValue(strconv.AppendInt(nil, int64(m.seen), 10)))
		return nil
	case "later":
		at, err := record.RequireTime()
		if err != nil {
			return err
		}
		ctx.SetTimer(millstream.Timer{At: at, Key: record.Key, Payload: []byte("later")})
		return nil
	}
	if isOrder, err := obey(value, record.Row(), ctx); isOrder {
		return err
	}
	ctx.Forward(record)
	return nil
}

func (m *misbehave) OnTimer(timer *millstream.Timer, ctx *millstream.Context) error {
	if m.Timer != nil {
		if isOrder, err := obey(*m.Timer, 0, ctx); isOrder {
			return err
		}
	}
	ctx.Emit(timer.Key, timer.Payload)
	return nil
}

// obey carries out an order, and says whether it is one.
func obey(order string, row int, ctx *millstream.Context) (bool, error) {
	name, number, numbered := strings.Cut(order, ":")
	given, err := strconv.Atoi(number)
	if numbered && err != nil {
		return false, nil
	}
	n := func(otherwise int) int {
		if numbered {
			return given
		}
		return otherwise
	}
	switch name {
	case "panic":
		panic("told to panic")
	case "nil":
		var nobody *misbehave
		nobody.seen++
	case "index":
		_ = order[n(1_000_000)]
	case "exit":
		os.Exit(3)
	case "goroutine":
		go panic("told to panic in a goroutine")
		<-make(chan int)
	case "deadlock":
		<-make(chan int)
	case "loop":
		spin()
	case "memory":
		eatMemory()
	case "recurse":
		sink = recurse(1)
	case "huge":
		emitMany(n(1024), bytes.Repeat([]byte("x"), mib), ctx)
	case "tiny":
		emitMany(n(1_000_000), []byte{}, ctx)
	case "timers":
		for at := range int64(n(1_000_000)) {
			ctx.SetTimer(millstream.Timer{At: at})
		}
	case "storm":
		for range n(10_000_000) {
			ctx.Count("storm", 1)
		}
	case "logs":
		message := strings.Repeat("flood ", 8192/6)
		for range n(131_072) {
			ctx.Log(millstream.LevelInfo, message)
		}
	case "counters":
		for one := range n(10_000) {
			ctx.Count("counter-"+strconv.Itoa(one), 1)
		}
	case "long-key":
		return true, state.PutOf(ctx, bytes.Repeat([]byte("k"), n(mib)), []byte{})
	case "long-value":
		return true, state.PutOf(ctx, []byte("k"), bytes.Repeat([]byte("v"), n(64*mib)))
	case "many-keys":
		for key := range uint64(n(1_000_000)) {
			if err := state.PutOf(ctx, binary.BigEndian.AppendUint64(nil, key), []byte("v")); err != nil {
				return true, err
			}
		}
	case "reject":
		return true, millstream.Reject(uint16(n(1)), "told to reject")
	case "retry":
		return true, millstream.Retry("told to retry")
	case "fatal":
		return true, millstream.Fatal("told to fail")
	default:
		return breakRule(name, row, ctx), nil
	}
	return true, nil
}

func emitMany(n int, value []byte, ctx *millstream.Context) {
	for range n {
		ctx.Emit(nil, value)
	}
}

// sink keeps what is computed from being optimised away.
var sink int

func spin() {
	for {
		sink++
	}
}

func eatMemory() {
	var eaten [][]byte
	for {
		eaten = append(eaten, bytes.Repeat([]byte{1}, mib))
		sink += len(eaten)
	}
}

func recurse(depth int) int { return recurse(depth+1) + depth }

func init() {
	millstream.Register(millstream.Declaration{
		Name: "misbehave", Version: "0.1.0", Inputs: millstream.AnyInputs, Stores: []millstream.AnyStore{state}, NoPrefetch: true, Open: open,
	})
}

func main() {}
