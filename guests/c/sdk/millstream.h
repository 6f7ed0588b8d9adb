// Write Millstream operators in C: this header, and the sources beside it, which `millstream build` compiles along.
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
//         ms_emit(ms_copy(&record));
//       }
//       return MS_OK;
//     }
//
// Memory: all that the host hands over, all that ms_alloc gives, and all texts given to the SDK's functions must live until the call returns; then the
// SDK takes it back at once. Only static variables and malloc last longer, and they are lost when the host replaces the instance, which it may do
// between any two calls: what must last goes into a store. There are no files, no network and no clock; stdout and stderr go to the log.
//
// Tests run on the machine itself: testing/millstream_testing.h.
#ifndef MILLSTREAM_H
#define MILLSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

// Bytes of somebody else. NULL in `at` is null; an empty text has a pointer and no bytes.
typedef struct {
  const uint8_t *at;
  size_t bytes;
} ms_text;
#define MS_TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

static inline ms_text ms_bytes(const void *at, size_t bytes) {
  ms_text text = {(const uint8_t *)at, bytes};
  return text;
}
static inline ms_text ms_text_of(const char *text) { return ms_bytes(text, strlen(text)); }
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

static const ms_text MS_NULL = {NULL, 0};

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
  ms_text key, value, headers;  // headers: see ms_headers_of
  uint32_t row;                 // its number in the batch
  uint16_t port;                // place in the inputs
  int64_t timestamp, offset;    // MS_INHERIT: it has no timestamp
  uint32_t partition, key_id;
} ms_record;

static inline uint32_t ms_rows(const ms_batch *batch) { return (uint32_t)(batch->index_bytes / sizeof(ms_row)); }

