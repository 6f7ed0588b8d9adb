// What the SDK's own sources share; operators need none of it.
#ifndef MILLSTREAM_INTERNAL_H
#define MILLSTREAM_INTERNAL_H

#include "millstream.h"

// Where the pointer of an empty list points: it must lie in memory like any other.
extern const uint8_t ms_nothing[1];

// Gives back what malloc gave, or ends the instance: out of memory is the host's limit.
void *ms_must(void *memory);

// As the boundary has it: 16 bytes in Wasm.
typedef struct {
  uint32_t row;
  uint16_t code;
  const uint8_t *message;
  size_t message_bytes;
} ms_rejection;

// What the current call has asked for so far.
typedef struct {
  ms_row *rows;              // of its input
  ms_builder timers, kept;   // outputs are in ms_emitted
  ms_rejection *rejects;
  size_t rejects_n, rejects_room;
  ms_text failure;
} ms_call;
extern ms_call ms_current;

void ms_begin_call(const ms_batch *input);  // forgets what the call before asked for; NULL: it has no rows
void ms_end_call(void);                     // takes back the memory that it was given

// What a builder has, once all is in it.
ms_batch ms_built(const ms_builder *builder);

// Finds the declared ports and stores among those given, then opens the operator.
ms_outcome ms_open_with(const ms_setup *setup);

// A tree in memory that lasts as long as the instance.
ms_json *ms_json_read_forever(ms_text text, ms_text *why);

#endif
