// Text, numbers, JSON and config: what stands between bytes and JavaScript.

import assert from "node:assert/strict";
import test from "node:test";
import { JsonObject, config, decode, decodeLossy, defineOperator, encode, f64, i64, i64big, json, sameJson, text, textOfJson, u64, u64big } from "millstream";
import { open } from "millstream/testing";
import { Builder } from "../sdk/builder.js";
import { configOf } from "../sdk/config.js";
import { prefixEnd } from "../sdk/text.js";
import { bigintOf, numberOf, writeNumber } from "../sdk/time.js";

test("text is UTF-8 both ways, and what is none is told", () => {
  for (const one of ["", "plain", "ünï ελ 日本 😀", "x".repeat(100_000)]) {
    assert.deepEqual(Buffer.from(encode(one)), Buffer.from(one));
    assert.equal(decode(encode(one)), one);
  }
  assert.equal(encode("\ud800").length, 3);
  for (const wrong of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
    assert.equal(decode(Uint8Array.from(wrong)), undefined);
  }
  assert.equal(decodeLossy(Uint8Array.of(101, 0xff, 0xc3, 0xb6, 0xe2, 0x82)), "e\ufffdö\ufffd\ufffd");
});

test("text is written to a batch as UTF-8, numbers and what looks like them, too", () => {
  const texts = ["0", "7", "123", "007", "1234", "12345", "12345678", "123456789012345", "9007199254740993", "1e5", "1e21", "1.5", "-1234", "0x10"];
  texts.push("", "ab", " 12", "12 ", "+12", "Infinity", "NaN", "ü12", "1_000", "9999", "10000", "99990000", "1000000000000000", "٣٣٣", "\ud800");
  texts.push("ünï ελ".repeat(20), "x".repeat(9000));
  const builder = new Builder();
  for (const text of texts) builder.push(text, text, undefined, 0, 0);
  assert.deepEqual(Buffer.from(builder.packed().arena), Buffer.from(texts.map((text) => text + text).join("")));
});

