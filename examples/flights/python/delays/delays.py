"""delays, in Python: flights per carrier and UTC day: how many, how many cancelled, mean and worst departure delay; with the airline's name from the second
input.

A day is emitted when the watermark has passed its end by `lateness_ms`; a flight that comes later is rejected, so nothing is lost silently."""

import json
import re
import struct
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from millstream import TEXT, Codec, Fatal, Operator, Reject, Store

LATE, DELAY = 1, 2
"""Reject codes."""

NAMES_PORT = 1
DAY_MS = 86_400_000
NUMBER = struct.Struct(">q")
"""A day's number in keys and timers: days since 1970."""


class Day(NamedTuple):
    """One carrier's day so far. Delays are minutes, over the flights that flew."""

    flights: int = 0
    cancelled: int = 0
    delay_sum: int = 0
    delay_worst: int = 0

    def plus(self, delay):
        """The day with one flight more; None: a cancelled one."""
        if delay is None:
            return self._replace(flights=self.flights + 1, cancelled=self.cancelled + 1)
        worst = max(self.delay_worst, delay) if self.flown else delay
        return self._replace(flights=self.flights + 1, delay_sum=self.delay_sum + delay, delay_worst=worst)

    @property
    def flown(self):
        return self.flights - self.cancelled

    @property
    def mean_delay(self):
        """In hundredths, rounded half up."""
        return (200 * self.delay_sum + self.flown) // (2 * self.flown) / 100


WORDS = struct.Struct("<QQqq")


def day(value):
    if len(value) != WORDS.size:
        raise ValueError(f"a day has {WORDS.size} bytes, these {len(value)}")
    return Day(*WORDS.unpack(value))


DAYS = Store("days", Codec(day, lambda day: WORDS.pack(*day)))
NAMES = Store("names", TEXT)


def delay(text):
    """Minutes; None: the flight was cancelled."""
    if text == "null":
        return None
    # `int` alone would take spaces, underscores and the digits of all scripts, too.
    if not re.fullmatch("[+-]?[0-9]{1,18}", text):
        raise Reject(DELAY, f"{json.dumps(text, ensure_ascii=False)} is no delay in minutes")
    return int(text)


class Delays(Operator):
    name = "delays"
    inputs = ["flights", "names"]
    stores = [DAYS, NAMES]

    @dataclass
    class Config:
        lateness_ms: int = 0

    def open(self, config, setup):
        self.lateness = max(config.lateness_ms, 0)

    def prefetch(self, record, want):
        if record.key is not None and record.timestamp is not None:
            want(DAYS, record.key + NUMBER.pack(record.timestamp // DAY_MS))

    def prefetch_timer(self, timer, want):
        want(DAYS, (timer.key or b"") + timer.payload)
        want(NAMES, timer.key or b"")

    def process(self, record, context):
        carrier = record.require_key()
        if record.port == NAMES_PORT:
            context.put_of(NAMES, carrier, record.value_text())
            return
        number = record.require_time() // DAY_MS
        closes_at = (number + 1) * DAY_MS + self.lateness
        if closes_at <= context.watermark:
            raise Reject(LATE, "the flight's day is closed: it came later than the watermark allows")
        minutes = delay(record.value_text())
        payload = NUMBER.pack(number)
        totals = context.get_of(DAYS, carrier + payload)
        if totals is None:
            context.set_timer(closes_at, payload=payload)
        context.put_of(DAYS, carrier + payload, (totals or Day()).plus(minutes))

    def on_timer(self, timer, context):
        if timer.key is None or len(timer.payload) != NUMBER.size:
            raise Fatal("a timer that this operator did not set")
        totals = context.get_of(DAYS, timer.key + timer.payload)
        if totals is None:
            return
        context.put_of(DAYS, timer.key + timer.payload, None)
        (number,) = NUMBER.unpack(timer.payload)
        result = {
            "airline": context.get_of(NAMES, timer.key),
            "cancelled": totals.cancelled,
            "day": str(date(1970, 1, 1) + timedelta(days=number)),
            "flights": totals.flights,
            "mean_delay": totals.mean_delay if totals.flown else None,
            "worst_delay": totals.delay_worst if totals.flown else None,
        }
        value = json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode()
        context.emit(key=timer.key, value=value, timestamp=(number + 1) * DAY_MS - 1)
