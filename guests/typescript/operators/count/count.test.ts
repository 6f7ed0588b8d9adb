import assert from "node:assert/strict";
import test from "node:test";
import { open } from "millstream/testing";
import count from "./count.ts";

test("each key is counted on its own", () => {
  const op = open(count);
  op.feed({ key: "a", value: "x" }, { key: "b", value: "x" }, { key: "a", value: "poison" }, { key: "a" });
  assert.deepEqual(op.takeOutputs().map((out) => `${out.key}${out.value}`), ["a1", "b1", "a2"]);
  assert.deepEqual(op.takeRejects(), [{ row: 2, code: 1, message: "poison" }]);
});
