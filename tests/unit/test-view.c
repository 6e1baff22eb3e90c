// SPDX-License-Identifier: GPL-2.0-or-later
/* What `reespec live` draws, and what its keys do, without a terminal. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "reespec/view.h"

/* 1000 channels of 20 eV: 10 counts, and one channel of 1000 at 6.4 keV. */
#define N_CHAN 1000
#define PEAK 320

FIXTURE(view)
{
	struct view v;
	struct view_data d;
	struct view_grid g;
};

FIXTURE_SETUP(view)
{
	memset(self, 0, sizeof(*self));
	self->d.n_chan = N_CHAN;
	self->d.kev_per_chan = 0.02;
	self->d.counts = calloc(N_CHAN, sizeof(double));
	ASSERT_NE(NULL, self->d.counts);
	for (size_t i = 0; i < N_CHAN; i++)
		self->d.counts[i] = i == PEAK ? 1000 : 10;
	self->d.live_s = 3.25;
	self->d.preset_s = 60;
	self->d.dead = self->d.fast_cps = self->d.slow_cps = NAN;
	self->d.detector_k = self->d.chi2 = NAN;
	strcpy(self->d.sample, "ORE-7");
	strcpy(self->d.state, "measuring");
}

FIXTURE_TEARDOWN(view)
{
	free(self->d.counts);
	free(self->d.model);
	free(self->d.model_counts);
	view_grid_deinit(&self->g);
}

static void draw(FIXTURE_DATA(view) * self, int rows, int columns)
{
	view_grid_resize(&self->g, rows, columns);
	view_draw(&self->v, &self->d, &self->g);
}

static const char *at(const FIXTURE_DATA(view) * self, int row, int column)
{
	return self->g.cell[row * self->g.columns + column].text;
}

/* A row of the grid as text. */
static const char *row_text(const FIXTURE_DATA(view) * self, int row)
{
	static char text[2000];
	size_t len = 0;

	text[0] = 0;
	for (int x = 0; x < self->g.columns; x++) {
		strcpy(text + len, at(self, row, x));
		len += strlen(text + len);
	}
	return text;
}

static bool shows(const FIXTURE_DATA(view) * self, const char *what)
{
	for (int y = 0; y < self->g.rows; y++)
		if (strstr(row_text(self, y), what))
			return true;
	return false;
}

static void keys(FIXTURE_DATA(view) * self, const char *text)
{
	for (; *text; text++)
		view_key(&self->v, &self->d, *text, 60);
}

/* Columns in which row @row has '#'. */
static int count_marks(const FIXTURE_DATA(view) * self, int row)
{
	int n = 0;

	for (int x = 0; x < self->g.columns; x++)
		n += !strcmp(at(self, row, x), "#");
	return n;
}

TEST_F(view, tells_sample_state_and_time)
{
	draw(self, 24, 60);
	EXPECT_NE(NULL, strstr(row_text(self, 0), "ORE-7"));
	EXPECT_NE(NULL, strstr(row_text(self, 0), "measuring"));
	EXPECT_NE(NULL, strstr(row_text(self, 1), "live 3.2/60 s"));
}

/* 17 channels share a column; the one with the peak is not lost. */
TEST_F(view, no_line_disappears_between_columns)
{
	self->v.is_ascii = true;
	draw(self, 24, 60);
	EXPECT_EQ(1, count_marks(self, 5));
	EXPECT_STREQ("#", at(self, 5, (int)(6.4 / 20 * 60)));
	/* The floor is there, too. */
	EXPECT_EQ(60, count_marks(self, 20));
}

TEST_F(view, braille_has_two_by_four_dots)
{
	/* One column is 1/3 keV: the peak lies in the left half of column 19. */
	draw(self, 24, 60);
	EXPECT_STREQ("\xe2\xa1\x87", at(self, 6, 19)); /* dots 1 2 3 7 */
}

TEST_F(view, logarithmic_shows_what_is_small)
{
	self->v.is_ascii = true;
	draw(self, 24, 60);
	EXPECT_EQ(1, count_marks(self, 16));
	keys(self, "l");
	draw(self, 24, 60);
	EXPECT_EQ(60, count_marks(self, 16));
	EXPECT_TRUE(shows(self, " log"));
}

TEST_F(view, cursor_tells_energy_channel_and_counts)
{
	view_key(&self->v, &self->d, VIEW_KEY_RIGHT, 60);
	self->v.cursor_kev = 6.4;
	draw(self, 24, 60);
	EXPECT_NE(NULL, strstr(row_text(self, 22),
			       "6.400 keV  channel 320  1000 counts"));
	view_key(&self->v, &self->d, VIEW_KEY_ESCAPE, 60);
	draw(self, 24, 60);
	EXPECT_FALSE(shows(self, "channel"));
}

/* It is this, the nearest line of Dy and how far it is, to the end. */
static void expect_cursor_line(struct __test_metadata *_metadata,
			       const FIXTURE_DATA(view) * self,
			       const char *what)
{
	char wanted[100];

	snprintf(wanted, sizeof(wanted), "%s  Dy La2 -58 eV ", what);
	EXPECT_EQ(0, strncmp(row_text(self, 22), wanted, strlen(wanted)))
	{
		TH_LOG("not '%s': '%s'", wanted, row_text(self, 22));
	}
}

