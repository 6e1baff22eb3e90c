// SPDX-License-Identifier: GPL-2.0-or-later
/* method.c names file, line and key of whatever is wrong in a method. */
#include "kselftest_harness.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assay_try.h"

/* A copy of ore-l with one line exchanged, in a folder of its own. */
FIXTURE(method)
{
	char dir[128];
	char path[192];
	char text[32768];
	struct method *m;
	struct method_error err;
};

static void put(const char *dir, const char *name, const char *text, size_t len)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%.120s/%s", dir, name);
	f = fopen(path, "we");
	if (!f || fwrite(text, 1, len, f) != len || fclose(f))
		abort();
}

static size_t get(const char *name, char *to, size_t size)
{
	char path[512];
	FILE *f;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", methods_dir(), name);
	f = fopen(path, "re");
	if (!f)
		abort();
	len = fread(to, 1, size - 1, f);
	fclose(f);
	to[len] = 0;
	return len;
}

FIXTURE_SETUP(method)
{
	static char table[65536];
	const char *tmp = getenv("TMPDIR");
	size_t len;

	snprintf(self->dir, sizeof(self->dir), "%.100s/method-XXXXXX",
		 tmp ? tmp : "/tmp");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/try.ini", self->dir);
	len = get("tube-ag50.csv", table, sizeof(table));
	put(self->dir, "tube-ag50.csv", table, len);
	len = get("response-sdd.csv", table, sizeof(table));
	put(self->dir, "response-sdd.csv", table, len);
	get("ore-l.ini", self->text, sizeof(self->text));
	self->m = NULL;
}

FIXTURE_TEARDOWN(method)
{
	static const char *const names[] = { "try.ini", "tube-ag50.csv",
					     "response-sdd.csv" };
	char path[256];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", self->dir, names[i]);
		unlink(path);
	}
	rmdir(self->dir);
	method_free(self->m);
}

/* Loads with `from` replaced by `to`; returns the line it was on, or 0. */
static int load_with(FIXTURE_DATA(method) * self, const char *from,
		     const char *to, int *ret)
{
	static char text[40000];
	char *at = strstr(self->text, from);
	int line = 1;

	if (!at)
		abort();
	for (char *c = self->text; c < at; c++)
		line += *c == '\n';
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - self->text),
		 self->text, to, at + strlen(from));
	put(self->dir, "try.ini", text, strlen(text));
	*ret = method_load(self->path, &self->m, &self->err);
	return line;
}

#define EXPECT_REFUSED(from, to, named)                             \
	do {                                                        \
		int r_, line_ = load_with(self, from, to, &r_);     \
		EXPECT_EQ(-EINVAL, r_);                             \
		EXPECT_EQ(line_, self->err.line);                   \
		EXPECT_STREQ(named, self->err.key);                 \
		EXPECT_NE(NULL, strstr(self->err.file, "try.ini")); \
		EXPECT_NE(0, self->err.why[0]);                     \
		EXPECT_EQ(NULL, self->m);                           \
	} while (0)

TEST_F(method, shipped_one_is_read_whole)
{
	int r;

	load_with(self, "kv = 50", "kv = 50", &r);
	ASSERT_EQ(0, r);
	EXPECT_STREQ("ore-l", self->m->name);
	EXPECT_EQ(476, self->m->tube.n_flux);
	EXPECT_EQ(19, self->m->tube.n_lines);
	EXPECT_EQ(2, self->m->detector.n_layers);
	EXPECT_LE(0, method_find(self->m, "Nd"));
	EXPECT_EQ(-1, method_find(self->m, "Pm"));
	EXPECT_EQ(METHOD_KEEP_RESULT, self->m->acquisition.keep);
	EXPECT_NE(NULL, strstr(self->m->acquisition.config, "MCAC=2048"));
}

TEST_F(method, unknown_key_is_named)
{
	int r, line = load_with(self, "kv = 50", "kv = 50\nvolt = 50", &r);

	EXPECT_EQ(-EINVAL, r);
	EXPECT_EQ(line + 1, self->err.line);
	EXPECT_STREQ("volt", self->err.key);
}

TEST_F(method, unknown_element_is_named)
{
	EXPECT_REFUSED("La = L La2O3", "Lx = L La2O3", "Lx");
}

TEST_F(method, unknown_line_is_named)
{
	EXPECT_REFUSED("La = L La2O3", "La = M La2O3", "La");
	EXPECT_NE(NULL, strstr(self->err.why, "K or L"));
}

TEST_F(method, oxide_of_another_element_is_refused)
{
	EXPECT_REFUSED("La = L La2O3", "La = L Ce2O3", "La");
}

TEST_F(method, missing_oxide_is_refused)
{
	EXPECT_REFUSED("La = L La2O3", "La = L", "La");
}

TEST_F(method, element_listed_twice_is_refused)
{
	int r;

	load_with(self, "La = L La2O3", "La = L La2O3\nLa = L La2O3", &r);
	EXPECT_EQ(-EINVAL, r);
	EXPECT_NE(0, self->err.line);
	EXPECT_STREQ("La", self->err.key);
}

