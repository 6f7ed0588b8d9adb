import assert from "node:assert/strict";
import test from "node:test";
import { open } from "millstream/testing";
import split from "./split.js";

test("each word becomes a record made from its line", () => {
  const op = open(split);
  op.feed({ value: "The mill, the stream." }, { value: " ," }, { value: "Öl 42", timestamp: 9 });
  const words = op.takeOutputs().map(({ row, key, value, timestamp }) => [row, key, value === key, timestamp]);
  assert.deepEqual(words, [[0, "the"], [0, "mill"], [0, "the"], [0, "stream"], [2, "öl"], [2, "42"]].map(([row, word]) => [row, word, true, row === 2 ? 9 : null]));
});
