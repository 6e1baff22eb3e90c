// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sensitivity factors by weighted total least squares with a prior.
 *
 * A standard m has stated contents c with sigmas, independent, and contents b
 * that the physics alone finds in its spectrum, with their covariance. Sought
 * are the factors k, b = K c_true with K = diag(k), that make
 *
 *   sum over m of (b - K c)^T (C_b + K C_c K)^-1 (b - K c)
 *                                             + (k - 1)^T P^-1 (k - 1)
 *
 * least: errors in both variables (D. York, Can. J. Phys. 44 (1966) 1079; for
 * one element without a prior it is his line through the origin), and the
 * physics as a prior. The gradient of the first sum by k is
 * -2 C^T (...)^-1 (b - K c) with C = diag of the adjusted contents
 * c + C_c K (...)^-1 (b - K c), so each step is a linear problem with C for
 * its matrix (W. A. Fuller, Measurement Error Models (1987), ch. 3).
 *
 * P says what tables of line data are wrong by: fluorescence yields, which
 * make most of it, are smooth in Z, so that neighbours are wrong together and
 * a standard speaks for them, too. An element without one gets its factor
 * from them by the same equations, with a sigma that grows with distance to
 * what the physics has alone.
 *
 * When the standards are less likely under P than they should be, P is
 * widened until chi-square is their number (R. C. Paule, J. Mandel, J. Res.
 * Natl. Bur. Stand. 87 (1982) 377): the factors then follow the standards.
 *
 * Rare earths that always stand in one proportion are refused (collinear.h):
 * an overlap of theirs goes into their factors, and back wrongly in samples of
 * another proportion.
 */
#include "assay/calib.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/collinear.h"
#include "assay/linalg.h"

/*
 * The smooth part of the variance of line data and the distance in Z over
 * which it changes: tables of L3 yields differ by 9 to 10 % for La to Nd and
 * 3 % for Yb, neighbours alike within 1 to 2 %.
 */
#define SMOOTH 0.9
#define Z_LENGTH 5.0
/* Widest that the prior is made. */
#define WIDEST 100
/* Of its sigma without standards: below this a factor was interpolated. */
#define LEARNED 0.9
/* Change of a factor that is none. */
#define SETTLED 1e-9

enum { MAX_STEPS = 50 };

/* One content that a standard states and its spectrum shows. */
struct calib_row {
	size_t standard;
	size_t element;
	double b;
	double c;
	double u_c;
};

/* The system of some standards. */
struct calib_system {
	const struct calib *to;
	const struct standard *standard;
	const struct calib_row *row;
	size_t n; /* rows */
	double *prior; /* of all elements, not widened */
	/* Work space, n squared but for the last two. */
	double *spread; /* C_b + K C_c K */
	double *all; /* with what the prior adds */
	double *keep;
	double *scale; /* n */
	double *x; /* n */
	double *h; /* n: adjusted contents */
	double *gain; /* elements by n */
};

static void calib_system_deinit(struct calib_system *s)
{
	free(s->prior);
	free(s->spread);
	free(s->all);
	free(s->keep);
	free(s->scale);
	free(s->x);
	free(s->h);
	free(s->gain);
}

static int calib_system_init(struct calib_system *s, size_t n_elements,
			     size_t n)
{
	s->prior = calloc(n_elements * n_elements, sizeof(double));
	s->spread = calloc(n * n, sizeof(double));
	s->all = calloc(n * n, sizeof(double));
	s->keep = calloc(n * n, sizeof(double));
	s->scale = calloc(n, sizeof(double));
	s->x = calloc(n, sizeof(double));
	s->h = calloc(n, sizeof(double));
	s->gain = calloc(n_elements * n, sizeof(double));
	return s->prior && s->spread && s->all && s->keep && s->scale && s->x &&
			       s->h && s->gain
		       ? 0
		       : -ENOMEM;
}

static double calib_element_u(const struct method *m, size_t i,
			      double standardless)
{
	if (m->element[i].z >= METHOD_HEAVY_Z && standardless > 0)
		return standardless;
	return method_line_u(m, i);
}

