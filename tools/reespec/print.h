/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as an assay reports them, and tables that line up. */
#ifndef TOOLS_REESPEC_PRINT_H
#define TOOLS_REESPEC_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/json.h"

#define PRINT_CELL_MAX 40

/* Room for one number, unit or mark. */
struct cell {
	char text[PRINT_CELL_MAX];
};

/*
 * A content and what belongs to it in one unit: ppm (mg/kg) below 1000 mg/kg,
 * wt % from there. Decimals follow two significant digits of u.
 */
struct content_cells {
	struct cell value;
	struct cell u;
	struct cell ld;
	const char *unit;
	double unit_mg_kg;
	int decimals;
	bool is_censored;
};

/*
 * Below @lc_mg_kg the value reads "< L_D", in the unit of that. u or lc may be NAN: then three
 * significant digits, nothing censored.
 */
void print_content(struct content_cells *ret, double mg_kg, double u_mg_kg,
		   double lc_mg_kg, double ld_mg_kg);

/* The same in the unit of @unit_mg_kg, 1 or 1e4, as a column has one. */
void print_content_in(struct content_cells *ret, double unit_mg_kg,
		      double mg_kg, double u_mg_kg, double lc_mg_kg,
		      double ld_mg_kg);

/* Decision and detection limit of an uncertainty at zero content, at 5 % of
 * either error: daemon/assay/limits.c. */
#define PRINT_LC_OF_U 1.645
#define PRINT_LD_OF_U (2 * PRINT_LC_OF_U)

/* L_C and L_D of a sum, mg/kg. A record of before has none: then they are those of
 * its uncertainty, which an element's are of its own at zero content. */
void print_sum_limits(const json_t *sum, double *ret_lc, double *ret_ld);

/* A sum of a result, with the uncertainty times @k. L_D is empty where the record
 * has none, though what is below that of its uncertainty reads "< L_D". */
void print_sum(struct content_cells *ret, const json_t *sum, double k);

/* Any other quantity with its uncertainty times @k, "1.19 ± 0.07 Bq/g", or "< "
 * and its limit by the same rule: never a negative one, nor a bare 0. Without an
 * uncertainty it was not measured, and that is what is said. @pm as for the rest
 * of what it stands in, PRINT_PM("") or PRINT_PM_PAGE. */
struct cell print_measured(double value, double u, double k, const char *unit,
			   const char *pm);

/* @mg_kg in the unit and to the place of @like. */
struct cell print_like(const struct content_cells *like, double mg_kg);

/* @mg_kg in the unit of @like, to two digits of its own. */
struct cell print_limit(const struct content_cells *like, double mg_kg);

/* @value in its own unit, to two digits of @u; without a u to three of its own. */
struct cell print_rounded(double value, double u);

/* @value to @decimals places, "" when it is not finite; never "-0.0". The other
 * one with its sign, which is + of what rounds to nothing. */
struct cell print_fixed(double value, int decimals);
struct cell print_signed(double value, int decimals);

/* "93 %", with "< 1 %" and "> 99 %" at the ends: nobody is sure. */
struct cell print_probability(double p);

/* Decimals that show two significant digits of @u (0 to 9). */
int print_decimals(double u);

/* A rate or count with thin grouping: 12345678 -> "12 345 678". */
struct cell print_grouped(double value);

/* RFC 3339 text as local time with its zone, or the text when it is not one. */
struct cell print_local_time(const char *rfc3339);

/* What @out can show; the width is $COLUMNS, that of a terminal, or 80. */
bool print_has_colour(FILE *out);
bool print_has_utf8(void);
int print_width(FILE *out);
/* Whether lines beyond that width are broken or lost: not in a file or pipe. */
bool print_has_edge(FILE *out);

/*
 * The one line on a terminal that stderr is which is rewritten while something
 * goes on; and its end, before anything else is printed. fail() ends it.
 */
void print_transient(const char *text);
void print_transient_end(void);
/* stdout is about to become a pipe to a pager: it keeps colour and width. */
void print_keep_terminal(void);

/* Colours are by meaning; "" when @out shows none. */
enum print_style { PRINT_PLAIN, PRINT_BOLD, PRINT_DIM, PRINT_GOOD, PRINT_BAD };
const char *print_style(FILE *out, enum print_style style);

/* "±" or "+-", "µ" or "u", and so on: one of two by the terminal's coding. */
const char *print_glyph(const char *utf8, const char *ascii);

/* The sign before each uncertainty: with @unit, a literal, as the head of a column;
 * and on pages and pictures, which have every letter whatever the terminal has. */
#define PRINT_PM(unit) print_glyph("±" unit, "+-" unit)
#define PRINT_PM_PAGE "±"

/* Columns of text shown by a UTF-8 string. */
size_t print_columns(const char *text);

/* Whether the blank at @at must stay where it is: between a number and its unit,
 * beside a sign of uncertainty or comparison. */
bool print_is_joint(const char *text, size_t at);

/* @text in lines of the width of @out, from behind @head on, which stands in
 * @style. Lines break at blanks, or where @text itself has line
 * ends only there; on a terminal also in a word that no line holds. */
void print_flow(FILE *out, enum print_style style, const char *head,
		const char *text);

/* The same, but one line where lines have no edge, for grep. */
void print_line(FILE *out, enum print_style style, const char *head,
		const char *text);

/*
 * A table that is filled row by row and printed once. A format letter a
 * column: 'l' left, 'r' right, 'd' by the decimal point. A capital is an extra
 * column, which is left out where there is no room, the rightmost first. On a
 * terminal that is still too narrow the widest 'l' goes on below itself. Cells
 * are copied.
 */
struct table;
int table_new(struct table **ret, const char *format);
struct table *table_free(struct table *t);
void table_freep(struct table **t);
/* One cell after the other; a row ends after as many as there are columns. */
void table_add(struct table *t, const char *text);
void table_addf(struct table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void table_add_row(struct table *t, const char *first, ...)
	__attribute__((sentinel));
/* Style of the row being filled (or about to be). */
void table_style(struct table *t, enum print_style style);
void table_print(struct table *t, FILE *out);

#endif
