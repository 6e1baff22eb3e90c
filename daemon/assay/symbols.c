// SPDX-License-Identifier: GPL-2.0-or-later
/* Chemical symbols by atomic number and formulas of simple oxides. */
#include "assay/symbols.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* clang-format off */
static const char symbols[][3] = {
	"", "H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg",
	"Al", "Si", "P", "S", "Cl", "Ar", "K", "Ca", "Sc", "Ti", "V", "Cr",
	"Mn", "Fe", "Co", "Ni", "Cu", "Zn", "Ga", "Ge", "As", "Se", "Br", "Kr",
	"Rb", "Sr", "Y", "Zr", "Nb", "Mo", "Tc", "Ru", "Rh", "Pd", "Ag", "Cd",
	"In", "Sn", "Sb", "Te", "I", "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd",
	"Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf",
	"Ta", "W", "Re", "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po",
	"At", "Rn", "Fr", "Ra", "Ac", "Th", "Pa", "U",
};
/* clang-format on */

int symbol_to_z(const char *symbol, size_t len)
{
	for (size_t z = 1; z < ARRAY_SIZE(symbols); z++) {
		if (strlen(symbols[z]) == len &&
		    !memcmp(symbols[z], symbol, len))
			return (int)z;
	}
	return 0;
}

const char *symbol_of(int z)
{
	return z > 0 && (size_t)z < ARRAY_SIZE(symbols) ? symbols[z] : "";
}

/* A count of one or two digits; none means one. */
static const char *symbol_parse_count(const char *s, double *ret)
{
	int n = 0, digits = 0;

	for (; isdigit((unsigned char)*s) && digits < 2; s++, digits++)
		n = n * 10 + (*s - '0');
	*ret = digits ? n : 1;
	return s;
}

int symbol_parse_oxide(const char *text, int z, double *ret_cation,
		       double *ret_oxygen)
{
	size_t len = strlen(symbol_of(z));
	double cation, oxygen = 0;

	if (!len || strncmp(text, symbol_of(z), len) != 0)
		return -EINVAL;
	text = symbol_parse_count(text + len, &cation);
	if (*text == 'O')
		text = symbol_parse_count(text + 1, &oxygen);
	if (*text || cation < 1)
		return -EINVAL;
	*ret_cation = cation;
	*ret_oxygen = oxygen;
	return 0;
}
