// Keyed state: stores, and how values stand in them.
#ifndef MILLSTREAM_STORE_HPP
#define MILLSTREAM_STORE_HPP

#include <cstring>
#include <type_traits>

#include "result.hpp"

namespace millstream {

// How values of a type stand in a store. A type of your own has a specialisation with these two, or derives it from PlainCodec. The same value must always
// give the same bytes.
template <class T>
struct Codec;

// A type whose bytes are the value: numbers, and structs of numbers without gaps. Little-endian, as this machine is; so numbers are what they are in the SDKs
// of all languages.
template <class T>
struct PlainCodec {
  static_assert(std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>, "a plain value has no gaps and no pointers");

  // std::nullopt: the bytes are no such value.
  static std::optional<T> decode(Bytes bytes) {
    if (bytes.size() != sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  static void encode(const T &value, std::string &to) { to.assign(reinterpret_cast<const char *>(&value), sizeof(T)); }
};

template <>
struct Codec<std::uint64_t> : PlainCodec<std::uint64_t> {};
template <>
struct Codec<std::int64_t> : PlainCodec<std::int64_t> {};
template <>
struct Codec<double> : PlainCodec<double> {};
template <>
struct Codec<std::string> {
  static std::optional<std::string> decode(Bytes bytes) { return std::string(bytes); }
  static void encode(const std::string &value, std::string &to) { to = value; }
};

// A store of an operator: a constant, named in its description. `version` is that of the values' format: where it is raised, the operator has `migrate`.
template <class T>
struct Store {
  Bytes name;
  std::uint32_t version = 1;
};

namespace detail {

[[gnu::cold, gnu::noinline]] inline Stop unreadable(Bytes store, const ms_entry *entry) {
  ms_text key = ms_is_text(entry->key) ? ms_json_quoted(entry->key) : text(Bytes("\"(not text)\""));
  return fatal("store `" + std::string(store) + "`, key `" + std::string(bytes(key)).substr(1, key.bytes - 2) + "`: its " +
               std::to_string(entry->value.bytes) + " bytes are no value of the type that the operator has for it");
}

}  // namespace detail

// The value of one key, to look at and to set. What is set, the records that follow find.
template <class T>
class Cell {
 public:
  Cell(ms_entry *entry, std::optional<T> value) : entry_(entry), value_(std::move(value)) {}

  explicit operator bool() const { return value_.has_value(); }
  const T &operator*() const {
    if (!value_) [[unlikely]] panic("the value of a key that has none");
    return *value_;
  }
  const T *operator->() const { return &**this; }
  T value_or(T otherwise) const { return value_ ? *value_ : std::move(otherwise); }
  const std::optional<T> &value() const { return value_; }

  void set(T value) {
    if constexpr (std::is_same_v<T, std::uint64_t>) {
      ms_set_u64(entry_, value);
    } else if constexpr (std::is_base_of_v<PlainCodec<T>, Codec<T>>) {
      ms_set(entry_, ms_bytes(&value, sizeof value));
    } else {
      std::string bytes;
      Codec<T>::encode(value, bytes);
      ms_set(entry_, detail::text(Bytes(bytes)));
    }
    value_ = std::move(value);
  }
  void remove() {
    ms_set(entry_, ms_text{nullptr, 0});
    value_.reset();
  }

 private:
  ms_entry *entry_;
  std::optional<T> value_;
};

}  // namespace millstream

#endif
