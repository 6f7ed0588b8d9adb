// What an operator is given: records and due timers, read from the batch when they are asked.

import { unpackHeaders } from "./headers.js";
import { KEY_IS_NULL, VALUE_IS_NULL, WORDS } from "./batch.js";
import { BAD_JSON, BAD_TEXT, NO_KEY, NO_TIME, Reject } from "./errors.js";
import { JsonObject } from "./json.js";
import { decode, latin1 } from "./text.js";
import { bigintOf, numberOf } from "./time.js";

const Bytes = Uint8Array;

/** One input record. Its bytes are valid until the call ends. */
export class InputRecord {
  // No private field or method: one would make a record take half as long again to make.
  constructor(batch, row) {
    this.batch = batch;
    this.row = row;
  }

  // Each access makes a view, without the detour over the batch's functions: calls are dear.
  get key() {
    const { words, buffer } = this.batch;
    const at = this.row * WORDS;
    if (words[at + 3] & KEY_IS_NULL) return null;
    const begin = at === 0 ? 0 : words[at - 8];
    return new Bytes(buffer, begin, words[at] - begin);
  }

  get value() {
    const { words, buffer } = this.batch;
    const at = this.row * WORDS;
    if (words[at + 3] & VALUE_IS_NULL) return null;
    const begin = words[at];
    return new Bytes(buffer, begin, words[at + 1] - begin);
  }

  get timestamp() {
    const time = number(this, 4);
    return time === -Infinity ? null : time;
  }

  get exactTimestamp() {
    const words = this.batch.words;
    const at = this.row * WORDS + 4;
    return numberOf(words[at], words[at + 1]) === -Infinity ? null : bigintOf(words[at], words[at + 1]);
  }

  get port() {
    return this.batch.port(this.row);
  }

  get offset() {
    return number(this, 6);
  }

  get partition() {
    return this.batch.words[this.row * WORDS + 8];
  }

  get headers() {
    return unpackHeaders(this.batch.headers(this.row));
  }

  header(name) {
    return this.headers.findLast(([other]) => other === name)?.[1] ?? null;
  }

  /** The headers as they stand in the batch, for copies of the record. */
  get packedHeaders() {
    return this.batch.headers(this.row);
  }

  requireKey() {
    const key = this.key;
    if (key === null) throw new Reject(NO_KEY, "the record has no key");
    return key;
  }

  requireTime() {
    const time = this.timestamp;
    if (time === null) throw new Reject(NO_TIME, "the record has no timestamp");
    return time;
  }

  requireExactTime() {
    const time = this.exactTimestamp;
    if (time === null) throw new Reject(NO_TIME, "the record has no timestamp");
    return time;
  }

  keyText() {
    return text(this.key, "key");
  }

  valueText() {
    return text(this.value, "value");
  }

  json() {
    if (this.value === null) throw new Reject(BAD_JSON, "the value is null");
    const value = this.valueText();
    try {
      return JSON.parse(value);
    } catch (e) {
      throw new Reject(BAD_JSON, `the value: ${e.message}`);
    }
  }

  object() {
    const bytes = this.value;
    try {
      // As a rule the value is ASCII: then its letters are its text, and whoever reads them finds out.
      if (bytes !== null) return new JsonObject(latin1(bytes), true);
    } catch {
      // Said below, of the text.
    }
    const value = text(bytes, "value");
    try {
      return new JsonObject(value);
    } catch (e) {
      if (!(e instanceof SyntaxError)) throw e;
      throw new Reject(BAD_JSON, `the value: ${e.message}`);
    }
  }
}

function number({ batch, row }, word) {
  const at = row * WORDS + word;
  return numberOf(batch.words[at], batch.words[at + 1]);
}

function text(bytes, part) {
  if (bytes === null) throw new Reject(BAD_TEXT, `the ${part} is null`);
  const decoded = decode(bytes);
  if (decoded === undefined) throw new Reject(BAD_TEXT, `the ${part} is not UTF-8`);
  return decoded;
}

export const DOMAINS = ["event", "processing"];

/** A due timer: it *is* its domain, time, key and payload. */
export class Timer {
  #low;
  #high;

  constructor(batch, row) {
    const at = row * WORDS + 4;
    this.row = row;
    this.key = batch.key(row);
    this.payload = batch.value(row) ?? new Uint8Array(0);
    this.domain = DOMAINS[batch.port(row)];
    this.#low = batch.words[at];
    this.#high = batch.words[at + 1];
  }

  get at() {
    return numberOf(this.#low, this.#high);
  }

  get exactAt() {
    return bigintOf(this.#low, this.#high);
  }
}
