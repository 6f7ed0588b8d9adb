// The host's side of a test: state in sorted memory, counters, and the calls counted.
#include <stdlib.h>

#include "host.h"

mst_host mst_the_host;

void *mst_grow(void *items, size_t used, size_t *room, size_t item_bytes) {
  if (used < *room) return items;
  *room = *room ? 2 * *room : 64;
  return ms_must(realloc(items, *room * item_bytes));
}

static int compare_text(ms_text a, ms_text b) {
  size_t shorter = a.bytes < b.bytes ? a.bytes : b.bytes;
  int order = shorter ? memcmp(a.at, b.at, shorter) : 0;
  return order ? order : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

int mst_compare(const mst_pair *a, const mst_pair *b) {
  if (a->number != b->number) return a->number < b->number ? -1 : 1;
  int order = compare_text(a->key, b->key);
  return order ? order : compare_text(a->value, b->value);
}

// Where a key is, or would be.
static size_t place_of(const mst_pairs *state, int64_t store, ms_text key) {
  mst_pair wanted = {store, 0, key, MS_NULL};
  size_t place = 0;
  while (place < state->n && mst_compare(&state->all[place], &wanted) < 0) place++;
  return place;
}

static mst_pair *find(const mst_pairs *state, int64_t store, ms_text key) {
  size_t place = place_of(state, store, key);
  return place < state->n && state->all[place].number == store && ms_equal(state->all[place].key, key) ? &state->all[place] : NULL;
}

void mst_insert(mst_pairs *pairs, size_t place, mst_pair pair) {
  pairs->all = mst_grow(pairs->all, pairs->n, &pairs->room, sizeof pair);
  memmove(&pairs->all[place + 1], &pairs->all[place], (pairs->n - place) * sizeof pair);
  pairs->all[place] = pair;
  pairs->n++;
}

void mst_remove(mst_pairs *pairs, size_t place) {
  pairs->n--;
  memmove(&pairs->all[place], &pairs->all[place + 1], (pairs->n - place) * sizeof *pairs->all);
}

mst_pairs mst_copy(const mst_pairs *pairs) {
  mst_pairs copy = {ms_alloc_forever(pairs->n * sizeof *pairs->all), pairs->n, pairs->n};
  if (pairs->n) memcpy(copy.all, pairs->all, pairs->n * sizeof *pairs->all);
  return copy;
}

static void put(int64_t store, ms_text key, ms_text value) {
  mst_pairs *state = &mst_the_host.state;
  mst_pair *found = find(state, store, key);
  if (!value.at) {
    if (found) mst_remove(state, (size_t)(found - state->all));
  } else if (found) {
    found->value = ms_forever(value);
  } else {
    mst_insert(state, place_of(state, store, key), (mst_pair){store, 0, ms_forever(key), ms_forever(value)});
  }
}

ms_text mst_state(const char *store, ms_text key) {
  const ms_description *d = ms_describe();
  for (size_t n = 0; n < d->stores_n; n++) {
    const mst_pair *found = ms_equal(d->stores[n].name, ms_text_of(store)) ? find(&mst_the_host.state, (int64_t)n, key) : NULL;
    if (found) return found->value;
  }
  return MS_NULL;
}

size_t mst_states(void) { return mst_the_host.state.n; }

// ---- What the boundary does in Wasm

static ms_batch answer(const ms_builder *built) { return (ms_batch){(const ms_row *)built->index, built->index_bytes, built->arena, built->arena_bytes}; }

static ms_batch asked(const ms_builder *rows) {
  ms_batch batch = answer(rows);
  MST_CHECK(mst_the_host.is_in_call && mst_broken_rule(&batch) == NULL);
  return batch;
}

ms_batch ms_get_many(const ms_builder *keys) {
  ms_batch batch = asked(keys);
  ms_builder found = {0};
  mst_the_host.calls.get_many++;
  for (uint32_t row = 0; row < ms_rows(&batch); row++) {
    ms_record key = ms_at(&batch, row);
    MST_CHECK(key.key.at != NULL && key.port < ms_describe()->stores_n);
    const mst_pair *pair = find(&mst_the_host.state, key.port, key.key);
    ms_push(&found, key.key, pair ? pair->value : MS_NULL, MS_NULL, batch.index[row]);
  }
  return answer(&found);
}

void ms_put_many(const ms_builder *rows) {
  ms_batch batch = asked(rows);
  mst_the_host.calls.put_many++;
  for (uint32_t row = 0; row < ms_rows(&batch); row++) {
    ms_record pair = ms_at(&batch, row);
    MST_CHECK(pair.key.at != NULL && pair.port < ms_describe()->stores_n);
    put(pair.port, pair.key, pair.value);
  }
}

// A page of a test has two rows, so that paging is met.
ms_batch ms_scan(uint16_t store, ms_text begin, ms_text end, uint32_t limit, bool *done) {
  ms_builder found = {0};
  const mst_pairs *state = &mst_the_host.state;
  uint32_t most = limit && limit < 2 ? limit : 2;
  mst_the_host.calls.scan++;
  size_t place = place_of(state, store, begin);
  for (; place < state->n && state->all[place].number == store; place++) {
    const mst_pair *pair = &state->all[place];
    if (end.bytes && compare_text(pair->key, end) >= 0) break;
    if (found.index_bytes == most * sizeof(ms_row)) return *done = false, answer(&found);
    ms_push(&found, pair->key, pair->value, MS_NULL, (ms_row){.port = store, .timestamp = MS_INHERIT, .partition = MS_NONE, .key_id = MS_NONE});
  }
  return *done = true, answer(&found);
}

void ms_log(uint8_t level, ms_text message) {
  static const char *const names[] = {"error", "warn", "info", "debug"};
  fprintf(stderr, "%s: %.*s\n", names[level & 3], (int)message.bytes, (const char *)message.at);
}

void ms_count(ms_text name, uint64_t delta) {
  mst_pairs *counters = &mst_the_host.counters;
  mst_pair *found = find(counters, 0, name);
  uint64_t count = delta;
  if (found) memcpy(&count, found->value.at, sizeof count), count += delta;
  ms_text bytes = ms_forever(ms_bytes(&count, sizeof count));
  if (found) found->value = bytes;
  else mst_insert(counters, place_of(counters, 0, name), (mst_pair){0, 0, ms_forever(name), bytes});
}

uint64_t mst_counter(const char *name) {
  const mst_pair *found = find(&mst_the_host.counters, 0, ms_text_of(name));
  uint64_t count = 0;
  if (found) memcpy(&count, found->value.at, sizeof count);
  return count;
}

mst_calls mst_called(void) { return mst_the_host.calls; }
