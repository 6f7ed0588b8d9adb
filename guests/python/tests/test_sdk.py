"""The SDK under a plain Python: `python3 -m unittest discover guests/python/tests`."""

import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(HERE, "..", "sdk"), os.path.join(HERE, "..", "operators", "count")]

import count
from millstream import BYTES, JSON, U64, Fatal, Operator, Reject, Store, operator_of, pack_headers, prefix_end, unpack, unpack_headers
from millstream_testing import Harness

NOTES = Store("notes", JSON)
SUMS = Store("sums", U64)


class Keeper(Operator):
    outputs = ["out", "side"]
    stores = [NOTES, SUMS]

    def process(self, record, context):
        match record.value:
            case b"timer":
                context.set_timer(record.timestamp + 10, payload=b"p")
            case b"untimer":
                context.delete_timer(record.timestamp + 10, payload=b"p")
            case b"scan":
                context.put_of(SUMS, b"a3", 3)
                found = list(context.scan(SUMS, prefix=b"a"))
                context.emit(key=b"scan", value=json.dumps([[key.decode(), value] for key, value in found]).encode(), port="side")
            case b"delete":
                context.put(NOTES, None)
            case b"fail":
                context.put(SUMS, 99)
                raise Fatal("told to")
            case value:
                notes = context.get(NOTES, [])
                context.put(NOTES, notes + [value.decode()])
                context.emit(record, headers=[("n", b"1"), ("none", None)])

    def on_timer(self, timer, context):
        context.emit(key=timer.key, value=timer.payload)
        context.put(SUMS, context.get(SUMS, 0) + 1)


class Sdk(unittest.TestCase):
    def test_count_reads_its_own_writes_across_instances(self):
        op = Harness(operator_of(count))
        op.feed((b"a", b"x"), (b"b", b"x"), (b"a", b"poison"), (b"a", None), (None, b"x"))
        op.reopen()
        op.feed((b"a", b"x"))
        self.assertEqual(op.outputs, [("out", b"a", b"1"), ("out", b"b", b"1"), ("out", b"a", b"2"), ("out", b"a", b"3")])
        self.assertEqual(op.rejects, [(2, 1, "poison"), (4, 65000, "the record has no key")])
        self.assertEqual(op.calls, {"get_many": 2, "put_many": 2, "scan": 0})

    def test_failed_call_leaves_no_state(self):
        op = Harness(Keeper)
        with self.assertRaises(Fatal):
            op.feed((b"k", b"note"), (b"k", b"fail"))
        self.assertEqual(op.state, {})

    def test_scan_sees_what_the_call_wrote_and_goes_on_past_a_page(self):
        op = Harness(Keeper)
        op.state = {(1, b"a1"): bytes([1] + [0] * 7), (1, b"a2"): bytes([2] + [0] * 7), (1, b"b"): bytes(8)}
        op.feed((b"k", b"scan"))
        self.assertEqual(op.outputs, [("side", b"scan", b'[["a1", 1], ["a2", 2], ["a3", 3]]')])
        self.assertEqual(op.calls["scan"], 2)

    def test_timers_fire_once_in_order_and_can_be_deleted(self):
        op = Harness(Keeper)
        op.feed((b"b", b"timer", 5), (b"a", b"timer", 5), (b"a", b"timer", 5), (b"c", b"timer", 5), (b"c", b"untimer", 5))
        op.advance_watermark(14)
        self.assertEqual(op.outputs, [])
        op.advance_watermark(15)
        self.assertEqual(op.outputs, [("out", b"a", b"p"), ("out", b"b", b"p")])
        self.assertEqual(op.timers, set())

    def test_deleted_value_is_gone_and_unreadable_state_is_fatal(self):
        op = Harness(Keeper)
        op.feed((b"k", b"note"), (b"k", b"more"))
        self.assertEqual(op.state, {(0, b"k"): b'["note","more"]'})
        op.feed((b"k", b"delete"))
        self.assertEqual(op.state, {})
        op.state = {(0, b"k"): b"{"}
        with self.assertRaisesRegex(Fatal, "store `notes`, key `k`"):
            op.feed((b"k", b"note"))

    def test_headers_come_back_as_they_went(self):
        headers = [("a", b"1"), ("ä", None), ("a", b"")]
        self.assertEqual(unpack_headers(pack_headers(headers)), headers)
        self.assertEqual(unpack_headers(b""), [])

    def test_prefix_ends_where_the_next_begins(self):
        self.assertEqual([prefix_end(b"a"), prefix_end(b"a\xff"), prefix_end(b"\xff"), prefix_end(b"")], [b"b", b"b", b"", b""])

    def test_config_and_stores_are_checked_at_open(self):
        with self.assertRaisesRegex(Fatal, "config"):
            Harness(operator_of(count), {"step": 1})

    def test_vectors_are_read_as_the_layout_says(self):
        with open(os.path.join(HERE, "..", "..", "..", "tests", "vectors", "batches.json")) as file:
            vectors = json.load(file)
        hex_or_none = lambda text: None if text is None else bytes.fromhex(text)
        for vector in vectors["valid"]:
            rows = unpack(bytes.fromhex(vector["index"]), bytes.fromhex(vector["arena"]))
            expected = [
                (
                    hex_or_none(row["key"]),
                    hex_or_none(row["value"]),
                    [(name, hex_or_none(value)) for name, value in row["headers"]],
                    row["port"],
                    row["timestamp"],
                    row["offset"],
                    row["partition"],
                )
                for row in vector["rows"]
            ]
            self.assertEqual([(*row[:2], unpack_headers(row[2]), *row[3:]) for row in rows], expected, vector["name"])


if __name__ == "__main__":
    unittest.main()
