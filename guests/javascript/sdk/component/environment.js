// What scripts expect to find around them, and the engine lacks or must not have: a console, UTF-8, a clock that is the call's, random numbers that are
// the same in each run. Imported before the operator.

import { decode, decodeLossy, encode } from "../text.js";
import { host } from "./host.js";

/** What the clock shows, ms: 0 while the component is built, then the current call's processing time. */
let shownTime = 0;

export function setClock(now) {
  shownTime = now;
}

const now = () => shownTime;
const EngineDate = Date;

/** The engine's own asks for a clock, which traps. */
class CallDate extends EngineDate {
  static now = now;

  constructor(...parts) {
    super(...(parts.length === 0 ? [shownTime] : parts));
  }
}

globalThis.Date = new Proxy(CallDate, { apply: () => new CallDate().toString() });
globalThis.performance = { now, timeOrigin: 0 };

/** xorshift32. The engine's own numbers are drawn anew with each build. */
let seed = 0x2545_f491;
Math.random = () => {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) / 0x1_0000_0000;
};

function shown(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value}\n${value.stack}`;
  try {
    return typeof value === "object" ? (JSON.stringify(value) ?? String(value)) : String(value);
  } catch {
    return String(value);
  }
}

const write = (level) => (...values) => host.log(level, encode(values.map(shown).join(" ")));
const [ERROR, WARN, INFO, DEBUG] = [0, 1, 2, 3];
globalThis.console = { error: write(ERROR), warn: write(WARN), log: write(INFO), info: write(INFO), debug: write(DEBUG), trace: write(DEBUG) };

globalThis.TextEncoder = class TextEncoder {
  encoding = "utf-8";

  encode(text = "") {
    return encode(String(text));
  }
};

globalThis.TextDecoder = class TextDecoder {
  encoding = "utf-8";

  constructor(label = "utf-8", { fatal = false } = {}) {
    if (!/^utf-?8$/i.test(label)) throw new RangeError(`this decoder knows utf-8 only, not ${label}`);
    this.fatal = fatal;
  }

  decode(bytes = new Uint8Array(0)) {
    const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes.buffer ?? bytes);
    if (!this.fatal) return decodeLossy(view);
    const text = decode(view);
    if (text === undefined) throw new TypeError("the bytes are not UTF-8");
    return text;
  }
};
