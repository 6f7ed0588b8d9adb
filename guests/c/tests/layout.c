// The shared vectors of the packing: read as they say, written to the same bytes, refused for the rule they break.
#include "../operators/identity/identity.c"
#include "../sdk/internal.h"
#include "testing/millstream_testing.h"

#include <stdio.h>
#include <stdlib.h>

static ms_text read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  MST_CHECK(file != NULL);
  size_t room = 16 << 20;
  uint8_t *text = ms_alloc_forever(room);
  size_t bytes = fread(text, 1, room, file);
  MST_CHECK(bytes < room && fclose(file) == 0);
  return ms_bytes(text, bytes);
}

static const ms_json *field(const ms_json *object, const char *name) {
  const ms_json *found = ms_json_field(object, ms_text_of(name));
  MST_CHECK(found != NULL);
  return found;
}

static uint8_t digit(uint8_t c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

// Bytes that end where their memory does, so that a look past them is seen. Null is null.
static ms_text hex(const ms_json *value) {
  if (value->kind == MS_JSON_NULL) return MS_NULL;
  size_t bytes = value->text.bytes / 2;
  uint8_t *at = malloc(bytes ? bytes : 1);
  MST_CHECK(at != NULL);
  for (size_t n = 0; n < bytes; n++) at[n] = (uint8_t)(digit(value->text.at[2 * n]) << 4 | digit(value->text.at[2 * n + 1]));
  return ms_bytes(at, bytes);
}

static ms_batch batch_of(const ms_json *vector) {
  ms_text index = hex(field(vector, "index")), arena = hex(field(vector, "arena"));
  return (ms_batch){(const ms_row *)index.at, index.bytes, arena.at, arena.bytes};
}

static int64_t number(const ms_json *row, const char *name) {
  int64_t found;
  MST_CHECK(ms_json_i64(field(row, name), &found));
  return found;
}

static void headers_are(ms_text packed, const ms_json *expected) {
  ms_text name, value;
  ms_headers headers = ms_headers_of(packed);
  for (const ms_json *pair = expected->first; pair; pair = pair->next) {
    MST_CHECK(ms_next_header(&headers, &name, &value));
    MST_CHECK(ms_equal(name, pair->first->text) && ms_equal(value, hex(pair->first->next)));
  }
  MST_CHECK(!ms_next_header(&headers, &name, &value));
}

static ms_text packed(const ms_json *headers) {
  ms_text packed = MS_NULL;
  for (const ms_json *pair = headers->first; pair; pair = pair->next) packed = ms_add_header(packed, pair->first->text, hex(pair->first->next));
  return packed;
}

static void is_read_and_written(const ms_json *vector) {
  ms_batch batch = batch_of(vector);
  ms_builder built = {0};
  uint32_t n = 0;
  MST_CHECK(mst_broken_rule(&batch) == NULL);
  for (const ms_json *row = field(vector, "rows")->first; row; row = row->next, n++) {
    MST_CHECK(n < ms_rows(&batch));
    ms_record record = ms_at(&batch, n);
    MST_CHECK(ms_equal(record.key, hex(field(row, "key"))) && ms_equal(record.value, hex(field(row, "value"))));
    MST_CHECK(record.port == number(row, "port") && record.timestamp == number(row, "timestamp") && record.offset == number(row, "offset"));
    MST_CHECK(record.partition == number(row, "partition") && record.key_id == number(row, "key_id") && record.row == n);
    headers_are(record.headers, field(row, "headers"));
    ms_row fields = {.port = record.port, .timestamp = record.timestamp, .offset = record.offset, .partition = record.partition, .key_id = record.key_id};
    ms_push(&built, record.key, record.value, packed(field(row, "headers")), fields);
  }
  MST_CHECK(n == ms_rows(&batch));
  MST_CHECK(ms_equal(ms_bytes(built.index ? built.index : ms_nothing, built.index_bytes), ms_bytes(batch.index, batch.index_bytes)));
  MST_CHECK(ms_equal(ms_bytes(built.arena ? built.arena : ms_nothing, built.arena_bytes), ms_bytes(batch.arena, batch.arena_bytes)));
}

// No cut of a batch is read outside of it; the sanitizer sees to that.
static void is_refused_when_cut(const ms_json *vector) {
  ms_batch batch = batch_of(vector), cut = batch;
  for (cut.index_bytes = 0; cut.index_bytes < batch.index_bytes; cut.index_bytes++) {
    ms_text index = hex(field(vector, "index"));
    uint8_t *at = malloc(cut.index_bytes + 1);
    memcpy(at, index.at, cut.index_bytes);
    cut.index = (const ms_row *)at;
    MST_CHECK(mst_broken_rule(&cut) != NULL || cut.index_bytes % sizeof(ms_row) == 0);
    free(at);
  }
  cut = batch;
  for (cut.arena_bytes = 0; cut.arena_bytes < batch.arena_bytes; cut.arena_bytes++) MST_CHECK(mst_broken_rule(&cut) != NULL);
}

int main(int arguments, char **argument) {
  MST_CHECK(arguments == 2);
  ms_text why = MS_NULL;
  const ms_json *all = ms_json_read_forever(read_file(argument[1]), &why);
  MST_CHECK(all != NULL);
  int valid = 0, invalid = 0;
  for (const ms_json *vector = field(all, "valid")->first; vector; vector = vector->next, valid++) {
    is_read_and_written(vector);
    if (batch_of(vector).arena_bytes < 1000) is_refused_when_cut(vector);
  }
  for (const ms_json *vector = field(all, "invalid")->first; vector; vector = vector->next, invalid++) {
    ms_batch batch = batch_of(vector);
    const char *broken = mst_broken_rule(&batch);
    MST_CHECK(broken != NULL && ms_equal(ms_text_of(broken), field(vector, "error")->text));
  }
  MST_CHECK(valid >= 10 && invalid >= 20);
  return 0;
}
