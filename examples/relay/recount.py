#!/usr/bin/env python3
"""Counts the flights again, without the host and its operators, and compares with what the job wrote.

Usage: recount.py ALERTS.jsonl TALLIES.jsonl     (what `millstream stream cat` prints of the streams `alerts` and `tallies`)
"""

import collections
import csv
import datetime
import json
import pathlib
import sys

flights = pathlib.Path(__file__).resolve().parent.parent / "flights" / "flights-2013-01.csv"
tally, alerts = collections.Counter(), collections.Counter()
for row in csv.DictReader(open(flights, newline="")):
    hour = datetime.datetime.strptime(row["time_hour"], "%Y-%m-%dT%H:%M:%SZ")
    day = (hour + datetime.timedelta(minutes=int(row["minute"]))).strftime("%A")
    delay = None if row["dep_delay"] == "NA" else int(row["dep_delay"])
    score = "cancelled" if delay is None else "on time" if delay < 15 else "late" if delay < 60 else "very late" if delay < 180 else "a disaster"
    tally[score] += 1
    if score == "a disaster":
        alerts[row["carrier"], day, delay] += 1

want = collections.Counter()
for (carrier, day, delay), count in alerts.items():
    want[f"{carrier}: {delay} minutes late on a {day}"] += count
got = collections.Counter(json.loads(line)["value"] for line in open(sys.argv[1]))
if want != got:
    sys.exit(f"alerts: {want - got} are missing, {got - want} are too many")

seen = collections.defaultdict(list)
for line in open(sys.argv[2]):
    record = json.loads(line)
    seen[record["key"]].append(int(record["value"]))
for score in tally.keys() | seen.keys():
    if seen[score] != list(range(1, tally[score] + 1)):
        sys.exit(f"{score}: not 1 to {tally[score]}, each once and in order: {len(seen[score])} records")
print(f"recount: {sum(tally.values())} flights in {len(tally)} scores, {sum(want.values())} alerts, all equal")
