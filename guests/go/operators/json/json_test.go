package main

import (
	"millstream/millstreamtest"
	"testing"
)

func TestMatchingRecordsKeepTheChosenFieldsInOrder(t *testing.T) {
	op := millstreamtest.Open(t, `{"only": {"field": "o", "equals": "JFK"}, "select": ["n", "o", "gone"], "key": "n"}`)
	op.Feed(millstreamtest.In("k", `{"o":"JFK","x":[1, 2],"n":7}`), millstreamtest.In("k", `{"o":"EWR"}`), millstreamtest.In("k", `{"n":1}`))
	if out := op.Outputs(); len(out) != 1 || out[0].Key != "7" || out[0].Value != `{"n":7,"o":"JFK"}` {
		t.Errorf("%+v", out)
	}
}

func TestBrokenJSONIsRejectedAndTheRestGoesOn(t *testing.T) {
	op := millstreamtest.Open(t, "")
	op.Feed(millstreamtest.In("k", "{"), millstreamtest.In("k", `{"a":1}`), millstreamtest.In("k", "7"), millstreamtest.In("k", "null"))
	rejects := op.Rejects()
	if len(rejects) != 3 || rejects[0].Row != 0 || rejects[1].Row != 2 || rejects[2].Row != 3 || op.Outputs()[0].Value != `{"a":1}` {
		t.Errorf("%+v", rejects)
	}
}
