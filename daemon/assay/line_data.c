// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Line data of xraylib, and single values that go before them.
 *
 * Yields and transitions count where vacancies become photons: of the shell
 * itself and, by Coster and Kronig's transitions, of those below it in the same
 * principal shell. With v the vacancies of sub-shells by xraylib and f, f' its
 * transitions and those of the table,
 *
 *   v'(s) = v(s) + sum over u above s of f'(u, s) v'(u) - f(u, s) v(u)
 *
 * and photons are v' times the yield. What an outer shell gets from K or from L
 * by emission and Auger's transitions stays as xraylib has it, whatever a table
 * says of the yield of the shell that gives.
 */
#include "assay/line_data.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xraylib.h>

#include "assay/symbols.h"
#include "base/cleanup.h"

#define N_SHELLS "N1 N2 N3 N4 N5 N6 N7 "
#define O_SHELLS "O1 O2 O3 O4 O5 O6 O7 "
#define OUTER N_SHELLS O_SHELLS "P1 P2 P3 P4 P5 "
/* Rates of xraylib's shells sum to one within so much. */
#define RATES_SLACK 1e-4

/* Where vacancies of a shell may go by emission, in xraylib's order. */
struct line_data_shell {
	const char *name;
	int shell;
	int first; /* xraylib numbers lines downwards */
	int last;
	const char *from;
};

static const struct line_data_shell line_data_shells[] = {
	{ "K", K_SHELL, KL1_LINE, KP5_LINE,
	  "L1 L2 L3 M1 M2 M3 M4 M5 " N_SHELLS "O " O_SHELLS
	  "P P1 P2 P3 P4 P5 " },
	{ "L1", L1_SHELL, L1L2_LINE, L1P5_LINE,
	  "L2 L3 M1 M2 M3 M4 M5 N1 N2 N3 N4 N5 N6 N67 N7 "
	  "O1 O2 O3 O4 O45 O5 O6 O7 P1 P2 P23 P3 P4 P5 " },
	{ "L2", L2_SHELL, L2L3_LINE, L2Q1_LINE,
	  "L3 M1 M2 M3 M4 M5 " N_SHELLS O_SHELLS "P1 P2 P23 P3 P4 P5 Q1 " },
	{ "L3", L3_SHELL, L3M1_LINE, L3Q1_LINE,
	  "M1 M2 M3 M4 M5 " N_SHELLS
	  "O1 O2 O3 O4 O45 O5 O6 O7 P1 P2 P23 P3 P4 P45 P5 Q1 " },
	{ "M1", M1_SHELL, M1M2_LINE, M1P5_LINE, "M2 M3 M4 M5 " OUTER },
	{ "M2", M2_SHELL, M2M3_LINE, M2P5_LINE, "M3 M4 M5 " OUTER },
	{ "M3", M3_SHELL, M3M4_LINE, M3Q1_LINE, "M4 M5 " OUTER "Q1 " },
	{ "M4", M4_SHELL, M4M5_LINE, M4P5_LINE, "M5 " OUTER },
	{ "M5", M5_SHELL, M5N1_LINE, M5P5_LINE, OUTER },
};

struct line_data_transition {
	const char *name;
	int from; /* shells */
	int to;
	int number;
	int beside; /* of the same, by emission; 0: none */
};

static const struct line_data_transition line_data_transitions[] = {
	{ "L1L2", L1_SHELL, L2_SHELL, FL12_TRANS, 0 },
	{ "L1L3", L1_SHELL, L3_SHELL, FL13_TRANS, FLP13_TRANS },
	{ "L2L3", L2_SHELL, L3_SHELL, FL23_TRANS, 0 },
	{ "M1M2", M1_SHELL, M2_SHELL, FM12_TRANS, 0 },
	{ "M1M3", M1_SHELL, M3_SHELL, FM13_TRANS, 0 },
	{ "M1M4", M1_SHELL, M4_SHELL, FM14_TRANS, 0 },
	{ "M1M5", M1_SHELL, M5_SHELL, FM15_TRANS, 0 },
	{ "M2M3", M2_SHELL, M3_SHELL, FM23_TRANS, 0 },
	{ "M2M4", M2_SHELL, M4_SHELL, FM24_TRANS, 0 },
	{ "M2M5", M2_SHELL, M5_SHELL, FM25_TRANS, 0 },
	{ "M3M4", M3_SHELL, M4_SHELL, FM34_TRANS, 0 },
	{ "M3M5", M3_SHELL, M5_SHELL, FM35_TRANS, 0 },
	{ "M4M5", M4_SHELL, M5_SHELL, FM45_TRANS, 0 },
};

