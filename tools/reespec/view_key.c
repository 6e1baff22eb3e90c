// SPDX-License-Identifier: GPL-2.0-or-later
/* What the keys of `reespec live` do: zoom, pan, cursor, marks, pages. */
#include "reespec/view.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "assay/lines.h"
#include "assay/symbols.h"

/* The closest zoom. */
#define CHANNELS_LEAST 16

static void zoom(struct view *v, const struct view_data *d, double factor)
{
	double low, high, middle, width;
	double least = CHANNELS_LEAST * d->kev_per_chan;

	view_range(v, d, &low, &high);
	middle = v->has_cursor ? v->cursor_kev : (low + high) / 2;
	width = (high - low) * factor;
	if (width < least)
		width = least;
	/* The place under the cursor stays where it is. */
	v->low_kev = middle - (middle - low) / (high - low) * width;
	v->high_kev = v->low_kev + width;
	low = d->zero_kev > 0 ? 0 : d->zero_kev;
	high = d->zero_kev + d->kev_per_chan * (double)d->n_chan;
	if (v->low_kev < low)
		v->low_kev = low;
	if (v->high_kev > high)
		v->high_kev = high;
}

static void pan(struct view *v, const struct view_data *d, double share)
{
	double low, high, width;
	double end = d->zero_kev + d->kev_per_chan * (double)d->n_chan;

	view_range(v, d, &low, &high);
	width = high - low;
	low += share * width;
	if (low + width > end)
		low = end - width;
	if (low < 0)
		low = 0;
	v->low_kev = low;
	v->high_kev = low + width;
	if (v->has_cursor &&
	    (v->cursor_kev < low || v->cursor_kev > low + width))
		v->cursor_kev = low + width / 2;
}

static void move_cursor(struct view *v, const struct view_data *d, int columns,
			int steps)
{
	double low, high, step;

	view_range(v, d, &low, &high);
	step = (high - low) / view_plot_columns(columns);
	if (step < d->kev_per_chan)
		step = d->kev_per_chan;
	if (!v->has_cursor)
		v->cursor_kev = (low + high) / 2;
	else
		v->cursor_kev += steps * step;
	v->has_cursor = true;
	if (v->cursor_kev < low)
		v->cursor_kev = low;
	if (v->cursor_kev > high)
		v->cursor_kev = high;
}

/* Shows the lines of what was typed, or no longer. */
static void toggle_element(struct view *v)
{
	struct lines_mark marks[VIEW_LINES_MAX];
	char symbol[4] = "";
	size_t kept = 0, n;
	int z;

	for (size_t i = 0; i < sizeof(symbol) - 1 && v->typed[i]; i++)
		symbol[i] =
			(char)(i ? tolower(v->typed[i]) : toupper(v->typed[i]));
	z = symbol_to_z(symbol, strlen(symbol));
	if (!z) {
		v->is_unknown = *symbol;
		return;
	}
	n = strlen(symbol);
	for (size_t i = 0; i < v->n_lines; i++)
		if (strncmp(v->line[i].name, symbol, n) ||
		    v->line[i].name[n] != ' ')
			v->line[kept++] = v->line[i];
	if (kept < v->n_lines) {
		v->n_lines = kept;
		return;
	}
	n = lines_marks(z, marks, VIEW_LINES_MAX);
	for (size_t i = 0;
	     i < n && v->n_lines < sizeof(v->line) / sizeof(*v->line); i++) {
		struct view_line *l = &v->line[v->n_lines++];

		snprintf(l->name, sizeof(l->name), "%.3s %.4s", symbol,
			 marks[i].name);
		l->kev = marks[i].kev;
	}
}

static void type(struct view *v, int key)
{
	size_t len = strlen(v->typed);

	if (key == VIEW_KEY_ENTER) {
		toggle_element(v);
		v->is_typing = false;
	} else if (key == VIEW_KEY_ESCAPE) {
		v->is_typing = false;
	} else if (key == VIEW_KEY_BACKSPACE) {
		if (len)
			v->typed[len - 1] = 0;
	} else if (key < 128 && isalpha(key) && len < 2) {
		v->typed[len] = (char)key;
		v->typed[len + 1] = 0;
	}
}

bool view_key(struct view *v, const struct view_data *d, int key, int columns)
{
	v->is_unknown = false;
	if (v->is_typing) {
		type(v, key);
		return true;
	}
	switch (key) {
	case 'q':
		return false;
	case '/':
	case 'm':
		v->is_typing = true;
		memset(v->typed, 0, sizeof(v->typed));
		break;
	case 'c':
		v->n_lines = 0;
		break;
	case 'e':
		v->page++;
		break;
	case 'l':
		v->is_log = !v->is_log;
		break;
	case 'f':
		v->has_fit = !v->has_fit;
		break;
	case VIEW_KEY_ESCAPE:
		v->has_cursor = false;
		break;
	default:
		break;
	}
	if (!d->n_chan)
		return true;
	switch (key) {
	case 'a':
		v->low_kev = 0;
		v->high_kev = 0;
		break;
	case '+':
	case '=':
	case VIEW_KEY_UP:
		zoom(v, d, 0.5);
		break;
	case '-':
	case VIEW_KEY_DOWN:
		zoom(v, d, 2);
		break;
	case ',':
	case '<':
		pan(v, d, -0.5);
		break;
	case '.':
	case '>':
		pan(v, d, 0.5);
		break;
	case VIEW_KEY_LEFT:
		move_cursor(v, d, columns, -1);
		break;
	case VIEW_KEY_RIGHT:
		move_cursor(v, d, columns, 1);
		break;
	default:
		break;
	}
	return true;
}
