// Flat-map: one record for each word of the value, with the word as key and as value. Words are runs of letters and digits, in lower case.
#include <millstream.hpp>

namespace ms = millstream;

struct Split {
  static ms::Description describe() { return {.name = "split"}; }
  static ms::Result<Split> open(ms::Config &) { return Split{}; }

  ms::Outcome process(const ms::Record &record, ms::Context &context) {
    auto value = record.need_text();
    if (!value) return value.stop();
    ms_text rest = ms_bytes(value->data(), value->size());
    word.clear();
    last = 0;
    while (rest.bytes > 0) {
      std::uint32_t letter = ms_next_letter(&rest);
      if (ms_is_word(letter)) append(ms_lower(letter));
      else end_word(context);
    }
    end_word(context);
    return ms::done;
  }

  void append(std::uint32_t letter) {
    std::uint8_t bytes[4];
    last = word.size();
    word.append(reinterpret_cast<char *>(bytes), ms_put_letter(bytes, letter));
  }

  void end_word(ms::Context &context) {
    if (word.empty()) return;
    // A sigma at the end of a word.
    if (last > 0 && ms::Bytes(word).substr(last) == "σ") word.replace(last, ms::Bytes::npos, "ς");
    context.emit({.key = word, .value = word});
    word.clear();
    last = 0;
  }

  std::string word;
  std::size_t last = 0;  // where its last letter begins
};
MILLSTREAM_OPERATOR(Split)
