// JSON objects, field by field: what is asked for is found as text, and the rest is checked and passed over. The engine's regular expressions do the reading;
// a loop over letters, interpreted, takes ten times as long. To call one costs as much as to read twenty letters, so that one reads several fields.

import { isAscii } from "./text.js";

const SPACE = "[ \\n\\t\\r]*";
const INSIDE = '[^"\\\\\\x00-\\x1f]*';
const NUMBER = "-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?";
const ESCAPE = '\\\\(?:["\\\\/bfnrt]|u[0-9a-fA-F]{4})';
const STRING = `"${INSIDE}(?:${ESCAPE}${INSIDE})*"`;

/** Fields that one expression reads: with each of them a match takes a little longer, found or not. */
const FIELDS_AT_ONCE = 8;
/** Where the last of their names is in a match: names are at odd places, the values behind them. */
const LAST_NAME = 2 * FIELDS_AT_ONCE - 1;
const FOLLOWS = LAST_NAME + 2;

/** Expressions for several fields whose names are without escapes and whose values are neither objects nor arrays. `inside`: what stands in strings. */
function patterns(inside) {
  const string = `"${inside}(?:${ESCAPE}${inside})*"`;
  const field = `${SPACE}"(${inside})"${SPACE}:${SPACE}(${string}|${NUMBER}|true|false|null)${SPACE}`;
  let fields = field;
  for (let n = 1; n < FIELDS_AT_ONCE; n++) fields = `${field}(?:,${fields})?`;
  return {
    /** From the object's begin, as a rule to its end; `,`: more follows. */
    first: new RegExp(`${SPACE}\\{${fields}(?:(,)|\\}${SPACE}$)`, "y"),
    next: new RegExp(`${fields}([,}])`, "y"),
  };
}

const OF_TEXT = patterns(INSIDE);
const OF_ASCII = patterns('[^"\\\\\\x00-\\x1f\\x80-\\uffff]*');
const BEGIN = new RegExp(`${SPACE}\\{${SPACE}(\\})?`, "y");
/** Any name, its colon, and the value with what follows, if it is neither object nor array. */
const FIELD = new RegExp(`${SPACE}(${STRING})${SPACE}:${SPACE}(?:(${STRING}|${NUMBER}|true|false|null)${SPACE}([,}]))?`, "y");
const BRACKET = new RegExp(`${STRING}|["{}[\\]]`, "g");
const AFTER = new RegExp(`${SPACE}([,}])`, "y");
const END = new RegExp(`${SPACE}$`, "y");

/** Objects and arrays inside one another, the outermost included; as many as the other languages' SDKs allow. */
const DEPTH_MAX = 127;

/** The fields of a text that is one JSON object. Of fields with the same name the last one counts. */
export class JsonObject {
  /** Matches with names at odd places, up to LAST_NAME, and values behind them, in the order of the text. */
  #matches = [];

  /** Reads a text; a SyntaxError says what should stand where. `mustBeAscii`: anything but ASCII is an error, too, so that nobody need look for it before. */
  constructor(text, mustBeAscii = false) {
    const { first, next } = mustBeAscii ? OF_ASCII : OF_TEXT;
    let at, follows;
    const begun = match(first, text, 0);
    if (begun !== null) {
      this.#matches.push(begun);
      follows = begun[FOLLOWS];
      if (follows === undefined) return;
      at = first.lastIndex;
    } else {
      const opened = match(BEGIN, text, 0);
      if (opened === null) throw expected("an object", 0);
      follows = opened[1] === undefined ? "," : "}";
      at = BEGIN.lastIndex;
    }
    while (follows === ",") {
      const several = match(next, text, at);
      if (several !== null) {
        this.#matches.push(several);
        follows = several[FOLLOWS];
        at = next.lastIndex;
        continue;
      }
      const begin = at;
      const field = match(FIELD, text, at);
      if (field === null) throw expected("a field: its name in quotes, and `:`", at);
      let raw = field[2];
      follows = field[3];
      at = FIELD.lastIndex;
      if (raw === undefined) {
        const end = nestedEnd(text, at);
        raw = text.slice(at, end);
        follows = match(AFTER, text, end)?.[1];
        if (follows === undefined) throw expected("`,` or `}` after a field", end);
        at = AFTER.lastIndex;
      }
      if (mustBeAscii && !isAscii(text.slice(begin, at))) throw expected("ASCII", begin);
      this.#matches.push([undefined, nameOf(field[1], at), raw]);
    }
    if (match(END, text, at) === null) throw expected("nothing after the object", at);
  }

