package main

import (
	"millstream"
	"millstream/millstreamtest"
	"testing"
)

func TestEachKeyIsCountedOnItsOwnAcrossInstances(t *testing.T) {
	op := millstreamtest.Open(t, "")
	op.Feed(millstreamtest.In("a", "x"), millstreamtest.In("b", "x"), millstreamtest.In("a", "poison"), millstreamtest.In("a", ""))
	op.Reopen()
	op.Feed(millstreamtest.In("a", "x"), millstreamtest.NullValue("a"))
	seen := ""
	for _, out := range op.Outputs() {
		seen += out.Key + out.Value + " "
	}
	if seen != "a1 b1 a2 a3 a4 " {
		t.Error(seen)
	}
	if rejects := op.Rejects(); len(rejects) != 1 || rejects[0].Row != 2 || rejects[0].Code != poison || rejects[0].Message != "poison" {
		t.Errorf("%+v", rejects)
	}
}

func TestRecordWithoutAKeyIsRejected(t *testing.T) {
	op := millstreamtest.Open(t, "")
	op.Feed(millstreamtest.NullKey("x"), millstreamtest.In("", "x"))
	if op.Rejects()[0].Code != millstream.NoKey || len(op.Outputs()) != 1 {
		t.Error("the empty key is a key, null is none")
	}
}
