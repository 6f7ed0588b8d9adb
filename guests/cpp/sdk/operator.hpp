// What an operator is, and its side of the boundary.
#ifndef MILLSTREAM_OPERATOR_HPP
#define MILLSTREAM_OPERATOR_HPP

#include <concepts>
#include <vector>

#include "context.hpp"

namespace millstream {

struct StoreDescription {
  Bytes name;
  std::uint32_t version;
  template <class T>
  constexpr StoreDescription(const Store<T> &store) : name(store.name), version(store.version) {}
};

// What an operator says of itself. Texts must be constants.
struct Description {
  Bytes name;
  Bytes version = "0.1.0";
  std::vector<Bytes> inputs = {"in"};    // a record's port is the place in this list; empty: takes any number of inputs
  std::vector<Bytes> outputs = {"out"};  // the first is the default; empty: a sink
  std::vector<StoreDescription> stores = {};
  Bytes config_schema = {};              // JSON Schema of the config, or empty
};

// Rows of a store whose values are of an older version; `keep` those to keep.
class Rows {
 public:
  explicit Rows(const ms_batch &rows) : rows_(rows) {}
  std::uint32_t size() const { return ms_rows(&rows_); }
  std::pair<Bytes, Bytes> operator[](std::uint32_t row) const {
    ms_record found = ms_at(&rows_, row);
    return {detail::bytes(found.key), detail::bytes(found.value)};
  }
  void keep(Bytes key, Bytes value) const { ms_keep(detail::text(key), detail::text(value)); }

 private:
  const ms_batch &rows_;
};

// What an operator has.
//
//   static Description describe();
//   static Result<Op> open(Config &config);                              once per instance; no state yet
//   Outcome process(const Record &record, Context &context);             each record, or …
//   Outcome process_batch(Context &context);                             … whole batches: what it returns concerns them as a whole
//   Outcome on_timer(const Timer &timer, Context &context);              optional: a timer that is due; outputs inherit its time
//   void prefetch(const Record &record, Keys &keys);                     optional: keys to read ahead, where they are not the records' own
//   void prefetch(const Timer &timer, Keys &keys);                       the same of timers
//   static Outcome migrate(Bytes store, std::uint32_t from, const Rows &rows);   optional: state of an older version
template <class Op>
concept HasProcess = requires(Op op, const Record &record, Context &context) {
  { op.process(record, context) } -> std::same_as<Outcome>;
};
template <class Op>
concept HasProcessBatch = requires(Op op, Context &context) {
  { op.process_batch(context) } -> std::same_as<Outcome>;
};
template <class Op>
concept HasOpen = requires(Config &config) {
  { Op::open(config) } -> std::same_as<Result<Op>>;
};

namespace detail {

template <class Op>
class Component {
  static_assert(HasProcess<Op> || HasProcessBatch<Op>, "an operator has `Outcome process(const Record &, Context &)` or `Outcome process_batch(Context &)`");
  static_assert(HasOpen<Op>, "an operator has `static Result<itself> open(Config &)`");

 public:
  static const ms_description *describe() {
    static const Described described(Op::describe());
    return &described.all;
  }

  static ms_outcome open(const ms_setup *setup) {
    Config config(*setup);
    Result<Op> opened = Op::open(config);
    // What was wrong with a field comes before what the operator made of it.
    if (config.raw().wrong.at) return ms_config_done(&config.raw());
    if (!opened) return failed(opened.stop());
    op.emplace(*std::move(opened));
    return ms_config_done(&config.raw());
  }

  static ms_outcome process(const ms_context *call, const ms_batch *input) {
    Context context(*call, *input);
    std::uint32_t rows = ms_rows(input);
    if constexpr (requires(Keys &keys, const Record &record) { op->prefetch(record, keys); }) {
      Keys keys(context.empty_stores());
      for (std::uint32_t row = 0; row < rows; row++) op->prefetch(context.at(row), keys);
      ms_fetch(stores(context), stores_n());
    }
    if constexpr (HasProcessBatch<Op>) {
      if (Outcome outcome = op->process_batch(context); !outcome) return failed(outcome.stop());
    } else {
      for (std::uint32_t row = 0; row < rows; row++) {
        Outcome outcome = process_row(context.at(row), context);
        if (!outcome && !refused(outcome.stop(), row)) return failed(outcome.stop());
      }
    }
    context.save();
    return MS_OK;
  }

