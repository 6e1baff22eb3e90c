// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From amplitudes to contents: weighted least squares over all that is known.
 *
 * Unknowns are the contents c, the logarithm of the exposure s, and the
 * mixture m of the balance, which is what is missing to the whole: its
 * composition lies on a line between three that have no lines of their own.
 * Observed are
 *
 *   amplitudes  a_i = s c_i k_i(c, m) / k_i(fit), with the covariance of the
 *               fit and the method's terms for line data, of each element on
 *               its own and of all together,
 *   scatter     log of each feature's counts = log s + log P(c, m),
 *   mixture     near its ordinary place,
 *   exposure    the stated tube current, if there is one,
 *   whole       oxides no more than the whole, or as much as a method by
 *               closure says,
 *   loss        moisture and loss on ignition, if they were stated: the part
 *               of the balance that they are is an unknown of its own, near to
 *               what was stated, and the mixture is that of the rest,
 *
 * where k are the intensities of a content of one and `fit` the composition
 * that the fit was made with. In a sample that is mostly what is seen an
 * error of an amplitude comes back many times as large in the content, since
 * the element absorbs its own lines; there the scatter decides, each by its
 * sigma. One Gauss-Newton step a fit; the attenuation of primary lines alone
 * serves as derivative, since it is only the way to the solution and the
 * propagation of sigmas.
 */
#include "assay/quant.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "assay/linalg.h"

/* Where the mixture of a balance ordinarily is, and how far it strays. */
#define MIX_MEAN 0.0
#define U_MIX 0.5
/* How well the oxides must make the whole where they exceed it. */
#define U_WHOLE 1e-3
/* Sigmas beyond which a feature of the scatter is doubted (Huber). */
#define DOUBTFUL 2
/* Largest steps of one update. */
#define MIX_STEP 0.3
#define SCALE_STEP 0.3
#define MASS_STEP 0.3
#define LEAST_DAMPING 0.1
/* A change of composition after which its effects are measured anew. */
#define MOVED 0.01
/*
 * Sigmas of a content that its change is relative to, where that is more than
 * the content: one that nothing tells need not come to rest by itself.
 */
#define STANDS 100
/* Largest step of what a sample loses. */
#define LOSS_STEP 0.1
/* Mass fraction of hydrogen in water, by IUPAC's atomic weights. */
#define WATER_HYDROGEN 0.11190
/* Contents below which the matrix does not feel a change. */
#define TRACE 0.002

enum quant_constraint {
	QUANT_AT_MIX = EXPOSURE_N,
	QUANT_AT_SCALE,
	QUANT_AT_WHOLE,
	QUANT_AT_LOSS,
};

static void quant_add_layer(const struct quant *q, const struct method_layer *l,
			    double mass, double *w)
{
	for (size_t i = 0; i < l->n_parts; i++)
		w[physics_row(q->p, l->z[i])] += mass * l->w[i];
}

/* What was stated to be lost, by its two parts. */
static void quant_add_loss(const struct quant *q, double *w)
{
	const struct quant_loss *l = &q->loss;
	double water = l->water * l->found;

	if (water > 0) {
		w[physics_row(q->p, 1)] += water * WATER_HYDROGEN;
		w[physics_row(q->p, 8)] += water * (1 - WATER_HYDROGEN);
	}
	quant_add_layer(q, &q->p->m->matrix.dark, l->found - water, w);
}

/* Rows of the tables for contents, a balance and its mixture. */
static void quant_fill_rows(const struct quant *q, const double *content,
			    double dark, double mix, double *w)
{
	const struct method *m = q->p->m;
	size_t oxygen = physics_row(q->p, 8);
	/* From heavy by `dark` to light, smoothly. */
	double a = (1 + mix) / 2, b = (1 - mix) / 2;

	memset(w, 0, PHYSICS_MAX_Z * sizeof(*w));
	for (size_t i = 0; i < m->n_elements; i++) {
		size_t row = q->p->element_row[i];

		if (row == q->p->n_z || content[i] <= 0)
			continue;
		w[row] += content[i];
		w[oxygen] += content[i] * (q->factor[i] - 1);
	}
	quant_add_layer(q, &m->matrix.dark_heavy, dark * b * b, w);
	quant_add_layer(q, &m->matrix.dark, dark * 2 * a * b, w);
	quant_add_layer(q, &m->matrix.dark_light, dark * a * a, w);
	if (q->loss.is_stated)
		quant_add_loss(q, w);
}

