import assert from "node:assert/strict";
import test from "node:test";
import { NO_KEY } from "millstream";
import { open } from "millstream/testing";
import count from "./count.js";

test("each key is counted on its own, across instances", () => {
  const op = open(count);
  op.feed({ key: "a", value: "x" }, { key: "b", value: "x" }, { key: "a", value: "poison" }, { key: "a", value: "" });
  op.reopen();
  op.feed({ key: "a", value: "x" }, { key: "a" });
  assert.deepEqual(op.takeOutputs().map((out) => out.key + out.value), ["a1", "b1", "a2", "a3", "a4"]);
  assert.deepEqual(op.takeRejects(), [{ row: 2, code: 1, message: "poison" }]);
  assert.deepEqual(op.calls, { getMany: 2, putMany: 2, scan: 0 });
});

test("a record without a key is rejected; the empty key is one", () => {
  const op = open(count);
  op.feed({ value: "x" }, { key: "", value: "x" });
  assert.deepEqual(op.takeRejects().map((reject) => reject.code), [NO_KEY]);
  assert.equal(op.takeOutputs().length, 1);
});
