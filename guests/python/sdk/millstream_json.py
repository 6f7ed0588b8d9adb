"""JSON: the interpreter's own decoder without what is not JSON, and objects field by field as they stand."""

import json
import re
from json.decoder import scanstring

from millstream_outcome import Reject

BAD_JSON = 65002
"""Reject code: the value is not the JSON that was expected."""

DEPTH_MAX = 127
"""Objects and arrays inside one another, the outermost included; as many as the other languages' SDKs allow."""

_SPACE = re.compile(r"[ \n\t\r]*")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def _no_constant(text):
    raise ValueError(f"JSON has no {text}")


def _whole(text):
    """As other languages have it: what exceeds 64 bits is a number with a point, and so is -0."""
    number = int(text) if len(text) < 25 else None
    return float(text) if number is None or not -(1 << 63) <= number < 1 << 64 or text == "-0" else number


_decoder = json.JSONDecoder(parse_constant=_no_constant, parse_int=_whole)


def json_of(text):
    """The value of a text; what is no JSON rejects the record."""
    if _depth(text) > DEPTH_MAX:
        raise Reject(BAD_JSON, f"the value: more than {DEPTH_MAX} objects and arrays inside one another")
    try:
        return _decoder.decode(text)
    except ValueError as e:
        raise Reject(BAD_JSON, f"the value: {e}") from None


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
    """The fields of a text that is one JSON object, each still as text: for operators that pass most of it on. What is none rejects the record.

    Of fields with the same name the last one counts."""

    def __init__(self, text):
        if _depth(text) > DEPTH_MAX:
            raise Reject(BAD_JSON, f"the value: more than {DEPTH_MAX} objects and arrays inside one another")
        self._raw = {}
        try:
            self._read(text)
        except ValueError as e:
            raise Reject(BAD_JSON, f"the value: {e}") from None

    def raw(self, name):
        """The text of a field's value as it stands, a string with its quotes; None: there is no such field."""
        return self._raw.get(name)

    def value(self, name):
        """The field's value, decoded; None: there is no such field, or it is null."""
        raw = self._raw.get(name)
        return None if raw is None else _decoder.decode(raw)

    def __contains__(self, name):
        return name in self._raw

    def _read(self, text):
        after_space = lambda at: _SPACE.match(text, at).end()
        at = after_space(0)
        _expect(text, at, "{", "an object")
        at = after_space(at + 1)
        if text[at : at + 1] == "}":
            at = after_space(at + 1)
        else:
            while True:
                _expect(text, at, '"', "a field's name in quotes")
                name, at = scanstring(text, at + 1)
                name.encode()  # half a surrogate pair is no name
                at = after_space(at)
                _expect(text, at, ":", "`:`")
                begin = after_space(at + 1)
                end = _decoder.raw_decode(text, begin)[1]
                self._raw[name] = text[begin:end]
                at = after_space(end)
                if text[at : at + 1] != ",":
                    break
                at = after_space(at + 1)
            _expect(text, at, "}", "`,` or `}` after a field")
            at = after_space(at + 1)
        if at < len(text):
            raise ValueError(f"expected nothing after the object at letter {at}")


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
    return _same(_decoder.decode(a), _decoder.decode(b))


def _same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(value, b[name]) for name, value in a.items())
    return a == b
