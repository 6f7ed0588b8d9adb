// Text, headers, and the small things that most operators need of a record.
#include <stdarg.h>
#include <stdio.h>

#include "internal.h"

// ---- UTF-8

// The length of the sequence that begins at `at`, or 0: it is none.
static size_t sequence(const uint8_t *at, size_t left) {
  uint8_t first = at[0];
  if (first < 0x80) return 1;
  size_t length = first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
  if (!length || length > left) return 0;
  // The second byte rules out what is written too long, halves of surrogate pairs, and what is past the last code point.
  uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80, high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (at[1] < low || at[1] > high) return 0;
  for (size_t n = 2; n < length; n++)
    if ((at[n] & 0xC0) != 0x80) return 0;
  return length;
}

bool ms_is_text(ms_text text) {
  size_t at = 0;
  while (at < text.bytes) {
    uint64_t eight[2];
    if (text.bytes - at >= sizeof eight) {
      memcpy(eight, text.at + at, sizeof eight);
      if (!((eight[0] | eight[1]) & 0x8080808080808080u)) {
        at += sizeof eight;
        continue;
      }
    }
    size_t length = sequence(text.at + at, text.bytes - at);
    if (!length) return false;
    at += length;
  }
  return true;
}

uint32_t ms_next_letter(ms_text *rest) {
  if (!rest->bytes) return 0;
  size_t length = sequence(rest->at, rest->bytes);
  uint32_t letter = length ? rest->at[0] & (0xFFu >> (length > 1 ? length + 1 : 0)) : 0xFFFD;
  for (size_t n = 1; n < length; n++) letter = letter << 6 | (rest->at[n] & 0x3F);
  length += !length;
  rest->at += length, rest->bytes -= length;
  return letter;
}

size_t ms_put_letter(uint8_t *to, uint32_t letter) {
  if (letter < 0x80) return to[0] = (uint8_t)letter, 1;
  size_t length = letter < 0x800 ? 2 : letter < 0x10000 ? 3 : 4;
  for (size_t n = length - 1; n > 0; n--, letter >>= 6) to[n] = (uint8_t)(0x80 | (letter & 0x3F));
  to[0] = (uint8_t)(0xF00 >> length | letter);
  return length;
}

static bool is_space(uint32_t letter) {
  return (letter >= 9 && letter <= 13) || letter == ' ' || letter == 0x85 || letter == 0xA0 || letter == 0x1680 || (letter >= 0x2000 && letter <= 0x200A) ||
         letter == 0x2028 || letter == 0x2029 || letter == 0x202F || letter == 0x205F || letter == 0x3000;
}

ms_text ms_trim(ms_text text) {
  for (ms_text rest = text; rest.bytes && is_space(ms_next_letter(&rest));) text = rest;
  while (text.bytes) {
    size_t begin = text.bytes - 1;
    while (begin > 0 && (text.at[begin] & 0xC0) == 0x80) begin--;
    ms_text last = ms_bytes(text.at + begin, text.bytes - begin);
    if (!is_space(ms_next_letter(&last))) break;
    text.bytes = begin;
  }
  return text;
}

bool ms_i64(ms_text text, int64_t *number) {
  bool negative = text.bytes && text.at[0] == '-', is_signed = negative || (text.bytes && text.at[0] == '+');
  if (text.bytes == is_signed) return false;
  int64_t found = 0;
  for (size_t n = is_signed; n < text.bytes; n++) {
    int64_t digit = text.at[n] - '0';
    if (digit < 0 || digit > 9 || __builtin_mul_overflow(found, 10, &found)) return false;
    if (__builtin_add_overflow(found, negative ? -digit : digit, &found)) return false;
  }
  *number = found;
  return true;
}

bool ms_contains(ms_text text, ms_text part) {
  if (!part.bytes) return true;
  const uint8_t *at = text.at, *end = text.at + text.bytes;
  while ((size_t)(end - at) >= part.bytes) {
    at = memchr(at, part.at[0], (size_t)(end - at) - part.bytes + 1);
    if (!at) return false;
    if (memcmp(at, part.at, part.bytes) == 0) return true;
    at++;
  }
  return false;
}

ms_text ms_join(const ms_text *parts, size_t parts_n) {
  size_t bytes = 0;
  for (size_t n = 0; n < parts_n; n++) bytes += parts[n].bytes;
  uint8_t *at = ms_alloc(bytes + 1), *to = at;
  for (size_t n = 0; n < parts_n; n++) {
    if (parts[n].bytes) memcpy(to, parts[n].at, parts[n].bytes);
    to += parts[n].bytes;
  }
  return ms_bytes(at, bytes);
}

