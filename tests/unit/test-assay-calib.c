// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sensitivity factors of standards whose answers are known: what the factors
 * become, what is refused, and the text they are kept in.
 */
#include "kselftest_harness.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assay/calib_file.h"
#include "assay/linalg.h"
#include "assay_try.h"

#define EXPECT_NEAR(want, got, room)                                    \
	EXPECT_LT(fabs((double)(got) - (double)(want)), (double)(room)) \
	{                                                               \
		TH_LOG("want %g, got %g, room %g", (double)(want),      \
		       (double)(got), (double)(room));                  \
	}

enum { MAX = 8 };

FIXTURE(calib)
{
	struct method *m;
	struct standard s[MAX];
	size_t n;
	struct calib c;
	enum calib_fault fault;
};

FIXTURE_SETUP(calib)
{
	ASSERT_EQ(0, linalg_init());
	self->m = load_method_or_abort("ore-l");
	self->m->model.common = 0;
	self->m->model.element = 0.10;
	self->n = 0;
	self->c = (struct calib){ 0 };
}

FIXTURE_TEARDOWN(calib)
{
	for (size_t i = 0; i < self->n; i++)
		standard_deinit(&self->s[i]);
	calib_deinit(&self->c);
	method_free(self->m);
}

static size_t at(const struct method *m, const char *symbol)
{
	int i = method_find(m, symbol);

	if (i < 0)
		abort();
	return (size_t)i;
}

/* A new standard, that holds nothing yet. */
static struct standard *add(struct _test_data_calib *self)
{
	size_t n = self->m->n_elements;
	struct standard *s = &self->s[self->n++];

	*s = (struct standard){ .oxygen = NAN };
	snprintf(s->name, sizeof(s->name), "S%zu", self->n);
	s->cov = calloc(n * n, sizeof(double));
	if (!s->cov)
		abort();
	return s;
}

/* It states `c`, by the physics it would be `b`, with relative sigmas. */
static void hold(struct _test_data_calib *self, struct standard *s,
		 const char *symbol, double c, double u_c, double b, double u_b)
{
	size_t i = at(self->m, symbol);

	s->is_stated[i] = true;
	s->content[i] = c;
	s->u[i] = u_c * c;
	s->found[i] = b;
	s->cov[i * self->m->n_elements + i] = u_b * u_b * b * b;
}

static int solve(struct _test_data_calib *self)
{
	return calib_solve(self->m, self->s, self->n, 0, &self->c,
			   &self->fault);
}

static double k_of(struct _test_data_calib *self, const char *symbol)
{
	return self->c.k[at(self->m, symbol)];
}

static double u_of(struct _test_data_calib *self, const char *symbol)
{
	size_t i = at(self->m, symbol);

	return sqrt(self->c.cov[i * self->c.n + i]);
}

/* York's sum for a line through the origin, and the prior's. */
static double cost(const struct _test_data_calib *self, size_t i, double k)
{
	double prior = self->m->model.element, sum;

	sum = (k - 1) * (k - 1) / (prior * prior);
	for (size_t m = 0; m < self->n; m++) {
		const struct standard *s = &self->s[m];
		double d = s->found[i] - k * s->content[i];

		sum += d * d /
		       (s->cov[i * self->m->n_elements + i] +
			k * k * s->u[i] * s->u[i]);
	}
	return sum;
}

/* The least of it by halving: no derivatives, no weights held. */
static double least_cost(const struct _test_data_calib *self, size_t i)
{
	double low = 0.5, high = 1.5;

	while (high - low > 1e-10) {
		double a = low + (high - low) / 3, b = high - (high - low) / 3;

		if (cost(self, i, a) < cost(self, i, b))
			high = b;
		else
			low = a;
	}
	return low;
}

