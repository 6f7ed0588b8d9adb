"""Keyed state: stores, how values stand in them, and what one call has read and written so far."""

import json
import struct
from operator import add

from millstream_layout import ROW, in_turn, numbers, pack_columns, parts
from millstream_outcome import Fatal


class Codec:
    """How values of one type stand in a store.

    `immutable`: the type of values that nobody can change and that come back as they went, such as `int` or `tuple`. They are decoded once a batch, instead of
    at every `get`; None: there is no such type."""

    def __init__(self, decode, encode, immutable=None):
        self.decode = decode
        self.encode = encode
        self.immutable = immutable

    def decode_all(self, values):
        """Many values at once, None where there is none. None instead of a list: they are to be decoded one by one, as they are asked for."""
        return None if any(value is not None for value in values) else values

    def decode_batch(self, index, arena):
        """The same from the host's answer. None: its values are to be taken out first."""
        return None

    def encode_all(self, values):
        """Many values at once."""
        return list(map(self.encode, values))


class _Bytes(Codec):
    def decode_all(self, values):
        return values


class _Number(Codec):
    """Eight bytes, little-endian; `shape` is the letter that `struct` has for it."""

    def __init__(self, name, shape, immutable):
        packing = struct.Struct("<" + shape)

        def decode(value):
            if len(value) != 8:
                raise ValueError(f"a {name} has 8 bytes, this value {len(value)}")
            return packing.unpack(value)[0]

        super().__init__(decode, packing.pack, immutable)
        self.shape = shape

    def decode_batch(self, index, arena):
        return numbers(index, arena, self.shape)

    def encode_all(self, values):
        packed = struct.pack(f"<{len(values)}{self.shape}", *values)
        return [packed[at : at + 8] for at in range(0, len(packed), 8)]

    def decode_all(self, values):
        found = [value for value in values if value is not None]
        if not set(map(len, found)) <= {8}:
            return None
        numbers = memoryview(b"".join(found)).cast(self.shape).tolist()
        if len(found) == len(values):
            return numbers
        rest = iter(numbers)
        return [None if value is None else next(rest) for value in values]


def no_constant(text):
    raise ValueError(f"JSON has no {text}")


U64 = _Number("u64", "Q", int)
I64 = _Number("i64", "q", int)
F64 = _Number("f64", "d", float)
TEXT = Codec(lambda value: value.decode(), str.encode, str)
BYTES = _Bytes(bytes, bytes, bytes)
JSON = Codec(
    lambda value: json.loads(value, parse_constant=no_constant),
    lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(),
)


class Store:
    """A declared store: key to value, one value per key and task. Raise `version` with the values' format, and implement `migrate`."""

    def __init__(self, name, codec=BYTES, version=1):
        self.name = name
        self.codec = codec
        self.version = version
        self.number = 0  # as the host counts; set at open


class Kept:
    """What a call knows of one store. All are by key."""

    __slots__ = ("store", "encode", "immutable", "decoded", "stored", "written", "answer")

    def __init__(self, store):
        self.store = store
        self.encode = store.codec.encode
        self.immutable = store.codec.immutable
        # Values that were decoded, or put, and cannot change; None: there is none.
        self.decoded = {}
        # Values as the host gave them; None: there is none.
        self.stored = {}
        # Values to write as they will stand; None: to delete.
        self.written = {}
        # Keys that the host was asked for, and the index of its answer, where the values were all numbers of eight bytes.
        self.answer = None, None

    def rows(self):
        """What was written as index and arena."""
        keys, values = list(self.written), list(self.written.values())
        asked, index = self.answer
        if keys == asked and all(values):
            # All that was read was written: the lengths are those of the answer.
            return index, b"".join(in_turn([keys, values]))
        return pack_columns(keys, values, ports=self.store.number)