TEST_F(method, number_out_of_range_names_the_range)
{
	EXPECT_REFUSED("incidence_deg = 45", "incidence_deg = 95",
		       "incidence_deg");
	EXPECT_NE(NULL, strstr(self->err.why, "90"));
}

TEST_F(method, word_that_is_not_allowed_names_those_that_are)
{
	EXPECT_REFUSED("keep = result", "keep = nothing", "keep");
	EXPECT_NE(NULL, strstr(self->err.why, "readings"));
}

TEST_F(method, layer_whose_fractions_are_not_the_whole_is_refused)
{
	EXPECT_REFUSED("path_in = N:0.755", "path_in = N:0.455", "path_in");
}

TEST_F(method, missing_key_is_named)
{
	int r;

	load_with(self, "anode = Ag\n", "", &r);
	EXPECT_EQ(-EINVAL, r);
	EXPECT_STREQ("anode", self->err.key);
}

TEST_F(method, balance_is_for_closure_only)
{
	int r;

	EXPECT_REFUSED("scale = scatter", "balance = 0.1", "balance");
	EXPECT_NE(NULL, strstr(self->err.why, "closure"));
	EXPECT_REFUSED("scale = scatter", "balance = 0.95", "balance");
	load_with(self, "scale = scatter", "scale = closure\nbalance = 0.1",
		  &r);
	ASSERT_EQ(0, r);
	EXPECT_EQ(0.1, self->m->matrix.balance);
}

TEST_F(method, range_of_the_fit_must_be_one)
{
	EXPECT_REFUSED("high_kev = 27.5", "high_kev = 1.5", "high_kev");
}

/* Ba K-alpha-1 is at 32.19 keV, its K edge at 37.44; Na K-alpha at 1.04. */
TEST_F(method, line_outside_the_range_is_named_with_the_range)
{
	EXPECT_REFUSED("Ba = L BaO", "Ba = K BaO", "Ba");
	EXPECT_NE(NULL, strstr(self->err.why, "32.19 keV"));
	EXPECT_NE(NULL, strstr(self->err.why, "from 1.35 to 27.5 keV"));
	EXPECT_REFUSED("Ba = L BaO", "Na = K Na2O", "Na");
	EXPECT_NE(NULL, strstr(self->err.why, "1.041 keV"));
}

TEST_F(method, line_that_the_tube_cannot_excite_is_named)
{
	char *at = strstr(self->text, "high_kev = 27.5");

	ASSERT_NE(NULL, at);
	memcpy(at, "high_kev = 45.5", strlen("high_kev = 45.5"));
	/* Tm K-alpha-1 is at 50.74 keV; Gd is at 42.996, its edge at 50.24. */
	EXPECT_REFUSED("Gd = L Gd2O3", "Gd = K Gd2O3", "Gd");
	EXPECT_NE(NULL, strstr(self->err.why, "50.24 keV"));
	EXPECT_NE(NULL, strstr(self->err.why, "to 50 keV"));
}

TEST_F(method, element_without_that_line_is_refused)
{
	EXPECT_REFUSED("Ba = L BaO", "B = L B2O3", "B");
}

TEST_F(method, candidates_are_read_and_a_rare_earth_is_none)
{
	int r;

	load_with(self, "noise_prior_kev = 0.02", "candidates = auto", &r);
	ASSERT_EQ(0, r);
	EXPECT_TRUE(self->m->element[method_find(self->m, "Fe")].is_candidate);
	EXPECT_LE(0, method_find(self->m, "Br"));
	EXPECT_EQ(0.05, self->m->fit.candidates_error);
	self->m = method_free(self->m);
	EXPECT_REFUSED("noise_prior_kev = 0.02", "candidates = Br Lu",
		       "candidates");
	EXPECT_NE(NULL, strstr(self->err.why, "Lu: a rare earth"));
	EXPECT_REFUSED("noise_prior_kev = 0.02", "candidates_error = 0",
		       "candidates_error");
}

TEST_F(method, tails_are_fitted_only_where_there_are_some)
{
	int r;

	load_with(self, "noise_prior_kev = 0.02", "tail_prior = 0.2", &r);
	ASSERT_EQ(0, r);
	EXPECT_EQ(0.2, self->m->fit.tail_prior);
	self->m = method_free(self->m);
	EXPECT_REFUSED("noise_prior_kev = 0.02", "tail_prior = -1",
		       "tail_prior");
	load_with(self, "response = response-sdd.csv",
		  "response = none\n[fit]\ntail_prior = 0.2\n[detector]", &r);
	EXPECT_EQ(-EINVAL, r);
	EXPECT_STREQ("tail_prior", self->err.key);
	EXPECT_NE(NULL, strstr(self->err.why, "needs a response"));
}

