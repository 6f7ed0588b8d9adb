"""Keeps the records whose value contains a text, and changes the value's case."""

from dataclasses import dataclass
from typing import Literal

from millstream import Operator

MAPS = {"upper": bytes.upper, "lower": bytes.lower, "same": bytes}
"""What happens to ASCII letters: those of bytes are no others."""


class FilterMap(Operator):
    name = "filter-map"

    @dataclass
    class Config:
        keep: str = ""
        """Records whose value does not contain this are dropped. Empty: all stay."""
        map: Literal["upper", "lower", "same"] = "upper"

    def open(self, config, setup):
        self.keep = config.keep
        self.map = MAPS[config.map]

    def process(self, record, context):
        if self.keep in record.value_text():
            context.emit(record, value=self.map(record.value))
