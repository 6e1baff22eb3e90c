// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The part of the spectrum that is no element: scatter of the tube.
 *
 * The K lines of the anode are three columns (elastic, one loss, two losses),
 * its L lines one, and one is what pulses make that pile up. The scattered continuum as computed for the composition,
 * edges and shelf included, is multiplied by cubic B-splines, their knots
 * evenly spaced in widths of a line, so that they carry what the physics gets
 * wrong but no line.
 */
#include "assay/basis.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Blur of the tube's L lines by electrons in motion, relative, one sigma. */
#define DOPPLER 0.01
/* Spread of what lost energy twice, relative to the photon, one sigma. */
#define TWICE 0.02

static double background_cubic(double t)
{
	t = fabs(t);
	if (t >= 2)
		return 0;
	if (t >= 1)
		return (2 - t) * (2 - t) * (2 - t) / 6;
	return 2.0 / 3 - t * t + t * t * t / 2;
}

/* Widths of the detector's resolution from energy zero, sum of dE / FWHM. */
static double background_widths(const struct method_detector *d, double kev)
{
	double slope = 8 * M_LN2 * d->fano * d->pair_ev * 1e-3;
	double noise2 = d->noise_fwhm_kev * d->noise_fwhm_kev;

	return 2 / slope *
	       (sqrt(noise2 + slope * fmax(kev, 0)) - d->noise_fwhm_kev);
}

int background_make_splines(struct basis *b, const struct basis_state *start)
{
	const struct method_detector *d = &b->p->m->detector;
	double low = background_widths(d, basis_kev(b, start, 0));
	double high = background_widths(d, basis_kev(b, start, b->n - 1));
	double n_steps = ceil((high - low) / b->p->m->fit.knots_fwhm);
	double step = (high - low) / n_steps;

	b->n_splines = (size_t)n_steps + 3;
	b->spline = calloc(b->n_splines * b->n, sizeof(double));
	b->spline_first = calloc(b->n_splines, sizeof(*b->spline_first));
	b->spline_last = calloc(b->n_splines, sizeof(*b->spline_last));
	if (!b->spline || !b->spline_first || !b->spline_last)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_splines; i++) {
		double knot = low + step * ((double)i - 1);

		for (size_t k = 0; k < b->n; k++) {
			double at =
				background_widths(d, basis_kev(b, start, k));

			b->spline[i * b->n + k] =
				background_cubic((at - knot) / step);
			if (b->spline[i * b->n + k] <= 0)
				continue;
			if (!b->spline_last[i])
				b->spline_first[i] = k;
			b->spline_last[i] = k + 1;
		}
	}
	return 0;
}

/* Energy after two losses of the same angle. */
static double background_twice_kev(const struct physics *p, size_t bin)
{
	double kev = p->tube->kev[bin], once = p->shift_kev[bin];

	/* 1 / E grows by the same amount at each loss. */
	return 1 / (2 / once - 1 / kev);
}

struct background_job {
	struct basis *b;
	const struct physics_rates *rates;
	const struct shape *shape;
	const struct shape_axis *axis;
	const struct basis_state *state;
	const double *amplitude;
};

/*
 * Moves the escaping share of the continuum down, channel by channel: it is
 * smooth, and the width of the peaks that make it does not matter. What goes
 * below the range is gone.
 */
static void background_escape(const struct background_job *j)
{
	struct basis *b = j->b;
	const struct physics *p = b->p;
	double *whole = b->scratch;

	/* What one line takes does not leave again by another. */
	memcpy(whole, b->continuum, b->n * sizeof(*whole));
	for (size_t i = 0; i < p->n_escapes; i++) {
		double chans = p->escape[i].kev / j->axis->gain_kev;
		const double *share = b->escape_share + i * b->n;

		for (size_t k = 0; k < b->n; k++) {
			double gone = whole[k] * share[k] * j->state->escape;
			double to = (double)k - chans;

			b->continuum[k] -= gone;
			if (to >= 0)
				b->continuum[(size_t)to] += gone;
		}
	}
}

static void background_continuum(const struct background_job *j)
{
	struct basis *b = j->b;
	const struct physics *p = b->p;
	struct shape_far far = { .entry = b->far };
	struct shape_sink sink = { .counts = b->continuum,
				   .far = &far,
				   .first = b->n };

	memset(b->continuum, 0, b->n * sizeof(double));
	for (size_t i = 0; i < p->tube->n_continuum; i++) {
		shape_add(j->shape, j->axis, p->tube->kev[i],
			  j->rates->continuum[i],
			  p->tube->width_kev[i] / sqrt(12), &sink);
	}
	shape_finish(j->axis, &sink);
	background_escape(j);
	if (b->hecht)
		hecht_apply(b->hecht, b->continuum);
	for (size_t i = 0; i < b->n_splines; i++) {
		double *col = b->col + (b->splines + i) * b->n;

		for (size_t k = b->spline_first[i]; k < b->spline_last[i]; k++)
			col[k] = b->continuum[k] * b->spline[i * b->n + k];
	}
}

static bool background_has_profile(const struct physics *p, size_t bin)
{
	for (size_t i = 0; i < p->n_profiles; i++) {
		if (p->profile_bin[i] == bin)
			return true;
	}
	return false;
}

