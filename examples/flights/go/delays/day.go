package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"millstream"
	"strconv"
)

// day is one carrier's day so far.
type day struct {
	Flights, Cancelled uint64
	// Minutes, over those that flew.
	DelaySum, DelayWorst int64
}

// dayCodec: four words of eight bytes, little-endian, as the operator has them in the other languages.
var dayCodec = millstream.Codec[day]{
	Decode: func(data []byte) (day day, err error) {
		_, err = binary.Decode(data, binary.LittleEndian, &day)
		return day, err
	},
	Encode: func(to []byte, day day) []byte {
		// Fails for types without a fixed size only.
		to, _ = binary.Append(to, binary.LittleEndian, day)
		return to
	},
}

func (d *day) add(delay int64, flew bool) {
	d.Flights++
	if !flew {
		d.Cancelled++
		return
	}
	if d.flown() == 1 {
		d.DelayWorst = delay
	}
	d.DelaySum += delay
	d.DelayWorst = max(d.DelayWorst, delay)
}

func (d *day) flown() int64 { return int64(d.Flights - d.Cancelled) }

// mean is rounded half up.
func (d *day) mean() hundredths { return hundredths(floorDiv(200*d.DelaySum+d.flown(), 2*d.flown())) }

// hundredths of a minute.
type hundredths int64

// MarshalJSON writes 29.41, 29.4 and 29.0: always with a fraction, which Go's own float64 leaves out of the last.
func (h hundredths) MarshalJSON() ([]byte, error) {
	text := strconv.AppendFloat(nil, float64(h)/100, 'f', -1, 64)
	if h%100 == 0 {
		text = append(text, ".0"...)
	}
	return text, nil
}

// result is what is emitted of a day. Without a delay nothing flew.
type result struct {
	Airline    *string     `json:"airline"`
	Cancelled  uint64      `json:"cancelled"`
	Day        string      `json:"day"`
	Flights    uint64      `json:"flights"`
	MeanDelay  *hundredths `json:"mean_delay"`
	WorstDelay *int64      `json:"worst_delay"`
}

func (r *result) json() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // no page: an `&` in a name stays one
	err := encoder.Encode(r)
	return bytes.TrimSpace(text.Bytes()), err
}
