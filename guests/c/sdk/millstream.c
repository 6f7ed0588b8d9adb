// The canonical ABI of millstream:operator@0.1.0 for C, by hand: exports on top of the functions in millstream.h, imports below them.
//
// Each exported function gets its arguments in memory that `cabi_realloc` gave, and returns the address of its result; the host reads the result and
// calls `cabi_post_…`. All memory of a call comes from one scratch block that is reset there, so nothing is freed piece by piece and a steady state
// allocates nothing. Inside `cabi_realloc` no import may be called.
#include "millstream.h"

#include <stdlib.h>

#define INTERFACE "millstream:operator/operator@0.1.0#"
#define EXPORT(name) __attribute__((export_name(INTERFACE name)))
#define AFTER(name) __attribute__((export_name("cabi_post_" INTERFACE name)))
#define IMPORT(interface, name) __attribute__((import_module("millstream:operator/" interface "@0.1.0"), import_name(name)))

typedef uint32_t word;
_Static_assert(sizeof(void *) == sizeof(word), "this is for wasm32");

// Where the pointer of an empty list points: it must lie in memory like any other.
static uint8_t nothing[1];
static word address(const void *at) { return (word)(uintptr_t)(at ? at : nothing); }
static word *put_text(word *to, ms_text text) {
  to[0] = address(text.at);
  to[1] = (word)text.bytes;
  return to + 2;
}

static void *must(void *memory) {
  if (!memory) __builtin_trap();  // out of memory: the host's limit
  return memory;
}

// ---- Scratch: blocks of the current call, newest first

typedef struct block {
  struct block *older;
  size_t used, room;
  _Alignas(8) uint8_t bytes[];
} block;
static block *scratch;

static block *new_block(size_t room, block *older) {
  block *b = must(malloc(sizeof(block) + room));
  b->older = older, b->used = 0, b->room = room;
  return b;
}

void *ms_alloc(size_t bytes) {
  bytes = (bytes + 7) & ~(size_t)7;
  if (!scratch || scratch->room - scratch->used < bytes) {
    size_t room = scratch ? 2 * scratch->room : 64 << 10;
    scratch = new_block(room < bytes ? bytes : room, scratch);
  }
  void *at = scratch->bytes + scratch->used;
  scratch->used += bytes;
  return at;
}

static void reset(void) {
  if (!scratch) return;
  size_t used = 0;
  bool several = scratch->older != NULL;
  while (several && scratch) {
    block *older = scratch->older;
    used += scratch->used;
    free(scratch);
    scratch = older;
  }
  // One block that would have held it all, so that the next call of this size finds its room at once.
  if (several) scratch = new_block(used, NULL);
  scratch->used = 0;
}

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_bytes, size_t align, size_t bytes) {
  (void)align;  // at most 8 in this world
  void *at = ms_alloc(bytes);
  if (old_bytes) memcpy(at, old, old_bytes < bytes ? old_bytes : bytes);
  return at;
}

// ---- Builders

static uint8_t *room_for(uint8_t *bytes, size_t used, size_t more, size_t *room) {
  if (*room - used >= more) return bytes;
  size_t doubled = *room ? 2 * *room : 4096;
  *room = doubled - used < more ? used + more : doubled;
  return must(realloc(bytes, *room));
}

static void append(ms_builder *b, ms_text text) {
  if (text.bytes) memcpy(b->arena + b->arena_bytes, text.at, text.bytes);
  b->arena_bytes += text.bytes;
}

void ms_push(ms_builder *b, ms_text key, ms_text value, ms_text headers, ms_row fields) {
  b->index = room_for(b->index, b->index_bytes, sizeof fields, &b->index_room);
  b->arena = room_for(b->arena, b->arena_bytes, key.bytes + value.bytes + headers.bytes, &b->arena_room);
  append(b, key);
  fields.key_end = (uint32_t)b->arena_bytes;
  append(b, value);
  fields.value_end = (uint32_t)b->arena_bytes;
  append(b, headers);
  fields.headers_end = (uint32_t)b->arena_bytes;
  fields.flags = (uint16_t)((key.at ? 0 : MS_KEY_IS_NULL) | (value.at ? 0 : MS_VALUE_IS_NULL) | (headers.bytes ? MS_HAS_HEADERS : 0));
  memcpy(b->index + b->index_bytes, &fields, sizeof fields);
  b->index_bytes += sizeof fields;
}

void ms_clear(ms_builder *b) { b->index_bytes = b->arena_bytes = 0; }

static word *put_builder(word *to, const ms_builder *b) {
  to = put_text(to, (ms_text){b->index, b->index_bytes});
  return put_text(to, (ms_text){b->arena, b->arena_bytes});
}

