// delays, in Go: flights per carrier and UTC day: how many, how many cancelled, mean and worst departure delay; with the airline's name from the second input.
//
// A day is emitted when the watermark has passed its end by `lateness_ms`; a flight that comes later is rejected, so nothing is lost silently.
package main

import (
	"encoding/binary"
	"fmt"
	"millstream"
	"slices"
	"strconv"
	"time"
)

const (
	dayMs = 86_400_000
	// Port of the airlines' names.
	namesPort = 1
	// Reject codes.
	late       = 1
	wrongDelay = 2
)

var (
	days  = millstream.NewStore("days", 1, dayCodec)
	names = millstream.NewStore("names", 1, millstream.Text)
)

type delays struct {
	LatenessMs int64 `json:"lateness_ms"`
}

func open(setup *millstream.Setup) (millstream.Operator, error) {
	op := &delays{}
	if err := setup.DecodeConfig(op); err != nil {
		return nil, err
	}
	op.LatenessMs = max(op.LatenessMs, 0)
	return op, nil
}

func (d *delays) Process(record *millstream.Record, ctx *millstream.Context) error {
	carrier, err := record.RequireKey()
	if err != nil {
		return err
	}
	if record.Port == namesPort {
		name, err := record.ValueText()
		if err != nil {
			return err
		}
		return names.PutOf(ctx, carrier, string(name))
	}
	ms, err := record.RequireTime()
	if err != nil {
		return err
	}
	number := dayOf(ms)
	closesAt := (number+1)*dayMs + d.LatenessMs
	if closesAt <= ctx.Watermark() {
		return millstream.Reject(late, "the flight's day is closed: it came later than the watermark allows")
	}
	text, err := record.ValueText()
	if err != nil {
		return err
	}
	delay, flew, err := delayOf(string(text))
	if err != nil {
		return err
	}
	key := stateKey(carrier, number)
	day, known, err := days.GetOf(ctx, key)
	if err != nil {
		return err
	}
	if !known {
		ctx.SetTimer(millstream.Timer{At: closesAt, Key: carrier, Payload: key[len(carrier):]})
	}
	day.add(delay, flew)
	return days.PutOf(ctx, key, day)
}

func (d *delays) OnTimer(timer *millstream.Timer, ctx *millstream.Context) error {
	if timer.Key == nil || len(timer.Payload) != 8 {
		return millstream.Fatal("a timer that this operator did not set")
	}
	number := int64(binary.BigEndian.Uint64(timer.Payload))
	key := stateKey(timer.Key, number)
	day, known, err := days.GetOf(ctx, key)
	if err != nil || !known {
		return err
	}
	if err := days.DeleteOf(ctx, key); err != nil {
		return err
	}
	name, named, err := names.GetOf(ctx, timer.Key)
	if err != nil {
		return err
	}
	result := result{Cancelled: day.Cancelled, Day: time.UnixMilli(number * dayMs).UTC().Format(time.DateOnly), Flights: day.Flights}
	if named {
		result.Airline = &name
	}
	if day.flown() > 0 {
		mean := day.mean()
		result.MeanDelay, result.WorstDelay = &mean, &day.DelayWorst
	}
	value, err := result.json()
	if err != nil {
		return millstream.Fatal(err.Error())
	}
	ctx.EmitOut(millstream.NewOut(timer.Key, value).At((number+1)*dayMs - 1))
	return nil
}

func (d *delays) Prefetch(record *millstream.Record, keys *millstream.Keys) {
	if record.Key != nil && record.Timestamp != millstream.NoTimestamp {
		keys.Want(days, stateKey(record.Key, dayOf(record.Timestamp)))
	}
}

func (d *delays) PrefetchTimer(timer *millstream.Timer, keys *millstream.Keys) {
	keys.Want(days, slices.Concat(timer.Key, timer.Payload))
	keys.Want(names, timer.Key)
}

// delayOf is a delay in minutes, and whether the flight flew at all.
func delayOf(text string) (delay int64, flew bool, err error) {
	if text == "null" {
		return 0, false, nil
	}
	delay, err = strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, false, millstream.Reject(wrongDelay, fmt.Sprintf("%q is no delay in minutes", text))
	}
	return delay, true, nil
}

func dayOf(ms int64) int64 { return floorDiv(ms, dayMs) }

// stateKey is where a carrier's day is: its code, then the day's number in eight bytes.
func stateKey(carrier []byte, day int64) []byte {
	// Clipped, so that a copy is made: the carrier is the record's.
	return binary.BigEndian.AppendUint64(slices.Clip(carrier), uint64(day))
}

// floorDiv rounds down where Go's division rounds towards zero.
func floorDiv(a, b int64) int64 {
	if a%b < 0 {
		return a/b - 1
	}
	return a / b
}

func init() {
	millstream.Register(millstream.Declaration{
		Name: "delays", Version: "0.1.0", Inputs: []string{"flights", "names"}, Stores: []millstream.AnyStore{days, names}, Open: open,
	})
}

func main() {}
