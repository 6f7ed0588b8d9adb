import assert from "node:assert/strict";
import test from "node:test";
import { open } from "millstream/testing";
import json from "./json.js";

test("matching records keep the chosen fields, in order", () => {
  const op = open(json, { only: { field: "o", equals: "JFK" }, select: ["n", "o"], key: "n" });
  op.feed({ key: "k", value: '{"o":"JFK","x":[1, 2],"n":7}' }, { key: "k", value: '{"o":"EWR"}' }, { key: "k", value: '{"n":1}' });
  assert.deepEqual(op.takeOutputs().map((out) => [out.key, out.value]), [["7", '{"n":7,"o":"JFK"}']]);
});

test("numbers are compared as they are written", () => {
  const op = open(json, { only: { field: "n", equals: 1 }, key: "n" });
  op.feed(...["1", "1.0", '"1"', "[ 1 ]"].map((n) => ({ value: `{"n":${n}}` })));
  assert.deepEqual(op.takeOutputs().map((out) => out.row), [0]);
});

test("broken JSON is rejected, and the rest goes on", () => {
  const op = open(json, {});
  op.feed({ value: "{" }, { value: '{"a":1}' }, { value: "7" });
  assert.deepEqual(op.takeRejects().map((reject) => reject.row), [0, 2]);
  assert.equal(op.takeOutputs()[0].value, '{"a":1}');
  const keyed = open(json, { key: "k" });
  keyed.feed({ value: "{}" }, { value: '{"k":"\\ud800"}' }, { value: '{"k": [ 1, " " ] }' });
  assert.deepEqual(keyed.takeRejects().map((reject) => reject.code), [65_002, 65_002]);
  assert.equal(keyed.takeOutputs()[0].key, '[1," "]');
});
