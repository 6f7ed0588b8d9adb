// JSON: the config, trees, and a few fields of many records.
#ifndef MILLSTREAM_JSON_HPP
#define MILLSTREAM_JSON_HPP

#include <concepts>
#include <string>
#include <vector>

#include "result.hpp"

namespace millstream {

// A value in a JSON text, or the absence of one. It lives until the call returns; that of a config, as long as the instance.
class Json {
 public:
  Json() = default;
  explicit Json(const ms_json *value) : value_(value) {}

  // Reads a whole text. What is wrong with it rejects the record.
  static Result<Json> read(Bytes text) {
    ms_text wrong;
    if (!ms_is_text(detail::text(text))) return reject(MS_BAD_TEXT, "the JSON is not UTF-8");
    const ms_json *value = ms_json_read(detail::text(text), &wrong);
    if (!value) return reject(MS_BAD_JSON, std::string(detail::bytes(wrong)));
    return Json(value);
  }

  explicit operator bool() const { return value_ != nullptr; }
  bool is_null() const { return kind_is(MS_JSON_NULL); }
  bool is_array() const { return kind_is(MS_JSON_ARRAY); }
  bool is_object() const { return kind_is(MS_JSON_OBJECT); }

  // std::nullopt: it is something else.
  MaybeBytes text() const { return kind_is(MS_JSON_TEXT) ? MaybeBytes(detail::bytes(value_->text)) : std::nullopt; }
  std::optional<bool> boolean() const {
    return kind_is(MS_JSON_TRUE) || kind_is(MS_JSON_FALSE) ? std::optional(value_->kind == MS_JSON_TRUE) : std::nullopt;
  }
  std::optional<std::int64_t> i64() const { return number<std::int64_t>(ms_json_i64); }
  std::optional<std::uint64_t> u64() const { return number<std::uint64_t>(ms_json_u64); }
  std::optional<double> f64() const { return number<double>(ms_json_f64); }

  // As it stands in the text.
  Bytes raw() const { return value_ ? detail::bytes(value_->raw) : Bytes(); }
  // Of a field: its name.
  Bytes name() const { return value_ ? detail::bytes(value_->name) : Bytes(); }
  // A field of an object; absent where there is none.
  Json operator[](Bytes name) const { return Json(ms_json_field(value_, detail::text(name))); }

  // `for (Json element : array)`, `for (Json field : object)`
  class Iterator {
   public:
    explicit Iterator(const ms_json *at) : at_(at) {}
    Json operator*() const { return Json(at_); }
    Iterator &operator++() { return at_ = at_->next, *this; }
    bool operator==(const Iterator &) const = default;

   private:
    const ms_json *at_;
  };
  Iterator begin() const { return Iterator(value_ ? value_->first : nullptr); }
  Iterator end() const { return Iterator(nullptr); }

  // Whether both mean the same: fields in any order, 1 and 1.0 are different.
  friend bool operator==(Json a, Json b) { return a.value_ && b.value_ ? ms_json_equal(a.value_, b.value_) : a.value_ == b.value_; }

  // A string that reads so, quotes and all.
  static std::string quoted(Bytes text) { return std::string(detail::bytes(ms_json_quoted(detail::text(text)))); }
  // A value's text without spaces.
  static std::string compact(Bytes raw) { return std::string(detail::bytes(ms_json_compact(detail::text(raw)))); }

 private:
  bool kind_is(ms_json_kind kind) const { return value_ && value_->kind == kind; }
  template <class T>
  std::optional<T> number(bool (*read)(const ms_json *, T *)) const {
    T found;
    return read(value_, &found) ? std::optional(found) : std::nullopt;
  }

  const ms_json *value_ = nullptr;
};

// The job's `config = { … }`. A field that nobody asked for is refused when `open` is over; so is the first one that is wrong, whatever `open` makes of it.
class Config {
 public:
  explicit Config(const ms_setup &setup) : setup_(setup), config_(ms_read_config(&setup)) {}

  // A field, or what stands for it where it is absent: bool, numbers, std::string, Json.
  template <class T>
  T get(const char *name, T otherwise = T()) {
    if constexpr (std::same_as<T, Json>) {
      const ms_json *found = ms_config_json(&config_, name);
      return found ? Json(found) : otherwise;
    } else if constexpr (std::same_as<T, bool>) {
      return ms_config_bool(&config_, name, otherwise);
    } else if constexpr (std::same_as<T, std::string>) {
      return std::string(detail::bytes(ms_config_text(&config_, name, detail::text(Bytes(otherwise)))));
    } else if constexpr (std::floating_point<T>) {
      return static_cast<T>(ms_config_f64(&config_, name, otherwise));
    } else {
      static_assert(std::same_as<T, std::int64_t>, "a config's field is bool, std::int64_t, double, std::string or Json");
      return ms_config_i64(&config_, name, otherwise);
    }
  }
  // A field that must be there.
  template <class T>
  T need(const char *name) {
    ms_config_need(&config_, name);
    return get<T>(name);
  }

  const ms_setup &setup() const { return setup_; }
  ms_config &raw() { return config_; }

 private:
  const ms_setup &setup_;
  ms_config config_;
};

// Finds a few fields of many JSON objects, without a tree: made once, filled by Record::find.
class JsonFields {
 public:
  JsonFields() = default;
  explicit JsonFields(std::vector<std::string> names) : names_(std::move(names)) {}

  // The text of the field with that number as it stands; std::nullopt: the object has none.
  MaybeBytes operator[](std::size_t number) const { return detail::maybe(raws_[number]); }
  // What a string's text reads; std::nullopt: it is no string, or absent.
  MaybeBytes text(std::size_t number) const {
    ms_text read;
    return raws_[number].at && ms_json_string(raws_[number], &read) ? MaybeBytes(detail::bytes(read)) : std::nullopt;
  }
  const std::vector<std::string> &names() const { return names_; }

  Outcome find(Bytes object) {
    raws_.resize(names_.size());
    texts_.resize(names_.size());
    // Each time: short names move along with their owner.
    for (std::size_t n = 0; n < names_.size(); n++) texts_[n] = detail::text(Bytes(names_[n]));
    ms_text wrong;
    if (ms_json_find(detail::text(object), texts_.data(), texts_.size(), raws_.data(), &wrong)) return done;
    return reject(MS_BAD_JSON, "the value: " + std::string(detail::bytes(wrong)));
  }

 private:
  std::vector<std::string> names_;
  std::vector<ms_text> texts_, raws_;
};

}  // namespace millstream

#endif
