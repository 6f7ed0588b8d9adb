// Runs the operator on this machine: `make test`.
#include "../counter.c"

#include <testing/millstream_testing.h>

int main(void) {
  MST_CHECK(mst_open(NULL) == MS_OK);
  mst_add("ann", "x", 1), mst_add("bob", "x", 2), mst_add("ann", "x", 3), mst_add(NULL, "x", 4);
  MST_CHECK(mst_process() == MS_OK);
  MST_CHECK(mst_outputs() == 3 && mst_output_is(0, "ann", "1") && mst_output_is(1, "bob", "1") && mst_output_is(2, "ann", "2"));
  MST_CHECK(mst_rejects() == 1 && mst_reject_at(0).code == MS_NO_KEY);
  return 0;
}
