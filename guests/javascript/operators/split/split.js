// Flat-map: one record for each word of the value, with the word as key and as value. Words are runs of letters and digits, in lower case.

import { defineOperator } from "millstream";

const WORDS = /[\p{Alphabetic}\p{N}]+/gu;

export default defineOperator({
  name: "split",

  process(record, context) {
    for (const word of record.valueText().toLowerCase().match(WORDS) ?? []) context.emit({ key: word, value: word });
  },
});
