// SPDX-License-Identifier: GPL-2.0-or-later
/* Line data that go before xraylib's: the table, its refusals, its effect. */
#include "kselftest_harness.h"

#include <string.h>
#include <unistd.h>

#include <xraylib.h>

#include "assay/ebel.h"
#include "assay/outcome.h"
#include "assay/report.h"
#include "assay/symbols.h"
#include "assay_try.h"
#include "state_dir.h"

FIXTURE(line_data)
{
	char dir[128];
	char path[192];
	struct method *m;
	struct method_error err;
};

static void put(const char *dir, const char *name, const char *text)
{
	char path[192];
	FILE *f;

	snprintf(path, sizeof(path), "%.120s/%s", dir, name);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

/* ore-l with a key more in [model]. */
static void put_method(FIXTURE_DATA(line_data) * self, const char *key)
{
	char command[600];

	snprintf(command, sizeof(command),
		 "cp daemon/methods/*.csv %s && sed 's/^\\[model\\]/&\\n%s/'"
		 " daemon/methods/ore-l.ini >%s",
		 self->dir, key, self->path);
	if (system(command) != 0)
		abort();
}

FIXTURE_SETUP(line_data)
{
	state_dir_make(self->dir);
	snprintf(self->path, sizeof(self->path), "%s/try.ini", self->dir);
	self->m = NULL;
}

FIXTURE_TEARDOWN(line_data)
{
	method_free(self->m);
	state_dir_remove(self->dir);
}

#define HEAD "version,7b\nelement,quantity,of,value,source\n"

static int load(FIXTURE_DATA(line_data) * self, const char *table)
{
	put_method(self, "line_data = own.csv");
	put(self->dir, "own.csv", table);
	self->m = method_free(self->m);
	return method_load(self->path, &self->m, &self->err);
}

static void load_or_abort(FIXTURE_DATA(line_data) * self, const char *rows)
{
	char text[2048];

	snprintf(text, sizeof(text), HEAD "%s", rows);
	if (load(self, text) == 0)
		return;
	fprintf(stderr, "%s:%d: %s: %s\n", self->err.file, self->err.line,
		self->err.key, self->err.why);
	abort();
}

/* ---- the table ------------------------------------------------------------ */

TEST_F(line_data, built_in_one_corrects_thulium_alone)
{
	const struct line_data *d;

	self->m = load_method_or_abort("ore-l");
	d = &self->m->line_data;
	EXPECT_STREQ(LINE_DATA_BUILT_IN, d->table);
	EXPECT_STREQ("1", d->version);
	EXPECT_EQ(1, d->n);
	EXPECT_EQ(168.934, line_data_weight(d, 69));
	EXPECT_EQ(AtomicWeight(68, NULL), line_data_weight(d, 68));
	/* The reason for the row. */
	EXPECT_EQ(AtomicWeight(68, NULL), AtomicWeight(69, NULL));
}

TEST_F(line_data, built_in_one_is_the_file_that_is_installed)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };

	ASSERT_EQ(0, buf_read_file(&b, "daemon/methods/line-data.csv", 65536));
	ASSERT_EQ(strlen(line_data_built_in), b.len);
	EXPECT_EQ(0, memcmp(line_data_built_in, b.data, b.len));
}

TEST_F(line_data, none_leaves_all_to_xraylib)
{
	put_method(self, "line_data = none");
	ASSERT_EQ(0, method_load(self->path, &self->m, &self->err));
	EXPECT_STREQ("", self->m->line_data.table);
	EXPECT_EQ(0, self->m->line_data.n);
	EXPECT_EQ(AtomicWeight(69, NULL),
		  line_data_weight(&self->m->line_data, 69));
}

