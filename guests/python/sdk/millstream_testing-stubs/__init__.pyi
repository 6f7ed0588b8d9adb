"""Types of `millstream_testing`."""

from typing import Any

from millstream import Operator

Input = tuple[bytes | None, bytes | None] | tuple[bytes | None, bytes | None, int | None] | tuple[bytes | None, bytes | None, int | None, int]

class Harness:
    kind: type[Operator]
    # By number of the store and key.
    state: dict[tuple[int, bytes], bytes]
    timers: set[tuple[int, int, bytes | None, bytes]]
    logs: list[tuple[int, str]]
    counters: dict[str, int]
    calls: dict[str, int]
    watermark: int
    now: int
    # Port, key and value; row, code and message.
    outputs: list[tuple[str, bytes | None, bytes | None]]
    rejects: list[tuple[int, int, str]]
    def __init__(self, kind: type[Operator], config: Any = None) -> None: ...
    def reopen(self) -> None: ...
    def feed(self, *records: Input) -> None: ...
    def advance_watermark(self, watermark: int) -> None: ...
    def advance_now(self, now: int) -> None: ...
