// Misbehaves on demand, to test hosts, in the ways that C has: a record's value is the order, whatever is none is passed on.
//
//   trap, abort, exit, divide   end the instance
//   wild                        reads past the end of memory
//   smash                       overwrites all of its own memory and returns
//   loop, recurse, memory       never end
//   bad-row                     returns outputs that no host may accept
//   long                        returns a list longer than memory
//   reject, retry, fatal        reject, fail for now, fail for good
#include "millstream.h"

#include <stdlib.h>

static const ms_text INPUTS[] = {MS_TEXT("in")}, OUTPUTS[] = {MS_TEXT("out")};

const ms_description *ms_describe(void) {
  static const ms_description description = {
      .name = MS_TEXT("misbehave"), .version = MS_TEXT("0.1.0"), .inputs = INPUTS, .inputs_n = 1, .outputs = OUTPUTS, .outputs_n = 1};
  return &description;
}

ms_outcome ms_open(const ms_setup *setup) {
  (void)setup;
  return MS_OK;
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

static ms_outcome obey(ms_text order, uint32_t row, ms_record record) {
#define IS(name) ms_equal(order, ms_text_of(name))
  if (IS("trap")) __builtin_trap();
  else if (IS("abort")) abort();
  else if (IS("exit")) exit(3);
  else if (IS("divide")) sink = 100 / sink;
  else if (IS("wild")) sink = *(volatile uint32_t *)0xFFFFFF00;
  else if (IS("smash")) smash();
  else if (IS("loop")) for (;;) sink++;
  else if (IS("recurse")) sink = recurse(sink);
  else if (IS("memory")) for (;;) sink = *(volatile uint8_t *)memset(malloc(1 << 20) ?: (__builtin_trap(), (void *)0), 1, 1 << 20);
  else if (IS("bad-row")) ms_emit((ms_out){.row = 0x7FFFFFFF, .key = record.key});
  else if (IS("long")) ms_reject(row, 1, (ms_text){(const uint8_t *)16, 0xFFFFFFF0});
  else if (IS("reject")) ms_reject(row, 1, ms_text_of("told to reject"));
  else if (IS("retry")) return ms_retry(ms_text_of("told to retry"));
  else if (IS("fatal")) return ms_fatal(ms_text_of("told to fail"));
  else ms_emit((ms_out){.row = row, .key = record.key, .value = record.value});
  return MS_OK;
}

ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
  (void)context;
  for (uint32_t row = 0; row < ms_rows(input); row++) {
    ms_record record = ms_at(input, row);
    ms_outcome outcome = obey(record.value, row, record);
    if (outcome != MS_OK) return outcome;
  }
  return MS_OK;
}
