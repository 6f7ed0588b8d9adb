// The window operator, and with it keys of its own, timers, a second port, and state that outlives the instance.
#include "../operators/window/window.c"
#include "testing/millstream_testing.h"

int main(void) {
  MST_CHECK(mst_open("{\"size_ms\":0}") == MS_FATAL && ms_contains(mst_message(), ms_text_of("`size_ms`")));
  MST_CHECK(mst_open("{\"size_ms\":100,\"lateness_ms\":50}") == MS_OK);
  mst_add("a", "1", 0), mst_add("a", " 2\n", 99), mst_add("a", "5", 100), mst_add("b", "-7", -1);
  MST_CHECK(mst_process() == MS_OK && mst_states() == 3 && mst_timers() == 3);
  MST_CHECK(mst_called().get_many == 1 && mst_called().put_many == 1);
  MST_CHECK(mst_advance(50) == MS_OK && mst_outputs() == 1);
  MST_CHECK(mst_output_is(0, "b", "{\"start\":-100,\"end\":0,\"count\":1,\"sum\":-7}") && mst_output(0).timestamp == -1);

  MST_CHECK(mst_reopen("{\"size_ms\":100,\"lateness_ms\":50}") == MS_OK);
  MST_CHECK(mst_advance(149) == MS_OK);
  mst_add("a", "4", 20);
  MST_CHECK(mst_process() == MS_OK && mst_advance(150) == MS_OK);
  MST_CHECK(mst_output_is(1, "a", "{\"start\":0,\"end\":100,\"count\":3,\"sum\":7}"));
  mst_add("a", "8", 30), mst_add("a", "x", 200), mst_add("a", "9", MS_INHERIT), mst_add(NULL, "9", 200), mst_add("a", NULL, 200);
  MST_CHECK(mst_process() == MS_OK && mst_output(2).port == LATE && mst_output_is(2, "a", "8") && mst_rejects() == 4);
  MST_CHECK(mst_reject_at(0).code == NOT_A_NUMBER && mst_reject_at(1).code == MS_NO_TIME && mst_reject_at(2).code == MS_NO_KEY && mst_reject_at(3).code == MS_BAD_TEXT);
  MST_CHECK(mst_advance(INT64_MAX) == MS_OK && mst_states() == 0 && mst_timers() == 0);
  return 0;
}
