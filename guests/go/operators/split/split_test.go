package main

import (
	"fmt"
	"millstream/millstreamtest"
	"testing"
)

func TestEachWordBecomesARecordMadeFromItsLine(t *testing.T) {
	op := millstreamtest.Open(t, "")
	op.Feed(millstreamtest.NullKey("The mill, the stream."), millstreamtest.NullKey(" ,"), millstreamtest.NullKey("Öl 42").At(9))
	words := ""
	for _, out := range op.Outputs() {
		words += fmt.Sprint(out.FromRow, out.Key, out.Key == out.Value, " ")
	}
	if words != "0thetrue 0milltrue 0thetrue 0streamtrue 2öltrue 242true " {
		t.Error(words)
	}
}
