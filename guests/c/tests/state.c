// Keyed state: what a record writes the next one reads, keys named beforehand are read at once, scans see what was saved, failures keep nothing.
#include "testing/millstream_testing.h"

static const ms_text INPUTS[] = {MS_TEXT("in")}, OUTPUTS[] = {MS_TEXT("out")};
static const ms_store_description STORES[] = {{MS_TEXT("a"), 1}, {MS_TEXT("b"), 2}};

const ms_description *ms_describe(void) {
  static const ms_description description = {
      .name = MS_TEXT("state"), .version = MS_TEXT("1"), .inputs = INPUTS, .inputs_n = 1, .outputs = OUTPUTS, .outputs_n = 1, .stores = STORES, .stores_n = 2};
  return &description;
}

ms_outcome ms_open(const ms_setup *setup) {
  (void)setup;
  return MS_OK;
}

// Appends each value to its key's in both stores, `fail` fails, `scan` emits all keys of `a` from `b` on, `far` looks at another key, `all` emits the whole
// batch, `more` the batch and itself and the batch once more.
ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
  (void)context;
  ms_keyed stores[2];
  ms_load_all(stores, 2, input);
  for (uint32_t row = 0; row < ms_rows(input); row++) {
    ms_record record = ms_at(input, row);
    if (!ms_need_key(&record)) continue;
    if (ms_equal(record.value, ms_text_of("fail"))) return ms_save_all(stores, 2), ms_unreadable(&stores[1], ms_entry_at(&stores[1], row), "odd");
    if (ms_equal(record.value, ms_text_of("far"))) {
      ms_emit((ms_out){.row = row, .value = ms_entry_of(&stores[0], ms_text_of("far away"))->value});
      ms_set(ms_entry_of(&stores[0], ms_text_of("far away")), ms_text_of("seen"));
      continue;
    }
    if (ms_equal(record.value, ms_text_of("all")) || ms_equal(record.value, ms_text_of("more"))) {
      ms_forward_all(input);
      MST_CHECK(ms_at(input, row).partition == 0);  // what came in is still there
      if (record.value.bytes == 4) ms_emit(ms_copy(&record)), ms_forward_all(input);
      continue;
    }
    if (ms_equal(record.value, ms_text_of("scan"))) {
      ms_save_all(stores, 2);
      ms_text begin = ms_text_of("b");
      for (bool done = false; !done;) {
        ms_batch page = ms_scan(0, begin, MS_NULL, 0, &done);
        for (uint32_t n = 0; n < ms_rows(&page); n++) {
          ms_text parts[] = {ms_at(&page, n).key, ms_bytes("\0", 1)};
          ms_emit((ms_out){.row = row, .value = parts[0]});
          begin = ms_join(parts, 2);
        }
      }
      continue;
    }
    for (int n = 0; n < 2; n++) {
      ms_entry *entry = ms_entry_at(&stores[n], row);
      ms_text parts[] = {entry->value, record.value};
      ms_set(entry, record.value.at ? ms_join(parts, 2) : MS_NULL);
    }
  }
  ms_save_all(stores, 2);
  return MS_OK;
}

static bool has(const char *store, const char *key, const char *value) {
  return ms_equal(mst_state(store, ms_text_of(key)), value ? ms_text_of(value) : MS_NULL);
}

int main(void) {
  MST_CHECK(mst_open(NULL) == MS_OK);
  mst_add("k", "1", 0), mst_add("l", "x", 0), mst_add("k", "23", 0), mst_add(NULL, "9", 0);
  MST_CHECK(mst_process() == MS_OK && has("a", "k", "123") && has("b", "k", "123") && has("a", "l", "x"));
  MST_CHECK(mst_called().get_many == 1 && mst_called().put_many == 1 && mst_rejects() == 1);
  mst_add("l", NULL, 0), mst_add("k", "4", 0);
  MST_CHECK(mst_process() == MS_OK && has("a", "l", NULL) && has("b", "k", "1234"));
  mst_add("k", "5", 0), mst_add("k", "fail", 0);
  MST_CHECK(mst_process() == MS_FATAL && has("a", "k", "1234") && ms_equal(mst_message(), ms_text_of("store `b`, key `k`: odd")));
  mst_add("k", "far", 0), mst_add("k", "far", 0);
  MST_CHECK(mst_process() == MS_OK && mst_output_is(0, NULL, NULL) && mst_output_is(1, NULL, "seen") && has("a", "far away", "seen"));
  mst_take();
  mst_add("b", "1", 0), mst_add("c", "1", 0), mst_add("a", "1", 0), mst_add("d", "scan", 0);
  MST_CHECK(mst_process() == MS_OK && mst_outputs() == 4 && mst_output_is(0, NULL, "b") && mst_output_is(3, NULL, "k"));
  mst_take();
  mst_add(NULL, "1", 7), mst_add("k", "all", 8);
  MST_CHECK(mst_process() == MS_OK && mst_outputs() == 2 && mst_output_is(0, NULL, "1") && mst_output_is(1, "k", "all") && mst_output(1).row == 1);
  mst_take();
  mst_add(NULL, "1", 7), mst_add("k", "more", 8);
  MST_CHECK(mst_process() == MS_OK && mst_outputs() == 5 && mst_output_is(0, NULL, "1") && mst_output_is(2, "k", "more") && mst_output_is(4, "k", "more"));
  MST_CHECK(mst_output(1).timestamp == 8 && mst_output(2).timestamp == MS_INHERIT && mst_output(3).row == 0 && mst_output(4).row == 1);
  for (int n = 0; n < 5000; n++) mst_add((const char *)ms_format("%d", n % 1777).at, "v", 0);
  uint32_t calls = mst_called().get_many;
  MST_CHECK(mst_process() == MS_OK && mst_called().get_many == calls + 1 && has("a", "1776", "vv") && has("a", "0", "vvv"));
  MST_CHECK(mst_migrate("a", 1) == MS_FATAL);
  return 0;
}
