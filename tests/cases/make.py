#!/usr/bin/env python3
"""Writes the golden cases: job, input and expected output, the latter by small models of the operators written here, independently of the host.

Cases are written for the operators in Rust; the tests run each in every language that has its operators (`tests/support/languages.rs`).
Run it after changing a case (`python3 tests/cases/make.py`), and commit what it writes. `{components}` and `{dir}` in a job are filled in by the tests;
`@MIB@` in a value stands for a mebibyte of `x`. Records of one key are compared in order; where `ordered` is given, all records of a partition are.
"""

import collections
import json
import pathlib
import random

HERE = pathlib.Path(__file__).resolve().parent
WORDS = "alpha beta gamma delta the quick brown fox jumps over lazy dog stream table mill wheel water".split()
SMALL = 'limits = { batch-records = 7, call = "20s" }'
HEAD = '[checkpoint]\ninterval = "1ms"\n'


def write(name, job, inputs, expected, workers=1):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    (folder / "job.toml").write_text(f'name = "{name}"\nworkers = {workers}\n\n{HEAD}\n{job.strip()}\n')
    for file, records in {**inputs, **{f"expected-{stream}.jsonl": rows for stream, rows in expected.items()}}.items():
        (folder / file).write_text("".join(json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n" for record in records))


def rec(key, value, timestamp=None, headers=None):
    record = {"key": key, "value": value}
    if timestamp is not None:
        record["timestamp"] = timestamp
    if headers is not None:
        record["headers"] = headers
    return record


def one_input(operator, component, extra="", watermark=""):
    return f"""
[input.in]
file = "{{dir}}/input.jsonl"
format = "jsonl"
{watermark}

[operator.{operator}]
component = "{{components}}/{component}.wasm"
input = ["in"]
{SMALL}
{extra}
"""


def output(name, source, partitions=1):
    return f'\n[output.{name}]\nstream = "{name}"\nfrom = "{source}"\npartitions = {partitions}\n'


def sentences(rng, n):
    return [rec(f"k{rng.randrange(20)}", " ".join(rng.choices(WORDS, k=rng.randrange(1, 6))), 1000 + i) for i in range(n)]


class Watermark:
    """Bounded disorder in steps, as the host documents it: a record meets the watermark of those before it."""

    def __init__(self, disorder, step):
        self.disorder, self.step, self.latest = disorder, step, None

    def value(self):
        return None if self.latest is None else (self.latest - self.disorder) // self.step * self.step

    def see(self, timestamp):
        self.latest = timestamp if self.latest is None else max(self.latest, timestamp)


def stateless():
    rng = random.Random(1)
    records = sentences(rng, 300)
    kept = [r for r in records if "fox" in r["value"]]
    write("filter", one_input("keep", "rust-filter-map", 'config = { keep = "fox", map = "same" }') + output("out", "keep"), {"input.jsonl": records}, {"out": kept})
    upper = [{**r, "value": r["value"].upper()} for r in records]
    write("map", one_input("upper", "rust-filter-map", 'config = { map = "upper" }') + output("out", "upper"), {"input.jsonl": records}, {"out": upper})
    words = [rec(w, w, r["timestamp"]) for r in records for w in r["value"].split()]
    write("flat-map", one_input("split", "rust-split") + output("out", "split"), {"input.jsonl": records}, {"out": words})
    counts, counted = collections.Counter(), []
    for word in words:
        counts[word["key"]] += 1
        counted.append(rec(word["key"], str(counts[word["key"]]), word["timestamp"]))
    job = one_input("split", "rust-split") + f"""
[operator.count]
component = "{{components}}/rust-count.wasm"
input = [{{ from = "split", by = "key", partitions = 2 }}]
stores = ["counts"]
{SMALL}
""" + output("out", "count", 4)
    write("word-count", job, {"input.jsonl": records}, {"out": counted}, workers=2)


def counts():
    rng = random.Random(2)
    records = [rec(f"k{rng.randrange(12)}", "poison" if rng.random() < 0.05 else "v", 5 * i, {"trace": str(i)} if i % 9 == 0 else None) for i in range(300)]
    seen, out, dead = collections.Counter(), [], []
    offset = 0
    for r in records:
        if r["value"] == "poison":
            headers = {**r.get("headers", {}), "millstream.input": "in", "millstream.partition": "0", "millstream.offset": str(offset), "millstream.operator": "count"}
            headers.update({"millstream.digest": "@DIGEST@", "millstream.reason": "poison", "millstream.code": "1"})
            dead.append({**r, "headers": headers})
        else:
            seen[r["key"]] += 1
            out.append(rec(r["key"], str(seen[r["key"]]), r["timestamp"]))
        offset += len(json.dumps(r, separators=(",", ":"))) + 1
    job = one_input("count", "rust-count", 'stores = ["counts"]') + output("out", "count")
    write("rejects", job, {"input.jsonl": records}, {"out": out, "rejects.dead-letters": dead})


def trap():
    rng = random.Random(3)
    records = [rec(f"k{i % 5}", "boom" if rng.random() < 0.04 else f"v{i}", i) for i in range(300)]
    out, dead, offset = [], [], 0
    for r in records:
        if r["value"] == "boom":
            headers = {"millstream.input": "in", "millstream.partition": "0", "millstream.offset": str(offset), "millstream.operator": "op"}
            dead.append({**r, "headers": {**headers, "millstream.digest": "@DIGEST@", "millstream.reason": "trap: @ANY@"}})
        else:
            out.append(r)
        offset += len(json.dumps(r, separators=(",", ":"))) + 1
    job = one_input("op", "rust-misbehave", 'stores = ["state"]\nconfig = { panic-on = ["boom"] }') + output("out", "op")
    write("trap", job, {"input.jsonl": records}, {"out": out, "trap.dead-letters": dead})


def windows(records, size, disorder, step, lateness=0):
    watermark, open_windows, out, late = Watermark(disorder, step), {}, [], []

    def fire(until):
        due = sorted((start + size + lateness, key, start) for key, start in open_windows)
        for at, key, start in due:
            if until is None or at <= until:
                count, total = open_windows.pop((key, start))
                out.append(rec(key, json.dumps({"start": start, "end": start + size, "count": count, "sum": total}, separators=(",", ":")), start + size - 1))

    for r in records:
        start = r["timestamp"] // size * size
        before = watermark.value()
        if before is not None and start + size + lateness <= before:
            late.append(r)
        else:
            count, total = open_windows.get((r["key"], start), (0, 0))
            open_windows[r["key"], start] = (count + 1, total + int(r["value"]))
        watermark.see(r["timestamp"])
        if watermark.value() != before:
            fire(watermark.value())
    fire(None)
    return out, late


def windowed():
    rng = random.Random(4)
    jitter = [rec(f"k{rng.randrange(4)}", str(rng.randrange(-50, 50)), 20 * i + rng.randrange(-150, 150)) for i in range(300)]
    mark = 'watermark = { disorder = "300ms", step = "100ms" }'
    out, late = windows(jitter, 1000, 300, 100)
    assert not late
    job = one_input("window", "rust-window", 'stores = ["windows"]\nconfig = { size_ms = 1000 }', mark) + output("out", "window")
    write("tumbling-window", job, {"input.jsonl": jitter}, {"out": out})
    late_ones = [rec(f"k{rng.randrange(3)}", "1", 20 * i - (rng.randrange(500, 3000) if rng.random() < 0.1 else 0)) for i in range(300)]
    out, late = windows(late_ones, 500, 0, 50, 200)
    assert late
    job = one_input("window", "rust-window", 'stores = ["windows"]\nconfig = { size_ms = 500, lateness_ms = 200 }', 'watermark = { step = "50ms" }')
    write("late-data", job + output("out", "window") + output("late", "window.late"), {"input.jsonl": late_ones}, {"out": out, "late": late})


def sessions():
    rng, gap = random.Random(5), 100
    clock, records = 0, []
    for _ in range(300):
        clock += rng.choice([5, 10, 20, 130])
        records.append(rec(f"k{rng.randrange(3)}", "x", clock + rng.randrange(-40, 40)))
    watermark, open_sessions, out = Watermark(100, 20), collections.defaultdict(list), []

    def fire(until):
        ended = sorted((s[1], key, s) for key, all_of in open_sessions.items() for s in all_of if until is None or s[1] <= until)
        for end, key, session in ended:
            open_sessions[key].remove(session)
            out.append(rec(key, json.dumps({"start": session[0], "end": end, "count": session[2]}, separators=(",", ":")), end - 1))

    for r in records:
        before = watermark.value()
        start, end, count = r["timestamp"], r["timestamp"] + gap, 1
        touched = [s for s in open_sessions[r["key"]] if s[0] < end and start < s[1]]
        assert touched or before is None or end > before
        for s in touched:
            open_sessions[r["key"]].remove(s)
            start, end, count = min(start, s[0]), max(end, s[1]), count + s[2]
        open_sessions[r["key"]].append((start, end, count))
        watermark.see(r["timestamp"])
        if watermark.value() != before:
            fire(watermark.value())
    fire(None)
    mark = 'watermark = { disorder = "100ms", step = "20ms" }'
    job = one_input("session", "rust-session", f'stores = ["sessions"]\nconfig = {{ gap_ms = {gap} }}', mark) + output("out", "session")
    write("session-window", job, {"input.jsonl": records}, {"out": out})


def join():
    rng, within = random.Random(6), 60
    sides = [[rec(f"k{rng.randrange(4)}", f"{side}{i}", 17 * i + rng.randrange(10)) for i in range(150)] for side in "lr"]
    waiting, out, at = {0: collections.defaultdict(list), 1: collections.defaultdict(list)}, [], [0, 0]
    while at[0] < len(sides[0]) or at[1] < len(sides[1]):
        heads = [(sides[s][at[s]]["timestamp"], s) for s in (0, 1) if at[s] < len(sides[s])]
        side = min(heads)[1]
        r = sides[side][at[side]]
        at[side] += 1
        for time, value in waiting[1 - side][r["key"]]:
            if abs(time - r["timestamp"]) <= within:
                pair = (r["value"], value) if side == 0 else (value, r["value"])
                out.append(rec(r["key"], "|".join(pair), max(time, r["timestamp"])))
        waiting[side][r["key"]].append((r["timestamp"], r["value"]))
    job = "".join(f'\n[input.{name}]\nfile = "{{dir}}/{name}.jsonl"\nformat = "jsonl"\nwatermark = {{ disorder = "20ms", step = "10ms" }}\n' for name in ("left", "right"))
    job += f"""
[operator.join]
component = "{{components}}/rust-join.wasm"
input = ["left", "right"]
stores = ["left", "right"]
config = {{ within_ms = {within} }}
{SMALL}
""" + output("out", "join")
    write("join", job, {"left.jsonl": sides[0], "right.jsonl": sides[1]}, {"out": out})


def multi_output():
    rng = random.Random(7)
    records = [rec(f"k{i % 3}", json.dumps({"kind": rng.choice("uvwxyz"), "n": i}), i) for i in range(200)]
    kind = lambda r: json.loads(r["value"])["kind"]
    extra = 'config = { field = "kind", a = ["u"], b = ["v", "w"] }'
    job = one_input("route", "rust-route", extra) + output("first", "route.a") + output("second", "route.b") + output("rest", "route")
    expected = {"first": [r for r in records if kind(r) == "u"], "second": [r for r in records if kind(r) in "vw"], "rest": [r for r in records if kind(r) not in "uvw"]}
    write("multi-output", job, {"input.jsonl": records}, expected)


def extremes():
    records = [
        rec(None, None), rec("", ""), rec("k", None, 0), rec(None, "v", -1), rec("k", "", 9_000_000_000_000), rec("big", "@MIB@", 1),
        rec("h", "v", 2, {f"name-{i}": str(i) for i in range(1000)}), rec("h", "v", 3, {"null": None, "empty": ""}), rec("ünï", "çødé", 4),
    ] * 4
    write("extremes", one_input("pass", "rust-identity") + output("out", "pass"), {"input.jsonl": records}, {"out": records})


for make in (stateless, counts, trap, windowed, sessions, join, multi_output, extremes):
    make()
