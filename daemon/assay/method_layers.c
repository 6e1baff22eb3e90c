// SPDX-License-Identifier: GPL-2.0-or-later
/* Layers of a method file: "Si:1 @ 2.33 0.05 | Be:1 @ 1.848 0.00125". */
#include "assay/method_layers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "assay/symbols.h"

static const char *method_skip(const char *s)
{
	return s + strspn(s, " \t");
}

/* One "El:fraction"; NULL when it is not one. */
static const char *method_parse_part(const char *s, struct method_layer *l)
{
	size_t len = strcspn(s, ":");
	char *end;

	if (l->n_parts == METHOD_MAX_PARTS || s[len] != ':')
		return NULL;
	l->z[l->n_parts] = symbol_to_z(s, len);
	if (!l->z[l->n_parts])
		return NULL;
	l->w[l->n_parts] = strtod(s + len + 1, &end);
	if (end == s + len + 1 || !(l->w[l->n_parts] > 0) ||
	    l->w[l->n_parts] > 1)
		return NULL;
	l->n_parts++;
	return method_skip(end);
}

/* "El:fraction ... [@ density cm]": what follows, or NULL with *why. */
static const char *method_parse_layer(const char *s, struct method_layer *l,
				      const char **why)
{
	double sum = 0, density, cm;
	char *end;

	while (*s && *s != '@' && *s != '|') {
		s = method_parse_part(s, l);
		if (!s) {
			*why = "a part must be Symbol:fraction, fraction above 0 and at most 1, at most 8 parts";
			return NULL;
		}
	}
	for (size_t i = 0; i < l->n_parts; i++)
		sum += l->w[i];
	if (fabs(sum - 1) > 0.01) {
		*why = "the mass fractions must sum to 1 within 0.01";
		return NULL;
	}
	for (size_t i = 0; i < l->n_parts; i++)
		l->w[i] /= sum;
	if (*s != '@')
		return s;
	density = strtod(s + 1, &end);
	cm = strtod(end, &end);
	l->areal_g_cm2 = density * cm;
	l->cm = cm;
	if (!(density > 0 && cm >= 0 && isfinite(l->areal_g_cm2))) {
		*why = "after @ the density in g/cm3 (above 0) and the thickness in cm (0 or more) must stand";
		return NULL;
	}
	return method_skip(end);
}

/* Layers separated by `|`, or "none". */
int method_layers_parse(const char *value, void *field, struct ini_refusal *no)
{
	struct method_layers *ls = field;
	const char *s = method_skip(value);

	ls->n = 0;
	if (!strcmp(s, "none"))
		return 0;
	for (;;) {
		if (ls->n == METHOD_MAX_LAYERS) {
			no->why = "at most 8 layers";
			return -EINVAL;
		}
		ls->layer[ls->n] = (struct method_layer){ 0 };
		s = method_parse_layer(s, &ls->layer[ls->n], &no->why);
		if (!s)
			return -EINVAL;
		ls->n++;
		if (!*s)
			return 0;
		if (*s != '|') {
			no->why = "layers must be separated by |";
			return -EINVAL;
		}
		s = method_skip(s + 1);
	}
}