ms_text ms_format(const char *format, ...) {
  va_list list, again;
  va_start(list, format);
  va_copy(again, list);
  int bytes = vsnprintf(NULL, 0, format, list);
  va_end(list);
  char *at = ms_alloc(bytes < 0 ? 1 : (size_t)bytes + 1);
  if (bytes >= 0) vsnprintf(at, (size_t)bytes + 1, format, again);
  va_end(again);
  return ms_bytes(at, bytes < 0 ? 0 : (size_t)bytes);
}

ms_text ms_digits(uint64_t number, uint8_t room[20]) {
  uint8_t *digit = room + 20;
  do *--digit = (uint8_t)('0' + number % 10);
  while (number /= 10);
  return ms_bytes(digit, (size_t)(room + 20 - digit));
}

// ---- What a record must have

bool ms_need_key(const ms_record *record) {
  if (record->key.at) return true;
  return ms_reject(record->row, MS_NO_KEY, MS_NO_KEY_TEXT), false;
}

bool ms_need_time(const ms_record *record) {
  if (record->timestamp != MS_INHERIT) return true;
  return ms_reject(record->row, MS_NO_TIME, ms_text_of("the record has no timestamp")), false;
}

bool ms_need_text(const ms_record *record) {
  if (!record->value.at) return ms_reject(record->row, MS_BAD_TEXT, ms_text_of("the value is null")), false;
  if (!ms_is_text(record->value)) return ms_reject(record->row, MS_BAD_TEXT, ms_text_of("the value is not UTF-8")), false;
  return true;
}

bool ms_need_fields(const ms_record *record, const ms_text *names, size_t names_n, ms_text *raws) {
  if (!ms_need_text(record)) return false;
  ms_text wrong;
  if (ms_json_find(record->value, names, names_n, raws, &wrong)) return true;
  ms_text parts[] = {MS_TEXT("the value: "), wrong};
  return ms_reject(record->row, MS_BAD_JSON, ms_join(parts, 2)), false;
}

// ---- Headers: `u16 count`, then per header `u16 name length · name · u32 value length (all ones: null) · value`

static bool take(ms_text *from, size_t bytes, ms_text *taken) {
  if (from->bytes < bytes) return false;
  *taken = ms_bytes(from->at, bytes);
  from->at += bytes, from->bytes -= bytes;
  return true;
}

static bool take_number(ms_text *from, size_t bytes, uint32_t *number) {
  ms_text taken;
  *number = 0;
  if (!take(from, bytes, &taken)) return false;
  memcpy(number, taken.at, bytes);
  return true;
}

ms_headers ms_headers_of(ms_text packed) {
  ms_headers headers = {packed, 0};
  if (packed.at) take_number(&headers.rest, 2, &headers.left);
  return headers;
}

bool ms_next_header(ms_headers *headers, ms_text *name, ms_text *value) {
  uint32_t length;
  if (!headers->left) return false;
  headers->left--;
  *value = MS_NULL;
  if (take_number(&headers->rest, 2, &length) && take(&headers->rest, length, name) && take_number(&headers->rest, 4, &length) &&
      (length == UINT32_MAX || take(&headers->rest, length, value)))
    return true;
  headers->left = 0;
  return false;
}

bool ms_header(ms_text packed, ms_text name, ms_text *value) {
  ms_text other, others;
  bool found = false;
  for (ms_headers headers = ms_headers_of(packed); ms_next_header(&headers, &other, &others);)
    if (ms_equal(other, name)) *value = others, found = true;
  return found;
}

ms_text ms_add_header(ms_text packed, ms_text name, ms_text value) {
  uint16_t count = 0, name_bytes = (uint16_t)name.bytes;
  uint32_t value_bytes = value.at ? (uint32_t)value.bytes : UINT32_MAX;
  if (packed.at) memcpy(&count, packed.at, 2);
  if (count == UINT16_MAX || name.bytes > UINT16_MAX) ms_panic(ms_text_of("a record has at most 65,535 headers, and a name 65,535 bytes"));
  count++;
  ms_text before = packed.at ? ms_bytes(packed.at + 2, packed.bytes - 2) : MS_NULL;
  ms_text parts[] = {ms_bytes(&count, 2), before, ms_bytes(&name_bytes, 2), name, ms_bytes(&value_bytes, 4), value};
  return ms_join(parts, sizeof parts / sizeof *parts);
}