  static ms_outcome on_timer(const ms_context *call, const ms_batch *due) {
    if constexpr (requires(const Timer &timer, Context &context) { op->on_timer(timer, context); }) {
      Context context(*call, *due);
      std::uint32_t rows = ms_rows(due);
      if constexpr (requires(Keys &keys, const Timer &timer) { op->prefetch(timer, keys); }) {
        Keys keys(context.empty_stores());
        for (std::uint32_t row = 0; row < rows; row++) op->prefetch(context.timer_at(row), keys);
        ms_fetch(stores(context), stores_n());
      }
      for (std::uint32_t row = 0; row < rows; row++)
        if (Outcome outcome = op->on_timer(context.timer_at(row), context); !outcome && !refused(outcome.stop(), row)) return failed(outcome.stop());
      context.save();
    }
    return MS_OK;
  }

  static ms_outcome migrate(ms_text store, std::uint32_t from_version, const ms_batch *rows) {
    if constexpr (requires(const Rows &rows) { Op::migrate(Bytes(), from_version, rows); }) {
      Outcome outcome = Op::migrate(bytes(store), from_version, Rows(*rows));
      return outcome ? MS_OK : failed(outcome.stop());
    } else {
      return ms_fatal(text(Bytes("this operator does not know older versions of its stores")));
    }
  }

 private:
  // The description as C has it.
  struct Described {
    explicit Described(const Description &d) {
      for (Bytes input : d.inputs) inputs.push_back(text(input));
      for (Bytes output : d.outputs) outputs.push_back(text(output));
      for (const StoreDescription &store : d.stores) stores.push_back({text(store.name), store.version});
      all = {text(d.name), text(d.version), inputs.data(), inputs.size(), outputs.data(), outputs.size(), stores.data(), stores.size(), text(d.config_schema)};
    }
    std::vector<ms_text> inputs, outputs;
    std::vector<ms_store_description> stores;
    ms_description all;
  };

  static ms_keyed *stores(Context &context) { return context.loaded().data(); }
  static std::size_t stores_n() { return describe()->stores_n; }

  // In line, so that only those of the record's fields are made which the operator looks at.
  MILLSTREAM_INLINE static Outcome process_row(const Record &record, Context &context) { MILLSTREAM_INLINE_CALL return op->process(record, context); }

  // Notes a reject; false: it is the call that failed.
  static bool refused(const Stop &stop, std::uint32_t row) {
    if (stop.kind != Stop::Kind::reject) return false;
    ms_reject(row, stop.code, kept(stop.message));
    return true;
  }

  // A reject has nobody to concern where there is no row.
  static ms_outcome failed(const Stop &stop) { return stop.kind == Stop::Kind::retry ? ms_retry(kept(stop.message)) : ms_fatal(kept(stop.message)); }

  inline static std::optional<Op> op;
};

}  // namespace detail
}  // namespace millstream

// Makes a component of an operator; once, in one source file.
#define MILLSTREAM_OPERATOR(Op)                                                                                                                  \
  extern "C" const ms_description *ms_describe(void) { return millstream::detail::Component<Op>::describe(); }                                   \
  extern "C" ms_outcome ms_open(const ms_setup *setup) { return millstream::detail::Component<Op>::open(setup); }                                \
  extern "C" ms_outcome ms_process(const ms_context *call, const ms_batch *input) { return millstream::detail::Component<Op>::process(call, input); } \
  extern "C" ms_outcome ms_on_timer(const ms_context *call, const ms_batch *due) { return millstream::detail::Component<Op>::on_timer(call, due); }   \
  extern "C" ms_outcome ms_migrate(ms_text store, std::uint32_t from_version, const ms_batch *rows) {                                            \
    return millstream::detail::Component<Op>::migrate(store, from_version, rows);                                                                \
  }

#endif
