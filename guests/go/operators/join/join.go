// Join joins two inputs, `left` and `right`, by key: every pair whose times are at most `within_ms` apart yields one record.
//
// Value: the left value, `separator`, the right value; timestamp: the later of the two. Both sides wait in state and are forgotten, by a timer, when no
// partner can come any more. A record that comes later than that goes to the port `late`.
package main

import (
	"encoding/binary"
	"errors"
	"math"
	"millstream"
)

// noValue is the reject code of a record that has nothing to join.
const noValue = 1

// waiting is one side's record that still waits.
type waiting struct {
	time  int64
	value []byte
}

// waitingCodec keeps the records of a key in the order in which they came: per record time (i64), length (u32), bytes.
var waitingCodec = millstream.Codec[[]waiting]{
	Decode: func(data []byte) ([]waiting, error) {
		rest := append([]byte(nil), data...)
		var all []waiting
		for len(rest) > 0 {
			if len(rest) < 12 {
				return nil, errTorn
			}
			time, length := int64(binary.LittleEndian.Uint64(rest)), uint64(binary.LittleEndian.Uint32(rest[8:]))
			rest = rest[12:]
			if uint64(len(rest)) < length {
				return nil, errTorn
			}
			all = append(all, waiting{time, rest[:length:length]})
			rest = rest[length:]
		}
		return all, nil
	},
	Encode: func(to []byte, all []waiting) []byte {
		for _, one := range all {
			to = binary.LittleEndian.AppendUint64(to, uint64(one.time))
			to = append(binary.LittleEndian.AppendUint32(to, uint32(len(one.value))), one.value...)
		}
		return to
	},
}

var errTorn = errors.New("the waiting records end in the middle of one")

var sides = [2]*millstream.Store[[]waiting]{millstream.NewStore("left", 1, waitingCodec), millstream.NewStore("right", 1, waitingCodec)}

type join struct {
	within    int64
	separator []byte
	// Kept from record to record.
	pair []byte
}

func open(setup *millstream.Setup) (millstream.Operator, error) {
	config := struct {
		WithinMs  *int64 `json:"within_ms"`
		Separator string `json:"separator"`
	}{Separator: "|"}
	if err := setup.DecodeConfig(&config); err != nil {
		return nil, err
	}
	if config.WithinMs == nil {
		return nil, millstream.Fatal("config: missing field `within_ms`")
	}
	if *config.WithinMs < 0 {
		return nil, millstream.Fatal("config: `within_ms` must be at least 0")
	}
	return &join{within: *config.WithinMs, separator: []byte(config.Separator)}, nil
}

// forgottenAt is the watermark from which on no partner can come for a record of that time.
func (j *join) forgottenAt(time int64) int64 {
	if time >= math.MaxInt64-j.within {
		return math.MaxInt64
	}
	return time + j.within + 1
}

func (j *join) Process(record *millstream.Record, ctx *millstream.Context) error {
	time, err := record.RequireTime()
	if err != nil {
		return err
	}
	if record.Value == nil {
		return millstream.Reject(noValue, "a record to join needs a value")
	}
	forgottenAt := j.forgottenAt(time)
	if forgottenAt <= ctx.Watermark() {
		ctx.EmitOut(millstream.Copy(record).To("late"))
		return nil
	}
	partners, _, err := sides[1-record.Port].Get(ctx)
	if err != nil {
		return err
	}
	own, _, err := sides[record.Port].Get(ctx)
	if err != nil {
		return err
	}
	if err := sides[record.Port].Put(ctx, append(own, waiting{time, record.Value})); err != nil {
		return err
	}
	ctx.SetTimer(millstream.Timer{At: forgottenAt, Key: record.Key})
	for _, other := range partners {
		if apart(time, other.time) > uint64(j.within) {
			continue
		}
		left, right := record.Value, other.value
		if record.Port == 1 {
			left, right = right, left
		}
		j.pair = append(append(append(j.pair[:0], left...), j.separator...), right...)
		ctx.EmitOut(millstream.NewOut(record.Key, j.pair).At(max(time, other.time)))
	}
	return nil
}

func apart(a, b int64) uint64 {
	if a < b {
		a, b = b, a
	}
	return uint64(a) - uint64(b)
}

func (j *join) OnTimer(timer *millstream.Timer, ctx *millstream.Context) error {
	for _, side := range sides {
		all, seen, err := side.Get(ctx)
		if err != nil {
			return err
		}
		if !seen {
			continue
		}
		var left []waiting
		for _, one := range all {
			if j.forgottenAt(one.time) > timer.At {
				left = append(left, one)
			}
		}
		if len(left) == 0 {
			err = side.Delete(ctx)
		} else {
			err = side.Put(ctx, left)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func init() {
	millstream.Register(millstream.Declaration{
		Name: "join", Version: "0.1.0", Inputs: []string{"left", "right"}, Outputs: []string{"out", "late"},
		Stores: []millstream.AnyStore{sides[0], sides[1]}, Open: open,
	})
}

func main() {}
