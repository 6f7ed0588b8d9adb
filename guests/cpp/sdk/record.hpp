// What comes in and what goes out: records, headers, timers.
#ifndef MILLSTREAM_RECORD_HPP
#define MILLSTREAM_RECORD_HPP

#include "json.hpp"
#include "result.hpp"

namespace millstream {

// A record's headers: names, and values that may be null. Read in place; adding makes a copy that lives until the call returns.
class Headers {
 public:
  Headers() = default;
  explicit Headers(ms_text packed) : packed_(packed) {}

  struct Header {
    Bytes name;
    MaybeBytes value;
  };

  // `for (auto [name, value] : record.headers)`
  class Iterator {
   public:
    Iterator() = default;
    explicit Iterator(ms_text packed) : left_(ms_headers_of(packed)) { ++*this; }
    const Header &operator*() const { return header_; }
    Iterator &operator++() {
      ms_text name, value;
      has_one_ = ms_next_header(&left_, &name, &value);
      if (has_one_) header_ = {detail::bytes(name), detail::maybe(value)};
      return *this;
    }
    // Whether both are at the end: that is all that a loop asks.
    bool operator==(const Iterator &other) const { return !has_one_ && !other.has_one_; }

   private:
    ms_headers left_{};
    Header header_{};
    bool has_one_ = false;
  };
  Iterator begin() const { return Iterator(packed_); }
  Iterator end() const { return Iterator(); }

  bool empty() const { return packed_.at == nullptr; }
  // The last header of that name; std::nullopt: there is none, or its value is null.
  MaybeBytes operator[](Bytes name) const {
    ms_text value;
    return ms_header(packed_, detail::text(name), &value) ? detail::maybe(value) : std::nullopt;
  }
  // These and one more.
  Headers with(Bytes name, MaybeBytes value) const { return Headers(ms_add_header(packed_, detail::text(name), detail::text(value))); }

  ms_text packed() const { return packed_; }

 private:
  ms_text packed_{nullptr, 0};
};

// One record, read in place.
struct Record {
  MaybeBytes key, value;
  Headers headers;
  std::uint32_t row;                     // its number in the batch
  std::uint16_t port;                    // place in the description's inputs
  std::optional<std::int64_t> timestamp; // event time, ms since 1970 UTC
  std::int64_t offset;
  std::uint32_t partition;

  // Each is there, or rejects the record with a code of the SDK.
  Result<Bytes> need_key() const {
    if (!key) return reject(MS_NO_KEY, "the record has no key");
    return *key;
  }
  Result<std::int64_t> need_time() const {
    if (!timestamp) return reject(MS_NO_TIME, "the record has no timestamp");
    return *timestamp;
  }
  // The value as UTF-8.
  Result<Bytes> need_text() const {
    if (!value) return reject(MS_BAD_TEXT, "the value is null");
    if (!ms_is_text(detail::text(*value))) return reject(MS_BAD_TEXT, "the value is not UTF-8");
    return *value;
  }
  // The value as JSON.
  Result<Json> need_json() const {
    auto text = need_text();
    if (!text) return text.stop();
    return Json::read(*text);
  }
  // A few fields of the value, which is a JSON object.
  Outcome find(JsonFields &fields) const {
    auto text = need_text();
    if (!text) return text.stop();
    return fields.find(*text);
  }
};

// A number in decimal digits, to be emitted without a string of its own: `.value = ms::Digits(count)`.
class Digits {
 public:
  explicit Digits(std::uint64_t number) {
    ms_text digits = ms_digits(number, room_);
    begin_ = static_cast<std::size_t>(digits.at - room_), bytes_ = digits.bytes;
  }
  operator MaybeBytes() const { return detail::bytes({room_ + begin_, bytes_}); }

 private:
  std::uint8_t room_[20];
  std::size_t begin_, bytes_;
};

// A record to emit: `context.emit({.key = record.key, .value = "seen", .port = "late"})`. What is left out: key and value are null, the port is the first,
// the timestamp the input's, the partition the key's.
struct Out {
  MaybeBytes key = std::nullopt, value = std::nullopt;
  Headers headers = {};
  Bytes port = {};
  std::optional<std::int64_t> timestamp = std::nullopt;
  std::optional<std::uint32_t> partition = std::nullopt;

  // All of a record but its time, which it inherits, so that a part of it can be changed.
  static Out of(const Record &record) { return {.key = record.key, .value = record.value, .headers = record.headers}; }
};

enum class Clock : std::uint8_t { event = MS_EVENT, processing = MS_PROCESSING };

// A timer, to be set or deleted, or one that is due. It *is* its clock, time, key and payload: setting it twice sets one.
struct Timer {
  std::int64_t at;  // due time, ms
  MaybeBytes key = std::nullopt;
  Bytes payload = {};
  Clock clock = Clock::event;
};

}  // namespace millstream

#endif
