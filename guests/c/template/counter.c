// {{name}}: counts the records of each key.
#include <millstream.h>

static const ms_text INPUTS[] = {MS_TEXT("in")}, OUTPUTS[] = {MS_TEXT("out")};
// What is remembered: by key, how many records it had. Kept by the host, and there again after a restart.
static const ms_store_description STORES[] = {{MS_TEXT("counts"), 1}};
enum { COUNTS = 0 };  // its place in STORES

const ms_description *ms_describe(void) {
  static const ms_description description = {
      .name = MS_TEXT("{{name}}"), .version = MS_TEXT("0.1.0"),
      .inputs = INPUTS,            .inputs_n = 1,
      .outputs = OUTPUTS,          .outputs_n = 1,
      .stores = STORES,            .stores_n = 1,
  };
  return &description;
}

ms_outcome ms_open(const ms_setup *setup) {
  ms_config config = ms_read_config(setup);
  return ms_config_done(&config);  // it takes no fields
}

ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
  (void)context;
  ms_keyed counts = ms_load(COUNTS, input);  // of all the batch's keys, at once
  for (uint32_t row = 0; row < ms_rows(input); row++) {
    ms_record record = ms_at(input, row);
    if (!ms_need_key(&record)) continue;  // rejected
    ms_entry *seen = ms_entry_at(&counts, row);
    uint64_t count;
    if (!ms_u64(seen, 0, &count)) return ms_unreadable(&counts, seen, "it is no count");
    ms_set_u64(seen, ++count);
    uint8_t room[20];
    ms_emit((ms_out){.row = row, .key = record.key, .value = ms_digits(count, room)});
  }
  ms_save(&counts);
  return MS_OK;
}
