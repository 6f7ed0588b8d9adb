"""Joins two inputs, `left` and `right`, by key: every pair whose times are at most `within_ms` apart yields one record.

Value: the left value, `separator`, the right value; timestamp: the later of the two. Both sides wait in state and are forgotten, by a timer, when no
partner can come any more. A record that comes later than that goes to the port `late`."""

import struct
from dataclasses import dataclass

from millstream import Codec, Fatal, Operator, Reject, Store

NO_VALUE = 1
"""Reject code of a record that has nothing to join."""

LARGEST = (1 << 63) - 1
HEAD = struct.Struct("<qI")


def waiting(data):
    """The records of a key that wait, in the order in which they came, as pairs of time and value: per record time (i64), length (u32), bytes."""
    pairs = []
    at = 0
    while at < len(data):
        if at + HEAD.size > len(data):
            raise ValueError(TORN)
        time, length = HEAD.unpack_from(data, at)
        at += HEAD.size + length
        if at > len(data):
            raise ValueError(TORN)
        pairs.append((time, data[at - length : at]))
    return pairs


TORN = "the waiting records end in the middle of one"
WAITING = Codec(waiting, lambda pairs: b"".join(HEAD.pack(time, len(value)) + value for time, value in pairs))
SIDES = [Store("left", WAITING), Store("right", WAITING)]


class Join(Operator):
    name = "join"
    inputs = ["left", "right"]
    outputs = ["out", "late"]
    stores = SIDES

    @dataclass
    class Config:
        within_ms: int
        separator: str = "|"

    def open(self, config, setup):
        if config.within_ms < 0:
            raise Fatal("config: `within_ms` must be at least 0")
        self.within, self.separator = config.within_ms, config.separator.encode()

    def forgotten_at(self, time):
        """The watermark from which on no partner can come for a record of that time."""
        return min(time + self.within + 1, LARGEST)

    def process(self, record, context):
        time = record.require_time()
        if record.value is None:
            raise Reject(NO_VALUE, "a record to join needs a value")
        if self.forgotten_at(time) <= context.watermark:
            context.emit(record, port="late")
            return
        own, others = SIDES[record.port], SIDES[1 - record.port]
        partners = context.get(others, [])
        context.put(own, [*context.get(own, []), (time, record.value)])
        context.set_timer(self.forgotten_at(time))
        for partner_time, partner in partners:
            if abs(time - partner_time) > self.within:
                continue
            pair = (record.value, partner) if record.port == 0 else (partner, record.value)
            context.emit(key=record.key, value=self.separator.join(pair), timestamp=max(time, partner_time))

    def on_timer(self, timer, context):
        for side in SIDES:
            found = context.get(side)
            if found is not None:
                context.put(side, [pair for pair in found if self.forgotten_at(pair[0]) > timer.at] or None)
