package main

import (
	"millstream"
	"millstream/millstreamtest"
	"strings"
	"testing"
)

func TestKeptRecordsAreMappedAndOthersVanish(t *testing.T) {
	op := millstreamtest.Open(t, `{"keep": "mill"}`)
	op.Feed(millstreamtest.In("a", "windmill"), millstreamtest.In("b", "wind"), millstreamtest.In("c", "mill é"))
	out := op.Outputs()
	if len(out) != 2 || out[0].Value != "WINDMILL" || out[1].Value != "MILL é" || out[1].FromRow != 2 {
		t.Errorf("%+v", out)
	}
	op = millstreamtest.Open(t, `{"map": "lower"}`)
	op.Feed(millstreamtest.In("a", "@AZ[`az{"))
	if out := op.Outputs(); out[0].Value != "@az[`az{" {
		t.Errorf("%+v", out)
	}
}

func TestWrongConfigIsRefusedWithItsField(t *testing.T) {
	_, err := millstreamtest.OpenDeclared(t, millstream.Registered(), `{"map": "title"}`)
	if err == nil || !strings.Contains(err.Error(), "`map`: unknown variant `title`") {
		t.Error(err)
	}
}
