// Bytes and text. QuickJS has neither TextEncoder nor TextDecoder, and each step that it interprets costs some 30 ns: what can be done by a built-in is.

const fromCodes = String.fromCharCode;

/** How many arguments a call may have. */
const PIECE_BYTES = 32_768;
/** From here on the detour over base 64 is shorter, where the engine has it built in: Node.js 20 has not. */
const LONG_BYTES = 24;
const HAS_BASE64 = Uint8Array.prototype.setFromBase64 !== undefined;

/** Bytes as a string of one letter each: exact for any bytes, so fit for the keys of a map. */
export function latin1(bytes) {
  if (HAS_BASE64 && bytes.length > LONG_BYTES) return atob(bytes.toBase64());
  if (bytes.length <= PIECE_BYTES) return fromCodes.apply(null, bytes);
  const pieces = [];
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) pieces.push(fromCodes.apply(null, bytes.subarray(at, at + PIECE_BYTES)));
  return pieces.join("");
}

const BEYOND_ASCII = /[^\x00-\x7f]/;

function isAscii(bytes) {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    if (Math.max.apply(null, bytes.length <= PIECE_BYTES ? bytes : bytes.subarray(at, at + PIECE_BYTES)) > 0x7f) return false;
  }
  return true;
}

/** The text of UTF-8 bytes; undefined where they are none. */
export function decode(bytes) {
  const letters = latin1(bytes);
  if (isAscii(bytes)) return letters;
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

/** Letters that stand for one byte each, which are those of the text in UTF-8. Half a surrogate pair becomes U+FFFD. */
export function utf8Letters(text) {
  return BEYOND_ASCII.test(text) ? unescape(encodeURIComponent(text.toWellFormed())) : text;
}

/** Writes letters that stand for one byte each. */
export function writeLetters(letters, bytes, begin) {
  const length = letters.length;
  if (HAS_BASE64 && length > LONG_BYTES) bytes.subarray(begin, begin + length).setFromBase64(btoa(letters));
  else for (let at = 0; at < length; at++) bytes[begin + at] = letters.charCodeAt(at);
}

/** The text in UTF-8. */
export function encode(text) {
  const letters = utf8Letters(text);
  const bytes = new Uint8Array(letters.length);
  writeLetters(letters, bytes, 0);
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
