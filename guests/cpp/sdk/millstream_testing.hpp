// Runs an operator on the machine itself, without Wasm and without a host: hand over records, move time, look at what came out.
//
//     #include <millstream_testing.hpp>
//     #include "upper.cpp"
//
//     int main() {
//       ms::testing::Harness upper;
//       MST_CHECK(upper.feed({{.key = "k", .value = "mill", .timestamp = 7}}));
//       MST_CHECK(upper.take_outputs()[0].value == "MILL");
//     }
//
// Compile it with millstream.c and testing/millstream_testing.c of the C SDK, which `pkg-config --variable=sources millstream` names. What comes out
// is checked as the host checks it. State and timers last from call to call; of a call that fails nothing is kept. One harness at a time: an operator is
// one, too.
#ifndef MILLSTREAM_TESTING_HPP
#define MILLSTREAM_TESTING_HPP

#include <initializer_list>

#include "millstream.hpp"
#include "testing/millstream_testing.h"

namespace millstream::testing {

// A record to hand over.
struct In {
  MaybeBytes key = std::nullopt, value = std::nullopt;
  std::optional<std::int64_t> timestamp = std::nullopt;
  std::uint16_t port = 0;
  Headers headers = {};
};

// What came out.
struct Output {
  std::optional<std::string> key, value;
  std::string port;
  std::optional<std::int64_t> timestamp;  // std::nullopt: that of the input
  Headers headers;
  std::uint32_t row;  // of its batch, that it was made from
};

struct Rejected {
  std::uint32_t row;
  std::uint16_t code;
  std::string message;
};

class Harness {
 public:
  // Opens the operator with a config (JSON; none: ""). One that it refuses ends the test.
  explicit Harness(const std::string &config = "") { opened(mst_open(config.c_str())); }
  Harness(const Harness &) = delete;

  // What the operator says to a config that it refuses; empty: it takes it.
  static std::string refusal(const std::string &config) { return mst_open(config.c_str()) == MS_OK ? "" : said(); }
  // As the host does with an instance in another one's place: state and timers stay.
  void reopen(const std::string &config = "") { opened(mst_reopen(config.c_str())); }

  // Hands over one batch.
  Outcome feed(std::initializer_list<In> records) {
    for (const In &in : records) {
      ms_record record = {};
      record.key = detail::text(in.key), record.value = detail::text(in.value), record.headers = in.headers.packed();
      record.port = in.port, record.timestamp = in.timestamp.value_or(MS_INHERIT);
      mst_add_record(record);
    }
    return outcome(mst_process());
  }
  // Moves the watermark, or the clock, and fires what is due.
  Outcome advance_watermark(std::int64_t to) { return outcome(mst_advance(to)); }
  Outcome advance_now(std::int64_t to) { return outcome(mst_advance_now(to)); }

  std::vector<Output> take_outputs() {
    std::vector<Output> all;
    for (; outputs_taken_ < mst_outputs(); outputs_taken_++) {
      ms_record out = mst_output(outputs_taken_);
      std::optional<std::int64_t> timestamp;
      if (out.timestamp != MS_INHERIT) timestamp = out.timestamp;
      std::string port(detail::bytes(ms_describe()->outputs[out.port]));
      all.push_back({owned(out.key), owned(out.value), std::move(port), timestamp, Headers(out.headers), out.row});
    }
    return all;
  }
  std::vector<Rejected> take_rejects() {
    std::vector<Rejected> all;
    for (; rejects_taken_ < mst_rejects(); rejects_taken_++) {
      mst_reject reject = mst_reject_at(rejects_taken_);
      all.push_back({reject.row, reject.code, std::string(detail::bytes(reject.message))});
    }
    return all;
  }

  // What a store has for a key.
  template <class T>
  std::optional<T> state(const Store<T> &store, Bytes key) const {
    ms_text found = mst_state(std::string(store.name).c_str(), detail::text(key));
    return found.at ? Codec<T>::decode(detail::bytes(found)) : std::nullopt;
  }
  std::size_t states() const { return mst_states(); }  // keys in all stores
  std::size_t timers() const { return mst_timers(); }  // that wait
  std::uint64_t counter(const char *name) const { return mst_counter(name); }
  mst_calls calls() const { return mst_called(); }     // how often it called the host

 private:
  static std::string said() { return std::string(detail::bytes(mst_message())); }
  static std::optional<std::string> owned(ms_text text) { return text.at ? std::optional(std::string(detail::bytes(text))) : std::nullopt; }
  static Outcome outcome(ms_outcome outcome) {
    if (outcome == MS_OK) return done;
    return outcome == MS_RETRY ? retry(said()) : fatal(said());
  }
  static void opened(ms_outcome outcome) {
    if (outcome != MS_OK) panic("the operator does not open: " + said());
  }

  std::size_t outputs_taken_ = 0, rejects_taken_ = 0;
};

}  // namespace millstream::testing

#endif
