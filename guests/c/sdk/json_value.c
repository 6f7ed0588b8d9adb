// What JSON values mean: numbers, equality, other spellings of the same; and the config.
#include "internal.h"

#include <stdlib.h>

const ms_json *ms_json_field(const ms_json *object, ms_text name) {
  const ms_json *found = NULL;
  if (!object || object->kind != MS_JSON_OBJECT) return NULL;
  for (const ms_json *field = object->first; field; field = field->next)
    if (ms_equal(field->name, name)) found = field;
  return found;
}

// ---- Numbers

// Written as a whole number; `-0` is none, it stands for a fraction's.
static bool is_whole(ms_text raw) {
  for (size_t n = raw.at[0] == '-'; n < raw.bytes; n++)
    if (raw.at[n] < '0' || raw.at[n] > '9') return false;
  return !(raw.bytes == 2 && raw.at[0] == '-' && raw.at[1] == '0');
}

bool ms_json_i64(const ms_json *value, int64_t *number) {
  return value && value->kind == MS_JSON_NUMBER && is_whole(value->raw) && ms_i64(value->raw, number);
}

bool ms_json_u64(const ms_json *value, uint64_t *number) {
  if (!value || value->kind != MS_JSON_NUMBER || !is_whole(value->raw) || value->raw.at[0] == '-') return false;
  uint64_t found = 0;
  for (size_t n = 0; n < value->raw.bytes; n++)
    if (__builtin_mul_overflow(found, 10, &found) || __builtin_add_overflow(found, value->raw.at[n] - '0', &found)) return false;
  return *number = found, true;
}

bool ms_json_f64(const ms_json *value, double *number) {
  if (!value || value->kind != MS_JSON_NUMBER) return false;
  // The number may lie at the very end of memory that is not ours, so it is read from a copy.
  char *copy = ms_alloc(value->raw.bytes + 1);
  memcpy(copy, value->raw.at, value->raw.bytes);
  copy[value->raw.bytes] = 0;
  *number = strtod(copy, NULL);
  return *number - *number == 0;  // not too large
}

static bool same_number(const ms_json *a, const ms_json *b) {
  int64_t signed_a, signed_b;
  uint64_t unsigned_a, unsigned_b;
  double a_double, b_double;
  bool is_signed = ms_json_i64(a, &signed_a), is_unsigned = ms_json_u64(a, &unsigned_a);
  if (is_signed != ms_json_i64(b, &signed_b) || is_unsigned != ms_json_u64(b, &unsigned_b)) return false;
  if (is_signed) return signed_a == signed_b;
  if (is_unsigned) return unsigned_a == unsigned_b;
  return ms_json_f64(a, &a_double) && ms_json_f64(b, &b_double) && a_double == b_double;
}

// ---- Equality

static bool same_elements(const ms_json *a, const ms_json *b) {
  for (a = a->first, b = b->first; a && b; a = a->next, b = b->next)
    if (!ms_json_equal(a, b)) return false;
  return !a && !b;
}

// Of fields with the same name the last one counts.
static bool fields_are_in(const ms_json *a, const ms_json *b) {
  for (const ms_json *field = a->first; field; field = field->next) {
    const ms_json *other = ms_json_field(b, field->name);
    if (!other || (ms_json_field(a, field->name) == field && !ms_json_equal(field, other))) return false;
  }
  return true;
}

static bool names_are_in(const ms_json *a, const ms_json *b) {
  for (const ms_json *field = a->first; field; field = field->next)
    if (!ms_json_field(b, field->name)) return false;
  return true;
}

bool ms_json_equal(const ms_json *a, const ms_json *b) {
  if (a->kind != b->kind) return false;
  switch (a->kind) {
    case MS_JSON_NUMBER: return same_number(a, b);
    case MS_JSON_TEXT: return ms_equal(a->text, b->text);
    case MS_JSON_ARRAY: return same_elements(a, b);
    // One way the values are compared, the other way names are enough: both ways would double the work at each level.
    case MS_JSON_OBJECT: return fields_are_in(a, b) && names_are_in(b, a);
    default: return true;
  }
}

// ---- Spelling

