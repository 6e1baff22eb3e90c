/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Known contents of a material, to stand beside measured ones. */
#ifndef TOOLS_REESPEC_KNOWN_H
#define TOOLS_REESPEC_KNOWN_H

#include <stddef.h>

#include "reespec/command.h"

struct known {
	struct known_element {
		char symbol[4];
		double mg_kg;
	} elements[120];
	size_t n_elements;
};

/*
 * Reads the rows of @material from a CSV file whose first line names the
 * columns material, element and mass_fraction_ppm. @path NULL: nothing known.
 */
int known_load(const struct args *args, const char *path, const char *material,
	       struct known *ret);

/* Content of an element in mg/kg, NAN when it is not known. */
double known_get(const struct known *k, const char *symbol);

/* Where an element stands in the report: La to Lu, Y and Sc are rare earths. */
bool known_is_rare_earth(const char *symbol);
/* Whether its oxide counts for "TREO", "LREO", "HREO", "MREO" or "CREO". */
bool known_is_member(const char *sum, const char *symbol);
/* Atomic number, 0 for what is no element. */
int known_atomic_number(const char *symbol);

#endif
