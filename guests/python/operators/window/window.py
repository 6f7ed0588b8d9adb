"""Tumbling windows: count and sum of the values (whole numbers as text) per key and window of event time.

A window is closed, and its result emitted, when the watermark has passed its end by `lateness_ms`; a record that comes later goes to the port `late` as it
is. Result: the key, `{"start":…,"end":…,"count":…,"sum":…}`, timestamp the window's last millisecond."""

import re
import struct
from dataclasses import dataclass

from millstream import Codec, Fatal, Operator, Reject, Store

NOT_A_NUMBER, OVERFLOW = 1, 2
"""Reject codes."""

LEAST, LARGEST = -(1 << 63), (1 << 63) - 1
START = struct.Struct(">q")
TOTALS = struct.Struct("<Qq")


def totals(value):
    if len(value) != TOTALS.size:
        raise ValueError(f"a window's totals have {TOTALS.size} bytes, these {len(value)}")
    return TOTALS.unpack(value)


WINDOWS = Store("windows", Codec(totals, lambda value: TOTALS.pack(*value), tuple))

# Spaces are Unicode's, which are not quite those of `strip`.
SPACE = "[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*"
NUMBER = re.compile(f"{SPACE}([+-]?[0-9]+){SPACE}")


def number(text):
    found = NUMBER.fullmatch(text)
    # The interpreter refuses to read thousands of digits; leading zeros may be so many.
    digits = found and found[1].lstrip("+-0") or "0"
    value = None if not found or len(digits) > 19 else int(digits) * (-1 if found[1][0] == "-" else 1)
    if value is None or not LEAST <= value <= LARGEST:
        raise Reject(NOT_A_NUMBER, f"`{text}` is no whole number of 64 bits")
    return value


class Window(Operator):
    name = "window"
    outputs = ["out", "late"]
    stores = [WINDOWS]

    @dataclass
    class Config:
        size_ms: int
        lateness_ms: int = 0

    def open(self, config, setup):
        if config.size_ms < 1 or config.lateness_ms < 0:
            raise Fatal("config: `size_ms` must be at least 1, `lateness_ms` at least 0")
        self.size, self.lateness = config.size_ms, config.lateness_ms

    def start_of(self, time):
        """Where the window of a time begins, in eight bytes."""
        return START.pack(max(time - time % self.size, LEAST))

    def prefetch(self, record, want):
        if record.key is not None and record.timestamp is not None:
            want(WINDOWS, record.key + self.start_of(record.timestamp))

    def prefetch_timer(self, timer, want):
        if timer.key is not None:
            want(WINDOWS, timer.key + timer.payload)

    def process(self, record, context):
        time = record.require_time()
        key = record.require_key()
        value = number(record.value_text())
        payload = self.start_of(time)
        closes_at = min(START.unpack(payload)[0] + self.size + self.lateness, LARGEST)
        if closes_at <= context.watermark:
            context.emit(record, port="late")
            return
        count, total = context.get_of(WINDOWS, key + payload, (0, 0))
        if not LEAST <= total + value <= LARGEST:
            raise Reject(OVERFLOW, "the window's sum exceeds 64 bits")
        if count == 0:
            context.set_timer(closes_at, key=key, payload=payload)
        context.put_of(WINDOWS, key + payload, (count + 1, total + value))

    def on_timer(self, timer, context):
        if timer.key is None or len(timer.payload) != START.size:
            raise Fatal("a timer that this operator did not set")
        found = context.get_of(WINDOWS, timer.key + timer.payload)
        if found is None:
            return
        start = START.unpack(timer.payload)[0]
        end = min(start + self.size, LARGEST)
        result = b'{"start":%d,"end":%d,"count":%d,"sum":%d}' % (start, end, *found)
        context.emit(key=timer.key, value=result, timestamp=end - 1)
        context.put_of(WINDOWS, timer.key + timer.payload, None)
