"""The operators of the test suites under a plain Python, and what they need of the SDK: config, JSON, reading ahead."""

import dataclasses
import importlib
import os
import sys
import typing
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(HERE, "..", "sdk")]
for name in ["filter-map", "identity", "join", "json", "misbehave", "split", "window"]:
    sys.path.append(os.path.join(HERE, "..", "operators", name))

from millstream import BAD_JSON, BAD_TEXT, NO_KEY, NO_TIME, Fatal, JsonObject, Operator, Reject, Retry, json_of, operator_of, same_json, text_of_json
from millstream_config import configured
from millstream_testing import Harness

LARGEST = (1 << 63) - 1


def opened(module, config=None):
    return Harness(operator_of(importlib.import_module(module)), config)


def codes(op):
    return [(row, code) for row, code, _ in op.rejects]


class Operators(unittest.TestCase):
    def test_identity_passes_on_what_it_is_given(self):
        op = opened("identity")
        op.feed((b"k", b"v", 7), (None, b"v"), (b"k", None))
        self.assertEqual(op.outputs, [("out", b"k", b"v"), ("out", None, b"v"), ("out", b"k", None)])

    def test_filter_map_keeps_and_maps(self):
        op = opened("filter_map", {"keep": "mill"})
        op.feed((b"a", b"windmill"), (b"b", b"wind"), (b"c", "mill é".encode()), (b"d", b"\xff"), (b"e", None))
        self.assertEqual([value for _, _, value in op.outputs], [b"WINDMILL", "MILL é".encode()])
        self.assertEqual(codes(op), [(3, BAD_TEXT), (4, BAD_TEXT)])
        with self.assertRaisesRegex(Fatal, "config: `map`: unknown variant `title`, expected one of `upper`, `lower`, `same`"):
            opened("filter_map", {"map": "title"})

    def test_split_emits_each_word(self):
        op = opened("split")
        op.feed((None, b"The mill_the stream."), (None, "Öl 42, x² \u0905\u0902\u0915".encode()))
        self.assertEqual([value.decode() for _, _, value in op.outputs], ["the", "mill", "the", "stream", "öl", "42", "x²", "\u0905\u0902\u0915"])

    def test_window_emits_when_the_watermark_passes_its_end(self):
        op = opened("window", {"size_ms": 100, "lateness_ms": 50})
        op.feed((b"a", b"1", 0), (b"a", b" +2\n", 99), (b"b", b"-7", -1))
        op.advance_watermark(49)
        op.advance_watermark(50)
        op.reopen()
        op.feed((b"b", b"4", -30))
        op.advance_watermark(LARGEST)
        self.assertEqual(
            op.outputs,
            [
                ("out", b"b", b'{"start":-100,"end":0,"count":1,"sum":-7}'),
                ("late", b"b", b"4"),
                ("out", b"a", b'{"start":0,"end":100,"count":2,"sum":3}'),
            ],
        )
        self.assertEqual((op.state, op.timers), ({}, set()))
        # A timer's state and a late record's are read ahead, too: one call each.
        self.assertEqual(op.calls, {"get_many": 4, "put_many": 3, "scan": 0})

    def test_window_rejects_what_it_cannot_count(self):
        op = opened("window", {"size_ms": 100})
        records = [(b"a", text, 0) for text in (b"x", b"%d" % LARGEST, b"1", b"+-1", b"9" * 5_000, b"1_0", b"")]
        op.feed(*records, (None, b"1", 0), (b"a", b"1"))
        self.assertEqual(codes(op), [(0, 1), (2, 2), (3, 1), (4, 1), (5, 1), (6, 1), (7, NO_KEY), (8, NO_TIME)])
        for config in ({}, {"size_ms": 0}, {"size_ms": 1.5}, {"size_ms": 1, "other": 2}):
            with self.assertRaisesRegex(Fatal, "config: "):
                opened("window", config)

    def test_join_pairs_and_forgets(self):
        op = opened("join", {"within_ms": 10})
        op.feed((b"a", b"l1", 0, 0), (b"a", b"r1", 10, 1), (b"a", b"r2", 11, 1), (b"b", b"l2", 10, 0), (b"a", b"l3", 12, 0))
        self.assertEqual([value for _, _, value in op.outputs], [b"l1|r1", b"l3|r1", b"l3|r2"])
        self.assertEqual(op.calls, {"get_many": 1, "put_many": 1, "scan": 0})
        op.advance_watermark(21)
        op.feed((b"a", b"late", 10, 0), (b"a", None, 30, 0), (None, b"x", 30, 0))
        self.assertEqual((op.outputs[-1], codes(op)), (("late", b"a", b"late"), [(1, 1), (2, NO_KEY)]))
        op.advance_watermark(LARGEST)
        self.assertEqual((op.state, op.timers), ({}, set()))
        op = opened("join", {"within_ms": 10})
        op.state = {(0, b"a"): b"eleven byte"}
        with self.assertRaisesRegex(Fatal, "store `left`, key `a`: the waiting records end in the middle of one"):
            op.feed((b"a", b"x", 1, 0))

    def test_json_filters_and_projects(self):
        op = opened("json_fields", {"only": {"field": "o", "equals": 1}, "select": ["n", "o"], "key": "n"})
        op.feed(*[(None, text) for text in (b'{"o":1,"x":[1, 2],"n":[ 7 ]}', b'{"o":1.0,"n":1}', b'{"n":1}', b"{", b'{"o":1}', b'{"o":1,"n":"\\ud800"}')])
        self.assertEqual(op.outputs, [("out", b"[7]", b'{"n":[ 7 ],"o":1}')])
        self.assertEqual(codes(op), [(3, BAD_JSON), (4, BAD_JSON), (5, BAD_JSON)])

    def test_misbehave_passes_on_what_is_no_order(self):
        op = opened("misbehave")
        op.feed(*[(b"k", value) for value in (b"fine", b"reject:7", b"raise:x", b"tiny:2", b"forgetful")])
        self.assertEqual([value for _, _, value in op.outputs], [b"fine", b"raise:x", b"", b"", b"5"])
        self.assertEqual(codes(op), [(1, 7)])
        for order, failure in ((b"retry", Retry), (b"fatal", Fatal), (b"raise", ValueError), (b"exit", SystemExit)):
            with self.assertRaises(failure):
                op.feed((b"k", order))
        with self.assertRaisesRegex(ValueError, "told to raise on `b`"):
            opened("misbehave", {"panic-on": ["b"]}).feed((b"k", b"b"))
        for config in ({"open": "fatal"}, {"open": "what"}):
            with self.assertRaises(Fatal):
                opened("misbehave", config)


