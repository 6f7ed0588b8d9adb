// Runs an operator under Node.js, without a component and without a host: testing.d.ts says what there is.

import { Batch, NONE, WORDS, parse } from "./batch.js";
import { Builder } from "./builder.js";
import { LEVELS } from "./context.js";
import { packHeaders, unpackHeaders } from "./headers.js";
import { Instance, isOperator } from "./instance.js";
import { decodeLossy, encode, latin1 } from "./text.js";
import { numberOf, writeNumber } from "./time.js";

export function open(operator, config) {
  if (!isOperator(operator)) throw new TypeError("this is no operator: defineOperator makes one");
  return new Harness(operator, config);
}

const UNKNOWN = -Infinity;

class Harness {
  calls = { getMany: 0, putMany: 0, scan: 0 };
  logs = [];
  counters = new Map();
  pageRows = Infinity;
  numbersKeys = true;
  #operator;
  #config;
  #instance;
  #call = { watermark: UNKNOWN, now: 0, task: 0 };
  #offset = 0;
  #outputs = [];
  #rejects = [];
  /** Number of the store and key, as one text, to bytes. */
  #state = new Map();
  #timers = new Map();

  constructor(operator, config) {
    this.#operator = operator;
    this.#config = config === undefined ? new Uint8Array(0) : encode(JSON.stringify(config));
    this.reopen();
  }

  reopen() {
    const { outputs, stores } = this.#operator;
    const setup = { config: this.#config, inputs: this.#inputs(), outputs: [...outputs], stores: stores.map((store) => store.name) };
    this.#instance = new Instance(this.#operator, setup, this.#host());
  }

  #inputs() {
    return this.#operator.inputs.length > 0 ? [...this.#operator.inputs] : ["in-0", "in-1"];
  }

  feed(...records) {
    const builder = new Builder();
    const numbers = new Map();
    for (const { key = null, value = null, timestamp = null, headers, port } of records) {
      const number = port === undefined ? 0 : this.#inputs().indexOf(port);
      if (number < 0) throw new RangeError(`the operator has no input port \`${port}\``);
      const at = builder.push(key, value, packHeaders(headers), number, 0);
      const letters = key === null ? null : latin1(typeof key === "string" ? encode(key) : key);
      if (!numbers.has(letters)) numbers.set(letters, numbers.size);
      finish(builder, at, timestamp, this.#offset++, 0, this.numbersKeys ? numbers.get(letters) : NONE);
    }
    this.feedPacked(builder.packed());
  }

  feedPacked(batch) {
    // Copies, as from the host: the call may do with them what it likes.
    this.#take(batch, () => this.#instance.process(this.#call, copied(batch)));
  }

  advanceWatermark(watermark) {
    this.#call = { ...this.#call, watermark };
    this.#fire(0, watermark);
  }

  advanceNow(now) {
    this.#call = { ...this.#call, now };
    this.#fire(1, now);
  }

  #fire(domain, until) {
    for (;;) {
      const due = [...this.#timers].filter(([, timer]) => timer.domain === domain && timer.at <= until);
      if (due.length === 0) return;
      due.sort(([, a], [, b]) => a.at - b.at || compare(latin1(a.key ?? EMPTY), latin1(b.key ?? EMPTY)) || compare(latin1(a.payload), latin1(b.payload)));
      const builder = new Builder();
      for (const [name, { key, payload, at }] of due) {
        this.#timers.delete(name);
        finish(builder, builder.push(key, payload, undefined, domain, 0), at, 0, NONE, NONE);
      }
      const batch = copied(builder.packed());
      this.#take(batch, () => this.#instance.onTimer(this.#call, batch));
    }
  }

  /** Makes a call; what it asks for is checked as the host does, and done. */
  #take({ index, arena }, call) {
    const input = new Batch(index, arena);
    const before = new Map(this.#state);
    let effects;
    try {
      effects = call();
    } catch (e) {
      this.#state = before;
      throw e;
    }
    const timers = parse(effects.timers.index, effects.timers.arena);
    for (let row = 0; row < timers.length; row++) this.#setTimer(timers, row);
    const outputs = parse(effects.outputs.index, effects.outputs.arena);
    for (let row = 0; row < outputs.length; row++) this.#outputs.push(this.#emitted(outputs, row, input));
    for (const reject of effects.rejects) {
      if (reject.row >= input.length) throw new RangeError(`row ${reject.row} was rejected, the batch has ${input.length}`);
      this.#rejects.push(reject);
    }
  }

  #setTimer(timers, row) {
    const port = timers.port(row);
    if (port > 3) throw new RangeError(`a timer with the port ${port}, which means nothing`);
    const timer = { domain: port % 2, at: timeOf(timers, row), key: timers.key(row), payload: timers.value(row) };
    const name = [timer.domain, timer.at, timer.key === null ? null : latin1(timer.key), latin1(timer.payload)].map((part) => JSON.stringify(part)).join();
    if (port > 1) this.#timers.delete(name);
    else this.#timers.set(name, timer);
  }

