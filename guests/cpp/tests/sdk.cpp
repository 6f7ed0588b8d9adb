// What C++ operators meet: state of several types, scans, headers, timers on both clocks, failures, JSON, migration.
#include <millstream_testing.hpp>

namespace ms = millstream;

struct Point {
  std::int32_t x, y;
  bool operator==(const Point &) const = default;
};
template <>
struct ms::Codec<Point> : ms::PlainCodec<Point> {};

inline constexpr ms::Store<std::string> texts{"texts", 2};
inline constexpr ms::Store<Point> points{"points"};

struct Trial {
  static ms::Description describe() { return {.name = "trial", .version = "1", .outputs = {"out", "other"}, .stores = {texts, points}}; }

  static ms::Result<Trial> open(ms::Config &config) {
    Trial op;
    op.greeting = config.get<std::string>("greeting", "hello");
    return op;
  }

  ms::Outcome process(const ms::Record &record, ms::Context &context) {
    ms::Bytes order = record.value.value_or("");
    if (order == "reject") return ms::reject(7, "told " + std::string(80, 'x'));
    if (order == "retry") return ms::retry("later");
    if (order == "headers") {
      context.emit({.headers = record.headers.with("greeting", greeting).with("none", std::nullopt), .port = "other", .partition = 3});
      return ms::done;
    }
    if (order == "scan") {
      return context.scan_prefix(texts, "k", [&](ms::Bytes key, const std::string &value) {
        context.emit({.key = key, .value = value});
        return ms::Outcome(ms::done);
      });
    }
    if (order == "timer") {
      ms::Timer timer{.at = context.now() + 10, .key = record.key, .payload = "p", .clock = ms::Clock::processing};
      context.set_timer(timer);
      context.set_timer(timer);
      context.set_timer({.at = 1, .key = record.key});
      context.delete_timer({.at = 1, .key = record.key});
      return ms::done;
    }
    if (order.starts_with('{')) {
      auto json = record.need_json();
      if (!json) return json.stop();
      context.emit({.key = (*json)["name"].text(), .value = std::to_string((*json)["list"].begin() == (*json)["list"].end() ? 0 : *(*(*json)["list"].begin()).i64())});
      return ms::done;
    }
    auto text = context.state(texts);
    if (!text) return text.stop();
    text->set(text->value_or("") + std::string(order));
    auto point = context.state_of(points, "shared");
    if (!point) return point.stop();
    auto [x, y] = point->value_or({0, 0});
    point->set({x + 1, y - 1});
    context.count("seen");
    return ms::done;
  }

  ms::Outcome on_timer(const ms::Timer &timer, ms::Context &context) {
    MST_CHECK(timer.clock == ms::Clock::processing && timer.payload == "p");
    auto text = context.state(texts);
    if (!text) return text.stop();
    context.emit({.key = timer.key, .value = text->value_or("none")});
    return ms::done;
  }

  static ms::Outcome migrate(ms::Bytes store, std::uint32_t from, const ms::Rows &rows) {
    MST_CHECK(store == "texts" && from == 1);
    for (std::uint32_t row = 0; row < rows.size(); row++)
      if (auto [key, value] = rows[row]; value != "old") rows.keep(key, std::string(value) + "!");
    return ms::done;
  }

  std::string greeting;
};
MILLSTREAM_OPERATOR(Trial)

int main() {
  for (std::uint64_t number : {std::uint64_t(0), std::uint64_t(9), std::uint64_t(10), std::uint64_t(12'345), ~std::uint64_t(0)})
    MST_CHECK(*ms::MaybeBytes(ms::Digits(number)) == std::to_string(number));

  ms::testing::Harness op(R"({"greeting":"good day"})");
  MST_CHECK(op.feed({{.key = "k1", .value = "a"}, {.key = "k2", .value = "b"}, {.key = "k1", .value = "c"}, {.value = "no key"}, {.key = "k", .value = "reject"}}));
  MST_CHECK(op.state(texts, "k1") == "ac" && op.state(points, "shared") == Point{3, -3} && op.counter("seen") == 3);
  auto rejects = op.take_rejects();
  MST_CHECK(rejects.size() == 2 && rejects[0].code == MS_NO_KEY && rejects[1].row == 4 && rejects[1].message == "told " + std::string(80, 'x'));

  ms::Outcome outcome = op.feed({{.key = "k1", .value = "lost"}, {.key = "k", .value = "retry"}});
  MST_CHECK(!outcome && outcome.stop().kind == ms::Stop::Kind::retry && outcome.stop().message == "later" && op.state(texts, "k1") == "ac");

  MST_CHECK(op.feed({{.key = "l", .value = "x"}, {.key = "k3", .value = "z"}, {.value = "scan"}}));
  auto out = op.take_outputs();
  MST_CHECK(out.size() == 3 && out[0].key == "k1" && out[2].key == "k3" && out[2].value == "z");

  MST_CHECK(op.feed({{.value = "headers", .headers = ms::Headers().with("a", "1")}}));
  out = op.take_outputs();
  MST_CHECK(out[0].port == "other" && out[0].headers["greeting"] == "good day" && !out[0].headers["none"] && !out[0].key);
  int seen = 0;
  for (auto [name, value] : out[0].headers) seen += name == "a" && value == "1" ? 1 : name == "none" && !value ? 10 : 100;
  MST_CHECK(seen == 111);

  MST_CHECK(op.feed({{.key = "k1", .value = "timer"}}) && op.timers() == 1 && op.advance_watermark(100) && op.timers() == 1);
  MST_CHECK(op.advance_now(10) && op.take_outputs()[0].value == "ac");

  MST_CHECK(op.feed({{.value = R"({"name":"\u0041","list":[3,{}]})"}, {.value = "{"}}));
  out = op.take_outputs();
  MST_CHECK(out[0].key == "A" && out[0].value == "3" && op.take_rejects()[0].code == MS_BAD_JSON);

  mst_add("a", "old", 0), mst_add("b", "new", 0);
  MST_CHECK(mst_migrate("texts", 1) == MS_OK);
  out = op.take_outputs();
  MST_CHECK(out.size() == 1 && out[0].key == "b" && out[0].value == "new!");
  MST_CHECK(ms::testing::Harness::refusal("[]") == "config: expected an object");
}