static void calib_fill_prior(const struct method *m, double standardless,
			     double *ret)
{
	size_t n = m->n_elements;

	for (size_t i = 0; i < n; i++) {
		double u = calib_element_u(m, i, standardless);

		for (size_t j = 0; j < n; j++) {
			double v = calib_element_u(m, j, standardless);
			double far =
				(m->element[i].z - m->element[j].z) / Z_LENGTH;
			double share = SMOOTH * exp(-0.5 * far * far);

			if (i == j)
				share = 1;
			if (strcmp(m->element[i].line, m->element[j].line) != 0)
				share = 0;
			ret[i * n + j] = m->model.common * m->model.common +
					 share * u * v;
		}
	}
}

/* What of the rows' covariance is not the prior's. */
static void calib_fill_spread(struct calib_system *s)
{
	size_t n_elements = s->to->n;

	for (size_t a = 0; a < s->n; a++) {
		const struct calib_row *r = &s->row[a];
		double u = s->to->k[r->element] * r->u_c;

		for (size_t b = 0; b < s->n; b++) {
			const struct calib_row *o = &s->row[b];

			s->spread[a * s->n + b] =
				r->standard == o->standard
					? s->standard[r->standard]
						  .cov[r->element * n_elements +
						       o->element]
					: 0;
		}
		s->spread[a * s->n + a] += u * u;
	}
}

/* A factor of `matrix` scaled to a diagonal of ones, which goes to s->scale. */
static int calib_factor(struct calib_system *s, double *matrix)
{
	double ridge;

	for (size_t a = 0; a < s->n; a++) {
		double d = matrix[a * s->n + a];

		if (!(d > 0) || !isfinite(d))
			return -EDOM;
		s->scale[a] = 1 / sqrt(d);
	}
	for (size_t a = 0; a < s->n; a++) {
		for (size_t b = 0; b < s->n; b++)
			matrix[a * s->n + b] *= s->scale[a] * s->scale[b];
	}
	return linalg_factor(matrix, s->n, 0, s->keep, &ridge);
}

static int calib_divide(const struct calib_system *s, const double *factor,
			double *x)
{
	for (size_t a = 0; a < s->n; a++)
		x[a] *= s->scale[a];
	if (linalg_solve(factor, s->n, x) < 0)
		return -EDOM;
	for (size_t a = 0; a < s->n; a++)
		x[a] *= s->scale[a];
	return 0;
}

/* Contents as the balance of both errors has them, into s->h. */
static int calib_adjust(struct calib_system *s)
{
	for (size_t a = 0; a < s->n; a++) {
		const struct calib_row *r = &s->row[a];

		s->x[a] = r->b - s->to->k[r->element] * r->c;
	}
	memcpy(s->all, s->spread, s->n * s->n * sizeof(double));
	if (calib_factor(s, s->all) < 0 || calib_divide(s, s->all, s->x) < 0)
		return -EDOM;
	for (size_t a = 0; a < s->n; a++) {
		const struct calib_row *r = &s->row[a];

		s->h[a] =
			r->c + r->u_c * r->u_c * s->to->k[r->element] * s->x[a];
	}
	return 0;
}

/* The factor of H P H^T + spread, into s->all. */
static int calib_factor_all(struct calib_system *s, double widened)
{
	size_t n = s->to->n;

	for (size_t a = 0; a < s->n; a++) {
		const double *p = s->prior + s->row[a].element * n;

		for (size_t b = 0; b < s->n; b++)
			s->all[a * s->n + b] = s->spread[a * s->n + b] +
					       widened * widened * s->h[a] *
						       s->h[b] *
						       p[s->row[b].element];
	}
	return calib_factor(s, s->all);
}