test("times are written and read at their ends", () => {
  const words = new Uint32Array(2);
  const there = (number) => {
    writeNumber(words, 0, number);
    return [numberOf(...words), bigintOf(...words)];
  };
  for (const number of [0, 1, -1, 2 ** 32, -(2 ** 32) - 5, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) assert.deepEqual(there(number), [number, BigInt(number)]);
  for (const number of [2n ** 62n + 1n, -(2n ** 62n) - 1n, 2n ** 63n - 1n]) assert.equal(there(number)[1], number);
  assert.deepEqual(there(Infinity), [Infinity, 2n ** 63n - 1n]);
  assert.deepEqual(there(-Infinity), [-Infinity, -(2n ** 63n)]);
  assert.deepEqual(there(2n ** 70n), [Infinity, 2n ** 63n - 1n]);
  assert.deepEqual(there(null)[0], -Infinity);
  assert.throws(() => there(1.5), /whole number of milliseconds, not 1.5/);
  assert.throws(() => there("7"), /not a string/);
});

test("numbers are eight bytes, little-endian, and exact or refused", () => {
  assert.deepEqual([...u64.encode(258)], [2, 1, 0, 0, 0, 0, 0, 0]);
  for (const number of [0, 2 ** 32, Number.MAX_SAFE_INTEGER]) assert.equal(u64.decode(u64.encode(number)), number);
  for (const number of [-1, 0, -(2 ** 33) + 1, Number.MIN_SAFE_INTEGER]) assert.equal(i64.decode(i64.encode(number)), number);
  assert.equal(u64big.decode(u64big.encode(2n ** 64n - 1n)), 2n ** 64n - 1n);
  assert.equal(i64big.decode(i64big.encode(-(2n ** 63n))), -(2n ** 63n));
  assert.equal(f64.decode(f64.encode(-0.1)), -0.1);
  assert.throws(() => u64.decode(u64big.encode(2n ** 53n)), /u64 exceeds what a number holds exactly: declare the store with u64big/);
  assert.throws(() => u64.decode(new Uint8Array(7)), /a u64 has 8 bytes, this value 7/);
  for (const wrong of [-1, 1.5, 2 ** 53, "1", null]) assert.throws(() => u64.encode(wrong), TypeError);
  for (const wrong of [-1n, 2n ** 64n]) assert.throws(() => u64big.encode(wrong), TypeError);
});

test("texts and JSON in a store say what is wrong with them", () => {
  assert.equal(text.decode(text.encode("ö")), "ö");
  assert.throws(() => text.decode(Uint8Array.of(0xff)), /not UTF-8/);
  assert.deepEqual(json().decode(json().encode({ a: [1, "ö"] })), { a: [1, "ö"] });
  assert.throws(() => json().decode(encode("{")), SyntaxError);
  assert.throws(() => json().encode(undefined), /JSON has no undefined/);
});

test("fields of an object are found as they stand", () => {
  const fields = new JsonObject(' { "a" : [ 1 , {"b": "]"} ] , "t" : "x\\u00e9\\n" , "n":-1.5e3,"a2":{} , "n":true } \n');
  assert.equal(fields.raw("a"), '[ 1 , {"b": "]"} ]');
  assert.equal(fields.text("t"), "xé\n");
  assert.equal(fields.text("n"), undefined);
  assert.equal(fields.raw("n"), "true");
  assert.deepEqual(fields.value("a"), [1, { b: "]" }]);
  assert.ok(fields.has("a2") && !fields.has("b"));
  assert.equal(new JsonObject('{"\\u006bind":1}').raw("kind"), "1");
  assert.equal(textOfJson('"\\ud800"'), undefined);
  assert.equal(new JsonObject("{}").raw("a"), undefined);
});

test("of many fields each is found, the last of its name", () => {
  const names = Array.from({ length: 40 }, (_, n) => `n${n}`);
  const fields = new JsonObject(`{${names.map((name, n) => `"${name}":${n % 7 === 0 ? `[${n}]` : n}`)}, "n3" : "n4", "n9":"\\"" }`);
  for (const [n, name] of names.entries()) assert.equal(fields.raw(name), n === 3 ? '"n4"' : n === 9 ? '"\\""' : n % 7 === 0 ? `[${n}]` : String(n));
  // Values that read like names are none.
  const alike = new JsonObject('{"a":true,"true":1,"b":7,"c":"x"}');
  assert.deepEqual(["true", "7", "x", '"x"', ",", "undefined"].map((name) => alike.raw(name)), ["1", ...new Array(5).fill(undefined)]);
  assert.equal(new JsonObject('{"a":7}').raw("7"), undefined);
});

test("objects in other letters than ASCII are read as text", () => {
  const op = open(defineOperator({ process: (record, context) => context.emit({ value: record.object().text(record.keyText()) }) }));
  for (const value of ['{"a":"ü"}', '{"a":"x","b":["ü"]}', '{"ü":"日本","c":{}}', '{"\\u0061":"ü"}']) op.feed({ key: value.includes("日") ? "ü" : "a", value });
  assert.deepEqual(op.takeOutputs().map((out) => out.value), ["ü", "x", "日本", "ü"]);
  op.feed({ key: "a", value: Uint8Array.of(...encode('{"a":"'), 0xfc, ...encode('"}')) }, { key: "a", value: '{"a":"ü"' }, { key: "a" });
  assert.deepEqual(op.takeRejects().map((reject) => reject.code), [65_001, 65_002, 65_001]);
});

test("what is no JSON object is refused, with the place", () => {
  const wrong = ["", "7", "null", "[]", "{", '{"a"}', '{"a":}', '{"a":1', '{"a":1,}', '{"a":01}', '{"a":1.}', '{"a":+1}', '{"a":1} x', '{"a":1}}', "{'a':1}", '{a:1}'];
  wrong.push('{"a":tru}', '{"a":"\n"}', '{"a":"\\x"}', '{"a":"\\u12"}', '{"a":"x}', '{"a":[1,]}', '{"a":[}', '{"a":{"b"}}', '{"a":["x}', '{,}', '{"a":1,,"b":2}', '{"\\ud800":1}');
  wrong.push(`{"a":${"[".repeat(127)}${"]".repeat(127)}}`, `{"a":${"[".repeat(100_000)}`);
  for (const one of wrong) assert.throws(() => new JsonObject(one), { name: "SyntaxError", message: /^at letter \d+ expected / }, one);
  new JsonObject(`{"a":${"[".repeat(126)}${"]".repeat(126)}}`);
});

test("a field of a mebibyte is read", () => {
  const large = "x\\n".repeat(350_000);
  assert.equal(new JsonObject(`{"a":"${large}","b":1}`).raw("b"), "1");
});

test("JSON values are the same however they are written, and numbers exactly", () => {
  for (const [a, b] of [["1", " 1"], ['"a"', '"\\u0061"'], ['{"a":1,"b":[2]}', '{"b":[2.0e0],"a":1}'.replace("2.0e0", "2")], ["1.0", "10e-1"]]) assert.ok(sameJson(a, b), `${a} ${b}`);
  for (const [a, b] of [["1", "1.0"], ["1", '"1"'], ["9007199254740993", "9007199254740992"], ['[["a",1]]', '{"a":1}'], ['"n1"', "1"], ["null", "false"]]) {
    assert.ok(!sameJson(a, b), `${a} ${b}`);
  }
});

test("config is decoded by its fields, and what does not fit is named", () => {
  const fields = {
    size: config.whole({ min: 1 }),
    map: config.oneOf(["upper", "lower"], { default: "upper" }),
    only: config.object({ field: config.text(), equals: config.any() }, { optional: true }),
    names: config.list(config.text(), { default: [] }),
    share: config.number({ max: 1, default: 0.5 }),
    strict: config.flag({ optional: true }),
  };
  assert.deepEqual(configOf('{"size":7,"names":["a"]}', fields), { size: 7, map: "upper", only: undefined, names: ["a"], share: 0.5, strict: undefined });
  const wrong = {
    "": "config: missing field `size`",
    "{": "config: ",
    "[]": "config: found [], expected an object",
    '{"size":0}': "config: `size`: must be at least 1",
    '{"size":1.5}': "config: `size`: found 1.5, expected a whole number",
    '{"size":1,"share":2}': "config: `share`: must be at most 1",
    '{"size":1,"map":"title"}': "config: `map`: unknown variant `title`, expected one of `upper`, `lower`",
    '{"size":1,"names":["a",2]}': "config: `names`: `1`: found 2, expected a text",
    '{"size":1,"only":{"field":"a"}}': "config: `only`: missing field `equals`",
    '{"size":1,"strict":"yes"}': 'config: `strict`: found "yes", expected true or false',
    '{"size":1,"toString":2}': "config: unknown field `toString`",
  };
  for (const [source, message] of Object.entries(wrong)) {
    assert.throws(() => configOf(source, fields), (e) => e.name === "Fatal" && e.message.startsWith(message), source);
  }
  assert.deepEqual(configOf("{ }", undefined), {});
  assert.throws(() => configOf('{"step":2}', undefined), /config: this operator takes none, the job gives it {"step":2}/);
});

test("a prefix ends where the next begins", () => {
  for (const [prefix, end] of [["ab", "ac"], ["a\xff", "b"], ["\xff\xff", ""], ["", ""]]) {
    assert.equal(Buffer.from(prefixEnd(Buffer.from(prefix, "latin1"))).toString("latin1"), end);
  }
});
