// {{name}} counts the records of each key.

import { defineOperator, store, u64 } from "millstream";

// What is remembered: by key, how many records it had. Kept by the host, and there again after a restart.
const counts = store("counts", u64);

export default defineOperator({
  name: "{{name}}",
  stores: [counts],

  process(record, context) {
    const count = (context.get(counts) ?? 0) + 1;
    context.put(counts, count);
    context.emit({ key: record.key, value: String(count) });
  },
});