/* One step: new factors into `k`. Returns the largest change, or -1. */
static double calib_step(struct calib_system *s, double widened, double *k)
{
	size_t n = s->to->n;
	double change = 0;

	calib_fill_spread(s);
	if (calib_adjust(s) < 0 || calib_factor_all(s, widened) < 0)
		return -1;
	for (size_t a = 0; a < s->n; a++) {
		const struct calib_row *r = &s->row[a];

		s->x[a] = r->b - k[r->element] * r->c +
			  s->h[a] * (k[r->element] - 1);
	}
	if (calib_divide(s, s->all, s->x) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		double to = 1;

		for (size_t a = 0; a < s->n; a++)
			to += widened * widened *
			      s->prior[i * n + s->row[a].element] * s->h[a] *
			      s->x[a];
		change = fmax(change, fabs(to - k[i]));
		k[i] = to;
	}
	return change;
}

static int calib_settle(struct calib_system *s, struct calib *to,
			double widened)
{
	for (size_t i = 0; i < to->n; i++)
		to->k[i] = 1;
	for (int turn = 0; turn < MAX_STEPS; turn++) {
		double change = calib_step(s, widened, to->k);

		if (change < 0)
			return -EDOM;
		if (change < SETTLED)
			return 0;
	}
	return 0;
}

/* Chi-square of the rows under the prior over their number; < 0: failed. */
static double calib_likelihood(struct calib_system *s, double widened)
{
	double *r = s->gain; /* it is not in use before the end */
	double sum = 0;

	calib_fill_spread(s);
	for (size_t a = 0; a < s->n; a++)
		s->h[a] = s->row[a].c;
	if (calib_factor_all(s, widened) < 0)
		return -1;
	for (size_t a = 0; a < s->n; a++)
		r[a] = s->x[a] = s->row[a].b - s->row[a].c;
	if (calib_divide(s, s->all, s->x) < 0)
		return -1;
	for (size_t a = 0; a < s->n; a++)
		sum += r[a] * s->x[a];
	return sum / (double)s->n;
}

static double calib_widen(struct calib_system *s, struct calib *to)
{
	double low = 1, high = WIDEST;

	for (size_t i = 0; i < to->n; i++)
		to->k[i] = 1;
	if (!(calib_likelihood(s, low) > 1))
		return low;
	for (int i = 0; i < 40; i++) {
		double mid = sqrt(low * high);

		if (calib_likelihood(s, mid) > 1)
			low = mid;
		else
			high = mid;
	}
	return high;
}

/* P - P H^T (...)^-1 H P, after the last step. */
static int calib_covariance(struct calib_system *s, double widened, double *ret)
{
	size_t n = s->to->n;
	double wide = widened * widened;

	for (size_t i = 0; i < n; i++) {
		double *gain = s->gain + i * s->n;

		for (size_t a = 0; a < s->n; a++)
			gain[a] = wide * s->h[a] *
				  s->prior[i * n + s->row[a].element];
		if (calib_divide(s, s->all, gain) < 0)
			return -EDOM;
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < n; j++) {
			double less = 0;

			for (size_t a = 0; a < s->n; a++)
				less += s->gain[i * s->n + a] * wide * s->h[a] *
					s->prior[j * n + s->row[a].element];
			ret[i * n + j] = wide * s->prior[i * n + j] - less;
		}
	}
	return 0;
}

/* ---- collinear rare earths ------------------------------------------------ */

static bool calib_is_rare(int z)
{
	return z == 39 || (z >= 57 && z <= 71);
}

/* The rare earths that standards hold, and their contents by standard. */
static size_t calib_contents(const struct calib_system *s,
			     size_t element[COLLINEAR_MAX], double *content,
			     size_t n_standards)
{
	size_t n = 0;

	for (size_t i = 0; i < s->to->n && n < COLLINEAR_MAX; i++) {
		if (!calib_is_rare(s->to->m->element[i].z) || !s->to->n_seen[i])
			continue;
		for (size_t a = 0; a < s->n; a++) {
			if (s->row[a].element == i)
				content[n * n_standards + s->row[a].standard] =
					s->row[a].c;
		}
		element[n++] = i;
	}
	return n;
}

