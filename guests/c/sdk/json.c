// JSON: a scanner that checks a whole text, a tree of it, or a few fields without one.
#include "internal.h"

enum { DEPTH_MAX = 127 };

// A text that is being read; `expected` says what is wrong at `at`, once something is.
typedef struct {
  ms_text text;
  size_t at;
  const char *expected;
  void *(*alloc)(size_t bytes);  // for a tree; NULL: none is made
} scanner;

static bool wrong(scanner *s, size_t at, const char *expected) { return s->at = at, s->expected = expected, false; }
static int byte_at(const scanner *s, size_t at) { return at < s->text.bytes ? s->text.at[at] : 0; }
static int here(const scanner *s) { return byte_at(s, s->at); }
static bool is_digit(int byte) { return byte >= '0' && byte <= '9'; }

static void spaces(scanner *s) {
  while (here(s) == ' ' || here(s) == '\n' || here(s) == '\r' || here(s) == '\t') s->at++;
}

static ms_text explain(const scanner *s) {
  uint8_t room[20], found = (uint8_t)here(s);
  if (found < ' ' || found > '~') found = '?';
  bool ended = s->at >= s->text.bytes;
  ms_text parts[] = {MS_TEXT("expected "),
                     ms_text_of(s->expected),
                     MS_TEXT(" at byte "),
                     ms_digits(s->at, room),
                     ms_text_of(ended ? ", where the text ends" : ", found `"),
                     ms_bytes(&found, !ended),
                     ms_text_of(ended ? "" : "`")};
  return ms_join(parts, sizeof parts / sizeof *parts);
}

// ---- Scalars

static int hex_digit(int byte) { return is_digit(byte) ? byte - '0' : (byte | 32) >= 'a' && (byte | 32) <= 'f' ? (byte | 32) - 'a' + 10 : -1; }

static bool escape(scanner *s) {
  int byte = byte_at(s, s->at + 1);
  if (!byte || !strchr("\"\\/bfnrtu", byte)) return wrong(s, s->at + 1, "one of `\"\\/bfnrtu` after a backslash");
  s->at += 2;
  for (int n = 0; byte == 'u' && n < 4; n++, s->at++)
    if (hex_digit(here(s)) < 0) return wrong(s, s->at, "a hexadecimal digit");
  return true;
}

// From the opening quotes to behind the closing ones.
static bool string(scanner *s) {
  if (here(s) != '"') return wrong(s, s->at, "a string in quotes");
  const uint8_t *text = s->text.at;
  size_t end = s->text.bytes;
  s->at++;
  for (;;) {
    while (s->at < end && text[s->at] != '"' && text[s->at] != '\\' && text[s->at] >= ' ') s->at++;
    if (s->at == end) return wrong(s, end, "`\"` at a string's end");
    if (text[s->at] == '"') return s->at++, true;
    if (text[s->at] != '\\') return wrong(s, s->at, "a control character to be escaped");
    if (!escape(s)) return false;
  }
}

static bool digits(scanner *s) {
  if (!is_digit(here(s))) return wrong(s, s->at, "a digit");
  while (is_digit(here(s))) s->at++;
  return true;
}

static bool number(scanner *s) {
  if (here(s) == '-') s->at++;
  size_t begin = s->at;
  if (!digits(s)) return false;
  if (byte_at(s, begin) == '0' && s->at > begin + 1) return wrong(s, begin + 1, "no digit after a leading zero");
  if (here(s) == '.' && (s->at++, !digits(s))) return false;
  if ((here(s) | 32) == 'e') {
    s->at++;
    if (here(s) == '+' || here(s) == '-') s->at++;
    return digits(s);
  }
  return true;
}

static bool literal(scanner *s, const char *spelling) {
  size_t bytes = strlen(spelling);
  if (s->text.bytes - s->at < bytes || memcmp(s->text.at + s->at, spelling, bytes) != 0) return wrong(s, s->at, "`true`, `false` or `null`");
  return s->at += bytes, true;
}

static bool scalar(scanner *s, ms_json_kind *kind) {
  switch (here(s)) {
    case '"': return *kind = MS_JSON_TEXT, string(s);
    case 't': return *kind = MS_JSON_TRUE, literal(s, "true");
    case 'f': return *kind = MS_JSON_FALSE, literal(s, "false");
    case 'n': return *kind = MS_JSON_NULL, literal(s, "null");
    default:
      if (here(s) != '-' && !is_digit(here(s))) return wrong(s, s->at, "a value");
      return *kind = MS_JSON_NUMBER, number(s);
  }
}

