// enrich, in Go: adds the day of the week, from the record's event time, UTC.
package main

import (
	"encoding/json"
	"millstream"
	"time"
)

type flight struct {
	Delay *int   `json:"delay,omitempty"`
	Score string `json:"score"`
	Day   string `json:"day"`
}

type enrich struct{}

func (enrich) Process(record *millstream.Record, ctx *millstream.Context) error {
	var flight flight
	if err := record.ValueJSON(&flight); err != nil {
		return err
	}
	ms, err := record.RequireTime()
	if err != nil {
		return err
	}
	flight.Day = time.UnixMilli(ms).UTC().Weekday().String()
	value, err := json.Marshal(flight)
	if err != nil {
		return err
	}
	ctx.Emit(record.Key, value)
	return nil
}

func init() {
	millstream.Register(millstream.Declaration{
		Name: "enrich", Version: "0.1.0",
		Open: func(*millstream.Setup) (millstream.Operator, error) { return enrich{}, nil },
	})
}

func main() {}