void quant_start(struct quant *q, const struct physics *p,
		 const struct physics_pellet *pellet, double stated_scale,
		 struct physics_rates *other)
{
	const struct method *m = p->m;

	memset(q, 0, sizeof(*q));
	q->p = p;
	q->other = other;
	q->pellet = *pellet;
	q->stated_scale = stated_scale;
	q->scale_by = isnan(stated_scale) ? METHOD_SCALE_SCATTER
					  : METHOD_SCALE_CURRENT;
	q->mix = MIX_MEAN;
	q->compton_rayleigh = NAN;
	for (size_t i = 0; i < m->n_elements; i++) {
		const struct method_element *e = &m->element[i];

		q->factor[i] = physics_oxide_factor(&m->line_data, e->z,
						    e->matrix_cation,
						    e->matrix_oxygen);
		if (!e->is_air)
			q->content[i] = 0.3 / (double)m->n_elements;
		q->oxide_sum += q->content[i] * q->factor[i];
	}
	q->dark = 1 - q->oxide_sum;
	q->n = m->n_elements + QUANT_SCALE_BESIDE;
	q->scale_at = m->n_elements + QUANT_SCALE;
	q->scale = 1;
	q->damping = 1;
	quant_fill_rows(q, q->content, q->dark, q->mix, q->w);
}

static bool quant_is_seen(const struct quant *q, size_t i)
{
	return q->p->element_row[i] != q->p->n_z;
}

bool quant_is_felt(const struct quant *q, size_t i)
{
	return quant_is_seen(q, i) && q->content[i] >= TRACE;
}

/* Oxides of what is there, for contents at an exposure. */
static double quant_oxides(const struct quant *q, const double *content)
{
	double sum = 0;

	for (size_t i = 0; i < q->p->m->n_elements; i++) {
		if (quant_is_seen(q, i) && content[i] > 0)
			sum += content[i] * q->factor[i];
	}
	return sum;
}

void quant_join(struct quant *q, struct quant *beside)
{
	q->beside = beside;
	q->n = q->p->m->n_elements + QUANT_N_MORE;
	if (q->loss.is_stated)
		q->loss.at = q->n++;
	beside->n = q->n;
	beside->loss = q->loss;
	beside->scale_at = q->p->m->n_elements + QUANT_SCALE_BESIDE;
}

void quant_take(struct quant *q, const double *content)
{
	size_t n = q->p->m->n_elements;
	double room = 1 - q->loss.found, shrink;

	q->oxide_sum = quant_oxides(q, content);
	shrink = q->oxide_sum > room ? room / q->oxide_sum : 1;
	q->dark = fmax(0, room - q->oxide_sum);
	for (size_t i = 0; i < n; i++) {
		q->content[i] = content[i];
		q->in_matrix[i] = content[i] * shrink;
	}
	quant_fill_rows(q, q->in_matrix, q->dark, q->mix, q->w);
	if (q->beside) {
		q->beside->mix = q->mix;
		q->beside->loss.found = q->loss.found;
		quant_take(q->beside, content);
	}
}

void quant_know(struct quant *q, const double *content, double oxygen)
{
	size_t n = q->p->m->n_elements;

	for (size_t i = 0; i < n && !isnan(oxygen); i++)
		q->factor[i] = 1;
	quant_take(q, content);
	if (isnan(oxygen))
		return;
	q->dark = fmax(0, q->dark - oxygen);
	quant_fill_rows(q, q->in_matrix, q->dark, q->mix, q->w);
	q->w[physics_row(q->p, 8)] += oxygen;
}

/* What makes the lines of both spectra tell of the same contents. */
static void quant_begin_beside(struct quant *q)
{
	const double *amplitude = q->seen.amplitude;
	double lines = 0, contents = 0;

	for (size_t i = 0; i < q->p->m->n_elements; i++) {
		if (!(amplitude[i] > 0) || !(q->content[i] > 0))
			continue;
		lines += amplitude[i];
		contents += q->content[i];
	}
	q->scale = lines > 0 ? lines / contents : 1;
	q->change = 1;
}

