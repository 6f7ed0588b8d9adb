// Joins two inputs, `left` and `right`, by key: every pair whose times are at most `within_ms` apart yields one record.
//
// Value: the left value, `separator`, the right value; timestamp: the later of the two. Both sides wait in state and are forgotten, by a timer, when no
// partner can come any more. A record that comes later than that goes to the port `late`.
#include "millstream.h"

static const ms_text INPUTS[] = {MS_TEXT("left"), MS_TEXT("right")}, OUTPUTS[] = {MS_TEXT("out"), MS_TEXT("late")};
// One store a side, in the order of the inputs. Per key its records that still wait, in the order in which they came: time (i64), length (u32), bytes.
static const ms_store_description STORES[] = {{MS_TEXT("left"), 1}, {MS_TEXT("right"), 1}};
enum { SIDES = 2 };
enum { LATE = 1 };      // its place in OUTPUTS
enum { NO_VALUE = 1 };  // reject code: a record without value has nothing to join
enum { HEAD_BYTES = 12 };

static int64_t within_ms;
static ms_text separator;

const ms_description *ms_describe(void) {
  static const ms_description description = {
      .name = MS_TEXT("join"), .version = MS_TEXT("0.1.0"),
      .inputs = INPUTS,        .inputs_n = SIDES,
      .outputs = OUTPUTS,      .outputs_n = 2,
      .stores = STORES,        .stores_n = SIDES,
  };
  return &description;
}

ms_outcome ms_open(const ms_setup *setup) {
  ms_config config = ms_read_config(setup);
  ms_config_need(&config, "within_ms");
  within_ms = ms_config_i64(&config, "within_ms", 0);
  separator = ms_config_text(&config, "separator", ms_text_of("|"));
  if (within_ms < 0) return ms_config_wrong("within_ms", "must be at least 0");
  return ms_config_done(&config);
}

// From this watermark on no partner can come for a record of that time.
static int64_t forgotten_at(int64_t time) { return time >= INT64_MAX - within_ms ? INT64_MAX : time + within_ms + 1; }

// Takes the first waiting record off; `*whole` turns false where they end in the middle of one.
static bool take(ms_text *waiting, int64_t *time, ms_text *value, bool *whole) {
  uint32_t length;
  if (!waiting->bytes) return false;
  *whole = waiting->bytes >= HEAD_BYTES;
  if (!*whole) return false;
  memcpy(time, waiting->at, 8);
  memcpy(&length, waiting->at + 8, 4);
  *whole = length <= waiting->bytes - HEAD_BYTES;
  if (!*whole) return false;
  *value = ms_bytes(waiting->at + HEAD_BYTES, length);
  *waiting = ms_bytes(waiting->at + HEAD_BYTES + length, waiting->bytes - HEAD_BYTES - length);
  return true;
}
#define UNREADABLE "the waiting records end in the middle of one"

static uint64_t apart(int64_t a, int64_t b) { return a < b ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b; }

static void wait_for_partners(ms_entry *own, const ms_record *record) {
  uint32_t length = (uint32_t)record->value.bytes;
  ms_text parts[] = {own->value, ms_bytes(&record->timestamp, 8), ms_bytes(&length, 4), record->value};
  ms_set(own, ms_join(parts, sizeof parts / sizeof *parts));
  ms_timer(record->row, MS_EVENT, forgotten_at(record->timestamp), record->key, MS_NULL);
}

static ms_outcome join(const ms_context *context, ms_keyed sides[SIDES], const ms_record *record) {
  if (!ms_need_time(record)) return MS_OK;
  if (!record->value.at) return ms_reject(record->row, NO_VALUE, ms_text_of("a record to join needs a value")), MS_OK;
  if (forgotten_at(record->timestamp) <= context->watermark) {
    ms_out late = ms_copy(record);
    late.port = LATE;
    return ms_emit(late), MS_OK;
  }
  if (!ms_need_key(record)) return MS_OK;
  const ms_keyed *others = &sides[1 - record->port];
  const ms_entry *partners = ms_entry_at(others, record->row);
  ms_text rest = partners->value, value;
  int64_t time;
  bool whole = true;
  while (take(&rest, &time, &value, &whole)) {
    if (apart(record->timestamp, time) > (uint64_t)within_ms) continue;
    bool is_left = record->port == 0;
    ms_text pair[] = {is_left ? record->value : value, separator, is_left ? value : record->value};
    ms_emit((ms_out){.row = record->row, .key = record->key, .value = ms_join(pair, 3), .has_timestamp = true,
                     .timestamp = time > record->timestamp ? time : record->timestamp});
  }
  if (!whole) return ms_unreadable(others, partners, UNREADABLE);
  wait_for_partners(ms_entry_at(&sides[record->port], record->row), record);
  return MS_OK;
}

ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
  ms_keyed sides[SIDES];
  ms_load_all(sides, SIDES, input);
  for (uint32_t row = 0; row < ms_rows(input); row++) {
    ms_record record = ms_at(input, row);
    ms_outcome outcome = join(context, sides, &record);
    if (outcome != MS_OK) return outcome;
  }
  ms_save_all(sides, SIDES);
  return MS_OK;
}

// Keeps what still has partners to come; they move to the front of a copy.
static bool forget(ms_entry *entry, int64_t now) {
  uint8_t *kept = ms_alloc(entry->value.bytes + 1);
  size_t bytes = 0;
  ms_text rest = entry->value, value;
  int64_t time;
  bool whole = true;
  while (take(&rest, &time, &value, &whole)) {
    if (forgotten_at(time) <= now) continue;
    memcpy(kept + bytes, value.at - HEAD_BYTES, HEAD_BYTES + value.bytes);
    bytes += HEAD_BYTES + value.bytes;
  }
  if (whole) ms_set(entry, bytes ? ms_bytes(kept, bytes) : MS_NULL);
  return whole;
}

ms_outcome ms_on_timer(const ms_context *context, const ms_batch *due) {
  (void)context;
  ms_keyed sides[SIDES];
  ms_load_all(sides, SIDES, due);
  for (uint32_t row = 0; row < ms_rows(due); row++) {
    for (int side = 0; side < SIDES; side++) {
      ms_entry *entry = ms_entry_at(&sides[side], row);
      if (entry && entry->value.at && !forget(entry, ms_at(due, row).timestamp)) return ms_unreadable(&sides[side], entry, UNREADABLE);
    }
  }
  ms_save_all(sides, SIDES);
  return MS_OK;
}
