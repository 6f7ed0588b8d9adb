// Write Millstream operators in C++20: include this header, derive from nothing, and name the operator's class to MILLSTREAM_OPERATOR.
//
//     #include <millstream.hpp>
//     namespace ms = millstream;
//
//     inline constexpr ms::Store<std::uint64_t> counts{"counts"};
//
//     struct Count {
//       static ms::Description describe() { return {.name = "count", .version = "0.1.0", .stores = {counts}}; }
//       static ms::Result<Count> open(ms::Config &) { return Count{}; }
//
//       ms::Outcome process(const ms::Record &record, ms::Context &context) {
//         auto seen = context.state(counts);
//         if (!seen) return seen.stop();  // a record without a key is rejected
//         seen->set(seen->value_or(0) + 1);
//         context.emit({.key = record.key, .value = std::to_string(**seen)});
//         return ms::done;
//       }
//     };
//     MILLSTREAM_OPERATOR(Count)
//
// It may also have `process_batch`, `on_timer`, `prefetch` and `migrate`: see operator.hpp.
//
// No exceptions: what fails is a Result. Bytes are std::string_view, and null is std::nullopt; views of what came in are good until the call returns. What
// an operator emits, sets or writes takes effect when the host commits, together with the input's position. The host may replace an instance between any two
// calls: what must last goes into a store. There are no files, no network and no clock; std::cout goes to the log.
//
// Tests run on the machine itself: millstream_testing.hpp.
#ifndef MILLSTREAM_HPP
#define MILLSTREAM_HPP

#include "context.hpp"
#include "json.hpp"
#include "operator.hpp"
#include "record.hpp"
#include "result.hpp"
#include "store.hpp"

#endif
