import assert from "node:assert/strict";
import test from "node:test";
import { open } from "millstream/testing";
import identity from "./identity.js";

test("a record comes out as it went in", () => {
  const op = open(identity);
  op.feed({ key: "k", value: "v", timestamp: 7, headers: [["h", "1"]] }, { value: "v" }, { key: "k" });
  const out = op.takeOutputs().map(({ key, value, timestamp, headers, row }) => [key, value, timestamp, headers, row]);
  assert.deepEqual(out, [["k", "v", 7, [["h", "1"]], 0], [null, "v", null, [], 1], ["k", null, null, [], 2]]);
});
