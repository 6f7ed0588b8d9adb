"""Batches in columns: what is packed and passed on is what the layout says, whatever the way there."""

import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(HERE, "..", "sdk"), os.path.join(HERE, "..", "operators", "count")]

import count
from millstream import INHERIT, JSON, NONE, U64, Instance, Operator, Store, pack, pack_headers, unpack
from millstream_layout import KEY_ID, column
from millstream_testing import Harness

TRACE = pack_headers([("trace", b"1"), ("nothing", None)])
ROWS = [
    (b"a", b"1", b"", 0, 5, 40, 3),
    (None, b"22", TRACE, 1, INHERIT, 41, 3),
    (b"", None, b"", 0, -7, 42, 3),
    (None, None, TRACE, 0, INHERIT, 43, 3),
    (b"a", b"", b"", 2, 0, 44, 3),
]


def instance(kind, outputs=("out",)):
    opened = Instance(kind, Harness(kind))
    opened.open(b"", ["in"], list(outputs), [store.name for store in kind.stores])
    return opened


def numbered(rows, ids):
    """A batch whose keys the host has numbered."""
    index, arena = pack(rows)
    index = bytearray(index)
    for n, number in enumerate(ids):
        column(index, KEY_ID)[n] = number
    return bytes(index), arena


def processed(kind, batch, outputs=("out",)):
    return instance(kind, outputs).process(0, 0, 0, *batch).packed()[0]


class Forward(Operator):
    outputs = ["side", "out"]

    def process_batch(self, records, context):
        context.forward_all(records)


class Look(Forward):
    def process_batch(self, records, context):
        assert [record.row for record in records] == list(range(len(records)))
        context.forward_all(records)


class Batches(unittest.TestCase):
    def test_vectors_are_written_as_the_layout_says(self):
        with open(os.path.join(HERE, "..", "..", "..", "tests", "vectors", "batches.json")) as file:
            vectors = json.load(file)
        for vector in vectors["valid"]:
            index, arena = bytearray.fromhex(vector["index"]), bytes.fromhex(vector["arena"])
            rows = unpack(bytes(index), arena)
            for n in range(len(rows)):
                column(index, KEY_ID)[n] = NONE
            self.assertEqual(pack(rows), (bytes(index), arena), vector["name"])

    def test_batch_is_forwarded_alike_whether_it_was_looked_at_or_not(self):
        for rows in ([], ROWS[:1], ROWS):
            batch = numbered(rows, range(len(rows)))
            expected = pack([(key, value, headers, 1, timestamp, row, NONE) for row, (key, value, headers, _, timestamp, _, _) in enumerate(rows)])
            for kind in (Forward, Look):
                self.assertEqual(processed(kind, batch, ["out", "side"]), expected, (kind, rows))

    def test_forwarded_records_keep_their_place_between_others(self):
        class Between(Forward):
            def process_batch(self, records, context):
                context.record = last = records[-1]
                context.emit(value=b"first", port="out", headers=[("h", b"1")])
                context.forward_all(records)
                context.emit(last, key=b"last", timestamp=9, partition=1)

        class Before(Forward):
            def process_batch(self, records, context):
                context.forward_all(records)
                context.forward_all(records)
                context.forward_all(records[1:3])

        found = unpack(*processed(Between, pack(ROWS), ["side", "out"]))
        self.assertEqual(found[0], (None, b"first", pack_headers([("h", b"1")]), 1, INHERIT, 4, NONE))
        self.assertEqual([row[5] for row in found], [4, 0, 1, 2, 3, 4, 4])
        self.assertEqual(found[-1], (b"last", b"", b"", 0, 9, 4, 1))
        found = unpack(*processed(Before, pack(ROWS), ["side", "out"]))
        self.assertEqual([row[:3] for row in found], [row[:3] for row in ROWS + ROWS + ROWS[1:3]])
        self.assertEqual([row[5] for row in found], [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 1, 2])

    def test_changed_record_is_forwarded_changed(self):
        class Change(Forward):
            def process_batch(self, records, context):
                records[0].value = b"changed"
                context.forward_all(records)

        self.assertEqual([row[1] for row in unpack(*processed(Change, pack(ROWS), ["side", "out"]))], [b"changed", b"22", None, None, b""])

    def test_records_are_a_sequence_of_lasting_records(self):
        seen = []

        class Look(Operator):
            def process_batch(self, records, context):
                seen.append(records)

        instance(Look).process(0, 0, 0, *pack(ROWS))
        records = seen[0]
        self.assertEqual((len(records), bool(records), [record.row for record in reversed(records)]), (5, True, [4, 3, 2, 1, 0]))
        self.assertIs(records[1], list(records)[1])
        self.assertIn(records[-1], records[3:])
        self.assertEqual(records.index(records[2]), 2)
        fields = [(r.key, r.value, r.packed_headers, r.port, INHERIT if r.timestamp is None else r.timestamp, r.offset, r.partition) for r in records]
        self.assertEqual(fields, ROWS)
        with self.assertRaises(AttributeError):
            records[0].size

    def test_keys_are_known_by_the_hosts_numbers_or_by_their_bytes(self):
        rows = [(key, b"v", b"", 0, 0, n, 0) for n, key in enumerate([b"b", None, b"a", b"b", b"", None, b"a"])]
        expected = [(b"b", b"1"), (b"a", b"1"), (b"b", b"2"), (b"", b"1"), (b"a", b"2")]
        # As the host numbers, as it does a part of a batch, with a number for null keys, and not at all.
        for ids in ([0, NONE, 1, 0, 2, NONE, 1], [7, NONE, 3, 7, 900, NONE, 3], [0, 1, 2, 0, 3, 1, 2], [NONE] * 7):
            one = instance(count.Count)
            context = one.process(0, 0, 0, *numbered(rows, ids))
            self.assertEqual([row[:2] for row in unpack(*context.packed()[0])], expected)
            self.assertEqual([row for row, _, _ in context.rejects], [1, 5])
            self.assertEqual(one.host.calls, {"get_many": 1, "put_many": 1, "scan": 0})
            self.assertEqual(one.host.state, {(0, key): number.to_bytes(8, "little") for key, number in ((b"b", 2), (b"a", 2), (b"", 1))})


class Values(unittest.TestCase):
    def test_changed_value_is_kept_only_if_it_is_put(self):
        notes = Store("notes", JSON)

        class Forget(Operator):
            stores = [notes]

            def process(self, record, context):
                found = context.get(notes, ["put"])
                context.put(notes, found)
                found.append("not put")
                context.emit(value=b"%d" % len(context.get(notes)))

        op = Harness(Forget)
        op.feed((b"k", b"v"), (b"k", b"v"))
        self.assertEqual(([value for _, _, value in op.outputs], op.state), ([b"1", b"1"], {(0, b"k"): b'["put"]'}))

    def test_number_that_does_not_fit_raises_where_it_is_put(self):
        counts = Store("counts", U64)
        raised = []

        class Below(Operator):
            stores = [counts]

            def process(self, record, context):
                try:
                    context.put(counts, -1)
                except Exception as e:
                    raised.append(type(e).__name__)
                context.put(counts, True)
                context.emit(value=b"%d" % (context.get(counts) + 1))
                context.put(counts, None)

        op = Harness(Below)
        op.state = {(0, b"k"): bytes(8), (0, b"other"): b"short"}
        op.feed((b"k", b"v"))
        self.assertEqual((raised, op.outputs[0][2], op.state), (["error"], b"2", {(0, b"other"): b"short"}))


if __name__ == "__main__":
    unittest.main()
