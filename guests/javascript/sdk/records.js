// The records of a batch, made when somebody asks: to make one takes longer than to pass it on. Columns are for whoever needs no records.

import { InputRecord } from "./record.js";
import { KEY_IS_NULL, VALUE_IS_NULL, WORDS } from "./batch.js";

const Bytes = Uint8Array;

/** What stands in a list that `all` makes. */
class Sequence {
  at(place) {
    return this.all().at(place);
  }

  [Symbol.iterator]() {
    return this.all().values();
  }

  select(flags) {
    return new Selection(this, flags);
  }
}

/** What `processBatch` is given. */
export class Records extends Sequence {
  /** All of them, once they were asked for together; until then undefined. */
  made;
  #keys;
  #values;

  /** `Row`: what the batch's rows are. */
  constructor(batch, Row = InputRecord) {
    super();
    this.batch = batch;
    this.Row = Row;
  }

  get length() {
    return this.batch.length;
  }

  all() {
    if (this.made === undefined) {
      this.made = [];
      for (let row = 0; row < this.batch.length; row++) this.made.push(new this.Row(this.batch, row));
    }
    return this.made;
  }

  get rows() {
    return rowNumbers(this.length);
  }

  get keys() {
    if (this.#keys === undefined) {
      const { words, buffer } = this.batch;
      const keys = (this.#keys = []);
      let begin = 0;
      for (let at = 0; at < words.length; at += WORDS) {
        keys.push(words[at + 3] & KEY_IS_NULL ? null : new Bytes(buffer, begin, words[at] - begin));
        begin = words[at + 2];
      }
    }
    return this.#keys;
  }

  get values() {
    if (this.#values === undefined) {
      const { words, buffer } = this.batch;
      const values = (this.#values = []);
      for (let at = 0; at < words.length; at += WORDS) {
        const begin = words[at];
        values.push(words[at + 3] & VALUE_IS_NULL ? null : new Bytes(buffer, begin, words[at + 1] - begin));
      }
    }
    return this.#values;
  }
}

/** Some records of a batch, in its order. */
class Selection extends Sequence {
  #records;
  #flags;
  #made;

  constructor(records, flags) {
    super();
    if (flags.length !== records.length) throw new RangeError(`${flags.length} flags for ${records.length} records`);
    this.#records = records;
    this.#flags = flags;
    this.rows = this.#chosen(records.rows);
  }

  get length() {
    return this.rows.length;
  }

  all() {
    return (this.#made ??= this.#chosen(this.#records.all()));
  }

  get keys() {
    return this.#chosen(this.#records.keys);
  }

  get values() {
    return this.#chosen(this.#records.values);
  }

  #chosen(column) {
    return column.filter((_, n) => this.#flags[n]);
  }
}

const numbers = [];

/** The numbers from 0: kept, since to copy them takes a fraction of the time. */
function rowNumbers(count) {
  while (numbers.length < count) numbers.push(numbers.length);
  return numbers.slice(0, count);
}
