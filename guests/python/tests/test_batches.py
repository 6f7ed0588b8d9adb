"""Batches in columns: what is packed and passed on is what the layout says, whatever the way there."""

import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(HERE, "..", "sdk"), os.path.join(HERE, "..", "operators", "count")]

import count
from millstream import I64, INHERIT, JSON, NO_KEY, NONE, TEXT, U64, Fatal, Instance, Operator, Store, pack, pack_headers, unpack
from millstream_layout import KEY_ID, column, numbers, pack_columns
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


SUMS = Store("sums", I64)
NOTES = Store("notes", JSON)
NAMES = Store("names", TEXT)


def doing(process_batch, **more):
    """A harness around an operator whose `process_batch` is given."""
    kind = type("Trial", (Operator,), {"outputs": ["out", "side"], "stores": [SUMS, NOTES, NAMES], "process_batch": staticmethod(process_batch), **more})
    return Harness(kind)


class Columns(unittest.TestCase):
    def test_records_are_columns_too_and_some_can_be_selected(self):
        def look(records, context):
            some = records.select(value is not None for value in records.values)
            seen.append((records.rows, records.keys, records.values, records.distinct_keys()))
            seen.append((some.rows, some.keys, some.values, some.distinct_keys()))
            last = some.select([False, False, True])
            seen.append((len(last), last[0], last[-1:], list(last), list(reversed(some))[0]))
            with self.assertRaisesRegex(ValueError, "2 flags for 3 records"):
                some.select([True, False])

        for more in ({}, {"stores": []}):
            seen = []
            op = doing(look, **more)
            op.feed((b"a", b"1"), (None, b"22"), (b"b", None), (b"a", b""))
            self.assertEqual(seen[0], ([0, 1, 2, 3], [b"a", None, b"b", b"a"], [b"1", b"22", None, b""], [b"a", b"b"]))
            self.assertEqual(seen[1], ([0, 1, 3], [b"a", None, b"a"], [b"1", b"22", b""], [b"a"]))
            last = seen[2][1]
            self.assertEqual(last.row, 3)
            self.assertEqual(seen[2], (1, last, [last], [last], last))

    def test_records_are_rejected_in_order_and_once(self):
        def refuse(records, context):
            context.emit_many(context.require_keys(context.reject_where(records, (value == b"no" for value in records.values), 7, "no")), values=[b"x", b"y"])

        op = doing(refuse)
        op.feed((b"", b""), (None, b""), (None, b"no"), (b"a", b"no"), (b"b", None))
        self.assertEqual(op.rejects, [(1, NO_KEY, "the record has no key"), (2, 7, "no"), (3, 7, "no")])
        self.assertEqual(op.outputs, [("out", b"", b"x"), ("out", b"b", b"y")])
        op = doing(lambda records, context: self.assertIs(context.require_keys(context.reject_where(records, [False], 7, "no")), records))
        op.feed((b"a", b""))
        with self.assertRaisesRegex(ValueError, "1 flags for 2 records"):
            op.feed((b"a", b""), (b"b", b""))

    def test_sums_are_kept_by_key(self):
        def sum_up(records, context):
            fit = context.require_keys(records)
            totals = context.accumulate(SUMS, fit, [int(value) for value in fit.values])
            context.emit_many(fit, values=[b"%d" % total for total in totals])

        for more in ({}, {"stores": [SUMS]}, {"stores": [SUMS], "read_ahead": False}, {"prefetch": lambda self, record, want: want(SUMS, b"other")}):
            op = doing(sum_up, **more)
            op.feed((b"a", b"1"), (b"bb", b"-2"), (None, b"9"), (b"a", b"40"))
            op.reopen()
            op.feed((b"bb", b"5"), (b"new", b"6"), (b"a", b"1"))
            op.feed((b"bb", b"5"), (b"new", b"6"), (b"a", b"1"))
            self.assertEqual([value for _, _, value in op.outputs], [b"1", b"-2", b"41", b"3", b"6", b"42", b"8", b"12", b"43"])
            self.assertEqual(op.state, {(0, key): number.to_bytes(8, "little") for key, number in ((b"a", 43), (b"bb", 8), (b"new", 12))})
            self.assertEqual(op.calls["put_many"], 3)

    def test_any_function_changes_values_and_none_deletes_them(self):
        def change(records, context):
            longest = context.accumulate(NAMES, records, records.values, lambda old, value: None if value is None else max(old, value.decode(), key=len), "")
            lists = context.accumulate(NOTES, records, records.rows, lambda old, row: [*old, row], [])
            context.emit_many(records, values=[json.dumps(pair).encode() for pair in zip(longest, lists)])

        op = doing(change)
        op.feed((b"a", b"mill"), (b"b", b"x"), (b"a", b"rye"), (b"b", None), (b"a", b"stream"))
        found = [json.loads(value) for _, _, value in op.outputs]
        self.assertEqual(found, [["mill", [0]], ["x", [1]], ["mill", [0, 2]], [None, [1, 3]], ["stream", [0, 2, 4]]])
        self.assertEqual(op.state, {(2, b"a"): b"stream", (1, b"a"): b"[0,2,4]", (1, b"b"): b"[1,3]"})

    def test_values_of_another_type_come_back_as_they_stand_in_the_store(self):
        def change(records, context):
            context.accumulate(SUMS, records, records.values, lambda old, value: True)
            context.record = records[0]
            context.emit(value=repr(context.get(SUMS)).encode())

        op = doing(change)
        op.feed((b"a", b""))
        self.assertEqual((op.outputs[0][2], op.state), (b"1", {(0, b"a"): (1).to_bytes(8, "little")}))

    def test_what_is_accumulated_is_seen_by_all_that_follows(self):
        def mix(records, context):
            for context.record in records:
                context.put(SUMS, 10)
            context.accumulate(SUMS, records, [1] * len(records))
            context.put_of(SUMS, b"c", 3)
            seen.append(list(context.scan(SUMS)))
            context.accumulate(SUMS, records.select([True, False, False]), [100])
            seen.append((context.get(SUMS), context.get_of(SUMS, b"b"), context.get_of(SUMS, b"c")))

        seen = []
        op = doing(mix)
        op.feed((b"a", b""), (b"b", b""), (b"a", b""))
        self.assertEqual(seen, [[(b"a", 12), (b"b", 11), (b"c", 3)], (112, 11, 3)])
        self.assertEqual([value[0] for value in op.state.values()], [112, 11, 3])

    def test_failure_leaves_the_values_as_they_were(self):
        def fail(records, context):
            for wrong in ([1], [1, 2, 3], [1, "x"], [1, 1 << 64]):
                with self.assertRaises(Exception):
                    context.accumulate(SUMS, records.select([True, True, False]), wrong)
            with self.assertRaisesRegex(ValueError, "a record has no key: see `require_keys`"):
                context.accumulate(SUMS, records, [1, 1, 1])
            context.record = records[0]
            context.emit(value=b"%d" % context.get(SUMS))

        op = doing(fail, stores=[SUMS])
        op.state = before = {(0, b"a"): (5).to_bytes(8, "little")}
        op.feed((b"a", b""), (b"b", b""), (None, b""))
        self.assertEqual((op.outputs[0][2], op.state), (b"5", before))

    def test_state_that_cannot_be_read_is_fatal(self):
        for key in (b"a", b"b"):
            op = doing(lambda records, context: context.accumulate(SUMS, records, [1] * len(records)), stores=[SUMS])
            op.state = {(0, b"a"): bytes(8), (0, b"b"): bytes(8), (0, key): b"short"}
            with self.assertRaisesRegex(Fatal, f"store `sums`, key `{key.decode()}`: a i64 has 8 bytes, this value 5"):
                op.feed((b"a", b""), (b"b", b""))

    def test_columns_are_emitted_in_their_place(self):
        def emit(records, context):
            context.record = records[1]
            context.emit(value=b"first")
            context.emit_many(records, values=[None, b"v"], port="side")
            context.emit_many(records.select([False, True]), keys=[None], values=[b"w"])
            context.emit_many(records.select([False, False]), values=[])
            context.emit(key=b"last")
            with self.assertRaisesRegex(ValueError, "2 keys and 1 values for 2 records"):
                context.emit_many(records, values=[b""])

        batch = pack([(b"a", b"1", TRACE, 0, 5, 40, 3), (None, b"2", b"", 0, 6, 41, 3)])
        kind = type("Trial", (Operator,), {"outputs": ["out", "side"], "process_batch": staticmethod(emit)})
        expected = [(None, b"first", 0, 1), (b"a", None, 1, 0), (None, b"v", 1, 1), (None, b"w", 0, 1), (b"last", None, 0, 1)]
        rows = [(key, value, b"", port, INHERIT, row, NONE) for key, value, port, row in expected]
        self.assertEqual(unpack(*processed(kind, batch, ["out", "side"])), rows)

    def test_numbers_are_read_whatever_the_lengths_of_their_keys(self):
        keys = [b"", b"a", b"k" * 300, b"key"]
        values = [number.to_bytes(8, "little") for number in (0, 1, 1 << 63, (1 << 64) - 1)]
        self.assertEqual(list(numbers(*pack_columns(keys, values), "Q")), [0, 1, 1 << 63, (1 << 64) - 1])
        self.assertEqual(list(numbers(b"", b"", "Q")), [])
        self.assertIsNone(numbers(*pack_columns(keys, values[:3] + [None]), "Q"))
        self.assertIsNone(numbers(*pack_columns(keys, values[:3] + [b"short"]), "Q"))
        self.assertIsNone(numbers(*pack_columns(keys, values, [TRACE, b"", b"", b""]), "Q"))

    def test_only_what_was_written_goes_back(self):
        op = doing(lambda records, context: context.accumulate(SUMS, records.select(records.values), [1]), stores=[SUMS])
        op.state = {(0, key): number.to_bytes(8, "little") for key, number in ((b"a", 1), (b"long key", 2))}
        op.feed((b"a", b""), (b"long key", b"yes"))
        op.feed((b"long key", b""), (b"a", b"yes"))
        self.assertEqual(op.state, {(0, key): number.to_bytes(8, "little") for key, number in ((b"a", 2), (b"long key", 3))})


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
