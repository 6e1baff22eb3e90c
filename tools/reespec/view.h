/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `reespec live` shows: a spectrum, its counters and contents, laid out
 * on a grid of characters. Pure: it neither asks the daemon nor knows a
 * terminal.
 */
#ifndef TOOLS_REESPEC_VIEW_H
#define TOOLS_REESPEC_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum view_style {
	VIEW_PLAIN,
	VIEW_BOLD,
	VIEW_DIM,
	VIEW_DATA,
	VIEW_FIT,
	VIEW_MARK,
	VIEW_BAD,
	VIEW_N_STYLES,
};

/* One character, UTF-8, and how it looks. */
struct view_cell {
	char text[5];
	uint8_t style;
};

struct view_grid {
	int rows;
	int columns;
	struct view_cell *cell; /* row by row */
};

/* Blanks of @rows x @columns; 0 or -ENOMEM. */
int view_grid_resize(struct view_grid *g, int rows, int columns);
void view_grid_deinit(struct view_grid *g);

enum { VIEW_MARKS_MAX = 12, VIEW_ROWS_MAX = 80, VIEW_LINES_MAX = 14 };

/* A line of an element that was asked for. */
struct view_line {
	char name[12]; /* "Nd La1" */
	double kev;
};

/* What the operator chose. */
struct view {
	double low_kev; /* low == high: all there is */
	double high_kev;
	double cursor_kev;
	bool has_cursor;
	bool is_log;
	bool has_fit;
	bool is_ascii;
	unsigned int page; /* of the table of elements, which begins again */
	char typed[4]; /* a symbol under way */
	bool is_typing;
	bool is_unknown; /* it is no element's; until the next key */
	struct view_line line[VIEW_MARKS_MAX * VIEW_LINES_MAX];
	size_t n_lines;
};

/* A row of the table of elements. */
struct view_content {
	char symbol[4];
	char text[24];
	bool is_censored;
};

/* What is known; texts may be empty, numbers NAN. */
struct view_data {
	char sample[129];
	char method[65];
	char serial[33];
	char state[33];
	bool is_over; /* the assay has ended */
	char message[200]; /* what the operator should read */
	double live_s, real_s, preset_s, dead, fast_cps, slow_cps, detector_k;
	bool is_dark; /* the high voltage is off */
	size_t n_chan;
	double *counts;
	double zero_kev;
	double kev_per_chan;
	/* The fit, of the counts it was made from; NULL or as long as counts. */
	double *model;
	double *model_counts;
	double chi2;
	struct view_content content[VIEW_ROWS_MAX];
	size_t n_contents;
};

/* Keys beside characters. */
enum {
	VIEW_KEY_LEFT = 0x1000,
	VIEW_KEY_RIGHT,
	VIEW_KEY_UP,
	VIEW_KEY_DOWN,
	VIEW_KEY_ENTER,
	VIEW_KEY_BACKSPACE,
	VIEW_KEY_ESCAPE,
};

/* Does what a key means on a terminal of @columns; false: leave. */
bool view_key(struct view *v, const struct view_data *d, int key, int columns);

/* The energies shown, in keV, and how many columns show them. */
void view_range(const struct view *v, const struct view_data *d, double *low,
		double *high);
int view_plot_columns(int columns);

/* Fills the grid. */
void view_draw(const struct view *v, const struct view_data *d,
	       struct view_grid *g);

#endif
