"""What a call emits, or the timers it sets, until it is packed."""

from millstream_layout import INHERIT, NONE, forwarded, joined, pack_columns


class Output:
    """Rows as columns. Most rows have a key, a value, and the number of the input row; what else one may have is aside."""

    __slots__ = ("port", "keys", "values", "rows", "more", "_batches")

    def __init__(self, port):
        # The port of rows that name no other.
        self.port = port
        self.keys, self.values, self.rows = [], [], []
        # By place in the columns: headers (packed), port, timestamp, partition.
        self.more = {}
        # What is packed already, and comes before them.
        self._batches = []

    def forward(self, records):
        """Adds a whole batch as it came in."""
        self._settle()
        index, arena = records.packed
        self._batches.append((forwarded(index, self.port), arena))

    def extend(self, rows, keys, values, port):
        """Adds rows to one port."""
        if not len(rows) == len(keys) == len(values):
            raise ValueError(f"{len(keys)} keys and {len(values)} values for {len(rows)} records")
        self._settle()
        if rows:
            self._batches.append(pack_columns(keys, values, ports=port, offsets=rows))

    def packed(self):
        """Index and arena."""
        self._settle()
        return joined(self._batches) if self._batches else (b"", b"")

    def _settle(self):
        count = len(self.keys)
        if count == 0:
            return
        headers = timestamps = partitions = None
        ports = self.port
        if self.more:
            headers, ports, timestamps, partitions = [b""] * count, [self.port] * count, [INHERIT] * count, [NONE] * count
            for n, fields in self.more.items():
                headers[n], ports[n], timestamps[n], partitions[n] = fields
        self._batches.append(pack_columns(self.keys, self.values, headers, ports, timestamps, self.rows, partitions))
        self.keys, self.values, self.rows, self.more = [], [], [], {}
