// How handling a record ends: with a value, or with a reason to stop.
#ifndef MILLSTREAM_RESULT_HPP
#define MILLSTREAM_RESULT_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "millstream.h"

// Functions that are done for every record, and statements with a call that is: in line, as a call in Wasm costs a look at the deadline.
#ifdef __wasm__
#define MILLSTREAM_INLINE [[gnu::always_inline]]
#define MILLSTREAM_INLINE_CALL [[clang::always_inline]]
#else
#define MILLSTREAM_INLINE
#define MILLSTREAM_INLINE_CALL
#endif

namespace millstream {

// Bytes, and the null that keys and values may be.
using Bytes = std::string_view;
using MaybeBytes = std::optional<std::string_view>;

namespace detail {
inline ms_text text(Bytes bytes) { return ms_bytes(bytes.data() ? bytes.data() : "", bytes.size()); }
inline ms_text text(const MaybeBytes &bytes) { return bytes ? text(*bytes) : ms_text{nullptr, 0}; }
inline Bytes bytes(ms_text text) { return {reinterpret_cast<const char *>(text.at), text.bytes}; }
inline MaybeBytes maybe(ms_text text) { return text.at ? MaybeBytes(bytes(text)) : std::nullopt; }
// A copy that lives until the call returns.
inline ms_text kept(Bytes bytes) {
  ms_text part = text(bytes);
  return ms_join(&part, 1);
}
}  // namespace detail

// Ends the instance; the host finds the record that led here, and shows the message.
[[noreturn]] inline void panic(Bytes message) { ms_panic(detail::text(message)); }

// Why handling ended early.
struct Stop {
  enum class Kind : std::uint8_t {
    reject,  // this record alone: it goes where the job sends rejects
    retry,   // the whole call: nothing of it is kept, the same batch comes again later
    fatal,   // the whole job, which shows the message
  };
  Kind kind;
  std::uint16_t code;
  std::string message;
};

// Codes from 65,000 are the SDKs' own: MS_NO_KEY, MS_BAD_TEXT, MS_BAD_JSON, MS_NO_TIME.
inline Stop reject(std::uint16_t code, std::string message) { return {Stop::Kind::reject, code, std::move(message)}; }
inline Stop retry(std::string message) { return {Stop::Kind::retry, 0, std::move(message)}; }
inline Stop fatal(std::string message) { return {Stop::Kind::fatal, 0, std::move(message)}; }

// A value, or why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : value_(std::move(value)) {}
  Result(Stop stop) : stop_(std::move(stop)) {}

  explicit operator bool() const { return value_.has_value(); }
  // The value of what failed is a mistake in the code: a panic with the reason.
  T &operator*() & { return check(), *value_; }
  const T &operator*() const & { return check(), *value_; }
  T &&operator*() && { return check(), std::move(*value_); }
  T *operator->() { return check(), &*value_; }
  const T *operator->() const { return check(), &*value_; }
  T value_or(T otherwise) const { return value_ ? *value_ : std::move(otherwise); }

  // Why there is no value; to be returned to the SDK.
  const Stop &stop() const {
    if (!stop_) panic("the stop of what succeeded");
    return *stop_;
  }

 private:
  void check() const {
    if (!value_) [[unlikely]] panic("the value of what failed: " + stop_->message);
  }

  std::optional<T> value_;
  std::optional<Stop> stop_;
};

// What handling one record comes to: `return ms::done;`, or a Stop.
struct Done {};
inline constexpr Done done{};
using Outcome = Result<Done>;

}  // namespace millstream

#endif
