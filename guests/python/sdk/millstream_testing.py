"""Runs an operator under a plain Python, without a component: feed records, move time, look at what came out.

    from millstream_testing import Harness

    count = Harness(Count)
    count.feed((b"a", b"x"), (b"a", b"poison"))
    assert count.outputs == [("out", b"a", b"1")]
    assert count.rejects == [(1, 1, "poison")]
"""

import json

from millstream import INHERIT, NONE, Instance, pack, unpack


class Harness:
    """An opened operator with a host of its own: state and timers in dictionaries, time as told."""

    def __init__(self, kind, config=None):
        self.kind = kind
        self.state = {}
        self.timers = set()
        self.logs = []
        self.counters = {}
        self.calls = {"get_many": 0, "put_many": 0, "scan": 0}
        self.watermark, self.now = INHERIT, 0
        self.outputs = []
        self.rejects = []
        self.config = b"" if config is None else json.dumps(config).encode()
        self.reopen()

    def reopen(self):
        """Replaces the operator by a fresh instance, as the host may at any time. State and timers stay."""
        self.instance = Instance(self.kind, self)
        self.instance.open(self.config, list(self.kind.inputs), list(self.kind.outputs), [store.name for store in self.kind.stores])

    def feed(self, *records):
        """Hands records over as one batch: tuples of key, value and, if need be, timestamp and port."""
        rows = []
        for row, (key, value, *rest) in enumerate(records):
            timestamp, port = (*rest, None, None)[:2]
            rows.append((key, value, b"", port or 0, INHERIT if timestamp is None else timestamp, row, 0))
        self._take(self.instance.process, rows)

    def advance_watermark(self, watermark):
        """Moves event time on and fires the event-time timers that are due."""
        self.watermark = watermark
        self._fire(0, watermark)

    def advance_now(self, now):
        """Moves the clock on and fires the processing-time timers that are due."""
        self.now = now
        self._fire(1, now)

    def _fire(self, domain, until):
        while due := sorted((timer for timer in self.timers if timer[0] == domain and timer[1] <= until), key=lambda t: (t[1], t[2] or b"", t[3])):
            self.timers -= set(due)
            self._take(self.instance.on_timer, [(key, payload, b"", domain, at, 0, NONE) for _, at, key, payload in due])

    def _take(self, call, rows):
        before = dict(self.state)
        try:
            context = call(self.watermark, self.now, 0, *pack(rows))
        except BaseException:
            self.state = before
            raise
        outputs, timers = (unpack(*packed) for packed in context.packed())
        for key, payload, _, port, at, _, _ in timers:
            if port < 2:
                self.timers.add((port, at, key, payload))
            else:
                self.timers.discard((port - 2, at, key, payload))
        self.outputs += [(self.kind.outputs[row[3]], row[0], row[1]) for row in outputs]
        self.rejects += context.rejects

    # What an instance may call.

    def get_many(self, index, arena):
        self.calls["get_many"] += 1
        return pack([(key, self.state.get((store, key)), b"", store, *rest) for key, _, _, store, *rest in unpack(index, arena)])

    def put_many(self, index, arena):
        self.calls["put_many"] += 1
        for key, value, _, store, *_ in unpack(index, arena):
            if value is None:
                self.state.pop((store, key), None)
            else:
                self.state[store, key] = value

    def scan(self, store, begin, end):
        self.calls["scan"] += 1
        keys = sorted(key for number, key in self.state if number == store and key >= begin and (not end or key < end))
        return [(key, self.state[store, key]) for key in keys[:2]], len(keys) <= 2

    def log(self, level, message):
        self.logs.append((level, message.decode()))

    def count(self, name, delta):
        self.counters[name] = self.counters.get(name, 0) + delta
