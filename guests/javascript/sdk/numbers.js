// Codecs of numbers, which stand in a store as eight bytes.

const NUMBER_BYTES = 8;
const scratch = new DataView(new ArrayBuffer(NUMBER_BYTES));
const scratchBytes = new Uint8Array(scratch.buffer);

/** Where a codec has how its bytes are read and written where they stand, which spares a slice of them. */
export const IN_PLACE = Symbol("in place");

/**
 * A number of eight little-endian bytes, as in all languages. `immutable`: a value that is handed out cannot be changed from outside. Where
 * `read` finds no number that it can hand out it answers undefined, and `decode` says why.
 */
function eightBytes(name, read, write) {
  return {
    immutable: true,
    [IN_PLACE]: { width: NUMBER_BYTES, read, write },
    decode(value) {
      if (value.length !== NUMBER_BYTES) throw new RangeError(`a ${name} has ${NUMBER_BYTES} bytes, this value ${value.length}`);
      scratchBytes.set(value);
      const number = read(scratch, 0);
      if (number === undefined) throw new RangeError(`the ${name} exceeds what a number holds exactly: declare the store with ${name}big`);
      return number;
    },
    encode(value) {
      write(scratch, 0, value);
      return scratchBytes.slice();
    },
  };
}

const WORD = 0x1_0000_0000;
/** The high word of 2^53, from which on numbers are not exact. */
const HIGH_INEXACT = 0x20_0000;

function checkWhole(name, value, least) {
  if (!Number.isSafeInteger(value) || value < least) throw new TypeError(`${value} is no ${name} that a number holds exactly`);
}

export const u64 = eightBytes(
  "u64",
  (view, at) => {
    const high = view.getUint32(at + 4, true);
    return high < HIGH_INEXACT ? high * WORD + view.getUint32(at, true) : undefined;
  },
  (view, at, value) => {
    let high = 0;
    // As a rule it is small, and then it is known to be whole.
    if (value >>> 0 !== value) {
      checkWhole("u64", value, 0);
      high = Math.floor(value / WORD);
    }
    view.setUint32(at, value, true);
    view.setUint32(at + 4, high, true);
  },
);

export const i64 = eightBytes(
  "i64",
  (view, at) => {
    const number = view.getInt32(at + 4, true) * WORD + view.getUint32(at, true);
    return Number.isSafeInteger(number) ? number : undefined;
  },
  (view, at, value) => {
    checkWhole("i64", value, -Infinity);
    view.setUint32(at, value, true);
    view.setInt32(at + 4, Math.floor(value / WORD), true);
  },
);

export const u64big = eightBytes(
  "u64",
  (view, at) => view.getBigUint64(at, true),
  (view, at, value) => view.setBigUint64(at, inRange("u64", value, BigInt.asUintN(64, value)), true),
);

export const i64big = eightBytes(
  "i64",
  (view, at) => view.getBigInt64(at, true),
  (view, at, value) => view.setBigInt64(at, inRange("i64", value, BigInt.asIntN(64, value)), true),
);

function inRange(name, value, cut) {
  if (value !== cut) throw new TypeError(`${value} is no ${name}`);
  return value;
}

export const f64 = eightBytes("f64", (view, at) => view.getFloat64(at, true), (view, at, value) => view.setFloat64(at, value, true));
