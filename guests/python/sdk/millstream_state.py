"""Keyed state: stores, how values stand in them, and what one call has read and written so far."""

import json
import struct

from millstream_layout import pack_columns, parts
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

    __slots__ = ("store", "encode", "immutable", "decoded", "stored", "written")

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

    def read(self, wanted):
        """Reads keys in one call; `wanted` are pairs of a store and its keys."""
        asked = [key for _, keys in wanted for key in keys]
        if not asked:
            return
        ports = [store.number for store, keys in wanted for _ in keys] if len(wanted) > 1 else wanted[0][0].number
        found = parts(*self.host.get_many(*pack_columns(asked, ports=ports)))[1]
        if len(found) != len(asked):
            raise AssertionError(f"the host answered {len(found)} rows to {len(asked)}")
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
        keys, values, ports = [], [], []
        for store, kept in self.kept.items():
            keys += kept.written
            values += kept.written.values()
            ports += [store.number] * len(kept.written)
            kept.stored.update(kept.written)
            kept.written = {}
        if keys:
            self.host.put_many(*pack_columns(keys, values, ports=ports if any(ports) else 0))
