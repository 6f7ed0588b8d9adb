// Batches in columns: what concerns many records at once gives what the same gives record by record.

import assert from "node:assert/strict";
import test from "node:test";
import { NO_KEY, decode, defineOperator, json, store, text, u64 } from "millstream";
import { open } from "millstream/testing";

const sums = store("sums", u64);
const notes = store("notes", json());
const names = store("names", text);

/** An operator whose `processBatch` is given. */
const doing = (processBatch, more = {}) => open(defineOperator({ outputs: ["out", "side"], stores: [sums, notes, names], processBatch, ...more }));
const texts = (column) => column.map((bytes) => (bytes === null ? null : decode(bytes)));
const values = (op) => op.takeOutputs().map((out) => out.value);
const number = (bytes) => Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));

test("records are columns, too, and some can be selected", () => {
  const op = doing((records) => {
    assert.deepEqual([records.rows, texts(records.keys), texts(records.values)], [[0, 1, 2, 3], ["a", null, "b", "a"], ["1", "22", null, ""]]);
    const some = records.select(records.values.map((value) => value !== null));
    assert.deepEqual([some.length, some.rows, texts(some.keys), texts(some.values)], [3, [0, 1, 3], ["a", null, "a"], ["1", "22", ""]]);
    assert.deepEqual(Array.from(some, (record) => record.row), [0, 1, 3]);
    const last = some.select([false, false, true]);
    assert.deepEqual([last.rows, last.at(0).row, last.at(-1).row, last.at(1)], [[3], 3, 3, undefined]);
    assert.throws(() => some.select([true]), /1 flags for 3 records/);
  });
  op.feed({ key: "a", value: "1" }, { value: "22" }, { key: "b" }, { key: "a", value: "" });
});

test("records are rejected in order and once", () => {
  const op = doing((records, context) => {
    const flags = records.values.map((value) => value !== null && decode(value) === "no");
    const fit = context.requireKeys(context.rejectWhere(records, flags, 7, "no"));
    context.emitMany(fit, { values: fit.rows.map(String) });
    assert.throws(() => context.rejectWhere(records, [false], 7, "no"), /1 flags for 5 records/);
  });
  op.feed({ key: "", value: "" }, { value: "" }, { value: "no" }, { key: "a", value: "no" }, { key: "b" });
  assert.deepEqual(op.takeRejects().map(({ row, code }) => [row, code]), [[1, NO_KEY], [2, 7], [3, 7]]);
  assert.deepEqual(op.takeOutputs().map(({ key, value }) => [key, value]), [["", "0"], ["b", "4"]]);
});

test("sums are kept by key, whether or not state was read ahead", () => {
  const sumUp = (records, context) => {
    const fit = context.requireKeys(records);
    const amounts = fit.values.map((value) => Number(decode(value)));
    context.emitMany(fit, { values: context.accumulate(sums, fit, (sum, n) => sum + amounts[n], 0).map(String) });
  };
  for (const [more, getMany] of [[{}, 2], [{ stores: [sums] }, 2], [{ readAhead: false }, 2], [{ prefetch: (_, want) => want(sums, Uint8Array.of(7)) }, 4]]) {
    for (const numbered of [true, false]) {
      const op = doing(sumUp, more);
      op.numbersKeys = numbered;
      op.feed({ key: "a", value: "1" }, { key: "bb", value: "2" }, { value: "9" }, { key: "a", value: "40" });
      op.reopen();
      op.feed({ key: "bb", value: "5" }, { key: "new", value: "6" }, { key: "a", value: "1" });
      assert.deepEqual(values(op), ["1", "2", "41", "7", "6", "42"]);
      assert.deepEqual(["a", "bb", "new"].map((key) => number(op.state("sums", key))), [42, 7, 6]);
      assert.deepEqual([op.entries, op.calls], [3, { getMany, putMany: 2, scan: 0 }]);
    }
  }
});