/* The first and the last line of each shell, and some between. */
TEST_F(line_data, lines_are_found_by_name)
{
	static const struct {
		const char *name;
		int line;
	} all[] = {
		{ "KL1", KL1_LINE },	 { "KL3", KL3_LINE },
		{ "KO1", KO1_LINE },	 { "KP5", KP5_LINE },
		{ "L1L2", L1L2_LINE },	 { "L1N67", L1N67_LINE },
		{ "L1P5", L1P5_LINE },	 { "L2L3", L2L3_LINE },
		{ "L2M4", L2M4_LINE },	 { "L2Q1", L2Q1_LINE },
		{ "L3M1", L3M1_LINE },	 { "L3M5", L3M5_LINE },
		{ "L3P45", L3P45_LINE }, { "L3Q1", L3Q1_LINE },
		{ "M1M2", M1M2_LINE },	 { "M1P5", M1P5_LINE },
		{ "M2M3", M2M3_LINE },	 { "M2P5", M2P5_LINE },
		{ "M3M4", M3M4_LINE },	 { "M3Q1", M3Q1_LINE },
		{ "M4M5", M4M5_LINE },	 { "M4P5", M4P5_LINE },
		{ "M5N1", M5N1_LINE },	 { "M5N7", M5N7_LINE },
		{ "M5P5", M5P5_LINE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct line_data d = { .n = 0 };
		const struct line_data_text row = { "U",	 "energy_kev",
						    all[i].name, "0.5",
						    "here",	 1 };
		char why[LINE_DATA_WHY];
		const char *column;

		ASSERT_EQ(0, line_data_add(&d, &row, &column, why));
		EXPECT_EQ(all[i].line, d.row[0].of)
		{
			TH_LOG("%s", all[i].name);
		}
	}
}

/* The row stands behind two that are right and a comment. */
TEST_F(line_data, a_wrong_row_is_named_with_what_may_stand_there)
{
	static const struct {
		const char *row, *column, *why;
	} wrong[] = {
		{ "Xx,yield,L3,0.1,here", "element", "up to U" },
		{ "Nd,width,L3,0.1,here", "quantity",
		  "energy_kev rate yield coster_kronig atomic_weight" },
		{ "Nd,rate,La1,0.1,here", "of", "such as KL3 or L3M5" },
		{ "Nd,energy_kev,N5N6,0.1,here", "of", "such as KL3" },
		{ "Nd,yield,N1,0.1,here", "of", "K L1 L2 L3 M1 M2 M3 M4 M5" },
		{ "Nd,coster_kronig,L2L1,0.1,here", "of", "L1L2 L1L3 L2L3" },
		{ "Nd,atomic_weight,,144.24,here", "of", "must be -" },
		{ "Nd,atomic_weight,-,0.5,here", "value", "from 1 to 300" },
		{ "Nd,yield,L3,1.01,here", "value", "from 0 to 1" },
		{ "Nd,yield,L3,nan,here", "value", "from 0 to 1" },
		{ "Nd,yield,L3,,here", "value", "from 0 to 1" },
		{ "Nd,yield,L3,0.1 keV,here", "value", "from 0 to 1" },
		{ "Nd,energy_kev,L3M5,6.3,here", "value", "edge of the shell" },
		{ "Nd,yield,L3,0.1", "source", "where the value is from" },
		{ "Nd,yield,L3,0.1, ", "source", "where the value is from" },
		{ "La,yield,L3,0.2,there", "of", "twice" },
		{ "Nd,rate,KP5,0.1,here", "of", "no energy" },
		{ "Nd,energy_kev,KP5,43.5,here", "of", "no rate" },
		{ "La,rate,L3M4,0.3,here", "value", "more than one together" },
		{ "Al,yield,M5,0.1,here", "of", "no yield" },
		{ "Al,coster_kronig,M4M5,0.1,here", "of", "no yield" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char text[512];

		snprintf(text, sizeof(text),
			 HEAD "La,yield,L3,0.1,here\n# more\n"
			      "La,rate,L3M5,0.8,here\n%s\n",
			 wrong[i].row);
		EXPECT_EQ(-EINVAL, load(self, text));
		EXPECT_NE(NULL, strstr(self->err.file, "/own.csv"));
		/* Of two that are too much together the first is told. */
		EXPECT_EQ(strstr(wrong[i].why, "together") ? 5 : 6,
			  self->err.line);
		EXPECT_STREQ(wrong[i].column, self->err.key);
		EXPECT_NE(NULL, strstr(self->err.why, wrong[i].why))
		{
			TH_LOG("%s: %s", wrong[i].row, self->err.why);
		}
	}
}

TEST_F(line_data, a_table_needs_version_and_columns)
{
	EXPECT_EQ(-EINVAL, load(self, "element,quantity,of,value,source\n"));
	EXPECT_STREQ("version", self->err.key);
	EXPECT_EQ(1, self->err.line);
	EXPECT_EQ(-EINVAL, load(self, "version,\n"));
	EXPECT_STREQ("version", self->err.key);
	EXPECT_EQ(-EINVAL,
		  load(self,
		       "version,a name of more than thirty-one characters\n"));
	EXPECT_STREQ("version", self->err.key);
	EXPECT_EQ(-EINVAL, load(self, "version,1\nLa,yield,L3,0.1,here\n"));
	EXPECT_EQ(2, self->err.line);
	EXPECT_NE(NULL, strstr(self->err.why, "columns"));
}

TEST_F(line_data, more_rows_than_there_is_room_for_are_refused)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };

	buf_append_str(&b, HEAD);
	for (int i = 0; i <= LINE_DATA_MAX; i++)
		buf_printf(&b, "%s,yield,L%d,0.1,here\n", symbol_of(1 + i % 92),
			   1 + i / 92);
	EXPECT_EQ(-EINVAL, load(self, b.data));
	EXPECT_EQ(LINE_DATA_MAX + 3, self->err.line);
	EXPECT_NE(NULL, strstr(self->err.why, "more than 256 rows"));
}

