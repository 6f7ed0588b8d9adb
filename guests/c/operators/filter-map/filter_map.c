// Filter and map: keeps the records whose value contains a text, and changes the value's case.
#include "millstream.h"

static const ms_text INPUTS[] = {MS_TEXT("in")}, OUTPUTS[] = {MS_TEXT("out")};

// Config. Records whose value does not contain `keep` are dropped; empty: all stay. ASCII letters from `first` to `last` change their case.
static ms_text keep;
static uint8_t first, last;

const ms_description *ms_describe(void) {
  static const ms_description description = {
      .name = MS_TEXT("filter-map"), .version = MS_TEXT("0.1.0"),
      .inputs = INPUTS,              .inputs_n = 1,
      .outputs = OUTPUTS,            .outputs_n = 1,
  };
  return &description;
}

ms_outcome ms_open(const ms_setup *setup) {
  ms_config config = ms_read_config(setup);
  keep = ms_config_text(&config, "keep", ms_text_of(""));
  ms_text map = ms_config_text(&config, "map", ms_text_of("upper"));
  ms_outcome outcome = ms_config_done(&config);
  if (outcome != MS_OK) return outcome;
  if (ms_equal(map, ms_text_of("upper"))) first = 'a', last = 'z';
  else if (ms_equal(map, ms_text_of("lower"))) first = 'A', last = 'Z';
  else if (ms_equal(map, ms_text_of("same"))) first = 1, last = 0;
  else return ms_config_wrong("map", "must be one of `upper`, `lower`, `same`");
  return MS_OK;
}

ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
  (void)context;
  for (uint32_t row = 0; row < ms_rows(input); row++) {
    ms_record record = ms_at(input, row);
    if (!ms_need_text(&record) || !ms_contains(record.value, keep)) continue;
    ms_out out = ms_copy(&record);
    uint8_t *mapped = ms_alloc(record.value.bytes + 1);
    for (size_t n = 0; n < record.value.bytes; n++) {
      uint8_t letter = record.value.at[n];
      mapped[n] = first <= letter && letter <= last ? letter ^ ('a' ^ 'A') : letter;
    }
    out.value = ms_bytes(mapped, record.value.bytes);
    ms_emit(out);
  }
  return MS_OK;
}