/* What a quantity is called, of what it is and which values it may have. */
struct line_data_kind {
	const char *name;
	const char *of;
	double min;
	double max;
};

static const struct line_data_kind line_data_kinds[LINE_DATA_N_QUANTITIES] = {
	[LINE_DATA_ENERGY] = { "energy_kev",
			       "a line of K to M5 by its shells, such as KL3 or L3M5",
			       0.01, 150 },
	[LINE_DATA_RATE] = { "rate",
			     "a line of K to M5 by its shells, such as KL3 or L3M5",
			     0, 1 },
	[LINE_DATA_YIELD] = { "yield", "one of K L1 L2 L3 M1 M2 M3 M4 M5", 0,
			      1 },
	[LINE_DATA_COSTER_KRONIG] = { "coster_kronig",
				      "one of L1L2 L1L3 L2L3 M1M2 M1M3 M1M4 M1M5 M2M3 M2M4 M2M5 M3M4 M3M5 M4M5",
				      0, 1 },
	[LINE_DATA_WEIGHT] = { "atomic_weight", "-", 1, 300 },
};

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

const char *line_data_library(void)
{
	return "xraylib " TEXT(XRAYLIB_MAJOR) "." TEXT(XRAYLIB_MINOR) "." TEXT(
		XRAYLIB_MICRO);
}

/* ---- a table -------------------------------------------------------------- */

static const struct line_datum *line_data_find(const struct line_data *d, int z,
					       enum line_data_quantity quantity,
					       int of)
{
	for (size_t i = 0; d && i < d->n; i++) {
		const struct line_datum *row = &d->row[i];

		if (row->z == z && row->quantity == quantity && row->of == of)
			return row;
	}
	return NULL;
}

static const struct line_data_shell *line_data_shell_of(int line)
{
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(line_data_shells) &&
	       line < line_data_shells[i].last)
		i++;
	return &line_data_shells[i];
}

/* Which word of a list of words `name` is; -1: none. */
static int line_data_word(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; *list; i++) {
		size_t n = strcspn(list, " ");

		if (n == len && !memcmp(list, name, len))
			return i;
		list += n + 1;
	}
	return -1;
}

static bool line_data_line_of(const char *name, int *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(line_data_shells); i++) {
		const struct line_data_shell *s = &line_data_shells[i];
		size_t len = strlen(s->name);
		int word;

		if (strncmp(name, s->name, len) != 0)
			continue;
		word = line_data_word(s->from, name + len);
		*ret = s->first - word;
		return word >= 0;
	}
	return false;
}

static bool line_data_parse_of(enum line_data_quantity quantity,
			       const char *name, int *ret)
{
	*ret = 0;
	if (quantity == LINE_DATA_ENERGY || quantity == LINE_DATA_RATE)
		return line_data_line_of(name, ret);
	for (size_t i = 0;
	     quantity == LINE_DATA_YIELD && i < ARRAY_SIZE(line_data_shells);
	     i++) {
		*ret = line_data_shells[i].shell;
		if (!strcmp(line_data_shells[i].name, name))
			return true;
	}
	for (size_t i = 0; quantity == LINE_DATA_COSTER_KRONIG &&
			   i < ARRAY_SIZE(line_data_transitions);
	     i++) {
		*ret = line_data_transitions[i].number;
		if (!strcmp(line_data_transitions[i].name, name))
			return true;
	}
	return quantity == LINE_DATA_WEIGHT && !strcmp(name, "-");
}

static int line_data_refuse(const char **column, const char *name, char *why,
			    const char *text)
{
	*column = name;
	snprintf(why, LINE_DATA_WHY, "%s", text);
	return -EINVAL;
}

static int line_data_take_value(struct line_datum *row, const char *text,
				const char **column, char *why)
{
	const struct line_data_kind *kind = &line_data_kinds[row->quantity];
	char range[80], *end;

	row->value = strtod(text, &end);
	if (end != text && !*end && row->value >= kind->min &&
	    row->value <= kind->max)
		return 0;
	snprintf(range, sizeof(range), "must be a number from %g to %g",
		 kind->min, kind->max);
	return line_data_refuse(column, "value", why, range);
}

