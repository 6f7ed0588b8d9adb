// Packed batches: an index of 40-byte rows and an arena, as `batch` in wit/operator.wit says. Here they are read, in builder.js they are written.
//
// A row is read and written as ten little-endian words: key-end, value-end, headers-end, port + flags << 16, timestamp (2), offset (2), partition, key-id.

export const WORDS = 10;
export const ROW_BYTES = 40;
export const NONE = 0xffff_ffff;
export const KEY_IS_NULL = 1 << 16;
export const VALUE_IS_NULL = 2 << 16;
export const HAS_HEADERS = 4 << 16;
const KNOWN_FLAGS = 7;
export const FLAGS = 0xffff_0000;

/** The words of an index. Every machine that this runs on is little-endian. */
export function wordsOf(index) {
  if (index.byteOffset % 4 === 0) return new Uint32Array(index.buffer, index.byteOffset, index.byteLength >>> 2);
  return new Uint32Array(index.slice().buffer, 0, index.byteLength >>> 2);
}

/** A batch that the host, or a test, has packed. */
export class Batch {
  constructor(index, arena) {
    this.index = index;
    // Stretches are then counted from the buffer's begin, without an addition each. The host's arenas have a buffer of their own.
    this.arena = arena.byteOffset === 0 ? arena : arena.slice();
    this.buffer = this.arena.buffer;
    this.words = wordsOf(index);
    this.length = index.byteLength / ROW_BYTES;
  }

  /** A stretch of the arena. (`subarray` takes half as long again.) */
  bytes(begin, end) {
    return new Uint8Array(this.buffer, begin, end - begin);
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
    return this.words[at + 3] & HAS_HEADERS ? this.bytes(this.words[at + 1], this.words[at + 2]) : undefined;
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
