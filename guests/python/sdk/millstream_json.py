"""JSON: the interpreter's own decoder without what is not JSON, and objects field by field as they stand."""

import json
import re
from json.decoder import scanstring

from millstream_outcome import Reject

BAD_JSON = 65002
"""Reject code: the value is not the JSON that was expected."""

DEPTH_MAX = 127
"""Objects and arrays inside one another, the outermost included; as many as the other languages' SDKs allow."""

SPACES = " \n\t\r"
_SPACE = re.compile(r"[ \n\t\r]*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
# A field up to its value, as fields are: a name without escapes.
_NAME = re.compile(r'"([^"\\\x00-\x1f\ud800-\udfff]*)"[ \n\t\r]*:[ \n\t\r]*')
_COMMA = re.compile(r"[ \n\t\r]*,[ \n\t\r]*")


def _no_constant(text):
    raise ValueError(f"JSON has no {text}")


def _whole(text):
    """As other languages have it: what exceeds 64 bits is a number with a point, and so is -0."""
    if len(text) < 19 and text != "-0":
        return int(text)
    number = int(text) if len(text) < 25 else None
    return float(text) if number is None or not -(1 << 63) <= number < 1 << 64 or text == "-0" else number


_decoder = json.JSONDecoder(parse_constant=_no_constant, parse_int=_whole)
# Leaves numbers as they stand; as bytes, to tell them from strings.
_scan_fields = json.JSONDecoder(parse_constant=_no_constant, parse_int=str.encode, parse_float=str.encode).scan_once


def json_of(text):
    """The value of a text; what is no JSON rejects the record."""
    _check_depth(text)
    try:
        return _decoder.decode(text)
    except ValueError as e:
        raise Reject(BAD_JSON, f"the value: {e}") from None


def _check_depth(text):
    # A text too short for so many brackets need not be looked through.
    if len(text) > DEPTH_MAX and _depth(text) > DEPTH_MAX:
        raise Reject(BAD_JSON, f"the value: more than {DEPTH_MAX} objects and arrays inside one another")


def _depth(text):
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return 0
    depth = most = 0
    for token in _TOKEN.findall(text):
        if token in "[{":
            depth += 1
            most = max(most, depth)
        elif token in "]}":
            depth -= 1
    return most


class JsonObject:
    """The fields of a text that is one JSON object, each as it stands: for operators that pass most of it on. What is none rejects the record.

    Of fields with the same name the last one counts."""

    __slots__ = ("_text", "_fields", "_raw")

    def __init__(self, text):
        _check_depth(text)
        self._text = text
        # By name, where a field's text does not follow from its value: found when it is asked for.
        self._raw = None
        self._fields = _fields(text)
        if self._fields is None:
            # Step by step: this finds what is wrong, and where.
            self._fields = dict.fromkeys(self._raw_fields(), ())

    def raw(self, name):
        """The text of a field's value as it stands, a string with its quotes; None: there is no such field."""
        value = self._fields.get(name, self)  # which no field is
        kind = type(value)
        if kind is str and "\\" not in self._text:
            return f'"{value}"'
        if kind is bytes:
            return value.decode()
        if value is self:
            return None
        return self._raw_fields()[name]

    def value(self, name):
        """The field's value, decoded; None: there is no such field, or it is null."""
        value = self._fields.get(name)
        if value is None or type(value) is str or type(value) is bool:
            return value
        return _decoder.decode(self.raw(name))

    def __contains__(self, name):
        return name in self._fields

    def _raw_fields(self):
        if self._raw is None:
            try:
                self._raw = _raw_fields(self._text)
            except ValueError as e:
                raise Reject(BAD_JSON, f"the value: {e}") from None
        return self._raw


def _fields(text):
    """The fields of an object, decoded but for numbers, in one go of the interpreter's C code; None: it is none, or needs a closer look."""
    if not text.startswith("{"):
        text = text.lstrip(SPACES)
        if not text.startswith("{"):
            return None
    try:
        fields, end = _scan_fields(text, 0)
        if "\\" in text or not text.isascii():
            "".join(fields).encode()  # half a surrogate pair is no name
    except (ValueError, StopIteration):
        return None
    return fields if end == len(text) or not text[end:].strip(SPACES) else None


def _raw_fields(text):
    """By name, the texts of an object's fields."""
    raw = {}
    after_space = lambda at: _SPACE.match(text, at).end()
    at = after_space(0)
    _expect(text, at, "{", "an object")
    at = after_space(at + 1)
    if text[at : at + 1] == "}":
        at = after_space(at + 1)
    else:
        while True:
            named = _NAME.match(text, at)
            if named is not None:
                name, begin = named[1], named.end()
            else:
                _expect(text, at, '"', "a field's name in quotes")
                name, at = scanstring(text, at + 1)
                name.encode()  # half a surrogate pair is no name
                at = after_space(at)
                _expect(text, at, ":", "`:`")
                begin = after_space(at + 1)
            end = _decoder.raw_decode(text, begin)[1]
            raw[name] = text[begin:end]
            comma = _COMMA.match(text, end)
            if comma is None:
                break
            at = comma.end()
        at = after_space(end)
        _expect(text, at, "}", "`,` or `}` after a field")
        at = after_space(at + 1)
    if at < len(text):
        raise ValueError(f"expected nothing after the object at letter {at}")
    return raw


def _expect(text, at, letter, what):
    if text[at : at + 1] != letter:
        raise ValueError(f"expected {what} at letter {at}")


def text_of_json(raw):
    """The text that a JSON string stands for; None where it is none, or its escapes are no text."""
    if not raw.startswith('"'):
        return None
    text = _decoder.decode(raw)
    return text if text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text) else None


def same_json(a, b):
    """Whether two texts of JSON are the same value: 1 is not 1.0, and not true."""
    return a == b or same_value(_decoder.decode(a), _decoder.decode(b))


def same_value(a, b):
    """Whether two decoded values are the same in JSON."""
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same_value, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_value(value, b[name]) for name, value in a.items())
    return a == b
