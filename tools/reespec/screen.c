// SPDX-License-Identifier: GPL-2.0-or-later
/* The terminal by ncurses: colours where it has them, bold and dim elsewhere. */
#include "reespec/screen.h"

#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "reespec/print.h"

static SCREEN *screen;
static attr_t styles[VIEW_N_STYLES];

/* Blue, orange and vermilion keep apart for the colour-blind. */
static void choose_styles(void)
{
	static const struct {
		enum view_style style;
		short colour;
		short few; /* of eight colours */
		attr_t attribute; /* without any */
	} wanted[] = {
		{ VIEW_DATA, 39, COLOR_CYAN, A_NORMAL },
		{ VIEW_FIT, 214, COLOR_YELLOW, A_BOLD },
		{ VIEW_MARK, 253, COLOR_WHITE, A_BOLD },
		{ VIEW_BAD, 202, COLOR_RED, A_BOLD },
	};
	bool has_colour = print_has_colour(stdout) && has_colors();

	styles[VIEW_PLAIN] = A_NORMAL;
	styles[VIEW_BOLD] = A_BOLD;
	styles[VIEW_DIM] = A_DIM;
	if (has_colour) {
		start_color();
		use_default_colors();
	}
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		short pair = (short)(i + 1);

		styles[wanted[i].style] = wanted[i].attribute;
		if (!has_colour)
			continue;
		init_pair(pair,
			  COLORS >= 256 ? wanted[i].colour : wanted[i].few, -1);
		styles[wanted[i].style] = (attr_t)COLOR_PAIR(pair);
	}
}

int screen_open(const struct args *args)
{
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return fail(
			args, REESPEC_USAGE,
			"a terminal is needed (reespec status tells once, reespec assay --progress lines in lines)");
	/* ncurses would begin, with a cursor that cannot be moved. */
	if (term && !strcmp(term, "dumb"))
		return fail(
			args, REESPEC_FAILED,
			"a terminal of type \"dumb\" shows no picture (reespec status tells once, reespec assay --progress lines in lines)");
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return fail(
			args, REESPEC_FAILED,
			"no terminal of type \"%s\" is known (TERM=xterm reespec live)",
			term ? term : "");
	set_term(screen);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	choose_styles();
	return REESPEC_OK;
}

void screen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

void screen_size(int *ret_rows, int *ret_columns)
{
	getmaxyx(stdscr, *ret_rows, *ret_columns);
}

void screen_show(const struct view_grid *g)
{
	for (int y = 0; y < g->rows; y++) {
		move(y, 0);
		for (int x = 0; x < g->columns; x++) {
			const struct view_cell *c =
				&g->cell[y * g->columns + x];

			attrset(styles[c->style]);
			addstr(c->text);
		}
	}
	refresh();
}

int screen_key(int ms)
{
	static const struct {
		int curses;
		int key;
	} keys[] = {
		{ KEY_LEFT, VIEW_KEY_LEFT },
		{ KEY_RIGHT, VIEW_KEY_RIGHT },
		{ KEY_UP, VIEW_KEY_UP },
		{ KEY_DOWN, VIEW_KEY_DOWN },
		{ KEY_ENTER, VIEW_KEY_ENTER },
		{ '\r', VIEW_KEY_ENTER },
		{ '\n', VIEW_KEY_ENTER },
		{ KEY_BACKSPACE, VIEW_KEY_BACKSPACE },
		{ 127, VIEW_KEY_BACKSPACE },
		{ '\b', VIEW_KEY_BACKSPACE },
		{ 27, VIEW_KEY_ESCAPE },
	};
	int c;

	timeout(ms);
	c = getch();
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].curses == c)
			return keys[i].key;
	return c >= ' ' && c < 127 ? c : -1;
}
