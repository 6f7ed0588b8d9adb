// JSON, config, text and headers: what operators build on.
#include "../operators/identity/identity.c"
#include "testing/millstream_testing.h"

#include <stdio.h>

static bool is(ms_text text, const char *expected) { return ms_equal(text, ms_text_of(expected)); }

static bool accepts(const char *text) {
  ms_text why;
  return ms_json_read(ms_text_of(text), &why) != NULL;
}

static const ms_json *json(const char *text) {
  ms_text why;
  const ms_json *value = ms_json_read(ms_text_of(text), &why);
  MST_CHECK(value != NULL);
  return value;
}

static void json_is_what_the_grammar_says(void) {
  static const char *const good[] = {"0", "-0.5e+7", "\"\"", "[]", "{}", " [ 1 , {\"a\":[null,true,false]} ] ", "\"\\ud83d\\ude00\\u00e9\\n\"", "1E9"};
  static const char *const bad[] = {"",     "01",   "1.",    "-",      "+1",       "[1,]",       "{\"a\"}",   "{\"a\":1,}", "nul",   "\"",    "\"\\x\"",
                                    "[1 2]", "1 2", "\"\t\"", "{a:1}", "[}", "\"\\u12g4\"", "\"\\ud800\"", "{1:2}",      "1e", ".5", "\"\\"};
  for (size_t n = 0; n < sizeof good / sizeof *good; n++) MST_CHECK(accepts(good[n]));
  for (size_t n = 0; n < sizeof bad / sizeof *bad; n++) MST_CHECK(!accepts(bad[n]));
  char deep[2 * 128 + 1] = {0};
  for (size_t depth = 127; depth <= 128; depth++) {
    memset(deep, 0, sizeof deep);
    memset(deep, '[', depth), memset(deep + depth, ']', depth);
    MST_CHECK(accepts(deep) == (depth == 127));
  }
}

static void json_values_mean_what_they_say(void) {
  int64_t whole;
  uint64_t natural;
  double real;
  MST_CHECK(ms_json_i64(json("-9223372036854775808"), &whole) && whole == INT64_MIN && !ms_json_i64(json("9223372036854775808"), &whole));
  MST_CHECK(ms_json_u64(json("18446744073709551615"), &natural) && natural == UINT64_MAX && !ms_json_u64(json("-1"), &natural));
  MST_CHECK(ms_json_f64(json("-2.5e1"), &real) && real == -25.0 && !ms_json_f64(json("1e400"), &real) && !ms_json_i64(json("1.0"), &whole));
  MST_CHECK(is(json("\"\\u0041\\ud83d\\ude00\\\\\"")->text, "A\xf0\x9f\x98\x80\\"));
  MST_CHECK(ms_json_equal(json("{\"a\":1,\"b\":[\"x\"]}"), json(" {\"b\":[\"\\u0078\"],\"a\":0,\"a\":1}")));
  MST_CHECK(!ms_json_equal(json("1"), json("1.0")) && ms_json_equal(json("1.0"), json("10e-1")) && !ms_json_equal(json("[1]"), json("[1,2]")));
  MST_CHECK(!ms_json_equal(json("{\"a\":1}"), json("{\"a\":1,\"b\":1}")) && !ms_json_equal(json("{\"a\":1,\"b\":1}"), json("{\"a\":1}")));
  char nested[1000];
  enum { DEPTH = 100 };
  for (int n = 0; n < DEPTH; n++) memcpy(nested + 5 * n, "{\"a\":", 5);
  nested[5 * DEPTH] = '1';
  memset(nested + 5 * DEPTH + 1, '}', DEPTH);
  nested[6 * DEPTH + 1] = 0;
  MST_CHECK(ms_json_equal(json(nested), json(nested)));
  MST_CHECK(is(ms_json_compact(ms_text_of("{ \"a b\" : [ 1 , \"\\\" \" ] }")), "{\"a b\":[1,\"\\\" \"]}"));
  MST_CHECK(is(ms_json_quoted(ms_text_of("a\"\\\n\x01é")), "\"a\\\"\\\\\\n\\u0001é\""));
}

static void fields_are_found_without_a_tree(void) {
  static const ms_text names[] = {MS_TEXT("a"), MS_TEXT("none"), MS_TEXT("b c")};
  ms_text raws[3], why;
  MST_CHECK(ms_json_find(ms_text_of(" {\"a\":1,\"x\":{\"a\":2},\"b c\" : [ 1 ] ,\"\\u0061\":\"last\"} "), names, 3, raws, &why));
  MST_CHECK(is(raws[0], "\"last\"") && raws[1].at == NULL && is(raws[2], "[ 1 ]"));
  MST_CHECK(!ms_json_find(ms_text_of("{\"a\":EWR}"), names, 3, raws, &why) && is(why, "expected a value at byte 5, found `E`"));
  MST_CHECK(!ms_json_find(ms_text_of("{\"a\":1"), names, 3, raws, &why) && is(why, "expected `,` or `}` after a field at byte 6, where the text ends"));
  MST_CHECK(!ms_json_find(ms_text_of("[]"), names, 3, raws, &why) && !ms_json_find(ms_text_of("{} x"), names, 3, raws, &why));
  MST_CHECK(ms_json_find(ms_text_of("{}"), names, 3, raws, &why) && raws[0].at == NULL);
}

