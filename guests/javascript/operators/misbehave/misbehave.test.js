import assert from "node:assert/strict";
import test from "node:test";
import { Fatal, Retry } from "millstream";
import { open } from "millstream/testing";
import misbehave from "./misbehave.js";

test("what is no order is passed on", () => {
  const op = open(misbehave);
  op.feed(...["fine", "reject:7", "throw:x", "tiny:2", "forgetful"].map((value) => ({ key: "k", value })));
  assert.deepEqual(op.takeOutputs().map((out) => out.value), ["fine", "throw:x", "", "", "5"]);
  assert.equal(op.takeRejects()[0].code, 7);
});

test("failures end the call, and bad results are refused", () => {
  const feed = (value, config) => () => open(misbehave, config).feed({ key: "k", value });
  assert.throws(feed("retry"), Retry);
  assert.throws(feed("fatal"), Fatal);
  assert.throws(feed("b", { "panic-on": ["b"] }), /told to throw on `b`/);
  for (const order of ["length", "ends", "arena", "flags", "port", "row", "headers", "overlap", "timer", "reject"]) assert.throws(feed(`bad-${order}`), order);
  for (const order of ["fatal", "what"]) assert.throws(feed("x", { open: order }), Fatal);
});
