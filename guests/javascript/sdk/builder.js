// Writes packed batches. Each step that the engine interprets counts, and most of all each word: a row that nobody has written yet already says what most rows
// say, so that as a rule five words are left.

import { Arena } from "./arena.js";
import { FLAGS, HAS_HEADERS, KEY_IS_NULL, NONE, ROW_BYTES, VALUE_IS_NULL, WORDS } from "./batch.js";
import { encode } from "./text.js";

const ROWS_AT_FIRST = 64;
/** Arenas up to here are copied as a whole where that saves time; larger ones would cost too much memory. */
const SMALL_BYTES = 1 << 20;

/** What most rows say: no flags, port 0, inherit the time, made from row 0, by key, no number for the key. State has no more to say. */
const USUAL = [0, 0, 0, 0, 0, 0x8000_0000, 0, 0, NONE, NONE];

/** A global name takes longer to look up. */
const Bytes = Uint8Array;

/** Grows a batch, and keeps its memory from batch to batch. */
export class Builder extends Arena {
  constructor() {
    super();
    this.words = new Uint32Array(ROWS_AT_FIRST * WORDS);
    this.wordsRoom = this.words.length;
    /** Where the next row's words begin. */
    this.at = 0;
    this.makeUsual(0, this.wordsRoom);
  }

  get length() {
    return this.at / WORDS;
  }

  reset() {
    this.makeUsual(0, this.at);
    this.at = this.end = 0;
  }

  /** Makes rows as if nobody had written them. */
  makeUsual(begin, end) {
    if (begin === end) return;
    this.words.set(USUAL, begin);
    for (let filled = begin + WORDS; filled < end; filled += filled - begin) {
      this.words.copyWithin(filled, begin, begin + Math.min(filled - begin, end - filled));
    }
  }

  /**
   * Adds a usual row, made from row `from`: bytes or text, null is null; headers are packed, undefined for none. Returns where its words begin.
   *
   * What most rows have is written here and not by functions, since to call one takes as long as to copy the bytes.
   */
  push(key, value, headers, port, from) {
    const at = this.at;
    if (at === this.wordsRoom) this.moreRows(WORDS);
    let flags = port;
    let end = this.end;
    if (key === undefined || key === null) {
      flags |= KEY_IS_NULL;
    } else if (key.constructor === Bytes) {
      const length = key.length;
      if (end + length > this.room) this.moreArena(length);
      this.arena.set(key, end);
      this.end = end += length;
    } else {
      end = this.write(key, "key");
    }
    const keyEnd = end;
    if (value === undefined || value === null) {
      flags |= VALUE_IS_NULL;
    } else if (typeof value === "string") {
      end = this.writeText(value);
    } else if (value.constructor === Bytes) {
      const length = value.length;
      if (end + length > this.room) this.moreArena(length);
      this.arena.set(value, end);
      this.end = end += length;
    } else {
      end = this.write(value, "value");
    }
    const words = this.words;
    words[at] = keyEnd;
    words[at + 1] = words[at + 2] = end;
    if (headers !== undefined) {
      flags |= HAS_HEADERS;
      words[at + 2] = this.write(headers, "headers");
    }
    if (flags !== 0) words[at + 3] = flags;
    if (from !== 0) words[at + 6] = from;
    this.at = at + WORDS;
    return at;
  }

  /** Adds a row of a batch, key, value and headers, as a usual row of a port, made from row `from`. */
  pushRow(batch, row, port, from) {
    const at = this.at;
    if (at === this.wordsRoom) this.moreRows(WORDS);
    const given = batch.words;
    const source = row * WORDS;
    const begin = row === 0 ? 0 : given[source - 8];
    const length = given[source + 2] - begin;
    const end = this.end;
    if (end + length > this.room) this.moreArena(length);
    this.arena.set(new Bytes(batch.buffer, begin, length), end);
    const shift = end - begin;
    const words = this.words;
    words[at] = given[source] + shift;
    words[at + 1] = given[source + 1] + shift;
    words[at + 2] = this.end = end + length;
    const flags = (given[source + 3] & FLAGS) | port;
    if (flags !== 0) words[at + 3] = flags;
    words[at + 6] = from;
    this.at = at + WORDS;
  }

