import assert from "node:assert/strict";
import test from "node:test";
import { NO_KEY, NO_TIME } from "millstream";
import { open } from "millstream/testing";
import join from "./join.js";

const left = (key, value, timestamp) => ({ key, value, timestamp });
const right = (key, value, timestamp) => ({ key, value, timestamp, port: "right" });
const results = (op) => op.takeOutputs().map((out) => `${out.port} ${out.key} ${out.value} at ${out.timestamp}`);

test("pairs within the time are joined, whichever came first", () => {
  const op = open(join, { within_ms: 10 });
  op.feed(left("a", "l1", 0), right("a", "r1", 10), right("a", "r2", 11), left("b", "l2", 10), left("a", "l3", 12));
  assert.deepEqual(results(op), ["out a l1|r1 at 10", "out a l3|r1 at 12", "out a l3|r2 at 12"]);
  assert.deepEqual(op.calls, { getMany: 1, putMany: 1, scan: 0 });
});

test("state is cleaned when no partner can come", () => {
  const op = open(join, { within_ms: 10 });
  op.feed(left("a", "l1", 0), right("a", "r1", 5));
  op.advanceWatermark(11);
  assert.deepEqual([op.state("left", "a"), op.entries], [undefined, 1]);
  op.feed(right("a", "too late", 0), left("a", "l2", 5));
  assert.deepEqual(results(op), ["out a l1|r1 at 5", "late a too late at 0", "out a l2|r1 at 5"]);
  op.advanceWatermark(Infinity);
  assert.deepEqual([op.entries, op.timers], [0, 0]);
});

test("a record without value, time or key is rejected", () => {
  const op = open(join, { within_ms: 10 });
  op.feed({ key: "a", timestamp: 1 }, { key: "a", value: "x" }, { value: "x", timestamp: 1 });
  assert.deepEqual(op.takeRejects().map((reject) => reject.code), [1, NO_TIME, NO_KEY]);
});

test("torn state and a wrong config stop the job", () => {
  for (const torn of ["eleven byte", "\x01\0\0\0\0\0\0\0\x02\0\0\0\x07"]) {
    const op = open(join, { within_ms: 1 });
    op.setState("left", "a", torn);
    assert.throws(() => op.feed(left("a", "x", 1)), /store `left`, key `a`: the waiting records end in the middle of one/);
  }
  assert.throws(() => open(join), /missing field `within_ms`/);
  assert.throws(() => open(join, { within_ms: -1 }), /`within_ms`: must be at least 0/);
});
