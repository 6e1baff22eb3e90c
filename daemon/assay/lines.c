// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Emission lines of the method's line data.
 *
 * The photons of a line are those of its shell times a rate that does not
 * depend on the exciting energy, so only one table a shell is made. It holds
 * CS_FluorLine_Kissel_Cascade over the rate: with the full cascade, since L
 * lines are also fed from the K shell and from one another, and M lines from
 * all of these; the production without cascade is wrong by a factor of 3 to 4
 * above the K edge.
 */
#include "assay/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xraylib.h>

struct line_range {
	enum line_shell_name shell;
	int xrl_shell;
	int first; /* xraylib numbers lines downwards */
	int last;
};

static const struct line_range line_ranges[] = {
	{ LINE_K, K_SHELL, KL1_LINE, KP5_LINE },
	{ LINE_L1, L1_SHELL, L1M1_LINE, L1P5_LINE },
	{ LINE_L2, L2_SHELL, L2M1_LINE, L2Q1_LINE },
	{ LINE_L3, L3_SHELL, L3M1_LINE, L3Q1_LINE },
	{ LINE_M1, M1_SHELL, M1N1_LINE, M1P5_LINE },
	{ LINE_M2, M2_SHELL, M2N1_LINE, M2P5_LINE },
	{ LINE_M3, M3_SHELL, M3N1_LINE, M3Q1_LINE },
	{ LINE_M4, M4_SHELL, M4N1_LINE, M4P5_LINE },
	{ LINE_M5, M5_SHELL, M5N1_LINE, M5P5_LINE },
};

struct line_label {
	int line;
	const char *iupac;
	const char *siegbahn;
};

/* Lines that are named for people; others are "line". */
static const struct line_label line_labels[] = {
	{ KL3_LINE, "KL3", "Ka1" },   { KL2_LINE, "KL2", "Ka2" },
	{ KM3_LINE, "KM3", "Kb1" },   { KM2_LINE, "KM2", "Kb3" },
	{ L3M5_LINE, "L3M5", "La1" }, { L3M4_LINE, "L3M4", "La2" },
	{ L2M4_LINE, "L2M4", "Lb1" }, { L3N5_LINE, "L3N5", "Lb2" },
	{ L1M3_LINE, "L1M3", "Lb3" }, { L1M2_LINE, "L1M2", "Lb4" },
	{ L2N4_LINE, "L2N4", "Lg1" }, { L1N2_LINE, "L1N2", "Lg2" },
	{ L1N3_LINE, "L1N3", "Lg3" }, { L3M1_LINE, "L3M1", "Ll" },
	{ M5N7_LINE, "M5N7", "Ma1" }, { M5N6_LINE, "M5N6", "Ma2" },
	{ M4N6_LINE, "M4N6", "Mb" },  { M3N5_LINE, "M3N5", "Mg" },
};

/* Groups of lines that xraylib gives beside their members. */
static bool line_is_group(const struct line_data *d, int z, int line)
{
	switch (line) {
	case L1N67_LINE:
		return line_data_rate(d, z, L1N6_LINE) > 0;
	case L1O45_LINE:
		return line_data_rate(d, z, L1O4_LINE) > 0;
	case L1P23_LINE:
		return line_data_rate(d, z, L1P2_LINE) > 0;
	case L2P23_LINE:
		return line_data_rate(d, z, L2P2_LINE) > 0;
	case L3O45_LINE:
		return line_data_rate(d, z, L3O4_LINE) > 0;
	case L3P23_LINE:
		return line_data_rate(d, z, L3P2_LINE) > 0;
	case L3P45_LINE:
		return line_data_rate(d, z, L3P4_LINE) > 0;
	default:
		return false;
	}
}

static void line_set_name(struct line *l, int line)
{
	strcpy(l->name, "line");
	for (size_t i = 0; i < ARRAY_SIZE(line_labels); i++) {
		if (line_labels[i].line == line)
			strcpy(l->name, line_labels[i].iupac);
	}
}

double lines_alpha_kev(const struct line_data *d, int z, const char *line,
		       double *ret_edge_kev)
{
	bool is_k = !strcmp(line, "K");

	*ret_edge_kev = EdgeEnergy(z, is_k ? K_SHELL : L3_SHELL, NULL);
	return line_data_energy(d, z, is_k ? KL3_LINE : L3M5_LINE);
}

static int mark_by_kev(const void *a, const void *b)
{
	const struct lines_mark *x = a;
	const struct lines_mark *y = b;

	return (x->kev > y->kev) - (x->kev < y->kev);
}

size_t lines_marks(int z, struct lines_mark *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(line_labels) && n < max; i++) {
		double kev = LineEnergy(z, line_labels[i].line, NULL);

		if (*line_labels[i].iupac == 'M' || !(kev > 0) ||
		    RadRate(z, line_labels[i].line, NULL) < 0.03)
			continue;
		strcpy(ret[n].name, line_labels[i].siegbahn);
		ret[n++].kev = kev;
	}
	qsort(ret, n, sizeof(*ret), mark_by_kev);
	return n;
}

