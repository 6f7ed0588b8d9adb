// Keyed count: each record yields its key and how often that key was seen, as text. The value `poison` is rejected.
#include <millstream.hpp>

namespace ms = millstream;

inline constexpr ms::Store<std::uint64_t> counts{"counts"};
enum : std::uint16_t { POISONED = 1 };  // reject code

struct Count {
  static ms::Description describe() { return {.name = "count", .stores = {counts}}; }
  static ms::Result<Count> open(ms::Config &) { return Count{}; }

  ms::Outcome process(const ms::Record &record, ms::Context &context) {
    if (record.value == "poison") return ms::reject(POISONED, "poison");
    auto seen = context.state(counts);
    if (!seen) return seen.stop();
    std::uint64_t count = seen->value_or(0) + 1;
    seen->set(count);
    context.emit({.key = record.key, .value = ms::Digits(count)});
    return ms::done;
  }
};
MILLSTREAM_OPERATOR(Count)
