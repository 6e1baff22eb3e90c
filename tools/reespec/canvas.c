// SPDX-License-Identifier: GPL-2.0-or-later
/* Pictures and pages by cairo, into memory first and then into a file. */
#include "reespec/canvas.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* 216 to the inch: a square of the code is some five pixels wide. */
#define PAGE_PIXELS 3

struct canvas {
	cairo_surface_t *surface;
	cairo_t *cr;
	struct buf data; /* .svg and .pdf come as they are drawn */
	bool is_png;
	char path[4096];
};

static cairo_status_t take(void *arg, const unsigned char *data,
			   unsigned int len)
{
	return buf_append(arg, data, len) < 0 ? CAIRO_STATUS_NO_MEMORY
					      : CAIRO_STATUS_SUCCESS;
}

/* Words are as wide as on paper, where they were seen not to collide. */
static void keep_widths(cairo_t *cr)
{
	cairo_font_options_t *options = cairo_font_options_create();

	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	cairo_set_font_options(cr, options);
	cairo_font_options_destroy(options);
}

bool canvas_draws(const char *path)
{
	const char *end = strrchr(path, '.');

	return end && (!strcmp(end, ".png") || !strcmp(end, ".svg") ||
		       !strcmp(end, ".pdf"));
}

/* A .png has @pixels a unit. */
static int make(const char *path, double width, double height, int pixels,
		struct canvas **ret)
{
	const char *end = strrchr(path, '.');
	struct canvas *c;

	if (!canvas_draws(path))
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->is_png = !strcmp(end, ".png");
	if (c->is_png)
		c->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24,
							(int)width * pixels,
							(int)height * pixels);
	else if (!strcmp(end, ".svg"))
		c->surface = cairo_svg_surface_create_for_stream(take, &c->data,
								 width, height);
	else
		c->surface = cairo_pdf_surface_create_for_stream(take, &c->data,
								 width, height);
	c->cr = cairo_create(c->surface);
	keep_widths(c->cr);
	if (c->is_png)
		cairo_scale(c->cr, pixels, pixels);
	if (snprintf(c->path, sizeof(c->path), "%s", path) >=
	    (int)sizeof(c->path)) {
		c->path[0] = 0;
		canvas_end(c);
		return -ENAMETOOLONG;
	}
	cairo_set_source_rgb(c->cr, 1, 1, 1);
	cairo_paint(c->cr);
	*ret = c;
	return 0;
}

int canvas_new(const char *path, double width, double height,
	       struct canvas **ret)
{
	return make(path, width, height, 1, ret);
}

int canvas_new_page(const char *path, double width, double height,
		    struct canvas **ret)
{
	return make(path, width, height, PAGE_PIXELS, ret);
}

static int write_file(const char *path, const struct buf *data)
{
	FILE *f = fopen(path, "we");
	bool is_whole;

	if (!f)
		return -errno;
	errno = 0;
	is_whole = fwrite(data->data, 1, data->len, f) == data->len &&
		   fflush(f) == 0;
	if (fclose(f) == 0 && is_whole)
		return 0;
	return errno ? -errno : -EIO;
}

/* What is no plain file stays what it is. */
static int write_path(const char *path, const struct buf *data)
{
	struct stat st;
	char temp[4096 + 8];
	int r;

	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return write_file(path, data);
	snprintf(temp, sizeof(temp), "%s.part", path);
	r = write_file(temp, data);
	if (r == 0 && rename(temp, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(temp);
	return r;
}

int canvas_end(struct canvas *c)
{
	cairo_status_t status = cairo_status(c->cr);
	int r;

	cairo_destroy(c->cr);
	if (c->is_png && status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_write_to_png_stream(c->surface, take,
							   &c->data);
	cairo_surface_finish(c->surface);
	if (status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_status(c->surface);
	cairo_surface_destroy(c->surface);
	if (status == CAIRO_STATUS_SUCCESS)
		r = c->path[0] ? write_path(c->path, &c->data) : 0;
	else
		r = status == CAIRO_STATUS_NO_MEMORY ? -ENOMEM : -EIO;
	buf_deinit(&c->data);
	free(c);
	return r;
}

void canvas_colour(struct canvas *c, const struct canvas_colour *colour)
{
	cairo_set_source_rgb(c->cr, colour->r, colour->g, colour->b);
}

void canvas_font(struct canvas *c, double size, bool is_bold)
{
	cairo_select_font_face(c->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
			       is_bold ? CAIRO_FONT_WEIGHT_BOLD
				       : CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(c->cr, size);
}

void canvas_line_width(struct canvas *c, double width)
{
	cairo_set_line_width(c->cr, width);
}

void canvas_dash(struct canvas *c, bool is_dashed)
{
	static const double dash[] = { 6, 4 };

	cairo_set_dash(c->cr, dash, is_dashed ? 2 : 0, 0);
}

void canvas_pattern(struct canvas *c, unsigned int which)
{
	static const struct {
		double dash[4];
		int n;
	} patterns[CANVAS_PATTERNS] = {
		{ { 0 }, 0 },	       { { 7, 3 }, 2 },	 { { 1.5, 2.5 }, 2 },
		{ { 9, 3, 2, 3 }, 4 }, { { 16, 5 }, 2 },
	};

	cairo_set_dash(c->cr, patterns[which].dash, patterns[which].n, 0);
}

double canvas_text_width(struct canvas *c, const char *text)
{
	cairo_text_extents_t size;

	cairo_text_extents(c->cr, text, &size);
	return size.x_advance;
}

void canvas_text(struct canvas *c, double x, double y, double align,
		 const char *text)
{
	cairo_move_to(c->cr, x - align * canvas_text_width(c, text), y);
	cairo_show_text(c->cr, text);
	cairo_new_path(c->cr);
}

void canvas_text_up(struct canvas *c, double x, double y, double align,
		    const char *text)
{
	cairo_save(c->cr);
	cairo_translate(c->cr, x, y);
	cairo_rotate(c->cr, -M_PI / 2);
	canvas_text(c, 0, 0, align, text);
	cairo_restore(c->cr);
}

void canvas_line(struct canvas *c, double x0, double y0, double x1, double y1)
{
	cairo_move_to(c->cr, floor(x0) + 0.5, floor(y0) + 0.5);
	cairo_line_to(c->cr, floor(x1) + 0.5, floor(y1) + 0.5);
	cairo_stroke(c->cr);
}

static void draw(struct canvas *c, bool is_filled)
{
	if (is_filled)
		cairo_fill(c->cr);
	else
		cairo_stroke(c->cr);
}

void canvas_box(struct canvas *c, double x, double y, double width,
		double height, bool is_filled)
{
	cairo_rectangle(c->cr, x, y, width, height);
	draw(c, is_filled);
}

void canvas_dot(struct canvas *c, double x, double y, double radius,
		bool is_filled)
{
	cairo_new_sub_path(c->cr);
	cairo_arc(c->cr, x, y, radius, 0, 2 * M_PI);
	draw(c, is_filled);
}

void canvas_move(struct canvas *c, double x, double y)
{
	cairo_move_to(c->cr, x, y);
}

void canvas_to(struct canvas *c, double x, double y)
{
	cairo_line_to(c->cr, x, y);
}

void canvas_stroke(struct canvas *c)
{
	cairo_stroke(c->cr);
}

void canvas_clip(struct canvas *c, double x, double y, double width,
		 double height)
{
	cairo_save(c->cr);
	cairo_rectangle(c->cr, x, y, width, height);
	cairo_clip(c->cr);
}

void canvas_unclip(struct canvas *c)
{
	cairo_restore(c->cr);
}