TEST_F(line_data, a_table_that_is_missing_is_named_in_the_method)
{
	put_method(self, "line_data = other.csv");
	EXPECT_EQ(-EINVAL, method_load(self->path, &self->m, &self->err));
	EXPECT_NE(NULL, strstr(self->err.file, "/try.ini"));
	EXPECT_STREQ("line_data", self->err.key);
	EXPECT_NE(NULL, strstr(self->err.why, "other.csv"));
	EXPECT_GT(self->err.line, 0);
	put_method(self, "line_data = ..\\/own.csv");
	EXPECT_EQ(-EINVAL, method_load(self->path, &self->m, &self->err));
	EXPECT_NE(NULL, strstr(self->err.why, "without a folder"));
}

/* ---- what it does --------------------------------------------------------- */

static const struct line *line_of(const struct lines *ls, const char *name,
				  size_t element)
{
	for (size_t i = 0; i < ls->n; i++) {
		if (ls->line[i].element == element &&
		    !strcmp(ls->line[i].name, name))
			return &ls->line[i];
	}
	return NULL;
}

TEST_F_TIMEOUT(line_data, energy_and_rate_are_those_of_the_lines, 300)
{
	struct assay_engine *e = NULL;
	const struct lines *ls;
	const struct line *alpha, *beta, *other;
	double sum = 0;
	size_t nd;

	load_or_abort(self, "Nd,energy_kev,L3M5,5.25,here\n"
			    "Nd,rate,L3M5,0.70,here\n");
	ASSERT_EQ(0, assay_engine_new(self->m, &e));
	ls = e->physics->lines;
	nd = (size_t)method_find(self->m, "Nd");
	alpha = line_of(ls, "L3M5", nd);
	beta = line_of(ls, "L3N5", nd);
	other = line_of(ls, "L2M4", nd);
	ASSERT_TRUE(alpha && beta && other);
	EXPECT_EQ(5.25, alpha->kev);
	EXPECT_EQ(0.70, alpha->rate);
	EXPECT_EQ(LineEnergy(60, L3N5_LINE, NULL), beta->kev);
	EXPECT_EQ(RadRate(60, L2M4_LINE, NULL), other->rate);
	EXPECT_LT(fabs(beta->rate / RadRate(60, L3N5_LINE, NULL) /
			       (0.30 / (1 - RadRate(60, L3M5_LINE, NULL))) -
		       1),
		  1e-4);
	for (int line = L3M1_LINE; line >= L3Q1_LINE; line--)
		sum += line_data_rate(&self->m->line_data, 60, line);
	EXPECT_LT(fabs(sum - 1), 1e-4);
	assay_engine_free(e);
}