// ---- Effects of the current call

typedef struct { uint32_t row; uint16_t code; word message, message_bytes; } reject;
_Static_assert(sizeof(reject) == 16, "a reject is 16 bytes wide");

static ms_builder outputs, timers, kept;
static reject *rejects;
static size_t rejects_n, rejects_room;
static ms_text failure;
// Numbers that the host gave to the declared ports and stores.
static uint16_t *port_numbers, *store_numbers;

ms_outcome ms_retry(ms_text message) { return failure = message, MS_RETRY; }
ms_outcome ms_fatal(ms_text message) { return failure = message, MS_FATAL; }

void ms_emit(ms_out out) {
  ms_row fields = {.port = port_numbers[out.port],
                   .timestamp = out.has_timestamp ? out.timestamp : MS_INHERIT,
                   .offset = out.row,
                   .partition = out.has_partition ? out.partition : MS_NONE,
                   .key_id = MS_NONE};
  ms_push(&outputs, out.key, out.value, out.headers, fields);
}

void ms_timer(uint32_t row, uint16_t port, int64_t at_ms, ms_text key, ms_text payload) {
  if (!payload.at) payload.at = nothing;
  ms_push(&timers, key, payload, (ms_text){0}, (ms_row){.port = port, .timestamp = at_ms, .offset = row, .partition = MS_NONE, .key_id = MS_NONE});
}

void ms_reject(uint32_t row, uint16_t code, ms_text message) {
  rejects = (reject *)room_for((uint8_t *)rejects, rejects_n * sizeof(reject), sizeof(reject), &rejects_room);
  rejects[rejects_n++] = (reject){row, code, address(message.at), (word)message.bytes};
}

void ms_keep(ms_text key, ms_text value) {
  ms_push(&kept, key, value, (ms_text){0}, (ms_row){.timestamp = MS_INHERIT, .partition = MS_NONE, .key_id = MS_NONE});
}

static void begin(void) {
  ms_clear(&outputs), ms_clear(&timers), ms_clear(&kept);
  rejects_n = 0, failure = (ms_text){0};
}

static word *failed(word *result, ms_outcome outcome) {
  result[0] = 1;
  result[1] = outcome == MS_FATAL;
  put_text(result + 2, failure);
  return result;
}

static word *effects(ms_outcome outcome) {
  static word result[11];
  if (outcome != MS_OK) return failed(result, outcome);
  result[0] = 0;
  word *to = put_builder(put_builder(result + 1, &outputs), &timers);
  put_text(to, (ms_text){(uint8_t *)rejects, rejects_n});
  return result;
}

// ---- Exports

__attribute__((weak)) ms_outcome ms_on_timer(const ms_context *context, const ms_batch *due) {
  (void)context, (void)due;
  return MS_OK;
}

__attribute__((weak)) ms_outcome ms_migrate(ms_text store, uint32_t from_version, const ms_batch *rows) {
  (void)store, (void)from_version, (void)rows;
  return ms_fatal(ms_text_of("this operator does not know older versions of its stores"));
}

EXPORT("describe") word *export_describe(void) {
  static word result[12];
  const ms_description *d = ms_describe();
  word *stores = ms_alloc((3 * d->stores_n + 1) * sizeof(word));
  for (size_t n = 0; n < d->stores_n; n++) put_text(stores + 3 * n, d->stores[n].name)[0] = d->stores[n].version;
  word *to = put_text(put_text(result, d->name), d->version);
  to = put_text(to, (ms_text){(const uint8_t *)d->inputs, d->inputs_n});
  to = put_text(to, (ms_text){(const uint8_t *)d->outputs, d->outputs_n});
  to = put_text(to, (ms_text){(const uint8_t *)stores, d->stores_n});
  put_text(to, d->config_schema);
  return result;
}
AFTER("describe") void after_describe(word *result) { (void)result, reset(); }

static bool place(ms_text name, const ms_text *given, size_t given_n, uint16_t *number) {
  for (size_t n = 0; n < given_n; n++)
    if (ms_equal(name, given[n])) return *number = (uint16_t)n, true;
  return false;
}

static ms_outcome not_given(const char *what, ms_text name) {
  const char *before = "the job gives this operator no ";
  size_t before_n = strlen(before), what_n = strlen(what);
  uint8_t *text = ms_alloc(before_n + what_n + name.bytes + 3);
  memcpy(text, before, before_n);
  memcpy(text + before_n, what, what_n);
  memcpy(text + before_n + what_n, " `", 2);
  memcpy(text + before_n + what_n + 2, name.at, name.bytes);
  text[before_n + what_n + 2 + name.bytes] = '`';
  return ms_fatal((ms_text){text, before_n + what_n + name.bytes + 3});
}

