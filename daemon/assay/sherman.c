// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rates of a composition from the tables of physics.c: the equations stand
 * at its top.
 */
#include "assay/physics.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define RAD (M_PI / 180)

/* Bins of the continuum that one coarse bin of the secondary sum joins. */
enum { COARSE = 6 };

/* Angles and lengths of one call. */
struct sherman {
	const struct physics *p;
	const double *w;
	struct physics_rates *r;
	double sin_in;
	double sin_out;
	double areal;
	double factor; /* solid angle / sin in */
	size_t n_coarse;
	size_t exciter[PHYSICS_N_EXCITERS]; /* lines, strongest first */
	size_t n_exciters;
};

static size_t sherman_n_coarse(const struct physics *p)
{
	return (p->tube->n_continuum + COARSE - 1) / COARSE + p->tube->n_bins -
	       p->tube->n_continuum;
}

static size_t sherman_coarse_of(const struct physics *p, size_t bin)
{
	size_t n = (p->tube->n_continuum + COARSE - 1) / COARSE;

	return bin < p->tube->n_continuum ? bin / COARSE
					  : n + bin - p->tube->n_continuum;
}

static void sherman_mix(const double *table, const double *w, size_t n_z,
			size_t n, double *ret)
{
	for (size_t k = 0; k < n; k++)
		ret[k] = 0;
	for (size_t i = 0; i < n_z; i++) {
		if (w[i] <= 0)
			continue;
		for (size_t k = 0; k < n; k++)
			ret[k] += w[i] * table[i * n + k];
	}
}

double physics_mix(const struct physics *p, const double *table,
		   const double *w, size_t bin)
{
	double sum = 0;

	for (size_t i = 0; i < p->n_z; i++)
		sum += w[i] * table[i * p->tube->n_bins + bin];
	return sum;
}

/* (1 - exp(-X m)) / X */
static double sherman_depth(double x, double areal)
{
	return x * areal > 30 ? 1 / x : -expm1(-x * areal) / x;
}

static double sherman_primary(const struct sherman *s, size_t l)
{
	const struct physics *p = s->p;
	const struct line_shell *sh = &p->lines->shell[p->lines->line[l].shell];
	double mu_out = s->r->mu_line[l] / s->sin_out, sum = 0;

	for (size_t b = 0; b < p->tube->n_bins; b++) {
		double x;

		if (sh->by_bin[b] <= 0)
			continue;
		x = s->r->mu_bin[b] / s->sin_in + mu_out;
		sum += p->tube->flux[b] * sh->by_bin[b] *
		       sherman_depth(x, s->areal);
	}
	return sum * s->factor / (4 * M_PI);
}

/* Flux and attenuation on the coarse bins. */
static void sherman_fill_coarse(struct sherman *s)
{
	const struct tube *t = s->p->tube;
	double *flux = s->r->flux_coarse, *mu = s->r->mu_coarse;

	for (size_t c = 0; c < s->n_coarse; c++)
		flux[c] = mu[c] = 0;
	for (size_t b = 0; b < t->n_bins; b++) {
		size_t c = sherman_coarse_of(s->p, b);

		flux[c] += t->flux[b];
		mu[c] += t->flux[b] * s->r->mu_bin[b];
	}
	for (size_t c = 0; c < s->n_coarse; c++)
		mu[c] = flux[c] > 0 ? mu[c] / flux[c] : 1;
}

/* The strongest lines of the sample, by what they could excite. */
static void sherman_pick_exciters(struct sherman *s)
{
	const struct physics *p = s->p;

	s->n_exciters = 0;
	for (size_t l = 0; l < p->lines->n; l++) {
		size_t row = p->element_row[p->lines->line[l].element];
		double power, least;
		size_t at;

		if (row == p->n_z || s->w[row] < 1e-4)
			continue;
		power = s->w[row] * s->r->line[l] / p->eff_line[l];
		least = 0;
		at = s->n_exciters;
		if (at == PHYSICS_N_EXCITERS) {
			at--;
			least = s->r->exciter[at];
		} else {
			s->n_exciters++;
		}
		if (power <= least)
			continue;
		for (; at > 0 && s->r->exciter[at - 1] < power; at--) {
			s->exciter[at] = s->exciter[at - 1];
			s->r->exciter[at] = s->r->exciter[at - 1];
		}
		s->exciter[at] = l;
		s->r->exciter[at] = power;
	}
}