/* A line that xraylib has neither energy nor rate for. */
TEST_F_TIMEOUT(line_data, a_line_may_be_added, 300)
{
	struct assay_engine *e = NULL;
	const struct lines *ls;
	size_t n = 0;

	ASSERT_FALSE(RadRate(26, KM5_LINE, NULL) > 0);
	load_or_abort(self, "Fe,energy_kev,KM5,7.108,here\n"
			    "Fe,rate,KM5,0.001,here\n");
	ASSERT_EQ(0, assay_engine_new(self->m, &e));
	ls = e->physics->lines;
	for (size_t i = 0; i < ls->n; i++)
		n += ls->line[i].kev == 7.108 && ls->line[i].rate == 0.001;
	EXPECT_EQ(1, n);
	assay_engine_free(e);
}

/* Vacancies of the L shells below the K edge, by their definition. */
static double l3_vacancies(int z, double kev, double f13, double f23)
{
	double l1 = CS_Photo_Partial(z, L1_SHELL, kev, NULL);
	double l2 = CS_Photo_Partial(z, L2_SHELL, kev, NULL) +
		    CosKronTransProb(z, FL12_TRANS, NULL) * l1;

	return CS_Photo_Partial(z, L3_SHELL, kev, NULL) +
	       (f13 + CosKronTransProb(z, FLP13_TRANS, NULL)) * l1 + f23 * l2;
}

TEST_F(line_data, yields_and_transitions_make_the_photons)
{
	double f23 = CosKronTransProb(60, FL23_TRANS, NULL);
	double f13 = CosKronTransProb(60, FL13_TRANS, NULL);
	double l3 = FluorYield(60, L3_SHELL, NULL);
	const struct line_data *d;

	load_or_abort(self, "Nd,yield,L3,0.15,here\n"
			    "Nd,coster_kronig,L1L3,0.5,here\n");
	d = &self->m->line_data;
	for (double kev = 7.5; kev < 40; kev += 4.3) {
		EXPECT_LT(fabs(line_data_production(NULL, 60, L3M5_LINE, kev) /
				       (l3 * l3_vacancies(60, kev, f13, f23)) -
			       1),
			  1e-6);
		EXPECT_LT(fabs(line_data_production(d, 60, L3M5_LINE, kev) /
				       (0.15 *
					l3_vacancies(60, kev, 0.5, f23)) -
			       1),
			  1e-6)
		{
			TH_LOG("at %g keV", kev);
		}
		/* That of L2 and of other elements stays. */
		EXPECT_LT(fabs(line_data_production(d, 60, L2M4_LINE, kev) /
				       line_data_production(NULL, 60, L2M4_LINE,
							    kev) -
			       1),
			  1e-12);
		EXPECT_EQ(line_data_production(NULL, 57, L3M5_LINE, kev),
			  line_data_production(d, 57, L3M5_LINE, kev));
	}
	load_or_abort(self, "Nd,coster_kronig,L2L3,0.3,here\n");
	d = &self->m->line_data;
	EXPECT_LT(fabs(line_data_production(d, 60, L3M5_LINE, 20) /
			       (l3 * l3_vacancies(60, 20, f13, 0.3)) -
		       1),
		  1e-6);
}

/* Above the K edge, too, where the cascade is xraylib's. */
TEST_F(line_data, values_of_xraylib_itself_change_nothing)
{
	static const int lines[] = { KL3_LINE,	L1M3_LINE, L2M4_LINE,
				     L3M5_LINE, M3N5_LINE, M5N7_LINE };
	char rows[256];

	snprintf(rows, sizeof(rows),
		 "Th,yield,L3,%.17g,here\nTh,coster_kronig,L1L2,%.17g,here\n"
		 "Th,coster_kronig,M4M5,%.17g,here\n",
		 FluorYield(90, L3_SHELL, NULL),
		 CosKronTransProb(90, FL12_TRANS, NULL),
		 CosKronTransProb(90, FM45_TRANS, NULL));
	load_or_abort(self, rows);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		for (double kev = 4; kev < 150; kev += 7) {
			double is = line_data_production(&self->m->line_data,
							 90, lines[i], kev);
			double was =
				line_data_production(NULL, 90, lines[i], kev);

			EXPECT_LE(fabs(is - was), 1e-12 * was);
		}
	}
}