static int calib_check(const struct calib_system *s, struct calib *to,
		       size_t n_standards, enum calib_fault *ret_fault)
{
	CLEANUP(freep)
	double *content = calloc(COLLINEAR_MAX * n_standards, sizeof(*content));
	bool is_involved[COLLINEAR_MAX];
	size_t element[COLLINEAR_MAX], n, len = 0;

	if (!content)
		return -ENOMEM;
	to->condition = 1;
	n = calib_contents(s, element, content, n_standards);
	if (n < 2)
		return 0;
	if (collinear_find(content, n, n_standards, &to->condition,
			   is_involved) < 0)
		return -EDOM;
	for (size_t i = 0; i < n; i++) {
		const char *symbol = to->m->element[element[i]].symbol;

		if (!is_involved[i])
			continue;
		len += (size_t)snprintf(to->elements + len,
					sizeof(to->elements) - len, "%s%s",
					len ? " " : "", symbol);
		*ret_fault = CALIB_COLLINEAR;
	}
	return 0;
}

/* ---- leaving one out ------------------------------------------------------ */

/* Rows of all standards, or of all but one: those first, then its own. */
static size_t calib_part_rows(const struct calib_row *from, size_t n,
			      size_t standard, struct calib_row *to)
{
	size_t kept = 0, own;

	for (size_t a = 0; a < n; a++) {
		if (from[a].standard != standard)
			to[kept++] = from[a];
	}
	own = kept;
	for (size_t a = 0; a < n; a++) {
		if (from[a].standard == standard)
			to[own++] = from[a];
	}
	return kept;
}

static void calib_judge(const struct calib *part, const struct standard *std,
			const struct calib_row *row, struct calib_left_out *ret)
{
	size_t at = row->element * part->n + row->element;
	double k = part->k[row->element], counts = std->cov[at];
	double found = row->b / k;

	*ret = (struct calib_left_out){
		.standard = row->standard,
		.element = row->element,
		.content = row->c,
		.error = found / row->c - 1,
		.u = sqrt(fmax(0, part->cov[at]) / (k * k) * found * found +
			  counts / (k * k) + row->u_c * row->u_c) /
		     row->c,
	};
}

static int calib_leave_one(struct calib_system *s, struct calib *to,
			   const struct calib_row *row, size_t n_rows,
			   size_t standard)
{
	CLEANUP(freep) struct calib_row *part = calloc(n_rows, sizeof(*part));
	CLEANUP(freep) double *cov = calloc(to->n * to->n, sizeof(double));
	struct calib other = *to;
	int r;

	if (!part || !cov)
		return -ENOMEM;
	s->row = part;
	s->n = calib_part_rows(row, n_rows, standard, part);
	s->to = &other;
	other.cov = cov;
	r = calib_settle(s, &other, to->widened);
	if (r == 0)
		r = calib_covariance(s, to->widened, cov);
	for (size_t a = s->n; r == 0 && a < n_rows; a++)
		calib_judge(&other, &s->standard[standard], &part[a],
			    &to->left_out[to->n_left_out++]);
	s->to = to;
	s->row = row;
	s->n = n_rows;
	return r;
}

static int calib_leave_out(struct calib_system *s, struct calib *to,
			   const struct calib_row *row, size_t n_rows,
			   size_t n_standards)
{
	double sum = 0;

	to->rms = NAN;
	to->left_out = calloc(n_rows, sizeof(*to->left_out));
	if (!to->left_out)
		return -ENOMEM;
	for (size_t m = 0; n_standards > 1 && m < n_standards; m++) {
		int r = calib_leave_one(s, to, row, n_rows, m);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < to->n_left_out; i++)
		sum += to->left_out[i].error * to->left_out[i].error;
	if (to->n_left_out)
		to->rms = sqrt(sum / (double)to->n_left_out);
	return 0;
}

/* ---- all of it ------------------------------------------------------------ */

