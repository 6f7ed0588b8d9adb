"""Makes batches.json: packed batches that every reader and writer of the row layout must agree on. Written from the table in wit/operator.wit alone, with
no line shared with the implementations it tests. `python3 tests/vectors/generate.py` writes the file anew; it is committed.

valid:   index and arena in hex, and the rows that they hold (bytes in hex, null is null).
invalid: index and arena in hex, and `error`, the variant of LayoutError that a checking reader gives.
"""

import json
import os
import struct

NONE = 0xFFFFFFFF
I64_MIN, I64_MAX = -(1 << 63), (1 << 63) - 1


def row(key_end, value_end, headers_end, port=0, flags=0, timestamp=0, offset=0, partition=0, key_id=NONE):
    return struct.pack("<IIIHHqqII", key_end, value_end, headers_end, port, flags, timestamp, offset, partition, key_id)


def headers_of(pairs):
    packed = struct.pack("<H", len(pairs))
    for name, value in pairs:
        name = name.encode()
        packed += struct.pack("<H", len(name)) + name
        packed += struct.pack("<I", NONE) if value is None else struct.pack("<I", len(value)) + value
    return packed


def record(key=b"k", value=b"v", headers=(), port=0, timestamp=0, offset=0, partition=0, key_id=NONE):
    return dict(key=key, value=value, headers=list(headers), port=port, timestamp=timestamp, offset=offset, partition=partition, key_id=key_id)


def valid(name, *records):
    index, arena = b"", b""
    for r in records:
        flags = (1 if r["key"] is None else 0) | (2 if r["value"] is None else 0) | (4 if r["headers"] else 0)
        arena += r["key"] or b""
        key_end = len(arena)
        arena += r["value"] or b""
        value_end = len(arena)
        arena += headers_of(r["headers"]) if r["headers"] else b""
        index += row(key_end, value_end, len(arena), r["port"], flags, r["timestamp"], r["offset"], r["partition"], r["key_id"])
    to_hex = lambda part: None if part is None else part.hex()
    rows = [dict(r, key=to_hex(r["key"]), value=to_hex(r["value"]), headers=[[n, to_hex(v)] for n, v in r["headers"]]) for r in records]
    return {"name": name, "index": index.hex(), "arena": arena.hex(), "rows": rows}


def invalid(name, error, index, arena):
    return {"name": name, "error": error, "index": index.hex(), "arena": arena.hex()}


VALID = [
    valid("no rows"),
    valid("one plain record", record(timestamp=1357034400000, offset=7, partition=3, key_id=0)),
    valid("empty key and value are not null", record(b"", b"")),
    valid("null key", record(key=None)),
    valid("null value: a tombstone", record(value=None)),
    valid("everything null", record(None, None)),
    valid("headers", record(headers=[("a", b"1"), ("a", b""), ("none", None), ("ä", b"\x00\xff"), ("", b"x")])),
    valid("headers of a record that is null otherwise", record(None, None, [("h", b"v")])),
    valid("smallest numbers", record(timestamp=I64_MIN, offset=I64_MIN)),
    valid("largest numbers", record(port=0xFFFF, timestamp=I64_MAX, offset=I64_MAX, partition=NONE, key_id=NONE)),
    valid("many headers", record(headers=[(f"name-{n}", b"%d" % n if n % 3 else None) for n in range(300)])),
    valid("a long key, a long value, a long name", record(bytes(range(256)) * 4, b"v" * 5000, [("n" * 1000, b"w" * 1000)])),
    valid(
        "rows of every kind after one another",
        record(b"a", b"1", key_id=0),
        record(None, b"2", key_id=1),
        record(b"", None, [("h", None)], key_id=2),
        record(b"a", b"", key_id=0, offset=3),
        record(None, None, key_id=1, offset=4),
        record(b"b", b"5", [("h", b"")], port=1, key_id=3, offset=5),
    ),
]

WHOLE = row(1, 2, 2)
HEADER = headers_of([("h", b"v")])
INVALID = [
    invalid("index cut inside a row", "IndexLength", WHOLE[:39], b"kv"),
    invalid("index with a byte too many", "IndexLength", WHOLE + b"\0", b"kv"),
    invalid("value ends before the key", "EndsGoBackwards", row(2, 1, 2), b"kv"),
    invalid("headers end before the value", "EndsGoBackwards", row(1, 2, 1), b"kv"),
    invalid("row begins before the one before has ended", "EndsGoBackwards", WHOLE + row(1, 2, 2), b"kv"),
    invalid("end past the arena", "EndOutsideArena", row(1, 3, 3), b"kv"),
    invalid("ends at the largest number", "EndOutsideArena", row(1, NONE, NONE), b"kv"),
    invalid("arena cut", "EndOutsideArena", WHOLE, b"k"),
    invalid("arena with a byte too many", "ArenaNotUsedUp", WHOLE, b"kvx"),
    invalid("arena without rows", "ArenaNotUsedUp", b"", b"x"),
    invalid("the lowest unknown flag", "UnknownFlags", row(1, 2, 2, flags=8), b"kv"),
    invalid("the highest unknown flag", "UnknownFlags", row(1, 2, 2, flags=0x8000), b"kv"),
    invalid("null key with bytes", "NullWithBytes", row(1, 2, 2, flags=1), b"kv"),
    invalid("null value with bytes", "NullWithBytes", row(1, 2, 2, flags=2), b"kv"),
    invalid("header bytes without the flag", "Headers", row(1, 2, 2 + len(HEADER)), b"kv" + HEADER),
    invalid("the flag without header bytes", "Headers", row(1, 2, 2, flags=4), b"kv"),
    invalid("headers cut", "Headers", row(1, 2, 1 + len(HEADER), flags=4), b"kv" + HEADER[:-1]),
    invalid("headers with a byte too many", "Headers", row(1, 2, 3 + len(HEADER), flags=4), b"kv" + HEADER + b"\0"),
    invalid("header count larger than the headers", "Headers", row(1, 2, 2 + len(HEADER), flags=4), b"kv\2\0" + HEADER[2:]),
    invalid("header name longer than the bytes", "Headers", row(1, 2, 6, flags=4), b"kv\1\0\xff\xff"),
    invalid("header value longer than the bytes", "Headers", row(1, 2, 11, flags=4), b"kv" + HEADER[:5] + b"\xfe\xff\xff\xff"),
]

if __name__ == "__main__":
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "batches.json")
    with open(path, "w") as file:
        json.dump({"valid": VALID, "invalid": INVALID}, file, indent=1, ensure_ascii=False)
        file.write("\n")
