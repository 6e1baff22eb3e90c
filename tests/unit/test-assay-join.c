// SPDX-License-Identifier: GPL-2.0-or-later
/* method_join.c: two set-ups with one list of elements, and its refusals. */
#include "kselftest_harness.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assay/symbols.h"
#include "assay_try.h"

FIXTURE(join)
{
	char dir[128];
	char path[160];
	struct method *m;
	struct method_error err;
};

FIXTURE_SETUP(join)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(self->dir, sizeof(self->dir), "%.100s/join-XXXXXX",
		 tmp ? tmp : "/tmp");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/try.ini", self->dir);
	self->m = NULL;
}

FIXTURE_TEARDOWN(join)
{
	static const char *const names[] = {
		"try.ini", "a.ini",	    "b.ini",
		"b.cal",   "tube-ag50.csv", "response-sdd.csv"
	};
	char path[192];

	method_free(self->m);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", self->dir, names[i]);
		unlink(path);
	}
	rmdir(self->dir);
}

static void put(const char *dir, const char *name, const char *text)
{
	char path[192];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static void link_to(const char *dir, const char *name)
{
	char from[512], to[192], cwd[256];

	snprintf(from, sizeof(from), "%s/daemon/methods/%s",
		 getcwd(cwd, sizeof(cwd)), name);
	snprintf(to, sizeof(to), "%s/%s", dir, name);
	if (symlink(from, to))
		abort();
}

/*
 * ore-l from 0.5 keV on, with elements of a range instead of its own, and a
 * calibration, or "none".
 */
static void put_elements(const char *dir, const char *name, int first, int last,
			 const char *calibration)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	CLEANUP(buf_deinit) struct buf out = { 0 };
	char *elements, *low;

	if (buf_read_file(&b, "daemon/methods/ore-l.ini", 1 << 20) < 0)
		abort();
	elements = strstr(b.data, "[elements]");
	low = strstr(b.data, "low_kev = 1.35");
	buf_printf(
		&out,
		"%.*slow_kev = 0.5%.*s[model]\ncalibration = %s\n[elements]\n",
		(int)(low - b.data), b.data,
		(int)(elements - low - (int)strlen("low_kev = 1.35")),
		low + strlen("low_kev = 1.35"), calibration);
	for (int z = first; z <= last; z++)
		buf_printf(&out, "%s = %s -\n", symbol_of(z),
			   z <= 50 ? "K" : "L");
	put(dir, name, out.data);
}

static int load_with(FIXTURE_DATA(join) * self, const char *names)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "[method]\nname = try\ntitle = T\njoin = %s\n", names);
	put(self->dir, "try.ini", text);
	return method_load(self->path, &self->m, &self->err);
}

TEST_F(join, both_have_the_elements_of_either_in_one_order)
{
	const struct method *a, *b;
	int n_silent[2] = { 0 };

	ASSERT_EQ(0, method_load("tests/assay/methods/ore-lk.ini", &self->m,
				 &self->err));
	a = self->m;
	b = a->beside;
	ASSERT_NE(NULL, b);
	EXPECT_EQ(NULL, b->beside);
	EXPECT_STREQ("ore-lk", a->name);
	EXPECT_STREQ("Rare earths in ore, L and K lines of one sample",
		     a->title);
	EXPECT_STREQ("ore", a->stage);
	EXPECT_STREQ("ore-k", b->name);
	EXPECT_STREQ("Ag", a->tube.anode);
	EXPECT_STREQ("W", b->tube.anode);
	/* 52 of ore-l, and silver of ore-k's 32. */
	ASSERT_EQ(53, a->n_elements);
	ASSERT_EQ(53, b->n_elements);
	for (size_t i = 0; i < a->n_elements; i++) {
		EXPECT_STREQ(a->element[i].symbol, b->element[i].symbol);
		EXPECT_EQ(a->element[i].matrix_oxygen,
			  b->element[i].matrix_oxygen);
		n_silent[0] += a->element[i].is_silent;
		n_silent[1] += b->element[i].is_silent;
	}
	EXPECT_EQ(1, n_silent[0]);
	EXPECT_EQ(53 - 32, n_silent[1]);
	EXPECT_TRUE(a->element[method_find(a, "Ag")].is_silent);
	EXPECT_FALSE(b->element[method_find(b, "Ag")].is_silent);
	EXPECT_STREQ("L", a->element[method_find(a, "La")].line);
	EXPECT_STREQ("K", b->element[method_find(b, "La")].line);
	EXPECT_FALSE(b->element[method_find(b, "La")].is_silent);
	EXPECT_TRUE(b->element[method_find(b, "Fe")].is_silent);
	/* Argon of the first one's air is no part of the sample. */
	EXPECT_TRUE(b->element[method_find(b, "Ar")].is_air);
	EXPECT_EQ(0, memcmp(&a->matrix.dark_heavy, &b->matrix.dark_heavy,
			    sizeof(a->matrix.dark_heavy)));
}

