// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads a line of a method's list of elements. */
#include "assay/method_elements.h"

#include <errno.h>
#include <string.h>

#include "assay/symbols.h"

/* The next word of *s, cut off; NULL at the end. */
static char *elements_word(char **s)
{
	return strtok_r(NULL, " \t,", s);
}

static int elements_parse_oxides(struct method_element *e, char **rest,
				 const char **why)
{
	char *reported = elements_word(rest), *matrix = elements_word(rest);

	if (!reported) {
		*why = "the oxide is missing: K or L, then the oxide or -, then the oxide of the matrix or air";
		return -EINVAL;
	}
	e->oxide_cation = e->matrix_cation = 1;
	if (strcmp(reported, "-") != 0 &&
	    symbol_parse_oxide(reported, e->z, &e->oxide_cation,
			       &e->oxide_oxygen) < 0) {
		*why = "the reported oxide must be a formula like El2O3 of this element, or -";
		return -EINVAL;
	}
	e->matrix_cation = e->oxide_cation;
	e->matrix_oxygen = e->oxide_oxygen;
	if (!matrix)
		return 0;
	e->is_air = !strcmp(matrix, "air");
	if (!e->is_air && symbol_parse_oxide(matrix, e->z, &e->matrix_cation,
					     &e->matrix_oxygen) < 0) {
		*why = "the oxide of the matrix must be a formula like El2O3 of this element, or air";
		return -EINVAL;
	}
	return 0;
}

int method_elements_take(struct method *m, const char *key, const char *value,
			 const char **why)
{
	struct method_element e = { 0 };
	char text[64], *rest, *line;

	e.z = symbol_to_z(key, strlen(key));
	if (!e.z) {
		*why = "not the symbol of an element up to U";
		return -EINVAL;
	}
	strcpy(e.symbol, symbol_of(e.z));
	if (method_find(m, e.symbol) >= 0) {
		*why = "this element is listed twice";
		return -EINVAL;
	}
	if (m->n_elements == METHOD_MAX_ELEMENTS) {
		*why = "more than 80 elements";
		return -EINVAL;
	}
	if (strlen(value) >= sizeof(text)) {
		*why = "longer than 63 characters";
		return -EINVAL;
	}
	strcpy(text, value);
	line = strtok_r(text, " \t,", &rest);
	if (!line || (strcmp(line, "K") != 0 && strcmp(line, "L") != 0)) {
		*why = "the line must be K or L";
		return -EINVAL;
	}
	strcpy(e.line, line);
	if (elements_parse_oxides(&e, &rest, why) < 0)
		return -EINVAL;
	e.is_listed = true;
	m->element[m->n_elements++] = e;
	return 0;
}
