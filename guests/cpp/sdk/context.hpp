// What an operator asks for while it handles records and timers.
#ifndef MILLSTREAM_CONTEXT_HPP
#define MILLSTREAM_CONTEXT_HPP

#include <vector>

#include "record.hpp"
#include "store.hpp"

namespace millstream {

enum class Level : std::uint8_t { error = MS_ERROR, warn = MS_WARN, info = MS_INFO, debug = MS_DEBUG };

// Names keys that a batch will need, to be read in one call; see `prefetch` in operator.hpp.
class Keys {
 public:
  explicit Keys(std::vector<ms_keyed> &stores) : stores_(stores) {}
  template <class T>
  void want(const Store<T> &store, Bytes key);

 private:
  std::vector<ms_keyed> &stores_;
};

// One call of the host: a batch of records, or of timers that are due.
class Context {
 public:
  Context(const ms_context &call, const ms_batch &batch) : call_(call), batch_(batch) {}
  Context(const Context &) = delete;

  // Event time: no record earlier than this is expected. INT64_MIN: not known yet, INT64_MAX: the input has ended.
  std::int64_t watermark() const { return call_.watermark; }
  // Processing time, ms since 1970 UTC, the same for the whole call.
  std::int64_t now() const { return call_.now; }
  std::uint32_t task() const { return call_.task; }

  MILLSTREAM_INLINE void emit(const Out &out) {
    ms_emit({row_, port(out.port), detail::text(out.key), detail::text(out.value), out.headers.packed(), out.timestamp.has_value(), out.partition.has_value(),
             out.timestamp.value_or(0), out.partition.value_or(0)});
  }
  // A record as it is.
  void forward(const Record &record) { emit(Out::of(record)); }
  // The whole batch as it is, to the first port.
  void forward_all() { ms_forward_all(&batch_); }

  // Rejects the current record; for `process_batch`. In `process`, return the reject.
  void reject(std::uint16_t code, Bytes message) { ms_reject(row_, code, detail::kept(message)); }

  void set_timer(const Timer &timer) { ask(timer, 0); }
  void delete_timer(const Timer &timer) { ask(timer, MS_DELETE); }

  void log(Level level, Bytes message) { ms_log(static_cast<std::uint8_t>(level), detail::text(message)); }
  void count(Bytes name, std::uint64_t delta = 1) { ms_count(detail::text(name), delta); }

  // The state of the current record's key, or the timer's: read with the whole batch at the first look. A record without a key is rejected; a value that is
  // none of T stops the job.
  template <class T>
  MILLSTREAM_INLINE Result<Cell<T>> state(const Store<T> &store) {
    if (batch_.index[row_].flags & MS_KEY_IS_NULL) return millstream::reject(MS_NO_KEY, "the record has no key");
    ms_keyed &keyed = stores()[place_of(store.name)];
    return cell(store, keyed.rows ? ms_entry_at(&keyed, row_) : ms_entry_of(&keyed, ms_at(&batch_, row_).key));
  }
  // The state of any key. It costs a call to the host unless the key was read before in this batch, or named in `prefetch`.
  template <class T>
  Result<Cell<T>> state_of(const Store<T> &store, Bytes key) {
    return cell(store, ms_entry_of(&stores()[place_of(store.name)], detail::text(key)));
  }
  // Keys from `begin` to before `end` (empty: the store's end) in ascending byte order, as `each(key, value)`, which returns an Outcome. What this call wrote
  // so far is seen.
  template <class T, class Each>
  Outcome scan(const Store<T> &store, Bytes begin, Bytes end, Each each);
  // Keys that begin with `prefix`.
  template <class T, class Each>
  Outcome scan_prefix(const Store<T> &store, Bytes prefix, Each each) {
    std::string end(prefix);
    while (!end.empty() && end.back() == '\xff') end.pop_back();
    if (!end.empty()) end.back()++;
    return scan(store, prefix, end, std::move(each));
  }

  // The batch's records; the one that a loop is at is the current one: `for (const Record &record : context.records())`.
  class Records {
   public:
    explicit Records(Context &context) : context_(context) {}
    struct Iterator {
      Context *context;
      std::uint32_t row;
      Record operator*() const { return context->at(row); }
      Iterator &operator++() { return row++, *this; }
      bool operator==(const Iterator &other) const { return row == other.row; }
    };
    Iterator begin() const { return {&context_, 0}; }
    Iterator end() const { return {&context_, size()}; }
    std::uint32_t size() const { return ms_rows(&context_.batch_); }

   private:
    Context &context_;
  };
  Records records() { return Records(*this); }

