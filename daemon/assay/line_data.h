/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Line data: xraylib's, with the single values of a table before them. */
#ifndef DAEMON_ASSAY_LINE_DATA_H
#define DAEMON_ASSAY_LINE_DATA_H

#include <stddef.h>

enum { LINE_DATA_MAX = 256, LINE_DATA_WHY = 160 };

enum line_data_quantity {
	LINE_DATA_ENERGY, /* of a line, keV */
	LINE_DATA_RATE, /* of a line, share of its shell's photons */
	LINE_DATA_YIELD, /* of a shell */
	LINE_DATA_COSTER_KRONIG, /* from one sub-shell to another */
	LINE_DATA_WEIGHT, /* of the atom */
	LINE_DATA_N_QUANTITIES,
};

struct line_datum {
	int z;
	enum line_data_quantity quantity;
	int of; /* line, shell or transition by xraylib's number; 0: none */
	double value;
	int at; /* line of the file */
};

/* A table; with no rows everything is xraylib's. */
struct line_data {
	char table[64]; /* its name; empty: none is used */
	char version[32];
	struct line_datum row[LINE_DATA_MAX];
	size_t n;
};

/* The table that the programs have built in, and what a method calls it. */
extern const char line_data_built_in[];
#define LINE_DATA_BUILT_IN "built-in"

/* A row as it stands in the file. */
struct line_data_text {
	const char *element;
	const char *quantity;
	const char *of;
	const char *value;
	const char *source;
	int at;
};

/*
 * Takes a row, or says which column is wrong and why: -EINVAL. What only all
 * rows together tell, line_data_check() says, with the line of the file.
 */
int line_data_add(struct line_data *d, const struct line_data_text *text,
		  const char **column, char why[LINE_DATA_WHY]);
int line_data_check(const struct line_data *d, int *ret_at, const char **column,
		    char why[LINE_DATA_WHY]);

/* "xraylib 4.0.0": where all else is from. */
const char *line_data_library(void);

/*
 * Values by xraylib's numbers of lines and shells, 0 where there is none. Where
 * rates of a shell are given, its other lines share what these leave.
 */
double line_data_energy(const struct line_data *d, int z, int line);
double line_data_rate(const struct line_data *d, int z, int line);
double line_data_yield(const struct line_data *d, int z, int shell);
double line_data_weight(const struct line_data *d, int z);

/*
 * Photons of a shell by one photon of an energy, cm2/g: vacancies with cascade
 * times yield. The shell is that of `reference`, a line that xraylib has.
 */
double line_data_production(const struct line_data *d, int z, int reference,
			    double kev);

#endif
