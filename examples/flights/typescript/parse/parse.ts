// parse, in TypeScript: CSV rows of the flights and of the airlines → records keyed by carrier. A flight's event time is its scheduled departure, UTC.

import { type Output, Reject, config, defineOperator } from "millstream";

/** Reject codes. */
const COLUMNS = 1;
const TIME = 2;
const DELAY = 3;
const CARRIER = 4;

const MINUTE_MS = 60_000;
/** 32 bits hold the delay of any flight. */
const [LEAST, LARGEST] = [-(2 ** 31), 2 ** 31 - 1];

/** What becomes of a row, and how many columns it must have. */
interface Table {
  columns: number;
  record(row: string[]): Output;
}

const tables: Record<"flights" | "airlines", Table> = {
  flights: {
    columns: 19,
    record: (row) => ({ key: carrier(row[9]!), timestamp: time(row[18]!, row[17]!), value: delay(row[5]!) }),
  },
  airlines: {
    columns: 2,
    record: (row) => ({ key: carrier(row[0]!), value: row[1]! }),
  },
};

export default defineOperator({
  name: "parse",
  config: { table: config.oneOf(["flights", "airlines"]) },

  open({ table }) {
    const { columns, record: recordOf } = tables[table];
    return {
      process(record, context) {
        const row = columnsOf(record.valueText());
        if (row.length !== columns) throw new Reject(COLUMNS, `a row of ${row.length} columns, where ${columns} were expected`);
        context.emit(recordOf(row));
      },
    };
  },
});

/** A column with the comma before it. One in quotes may hold commas, and two quotes for one. */
const COLUMN = /,(?:"([^"]*(?:""[^"]*)*)"|([^,]*))/g;

function columnsOf(row: string): string[] {
  if (row === "") return [];
  return Array.from(`,${row}`.matchAll(COLUMN), ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "");
}

function carrier(text: string): string {
  if (!/^[A-Z0-9]{2}$/.test(text)) throw new Reject(CARRIER, `${JSON.stringify(text)} is no carrier's code`);
  return text;
}

function time(hour: string, minute: string): number {
  // Date.parse alone would take a date without a time, too, and one without a zone.
  const start = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(hour) ? Date.parse(hour) : NaN;
  if (Number.isNaN(start)) throw new Reject(TIME, `time_hour ${JSON.stringify(hour)} is no time such as 2013-01-01T10:00:00Z`);
  const minutes = whole(minute);
  if (!(minutes >= 0 && minutes < 60)) throw new Reject(TIME, `minute ${JSON.stringify(minute)} is none of 0 to 59`);
  return start + minutes * MINUTE_MS;
}

function delay(text: string): string {
  // A cancelled flight has no departure, hence no delay.
  if (text === "NA") return "null";
  const minutes = whole(text);
  if (!(minutes >= LEAST && minutes <= LARGEST)) throw new Reject(DELAY, `dep_delay ${JSON.stringify(text)} is no whole number`);
  return String(minutes);
}

/** A whole number; NaN: none. Number() alone would take spaces, fractions and much else, too. */
function whole(text: string): number {
  return /^[+-]?[0-9]+$/.test(text) ? Number(text) : NaN;
}
