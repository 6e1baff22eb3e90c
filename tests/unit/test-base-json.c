// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON: what is written, what is read, what is refused. */
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "kselftest_harness.h"

/* The text of @value, which is given up; static. */
static const char *dump(json_t *value)
{
	static char text[4096];
	char *s = NULL;
	size_t len;

	strcpy(text, "?");
	if (!js_dump(value, 0, &s, &len) && len < sizeof(text))
		memcpy(text, s, len + 1);
	free(s);
	js_free(value);
	return text;
}

TEST(members_keep_their_order)
{
	json_t *o = js_object();

	EXPECT_EQ(0, js_set_int(o, "zeta", -5));
	EXPECT_EQ(0, js_set_u64(o, "alpha", UINT64_MAX));
	EXPECT_EQ(0, js_set_i64(o, "mid", INT64_MIN));
	EXPECT_EQ(0, js_set_bool(o, "yes", true));
	EXPECT_EQ(0, js_set(o, "none", js_null()));
	EXPECT_EQ(0, js_set_uint(o, "zeta", UINT32_MAX));
	EXPECT_STREQ("{\"zeta\":4294967295,\"alpha\":\"18446744073709551615\","
		     "\"mid\":\"-9223372036854775808\",\"yes\":true,"
		     "\"none\":null}",
		     dump(o));
}

TEST(reals_have_the_fewest_digits_that_read_back)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0.1, "0.1" },
		{ 1, "1.0" },
		{ -0.0, "-0.0" },
		{ 1e300, "1e+300" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 123456789012345680.0, "1.2345678901234568e+17" },
		{ DBL_MIN, "2.2250738585072014e-308" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_STREQ(cases[i].text, dump(js_real(cases[i].value)));
	}
	EXPECT_STREQ("null", dump(js_real(NAN)));
	EXPECT_STREQ("null", dump(js_real(INFINITY)));
}

TEST(reals_do_not_follow_the_locale)
{
	if (!setlocale(LC_NUMERIC, "de_DE.UTF-8"))
		SKIP(return, "the locale de_DE.UTF-8 is not installed");
	EXPECT_STREQ("0.5", dump(js_real(0.5)));
}

TEST(strings_are_escaped_and_utf8_stays)
{
	EXPECT_STREQ("\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\xc3\xa4/\"",
		     dump(js_str("a\"b\\c\n\t\x01\x7f\xc3\xa4/")));
	EXPECT_EQ(NULL, js_str("\xff"));
	EXPECT_EQ(NULL, js_str(NULL));
}

/* The writer takes long texts in pieces. */
TEST(long_strings_are_escaped_at_each_place)
{
	static const char odd[] = "\"\x01\x7f\xc3\xa4\\";
	static const char as[] = "\\\"\\u0001\\u007f\xc3\xa4\\\\";
	char text[600], wanted[600];

	for (size_t at = 0; at <= 520; at++) {
		CLEANUP(buf_deinit) struct buf b = { 0 };

		memset(text, 'x', sizeof(text));
		memcpy(text + at, odd, sizeof(odd) - 1);
		ASSERT_EQ(0, js_write_str(&b, text, at + sizeof(odd) - 1));
		snprintf(wanted, sizeof(wanted), "\"%.*s%s\"", (int)at, text,
			 as);
		ASSERT_STREQ(wanted, b.data);
		ASSERT_EQ(strlen(wanted), b.len);
	}
}

TEST(a_string_may_grow_to_six_times_its_length)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	char text[600];

	memset(text, '\x01', sizeof(text));
	ASSERT_EQ(0, js_write_str(&b, text, sizeof(text)));
	EXPECT_EQ(6 * sizeof(text) + 2, b.len);
	EXPECT_STREQ("\\u0001\"", b.data + b.len - 7);
}

TEST(bad_utf8_is_named)
{
	json_t *o = js_object();

	EXPECT_EQ(-EILSEQ, js_set_str(o, "a", "\xc3"));
	EXPECT_EQ(-EINVAL, js_set_str(o, "a", NULL));
	EXPECT_EQ(-ENOMEM, js_set(o, "a", NULL));
	EXPECT_EQ(0, js_len(o));
	js_free(o);
}

TEST(dump_reads_back_to_the_same_bytes)
{
	static const char text[] =
		"{\"a\":[1,2.5,\"x\",null,true,{}],\"b\":{\"c\":[]}}";
	json_t *o;

	ASSERT_EQ(0, js_parse(text, strlen(text), &o, NULL));
	EXPECT_STREQ(text, dump(o));
}

TEST(pretty_text_is_indented)
{
	json_t *o = js_pack("{s:[i],s:{}}", "a", 1, "b");
	char *text;

	ASSERT_EQ(0, js_dump(o, JS_PRETTY, &text, NULL));
	EXPECT_STREQ("{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}", text);
	free(text);
	js_free(o);
}