// ---- What strings read

// One UTF-16 unit as \uXXXX at `at`, or -1.
static int32_t unit(ms_text text, size_t at) {
  if (at + 6 > text.bytes || text.at[at] != '\\' || text.at[at + 1] != 'u') return -1;
  int32_t number = 0;
  for (size_t n = at + 2; n < at + 6; n++) {
    int digit = hex_digit(text.at[n]);
    if (digit < 0) return -1;
    number = number << 4 | digit;
  }
  return number;
}

// Takes the escape at `*at`, and the other half of a pair with it; false: there is none.
static bool unescape(ms_text inside, size_t *at, uint32_t *letter) {
  static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
  uint8_t byte = inside.at[*at + 1];
  if (byte != 'u') {
    const char *known = strchr(from, byte);
    *letter = known ? (uint8_t)to[known - from] : byte;
    return *at += 2, true;
  }
  int32_t first = unit(inside, *at);
  if (first < 0) return false;
  *at += 6;
  *letter = (uint32_t)first;
  if (first < 0xD800 || first > 0xDFFF) return true;
  int32_t second = unit(inside, *at);
  if (first > 0xDBFF || second < 0xDC00 || second > 0xDFFF) return false;
  *at += 6;
  *letter = 0x10000 + ((uint32_t)(first - 0xD800) << 10 | (uint32_t)(second - 0xDC00));
  return true;
}

static bool read_string(ms_text raw, ms_text *text, void *(*alloc)(size_t)) {
  if (raw.bytes < 2 || raw.at[0] != '"') return false;
  ms_text inside = ms_bytes(raw.at + 1, raw.bytes - 2);
  if (!inside.bytes || !memchr(inside.at, '\\', inside.bytes)) return *text = inside, true;
  uint8_t *to = alloc(inside.bytes);
  size_t at = 0, bytes = 0;
  while (at < inside.bytes) {
    uint32_t letter;
    if (inside.at[at] != '\\') {
      to[bytes++] = inside.at[at++];
    } else if (unescape(inside, &at, &letter)) {
      bytes += ms_put_letter(to + bytes, letter);
    } else {
      return false;
    }
  }
  return *text = ms_bytes(to, bytes), true;
}

bool ms_json_string(ms_text raw, ms_text *text) { return read_string(raw, text, ms_alloc); }

// ---- Whole values, without recursion: texts come from anywhere, and stacks are small

// What is open around the value that is read: a bit for each says whether it is an object. With a tree, `nodes` are its ends.
typedef struct {
  scanner *s;
  uint32_t depth;
  uint8_t is_object[DEPTH_MAX];
  ms_json *nodes[DEPTH_MAX];
  ms_json **place;  // where the next node belongs
  ms_json *node;    // the one that is read
  ms_text name;
} reader;

static bool name_and_colon(reader *r) {
  scanner *s = r->s;
  size_t begin = s->at;
  if (here(s) != '"') return wrong(s, begin, "a field's name in quotes");
  if (!string(s)) return false;
  ms_text raw = ms_bytes(s->text.at + begin, s->at - begin);
  if (s->alloc && !read_string(raw, &r->name, s->alloc)) return wrong(s, begin + 1, "a name that is text");
  spaces(s);
  if (here(s) != ':') return wrong(s, s->at, "`:` after a field's name");
  s->at++;
  return spaces(s), true;
}

static void new_node(reader *r) {
  if (!r->s->alloc) return;
  r->node = r->s->alloc(sizeof *r->node);
  *r->node = (ms_json){.name = r->name, .raw = {r->s->text.at + r->s->at, 0}};
  *r->place = r->node;
  r->place = &r->node->next;
  r->name = MS_NULL;
}

static void end_node(reader *r, ms_json *node, ms_json_kind kind) {
  if (!r->s->alloc) return;
  node->kind = kind;
  node->raw.bytes = (size_t)(r->s->text.at + r->s->at - node->raw.at);
  r->place = &node->next;
}

static bool open_one(reader *r) {
  scanner *s = r->s;
  if (r->depth == DEPTH_MAX) return wrong(s, s->at, "at most 127 objects and arrays inside one another");
  r->is_object[r->depth] = here(s) == '{';
  r->nodes[r->depth] = r->node;
  if (s->alloc) r->place = &r->node->first;
  r->depth++, s->at++;
  return spaces(s), true;
}

