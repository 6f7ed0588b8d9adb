// Operators in the harness: state, timers, effects, and what may be thrown.

import assert from "node:assert/strict";
import test from "node:test";
import { Fatal, NO_KEY, Reject, Retry, decodeLossy, defineOperator, encode, json, store, u64 } from "millstream";
import { open } from "millstream/testing";
import { LayoutError } from "../sdk/batch.js";
import { Builder } from "../sdk/builder.js";

const notes = store("notes", json());
const sums = store("sums", u64, 3);
const values = (op) => op.takeOutputs().map((out) => out.value);

/** An operator whose `process` is given. */
const doing = (process, more = {}) => defineOperator({ name: "trial", outputs: ["out", "side"], stores: [notes, sums], process, ...more });

test("state is read once and written once, and what a record writes the next one reads", () => {
  const op = open(doing((record, context) => {
    const list = context.get(notes) ?? [];
    list.push("lost");
    context.put(sums, (context.get(sums) ?? 0) + 1);
    context.put(notes, [...(context.get(notes) ?? []), record.valueText()]);
    context.emit({ key: record.key, value: JSON.stringify([context.get(notes), context.get(sums)]) });
  }));
  for (const numbered of [true, false]) {
    op.numbersKeys = numbered;
    op.feed({ key: "a", value: "1" }, { key: "b", value: "2" }, { key: "a", value: "3" });
  }
  assert.deepEqual(values(op), ['[["1"],1]', '[["2"],1]', '[["1","3"],2]', '[["1","3","1"],3]', '[["2","2"],2]', '[["1","3","1","3"],4]']);
  assert.deepEqual(op.calls, { getMany: 2, putMany: 2, scan: 0 });
  assert.deepEqual(op.state("sums", "a"), Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0));
});

test("a failed call leaves no state, and says retry or fatal", () => {
  for (const failure of [new Retry("later"), new Fatal("never"), new TypeError("a mistake")]) {
    const op = open(doing((_, context) => {
      context.putOf(sums, "k", 1);
      [...context.scan(sums)];
      throw failure;
    }));
    assert.throws(() => op.feed({ key: "k", value: "x" }), failure);
    assert.equal(op.entries, 0);
  }
});

test("deleted values are gone, and unreadable ones are fatal", () => {
  const op = open(doing((record, context) => (record.value === null ? context.delete(notes) : context.put(notes, context.get(notes) ?? 1))));
  op.feed({ key: "k", value: "x" });
  op.feed({ key: "k" });
  assert.equal(op.entries, 0);
  op.setState("notes", "k", "{");
  assert.throws(() => op.feed({ key: "k", value: "x" }), { name: "Fatal", message: /^store `notes`, key `k`: / });
});

test("any key can be read, and the host is asked once for it", () => {
  const op = open(doing((record, context) => {
    context.putOf(sums, record.value, (context.getOf(sums, record.value) ?? 0) + 1);
    if (decodeLossy(record.value) === "gone") context.deleteOf(sums, "gone");
  }));
  op.feed({ key: "a", value: "b" }, { key: "b", value: "b" }, { key: "a", value: "other" }, { key: "a", value: "other" }, { key: "a", value: "gone" });
  assert.deepEqual([op.calls.getMany, op.calls.putMany, op.entries], [3, 1, 2]);
  assert.equal(op.state("sums", "b")[0], 2);
});

test("prefetch names what is read in one call, and keeps its `this`", () => {
  class Named {
    prefix = "x/";
    prefetch(record, want) {
      want(sums, encode(this.prefix + decodeLossy(record.key)));
    }
    process(record, context) {
      context.putOf(sums, this.prefix + decodeLossy(record.key), 1);
    }
  }
  const op = open(defineOperator({ stores: [sums], open: () => new Named() }));
  op.feed({ key: "a" }, { key: "b" }, { key: "a" });
  assert.deepEqual([op.calls.getMany, op.calls.putMany, op.entries], [1, 1, 2]);
});

test("a scan sees what the call wrote, in order, and goes on past a page", () => {
  const scan = (range) => {
    const op = open(doing((_, context) => {
      context.putOf(sums, "a3", 3);
      context.emit({ value: [...context.scan(sums, range)].map(([key, value]) => decodeLossy(key) + value).join() });
    }));
    for (const [key, value] of [["b", 9], ["a1", 1], ["a2", 2]]) op.setState("sums", key, u64.encode(value));
    op.pageRows = 2;
    op.feed({ key: "k" });
    return values(op)[0];
  };
  assert.equal(scan({ prefix: "a" }), "a11,a22,a33");
  assert.equal(scan(undefined), "a11,a22,a33,b9");
  assert.equal(scan({ begin: "a2", end: "b" }), "a22,a33");
});