void quant_begin(struct quant *q)
{
	const double *amplitude = q->seen.amplitude;
	size_t n = q->p->m->n_elements;
	double content[METHOD_MAX_ELEMENTS], oxides;

	q->scale = isnan(q->stated_scale) ? q->found.scale[EXPOSURE_COMPTON]
					  : q->stated_scale;
	oxides = quant_oxides(q, amplitude);
	if (!(q->scale > oxides))
		q->scale = oxides > 0 ? oxides : 1;
	for (size_t i = 0; i < n; i++)
		content[i] = amplitude[i] / q->scale;
	q->change = 1;
	quant_take(q, content);
	if (q->beside)
		quant_begin_beside(q->beside);
}

/* The line by which the attenuation of an element's photons is judged. */
static void quant_pick_lines(struct quant *q, const struct physics_rates *r)
{
	const struct lines *ls = q->p->lines;
	double top[METHOD_MAX_ELEMENTS] = { 0 };

	for (size_t i = 0; i < METHOD_MAX_ELEMENTS; i++)
		q->line[i] = ls->n;
	for (size_t l = 0; l < ls->n; l++) {
		size_t i = ls->line[l].element;

		if (r->line[l] <= top[i] || lines_is_m(ls, l))
			continue;
		top[i] = r->line[l];
		q->line[i] = l;
	}
}

/* Logarithms of features and of primary intensities of a composition. */
static void quant_predict(const struct quant *q,
			  const struct physics_rates *rates, const double *w,
			  double *ret_feature, double *ret_line)
{
	double change[PHYSICS_MAX_Z];

	for (size_t i = 0; i < q->p->n_z; i++)
		change[i] = w[i] - q->w[i];
	physics_scatter(q->p, change, &q->pellet, rates, q->other);
	exposure_predict(q->p, q->other, ret_feature);
	for (size_t i = 0; i < q->p->m->n_elements; i++) {
		double k = 0;

		if (q->line[i] < q->p->lines->n)
			k = physics_primary(q->p, w, &q->pellet, q->line[i],
					    q->other);
		ret_line[i] = k > 0 ? log(k) : 0;
	}
}

/* What one unknown does, from a composition changed by `step` of it. */
static void quant_measure_one(struct quant *q,
			      const struct physics_rates *rates, size_t col,
			      const double *w, double step,
			      const double *feature0, const double *line0)
{
	size_t n = q->p->m->n_elements;
	double feature[EXPOSURE_N], line[METHOD_MAX_ELEMENTS];

	quant_predict(q, rates, w, feature, line);
	for (size_t i = 0; i < n; i++)
		q->by_line[i * q->n + col] = (line[i] - line0[i]) / step;
	for (size_t j = 0; j < EXPOSURE_N; j++)
		q->by_feature[j * q->n + col] =
			(feature[j] - feature0[j]) / step;
}

/* Logarithms of lines and features by contents and mixture. */
static void quant_measure_effects(struct quant *q,
				  const struct physics_rates *rates)
{
	size_t n = q->p->m->n_elements, mix = n + QUANT_MIX;
	double feature0[EXPOSURE_N], line0[METHOD_MAX_ELEMENTS];
	double content[METHOD_MAX_ELEMENTS], w[PHYSICS_MAX_Z];
	double step = q->mix > 0 ? -0.05 : 0.05, found = q->loss.found;

	memset(q->by_line, 0, n * q->n * sizeof(double));
	memset(q->by_feature, 0, EXPOSURE_N * q->n * sizeof(double));
	memcpy(content, q->in_matrix, n * sizeof(double));
	quant_predict(q, rates, q->w, feature0, line0);
	for (size_t i = 0; i < n; i++) {
		double whole = content[i], change = -0.05 * whole;

		if (!quant_is_seen(q, i) || whole < TRACE)
			continue;
		/* Downwards there is always a balance to give to. */
		content[i] = whole + change;
		quant_fill_rows(q, content, q->dark - change * q->factor[i],
				q->mix, w);
		quant_measure_one(q, rates, i, w, change, feature0, line0);
		content[i] = whole;
	}
	quant_fill_rows(q, content, q->dark, q->mix + step, w);
	quant_measure_one(q, rates, mix, w, step, feature0, line0);
	if (found < TRACE)
		return;
	step = -0.05 * found;
	q->loss.found = found + step;
	quant_fill_rows(q, content, q->dark - step, q->mix, w);
	q->loss.found = found;
	quant_measure_one(q, rates, q->loss.at, w, step, feature0, line0);
}

