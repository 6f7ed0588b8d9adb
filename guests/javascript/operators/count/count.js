// Keyed count: each record yields its key and how often that key was seen, as text. The value `poison` is rejected.

import { Reject, defineOperator, store, u64 } from "millstream";

const counts = store("counts", u64);

/** Reject code. */
const POISONED = 1;

export default defineOperator({
  name: "count",
  stores: [counts],

  process(record, context) {
    if (record.value?.length === 6 && record.valueText() === "poison") throw new Reject(POISONED, "poison");
    const count = (context.get(counts) ?? 0) + 1;
    context.put(counts, count);
    context.emit({ key: record.key, value: String(count) });
  },
});
