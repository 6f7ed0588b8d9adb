// Tumbling windows: count and sum of the values (whole numbers as text) per key and window of event time.
//
// A window is closed, and its result emitted, when the watermark has passed its end by `lateness_ms`; a record that comes later goes to the port `late` as it
// is. Result: the key, `{"start":…,"end":…,"count":…,"sum":…}`, timestamp the window's last millisecond.
//
// Numbers are bigints: sums and times use all 64 bits.

import { Fatal, Reject, config, defineOperator, store } from "millstream";

/** Reject codes. */
const NOT_A_NUMBER = 1;
const OVERFLOW = 2;

const [LEAST, LARGEST] = [-(2n ** 63n), 2n ** 63n - 1n];

/** Count and sum, eight bytes each, little-endian. */
const windows = store("windows", {
  decode(bytes) {
    if (bytes.length !== 16) throw new RangeError(`a window's totals have 16 bytes, these ${bytes.length}`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return { count: view.getBigUint64(0, true), sum: view.getBigInt64(8, true) };
  },
  encode({ count, sum }) {
    const view = new DataView(new ArrayBuffer(16));
    view.setBigUint64(0, count, true);
    view.setBigInt64(8, sum, true);
    return new Uint8Array(view.buffer);
  },
});

// Spaces are Unicode's, which are not quite those of `trim`.
const SPACE = "[\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]*";
const NUMBER = new RegExp(`^${SPACE}\\+?(-?(?<!\\+-)[0-9]+)${SPACE}$`);

function numberOf(text) {
  const digits = NUMBER.exec(text)?.[1];
  const number = digits === undefined ? undefined : BigInt(digits);
  if (number === undefined || number < LEAST || number > LARGEST) throw new Reject(NOT_A_NUMBER, `\`${text}\` is no whole number of 64 bits`);
  return number;
}

const atMost = (number) => (number > LARGEST ? LARGEST : number);

/** The window's start in eight bytes, most significant first. */
function startBytes(start) {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, start);
  return new Uint8Array(view.buffer);
}

function joined(a, b) {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

export default defineOperator({
  name: "window",
  outputs: ["out", "late"],
  stores: [windows],
  config: { size_ms: config.whole({ min: 1 }), lateness_ms: config.whole({ min: 0, default: 0 }) },

  open({ size_ms, lateness_ms }) {
    const [size, lateness] = [BigInt(size_ms), BigInt(lateness_ms)];
    const startOf = (time) => time - (((time % size) + size) % size);

    return {
      prefetch(record, want) {
        const time = record.exactTimestamp;
        if (record.key !== null && time !== null) want(windows, joined(record.key, startBytes(startOf(time))));
      },

      prefetchTimer(timer, want) {
        if (timer.key !== null) want(windows, joined(timer.key, timer.payload));
      },

      process(record, context) {
        const time = record.requireExactTime();
        const key = record.requireKey();
        const value = numberOf(record.valueText());
        const start = startOf(time);
        const closesAt = atMost(start + size + lateness);
        if (closesAt <= context.exactWatermark) {
          context.forward(record, { port: "late" });
          return;
        }
        const payload = startBytes(start);
        const stateKey = joined(key, payload);
        const totals = context.getOf(windows, stateKey) ?? { count: 0n, sum: 0n };
        const sum = totals.sum + value;
        if (sum < LEAST || sum > LARGEST) throw new Reject(OVERFLOW, "the window's sum exceeds 64 bits");
        if (totals.count === 0n) context.setTimer({ at: closesAt, key, payload });
        context.putOf(windows, stateKey, { count: totals.count + 1n, sum });
      },

      onTimer(timer, context) {
        if (timer.key === null || timer.payload.length !== 8) throw new Fatal("a timer that this operator did not set");
        const stateKey = joined(timer.key, timer.payload);
        const totals = context.getOf(windows, stateKey);
        if (totals === undefined) return;
        const start = new DataView(timer.payload.buffer, timer.payload.byteOffset).getBigInt64(0);
        const end = atMost(start + size);
        const value = `{"start":${start},"end":${end},"count":${totals.count},"sum":${totals.sum}}`;
        context.emit({ key: timer.key, value, timestamp: end - 1n });
        context.deleteOf(windows, stateKey);
      },
    };
  },
});
