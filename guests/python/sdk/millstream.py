"""Write Millstream operators in Python.

An operator is a class that derives from `Operator`; `millstream build` makes a component of the module that holds it. It performs nothing itself:
what it emits, rejects, sets or writes takes effect when the host commits, together with the input's position.

    from millstream import Operator, Reject, Store, U64

    COUNTS = Store("counts", U64)

    class Count(Operator):
        name = "count"
        stores = [COUNTS]

        def process(self, record, context):
            count = context.get(COUNTS, 0) + 1
            context.put(COUNTS, count)
            context.emit(record, value=b"%d" % count)

What to know:
- Import everything at the top of a file: a module that is first imported inside a function does not exist in the component.
- A fresh instance may take over between any two calls, so what must last goes into a store.
- There are no files, no network, no clock (`time.time()` traps): time is `context.now` and `context.watermark`. `print` goes to the log.
- State is read once per batch, for the records' keys, and written back once; what a record writes the next one reads.
- `records` in `process_batch` is a sequence, not a list: `list(records)` is one. Its columns are lists: `records.keys`, `records.values`.
- Bytes are `bytes`, null is `None`. An exception that is no `Reject`, `Retry` or `Fatal` is a trap: the host finds
  the record that raises it, and sends it where the job sends rejects, with the exception and where it came from.

This file needs no component: `millstream_testing.Harness` runs an operator under a plain Python.
"""

import json
from operator import itemgetter, not_

from millstream_config import configured
from millstream_json import BAD_JSON, JsonObject, json_of, same_json, same_value, text_of_json
from millstream_layout import INHERIT, NONE, ROW, pack, pack_headers, prefix_end, unpack, unpack_headers
from millstream_outcome import Fatal, Reject, Retry
from millstream_output import Output
from millstream_record import BAD_TEXT, NO_KEY, NO_KEY_MESSAGE, NO_TIME, Record, Records
from millstream_state import BYTES, F64, I64, JSON, TEXT, U64, Codec, State, Store, no_constant

EVENT, PROCESSING = 0, 1
"""Time domains of a timer."""

ERROR, WARN, INFO, DEBUG = 0, 1, 2, 3
"""Levels of a log message."""


class Timer:
    """A due timer: it *is* its domain, time (ms), key and payload."""

    __slots__ = ("row", "domain", "at", "key", "payload")

    def __init__(self, row, domain, at, key, payload):
        self.row = row
        self.domain = domain
        self.at = at
        self.key = key
        self.payload = payload


class Operator:
    """An operator: one node of a job's graph. Derive from it, set what differs, implement `process`."""

    name = None
    version = "0.1.0"
    inputs = ["in"]
    outputs = ["out"]
    stores = []
    config_schema = ""
    Config = None
    """A dataclass: the job's config is decoded into it by its fields' types, and what does not fit stops the job. None: the operator takes no config."""
    read_ahead = True
    """False: state is not read ahead; each first access of a key is then a call to the host."""

    def open(self, config, setup):
        """Called once, first. `config` is a `Config`, or without one the decoded JSON, {} where none is given. Raise Fatal where it is wrong."""
        if self.Config is None and config:
            raise Fatal("config: this operator takes none")

    prefetch = None
    """`def prefetch(self, record, want)`: names the state that a record will need, by want(store, key), where that is not the state of its key. It is read in
    one call with that of all others. `prefetch_timer(self, timer, want)` is the same for a due timer."""
    prefetch_timer = None

    def process(self, record, context):
        """Handles one record."""
        raise Fatal("this operator does not implement `process`")

    def process_batch(self, records, context):
        """Handles a batch: the fast path for operators that gain from many records at once. Set `context.record` before emitting for a record, or ask for what
        concerns many: `reject_where`, `require_keys`, `accumulate`, `emit_many`."""
        process = self.process
        rejects = context.rejects
        for record in records:
            context.record = record
            try:
                process(record, context)
            except Reject as reject:
                rejects.append((record.row, reject.code, reject.message))

    def on_timer(self, timer, context):
        """A timer that this operator set is due."""

    def migrate(self, store, from_version, rows):
        """Rewrites rows (pairs of key and value) of a store whose values are of an older version; returns those to keep."""
        raise Fatal(f"this operator does not know version {from_version} of its store `{store}`")