int line_data_add(struct line_data *d, const struct line_data_text *text,
		  const char **column, char why[LINE_DATA_WHY])
{
	struct line_datum row = { .at = text->at };
	char of[LINE_DATA_WHY];
	int q = 0;

	if (d->n == LINE_DATA_MAX)
		return line_data_refuse(column, "element", why,
					"more than 256 rows");
	row.z = symbol_to_z(text->element, strlen(text->element));
	if (!row.z)
		return line_data_refuse(
			column, "element", why,
			"must be the symbol of an element up to U");
	while (q < LINE_DATA_N_QUANTITIES &&
	       strcmp(line_data_kinds[q].name, text->quantity) != 0)
		q++;
	if (q == LINE_DATA_N_QUANTITIES)
		return line_data_refuse(
			column, "quantity", why,
			"must be one of energy_kev rate yield coster_kronig atomic_weight");
	row.quantity = (enum line_data_quantity)q;
	snprintf(of, sizeof(of), "must be %s", line_data_kinds[q].of);
	if (!line_data_parse_of(row.quantity, text->of, &row.of))
		return line_data_refuse(column, "of", why, of);
	if (line_data_take_value(&row, text->value, column, why) < 0)
		return -EINVAL;
	if (!text->source[strspn(text->source, " \t")])
		return line_data_refuse(column, "source", why,
					"must say where the value is from");
	if (line_data_find(d, row.z, row.quantity, row.of))
		return line_data_refuse(column, "of", why,
					"this value is given twice");
	d->row[d->n++] = row;
	return 0;
}

/* Of a shell whose rates are given in part: what they and xraylib's sum to. */
struct line_data_rates {
	size_t n_given;
	double given;
	double replaced; /* what xraylib has for these lines */
	double all; /* of xraylib */
};

static struct line_data_rates
line_data_sum_rates(const struct line_data *d, int z,
		    const struct line_data_shell *s)
{
	struct line_data_rates sum = { 0 };

	for (size_t i = 0; d && i < d->n; i++) {
		const struct line_datum *row = &d->row[i];

		if (row->z != z || row->quantity != LINE_DATA_RATE ||
		    row->of > s->first || row->of < s->last)
			continue;
		sum.n_given++;
		sum.given += row->value;
		sum.replaced += RadRate(z, row->of, NULL);
	}
	for (int line = s->first; sum.n_given && line >= s->last; line--)
		sum.all += RadRate(z, line, NULL);
	return sum;
}

static int line_data_check_line(const struct line_data *d,
				const struct line_datum *row,
				const char **column, char *why)
{
	const struct line_data_shell *s = line_data_shell_of(row->of);
	double kev = line_data_energy(d, row->z, row->of);
	double edge = EdgeEnergy(row->z, s->shell, NULL);
	char text[LINE_DATA_WHY];

	snprintf(text, sizeof(text),
		 "must be below the edge of the shell, %g keV", edge);
	if (row->quantity == LINE_DATA_ENERGY && !(row->value < edge))
		return line_data_refuse(column, "value", why, text);
	if (!(kev > 0))
		return line_data_refuse(
			column, "of", why,
			"xraylib has no energy for this line, so a row must give it");
	if (!line_data_find(d, row->z, LINE_DATA_RATE, row->of) &&
	    !(RadRate(row->z, row->of, NULL) > 0))
		return line_data_refuse(
			column, "of", why,
			"xraylib has no rate for this line, so a row must give it");
	if (line_data_sum_rates(d, row->z, s).given > 1 + RATES_SLACK)
		return line_data_refuse(
			column, "value", why,
			"the rates given for this shell are more than one together");
	return 0;
}

/* A value of a shell or sub-shell that is not there says nothing. */
static int line_data_check_shell(const struct line_datum *row,
				 const char **column, char *why)
{
	int shell = row->of;

	for (size_t i = 0; row->quantity == LINE_DATA_COSTER_KRONIG &&
			   i < ARRAY_SIZE(line_data_transitions);
	     i++) {
		if (line_data_transitions[i].number == row->of)
			shell = line_data_transitions[i].from;
	}
	if (FluorYield(row->z, shell, NULL) > 0)
		return 0;
	return line_data_refuse(column, "of", why,
				"xraylib has no yield for this shell");
}