test("what a scan wrote is written once, and what follows it sees it", () => {
  const op = open(doing((record, context) => {
    const key = record.valueText();
    if (key === "scan") context.emit({ value: [...context.scan(sums)].map(([found, value]) => decodeLossy(found) + value).join() });
    else if (key === "gone") context.delete(sums);
    else context.put(sums, (context.get(sums) ?? 0) + Number(key));
  }));
  op.feed({ key: "a", value: "1" }, { key: "b", value: "2" }, { key: "c", value: "3" });
  op.feed({ key: "a", value: "1" }, { key: "b", value: "gone" }, { key: "a", value: "scan" });
  op.feed({ key: "b", value: "5" }, { key: "a", value: "scan" }, { key: "b", value: "gone" }, { key: "a", value: "scan" }, { key: "b", value: "4" });
  op.feed({ key: "a", value: "1" }, { key: "a", value: "scan" });
  assert.deepEqual(values(op), ["a2,c3", "a2,b5,c3", "a2,c3", "a3,b4,c3"]);
  assert.deepEqual([op.calls.putMany, op.entries, op.state("sums", "a")[0], op.state("sums", "b")[0]], [6, 3, 3, 4]);
});

test("state goes back whole, in part and with new keys", () => {
  const op = open(doing((record, context) => {
    const list = context.get(notes) ?? [];
    if (record.value !== null) context.put(sums, (context.get(sums) ?? 0) + 1);
    if (decodeLossy(record.value ?? encode("")) === "both") context.put(notes, [...list, "n"]);
  }));
  const all = ["a", "bb", "", "dddd"].map((key) => ({ key, value: "x" }));
  op.feed(...all);
  op.feed(...all);
  op.feed(all[1], { key: "a" }, { key: "new", value: "both" }, { key: "dddd", value: "both" });
  op.feed(all[3], { key: "", value: "both" });
  const sum = (key) => op.state("sums", key)?.[0];
  assert.deepEqual([sum("a"), sum("bb"), sum(""), sum("dddd"), sum("new")], [2, 3, 3, 4, 1]);
  assert.deepEqual(["a", "", "dddd", "new"].map((key) => op.state("notes", key)?.length), [undefined, 5, 5, 5]);
  assert.equal(op.calls.putMany, 4);
});

test("numbers of keys are taken as they come: none, some, or one for null", () => {
  const op = open(doing((record, context) => {
    context.put(sums, (context.get(sums) ?? 0) + 1);
    context.emit({ key: record.key, value: String(context.get(sums)) });
  }));
  const batch = (...rows) => {
    const builder = new Builder();
    for (const [key, number] of rows) builder.words[builder.push(key, "x", undefined, 0, 0) + 9] = number;
    return builder.packed();
  };
  const none = 0xffff_ffff;
  op.feedPacked(batch(["a", 0], ["b", 1], ["a", 0], [null, none], ["b", 1]));
  op.feedPacked(batch(["a", 0], ["b", 1], ["c", 2], ["d", none], ["a", 0]));
  op.feedPacked(batch(["b", none]));
  op.feedPacked(batch([null, 0], ["a", 1], [null, 0], ["b", 2]));
  assert.deepEqual(op.takeOutputs().map((out) => out.key + out.value).join(), "a1,b1,a2,b2,a3,b3,c1,d1,a4,b4,a5,b5");
  assert.equal(op.takeRejects().length, 3);
});

test("a store that is not declared is named", () => {
  const op = open(doing((_, context) => context.put(store("other"), new Uint8Array(1))));
  assert.throws(() => op.feed({ key: "k" }), /does not declare the store `other`/);
});

test("timers fire once, in order, and can be deleted", () => {
  const op = open(doing(
    (record, context) => {
      const [order, at] = record.valueText().split(" ");
      if (order === "set") context.setTimer({ at: Number(at), payload: "p" });
      else if (order === "now") context.setTimer({ at: BigInt(at), key: null, domain: "processing" });
      else context.deleteTimer({ at: Number(at), payload: "p" });
    },
    { onTimer: (timer, context) => context.emit({ key: timer.key, value: `${timer.domain} ${timer.at} ${decodeLossy(timer.payload)}` }) },
  ));
  op.feed({ key: "b", value: "set 15" }, { key: "a", value: "set 15" }, { key: "a", value: "set 15" }, { key: "c", value: "set 15" });
  op.feed({ key: "c", value: "unset 15" }, { key: "d", value: "now 7" });
  op.advanceWatermark(14);
  assert.deepEqual(op.takeOutputs(), []);
  op.advanceWatermark(15);
  op.advanceNow(7);
  const fired = op.takeOutputs().map((out) => [out.key, out.value, out.timestamp]);
  assert.deepEqual(fired, [["a", "event 15 p", 15], ["b", "event 15 p", 15], [null, "processing 7 ", 7]]);
  assert.equal(op.timers, 0);
});