test("any function changes values, and null deletes them", () => {
  const op = doing((records, context) => {
    const all = texts(records.values);
    const longest = context.accumulate(names, records, (old, n) => (all[n] === null || old.length > all[n].length ? all[n] && old : all[n]), "");
    const lists = context.accumulate(notes, records, (old, n) => [...old, records.rows[n]], []);
    context.emitMany(records, { values: longest.map((name, n) => JSON.stringify([name, lists[n]])) });
  });
  op.feed({ key: "a", value: "mill" }, { key: "b", value: "x" }, { key: "a", value: "rye" }, { key: "b" }, { key: "a", value: "stream" });
  assert.deepEqual(values(op), ['["mill",[0]]', '["x",[1]]', '["mill",[0,2]]', '[null,[1,3]]', '["stream",[0,2,4]]']);
  assert.deepEqual([op.entries, decode(op.state("names", "a")), decode(op.state("notes", "b"))], [3, "stream", "[1,3]"]);
});

test("what is accumulated is seen by all that follows", () => {
  const op = doing((records, context) => {
    for (const record of records) {
      context.record = record;
      context.put(sums, 10);
    }
    context.accumulate(sums, records, (sum) => sum + 1, 0);
    assert.deepEqual([...context.scan(sums)].map(([key, value]) => decode(key) + value), ["a12", "b11"]);
    assert.deepEqual(context.accumulate(sums, records.select([true, false, false]), (sum) => sum + 100, 0), [112]);
    assert.deepEqual([context.get(sums), context.getOf(sums, "b")], [112, 11]);
  });
  op.feed({ key: "a" }, { key: "b" }, { key: "a" });
  assert.equal(number(op.state("sums", "a")), 112);
});

test("a record without a key has no value to accumulate", () => {
  const op = doing((records, context) => context.accumulate(sums, records, (sum) => sum + 1, 0));
  assert.throws(() => op.feed({ key: "a" }, { key: null }), { name: "TypeError", message: "a record has no key: see `requireKeys`" });
  assert.equal(op.entries, 0);
});

test("a value that cannot be read stops the job, and one that cannot be kept is a mistake", () => {
  const op = doing((records, context) => context.accumulate(sums, records, (sum) => sum - 1, 0));
  assert.throws(() => op.feed({ key: "a" }), /-1 is no u64/);
  op.setState("sums", "b", Uint8Array.of(1, 2, 3));
  assert.throws(() => op.feed({ key: "a" }, { key: "b" }), { name: "Fatal", message: /^store `sums`, key `b`: / });
});

test("columns are emitted in their place, of whatever kind", () => {
  const long = "x".repeat(70_000);
  for (const second of ["w", "é", null, Uint8Array.of(0x77), "", long]) {
    const op = doing((records, context) => {
      context.record = records.at(1);
      context.emit({ value: "first" });
      context.emitMany(records, { values: ["v", second], port: "side" });
      context.emitMany(records.select([false, true]), { keys: ["key"], values: [second] });
      context.emitMany(records.select([false, false]), { values: [] });
      context.emitMany(records.select([true, false]), { values: ["l"] });
      assert.throws(() => context.emitMany(records, { values: ["v"] }), /2 keys and 1 values for 2 records/);
      assert.throws(() => context.emitMany(records, { values: ["v", "v"], port: "none" }), { name: "Fatal" });
    });
    op.feed({ key: "a", value: "1", headers: [["h", "v"]] }, { value: "2" });
    const shown = second instanceof Uint8Array ? "w" : second;
    assert.deepEqual(op.takeOutputs().map(({ port, key, value, row, headers }) => [port, key, value, row, headers.length]), [
      ["out", null, "first", 1, 0], ["side", "a", "v", 0, 0], ["side", null, shown, 1, 0], ["out", "key", shown, 1, 0], ["out", "a", "l", 0, 0],
    ]);
  }
});

test("keys of a large batch are emitted, too", () => {
  const op = doing((records, context) => context.emitMany(records, { values: records.rows.map(String) }));
  op.feed({ key: "k", value: "v".repeat(2_000_000) }, { key: "", value: "" }, { key: "last" });
  assert.deepEqual(op.takeOutputs().map(({ key, value }) => key + value), ["k0", "1", "last2"]);
});
