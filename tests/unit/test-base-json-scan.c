// SPDX-License-Identifier: GPL-2.0-or-later
/* A scan finds what js_parse() finds, or is not sure. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_scan.h"
#include "kselftest_harness.h"
#include "seed.h"

static const char *const keys[] = { "a", "b", "seq" };

static bool scan(const char *text, struct js_span ret[3])
{
	return js_scan(text, strlen(text), keys, ARRAY_SIZE(keys), ret);
}

TEST(members_of_the_outermost_object_are_found)
{
	struct js_span s[3];
	char text[16];
	uint64_t u64;
	uint32_t u32;

	ASSERT_TRUE(scan("{\"x\":{\"seq\":\"9\",\"b\":1},\"seq\":\"42\","
			 "\"a\":[1,-2.5e-3,{},[]],\"y\":null}",
			 s));
	EXPECT_EQ(NULL, s[1].at);
	EXPECT_EQ(17, s[0].len);
	EXPECT_EQ(0, strncmp(s[0].at, "[1,-2.5e-3,{},[]]", 17));
	EXPECT_TRUE(js_span_str(&s[2], text, sizeof(text)));
	EXPECT_STREQ("42", text);
	EXPECT_TRUE(js_span_u64(&s[2], &u64));
	EXPECT_EQ(42, u64);
	EXPECT_FALSE(js_span_uint(&s[2], &u32));
	EXPECT_FALSE(js_span_str(&s[0], text, sizeof(text)));
	EXPECT_FALSE(js_span_str(&s[1], text, sizeof(text)));
}

TEST(a_string_must_fit_with_its_end)
{
	struct js_span s[3];
	char text[3];

	ASSERT_TRUE(scan("{\"a\":\"xy\",\"b\":\"xyz\"}", s));
	EXPECT_TRUE(js_span_str(&s[0], text, sizeof(text)));
	EXPECT_FALSE(js_span_str(&s[1], text, sizeof(text)));
}

TEST(numbers_are_read_as_js_get_reads_them)
{
	struct js_span s[3];
	uint64_t u64;
	uint32_t u32;

	ASSERT_TRUE(scan("{\"a\":4294967295,\"b\":4294967296,"
			 "\"seq\":\"18446744073709551615\"}",
			 s));
	EXPECT_TRUE(js_span_uint(&s[0], &u32));
	EXPECT_EQ(UINT32_MAX, u32);
	EXPECT_FALSE(js_span_uint(&s[1], &u32));
	EXPECT_TRUE(js_span_u64(&s[2], &u64));
	EXPECT_EQ(UINT64_MAX, u64);
	ASSERT_TRUE(scan("{\"a\":-1,\"b\":1.0,\"seq\":\"042\"}", s));
	EXPECT_FALSE(js_span_uint(&s[0], &u32));
	EXPECT_FALSE(js_span_uint(&s[1], &u32));
	EXPECT_FALSE(js_span_u64(&s[2], &u64));
}

TEST(words_are_told_apart)
{
	struct js_span s[3];

	ASSERT_TRUE(scan("{\"a\":true,\"b\":\"true\"}", s));
	EXPECT_TRUE(js_span_is(&s[0], "true"));
	EXPECT_FALSE(js_span_is(&s[0], "tru"));
	EXPECT_FALSE(js_span_is(&s[1], "true"));
	EXPECT_FALSE(js_span_is(&s[2], "null"));
}

/* Of each, js_parse() says yes or no; a scan must not say yes. */
TEST(what_is_wrong_or_rare_is_left_to_js_parse)
{
	static const char *const texts[] = {
		"",
		"{",
		"}",
		"[]",
		"\"a\"",
		"1",
		"{} ",
		" {}",
		"{}{}",
		"{\"a\" :1}",
		"{\"a\":1,}",
		"{,\"a\":1}",
		"{\"a\"}",
		"{\"a\":}",
		"{a:1}",
		"{\"a\":1",
		"{\"a\":1]",
		"{\"a\":[1,]}",
		"{\"a\":[1}",
		"{\"a\":[",
		"{\"a\":1,\"a\":2}",
		"{\"x\":{\"c\":1,\"c\":2}}",
		"{\"a\":\"x}",
		"{\"a\":\"\\u0041\"}",
		"{\"\\u0061\":1}",
		"{\"a\":\"\t\"}",
		"{\"a\":\"\x7f\"}",
		"{\"a\":\"\xc3\xa4\"}",
		"{\"a\":01}",
		"{\"a\":-}",
		"{\"a\":+1}",
		"{\"a\":.5}",
		"{\"a\":1.}",
		"{\"a\":1.e5}",
		"{\"a\":1e}",
		"{\"a\":1e+}",
		"{\"a\":1e999}",
		"{\"a\":9223372036854775808}",
		"{\"a\":0x1}",
		"{\"a\":nul}",
		"{\"a\":nullx}",
		"{\"a\":True}",
		"{\"a\":NaN}",
		"{\"a\":[[[[[[[[]]]]]]]]}",
	};
	struct js_span s[3];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		EXPECT_FALSE(scan(texts[i], s))
		TH_LOG("%s", texts[i]);
	}
}

