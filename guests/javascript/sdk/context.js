// What an operator sees of the world during one call, and what it asks for.

import { NONE } from "./batch.js";
import { decoded, setSlot, valueOf } from "./cache.js";
import { Fatal, NO_KEY, Reject } from "./errors.js";
import { packHeaders } from "./headers.js";
import { DOMAINS } from "./record.js";
import { encode, prefixEnd } from "./text.js";
import { bigintAt, writeNumber } from "./time.js";

export const LEVELS = ["error", "warn", "info", "debug"];
/** Added to a timer's domain to delete it. */
const DELETING = 2;

/** Stands at one record, or due timer, at a time: outputs, rejects and keyed state belong to that one. */
export class Context {
  /** The current record or due timer. */
  record = null;
  #ports;
  #cache;
  #telemetry;
  #input;
  #outputs;
  #timers;
  #rejects = [];
  #raw = {};

  /** `parts`: what an instance lends for a call. */
  constructor(call, input, { ports, cache, telemetry, outputs, timers }) {
    this.watermark = call.watermark;
    this.now = call.now;
    this.task = call.task;
    this.#input = input;
    this.#ports = ports;
    this.#cache = cache;
    this.#telemetry = telemetry;
    this.#outputs = outputs;
    this.#timers = timers;
  }

  get exactWatermark() {
    return bigintAt(this.watermark);
  }

  emit(out) {
    this.#push(out.key, out.value, packHeaders(out.headers), out);
  }

  forward(record, changes) {
    const { key, value, packedHeaders } = record;
    if (changes === undefined) {
      this.#push(key, value, packedHeaders, UNCHANGED);
      return;
    }
    this.#push(
      changes.key === undefined ? key : changes.key,
      changes.value === undefined ? value : changes.value,
      changes.headers === undefined ? packedHeaders : packHeaders(changes.headers),
      changes,
    );
  }

  forwardAll() {
    this.#outputs.append(this.#input, this.#port(undefined));
  }

  #push(key, value, headers, { port, timestamp, partition }) {
    const at = this.#outputs.push(key, value, headers, this.#port(port));
    this.#fields(at, this.record.row, timestamp, partition);
  }

  /** The words of an output from the timestamp on. */
  #fields(at, row, timestamp, partition) {
    const words = this.#outputs.words;
    writeNumber(words, at + 4, timestamp);
    words[at + 6] = row;
    words[at + 7] = 0;
    words[at + 8] = partition ?? NONE;
    words[at + 9] = NONE;
  }

  #port(name) {
    const port = this.#ports.get(name);
    if (port !== undefined) return port;
    const what = name === undefined ? "the operator emits, but declares no output port" : `the operator declares no output port \`${name}\``;
    throw new Fatal(`${what}: add it to \`outputs\``);
  }

  reject(code, message) {
    this.#rejects.push({ row: this.record.row, code, message });
  }

  get(store) {
    return valueOf(store, this.#slot(store));
  }

  put(store, value) {
    setSlot(store, this.#slot(store), value);
  }

  delete(store) {
    setSlot(store, this.#slot(store), null);
  }

  getOf(store, key) {
    return valueOf(store, this.#cache.ofKey(store, bytesOf(key)));
  }

  putOf(store, key, value) {
    setSlot(store, this.#cache.ofKey(store, bytesOf(key)), value);
  }

  deleteOf(store, key) {
    setSlot(store, this.#cache.ofKey(store, bytesOf(key)), null);
  }

  #slot(store) {
    const { key, row } = this.record;
    if (key === null) throw new Reject(NO_KEY, "the record has no key");
    return this.#cache.ofRow(store, row, key);
  }

  *scan(store, { begin, end, prefix } = {}) {
    let from = bytesOf(prefix ?? begin ?? "");
    const until = prefix === undefined ? bytesOf(end ?? "") : prefixEnd(from);
    // What this call wrote so far is to be seen.
    this.#cache.writeBack();
    for (let done = false; !done; ) {
      const page = this.#cache.page(store, from, until);
      for (const [key, value] of page.pairs) yield [key, decoded(store, key, value)];
      done = page.done || page.pairs.length === 0;
      if (!done) from = Uint8Array.of(...page.pairs.at(-1)[0], 0);
    }
  }

  setTimer(timer) {
    this.#pushTimer(timer, 0);
  }

  deleteTimer(timer) {
    this.#pushTimer(timer, DELETING);
  }

  #pushTimer({ at, key = this.record.key, payload = "", domain = "event" }, deleting) {
    const number = DOMAINS.indexOf(domain);
    if (number < 0) throw new TypeError(`a timer's domain is \`event\` or \`processing\`, not \`${domain}\``);
    if (at === null || at === undefined) throw new TypeError("a timer needs a time: `at`, ms");
    const row = this.#timers.push(key, payload ?? "", undefined, number + deleting);
    const words = this.#timers.words;
    writeNumber(words, row + 4, at);
    words[row + 6] = this.record.row;
    words[row + 7] = 0;
    words[row + 8] = words[row + 9] = NONE;
  }

  log(message, level = "info") {
    const number = LEVELS.indexOf(level);
    if (number < 0) throw new TypeError(`a level is one of ${LEVELS.join(", ")}, not \`${level}\``);
    this.#telemetry.log(number, encode(String(message)));
  }

  count(name, delta = 1) {
    if (!Number.isSafeInteger(delta) || delta < 0) throw new TypeError(`a counter is raised by whole numbers from 0, not by ${delta}`);
    this.#telemetry.count(name, delta);
  }

  rejectRow(row, code, message) {
    this.#rejects.push({ row, code, message });
  }

  returnRaw({ outputs, timers }) {
    this.#raw = { outputs: outputs ?? this.#raw.outputs, timers: timers ?? this.#raw.timers };
  }

  /** What was asked for, as the boundary has it. */
  effects() {
    return {
      outputs: this.#raw.outputs ?? this.#outputs.packed(),
      timers: this.#raw.timers ?? this.#timers.packed(),
      rejects: this.#rejects,
    };
  }
}

const UNCHANGED = {};

function bytesOf(key) {
  if (key instanceof Uint8Array) return key;
  if (typeof key === "string") return encode(key);
  throw new TypeError(`a key is bytes (Uint8Array) or text, not a ${typeof key}`);
}
