package main

import (
	"millstream/millstreamtest"
	"testing"
)

func TestEachKeyIsCountedOnItsOwn(t *testing.T) {
	op := millstreamtest.Open(t, "")
	op.Feed(millstreamtest.In("ann", "hello"), millstreamtest.In("bob", "hi"), millstreamtest.In("ann", "bye"))
	values := ""
	for _, out := range op.Outputs() {
		values += out.Value + " "
	}
	if values != "1 1 2 " {
		t.Error(values)
	}
}
