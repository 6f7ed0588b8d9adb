"""Misbehaves on demand, to test hosts: a record's value is the order, `name` or `name:number`; whatever is no order is passed on.

    raise, exit, type              exceptions: one's own, SystemExit, a value that is no bytes
    time, open                     ask for what no operator has
    loop, memory, recurse          never end
    bad-length, bad-ends, bad-arena, bad-flags, bad-port, bad-row, bad-headers, bad-overlap    break a rule of the layout
    bad-timer, bad-reject          ask for a timer with a port that means nothing, reject a row that the batch does not have
    huge:n, tiny:n                 emit n records of 1 MiB (default 1,024), n empty ones (default 1,000,000)
    timers:n, storm:n, logs:n      set n timers (default 1,000,000), call the host n times (10,000,000), log n messages of 8 KiB (131,072)
    counters:n                     counts under n different names (default 10,000)
    long-key:n, long-value:n       write a state key of n bytes (default 1 MiB), a value of n bytes (default 64 MiB)
    many-keys:n                    writes n state keys (default 1,000,000)
    forgetful                      emits how many records this instance has seen: what an operator must not do
    later                          sets a timer at the record's time
    reject:n, retry, fatal         reject with code n (default 1), fail for now, fail for good

Config: `open` = `panic`, `loop`, `memory` or `fatal`, done while opening; `panic-on` = values at which to raise, for traps in the middle of a batch;
`on-timer` = an order for when a timer fires.
"""

import sys
import time
from dataclasses import dataclass, field

import bad
from millstream import Fatal, Operator, Reject, Retry, Store

STATE = Store("state")
MIB = 1 << 20


def fail(exception):
    raise exception


def spin():
    while True:
        pass


def eat_memory():
    eaten = []
    while True:
        eaten.append(bytearray(b"x") * MIB)


def recurse(depth):
    return recurse(depth + 1) + depth


def times(n, act):
    for one in range(n):
        act(one)


ORDERS = {
    "raise": lambda context, n=0: fail(ValueError("told to raise")),
    "exit": lambda context, n=3: sys.exit(n),
    "recurse": lambda context, n=1: recurse(n),
    "type": lambda context, n=0: context.emit(value="text, where bytes should be"),
    "time": lambda context, n=0: context.emit(value=b"%d" % time.time()),
    "open": lambda context, n=0: context.emit(value=open("/etc/hostname", "rb").read()),
    "loop": lambda context, n=0: spin(),
    "memory": lambda context, n=0: eat_memory(),
    "huge": lambda context, n=1024: times(n, lambda _: context.emit(value=b"x" * MIB)),
    "tiny": lambda context, n=1_000_000: times(n, lambda _: context.emit(value=b"")),
    "timers": lambda context, n=1_000_000: times(n, lambda at: context.set_timer(at, key=None)),
    "storm": lambda context, n=10_000_000: times(n, lambda _: context.count("storm")),
    "logs": lambda context, n=131_072: times(n, lambda _: context.log("flood " * (8192 // 6))),
    "counters": lambda context, n=10_000: times(n, lambda one: context.count(f"counter-{one}")),
    "long-key": lambda context, n=MIB: context.put_of(STATE, b"k" * n, b""),
    "long-value": lambda context, n=64 * MIB: context.put_of(STATE, b"k", b"v" * n),
    "many-keys": lambda context, n=1_000_000: times(n, lambda key: context.put_of(STATE, key.to_bytes(8), b"v")),
    "reject": lambda context, n=1: fail(Reject(n, "told to reject")),
    "retry": lambda context, n=0: fail(Retry("told to retry")),
    "fatal": lambda context, n=0: fail(Fatal("told to fail")),
}
"""By name: what to do, given the context and how many times."""

OPENING = {
    "panic": lambda: fail(ValueError("told to raise while opening")),
    "loop": spin,
    "memory": eat_memory,
    "fatal": lambda: fail(Fatal("told to fail while opening")),
}


def obey(order, row, context):
    """Carries out an order; False: it is none."""
    name, colon, number = order.partition(":")
    if colon and not (number.isascii() and number.isdigit()):
        return False
    if name not in ORDERS:
        return bad.break_rule(name, row, context)
    ORDERS[name](context, *([int(number)] if colon else []))
    return True


class Misbehave(Operator):
    name = "misbehave"
    inputs = []
    stores = [STATE]
    read_ahead = False

    @dataclass
    class Config:
        open: str | None = None
        panic_on: list[str] = field(default_factory=list, metadata={"name": "panic-on"})
        on_timer: str | None = field(default=None, metadata={"name": "on-timer"})

    def open(self, config, setup):
        if config.open is not None and config.open not in OPENING:
            raise Fatal(f"config: `open`: unknown order `{config.open}`")
        if config.open is not None:
            OPENING[config.open]()
        self.config = config
        self.seen = 0

    def process(self, record, context):
        self.seen += 1
        value = (record.value or b"").decode(errors="replace")
        if value in self.config.panic_on:
            raise ValueError(f"told to raise on `{value}`")
        if value == "forgetful":
            context.emit(record, value=b"%d" % self.seen)
        elif value == "later":
            context.set_timer(record.require_time(), payload=b"later")
        elif not obey(value, record.row, context):
            context.emit(record)

    def on_timer(self, timer, context):
        if self.config.on_timer is None or not obey(self.config.on_timer, 0, context):
            context.emit(key=timer.key, value=timer.payload)
