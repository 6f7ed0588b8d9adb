import assert from "node:assert/strict";
import test from "node:test";
import { NO_KEY, NO_TIME } from "millstream";
import { open } from "millstream/testing";
import window from "./window.js";

const windowed = (lateness_ms) => open(window, { size_ms: 100, lateness_ms });
const result = (key, start, count, sum) => `out ${key} {"start":${start},"end":${start + 100},"count":${count},"sum":${sum}} at ${start + 99}`;
const results = (op) => op.takeOutputs().map((out) => `${out.port} ${out.key} ${out.value} at ${out.timestamp}`);

test("a window is emitted when the watermark passes its end", () => {
  const op = windowed(0);
  op.feed({ key: "a", value: "1", timestamp: 0 }, { key: "a", value: " +2\n", timestamp: 99 }, { key: "a", value: "5", timestamp: 100 }, { key: "b", value: "-7", timestamp: -1 });
  op.advanceWatermark(99);
  assert.deepEqual(results(op), [result("b", -100, 1, -7)]);
  op.reopen();
  op.advanceWatermark(Infinity);
  assert.deepEqual(results(op), [result("a", 0, 2, 3), result("a", 100, 1, 5)]);
  assert.deepEqual([op.entries, op.timers, op.calls.getMany, op.calls.putMany], [0, 0, 3, 3]);
});

test("a late record counts within the lateness, and goes to `late` after", () => {
  const op = windowed(50);
  op.feed({ key: "a", value: "1", timestamp: 10 });
  op.advanceWatermark(149);
  op.feed({ key: "a", value: "2", timestamp: 20 });
  op.advanceWatermark(150);
  op.feed({ key: "a", value: "4", timestamp: 30 });
  assert.deepEqual(results(op), [result("a", 0, 2, 3), "late a 4 at 30"]);
});

test("what cannot be counted is rejected", () => {
  const op = windowed(0);
  const at0 = (value) => ({ key: "a", value, timestamp: 0 });
  op.feed(at0("x"), { key: "a", value: "1" }, at0(String(2n ** 63n - 1n)), at0("1"), { value: "1", timestamp: 0 }, at0("+-1"), at0(String(2n ** 63n)), at0("1_0"));
  assert.deepEqual(op.takeRejects().map(({ row, code }) => [row, code]), [[0, 1], [1, NO_TIME], [3, 2], [4, NO_KEY], [5, 1], [6, 1], [7, 1]]);
});

test("times at the ends of the range saturate", () => {
  const op = windowed(0);
  op.feed({ key: "a", value: "1", timestamp: 2n ** 63n - 2n });
  op.advanceWatermark(Infinity);
  assert.match(results(op)[0], /"end":9223372036854775807,/);
});
