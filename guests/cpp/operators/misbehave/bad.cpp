// What is wrong: results that break a rule, one each, and what C++ does not check.
#include <cstdlib>

#include "misbehave.hpp"

namespace {

void append(ms_builder *to, const ms_row &row) {
  ms_push(to, ms_text_of("k"), ms_text_of("v"), MS_NULL, row);
  // Ends and flags are the SDK's to set: here they are not what they should be.
  std::memcpy(to->index + to->index_bytes - sizeof row, &row, sizeof row);
}

// The row that breaks the rule; std::nullopt: no row is bad by itself.
std::optional<ms_row> bad_row(ms::Bytes order, ms_row row) {
  if (order == "bad-ends") row.key_end = 2, row.value_end = 1;
  else if (order == "bad-arena") row.value_end = row.headers_end = UINT32_MAX;
  else if (order == "bad-flags") row.flags = 0x8000;
  else if (order == "bad-port") row.port = 7;
  else if (order == "bad-row") row.offset = -1;
  else if (order == "bad-headers") row.flags = MS_HAS_HEADERS, row.headers_end = 4;
  else if (order == "bad-timer") row.port = 9;
  else return std::nullopt;
  return row;
}

volatile std::uint32_t sink;

std::uint32_t recurse(std::uint32_t depth) {
  volatile std::uint32_t here[64];
  here[depth % 64] = depth;
  return recurse(depth + 1) + here[(depth + 1) % 64];
}

void smash() {
  // Above the stack, which is first: the return must still work for the host to meet what is left.
  for (std::uintptr_t at = 300 << 10; at < __builtin_wasm_memory_size(0) * 65536; at++) *reinterpret_cast<volatile std::uint8_t *>(at) = 0xFF;
}

}  // namespace

bool break_rule(ms::Bytes order, std::uint32_t row) {
  // A row with key `k` and value `v`.
  const ms_row good = {1, 2, 2, 0, 0, MS_INHERIT, row, MS_NONE, MS_NONE};
  if (order == "bad-reject") return ms_reject(UINT32_MAX, 1, ms_text_of("")), true;
  std::optional<ms_row> bad = bad_row(order, good);
  if (!bad && order != "bad-length" && order != "bad-overlap") return false;
  ms_builder *to = order == "bad-timer" ? ms_timers() : ms_outputs();
  ms_clear(to);
  // The second row begins before the first ends.
  if (order == "bad-overlap") append(to, good);
  append(to, bad.value_or(good));
  to->arena_bytes = 2;
  if (order == "bad-headers") std::memset(to->arena + 2, 0xFF, 2), to->arena_bytes = 4;
  if (order == "bad-length") to->index_bytes--;
  return true;
}

void do_wrong(ms::Bytes order) {
  if (order == "panic") ms::panic("told to panic");
  else if (order == "trap") __builtin_trap();
  else if (order == "abort") std::abort();
  else if (order == "exit") std::exit(3);
  else if (order == "divide") sink = 100 / sink;
  else if (order == "wild") sink = *reinterpret_cast<volatile std::uint32_t *>(0xFFFFFF00);
  else if (order == "smash") smash();
  else if (order == "loop") for (;;) sink = sink + 1;
  else if (order == "recurse") sink = recurse(sink);
  else if (order == "memory") for (;;) sink = (*new std::string(1 << 20, 'x'))[sink & 7];
  else if (order == "value") sink = *ms::Result<std::uint32_t>(ms::reject(1, "told to reject"));
  else if (order == "index") sink = std::vector<std::uint32_t>(3)[sink + 1000];
}
