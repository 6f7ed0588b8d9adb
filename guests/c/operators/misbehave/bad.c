// What is wrong: results that break a rule, one each, and what C does not check.
#include <stdlib.h>

#include "misbehave.h"

static void append(ms_builder *to, ms_row row) {
  ms_push(to, ms_text_of("k"), ms_text_of("v"), MS_NULL, row);
  // Ends and flags are the SDK's to set: here they are not what they should be.
  memcpy(to->index + to->index_bytes - sizeof row, &row, sizeof row);
}

bool break_rule(ms_text order, uint32_t row) {
  // A row with key `k` and value `v`.
  ms_row good = {.key_end = 1, .value_end = 2, .headers_end = 2, .timestamp = MS_INHERIT, .offset = row, .partition = MS_NONE, .key_id = MS_NONE};
  ms_row bad = good;
  if (IS(order, "bad-reject")) return ms_reject(UINT32_MAX, 1, ms_text_of("")), true;
  if (IS(order, "bad-timer")) return bad.port = 9, ms_clear(ms_timers()), append(ms_timers(), bad), true;
  bool short_index = IS(order, "bad-length"), headers = IS(order, "bad-headers"), overlap = IS(order, "bad-overlap");
  if (IS(order, "bad-ends")) bad.key_end = 2, bad.value_end = 1;
  else if (IS(order, "bad-arena")) bad.value_end = bad.headers_end = UINT32_MAX;
  else if (IS(order, "bad-flags")) bad.flags = 0x8000;
  else if (IS(order, "bad-port")) bad.port = 7;
  else if (IS(order, "bad-row")) bad.offset = -1;
  else if (headers) bad.flags = MS_HAS_HEADERS, bad.headers_end = 4;
  else if (!short_index && !overlap) return false;
  ms_builder *outputs = ms_outputs();
  ms_clear(outputs);
  // With `bad-overlap` the second row begins before the first ends.
  if (overlap) append(outputs, good);
  append(outputs, bad);
  if (headers) memset(outputs->arena + 2, 0xFF, 2), outputs->arena_bytes = 4;
  else outputs->arena_bytes = 2;
  outputs->index_bytes -= short_index;
  return true;
}

static volatile uint32_t sink;

static uint32_t recurse(uint32_t depth) {
  volatile uint32_t here[64];
  here[depth % 64] = depth;
  return recurse(depth + 1) + here[(depth + 1) % 64];
}

static void smash(void) {
  // Above the stack, which is first: the return must still work for the host to meet what is left.
  volatile uint8_t *memory = (volatile uint8_t *)0;
  for (size_t at = 300 << 10; at < __builtin_wasm_memory_size(0) * 65536; at++) memory[at] = 0xFF;
}

static void eat_memory(void) {
  for (;;) {
    void *eaten = malloc(1 << 20);
    if (!eaten) __builtin_trap();
    sink = *(volatile uint8_t *)memset(eaten, 1, 1 << 20);
  }
}

void do_wrong(ms_text order) {
  if (IS(order, "panic")) ms_panic(ms_text_of("told to panic"));
  else if (IS(order, "trap")) __builtin_trap();
  else if (IS(order, "abort")) abort();
  else if (IS(order, "exit")) exit(3);
  else if (IS(order, "divide")) sink = 100 / sink;
  else if (IS(order, "wild")) sink = *(volatile uint32_t *)0xFFFFFF00;
  else if (IS(order, "smash")) smash();
  else if (IS(order, "loop")) for (;;) sink++;
  else if (IS(order, "recurse")) sink = recurse(sink);
  else if (IS(order, "memory")) eat_memory();
}
