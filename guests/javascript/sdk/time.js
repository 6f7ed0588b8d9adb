// 64-bit numbers of the boundary. Times are numbers of JavaScript, exact up to 2^53 ms (285,000 years); a bigint is exact everywhere.

const WORD = 0x1_0000_0000;
const LARGEST = 2 ** 63;
const [LEAST_EXACT, LARGEST_EXACT] = [-(2n ** 63n), 2n ** 63n - 1n];
const LOWEST_HIGH = 0x8000_0000;

/** The number in two words: -Infinity for the smallest, Infinity for what exceeds the range of exact numbers at its very end. */
export function numberOf(low, high) {
  if (low === 0 && high === LOWEST_HIGH) return -Infinity;
  const number = (high | 0) * WORD + low;
  return number === LARGEST ? Infinity : number;
}

/** The number in two words, exactly. */
export function bigintOf(low, high) {
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
}

/** A time as a bigint; the infinities become the ends of the range. */
export function bigintAt(time) {
  return time === -Infinity ? LEAST_EXACT : time === Infinity ? LARGEST_EXACT : BigInt(time);
}

/** Writes a number into two words; what is out of range becomes the nearest that is in it. null: the smallest, which stands for "none". */
export function writeNumber(words, at, number) {
  if (number === null || number === undefined) {
    words[at] = 0;
    words[at + 1] = LOWEST_HIGH;
  } else if (typeof number === "bigint") {
    // Bigints are compared with bigints only: the engine is wrong about some others.
    const exact = number < LEAST_EXACT ? LEAST_EXACT : number > LARGEST_EXACT ? LARGEST_EXACT : number;
    words[at] = Number(BigInt.asUintN(32, exact));
    words[at + 1] = Number(BigInt.asUintN(32, exact >> 32n));
  } else if (number >= LARGEST) {
    words[at] = 0xffff_ffff;
    words[at + 1] = 0x7fff_ffff;
  } else if (number < -LARGEST) {
    words[at] = 0;
    words[at + 1] = LOWEST_HIGH;
  } else if (Number.isInteger(number)) {
    words[at] = number >>> 0;
    words[at + 1] = Math.floor(number / WORD) >>> 0;
  } else {
    throw new TypeError(`a time is a whole number of milliseconds, not ${typeof number === "number" ? number : `a ${typeof number}`}`);
  }
}
