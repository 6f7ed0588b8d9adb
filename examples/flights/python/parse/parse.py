"""parse, in Python: CSV rows of the flights and of the airlines → records keyed by carrier. A flight's event time is its scheduled departure, UTC."""

import csv
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Literal

from millstream import Operator, Reject

COLUMNS, TIME, DELAY, CARRIER = 1, 2, 3, 4
"""Reject codes."""

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)
MINUTE_MS = 60_000


def carrier(text):
    if not re.fullmatch("[A-Z0-9]{2}", text):
        raise Reject(CARRIER, f"{quoted(text)} is no carrier's code")
    return text.encode()


def time(hour, minute):
    """Milliseconds since 1970."""
    try:
        start = (datetime.fromisoformat(hour) - EPOCH) // MILLISECOND
    except (ValueError, TypeError):  # the latter: a time without a zone
        raise Reject(TIME, f"time_hour {quoted(hour)} is no time such as 2013-01-01T10:00:00Z") from None
    minutes = whole(minute)
    if minutes is None or not 0 <= minutes < 60:
        raise Reject(TIME, f"minute {quoted(minute)} is none of 0 to 59")
    return start + minutes * MINUTE_MS


def delay(text):
    # A cancelled flight has no departure, hence no delay.
    if text == "NA":
        return b"null"
    minutes = whole(text)
    if minutes is None or not -(2**31) <= minutes < 2**31:
        raise Reject(DELAY, f"dep_delay {quoted(text)} is no whole number")
    return b"%d" % minutes


def whole(text):
    """A whole number. `int` alone would take spaces, underscores and the digits of all scripts, too."""
    return int(text) if re.fullmatch("[+-]?[0-9]{1,20}", text) else None


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def flight(row):
    return {"key": carrier(row[9]), "timestamp": time(row[18], row[17]), "value": delay(row[5])}


def airline(row):
    code, name = row
    return {"key": carrier(code), "value": name.encode()}


TABLES = {"flights": (19, flight), "airlines": (2, airline)}
"""By name: how many columns a table has, and what becomes of a row."""


class Parse(Operator):
    name = "parse"

    @dataclass
    class Config:
        table: Literal["flights", "airlines"]

    def open(self, config, setup):
        self.columns, self.record = TABLES[config.table]

    def process(self, record, context):
        row = next(csv.reader([record.value_text()]), [])
        if len(row) != self.columns:
            raise Reject(COLUMNS, f"a row of {len(row)} columns, where {self.columns} were expected")
        context.emit(**self.record(row))
