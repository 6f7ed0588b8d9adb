"""The records of a batch: columns, and a sequence that makes records when they are first looked at, and keeps them."""

from collections.abc import Sequence
from itertools import compress

from millstream_json import BAD_JSON, JsonObject, json_of
from millstream_layout import INHERIT, ROW, parts, row_numbers, unpack_headers
from millstream_outcome import Reject

NO_KEY, BAD_TEXT, NO_TIME = 65000, 65001, 65003
NO_KEY_MESSAGE = "the record has no key"
"""Reject codes: no key, where state is kept by key; not text; no timestamp, where it is event time. BAD_JSON is 65,002. Codes from 65,000 are the SDKs'."""


class Record:
    """One input record. `timestamp` is None where it has none."""

    __slots__ = ("row", "key", "value", "packed_headers", "port", "timestamp", "offset", "partition", "_index")

    def __getattr__(self, name):
        # What few operators ask for is read when it is asked for: a slot that was not filled leads here.
        if name not in ("port", "timestamp", "offset", "partition"):
            raise AttributeError(f"a record has no `{name}`", name=name, obj=self)
        _, _, _, self.port, _, timestamp, self.offset, self.partition, _ = ROW.unpack_from(self._index, self.row * ROW.size)
        self.timestamp = None if timestamp == INHERIT else timestamp
        return getattr(self, name)

    @property
    def headers(self):
        """The headers in order, as pairs of name and value; names may repeat."""
        return unpack_headers(self.packed_headers)

    def header(self, name):
        """The value of the last header of that name; None: there is none, or it is null."""
        return next((value for other, value in reversed(self.headers) if other == name), None)

    def require_key(self):
        """The key; a record without one is rejected."""
        if self.key is None:
            raise Reject(NO_KEY, NO_KEY_MESSAGE)
        return self.key

    def require_time(self):
        """The timestamp; a record without one is rejected."""
        if self.timestamp is None:
            raise Reject(NO_TIME, "the record has no timestamp")
        return self.timestamp

    def key_text(self):
        """The key as text; what is none is rejected."""
        return _text(self.key, "key")

    def value_text(self):
        """The value as text; what is none is rejected."""
        return _text(self.value, "value")

    def json(self):
        """The value decoded from JSON; what is none is rejected."""
        if self.value is None:
            raise Reject(BAD_JSON, "the value is null")
        return json_of(self.value_text())

    def object(self):
        """The fields of a value that is a JSON object, as they stand; what is none is rejected."""
        return JsonObject(self.value_text())


def _text(part, what):
    if part is None:
        raise Reject(BAD_TEXT, f"the {what} is null")
    try:
        return part.decode()
    except UnicodeDecodeError as e:
        raise Reject(BAD_TEXT, f"the {what} is not UTF-8: {e.reason}") from None


class Records(Sequence):
    """The records of a batch in order. `packed` is the batch itself, as index and arena; `made` the list of its records, None until one is looked at."""

    def __init__(self, index, arena):
        self.packed = index, arena
        self.made = None
        # Keys, values and packed headers, once they are read.
        self._columns = None
        self._distinct = None

    def __len__(self):
        return len(self.packed[0]) // ROW.size

    def __iter__(self):
        return iter(self.made or self._make())

    def __getitem__(self, n):
        return (self.made or self._make())[n]

    @property
    def rows(self):
        """The records' numbers in the batch."""
        return row_numbers(len(self))

    @property
    def keys(self):
        """The records' keys as a list, None where there is none. It is the batch's own: to be read only."""
        return (self._columns or self._read())[0]

    @property
    def values(self):
        """The records' values as a list, None where there is none. It is the batch's own: to be read only."""
        return (self._columns or self._read())[1]

    def select(self, flags):
        """The records whose flag is true; `flags` has one for each."""
        return Selection(self, flags)

    def distinct_keys(self):
        """Every key that a record has, once, in order of appearance."""
        if self._distinct is None:
            keys, values, headers = self._columns or self._read()
            distinct = {}
            # Equal keys become one object, whose hash is computed once.
            self._columns = list(map(distinct.setdefault, keys, keys)), values, headers
            distinct.pop(None, None)
            self._distinct = list(distinct)
        return self._distinct

    def _read(self):
        self._columns = parts(*self.packed)
        return self._columns

    def _make(self):
        keys, values, headers = self._columns or self._read()
        index = self.packed[0]
        new = Record.__new__
        self.made = made = []
        add = made.append
        for row, key, value, packed in zip(row_numbers(len(keys)), keys, values, headers):
            record = new(Record)
            record.row = row
            record.key = key
            record.value = value
            record.packed_headers = packed
            record._index = index
            add(record)
        return made


class Selection(Sequence):
    """Some records of a batch in its order: what `Records` has, of them."""

    def __init__(self, records, flags):
        flags = list(flags)
        if len(flags) != len(records):
            raise ValueError(f"{len(flags)} flags for {len(records)} records")
        self._records = records
        self._flags = flags
        self.rows = self._chosen(records.rows)

    def _chosen(self, column):
        return list(compress(column, self._flags))

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return compress(self._records, self._flags)

    def __getitem__(self, n):
        return self._chosen(self._records)[n]

    @property
    def keys(self):
        return self._chosen(self._records.keys)

    @property
    def values(self):
        return self._chosen(self._records.values)

    def select(self, flags):
        return Selection(self, flags)

    def distinct_keys(self):
        return [key for key in dict.fromkeys(self.keys) if key is not None]