class State:
    """What one call has read and written so far: read with one call to the host, written back with another."""

    def __init__(self, host):
        self.host = host
        self.kept = {}

    def __getitem__(self, store):
        kept = self.kept.get(store)
        if kept is None:
            kept = self.kept[store] = Kept(store)
        return kept

    def find(self, store, key):
        """A value that is not at hand decoded; None: there is none."""
        kept = self[store]
        if key in kept.decoded:
            return kept.decoded[key]
        if key in kept.written:
            value = kept.written[key]
        else:
            if key not in kept.stored:
                self.read([(store, [key])])
                return self.find(store, key)
            value = kept.stored[key]
        if value is None:
            return None
        try:
            value = store.codec.decode(value)
        except ValueError as e:
            raise Fatal(f"store `{store.name}`, key `{key.decode(errors='backslashreplace')}`: {e}") from None
        if type(value) is kept.immutable:
            kept.decoded[key] = value
        return value

    def put(self, store, key, value):
        kept = self[store]
        if value is None:
            kept.written[key] = kept.decoded[key] = None
            return
        kept.written[key] = kept.encode(value)
        if type(value) is kept.immutable:
            kept.decoded[key] = value
        else:
            kept.decoded.pop(key, None)

    def accumulate(self, store, records, values, function, initial):
        """What `Context.accumulate` says."""
        kept = self[store]
        keys, changed = records.keys, records.distinct_keys()
        if not all(keys) and None in keys:
            raise ValueError("a record has no key: see `require_keys`")
        known = kept.decoded
        if not all(map(known.__contains__, changed)):
            self.look_up(kept, changed)
        if kept.immutable is None:
            return [self.change(store, key, value, function or add, initial) for key, value in zip(keys, values, strict=True)]
        totals = []
        append = totals.append
        try:
            # Each step counts, and most of all a call.
            if function is None:
                for key, value in zip(keys, values, strict=True):
                    total = known[key]
                    known[key] = total = (initial if total is None else total) + value
                    append(total)
            else:
                for key, value in zip(keys, values, strict=True):
                    total = known[key]
                    known[key] = total = function(initial if total is None else total, value)
                    append(total)
            self.put_known(kept, changed)
        except BaseException:
            # Whoever catches it finds the old values.
            for key in changed:
                known.pop(key, None)
            raise
        return totals

    def look_up(self, kept, keys):
        """Reads keys that nobody has read yet, in one call, and decodes them."""
        unknown = [key for key in keys if not (key in kept.decoded or key in kept.written or key in kept.stored)]
        self.read([(kept.store, unknown)])
        if kept.immutable is not None:
            kept.decoded.update([(key, self.find(kept.store, key)) for key in keys])

    def change(self, store, key, value, function, initial):
        """Changes one value, and returns the new one."""
        total = self.find(store, key)
        total = function(initial if total is None else total, value)
        self.put(store, key, total)
        return total

    def put_known(self, kept, keys):
        """Sets keys to the values that are at hand decoded."""
        values = list(map(kept.decoded.__getitem__, keys))
        if set(map(type, values)) == {kept.immutable}:
            kept.written.update(zip(keys, kept.store.codec.encode_all(values)))
        else:
            for key, value in zip(keys, values):
                self.put(kept.store, key, value)

    def read(self, wanted):
        """Reads keys in one call; `wanted` are pairs of a store and its keys."""
        asked = [key for _, keys in wanted for key in keys]
        if not asked:
            return
        ports = [store.number for store, keys in wanted for _ in keys] if len(wanted) > 1 else wanted[0][0].number
        index, arena = self.host.get_many(*pack_columns(asked, ports=ports))
        if len(index) != len(asked) * ROW.size:
            raise AssertionError(f"the host answered {len(index) // ROW.size} rows to {len(asked)}")
        if len(wanted) == 1:
            store = wanted[0][0]
            decoded = store.codec.decode_batch(index, arena)
            if decoded is not None:
                self[store].decoded.update(zip(asked, decoded))
                self[store].answer = asked, index
                return
        found = parts(index, arena)[1]
        begin = 0
        for store, keys in wanted:
            values = found[begin : begin + len(keys)]
            begin += len(keys)
            kept = self[store]
            decoded = store.codec.decode_all(values)
            if decoded is None:
                kept.stored.update(zip(keys, values))
            else:
                kept.decoded.update(zip(keys, decoded))

    def write_back(self):
        """Hands what was written to the host, in one call."""
        written = [kept for kept in self.kept.values() if kept.written]
        if len(written) == 1:
            self.host.put_many(*written[0].rows())
        elif written:
            keys, values, ports = [], [], []
            for kept in written:
                keys += kept.written
                values += kept.written.values()
                ports += [kept.store.number] * len(kept.written)
            self.host.put_many(*pack_columns(keys, values, ports=ports))
        for kept in written:
            kept.stored.update(kept.written)
            kept.written = {}
