// SPDX-License-Identifier: GPL-2.0-or-later
/* INI files by a table: values, defaults, and an error for each fault. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/ini.h"
#include "kselftest_harness.h"

struct target {
	char *name;
	char **lines;
	double kv;
	int n;
	bool is_on;
	int keep;
	int custom;
	int n_other;
};

static int parse_even(const char *value, void *field, struct ini_refusal *no)
{
	no->why = "must be even";
	*(int *)field = atoi(value);
	return *(int *)field % 2 ? -EINVAL : 0;
}

static const char *const words[] = { "result", "readings", NULL };

#define AT(field) offsetof(struct target, field)
static const struct ini_key keys[] = {
	{ .section = "method", .key = "name", .offset = AT(name) },
	{ .section = "method",
	  .key = "lines",
	  .type = INI_LIST,
	  .offset = AT(lines),
	  .def = "La, Ce" },
	{ .section = "tube",
	  .key = "kv",
	  .type = INI_DOUBLE,
	  .offset = AT(kv),
	  .def = "50",
	  .min = 4,
	  .max = 70,
	  .unit = "kV" },
	{ .section = "tube",
	  .key = "n",
	  .type = INI_INT,
	  .offset = AT(n),
	  .def = "3" },
	{ .section = "tube",
	  .key = "on",
	  .type = INI_BOOL,
	  .offset = AT(is_on),
	  .def = "no" },
	{ .section = "tube",
	  .key = "keep",
	  .type = INI_ENUM,
	  .offset = AT(keep),
	  .def = "result",
	  .values = words },
	{ .section = "tube",
	  .key = "custom",
	  .type = INI_CUSTOM,
	  .offset = AT(custom),
	  .def = "2",
	  .parse = parse_even },
};

static int take_other(void *target, const char *section, const char *key,
		      const char *value, const char **why)
{
	struct target *t = target;

	(void)key;
	if (strncmp(section, "layer ", 6))
		return -ENOENT;
	*why = "a layer is thick";
	t->n_other++;
	return strcmp(value, "thin") ? 0 : -EINVAL;
}

static const struct ini_table table = { .keys = keys,
					.n_keys = ARRAY_SIZE(keys) };
static const struct ini_table open_table = { .keys = keys,
					     .n_keys = ARRAY_SIZE(keys),
					     .other = take_other };

static int parse(const char *text, struct target *t, struct ini_error *err)
{
	memset(t, 0, sizeof(*t));
	return ini_parse_text("m.ini", text, strlen(text), &table, t, err);
}

TEST(values_and_defaults)
{
	struct ini_error err;
	struct target t;

	ASSERT_EQ(0, parse("# comment\n[method]\nname = Erz \xc3\xa4 ; words\n"
			   "lines = Pr,Nd\n  Sm ; more\n\tEu\n"
			   "[tube]\nkv=35.5\non = Yes\nkeep = readings\n"
			   "custom = 4\n",
			   &t, &err))
	TH_LOG("%d %s", err.line, err.why);
	EXPECT_STREQ("Erz \xc3\xa4", t.name);
	EXPECT_STREQ("Pr", t.lines[0]);
	EXPECT_STREQ("Nd", t.lines[1]);
	EXPECT_STREQ("Sm", t.lines[2]);
	EXPECT_STREQ("Eu", t.lines[3]);
	EXPECT_EQ(NULL, t.lines[4]);
	EXPECT_TRUE(t.kv == 35.5);
	EXPECT_EQ(3, t.n);
	EXPECT_TRUE(t.is_on);
	EXPECT_EQ(1, t.keep);
	EXPECT_EQ(4, t.custom);
	ini_release(&table, &t);
	EXPECT_EQ(NULL, t.name);

	ASSERT_EQ(0, parse("[method]\nname = x\n", &t, &err));
	EXPECT_STREQ("La", t.lines[0]);
	EXPECT_TRUE(t.kv == 50);
	EXPECT_FALSE(t.is_on);
	ini_release(&table, &t);
}

TEST(semicolons_within_a_value_stay)
{
	struct ini_error err;
	struct target t;

	ASSERT_EQ(0, parse("[method]\nname = GAIN=5;MCAC=2048;\n  TPEA=1;\n",
			   &t, &err));
	EXPECT_STREQ("GAIN=5;MCAC=2048; TPEA=1;", t.name);
	ini_release(&table, &t);
}

TEST(each_fault_is_named_with_line_and_key)
{
	static const struct {
		const char *text;
		int line;
		const char *key, *why;
	} cases[] = {
		{ "[method]\n", 0, "name", "required" },
		{ "[method]\nname=x\nnam=y\n", 3, "nam", "no such key" },
		{ "[method]\nname=x\n[tub]\nkv=5\n", 4, "kv",
		  "no such section" },
		{ "[method]\nxname=x\n", 2, "xname", "no such key" },
		{ "name=x\n", 1, "name", "no such" },
		{ "[method]\nname=x\nname=y\n", 3, "name", "twice" },
		{ "[method]\nname=x\n[tube]\nkv=5 kV\n", 4, "kv",
		  "a number from 4 to 70 kV" },
		{ "[method]\nname=x\n[tube]\nkv=71\n", 4, "kv", "4 to 70 kV" },
		{ "[method]\nname=x\n[tube]\nkv=nan\n", 4, "kv", "4 to 70" },
		{ "[method]\nname=x\n[tube]\nkv=0x20\n", 4, "kv", "4 to 70" },
		{ "[method]\nname=x\n[tube]\nkv=\n", 4, "kv", "4 to 70" },
		{ "[method]\nname=x\n[tube]\nn=1.5\n", 4, "n", "whole number" },
		{ "[method]\nname=x\n[tube]\nn=3000000000\n", 4, "n", "whole" },
		{ "[method]\nname=x\n[tube]\non=maybe\n", 4, "on", "yes" },
		{ "[method]\nname=x\n[tube]\nkeep=all\n", 4, "keep",
		  "one of: result readings" },
		{ "[method]\nname=x\n[tube]\ncustom=3\n", 4, "custom",
		  "`3`: must be even" },
		{ "[method]\nname=a\x1b[2Jb\n", 2, "", "control" },
		{ "[method]\nname=a\xc2\x9b"
		  "2Jb\n",
		  2, "", "control" },
		{ "[method]\nname=x\n[tub]\n", 3, "", "no such section" },
		{ "[tub]\n[method]\nname=x\n", 1, "", "no such section" },
		{ "[tub]\n# kv=5\n[method]\nname=x\n[tube]\nkv=5\n", 1, "",
		  "no such section" },
		/* Before the key that is missed for it. */
		{ "[methods]\n", 1, "", "no such section" },
		{ "[method]\nname=x\nwords\n", 3, "", "key = value" },
		{ "[method\nname=x\n", 1, "", "[section]" },
		{ "[method]\nname=\xff\n", 2, "", "UTF-8" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ini_error err;
		struct target t;

		EXPECT_EQ(-EBADMSG, parse(cases[i].text, &t, &err))
		TH_LOG("%s", cases[i].text);
		EXPECT_STREQ("m.ini", err.file);
		EXPECT_EQ(cases[i].line, err.line) TH_LOG("%s", cases[i].text);
		EXPECT_STREQ(cases[i].key, err.key);
		EXPECT_NE(NULL, strstr(err.why, cases[i].why))
		TH_LOG("%s: %s", cases[i].text, err.why);
		EXPECT_EQ(NULL, t.name);
		EXPECT_EQ(NULL, t.lines);
	}
}