  #emitted(outputs, row, input) {
    const [keyBytes, valueBytes] = [outputs.key(row), outputs.value(row)];
    const port = this.#operator.outputs[outputs.port(row)];
    const at = row * WORDS;
    const from = numberOf(outputs.words[at + 6], outputs.words[at + 7]);
    if (port === undefined || from < 0 || from >= input.length) {
      throw new RangeError(`an output goes to port ${outputs.port(row)} or was made from row ${from}, which do not exist`);
    }
    const timestamp = [timeOf(outputs, row), timeOf(input, from)].find((time) => time !== UNKNOWN) ?? null;
    const partition = outputs.words[at + 8] === NONE ? null : outputs.words[at + 8];
    const headers = unpackHeaders(outputs.headers(row)).map(([name, value]) => [name, textOf(value)]);
    return { port, key: textOf(keyBytes), value: textOf(valueBytes), keyBytes, valueBytes, timestamp, headers, partition, row: from };
  }

  takeOutputs() {
    return this.#outputs.splice(0);
  }

  takeRejects() {
    return this.#rejects.splice(0);
  }

  state(store, key) {
    return this.#state.get(this.#place(store, key));
  }

  setState(store, key, value) {
    this.#state.set(this.#place(store, key), typeof value === "string" ? encode(value) : value);
  }

  #place(store, key) {
    const number = this.#operator.stores.findIndex((declared) => declared.name === store);
    if (number < 0) throw new RangeError(`the operator declares no store \`${store}\``);
    return placeOf(number, typeof key === "string" ? encode(key) : key);
  }

  get entries() {
    return this.#state.size;
  }

  get timers() {
    return this.#timers.size;
  }

  migrate(store, fromVersion, rows) {
    const builder = new Builder();
    for (const [key, value] of rows) builder.push(key, value, undefined, 0, 0);
    const { index, arena } = this.#instance.migrate(store, fromVersion, copied(builder.packed()));
    const kept = parse(index, arena);
    return Array.from({ length: kept.length }, (_, row) => [textOf(kept.key(row)), kept.value(row)]);
  }

  /** The boundary's imports. */
  #host() {
    return {
      getMany: (keys) => {
        this.calls.getMany++;
        return rowsOf(keys, (port, key) => [key, this.#state.get(placeOf(port, key)) ?? null]);
      },
      putMany: ({ index, arena }) => {
        this.calls.putMany++;
        const rows = parse(index, arena);
        for (let row = 0; row < rows.length; row++) {
          const place = placeOf(rows.port(row), rows.key(row));
          if (rows.value(row) === null) this.#state.delete(place);
          else this.#state.set(place, rows.value(row));
        }
      },
      scan: (range) => this.#scan(range),
      log: (level, message) => this.logs.push({ level: LEVELS[level], message: decodeLossy(message) }),
      count: (name, delta) => this.counters.set(name, (this.counters.get(name) ?? 0) + delta),
    };
  }

  #scan({ store, begin, end }) {
    this.calls.scan++;
    const [from, until] = [placeOf(store, begin), placeOf(store, end)];
    const found = [...this.#state].filter(([place]) => place[0] === from[0] && place >= from && (end.length === 0 || place < until));
    found.sort(([a], [b]) => compare(a, b));
    const builder = new Builder();
    for (const [place, value] of found.slice(0, this.pageRows)) builder.push(Uint8Array.from(place.slice(1), (letter) => letter.charCodeAt(0)), value, undefined, store, 0);
    return { rows: copied(builder.packed()), done: found.length <= this.pageRows };
  }
}

const EMPTY = new Uint8Array(0);

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const placeOf = (store, key) => String.fromCharCode(store) + latin1(key);
const textOf = (bytes) => (bytes === null ? null : decodeLossy(bytes));
const timeOf = (batch, row) => numberOf(batch.words[row * WORDS + 4], batch.words[row * WORDS + 5]);
const copied = ({ index, arena }) => ({ index: index.slice(), arena: arena.slice() });

function finish(builder, at, timestamp, offset, partition, keyId) {
  writeNumber(builder.words, at + 4, timestamp);
  writeNumber(builder.words, at + 6, offset);
  builder.words[at + 8] = partition;
  builder.words[at + 9] = keyId;
}

/** A row of state for each one asked. */
function rowsOf({ index, arena }, answer) {
  const asked = parse(index, arena);
  const builder = new Builder();
  for (let row = 0; row < asked.length; row++) builder.push(...answer(asked.port(row), asked.key(row)), undefined, asked.port(row), 0);
  return copied(builder.packed());
}
