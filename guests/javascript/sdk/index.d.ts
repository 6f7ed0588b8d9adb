/**
 * Write Millstream operators in JavaScript and TypeScript.
 *
 * An operator is the default export of a module, made by `defineOperator`; `millstream build` makes a component of it. It performs nothing itself: what it
 * emits, rejects, sets or writes takes effect when the host commits, together with the input's position.
 *
 *     import { Reject, defineOperator, store, u64 } from "millstream";
 *
 *     const counts = store("counts", u64);
 *
 *     export default defineOperator({
 *       name: "count",
 *       stores: [counts],
 *       process(record, context) {
 *         const count = (context.get(counts) ?? 0) + 1;
 *         context.put(counts, count);
 *         context.emit({ key: record.key, value: String(count) });
 *       },
 *     });
 *
 * What to know:
 * - A fresh instance may take over between any two calls, so what must last goes into a store.
 * - There are no files, no network, no timeouts, no promises: a call is answered when it returns. Time is `context.now` and `context.watermark`.
 * - State is read once per batch, for the records' keys, and written back once; what a record writes the next one reads.
 * - Bytes are `Uint8Array`, null is null. What is thrown and is no `Reject`, `Retry` or `Fatal` is a trap: the host finds the record to blame, and sends it
 *   where the job sends rejects, with the text and where it came from.
 * - Bytes that the SDK hands out are valid until the call ends. Copy (`slice`) what is to be kept.
 */

/** What can be emitted or stored as a key: bytes, or text, which becomes UTF-8. */
export type Bytes = Uint8Array | string;
/** ms since 1970 UTC: a whole number, exact up to 2^53; a bigint is exact everywhere. */
export type Time = number | bigint;
/** Name and value of a header; null is null. */
export type Header = readonly [name: string, value: Bytes | null];

/** One input record. */
export interface InputRecord {
  /** Number of the record in its batch. */
  readonly row: number;
  /** Key and value are looked up at each access: in a loop take them once, before. */
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** Event time, ms; null: it has none. */
  readonly timestamp: number | null;
  /** The same where a number would not be exact. */
  readonly exactTimestamp: bigint | null;
  /** Which input it came from: the place in `inputs`. */
  readonly port: number;
  /** Offset in its stream, and the partition it was read from. */
  readonly offset: number;
  readonly partition: number;
  /** The headers in order; names may repeat. */
  readonly headers: [name: string, value: Uint8Array | null][];
  /** The value of the last header of that name; null: there is none, or it is null. */
  header(name: string): Uint8Array | null;
  /** The key; a record without one is rejected (`NO_KEY`). */
  requireKey(): Uint8Array;
  /** The timestamp; a record without one is rejected (`NO_TIME`). */
  requireTime(): number;
  requireExactTime(): bigint;
  /** The key as text; what is none is rejected (`BAD_TEXT`). */
  keyText(): string;
  /** The value as text; what is none is rejected (`BAD_TEXT`). */
  valueText(): string;
  /** The value decoded from JSON; what is none is rejected (`BAD_JSON`). */
  json(): unknown;
  /** The fields of a value that is a JSON object, as they stand; what is none is rejected (`BAD_JSON`). */
  object(): JsonObject;
}

/** The records of a batch in order. They are made when they are first asked for, which `forwardAll` does not; `Array.from` makes an array of them. */
export interface Records extends Iterable<InputRecord> {
  readonly length: number;
  /** The record of a row; counted from the end where it is negative. */
  at(row: number): InputRecord | undefined;
  /** Columns: the records' numbers in the batch, their keys, their values. They cost less than records. */
  readonly rows: readonly number[];
  readonly keys: readonly (Uint8Array | null)[];
  readonly values: readonly (Uint8Array | null)[];
  /** The records whose flag is true; `flags` has one for each. `at` then counts among those. */
  select(flags: readonly boolean[]): Records;
}

export type Domain = "event" | "processing";

/** A due timer: it *is* its domain, time, key and payload. */
export interface Timer {
  readonly row: number;
  readonly domain: Domain;
  /** When it is due, ms. */
  readonly at: number;
  readonly exactAt: bigint;
  readonly key: Uint8Array | null;
  readonly payload: Uint8Array;
}

