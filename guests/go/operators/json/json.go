// Json keeps the JSON records whose field equals a value, and of those the fields named, in that order; it may make one field the key.
package main

import (
	"bytes"
	"encoding/json"
	"millstream"
	"reflect"
	"strconv"
)

type config struct {
	// Only: only records that have this; none: all.
	Only *struct {
		Field  string          `json:"field"`
		Equals json.RawMessage `json:"equals"`
	} `json:"only"`
	// Select names the fields to keep, in order; those that a record lacks are left out. Empty: the value stays as it is.
	Select []string `json:"select"`
	// Key is the field whose text becomes the key.
	Key *string `json:"key"`
}

type project struct {
	config
	equals any
	// names of Select as they stand in the output: quoted, with a colon.
	names [][]byte
	// Kept from record to record.
	object millstream.Object
	value  []byte
}

func open(setup *millstream.Setup) (millstream.Operator, error) {
	op := &project{}
	if err := setup.DecodeConfig(&op.config); err != nil {
		return nil, err
	}
	if op.Only != nil {
		if op.Only.Field == "" || op.Only.Equals == nil {
			return nil, millstream.Fatal("config: `only` needs `field` and `equals`")
		}
		op.equals = decoded(op.Only.Equals)
	}
	for _, field := range op.Select {
		quoted, err := json.Marshal(field)
		if err != nil {
			return nil, err
		}
		op.names = append(op.names, append(quoted, ':'))
	}
	return op, nil
}

func (p *project) Process(record *millstream.Record, ctx *millstream.Context) error {
	if err := record.ValueObject(&p.object); err != nil {
		return err
	}
	if p.Only != nil {
		raw := p.object.Get(p.Only.Field)
		if raw == nil || !p.matches(raw) {
			return nil
		}
	}
	out := millstream.Copy(record)
	if p.Key != nil {
		raw := p.object.Get(*p.Key)
		if raw == nil {
			return millstream.Reject(millstream.BadJSON, "the value has no field `"+*p.Key+"`")
		}
		out = out.WithKey(asText(raw))
	}
	if len(p.names) > 0 {
		p.value = p.value[:0]
		for n, field := range p.Select {
			raw := p.object.Get(field)
			if raw == nil {
				continue
			}
			separator := byte(',')
			if len(p.value) == 0 {
				separator = '{'
			}
			p.value = append(append(append(p.value, separator), p.names[n]...), raw...)
		}
		if len(p.value) == 0 {
			p.value = append(p.value, '{')
		}
		p.value = append(p.value, '}')
		out = out.WithValue(p.value)
	}
	ctx.EmitOut(out)
	return nil
}

// matches says whether a value's text is that of `only`: most often both are strings.
func (p *project) matches(raw []byte) bool {
	if text, isText := p.equals.(string); isText {
		other, isText := millstream.TextOfJSON(raw)
		return isText && string(other) == text
	}
	return reflect.DeepEqual(decoded(raw), p.equals)
}

// decoded is a value to compare: whole numbers are numbers of their own kind.
func decoded(raw json.RawMessage) any {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return nil
	}
	return exact(value)
}

func exact(value any) any {
	switch v := value.(type) {
	case json.Number:
		if whole, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return whole
		}
		if number, err := v.Float64(); err == nil {
			return number
		}
	case []any:
		for n := range v {
			v[n] = exact(v[n])
		}
	case map[string]any:
		for name := range v {
			v[name] = exact(v[name])
		}
	}
	return value
}

// asText is the text of a string, and JSON of anything else, without spaces.
func asText(raw json.RawMessage) []byte {
	if text, isText := millstream.TextOfJSON(raw); isText {
		return text
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return raw
	}
	return compact.Bytes()
}

func init() {
	millstream.Register(millstream.Declaration{Name: "json", Version: "0.1.0", Open: open})
}

func main() {}