#define REFUSED(names, part_of_why)                                  \
	do {                                                         \
		EXPECT_EQ(-EINVAL, load_with(self, names));          \
		EXPECT_NE(NULL, strstr(self->err.why, part_of_why)); \
		EXPECT_STREQ("join", self->err.key);                 \
		EXPECT_EQ(4, self->err.line);                        \
		EXPECT_EQ(0, strcmp(self->path, self->err.file));    \
		EXPECT_EQ(NULL, self->m);                            \
	} while (0)

TEST_F(join, anything_but_two_names_is_refused)
{
	REFUSED("a", "two methods");
	REFUSED("a b c", "two methods");
	REFUSED("../a b", "in this folder");
}

TEST_F(join, itself_and_others_that_join_are_refused)
{
	REFUSED("try a", "joins others");
	put(self->dir, "a.ini", "[method]\nname = a\njoin = b b\n");
	REFUSED("a b", "joins others");
}

/* They would be judged and told nowhere. */
TEST_F(join, rules_of_the_second_are_refused)
{
	char path[192];
	FILE *f;

	put_elements(self->dir, "a.ini", 57, 60, "none");
	put_elements(self->dir, "b.ini", 57, 60, "none");
	link_to(self->dir, "tube-ag50.csv");
	link_to(self->dir, "response-sdd.csv");
	EXPECT_EQ(0, load_with(self, "a b"));
	self->m = method_free(self->m);
	snprintf(path, sizeof(path), "%s/b.ini", self->dir);
	f = fopen(path, "ae");
	ASSERT_NE(NULL, f);
	fputs("[accept]\nfail_when = P(La < 1 %) > 5 %\n", f);
	fclose(f);
	REFUSED("a b", "in the first of the two");
	EXPECT_EQ(0, load_with(self, "b a"));
}

TEST_F(join, a_part_that_is_missing_is_named)
{
	EXPECT_EQ(-ENOENT, load_with(self, "a b"));
	EXPECT_NE(NULL, strstr(self->err.file, "/a.ini"));
}

TEST_F(join, a_key_of_a_part_is_refused_in_the_joint)
{
	put(self->dir, "try.ini",
	    "[method]\nname = try\njoin = a b\n[tube]\nkv = 50\n");
	EXPECT_EQ(-EINVAL, method_load(self->path, &self->m, &self->err));
	EXPECT_EQ(5, self->err.line);
}

