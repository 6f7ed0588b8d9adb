package millstream

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

type vectors struct {
	Valid   []vector `json:"valid"`
	Invalid []vector `json:"invalid"`
}

type vector struct {
	Name, Index, Arena string
	Error              LayoutRule
	Rows               []struct {
		Key, Value *string
		Headers    [][2]*string
		Port       uint16
		Timestamp  int64
		Offset     int64
		Partition  uint32
		KeyID      uint32 `json:"key_id"`
	}
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	text, err := os.ReadFile("../../../tests/vectors/batches.json")
	if os.IsNotExist(err) {
		t.Skip("the shared vectors are in the project's repository only")
	}
	if err != nil {
		t.Fatal(err)
	}
	var all vectors
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Valid) < 10 || len(all.Invalid) < 20 {
		t.Fatalf("vectors are missing: %d valid, %d invalid", len(all.Valid), len(all.Invalid))
	}
	return all
}

func bytesOfHex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// part is a part of a record; nil is null.
func part(t *testing.T, text *string) []byte {
	t.Helper()
	if text == nil {
		return nil
	}
	return append([]byte{}, bytesOfHex(t, *text)...)
}

func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func TestVectorsAreReadAsTheLayoutSays(t *testing.T) {
	for _, v := range readVectors(t).Valid {
		batch, err := ParseBatch(bytesOfHex(t, v.Index), bytesOfHex(t, v.Arena))
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		if batch.Len() != len(v.Rows) {
			t.Fatalf("%s: %d rows", v.Name, batch.Len())
		}
		for n, row := range v.Rows {
			record := batch.At(n)
			if !same(record.Key, part(t, row.Key)) || !same(record.Value, part(t, row.Value)) {
				t.Errorf("%s, row %d: %q %q", v.Name, n, record.Key, record.Value)
			}
			if record.Port != int(row.Port) || record.Timestamp != row.Timestamp || record.Offset != row.Offset || record.Partition != row.Partition ||
				record.keyID != row.KeyID || record.Row() != n {
				t.Errorf("%s, row %d: %+v", v.Name, n, record)
			}
			m := 0
			for name, value := range record.Headers().All() {
				if m >= len(row.Headers) || name != *row.Headers[m][0] || !same(value, part(t, row.Headers[m][1])) {
					t.Fatalf("%s, row %d: header %d is %q = %q", v.Name, n, m, name, value)
				}
				m++
			}
			if m != len(row.Headers) {
				t.Errorf("%s, row %d: %d headers", v.Name, n, m)
			}
		}
	}
}

func TestVectorsAreWrittenAsTheLayoutSays(t *testing.T) {
	var built builder
	for _, v := range readVectors(t).Valid {
		built.reset()
		for _, row := range v.Rows {
			var headers HeadersBuilder
			for _, header := range row.Headers {
				headers.Add(*header[0], part(t, header[1]))
			}
			built.push(part(t, row.Key), part(t, row.Value), headers.packed, fieldsOf(row.Port, row.Timestamp, row.Offset, row.Partition, row.KeyID))
		}
		if hex.EncodeToString(built.Index()) != v.Index || hex.EncodeToString(built.arena) != v.Arena {
			t.Errorf("%s: %x %x", v.Name, built.Index(), built.arena)
		}
	}
}

func fieldsOf(port uint16, timestamp, offset int64, partition, keyID uint32) row {
	return row{port: port, timestamp: timestamp, offset: offset, partition: partition, keyID: keyID}
}

func TestInvalidVectorsAreRefusedByTheRuleTheyBreak(t *testing.T) {
	for _, v := range readVectors(t).Invalid {
		_, err := ParseBatch(bytesOfHex(t, v.Index), bytesOfHex(t, v.Arena))
		layout, ok := err.(*LayoutError)
		if !ok || layout.Rule != v.Error {
			t.Errorf("%s: %v, expected %s", v.Name, err, v.Error)
		}
	}
}

func TestNoCutOfABatchIsReadOutsideOfIt(t *testing.T) {
	for _, v := range readVectors(t).Valid {
		index, arena := bytesOfHex(t, v.Index), bytesOfHex(t, v.Arena)
		for cut := range index {
			if _, err := ParseBatch(index[:cut], arena); err == nil && cut%RowBytes != 0 {
				t.Fatalf("%s: an index of %d bytes was read", v.Name, cut)
			}
		}
		for cut := range arena {
			if _, err := ParseBatch(index, arena[:cut]); err == nil {
				t.Fatalf("%s: an arena of %d bytes was read", v.Name, cut)
			}
		}
	}
}

func TestHeadersAreFoundByTheirLastName(t *testing.T) {
	var b HeadersBuilder
	b.Add("a", []byte("1"))
	b.Add("a", []byte{})
	b.Add("null", nil)
	if value, ok := b.Headers().Last("a"); !ok || value == nil || len(value) != 0 {
		t.Errorf("%q %v", value, ok)
	}
	if value, ok := b.Headers().Last("null"); !ok || value != nil {
		t.Errorf("%q %v", value, ok)
	}
	if _, ok := b.Headers().Last("none"); ok {
		t.Error("a header that is not there")
	}
	for b.Add("n", nil) {
	}
	if !b.Headers().wellFormed() || b.count != 0xFFFF {
		t.Errorf("%d headers", b.count)
	}
}

func TestPrefixEndsWhereTheNextBegins(t *testing.T) {
	for prefix, end := range map[string]string{"ab": "ac", "a\xff": "b", "a\xff\xff": "b", "\xff": "", "": ""} {
		if got := string(prefixEnd([]byte(prefix))); got != end {
			t.Errorf("%q: %q", prefix, got)
		}
	}
}

func TestTableNumbersKeysInOrderOfAppearance(t *testing.T) {
	var table keyTable
	for round := range 3 {
		table.reset(round)
		for n := range uint32(1000) {
			key := []byte{byte(n), byte(n >> 8)}
			if number, isNew := table.number(uint16(n%3), key, nil); number != n || !isNew {
				t.Fatalf("key %d has the number %d", n, number)
			}
			if number, isNew := table.number(uint16(n%3), key, nil); number != n || isNew {
				t.Fatalf("key %d has the number %d when met again", n, number)
			}
		}
	}
}
