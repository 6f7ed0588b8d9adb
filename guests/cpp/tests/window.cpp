// The window operator, and with it keys of its own, timers, a second port, and state that outlives the instance.
#include "../operators/window/window.cpp"

#include <millstream_testing.hpp>

int main() {
  using ms::testing::Harness;
  MST_CHECK(Harness::refusal(R"({"size_ms":0})").find("`size_ms`") != std::string::npos);
  MST_CHECK(Harness::refusal("") == "config: missing field `size_ms`");
  MST_CHECK(Harness::refusal(R"({"size_ms":1,"sise":2})") == "config: unknown field `sise`");

  Harness op(R"({"size_ms":100,"lateness_ms":50})");
  MST_CHECK(op.feed({{.key = "a", .value = "1", .timestamp = 0}, {.key = "a", .value = " 2\n", .timestamp = 99}, {.key = "b", .value = "-7", .timestamp = -1}}));
  MST_CHECK(op.states() == 2 && op.timers() == 2 && op.calls().get_many == 1 && op.calls().put_many == 1);
  MST_CHECK(op.advance_watermark(50));
  auto out = op.take_outputs();
  MST_CHECK(out.size() == 1 && out[0].key == "b" && out[0].value == R"({"start":-100,"end":0,"count":1,"sum":-7})" && out[0].timestamp == -1);
  MST_CHECK(op.state(windows, std::string("a") + packed(0))->count == 2);

  op.reopen(R"({"size_ms":100,"lateness_ms":50})");
  MST_CHECK(op.advance_watermark(150));
  MST_CHECK(op.take_outputs()[0].value == R"({"start":0,"end":100,"count":2,"sum":3})");
  MST_CHECK(op.feed({{.key = "a", .value = "8", .timestamp = 30},
                       {.key = "a", .value = "x", .timestamp = 200},
                       {.key = "a", .value = "9"},
                       {.value = "9", .timestamp = 200},
                       {.key = "a", .timestamp = 200}}));
  out = op.take_outputs();
  MST_CHECK(out.size() == 1 && out[0].port == "late" && out[0].value == "8");
  auto rejects = op.take_rejects();
  MST_CHECK(rejects.size() == 4 && rejects[0].code == NOT_A_NUMBER && rejects[1].code == MS_NO_TIME && rejects[2].code == MS_NO_KEY && rejects[3].code == MS_BAD_TEXT);
  MST_CHECK(op.states() == 0 && op.timers() == 0);
}