static ms_outcome open_with(const ms_setup *setup) {
  const ms_description *d = ms_describe();
  port_numbers = must(realloc(port_numbers, (d->outputs_n + 1) * sizeof *port_numbers));
  store_numbers = must(realloc(store_numbers, (d->stores_n + 1) * sizeof *store_numbers));
  for (size_t n = 0; n < d->outputs_n; n++)
    if (!place(d->outputs[n], setup->outputs, setup->outputs_n, &port_numbers[n])) return not_given("output port", d->outputs[n]);
  for (size_t n = 0; n < d->stores_n; n++)
    if (!place(d->stores[n].name, setup->stores, setup->stores_n, &store_numbers[n])) return not_given("store", d->stores[n].name);
  return ms_open(setup);
}

EXPORT("open")
word *export_open(const uint8_t *config, size_t config_bytes, const ms_text *inputs, size_t inputs_n, const ms_text *outputs_given, size_t outputs_n,
                  const ms_text *stores, size_t stores_n) {
  static word result[4];
  begin();
  ms_setup setup = {{config, config_bytes}, inputs, inputs_n, outputs_given, outputs_n, stores, stores_n};
  ms_outcome outcome = open_with(&setup);
  result[0] = 0;
  return outcome == MS_OK ? result : failed(result, outcome);
}
AFTER("open") void after_open(word *result) { (void)result, reset(); }

EXPORT("process")
word *export_process(int64_t watermark, int64_t now, uint32_t task, const ms_row *index, size_t index_bytes, const uint8_t *arena, size_t arena_bytes) {
  begin();
  ms_context context = {watermark, now, task};
  ms_batch input = {index, index_bytes, arena, arena_bytes};
  return effects(ms_process(&context, &input));
}
AFTER("process") void after_process(word *result) { (void)result, reset(); }

EXPORT("on-timer")
word *export_on_timer(int64_t watermark, int64_t now, uint32_t task, const ms_row *index, size_t index_bytes, const uint8_t *arena, size_t arena_bytes) {
  begin();
  ms_context context = {watermark, now, task};
  ms_batch due = {index, index_bytes, arena, arena_bytes};
  return effects(ms_on_timer(&context, &due));
}
AFTER("on-timer") void after_on_timer(word *result) { (void)result, reset(); }

EXPORT("migrate")
word *export_migrate(const uint8_t *store, size_t store_bytes, uint32_t from_version, const ms_row *index, size_t index_bytes, const uint8_t *arena,
                     size_t arena_bytes) {
  static word result[5];
  begin();
  ms_batch rows = {index, index_bytes, arena, arena_bytes};
  ms_outcome outcome = ms_migrate((ms_text){store, store_bytes}, from_version, &rows);
  if (outcome != MS_OK) return failed(result, outcome);
  result[0] = 0;
  put_builder(result + 1, &kept);
  return result;
}
AFTER("migrate") void after_migrate(word *result) { (void)result, reset(); }

// ---- Imports

IMPORT("telemetry", "log") void import_log(word level, const uint8_t *at, size_t bytes);
IMPORT("telemetry", "count") void import_count(const uint8_t *name, size_t bytes, uint64_t delta);
IMPORT("state", "get-many") void import_get_many(word index, word index_bytes, word arena, word arena_bytes, ms_batch *found);
IMPORT("state", "put-many") void import_put_many(word index, word index_bytes, word arena, word arena_bytes);
typedef struct { ms_batch rows; uint8_t done; } page;
IMPORT("state", "scan")
void import_scan(word store, word begin, word begin_bytes, word end, word end_bytes, word limit, word bytes_max, page *found);

void ms_log(uint8_t level, ms_text message) { import_log(level, message.at ? message.at : nothing, message.bytes); }
void ms_count(ms_text name, uint64_t delta) { import_count(name.at, name.bytes, delta); }

ms_batch ms_get_many(const ms_builder *keys) {
  ms_batch found;
  import_get_many(address(keys->index), (word)keys->index_bytes, address(keys->arena), (word)keys->arena_bytes, &found);
  return found;
}

void ms_put_many(const ms_builder *rows) {
  import_put_many(address(rows->index), (word)rows->index_bytes, address(rows->arena), (word)rows->arena_bytes);
}

ms_batch ms_scan(uint16_t store, ms_text begin, ms_text end, uint32_t limit, bool *done) {
  page found;
  import_scan(store_numbers[store], address(begin.at), (word)begin.bytes, address(end.at), (word)end.bytes, limit, 0, &found);
  *done = found.done;
  return found.rows;
}

