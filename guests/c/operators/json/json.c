// JSON: keeps the records whose field equals a value, and of those the fields named, in that order; may make one field the key.
#include "millstream.h"

static const ms_text INPUTS[] = {MS_TEXT("in")}, OUTPUTS[] = {MS_TEXT("out")};

// Config: `only` = { `field`, `equals` }: only records that have this. `select`: the fields to keep, in order; those that a record lacks are left out; empty:
// the value stays as it is. `key`: the field whose text becomes the key.
static const ms_json *equals;
// The fields that the config names: those of `select`, then `only`'s, then `key`.
static ms_text *names;
static size_t select_n, names_n, only_at, key_at;
// The names of `select` as they stand in the output, quoted and with a colon.
static ms_text *quoted;

const ms_description *ms_describe(void) {
  static const ms_description description = {
      .name = MS_TEXT("json"), .version = MS_TEXT("0.1.0"),
      .inputs = INPUTS,        .inputs_n = 1,
      .outputs = OUTPUTS,      .outputs_n = 1,
  };
  return &description;
}

static bool open_only(const ms_json *only) {
  const ms_json *field = ms_json_field(only, ms_text_of("field"));
  equals = ms_json_field(only, ms_text_of("equals"));
  if (!equals || !field || field->kind != MS_JSON_TEXT) return false;
  for (const ms_json *other = only->first; other; other = other->next)
    if (other != field && other != equals) return false;
  names[only_at = names_n++] = field->text;
  return true;
}

ms_outcome ms_open(const ms_setup *setup) {
  ms_config config = ms_read_config(setup);
  const ms_json *select = ms_config_json(&config, "select"), *only = ms_config_json(&config, "only"), *key = ms_config_json(&config, "key");
  ms_outcome outcome = ms_config_done(&config);
  if (outcome != MS_OK) return outcome;
  if (select && select->kind != MS_JSON_ARRAY) return ms_config_wrong("select", "must be a list of texts");
  size_t most = 2;
  for (const ms_json *field = select ? select->first : NULL; field; field = field->next) most++;
  names = ms_alloc_forever(most * sizeof *names);
  quoted = ms_alloc_forever(most * sizeof *quoted);
  select_n = names_n = 0, equals = NULL, key_at = SIZE_MAX;
  for (const ms_json *field = select ? select->first : NULL; field; field = field->next) {
    if (field->kind != MS_JSON_TEXT) return ms_config_wrong("select", "must be a list of texts");
    ms_text parts[] = {ms_json_quoted(field->text), MS_TEXT(":")};
    quoted[select_n++] = ms_forever(ms_join(parts, 2));
    names[names_n++] = field->text;
  }
  if (only && !open_only(only)) return ms_config_wrong("only", "must have `field`, a text, and `equals`, and nothing else");
  if (!key) return MS_OK;
  if (key->kind != MS_JSON_TEXT) return ms_config_wrong("key", "must be a text");
  names[key_at = names_n++] = key->text;
  return MS_OK;
}

static void bad(const ms_record *record, ms_text why) {
  ms_text parts[] = {MS_TEXT("the value: "), why};
  ms_reject(record->row, MS_BAD_JSON, ms_join(parts, 2));
}

// Whether the record has what `only` asks for; false, too, if it was rejected.
static bool is_wanted(const ms_record *record, ms_text raw) {
  if (!raw.at) return false;
  bool has_escapes = memchr(raw.at, '\\', raw.bytes) != NULL;
  if (equals->kind == MS_JSON_TEXT && raw.at[0] == '"' && !has_escapes) return ms_equal(ms_bytes(raw.at + 1, raw.bytes - 2), equals->text);
  ms_text why;
  const ms_json *value = ms_json_read(raw, &why);
  if (!value) return bad(record, why), false;
  return ms_json_equal(value, equals);
}

static ms_text selected(const ms_text *raws) {
  size_t parts_n = 0;
  ms_text *parts = ms_alloc((3 * select_n + 2) * sizeof *parts);
  for (size_t n = 0; n < select_n; n++) {
    if (!raws[n].at) continue;
    parts[parts_n] = ms_text_of(parts_n ? "," : "{");
    parts[parts_n + 1] = quoted[n];
    parts[parts_n + 2] = raws[n];
    parts_n += 3;
  }
  if (!parts_n) parts[parts_n++] = ms_text_of("{");
  parts[parts_n++] = ms_text_of("}");
  return ms_join(parts, parts_n);
}

ms_outcome ms_process(const ms_context *context, const ms_batch *input) {
  (void)context;
  ms_text *raws = ms_alloc((names_n + 1) * sizeof *raws);
  for (uint32_t row = 0; row < ms_rows(input); row++) {
    ms_record record = ms_at(input, row);
    if (!ms_need_fields(&record, names, names_n, raws)) continue;
    if (equals && !is_wanted(&record, raws[only_at])) continue;
    ms_out out = ms_copy(&record);
    if (key_at != SIZE_MAX) {
      ms_text raw = raws[key_at];
      if (!raw.at) {
        ms_text parts[] = {MS_TEXT("it has no field `"), names[key_at], MS_TEXT("`")};
        bad(&record, ms_join(parts, 3));
        continue;
      }
      if (raw.at[0] != '"') {
        out.key = ms_json_compact(raw);
      } else if (!ms_json_string(raw, &out.key)) {
        bad(&record, ms_text_of("half a surrogate pair"));
        continue;
      }
    }
    if (select_n) out.value = selected(raws);
    ms_emit(out);
  }
  return MS_OK;
}
