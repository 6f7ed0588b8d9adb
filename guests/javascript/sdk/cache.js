// The state of one batch: read with one call, written back with one call, and in between a shelf of slots per store.
//
// A record finds its slot by the number of its key where the host gave the numbers. The map by bytes is filled only when a key is looked up by its bytes.

import { Batch, NONE, WORDS } from "./batch.js";
import { Fatal } from "./errors.js";
import { Shelf } from "./shelf.js";
import { latin1 } from "./text.js";

const NO_NUMBERS = new Uint32Array(0);

/** The slots of one call. `host` has getMany, putMany and scan; `builder` is one that it may use. */
export class Cache {
  #shelves = new Map();
  #host;
  #builder;
  /** The call's batch. */
  #input;
  /** The words of the batch, if its rows' keys were read ahead: the number of a key is then its slot. */
  numbers = NO_NUMBERS;
  /** What was read for those keys: a shelf's rows after those of the shelf before. */
  #ahead = null;

  /** `stores`: the declared stores and their numbers, a map. */
  constructor(stores, host, builder, input) {
    for (const [store, number] of stores) this.#shelves.set(store, new Shelf(store, number));
    this.#host = host;
    this.#builder = builder;
    this.#input = input;
  }

  /** Reads the distinct keys of the batch's rows in every store. */
  readRecordKeys() {
    const batch = this.#input;
    const builder = this.#builder;
    builder.reset();
    const shelves = [...this.#shelves.values()];
    const keys = builder.pushNumberedKeys(batch, shelves[0].number) ?? pushByBytes(batch, builder, shelves[0].number);
    this.numbers = batch.words;
    if (keys === 0) return;
    const keysEnd = builder.end;
    for (const { number } of shelves.slice(1)) builder.repeatState(keys, keysEnd, number);
    this.#ahead = this.#ask();
    shelves.forEach((shelf, n) => shelf.stock(this.#ahead, n * keys, keys));
  }

  /** Reads keys that the operator names: `name` is given a function that takes a store and a key. */
  readNamed(name) {
    const asked = [];
    name((store, key) => {
      const shelf = this.shelf(store);
      if (shelf.find(latin1(key)) === undefined) asked.push([shelf, shelf.add(key.slice())]);
    });
    this.#read(asked);
  }

  /** What a store has. */
  shelf(store) {
    const shelf = this.#shelves.get(store);
    if (shelf === undefined) throw new Fatal(`the operator does not declare the store \`${store?.name}\`: add it to \`stores\``);
    return shelf;
  }

  /** The slot of any key; the host is asked for one that is not there. */
  slotOfKey(shelf, key) {
    let slot = shelf.find(latin1(key));
    if (slot === undefined) {
      slot = shelf.add(key.slice());
      this.#read([[shelf, slot]]);
    }
    return slot;
  }

  /** The slots of the keys of rows; the host is asked once for all that are not there. */
  slotsOfRows(shelf, rows) {
    const numbers = this.numbers;
    const slots = new Array(rows.length);
    for (let n = 0; n < rows.length; n++) slots[n] = numbers[rows[n] * WORDS + 9];
    if (!slots.includes(NONE) && !slots.includes(undefined)) return slots;
    const unnumbered = [...slots.keys()].filter((n) => slots[n] === NONE || slots[n] === undefined);
    const keys = unnumbered.map((n) => this.#input.key(rows[n]));
    if (keys.includes(null)) throw new TypeError("a record has no key: see `requireKeys`");
    const asked = [];
    keys.forEach((key, place) => {
      let slot = shelf.find(latin1(key));
      if (slot === undefined) {
        slot = shelf.add(key.slice());
        asked.push([shelf, slot]);
      }
      slots[unnumbered[place]] = slot;
    });
    this.#read(asked);
    return slots;
  }

  /** Hands what was written to the host, in one call. */
  writeBack() {
    const shelves = [...this.#shelves.values()].filter((shelf) => shelf.isWritten);
    let asFound = 0;
    for (const shelf of shelves) asFound += shelf.encode();
    if (asFound > 0 && asFound === this.#ahead.length && shelves.every((shelf) => shelf.isOnlyAhead)) {
      // All that was read ahead was written, too, in place: what the host answered is what it gets.
      this.#host.putMany({ index: this.#ahead.index, arena: this.#ahead.arena });
    } else {
      const builder = this.#builder;
      builder.reset();
      for (const shelf of shelves) shelf.pushWritten(builder);
      if (builder.at > 0) this.#host.putMany(builder.packed());
    }
  }

  /** The same while the call goes on. */
  writeBackSoFar() {
    this.writeBack();
    for (const shelf of this.#shelves.values()) shelf.settle();
  }

  /** A page of a store: pairs of key and bytes, and whether the range is done. */
  page(store, begin, end) {
    const { rows, done } = this.#host.scan({ store: this.shelf(store).number, begin, end, limit: 0, maxBytes: 0 });
    const batch = new Batch(rows.index, rows.arena);
    return { pairs: Array.from({ length: batch.length }, (_, row) => [batch.key(row), batch.value(row)]), done };
  }

  /** Reads slots that were added. */
  #read(asked) {
    if (asked.length === 0) return;
    const builder = this.#builder;
    builder.reset();
    for (const [shelf, slot] of asked) builder.push(shelf.key(slot), null, undefined, shelf.number, 0);
    const found = this.#ask();
    asked.forEach(([shelf, slot], n) => shelf.place(slot, found.value(n)));
  }

  /** The host's rows for those in the builder. */
  #ask() {
    const { index, arena } = this.#host.getMany(this.#builder.packed());
    const found = new Batch(index, arena);
    if (found.length !== this.#builder.length) throw new Fatal(`the host was asked for ${this.#builder.length} keys and answered ${found.length}`);
    return found;
  }
}

/** The same as `pushNumberedKeys` where the numbers are yet to be given. The batch is this call's own. */
function pushByBytes(batch, builder, store) {
  const known = new Map();
  for (let row = 0; row < batch.length; row++) {
    const key = batch.key(row);
    const at = row * WORDS + 9;
    if (key === null) {
      batch.words[at] = NONE;
      continue;
    }
    const letters = latin1(key);
    let number = known.get(letters);
    if (number === undefined) {
      number = known.size;
      known.set(letters, number);
      builder.push(key, null, undefined, store, 0);
    }
    batch.words[at] = number;
  }
  return known.size;
}