test("what is emitted says no more than it must", () => {
  const op = open(doing((record, context) => {
    context.forward(record);
    context.forward(record, { key: null, value: "ö", headers: [] });
    context.emit({ key: Uint8Array.of(0xff), port: "side", timestamp: 7, partition: 3, headers: [["h", "1"], ["none", null]] });
    context.emit({});
  }));
  op.feed({ key: "k", value: "v", timestamp: 5, headers: [["a", "b"]] });
  const short = op.takeOutputs().map(({ port, key, value, timestamp, headers, partition }) => [port, key, value, timestamp, headers, partition]);
  assert.deepEqual(short, [
    ["out", "k", "v", 5, [["a", "b"]], null],
    ["out", null, "ö", 5, [], null],
    ["side", "\ufffd", null, 7, [["h", "1"], ["none", null]], 3],
    ["out", null, null, 5, [], null],
  ]);
});

test("all records go on as they are, after what was emitted before", () => {
  const op = open(defineOperator({
    outputs: ["first", "out"],
    processBatch(records, context) {
      [context.record] = records;
      context.emit({ value: "before", port: "out" });
      context.forwardAll();
    },
  }));
  const many = Array.from({ length: 200 }, (_, n) => ({ key: `k${n}`, value: n % 2 === 0 ? null : "v".repeat(n), timestamp: n }));
  op.feed(...many);
  const out = op.takeOutputs().map(({ port, key, value, timestamp, row }) => ({ port, key, value, timestamp, row }));
  assert.deepEqual(out.shift(), { port: "out", key: null, value: "before", timestamp: 0, row: 0 });
  assert.deepEqual(out, many.map((record, row) => ({ port: "first", ...record, row })));
});

test("a record is rejected alone", () => {
  const op = open(doing((record, context) => {
    if (record.valueText() === "bad") throw new Reject(7, "told to");
    context.get(sums);
    record.requireTime();
    context.emit({ value: JSON.stringify(record.json()) });
  }));
  op.feed({ key: "k", value: "bad", timestamp: 1 }, { value: "1", timestamp: 1 }, { key: "k", value: "1" }, { key: "k", value: "{", timestamp: 1 });
  op.feed({ key: "k", timestamp: 1 }, { key: "k", value: Uint8Array.of(0xff), timestamp: 1 }, { key: "k", value: "[1, 2]", timestamp: 1 });
  assert.deepEqual(op.takeRejects().map((reject) => reject.code), [7, NO_KEY, 65_003, 65_002, 65_001, 65_001]);
  assert.deepEqual(values(op), ["[1,2]"]);
});

test("a batch is handled as a whole by whoever wants it so", () => {
  const op = open(defineOperator({
    processBatch(records, context) {
      for (const record of records) {
        context.record = record;
        if (record.value === null) context.reject(1, "null");
        else context.emit({ value: `${record.row} of ${records.length}` });
      }
    },
  }));
  op.feed({ value: "a" }, {}, { value: "b" });
  assert.deepEqual(op.takeOutputs().map((out) => [out.value, out.row]), [["0 of 3", 0], ["2 of 3", 2]]);
  assert.deepEqual(op.takeRejects(), [{ row: 1, code: 1, message: "null" }]);
});

test("records are there in order, as often as they are asked for", () => {
  const op = open(defineOperator({
    processBatch(records, context) {
      assert.equal(records.length, 3);
      assert.equal(records.at(-1), Array.from(records)[2]);
      assert.equal(records.at(3), undefined);
      context.record = records.at(1);
      context.emit({ value: [...records].map((record) => record.keyText()).join() });
    },
  }));
  op.feed({ key: "a" }, { key: "b" }, { key: "c" });
  assert.deepEqual(op.takeOutputs().map((out) => [out.value, out.row]), [["a,b,c", 1]]);
});

test("what prefetch leaves on a record process finds there", () => {
  const op = open(defineOperator({
    stores: [sums],
    prefetch(record, want) {
      record.state = encode(`${record.keyText()}!`);
      want(sums, record.state);
    },
    process: (record, context) => context.putOf(sums, record.state, 1),
  }));
  op.feed({ key: "a" }, { key: "b" });
  assert.deepEqual([op.calls.getMany, op.entries, op.state("sums", "b!")[0]], [1, 2, 1]);
});

