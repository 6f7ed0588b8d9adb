// Filter and map: keeps the records whose value contains a text, and changes the value's case.
#include <millstream.hpp>

namespace ms = millstream;

class FilterMap {
 public:
  static ms::Description describe() { return {.name = "filter-map"}; }

  static ms::Result<FilterMap> open(ms::Config &config) {
    FilterMap op;
    op.keep_ = config.get<std::string>("keep");
    std::string map = config.get<std::string>("map", "upper");
    if (map == "upper") op.first_ = 'a', op.last_ = 'z';
    else if (map == "lower") op.first_ = 'A', op.last_ = 'Z';
    else if (map != "same") return ms::fatal("config: `map`: unknown variant `" + map + "`, expected one of `upper`, `lower`, `same`");
    return op;
  }

  ms::Outcome process(const ms::Record &record, ms::Context &context) {
    auto value = record.need_text();
    if (!value) return value.stop();
    if (value->find(keep_) == ms::Bytes::npos) return ms::done;
    mapped_.assign(*value);
    for (char &letter : mapped_)
      if (first_ <= letter && letter <= last_) letter ^= 'a' ^ 'A';
    ms::Out out = ms::Out::of(record);
    out.value = mapped_;
    context.emit(out);
    return ms::done;
  }

 private:
  std::string keep_;  // records whose value does not contain this are dropped; empty: all stay
  char first_ = 1, last_ = 0;  // ASCII letters from first to last change their case
  std::string mapped_;         // kept from record to record, so that none allocates
};
MILLSTREAM_OPERATOR(FilterMap)
