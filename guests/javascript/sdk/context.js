// What an operator sees of the world during one call, and what it asks for.

import { KEY_IS_NULL, NONE, WORDS } from "./batch.js";
import { Fatal, NO_KEY, Reject } from "./errors.js";
import { packHeaders } from "./headers.js";
import { DOMAINS, InputRecord } from "./record.js";
import { decoded } from "./shelf.js";
import { encode, prefixEnd } from "./text.js";
import { bigintAt, writeNumber } from "./time.js";

export const LEVELS = ["error", "warn", "info", "debug"];
/** Added to a timer's domain to delete it. */
const DELETING = 2;
const NO_KEY_MESSAGE = "the record has no key";

/** Stands at one record, or due timer, at a time: outputs, rejects and keyed state belong to that one. */
export class Context {
  /** The current record or due timer. */
  record = null;
  #ports;
  #firstPort;
  #cache;
  /** As a rule the store that is asked for is the one that was. */
  #lastStore;
  #lastShelf;
  /** By words of the input: the slot of a row's key. */
  #numbers;
  #telemetry;
  #input;
  /** Whether the input's rows name the first output's port already. */
  #isFirstPort;
  #outputs;
  #timers;
  #rejects = [];
  #raw = {};

  /** `parts`: what an instance lends for a call. */
  constructor(call, input, { ports, isFirstPort, cache, telemetry, outputs, timers }) {
    this.watermark = call.watermark;
    this.now = call.now;
    this.task = call.task;
    this.#input = input;
    this.#ports = ports;
    this.#firstPort = ports.get(undefined);
    this.#isFirstPort = isFirstPort;
    this.#cache = cache;
    this.#numbers = cache.numbers;
    this.#telemetry = telemetry;
    this.#outputs = outputs;
    this.#timers = timers;
  }

  get exactWatermark() {
    return bigintAt(this.watermark);
  }

  emit({ key, value, headers, port, timestamp, partition }) {
    const outputs = this.#outputs;
    const number = port === undefined && this.#firstPort !== undefined ? this.#firstPort : this.#port(port);
    const at = outputs.push(key, value, headers === undefined ? undefined : packHeaders(headers), number, this.record.row);
    if (timestamp !== undefined) writeNumber(outputs.words, at + 4, timestamp);
    if (partition !== undefined && partition !== null) outputs.words[at + 8] = partition;
  }

  emitMany(records, { keys, values, port }) {
    const rows = records.rows;
    if (values.length !== rows.length || (keys !== undefined && keys.length !== rows.length)) {
      throw new RangeError(`${keys?.length ?? rows.length} keys and ${values.length} values for ${rows.length} records`);
    }
    const outputs = this.#outputs;
    const number = this.#port(port);
    if (keys === undefined && outputs.pushTexts(this.#input, rows, values, number)) return;
    const all = keys ?? records.keys;
    for (let n = 0; n < rows.length; n++) outputs.push(all[n], values[n], undefined, number, rows[n]);
  }

  forward(record, changes) {
    if (changes === undefined && record instanceof InputRecord) {
      this.#outputs.pushRow(record.batch, record.row, this.#port(undefined), this.record.row);
      return;
    }
    const { key = record.key, value = record.value, headers, port, timestamp, partition } = changes ?? UNCHANGED;
    const outputs = this.#outputs;
    const packed = headers === undefined ? record.packedHeaders : packHeaders(headers);
    const at = outputs.push(key, value, packed, this.#port(port), this.record.row);
    if (timestamp !== undefined) writeNumber(outputs.words, at + 4, timestamp);
    if (partition !== undefined && partition !== null) outputs.words[at + 8] = partition;
  }

  forwardAll() {
    this.#outputs.append(this.#input, this.#port(undefined), this.#isFirstPort);
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

  rejectWhere(records, flags, code, message) {
    if (!flags.some(Boolean) && flags.length === records.length) return records;
    for (const row of records.select(flags).rows) this.#rejects.push({ row, code, message });
    this.#rejects.sort((a, b) => a.row - b.row);
    return records.select(flags.map((flag) => !flag));
  }

  requireKeys(records) {
    const words = this.#input.words;
    let any = 0;
    for (let at = 3; at < words.length; at += WORDS) any |= words[at];
    if (!(any & KEY_IS_NULL)) return records;
    const flags = records.rows.map((row) => (words[row * WORDS + 3] & KEY_IS_NULL) !== 0);
    return this.rejectWhere(records, flags, NO_KEY, NO_KEY_MESSAGE);
  }

  accumulate(store, records, change, initial) {
    const shelf = this.#cache.shelf(store);
    return shelf.accumulate(this.#cache.slotsOfRows(shelf, records.rows), change, initial);
  }

  get(store) {
    const shelf = store === this.#lastStore ? this.#lastShelf : this.#shelf(store);
    const value = shelf.values[this.#numbers[this.record.row * WORDS + 9]];
    return value === undefined ? shelf.get(this.#slot(shelf)) : value;
  }

  put(store, value) {
    const shelf = store === this.#lastStore ? this.#lastShelf : this.#shelf(store);
    shelf.put(this.#slot(shelf), value);
  }

  delete(store) {
    this.put(store, null);
  }

  getOf(store, key) {
    const shelf = this.#cache.shelf(store);
    return shelf.get(this.#cache.slotOfKey(shelf, bytesOf(key)));
  }

  putOf(store, key, value) {
    const shelf = this.#cache.shelf(store);
    shelf.put(this.#cache.slotOfKey(shelf, bytesOf(key)), value);
  }

  deleteOf(store, key) {
    this.putOf(store, key, null);
  }

  #shelf(store) {
    this.#lastShelf = this.#cache.shelf(store);
    this.#lastStore = store;
    return this.#lastShelf;
  }

  /** The slot of the current record's key. */
  #slot(shelf) {
    const row = this.record.row;
    const number = this.#numbers[row * WORDS + 9];
    if (number !== undefined && number !== NONE) return number;
    const key = this.#input.key(row);
    if (key === null) throw new Reject(NO_KEY, NO_KEY_MESSAGE);
    return this.#cache.slotOfKey(shelf, key);
  }

  *scan(store, { begin, end, prefix } = {}) {
    let from = bytesOf(prefix ?? begin ?? "");
    const until = prefix === undefined ? bytesOf(end ?? "") : prefixEnd(from);
    // What this call wrote so far is to be seen.
    this.#cache.writeBackSoFar();
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
    const row = this.#timers.push(key, payload ?? "", undefined, number + deleting, this.record.row);
    writeNumber(this.#timers.words, row + 4, at);
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