/*
 * For each exciter and coarse bin, the photons of the line that the bin makes
 * in the sample, and the term A of the top of physics.c.
 */
static void sherman_fill_exciters(struct sherman *s)
{
	const struct physics *p = s->p;
	double *made = s->r->exciter;

	for (size_t j = 0; j < s->n_exciters; j++) {
		const struct line *l = &p->lines->line[s->exciter[j]];
		const struct line_shell *sh = &p->lines->shell[l->shell];
		double w = s->w[p->element_row[l->element]] * l->rate;
		double mu_j = s->r->mu_line[s->exciter[j]];
		double *row = made + j * s->n_coarse;
		double *log_in = s->r->log_in + j * s->n_coarse;

		for (size_t c = 0; c < s->n_coarse; c++)
			row[c] = 0;
		for (size_t b = 0; b < p->tube->n_bins; b++)
			row[sherman_coarse_of(p, b)] +=
				w * p->tube->flux[b] * sh->by_bin[b];
		for (size_t c = 0; c < s->n_coarse; c++) {
			double mu = s->r->mu_coarse[c];

			log_in[c] =
				s->sin_in / mu * log1p(mu / (s->sin_in * mu_j));
		}
	}
}

/* Secondary photons of a shell over its primary ones. */
static double sherman_enhancement(const struct sherman *s,
				  const struct line_shell *sh)
{
	const struct physics *p = s->p;
	double mu_l = s->r->mu_line[sh->first], primary = 0, secondary = 0;
	double b_in = log1p(1 / s->sin_in) * s->sin_in;
	double inverse_x[256];

	for (size_t c = 0; c < s->n_coarse; c++)
		inverse_x[c] = 1 / (s->r->mu_coarse[c] / s->sin_in +
				    mu_l / s->sin_out);
	for (size_t b = 0; b < p->tube->n_bins; b++) {
		size_t c = sherman_coarse_of(p, b);
		double mu = s->r->mu_coarse[c], direct;

		if (sh->by_bin[b] <= 0)
			continue;
		direct = p->tube->flux[b] * sh->by_bin[b] * inverse_x[c];
		primary += direct;
		secondary +=
			direct * s->r->scat_bin[b] / 2 *
			(b_in / mu +
			 s->sin_out / mu_l * log1p(mu_l / (s->sin_out * mu)));
	}
	for (size_t j = 0; j < s->n_exciters; j++) {
		double strength = sh->by_line[s->exciter[j]] / 2, sum = 0;
		const double *made = s->r->exciter + j * s->n_coarse;
		const double *a = s->r->log_in + j * s->n_coarse;
		double mu_j = s->r->mu_line[s->exciter[j]], log_out;

		if (strength <= 0)
			continue;
		log_out = s->sin_out / mu_l * log1p(mu_l / (s->sin_out * mu_j));
		for (size_t c = 0; c < s->n_coarse; c++)
			sum += made[c] * (a[c] + log_out) * inverse_x[c];
		secondary += strength * sum;
	}
	return primary > 0 ? secondary / primary : 0;
}

/*
 * A line's photons scattered once more in the sample. The exciting beam is
 * taken at the mean attenuation of what excites the shell.
 */
static void sherman_own_scatter(struct sherman *s, size_t l)
{
	const struct physics *p = s->p;
	const struct line_shell *sh = &p->lines->shell[p->lines->line[l].shell];
	double mu_l = s->r->mu_line[l], mu = 0, sum = 0, ray = 0, com = 0, path;

	for (size_t b = 0; b < p->tube->n_bins; b++) {
		double part = p->tube->flux[b] * sh->by_bin[b] /
			      (s->r->mu_bin[b] + mu_l);

		mu += part * s->r->mu_bin[b];
		sum += part;
	}
	if (sum <= 0)
		return;
	mu /= sum;
	for (size_t i = 0; i < p->n_z; i++) {
		ray += s->w[i] * p->ray_line[i * p->lines->n + l];
		com += s->w[i] * p->com_line[i * p->lines->n + l];
	}
	path = s->sin_in / mu * log1p(mu / (s->sin_in * mu_l)) +
	       s->sin_out / mu_l * log1p(1 / s->sin_out);
	s->r->own_compton[l] = s->r->line[l] * com / 2 * path;
	s->r->line[l] *= 1 + ray / 2 * path;
}

