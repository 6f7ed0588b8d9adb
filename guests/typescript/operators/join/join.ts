// Joins two inputs, `left` and `right`, by key: every pair whose times are at most `within_ms` apart yields one record.
//
// Value: the left value, `separator`, the right value; timestamp: the later of the two. Both sides wait in state and are forgotten, by a timer, when no
// partner can come any more. A record that comes later than that goes to the port `late`.

import { type Codec, Reject, config, defineOperator, encode, store } from "millstream";

interface Waiting {
  time: bigint;
  value: Uint8Array;
}

/** Reject code of a record that has nothing to join. */
const NO_VALUE = 1;
const LARGEST = 2n ** 63n - 1n;
const HEAD_BYTES = 12;

/** The records of a key that wait, in the order in which they came: per record time (i64), length (u32), bytes. */
const waiting: Codec<Waiting[]> = {
  decode(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const all: Waiting[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + HEAD_BYTES + (at + HEAD_BYTES <= bytes.length ? view.getUint32(at + 8, true) : 0);
      if (end > bytes.length) throw new RangeError("the waiting records end in the middle of one");
      all.push({ time: view.getBigInt64(at, true), value: bytes.subarray(at + HEAD_BYTES, end) });
      at = end;
    }
    return all;
  },
  encode(all) {
    const bytes = new Uint8Array(all.reduce((sum, { value }) => sum + HEAD_BYTES + value.length, 0));
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const { time, value } of all) {
      view.setBigInt64(at, time, true);
      view.setUint32(at + 8, value.length, true);
      bytes.set(value, at + HEAD_BYTES);
      at += HEAD_BYTES + value.length;
    }
    return bytes;
  },
};

const sides = [store("left", waiting), store("right", waiting)] as const;

function joined(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export default defineOperator({
  name: "join",
  inputs: ["left", "right"],
  outputs: ["out", "late"],
  stores: sides,
  config: { within_ms: config.whole({ min: 0 }), separator: config.text({ default: "|" }) },

  open({ within_ms, separator }) {
    const within = BigInt(within_ms);
    const between = encode(separator);
    /** The watermark from which on no partner can come for a record of that time. */
    const forgottenAt = (time: bigint) => (time + within + 1n > LARGEST ? LARGEST : time + within + 1n);

    return {
      process(record, context) {
        const time = record.requireExactTime();
        const value = record.value;
        if (value === null) throw new Reject(NO_VALUE, "a record to join needs a value");
        if (forgottenAt(time) <= context.exactWatermark) {
          context.forward(record, { port: "late" });
          return;
        }
        const [own, others] = record.port === 0 ? sides : [sides[1], sides[0]];
        const partners = context.get(others) ?? [];
        context.put(own, [...(context.get(own) ?? []), { time, value }]);
        context.setTimer({ at: forgottenAt(time) });
        for (const partner of partners) {
          const apart = time > partner.time ? time - partner.time : partner.time - time;
          if (apart > within) continue;
          const pair = record.port === 0 ? joined(value, between, partner.value) : joined(partner.value, between, value);
          context.emit({ key: record.key, value: pair, timestamp: time > partner.time ? time : partner.time });
        }
      },

      onTimer(timer, context) {
        for (const side of sides) {
          const left = context.get(side)?.filter(({ time }) => forgottenAt(time) > timer.exactAt);
          if (left?.length === 0) context.delete(side);
          else if (left !== undefined) context.put(side, left);
        }
      },
    };
  },
});
