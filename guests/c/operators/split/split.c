// Flat-map: one record for each word of the value, with the word as key and as value. Words are runs of letters and digits, in lower case.
#include "millstream.h"

static const ms_text INPUTS[] = {MS_TEXT("in")}, OUTPUTS[] = {MS_TEXT("out")};

const ms_description *ms_describe(void) {
  static const ms_description description = {
      .name = MS_TEXT("split"), .version = MS_TEXT("0.1.0"),
      .inputs = INPUTS,         .inputs_n = 1,
      .outputs = OUTPUTS,       .outputs_n = 1,
  };
  return &description;
}

ms_outcome ms_open(const ms_setup *setup) {
  return ms_no_config(setup) ? MS_OK : ms_fatal(ms_text_of("config: this operator takes none"));
}

static void emit_words(const ms_record *record) {
  // A letter in lower case may be longer than it was: Ⱥ has two bytes, ⱥ three.
  uint8_t *word = ms_alloc(2 * record->value.bytes + 4);
  size_t bytes = 0, before = 0;
  ms_text rest = record->value;
  for (bool more = true; more;) {
    more = rest.bytes > 0;
    uint32_t letter = more ? ms_next_letter(&rest) : ' ';
    if (ms_is_word(letter)) {
      before = bytes;
      bytes += ms_put_letter(word + bytes, ms_lower(letter));
    } else if (bytes) {
      // A sigma at the end of a word.
      if (before && memcmp(word + before, "σ", bytes - before) == 0) memcpy(word + before, "ς", bytes - before);
      ms_emit((ms_out){.row = record->row, .key = ms_bytes(word, bytes), .value = ms_bytes(word, bytes)});
      bytes = before = 0;
    }
  }
}

ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
  (void)context;
  for (uint32_t row = 0; row < ms_rows(input); row++) {
    ms_record record = ms_at(input, row);
    if (ms_need_text(&record)) emit_words(&record);
  }
  return MS_OK;
}
