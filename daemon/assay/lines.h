/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Emission lines of a method's elements and what excites them. */
#ifndef DAEMON_ASSAY_LINES_H
#define DAEMON_ASSAY_LINES_H

#include "assay/method.h"
#include "assay/tube.h"

enum line_shell_name {
	LINE_K,
	LINE_L1,
	LINE_L2,
	LINE_L3,
	LINE_M1,
	LINE_M2,
	LINE_M3,
	LINE_M4,
	LINE_M5,
	LINE_N_SHELLS,
};

struct line {
	size_t shell; /* index into lines.shell */
	size_t element; /* of the method */
	double kev;
	double rate; /* share of the shell's photons */
	char name[8]; /* IUPAC without the comma: "L3M5" */
};

/* One shell of one element: its lines share their excitation. */
struct line_shell {
	size_t element;
	enum line_shell_name name;
	double edge_kev;
	size_t first; /* its lines in lines.line */
	size_t n;
	/*
	 * Photons of the whole shell, cm2/g: production of the vacancy, with
	 * cascade from the shells above, times fluorescence yield.
	 */
	double *by_bin; /* by a photon of each bin of the tube */
	double *by_line; /* by a photon of each line */
};

struct lines {
	struct line *line;
	size_t n;
	struct line_shell *shell;
	size_t n_shells;
	double *by_bin; /* that of all shells, [n_shells][bins of the tube] */
};

/* M lines are fitted beside, and none is what an element is judged by. */
bool lines_is_m(const struct lines *l, size_t line);

/*
 * All K and L lines of the method's elements between low and high keV that
 * the tube can excite; M lines too, if the method has them.
 */
int lines_new(const struct method *m, const struct tube *t, double low_kev,
	      double high_kev, struct lines **ret);
struct lines *lines_free(struct lines *l);
CLEANUP_FUNC(struct lines, lines_free);

/*
 * Energy of K-alpha-1 (@line "K") or L-alpha-1 ("L") of an element and of the
 * edge that a photon must pass to excite it, keV; 0 when there is none. `d` is
 * the method's line data.
 */
double lines_alpha_kev(const struct line_data *d, int z, const char *line,
		       double *ret_edge_kev);

/* A line for people: "Ka1" and its energy. */
struct lines_mark {
	char name[5];
	double kev;
};

/*
 * The named K and L lines of an element with at least 3 % of their shell's
 * photons, by energy; how many, at most @max. By xraylib alone: no method is
 * at hand where they are shown.
 */
size_t lines_marks(int z, struct lines_mark *ret, size_t max);

/* Name for people: "La1" for L3M5, "Ka1" for KL3, else the IUPAC one. */
const char *lines_siegbahn(const char *iupac);

#endif