TEST(what_is_not_json_is_refused_with_its_place)
{
	static const char *const texts[] = {
		"",	      "{",
		"{\"a\":1,}", "{\"a\":1} x",
		"nul",	      "[1e999]",
		"[01]",	      "{\"a\":1,\"a\":2}",
		"\"\xff\"",   "[18446744073709551616]",
	};
	struct js_error err;
	json_t *o = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		memset(&err, 0, sizeof(err));
		EXPECT_EQ(-EBADMSG,
			  js_parse(texts[i], strlen(texts[i]), &o, &err))
		TH_LOG("%s", texts[i]);
		EXPECT_NE(0, *err.why);
		EXPECT_EQ(NULL, o);
	}
	EXPECT_EQ(-EBADMSG, js_parse("{\n \"a\" 1}", 9, &o, &err));
	EXPECT_EQ(2, err.line);
}

TEST(depth_is_bounded_both_ways)
{
	char text[256];
	struct js_error err;
	json_t *o = js_array(), *inner = o;
	char *s;

	memset(text, '[', 100);
	memset(text + 100, ']', 100);
	EXPECT_EQ(-EBADMSG, js_parse(text, 200, &inner, &err));
	EXPECT_STREQ("nested too deep", err.why);
	for (int i = 0; i < 100; i++) {
		json_t *a = js_array();

		ASSERT_EQ(0, js_append(inner, a));
		inner = a;
	}
	EXPECT_EQ(-ELOOP, js_dump(o, 0, &s, NULL));
	js_free(o);
}

TEST(getters_check_type_and_range)
{
	static const char text[] =
		"{\"s\":\"x\",\"u\":\"18446744073709551615\",\"over\":"
		"\"18446744073709551616\",\"lead\":\"007\",\"neg\":\"-1\","
		"\"i\":2147483648,\"r\":1.5,\"b\":true,\"nul\":\"a\\u0000b\"}";
	uint64_t u = 7;
	uint32_t n = 7;
	int64_t i64 = 7;
	int32_t i = 7;
	double r = 7;
	bool b = false;
	const char *s;
	json_t *o;

	ASSERT_EQ(0, js_parse(text, strlen(text), &o, NULL));
	EXPECT_EQ(0, js_get_str(o, "s", &s));
	EXPECT_EQ(-ENOENT, js_get_str(o, "no", &s));
	EXPECT_EQ(-EINVAL, js_get_str(o, "i", &s));
	EXPECT_EQ(-EINVAL, js_get_str(o, "nul", &s));
	EXPECT_EQ(-EINVAL, js_get_u64(o, "over", &u));
	EXPECT_EQ(-EINVAL, js_get_u64(o, "lead", &u));
	EXPECT_EQ(-EINVAL, js_get_u64(o, "neg", &u));
	EXPECT_EQ(-EINVAL, js_get_u64(o, "i", &u));
	EXPECT_EQ(7, u);
	EXPECT_EQ(0, js_get_u64(o, "u", &u));
	EXPECT_EQ(UINT64_MAX, u);
	EXPECT_EQ(-EINVAL, js_get_i64(o, "u", &i64));
	EXPECT_EQ(0, js_get_i64(o, "neg", &i64));
	EXPECT_EQ(-1, i64);
	EXPECT_EQ(-EINVAL, js_get_int(o, "i", &i));
	EXPECT_EQ(0, js_get_uint(o, "i", &n));
	EXPECT_EQ(2147483648u, n);
	EXPECT_EQ(0, js_get_real(o, "r", &r));
	EXPECT_EQ(0, js_get_real(o, "i", &r));
	EXPECT_EQ(-EINVAL, js_get_real(o, "s", &r));
	EXPECT_EQ(0, js_get_bool(o, "b", &b));
	EXPECT_TRUE(b);
	EXPECT_EQ(-EINVAL, js_get_bool(o, "i", &b));
	EXPECT_EQ(-ENOENT, js_get_bool(NULL, "b", &b));
	js_free(o);
}

TEST(merge_refuses_a_key_that_is_there)
{
	json_t *a = js_pack("{s:i}", "x", 1),
	       *b = js_pack("{s:i,s:i}", "y", 2, "x", 3);

	EXPECT_EQ(-EEXIST, js_merge(a, b));
	EXPECT_EQ(1, js_len(a));
	EXPECT_EQ(0, js_remove(b, "x"));
	EXPECT_EQ(-ENOENT, js_remove(b, "x"));
	EXPECT_EQ(0, js_merge(a, b));
	js_free(b);
	EXPECT_STREQ("{\"x\":1,\"y\":2}", dump(a));
}

TEST_HARNESS_MAIN
