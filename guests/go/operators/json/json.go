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
	value []byte
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
	text, err := record.ValueText()
	if err != nil {
		return err
	}
	var object map[string]json.RawMessage
	if err := record.ValueJSON(&object); err != nil {
		return err
	}
	if object == nil {
		return millstream.Reject(millstream.BadJSON, "the value: found `"+string(text)+"`, expected an object")
	}
	if p.Only != nil {
		raw, ok := object[p.Only.Field]
		if !ok || !reflect.DeepEqual(decoded(raw), p.equals) {
			return nil
		}
	}
	out := millstream.Copy(record)
	if p.Key != nil {
		raw, ok := object[*p.Key]
		if !ok {
			return millstream.Reject(millstream.BadJSON, "the value has no field `"+*p.Key+"`")
		}
		out = out.WithKey(asText(raw))
	}
	if len(p.names) > 0 {
		p.value = p.value[:0]
		for n, field := range p.Select {
			raw, ok := object[field]
			if !ok {
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
	var text string
	if raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return []byte(text)
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