/* A minute of ore, its fit and a line: all in a row of a terminal of 80, with
 * contents beside; narrower, the channel goes, then the fit. */
TEST_F(view, cursor_line_is_never_cut)
{
	self->d.n_contents = VIEW_ROWS_MAX;
	for (size_t i = 0; i < VIEW_ROWS_MAX; i++)
		strcpy(self->d.content[i].text, "12.345\u00b10.071 %");
	self->d.counts[PEAK] = 1234567;
	self->d.model = calloc(N_CHAN, sizeof(double));
	self->d.model_counts = calloc(N_CHAN, sizeof(double));
	ASSERT_TRUE(self->d.model && self->d.model_counts);
	self->d.model[PEAK] = 1234999;
	keys(self, "fmdy");
	view_key(&self->v, &self->d, VIEW_KEY_ENTER, 80);
	view_key(&self->v, &self->d, VIEW_KEY_RIGHT, 80);
	self->v.cursor_kev = 6.4;
	draw(self, 24, 80);
	expect_cursor_line(
		_metadata, self,
		"6.400 keV  channel 320  1234567 counts  fit 1234999");
	draw(self, 24, 62);
	expect_cursor_line(_metadata, self,
			   "6.400 keV  1234567 counts  fit 1234999");
	draw(self, 24, 44);
	expect_cursor_line(_metadata, self, "6.400 keV  1234567 counts");
}

TEST_F(view, cursor_stays_inside)
{
	for (int i = 0; i < 200; i++)
		view_key(&self->v, &self->d, VIEW_KEY_RIGHT, 60);
	EXPECT_TRUE(self->v.cursor_kev <= 20);
	draw(self, 24, 60);
	EXPECT_TRUE(shows(self, "channel 999"));
	for (int i = 0; i < 200; i++)
		view_key(&self->v, &self->d, VIEW_KEY_LEFT, 60);
	EXPECT_TRUE(self->v.cursor_kev >= 0);
}

TEST_F(view, zoom_keeps_the_place_under_the_cursor)
{
	view_key(&self->v, &self->d, VIEW_KEY_LEFT, 60);
	self->v.cursor_kev = 5;
	keys(self, "++");
	EXPECT_TRUE(fabs(self->v.high_kev - self->v.low_kev - 5) < 1e-9);
	EXPECT_TRUE(fabs(self->v.low_kev - 3.75) < 1e-9);
	for (int i = 0; i < 20; i++)
		keys(self, "+");
	/* No closer than sixteen channels. */
	EXPECT_TRUE(self->v.high_kev - self->v.low_kev > 0.31);
	for (int i = 0; i < 30; i++)
		keys(self, "-");
	EXPECT_TRUE(self->v.low_kev == 0 && self->v.high_kev == 20);
}

TEST_F(view, pan_stops_at_the_ends)
{
	self->v.is_ascii = true;
	keys(self, "+++");
	for (int i = 0; i < 50; i++)
		keys(self, ">");
	EXPECT_TRUE(fabs(self->v.high_kev - 20) < 1e-9);
	for (int i = 0; i < 50; i++)
		keys(self, "<");
	EXPECT_TRUE(self->v.low_kev == 0);
	keys(self, "a");
	draw(self, 24, 60);
	EXPECT_TRUE(shows(self, "'15"));
}

TEST_F(view, marks_lines_of_an_element_and_takes_them_back)
{
	self->v.is_ascii = true;
	keys(self, "mfe");
	draw(self, 24, 60);
	EXPECT_TRUE(shows(self, "element: fe_"));
	view_key(&self->v, &self->d, VIEW_KEY_ENTER, 60);
	draw(self, 24, 60);
	EXPECT_STREQ("|", at(self, 5, (int)(6.404 / 20 * 60)));
	EXPECT_TRUE(shows(self, "Fe Ka1"));
	EXPECT_LT(1, self->v.n_lines);
	keys(self, "mFE");
	view_key(&self->v, &self->d, VIEW_KEY_ENTER, 60);
	EXPECT_EQ(0, self->v.n_lines);
}

TEST_F(view, what_is_no_element_marks_nothing)
{
	keys(self, "mxx");
	view_key(&self->v, &self->d, VIEW_KEY_ENTER, 60);
	EXPECT_EQ(0, self->v.n_lines);
	EXPECT_FALSE(self->v.is_typing);
	draw(self, 24, 60);
	EXPECT_TRUE(shows(self, "xx: no such element"));
	keys(self, "l");
	draw(self, 24, 60);
	EXPECT_FALSE(shows(self, "no such element"));
	keys(self, "m");
	view_key(&self->v, &self->d, VIEW_KEY_ENTER, 60);
	draw(self, 24, 60);
	EXPECT_FALSE(shows(self, "no such element"));
	/* Letters are typed, not obeyed, and corrected. */
	keys(self, "mq");
	view_key(&self->v, &self->d, VIEW_KEY_BACKSPACE, 60);
	keys(self, "u");
	view_key(&self->v, &self->d, VIEW_KEY_ENTER, 60);
	EXPECT_LT(0, self->v.n_lines);
	EXPECT_EQ('U', self->v.line[0].name[0]);
}

