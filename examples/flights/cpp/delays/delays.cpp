// delays, in C++: flights per carrier and UTC day: how many, how many cancelled, mean and worst departure delay; with the airline's name from the second input.
//
// A day is emitted when the watermark has passed its end by `lateness_ms`; a flight that comes later is rejected, so nothing is lost silently.
#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <millstream.hpp>

namespace ms = millstream;

enum : std::uint16_t { LATE = 1, DELAY = 2 };  // reject codes

constexpr std::uint16_t NAMES_PORT = 1;
constexpr std::int64_t DAY_MS = 86'400'000;

// Rounds down, where C++ rounds towards zero.
constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0); }

// One carrier's day so far.
struct Day {
  std::uint64_t flights = 0, cancelled = 0;
  // Minutes, over those that flew.
  std::int64_t delay_sum = 0, delay_worst = 0;

  // std::nullopt: it was cancelled.
  void add(std::optional<std::int64_t> delay) {
    flights++;
    if (!delay) {
      cancelled++;
      return;
    }
    delay_worst = flown() == 1 ? *delay : std::max(delay_worst, *delay);
    delay_sum += *delay;
  }

  std::int64_t flown() const { return static_cast<std::int64_t>(flights - cancelled); }
  // In hundredths, rounded half up.
  std::int64_t mean() const { return floor_div(200 * delay_sum + flown(), 2 * flown()); }
};

template <>
struct ms::Codec<Day> : ms::PlainCodec<Day> {};

inline constexpr ms::Store<Day> days{"days"};
inline constexpr ms::Store<std::string> names{"names"};

namespace {

// A day's number, since 1970, as it stands in keys and payloads: eight bytes, big-endian.
std::string packed(std::int64_t day) {
  auto swapped = __builtin_bswap64(std::bit_cast<std::uint64_t>(day));
  return std::string(reinterpret_cast<const char *>(&swapped), sizeof swapped);
}

std::int64_t unpacked(ms::Bytes payload) {
  std::uint64_t swapped;
  std::memcpy(&swapped, payload.data(), sizeof swapped);
  return std::bit_cast<std::int64_t>(__builtin_bswap64(swapped));
}

std::string date(std::int64_t day) {
  std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  char text[16];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", int(date.year()), unsigned(date.month()), unsigned(date.day()));
  return text;
}

// 29.41, 29.4 and 29.0: always with a fraction, as the operator writes it in the other languages.
std::string decimal(std::int64_t hundredths) {
  char text[32];
  auto [end, error] = std::to_chars(text, std::end(text), static_cast<double>(hundredths) / 100, std::chars_format::fixed);
  return std::string(text, end) + (hundredths % 100 == 0 ? ".0" : "");
}

}  // namespace

class Delays {
 public:
  static ms::Description describe() { return {.name = "delays", .inputs = {"flights", "names"}, .stores = {days, names}}; }

  static ms::Result<Delays> open(ms::Config &config) {
    Delays op;
    op.lateness_ms_ = std::max<std::int64_t>(config.get<std::int64_t>("lateness_ms"), 0);
    return op;
  }

  ms::Outcome process(const ms::Record &record, ms::Context &context) {
    auto carrier = record.need_key();
    if (!carrier) return carrier.stop();
    if (record.port == NAMES_PORT) return name(*carrier, record, context);
    auto time = record.need_time();
    if (!time) return time.stop();
    std::int64_t number = floor_div(*time, DAY_MS), closes_at = (number + 1) * DAY_MS + lateness_ms_;
    if (closes_at <= context.watermark()) return ms::reject(LATE, "the flight's day is closed: it came later than the watermark allows");
    auto text = record.need_text();
    if (!text) return text.stop();
    std::int64_t delay;
    bool is_cancelled = *text == "null";
    if (!is_cancelled && !ms_i64(ms_bytes(text->data(), text->size()), &delay)) {
      return ms::reject(DELAY, ms::Json::quoted(*text) + " is no delay in minutes");
    }
    auto day = context.state_of(days, state_key(*carrier, packed(number)));
    if (!day) return day.stop();
    if (!*day) context.set_timer({.at = closes_at, .key = *carrier, .payload = packed(number)});
    Day totals = day->value_or({});
    totals.add(is_cancelled ? std::nullopt : std::optional(delay));
    day->set(totals);
    return ms::done;
  }

  ms::Outcome on_timer(const ms::Timer &timer, ms::Context &context) {
    if (!timer.key || timer.payload.size() != sizeof(std::int64_t)) return ms::fatal("a timer that this operator did not set");
    auto day = context.state_of(days, state_key(*timer.key, timer.payload));
    if (!day) return day.stop();
    if (!*day) return ms::done;
    auto name = context.state_of(names, *timer.key);
    if (!name) return name.stop();
    Day totals = **day;
    day->remove();
    bool has_flown = totals.flown() > 0;
    std::int64_t number = unpacked(timer.payload);
    std::string result = "{\"airline\":" + (*name ? ms::Json::quoted(**name) : "null") + ",\"cancelled\":" + std::to_string(totals.cancelled) +
                         ",\"day\":\"" + date(number) + "\",\"flights\":" + std::to_string(totals.flights) +
                         ",\"mean_delay\":" + (has_flown ? decimal(totals.mean()) : "null") +
                         ",\"worst_delay\":" + (has_flown ? std::to_string(totals.delay_worst) : "null") + "}";
    context.emit({.key = timer.key, .value = result, .timestamp = (number + 1) * DAY_MS - 1});
    return ms::done;
  }

  void prefetch(const ms::Record &record, ms::Keys &keys) {
    if (record.key && record.timestamp) keys.want(days, state_key(*record.key, packed(floor_div(*record.timestamp, DAY_MS))));
  }
  void prefetch(const ms::Timer &timer, ms::Keys &keys) {
    if (!timer.key) return;
    keys.want(days, state_key(*timer.key, timer.payload));
    keys.want(names, *timer.key);
  }

 private:
  static ms::Outcome name(ms::Bytes carrier, const ms::Record &record, ms::Context &context) {
    auto text = record.need_text();
    if (!text) return text.stop();
    auto name = context.state_of(names, carrier);
    if (!name) return name.stop();
    name->set(std::string(*text));
    return ms::done;
  }

  // Where a carrier's day is: its code, then the day's number.
  static std::string state_key(ms::Bytes carrier, ms::Bytes day) { return std::string(carrier).append(day); }

  std::int64_t lateness_ms_ = 0;
};
MILLSTREAM_OPERATOR(Delays)