TEST(nothing_behind_the_end_is_read)
{
	static const char whole[] = "{\"a\":[true,12.5e3],\"b\":\"x\"}";
	struct js_span s[3];

	/* Copies of the exact length, for the address sanitizer to watch. */
	for (size_t len = 0; len < sizeof(whole); len++) {
		char *text = malloc(len ? len : 1);

		memcpy(text, whole, len);
		EXPECT_EQ(len == sizeof(whole) - 1,
			  js_scan(text, len, keys, ARRAY_SIZE(keys), s));
		free(text);
	}
}

TEST(more_keys_than_it_holds_are_left_to_js_parse)
{
	char text[2048] = "{";
	struct js_span s[3];
	size_t n = 1;

	for (int i = 0; i < 96; i++)
		n += (size_t)sprintf(text + n, "\"k%d\":%d,", i, i);
	strcpy(text + n - 1, "}");
	EXPECT_TRUE(scan(text, s));
	strcpy(text + n - 1, ",\"a\":1}");
	EXPECT_FALSE(scan(text, s));
}

/* Keys of the same hash and length. */
TEST(keys_that_look_alike_are_not_taken_for_one)
{
	struct js_span s[3];

	EXPECT_TRUE(scan("{\"Aa\":1,\"BB\":2}", s));
	EXPECT_FALSE(scan("{\"Aa\":1,\"BB\":2,\"Aa\":3}", s));
}

static bool is_same(const struct js_span *s, const json_t *object,
		    const char *key)
{
	CLEANUP(js_freep) json_t *value = NULL;
	CLEANUP(freep) char *one = NULL;
	CLEANUP(freep) char *other = NULL;
	size_t len;

	if (!s->at)
		return !js_get(object, key);
	return !js_parse(s->at, s->len, &value, NULL) &&
	       !js_dump(value, 0, &one, &len) &&
	       !js_dump(js_get(object, key), 0, &other, &len) &&
	       !strcmp(one, other);
}

/* Where a scan is sure of a text that was changed anyhow, js_parse() agrees. */
TEST(a_scan_that_is_sure_is_right)
{
	static const char *const texts[] = {
		"{\"seq\":\"12\",\"a\":[1,2.5e-3,null],\"b\":{\"c\":true}}",
		"{\"a\":{\"a\":[{},[],\"x\"]},\"b\":-0.5,\"seq\":\"7\"}",
		"{\"b\":false,\"x\":[[1.0,2],[3e5,4]],\"a\":\"seq\"}",
	};
	static const char bytes[] = "{}[]\",:.-+eE01 9abntf\\\x80q";
	const unsigned int seed = seed_of(77);
	unsigned int state = seed, n_sure = 0;
	char text[128];

	for (int i = 0; i < 200000; i++) {
		const char *from =
			texts[(unsigned int)rand_r(&state) % ARRAY_SIZE(texts)];
		const size_t len = strlen(from);
		CLEANUP(js_freep) json_t *o = NULL;
		struct js_span s[3];

		strcpy(text, from);
		for (int k = rand_r(&state) % 3; k >= 0; k--)
			text[(size_t)rand_r(&state) % len] =
				bytes[(size_t)rand_r(&state) %
				      (sizeof(bytes) - 1)];
		if (!js_scan(text, len, keys, ARRAY_SIZE(keys), s))
			continue;
		n_sure++;
		ASSERT_EQ(0, js_parse(text, len, &o, NULL))
		TH_LOG("seed %u: %s", seed, text);
		ASSERT_EQ(JS_OBJECT, js_type(o));
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			ASSERT_TRUE(is_same(&s[k], o, keys[k]))
			TH_LOG("seed %u: %s of %s", seed, keys[k], text);
		}
	}
	TH_LOG("seed %u: sure of %u of 200000", seed, n_sure);
	EXPECT_GT(n_sure, 10000);
}

TEST_HARNESS_MAIN