const char *lines_siegbahn(const char *iupac)
{
	for (size_t i = 0; i < ARRAY_SIZE(line_labels); i++) {
		if (!strcmp(line_labels[i].iupac, iupac))
			return line_labels[i].siegbahn;
	}
	return iupac;
}

/* Strongest line of the shell: the one its table is read from. */
static int line_reference(int z, const struct line_range *r)
{
	int best = r->first;

	for (int line = r->first; line >= r->last; line--) {
		if (RadRate(z, line, NULL) > RadRate(z, best, NULL))
			best = line;
	}
	return best;
}

static void line_fill_bins(struct line_shell *s, const struct line_data *d,
			   int z, int reference, const struct tube *t)
{
	for (size_t b = 0; b < t->n_bins; b++) {
		if (b >= t->n_continuum) {
			s->by_bin[b] = line_data_production(d, z, reference,
							    t->kev[b]);
			continue;
		}
		for (size_t i = b * t->n_sub; i < (b + 1) * t->n_sub; i++)
			s->by_bin[b] += t->sub_part[i] *
					line_data_production(d, z, reference,
							     t->sub_kev[i]);
	}
}

static int line_add_shell(struct lines *l, const struct method *m,
			  const struct tube *t, size_t element,
			  const struct line_range *r, double low, double high)
{
	const struct line_data *d = &m->line_data;
	int z = m->element[element].z;
	double edge = EdgeEnergy(z, r->xrl_shell, NULL);
	struct line_shell *s = &l->shell[l->n_shells];
	size_t first = l->n;

	if (edge <= 0 || edge >= m->tube.kv)
		return 0;
	for (int line = r->first; line >= r->last; line--) {
		double rate = line_data_rate(d, z, line);
		double kev = line_data_energy(d, z, line);

		if (rate <= 1e-6 || kev < low || kev > high ||
		    line_is_group(d, z, line))
			continue;
		l->line[l->n] = (struct line){ .shell = l->n_shells,
					       .element = element,
					       .kev = kev,
					       .rate = rate };
		line_set_name(&l->line[l->n], line);
		l->n++;
	}
	if (l->n == first)
		return 0;
	s->by_bin = l->by_bin + l->n_shells * t->n_bins;
	s->element = element;
	s->name = r->shell;
	s->edge_kev = edge;
	s->first = first;
	s->n = l->n - first;
	line_fill_bins(s, d, z, line_reference(z, r), t);
	l->n_shells++;
	return 0;
}

static int lines_fill_by_line(struct lines *l, const struct method *m)
{
	for (size_t i = 0; i < l->n_shells; i++) {
		struct line_shell *s = &l->shell[i];
		int z = m->element[s->element].z;
		int reference = line_reference(z, &line_ranges[s->name]);

		s->by_line = calloc(l->n, sizeof(double));
		if (!s->by_line)
			return -ENOMEM;
		for (size_t j = 0; j < l->n; j++) {
			if (l->line[j].kev > s->edge_kev)
				s->by_line[j] =
					line_data_production(&m->line_data, z,
							     reference,
							     l->line[j].kev);
		}
	}
	return 0;
}

int lines_new(const struct method *m, const struct tube *t, double low_kev,
	      double high_kev, struct lines **ret)
{
	CLEANUP(lines_freep) struct lines *l = calloc(1, sizeof(*l));
	size_t max_lines = m->n_elements * (size_t)(-M5P5_LINE);
	int r;

	if (!l)
		return -ENOMEM;
	l->line = calloc(max_lines, sizeof(*l->line));
	l->shell = calloc(m->n_elements * LINE_N_SHELLS, sizeof(*l->shell));
	l->by_bin = calloc(m->n_elements * LINE_N_SHELLS * t->n_bins,
			   sizeof(double));
	if (!l->line || !l->shell || !l->by_bin)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_elements; i++) {
		if (m->element[i].is_silent)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(line_ranges); k++) {
			if (line_ranges[k].shell >= LINE_M1 && !m->fit.m_lines)
				break;
			r = line_add_shell(l, m, t, i, &line_ranges[k], low_kev,
					   high_kev);
			if (r < 0)
				return r;
		}
	}
	r = lines_fill_by_line(l, m);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(l);
	return 0;
}

bool lines_is_m(const struct lines *l, size_t line)
{
	return l->shell[l->line[line].shell].name >= LINE_M1;
}

struct lines *lines_free(struct lines *l)
{
	if (!l)
		return NULL;
	for (size_t i = 0; l->shell && i < l->n_shells; i++)
		free(l->shell[i].by_line);
	free(l->by_bin);
	free(l->shell);
	free(l->line);
	free(l);
	return NULL;
}
