// Misbehaves on demand, to test hosts: a record's value is the order, `name` or `name:number`; whatever is no order is passed on.
//
//   panic, trap, abort, exit, divide   end the instance
//   wild                               reads past the end of memory
//   smash                              overwrites all of its own memory and returns
//   loop, recurse, memory              never end
//   long                               returns a list longer than memory
//   bad-length, bad-ends, bad-arena, bad-flags, bad-port, bad-row, bad-headers, bad-overlap    break a rule of the layout
//   bad-timer                          asks for a timer with a port that means nothing
//   bad-reject                         rejects a row that the batch does not have
//   huge:n, tiny:n, timers:n           emits n records of 1 MiB (default 1,024), n empty ones, sets n timers (default 1,000,000)
//   storm:n, logs:n, counters:n        calls the host n times (10,000,000), logs n messages of 8 KiB (131,072), counts under n names (10,000)
//   long-key:n, long-value:n, many-keys:n    writes a state key of n bytes (1 MiB), a value of n bytes (64 MiB), n keys (1,000,000)
//   forgetful                          emits how many records this instance has seen: what an operator must not do
//   reject:n, retry, fatal             rejects with code n (default 1), fails for now, fails for good
//
// Config: `open` = `panic`, `loop`, `memory` or `fatal`, done while opening; `panic-on` = values at which to panic, for traps in the middle of a batch;
// `on-timer` = an order for when a timer fires (`later` as a value sets one at the record's time).
#include "misbehave.h"

enum { MIB = 1 << 20 };
enum { STATE = 0 };  // its place in STORES
static const ms_text OUTPUTS[] = {MS_TEXT("out")};
static const ms_store_description STORES[] = {{MS_TEXT("state"), 1}};

static const ms_json *panic_on;
static ms_text order_on_timer;
static uint64_t seen;

const ms_description *ms_describe(void) {
  static const ms_description description = {
      .name = MS_TEXT("misbehave"), .version = MS_TEXT("0.1.0"), .outputs = OUTPUTS, .outputs_n = 1, .stores = STORES, .stores_n = 1};
  return &description;
}

ms_outcome ms_open(const ms_setup *setup) {
  ms_config config = ms_read_config(setup);
  ms_text open = ms_config_text(&config, "open", MS_NULL);
  order_on_timer = ms_config_text(&config, "on-timer", MS_NULL);
  panic_on = ms_config_json(&config, "panic-on");
  ms_outcome outcome = ms_config_done(&config);
  if (outcome != MS_OK || !open.at) return outcome;
  if (IS(open, "fatal")) return ms_fatal(ms_text_of("told to fail while opening"));
  do_wrong(open);
  return ms_config_wrong("open", "is no order that is known");
}

// ---- Orders

static void write(ms_text key, ms_text value) {
  ms_keyed state = ms_load_keys(STATE, &key, 1);
  ms_set(ms_entry_at(&state, 0), value);
  ms_save(&state);
}

static ms_text filled(uint8_t with, size_t bytes) { return ms_bytes(memset(ms_alloc(bytes + 1), with, bytes), bytes); }

static void many_keys(uint64_t n) {
  for (uint64_t key = 0; key < n; key++) {
    uint64_t swapped = __builtin_bswap64(key);
    write(ms_bytes(&swapped, 8), ms_text_of("v"));
  }
}

static void emit_many(uint32_t row, uint64_t n, ms_text value) {
  while (n--) ms_emit((ms_out){.row = row, .value = value});
}