static void sherman_lines(struct sherman *s)
{
	const struct physics *p = s->p;
	const struct lines *ls = p->lines;

	for (size_t l = 0; l < ls->n; l++) {
		s->r->line[l] = sherman_primary(s, l) * ls->line[l].rate *
				p->eff_line[l];
	}
	sherman_fill_coarse(s);
	sherman_pick_exciters(s);
	sherman_fill_exciters(s);
	for (size_t i = 0; i < ls->n_shells; i++) {
		const struct line_shell *sh = &ls->shell[i];

		s->r->enhancement[i] = sherman_enhancement(s, sh);
		for (size_t l = sh->first; l < sh->first + sh->n; l++) {
			s->r->line[l] *= 1 + s->r->enhancement[i];
			sherman_own_scatter(s, l);
		}
	}
}

/* Hapke's form of the H function at the sine of an angle. */
static double sherman_h(double albedo, double sine)
{
	return (1 + 2 * sine) / (1 + 2 * sine * sqrt(1 - albedo));
}

/*
 * Scatter of the tube. What is scattered more than once is shared among
 * elastic, one loss and two losses as two independent steps would.
 */
static void sherman_scatter(struct sherman *s)
{
	const struct physics *p = s->p;

	for (size_t b = 0; b < p->tube->n_bins; b++) {
		double mu = s->r->mu_bin[b], scat = s->r->scat_bin[b];
		double elastic = scat > 0 ? s->r->ray_all[b] / scat : 0;
		double flux = p->tube->flux[b] * s->factor, more, ray, com;

		ray = flux * physics_mix(p, p->ray, s->w, b) *
		      sherman_depth(mu / s->sin_in + mu / s->sin_out, s->areal);
		com = flux * physics_mix(p, p->com, s->w, b) *
		      sherman_depth(mu / s->sin_in +
					    s->r->mu_shift[b] / s->sin_out,
				    s->areal);
		more = sherman_h(scat / mu, s->sin_in) *
			       sherman_h(scat / mu, s->sin_out) -
		       1;
		more *= ray + com;
		ray += more * elastic * elastic;
		com += more * 2 * elastic * (1 - elastic);
		s->r->ray[b] = (ray + p->air_ray[b]) * p->eff_bin[b];
		s->r->com[b] = (com + p->air_com[b]) * p->eff_shift[b];
		s->r->com_twice[b] =
			more * (1 - elastic) * (1 - elastic) * p->eff_shift[b];
	}
}

/* The Compton peaks of the tube's K lines, each element with its profile. */
static void sherman_profiles(struct sherman *s)
{
	const struct physics *p = s->p;
	double *sum = s->r->com_profile;

	for (size_t k = 0; k < p->n_profile_points; k++)
		sum[k] = 0;
	for (size_t i = 0; i < p->n_profiles; i++) {
		size_t b = p->profile_bin[i];
		double all = physics_mix(p, p->com, s->w, b);

		for (size_t z = 0; z < p->n_z && all > 0; z++) {
			const double *row =
				p->profile +
				(i * p->n_z + z) * p->n_profile_points;
			double part = s->w[z] *
				      p->com[z * p->tube->n_bins + b] / all *
				      s->r->com[b];

			if (part <= 0)
				continue;
			for (size_t k = 0; k < p->n_profile_points; k++)
				sum[k] += part * row[k];
		}
	}
}

