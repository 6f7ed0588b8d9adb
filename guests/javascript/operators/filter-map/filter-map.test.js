import assert from "node:assert/strict";
import test from "node:test";
import { open } from "millstream/testing";
import filterMap from "./filter-map.js";

test("kept records are mapped, and others vanish", () => {
  const op = open(filterMap, { keep: "mill" });
  op.feed({ key: "a", value: "windmill" }, { key: "b", value: "wind" }, { key: "c", value: "mill é" });
  assert.deepEqual(op.takeOutputs().map((out) => [out.row, out.value]), [[0, "WINDMILL"], [2, "MILL é"]]);
  const lower = open(filterMap, { map: "lower" });
  lower.feed({ key: "a", value: "@AZ[`az{É" });
  assert.equal(lower.takeOutputs()[0].value, "@az[`az{É");
});

test("a wrong config is refused with its field", () => {
  assert.throws(() => open(filterMap, { map: "title" }), /`map`: unknown variant `title`/);
});