// The record at `row`, which must exist.
static inline ms_record ms_at(const ms_batch *batch, uint32_t row) {
  const ms_row *r = &batch->index[row];
  uint32_t begin = row ? r[-1].headers_end : 0;
  ms_record record = {MS_NULL, MS_NULL, MS_NULL, row, r->port, r->timestamp, r->offset, r->partition, r->key_id};
  if (!(r->flags & MS_KEY_IS_NULL)) record.key = ms_bytes(batch->arena + begin, r->key_end - begin);
  if (!(r->flags & MS_VALUE_IS_NULL)) record.value = ms_bytes(batch->arena + r->key_end, r->value_end - r->key_end);
  if (r->flags & MS_HAS_HEADERS) record.headers = ms_bytes(batch->arena + r->value_end, r->headers_end - r->value_end);
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
static inline void ms_emit(ms_out out);

// All of a record, to be emitted as it is, or with what is changed in it.
static inline ms_out ms_copy(const ms_record *record) {
  ms_out out = {record->row, 0, record->key, record->value, record->headers, false, false, 0, 0};
  return out;
}
// The same of a whole batch, at once.
void ms_forward_all(const ms_batch *input);

// Refuses a row. Codes from 65,000 are the SDKs'.
void ms_reject(uint32_t row, uint16_t code, ms_text message);
enum { MS_NO_KEY = 65000, MS_BAD_TEXT = 65001, MS_BAD_JSON = 65002, MS_NO_TIME = 65003 };
#define MS_NO_KEY_TEXT ms_text_of("the record has no key")

// Each is true, or rejects the record: it has no key, no timestamp, its value is null or no UTF-8.
bool ms_need_key(const ms_record *record);
bool ms_need_time(const ms_record *record);
bool ms_need_text(const ms_record *record);

// A timer is its port, time, key and payload: setting it twice sets one. `port` = MS_EVENT or MS_PROCESSING, + MS_DELETE to delete it.
enum { MS_EVENT = 0, MS_PROCESSING = 1, MS_DELETE = 2 };
void ms_timer(uint32_t row, uint16_t port, int64_t at_ms, ms_text key, ms_text payload);

void ms_keep(ms_text key, ms_text value);

enum { MS_ERROR = 0, MS_WARN = 1, MS_INFO = 2, MS_DEBUG = 3 };
void ms_log(uint8_t level, ms_text message);
void ms_count(ms_text name, uint64_t delta);

// For what cannot be, if the code is right: ends the instance. The host finds the record that led here, and shows the message.
__attribute__((noreturn)) void ms_panic(ms_text message);

// Memory until the call returns.
void *ms_alloc(size_t bytes);
// Memory as long as the instance lives, for what ms_open prepares; and a text kept there.
void *ms_alloc_forever(size_t bytes);
ms_text ms_forever(ms_text text);

// ---- Keyed state, read once per batch and written back once

// One key's value. After ms_set the next record with that key finds the new one.
typedef struct ms_entry {
  ms_text key, value;  // value null: there is none
  size_t capacity;
  bool written;
  struct ms_entry *next;
} ms_entry;

// A store's entries for the keys of one batch.
typedef struct {
  uint16_t store;  // place in the description's stores
  ms_entry **rows; // by row; NULL: the record has no key
  uint32_t rows_n;
  ms_entry *first, *last, *read_last;  // all of them; those behind read_last have not been read yet
  uint32_t entries_n;
  ms_entry **table;  // by hash, made when a key is looked for
  size_t cells;
} ms_keyed;

ms_keyed ms_load(uint16_t store, const ms_batch *input);
// The stores 0 to stores_n - 1 of the description, all in one call of the host.
void ms_load_all(ms_keyed *keyed, uint16_t stores_n, const ms_batch *input);
// Other keys than the records' own, one for each row; null: none.
ms_keyed ms_load_keys(uint16_t store, const ms_text *keys, uint32_t rows);
// Writes what was set, before returning MS_OK. ms_scan sees what has been saved.
void ms_save(ms_keyed *keyed);
void ms_save_all(ms_keyed *keyed, uint16_t stores_n);
void ms_set(ms_entry *entry, ms_text value);  // null deletes; the bytes are copied

// The entry of a row's key; NULL: the record has none.
static inline ms_entry *ms_entry_at(const ms_keyed *keyed, uint32_t row) { return keyed->rows[row]; }
// The entry of any key. One that was not loaded costs a call to the host.
ms_entry *ms_entry_of(ms_keyed *keyed, ms_text key);
// For many of those: name them first, the key must live on, then read them at once.
ms_entry *ms_want(ms_keyed *keyed, ms_text key);
void ms_fetch(ms_keyed *keyed, size_t keyed_n);

// Numbers are kept as eight bytes, little-endian, as the SDKs of other languages do. `false`: the value has another length.
static inline bool ms_u64(const ms_entry *entry, uint64_t absent, uint64_t *number) {
  *number = absent;
  if (!entry->value.at) return true;
  if (entry->value.bytes != 8) return false;
  memcpy(number, entry->value.at, 8);
  return true;
}
static inline void ms_set_u64(ms_entry *entry, uint64_t number) {
  if (entry->value.at && entry->value.bytes == 8 && entry->capacity >= 8) entry->written = true, memcpy((uint8_t *)entry->value.at, &number, 8);
  else ms_set(entry, ms_bytes(&number, 8));
}

// For a value that this code cannot read: stops the job with the store, the key and what is wrong with the value.
ms_outcome ms_unreadable(const ms_keyed *keyed, const ms_entry *entry, const char *what);

// ---- Config: the job's `config = { … }`. What it holds lives as long as the instance

// The first thing that was wrong is kept for ms_config_done, and the functions give what a field's absence gives.
typedef struct {
  struct ms_json *json;
  ms_text wrong;
} ms_config;
ms_config ms_read_config(const ms_setup *setup);
void ms_config_need(ms_config *config, const char *name);  // a field that must be there
int64_t ms_config_i64(ms_config *config, const char *name, int64_t otherwise);
double ms_config_f64(ms_config *config, const char *name, double otherwise);
bool ms_config_bool(ms_config *config, const char *name, bool otherwise);
ms_text ms_config_text(ms_config *config, const char *name, ms_text otherwise);
const struct ms_json *ms_config_json(ms_config *config, const char *name);  // any value; NULL: absent or null
// Last: MS_OK, or fatal with the field that is wrong, missing, or that nobody asked for.
ms_outcome ms_config_done(ms_config *config);
ms_outcome ms_config_wrong(const char *name, const char *what);  // fatal: "config: `name` what"

// For operators that take none: the same as reading it and asking for nothing.
bool ms_no_config(const ms_setup *setup);

// ---- JSON. Texts must be UTF-8; at most 127 objects and arrays inside one another

typedef enum { MS_JSON_NULL, MS_JSON_FALSE, MS_JSON_TRUE, MS_JSON_NUMBER, MS_JSON_TEXT, MS_JSON_ARRAY, MS_JSON_OBJECT } ms_json_kind;

typedef struct ms_json {
  ms_json_kind kind;
  bool asked;
  ms_text raw;                  // as it stands
  ms_text text;                 // of a string: what it reads
  ms_text name;                 // of an object's field
  struct ms_json *first, *next; // the first inside of an array or object; the next beside this one
} ms_json;

// Reads a whole text into a tree. NULL: `wrong` says what was expected at which byte.
ms_json *ms_json_read(ms_text text, ms_text *wrong);
// The last field of that name, or NULL.
const ms_json *ms_json_field(const ms_json *object, ms_text name);
// False: no number, or for whole ones, not whole or too large.
bool ms_json_i64(const ms_json *value, int64_t *number);
bool ms_json_u64(const ms_json *value, uint64_t *number);
bool ms_json_f64(const ms_json *value, double *number);
// Whether both mean the same: fields in any order, 1 and 1.0 are different.
bool ms_json_equal(const ms_json *a, const ms_json *b);

// For a few fields of many records: goes over an object's text without a tree, finds fields by name, and gives their values as they stand, null where
// there is none. False: `wrong` says why the text is no object.
bool ms_json_find(ms_text object, const ms_text *names, size_t names_n, ms_text *raws, ms_text *wrong);
// The same of a record's value; false: the record was rejected.
bool ms_need_fields(const ms_record *record, const ms_text *names, size_t names_n, ms_text *raws);

bool ms_json_string(ms_text raw, ms_text *text);  // what a string's text reads; false: it is none, or half a surrogate pair
ms_text ms_json_compact(ms_text raw);             // without spaces
ms_text ms_json_quoted(ms_text text);             // a string that reads so

// ---- Headers

// Goes through a record's headers: `ms_headers headers = ms_headers_of(record.headers); while (ms_next_header(&headers, &name, &value)) …`
typedef struct {
  ms_text rest;
  uint32_t left;
} ms_headers;
ms_headers ms_headers_of(ms_text packed);
bool ms_next_header(ms_headers *headers, ms_text *name, ms_text *value);
// The last header of that name; false: there is none.
bool ms_header(ms_text packed, ms_text name, ms_text *value);
// Headers with one more; begin with those of a record or MS_NULL.
ms_text ms_add_header(ms_text packed, ms_text name, ms_text value);

// ---- Text

bool ms_is_text(ms_text text);                      // is it UTF-8?
ms_text ms_trim(ms_text text);                      // without Unicode's white space around it
uint32_t ms_next_letter(ms_text *rest);             // takes one code point off UTF-8
size_t ms_put_letter(uint8_t *to, uint32_t letter); // writes one, at most four bytes
bool ms_is_word(uint32_t letter);                    // is it a letter or a digit, in Unicode's sense?
uint32_t ms_lower(uint32_t letter);                 // its lower case, where that is one code point
bool ms_i64(ms_text text, int64_t *number);         // a whole number, signed or not; false: none, or too large
bool ms_contains(ms_text text, ms_text part);
ms_text ms_join(const ms_text *parts, size_t parts_n);  // one after another
// As printf, into memory until the call returns.
__attribute__((format(printf, 1, 2))) ms_text ms_format(const char *format, ...);
ms_text ms_digits(uint64_t number, uint8_t room[20]);  // in `room`

// ---- State without help

// A batch to be sent. Zeroed is empty.
typedef struct {
  uint8_t *index, *arena;
  size_t index_bytes, index_room, arena_bytes, arena_room;
  const uint8_t *lent;  // the arena so far, where it is another's: of the batch that was forwarded …
  ms_row *lent_rows;    // … and its index
} ms_builder;
static inline void ms_push(ms_builder *builder, ms_text key, ms_text value, ms_text headers, ms_row fields);  // of `fields`, ends and flags are set here
void ms_clear(ms_builder *builder);                                                                         // empty, keeps its memory

uint16_t ms_store_number(uint16_t store);  // the number of a declared store in rows, from its place in the description
ms_batch ms_get_many(const ms_builder *keys);
void ms_put_many(const ms_builder *rows);
// Reads keys from `begin` to before `end` (empty: the store's end); `done`: the range is done, else go on after the last key.
ms_batch ms_scan(uint16_t store, ms_text begin, ms_text end, uint32_t limit, bool *done);

// What was emitted and set so far, as it will be sent. For operators that make rows of their own; the host checks them.
ms_builder *ms_outputs(void);
ms_builder *ms_timers(void);

// ---- What is done for every record, in line: a call in Wasm costs a look at the deadline

extern ms_builder ms_emitted;
extern uint16_t *ms_port_numbers;                                                            // that the host gave to the declared ports
__attribute__((cold, noinline)) void ms_make_room(ms_builder *builder, size_t arena_bytes);  // for one row more

static inline void ms_append(ms_builder *builder, ms_text text) {
  if (text.bytes) memcpy(builder->arena + builder->arena_bytes, text.at, text.bytes);
  builder->arena_bytes += text.bytes;
}

static inline void ms_push(ms_builder *builder, ms_text key, ms_text value, ms_text headers, ms_row fields) {
  size_t more = key.bytes + value.bytes + headers.bytes;
  if (builder->index_room - builder->index_bytes < sizeof fields || builder->arena_room - builder->arena_bytes < more || builder->lent)
    ms_make_room(builder, more);
  ms_append(builder, key);
  fields.key_end = (uint32_t)builder->arena_bytes;
  ms_append(builder, value);
  fields.value_end = (uint32_t)builder->arena_bytes;
  ms_append(builder, headers);
  fields.headers_end = (uint32_t)builder->arena_bytes;
  fields.flags = (uint16_t)((key.at ? 0 : MS_KEY_IS_NULL) | (value.at ? 0 : MS_VALUE_IS_NULL) | (headers.bytes ? MS_HAS_HEADERS : 0));
  memcpy(builder->index + builder->index_bytes, &fields, sizeof fields);
  builder->index_bytes += sizeof fields;
}

static inline void ms_emit(ms_out out) {
  ms_row fields = {0, 0, 0, ms_port_numbers[out.port], 0, out.has_timestamp ? out.timestamp : MS_INHERIT, out.row,
                   out.has_partition ? out.partition : MS_NONE, MS_NONE};
  ms_push(&ms_emitted, out.key, out.value, out.headers, fields);
}

#ifdef __cplusplus
}
#endif
#endif
