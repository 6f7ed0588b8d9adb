// The records of a batch, made when somebody asks: to make one takes longer than to pass it on.

import { InputRecord } from "./record.js";

/** What `processBatch` is given. */
export class Records {
  /** All of them, once they were asked for together; until then undefined. */
  made;

  /** `Row`: what the batch's rows are. */
  constructor(batch, Row = InputRecord) {
    this.batch = batch;
    this.Row = Row;
  }

  get length() {
    return this.batch.length;
  }

  at(row) {
    return this.all().at(row);
  }

  [Symbol.iterator]() {
    return this.all().values();
  }

  all() {
    if (this.made === undefined) {
      this.made = [];
      for (let row = 0; row < this.batch.length; row++) this.made.push(new this.Row(this.batch, row));
    }
    return this.made;
  }
}