TEST_F(line_data, weights_make_the_oxides)
{
	load_or_abort(self, "Nd,atomic_weight,-,150,here\n"
			    "O,atomic_weight,-,15,here\n");
	EXPECT_LT(fabs(physics_oxide_factor(&self->m->line_data, 60, 2, 3) -
		       1.15),
		  1e-12);
	/* The table of its own takes the place of the one built in. */
	EXPECT_EQ(AtomicWeight(69, NULL),
		  line_data_weight(&self->m->line_data, 69));
}

TEST_F(line_data, escapes_and_alpha_lines_go_by_it)
{
	const struct method_layer si = { { 14 }, { 1 }, 1, 0.1165, 0.05 };
	struct physics_escape is[PHYSICS_MAX_ESCAPES], was[PHYSICS_MAX_ESCAPES];
	double edge;

	load_or_abort(self, "Si,yield,K,0.04,here\n"
			    "Si,energy_kev,KL3,1.75,here\n"
			    "Si,energy_kev,KL2,1.75,here\n"
			    "La,energy_kev,L3M5,4.7,here\n");
	physics_escapes(NULL, &si, was);
	physics_escapes(&self->m->line_data, &si, is);
	EXPECT_EQ(1.75, is[0].kev);
	EXPECT_LT(fabs(is[0].yield / was[0].yield -
		       0.04 / FluorYield(14, K_SHELL, NULL)),
		  1e-9);
	EXPECT_EQ(4.7, lines_alpha_kev(&self->m->line_data, 57, "L", &edge));
	EXPECT_EQ(EdgeEnergy(57, L3_SHELL, NULL), edge);
}

TEST_F(line_data, a_tube_by_the_formula_has_its_lines)
{
	struct method_tube was = { .anode = "Ag",
				   .kv = 50,
				   .electron_deg = 90,
				   .photon_deg = 45,
				   .solid_angle_sr = 0.01 };
	struct method_tube is = was;
	bool has = false;

	load_or_abort(self, "Ag,energy_kev,KL3,22.2,here\n");
	ebel_fill(&self->m->line_data, &is);
	for (size_t i = 0; i < is.n_lines; i++)
		has |= is.line_kev[i] == 22.2;
	EXPECT_TRUE(has);
}

/* ---- what is told of it --------------------------------------------------- */

static void expect_told(struct __test_metadata *_metadata,
			FIXTURE_DATA(line_data) * self, const char *table,
			const char *version)
{
	struct spectrum *s = read_mca("tests/data/BST-ORE.mca");
	struct assay_engine *e = NULL;
	struct assay_result *r = NULL;
	json_t *report, *told;

	ASSERT_NE(NULL, s);
	ASSERT_EQ(0, assay_engine_new(self->m, &e));
	ASSERT_EQ(0, assay_engine_run(e, s, &r));
	report = report_json(r);
	told = js_get(report, "line_data");
	EXPECT_STREQ("xraylib 4.0.0", js_text(told, "library"));
	if (table) {
		EXPECT_STREQ(table, js_text(told, "table"));
		EXPECT_STREQ(version, js_text(told, "version"));
	} else {
		EXPECT_EQ(JS_NULL, js_type(js_get(told, "table")));
		EXPECT_EQ(JS_NULL, js_type(js_get(told, "version")));
	}
	js_free(report);
	assay_result_free(r);
	assay_engine_free(e);
	spectrum_free(s);
}

TEST_F_TIMEOUT(line_data, a_result_says_by_what_table_and_version, 300)
{
	self->m = load_method_or_abort("ore-l");
	expect_told(_metadata, self, "built-in", "1");
	load_or_abort(self, "Tm,atomic_weight,-,168.934,here\n");
	expect_told(_metadata, self, "own.csv", "7b");
	self->m = method_free(self->m);
	put_method(self, "line_data = none");
	ASSERT_EQ(0, method_load(self->path, &self->m, &self->err));
	expect_told(_metadata, self, NULL, NULL);
}

TEST_HARNESS_MAIN
