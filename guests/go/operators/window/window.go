// Window has tumbling windows: count and sum of the values (whole numbers as text) per key and window of event time.
//
// A window is closed, and its result emitted, when the watermark has passed its end by `lateness_ms`; a record that comes later goes to the port `late` as
// it is. Result: the key, `{"start":…,"end":…,"count":…,"sum":…}`, timestamp the window's last millisecond.
package main

import (
	"encoding/binary"
	"errors"
	"math"
	"millstream"
	"strconv"
	"strings"
)

// Reject codes.
const (
	notANumber = 1
	overflow   = 2
)

type totals struct {
	count uint64
	sum   int64
}

var windows = millstream.NewStore("windows", 1, millstream.Codec[totals]{
	Decode: func(data []byte) (totals, error) {
		if len(data) != 16 {
			return totals{}, errors.New("a window's totals have 16 bytes, these " + strconv.Itoa(len(data)))
		}
		return totals{binary.LittleEndian.Uint64(data), int64(binary.LittleEndian.Uint64(data[8:]))}, nil
	},
	Encode: func(to []byte, t totals) []byte {
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(to, t.count), uint64(t.sum))
	},
})

type window struct {
	SizeMs     int64 `json:"size_ms"`
	LatenessMs int64 `json:"lateness_ms"`

	// Kept from record to record, so that none allocates.
	key, result []byte
}

func open(setup *millstream.Setup) (millstream.Operator, error) {
	op := &window{}
	if err := setup.DecodeConfig(op); err != nil {
		return nil, err
	}
	if op.SizeMs < 1 || op.LatenessMs < 0 {
		return nil, millstream.Fatal("config: `size_ms` must be at least 1, `lateness_ms` at least 0")
	}
	return op, nil
}

// startOf is where the window of a time begins.
func (w *window) startOf(time int64) int64 {
	into := time % w.SizeMs
	if into < 0 {
		into += w.SizeMs
	}
	return time - into
}

// closesAt is when the window that begins at start is closed.
func (w *window) closesAt(start int64) int64 {
	return saturating(saturating(start, w.SizeMs), w.LatenessMs)
}

// saturating adds a number that is not negative; what would exceed 64 bits is the largest.
func saturating(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// stateKey is where a window's totals are: the record's key, then the window's start in eight bytes.
func (w *window) stateKey(key []byte, start int64) []byte {
	w.key = binary.BigEndian.AppendUint64(append(w.key[:0], key...), uint64(start))
	return w.key
}

func (w *window) Process(record *millstream.Record, ctx *millstream.Context) error {
	time, err := record.RequireTime()
	if err != nil {
		return err
	}
	key, err := record.RequireKey()
	if err != nil {
		return err
	}
	text, err := record.ValueText()
	if err != nil {
		return err
	}
	value, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return millstream.Reject(notANumber, "`"+string(text)+"` is no whole number: "+errors.Unwrap(err).Error())
	}
	start := w.startOf(time)
	closesAt := w.closesAt(start)
	if closesAt <= ctx.Watermark() {
		ctx.EmitOut(millstream.Copy(record).To("late"))
		return nil
	}
	stateKey := w.stateKey(key, start)
	t, seen, err := windows.GetOf(ctx, stateKey)
	if err != nil {
		return err
	}
	sum := t.sum + value
	if value > 0 && sum < t.sum || value < 0 && sum > t.sum {
		return millstream.Reject(overflow, "the window's sum exceeds 64 bits")
	}
	if !seen {
		ctx.SetTimer(millstream.Timer{At: closesAt, Key: key, Payload: stateKey[len(key):]})
	}
	return windows.PutOf(ctx, stateKey, totals{t.count + 1, sum})
}

func (w *window) OnTimer(timer *millstream.Timer, ctx *millstream.Context) error {
	if timer.Key == nil || len(timer.Payload) != 8 {
		return millstream.Fatal("a timer that this operator did not set")
	}
	start := int64(binary.BigEndian.Uint64(timer.Payload))
	stateKey := w.stateKey(timer.Key, start)
	t, seen, err := windows.GetOf(ctx, stateKey)
	if err != nil || !seen {
		return err
	}
	end := saturating(start, w.SizeMs)
	w.result = append(strconv.AppendInt(append(w.result[:0], `{"start":`...), start, 10), `,"end":`...)
	w.result = append(strconv.AppendInt(w.result, end, 10), `,"count":`...)
	w.result = append(strconv.AppendUint(w.result, t.count, 10), `,"sum":`...)
	w.result = append(strconv.AppendInt(w.result, t.sum, 10), '}')
	ctx.EmitOut(millstream.NewOut(timer.Key, w.result).At(end - 1))
	return windows.DeleteOf(ctx, stateKey)
}

func (w *window) Prefetch(record *millstream.Record, keys *millstream.Keys) {
	if record.Key != nil && record.Timestamp != millstream.NoTimestamp {
		keys.Want(windows, w.stateKey(record.Key, w.startOf(record.Timestamp)))
	}
}

func (w *window) PrefetchTimer(timer *millstream.Timer, keys *millstream.Keys) {
	w.key = append(append(w.key[:0], timer.Key...), timer.Payload...)
	keys.Want(windows, w.key)
}

func init() {
	millstream.Register(millstream.Declaration{
		Name: "window", Version: "0.1.0", Outputs: []string{"out", "late"}, Stores: []millstream.AnyStore{windows}, Open: open,
	})
}

func main() {}