TEST(nul_byte_and_long_line_are_refused)
{
	char text[512] = "[method]\nname = ";
	struct target t = { 0 };
	struct ini_error err;

	EXPECT_EQ(-EBADMSG, ini_parse_text("m.ini", "[method]\nna\0me=x\n", 17,
					   &table, &t, &err));
	EXPECT_EQ(2, err.line);
	EXPECT_NE(NULL, strstr(err.why, "NUL"));
	memset(text + strlen(text), 'x', 300);
	EXPECT_EQ(-EBADMSG, parse(text, &t, &err));
	EXPECT_EQ(2, err.line);
	EXPECT_NE(NULL, strstr(err.why, "too long"));
}

TEST(other_sections_go_to_the_callback)
{
	static const char text[] = "[method]\nname=x\n[layer a]\nbe=8\n"
				   "[layer b]\nbe=9\nsi=%s\n";
	struct target t = { 0 };
	struct ini_error err;
	char with[128];

	snprintf(with, sizeof(with), text, "3");
	ASSERT_EQ(0, ini_parse_text("m", with, strlen(with), &open_table, &t,
				    &err));
	EXPECT_EQ(3, t.n_other);
	ini_release(&table, &t);
	snprintf(with, sizeof(with), text, "thin");
	EXPECT_EQ(-EBADMSG, ini_parse_text("m", with, strlen(with), &open_table,
					   &t, &err));
	EXPECT_EQ(7, err.line);
	EXPECT_STREQ("layer b", err.section);
	EXPECT_STREQ("a layer is thick", err.why);
}