class Context:
    """What an operator sees of the world during one call, and what it asks for. It stands at one record, or due timer, at a time."""

    def __init__(self, watermark, now, task, host, ports, records=None):
        self.watermark = watermark
        self.now = now
        self.task = task
        self.record = None
        self.rejects = []
        self.raw_outputs = self.raw_timers = None
        self.state = State(host)
        self._host = host
        self._ports = ports
        self._records = records
        self._outputs = Output(ports.get(None))
        self._timers = Output(0)
        # What each record needs, without the way there.
        self._kept = self.state.kept

    def emit(self, record=None, *, key=..., value=..., headers=..., port=None, timestamp=INHERIT, partition=NONE):
        """Emits a record: a copy of `record` with what is named changed, or, without `record`, what is named alone.

        `port` is the name of an output (default: the first), `timestamp` ms (default: the input record's), `partition` a number (default: the key's).
        """
        if record is None:
            packed = b""
            if key is ...:
                key = None
            if value is ...:
                value = None
        else:
            packed = record.packed_headers
            if key is ...:
                key = record.key
            if value is ...:
                value = record.value
        if headers is not ...:
            packed = pack_headers(headers)
        row = self.record.row
        out = self._outputs
        if packed or port is not None or timestamp is not INHERIT or partition is not NONE or out.port is None:
            out.more[len(out.keys)] = packed, self._port(port), timestamp, partition
        out.keys.append(key)
        out.values.append(value)
        out.rows.append(row)

    def forward_all(self, records):
        """Emits records of the batch as they are, to the first port. The whole batch costs next to nothing, if no record of it was looked at before."""
        self._port(None)
        out = self._outputs
        if records is self._records and records.made is None:
            # Nobody looked at a record, so nobody changed one.
            out.forward(records)
            return
        for record in records:
            if record.packed_headers or record.timestamp is not None:
                timestamp = INHERIT if record.timestamp is None else record.timestamp
                out.more[len(out.keys)] = record.packed_headers, out.port, timestamp, NONE
            out.keys.append(record.key)
            out.values.append(record.value)
            out.rows.append(record.row)

    def emit_many(self, records, *, values, keys=None, port=None):
        """Emits a record for each of `records`, made from it: `values` is a list with a value for each, `keys` one with keys; by default they keep their own. Headers
        are left out."""
        self._outputs.extend(records.rows, records.keys if keys is None else keys, values, self._port(port))

    def _port(self, name):
        try:
            return self._ports[name]
        except KeyError:
            what = "the operator emits, but declares no output port" if name is None else f"the operator declares no output port `{name}`"
            raise Fatal(f"{what}: add it to `outputs`") from None

    def reject(self, code, message):
        """Rejects the current record, in `process_batch`; elsewhere raise Reject. Each record at most once."""
        self.rejects.append((self.record.row, code, message))

    def reject_row(self, row, code, message):
        """Rejects any row, even one that the batch does not have. For operators that test a host."""
        self.rejects.append((row, code, message))

    def reject_where(self, records, flags, code, message):
        """Rejects the records whose flag is true (`flags` has one for each), and returns the others, which are what `process_batch` goes on with."""
        flags = list(flags)
        if not any(flags) and len(flags) == len(records):
            return records
        self.rejects += [(row, code, message) for row in records.select(flags).rows]
        self.rejects.sort(key=itemgetter(0))
        return records.select(map(not_, flags))

    def require_keys(self, records):
        """Rejects the records without a key, and returns the others."""
        keys = records.keys
        if all(keys):
            return records
        return self.reject_where(records, [key is None for key in keys], NO_KEY, NO_KEY_MESSAGE)

    def return_raw(self, outputs=None, timers=None):
        """Returns pairs of index and arena in place of what was emitted or set. For operators that test a host."""
        self.raw_outputs = outputs or self.raw_outputs
        self.raw_timers = timers or self.raw_timers

    def packed(self):
        """Outputs and timers as pairs of index and arena."""
        return self.raw_outputs or self._outputs.packed(), self.raw_timers or self._timers.packed()

    def get(self, store, default=None):
        """The value of the current record's key; `default` where there is none. A record without a key is rejected."""
        try:
            value = self._kept[store].decoded[self.record.key]
        except KeyError:
            value = self.state.find(store, self._key())
        return default if value is None else value

    def put(self, store, value):
        """Sets the value of the current record's key; None deletes."""
        key = self.record.key
        try:
            kept = self._kept[store]
        except KeyError:
            kept = self.state[store]
        if key is not None and value.__class__ is kept.immutable:
            kept.written[key] = kept.encode(value)
            kept.decoded[key] = value
        else:
            self.state.put(store, self._key(), value)

    def get_of(self, store, key, default=None):
        """The value of any key. Costs a call to the host unless the key is one of the batch's or was met before."""
        value = self.state.find(store, key)
        return default if value is None else value

    def put_of(self, store, key, value):
        """Sets the value of any key; None deletes."""
        self.state.put(store, key, value)

    def accumulate(self, store, records, values, function=None, initial=0):
        """Changes the values of the records' keys, record by record, and returns what each was changed to: by default the running sums of `values`, a list with one
        for each record. As `itertools.accumulate`, but by key: the new value is `function(old, one of values)`, None deletes; `initial` stands for the old one
        where there is none. Each record must have a key (`require_keys`)."""
        return self.state.accumulate(store, records, values, function, initial)

    def scan(self, store, begin=b"", end=b"", prefix=None):
        """Pairs of key and value in a range, in ascending order of keys. What this call wrote so far is seen."""
        if prefix is not None:
            begin, end = prefix, prefix_end(prefix)
        self.state.write_back()
        done = False
        while not done:
            rows, done = self._host.scan(store.number, begin, end)
            for key, value in rows:
                yield key, store.codec.decode(value)
            if not rows:
                return
            begin = rows[-1][0] + b"\0"

    def set_timer(self, at, *, key=..., payload=b"", domain=EVENT):
        """Sets a timer (ms; by default in event time and with the current record's key). Setting the same twice sets one."""
        self._timer(at, key, payload, domain)

    def delete_timer(self, at, *, key=..., payload=b"", domain=EVENT):
        """Deletes the timer with the same domain, time, key and payload, if there is one."""
        self._timer(at, key, payload, domain + 2)

    def _timer(self, at, key, payload, port):
        row = self.record.row
        timers = self._timers
        timers.more[len(timers.keys)] = b"", port, at, NONE
        timers.keys.append(self.record.key if key is ... else key)
        timers.values.append(payload)
        timers.rows.append(row)

    def log(self, message, level=INFO):
        self._host.log(level, message.encode())

    def count(self, name, delta=1):
        """Adds to a counter; at most 64 names per operator."""
        self._host.count(name, delta)

    def _key(self):
        key = self.record.key
        if key is None:
            raise Reject(NO_KEY, NO_KEY_MESSAGE)
        return key


