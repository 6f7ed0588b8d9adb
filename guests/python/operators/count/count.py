"""Keyed count: each record yields its key and how often that key was seen, as text. The value `poison` is rejected."""

from millstream import U64, Operator, Reject, Store

COUNTS = Store("counts", U64)

POISONED = 1
"""Reject code."""


class Count(Operator):
    name = "count"
    stores = [COUNTS]

    def process(self, record, context):
        if record.value == b"poison":
            raise Reject(POISONED, "poison")
        count = context.get(COUNTS, 0) + 1
        context.put(COUNTS, count)
        context.emit(key=record.key, value=b"%d" % count)