static struct shape_sink background_sink(const struct background_job *j,
					 enum basis_extra extra)
{
	struct basis *b = j->b;
	size_t col = b->scatter + extra;

	return (struct shape_sink){
		.counts = b->col + col * b->n,
		.by_energy = b->by_energy,
		.by_noise = b->col + (b->slopes + BASIS_NOISE) * b->n,
		.by_fano = b->fano ? b->col + b->fano * b->n : NULL,
		.slope_weight = j->amplitude[col],
		.first = b->n,
	};
}

/* The strongest unresolved line: the sub-shells' balance is the tube's. */
static double background_strongest_l(const struct background_job *j)
{
	const struct physics *p = j->b->p;
	double kev = 0, top = 0;

	for (size_t i = p->tube->n_continuum; i < p->tube->n_bins; i++) {
		if (background_has_profile(p, i) || j->rates->ray[i] <= top)
			continue;
		top = j->rates->ray[i];
		kev = p->tube->kev[i];
	}
	return kev;
}

static void background_tube_lines(const struct background_job *j)
{
	const struct physics *p = j->b->p;
	struct shape_sink ray = background_sink(j, BASIS_RAYLEIGH);
	struct shape_sink twice = background_sink(j, BASIS_COMPTON_TWICE);
	struct shape_sink main = background_sink(j, BASIS_TUBE_L);
	struct shape_sink rest = background_sink(j, BASIS_TUBE_L_REST);
	double strongest = background_strongest_l(j);

	/* The axis is that of the element lines, see background_compton(). */
	ray.by_energy = twice.by_energy = NULL;
	main.by_energy = rest.by_energy = NULL;

	for (size_t i = p->tube->n_continuum; i < p->tube->n_bins; i++) {
		double kev = shape_line_kev(j->shape, p->tube->kev[i]);
		double once = p->shift_kev[i];
		struct shape_sink *low =
			fabs(kev - strongest) < 0.1 ? &main : &rest;

		if (!background_has_profile(p, i)) {
			shape_add(j->shape, j->axis, kev, j->rates->ray[i], 0,
				  low);
			shape_add(j->shape, j->axis, once,
				  j->rates->com[i] + j->rates->com_twice[i],
				  DOPPLER * once, low);
			continue;
		}
		shape_add(j->shape, j->axis, kev, j->rates->ray[i], 0, &ray);
		shape_add(j->shape, j->axis, background_twice_kev(p, i),
			  j->rates->com_twice[i], TWICE * kev, &twice);
	}
}

/*
 * The place of the Compton peaks is one of the slopes: binding moves them by
 * some tens of eV from where free electrons would put them. Neither these
 * peaks nor the elastic ones that stand on their slope may move the axis.
 */
static void background_compton(const struct background_job *j)
{
	struct basis *b = j->b;
	const struct physics *p = b->p;
	struct shape_sink sink = background_sink(j, BASIS_COMPTON);
	double *shift = b->col + (b->slopes + BASIS_SHIFT) * b->n;
	struct shape_far far = { .entry = b->far };

	sink.by_energy = shift;
	sink.far = &far;
	for (size_t k = 0; k < p->n_profile_points; k++) {
		double kev = p->profile_low_kev + j->state->shift_kev +
			     (double)k * p->profile_step_kev;
		double area = j->rates->com_profile[k] * p->profile_step_kev;

		if (area > 0)
			shape_add(j->shape, j->axis, kev, area, 0, &sink);
	}
	shape_finish(j->axis, &sink);
	for (size_t k = 0; k < b->n; k++)
		shift[k] = -shift[k];
}

/*
 * Photons that scatter in the crystal and leave count with their recoil: all
 * energies up to that of a reflection, 1 + cos^2 over the angles, which are
 * even in the recoil. The resolution blurs only the edge at the end.
 */
static void background_recoil(const struct background_job *j)
{
	struct basis *b = j->b;
	const struct physics *p = b->p;
	double *col = b->col + (b->scatter + BASIS_RECOIL) * b->n;

	for (size_t i = 0; i < p->tube->n_bins; i++) {
		double kev = p->tube->kev[i], k = kev / 511;
		double top = kev - kev / (1 + 2 * k), f = p->recoil_bin[i];
		double n = (j->rates->ray[i] + j->rates->com[i] +
			    j->rates->com_twice[i]) *
			   f / (1 - f);
		double height = n * j->axis->gain_kev / (top * 4 / 3);
		double sigma = shape_sigma(j->shape, top);

		for (size_t c = 0; c < b->n; c++) {
			double at = j->axis->offset_kev +
				    j->axis->gain_kev * (double)c;
			double cosine = 1 - 2 * fmin(at / top, 1);
			double past = (at - top) / (M_SQRT2 * sigma);

			if (past > 4)
				break;
			col[c] += height * (1 + cosine * cosine) *
				  (past < -4 ? 1 : 0.5 * erfc(past));
		}
	}
}

void background_build(struct basis *b, const struct physics_rates *rates,
		      const struct shape *shape, const struct shape_axis *axis,
		      const struct basis_state *state, const double *amplitude)
{
	struct background_job j = { b, rates, shape, axis, state, amplitude };

	background_continuum(&j);
	background_tube_lines(&j);
	background_compton(&j);
	background_recoil(&j);
	memcpy(b->col + (b->scatter + BASIS_PILEUP) * b->n, b->pairs,
	       b->n * sizeof(double));
}