  // The rest is for the SDK itself.
  MILLSTREAM_INLINE Record at(std::uint32_t row) {
    row_ = row;
    ms_record record = ms_at(&batch_, row);
    std::optional<std::int64_t> timestamp;
    if (record.timestamp != MS_INHERIT) timestamp = record.timestamp;
    return {detail::maybe(record.key), detail::maybe(record.value), Headers(record.headers), row, record.port, timestamp, record.offset, record.partition};
  }
  Timer timer_at(std::uint32_t row) {
    row_ = row;
    ms_record timer = ms_at(&batch_, row);
    return {timer.timestamp, detail::maybe(timer.key), detail::bytes(timer.value), static_cast<Clock>(timer.port)};
  }
  // Stores of which no key has been read; `prefetch` fills them.
  std::vector<ms_keyed> &empty_stores() {
    stores_.assign(ms_describe()->stores_n, ms_keyed());
    for (std::size_t n = 0; n < stores_.size(); n++) stores_[n].store = static_cast<std::uint16_t>(n);
    save_ = ms_save_all;
    return stores_;
  }
  std::vector<ms_keyed> &loaded() { return stores_; }
  void save() {
    if (save_) save_(stores_.data(), static_cast<std::uint16_t>(stores_.size()));
  }
  MILLSTREAM_INLINE static std::size_t place_of(Bytes store) {
    const ms_description *d = ms_describe();
    for (std::size_t n = 0; n < d->stores_n; n++) {
      Bytes name = detail::bytes(d->stores[n].name);
      // Mostly the very constant that was declared: then its letters need no look.
      if (name.size() == store.size() && (name.data() == store.data() || name == store)) return n;
    }
    not_described("store", store);
  }

 private:
  MILLSTREAM_INLINE static std::uint16_t port(Bytes name) {
    const ms_description *d = ms_describe();
    if (name.data() == nullptr && d->outputs_n > 0) return 0;
    for (std::size_t n = 0; n < d->outputs_n; n++)
      if (detail::bytes(d->outputs[n]) == name) return static_cast<std::uint16_t>(n);
    not_described("output", name);
  }

  [[noreturn, gnu::cold, gnu::noinline]] static void not_described(const char *what, Bytes name) {
    panic("the operator's description does not have the " + std::string(what) + " `" + std::string(name) + "`");
  }

  void ask(const Timer &timer, std::uint16_t what) {
    ms_timer(row_, static_cast<std::uint16_t>(static_cast<std::uint16_t>(timer.clock) + what), timer.at, detail::text(timer.key), detail::text(timer.payload));
  }

  MILLSTREAM_INLINE std::vector<ms_keyed> &stores() {
    if (!save_) [[unlikely]] load();
    return stores_;
  }
  [[gnu::noinline]] void load() {
    stores_.resize(ms_describe()->stores_n);
    ms_load_all(stores_.data(), static_cast<std::uint16_t>(stores_.size()), &batch_);
    save_ = ms_save_all;
  }

  template <class T>
  MILLSTREAM_INLINE static Result<Cell<T>> cell(const Store<T> &store, ms_entry *entry) {
    if (!entry->value.at) return Cell<T>(entry, std::nullopt);
    std::optional<T> value = Codec<T>::decode(detail::bytes(entry->value));
    if (!value) [[unlikely]] return detail::unreadable(store.name, entry);
    return Cell<T>(entry, std::move(value));
  }

  const ms_context &call_;
  const ms_batch &batch_;
  std::uint32_t row_ = 0;
  // Once there is something to write back. An operator without stores never names the function, so its component does not import `state`.
  void (*save_)(ms_keyed *stores, std::uint16_t stores_n) = nullptr;
  std::vector<ms_keyed> stores_;
};

template <class T>
void Keys::want(const Store<T> &store, Bytes key) {
  ms_want(&stores_[Context::place_of(store.name)], detail::kept(key));
}

template <class T, class Each>
Outcome Context::scan(const Store<T> &store, Bytes begin, Bytes end, Each each) {
  save();
  std::string from(begin), to(end);
  for (bool is_done = false; !is_done;) {
    ms_batch page = ms_scan(static_cast<std::uint16_t>(place_of(store.name)), detail::text(Bytes(from)), detail::text(Bytes(to)), 0, &is_done);
    for (std::uint32_t row = 0; row < ms_rows(&page); row++) {
      ms_record found = ms_at(&page, row);
      ms_entry entry = {};
      entry.key = found.key, entry.value = found.value;
      auto value = cell(store, &entry);
      if (!value) return value.stop();
      Outcome outcome = each(detail::bytes(found.key), **value);
      if (!outcome) return outcome;
      from.assign(detail::bytes(found.key)).push_back('\0');
    }
    is_done = is_done || ms_rows(&page) == 0;
  }
  return done;
}

}  // namespace millstream

#endif
