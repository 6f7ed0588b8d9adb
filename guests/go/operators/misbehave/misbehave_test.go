package main

import (
	"millstream"
	"millstream/millstreamtest"
	"testing"
)

func TestWhatIsNoOrderIsPassedOn(t *testing.T) {
	op := millstreamtest.Open(t, "")
	for _, value := range []string{"fine", "reject:7", "panic:x", "tiny:2", "forgetful"} {
		op.Feed(millstreamtest.In("k", value))
	}
	values := ""
	for _, out := range op.Outputs() {
		values += out.Value + ","
	}
	if values != "fine,panic:x,,,5," || op.Rejects()[0].Code != 7 {
		t.Error(values)
	}
}

func TestFailuresEndTheCall(t *testing.T) {
	op := millstreamtest.Open(t, "")
	for order, expected := range map[string]string{"retry": "told to retry", "fatal": "told to fail"} {
		if err := op.Try(millstreamtest.In("k", order)); err == nil || err.Error() != expected {
			t.Error(err)
		}
	}
	for _, config := range []string{`{"open": "fatal"}`, `{"open": "what"}`} {
		if _, err := millstreamtest.OpenDeclared(t, millstream.Registered(), config); err == nil {
			t.Errorf("opened with %s", config)
		}
	}
}

func TestPanicsOnTheValuesOfItsConfig(t *testing.T) {
	defer func() {
		if reason := recover(); reason != "told to panic on `b`" {
			t.Error(reason)
		}
	}()
	millstreamtest.Open(t, `{"panic-on": ["b"]}`).Feed(millstreamtest.In("k", "b"))
}