TEST_F(calib, errors_of_both_sides_are_weighed_as_york_does)
{
	/* Sigmas as large as the spread, so that every weight matters. */
	hold(self, add(self), "Nd", 0.10, 0.05, 0.112, 0.02);
	hold(self, add(self), "Nd", 0.30, 0.01, 0.330, 0.06);
	hold(self, add(self), "Nd", 0.02, 0.20, 0.020, 0.01);
	hold(self, add(self), "Nd", 0.60, 0.03, 0.620, 0.03);
	ASSERT_EQ(0, solve(self));
	EXPECT_EQ(CALIB_SOLVED, self->fault);
	EXPECT_EQ(1, self->c.widened);
	EXPECT_NEAR(least_cost(self, at(self->m, "Nd")), k_of(self, "Nd"),
		    1e-6);
	EXPECT_EQ(4, self->c.n_seen[at(self->m, "Nd")]);
	EXPECT_STREQ("measured", calib_source(&self->c, at(self->m, "Nd")));
}

TEST_F(calib, single_standard_no_better_than_the_physics_goes_half_way)
{
	hold(self, add(self), "Nd", 0.5, 1e-6, 0.55, 0.10 / 1.1);
	ASSERT_EQ(0, solve(self));
	EXPECT_NEAR(1.05, k_of(self, "Nd"), 1e-6);
	EXPECT_NEAR(0.10 / M_SQRT2, u_of(self, "Nd"), 1e-6);
	EXPECT_TRUE(isnan(self->c.rms));
}

TEST_F(calib, physics_gives_way_when_standards_say_otherwise)
{
	self->m->model.element = 0.01;
	for (int i = 0; i < 3; i++)
		hold(self, add(self), "Nd", 0.5, 0.001, 0.55, 0.005);
	ASSERT_EQ(0, solve(self));
	EXPECT_GT(self->c.widened, 5);
	EXPECT_NEAR(1.10, k_of(self, "Nd"), 0.002);
}

TEST_F(calib, elements_between_are_interpolated_along_z)
{
	hold(self, add(self), "La", 0.5, 0.001, 0.54, 0.002);
	hold(self, add(self), "Nd", 0.5, 0.001, 0.54, 0.002);
	ASSERT_EQ(0, solve(self));
	EXPECT_NEAR(1.08, k_of(self, "La"), 0.002);
	EXPECT_NEAR(1.08, k_of(self, "Ce"), 0.01);
	EXPECT_NEAR(1.08, k_of(self, "Pr"), 0.01);
	EXPECT_STREQ("interpolated", calib_source(&self->c, at(self->m, "Pr")));
	EXPECT_EQ(0, self->c.n_seen[at(self->m, "Pr")]);
	/* Less sure than what was measured, more than what is far. */
	EXPECT_GT(u_of(self, "Pr"), 3 * u_of(self, "Nd"));
	EXPECT_GT(u_of(self, "Tb"), u_of(self, "Pr"));
	EXPECT_GT(u_of(self, "Lu"), u_of(self, "Tb"));
	/* Of another shell nothing is known. */
	EXPECT_EQ(1, k_of(self, "Y"));
	EXPECT_NEAR(0.10, u_of(self, "Y"), 1e-9);
	EXPECT_STREQ("physics", calib_source(&self->c, at(self->m, "Y")));
}

/* An exposure that is wrong makes all factors of the standard wrong alike. */
TEST_F(calib, what_is_common_to_a_standard_correlates_its_factors)
{
	size_t n = self->m->n_elements, y = at(self->m, "Y"),
	       zr = at(self->m, "Zr");
	struct standard *s = add(self);

	hold(self, s, "Y", 0.2, 1e-6, 0.2, 0.02);
	hold(self, s, "Zr", 0.2, 1e-6, 0.2, 0.02);
	s->cov[y * n + zr] = s->cov[zr * n + y] = 0.99 * s->cov[y * n + y];
	ASSERT_EQ(0, solve(self));
	EXPECT_GT(self->c.cov[y * n + zr], 0.9 * self->c.cov[y * n + y]);
}

