// Filter-map keeps the records whose value contains a text, and changes the value's case.
package main

import (
	"bytes"
	"millstream"
)

type config struct {
	// Keep: records whose value does not contain this are dropped. Empty: all stay.
	Keep string `json:"keep"`
	// Map is what happens to ASCII letters: upper, lower or same.
	Map string `json:"map"`
}

type filterMap struct {
	keep []byte
	// Letters from first to last change their case.
	first, last byte
	// Kept from record to record, so that none allocates.
	mapped []byte
}

func open(setup *millstream.Setup) (millstream.Operator, error) {
	config := config{Map: "upper"}
	if err := setup.DecodeConfig(&config); err != nil {
		return nil, err
	}
	op := &filterMap{keep: []byte(config.Keep)}
	switch config.Map {
	case "upper":
		op.first, op.last = 'a', 'z'
	case "lower":
		op.first, op.last = 'A', 'Z'
	case "same":
		op.first, op.last = 1, 0
	default:
		return nil, millstream.Fatal("config: `map`: unknown variant `" + config.Map + "`, expected one of `upper`, `lower`, `same`")
	}
	return op, nil
}

func (f *filterMap) Process(record *millstream.Record, ctx *millstream.Context) error {
	value, err := record.ValueText()
	if err != nil {
		return err
	}
	if !bytes.Contains(value, f.keep) {
		return nil
	}
	f.mapped = append(f.mapped[:0], value...)
	for n, letter := range f.mapped {
		if f.first <= letter && letter <= f.last {
			f.mapped[n] = letter ^ ('a' ^ 'A')
		}
	}
	ctx.EmitOut(millstream.Copy(record).WithValue(f.mapped))
	return nil
}

func init() {
	millstream.Register(millstream.Declaration{Name: "filter-map", Version: "0.1.0", Open: open})
}

func main() {}