TEST_F(method, trapping_takes_all_three_numbers_or_none)
{
	int r;

	load_with(self, "escape_prior = 0.10",
		  "bias_v = 500\nelectron_mutau = 1e-3\nhole_mutau = 1e-4", &r);
	ASSERT_EQ(0, r);
	EXPECT_EQ(1e-4, self->m->detector.hole_mutau);
	EXPECT_EQ(0.05, self->m->detector.crystal.cm);
	self->m = method_free(self->m);
	EXPECT_REFUSED("escape_prior = 0.10", "bias_v = 500", "bias_v");
	load_with(self, "escape_prior = 0.10",
		  "electron_mutau = 1e-3\nhole_mutau = 1e-4", &r);
	EXPECT_EQ(-EINVAL, r);
	EXPECT_STREQ("bias_v", self->err.key);
	EXPECT_REFUSED("escape_prior = 0.10", "hole_mutau = -1", "hole_mutau");
}

#define EBEL "model = ebel\nelectron_deg = 60\nphoton_deg = 30\n"

TEST_F(method, tube_is_by_a_table_or_by_the_formula)
{
	int r;

	load_with(self, "table = tube-ag50.csv",
		  EBEL "window = Be:1 @ 1.848 0.0127", &r);
	ASSERT_EQ(0, r);
	EXPECT_TRUE(self->m->tube.is_ebel);
	EXPECT_EQ(1, self->m->tube.n_filters);
	EXPECT_GT(self->m->tube.n_flux, 400);
	EXPECT_GT(self->m->tube.n_lines, 15);
	self->m = method_free(self->m);
	load_with(self, "table = tube-ag50.csv", EBEL "table = tube-ag50.csv",
		  &r);
	EXPECT_EQ(-EINVAL, r);
	EXPECT_STREQ("table", self->err.key);
	load_with(self, "table = tube-ag50.csv", "", &r);
	EXPECT_EQ(-EINVAL, r);
	EXPECT_STREQ("table", self->err.key);
	EXPECT_REFUSED("filter = none", "window = Be:1 @ 1.848 0.0127",
		       "window");
	EXPECT_REFUSED("filter = none", "electron_deg = 45", "electron_deg");
	EXPECT_REFUSED("filter = none", "photon_deg = 91", "photon_deg");
	EXPECT_REFUSED("filter = none", "solid_angle_sr = 0", "solid_angle_sr");
	EXPECT_REFUSED("filter = none", "model = kramers", "model");
	load_with(self, "table = tube-ag50.csv\nfilter = none",
		  EBEL "window = Be:1 @ 1 1\nfilter = Al:1 @ 1 1|Al:1 @ 1 1|"
		       "Al:1 @ 1 1|Al:1 @ 1 1|Al:1 @ 1 1|Al:1 @ 1 1|"
		       "Al:1 @ 1 1|Al:1 @ 1 1",
		  &r);
	EXPECT_EQ(-EINVAL, r);
	EXPECT_STREQ("filter", self->err.key);
}

/* 60 + 45 degrees to the surface: at least 105 between the beams, at most
 * 165. */
TEST_F(method, geometry_that_cannot_be_is_refused)
{
	int r;

	EXPECT_REFUSED("scatter_deg = 90", "scatter_deg = 80", "scatter_deg");
	EXPECT_NE(NULL, strstr(self->err.why, "from 90 to 180"));
	load_with(self, "incidence_deg = 45", "incidence_deg = 60", &r);
	EXPECT_EQ(-EINVAL, r);
	EXPECT_NE(NULL, strstr(self->err.why, "from 105 to 165"));
	EXPECT_REFUSED("scatter_deg = 90", "scatter_deg = 181", "scatter_deg");
	load_with(self, "scatter_deg = 90", "scatter_deg = 120", &r);
	EXPECT_EQ(0, r);
}

TEST_F(method, table_that_is_not_there_is_named)
{
	int r;

	load_with(self, "table = tube-ag50.csv", "table = tube-none.csv", &r);
	EXPECT_EQ(-EINVAL, r);
	EXPECT_NE(NULL, strstr(self->err.why, "tube-none.csv"));
	EXPECT_STREQ("table", self->err.key);
	EXPECT_LT(0, self->err.line);
}

TEST_F(method, table_outside_the_folder_is_refused)
{
	int r;

	load_with(self, "table = tube-ag50.csv", "table = ../tube-ag50.csv",
		  &r);
	EXPECT_EQ(-EINVAL, r);
}

TEST_F(method, broken_line_of_a_table_is_named)
{
	const char *text = "kind,energy_kev,flux\ncontinuum,3,1\nband,4,1\n";
	int r;

	put(self->dir, "tube-ag50.csv", text, strlen(text));
	load_with(self, "kv = 50", "kv = 50", &r);
	EXPECT_EQ(-EINVAL, r);
	EXPECT_EQ(3, self->err.line);
	EXPECT_STREQ("kind", self->err.key);
	EXPECT_NE(NULL, strstr(self->err.file, "tube-ag50.csv"));
}

TEST(missing_method_says_so)
{
	struct method_error err;
	struct method *m = NULL;

	EXPECT_EQ(-ENOENT, method_load("/nonexistent/x.ini", &m, &err));
	EXPECT_NE(0, err.why[0]);
}

TEST_HARNESS_MAIN
