"""Keeps the JSON records whose field equals a value, and of those the fields named, in that order; may make one field the key."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from millstream import BAD_JSON, Operator, Reject, json_of, same_value, text_of_json

SPACES = re.compile(r'("(?:[^"\\]|\\.)*")|[ \n\t\r]+')


@dataclass
class Only:
    field: str
    equals: Any


def as_text(raw):
    """The text of a string, and JSON of anything else, without spaces."""
    text = text_of_json(raw)
    if text is None and raw.startswith('"'):
        raise Reject(BAD_JSON, "the value: half a surrogate pair is no text")
    return text if text is not None else SPACES.sub(lambda found: found[1] or "", raw)


class Json(Operator):
    name = "json"

    @dataclass
    class Config:
        only: Only | None = None
        """Only records that have this; None: all."""
        select: list[str] = field(default_factory=list)
        """Fields to keep, in order; those that a record lacks are left out. Empty: the value stays as it is."""
        key: str | None = None
        """The field whose text becomes the key."""

    def open(self, config, setup):
        self.only, self.key = config.only, config.key
        self.equals = config.only and json_of(json.dumps(config.only.equals))
        self.names = [(name, json.dumps(name, ensure_ascii=False) + ":") for name in config.select]

    def process(self, record, context):
        fields = record.object()
        if self.only:
            name = self.only.field
            if name not in fields or not same_value(fields.value(name), self.equals):
                return
        changes = {}
        if self.key is not None:
            raw = fields.raw(self.key)
            if raw is None:
                raise Reject(BAD_JSON, f"the value has no field `{self.key}`")
            changes["key"] = as_text(raw).encode()
        if self.names:
            kept = ",".join([quoted + raw for name, quoted in self.names if (raw := fields.raw(name)) is not None])
            changes["value"] = f"{{{kept}}}".encode()
        context.emit(record, **changes)