/* Derivatives of the observations by the unknowns. */
static void quant_fill_derivatives(struct quant *q)
{
	size_t n = q->p->m->n_elements;

	for (size_t i = 0; i < n; i++) {
		double amplitude = q->scale * q->content[i];

		for (size_t c = 0; c < q->n; c++)
			q->j_a[i * q->n + c] =
				amplitude * q->by_line[i * q->n + c];
		q->j_a[i * q->n + i] += q->scale;
		q->j_a[i * q->n + q->scale_at] += amplitude;
	}
	memset(q->j_row, 0, QUANT_ROWS * q->n * sizeof(double));
	memcpy(q->j_row, q->by_feature, EXPOSURE_N * q->n * sizeof(double));
	for (size_t j = 0; j < EXPOSURE_N; j++)
		q->j_row[j * q->n + q->scale_at] = 1;
}

/*
 * Relative covariance of two amplitudes by line data: that of the factors of a
 * calibration, else what the method says of each element on its own.
 */
static double quant_line_data(const struct quant *q, size_t i, size_t j)
{
	const struct method *m = q->p->m;
	double e = method_line_u(m, i);

	if (*m->calibration.file)
		return m->calibration.cov[i * m->n_elements + j];
	return i == j ? e * e : 0;
}

/* Covariance of the amplitudes as observations, factored. */
static int quant_factor_amplitudes(struct quant *q)
{
	size_t n = q->p->m->n_elements, stride = q->seen.stride;
	const double *cov = q->seen.cov;
	double common = q->p->m->model.common, ridge;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++)
			q->c_a[i * n + j] =
				cov[i * stride + j] +
				(common * common + quant_line_data(q, i, j)) *
					q->content[i] * q->content[j] *
					q->scale * q->scale;
		/* Not seen at all: nothing is known of it. */
		if (!(cov[i * stride + i] > 0))
			q->c_a[i * n + i] += q->scale * q->scale;
	}
	return linalg_factor(q->c_a, n, 0, q->keep, &ridge);
}

/*
 * Adds the amplitudes to normal matrix and right side: C^-1 times a column
 * of the derivatives, times all columns.
 */
static int quant_add_amplitudes(struct quant *q, double *matrix, double *right)
{
	const double *amplitude = q->seen.amplitude;
	size_t n = q->p->m->n_elements, p = q->n;
	double x[METHOD_MAX_ELEMENTS];

	for (size_t c = 0; c < p; c++) {
		for (size_t i = 0; i < n; i++)
			x[i] = q->j_a[i * p + c];
		if (linalg_solve(q->c_a, n, x) < 0)
			return -EDOM;
		for (size_t i = 0; i < n; i++) {
			right[c] += x[i] *
				    (amplitude[i] - q->scale * q->content[i]);
			for (size_t d = 0; d < p; d++)
				matrix[c * p + d] += x[i] * q->j_a[i * p + d];
		}
	}
	return 0;
}

static void quant_add_row(struct quant *q, size_t row, double residual,
			  double u, double *matrix, double *right)
{
	const double *j = q->j_row + row * q->n;
	double weight = 1 / (u * u);

	for (size_t c = 0; c < q->n; c++) {
		right[c] += j[c] * residual * weight;
		for (size_t d = 0; d < q->n; d++)
			matrix[c * q->n + d] += j[c] * j[d] * weight;
	}
}

static void quant_add_scatter(struct quant *q, double *matrix, double *right)
{
	double residual[EXPOSURE_N];

	for (size_t j = 0; j < EXPOSURE_N; j++) {
		double u = q->found.u[j];

		residual[j] = NAN;
		q->weight[j] = 0;
		if (!isfinite(u))
			continue;
		residual[j] = log(q->found.scale[j] / q->scale);
		/* What disagrees with the others by far counts less. */
		u *= fmax(1, fabs(residual[j]) / (DOUBTFUL * u));
		q->weight[j] = 1 / (u * u);
		quant_add_row(q, j, residual[j], u, matrix, right);
	}
	q->compton_rayleigh =
		exp(residual[EXPOSURE_COMPTON] - residual[EXPOSURE_RAYLEIGH]);
}