TEST_F(calib, rare_earths_in_one_proportion_are_refused_by_name)
{
	for (int i = 1; i <= 3; i++) {
		struct standard *s = add(self);

		hold(self, s, "La", 0.02 * i, 0.01, 0.02 * i, 0.01);
		hold(self, s, "Ce", 0.05 * i, 0.01, 0.05 * i, 0.01);
		hold(self, s, "Nd", 0.01 * i, 0.01, 0.01 * i, 0.01);
		hold(self, s, "Fe", 0.10 * i, 0.01, 0.10 * i, 0.01);
	}
	hold(self, add(self), "Dy", 0.5, 0.01, 0.5, 0.01);
	ASSERT_EQ(0, solve(self));
	EXPECT_EQ(CALIB_COLLINEAR, self->fault);
	EXPECT_STREQ("La Ce Nd", self->c.elements);
	EXPECT_GT(self->c.condition, 30);
}

TEST_F(calib, another_proportion_ends_the_refusal)
{
	static const double la[] = { 0.02, 0.08, 0.02 };
	static const double ce[] = { 0.02, 0.02, 0.08 };

	for (int i = 0; i < 3; i++) {
		struct standard *s = add(self);

		hold(self, s, "La", la[i], 0.01, la[i], 0.01);
		hold(self, s, "Ce", ce[i], 0.01, ce[i], 0.01);
	}
	ASSERT_EQ(0, solve(self));
	EXPECT_EQ(CALIB_SOLVED, self->fault);
	EXPECT_LT(self->c.condition, 30);
}

TEST_F(calib, poor_standard_has_as_much_to_say_of_proportions)
{
	struct standard *rich = add(self), *poor = add(self);

	hold(self, rich, "La", 0.2, 0.01, 0.2, 0.01);
	hold(self, rich, "Ce", 0.2, 0.01, 0.2, 0.01);
	hold(self, poor, "La", 2e-3, 0.01, 2e-3, 0.01);
	hold(self, poor, "Ce", 2e-4, 0.01, 2e-4, 0.01);
	ASSERT_EQ(0, solve(self));
	EXPECT_EQ(CALIB_SOLVED, self->fault);
}

TEST_F(calib, wrong_standard_is_seen_when_it_is_left_out)
{
	for (int i = 0; i < 4; i++)
		hold(self, add(self), "Nd", 0.5, 0.005, i == 2 ? 0.55 : 0.50,
		     0.005);
	ASSERT_EQ(0, solve(self));
	ASSERT_EQ(4, self->c.n_left_out);
	for (size_t i = 0; i < 4; i++) {
		const struct calib_left_out *l = &self->c.left_out[i];

		EXPECT_EQ(i, l->standard);
		EXPECT_EQ(at(self->m, "Nd"), l->element);
		if (i != 2) {
			EXPECT_LT(l->error, 0);
			continue;
		}
		/* The three others agree on 1. */
		EXPECT_NEAR(0.10, l->error, 0.002);
		/* Counts of 0.55, the content's own u, and the factor's. */
		EXPECT_NEAR(hypot(0.0055, hypot(0.005, 1.1 * 0.0041)), l->u,
			    0.0005);
	}
	EXPECT_GT(self->c.rms, 0.05);
}

TEST_F(calib, without_contents_nothing_is_solved)
{
	add(self);
	ASSERT_EQ(0, solve(self));
	EXPECT_EQ(CALIB_NOTHING, self->fault);
	EXPECT_NE(NULL, strstr(calib_fault_text(self->fault), "no standard"));
}

/* ---- the file ------------------------------------------------------------- */

static void write_text(const char *name, const char *text, size_t len)
{
	FILE *f = fopen(name, "we");

	if (!f || fwrite(text, 1, len, f) != len || fclose(f))
		abort();
}

/* Loads a text, in a folder of its own, for the method. */
static int load(struct method *m, const char *text, size_t len,
		struct method_error *err)
{
	char dir[128], path[192], method[192];
	const char *tmp = getenv("TMPDIR");
	int r;

