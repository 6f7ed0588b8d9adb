"""Flat-map: one record for each word of the value, with the word as key and as value. Words are runs of letters and digits, in lower case."""

import re

from alphabetic import MARKS
from millstream import Operator

# `\w` is what Python calls alphanumeric, and the underscore.
WORDS = re.compile(f"(?:[^\\W_]|[{MARKS}])+")


class Split(Operator):
    name = "split"

    def process(self, record, context):
        for word in WORDS.findall(record.value_text().lower()):
            context.emit(key=word.encode(), value=word.encode())
