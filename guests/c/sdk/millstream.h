// Write Millstream operators in C: this header, and millstream.c beside it, which `millstream build` compiles along.
//
// An operator defines ms_describe, ms_open and ms_process; ms_on_timer and ms_migrate if it needs them. It performs nothing itself: what it emits,
// rejects, sets or writes takes effect when the host commits, together with the input's position.
//
//     #include "millstream.h"
//
//     static const ms_text OUTPUTS[] = {MS_TEXT("out")}, INPUTS[] = {MS_TEXT("in")};
//     const ms_description *ms_describe(void) {
//       static const ms_description d = {
//           .name = MS_TEXT("copy"), .version = MS_TEXT("0.1.0"), .inputs = INPUTS, .inputs_n = 1, .outputs = OUTPUTS, .outputs_n = 1};
//       return &d;
//     }
//     ms_outcome ms_open(const ms_setup *setup) { return MS_OK; }
//     ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
//       for (uint32_t row = 0; row < ms_rows(input); row++) {
//         ms_record record = ms_at(input, row);
//         ms_emit((ms_out){.row = row, .key = record.key, .value = record.value});
//       }
//       return MS_OK;
//     }
//
// Memory: all that the host hands over, all that ms_alloc gives, and all texts given to the SDK's functions must live until the call returns; then the
// SDK takes it back at once. Only static variables and malloc last longer, and they are lost when the host replaces the instance, which it may do
// between any two calls: what must last goes into a store. There are no files, no network and no clock; stdout and stderr go to the log.
#ifndef MILLSTREAM_H
#define MILLSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Bytes of somebody else. NULL in `at` is null; an empty text has a pointer and no bytes.
typedef struct {
  const uint8_t *at;
  size_t bytes;
} ms_text;
#define MS_TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

static inline ms_text ms_text_of(const char *text) { return (ms_text){(const uint8_t *)text, strlen(text)}; }
static inline bool ms_equal(ms_text a, ms_text b) {
  return a.bytes == b.bytes && (a.at == NULL) == (b.at == NULL) && (a.bytes == 0 || memcmp(a.at, b.at, a.bytes) == 0);
}

// One row of a batch's index as the WIT lays it out (40 bytes, little-endian, as this machine is).
typedef struct {
  uint32_t key_end, value_end, headers_end;
  uint16_t port, flags;
  int64_t timestamp, offset;
  uint32_t partition, key_id;
} ms_row;
_Static_assert(sizeof(ms_row) == 40, "a row is 40 bytes wide");

enum { MS_KEY_IS_NULL = 1, MS_VALUE_IS_NULL = 2, MS_HAS_HEADERS = 4 };
#define MS_NONE UINT32_MAX      // partition: by key; key_id: not computed
#define MS_INHERIT INT64_MIN    // timestamp: that of the input row; in an input row: there is none

// Many records, packed.
typedef struct {
  const ms_row *index;
  size_t index_bytes;
  const uint8_t *arena;
  size_t arena_bytes;
} ms_batch;

// One record, read in place.
typedef struct {
  ms_text key, value, headers;  // headers packed, see the WIT
  uint16_t port;
  int64_t timestamp, offset;
  uint32_t partition, key_id;
} ms_record;

static inline uint32_t ms_rows(const ms_batch *batch) { return (uint32_t)(batch->index_bytes / sizeof(ms_row)); }

// The record at `row`, which must exist.
static inline ms_record ms_at(const ms_batch *batch, uint32_t row) {
  const ms_row *r = &batch->index[row];
  uint32_t begin = row ? r[-1].headers_end : 0;
  ms_record record = {.port = r->port, .timestamp = r->timestamp, .offset = r->offset, .partition = r->partition, .key_id = r->key_id};
  if (!(r->flags & MS_KEY_IS_NULL)) record.key = (ms_text){batch->arena + begin, r->key_end - begin};
  if (!(r->flags & MS_VALUE_IS_NULL)) record.value = (ms_text){batch->arena + r->key_end, r->value_end - r->key_end};
  if (r->flags & MS_HAS_HEADERS) record.headers = (ms_text){batch->arena + r->value_end, r->headers_end - r->value_end};
  return record;
}

// What an operator says of itself. Texts and lists must be static.
typedef struct {
  ms_text name;
  uint32_t version;  // of the values' format, from 1
} ms_store_description;
typedef struct {
  ms_text name, version;
  const ms_text *inputs;  // none: takes any number of inputs
  size_t inputs_n;
  const ms_text *outputs;  // the first is the default
  size_t outputs_n;
  const ms_store_description *stores;
  size_t stores_n;
  ms_text config_schema;  // JSON Schema of the config, or empty
} ms_description;

// What the host tells an instance first. That the declared outputs and stores are there has been checked.
typedef struct {
  ms_text config;  // JSON; empty: none
  const ms_text *inputs;
  size_t inputs_n;
  const ms_text *outputs;
  size_t outputs_n;
  const ms_text *stores;
  size_t stores_n;
} ms_setup;

