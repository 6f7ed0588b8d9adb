// Whether a batch keeps the rules of the layout: what the host checks on all that it is given.
#include "millstream_testing.h"

enum { KNOWN_FLAGS = MS_KEY_IS_NULL | MS_VALUE_IS_NULL | MS_HAS_HEADERS };

// Whether headers are as the layout says, with nothing behind them.
static bool are_headers(ms_text packed) {
  ms_text name, value;
  ms_headers headers = ms_headers_of(packed);
  uint32_t count = headers.left, seen = 0;
  if (packed.bytes < 2) return false;
  while (ms_next_header(&headers, &name, &value)) seen++;
  return seen == count && headers.rest.bytes == 0;
}

static const char *broken_by_row(const ms_batch *batch, uint32_t row) {
  const ms_row *r = &batch->index[row];
  uint32_t begin = row ? r[-1].headers_end : 0;
  if (r->key_end < begin || r->value_end < r->key_end || r->headers_end < r->value_end) return "EndsGoBackwards";
  if (r->headers_end > batch->arena_bytes) return "EndOutsideArena";
  if (r->flags & ~KNOWN_FLAGS) return "UnknownFlags";
  if ((r->flags & MS_KEY_IS_NULL && r->key_end > begin) || (r->flags & MS_VALUE_IS_NULL && r->value_end > r->key_end)) return "NullWithBytes";
  ms_text headers = ms_bytes(batch->arena + r->value_end, r->headers_end - r->value_end);
  if (r->flags & MS_HAS_HEADERS ? !are_headers(headers) : headers.bytes > 0) return "Headers";
  return NULL;
}

const char *mst_broken_rule(const ms_batch *batch) {
  if (batch->index_bytes % sizeof(ms_row) != 0) return "IndexLength";
  uint32_t rows = ms_rows(batch);
  for (uint32_t row = 0; row < rows; row++) {
    const char *broken = broken_by_row(batch, row);
    if (broken) return broken;
  }
  uint32_t end = rows ? batch->index[rows - 1].headers_end : 0;
  return end == batch->arena_bytes ? NULL : "ArenaNotUsedUp";
}
