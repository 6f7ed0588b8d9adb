// The state of one batch: read with one call, written back with one call, and in between a list of slots per store.
//
// A record finds its slot by the number of its key where the host gave the numbers. The map by bytes is filled only when a key is looked up by its bytes.

import { Batch, KEY_IS_NULL, NONE, VALUE_IS_NULL, WORDS } from "./batch.js";
import { Fatal } from "./errors.js";
import { decodeLossy, latin1 } from "./text.js";

/** One key of one store. `stored` are its bytes, null where there are none; `value` is what they stand for, undefined until somebody asks. */
class Slot {
  constructor(key) {
    this.key = key;
    this.stored = null;
    this.value = undefined;
    this.isDirty = false;
  }
}

/** What one declared store has in this batch. */
class Shelf {
  constructor(number) {
    this.number = number;
    this.slots = [];
    this.byKey = new Map();
    /** How many slots are in the map. */
    this.mapped = 0;
  }

  /** The slot of a key; undefined: none yet. */
  find(letters) {
    for (; this.mapped < this.slots.length; this.mapped++) {
      const slot = this.slots[this.mapped];
      this.byKey.set(latin1(slot.key), slot);
    }
    return this.byKey.get(letters);
  }

  add(key) {
    const slot = new Slot(key);
    this.slots.push(slot);
    return slot;
  }
}

/** The slots of one call. `host` has getMany, putMany and scan; `keys` is a builder that it may use. */
export class Cache {
  #shelves;
  #host;
  #builder;
  /** By row: the number of its key; null: slots cannot be found by number. */
  #keyNumbers = null;

  /** `stores`: the declared stores and their numbers, a map. */
  constructor(stores, host, builder) {
    this.#shelves = new Map();
    for (const [store, number] of stores) this.#shelves.set(store, new Shelf(number));
    this.#host = host;
    this.#builder = builder;
  }

  /** Reads the distinct keys of a batch's rows in every store. */
  readRecordKeys(batch) {
    const keys = [];
    this.#keyNumbers = numbersByHost(batch, keys) ?? numbersByBytes(batch, keys);
    if (keys.length === 0) return;
    const asked = [];
    for (const shelf of this.#shelves.values()) {
      for (const key of keys) asked.push([shelf, shelf.add(key)]);
    }
    this.#read(asked);
  }

  /** Reads keys that the operator names: `name` is given a function that takes a store and a key. */
  readNamed(name) {
    const asked = [];
    name((store, key) => {
      const shelf = this.#shelf(store);
      if (shelf.find(latin1(key)) === undefined) asked.push([shelf, shelf.add(key.slice())]);
    });
    this.#read(asked);
  }

  /** The slot of a row's key. */
  ofRow(store, row, key) {
    const shelf = this.#shelves.get(store);
    return shelf !== undefined && this.#keyNumbers !== null ? shelf.slots[this.#keyNumbers[row]] : this.ofKey(store, key);
  }

  /** The slot of any key; the host is asked for one that is not there. */
  ofKey(store, key) {
    const shelf = this.#shelf(store);
    let slot = shelf.find(latin1(key));
    if (slot === undefined) {
      slot = shelf.add(key.slice());
      this.#read([[shelf, slot]]);
    }
    return slot;
  }

  /** Hands what was written to the host, in one call. */
  writeBack() {
    const builder = this.#builder;
    builder.reset();
    for (const [store, shelf] of this.#shelves) {
      for (const slot of shelf.slots) {
        if (!slot.isDirty) continue;
        slot.isDirty = false;
        if (slot.stored === undefined) slot.stored = store.codec.encode(slot.value);
        builder.pushState(shelf.number, slot.key, slot.stored);
      }
    }
    if (builder.length > 0) this.#host.putMany(builder.packed());
  }

  /** A page of a store: pairs of key and bytes, and whether the range is done. */
  page(store, begin, end) {
    const { rows, done } = this.#host.scan({ store: this.#shelf(store).number, begin, end, limit: 0, maxBytes: 0 });
    const batch = new Batch(rows.index, rows.arena);
    return { pairs: Array.from({ length: batch.length }, (_, row) => [batch.key(row), batch.value(row)]), done };
  }

  #shelf(store) {
    const shelf = this.#shelves.get(store);
    if (shelf === undefined) throw new Fatal(`the operator does not declare the store \`${store?.name}\`: add it to \`stores\``);
    return shelf;
  }

  #read(asked) {
    if (asked.length === 0) return;
    const builder = this.#builder;
    builder.reset();
    for (const [shelf, slot] of asked) builder.pushState(shelf.number, slot.key, null);
    const { index, arena } = this.#host.getMany(builder.packed());
    const found = new Batch(index, arena);
    if (found.length !== asked.length) throw new Fatal(`the host was asked for ${asked.length} keys and answered ${found.length}`);
    const words = found.words;
    for (let n = 0, at = 0; n < asked.length; n++, at += WORDS) {
      if (!(words[at + 3] & VALUE_IS_NULL)) asked[n][1].stored = arena.subarray(words[at], words[at + 1]);
    }
  }
}

/** The decoded value of a slot; undefined where there is none. Bytes that the codec cannot read stop the job. */
export function valueOf(store, slot) {
  if (slot.value !== undefined) return slot.value;
  if (slot.stored === null) return undefined;
  const value = decoded(store, slot.key, slot.stored);
  // What can be changed from outside is decoded anew each time, so that only `put` changes what the next record sees.
  if (store.codec.immutable) slot.value = value;
  return value;
}

/** What bytes of a store stand for. */
export function decoded(store, key, stored) {
  try {
    return store.codec.decode(stored);
  } catch (e) {
    throw new Fatal(`store \`${store.name}\`, key \`${decodeLossy(key)}\`: ${e.message}`);
  }
}

/** Sets a slot; null and undefined delete. */
export function setSlot(store, slot, value) {
  slot.isDirty = true;
  if (value === null || value === undefined) {
    slot.stored = null;
    slot.value = undefined;
  } else if (store.codec.immutable) {
    // Encoded when it is written back, however often it changes until then.
    slot.stored = undefined;
    slot.value = value;
  } else {
    slot.stored = store.codec.encode(value);
    slot.value = undefined;
  }
}

/** By row, the number that the host gave its key; undefined where it left keys without numbers. */
function numbersByHost({ words, arena, length }, keys) {
  const numbers = new Uint32Array(length);
  for (let row = 0, at = 0, begin = 0; row < length; row++, at += WORDS) {
    if (!(words[at + 3] & KEY_IS_NULL)) {
      const number = words[at + 9];
      if (number === keys.length) keys.push(arena.subarray(begin, words[at]));
      else if (number > keys.length) {
        keys.length = 0;
        return undefined;
      }
      numbers[row] = number;
    }
    begin = words[at + 2];
  }
  return numbers;
}

function numbersByBytes(batch, keys) {
  const numbers = new Uint32Array(batch.length).fill(NONE);
  const known = new Map();
  for (let row = 0; row < batch.length; row++) {
    const key = batch.key(row);
    if (key === null) continue;
    const letters = latin1(key);
    let number = known.get(letters);
    if (number === undefined) {
      number = keys.length;
      known.set(letters, number);
      keys.push(key);
    }
    numbers[row] = number;
  }
  return numbers;
}
