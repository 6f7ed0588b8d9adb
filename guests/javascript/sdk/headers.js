// Headers as they stand in an arena, and as pairs of name and value.

import { NONE } from "./batch.js";
import { decodeLossy, encode } from "./text.js";

const COUNT_MAX = 0xffff;
const NAME_BYTES_MAX = 0xffff;

/** Pairs of name and value in order; names may repeat, null is null. */
export function unpackHeaders(packed) {
  const headers = [];
  if (packed === undefined) return headers;
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  let at = 2;
  for (let left = view.getUint16(0, true); left > 0; left--) {
    const nameEnd = at + 2 + view.getUint16(at, true);
    const length = view.getUint32(nameEnd, true);
    const name = decodeLossy(packed.subarray(at + 2, nameEnd));
    at = nameEnd + 4;
    headers.push([name, length === NONE ? null : packed.subarray(at, at + length)]);
    if (length !== NONE) at += length;
  }
  return headers;
}

/** The packed form; undefined where there are none. */
export function packHeaders(headers) {
  if (headers === null || headers === undefined || headers.length === 0) return undefined;
  if (headers.length > COUNT_MAX) throw new RangeError(`a record has at most ${COUNT_MAX} headers, not ${headers.length}`);
  const parts = headers.map(([name, value]) => [encode(name), typeof value === "string" ? encode(value) : (value ?? null)]);
  const packed = new Uint8Array(2 + parts.reduce((sum, [name, value]) => sum + 6 + name.length + (value?.length ?? 0), 0));
  const view = new DataView(packed.buffer);
  view.setUint16(0, parts.length, true);
  let at = 2;
  for (const [name, value] of parts) {
    if (name.length > NAME_BYTES_MAX) throw new RangeError(`a header's name has at most ${NAME_BYTES_MAX} bytes, not ${name.length}`);
    view.setUint16(at, name.length, true);
    packed.set(name, at + 2);
    at += 2 + name.length;
    view.setUint32(at, value === null ? NONE : value.length, true);
    at += 4;
    if (value !== null) packed.set(value, at);
    at += value?.length ?? 0;
  }
  return packed;
}
