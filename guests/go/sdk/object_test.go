package millstream

import (
	"encoding/json"
	"strings"
	"testing"
)

var objects = []string{
	`{}`, ` { } `, `{"a":1}`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":1,"b":[1,{"c":[]},"]"]}`, `{"a":[1,2}`, `{"a":{"b":1]}`,
	`{"a":"\u00e9\ud83d\ude00\ud800x\"\\\/\b\f\n\r\t"}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"`, `{"a":"\`, `{"a`, `{`, ``, ` `, `[]`, `7`, `null`, `"a"`,
	`{"a":-0.5e+10}`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":1e}`, `{"a":.5}`, `{"a":+1}`, `{"a":0}`, `{"a":truex}`, `{"a":tru}`, `{"a":nul`, `{"a":true}x`,
	"{\"a\":\"\x01\"}", "{\"a\"\n:\t[ 1 , 2\r]}", `{"a":1,"a":2}`, `{"\u0061":3}`, `{"a":[[[[[[]]]]],[]]}`, `{"a":[,1]}`, `{"a":{"b"}}`, `{"a":{"b":1,}}`,
	`{"a":{,}}`, `{"a":[1,]}`, `{"é":"ü"}`, `{"":""}`, `{"a":` + strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000) + `}`,
}

func TestObjectsAreThoseOfEncodingJSON(t *testing.T) {
	var object Object
	for _, text := range objects {
		var known map[string]json.RawMessage
		err := json.Unmarshal([]byte(text), &known)
		sound := err == nil && known != nil
		at, expected := object.parse([]byte(text))
		if (expected == "") != sound {
			t.Errorf("%.60s: at %d expected %q, encoding/json says %v", text, at, expected, err)
		}
		if at > len(text) {
			t.Errorf("%.60s: at %d", text, at)
		}
		for name, raw := range known {
			if sound && string(object.Get(name)) != string(raw) {
				t.Errorf("%.60s: %s is %s", text, name, object.Get(name))
			}
			var value string
			isText := sound && json.Unmarshal(raw, &value) == nil && raw[0] == '"'
			if got, ok := TextOfJSON(raw); ok != isText || string(got) != value {
				t.Errorf("%.60s: %s is the text %q", text, name, got)
			}
		}
	}
}

func TestWhatIsNoObjectIsRejectedWithThePlace(t *testing.T) {
	var object Object
	record := Record{Value: []byte(`{"a": 1; "b": 2}`)}
	reject, _ := record.ValueObject(&object).(*RejectError)
	if reject == nil || reject.Code != BadJSON || reject.Message != "the value: at byte 7 expected `,` or `}`" {
		t.Errorf("%+v", reject)
	}
	record.Value = []byte("{\"\xff\":1}")
	if reject, _ := record.ValueObject(&object).(*RejectError); reject == nil || reject.Code != BadText {
		t.Errorf("%+v", reject)
	}
}

func FuzzObject(f *testing.F) {
	for _, text := range objects {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		record := Record{Value: []byte(text)}
		var object Object
		var known map[string]json.RawMessage
		sound := json.Unmarshal([]byte(text), &known) == nil && known != nil
		err := record.ValueObject(&object)
		reject, _ := err.(*RejectError)
		if reject != nil && reject.Code == BadText {
			return
		}
		if (err == nil) != sound {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
