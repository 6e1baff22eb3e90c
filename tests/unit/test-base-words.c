// SPDX-License-Identifier: GPL-2.0-or-later
/* Text that people give: what is let in, and how it is shown. */
#include <string.h>

#include "base/text.h"
#include "kselftest_harness.h"

TEST(text_of_any_script_is_let_in)
{
	EXPECT_TRUE(text_valid("BST-ORE 12/3", 128));
	EXPECT_TRUE(text_valid("Монацит, 白云鄂博, µg Nd₂O₃", 128));
	EXPECT_TRUE(text_valid("\xf0\x9f\xaa\xa8", 4)); /* U+1FAA8 */
}

TEST(text_has_its_length)
{
	EXPECT_FALSE(text_valid("", 128));
	EXPECT_TRUE(text_valid("abcd", 4));
	EXPECT_FALSE(text_valid("abcde", 4));
	/* Of bytes, not of characters. */
	EXPECT_FALSE(text_valid("abc\xc3\xa9", 4));
}

TEST(text_that_acts_is_refused)
{
	static const char *const wrong[] = {
		"a\nb",
		"a\tb",
		"\033[31m",
		"a\x7f",
		"\xc2\x9b"
		"31m", /* CSI in one character */
		"\xc2\x80",
		"\xc2\x9f",
		"\xe2\x80\xa8",
		"\xe2\x80\xa9",
		"\xe2\x80\xae" /* right to left override */,
		"\xe2\x80\x8f",
		"\xe2\x81\xa6",
		"\xef\xbb\xbf"
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		EXPECT_FALSE(text_valid(wrong[i], 128)) TH_LOG("%zu", i);
	}
	EXPECT_TRUE(text_valid("\xc2\xa0", 128));
}

TEST(text_that_is_no_utf8_is_refused)
{
	static const char *const wrong[] = {
		"\x80",		"\xc3",
		"a\xc3(",	"\xc0\xaf",
		"\xe0\x80\xaf", "\xed\xa0\x80",
		"\xf5\x80\x80", "\xf4\x90\x80\x80",
		"\xff",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		EXPECT_FALSE(text_valid(wrong[i], 128)) TH_LOG("%zu", i);
	}
}

TEST(text_is_cut_at_a_whole_character)
{
	char out[5];

	EXPECT_STREQ("abcd", text_show(out, sizeof(out), "abcdef"));
	EXPECT_STREQ("abc", text_show(out, sizeof(out), "abc\xc3\xa9"));
	EXPECT_STREQ("ab\xc3\xa9", text_show(out, sizeof(out), "ab\xc3\xa9"));
	EXPECT_STREQ("", text_show(out, 1, "x"));
}

TEST(text_is_shown_without_what_acts)
{
	char out[32];

	EXPECT_STREQ("a?[31mb?",
		     text_show(out, sizeof(out), "a\033[31mb\xc2\x9b"));
	EXPECT_STREQ("?a?", text_show(out, sizeof(out),
				      "\xff"
				      "a\xc3"));
}

/* ASCII is looked for by eights: what is none is found at each place. */
TEST(utf8_is_told_wherever_it_stands)
{
	for (size_t at = 0; at < 20; at++) {
		char text[] = "xxxxxxxxxxxxxxxxxxxxxxxx";

		text[at] = '\xc3';
		text[at + 1] = '\xa4';
		EXPECT_TRUE(text_is_utf8(text, strlen(text)));
		EXPECT_TRUE(text_is_utf8(text, at + 2));
		EXPECT_FALSE(text_is_utf8(text, at + 1));
		text[at + 1] = 'x';
		EXPECT_FALSE(text_is_utf8(text, strlen(text)));
		text[at] = '\xff';
		EXPECT_FALSE(text_is_utf8(text, strlen(text)));
	}
}

TEST_HARNESS_MAIN