// Of one call, the same for all its rows. Times in ms since 1970 UTC.
typedef struct {
  int64_t watermark;  // no earlier record is expected; INT64_MIN: not known yet, INT64_MAX: the input has ended
  int64_t now;
  uint32_t task;
} ms_context;

// How a call ends: MS_OK, or what ms_retry or ms_fatal give. Of a call that failed nothing is kept.
typedef enum { MS_OK = 0, MS_RETRY = 1, MS_FATAL = 2 } ms_outcome;
ms_outcome ms_retry(ms_text message);  // the same batch again later
ms_outcome ms_fatal(ms_text message);  // stop the job and show this

// ---- What the operator defines

const ms_description *ms_describe(void);
ms_outcome ms_open(const ms_setup *setup);
ms_outcome ms_process(const ms_context *context, const ms_batch *input);
// Due timers: key, value = payload, timestamp = due time, port 0 event time, 1 processing time. Default: nothing.
ms_outcome ms_on_timer(const ms_context *context, const ms_batch *due);
// Rows of a store whose values are of an older version; ms_keep those to keep. Default: fatal.
ms_outcome ms_migrate(ms_text store, uint32_t from_version, const ms_batch *rows);

// ---- What it asks for

// A record to emit. All but `row` may be left out: then key and value are null, port is the first, the timestamp is the input row's, the partition the key's.
typedef struct {
  uint32_t row;  // number of the input row it was made from
  uint16_t port; // place in the description's outputs
  ms_text key, value, headers;
  bool has_timestamp, has_partition;
  int64_t timestamp;
  uint32_t partition;
} ms_out;
void ms_emit(ms_out out);

// Refuses a row. Codes from 65,000 are the SDKs'.
void ms_reject(uint32_t row, uint16_t code, ms_text message);
enum { MS_NO_KEY = 65000 };
#define MS_NO_KEY_TEXT ms_text_of("the record has no key")

// A timer is its port, time, key and payload: setting it twice sets one. `port` = MS_EVENT or MS_PROCESSING, + MS_DELETE to delete it.
enum { MS_EVENT = 0, MS_PROCESSING = 1, MS_DELETE = 2 };
void ms_timer(uint32_t row, uint16_t port, int64_t at_ms, ms_text key, ms_text payload);

void ms_keep(ms_text key, ms_text value);

enum { MS_ERROR = 0, MS_WARN = 1, MS_INFO = 2, MS_DEBUG = 3 };
void ms_log(uint8_t level, ms_text message);
void ms_count(ms_text name, uint64_t delta);

// Memory until the call returns.
void *ms_alloc(size_t bytes);

// Whether no config was given, or an empty one: for operators that take none.
bool ms_no_config(const ms_setup *setup);

// ---- Keyed state, read once per batch and written back once

// One key's value. After ms_set the next record with that key finds the new one.
typedef struct {
  ms_text key, value;  // value null: there is none
  size_t capacity;
  bool written;
} ms_entry;

// A store's entries for the keys of one batch.
typedef struct {
  uint16_t store;
  ms_entry *entries;
  uint32_t entries_n;
  const uint32_t *ids;  // entry number by row; MS_NONE: the record has no key
} ms_keyed;

ms_keyed ms_load(uint16_t store, const ms_batch *input);  // `store`: place in the description's stores
void ms_save(ms_keyed *keyed);                            // writes what was set; once, before returning MS_OK
void ms_set(ms_entry *entry, ms_text value);              // null deletes; the bytes are copied

// The entry of a row's key; NULL: the record has none.
static inline ms_entry *ms_entry_at(const ms_keyed *keyed, uint32_t row) {
  uint32_t id = keyed->ids[row];
  return id == MS_NONE ? NULL : &keyed->entries[id];
}

// Numbers are kept as eight bytes, little-endian, as the SDKs of other languages do. `false`: the value has another length.
static inline bool ms_u64(const ms_entry *entry, uint64_t absent, uint64_t *number) {
  *number = absent;
  if (!entry->value.at) return true;
  if (entry->value.bytes != 8) return false;
  memcpy(number, entry->value.at, 8);
  return true;
}
static inline void ms_set_u64(ms_entry *entry, uint64_t number) { ms_set(entry, (ms_text){(const uint8_t *)&number, 8}); }

// A number as text, in `room` for 20 digits.
ms_text ms_digits(uint64_t number, uint8_t room[20]);

// ---- State without help

// A batch to be sent. Zeroed is empty.
typedef struct {
  uint8_t *index, *arena;
  size_t index_bytes, index_room, arena_bytes, arena_room;
} ms_builder;
void ms_push(ms_builder *builder, ms_text key, ms_text value, ms_text headers, ms_row fields);  // of `fields`, ends and flags are set here
void ms_clear(ms_builder *builder);                                                           // empty, keeps its memory

uint16_t ms_store_number(uint16_t store);  // the number of a declared store in rows, from its place in the description
ms_batch ms_get_many(const ms_builder *keys);
void ms_put_many(const ms_builder *rows);
// Reads keys from `begin` to before `end` (empty: the store's end); `done`: the range is done, else go on after the last key.
ms_batch ms_scan(uint16_t store, ms_text begin, ms_text end, uint32_t limit, bool *done);

#endif