/* Ca and Sc of the second stand elsewhere in both; Fe is of the first alone. */
TEST_F(join, a_calibration_goes_with_its_elements)
{
	const struct method_calibration *c;
	size_t n, ca, sc, fe;

	link_to(self->dir, "tube-ag50.csv");
	link_to(self->dir, "response-sdd.csv");
	put(self->dir, "b.cal",
	    "{\"reespec_calibration\":1,\"anode\":\"Ag\",\"kv\":50,"
	    "\"standards\":[{},{}],\"factors\":["
	    "{\"symbol\":\"Ca\",\"line\":\"K\",\"k\":1.25,\"standards\":1},"
	    "{\"symbol\":\"Sc\",\"line\":\"K\",\"k\":0.5,\"standards\":2}],"
	    "\"covariance\":[0.01,0.002,0.04]}\n");
	put_elements(self->dir, "a.ini", 21, 30, "none");
	put_elements(self->dir, "b.ini", 20, 21, "b.cal");
	ASSERT_EQ(0, load_with(self, "a b"));
	n = self->m->n_elements;
	EXPECT_EQ(11, n);
	ca = (size_t)method_find(self->m, "Ca");
	sc = (size_t)method_find(self->m, "Sc");
	fe = (size_t)method_find(self->m, "Fe");
	EXPECT_EQ(10, ca);
	c = &self->m->beside->calibration;
	EXPECT_EQ(1.25, c->k[ca]);
	EXPECT_EQ(0.5, c->k[sc]);
	EXPECT_EQ(1, c->k[fe]);
	EXPECT_EQ(1, c->n_seen[ca]);
	EXPECT_EQ(2, c->n_seen[sc]);
	EXPECT_EQ(0.01, c->cov[ca * n + ca]);
	EXPECT_EQ(0.04, c->cov[sc * n + sc]);
	EXPECT_EQ(0.002, c->cov[ca * n + sc]);
	EXPECT_EQ(0.002, c->cov[sc * n + ca]);
	EXPECT_EQ(0, c->cov[fe * n + fe]);
	EXPECT_STREQ("b.cal", c->file);
	EXPECT_STREQ("", self->m->calibration.file);
	EXPECT_EQ(1, self->m->calibration.k[ca]);
}

static const struct method_element *element(const struct method *m,
					    const char *symbol)
{
	int at = method_find(m, symbol);

	if (at < 0)
		abort();
	return &m->element[at];
}

TEST_F(join, what_one_part_always_fits_is_no_candidate)
{
	static const char *const candidates[] = { "Ti", "Sr", "Se" };
	static const char *const fitted[] = { "Fe", "Ga", "V" };

	link_to(self->dir, "tube-ag50.csv");
	link_to(self->dir, "response-sdd.csv");
	/* Ti of both lists, Sr and Ga of none and of one, Se of one key alone. */
	put_elements(self->dir, "a.ini", 20, 30,
		     "none\n[fit]\ncandidates = Ti Fe Sr Ga Se");
	put_elements(self->dir, "b.ini", 20, 31,
		     "none\n[fit]\ncandidates = Ti V Sr");
	ASSERT_EQ(0, load_with(self, "a b"));
	for (const struct method *m = self->m; m; m = m->beside) {
		for (size_t i = 0; i < ARRAY_SIZE(candidates); i++)
			EXPECT_TRUE(element(m, candidates[i])->is_candidate);
		for (size_t i = 0; i < ARRAY_SIZE(fitted); i++)
			EXPECT_FALSE(element(m, fitted[i])->is_candidate);
		EXPECT_TRUE(element(m, "Ti")->is_listed);
		EXPECT_FALSE(element(m, "Sr")->is_listed);
		EXPECT_TRUE(element(m, "Ga")->is_listed);
	}
	EXPECT_FALSE(element(self->m, "Se")->is_silent);
	EXPECT_TRUE(element(self->m->beside, "Se")->is_silent);
	EXPECT_FALSE(element(self->m->beside, "Sr")->is_silent);
}

TEST_F(join, too_many_elements_are_refused)
{
	link_to(self->dir, "tube-ag50.csv");
	link_to(self->dir, "response-sdd.csv");
	put_elements(self->dir, "a.ini", 8, 47, "none");
	put_elements(self->dir, "b.ini", 48, 87, "none");
	EXPECT_EQ(0, load_with(self, "a b"));
	EXPECT_EQ(80, self->m ? self->m->n_elements : 0);
	self->m = method_free(self->m);
	put_elements(self->dir, "b.ini", 48, 88, "none");
	REFUSED("a b", "too many elements");
}

TEST_HARNESS_MAIN