@dataclasses.dataclass
class Inner:
    field: str
    equals: typing.Any


@dataclasses.dataclass
class Config:
    size: int
    share: float = 0.5
    kind: typing.Literal["a", "b"] = "a"
    only: Inner | None = None
    names: list[str] = dataclasses.field(default_factory=list)


class Values(unittest.TestCase):
    def test_config_is_decoded_by_the_types_of_its_fields(self):
        decoded = configured(Config, {"size": 7, "share": 1, "only": {"field": "f", "equals": None}, "names": ["n"]})
        self.assertEqual(decoded, Config(7, 1.0, "a", Inner("f", None), ["n"]))
        self.assertIs(configured(Config, {"size": 1, "only": None}).only, None)
        wrong = {
            "missing field `size`": {},
            "found \\[\\], expected an object": [],
            "`size`: found True, expected a whole number": {"size": True},
            "`names`: `1`: found 2, expected a text": {"size": 1, "names": ["a", 2]},
            "`only`: missing field `equals`": {"size": 1, "only": {"field": "a"}},
            "unknown field `sise`, expected one of `size`": {"sise": 1},
        }
        for message, value in wrong.items():
            with self.assertRaisesRegex(Fatal, f"config: {message}"):
                configured(Config, value)

    def test_fields_of_an_object_are_found_as_they_stand(self):
        fields = JsonObject(' { "a" : [ 1 , {"b": "]"} ] , "n":-1.5e3,"\\u006b":{} , "n":true } \n')
        self.assertEqual((fields.raw("a"), fields.raw("n"), fields.raw("k"), fields.raw("b")), ('[ 1 , {"b": "]"} ]', "true", "{}", None))
        self.assertEqual(fields.value("a"), [1, {"b": "]"}])
        for wrong in ("", "7", "[]", "{", '{"a"}', '{"a":}', '{"a":1,}', '{"a":01}', '{"a":1} x', '{"a":NaN}', '{"a":"\n"}', '{"\\ud800":1}', '{"a":' + "[" * 127 + "]" * 127 + "}"):
            with self.assertRaises(Reject, msg=wrong):
                JsonObject(wrong)
        JsonObject('{"a":' + "[" * 126 + "]" * 126 + "}")
        with self.assertRaises(Reject):
            json_of("[" * 100_000)

    def test_json_values_are_compared_exactly(self):
        for a, b in (("1", " 1"), ('"a"', '"\\u0061"'), ('{"a":1,"b":[2]}', '{"b":[2],"a":1}'), ("1.0", "10e-1")):
            self.assertTrue(same_json(a, b), (a, b))
        for a, b in (("1", "1.0"), ("1", "true"), ("9007199254740993", "9007199254740992"), ("[1]", "[1.0]"), ("null", "false")):
            self.assertFalse(same_json(a, b), (a, b))
        self.assertEqual((text_of_json('"\\ud83d\\ude00"'), text_of_json('"\\ud800"'), text_of_json("1")), ("😀", None, None))

    def test_operator_may_reject_in_a_batch_and_needs_a_port(self):
        class Sink(Operator):
            outputs = []

            def process_batch(self, records, context):
                for context.record in records:
                    context.reject(3, "no")
                    if context.record.header("h") is None and context.record.value == b"emit":
                        context.emit()

        op = Harness(Sink)
        op.feed((b"a", b"x"), (b"b", b"x"))
        self.assertEqual(codes(op), [(0, 3), (1, 3)])
        with self.assertRaisesRegex(Fatal, "declares no output port: add it to `outputs`"):
            op.feed((b"a", b"emit"))


if __name__ == "__main__":
    unittest.main()