test("a record that could not be emitted leaves nothing behind", () => {
  const op = open(doing((record, context) => {
    context.emit({ key: "before" });
    assert.throws(() => context.emit({ key: record.key, value: 7 }), TypeError);
    context.emit({ key: "after", value: "v" });
  }));
  op.feed({ key: "k" });
  assert.deepEqual(op.takeOutputs().map((out) => [out.key, out.value]), [["before", null], ["after", "v"]]);
});

test("a batch says no more than the one before it", () => {
  const op = open(doing((record, context) => {
    if (record.value !== null) context.emit({ key: record.key, headers: [["h", "1"]], port: "side", timestamp: 7, partition: 3 });
    else context.emit({ key: "k", value: "v" });
  }));
  op.feed({ key: "a", value: "x" }, { key: "b", value: "x" });
  op.takeOutputs();
  op.feed({ timestamp: 1 }, { timestamp: 2 });
  const short = op.takeOutputs().map(({ port, value, timestamp, headers, partition, row }) => [port, value, timestamp, headers, partition, row]);
  assert.deepEqual(short, [["out", "v", 1, [], null, 0], ["out", "v", 2, [], null, 1]]);
});

test("mistakes are told in words", () => {
  const wrong = [
    [(_, context) => context.emit({ value: 7 }), /a value is bytes \(Uint8Array\), text or null, not a number/],
    [(_, context) => context.emit({ key: [1] }), /a key is bytes .* not an array/],
    [(_, context) => context.emit({ port: "nowhere" }), /declares no output port `nowhere`: add it to `outputs`/],
    [(_, context) => context.setTimer({}), /a timer needs a time/],
    [(_, context) => context.setTimer({ at: 1, domain: "wall" }), /`event` or `processing`, not `wall`/],
    [(_, context) => context.log("x", "loud"), /a level is one of/],
    [(_, context) => context.count("x", -1), /whole numbers from 0, not by -1/],
    [(_, context) => context.getOf(sums, 7), /a key is bytes \(Uint8Array\) or text, not a number/],
    [async () => {}, /`process` returns a promise/],
  ];
  for (const [process, message] of wrong) assert.throws(() => open(doing(process)).feed({ key: "k" }), message);
  assert.throws(() => open(defineOperator({ outputs: [], process: (_, context) => context.emit({}) })).feed({}), /declares no output port: add it/);
});

test("a timer without a handler stops the job", () => {
  const op = open(doing((_, context) => context.setTimer({ at: 1 })));
  op.feed({ key: "k" });
  assert.throws(() => op.advanceWatermark(1), /no `onTimer`/);
});

test("declarations are checked", () => {
  assert.throws(() => defineOperator({}), /needs `process`/);
  assert.throws(() => defineOperator(undefined), /takes an object/);
  assert.throws(() => open({ process() {} }), /defineOperator makes one/);
  assert.throws(() => open(defineOperator({ open: () => ({}) })), /no object with `process`/);
  assert.throws(() => open(defineOperator({ open: async () => ({ process() {} }) })), /`open` returns a promise/);
  assert.throws(() => open(defineOperator({ open: () => { throw new Fatal("told to"); } })), /told to/);
});

test("logs and counters reach the host", () => {
  const op = open(doing((_, context) => {
    context.log("ünï", "warn");
    context.count("seen");
    context.count("seen", 2);
  }));
  op.feed({ key: "k" });
  assert.deepEqual([op.logs, op.counters.get("seen")], [[{ level: "warn", message: "ünï" }], 3]);
});

test("rows of an older version are rewritten, or refused", () => {
  const migrate = (name, from, rows) => rows.filter(([, value]) => value.length > 0).map(([key, value]) => [key, u64.encode(Number(decodeLossy(value)) * from)]);
  const op = open(doing(() => {}, { migrate }));
  assert.deepEqual(op.migrate("sums", 2, [["a", "21"], ["b", ""]]), [["a", u64.encode(42)]]);
  assert.throws(() => open(doing(() => {})).migrate("sums", 1, []), /does not know version 1 of its store `sums`/);
});

test("the harness refuses what the host would", () => {
  const none = new Uint8Array(0);
  assert.throws(() => open(doing((_, context) => context.returnRaw({ outputs: { index: new Uint8Array(39), arena: none } }))).feed({}), LayoutError);
  assert.throws(() => open(doing((_, context) => context.rejectRow(9, 1, ""))).feed({}), /row 9 was rejected, the batch has 1/);
});
