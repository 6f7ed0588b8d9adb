// Joins two inputs, `left` and `right`, by key: every pair whose times are at most `within_ms` apart yields one record.
//
// Value: the left value, `separator`, the right value; timestamp: the later of the two. Both sides wait in state and are forgotten, by a timer, when no
// partner can come any more. A record that comes later than that goes to the port `late`.
#include <algorithm>
#include <limits>
#include <millstream.hpp>

namespace ms = millstream;

enum : std::uint16_t { NO_VALUE = 1 };  // reject code: a record without value has nothing to join

// One side's records of a key that still wait, in the order in which they came.
struct Waiting {
  struct One {
    std::int64_t time;
    std::string value;
  };
  std::vector<One> all;
};

// Per record time (i64), length (u32), bytes.
template <>
struct ms::Codec<Waiting> {
  static constexpr std::size_t HEAD_BYTES = 12;

  static std::optional<Waiting> decode(ms::Bytes bytes) {
    Waiting waiting;
    while (!bytes.empty()) {
      if (bytes.size() < HEAD_BYTES) return std::nullopt;
      std::int64_t time;
      std::uint32_t length;
      std::memcpy(&time, bytes.data(), sizeof time);
      std::memcpy(&length, bytes.data() + sizeof time, sizeof length);
      bytes.remove_prefix(HEAD_BYTES);
      if (bytes.size() < length) return std::nullopt;
      waiting.all.push_back({time, std::string(bytes.substr(0, length))});
      bytes.remove_prefix(length);
    }
    return waiting;
  }

  static void encode(const Waiting &waiting, std::string &to) {
    for (const auto &[time, value] : waiting.all) {
      auto length = static_cast<std::uint32_t>(value.size());
      to.append(reinterpret_cast<const char *>(&time), sizeof time).append(reinterpret_cast<const char *>(&length), sizeof length).append(value);
    }
  }
};

inline constexpr ms::Store<Waiting> sides[] = {{"left"}, {"right"}};

class Join {
 public:
  static ms::Description describe() {
    return {.name = "join", .inputs = {"left", "right"}, .outputs = {"out", "late"}, .stores = {sides[0], sides[1]}};
  }

  static ms::Result<Join> open(ms::Config &config) {
    Join op;
    op.within_ms_ = config.need<std::int64_t>("within_ms");
    op.separator_ = config.get<std::string>("separator", "|");
    if (op.within_ms_ < 0) return ms::fatal("config: `within_ms` must be at least 0");
    return op;
  }

  ms::Outcome process(const ms::Record &record, ms::Context &context) {
    auto time = record.need_time();
    if (!time) return time.stop();
    if (!record.value) return ms::reject(NO_VALUE, "a record to join needs a value");
    if (forgotten_at(*time) <= context.watermark()) {
      ms::Out late = ms::Out::of(record);
      late.port = "late";
      context.emit(late);
      return ms::done;
    }
    auto partners = context.state(sides[1 - record.port]);
    if (!partners) return partners.stop();
    auto own = context.state(sides[record.port]);
    if (!own) return own.stop();
    Waiting waiting = own->value_or({});
    waiting.all.push_back({*time, std::string(*record.value)});
    own->set(std::move(waiting));
    context.set_timer({.at = forgotten_at(*time), .key = record.key});
    if (!*partners) return ms::done;
    for (const auto &[other_time, other] : (*partners)->all) {
      if (apart(*time, other_time) > static_cast<std::uint64_t>(within_ms_)) continue;
      ms::Bytes left = *record.value, right = other;
      if (record.port == 1) std::swap(left, right);
      pair_.assign(left).append(separator_).append(right);
      context.emit({.key = record.key, .value = pair_, .timestamp = std::max(*time, other_time)});
    }
    return ms::done;
  }

  ms::Outcome on_timer(const ms::Timer &timer, ms::Context &context) {
    for (const auto &side : sides) {
      auto entry = context.state(side);
      if (!entry) return entry.stop();
      if (!*entry) continue;
      Waiting waiting = **entry;
      std::erase_if(waiting.all, [&](const Waiting::One &one) { return forgotten_at(one.time) <= timer.at; });
      if (waiting.all.empty()) entry->remove();
      else entry->set(std::move(waiting));
    }
    return ms::done;
  }

 private:
  // From this watermark on no partner can come for a record of that time.
  std::int64_t forgotten_at(std::int64_t time) const {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    return time >= most - within_ms_ ? most : time + within_ms_ + 1;
  }

  static std::uint64_t apart(std::int64_t a, std::int64_t b) {
    return static_cast<std::uint64_t>(std::max(a, b)) - static_cast<std::uint64_t>(std::min(a, b));
  }

  std::int64_t within_ms_ = 0;
  std::string separator_;
  std::string pair_;  // kept from record to record
};
MILLSTREAM_OPERATOR(Join)