uint16_t ms_store_number(uint16_t store) { return store_numbers[store]; }

// ---- Keyed state

// Whether the host's key numbers can be used as they are: each is one seen before, or the next. In part of a larger batch they may not be.
static bool numbered(const ms_batch *input, uint32_t *distinct) {
  uint32_t next = 0;
  for (uint32_t row = 0; row < ms_rows(input); row++) {
    const ms_row *r = &input->index[row];
    if (r->flags & MS_KEY_IS_NULL || r->key_id > next) return false;
    next += r->key_id == next;
  }
  *distinct = next;
  return true;
}

static uint64_t hash(ms_text key) {
  uint64_t h = 0xcbf29ce484222325u;  // FNV-1a
  for (size_t n = 0; n < key.bytes; n++) h = (h ^ key.at[n]) * 0x100000001b3u;
  return h ^ h >> 32;
}

// Numbers the keys of the rows in order of appearance, through an open hash table of numbers.
static uint32_t number(const ms_batch *input, uint32_t *ids, ms_entry *entries) {
  uint32_t rows = ms_rows(input), distinct = 0;
  size_t cells = 16;
  while (cells < 2 * (size_t)rows) cells *= 2;
  uint32_t *table = ms_alloc(cells * sizeof *table);
  memset(table, 0xFF, cells * sizeof *table);
  for (uint32_t row = 0; row < rows; row++) {
    ms_text key = ms_at(input, row).key;
    ids[row] = MS_NONE;
    if (!key.at) continue;
    size_t cell = hash(key) & (cells - 1);
    while (table[cell] != MS_NONE && !ms_equal(entries[table[cell]].key, key)) cell = (cell + 1) & (cells - 1);
    if (table[cell] == MS_NONE) {
      table[cell] = distinct;
      entries[distinct++] = (ms_entry){.key = key};
    }
    ids[row] = table[cell];
  }
  return distinct;
}

ms_keyed ms_load(uint16_t store, const ms_batch *input) {
  static ms_builder wanted;
  uint32_t rows = ms_rows(input), distinct = 0;
  uint32_t *ids = ms_alloc(rows * sizeof *ids);
  ms_entry *entries = ms_alloc(rows * sizeof *entries);
  if (numbered(input, &distinct)) {
    for (uint32_t row = 0, next = 0; row < rows; row++) {
      ids[row] = input->index[row].key_id;
      if (ids[row] == next) entries[next++] = (ms_entry){.key = ms_at(input, row).key};
    }
  } else {
    distinct = number(input, ids, entries);
  }
  ms_keyed keyed = {store, entries, distinct, ids};
  if (!distinct) return keyed;
  ms_clear(&wanted);
  ms_row fields = {.port = store_numbers[store], .timestamp = MS_INHERIT, .partition = MS_NONE, .key_id = MS_NONE};
  for (uint32_t n = 0; n < distinct; n++) ms_push(&wanted, entries[n].key, (ms_text){0}, (ms_text){0}, fields);
  ms_batch found = ms_get_many(&wanted);
  for (uint32_t n = 0; n < distinct; n++) {
    entries[n].value = ms_at(&found, n).value;
    // What the host handed over is this call's own, so a value of the same length goes where the old one was.
    entries[n].capacity = entries[n].value.bytes;
  }
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
    entry->value.at = ms_alloc(entry->capacity + 1);
  }
  memmove((uint8_t *)entry->value.at, value.at, value.bytes);
  entry->value.bytes = value.bytes;
}

void ms_save(ms_keyed *keyed) {
  static ms_builder writes;
  ms_clear(&writes);
  ms_row fields = {.port = store_numbers[keyed->store], .timestamp = MS_INHERIT, .partition = MS_NONE, .key_id = MS_NONE};
  for (uint32_t n = 0; n < keyed->entries_n; n++) {
    ms_entry *entry = &keyed->entries[n];
    if (entry->written) ms_push(&writes, entry->key, entry->value, (ms_text){0}, fields);
    entry->written = false;
  }
  if (writes.index_bytes) ms_put_many(&writes);
}

// ---- Small things

bool ms_no_config(const ms_setup *setup) {
  // Nothing, or `{}` with any white space.
  size_t seen = 0;
  for (size_t n = 0; n < setup->config.bytes; n++) {
    uint8_t c = setup->config.at[n];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
    if (seen > 1 || c != "{}"[seen]) return false;
    seen++;
  }
  return seen != 1;
}

ms_text ms_digits(uint64_t number, uint8_t room[20]) {
  uint8_t *digit = room + 20;
  do *--digit = (uint8_t)('0' + number % 10);
  while (number /= 10);
  return (ms_text){digit, (size_t)(room + 20 - digit)};
}
