// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where strong lines stand, each by itself: a check of the axis by other means
 * than the one slope and offset that the fit finds for all lines together.
 *
 * Near a line the counts y_k are those of the model m_k, whose elements' part
 * is l_k, but for a factor near one and a small distance d along the energy:
 *
 *     y_k - m_k = a l_k - d l'_k
 *
 * a and d are found by least squares with the weights 1 / m_k, over the
 * channels within REACH widths of the line; d is positive where the line stands
 * above its place in the model. Lines of the same peak, as K-alpha-1 and -2,
 * are in l_k, so they need no thought.
 */
#include "assay/peaks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Widths at half height: of the channels used to a side, between two lines. */
#define REACH 0.8
#define APART 1.2
/* Part of the peak that is the line's own, and places known well enough. */
#define PURE 0.6
#define KNOWN 0.02

#define MN_KEV 5.895

/* Noise, and charge carriers by the root of the energy. */
static double fwhm_at(const struct assay_result *r, double kev)
{
	double noise = r->noise_fwhm_kev * r->noise_fwhm_kev;
	double carriers = r->fwhm_mn_kev * r->fwhm_mn_kev - noise;

	return sqrt(noise + carriers * kev / MN_KEV);
}

static double lines_at(const struct assay_result *r, size_t k)
{
	return r->model[k] - r->background[k];
}

/* d and its u; false where the range ends or nothing determines them. */
static bool place(const struct assay_result *r, struct peak *p)
{
	double half = REACH * p->fwhm_kev / r->gain_kev;
	double at = (p->kev - r->offset_kev) / r->gain_kev;
	double aa = 0, ad = 0, dd = 0, ay = 0, dy = 0, det;

	if (!(at - half >= (double)r->first_chan + 1) ||
	    !(at + half <= (double)r->last_chan - 1))
		return false;
	for (size_t k = (size_t)ceil(at - half); (double)k <= at + half; k++) {
		double w = 1 / fmax(r->model[k], 1);
		double y = r->counts[k] - r->model[k];
		double a = lines_at(r, k);
		double d = (lines_at(r, k - 1) - lines_at(r, k + 1)) /
			   (2 * r->gain_kev);

		aa += w * a * a;
		ad += w * a * d;
		dd += w * d * d;
		ay += w * a * y;
		dy += w * d * y;
	}
	det = aa * dd - ad * ad;
	if (!(det > 0))
		return false;
	p->left_kev = (aa * dy - ad * ay) / det;
	p->u_kev = sqrt(aa / det);
	p->found_kev =
		r->offset_stated_kev + (p->kev + p->left_kev - r->offset_kev) *
					       r->gain_stated_kev / r->gain_kev;
	return true;
}

static bool is_alone(const struct assay_result *r, const struct peak *p)
{
	size_t k = (size_t)lround((p->kev - r->offset_kev) / r->gain_kev);

	return p->counts >= PURE * lines_at(r, k);
}

static bool is_apart(const struct peak *p, const struct peak *others, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fabs(others[i].kev - p->kev) < APART * p->fwhm_kev)
			return false;
	return true;
}

static int by_counts(const void *a, const void *b)
{
	const struct assay_label *x = a, *y = b;

	return (x->counts < y->counts) - (x->counts > y->counts);
}

static int by_energy(const void *a, const void *b)
{
	const struct peak *x = a, *y = b;

	return (x->kev > y->kev) - (x->kev < y->kev);
}

size_t peaks_find(const struct assay_result *r, struct peak ret[PEAKS_MAX])
{
	CLEANUP(freep)
	struct assay_label *label = calloc(r->n_labels + 1, sizeof(*label));
	size_t n = 0;

	if (!label)
		return 0;
	memcpy(label, r->label, r->n_labels * sizeof(*label));
	qsort(label, r->n_labels, sizeof(*label), by_counts);
	for (size_t i = 0; i < r->n_labels && n < PEAKS_MAX; i++) {
		struct peak p = { .kev = label[i].kev,
				  .counts = label[i].counts,
				  .fwhm_kev = fwhm_at(r, label[i].kev) };

		memcpy(p.text, label[i].text, sizeof(p.text));
		if (is_apart(&p, ret, n) && place(r, &p) && is_alone(r, &p) &&
		    p.u_kev < KNOWN * p.fwhm_kev)
			ret[n++] = p;
	}
	qsort(ret, n, sizeof(*ret), by_energy);
	return n;
}
