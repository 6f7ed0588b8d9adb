"""Misbehaves on demand, to test hosts, in the ways that Python has: a record's value is the order, whatever is none is passed on.

    raise, exit, recurse, type   exceptions: one's own, SystemExit, the recursion limit, a value that is no bytes
    time, open                   ask for what no operator has
    loop, memory                 never end
    bad-row                      returns outputs that no host may accept
    reject, retry, fatal         reject, fail for now, fail for good
"""

import sys
import time

from millstream import Fatal, Operator, Reject, Retry


class Misbehave(Operator):
    name = "misbehave"

    def process(self, record, context):
        match record.value:
            case b"raise":
                raise ValueError("told to raise")
            case b"exit":
                sys.exit(3)
            case b"recurse":
                recurse(1)
            case b"type":
                context.emit(record, value="text, where bytes should be")
            case b"time":
                context.emit(record, value=b"%d" % time.time())
            case b"open":
                context.emit(record, value=open("/etc/hostname", "rb").read())
            case b"loop":
                while True:
                    pass
            case b"memory":
                eaten = []
                while True:
                    eaten.append(bytearray(1 << 20))
            case b"bad-row":
                context.outputs.append((None, b"x", b"", 0, 0, 1 << 40, 0))
            case b"reject":
                raise Reject(1, "told to reject")
            case b"retry":
                raise Retry("told to retry")
            case b"fatal":
                raise Fatal("told to fail")
            case _:
                context.emit(record)


def recurse(depth):
    return recurse(depth + 1) + depth
