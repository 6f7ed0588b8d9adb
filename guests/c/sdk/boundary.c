// The canonical ABI of millstream:operator@0.1.0 for C, by hand: exports on top of what operators define, imports below what they call.
//
// Each exported function gets its arguments in memory that `cabi_realloc` gave, and returns the address of its result; the host reads the result and
// calls `cabi_post_…`. All memory of a call comes from one scratch block that is reset there, so nothing is freed piece by piece and a steady state
// allocates nothing. Inside `cabi_realloc` no import may be called.
#include "internal.h"

#define INTERFACE "millstream:operator/operator@0.1.0#"
#define EXPORT(name) __attribute__((export_name(INTERFACE name)))
#define AFTER(name) __attribute__((export_name("cabi_post_" INTERFACE name)))
#define IMPORT(interface, name) __attribute__((import_module("millstream:operator/" interface "@0.1.0"), import_name(name)))

typedef uint32_t word;
_Static_assert(sizeof(void *) == sizeof(word), "this is for wasm32");
_Static_assert(sizeof(ms_rejection) == 16, "a reject is 16 bytes wide");

static word address(const void *at) { return (word)(uintptr_t)(at ? at : ms_nothing); }
static word *put_text(word *to, ms_text text) {
  to[0] = address(text.at);
  to[1] = (word)text.bytes;
  return to + 2;
}

static word *put_builder(word *to, const ms_builder *b) {
  ms_batch built = ms_built(b);
  to = put_text(to, ms_bytes(built.index, built.index_bytes));
  return put_text(to, ms_bytes(built.arena, built.arena_bytes));
}

__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_bytes, size_t align, size_t bytes) {
  (void)align;  // at most 8 in this world
  void *at = ms_alloc(bytes);
  if (old_bytes) memcpy(at, old, old_bytes < bytes ? old_bytes : bytes);
  return at;
}

// ---- Exports

static word *failed(word *result, ms_outcome outcome) {
  result[0] = 1;
  result[1] = outcome == MS_FATAL;
  put_text(result + 2, ms_current.failure);
  return result;
}

static word *effects(ms_outcome outcome) {
  static word result[11];
  if (outcome != MS_OK) return failed(result, outcome);
  result[0] = 0;
  word *to = put_builder(put_builder(result + 1, &ms_emitted), &ms_current.timers);
  put_text(to, ms_bytes(ms_current.rejects, ms_current.rejects_n));
  return result;
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
AFTER("describe") void after_describe(word *result) { (void)result, ms_end_call(); }

EXPORT("open")
word *export_open(const uint8_t *config, size_t config_bytes, const ms_text *inputs, size_t inputs_n, const ms_text *outputs_given, size_t outputs_n,
                  const ms_text *stores, size_t stores_n) {
  static word result[4];
  ms_begin_call(NULL);
  ms_setup setup = {{config, config_bytes}, inputs, inputs_n, outputs_given, outputs_n, stores, stores_n};
  ms_outcome outcome = ms_open_with(&setup);
  result[0] = 0;
  return outcome == MS_OK ? result : failed(result, outcome);
}
AFTER("open") void after_open(word *result) { (void)result, ms_end_call(); }

EXPORT("process")
word *export_process(int64_t watermark, int64_t now, uint32_t task, const ms_row *index, size_t index_bytes, const uint8_t *arena, size_t arena_bytes) {
  ms_context context = {watermark, now, task};
  ms_batch input = {index, index_bytes, arena, arena_bytes};
  ms_begin_call(&input);
  return effects(ms_process(&context, &input));
}
AFTER("process") void after_process(word *result) { (void)result, ms_end_call(); }

EXPORT("on-timer")
word *export_on_timer(int64_t watermark, int64_t now, uint32_t task, const ms_row *index, size_t index_bytes, const uint8_t *arena, size_t arena_bytes) {
  ms_context context = {watermark, now, task};
  ms_batch due = {index, index_bytes, arena, arena_bytes};
  ms_begin_call(&due);
  return effects(ms_on_timer(&context, &due));
}
AFTER("on-timer") void after_on_timer(word *result) { (void)result, ms_end_call(); }

EXPORT("migrate")
word *export_migrate(const uint8_t *store, size_t store_bytes, uint32_t from_version, const ms_row *index, size_t index_bytes, const uint8_t *arena,
                     size_t arena_bytes) {
  static word result[5];
  ms_batch rows = {index, index_bytes, arena, arena_bytes};
  ms_begin_call(&rows);
  ms_outcome outcome = ms_migrate((ms_text){store, store_bytes}, from_version, &rows);
  if (outcome != MS_OK) return failed(result, outcome);
  result[0] = 0;
  put_builder(result + 1, &ms_current.kept);
  return result;
}
AFTER("migrate") void after_migrate(word *result) { (void)result, ms_end_call(); }

// ---- Imports

IMPORT("telemetry", "log") void import_log(word level, const uint8_t *at, size_t bytes);
IMPORT("telemetry", "count") void import_count(const uint8_t *name, size_t bytes, uint64_t delta);
IMPORT("state", "get-many") void import_get_many(word index, word index_bytes, word arena, word arena_bytes, ms_batch *found);
IMPORT("state", "put-many") void import_put_many(word index, word index_bytes, word arena, word arena_bytes);
typedef struct { ms_batch rows; uint8_t done; } page;
IMPORT("state", "scan")
void import_scan(word store, word begin, word begin_bytes, word end, word end_bytes, word limit, word bytes_max, page *found);

void ms_log(uint8_t level, ms_text message) { import_log(level, message.at ? message.at : ms_nothing, message.bytes); }
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
  import_scan(ms_store_number(store), address(begin.at), (word)begin.bytes, address(end.at), (word)end.bytes, limit, 0, &found);
  *done = found.done;
  return found.rows;
}
