package main

import (
	"millstream/millstreamtest"
	"testing"
)

func TestRecordComesOutAsItWentIn(t *testing.T) {
	op := millstreamtest.Open(t, "")
	op.Feed(millstreamtest.In("k", "v").At(7).Header("h", "1"), millstreamtest.NullKey("v"), millstreamtest.NullValue("k"))
	out := op.Outputs()
	if out[0].Key != "k" || out[0].Value != "v" || out[0].Timestamp != 7 || out[0].Headers[0] != "h=1" {
		t.Errorf("%+v", out[0])
	}
	if !out[1].KeyIsNull || !out[2].ValueIsNull || out[2].FromRow != 2 {
		t.Errorf("%+v", out[1:])
	}
}
