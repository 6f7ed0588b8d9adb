"""The job's config for an operator, decoded into a dataclass by the types of its fields; what does not fit is told with the field's name."""

import dataclasses
import types
import typing

from millstream_outcome import Fatal


class _Mismatch(Exception):
    """What was expected in place of what was found."""


def configured(kind, value):
    """The config as a `kind`, which is a dataclass."""
    try:
        return _decoded(kind, value)
    except _Mismatch as e:
        raise Fatal(f"config: {e}") from None


NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def _decoded(kind, value):
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is typing.Any or kind is object:
        return value
    if dataclasses.is_dataclass(kind):
        return _fields(kind, value)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _decoded(next(one for one in arguments if one is not type(None)), value)
    if origin is typing.Literal:
        if value not in arguments:
            raise _Mismatch(f"unknown variant `{value}`, expected one of {', '.join(f'`{one}`' for one in arguments)}")
        return value
    if origin is list:
        if not isinstance(value, list):
            raise _Mismatch(f"found {value!r}, expected a list")
        return [_at(str(n), arguments[0], item) for n, item in enumerate(value)]
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _Mismatch(f"found {value!r}, expected {NAMES.get(kind, kind.__name__)}")
    return value


def _fields(kind, value):
    if not isinstance(value, dict):
        raise _Mismatch(f"found {value!r}, expected an object")
    hints = typing.get_type_hints(kind)
    known = {field.metadata.get("name", field.name): field for field in dataclasses.fields(kind)}
    for name in value:
        if name not in known:
            raise _Mismatch(f"unknown field `{name}`, expected one of {', '.join(f'`{one}`' for one in known)}")
    given = {}
    for name, field in known.items():
        if name in value:
            given[field.name] = _at(name, hints[field.name], value[name])
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise _Mismatch(f"missing field `{name}`")
    return kind(**given)


def _at(name, kind, value):
    try:
        return _decoded(kind, value)
    except _Mismatch as e:
        raise _Mismatch(f"`{name}`: {e}") from None
