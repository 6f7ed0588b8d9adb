// Bytes and text. QuickJS has neither TextEncoder nor TextDecoder, and each step that it interprets costs some 30 ns: what can be done by a built-in is.

const fromCodes = String.fromCharCode;

/** How many arguments a call may have. */
const PIECE_BYTES = 32_768;
/** From here on the detour over base 64 is shorter, where the engine has it built in: Node.js 20 has not. */
const LONG_BYTES = 24;
const LONG_LETTERS = 6;
const HAS_BASE64 = Uint8Array.fromBase64 !== undefined;

/** Bytes as a string of one letter each: exact for any bytes, so fit for the keys of a map. */
export function latin1(bytes) {
  if (HAS_BASE64 && bytes.length > LONG_BYTES) return atob(bytes.toBase64());
  if (bytes.length <= PIECE_BYTES) return fromCodes.apply(null, bytes);
  const pieces = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) pieces.push(fromCodes.apply(null, bytes.subarray(at, at + PIECE_BYTES)));
  return pieces.join("");
}

/** Many letters at a time: for each turn of a loop a regular expression takes as long as for two letters. */
const ASCII = new RegExp(`^(?:${"[\\0-\\x7f]".repeat(16)})*(?:${"[\\0-\\x7f]".repeat(4)})*[\\0-\\x7f]{0,3}$`);
/** Takes longer, but no memory for each turn. */
const BEYOND_ASCII = /[^\0-\x7f]/;
const MANY_LETTERS = 65_536;
/** Up to here the largest of the bytes is found sooner. */
const FEW_BYTES = 64;

/** Whether a text is ASCII. */
export function isAscii(text) {
  return text.length <= MANY_LETTERS ? ASCII.test(text) : !BEYOND_ASCII.test(text);
}

/** The text of UTF-8 bytes; undefined where they are none. */
export function decode(bytes) {
  const letters = latin1(bytes);
  if (bytes.length <= FEW_BYTES ? !(Math.max.apply(null, bytes) > 0x7f) : isAscii(letters)) return letters;
  try {
    // Both are built in; the second knows UTF-8 and takes nothing else.
    return decodeURIComponent(escape(letters));
  } catch {
    return undefined;
  }
}

/** The text of bytes that may be no UTF-8: what is none becomes U+FFFD. */
export function decodeLossy(bytes) {
  const text = decode(bytes);
  if (text !== undefined) return text;
  // As long as it is not a whole sequence, the next byte begins anew.
  let lossy = "";
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at];
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    const letter = decode(bytes.subarray(at, at + length));
    lossy += letter ?? "\ufffd";
    at += letter === undefined ? 1 : length;
  }
  return lossy;
}

/** The text in UTF-8. Half a surrogate pair becomes U+FFFD. */
export function encode(text) {
  // Letters that stand for one byte each.
  const letters = isAscii(text) ? text : unescape(encodeURIComponent(text.toWellFormed()));
  const length = letters.length;
  if (HAS_BASE64 && length >= LONG_LETTERS) return Uint8Array.fromBase64(btoa(letters));
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = letters.charCodeAt(at);
  return bytes;
}

/** Whether two stretches of bytes are the same. */
export function same(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** The first key past all that begin with `prefix`; empty: there is none. */
export function prefixEnd(prefix) {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length--;
  const end = prefix.slice(0, length);
  if (length > 0) end[length - 1]++;
  return end;
}