  /** The text of a field's value as it stands, a string with its quotes; undefined: there is no such field. */
  raw(name) {
    const matches = this.#matches;
    for (let n = matches.length - 1; n >= 0; n--) {
      const places = matches[n];
      let at = places.lastIndexOf(name, LAST_NAME);
      // A value that reads like the name is none.
      while (at > 0 && at % 2 === 0) at = places.lastIndexOf(name, at - 1);
      if (at > 0) return places[at + 1];
    }
    return undefined;
  }

  /** The content of a field that is a string; undefined: no such field, or it is none, or its escapes are no text. */
  text(name) {
    return textOfJson(this.raw(name));
  }

  /** The field's value, decoded; undefined: there is no such field. */
  value(name) {
    const raw = this.raw(name);
    return raw === undefined ? undefined : JSON.parse(raw);
  }

  has(name) {
    return this.raw(name) !== undefined;
  }
}

/** The text that a JSON string stands for; undefined where it is none. */
export function textOfJson(raw) {
  if (raw === undefined || raw[0] !== '"') return undefined;
  if (!raw.includes("\\")) return raw.slice(1, -1);
  const text = JSON.parse(raw);
  return text.isWellFormed() ? text : undefined;
}

function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function expected(what, at) {
  return new SyntaxError(`at letter ${at} expected ${what}`);
}

function nameOf(raw, at) {
  const name = textOfJson(raw);
  if (name === undefined) throw expected("a name that is text", at);
  return name;
}

/** Where the object or array that begins at `at` ends. */
function nestedEnd(text, at) {
  if (text[at] !== "{" && text[at] !== "[") throw expected("a value", at);
  let depth = 1;
  BRACKET.lastIndex = at;
  for (;;) {
    const found = BRACKET.exec(text)?.[0];
    if (found === undefined || found === '"') throw expected("the end of what is open", text.length);
    if (found === "{" || found === "[") depth++;
    else if (found === "}" || found === "]") depth--;
    if (depth > DEPTH_MAX) throw expected(`at most ${DEPTH_MAX} objects and arrays inside one another`, BRACKET.lastIndex);
    if (depth === 1) break;
  }
  const end = BRACKET.lastIndex;
  try {
    JSON.parse(text.slice(at, end));
  } catch {
    throw expected("a value", at);
  }
  return end;
}

const LEAF = new RegExp(`(${STRING})|${NUMBER}`, "g");

const WHOLE = /^-?[0-9]+$/;
/** Whether a JSON text is a string without escapes, and nothing around it. */
const isPlainString = (text) => text[0] === '"' && text.at(-1) === '"' && !text.includes("\\");

/** Whether two JSON texts are the same value. Whole numbers are compared exactly, and are others than those with a point: 1 is not 1.0. */
export function sameJson(a, b) {
  if (a === b) return true;
  // Other texts are other values, as a rule.
  if ((isPlainString(a) && isPlainString(b)) || (WHOLE.test(a) && WHOLE.test(b))) return false;
  return canonical(a) === canonical(b);
}

function canonical(text) {
  // Numbers become strings that tell them apart, and strings are marked as such, before anything is rounded.
  const marked = text.replace(LEAF, (leaf, string) => (string === undefined ? `"n${exact(leaf)}"` : `"s${string.slice(1)}`));
  return JSON.stringify(sorted(JSON.parse(marked)));
}

function exact(number) {
  if (WHOLE.test(number) && number !== "-0") {
    const whole = BigInt(number);
    if (whole >= -(2n ** 63n) && whole < 2n ** 64n) return `i${whole}`;
  }
  return `f${Number(number) || 0}`;
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const names = Object.keys(value).sort();
  return { fields: names.map((name) => [name, sorted(value[name])]) };
}