/** A timer to set or to delete. */
export interface TimerToSet {
  at: Time;
  /** Whose state it will see; default: the current record's key. Key and payload together have at most 64 KiB. */
  key?: Bytes | null;
  payload?: Bytes;
  /** Default: event time. */
  domain?: Domain;
}

/** A record to emit. */
export interface Output {
  key?: Bytes | null;
  value?: Bytes | null;
  headers?: readonly Header[];
  /** Name of an output; default: the first. */
  port?: string;
  /** Event time; default: the input record's. */
  timestamp?: Time;
  /** A partition of the stream behind the port; default: the key's. */
  partition?: number;
}

export type Level = "error" | "warn" | "info" | "debug";

/** What `emitMany` emits: columns with an element for each record. */
export interface Columns {
  values: readonly (Bytes | null)[];
  /** Default: the records' own. */
  keys?: readonly (Bytes | null)[];
  /** Name of an output; default: the first. */
  port?: string;
}

/** A packed batch as bytes, whether or not it obeys the layout. */
export interface Packed {
  index: Uint8Array;
  arena: Uint8Array;
}

/** What an operator sees of the world during one call, and what it asks for. It stands at one record, or due timer, at a time. */
export interface Context {
  /** Event time, ms: no earlier record is expected. -Infinity: not known yet; Infinity: the input has ended. */
  readonly watermark: number;
  /** The same as a bigint, to compare bigints with; the infinities are the ends of the range of 64 bits. */
  readonly exactWatermark: bigint;
  /** Processing time, ms since 1970 UTC, the same for the whole call. */
  readonly now: number;
  /** Number of the task: the partition number of its inputs. */
  readonly task: number;
  /** The current record or timer: what is emitted was made from it. `processBatch` sets it itself. */
  record: InputRecord | Timer | null;

  /** Emits a record. */
  emit(out: Output): void;
  /** Emits a copy of a record, key, value and headers, with what is named changed. */
  forward(record: InputRecord, changes?: Output): void;
  /** Emits all records of the batch as they are, to the first port. */
  forwardAll(): void;
  /** Emits a record for each of some records of the batch, made from it. Headers are left out. */
  emitMany(records: Records, columns: Columns): void;
  /** Rejects the current record, in `processBatch`; elsewhere throw a `Reject`. Each record at most once. */
  reject(code: number, message: string): void;
  /** Rejects the records whose flag is true, and returns the others, which are what `processBatch` goes on with. `flags` has one for each. */
  rejectWhere(records: Records, flags: readonly boolean[], code: number, message: string): Records;
  /** Rejects the records without a key (`NO_KEY`), and returns the others. */
  requireKeys(records: Records): Records;

  /** The value of the current record's key; undefined: there is none. A record without a key is rejected. */
  get<V>(store: Store<V>): V | undefined;
  /** Sets the value of the current record's key. The records that follow see it. */
  put<V>(store: Store<V>, value: V): void;
  delete(store: Store<any>): void;
  /**
   * Changes the values of the records' keys, record by record, and returns what each was changed to. As `reduce`, but by key: the new value is `change(old, n)` for
   * the n-th of the records, null deletes; `initial` stands for the old one where there is none. Each record must have a key (`requireKeys`).
   */
  accumulate<V>(store: Store<V>, records: Records, change: (old: V, n: number) => V, initial: V): V[];
  accumulate<V>(store: Store<V>, records: Records, change: (old: V, n: number) => V | null, initial: V): (V | null)[];
  /** The value of any key. Costs a call to the host unless the key is one of the batch's, was named by `prefetch` or met before. */
  getOf<V>(store: Store<V>, key: Bytes): V | undefined;
  putOf<V>(store: Store<V>, key: Bytes, value: V): void;
  deleteOf(store: Store<any>, key: Bytes): void;
  /** Pairs of key and value in ascending order of keys: from `begin` to before `end`, or all that begin with `prefix`. What this call wrote so far is seen. */
  scan<V>(store: Store<V>, range?: { begin?: Bytes; end?: Bytes } | { prefix: Bytes }): Iterable<[key: Uint8Array, value: V]>;

  /** Sets a timer. Setting the same twice sets one. */
  setTimer(timer: TimerToSet): void;
  /** Deletes the timer with the same domain, time, key and payload, if there is one. */
  deleteTimer(timer: TimerToSet): void;