static struct sherman sherman_of(const struct physics *p, const double *w,
				 double areal, struct physics_rates *r)
{
	const struct method_geometry *g = &p->m->geometry;
	struct sherman s = { .p = p,
			     .w = w,
			     .r = r,
			     .sin_in = sin(g->incidence_deg * RAD),
			     .sin_out = sin(g->takeoff_deg * RAD),
			     .areal = areal };

	s.factor = g->solid_angle_sr / s.sin_in;
	s.n_coarse = sherman_n_coarse(p);
	return s;
}

static struct sherman sherman_start(const struct physics *p, const double *w,
				    double areal, struct physics_rates *r)
{
	struct sherman s = sherman_of(p, w, areal, r);
	size_t n_bins = p->tube->n_bins;

	sherman_mix(p->mu_bin, w, p->n_z, n_bins, r->mu_bin);
	sherman_mix(p->mu_shift, w, p->n_z, n_bins, r->mu_shift);
	sherman_mix(p->ray_all, w, p->n_z, n_bins, r->ray_all);
	sherman_mix(p->com_all, w, p->n_z, n_bins, r->scat_bin);
	for (size_t b = 0; b < n_bins; b++)
		r->scat_bin[b] += r->ray_all[b];
	return s;
}

void physics_scatter(const struct physics *p, const double *w, double areal,
		     struct physics_rates *ret)
{
	struct sherman s = sherman_start(p, w, areal, ret);

	sherman_scatter(&s);
}

double physics_primary(const struct physics *p, const double *w, double areal,
		       size_t line, struct physics_rates *r)
{
	struct sherman s = sherman_of(p, w, areal, r);

	r->mu_line[line] = 0;
	for (size_t i = 0; i < p->n_z; i++)
		r->mu_line[line] += w[i] * p->mu_line[i * p->lines->n + line];
	return sherman_primary(&s, line);
}

void physics_compute(const struct physics *p, const double *w, double areal,
		     struct physics_rates *ret)
{
	struct sherman s = sherman_start(p, w, areal, ret);

	sherman_mix(p->mu_line, w, p->n_z, p->lines->n, ret->mu_line);
	sherman_lines(&s);
	sherman_scatter(&s);
	sherman_profiles(&s);
}

int physics_rates_new(const struct physics *p, struct physics_rates **ret)
{
	CLEANUP(physics_rates_freep)
	struct physics_rates *r = calloc(1, sizeof(*r));
	size_t n_bins = p->tube->n_bins, n_lines = p->lines->n;
	size_t n_coarse = sherman_n_coarse(p);

	if (!r)
		return -ENOMEM;
	if (n_coarse > 256)
		return -EINVAL;
	struct {
		double **field;
		size_t n;
	} all[] = {
		{ &r->line, n_lines },
		{ &r->own_compton, n_lines },
		{ &r->enhancement, p->lines->n_shells },
		{ &r->ray, n_bins },
		{ &r->com, n_bins },
		{ &r->com_twice, n_bins },
		{ &r->com_profile, p->n_profile_points + 1 },
		{ &r->mu_bin, n_bins },
		{ &r->mu_shift, n_bins },
		{ &r->mu_line, n_lines },
		{ &r->scat_bin, n_bins },
		{ &r->ray_all, n_bins },
		{ &r->mu_coarse, n_coarse },
		{ &r->flux_coarse, n_coarse },
		{ &r->exciter, PHYSICS_N_EXCITERS * n_coarse },
		{ &r->log_in, PHYSICS_N_EXCITERS * n_coarse },
	};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		*all[i].field = calloc(all[i].n, sizeof(double));
		if (!*all[i].field)
			return -ENOMEM;
	}
	*ret = TAKE_PTR(r);
	return 0;
}

struct physics_rates *physics_rates_free(struct physics_rates *r)
{
	if (!r)
		return NULL;
	free(r->line);
	free(r->own_compton);
	free(r->enhancement);
	free(r->ray);
	free(r->com);
	free(r->com_twice);
	free(r->com_profile);
	free(r->mu_bin);
	free(r->mu_shift);
	free(r->mu_line);
	free(r->scat_bin);
	free(r->ray_all);
	free(r->mu_coarse);
	free(r->flux_coarse);
	free(r->exciter);
	free(r->log_in);
	free(r);
	return NULL;
}
