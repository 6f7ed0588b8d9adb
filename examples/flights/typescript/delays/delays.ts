// delays, in TypeScript: flights per carrier and UTC day: how many, how many cancelled, mean and worst departure delay; with the airline's name from the second
// input.
//
// A day is emitted when the watermark has passed its end by `lateness_ms`; a flight that comes later is rejected, so nothing is lost silently.

import { Fatal, Reject, config, defineOperator, store, text } from "millstream";

/** One carrier's day so far. */
interface Day {
  flights: number;
  cancelled: number;
  /** Minutes, over those that flew. */
  delaySum: number;
  delayWorst: number;
}

const DAY_MS = 86_400_000;
const NAMES_PORT = 1;
/** Reject codes. */
const LATE = 1;
const DELAY = 2;

/** Four words of eight bytes, little-endian, as the operator has them in the other languages. */
const days = store<Day>("days", {
  decode(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const word = (n: number) => Number(view.getBigInt64(8 * n, true));
    return { flights: word(0), cancelled: word(1), delaySum: word(2), delayWorst: word(3) };
  },
  encode({ flights, cancelled, delaySum, delayWorst }) {
    const view = new DataView(new ArrayBuffer(32));
    [flights, cancelled, delaySum, delayWorst].forEach((word, n) => view.setBigInt64(8 * n, BigInt(word), true));
    return new Uint8Array(view.buffer);
  },
});
const names = store("names", text);

export default defineOperator({
  name: "delays",
  inputs: ["flights", "names"],
  stores: [days, names],
  config: { lateness_ms: config.whole({ default: 0 }) },

  open({ lateness_ms }) {
    const lateness = Math.max(lateness_ms, 0);

    return {
      prefetch({ key, timestamp }, want) {
        if (key !== null && timestamp !== null) want(days, stateKey(key, Math.floor(timestamp / DAY_MS)));
      },

      prefetchTimer({ key, payload }, want) {
        if (key === null) return;
        want(days, joined(key, payload));
        want(names, key);
      },

      process(record, context) {
        const carrier = record.requireKey();
        if (record.port === NAMES_PORT) {
          context.putOf(names, carrier, record.valueText());
          return;
        }
        const number = Math.floor(record.requireTime() / DAY_MS);
        const closesAt = (number + 1) * DAY_MS + lateness;
        if (closesAt <= context.watermark) throw new Reject(LATE, "the flight's day is closed: it came later than the watermark allows");
        const delay = delayOf(record.valueText());
        const key = stateKey(carrier, number);
        const day = context.getOf(days, key);
        if (day === undefined) context.setTimer({ at: closesAt, payload: key.subarray(carrier.length) });
        context.putOf(days, key, withFlight(day ?? { flights: 0, cancelled: 0, delaySum: 0, delayWorst: 0 }, delay));
      },

      onTimer({ key: carrier, payload }, context) {
        if (carrier === null || payload.length !== 8) throw new Fatal("a timer that this operator did not set");
        const key = joined(carrier, payload);
        const day = context.getOf(days, key);
        if (day === undefined) return;
        context.deleteOf(days, key);
        const number = Number(new DataView(payload.buffer, payload.byteOffset).getBigInt64(0));
        const value = resultOf(day, new Date(number * DAY_MS), context.getOf(names, carrier));
        context.emit({ key: carrier, value, timestamp: (number + 1) * DAY_MS - 1 });
      },
    };
  },
});

/** Minutes; null: the flight was cancelled. */
function delayOf(text: string): number | null {
  if (text === "null") return null;
  const delay = /^[+-]?[0-9]+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(delay)) throw new Reject(DELAY, `${JSON.stringify(text)} is no delay in minutes`);
  return delay;
}

function withFlight({ flights, cancelled, delaySum, delayWorst }: Day, delay: number | null): Day {
  if (delay === null) return { flights: flights + 1, cancelled: cancelled + 1, delaySum, delayWorst };
  const isFirst = flights === cancelled;
  return { flights: flights + 1, cancelled, delaySum: delaySum + delay, delayWorst: isFirst ? delay : Math.max(delayWorst, delay) };
}

/** JSON by hand, as JSON.stringify would write a mean of 29.0 as 29. */
function resultOf({ flights, cancelled, delaySum, delayWorst }: Day, date: Date, name: string | undefined): string {
  const flown = flights - cancelled;
  let [mean, worst] = ["null", "null"];
  if (flown > 0) {
    // Rounded half up.
    const hundredths = Math.floor((200 * delaySum + flown) / (2 * flown));
    mean = hundredths % 100 === 0 ? `${hundredths / 100}.0` : String(hundredths / 100);
    worst = String(delayWorst);
  }
  const day = date.toISOString().slice(0, 10);
  const airline = JSON.stringify(name ?? null);
  return `{"airline":${airline},"cancelled":${cancelled},"day":"${day}","flights":${flights},"mean_delay":${mean},"worst_delay":${worst}}`;
}

/** Where a carrier's day is: its code, then the day's number in eight bytes, most significant first. */
function stateKey(carrier: Uint8Array, day: number): Uint8Array {
  const number = new DataView(new ArrayBuffer(8));
  number.setBigInt64(0, BigInt(day));
  return joined(carrier, new Uint8Array(number.buffer));
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
