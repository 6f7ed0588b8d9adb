// What one store has in one batch, by slot: columns, since to make an object per slot takes longer than all that is done with it.

import { VALUE_IS_NULL, WORDS } from "./batch.js";
import { Fatal } from "./errors.js";
import { IN_PLACE } from "./numbers.js";
import { decodeLossy, latin1 } from "./text.js";

/** In `written`: encoded when it is written back, however often it changes until then. */
const BY_VALUE = Symbol("by value");
/** In `written`: encoded where the old value was. */
const AS_FOUND = Symbol("as found");

export class Shelf {
  constructor(store, number) {
    this.store = store;
    this.isImmutable = store.codec.immutable === true;
    /** How values are read and written where they stand; undefined: they are not. */
    this.inPlace = store.codec[IN_PLACE];
    this.number = number;
    /** Whether anything was written. */
    this.isWritten = false;
    /** What slots' bytes stand for, where that can be handed out again; undefined until somebody asks. */
    this.values = [];
    /** Bytes to write, null to delete, or how else they are told; undefined: nothing was written. */
    this.written = [];
    /** The slots that were read ahead are rows of a batch, from `base` on. */
    this.found = null;
    this.view = null;
    this.base = 0;
    this.ahead = 0;
    /** Keys and bytes of the slots after those. */
    this.later = [];
    /** By slot what the host was given since it was read, as a rule nothing: bytes, null where it was deleted. */
    this.settled = new Map();
    this.hasSettled = false;
    this.byKey = new Map();
    /** How many slots are in the map. */
    this.mapped = 0;
  }

  /** Fills an empty shelf with rows that were read ahead. */
  stock(found, base, count) {
    this.found = found;
    this.view = new DataView(found.buffer);
    this.base = base;
    this.ahead = count;
    this.values = new Array(count).fill(undefined);
    this.written = this.values.slice();
  }

  get isOnlyAhead() {
    return this.later.length === 0;
  }

  /** The slot of a key; undefined: none yet. */
  find(letters) {
    for (; this.mapped < this.values.length; this.mapped++) this.byKey.set(latin1(this.key(this.mapped)), this.mapped);
    return this.byKey.get(letters);
  }

  /** A new slot, which is to be read. */
  add(key) {
    this.later.push({ key, stored: null });
    this.written.push(undefined);
    return this.values.push(undefined) - 1;
  }

  place(slot, stored) {
    this.later[slot - this.ahead].stored = stored;
  }

  key(slot) {
    return slot < this.ahead ? this.found.key(this.base + slot) : this.later[slot - this.ahead].key;
  }

  /** The decoded value; undefined where there is none. Bytes that the codec cannot read stop the job. */
  get(slot) {
    const known = this.values[slot];
    if (known !== undefined) return known;
    const written = this.written[slot];
    let value;
    if (written === null) return undefined;
    if (written !== undefined) {
      value = decoded(this.store, this.key(slot), written);
    } else if (slot < this.ahead && !this.hasSettled) {
      const found = this.found;
      const words = found.words;
      const at = (this.base + slot) * WORDS;
      const begin = words[at];
      if (words[at + 3] & VALUE_IS_NULL) return undefined;
      const inPlace = this.inPlace;
      if (inPlace !== undefined && words[at + 1] - begin === inPlace.width) value = inPlace.read(this.view, begin);
      value ??= decoded(this.store, this.key(slot), found.value(this.base + slot));
    } else {
      const stored = this.#stored(slot);
      if (stored === null) return undefined;
      value = decoded(this.store, this.key(slot), stored);
    }
    // What can be changed from outside is decoded anew each time, so that only `put` changes what the next record sees.
    if (this.isImmutable) this.values[slot] = value;
    return value;
  }

  #stored(slot) {
    if (this.settled.has(slot)) return this.settled.get(slot);
    return slot < this.ahead ? this.found.value(this.base + slot) : this.later[slot - this.ahead].stored;
  }

  /** Sets a slot; null and undefined delete. */
  put(slot, value) {
    this.isWritten = true;
    if (value === null || value === undefined) {
      this.values[slot] = undefined;
      this.written[slot] = null;
    } else if (this.isImmutable) {
      this.values[slot] = value;
      this.written[slot] = BY_VALUE;
    } else {
      this.written[slot] = this.store.codec.encode(value);
    }
  }

  /** Changes slots one after the other, and answers what each was changed to. */
  accumulate(slots, change, initial) {
    const { values, written, isImmutable } = this;
    this.isWritten ||= slots.length > 0;
    return slots.map((slot, n) => {
      const total = change(values[slot] ?? this.get(slot) ?? initial, n);
      if (isImmutable && total !== null && total !== undefined) {
        values[slot] = total;
        written[slot] = BY_VALUE;
      } else {
        this.put(slot, total);
      }
      return total;
    });
  }

  /** Encodes what is left to encode, and numbers where they were read from. Answers how many those are. */
  encode() {
    const { values, written, base, inPlace, view } = this;
    const words = this.found?.words;
    const ahead = inPlace === undefined ? 0 : this.ahead;
    let asFound = 0;
    for (let slot = 0; slot < written.length; slot++) {
      if (written[slot] !== BY_VALUE) continue;
      if (slot < ahead) {
        const at = (base + slot) * WORDS;
        const begin = words[at];
        if (words[at + 1] - begin === inPlace.width) {
          inPlace.write(view, begin, values[slot]);
          written[slot] = AS_FOUND;
          asFound++;
          continue;
        }
      }
      written[slot] = this.store.codec.encode(values[slot]);
    }
    return asFound;
  }

  /** Adds what was written, and encoded, to a builder's batch. */
  pushWritten(builder) {
    const written = this.written;
    for (let slot = 0; slot < written.length; slot++) {
      const bytes = written[slot];
      if (bytes === undefined) continue;
      if (bytes === AS_FOUND) builder.pushRow(this.found, this.base + slot, this.number, 0);
      else builder.push(this.key(slot), bytes, undefined, this.number, 0);
    }
  }

  /** What was written is what is stored: the call goes on. */
  settle() {
    this.isWritten = false;
    this.hasSettled = true;
    const written = this.written;
    for (let slot = 0; slot < written.length; slot++) {
      if (written[slot] === undefined) continue;
      if (written[slot] === AS_FOUND) this.settled.delete(slot);
      else this.settled.set(slot, written[slot]);
      written[slot] = undefined;
    }
  }
}

/** What bytes of a store stand for. */
export function decoded(store, key, stored) {
  try {
    return store.codec.decode(stored);
  } catch (e) {
    throw new Fatal(`store \`${store.name}\`, key \`${decodeLossy(key)}\`: ${e.message}`);
  }
}
