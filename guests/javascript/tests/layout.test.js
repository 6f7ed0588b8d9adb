// The packing of batches against the vectors that all languages share.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { Batch, LayoutError, ROW_BYTES, WORDS, parse } from "../sdk/batch.js";
import { Builder } from "../sdk/builder.js";
import { packHeaders, unpackHeaders } from "../sdk/headers.js";
import { InputRecord } from "../sdk/record.js";
import { bigintOf, writeNumber } from "../sdk/time.js";

// Timestamps and offsets have 64 bits, which JSON.parse would round.
const text = readFileSync(new URL("../../../tests/vectors/batches.json", import.meta.url), "utf8");
const vectors = JSON.parse(text.replace(/("(?:timestamp|offset)": )(-?[0-9]+)/g, '$1"$2"'));

const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const part = (hex) => (hex === null ? null : bytes(hex));
const hex = (part) => (part === null ? null : Buffer.from(part).toString("hex"));

test("there are vectors", () => assert.ok(vectors.valid.length >= 10 && vectors.invalid.length >= 20));

for (const vector of vectors.valid) {
  test(`${vector.name}: is read as the layout says`, () => {
    const batch = parse(bytes(vector.index), bytes(vector.arena));
    const words = batch.words;
    const rows = Array.from({ length: batch.length }, (_, row) => {
      const record = new InputRecord(batch, row);
      const at = row * WORDS;
      return {
        key: hex(record.key),
        value: hex(record.value),
        headers: record.headers.map(([name, value]) => [name, hex(value)]),
        port: record.port,
        timestamp: String(bigintOf(words[at + 4], words[at + 5])),
        offset: String(bigintOf(words[at + 6], words[at + 7])),
        partition: record.partition,
        key_id: words[at + 9],
      };
    });
    assert.deepEqual(rows, vector.rows);
  });

  test(`${vector.name}: is written as the layout says`, () => {
    const builder = new Builder();
    for (const row of vector.rows) {
      const headers = packHeaders(row.headers.map(([name, value]) => [name, part(value)]));
      const at = builder.push(part(row.key), part(row.value), headers, row.port, 0);
      writeNumber(builder.words, at + 4, BigInt(row.timestamp));
      writeNumber(builder.words, at + 6, BigInt(row.offset));
      builder.words[at + 8] = row.partition;
      builder.words[at + 9] = row.key_id;
    }
    const { index, arena } = builder.packed();
    assert.deepEqual([hex(index), hex(arena)], [vector.index, vector.arena]);
  });

  test(`${vector.name}: no cut of it is read outside of it`, () => {
    const [index, arena] = [bytes(vector.index), bytes(vector.arena)];
    for (let cut = 0; cut < index.length; cut++) {
      if (cut % ROW_BYTES !== 0) assert.throws(() => parse(index.subarray(0, cut), arena), LayoutError);
    }
    for (let cut = 0; cut < arena.length; cut += 1 + (arena.length >> 10)) assert.throws(() => parse(index, arena.subarray(0, cut)), LayoutError);
  });
}

for (const vector of vectors.invalid) {
  test(`${vector.name}: is refused by the rule it breaks`, () => {
    assert.throws(() => parse(bytes(vector.index), bytes(vector.arena)), { rule: vector.error });
  });
}

test("rows are read where an index does not begin at a word", () => {
  const index = new Uint8Array(ROW_BYTES + 1).subarray(1);
  index.set([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  assert.deepEqual(new Batch(index, Uint8Array.of(7)).key(0), Uint8Array.of(7));
});

test("headers come back as they went, and too many are refused", () => {
  const headers = [["a", Uint8Array.of(1)], ["ä", null], ["a", new Uint8Array(0)]];
  assert.deepEqual(unpackHeaders(packHeaders(headers)), headers);
  assert.deepEqual(unpackHeaders(packHeaders([["t", "ö"]])), [["t", Uint8Array.of(0xc3, 0xb6)]]);
  assert.deepEqual(unpackHeaders(packHeaders([])), []);
  assert.throws(() => packHeaders(new Array(65_536).fill(["a", null])), /at most 65535 headers/);
  assert.throws(() => packHeaders([["n".repeat(65_536), null]]), /at most 65535 bytes/);
});
