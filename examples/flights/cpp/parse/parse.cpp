// parse, in C++: CSV rows of the flights and of the airlines → records keyed by carrier. A flight's event time is its scheduled departure, UTC.
#include <algorithm>
#include <chrono>
#include <limits>
#include <millstream.hpp>

namespace ms = millstream;

enum : std::uint16_t { COLUMNS = 1, TIME = 2, DELAY = 3, CARRIER = 4 };  // reject codes

using Row = std::vector<std::string>;

// What becomes of a row.
struct Parsed {
  std::string carrier, value;
  std::optional<std::int64_t> time;
};

struct Table {
  ms::Bytes name;
  std::size_t columns;
  ms::Result<Parsed> (*parse)(const Row &row);
};

namespace {

// A column in quotes may hold commas, and two quotes for one.
Row columns_of(ms::Bytes row) {
  Row columns;
  if (row.empty()) return columns;
  columns.emplace_back();
  bool is_quoted = false;
  for (std::size_t at = 0; at < row.size(); at++) {
    if (is_quoted && row.substr(at, 2) == "\"\"") columns.back() += row[at++];
    else if (row[at] == '"' && (is_quoted || columns.back().empty())) is_quoted = !is_quoted;
    else if (row[at] == ',' && !is_quoted) columns.emplace_back();
    else columns.back() += row[at];
  }
  return columns;
}

std::optional<std::int64_t> whole(ms::Bytes text) {
  std::int64_t number;
  return ms_i64(ms_bytes(text.data(), text.size()), &number) ? std::optional(number) : std::nullopt;
}

ms::Result<std::string> carrier(const std::string &text) {
  bool is_code = text.size() == 2 && std::ranges::all_of(text, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
  if (!is_code) return ms::reject(CARRIER, ms::Json::quoted(text) + " is no carrier's code");
  return text;
}

// Milliseconds since 1970 of a time such as 2013-01-01T10:00:00Z.
std::optional<std::int64_t> instant(const std::string &text) {
  constexpr ms::Bytes SHAPE = "dddd-dd-ddTdd:dd:ddZ";
  bool fits = std::ranges::equal(text, SHAPE, [](char c, char shape) { return shape == 'd' ? c >= '0' && c <= '9' : c == shape; });
  if (!fits) return std::nullopt;
  auto number = [&](std::size_t from, std::size_t digits) { return static_cast<int>(*whole(ms::Bytes(text).substr(from, digits))); };
  using namespace std::chrono;
  year_month_day date{year(number(0, 4)), month(number(5, 2)), day(number(8, 2))};
  hours hour(number(11, 2));
  minutes minute(number(14, 2));
  seconds second(number(17, 2));
  if (!date.ok() || hour >= days(1) || minute >= hours(1) || second >= minutes(1)) return std::nullopt;
  return milliseconds(sys_days(date).time_since_epoch() + hour + minute + second).count();
}

ms::Result<std::int64_t> time(const std::string &hour, const std::string &minute) {
  auto start = instant(hour);
  if (!start) return ms::reject(TIME, "time_hour " + ms::Json::quoted(hour) + " is no time such as 2013-01-01T10:00:00Z");
  auto minutes = whole(minute);
  if (!minutes || *minutes < 0 || *minutes > 59) return ms::reject(TIME, "minute " + ms::Json::quoted(minute) + " is none of 0 to 59");
  return *start + *minutes * 60'000;
}

ms::Result<std::string> delay(const std::string &text) {
  // A cancelled flight has no departure, hence no delay.
  if (text == "NA") return std::string("null");
  using Limits = std::numeric_limits<std::int32_t>;
  auto minutes = whole(text);
  if (!minutes || *minutes < Limits::min() || *minutes > Limits::max()) return ms::reject(DELAY, "dep_delay " + ms::Json::quoted(text) + " is no whole number");
  return std::to_string(*minutes);
}

ms::Result<Parsed> flight(const Row &row) {
  auto code = carrier(row[9]);
  if (!code) return code.stop();
  auto at = time(row[18], row[17]);
  if (!at) return at.stop();
  auto minutes = delay(row[5]);
  if (!minutes) return minutes.stop();
  return Parsed{*code, *minutes, *at};
}

ms::Result<Parsed> airline(const Row &row) {
  auto code = carrier(row[0]);
  if (!code) return code.stop();
  return Parsed{*code, row[1], std::nullopt};
}

constexpr Table tables[] = {{"flights", 19, flight}, {"airlines", 2, airline}};

}  // namespace

class Parse {
 public:
  static ms::Description describe() { return {.name = "parse"}; }

  static ms::Result<Parse> open(ms::Config &config) {
    auto name = config.need<std::string>("table");
    auto table = std::ranges::find(tables, ms::Bytes(name), &Table::name);
    if (table == std::end(tables)) return ms::fatal("config: `table` is " + ms::Json::quoted(name) + ", expected flights or airlines");
    return Parse(*table);
  }

  ms::Outcome process(const ms::Record &record, ms::Context &context) {
    auto text = record.need_text();
    if (!text) return text.stop();
    Row row = columns_of(*text);
    if (row.size() != table_.columns) {
      return ms::reject(COLUMNS, "a row of " + std::to_string(row.size()) + " columns, where " + std::to_string(table_.columns) + " were expected");
    }
    auto parsed = table_.parse(row);
    if (!parsed) return parsed.stop();
    context.emit({.key = parsed->carrier, .value = parsed->value, .timestamp = parsed->time});
    return ms::done;
  }

 private:
  explicit Parse(const Table &table) : table_(table) {}

  Table table_;
};
MILLSTREAM_OPERATOR(Parse)
