// Keyed count: each record yields its key and how often that key was seen, as text. The value `poison` is rejected.
#include "millstream.h"

static const ms_text INPUTS[] = {MS_TEXT("in")}, OUTPUTS[] = {MS_TEXT("out")}, POISON = MS_TEXT("poison");
static const ms_store_description STORES[] = {{MS_TEXT("counts"), 1}};
enum { COUNTS = 0 };     // its place in STORES
enum { POISONED = 1 };   // reject code

const ms_description *ms_describe(void) {
  static const ms_description description = {
      .name = MS_TEXT("count"), .version = MS_TEXT("0.1.0"),
      .inputs = INPUTS,         .inputs_n = 1,
      .outputs = OUTPUTS,       .outputs_n = 1,
      .stores = STORES,         .stores_n = 1,
  };
  return &description;
}

ms_outcome ms_open(const ms_setup *setup) {
  return ms_no_config(setup) ? MS_OK : ms_fatal(ms_text_of("config: this operator takes none"));
}

ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
  (void)context;
  ms_keyed counts = ms_load(COUNTS, input);
  for (uint32_t row = 0; row < ms_rows(input); row++) {
    ms_record record = ms_at(input, row);
    if (ms_equal(record.value, POISON)) {
      ms_reject(row, POISONED, POISON);
      continue;
    }
    ms_entry *seen = ms_entry_at(&counts, row);
    if (!seen) {
      ms_reject(row, MS_NO_KEY, MS_NO_KEY_TEXT);
      continue;
    }
    uint64_t count;
    if (!ms_u64(seen, 0, &count)) return ms_fatal(ms_text_of("store `counts` holds a value that is no number"));
    ms_set_u64(seen, ++count);
    uint8_t room[20];
    ms_emit((ms_out){.row = row, .key = record.key, .value = ms_digits(count, room)});
  }
  ms_save(&counts);
  return MS_OK;
}