static size_t calib_collect(const struct calib *c, const struct standard *std,
			    size_t n_standards, struct calib_row *ret)
{
	size_t n = 0;

	for (size_t m = 0; m < n_standards; m++) {
		for (size_t i = 0; i < c->n; i++) {
			if (!std[m].is_stated[i] || !(std[m].content[i] > 0) ||
			    !(std[m].cov[i * c->n + i] > 0))
				continue;
			if (n < CALIB_MAX_CONTENTS)
				ret[n] = (struct calib_row){ m, i,
							     std[m].found[i],
							     std[m].content[i],
							     std[m].u[i] };
			n++;
		}
	}
	return n;
}

static void calib_see(struct calib *c, const struct calib_row *row)
{
	size_t i = row->element;

	if (!c->n_seen[i] || row->c < c->low[i])
		c->low[i] = row->c;
	c->high[i] = fmax(c->high[i], row->c);
	c->n_seen[i]++;
}

static int calib_solve_rows(struct calib_system *s, struct calib *to,
			    size_t n_standards, enum calib_fault *ret_fault)
{
	const struct calib_row *row = s->row;
	size_t n_rows = s->n;
	int r = calib_check(s, to, n_standards, ret_fault);

	if (r < 0 || *ret_fault != CALIB_SOLVED)
		return r;
	to->widened = calib_widen(s, to);
	r = calib_settle(s, to, to->widened);
	if (r == 0)
		r = calib_covariance(s, to->widened, to->cov);
	for (size_t i = 0; i < to->n; i++)
		to->prior_u[i] = to->widened * sqrt(s->prior[i * to->n + i]);
	if (r == 0)
		r = calib_leave_out(s, to, row, n_rows, n_standards);
	return r;
}

int calib_solve(const struct method *m, const struct standard *standard,
		size_t n_standards, double standardless, struct calib *ret,
		enum calib_fault *ret_fault)
{
	CLEANUP(freep)
	struct calib_row *row = calloc(CALIB_MAX_CONTENTS, sizeof(*row));
	CLEANUP(calib_system_deinit) struct calib_system s = { 0 };
	int r;

	*ret = (struct calib){ .m = m, .n = m->n_elements };
	*ret_fault = CALIB_SOLVED;
	ret->cov = calloc(ret->n * ret->n, sizeof(double));
	if (!row || !ret->cov)
		return -ENOMEM;
	s.to = ret;
	s.standard = standard;
	s.row = row;
	s.n = calib_collect(ret, standard, n_standards, row);
	if (!s.n)
		*ret_fault = CALIB_NOTHING;
	if (s.n > CALIB_MAX_CONTENTS || n_standards > CALIB_MAX_STANDARDS)
		*ret_fault = CALIB_TOO_MANY;
	if (*ret_fault != CALIB_SOLVED)
		return 0;
	for (size_t a = 0; a < s.n; a++)
		calib_see(ret, &row[a]);
	r = calib_system_init(&s, ret->n, s.n);
	if (r < 0)
		return r;
	calib_fill_prior(m, standardless, s.prior);
	r = calib_solve_rows(&s, ret, n_standards, ret_fault);
	if (r == -EDOM) {
		*ret_fault = CALIB_SINGULAR;
		return 0;
	}
	return r;
}

void calib_deinit(struct calib *c)
{
	free(c->cov);
	free(c->left_out);
	c->cov = NULL;
	c->left_out = NULL;
}

const char *calib_fault_text(enum calib_fault fault)
{
	switch (fault) {
	case CALIB_SOLVED:
		return "solved";
	case CALIB_NOTHING:
		return "no standard holds an element of the method";
	case CALIB_TOO_MANY:
		return "more than 64 standards or 1024 contents";
	case CALIB_COLLINEAR:
		return "rare earths stand in the same proportions in all standards, so none of their factors can be told from an overlap; add a standard in which they do not, as a pure oxide";
	default:
		return "the system has no solution";
	}
}

const char *calib_source(const struct calib *c, size_t i)
{
	if (c->n_seen[i])
		return "measured";
	return sqrt(fmax(0, c->cov[i * c->n + i])) < LEARNED * c->prior_u[i]
		       ? "interpolated"
		       : "physics";
}
