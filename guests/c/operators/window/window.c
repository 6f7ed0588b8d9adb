// Tumbling windows: count and sum of the values (whole numbers as text) per key and window of event time.
//
// A window is closed, and its result emitted, when the watermark has passed its end by `lateness_ms`; a record that comes later goes to the port `late` as
// it is. Result: the key, `{"start":…,"end":…,"count":…,"sum":…}`, timestamp the window's last millisecond.
#include <inttypes.h>

#include "millstream.h"

static const ms_text INPUTS[] = {MS_TEXT("in")}, OUTPUTS[] = {MS_TEXT("out"), MS_TEXT("late")};
static const ms_store_description STORES[] = {{MS_TEXT("windows"), 1}};
enum { LATE = 1 };                         // its place in OUTPUTS
enum { WINDOWS = 0 };                      // its place in STORES
enum { NOT_A_NUMBER = 1, OVERFLOW = 2 };   // reject codes

static int64_t size_ms, lateness_ms;

// What a window's key has as value, little-endian.
typedef struct {
  uint64_t count;
  int64_t sum;
} totals;

const ms_description *ms_describe(void) {
  static const ms_description description = {
      .name = MS_TEXT("window"), .version = MS_TEXT("0.1.0"),
      .inputs = INPUTS,          .inputs_n = 1,
      .outputs = OUTPUTS,        .outputs_n = 2,
      .stores = STORES,          .stores_n = 1,
  };
  return &description;
}

ms_outcome ms_open(const ms_setup *setup) {
  ms_config config = ms_read_config(setup);
  ms_config_need(&config, "size_ms");
  size_ms = ms_config_i64(&config, "size_ms", 1);
  lateness_ms = ms_config_i64(&config, "lateness_ms", 0);
  if (size_ms < 1) return ms_config_wrong("size_ms", "must be at least 1");
  if (lateness_ms < 0) return ms_config_wrong("lateness_ms", "must be at least 0");
  return ms_config_done(&config);
}

static int64_t saturating(int64_t a, int64_t b) { return a > INT64_MAX - b ? INT64_MAX : a + b; }

static int64_t start_of(int64_t time) {
  int64_t into = time % size_ms;
  return time - (into < 0 ? into + size_ms : into);
}

// When the window that begins at `start` is closed.
static int64_t closes_at(int64_t start) { return saturating(saturating(start, size_ms), lateness_ms); }

// Where a window's totals are: the record's key, then the window's start in eight bytes, big-endian.
static ms_text state_key(ms_text key, int64_t start) {
  uint64_t swapped = __builtin_bswap64((uint64_t)start);
  ms_text parts[] = {key, ms_bytes(&swapped, 8)};
  return ms_join(parts, 2);
}

// The totals of an entry, or none; false: it holds something else.
static bool totals_of(const ms_entry *window, totals *t) {
  *t = (totals){0, 0};
  if (window->value.at && window->value.bytes != sizeof *t) return false;
  if (window->value.at) memcpy(t, window->value.at, sizeof *t);
  return true;
}
#define UNREADABLE "a window's totals have 16 bytes, these have not"

static ms_outcome add(const ms_context *context, const ms_keyed *windows, const ms_record *record) {
  if (!ms_need_time(record) || !ms_need_key(record) || !ms_need_text(record)) return MS_OK;
  int64_t value;
  if (!ms_i64(ms_trim(record->value), &value)) {
    ms_text parts[] = {MS_TEXT("`"), record->value, MS_TEXT("` is no whole number of 64 bits")};
    return ms_reject(record->row, NOT_A_NUMBER, ms_join(parts, 3)), MS_OK;
  }
  int64_t start = start_of(record->timestamp), closed = closes_at(start);
  if (closed <= context->watermark) {
    ms_out late = ms_copy(record);
    late.port = LATE;
    return ms_emit(late), MS_OK;
  }
  ms_entry *window = ms_entry_at(windows, record->row);
  totals t;
  if (!totals_of(window, &t)) return ms_unreadable(windows, window, UNREADABLE);
  if (__builtin_add_overflow(t.sum, value, &t.sum)) return ms_reject(record->row, OVERFLOW, ms_text_of("the window's sum exceeds 64 bits")), MS_OK;
  // The payload is the end of the state's key.
  if (!window->value.at) ms_timer(record->row, MS_EVENT, closed, record->key, ms_bytes(window->key.at + record->key.bytes, 8));
  t.count++;
  return ms_set(window, ms_bytes(&t, sizeof t)), MS_OK;
}

ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
  uint32_t rows = ms_rows(input);
  ms_text *keys = ms_alloc(rows * sizeof *keys);
  for (uint32_t row = 0; row < rows; row++) {
    ms_record record = ms_at(input, row);
    bool is_whole = record.key.at && record.timestamp != MS_INHERIT;
    keys[row] = is_whole ? state_key(record.key, start_of(record.timestamp)) : MS_NULL;
  }
  ms_keyed windows = ms_load_keys(WINDOWS, keys, rows);
  for (uint32_t row = 0; row < rows; row++) {
    ms_record record = ms_at(input, row);
    ms_outcome outcome = add(context, &windows, &record);
    if (outcome != MS_OK) return outcome;
  }
  ms_save(&windows);
  return MS_OK;
}

ms_outcome ms_on_timer(const ms_context *context, const ms_batch *due) {
  (void)context;
  uint32_t rows = ms_rows(due);
  ms_text *keys = ms_alloc(rows * sizeof *keys);
  for (uint32_t row = 0; row < rows; row++) {
    ms_record timer = ms_at(due, row);
    if (!timer.key.at || timer.value.bytes != 8) return ms_fatal(ms_text_of("a timer that this operator did not set"));
    ms_text parts[] = {timer.key, timer.value};
    keys[row] = ms_join(parts, 2);
  }
  ms_keyed windows = ms_load_keys(WINDOWS, keys, rows);
  for (uint32_t row = 0; row < rows; row++) {
    ms_record timer = ms_at(due, row);
    ms_entry *window = ms_entry_at(&windows, row);
    uint64_t start;
    totals t;
    memcpy(&start, timer.value.at, 8);
    if (!totals_of(window, &t)) return ms_unreadable(&windows, window, UNREADABLE);
    if (!window->value.at) continue;
    int64_t from = (int64_t)__builtin_bswap64(start), end = saturating(from, size_ms);
    ms_text result = ms_format("{\"start\":%" PRId64 ",\"end\":%" PRId64 ",\"count\":%" PRIu64 ",\"sum\":%" PRId64 "}", from, end, t.count, t.sum);
    ms_emit((ms_out){.row = row, .key = timer.key, .value = result, .has_timestamp = true, .timestamp = end - 1});
    ms_set(window, MS_NULL);
  }
  ms_save(&windows);
  return MS_OK;
}
