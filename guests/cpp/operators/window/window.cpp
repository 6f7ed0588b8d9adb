// Tumbling windows: count and sum of the values (whole numbers as text) per key and window of event time.
//
// A window is closed, and its result emitted, when the watermark has passed its end by `lateness_ms`; a record that comes later goes to the port `late` as
// it is. Result: the key, `{"start":…,"end":…,"count":…,"sum":…}`, timestamp the window's last millisecond.
#include <bit>
#include <limits>
#include <millstream.hpp>

namespace ms = millstream;

enum : std::uint16_t { NOT_A_NUMBER = 1, OVERFLOW = 2 };  // reject codes

struct Totals {
  std::uint64_t count;
  std::int64_t sum;
};
template <>
struct ms::Codec<Totals> : ms::PlainCodec<Totals> {};

inline constexpr ms::Store<Totals> windows{"windows"};

namespace {

// Adds a number that is not negative; what would exceed 64 bits is the largest.
std::int64_t saturating(std::int64_t a, std::int64_t b) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  return a > most - b ? most : a + b;
}

// A window's start as it stands in keys and payloads: eight bytes, big-endian.
std::string packed(std::int64_t start) {
  auto swapped = __builtin_bswap64(std::bit_cast<std::uint64_t>(start));
  return std::string(reinterpret_cast<const char *>(&swapped), sizeof swapped);
}

std::int64_t unpacked(ms::Bytes payload) {
  std::uint64_t swapped;
  std::memcpy(&swapped, payload.data(), sizeof swapped);
  return std::bit_cast<std::int64_t>(__builtin_bswap64(swapped));
}

}  // namespace

class Window {
 public:
  static ms::Description describe() { return {.name = "window", .outputs = {"out", "late"}, .stores = {windows}}; }

  static ms::Result<Window> open(ms::Config &config) {
    Window op;
    op.size_ms_ = config.need<std::int64_t>("size_ms");
    op.lateness_ms_ = config.get<std::int64_t>("lateness_ms");
    if (op.size_ms_ < 1 || op.lateness_ms_ < 0) return ms::fatal("config: `size_ms` must be at least 1, `lateness_ms` at least 0");
    return op;
  }

  ms::Outcome process(const ms::Record &record, ms::Context &context) {
    auto time = record.need_time();
    if (!time) return time.stop();
    auto key = record.need_key();
    if (!key) return key.stop();
    auto text = record.need_text();
    if (!text) return text.stop();
    std::int64_t value;
    if (!ms_i64(ms_trim(ms_bytes(text->data(), text->size())), &value)) {
      return ms::reject(NOT_A_NUMBER, "`" + std::string(*text) + "` is no whole number of 64 bits");
    }
    std::int64_t start = start_of(*time), closes_at = saturating(saturating(start, size_ms_), lateness_ms_);
    if (closes_at <= context.watermark()) {
      ms::Out late = ms::Out::of(record);
      late.port = "late";
      context.emit(late);
      return ms::done;
    }
    auto window = context.state_of(windows, state_key(*key, packed(start)));
    if (!window) return window.stop();
    bool is_new = !*window;
    Totals totals = window->value_or({0, 0});
    if (__builtin_add_overflow(totals.sum, value, &totals.sum)) return ms::reject(OVERFLOW, "the window's sum exceeds 64 bits");
    totals.count++;
    window->set(totals);
    if (is_new) context.set_timer({.at = closes_at, .key = *key, .payload = packed(start)});
    return ms::done;
  }

  ms::Outcome on_timer(const ms::Timer &timer, ms::Context &context) {
    if (!timer.key || timer.payload.size() != sizeof(std::int64_t)) return ms::fatal("a timer that this operator did not set");
    auto window = context.state_of(windows, state_key(*timer.key, timer.payload));
    if (!window) return window.stop();
    if (!*window) return ms::done;
    auto [count, sum] = **window;
    window->remove();
    std::int64_t start = unpacked(timer.payload), end = saturating(start, size_ms_);
    std::string result = "{\"start\":" + std::to_string(start) + ",\"end\":" + std::to_string(end) + ",\"count\":" + std::to_string(count) +
                         ",\"sum\":" + std::to_string(sum) + "}";
    context.emit({.key = timer.key, .value = result, .timestamp = end - 1});
    return ms::done;
  }

  void prefetch(const ms::Record &record, ms::Keys &keys) {
    if (record.key && record.timestamp) keys.want(windows, state_key(*record.key, packed(start_of(*record.timestamp))));
  }
  void prefetch(const ms::Timer &timer, ms::Keys &keys) { keys.want(windows, state_key(timer.key.value_or(""), timer.payload)); }

 private:
  std::int64_t start_of(std::int64_t time) const {
    std::int64_t into = time % size_ms_;
    return time - (into < 0 ? into + size_ms_ : into);
  }

  // Where a window's totals are: the record's key, then the window's start.
  static std::string state_key(ms::Bytes key, ms::Bytes start) { return std::string(key).append(start); }

  std::int64_t size_ms_ = 1, lateness_ms_ = 0;
};
MILLSTREAM_OPERATOR(Window)
