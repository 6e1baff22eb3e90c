// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The null space of the normal matrix, scaled to a diagonal of ones: its
 * vectors by eigenvalue (of a symmetric matrix these are its singular values),
 * those whose eigenvalue the ridge outweighs.
 */
#include "assay/null_space.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "assay/linalg.h"

/* Ridges over an eigenvalue from which it tells nothing. */
#define OUTWEIGHED 0.1
/* Parts of a vector that are named, and from which an element is unknown. */
#define NAMED 0.1
#define UNKNOWN 0.3

static const char *const null_space_scatter[] = {
	[BASIS_RAYLEIGH] = "elastic peaks of the tube",
	[BASIS_COMPTON] = "Compton peaks of the tube",
	[BASIS_COMPTON_TWICE] = "double Compton peaks",
	[BASIS_TUBE_L] = "main low lines of the tube",
	[BASIS_TUBE_L_REST] = "other low lines of the tube",
	[BASIS_PILEUP] = "pile-up",
	[BASIS_RECOIL] = "recoil in the crystal",
};

static const char *const null_space_slopes[] = {
	[BASIS_OFFSET] = "offset",
	[BASIS_GAIN] = "gain",
	[BASIS_NOISE] = "noise",
	[BASIS_ESCAPE] = "escape",
	[BASIS_SHIFT] = "place of Compton peaks",
};

static void null_space_name_subshell(const struct basis *b, size_t i, char *ret,
				     size_t size)
{
	const struct line_shell *s = &b->p->lines->shell[b->subshell[i].first];

	snprintf(ret, size, "%s %s", b->p->m->element[s->element].symbol,
		 s->name == LINE_L1   ? "L1"
		 : s->name == LINE_L2 ? "L2"
				      : "M");
}

/* A spline by the middle of the channels that it stands in. */
static void null_space_name(const struct assay_engine *e, size_t c, char *ret,
			    size_t size)
{
	const struct basis *b = e->basis;

	if (c < b->n_elements)
		snprintf(ret, size, "%s", e->m->element[c].symbol);
	else if (c < b->splines)
		snprintf(ret, size, "%s", null_space_scatter[c - b->scatter]);
	else if (c < b->slopes)
		snprintf(ret, size, "background at %.1f keV",
			 basis_kev(b, &e->found,
				   (b->first[c] + b->last[c]) / 2));
	else if (c < b->subshells && c == b->tail)
		snprintf(ret, size, "tails");
	else if (c < b->subshells && c == b->fano)
		snprintf(ret, size, "Fano factor");
	else if (c < b->subshells)
		snprintf(ret, size, "%s", null_space_slopes[c - b->slopes]);
	else
		null_space_name_subshell(b, c - b->subshells, ret, size);
}

/* The largest parts first; of equal ones the first. */
static void null_space_take(const struct assay_engine *e, double *vector,
			    struct assay_null *ret)
{
	size_t p = e->fit->p;

	for (ret->n_parts = 0; ret->n_parts < ASSAY_NULL_PARTS;) {
		size_t top = 0;

		for (size_t c = 1; c < p; c++) {
			if (fabs(vector[c]) > fabs(vector[top]))
				top = c;
		}
		if (fabs(vector[top]) < NAMED)
			return;
		null_space_name(e, top, ret->part[ret->n_parts].name,
				sizeof(ret->part->name));
		ret->part[ret->n_parts++].part = vector[top];
		vector[top] = 0;
	}
}

void null_space_find(struct assay_engine *e, struct assay_result *r)
{
	struct fit *f = e->fit;
	double *vector = f->changed, *value = f->unit;

	if (!(f->ridge > 0))
		return;
	memcpy(vector, f->keep, f->p * f->p * sizeof(double));
	if (linalg_eigen(vector, f->p, value) < 0)
		return;
	for (size_t i = 0; i < f->p && r->n_null < ASSAY_NULL_VECTORS; i++) {
		struct assay_null *to = &r->null_space[r->n_null];

		if (OUTWEIGHED * value[i] > f->ridge)
			break;
		to->eigenvalue = value[i];
		null_space_take(e, vector + i * f->p, to);
		r->n_null++;
	}
}

void null_space_flag(struct assay_result *r)
{
	for (size_t i = 0; i < r->n_null; i++) {
		const struct assay_null *n = &r->null_space[i];

		for (size_t k = 0; k < n->n_parts * r->n_elements; k++) {
			size_t part = k / r->n_elements;
			struct assay_element *e =
				&r->element[k % r->n_elements];

			if (fabs(n->part[part].part) >= UNKNOWN &&
			    !strcmp(n->part[part].name, e->symbol))
				e->flags |= ASSAY_ELEMENT_NULL_SPACE;
		}
	}
}
