import assert from "node:assert/strict";
import test from "node:test";
import { open } from "millstream/testing";
import counter from "./counter.js";

test("each key is counted on its own", () => {
  const op = open(counter);
  op.feed({ key: "ann", value: "hello" }, { key: "bob", value: "hi" }, { key: "ann", value: "bye" });
  assert.deepEqual(op.takeOutputs().map((out) => out.value), ["1", "1", "2"]);
});
