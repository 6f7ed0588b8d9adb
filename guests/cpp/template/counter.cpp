// {{name}}: counts the records of each key.
#include <millstream.hpp>

namespace ms = millstream;

// What is remembered: by key, how many records it had. Kept by the host, and there again after a restart.
inline constexpr ms::Store<std::uint64_t> counts{"counts"};

struct Counter {
  static ms::Description describe() { return {.name = "{{name}}", .version = "0.1.0", .stores = {counts}}; }
  static ms::Result<Counter> open(ms::Config &) { return Counter{}; }

  ms::Outcome process(const ms::Record &record, ms::Context &context) {
    auto seen = context.state(counts);
    if (!seen) return seen.stop();  // a record without a key is rejected
    seen->set(seen->value_or(0) + 1);
    context.emit({.key = record.key, .value = ms::Digits(**seen)});
    return ms::done;
  }
};
MILLSTREAM_OPERATOR(Counter)
