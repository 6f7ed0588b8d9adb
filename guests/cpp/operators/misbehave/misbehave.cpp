// Misbehaves on demand, to test hosts: a record's value is the order, `name` or `name:number`; whatever is no order is passed on.
//
//   panic, trap, abort, exit, divide   end the instance
//   value, index                       take the value of a Result that failed, an element that a vector does not have
//   wild                               reads past the end of memory
//   smash                              overwrites all of its own memory and returns
//   loop, recurse, memory              never end
//   long                               returns a list longer than memory
//   bad-length, bad-ends, bad-arena, bad-flags, bad-port, bad-row, bad-headers, bad-overlap    break a rule of the layout
//   bad-timer                          asks for a timer with a port that means nothing
//   bad-reject                         rejects a row that the batch does not have
//   huge:n, tiny:n, timers:n           emits n records of 1 MiB (default 1,024), n empty ones, sets n timers (default 1,000,000)
//   storm:n, logs:n, counters:n        calls the host n times (10,000,000), logs n messages of 8 KiB (131,072), counts under n names (10,000)
//   long-key:n, long-value:n, many-keys:n    writes a state key of n bytes (1 MiB), a value of n bytes (64 MiB), n keys (1,000,000)
//   forgetful                          emits how many records this instance has seen: what an operator must not do
//   reject:n, retry, fatal             rejects with code n (default 1), fails for now, fails for good
//
// Config: `open` = `panic`, `loop`, `memory` or `fatal`, done while opening; `panic-on` = values at which to panic, for traps in the middle of a batch;
// `on-timer` = an order for when a timer fires (`later` as a value sets one at the record's time).
#include "misbehave.hpp"

#include <charconv>

inline constexpr ms::Store<std::string> state{"state"};
constexpr std::uint64_t MIB = 1 << 20;

namespace {

// An order's name, and the number after it or what stands for it.
struct Order {
  ms::Bytes name;
  std::optional<std::uint64_t> number;

  static std::optional<Order> parse(ms::Bytes text) {
    std::size_t colon = text.find(':');
    if (colon == ms::Bytes::npos) return Order{text, std::nullopt};
    std::uint64_t number;
    auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return Order{text.substr(0, colon), number};
  }

  std::uint64_t times(std::uint64_t otherwise) const { return number.value_or(otherwise); }
};

ms::Outcome write(ms::Context &context, ms::Bytes key, std::string value) {
  auto entry = context.state_of(state, key);
  if (!entry) return entry.stop();
  entry->set(std::move(value));
  return ms::done;
}

ms::Outcome write_many(ms::Context &context, std::uint64_t n) {
  for (std::uint64_t key = 0; key < n; key++) {
    std::uint64_t swapped = __builtin_bswap64(key);
    if (auto outcome = write(context, {reinterpret_cast<const char *>(&swapped), sizeof swapped}, "v"); !outcome) return outcome;
  }
  return ms::done;
}

// What there is too much of. std::nullopt: no such order.
std::optional<ms::Outcome> too_much(const Order &order, ms::Context &context) {
  auto repeat = [&](std::uint64_t otherwise, auto what) {
    for (std::uint64_t n = 0; n < order.times(otherwise); n++) what(n);
    return ms::Outcome(ms::done);
  };
  std::string value(order.name == "huge" ? MIB : 0, 'x'), text(8192, 'x');
  if (order.name == "huge") return repeat(1024, [&](auto) { context.emit({.value = value}); });
  if (order.name == "tiny") return repeat(1'000'000, [&](auto) { context.emit({.value = value}); });
  if (order.name == "timers") return repeat(1'000'000, [&](auto n) { context.set_timer({.at = static_cast<std::int64_t>(n)}); });
  if (order.name == "storm") return repeat(10'000'000, [&](auto) { context.count("storm"); });
  if (order.name == "logs") return repeat(131'072, [&](auto) { context.log(ms::Level::info, text); });
  if (order.name == "counters") return repeat(10'000, [&](auto n) { context.count("counter-" + std::to_string(n)); });
  if (order.name == "long-key") return write(context, std::string(order.times(MIB), 'k'), "");
  if (order.name == "long-value") return write(context, "k", std::string(order.times(64 * MIB), 'v'));
  if (order.name == "many-keys") return write_many(context, order.times(1'000'000));
  return std::nullopt;
}

// Carries out an order; std::nullopt: it is none.
std::optional<ms::Outcome> obey(ms::Bytes given, std::uint32_t row, ms::Context &context) {
  std::optional<Order> order = Order::parse(given);
  if (!order) return std::nullopt;
  do_wrong(order->name);
  if (order->name == "smash" || break_rule(order->name, row)) return ms::done;
  if (order->name == "long") return ms_reject(row, 1, ms_bytes(reinterpret_cast<const void *>(16), 0xFFFFFFF0)), ms::done;
  if (order->name == "reject") return ms::reject(static_cast<std::uint16_t>(order->times(1)), "told to reject");
  if (order->name == "retry") return ms::retry("told to retry");
  if (order->name == "fatal") return ms::fatal("told to fail");
  return too_much(*order, context);
}

}  // namespace

class Misbehave {
 public:
  static ms::Description describe() { return {.name = "misbehave", .inputs = {}, .stores = {state}}; }

  static ms::Result<Misbehave> open(ms::Config &config) {
    Misbehave op;
    std::string open = config.get<std::string>("open");
    op.on_timer_ = config.get<std::string>("on-timer");
    op.panic_on_ = config.get<ms::Json>("panic-on");
    if (open.empty()) return op;
    if (open == "fatal") return ms::fatal("told to fail while opening");
    do_wrong(open);
    return ms::fatal("config: `open`: unknown order `" + open + "`");
  }

  ms::Outcome process(const ms::Record &record, ms::Context &context) {
    seen_++;
    for (ms::Json value : panic_on_)
      if (value.text() == record.value) ms::panic("told to panic on `" + std::string(record.value.value_or("")) + "`");
    ms::Bytes value = record.value.value_or("");
    if (value == "forgetful") {
      ms::Out out = ms::Out::of(record);
      std::string seen = std::to_string(seen_);
      out.value = seen;
      context.emit(out);
      return ms::done;
    }
    if (value == "later") {
      auto time = record.need_time();
      if (!time) return time.stop();
      context.set_timer({.at = *time, .key = record.key, .payload = "later"});
      return ms::done;
    }
    if (auto outcome = obey(value, record.row, context)) return *outcome;
    context.forward(record);
    return ms::done;
  }

  ms::Outcome on_timer(const ms::Timer &timer, ms::Context &context) {
    if (!on_timer_.empty())
      if (auto outcome = obey(on_timer_, 0, context)) return *outcome;
    context.emit({.key = timer.key, .value = timer.payload});
    return ms::done;
  }

  // Each access of a key is a call to the host: nothing is read ahead.
  void prefetch(const ms::Record &, ms::Keys &) {}

 private:
  ms::Json panic_on_;
  std::string on_timer_;
  std::uint64_t seen_ = 0;
};
MILLSTREAM_OPERATOR(Misbehave)
