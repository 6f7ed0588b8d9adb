// The packing of batches: an index of 40-byte rows and an arena, as `batch` in wit/operator.wit says. Nothing else knows it.
//
// A row is read and written as ten little-endian words: key-end, value-end, headers-end, port + flags << 16, timestamp (2), offset (2), partition, key-id.

import { utf8Letters, writeLetters } from "./text.js";

export const WORDS = 10;
export const ROW_BYTES = 40;
export const NONE = 0xffff_ffff;
export const KEY_IS_NULL = 1 << 16;
export const VALUE_IS_NULL = 2 << 16;
export const HAS_HEADERS = 4 << 16;
const KNOWN_FLAGS = 7;
const FLAGS = 0xffff_0000;

/** Ends are 32 bits wide; half of that leaves room to add without a check for overflow. */
const ARENA_BYTES_MAX = 1 << 30;

/** Numbers of so many digits are told from other text by looking. */
const DIGITS_MAX = 6;

function isDigits(text) {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

/** The words of an index. Every machine that this runs on is little-endian. */
export function wordsOf(index) {
  if (index.byteOffset % 4 === 0) return new Uint32Array(index.buffer, index.byteOffset, index.byteLength >>> 2);
  return new Uint32Array(index.slice().buffer, 0, index.byteLength >>> 2);
}

/** A batch that the host, or a test, has packed. */
export class Batch {
  constructor(index, arena) {
    this.index = index;
    this.arena = arena;
    this.words = wordsOf(index);
    this.length = index.byteLength / ROW_BYTES;
  }

  /** A stretch of the arena. (`subarray` takes half as long again.) */
  bytes(begin, end) {
    return new Uint8Array(this.arena.buffer, this.arena.byteOffset + begin, end - begin);
  }

  /** Where a row's bytes begin in the arena. */
  begin(row) {
    return row === 0 ? 0 : this.words[row * WORDS - 8];
  }

  key(row) {
    const at = row * WORDS;
    return this.words[at + 3] & KEY_IS_NULL ? null : this.bytes(this.begin(row), this.words[at]);
  }

  value(row) {
    const at = row * WORDS;
    return this.words[at + 3] & VALUE_IS_NULL ? null : this.bytes(this.words[at], this.words[at + 1]);
  }

  /** The packed headers; undefined: none. */
  headers(row) {
    const at = row * WORDS;
    return this.words[at + 3] & HAS_HEADERS ? this.arena.subarray(this.words[at + 1], this.words[at + 2]) : undefined;
  }

  port(row) {
    return this.words[row * WORDS + 3] & 0xffff;
  }
}

/** Says which rule of the layout a batch breaks, as the shared vectors name them, and in which row. */
export class LayoutError extends Error {
  constructor(rule, row) {
    super(`row ${row} of the batch breaks the layout's rule ${rule}`);
    this.rule = rule;
    this.row = row;
  }
}

/** A batch of bytes that nobody has checked yet, in memory of its own. */
export function parse(index, arena) {
  const batch = new Batch(index.slice(), arena.slice());
  if (index.byteLength % ROW_BYTES !== 0) throw new LayoutError("IndexLength", Math.floor(batch.length));
  let begin = 0;
  for (let row = 0; row < batch.length; row++) {
    const rule = broken(batch, row, begin);
    if (rule !== undefined) throw new LayoutError(rule, row);
    begin = batch.words[row * WORDS + 2];
  }
  if (begin !== arena.byteLength) throw new LayoutError("ArenaNotUsedUp", batch.length);
  return batch;
}

function broken({ words, arena }, row, begin) {
  const [keyEnd, valueEnd, headersEnd, portAndFlags] = words.subarray(row * WORDS, row * WORDS + 4);
  if (keyEnd < begin || valueEnd < keyEnd || headersEnd < valueEnd) return "EndsGoBackwards";
  if (headersEnd > arena.byteLength) return "EndOutsideArena";
  if ((portAndFlags >>> 16) & ~KNOWN_FLAGS) return "UnknownFlags";
  if ((portAndFlags & KEY_IS_NULL && keyEnd !== begin) || (portAndFlags & VALUE_IS_NULL && valueEnd !== keyEnd)) return "NullWithBytes";
  if (!(portAndFlags & HAS_HEADERS)) return headersEnd === valueEnd ? undefined : "Headers";
  return headersAreSound(arena.subarray(valueEnd, headersEnd)) ? undefined : "Headers";
}

function headersAreSound(packed) {
  if (packed.length < 2) return false;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  let at = 2;
  for (let left = view.getUint16(0, true); left > 0; left--) {
    if (at + 2 > packed.length) return false;
    at += 2 + view.getUint16(at, true);
    if (at + 4 > packed.length) return false;
    const length = view.getUint32(at, true);
    at += length === NONE ? 4 : 4 + length;
    if (at > packed.length) return false;
  }
  return at === packed.length;
}

/** Grows a batch, and keeps its memory from batch to batch. */
export class Builder {
  constructor() {
    this.words = new Uint32Array(64 * WORDS);
    this.arena = new Uint8Array(4096);
    this.length = 0;
    this.end = 0;
  }

  reset() {
    this.length = this.end = 0;
  }

  /**
   * Adds a row: bytes or text, null is null; headers are packed, undefined for none. Returns where its words begin; the caller sets those from the fourth on
   * (port and flags are set: `port`).
   */
  push(key, value, headers, port) {
    const at = this.length * WORDS;
    if (at === this.words.length) this.moreRows();
    let flags = port;
    if (key === null || key === undefined) flags |= KEY_IS_NULL;
    else this.write(key, "key");
    const keyEnd = this.end;
    if (value === null || value === undefined) flags |= VALUE_IS_NULL;
    else this.write(value, "value");
    const valueEnd = this.end;
    if (headers !== undefined) {
      flags |= HAS_HEADERS;
      this.write(headers, "headers");
    }
    const words = this.words;
    words[at] = keyEnd;
    words[at + 1] = valueEnd;
    words[at + 2] = this.end;
    words[at + 3] = flags;
    this.length++;
    return at;
  }

  /** Adds a row of state: a key of a store, and its value. */
  pushState(store, key, value) {
    const at = this.push(key, value, undefined, store);
    const words = this.words;
    words[at + 4] = 0;
    words[at + 5] = 0x8000_0000;
    words[at + 6] = words[at + 7] = 0;
    words[at + 8] = words[at + 9] = NONE;
  }

  /** Adds all rows of a batch as outputs to a port, each made from itself. */
  append(batch, port) {
    const base = this.end;
    let at = this.length * WORDS;
    while (at + batch.words.length > this.words.length) this.moreRows();
    if (base + batch.arena.length > this.arena.length) this.moreArena(batch.arena.length);
    this.words.set(batch.words, at);
    this.arena.set(batch.arena, base);
    const words = this.words;
    for (let row = 0; row < batch.length; row++, at += WORDS) {
      words[at] += base;
      words[at + 1] += base;
      words[at + 2] += base;
      words[at + 3] = (words[at + 3] & FLAGS) | port;
      words[at + 6] = row;
      words[at + 7] = 0;
      words[at + 8] = words[at + 9] = NONE;
    }
    this.length += batch.length;
    this.end += batch.arena.length;
  }

  write(part, what) {
    if (typeof part === "string") {
      // A regular expression takes longer than to look at the letters of a number.
      const letters = part.length <= DIGITS_MAX && isDigits(part) ? part : utf8Letters(part);
      if (this.end + letters.length > this.arena.length) this.moreArena(letters.length);
      writeLetters(letters, this.arena, this.end);
      this.end += letters.length;
    } else if (part instanceof Uint8Array) {
      if (this.end + part.length > this.arena.length) this.moreArena(part.length);
      this.arena.set(part, this.end);
      this.end += part.length;
    } else {
      throw new TypeError(`a ${what} is bytes (Uint8Array), text or null, not ${Array.isArray(part) ? "an array" : `a ${typeof part}`}`);
    }
  }

  moreRows() {
    const words = new Uint32Array(2 * this.words.length);
    words.set(this.words);
    this.words = words;
  }

  moreArena(bytes) {
    if (this.end + bytes > ARENA_BYTES_MAX) throw new RangeError("a batch's arena holds at most 1 GiB");
    const arena = new Uint8Array(Math.max(2 * this.arena.length, this.end + bytes));
    arena.set(this.arena.subarray(0, this.end));
    this.arena = arena;
  }

  /** Index and arena as the boundary has them, valid until the builder is used again. */
  packed() {
    return { index: new Uint8Array(this.words.buffer, 0, this.length * ROW_BYTES), arena: this.arena.subarray(0, this.end) };
  }
}
