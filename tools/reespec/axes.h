/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all our pictures share: colours, and a panel with its axes. */
#ifndef TOOLS_REESPEC_AXES_H
#define TOOLS_REESPEC_AXES_H

#include "reespec/canvas.h"

/*
 * Okabe and Ito's colours, told apart by all common kinds of colour sight;
 * lines also differ in weight and dashes, so the pictures work in grey.
 */
extern const struct canvas_colour axes_ink;
extern const struct canvas_colour axes_soft;
extern const struct canvas_colour axes_grid;
extern const struct canvas_colour axes_band;
extern const struct canvas_colour axes_grey;
extern const struct canvas_colour axes_vermilion;
extern const struct canvas_colour axes_blue;

/* One panel: pixels and the range it shows. */
struct panel {
	double x, y, width, height;
	double x_min, x_max;
	double y_min, y_max;
	bool is_log;
};

/* A value's place; what lies outside is put on the edge. */
double panel_x(const struct panel *p, double value);
double panel_y(const struct panel *p, double value);

/* Grid and numbers; the x axis is linear, the y axis logarithmic. */
void axes_x(struct canvas *c, const struct panel *p, bool has_numbers);
void axes_log_y(struct canvas *c, const struct panel *p);
void axes_frame(struct canvas *c, const struct panel *p);

#endif
