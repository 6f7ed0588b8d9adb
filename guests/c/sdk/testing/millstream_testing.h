// Runs an operator on the machine itself, without Wasm and without a host: hand over records, move time, look at what came out.
//
//     #include "testing/millstream_testing.h"
//
//     int main(void) {
//       MST_CHECK(mst_open(NULL) == MS_OK);
//       mst_add("k", "mill", 7);
//       MST_CHECK(mst_process() == MS_OK);
//       MST_CHECK(mst_output_is(0, "k", "MILL"));
//       return 0;
//     }
//
// Compile it with the operator, millstream.c and testing/millstream_testing.c; `pkg-config --variable=sources millstream` names the SDK's. What comes
// out is checked as the host checks it. State and timers last from call to call; of a call that fails nothing is kept. Nothing is freed: a test is short.
#ifndef MILLSTREAM_TESTING_H
#define MILLSTREAM_TESTING_H

#include "../millstream.h"

#ifdef __cplusplus
extern "C" {
#endif

// Ends the test with the place and the condition where that does not hold.
#define MST_CHECK(...) mst_check(!!(__VA_ARGS__), #__VA_ARGS__, __FILE__, __LINE__)
void mst_check(bool holds, const char *condition, const char *file, int line);

// Opens the operator anew, with a config (JSON; NULL: none) and all that it describes. State and timers of before are gone.
ms_outcome mst_open(const char *config);
// The same with state and timers as they are, as the host does with an instance in another one's place.
ms_outcome mst_reopen(const char *config);
// What the call before said as it failed.
ms_text mst_message(void);

// Adds to the next batch. NULL is null.
void mst_add(const char *key, const char *value, int64_t timestamp);
void mst_add_record(ms_record record);  // `row`, `offset` and `key_id` are set here
// Hands the batch over.
ms_outcome mst_process(void);
// Moves the watermark, or the clock, and fires what is due.
ms_outcome mst_advance(int64_t watermark);
ms_outcome mst_advance_now(int64_t now);
// Hands over rows of a store of an older version: those added. What is kept comes out as output.
ms_outcome mst_migrate(const char *store, uint32_t from_version);

// What came out since mst_take, in order. `row`: that of its batch that it was made from.
size_t mst_outputs(void);
ms_record mst_output(size_t number);
bool mst_output_is(size_t number, const char *key, const char *value);
size_t mst_rejects(void);
typedef struct {
  uint32_t row;
  uint16_t code;
  ms_text message;
} mst_reject;
mst_reject mst_reject_at(size_t number);
void mst_take(void);  // forgets outputs and rejects

// What a store has for a key; null: nothing.
ms_text mst_state(const char *store, ms_text key);
size_t mst_states(void);  // keys in all stores
size_t mst_timers(void);  // that wait
uint64_t mst_counter(const char *name);

// How often the operator called the host.
typedef struct {
  uint32_t get_many, put_many, scan;
} mst_calls;
mst_calls mst_called(void);

// The rule of the layout that a batch breaks, by the name that the host has for it; NULL: none.
const char *mst_broken_rule(const ms_batch *batch);

#ifdef __cplusplus
}
#endif
#endif
