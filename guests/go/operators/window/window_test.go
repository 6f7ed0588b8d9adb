package main

import (
	"fmt"
	"math"
	"millstream"
	"millstream/millstreamtest"
	"reflect"
	"testing"
)

func windowed(t *testing.T, latenessMs int) *millstreamtest.Harness {
	t.Helper()
	return millstreamtest.Open(t, fmt.Sprintf(`{"size_ms": 100, "lateness_ms": %d}`, latenessMs))
}

func result(key string, start, count, sum int) string {
	return fmt.Sprintf(`out %s {"start":%d,"end":%d,"count":%d,"sum":%d} at %d`, key, start, start+100, count, sum, start+99)
}

func results(op *millstreamtest.Harness) (results []string) {
	for _, out := range op.Outputs() {
		results = append(results, fmt.Sprintf("%s %s %s at %d", out.Port, out.Key, out.Value, out.Timestamp))
	}
	return results
}

func TestWindowIsEmittedWhenTheWatermarkPassesItsEnd(t *testing.T) {
	op := windowed(t, 0)
	op.Feed(millstreamtest.In("a", "1").At(0), millstreamtest.In("a", "2").At(99), millstreamtest.In("a", "5").At(100), millstreamtest.In("b", "-7").At(-1))
	op.AdvanceWatermark(99)
	if out := results(op); !reflect.DeepEqual(out, []string{result("b", -100, 1, -7)}) {
		t.Errorf("%q", out)
	}
	op.Reopen()
	op.AdvanceWatermark(math.MaxInt64)
	if out := results(op); !reflect.DeepEqual(out, []string{result("a", 0, 2, 3), result("a", 100, 1, 5)}) {
		t.Errorf("%q", out)
	}
	if op.Host.Entries() != 0 || op.Host.Timers() != 0 {
		t.Errorf("%d entries and %d timers are left", op.Host.Entries(), op.Host.Timers())
	}
}

func TestLateRecordCountsWithinTheLatenessAndGoesToLateAfter(t *testing.T) {
	op := windowed(t, 50)
	op.Feed(millstreamtest.In("a", "1").At(10))
	op.AdvanceWatermark(149)
	op.Feed(millstreamtest.In("a", "2").At(20))
	op.AdvanceWatermark(150)
	op.Feed(millstreamtest.In("a", "4").At(30))
	if out := results(op); !reflect.DeepEqual(out, []string{result("a", 0, 2, 3), "late a 4 at 30"}) {
		t.Errorf("%q", out)
	}
}

func TestBatchReadsAndWritesItsWindowsOnce(t *testing.T) {
	op := windowed(t, 0)
	op.Feed(millstreamtest.In("a", "1").At(0), millstreamtest.In("b", "1").At(0), millstreamtest.In("a", "1").At(150), millstreamtest.In("a", "1").At(1))
	op.AdvanceWatermark(math.MaxInt64)
	if op.Host.Calls.GetMany != 2 || op.Host.Calls.PutMany != 2 {
		t.Errorf("%+v", op.Host.Calls)
	}
}

func TestWhatCannotBeCountedIsRejected(t *testing.T) {
	op := windowed(t, 0)
	largest := fmt.Sprint(math.MaxInt64)
	op.Feed(millstreamtest.In("a", "x").At(0), millstreamtest.In("a", "1"), millstreamtest.In("a", largest).At(0), millstreamtest.In("a", "1").At(0),
		millstreamtest.NullKey("1").At(0))
	codes := map[uint32]uint16{}
	for _, reject := range op.Rejects() {
		codes[reject.Row] = reject.Code
	}
	if !reflect.DeepEqual(codes, map[uint32]uint16{0: notANumber, 1: millstream.NoTime, 3: overflow, 4: millstream.NoKey}) {
		t.Errorf("%v", codes)
	}
}
