/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A picture or a page, the door to cairo. The end of the file's name says
 * what it becomes: .png, .svg or .pdf; it is written whole or not at all.
 * Positions are in pixels, in points on a page; y grows downwards.
 */
#ifndef TOOLS_REESPEC_CANVAS_H
#define TOOLS_REESPEC_CANVAS_H

#include <stdbool.h>

struct canvas;

struct canvas_colour {
	double r, g, b;
};

/* Half a kind of picture is no kind: -EINVAL for another end of the name. */
int canvas_new(const char *path, double width, double height,
	       struct canvas **ret);
/* A page in points; as a .png it is as sharp as one that is printed, so that
 * its code can be read. */
int canvas_new_page(const char *path, double width, double height,
		    struct canvas **ret);

/* Whether a file of this name can be drawn, by what it ends in. */
bool canvas_draws(const char *path);

/* Writes the file; 0 or a negative errno. The canvas is gone either way. */
int canvas_end(struct canvas *c);

void canvas_colour(struct canvas *c, const struct canvas_colour *colour);
void canvas_font(struct canvas *c, double size, bool is_bold);
void canvas_line_width(struct canvas *c, double width);
void canvas_dash(struct canvas *c, bool is_dashed);
/* One of several dashes that are told apart without colour; 0: none. */
#define CANVAS_PATTERNS 5
void canvas_pattern(struct canvas *c, unsigned int which);

/* @align: 0 left, 0.5 centre, 1 right of the point. */
void canvas_text(struct canvas *c, double x, double y, double align,
		 const char *text);
void canvas_text_up(struct canvas *c, double x, double y, double align,
		    const char *text);
double canvas_text_width(struct canvas *c, const char *text);

/* A thin line at half-pixel positions, which keeps it sharp. */
void canvas_line(struct canvas *c, double x0, double y0, double x1, double y1);
void canvas_box(struct canvas *c, double x, double y, double width,
		double height, bool is_filled);
void canvas_dot(struct canvas *c, double x, double y, double radius,
		bool is_filled);

/* A path, point by point, then drawn. */
void canvas_move(struct canvas *c, double x, double y);
void canvas_to(struct canvas *c, double x, double y);
void canvas_stroke(struct canvas *c);

/* Nothing is drawn outside until canvas_unclip(). */
void canvas_clip(struct canvas *c, double x, double y, double width,
		 double height);
void canvas_unclip(struct canvas *c);

#endif
