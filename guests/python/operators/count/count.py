"""Keyed count: each record yields its key and how often that key was seen, as text. The value `poison` is rejected."""

from millstream import U64, Operator, Store

COUNTS = Store("counts", U64)

POISONED = 1
"""Reject code."""


class Count(Operator):
    name = "count"
    stores = [COUNTS]

    def process_batch(self, records, context):
        records = context.reject_where(records, [value == b"poison" for value in records.values], POISONED, "poison")
        records = context.require_keys(records)
        counts = context.accumulate(COUNTS, records, [1] * len(records))
        context.emit_many(records, values=[b"%d" % count for count in counts])