  /**
   * Adds rows with the keys of rows of a batch, from which they are made, and texts as values. Answers whether it did: only ASCII is as many bytes as letters, and
   * of large batches it would take too much memory.
   */
  pushTexts({ words: given, arena: source }, rows, texts, port) {
    const letters = texts.join("");
    const bytes = encode(letters);
    if (bytes.length !== letters.length || bytes.length + source.length > SMALL_BYTES) return false;
    const count = rows.length;
    if (this.at + count * WORDS > this.wordsRoom) this.moreRows(count * WORDS);
    let { at, end } = this;
    // Keys and texts are copied within one buffer: a view of each would take longer. What is written does not reach where they are.
    const behind = end + source.length + bytes.length;
    let from = behind + source.length;
    if (from + bytes.length > this.room) this.moreArena(from + bytes.length - end);
    const { words, arena } = this;
    arena.set(source, behind);
    arena.set(bytes, from);
    for (let n = 0; n < count; n++) {
      const text = texts[n];
      if (typeof text !== "string") {
        this.makeUsual(this.at, at);
        return false;
      }
      const row = rows[n];
      const own = row * WORDS;
      const begin = row === 0 ? 0 : given[own - 8];
      const keyEnd = given[own];
      if (keyEnd > begin) {
        arena.copyWithin(end, behind + begin, behind + keyEnd);
        end += keyEnd - begin;
        if (port !== 0) words[at + 3] = port;
      } else {
        words[at + 3] = port | (given[own + 3] & KEY_IS_NULL);
      }
      words[at] = end;
      const length = text.length;
      arena.copyWithin(end, from, from + length);
      from += length;
      words[at + 1] = words[at + 2] = end += length;
      words[at + 6] = row;
      at += WORDS;
    }
    this.at = at;
    this.end = end;
    return true;
  }

  /**
   * Adds rows of state without values, one for each key that a batch numbers, in order of the numbers. Answers how many keys there are; undefined: they have
   * no numbers, and there are no rows. The batch is the caller's own: where there is no key there is no number afterwards.
   */
  pushNumberedKeys({ words: given, arena: source }, store) {
    if (given.length > this.wordsRoom) this.moreRows(given.length);
    // Keys are copied within one buffer: a view of each would take longer. They never get to where the source begins: each is in it.
    const behind = source.length;
    const isSmall = behind <= SMALL_BYTES;
    if (isSmall && 2 * behind > this.room) this.moreArena(2 * behind);
    const { words, arena } = this;
    if (isSmall) arena.set(source, behind);
    const flags = store | VALUE_IS_NULL;
    let [at, end, keys] = [0, 0, 0];
    for (let from = 9; from < given.length; from += WORDS) {
      const number = given[from];
      if (number < keys) continue;
      if (given[from - 6] & KEY_IS_NULL) {
        given[from] = NONE;
        continue;
      }
      if (number > keys) {
        this.at = at;
        this.reset();
        return undefined;
      }
      const begin = from === 9 ? 0 : given[from - 17];
      const keyEnd = given[from - 9];
      if (isSmall) {
        arena.copyWithin(end, behind + begin, behind + keyEnd);
        end += keyEnd - begin;
      } else {
        end = this.write(new Bytes(source.buffer, begin, keyEnd - begin), "key");
      }
      words.fill(end, at, at + 3);
      words[at + 3] = flags;
      at += WORDS;
      keys++;
    }
    this.at = at;
    this.end = end;
    return keys;
  }

  /** Adds all rows again, which are state without values, for another store. */
  repeatState(rows, end, store) {
    const at = this.at;
    const length = rows * WORDS;
    if (at + length > this.wordsRoom) this.moreRows(length);
    if (this.end + end > this.room) this.moreArena(end);
    this.arena.copyWithin(this.end, 0, end);
    this.words.copyWithin(at, 0, length);
    moveEnds(this.words, at, at + length, this.end);
    setPorts(this.words, at, at + length, store);
    this.at = at + length;
    this.end += end;
  }

  /** Adds all rows of a batch as outputs to a port, each made from itself. `isTheirs`: the rows name that port already. */
  append(batch, port, isTheirs) {
    const { words: given, arena, length } = batch;
    const base = this.end;
    let at = this.at;
    if (at + given.length > this.wordsRoom) this.moreRows(given.length);
    if (base + arena.length > this.room) this.moreArena(arena.length);
    const words = this.words;
    words.set(given, at);
    this.arena.set(arena, base);
    this.at = at + given.length;
    this.end = base + arena.length;
    if (base > 0) moveEnds(words, at, this.at, base);
    if (!isTheirs) setPorts(words, at, this.at, port);
    for (let row = 0; row < length; row++, at += WORDS) {
      words[at + 6] = row;
      words[at + 7] = 0;
      words[at + 8] = words[at + 9] = NONE;
    }
  }

  /** Forgets what was written of a row that is not there yet. */
  dropPart() {
    this.end = this.at === 0 ? 0 : this.words[this.at - 8];
  }

  /** Makes room for so many words more. */
  moreRows(more) {
    const room = this.wordsRoom;
    let wanted = 2 * room;
    while (wanted < this.at + more) wanted *= 2;
    const words = new Uint32Array(wanted);
    words.set(this.words);
    this.words = words;
    this.wordsRoom = wanted;
    this.makeUsual(room, wanted);
  }

  /** Index and arena as the boundary has them, valid until the builder is used again. */
  packed() {
    return { index: new Uint8Array(this.words.buffer, 0, this.length * ROW_BYTES), arena: this.arena.subarray(0, this.end) };
  }
}

function moveEnds(words, begin, end, base) {
  for (let at = begin; at < end; at += WORDS) {
    words[at] += base;
    words[at + 1] += base;
    words[at + 2] += base;
  }
}

function setPorts(words, begin, end, port) {
  for (let at = begin + 3; at < end; at += WORDS) words[at] = (words[at] & FLAGS) | port;
}
