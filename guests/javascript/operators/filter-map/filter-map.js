// Keeps the records whose value contains a text, and changes the value's case.

import { config, defineOperator } from "millstream";

/** What happens to ASCII letters. */
const MAPS = {
  upper: (text) => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()),
  lower: (text) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()),
  same: (text) => text,
};

export default defineOperator({
  name: "filter-map",
  config: {
    // Records whose value does not contain this are dropped. Empty: all stay.
    keep: config.text({ default: "" }),
    map: config.oneOf(["upper", "lower", "same"], { default: "upper" }),
  },

  open({ keep, map }) {
    return {
      process(record, context) {
        const value = record.valueText();
        if (value.includes(keep)) context.forward(record, { value: MAPS[map](value) });
      },
    };
  },
});
