// An opened operator with what it needs between calls. The component and the harness run the same.

import { Batch } from "./batch.js";
import { Builder } from "./builder.js";
import { Cache } from "./cache.js";
import { configOf } from "./config.js";
import { Context } from "./context.js";
import { Fatal, Reject } from "./errors.js";
import { Timer } from "./record.js";
import { Records } from "./records.js";
import { decodeLossy } from "./text.js";

/** An operator as it was declared, defaults filled in. */
export function defineOperator(definition) {
  if (definition === null || typeof definition !== "object") throw new TypeError("defineOperator takes an object");
  const { open, process, processBatch } = definition;
  if (open === undefined && process === undefined && processBatch === undefined) {
    throw new TypeError("an operator needs `process`, `processBatch`, or `open` that returns an object with one of them");
  }
  return Object.freeze({
    name: "",
    version: "0.1.0",
    inputs: ["in"],
    outputs: ["out"],
    stores: [],
    configSchema: "",
    readAhead: true,
    ...definition,
    [IS_OPERATOR]: true,
  });
}

const IS_OPERATOR = Symbol.for("millstream.operator");

/** Whether a value was made by `defineOperator`. */
export function isOperator(value) {
  return value?.[IS_OPERATOR] === true;
}

/** What an operator says of itself; its name where it has none is `name`. */
export function describe(definition, name) {
  return {
    name: definition.name || name,
    version: definition.version,
    inputs: definition.inputs,
    outputs: definition.outputs,
    stores: definition.stores.map((store) => ({ name: store.name, version: store.version })),
    configSchema: definition.configSchema,
  };
}

export class Instance {
  #definition;
  #handlers;
  #host;
  #ports = new Map();
  #stores = new Map();
  /** Whether all input comes from port 0, and the first output is port 0, too. */
  #isFirstPort;
  #outputs = new Builder();
  #timers = new Builder();
  #state = new Builder();

  /**
   * Finds the declared ports and stores among those that the job gives, and opens the operator. `host` has getMany, putMany, scan, log and count, as the
   * boundary's imports have them.
   */
  constructor(definition, setup, host) {
    this.#definition = definition;
    this.#host = host;
    definition.outputs.forEach((name) => this.#ports.set(name, place(name, setup.outputs, "output port")));
    if (definition.outputs.length > 0) this.#ports.set(undefined, this.#ports.get(definition.outputs[0]));
    this.#isFirstPort = setup.inputs.length === 1 && this.#ports.get(undefined) === 0;
    definition.stores.forEach((store) => this.#stores.set(store, place(store.name, setup.stores, "store")));
    const source = decodeLossy(setup.config).trim();
    const config = configOf(source, definition.config);
    const { inputs, outputs, stores } = setup;
    this.#handlers = definition.open?.(config, { configText: source, inputs, outputs, stores }) ?? definition;
    synchronous(this.#handlers, "open");
    if (this.#handlers.process === undefined && this.#handlers.processBatch === undefined) {
      throw new TypeError("`open` returns no object with `process` or `processBatch`");
    }
  }

  /** The effects of a batch. */
  process(call, { index, arena }) {
    const input = new Batch(index, arena);
    const handlers = this.#handlers;
    const records = new Records(input);
    const { context, cache } = this.#begin(call, input, records, "prefetch", this.#isFirstPort);
    if (handlers.processBatch !== undefined) synchronous(handlers.processBatch(records, context), "processBatch");
    else each(records, context, handlers, false);
    cache.writeBack();
    return context.effects();
  }

  /** The effects of due timers. */
  onTimer(call, { index, arena }) {
    const due = new Batch(index, arena);
    const handlers = this.#handlers;
    const timers = new Records(due, Timer);
    const { context, cache } = this.#begin(call, due, timers, "prefetchTimer", false);
    if (handlers.onTimer === undefined && timers.length > 0) throw new Fatal("a timer is due, but the operator has no `onTimer`");
    each(timers, context, handlers, true);
    cache.writeBack();
    return context.effects();
  }

  /** The rows to keep of a store of an older version. */
  migrate(store, fromVersion, { index, arena }) {
    const migrator = [this.#handlers, this.#definition].find((one) => one.migrate !== undefined);
    if (migrator === undefined) throw new Fatal(`this operator does not know version ${fromVersion} of its store \`${store}\`: it has no \`migrate\``);
    const rows = new Batch(index, arena);
    const pairs = Array.from({ length: rows.length }, (_, row) => [rows.key(row), rows.value(row)]);
    const kept = synchronous(migrator.migrate(store, fromVersion, pairs), "migrate");
    this.#state.reset();
    for (const [key, value] of kept) this.#state.push(key, value, undefined, 0, 0);
    return this.#state.packed();
  }

  #begin({ watermark, now, task }, input, rows, prefetch, isFirstPort) {
    const cache = new Cache(this.#stores, this.#host, this.#state, input);
    const handlers = this.#handlers;
    if (handlers[prefetch] !== undefined) cache.readNamed((want) => rows.all().forEach((row) => handlers[prefetch](row, want)));
    else if (this.#definition.readAhead && this.#stores.size > 0) cache.readRecordKeys();
    this.#outputs.reset();
    this.#timers.reset();
    const parts = { ports: this.#ports, isFirstPort, cache, telemetry: this.#host, outputs: this.#outputs, timers: this.#timers };
    return { context: new Context({ watermark: clamped(watermark), now, task }, input, parts), cache };
  }
}

/** Hands over one row after the other; what rejects one leaves the others alone. */
function each(rows, context, handlers, areTimers) {
  const { batch, Row, made, length } = rows;
  for (let row = 0; row < length; row++) {
    const one = made === undefined ? new Row(batch, row) : made[row];
    context.record = one;
    try {
      const result = areTimers ? handlers.onTimer(one, context) : handlers.process(one, context);
      if (result !== undefined) synchronous(result, areTimers ? "onTimer" : "process");
    } catch (e) {
      if (!(e instanceof Reject)) throw e;
      context.reject(e.code, e.message);
    }
  }
}

function synchronous(result, what) {
  if (typeof result?.then === "function") throw new TypeError(`\`${what}\` returns a promise: an operator is called, answers and is done; leave out \`async\``);
  return result;
}

/** The ends of the range, which mean "not known yet" and "the input has ended", as infinities. */
function clamped(time) {
  if (time <= -(2 ** 63)) return -Infinity;
  return time >= 2 ** 63 ? Infinity : time;
}

function place(name, given, what) {
  const number = given.indexOf(name);
  if (number < 0) throw new Fatal(`the job gives this operator no ${what} \`${name}\`; it gives [${given.join(", ")}]`);
  return number;
}