static ms_outcome read_config(const char *text, int64_t *size, ms_text *name) {
  ms_setup setup = {.config = ms_text_of(text)};
  ms_config config = ms_read_config(&setup);
  ms_config_need(&config, "size");
  *size = ms_config_i64(&config, "size", -1);
  *name = ms_config_text(&config, "name", ms_text_of("nobody"));
  return ms_config_done(&config);
}

static void config_is_typed_and_says_what_is_wrong(void) {
  int64_t size;
  ms_text name;
  MST_CHECK(read_config("{\"size\":3}", &size, &name) == MS_OK && size == 3 && is(name, "nobody"));
  MST_CHECK(read_config("{\"name\":\"a\\tb\",\"size\":-4}", &size, &name) == MS_OK && size == -4 && is(name, "a\tb"));
  static const char *const wrong[][2] = {{"", "missing field `size`"},
                                         {"{\"size\":1,\"seize\":2}", "unknown field `seize`"},
                                         {"{\"size\":1.5}", "`size`: expected a whole number"},
                                         {"{\"size\":1,\"name\":null}", "`name`: expected a text"},
                                         {"[]", "expected an object"},
                                         {"{", "expected a field's name"}};
  for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
    MST_CHECK(read_config(wrong[n][0], &size, &name) == MS_FATAL);
    mst_open("{\"none\":1}");
    MST_CHECK(ms_contains(mst_message(), ms_text_of("config: ")));
  }
}

static void text_is_read_as_unicode(void) {
  MST_CHECK(ms_is_text(ms_text_of("plain and a little more than sixteen, é €")) && !ms_is_text(ms_text_of("plain and a little more than\xff")));
  static const char *const bad[] = {"\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5", "\xe2\x82", "\xc3"};
  for (size_t n = 0; n < sizeof bad / sizeof *bad; n++) MST_CHECK(!ms_is_text(ms_text_of(bad[n])));
  MST_CHECK(is(ms_trim(ms_text_of(" \n\u00a0x y\u3000 ")), "x y") && ms_trim(ms_text_of(" \t")).bytes == 0);
  int64_t number;
  MST_CHECK(ms_i64(ms_text_of("+9223372036854775807"), &number) && number == INT64_MAX && !ms_i64(ms_text_of("9223372036854775808"), &number));
  MST_CHECK(ms_i64(ms_text_of("-9223372036854775808"), &number) && number == INT64_MIN && !ms_i64(ms_text_of("-"), &number) && !ms_i64(ms_text_of(""), &number));
  MST_CHECK(ms_is_word(0xB2) && ms_is_word(0x3B1) && !ms_is_word(0x20AC) && ms_lower(0xD6) == 0xF6 && ms_lower(0x410) == 0x430 && ms_lower(0xF7) == 0xF7);
  for (uint32_t letter = 0; letter < 0x110000; letter += letter == 0xD7FF ? 0x801 : 1) {
    uint8_t bytes[4];
    ms_text text = ms_bytes(bytes, ms_put_letter(bytes, letter));
    MST_CHECK(ms_is_text(text) && ms_next_letter(&text) == letter && text.bytes == 0);
  }
  MST_CHECK(is(ms_format("%s-%d", "a", 7), "a-7"));
}

static void headers_are_found_by_their_last_name(void) {
  ms_text packed = ms_add_header(ms_add_header(MS_NULL, ms_text_of("a"), ms_text_of("1")), ms_text_of("a"), MS_NULL), value;
  MST_CHECK(ms_header(packed, ms_text_of("a"), &value) && value.at == NULL && !ms_header(packed, ms_text_of("b"), &value));
  MST_CHECK(!ms_header(MS_NULL, ms_text_of("a"), &value));
}

static void identity_passes_on(void) {
  MST_CHECK(mst_open(NULL) == MS_OK);
  mst_add("k", "v", 7), mst_add(NULL, "v", 8), mst_add("k", NULL, MS_INHERIT);
  MST_CHECK(mst_process() == MS_OK && mst_outputs() == 3 && mst_output(0).timestamp == 7);
  MST_CHECK(mst_output_is(0, "k", "v") && mst_output_is(1, NULL, "v") && mst_output_is(2, "k", NULL) && mst_output(2).row == 2);
}

int main(void) {
  json_is_what_the_grammar_says();
  json_values_mean_what_they_say();
  fields_are_found_without_a_tree();
  config_is_typed_and_says_what_is_wrong();
  text_is_read_as_unicode();
  headers_are_found_by_their_last_name();
  identity_passes_on();
  return 0;
}
