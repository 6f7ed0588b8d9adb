/**
 * Runs an operator under Node.js, without a component and without a host: feed records, move time, look at what came out.
 *
 *     import test from "node:test";
 *     import assert from "node:assert/strict";
 *     import { open } from "millstream/testing";
 *     import count from "./count.js";
 *
 *     test("each key is counted", () => {
 *       const op = open(count);
 *       op.feed({ key: "a", value: "x" }, { key: "a", value: "x" });
 *       assert.deepEqual(op.takeOutputs().map((out) => out.value), ["1", "2"]);
 *     });
 */

import type { Bytes, Header, Level, Operator, Packed, Time } from "millstream";

/** Opens an operator with a config, its declared ports and its declared stores. Throws what its `open` throws. */
export function open(operator: Operator, config?: unknown): Harness;

/** A record to feed. Left out: null; `port` by name, the first unless said. */
export interface Input {
  key?: Bytes | null;
  value?: Bytes | null;
  timestamp?: Time;
  headers?: readonly Header[];
  port?: string;
}

/** A record that came out. */
export interface Emitted {
  port: string;
  /** As text; what is no UTF-8 has U+FFFD in it. */
  key: string | null;
  value: string | null;
  keyBytes: Uint8Array | null;
  valueBytes: Uint8Array | null;
  /** Its own, or else that of the record it was made from. */
  timestamp: number | null;
  headers: [name: string, value: string | null][];
  partition: number | null;
  /** The row of the batch that it was made from. */
  row: number;
}

export interface Rejected {
  row: number;
  code: number;
  message: string;
}

export interface Harness {
  /** How often the host was asked. */
  readonly calls: { getMany: number; putMany: number; scan: number };
  readonly logs: { level: Level; message: string }[];
  readonly counters: Map<string, number>;
  /** How many rows a page of a scan has at most. */
  pageRows: number;
  /** Whether batches come with the numbers of their keys, as they mostly do. Default: true. */
  numbersKeys: boolean;

  /** Hands records over as one batch. Throws what fails the call, of which then nothing is kept. */
  feed(...records: Input[]): void;
  /** Hands a packed batch over. */
  feedPacked(batch: Packed): void;
  /** Moves event time on and fires the timers that are due. */
  advanceWatermark(watermark: number): void;
  /** Moves the clock on and fires the timers that are due. */
  advanceNow(now: number): void;
  /** Replaces the operator by a fresh instance, as the host may at any time. State and timers stay. */
  reopen(): void;
  /** What was emitted since the last look. */
  takeOutputs(): Emitted[];
  /** What was rejected since the last look. */
  takeRejects(): Rejected[];
  /** The stored bytes of a key; undefined: none. */
  state(store: string, key: Bytes): Uint8Array | undefined;
  setState(store: string, key: Bytes, value: Bytes): void;
  /** How many keys all stores have together. */
  readonly entries: number;
  /** How many timers wait. */
  readonly timers: number;
  /** Runs rows of a store of an older version through the operator; what it keeps. */
  migrate(store: string, fromVersion: number, rows: [key: Bytes, value: Bytes][]): [key: string, value: Uint8Array][];
}
