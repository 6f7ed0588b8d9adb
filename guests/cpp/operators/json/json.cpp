// JSON: keeps the records whose field equals a value, and of those the fields named, in that order; may make one field the key.
#include <millstream.hpp>

namespace ms = millstream;

class Project {
 public:
  static ms::Description describe() { return {.name = "json"}; }

  // `only` = { `field`, `equals` }: only records that have this. `select`: the fields to keep, in order; those that a record lacks are left out; empty: the
  // value stays as it is. `key`: the field whose text becomes the key.
  static ms::Result<Project> open(ms::Config &config) {
    Project op;
    std::vector<std::string> names;
    ms::Json select = config.get<ms::Json>("select"), only = config.get<ms::Json>("only"), key = config.get<ms::Json>("key");
    if (select && !select.is_array()) return ms::fatal("config: `select` must be a list of texts");
    for (ms::Json field : select) {
      if (!field.text()) return ms::fatal("config: `select` must be a list of texts");
      names.emplace_back(*field.text());
      op.select_.push_back(ms::Json::quoted(*field.text()) + ":");
    }
    if (only) {
      std::size_t fields = 0;
      for ([[maybe_unused]] ms::Json field : only) fields++;
      op.equals_ = only["equals"];
      if (!op.equals_ || !only["field"].text() || fields != 2) return ms::fatal("config: `only` must have `field`, a text, and `equals`, and nothing else");
      op.only_ = names.size();
      names.emplace_back(*only["field"].text());
    }
    if (key) {
      if (!key.text()) return ms::fatal("config: `key` must be a text");
      op.key_ = names.size();
      names.emplace_back(*key.text());
    }
    op.fields_ = ms::JsonFields(std::move(names));
    return op;
  }

  ms::Outcome process(const ms::Record &record, ms::Context &context) {
    if (ms::Outcome found = record.find(fields_); !found) return found;
    if (equals_) {
      auto wanted = is_wanted();
      if (!wanted) return wanted.stop();
      if (!*wanted) return ms::done;
    }
    ms::Out out = ms::Out::of(record);
    std::string key;
    if (key_) {
      ms::MaybeBytes raw = fields_[*key_];
      if (!raw) return ms::reject(MS_BAD_JSON, "the value has no field `" + fields_.names()[*key_] + "`");
      if (raw->front() != '"') key = ms::Json::compact(*raw);
      else if (ms::MaybeBytes text = fields_.text(*key_)) key = *text;
      else return ms::reject(MS_BAD_JSON, "the value: half a surrogate pair");
      out.key = key;
    }
    if (!select_.empty()) out.value = selected();
    context.emit(out);
    return ms::done;
  }

 private:
  // Whether the record has what `only` asks for. Text without escapes is compared as it stands.
  ms::Result<bool> is_wanted() const {
    ms::MaybeBytes raw = fields_[*only_];
    if (!raw) return false;
    if (ms::MaybeBytes text = equals_.text(); text && raw->front() == '"' && raw->find('\\') == ms::Bytes::npos) return raw->substr(1, raw->size() - 2) == *text;
    auto value = ms::Json::read(*raw);
    if (!value) return value.stop();
    return *value == equals_;
  }

  ms::Bytes selected() {
    value_.clear();
    for (std::size_t n = 0; n < select_.size(); n++)
      if (ms::MaybeBytes raw = fields_[n]) value_.append(value_.empty() ? "{" : ",").append(select_[n]).append(*raw);
    if (value_.empty()) value_ = "{";
    return value_ += '}';
  }

  ms::JsonFields fields_;  // those of `select`, then `only`'s, then `key`
  std::optional<std::size_t> only_, key_;
  ms::Json equals_;
  std::vector<std::string> select_;  // the names as they stand in the output, quoted and with a colon
  std::string value_;                // kept from record to record
};
MILLSTREAM_OPERATOR(Project)
