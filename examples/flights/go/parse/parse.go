// parse, in Go: CSV rows of the flights and of the airlines → records keyed by carrier. A flight's event time is its scheduled departure, UTC.
package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"millstream"
	"regexp"
	"strconv"
	"time"
)

// Reject codes.
const (
	wrongColumns = 1
	wrongTime    = 2
	wrongDelay   = 3
	wrongCarrier = 4
)

// A table has so many columns, and makes a record of a row of them.
type table struct {
	columns int
	record  func(row []string) (millstream.Out, error)
}

var tables = map[string]table{"flights": {19, flight}, "airlines": {2, airline}}

type parse struct{ table }

func open(setup *millstream.Setup) (millstream.Operator, error) {
	var config struct {
		Table string `json:"table"`
	}
	if err := setup.DecodeConfig(&config); err != nil {
		return nil, err
	}
	table, known := tables[config.Table]
	if !known {
		return nil, millstream.Fatal(fmt.Sprintf("config: `table` is %q, expected flights or airlines", config.Table))
	}
	return parse{table}, nil
}

func (p parse) Process(record *millstream.Record, ctx *millstream.Context) error {
	value, err := record.ValueText()
	if err != nil {
		return err
	}
	row, err := columns(value)
	if err != nil {
		return err
	}
	if len(row) != p.columns {
		return millstream.Reject(wrongColumns, fmt.Sprintf("a row of %d columns, where %d were expected", len(row), p.columns))
	}
	out, err := p.record(row)
	if err != nil {
		return err
	}
	ctx.EmitOut(out)
	return nil
}

func columns(row []byte) ([]string, error) {
	reader := csv.NewReader(bytes.NewReader(row))
	reader.FieldsPerRecord = -1 // any number: how many there must be is the table's
	reader.LazyQuotes = true
	columns, err := reader.Read()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, millstream.Reject(wrongColumns, err.Error())
	}
	return columns, nil
}

func airline(row []string) (millstream.Out, error) {
	carrier, err := carrier(row[0])
	return millstream.NewOut(carrier, []byte(row[1])), err
}

func flight(row []string) (millstream.Out, error) {
	var none millstream.Out
	carrier, err := carrier(row[9])
	if err != nil {
		return none, err
	}
	hour, err := time.Parse(time.RFC3339, row[18])
	if err != nil {
		return none, millstream.Reject(wrongTime, fmt.Sprintf("time_hour %q is no time such as 2013-01-01T10:00:00Z", row[18]))
	}
	minute, err := strconv.Atoi(row[17])
	if err != nil || minute < 0 || minute > 59 {
		return none, millstream.Reject(wrongTime, fmt.Sprintf("minute %q is none of 0 to 59", row[17]))
	}
	delay, err := delay(row[5])
	if err != nil {
		return none, err
	}
	return millstream.NewOut(carrier, delay).At(hour.UnixMilli() + int64(minute)*60_000), nil
}

var code = regexp.MustCompile("^[A-Z0-9]{2}$")

func carrier(text string) ([]byte, error) {
	if !code.MatchString(text) {
		return nil, millstream.Reject(wrongCarrier, fmt.Sprintf("%q is no carrier's code", text))
	}
	return []byte(text), nil
}

func delay(text string) ([]byte, error) {
	// A cancelled flight has no departure, hence no delay.
	if text == "NA" {
		return []byte("null"), nil
	}
	minutes, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return nil, millstream.Reject(wrongDelay, fmt.Sprintf("dep_delay %q is no whole number", text))
	}
	return strconv.AppendInt(nil, minutes, 10), nil
}

func init() {
	millstream.Register(millstream.Declaration{Name: "parse", Version: "0.1.0", Open: open})
}

func main() {}