static void quant_add_mix(struct quant *q, double *matrix, double *right)
{
	size_t mix = q->p->m->n_elements + QUANT_MIX;

	q->j_row[QUANT_AT_MIX * q->n + mix] = 1;
	quant_add_row(q, QUANT_AT_MIX, MIX_MEAN - q->mix, U_MIX, matrix, right);
}

static void quant_add_current(struct quant *q, double *matrix, double *right)
{
	q->scale_by = METHOD_SCALE_SCATTER;
	if (isnan(q->stated_scale))
		return;
	q->j_row[QUANT_AT_SCALE * q->n + q->scale_at] = 1;
	quant_add_row(q, QUANT_AT_SCALE, log(q->stated_scale / q->scale),
		      q->p->m->matrix.u_current, matrix, right);
	q->scale_by = METHOD_SCALE_CURRENT;
}

/* The oxides are the whole, or what a known balance leaves of it. */
static void quant_add_whole(struct quant *q, double *matrix, double *right)
{
	const struct method_matrix *mm = &q->p->m->matrix;
	bool is_known = mm->scale == METHOD_SCALE_CLOSURE;
	double *whole = q->j_row + QUANT_AT_WHOLE * q->n;
	/* What was stated of the sample goes before the method's balance. */
	bool by_method = is_known && !q->loss.has_loi;
	double oxides =
		by_method ? 1 - mm->balance * (1 - q->loss.moisture) : 1;
	size_t n = q->p->m->n_elements;

	for (size_t i = 0; i < n; i++) {
		if (quant_is_seen(q, i) && q->content[i] > 0)
			whole[i] = q->factor[i];
	}
	if (q->loss.is_stated)
		whole[q->loss.at] = 1;
	quant_add_row(q, QUANT_AT_WHOLE, oxides - q->loss.found - q->oxide_sum,
		      by_method ? mm->u_balance : U_WHOLE, matrix, right);
	if (q->scale_by != METHOD_SCALE_CURRENT)
		q->scale_by = METHOD_SCALE_CLOSURE;
}

static void quant_add_stated_loss(struct quant *q, double *matrix,
				  double *right)
{
	const struct quant_loss *l = &q->loss;

	if (!l->is_stated)
		return;
	q->j_row[QUANT_AT_LOSS * q->n + l->at] = 1;
	quant_add_row(q, QUANT_AT_LOSS, l->stated - l->found, l->u, matrix,
		      right);
}

/* Solves for the step and leaves the covariance. */
static int quant_solve(struct quant *q, double *matrix, double *step)
{
	size_t p = q->n;
	double scale[QUANT_MAX], ridge;

	for (size_t i = 0; i < p; i++)
		scale[i] = 1 / sqrt(matrix[i * p + i]);
	for (size_t i = 0; i < p; i++) {
		for (size_t j = 0; j < p; j++)
			matrix[i * p + j] *= scale[i] * scale[j];
		step[i] *= scale[i];
	}
	for (size_t i = 0; i < p; i++) {
		if (!isfinite(step[i]))
			return -EDOM;
	}
	if (linalg_factor(matrix, p, 0, q->keep, &ridge) < 0 ||
	    linalg_solve(matrix, p, step) < 0 || linalg_invert(matrix, p) < 0)
		return -EDOM;
	for (size_t i = 0; i < p; i++) {
		step[i] *= scale[i];
		for (size_t j = 0; j < p; j++)
			q->cov[i * p + j] =
				matrix[i * p + j] * scale[i] * scale[j];
	}
	return 0;
}

static double quant_bounded(double step, double bound)
{
	return fmax(-bound, fmin(bound, step));
}

/* The step, with all that is known but for the whole where it is exceeded. */
static int quant_solve_step(struct quant *q, bool is_whole, double *ret)
{
	double *matrix = q->column;

	memset(matrix, 0, q->n * q->n * sizeof(double));
	memset(ret, 0, q->n * sizeof(double));
	for (struct quant *v = q; v; v = v->beside) {
		if (quant_add_amplitudes(v, matrix, ret) < 0)
			return -EDOM;
		quant_add_scatter(v, matrix, ret);
		quant_add_current(v, matrix, ret);
	}
	quant_add_mix(q, matrix, ret);
	quant_add_stated_loss(q, matrix, ret);
	if (is_whole)
		quant_add_whole(q, matrix, ret);
	return quant_solve(q, matrix, ret);
}