  /** Says something to whoever runs the job. Rate-limited; at most 8 KiB are kept. `console` writes there, too. */
  log(message: string, level?: Level): void;
  /** Adds to a counter; at most 64 names per operator, 128 bytes each. */
  count(name: string, delta?: number): void;

  /** Returns bytes as they are in place of what was emitted or set. For operators that test a host. */
  returnRaw(raw: { outputs?: Packed; timers?: Packed }): void;
  /** Rejects any row, even one that the batch does not have. For operators that test a host. */
  rejectRow(row: number, code: number, message: string): void;
}

/** Names a key of a store to be read ahead; naming it again costs nothing. */
export type Want = (store: Store<any>, key: Uint8Array) => void;

/** What an operator does. */
export interface Handlers {
  /** Handles one record. */
  process?(record: InputRecord, context: Context): void;
  /**
   * Handles a batch, in place of `process`. Set `context.record` before emitting for a record, or ask for what concerns many, which is the fastest: `rejectWhere`,
   * `requireKeys`, `accumulate`, `emitMany`. What is thrown concerns the whole batch.
   */
  processBatch?(records: Records, context: Context): void;
  /** A timer that this operator set is due. Outputs inherit its time; state by key is that of its key. */
  onTimer?(timer: Timer, context: Context): void;
  /** Names the state that a record will need, where that is not the state of its key. It is read in one call with that of all others. */
  prefetch?(record: InputRecord, want: Want): void;
  /** The same for a due timer. */
  prefetchTimer?(timer: Timer, want: Want): void;
  /** Rewrites rows (key, bytes) of a store whose values are of an older version; returns those to keep. */
  migrate?(store: string, fromVersion: number, rows: [key: Uint8Array, value: Uint8Array][]): Iterable<readonly [key: Bytes, value: Bytes]>;
}

/** What the host says when it opens an operator. */
export interface Setup {
  /** The config as JSON text; empty: none was given. */
  readonly configText: string;
  readonly inputs: string[];
  readonly outputs: string[];
  readonly stores: string[];
}

/** What an operator is; the component's description is derived from it. */
export interface Definition<F extends config.Fields = {}> extends Handlers {
  /** Default: the project's name. */
  name?: string;
  /** Default: 0.1.0. */
  version?: string;
  /** Names of the input ports in order. Default: `["in"]`. Empty: takes any number of inputs. */
  inputs?: readonly string[];
  /** Names of the output ports; records go to the first unless told otherwise. Default: `["out"]`. Empty: a sink. */
  outputs?: readonly string[];
  stores?: readonly Store<any>[];
  /** The fields of the config. Left out: the operator takes none, and refuses one. */
  config?: F;
  /** JSON Schema of the config, checked by the host before anything runs. */
  configSchema?: string;
  /** false: state is not read ahead; each first access of a key is then a call to the host. */
  readAhead?: boolean;
  /** Makes the operator from its config; without it the definition's own `process` is called. A `Fatal` stops the job. State cannot be read here. */
  open?(config: config.Of<F>, setup: Setup): Handlers;
}

/** A declared operator. */
export interface Operator {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly stores: readonly Store<any>[];
}

/** Declares the operator of a module: its default export. */
export function defineOperator<const F extends config.Fields = {}>(definition: Definition<F>): Operator;

/** How values of one type stand in a store. The same value must always give the same bytes. */
export interface Codec<V> {
  /** Whether a value that is handed out cannot be changed from outside: numbers and texts can not, objects can. */
  readonly immutable?: boolean;
  decode(bytes: Uint8Array): V;
  encode(value: V): Uint8Array;
}

/** A declared store: key to value, one value per key and task. */
export interface Store<V> {
  readonly name: string;
  readonly version: number;
  readonly codec: Codec<V>;
}

/** Declares a store, of bytes unless told otherwise. Raise `version` with the values' format, and write `migrate`. */
export function store(name: string): Store<Uint8Array>;
export function store<V>(name: string, codec: Codec<V>, version?: number): Store<V>;