	snprintf(dir, sizeof(dir), "%.100s/calib-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof(path), "%s/a.cal", dir);
	snprintf(method, sizeof(method), "%s/ore-l.ini", dir);
	write_text(path, text, len);
	*err = (struct method_error){ 0 };
	free(m->calibration.text);
	m->calibration.text = NULL;
	r = calib_file_load(method, "a.cal", m, err);
	unlink(path);
	rmdir(dir);
	return r;
}

static void write_calib(struct _test_data_calib *self, struct buf *ret)
{
	hold(self, add(self), "La", 0.5, 0.001, 0.54, 0.002);
	hold(self, add(self), "Nd", 0.5, 0.001, 0.53, 0.002);
	if (solve(self) < 0 || self->fault != CALIB_SOLVED ||
	    calib_file_write(&self->c, self->s, self->n, "2026-01-02T03:04:05Z",
			     ret) < 0)
		abort();
}

TEST_F(calib, factors_come_back_from_their_text)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	CLEANUP(buf_deinit) struct buf again = { 0 };
	size_t n = self->m->n_elements, la = at(self->m, "La"),
	       nd = at(self->m, "Nd");
	const struct method_calibration *c = &self->m->calibration;
	struct method_error err;

	write_calib(self, &text);
	ASSERT_EQ(0, calib_file_write(&self->c, self->s, self->n,
				      "2026-01-02T03:04:05Z", &again));
	ASSERT_EQ(text.len, again.len);
	EXPECT_EQ(0, memcmp(text.data, again.data, text.len));
	ASSERT_EQ(0, load(self->m, text.data, text.len, &err));
	EXPECT_STREQ("a.cal", c->file);
	EXPECT_STREQ("2026-01-02T03:04:05Z", c->made);
	EXPECT_EQ(2, c->n_standards);
	EXPECT_EQ(1, c->n_seen[la]);
	EXPECT_EQ(0, c->n_seen[at(self->m, "Pr")]);
	EXPECT_NEAR(1e6 * self->s[0].content[la], c->low[la], 1e-6);
	EXPECT_NEAR(1e6 * self->s[0].content[la], c->high[la], 1e-6);
	EXPECT_EQ(0, c->high[at(self->m, "Pr")]);
	EXPECT_EQ(self->c.k[la], c->k[la]);
	EXPECT_NEAR(self->c.cov[la * n + nd] / (self->c.k[la] * self->c.k[nd]),
		    c->cov[nd * n + la], 1e-15);
	EXPECT_LT(0, c->cov[la * n + nd]);
	/* What is loaded is what was read, for those who check its seal. */
	EXPECT_EQ(0, memcmp(text.data, c->text, text.len));
}

/* Takes a member and its number out of a text, wherever it stands. */
static void take_out(struct buf *text, const char *member)
{
	char *here;

	while ((here = strstr(text->data, member))) {
		size_t len = strcspn(here + 1, ",}") + 1;

		memmove(here, here + len, strlen(here + len) + 1);
		text->len -= len;
	}
}

TEST_F(calib, range_of_contents_is_that_of_the_standards)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	const struct method_calibration *c = &self->m->calibration;
	size_t la = at(self->m, "La"), nd = at(self->m, "Nd");
	struct method_error err;

	hold(self, add(self), "La", 0.1, 0.001, 0.11, 0.002);
	write_calib(self, &text);
	ASSERT_EQ(0, load(self->m, text.data, text.len, &err));
	EXPECT_EQ(2, c->n_seen[la]);
	EXPECT_NEAR(1e5, c->low[la], 1e-6);
	EXPECT_NEAR(5e5, c->high[la], 1e-6);
	EXPECT_NEAR(5e5, c->low[nd], 1e-6);
	EXPECT_EQ(0, c->high[at(self->m, "Pr")]);
	free(self->m->calibration.text);
	self->m->calibration = (struct method_calibration){ .file = "" };
	/* As files were before. */
	take_out(&text, ",\"low_mg_kg\"");
	take_out(&text, ",\"high_mg_kg\"");
	ASSERT_EQ(0, load(self->m, text.data, text.len, &err));
	EXPECT_EQ(2, c->n_seen[la]);
	EXPECT_EQ(0, c->high[la]);
}

