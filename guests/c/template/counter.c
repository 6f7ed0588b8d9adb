// {{name}}: counts the records of each key.
#include "millstream.h"

static const ms_text INPUTS[] = {MS_TEXT("in")}, OUTPUTS[] = {MS_TEXT("out")};
// What is remembered: by key, how many records it had. Kept by the host, and there again after a restart.
static const ms_store_description STORES[] = {{MS_TEXT("counts"), 1}};
enum { COUNTS = 0 };  // its place in STORES

const ms_description *ms_describe(void) {
  static const ms_description description = {
      .name = MS_TEXT("{{name}}"), .version = MS_TEXT("0.1.0"),
      .inputs = INPUTS,   .inputs_n = 1,
      .outputs = OUTPUTS, .outputs_n = 1,
      .stores = STORES,   .stores_n = 1,
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
    ms_entry *entry = ms_entry_at(&counts, row);
    if (!entry) {
      ms_reject(row, MS_NO_KEY, MS_NO_KEY_TEXT);
      continue;
    }
    uint64_t count;
    if (!ms_u64(entry, 0, &count)) return ms_fatal(ms_text_of("store `counts` holds a value that is no number"));
    ms_set_u64(entry, ++count);
    uint8_t room[20];
    ms_emit((ms_out){.row = row, .key = record.key, .value = ms_digits(count, room)});
  }
  ms_save(&counts);
  return MS_OK;
}
