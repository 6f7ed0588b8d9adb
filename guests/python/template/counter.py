"""{{name}}: counts the records of each key."""

from millstream import U64, Context, Operator, Record, Store

COUNTS = Store("counts", U64)
"""What is remembered: by key, how many records it had. Kept by the host, and there again after a restart."""


class Counter(Operator):
    name = "{{name}}"
    stores = [COUNTS]

    def process(self, record: Record, context: Context) -> None:
        count = context.get(COUNTS, 0) + 1
        context.put(COUNTS, count)
        context.emit(key=record.key, value=b"%d" % count)
