package main

import (
	"fmt"
	"math"
	"millstream"
	"millstream/millstreamtest"
	"reflect"
	"strings"
	"testing"
)

func left(key, value string, at int64) millstreamtest.Input {
	return millstreamtest.In(key, value).At(at)
}

func right(key, value string, at int64) millstreamtest.Input {
	return left(key, value, at).Port("right")
}

func results(op *millstreamtest.Harness) (results []string) {
	for _, out := range op.Outputs() {
		results = append(results, fmt.Sprintf("%s %s %s at %d", out.Port, out.Key, out.Value, out.Timestamp))
	}
	return results
}

func TestPairsWithinTheTimeAreJoinedWhicheverCameFirst(t *testing.T) {
	op := millstreamtest.Open(t, `{"within_ms": 10}`)
	op.Feed(left("a", "l1", 0), right("a", "r1", 10), right("a", "r2", 11), left("b", "l2", 10), left("a", "l3", 12))
	if out := results(op); !reflect.DeepEqual(out, []string{"out a l1|r1 at 10", "out a l3|r1 at 12", "out a l3|r2 at 12"}) {
		t.Errorf("%q", out)
	}
	if op.Host.Calls.GetMany != 1 || op.Host.Calls.PutMany != 1 {
		t.Errorf("%+v", op.Host.Calls)
	}
}

func TestStateIsCleanedWhenNoPartnerCanCome(t *testing.T) {
	op := millstreamtest.Open(t, `{"within_ms": 10}`)
	op.Feed(left("a", "l1", 0), right("a", "r1", 5))
	op.AdvanceWatermark(11)
	if _, ok := op.Host.State("left", "a"); ok || op.Host.Entries() != 1 {
		t.Errorf("%d entries are left", op.Host.Entries())
	}
	op.Feed(right("a", "too late", 0), left("a", "l2", 5))
	if out := results(op); !reflect.DeepEqual(out, []string{"out a l1|r1 at 5", "late a too late at 0", "out a l2|r1 at 5"}) {
		t.Errorf("%q", out)
	}
	op.AdvanceWatermark(math.MaxInt64)
	if op.Host.Entries() != 0 || op.Host.Timers() != 0 {
		t.Errorf("%d entries and %d timers are left", op.Host.Entries(), op.Host.Timers())
	}
}

func TestRecordWithoutValueTimeOrKeyIsRejected(t *testing.T) {
	op := millstreamtest.Open(t, `{"within_ms": 10}`)
	op.Feed(millstreamtest.NullValue("a").At(1), millstreamtest.In("a", "x"), millstreamtest.NullKey("x").At(1))
	var codes []uint16
	for _, reject := range op.Rejects() {
		codes = append(codes, reject.Code)
	}
	if !reflect.DeepEqual(codes, []uint16{noValue, millstream.NoTime, millstream.NoKey}) {
		t.Errorf("%v", codes)
	}
}

func TestTornStateAndWrongConfigStopTheJob(t *testing.T) {
	for _, torn := range []string{"eleven byte", "\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x07"} {
		if _, err := waitingCodec.Decode([]byte(torn)); err == nil {
			t.Errorf("%q was read", torn)
		}
	}
	for config, expected := range map[string]string{"": "missing field `within_ms`", `{"within_ms": -1}`: "at least 0"} {
		if _, err := millstreamtest.OpenDeclared(t, millstream.Registered(), config); err == nil || !strings.Contains(err.Error(), expected) {
			t.Error(err)
		}
	}
}