int line_data_check(const struct line_data *d, int *ret_at, const char **column,
		    char why[LINE_DATA_WHY])
{
	int r = 0;

	for (size_t i = 0; i < d->n && r == 0; i++) {
		const struct line_datum *row = &d->row[i];

		*ret_at = row->at;
		if (row->quantity == LINE_DATA_ENERGY ||
		    row->quantity == LINE_DATA_RATE)
			r = line_data_check_line(d, row, column, why);
		else if (row->quantity != LINE_DATA_WEIGHT)
			r = line_data_check_shell(row, column, why);
	}
	return r;
}

/* ---- values --------------------------------------------------------------- */

double line_data_energy(const struct line_data *d, int z, int line)
{
	const struct line_datum *row =
		line_data_find(d, z, LINE_DATA_ENERGY, line);

	return row ? row->value : LineEnergy(z, line, NULL);
}

double line_data_rate(const struct line_data *d, int z, int line)
{
	const struct line_datum *row =
		line_data_find(d, z, LINE_DATA_RATE, line);
	struct line_data_rates sum;
	double rate;

	if (row)
		return row->value;
	rate = RadRate(z, line, NULL);
	sum = line_data_sum_rates(d, z, line_data_shell_of(line));
	if (!sum.n_given || !(rate > 0))
		return rate;
	return rate * fmax(sum.all - sum.given, 0) / (sum.all - sum.replaced);
}

double line_data_yield(const struct line_data *d, int z, int shell)
{
	const struct line_datum *row =
		line_data_find(d, z, LINE_DATA_YIELD, shell);

	return row ? row->value : FluorYield(z, shell, NULL);
}

double line_data_weight(const struct line_data *d, int z)
{
	const struct line_datum *row =
		line_data_find(d, z, LINE_DATA_WEIGHT, 0);

	return row ? row->value : AtomicWeight(z, NULL);
}

/* Photons of a shell by xraylib, whichever of its lines is asked. */
static double line_data_photons(int z, int reference, double kev)
{
	double rate = RadRate(z, reference, NULL);

	return rate > 0 ? CS_FluorLine_Kissel_Cascade(z, reference, kev, NULL) /
				  rate
			: 0;
}

static bool line_data_has_vacancies(const struct line_data *d, int z)
{
	for (size_t i = 0; d && i < d->n; i++) {
		if (d->row[i].z == z &&
		    (d->row[i].quantity == LINE_DATA_YIELD ||
		     d->row[i].quantity == LINE_DATA_COSTER_KRONIG))
			return true;
	}
	return false;
}

/*
 * Vacancies of a shell by xraylib, which tells them by its strongest line: of
 * lines within a principal shell it has rates, and no photons.
 */
static double line_data_vacancies(int z, int shell, double kev)
{
	const struct line_data_shell *s = &line_data_shells[shell - K_SHELL];
	double yield = FluorYield(z, shell, NULL);
	int best = s->first;

	for (int line = s->first; line >= s->last; line--) {
		if (RadRate(z, line, NULL) > RadRate(z, best, NULL))
			best = line;
	}
	return yield > 0 ? line_data_photons(z, best, kev) / yield : 0;
}

/* The same with the transitions of the table. */
static double line_data_own_vacancies(const struct line_data *d, int z,
				      int shell, double kev)
{
	double v = line_data_vacancies(z, shell, kev);

	for (size_t i = 0; i < ARRAY_SIZE(line_data_transitions); i++) {
		const struct line_data_transition *t =
			&line_data_transitions[i];
		const struct line_datum *row;
		double f, beside;

		if (t->to != shell)
			continue;
		f = CosKronTransProb(z, t->number, NULL);
		beside = t->beside ? CosKronTransProb(z, t->beside, NULL) : 0;
		row = line_data_find(d, z, LINE_DATA_COSTER_KRONIG, t->number);
		v += ((row ? row->value : f) + beside) *
			     line_data_own_vacancies(d, z, t->from, kev) -
		     (f + beside) * line_data_vacancies(z, t->from, kev);
	}
	return v;
}

double line_data_production(const struct line_data *d, int z, int reference,
			    double kev)
{
	int shell = line_data_shell_of(reference)->shell;

	if (!line_data_has_vacancies(d, z))
		return line_data_photons(z, reference, kev);
	return line_data_own_vacancies(d, z, shell, kev) *
	       line_data_yield(d, z, shell);
}
