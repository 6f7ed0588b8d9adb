// Keyed state: the entries of a batch's keys, read in one call of the host and written back in one.
#include "internal.h"

static uint64_t hash(ms_text key) {
  uint64_t h = 0xcbf29ce484222325u;  // FNV-1a
  for (size_t n = 0; n < key.bytes; n++) h = (h ^ key.at[n]) * 0x100000001b3u;
  return h ^ h >> 32;
}

// Where a key's entry is in the table, or would be.
static ms_entry **cell_of(const ms_keyed *keyed, ms_text key) {
  size_t cell = hash(key) & (keyed->cells - 1);
  while (keyed->table[cell] && !ms_equal(keyed->table[cell]->key, key)) cell = (cell + 1) & (keyed->cells - 1);
  return &keyed->table[cell];
}

// An open hash table, at most half full.
static void make_table(ms_keyed *keyed, size_t entries) {
  keyed->cells = 16;
  while (keyed->cells < 2 * entries) keyed->cells *= 2;
  keyed->table = ms_alloc(keyed->cells * sizeof *keyed->table);
  memset(keyed->table, 0, keyed->cells * sizeof *keyed->table);
  for (ms_entry *entry = keyed->first; entry; entry = entry->next) *cell_of(keyed, entry->key) = entry;
}

static ms_entry *add(ms_keyed *keyed, ms_text key) {
  ms_entry *entry = ms_alloc(sizeof *entry);
  *entry = (ms_entry){.key = key};
  if (keyed->last) keyed->last->next = entry;
  else keyed->first = entry;
  keyed->last = entry;
  keyed->entries_n++;
  return entry;
}

ms_entry *ms_want(ms_keyed *keyed, ms_text key) {
  if (!keyed->table) make_table(keyed, keyed->entries_n + 64);
  ms_entry **cell = cell_of(keyed, key);
  if (*cell) return *cell;
  if (2 * ((size_t)keyed->entries_n + 1) > keyed->cells) {
    make_table(keyed, 2 * (size_t)keyed->entries_n);
    cell = cell_of(keyed, key);
  }
  return *cell = add(keyed, key);
}

// The first entry that has not been read yet, or NULL.
static ms_entry *unread(const ms_keyed *keyed) { return keyed->read_last ? keyed->read_last->next : keyed->first; }

void ms_fetch(ms_keyed *keyed, size_t keyed_n) {
  static ms_builder wanted;
  ms_clear(&wanted);
  ms_row fields = {.timestamp = MS_INHERIT, .partition = MS_NONE, .key_id = MS_NONE};
  for (size_t n = 0; n < keyed_n; n++) {
    fields.port = unread(&keyed[n]) ? ms_store_number(keyed[n].store) : 0;
    for (ms_entry *entry = unread(&keyed[n]); entry; entry = entry->next) ms_push(&wanted, entry->key, MS_NULL, MS_NULL, fields);
  }
  if (!wanted.index_bytes) return;
  ms_batch found = ms_get_many(&wanted);
  uint32_t row = 0;
  for (size_t n = 0; n < keyed_n; n++) {
    for (ms_entry *entry = unread(&keyed[n]); entry; entry = entry->next) {
      // What the host handed over is this call's own, so a value of the same length goes where the old one was.
      entry->value = ms_at(&found, row++).value;
      entry->capacity = entry->value.bytes;
    }
    keyed[n].read_last = keyed[n].last;
  }
}

ms_entry *ms_entry_of(ms_keyed *keyed, ms_text key) {
  uint32_t before = keyed->entries_n;
  ms_entry *entry = ms_want(keyed, key);
  if (keyed->entries_n > before) {
    // It is to live as long as the entry.
    uint8_t *copy = ms_alloc(key.bytes + 1);
    if (key.bytes) memcpy(copy, key.at, key.bytes);
    entry->key.at = copy;
  }
  if (unread(keyed)) ms_fetch(keyed, 1);
  return entry;
}

// Whether the host's key numbers can be used as they are: each is one seen before, or the next. In part of a larger batch they may not be.
static bool numbered(const ms_batch *input) {
  uint32_t next = 0;
  for (uint32_t row = 0; row < ms_rows(input); row++) {
    const ms_row *r = &input->index[row];
    if (r->flags & MS_KEY_IS_NULL || r->key_id > next) return false;
    next += r->key_id == next;
  }
  return true;
}

