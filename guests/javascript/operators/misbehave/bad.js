// Results that break a rule of the layout, one each.

import { encode } from "millstream";

const NONE = 0xffff_ffff;

/** The bytes of index rows. */
function indexOf(...rows) {
  const view = new DataView(new ArrayBuffer(rows.length * 40));
  rows.forEach((row, n) => {
    const at = n * 40;
    [row.keyEnd, row.valueEnd, row.headersEnd].forEach((end, part) => view.setUint32(at + 4 * part, end, true));
    view.setUint16(at + 12, row.port, true);
    view.setUint16(at + 14, row.flags, true);
    view.setBigInt64(at + 16, -(2n ** 63n), true);
    view.setBigInt64(at + 24, row.offset, true);
    view.setUint32(at + 32, NONE, true);
    view.setUint32(at + 36, NONE, true);
  });
  return new Uint8Array(view.buffer);
}

/** Returns results that break the rule that the order names; false: it names none. */
export function breakRule(order, row, context) {
  // A row with key `k` and value `v`.
  const good = { keyEnd: 1, valueEnd: 2, headersEnd: 2, port: 0, flags: 0, offset: BigInt(row) };
  const batch = (changes) => ({ index: indexOf({ ...good, ...changes }), arena: encode("kv") });
  const outputs = {
    "bad-length": () => ({ ...batch({}), index: indexOf(good).subarray(0, 39) }),
    "bad-ends": () => batch({ keyEnd: 2, valueEnd: 1 }),
    "bad-arena": () => batch({ valueEnd: NONE, headersEnd: NONE }),
    "bad-flags": () => batch({ flags: 0x8000 }),
    "bad-port": () => batch({ port: 7 }),
    "bad-row": () => batch({ offset: -1n }),
    "bad-headers": () => ({ ...batch({ flags: 4, headersEnd: 4 }), arena: Uint8Array.of(107, 118, 255, 255) }),
    // The second row begins before the first ends.
    "bad-overlap": () => ({ ...batch({}), index: indexOf(good, good) }),
  };
  if (order === "bad-timer") context.returnRaw({ timers: batch({ port: 9 }) });
  else if (order === "bad-reject") context.rejectRow(NONE, 1, "");
  else if (Object.hasOwn(outputs, order)) context.returnRaw({ outputs: outputs[order]() });
  else return false;
  return true;
}
