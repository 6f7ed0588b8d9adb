package main

import "millstream"

// breakRule returns results that break the rule that the order names; false: it names none.
func breakRule(order string, row int, ctx *millstream.Context) bool {
	const none = 0xFFFFFFFF
	// A row with key `k` and value `v`.
	good := millstream.RawRow{KeyEnd: 1, ValueEnd: 2, HeadersEnd: 2, Timestamp: millstream.NoTimestamp, Offset: int64(row), Partition: none, KeyID: none}
	bad, rows, arena := good, []millstream.RawRow(nil), "kv"
	switch order {
	case "bad-timer":
		bad.Port = 9
		ctx.ReturnRaw(nil, &millstream.Raw{Index: millstream.RawIndex(bad), Arena: []byte(arena)})
		return true
	case "bad-reject":
		ctx.RejectRow(none, 1, "")
		return true
	case "bad-length":
		ctx.ReturnRaw(&millstream.Raw{Index: millstream.RawIndex(good)[:39], Arena: []byte(arena)}, nil)
		return true
	case "bad-ends":
		bad.KeyEnd, bad.ValueEnd = 2, 1
	case "bad-arena":
		bad.ValueEnd, bad.HeadersEnd = none, none
	case "bad-flags":
		bad.Flags = 0x8000
	case "bad-port":
		bad.Port = 7
	case "bad-row":
		bad.Offset = -1
	case "bad-headers":
		bad.Flags, bad.HeadersEnd, arena = 4, 4, "kv\xff\xff"
	case "bad-overlap":
		// The second row begins before the first ends.
		rows = append(rows, good)
	default:
		return false
	}
	rows = append(rows, bad)
	ctx.ReturnRaw(&millstream.Raw{Index: millstream.RawIndex(rows...), Arena: []byte(arena)}, nil)
	return true
}
