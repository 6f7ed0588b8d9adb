// report, in TypeScript: a line for each disaster on the port `alerts`; everything goes on, keyed by its score.

import { defineOperator } from "millstream";

interface Flight {
  delay?: number;
  score: string;
  day: string;
}

const DISASTER = "a disaster";

export default defineOperator({
  name: "report",
  outputs: ["scored", "alerts"],

  process(record, context) {
    const flight = record.json() as Flight;
    if (flight.score === DISASTER) {
      context.emit({ port: "alerts", key: record.key, value: `${record.keyText()}: ${flight.delay} minutes late on a ${flight.day}` });
    }
    context.emit({ key: flight.score, value: flight.day });
  },
});