TEST_F(view, many_marks_stay_in_bounds)
{
	static const char *const some[] = { "La", "Ce", "Pr", "Nd", "Sm", "Eu",
					    "Gd", "Tb", "Dy", "Ho", "Er", "Tm",
					    "Yb", "Lu", "Th", "U",  "Ba", "W" };

	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++) {
		keys(self, "m");
		keys(self, some[i]);
		view_key(&self->v, &self->d, VIEW_KEY_ENTER, 60);
	}
	EXPECT_LE(self->v.n_lines,
		  sizeof(self->v.line) / sizeof(*self->v.line));
	draw(self, 24, 60);
	keys(self, "c");
	EXPECT_EQ(0, self->v.n_lines);
}

TEST_F(view, fit_and_residual_are_shown_when_asked_for)
{
	self->v.is_ascii = true;
	self->d.model = calloc(N_CHAN, sizeof(double));
	self->d.model_counts = calloc(N_CHAN, sizeof(double));
	ASSERT_TRUE(self->d.model && self->d.model_counts);
	for (size_t i = 0; i < N_CHAN; i++) {
		self->d.model[i] = i < 900 ? 100 : NAN;
		self->d.model_counts[i] = self->d.counts[i];
	}
	draw(self, 24, 60);
	EXPECT_FALSE(shows(self, "sigma"));
	keys(self, "f");
	draw(self, 24, 60);
	EXPECT_TRUE(shows(self, "+5 sigma"));
	EXPECT_TRUE(shows(self, "-----"));
	/* 90 counts too few in each channel: at the lower edge, and marked. */
	EXPECT_EQ(VIEW_BAD, self->g.cell[20 * 60 + 30].style);
	EXPECT_STREQ(" ", at(self, 20, 58));
}

TEST_F(view, wide_terminals_have_the_contents_beside)
{
	self->d.n_contents = 2;
	strcpy(self->d.content[0].symbol, "La");
	strcpy(self->d.content[0].text, "2.45+-0.08 %");
	strcpy(self->d.content[1].symbol, "Ce");
	draw(self, 24, 71);
	EXPECT_FALSE(shows(self, "2.45+-0.08 %"));
	draw(self, 24, 80);
	EXPECT_TRUE(shows(self, "La 2.45+-0.08 %"));
}

/* 24 rows have room for 20 elements, and without the line of the cursor. */
TEST_F(view, elements_that_do_not_fit_have_pages)
{
	self->d.n_contents = 45;
	for (int i = 0; i < 45; i++)
		snprintf(self->d.content[i].text,
			 sizeof(self->d.content[i].text), "no. %d.", i + 1);
	draw(self, 24, 80);
	EXPECT_TRUE(shows(self, "no. 19."));
	EXPECT_FALSE(shows(self, "no. 20."));
	EXPECT_TRUE(shows(self, "e more, 1 of 3"));
	view_key(&self->v, &self->d, 'e', 80);
	draw(self, 24, 80);
	EXPECT_TRUE(shows(self, "no. 20."));
	EXPECT_TRUE(shows(self, "no. 38."));
	EXPECT_FALSE(shows(self, "no. 1."));
	view_key(&self->v, &self->d, 'e', 80);
	draw(self, 24, 80);
	EXPECT_TRUE(shows(self, "no. 45."));
	view_key(&self->v, &self->d, 'e', 80);
	draw(self, 24, 80);
	EXPECT_TRUE(shows(self, "no. 1."));
	/* What fits has no pages. */
	self->d.n_contents = 20;
	draw(self, 24, 80);
	EXPECT_TRUE(shows(self, "no. 20."));
	EXPECT_FALSE(shows(self, "e more,"));
}

/* Any size, with and without counts: nothing outside of the grid. */
TEST_F(view, any_size_is_survived)
{
	double *counts = self->d.counts;

	keys(self, "mnd");
	view_key(&self->v, &self->d, VIEW_KEY_ENTER, 60);
	view_key(&self->v, &self->d, VIEW_KEY_LEFT, 60);
	for (int rows = 1; rows < 40; rows += 3)
		for (int columns = 1; columns < 150; columns += 7) {
			self->d.n_chan = N_CHAN;
			draw(self, rows, columns);
			self->d.n_chan = 0;
			draw(self, rows, columns);
			keys(self, "+-<>a");
		}
	self->d.counts = counts;
	draw(self, 5, 20);
	EXPECT_TRUE(shows(self, "too small") || self->g.columns < 26);
}

TEST_F(view, q_leaves)
{
	EXPECT_TRUE(view_key(&self->v, &self->d, 'a', 60));
	EXPECT_FALSE(view_key(&self->v, &self->d, 'q', 60));
}

TEST_HARNESS_MAIN