ms_text ms_json_compact(ms_text raw) {
  uint8_t *to = ms_alloc(raw.bytes + 1);
  size_t bytes = 0;
  bool inside = false;
  for (size_t n = 0; n < raw.bytes; n++) {
    uint8_t byte = raw.at[n];
    if (!inside && (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t')) continue;
    to[bytes++] = byte;
    if (byte == '"') inside = !inside;
    if (inside && byte == '\\' && n + 1 < raw.bytes) to[bytes++] = raw.at[++n];
  }
  return ms_bytes(to, bytes);
}

ms_text ms_json_quoted(ms_text text) {
  static const char hex[] = "0123456789abcdef", from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
  uint8_t *quoted = ms_alloc(6 * text.bytes + 2), *at = quoted;
  *at++ = '"';
  for (size_t n = 0; n < text.bytes; n++) {
    uint8_t byte = text.at[n];
    const char *known = byte ? strchr(from, byte) : NULL;
    if (known) {
      *at++ = '\\';
      *at++ = (uint8_t)to[known - from];
    } else if (byte < ' ') {
      memcpy(at, "\\u00", 4);
      at[4] = (uint8_t)hex[byte >> 4], at[5] = (uint8_t)hex[byte & 15];
      at += 6;
    } else {
      *at++ = byte;
    }
  }
  *at++ = '"';
  return ms_bytes(quoted, (size_t)(at - quoted));
}

// ---- Config

// Keeps the first thing that is wrong.
static void is_wrong(ms_config *config, const char *name, const char *what) {
  ms_text parts[] = {MS_TEXT("config: `"), ms_text_of(name), MS_TEXT("`: "), ms_text_of(what)};
  if (!config->wrong.at) config->wrong = ms_join(parts, sizeof parts / sizeof *parts);
}

ms_config ms_read_config(const ms_setup *setup) {
  ms_config config = {NULL, MS_NULL};
  if (!setup->config.bytes) return config;
  ms_text why, text = ms_forever(setup->config);
  config.json = ms_is_text(text) ? ms_json_read_forever(text, &why) : (why = ms_text_of("it is not UTF-8"), NULL);
  if (config.json && config.json->kind != MS_JSON_OBJECT) why = ms_text_of("expected an object"), config.json = NULL;
  if (!config.json) {
    ms_text parts[] = {MS_TEXT("config: "), why};
    config.wrong = ms_join(parts, 2);
  }
  return config;
}

// Fields of the same name are asked for together, so a second one is not taken for unknown.
static const ms_json *ask(ms_config *config, const char *name) {
  const ms_json *found = NULL;
  for (ms_json *field = config->json ? config->json->first : NULL; field; field = field->next)
    if (ms_equal(field->name, ms_text_of(name))) field->asked = true, found = field;
  return found;
}

void ms_config_need(ms_config *config, const char *name) {
  ms_text parts[] = {MS_TEXT("config: missing field `"), ms_text_of(name), MS_TEXT("`")};
  if (!ask(config, name) && !config->wrong.at) config->wrong = ms_join(parts, sizeof parts / sizeof *parts);
}

int64_t ms_config_i64(ms_config *config, const char *name, int64_t otherwise) {
  const ms_json *found = ask(config, name);
  int64_t number;
  if (!found) return otherwise;
  if (ms_json_i64(found, &number)) return number;
  return is_wrong(config, name, "expected a whole number of at most 64 bits"), otherwise;
}

double ms_config_f64(ms_config *config, const char *name, double otherwise) {
  const ms_json *found = ask(config, name);
  double number;
  if (!found) return otherwise;
  if (ms_json_f64(found, &number)) return number;
  return is_wrong(config, name, "expected a number"), otherwise;
}

bool ms_config_bool(ms_config *config, const char *name, bool otherwise) {
  const ms_json *found = ask(config, name);
  if (!found) return otherwise;
  if (found->kind == MS_JSON_TRUE || found->kind == MS_JSON_FALSE) return found->kind == MS_JSON_TRUE;
  return is_wrong(config, name, "expected true or false"), otherwise;
}

ms_text ms_config_text(ms_config *config, const char *name, ms_text otherwise) {
  const ms_json *found = ask(config, name);
  if (!found) return otherwise;
  if (found->kind == MS_JSON_TEXT) return found->text;
  return is_wrong(config, name, "expected a text"), otherwise;
}

const ms_json *ms_config_json(ms_config *config, const char *name) {
  const ms_json *found = ask(config, name);
  return found && found->kind != MS_JSON_NULL ? found : NULL;
}

ms_outcome ms_config_done(ms_config *config) {
  for (ms_json *field = config->json && !config->wrong.at ? config->json->first : NULL; field; field = field->next) {
    if (field->asked) continue;
    ms_text parts[] = {MS_TEXT("config: unknown field `"), field->name, MS_TEXT("`")};
    config->wrong = ms_join(parts, sizeof parts / sizeof *parts);
    break;
  }
  return config->wrong.at ? ms_fatal(config->wrong) : MS_OK;
}

ms_outcome ms_config_wrong(const char *name, const char *what) {
  ms_text parts[] = {MS_TEXT("config: `"), ms_text_of(name), MS_TEXT("` "), ms_text_of(what)};
  return ms_fatal(ms_join(parts, sizeof parts / sizeof *parts));
}

bool ms_no_config(const ms_setup *setup) {
  ms_config config = ms_read_config(setup);
  return ms_config_done(&config) == MS_OK;
}
