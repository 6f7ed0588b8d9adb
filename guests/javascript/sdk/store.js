// Declared stores, and how their values stand in them. Whoever gets here imports the state, which a job must grant; an operator without stores does not.

import "#state";
import { decode, encode } from "./text.js";

/** A declared store: key to value, one value per key and task. */
export class Store {
  constructor(name, codec, version) {
    this.name = name;
    this.codec = codec;
    this.version = version;
  }
}

/** Declares a store. Raise `version` with the values' format, and write `migrate`. */
export function store(name, codec = bytes, version = 1) {
  return new Store(name, codec, version);
}

const NUMBER_BYTES = 8;
const scratch = new DataView(new ArrayBuffer(NUMBER_BYTES));
const scratchBytes = new Uint8Array(scratch.buffer);

/** A number of eight little-endian bytes, as in all languages. `immutable`: a value that is handed out cannot be changed from outside. */
function eightBytes(name, read, write) {
  return {
    immutable: true,
    decode(value) {
      if (value.length !== NUMBER_BYTES) throw new RangeError(`a ${name} has ${NUMBER_BYTES} bytes, this value ${value.length}`);
      scratchBytes.set(value);
      return read();
    },
    encode(value) {
      write(value);
      return scratchBytes.slice();
    },
  };
}

function whole(name, least, most) {
  return (value) => {
    if (!Number.isInteger(value) || value < least || value > most) throw new TypeError(`${value} is no ${name} that a number holds exactly`);
    return value;
  };
}

const checkU64 = whole("u64", 0, Number.MAX_SAFE_INTEGER);
const checkI64 = whole("i64", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
const WORD = 0x1_0000_0000;

function safe(name, number) {
  if (Number.isSafeInteger(number)) return number;
  throw new RangeError(`the ${name} exceeds what a number holds exactly: declare the store with ${name}big`);
}

export const u64 = eightBytes(
  "u64",
  () => safe("u64", scratch.getUint32(4, true) * WORD + scratch.getUint32(0, true)),
  (value) => {
    checkU64(value);
    scratch.setUint32(0, value >>> 0, true);
    scratch.setUint32(4, value / WORD, true);
  },
);

export const i64 = eightBytes(
  "i64",
  () => safe("i64", scratch.getInt32(4, true) * WORD + scratch.getUint32(0, true)),
  (value) => {
    checkI64(value);
    scratch.setUint32(0, value >>> 0, true);
    scratch.setInt32(4, Math.floor(value / WORD), true);
  },
);

export const u64big = eightBytes(
  "u64",
  () => scratch.getBigUint64(0, true),
  (value) => scratch.setBigUint64(0, inRange("u64", value, BigInt.asUintN(64, value)), true),
);

export const i64big = eightBytes(
  "i64",
  () => scratch.getBigInt64(0, true),
  (value) => scratch.setBigInt64(0, inRange("i64", value, BigInt.asIntN(64, value)), true),
);

function inRange(name, value, cut) {
  if (value !== cut) throw new TypeError(`${value} is no ${name}`);
  return value;
}

export const f64 = eightBytes("f64", () => scratch.getFloat64(0, true), (value) => scratch.setFloat64(0, value, true));

export const text = {
  immutable: true,
  decode(value) {
    const decoded = decode(value);
    if (decoded === undefined) throw new RangeError("the value is not UTF-8");
    return decoded;
  },
  encode,
};

export const bytes = { decode: (value) => value.slice(), encode: (value) => value.slice() };

/** The codec of values kept as JSON. */
export function json() {
  return {
    decode: (value) => JSON.parse(text.decode(value)),
    encode(value) {
      const written = JSON.stringify(value);
      if (written === undefined) throw new TypeError(`JSON has no ${typeof value}`);
      return encode(written);
    },
  };
}