TEST_F(calib, element_that_the_file_lacks_keeps_the_method_s_sigma)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	size_t n = self->m->n_elements, pr = at(self->m, "Pr");
	struct method_error err;

	write_calib(self, &text);
	self->m->element[pr].z = 61;
	strcpy(self->m->element[pr].symbol, "Pm");
	ASSERT_EQ(0, load(self->m, text.data, text.len, &err));
	EXPECT_EQ(1, self->m->calibration.k[pr]);
	EXPECT_NEAR(0.01, self->m->calibration.cov[pr * n + pr], 1e-12);
}

/* The text with `from` replaced by `to` is refused for the key named. */
#define EXPECT_REFUSED(from, to, named)                                       \
	do {                                                                  \
		char *here_ = strstr(text.data, from);                        \
		CLEANUP(buf_deinit) struct buf bad_ = { 0 };                  \
		ASSERT_NE(NULL, here_);                                       \
		ASSERT_EQ(0, buf_append(&bad_, text.data,                     \
					(size_t)(here_ - text.data)));        \
		ASSERT_EQ(0, buf_append_str(&bad_, to));                      \
		ASSERT_EQ(0, buf_append_str(&bad_, here_ + strlen(from)));    \
		EXPECT_EQ(-EINVAL, load(self->m, bad_.data, bad_.len, &err)); \
		EXPECT_STREQ(named, err.key);                                 \
		EXPECT_NE(0, err.why[0]);                                     \
		EXPECT_NE(NULL, strstr(err.file, "a.cal"));                   \
	} while (0)

TEST_F(calib, damaged_texts_are_refused)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct method_error err;

	write_calib(self, &text);
	EXPECT_REFUSED("{\"reespec_calibration\":1", "{\"a\":1",
		       "reespec_calibration");
	EXPECT_REFUSED("_calibration\":1", "_calibration\":2",
		       "reespec_calibration");
	EXPECT_REFUSED("\"anode\":\"Ag\"", "\"anode\":\"W\"", "anode");
	EXPECT_NE(NULL, strstr(err.why, "has Ag at 50 kV"));
	EXPECT_REFUSED("\"kv\":50", "\"kv\":40", "anode");
	EXPECT_REFUSED("\"factors\":[", "\"factors\":1,\"x\":[", "factors");
	EXPECT_REFUSED("\"symbol\":\"Ti\"", "\"symbol\":\"Sc\"", "Sc");
	EXPECT_REFUSED("\"symbol\":\"Ti\",", "", "factors");
	EXPECT_REFUSED("\"symbol\":\"Y\",\"line\":\"K\"",
		       "\"symbol\":\"Y\",\"line\":\"L\"", "Y");
	EXPECT_REFUSED("\"line\":\"K\",\"k\":1", "\"line\":\"K\",\"k\":11",
		       "Al");
	EXPECT_REFUSED("\"low_mg_kg\":500000", "\"low_mg_kg\":600000", "La");
	EXPECT_REFUSED("\"high_mg_kg\":500000", "\"high_mg_kg\":1000001", "La");
	EXPECT_REFUSED("\"low_mg_kg\":500000", "\"low_mg_kg\":0", "La");
	EXPECT_REFUSED("\"high_mg_kg\":500000", "\"x\":1", "La");
	EXPECT_REFUSED("\"covariance\":[", "\"covariance\":[0,", "covariance");
	EXPECT_REFUSED("\"covariance\":[", "\"covariance\":[-", "covariance");
	EXPECT_REFUSED("{", "", "calibration");
	EXPECT_REFUSED("\n", "", "calibration");
}

TEST_F(calib, missing_file_is_named)
{
	struct method_error err = { 0 };

	EXPECT_EQ(-EINVAL, calib_file_load("/nonexistent/ore-l.ini", "a.cal",
					   self->m, &err));
	EXPECT_STREQ("/nonexistent/a.cal", err.file);
	EXPECT_NE(NULL, strstr(err.why, "cannot be read"));
	EXPECT_EQ(-EINVAL, calib_file_load("/nonexistent/ore-l.ini", "../a.cal",
					   self->m, &err));
	EXPECT_STREQ("calibration", err.key);
}

TEST_HARNESS_MAIN