TEST(an_empty_section_is_a_slip_unless_it_is_known)
{
	static const char known[] = "[method]\nname=x\n[tube]\n# kv=5\n";
	static const char other[] = "[method]\nname=x\n[layer a]\nbe=8\n"
				    "[layer b]\n";
	static const char inside[] = "[method]\nname=a\n  [b]\n";
	struct target t = { 0 };
	struct ini_error err;
	char text[128];

	ASSERT_EQ(0, parse(known, &t, &err));
	ini_release(&table, &t);
	ASSERT_EQ(0, parse(inside, &t, &err));
	EXPECT_STREQ("a [b]", t.name);
	ini_release(&table, &t);
	t = (struct target){ 0 };
	EXPECT_EQ(-EBADMSG, ini_parse_text("m", other, strlen(other),
					   &open_table, &t, &err));
	ini_error_text(&err, text, sizeof(text));
	EXPECT_STREQ("m:5: [layer b]: a section without keys", text);
}

TEST(missing_file_says_so)
{
	struct target t = { 0 };
	struct ini_error err;
	char text[600];

	EXPECT_EQ(-ENOENT, ini_load("/nonexistent.ini", &table, &t, &err));
	ini_error_text(&err, text, sizeof(text));
	EXPECT_STREQ("/nonexistent.ini: No such file or directory", text);
	EXPECT_EQ(-EISDIR, ini_load("/", &table, &t, &err));
	EXPECT_EQ(-EBADMSG,
		  parse("[method]\nname=x\n[tube]\nkv=1\n", &t, &err));
	ini_error_text(&err, text, sizeof(text));
	EXPECT_STREQ("m.ini:4: [tube] kv: `1` is not a number from 4 to 70 kV",
		     text);
}

static void count(void *userdata, const struct ini_error *err)
{
	char text[900];

	ini_error_text(err, text, sizeof(text));
	strcat(userdata, text);
	strcat(userdata, "\n");
}

/* The file is read on behind each, and what is good is there. */
TEST(all_faults_are_told_to_who_asks)
{
	struct ini_table all = table;
	char told[4000] = "";
	struct ini_error err;
	struct target t = { 0 };
	static const char text[] = "[method]\nname = x\nnam = y\nfrob\n"
				   "[tube]\nkv = much\nkeep = some\n"
				   "[tub]\na = 1\nb = 2\n";

	all.on_fault = count;
	all.userdata = told;
	ASSERT_EQ(-EBADMSG,
		  ini_parse_text("m.ini", text, strlen(text), &all, &t, &err));
	EXPECT_STREQ("x", t.name);
	EXPECT_EQ(4, err.line);
	EXPECT_NE(NULL, strstr(told, "m.ini:4: neither [section]"));
	EXPECT_NE(NULL, strstr(told, "m.ini:6: [tube] kv: `much`"));
	EXPECT_NE(NULL, strstr(told, "m.ini:7: [tube] keep: `some`"));
	EXPECT_NE(NULL, strstr(told, "m.ini:3: [method] nam: no such key in "
				     "this section; the nearest is name; "
				     "there are: name"))
	TH_LOG("%s", told);
	EXPECT_NE(NULL, strstr(told, "m.ini:9: [tub] a: no such section; the "
				     "nearest is tube"));
	EXPECT_EQ(NULL, strstr(told, "m.ini:10:"));
	ini_release(&table, &t);
}

TEST_HARNESS_MAIN
