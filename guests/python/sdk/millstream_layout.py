"""The packing of batches: an index of 40-byte rows and an arena, as `batch` in the WIT says. Nothing else knows it.

A batch is read and written column by column: one call of the interpreter's own C code takes a whole column out of the index, or puts it in, where a loop
over rows would cost a microsecond for each. Columns are views in the machine's byte order, which is the layout's: little-endian. What costs most is to make an
object, a number, too, that is not among the few that the interpreter keeps."""

import struct
from array import array
from io import BytesIO
from itertools import repeat

ROW = struct.Struct("<IIIHHqqII")  # key-end, value-end, headers-end, port, flags, timestamp, offset, partition, key-id
KEY_IS_NULL, VALUE_IS_NULL, HAS_HEADERS = 1, 2, 4
NONE = 0xFFFFFFFF
INHERIT = -(1 << 63)

# Where a column lies: the type of its numbers, and which of a row's numbers of that type it is.
KEY_END, VALUE_END, HEADERS_END, PARTITION, KEY_ID = ("I", 0), ("I", 1), ("I", 2), ("I", 8), ("I", 9)
PORT, FLAGS = ("H", 6), ("H", 7)
TIMESTAMP, OFFSET = ("q", 2), ("q", 3)
# Side by side: one column of twice the width.
KEY_AND_VALUE_END = ("Q", 0)
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
        pieces = _cut(arena, _lengths(column(index, KEY_AND_VALUE_END)))
        return pieces[0::2], pieces[1::2], [b""] * rows
    ends = array("I", [0]) * (rows * 3)
    for n, place in enumerate((KEY_END, VALUE_END, HEADERS_END)):
        memoryview(ends)[n::3] = column(index, place)
    pieces = _cut(arena, _lengths(ends))
    keys, values = pieces[0::3], pieces[1::3]
    for row, flag in enumerate(memoryview(flags).cast("H")):
        if flag & KEY_IS_NULL:
            keys[row] = None
        if flag & VALUE_IS_NULL:
            values[row] = None
    return keys, values, pieces[2::3]


def numbers(index, arena, shape):
    """The values of a batch that are all numbers of eight bytes, `shape` being the letter that `struct` has for them; None: there are others."""
    rows = len(index) // ROW.size
    flags = column(index, FLAGS).tobytes()
    lengths = _lengths(column(index, KEY_AND_VALUE_END))
    if flags.count(0) < len(flags) or lengths[1::2].count(8) < rows:
        return None
    return struct.Struct(f"<{''.join(map(_PASSED_OVER[shape].__getitem__, lengths[0::2]))}").unpack(arena)


class _PassedOver(dict):
    """By the length of a key what `struct` reads a number by that follows it."""

    def __init__(self, shape):
        self.shape = shape

    def __missing__(self, length):
        self[length] = text = f"{length}x{self.shape}"
        return text


_PASSED_OVER = {shape: _PassedOver(shape) for shape in "Qqd"}


def _cut(arena, lengths):
    # A reader that goes on from where it stands is three times as fast as a slice for each piece.
    return list(map(BytesIO(arena).read, lengths))


# Sums and differences of a whole column are those of one long number, in which each has 32 bits of its own: none is below 0 or needs more.


def _lengths(ends):
    """The lengths of pieces that end there, one behind the other."""
    packed = ends.tobytes()
    ends = int.from_bytes(packed, "little")
    lengths = ends - (ends << 32) & (1 << len(packed) * 8) - 1
    return memoryview(lengths.to_bytes(len(packed), "little")).cast("I").tolist()


def _ends(lengths):
    """Where pieces of those lengths end, one behind the other, as an array."""
    bits = len(lengths) * 32
    ends = int.from_bytes(array("I", lengths).tobytes(), "little")
    step = 32
    while step < bits:
        # Each has the sum of so many up to its own; with that of as many before them it has twice as many.
        ends += ends << step
        step *= 2
    return array("I", (ends & (1 << bits) - 1).to_bytes(bits // 8, "little"))


_ROWS = []


def row_numbers(count):
    """The numbers from 0 as a list. They are kept: to make them takes longer."""
    if count > len(_ROWS):
        _ROWS.extend(range(len(_ROWS), count))
    return _ROWS[:count]


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
    pieces = in_turn(columns)
    try:
        lengths = list(map(len, pieces))
    except TypeError:
        # A null among them, or what is no bytes: the latter raises again.
        _flag(index, *columns)
        pieces = [b"" if piece is None else piece for piece in pieces]
        lengths = list(map(len, pieces))
    else:
        if len(columns) == 3:
            _flag(index, *columns)
    ends = _ends(lengths)
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
    return bytes(index), b"".join(pieces)


def in_turn(columns):
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
