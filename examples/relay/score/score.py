"""score, in Python: what a passenger would say of a delay. Minutes in (or `null`: the flight was cancelled), JSON out."""

import json

from millstream import Operator, Reject

NO_DELAY = 1
"""Reject code."""

LIMITS = [(15, "on time"), (60, "late"), (180, "very late")]
"""Up to so many minutes it is called so."""


class Score(Operator):
    name = "score"

    def process(self, record, context):
        text = record.value.decode() if record.value is not None else "null"
        if text == "null":
            self.say(record, context, {"score": "cancelled"})
            return
        try:
            delay = int(text)
        except ValueError:
            raise Reject(NO_DELAY, f"{text!r} is no delay in minutes") from None
        score = next((score for limit, score in LIMITS if delay < limit), "a disaster")
        self.say(record, context, {"delay": delay, "score": score})

    def say(self, record, context, value):
        context.emit(key=record.key, value=json.dumps(value, separators=(",", ":")).encode())