def operator_of(module):
    """The one class of a module that derives from Operator."""
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, Operator) and kind.__module__ == module.__name__]
    if len(kinds) != 1:
        raise TypeError(f"{module.__name__}.py must define one class that derives from millstream.Operator, it defines {len(kinds)}")
    return kinds[0]


class Instance:
    """One opened operator and the plain-Python side of the boundary; `host` has get_many, put_many, scan, log and count."""

    def __init__(self, kind, host):
        self.operator = kind()
        self.host = host
        self.ports = {}

    def open(self, config, inputs, outputs, stores):
        kind = self.operator
        for number, name in enumerate(kind.outputs):
            if name not in outputs:
                raise Fatal(f"the job gives this operator no output port `{name}`; it gives [{', '.join(outputs)}]")
            self.ports[name] = outputs.index(name)
            if number == 0:
                self.ports[None] = self.ports[name]
        for store in kind.stores:
            if store.name not in stores:
                raise Fatal(f"the job gives this operator no store `{store.name}`; it gives [{', '.join(stores)}]")
            store.number = stores.index(store.name)
        try:
            decoded = json.loads(config, parse_constant=no_constant) if config else {}
        except ValueError as e:
            raise Fatal(f"config: {e}") from None
        if kind.Config is not None:
            decoded = configured(kind.Config, decoded)
        kind.open(decoded, {"inputs": inputs, "outputs": outputs, "stores": stores})

    def process(self, watermark, now, task, index, arena):
        """Handles a batch; returns the context with its effects."""
        records = Records(index, arena)
        context = Context(watermark, now, task, self.host, self.ports, records)
        self.read_ahead(context, self.operator.prefetch, records, records.distinct_keys)
        self.operator.process_batch(records, context)
        context.state.write_back()
        return context

    def read_ahead(self, context, prefetch, rows, distinct_keys):
        """Reads the state of a batch: what the operator names, else that of the rows' keys in every store."""
        stores = self.operator.stores
        if prefetch is not None:
            wanted = {}
            want = lambda store, key: wanted.setdefault(store, {}).setdefault(key)
            for row in rows:
                prefetch(row, want)
            context.state.read(list(wanted.items()))
        elif stores and self.operator.read_ahead:
            keys = distinct_keys()
            context.state.read([(store, keys) for store in stores])

    def on_timer(self, watermark, now, task, index, arena):
        """Fires timers; returns the context with its effects."""
        context = Context(watermark, now, task, self.host, self.ports)
        due = [Timer(row, port, at, key, value or b"") for row, (key, value, _, port, at, _, _) in enumerate(unpack(index, arena))]
        self.read_ahead(context, self.operator.prefetch_timer, due, lambda: list(dict.fromkeys(timer.key for timer in due if timer.key is not None)))
        for timer in due:
            context.record = timer
            try:
                self.operator.on_timer(timer, context)
            except Reject as reject:
                context.rejects.append((timer.row, reject.code, reject.message))
        context.state.write_back()
        return context

    def migrate(self, store, from_version, index, arena):
        """Index and arena of the rows to keep."""
        kept = self.operator.migrate(store, from_version, [(key, value) for key, value, *_ in unpack(index, arena)])
        return pack([(key, value, b"", 0, INHERIT, 0, NONE) for key, value in kept])
