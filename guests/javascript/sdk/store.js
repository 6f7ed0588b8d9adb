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
