#!/usr/bin/env python3
"""Counts the flights again, independently of the host and its operators, and compares with what the job wrote.

Usage: recount.py OUTPUT.jsonl [FLIGHTS.csv AIRLINES.csv]     (OUTPUT.jsonl: what `millstream stream cat carrier-delays` prints)
"""

import collections
import csv
import datetime
import json
import pathlib
import sys

here = pathlib.Path(__file__).resolve().parent
output = sys.argv[1]
flights, airlines = sys.argv[2:4] if len(sys.argv) > 3 else (here / "flights-2013-01.csv", here / "airlines.csv")

names = {row["carrier"]: row["name"] for row in csv.DictReader(open(airlines, newline=""))}
days = collections.defaultdict(list)
for row in csv.DictReader(open(flights, newline="")):
    hour = datetime.datetime.strptime(row["time_hour"], "%Y-%m-%dT%H:%M:%SZ")
    departure = hour + datetime.timedelta(minutes=int(row["minute"]))
    delay = None if row["dep_delay"] == "NA" else int(row["dep_delay"])
    days[row["carrier"], departure.date().isoformat()].append(delay)

want = {}
for (carrier, day), delays in days.items():
    flown = [delay for delay in delays if delay is not None]
    mean = (200 * sum(flown) + len(flown)) // (2 * len(flown)) / 100 if flown else None
    want[carrier, day] = {
        "airline": names.get(carrier),
        "day": day,
        "flights": len(delays),
        "cancelled": len(delays) - len(flown),
        "mean_delay": mean,
        "worst_delay": max(flown) if flown else None,
    }

got = {}
order = collections.defaultdict(list)
for line in open(output):
    record = json.loads(line)
    value = json.loads(record["value"])
    place = record["key"], value["day"]
    if place in got:
        sys.exit(f"{place} stands in the output twice")
    got[place] = value
    order[record["key"]].append(value["day"])

for place in sorted(want.keys() | got.keys()):
    if want.get(place) != got.get(place):
        sys.exit(f"{place}: expected {want.get(place)}, found {got.get(place)}")
for carrier, dates in order.items():
    if dates != sorted(dates):
        sys.exit(f"{carrier}: days out of order")
print(f"recount: {len(want)} carrier-days from {sum(day['flights'] for day in want.values())} flights, all equal")
