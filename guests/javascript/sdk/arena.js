// The bytes of a batch that is being written: one part of a row after the other, bytes or text.

import { encode } from "./text.js";

/** Ends are 32 bits wide; half of that leaves room to add without a check for overflow. */
const BYTES_MAX = 1 << 30;
const BYTES_AT_FIRST = 4096;

/** A global name takes longer to look up. */
const Bytes = Uint8Array;

/** Text up to so many letters is written one by one. */
const FEW_LETTERS = 6;
/** Much of what is written are numbers: text of so many letters that is one is written by four digits at a time. More digits are not exact. */
const [NUMBER_LETTERS_MIN, NUMBER_LETTERS_MAX] = [3, 15];
const DIGITS = 4;
const TEN_THOUSAND = 10_000;
/** "0000" to "9999", as words. */
const FOUR_DIGITS = Uint32Array.from({ length: TEN_THOUSAND }, (_, number) => {
  const [a, b, c, d] = [number / 1000, (number / 100) % 10, (number / 10) % 10, number % 10];
  return 0x3030_3030 + (a | (b << 8) | (c << 16) | (d << 24));
});

/** What a builder writes keys, values and headers to. */
export class Arena {
  constructor() {
    this.arena = new Bytes(BYTES_AT_FIRST);
    this.view = new DataView(this.arena.buffer);
    /** The arena's length: to ask the arena takes a call. */
    this.room = BYTES_AT_FIRST;
    this.end = 0;
  }

  /** Writes a part of a row, and answers where it ends. */
  write(part, what) {
    if (typeof part === "string") return this.writeText(part);
    if (part instanceof Bytes) {
      const end = this.end;
      const length = part.length;
      if (end + length > this.room) this.moreArena(length);
      this.arena.set(part, end);
      return (this.end = end + length);
    }
    // Whoever catches that may go on.
    this.dropPart();
    throw new TypeError(`a ${what} is bytes (Uint8Array), text or null, not ${Array.isArray(part) ? "an array" : `a ${typeof part}`}`);
  }

  writeText(text) {
    let end = this.end;
    const length = text.length;
    // Digits are written by fours: there may be three bytes too many.
    if (end + length + DIGITS > this.room) this.moreArena(length + DIGITS);
    if (length >= NUMBER_LETTERS_MIN && length <= NUMBER_LETTERS_MAX) {
      const number = +text;
      if (number >= 0 && "" + number === text && number % 1 === 0) return (this.end = this.writeDigits(number, end, length));
    }
    if (length > FEW_LETTERS) return this.write(encode(text));
    // To look whether all of it is ASCII takes as long as to write it: done at once.
    const arena = this.arena;
    for (let at = 0; at < length; at++) {
      const code = text.charCodeAt(at);
      if (code > 0x7f) return this.write(encode(text));
      arena[end++] = code;
    }
    return (this.end = end);
  }

  /** Writes a number of so many digits, and answers where it ends. */
  writeDigits(number, end, length) {
    if (length > DIGITS) {
      const above = Math.floor(number / TEN_THOUSAND);
      end = this.writeDigits(above, end, length - DIGITS);
      number -= above * TEN_THOUSAND;
      length = DIGITS;
    }
    this.view.setUint32(end, FOUR_DIGITS[number] >>> (8 * (DIGITS - length)), true);
    return end + length;
  }

  moreArena(bytes) {
    if (this.end + bytes > BYTES_MAX) throw new RangeError("a batch's arena holds at most 1 GiB");
    const arena = new Bytes(Math.max(2 * this.room, this.end + bytes));
    arena.set(this.arena.subarray(0, this.end));
    this.arena = arena;
    this.view = new DataView(arena.buffer);
    this.room = arena.length;
  }
}
