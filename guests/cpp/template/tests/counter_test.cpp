// Runs the operator on this machine: `make test`.
#include "../counter.cpp"

#include <millstream_testing.hpp>

int main() {
  ms::testing::Harness op;
  MST_CHECK(op.feed({{.key = "ann", .value = "x"}, {.key = "bob", .value = "x"}, {.key = "ann", .value = "x"}, {.value = "x"}}));
  auto out = op.take_outputs();
  MST_CHECK(out.size() == 3 && out[0].value == "1" && out[1].value == "1" && out[2].value == "2");
  MST_CHECK(op.state(counts, "ann") == 2);
  MST_CHECK(op.take_rejects()[0].code == MS_NO_KEY);
}