static void close_one(reader *r) {
  r->depth--, r->s->at++;
  end_node(r, r->nodes[r->depth], r->is_object[r->depth] ? MS_JSON_OBJECT : MS_JSON_ARRAY);
}

// Behind a value: closes what ends here, and comes to the next value. `*done`: the outermost has ended.
static bool behind(reader *r, uint32_t outside, bool *done) {
  scanner *s = r->s;
  while (!(*done = r->depth == outside)) {
    bool is_object = r->is_object[r->depth - 1];
    spaces(s);
    if (here(s) == ',') {
      s->at++;
      spaces(s);
      return !is_object || name_and_colon(r);
    }
    if (here(s) != (is_object ? '}' : ']')) return wrong(s, s->at, is_object ? "`,` or `}` after a field" : "`,` or `]` after an element");
    close_one(r);
  }
  return true;
}

static bool value(reader *r) {
  scanner *s = r->s;
  uint32_t outside = r->depth;
  bool done = false;
  while (!done) {
    new_node(r);
    if (here(s) == '{' || here(s) == '[') {
      if (!open_one(r)) return false;
      bool is_object = r->is_object[r->depth - 1];
      if (here(s) != (is_object ? '}' : ']')) {
        if (is_object && !name_and_colon(r)) return false;
        continue;
      }
      close_one(r);
    } else {
      ms_json_kind kind;
      if (!scalar(s, &kind)) return false;
      end_node(r, r->node, kind);
      if (s->alloc && kind == MS_JSON_TEXT && !read_string(r->node->raw, &r->node->text, s->alloc)) return wrong(s, s->at, "text without halves of surrogate pairs");
    }
    if (!behind(r, outside, &done)) return false;
  }
  return true;
}

static ms_json *read(ms_text text, ms_text *why, void *(*alloc)(size_t)) {
  scanner s = {text, 0, NULL, alloc};
  ms_json *root = NULL;
  reader r = {.s = &s, .place = &root};
  spaces(&s);
  if (value(&r)) {
    spaces(&s);
    if (s.at == text.bytes) return root;
    wrong(&s, s.at, "nothing after the value");
  }
  *why = explain(&s);
  return NULL;
}

ms_json *ms_json_read(ms_text text, ms_text *why) { return read(text, why, ms_alloc); }
ms_json *ms_json_read_forever(ms_text text, ms_text *why) { return read(text, why, ms_alloc_forever); }

// ---- A few fields

static void note(const scanner *s, ms_text name, size_t begin, const ms_text *names, size_t names_n, ms_text *raws) {
  for (size_t n = 0; n < names_n; n++)
    if (ms_equal(names[n], name)) raws[n] = ms_bytes(s->text.at + begin, s->at - begin);
}

static bool find(scanner *s, const ms_text *names, size_t names_n, ms_text *raws) {
  reader r;  // all but the first two are written before they are read
  r.s = s, r.depth = 1;
  spaces(s);
  if (here(s) != '{') return wrong(s, s->at, "an object");
  s->at++;
  spaces(s);
  for (bool more = here(s) != '}'; more; more = here(s) == ',' ? (s->at++, spaces(s), true) : false) {
    size_t name_at = s->at;
    ms_text name;
    if (here(s) != '"') return wrong(s, s->at, "a field's name in quotes");
    if (!string(s)) return false;
    if (!read_string(ms_bytes(s->text.at + name_at, s->at - name_at), &name, ms_alloc)) return wrong(s, name_at + 1, "a name that is text");
    spaces(s);
    if (here(s) != ':') return wrong(s, s->at, "`:` after a field's name");
    s->at++;
    spaces(s);
    size_t begin = s->at;
    if (!value(&r)) return false;
    note(s, name, begin, names, names_n, raws);
    spaces(s);
    if (here(s) != ',' && here(s) != '}') return wrong(s, s->at, "`,` or `}` after a field");
  }
  s->at++;
  spaces(s);
  return s->at == s->text.bytes || wrong(s, s->at, "nothing after the object");
}

bool ms_json_find(ms_text object, const ms_text *names, size_t names_n, ms_text *raws, ms_text *why) {
  scanner s = {object, 0, NULL, NULL};
  for (size_t n = 0; n < names_n; n++) raws[n] = MS_NULL;
  if (find(&s, names, names_n, raws)) return true;
  return *why = explain(&s), false;
}
