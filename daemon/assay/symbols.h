/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chemical symbols and formulas of simple oxides. */
#ifndef DAEMON_ASSAY_SYMBOLS_H
#define DAEMON_ASSAY_SYMBOLS_H

#include <stddef.h>

/* Atomic number of a symbol of `len` letters, or 0. */
int symbol_to_z(const char *symbol, size_t len);
const char *symbol_of(int z);

/*
 * Reads "El", "ElO", "El2O3" for the element z: how many cations and oxygens.
 * Returns 0, or -EINVAL.
 */
int symbol_parse_oxide(const char *text, int z, double *ret_cation,
		       double *ret_oxygen);

#endif
