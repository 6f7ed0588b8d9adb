// Keyed count: each record yields its key and how often that key was seen, as text. The value `poison` is rejected.

import { decode, defineOperator, store, u64 } from "millstream";

const counts = store("counts", u64);

/** Reject code. */
const POISONED = 1;

const isPoison = (value: Uint8Array | null) => value?.length === 6 && decode(value) === "poison";

export default defineOperator({
  name: "count",
  stores: [counts],

  processBatch(records, context) {
    const healthy = context.rejectWhere(records, records.values.map(isPoison), POISONED, "poison");
    const keyed = context.requireKeys(healthy);
    const totals = context.accumulate(counts, keyed, (count) => count + 1, 0);
    context.emitMany(keyed, { values: totals.map(String) });
  },
});
