// Misbehaves on demand, to test hosts: a record's value is the order, `name` or `name:number`; whatever is no order is passed on.
//
//   throw, string, type, range     an exception: one's own, a text that is thrown, null has no fields, an array too long
//   async                          answers with a promise
//   loop, memory, recurse          never end
//   clock                          emits what the engine's clock says, which is the call's time
//   bad-length, bad-ends, bad-arena, bad-flags, bad-port, bad-row, bad-headers, bad-overlap    break a rule of the layout
//   bad-timer, bad-reject          ask for a timer with a port that means nothing, reject a row that the batch does not have
//   huge:n, tiny:n                 emit n records of 1 MiB (default 1,024), n empty ones (default 1,000,000)
//   timers:n, storm:n, logs:n      set n timers (default 1,000,000), call the host n times (10,000,000), log n messages of 8 KiB (131,072)
//   counters:n                     counts under n different names (default 10,000)
//   long-key:n, long-value:n       write a state key of n bytes (default 1 MiB), a value of n bytes (default 64 MiB)
//   many-keys:n                    writes n state keys (default 1,000,000)
//   forgetful                      emits how many records this instance has seen: what an operator must not do
//   later                          sets a timer at the record's time
//   reject:n, retry, fatal         reject with code n (default 1), fail for now, fail for good
//
// Config: `open` = `panic`, `loop`, `memory` or `fatal`, done while opening; `panic-on` = values at which to throw, for traps in the middle of a batch;
// `on-timer` = an order for when a timer fires.

import { type Context, Fatal, type InputRecord, Reject, Retry, config, decodeLossy, defineOperator, store } from "millstream";
import { breakRule } from "./bad.ts";

const state = store("state");
const MIB = 1 << 20;

function spin(): never {
  for (;;);
}

function eatMemory(): never {
  for (const eaten: Uint8Array[] = []; ; ) eaten.push(new Uint8Array(MIB).fill(1));
}

function recurse(depth: number): number {
  return recurse(depth + 1) + depth;
}

function times(n: number, act: (one: number) => void): void {
  for (let one = 0; one < n; one++) act(one);
}

const filled = (bytes: number, letter: string) => new Uint8Array(bytes).fill(letter.charCodeAt(0));

/** By name: what to do, given the context and how many times. */
const ORDERS: { [name: string]: (context: Context, n?: number) => unknown } = {
  throw: () => {
    throw new Error("told to throw");
  },
  string: () => {
    throw "told to throw a text";
  },
  type: () => (null as unknown as { field: string }).field,
  range: () => new Array(-1),
  async: () => Promise.resolve(),
  loop: spin,
  memory: eatMemory,
  recurse: () => void recurse(1),
  clock: (context) => context.forward(context.record as InputRecord, { value: new Date().toISOString() }),
  huge: (context, n = 1024) => times(n, () => context.emit({ value: filled(MIB, "x") })),
  tiny: (context, n = 1_000_000) => times(n, () => context.emit({ value: "" })),
  timers: (context, n = 1_000_000) => times(n, (at) => context.setTimer({ at, key: null })),
  storm: (context, n = 10_000_000) => times(n, () => context.count("storm")),
  logs: (context, n = 131_072) => times(n, () => context.log("flood ".repeat(8192 / 6))),
  counters: (context, n = 10_000) => times(n, (one) => context.count(`counter-${one}`)),
  "long-key": (context, n = MIB) => context.putOf(state, filled(n, "k"), new Uint8Array(0)),
  "long-value": (context, n = 64 * MIB) => context.putOf(state, "k", filled(n, "v")),
  "many-keys": (context, n = 1_000_000) => times(n, (key) => context.putOf(state, String(key), filled(1, "v"))),
  reject: (_, n = 1) => {
    throw new Reject(n, "told to reject");
  },
  retry: () => {
    throw new Retry("told to retry");
  },
  fatal: () => {
    throw new Fatal("told to fail");
  },
};

/** Carries out an order, and answers with what comes of it; undefined: it is none. */
function obey(order: string, row: number, context: Context): { result: unknown } | undefined {
  const [name = "", number] = order.split(/:(.*)/s);
  if (number !== undefined && !/^[0-9]+$/.test(number)) return undefined;
  const act = Object.hasOwn(ORDERS, name) ? ORDERS[name] : undefined;
  if (act !== undefined) return { result: act(context, number === undefined ? undefined : Number(number)) };
  return breakRule(name, row, context) ? { result: undefined } : undefined;
}

const OPENING: { [order: string]: () => never } = {
  panic: () => {
    throw new Error("told to throw while opening");
  },
  loop: spin,
  memory: eatMemory,
  fatal: () => {
    throw new Fatal("told to fail while opening");
  },
};

export default defineOperator({
  name: "misbehave",
  inputs: [],
  stores: [state],
  readAhead: false,
  config: {
    open: config.text({ optional: true }),
    "panic-on": config.list(config.text(), { default: [] }),
    "on-timer": config.text({ optional: true }),
  },

  open({ open, "panic-on": panicOn, "on-timer": atTimer }) {
    if (open !== undefined) {
      const act = Object.hasOwn(OPENING, open) ? OPENING[open] : undefined;
      if (act === undefined) throw new Fatal(`config: \`open\`: unknown order \`${open}\``);
      act();
    }
    let seen = 0;

    return {
      process(record, context) {
        seen++;
        const value = record.value === null ? "" : decodeLossy(record.value);
        if (panicOn.includes(value)) throw new Error(`told to throw on \`${value}\``);
        if (value === "forgetful") return context.forward(record, { value: String(seen) });
        if (value === "later") return context.setTimer({ at: record.requireExactTime(), payload: "later" });
        const done = obey(value, record.row, context);
        return done === undefined ? context.forward(record) : (done.result as void);
      },

      onTimer(timer, context) {
        const done = atTimer === undefined ? undefined : obey(atTimer, 0, context);
        if (done === undefined) context.emit({ key: timer.key, value: timer.payload });
      },
    };
  },
});
