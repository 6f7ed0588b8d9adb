"""The packing of batches: an index of 40-byte rows and an arena, as `batch` in the WIT says. Nothing else knows it.

A batch is read and written column by column: one call of the interpreter's own C code takes a whole column out of the index, or puts it in, where a loop
over rows would cost a microsecond for each. Columns are views in the machine's byte order, which is the layout's: little-endian."""

import struct
from array import array
from io import BytesIO
from itertools import accumulate, chain, repeat
from operator import sub

ROW = struct.Struct("<IIIHHqqII")  # key-end, value-end, headers-end, port, flags, timestamp, offset, partition, key-id
KEY_IS_NULL, VALUE_IS_NULL, HAS_HEADERS = 1, 2, 4
NONE = 0xFFFFFFFF
INHERIT = -(1 << 63)

# Where a column lies: the type of its numbers, and which of a row's numbers of that type it is.
KEY_END, VALUE_END, HEADERS_END, PARTITION, KEY_ID = ("I", 0), ("I", 1), ("I", 2), ("I", 8), ("I", 9)
PORT, FLAGS = ("H", 6), ("H", 7)
TIMESTAMP, OFFSET = ("q", 2), ("q", 3)
PER_ROW = {"H": 20, "I": 10, "Q": 5, "q": 5}

_NOTHING = ROW.pack(0, 0, 0, 0, 0, INHERIT, 0, NONE, NONE)


def column(index, place):
    """A view of one column; assign an array of the same type to `[:]` to set it."""
    kind, first = place
    return memoryview(index).cast(kind)[first :: PER_ROW[kind]]


def parts(index, arena):
    """Keys, values and headers of a batch's rows, as three lists."""
    rows = len(index) // ROW.size
    flags = column(index, FLAGS).tobytes()
    if flags.count(0) == len(flags):
        # Key-end and value-end lie side by side: one column of twice the width.
        ends = memoryview(column(index, ("Q", 0)).tobytes()).cast("I").tolist()
        pieces = _cut(arena, ends)
        return pieces[0::2], pieces[1::2], [b""] * rows
    ends = [0] * (rows * 3)
    for n, place in enumerate((KEY_END, VALUE_END, HEADERS_END)):
        ends[n::3] = column(index, place).tolist()
    pieces = _cut(arena, ends)
    keys, values = pieces[0::3], pieces[1::3]
    for row, flag in enumerate(memoryview(flags).cast("H")):
        if flag & KEY_IS_NULL:
            keys[row] = None
        if flag & VALUE_IS_NULL:
            values[row] = None
    return keys, values, pieces[2::3]


def _cut(arena, ends):
    # A reader that goes on from where it stands is three times as fast as a slice for each piece.
    return list(map(BytesIO(arena).read, map(sub, ends, chain((0,), ends))))


def unpack(index, arena):
    """Rows of a batch as (key, value, headers, port, timestamp, offset, partition)."""
    return list(zip(*parts(index, arena), *(column(index, place).tolist() for place in (PORT, TIMESTAMP, OFFSET, PARTITION))))


def pack(rows):
    """Index and arena of rows as (key, value, headers, port, timestamp, offset, partition)."""
    return pack_columns(*([row[n] for row in rows] for n in range(7)))


def pack_columns(keys, values=None, headers=None, ports=0, timestamps=None, offsets=None, partitions=None):
    """Index and arena of rows that are given as columns; `ports` may be one for all rows. What is None is the same in all: a null value, no headers, INHERIT,
    offset 0, partition NONE."""
    rows = len(keys)
    index = bytearray(_NOTHING * rows)
    columns = [keys]
    if values is None:
        column(index, FLAGS)[:] = array("H", [VALUE_IS_NULL]) * rows
    else:
        columns.append(values)
        if headers is not None and any(headers):
            columns.append(headers)
    try:
        lengths = list(map(len, _in_turn(columns)))
    except TypeError:
        # A null among them, or what is no bytes: the latter raises again.
        _flag(index, *columns)
        columns = [[b"" if part is None else part for part in column] for column in columns]
        lengths = list(map(len, _in_turn(columns)))
    else:
        if len(columns) == 3:
            _flag(index, *columns)
    ends = array("I", list(accumulate(lengths)))
    last = len(columns) - 1
    for n, place in enumerate((KEY_END, VALUE_END, HEADERS_END)):
        column(index, place)[:] = ends[min(n, last) :: len(columns)]
    if ports:
        column(index, PORT)[:] = array("H", ports if isinstance(ports, list) else [ports] * rows)
    if timestamps is not None and timestamps.count(INHERIT) < rows:
        column(index, TIMESTAMP)[:] = array("q", timestamps)
    if offsets is not None:
        column(index, OFFSET)[:] = array("q", offsets)
    if partitions is not None and partitions.count(NONE) < rows:
        column(index, PARTITION)[:] = array("I", partitions)
    return bytes(index), b"".join(_in_turn(columns))


def _in_turn(columns):
    """The parts of rows as they follow one another in the arena."""
    pieces = [None] * (len(columns) * len(columns[0]))
    for n, one in enumerate(columns):
        pieces[n :: len(columns)] = one
    return pieces


def _flag(index, keys, values=repeat(None), headers=repeat(b"")):
    flags = [(key is None) + (value is None) * VALUE_IS_NULL + bool(packed) * HAS_HEADERS for key, value, packed in zip(keys, values, headers)]
    column(index, FLAGS)[:] = array("H", flags)


def forwarded(index, port):
    """The index of a batch that goes out as it came in, to one port: the arena stays."""
    rows = len(index) // ROW.size
    index = bytearray(index)
    for place, number in ((PORT, port), (PARTITION, NONE), (KEY_ID, NONE)):
        column(index, place)[:] = array(place[0], [number]) * rows
    column(index, OFFSET)[:] = array("q", range(rows))
    return bytes(index)


def joined(batches):
    """One batch of several, each an index and an arena."""
    if len(batches) == 1:
        return batches[0]
    indexes = []
    begin = 0
    for index, arena in batches:
        index = bytearray(index)
        for place in (KEY_END, VALUE_END, HEADERS_END):
            ends = column(index, place)
            ends[:] = array("I", [begin + end for end in ends])
        indexes.append(index)
        begin += len(arena)
    return b"".join(indexes), b"".join(arena for _, arena in batches)


def unpack_headers(packed):
    if not packed:
        return []
    headers = []
    at = 2
    for _ in range(int.from_bytes(packed[:2], "little")):
        name_end = at + 2 + int.from_bytes(packed[at : at + 2], "little")
        length = int.from_bytes(packed[name_end : name_end + 4], "little")
        name = packed[at + 2 : name_end].decode(errors="replace")
        at = name_end + 4
        if length == NONE:
            headers.append((name, None))
        else:
            headers.append((name, packed[at : at + length]))
            at += length
    return headers


def pack_headers(headers):
    if not headers:
        return b""
    parts = [len(headers).to_bytes(2, "little")]
    for name, value in headers:
        name = name.encode()
        parts += [len(name).to_bytes(2, "little"), name]
        parts += [NONE.to_bytes(4, "little")] if value is None else [len(value).to_bytes(4, "little"), value]
    return b"".join(parts)


def prefix_end(prefix):
    """The first key past all that begin with `prefix`; empty: there is none."""
    head = prefix.rstrip(b"\xff")
    return head[:-1] + bytes([head[-1] + 1]) if head else b""