static ms_keyed empty(uint16_t store, uint32_t rows) {
  ms_keyed keyed = {.store = store, .rows_n = rows};
  keyed.rows = ms_alloc(rows * sizeof *keyed.rows);
  return keyed;
}

// Entries for the keys of all rows, not read yet.
static ms_keyed keys_of(uint16_t store, const ms_batch *input) {
  ms_keyed keyed = empty(store, ms_rows(input));
  if (numbered(input)) {
    ms_entry **by_number = ms_alloc(keyed.rows_n * sizeof *by_number);
    for (uint32_t row = 0; row < keyed.rows_n; row++) {
      uint32_t number = input->index[row].key_id;
      if (number == keyed.entries_n) by_number[number] = add(&keyed, ms_at(input, row).key);
      keyed.rows[row] = by_number[number];
    }
    return keyed;
  }
  make_table(&keyed, keyed.rows_n);
  for (uint32_t row = 0; row < keyed.rows_n; row++) {
    ms_text key = ms_at(input, row).key;
    keyed.rows[row] = key.at ? ms_want(&keyed, key) : NULL;
  }
  return keyed;
}

ms_keyed ms_load(uint16_t store, const ms_batch *input) {
  ms_keyed keyed = keys_of(store, input);
  ms_fetch(&keyed, 1);
  return keyed;
}

void ms_load_all(ms_keyed *keyed, uint16_t stores_n, const ms_batch *input) {
  for (uint16_t store = 0; store < stores_n; store++) keyed[store] = keys_of(store, input);
  ms_fetch(keyed, stores_n);
}

ms_keyed ms_load_keys(uint16_t store, const ms_text *keys, uint32_t rows) {
  ms_keyed keyed = empty(store, rows);
  make_table(&keyed, rows);
  for (uint32_t row = 0; row < rows; row++) keyed.rows[row] = keys[row].at ? ms_want(&keyed, keys[row]) : NULL;
  ms_fetch(&keyed, 1);
  return keyed;
}

void ms_set(ms_entry *entry, ms_text value) {
  entry->written = true;
  if (!value.at) {
    entry->value = value;
    entry->capacity = 0;
    return;
  }
  if (!entry->value.at || value.bytes > entry->capacity) {
    entry->capacity = value.bytes > 2 * entry->capacity ? value.bytes : 2 * entry->capacity;
    // What is to be copied may lie in the old room, which stays.
    entry->value.at = ms_alloc(entry->capacity + 1);
  }
  if (value.bytes) memmove((uint8_t *)entry->value.at, value.at, value.bytes);
  entry->value.bytes = value.bytes;
}

void ms_save_all(ms_keyed *keyed, uint16_t stores_n) {
  static ms_builder writes;
  ms_clear(&writes);
  ms_row fields = {.timestamp = MS_INHERIT, .partition = MS_NONE, .key_id = MS_NONE};
  for (uint16_t n = 0; n < stores_n; n++) {
    fields.port = keyed[n].first ? ms_store_number(keyed[n].store) : 0;
    for (ms_entry *entry = keyed[n].first; entry; entry = entry->next) {
      if (entry->written) ms_push(&writes, entry->key, entry->value, MS_NULL, fields);
      entry->written = false;
    }
  }
  if (writes.index_bytes) ms_put_many(&writes);
}

void ms_save(ms_keyed *keyed) { ms_save_all(keyed, 1); }

ms_outcome ms_unreadable(const ms_keyed *keyed, const ms_entry *entry, const char *what) {
  ms_text key = ms_is_text(entry->key) ? ms_json_quoted(entry->key) : (ms_text)MS_TEXT("\"(not text)\"");
  ms_text parts[] = {MS_TEXT("store `"), ms_describe()->stores[keyed->store].name, MS_TEXT("`, key `"), ms_bytes(key.at + 1, key.bytes - 2), MS_TEXT("`: "),
                     ms_text_of(what)};
  return ms_fatal(ms_join(parts, sizeof parts / sizeof *parts));
}
