// What the files of the harness share.
#ifndef MILLSTREAM_TEST_HOST_H
#define MILLSTREAM_TEST_HOST_H

#include <stdio.h>

#include "../internal.h"
#include "millstream_testing.h"

// State: store, key, value. Timers: due time, clock, key, payload.
typedef struct {
  int64_t number;
  uint16_t clock;
  ms_text key, value;
} mst_pair;

typedef struct {
  mst_pair *all;
  size_t n, room;
} mst_pairs;

typedef struct {
  mst_pairs state, timers, counters;
  mst_calls calls;
  bool is_in_call;  // state may be read
} mst_host;
extern mst_host mst_the_host;

void *mst_grow(void *items, size_t used, size_t *room, size_t item_bytes);
int mst_compare(const mst_pair *a, const mst_pair *b);
void mst_insert(mst_pairs *pairs, size_t place, mst_pair pair);
void mst_remove(mst_pairs *pairs, size_t place);
mst_pairs mst_copy(const mst_pairs *pairs);

#endif