/** Numbers are eight bytes, little-endian, as in all languages. These two stop the job at a number that is not exact (beyond 2^53). */
export const u64: Codec<number>;
export const i64: Codec<number>;
/** The same with all 64 bits. */
export const u64big: Codec<bigint>;
export const i64big: Codec<bigint>;
export const f64: Codec<number>;
export const text: Codec<string>;
export const bytes: Codec<Uint8Array>;
/** Values kept as JSON. Fields come in the order in which they were set: set them in one order. */
export function json<V>(): Codec<V>;

/** The fields of a JSON object, each still as text: for operators that pass most of it on. `InputRecord.object` makes it. */
export class JsonObject {
  /** Reads a text that is one JSON object; throws a SyntaxError that says what should stand where. */
  constructor(text: string);
  /** The text of a field's value as it stands, a string with its quotes; undefined: there is no such field. */
  raw(name: string): string | undefined;
  /** The content of a field that is a string. */
  text(name: string): string | undefined;
  /** The field's value, decoded. */
  value(name: string): unknown;
  has(name: string): boolean;
}

/** Whether two JSON texts are the same value: numbers are compared exactly, and 1 is not 1.0. */
export function sameJson(a: string, b: string): boolean;
/** The text that a JSON string stands for; undefined where it is none. */
export function textOfJson(raw: string): string | undefined;

/** The text of UTF-8 bytes; undefined where they are none. */
export function decode(bytes: Uint8Array): string | undefined;
/** The text of bytes that may be no UTF-8. */
export function decodeLossy(bytes: Uint8Array): string;
/** The text in UTF-8. */
export function encode(text: string): Uint8Array;

/** Refuses the current record: it goes where the job sends rejects, the others go on. Codes from 65,000 are the SDKs'. */
export class Reject extends Error {
  constructor(code: number, message: string);
  readonly code: number;
}
/** The call as a whole fails for now: the same batch comes again later. */
export class Retry extends Error {}
/** The call as a whole fails: the job stops and shows the message. */
export class Fatal extends Error {}

export const NO_KEY: 65000;
export const BAD_TEXT: 65001;
export const BAD_JSON: 65002;
export const NO_TIME: 65003;

/** Decoders of config fields: `config: { size_ms: config.whole({ min: 1 }), map: config.oneOf(["upper", "lower"], { default: "upper" }) }`. */
export namespace config {
  /** How one field is decoded. `R`: whether it is there in any case. */
  interface Field<V, R extends boolean = boolean> {
    readonly value?: V;
    readonly required?: R;
  }
  type Fields = { readonly [name: string]: Field<any> };
  type ValueOf<F> = F extends Field<infer V, infer R> ? (R extends true ? V : V | undefined) : never;
  /** What a table of fields decodes to. */
  type Of<F extends Fields> = { readonly [N in keyof F]: ValueOf<F[N]> };

  interface Bounds {
    min?: number;
    max?: number;
  }
  interface Default<V> {
    default: V;
  }
  interface Optional {
    optional: true;
  }

  function text(options?: {} | Default<string>): Field<string, true>;
  function text(options: Optional): Field<string, false>;
  function flag(options?: {} | Default<boolean>): Field<boolean, true>;
  function flag(options: Optional): Field<boolean, false>;
  function number(options?: Bounds | (Bounds & Default<number>)): Field<number, true>;
  function number(options: Bounds & Optional): Field<number, false>;
  /** A whole number, exact. */
  function whole(options?: Bounds | (Bounds & Default<number>)): Field<number, true>;
  function whole(options: Bounds & Optional): Field<number, false>;
  function oneOf<const V extends string>(variants: readonly V[], options?: {} | Default<NoInfer<V>>): Field<V, true>;
  function oneOf<const V extends string>(variants: readonly V[], options: Optional): Field<V, false>;
  function list<V>(of: Field<V, true>, options?: {} | Default<V[]>): Field<V[], true>;
  function list<V>(of: Field<V, true>, options: Optional): Field<V[], false>;
  /** An object with these fields and no others. */
  function object<const F extends Fields>(fields: F, options?: {} | Default<Of<F>>): Field<Of<F>, true>;
  function object<const F extends Fields>(fields: F, options: Optional): Field<Of<F>, false>;
  /** Any JSON value. */
  function any(options?: {} | Default<unknown>): Field<unknown, true>;
  function any(options: Optional): Field<unknown, false>;
}