// What there is too much of. False: no such order.
static bool too_much(ms_text order, uint32_t row, int64_t given) {
#define MANY(name, otherwise) (IS(order, name) && ((n = given < 0 ? (otherwise) : (uint64_t)given), true))
  uint64_t n;
  if (MANY("huge", 1024)) emit_many(row, n, filled('x', MIB));
  else if (MANY("tiny", 1000000)) emit_many(row, n, ms_text_of(""));
  else if (MANY("timers", 1000000)) for (uint64_t at = 0; at < n; at++) ms_timer(row, MS_EVENT, (int64_t)at, MS_NULL, MS_NULL);
  else if (MANY("storm", 10000000)) while (n--) ms_count(ms_text_of("storm"), 1);
  else if (MANY("logs", 131072)) for (ms_text text = filled('x', 8192); n--;) ms_log(MS_INFO, text);
  else if (MANY("counters", 10000)) while (n--) ms_count(ms_format("counter-%u", (unsigned)n), 1);
  else if (MANY("long-key", MIB)) write(filled('k', n), ms_text_of(""));
  else if (MANY("long-value", 64 * MIB)) write(ms_text_of("k"), filled('v', n));
  else if (MANY("many-keys", 1000000)) many_keys(n);
  else return false;
  return true;
}

// `name` or `name:number`; the number is -1 where there is none. False: it is neither.
static bool parse(ms_text order, ms_text *name, int64_t *number) {
  const uint8_t *colon = order.bytes ? memchr(order.at, ':', order.bytes) : NULL;
  *name = order, *number = -1;
  if (!colon) return true;
  *name = ms_bytes(order.at, (size_t)(colon - order.at));
  return ms_i64(ms_bytes(colon + 1, order.bytes - name->bytes - 1), number) && *number >= 0;
}

// Carries out an order; `*is_order`: whether it is one.
static ms_outcome obey(ms_text given, uint32_t row, bool *is_order) {
  ms_text name;
  int64_t number;
  *is_order = true;
  if (!parse(given, &name, &number)) return *is_order = false, MS_OK;
  do_wrong(name);
  if (IS(name, "smash")) return MS_OK;
  if (IS(name, "long")) return ms_reject(row, 1, ms_bytes((const void *)16, 0xFFFFFFF0)), MS_OK;
  if (IS(name, "reject")) return ms_reject(row, (uint16_t)(number < 0 ? 1 : number), ms_text_of("told to reject")), MS_OK;
  if (IS(name, "retry")) return ms_retry(ms_text_of("told to retry"));
  if (IS(name, "fatal")) return ms_fatal(ms_text_of("told to fail"));
  *is_order = break_rule(name, row) || too_much(name, row, number);
  return MS_OK;
}

static ms_outcome process(const ms_record *record) {
  seen++;
  for (const ms_json *value = panic_on ? panic_on->first : NULL; value; value = value->next)
    if (ms_equal(value->text, record->value)) ms_panic(ms_format("told to panic on `%.*s`", (int)value->text.bytes, (const char *)value->text.at));
  ms_out out = ms_copy(record);
  if (IS(record->value, "forgetful")) {
    uint8_t room[20];
    out.value = ms_digits(seen, room);
    return ms_emit(out), MS_OK;
  }
  if (IS(record->value, "later")) {
    if (ms_need_time(record)) ms_timer(record->row, MS_EVENT, record->timestamp, record->key, ms_text_of("later"));
    return MS_OK;
  }
  bool is_order;
  ms_outcome outcome = obey(record->value, record->row, &is_order);
  if (!is_order) ms_emit(out);
  return outcome;
}

ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
  (void)context;
  for (uint32_t row = 0; row < ms_rows(input); row++) {
    ms_record record = ms_at(input, row);
    ms_outcome outcome = process(&record);
    if (outcome != MS_OK) return outcome;
  }
  return MS_OK;
}

ms_outcome ms_on_timer(const ms_context *context, const ms_batch *due) {
  (void)context;
  for (uint32_t row = 0; row < ms_rows(due); row++) {
    ms_record timer = ms_at(due, row);
    bool is_order = false;
    ms_outcome outcome = order_on_timer.at ? obey(order_on_timer, 0, &is_order) : MS_OK;
    if (outcome != MS_OK) return outcome;
    if (!is_order) ms_emit((ms_out){.row = row, .key = timer.key, .value = timer.value});
  }
  return MS_OK;
}
