// SPDX-License-Identifier: GPL-2.0-or-later
/* Bins the tabulated output of the tube behind its filters and the air. */
#include "assay/tube.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "assay/method.h"

/*
 * Width of a bin by energy, keV. Below 10 keV, where edges and lines of
 * interest lie, narrower than a detector's sigma; never so wide that the
 * scattered continuum shows the bins.
 */
static double tube_bin_width(double kev)
{
	if (kev < 10)
		return 0.05;
	if (kev < 30)
		return 0.1;
	return 0.25;
}

static double tube_continuum(const struct method_tube *t, double kev)
{
	size_t lo = 0, hi = t->n_flux - 1;

	if (kev < t->flux_kev[0] || kev > t->flux_kev[hi])
		return 0;
	while (hi - lo > 1) {
		size_t mid = (lo + hi) / 2;

		if (t->flux_kev[mid] <= kev)
			lo = mid;
		else
			hi = mid;
	}
	return t->flux[lo] + (t->flux[hi] - t->flux[lo]) *
				     (kev - t->flux_kev[lo]) /
				     (t->flux_kev[hi] - t->flux_kev[lo]);
}

static double tube_passed(const struct method *m, tube_pass_fn pass, double kev)
{
	double p = pass(&m->geometry.path_in, kev);

	for (size_t i = 0; i < m->tube.n_filters; i++)
		p *= pass(&m->tube.filter[i], kev);
	return p;
}

static size_t tube_count(const struct method_tube *t)
{
	double kev = t->flux_kev[0], end = t->flux_kev[t->n_flux - 1];
	size_t n = 0;

	for (; kev < end - 1e-6; n++)
		kev += tube_bin_width(kev + 1e-6);
	return n;
}

static void tube_fill_bin(struct tube *t, const struct method *m,
			  tube_pass_fn pass, size_t b, double low)
{
	double width = tube_bin_width(low + 1e-6), sum = 0, mean = 0;
	double *part = t->sub_part + b * t->n_sub;

	for (size_t i = 0; i < t->n_sub; i++) {
		double kev = low + width * ((double)i + 0.5) / (double)t->n_sub;

		t->sub_kev[b * t->n_sub + i] = kev;
		part[i] = tube_continuum(&m->tube, kev) *
			  tube_passed(m, pass, kev);
		sum += part[i];
		mean += part[i] * kev;
	}
	for (size_t i = 0; i < t->n_sub; i++)
		part[i] = sum > 0 ? part[i] / sum : 1 / (double)t->n_sub;
	t->kev[b] = sum > 0 ? mean / sum : low + width / 2;
	t->width_kev[b] = width;
	t->flux[b] = sum * width / (double)t->n_sub;
}

int tube_new(const struct method *m, tube_pass_fn pass, struct tube **ret)
{
	CLEANUP(tube_freep) struct tube *t = calloc(1, sizeof(*t));
	double low = m->tube.flux_kev[0];

	if (!t)
		return -ENOMEM;
	t->n_sub = 3;
	t->n_continuum = tube_count(&m->tube);
	t->n_bins = t->n_continuum + m->tube.n_lines;
	t->kev = calloc(t->n_bins, sizeof(double));
	t->width_kev = calloc(t->n_bins, sizeof(double));
	t->flux = calloc(t->n_bins, sizeof(double));
	t->sub_kev = calloc(t->n_continuum * t->n_sub, sizeof(double));
	t->sub_part = calloc(t->n_continuum * t->n_sub, sizeof(double));
	if (!t->kev || !t->width_kev || !t->flux || !t->sub_kev || !t->sub_part)
		return -ENOMEM;

	for (size_t b = 0; b < t->n_continuum; b++) {
		tube_fill_bin(t, m, pass, b, low);
		low += t->width_kev[b];
	}
	for (size_t i = 0; i < m->tube.n_lines; i++) {
		size_t b = t->n_continuum + i;

		t->kev[b] = m->tube.line_kev[i];
		t->flux[b] =
			m->tube.line_flux[i] * tube_passed(m, pass, t->kev[b]);
	}
	*ret = TAKE_PTR(t);
	return 0;
}

struct tube *tube_free(struct tube *t)
{
	if (!t)
		return NULL;
	free(t->kev);
	free(t->width_kev);
	free(t->flux);
	free(t->sub_kev);
	free(t->sub_part);
	free(t);
	return NULL;
}