/* Steps that turn back overshoot: they are halved, and doubled again. */
static void quant_damp(struct quant *q, const double *step)
{
	size_t n = q->p->m->n_elements;
	double same = 0;

	for (size_t i = 0; i < n; i++) {
		double mass = quant_is_seen(q, i) ? q->factor[i] : 0;

		same += mass * mass * step[i] * q->last_step[i];
		q->last_step[i] = step[i];
	}
	q->damping = same < 0 ? fmax(0.5 * q->damping, LEAST_DAMPING)
			      : fmin(2 * q->damping, 1);
}

/* Contents after a step, none changing the matrix by too much at a time. */
static double quant_take_step(const struct quant *q, const double *step,
			      double *ret)
{
	size_t n = q->p->m->n_elements;
	double largest = 0, shorten;

	for (size_t i = 0; i < n; i++) {
		if (quant_is_seen(q, i))
			largest = fmax(largest, fabs(step[i]) * q->factor[i]);
	}
	shorten = fmin(q->damping, MASS_STEP / largest);
	for (size_t i = 0; i < n; i++)
		ret[i] = q->content[i] + shorten * step[i];
	return shorten;
}

int quant_find_step(struct quant *q, double *ret)
{
	bool is_whole = q->p->m->matrix.scale == METHOD_SCALE_CLOSURE;
	double content[METHOD_MAX_ELEMENTS];

	for (struct quant *v = q; v; v = v->beside) {
		quant_fill_derivatives(v);
		if (quant_factor_amplitudes(v) < 0)
			return -EDOM;
	}
	if (quant_solve_step(q, is_whole, ret) < 0)
		return -EDOM;
	quant_take_step(q, ret, content);
	q->is_whole = quant_oxides(q, content) > 1 - q->loss.found;
	if (!is_whole && q->is_whole && quant_solve_step(q, true, ret) < 0)
		return -EDOM;
	if (q->beside)
		memcpy(q->beside->cov, q->cov, q->n * q->n * sizeof(double));
	return 0;
}

static void quant_move_loss(struct quant *q, double step)
{
	struct quant_loss *l = &q->loss;

	l->found += quant_bounded(step, LOSS_STEP);
	l->found = fmax(0, fmin(l->found, QUANT_LOSS_MOST));
	q->change = fmax(q->change, fabs(step));
}

void quant_go(struct quant *q, const double *step)
{
	size_t n = q->p->m->n_elements;
	double content[METHOD_MAX_ELEMENTS], mix = q->mix;
	double shorten = quant_take_step(q, step, content), scale = 0;

	for (struct quant *v = q; v; v = v->beside) {
		v->scale *= exp(
			quant_bounded(shorten * step[v->scale_at], SCALE_STEP));
		scale = fmax(scale, fabs(step[v->scale_at]));
	}
	q->mix += quant_bounded(shorten * step[n + QUANT_MIX], MIX_STEP);
	q->mix = quant_bounded(q->mix, 1);
	q->change = fmax(scale, 0.1 * fabs(q->mix - mix));
	if (q->loss.is_stated)
		quant_move_loss(q, shorten * step[q->loss.at]);
	for (size_t i = 0; i < n; i++) {
		double u = sqrt(fmax(q->cov[i * q->n + i], 0));

		q->change = fmax(q->change,
				 fabs(step[i]) / fmax(fabs(content[i]) + 0.01,
						      STANDS * u));
	}
	quant_take(q, content);
}

int quant_update(struct quant *q)
{
	double step[QUANT_MAX];

	for (struct quant *v = q; q->change > MOVED && v; v = v->beside) {
		quant_pick_lines(v, v->seen.rates);
		quant_measure_effects(v, v->seen.rates);
	}
	if (quant_find_step(q, step) < 0)
		return -EDOM;
	quant_go(q, step);
	quant_damp(q, step);
	return 0;
}

double quant_covariance(const struct quant *q, size_t i, size_t j)
{
	double preparation = q->p->m->model.preparation;

	return q->cov[i * q->n + j] +
	       preparation * preparation * q->content[i] * q->content[j];
}

double quant_u_scale(const struct quant *q)
{
	return sqrt(fmax(q->cov[q->scale_at * q->n + q->scale_at], 0));
}
