// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A method that joins two others.
 *
 * Both get the elements of either, in one order, so that one composition
 * serves both: an element that a set-up does not fit is silent in it and only
 * absorbs. The sample is one, so what is not seen of it is as the first says.
 * A candidate is what no part that fits it always fits: one is in both fits or
 * in none.
 */
#include "assay/method_join.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ini.h"

enum { PARTS = 2 };

struct join_draft {
	char *name;
	char *title;
	int stage;
	char part[PARTS][64];
};

static int join_parse(const char *value, void *field, struct ini_refusal *no)
{
	char(*part)[64] = field;
	char rest[2];

	if (sscanf(value, "%63s %63s %1s", part[0], part[1], rest) != PARTS ||
	    strchr(value, '/')) {
		no->why =
			"the names of two methods in this folder must stand here, without .ini";
		return -EINVAL;
	}
	return 0;
}

#define D(field) offsetof(struct join_draft, field)
/* clang-format off */
static const struct ini_key join_keys[] = {
	{ "method", "name", INI_STRING, D(name), NULL, 0, 0, NULL, NULL, NULL, NULL },
	{ "method", "title", INI_STRING, D(title), "", 0, 0, NULL, NULL, NULL, NULL },
	{ "method", "stage", INI_ENUM, D(stage), "", 0, 0, NULL, method_stages, NULL, NULL },
	{ "method", "join", INI_CUSTOM, D(part), NULL, 0, 0, NULL, NULL, join_parse, NULL },
};
/* clang-format on */

static const struct ini_table join_table = {
	.keys = join_keys,
	.n_keys = ARRAY_SIZE(join_keys),
};

static int join_refuse(const char *path, const char *why,
		       struct method_error *err)
{
	snprintf(err->file, sizeof(err->file), "%s", path);
	err->line = method_line_of(path, "join");
	snprintf(err->key, sizeof(err->key), "join");
	snprintf(err->why, sizeof(err->why), "%s", why);
	return -EINVAL;
}

static int join_load_part(const char *path, const char *name,
			  struct method **ret, struct method_error *err)
{
	const char *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) + 1 : 0;
	char part[METHOD_TEXT];

	if (snprintf(part, sizeof(part), "%.*s%s.ini", len, path, name) >=
	    (int)sizeof(part))
		return join_refuse(path, "the path is too long", err);
	if (method_line_of(part, "join"))
		return join_refuse(path, "a method that joins others is named",
				   err);
	return method_load(part, ret, err);
}

/* The elements of a method behind those that are there; how many it makes. */
static size_t join_list(const struct method *m, struct method_element *list,
			size_t n)
{
	for (size_t i = 0; i < m->n_elements; i++) {
		size_t k = 0;

		while (k < n && list[k].z != m->element[i].z)
			k++;
		if (k == n)
			list[n++] = m->element[i];
	}
	return n;
}

/* The calibration for elements that had other places, -1: were not there. */
static void join_move_calibration(struct method *m, const int *was, size_t n)
{
	const struct method_calibration old = m->calibration;
	struct method_calibration *c = &m->calibration;

	memset(c->cov, 0, sizeof(c->cov));
	for (size_t i = 0; i < n; i++) {
		c->k[i] = was[i] < 0 ? 1 : old.k[was[i]];
		c->n_seen[i] = was[i] < 0 ? 0 : old.n_seen[was[i]];
		c->low[i] = was[i] < 0 ? 0 : old.low[was[i]];
		c->high[i] = was[i] < 0 ? 0 : old.high[was[i]];
		for (size_t j = 0; j < n && was[i] >= 0; j++) {
			if (was[j] >= 0)
				c->cov[i * n + j] =
					old.cov[(size_t)was[i] * m->n_elements +
						(size_t)was[j]];
		}
	}
}

/*
 * Gives a method the elements of a list. What they are in the sample the list
 * says; by which line they are fitted, if they are, the method.
 */
static void join_lay_out(struct method *m, const struct method_element *list,
			 size_t n)
{
	struct method_element to[METHOD_MAX_ELEMENTS];
	int was[METHOD_MAX_ELEMENTS];

	for (size_t i = 0; i < n; i++) {
		was[i] = method_find(m, list[i].symbol);
		to[i] = list[i];
		to[i].is_silent = was[i] < 0;
		if (was[i] >= 0)
			memcpy(to[i].line, m->element[was[i]].line,
			       sizeof(to->line));
	}
	join_move_calibration(m, was, n);
	memcpy(m->element, to, n * sizeof(*to));
	m->n_elements = n;
}

/* What one part lists or always fits, both do. */
static void join_candidates(const struct method *m, struct method_element *list,
			    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int at = method_find(m, list[i].symbol);

		if (at < 0)
			continue;
		list[i].is_listed |= m->element[at].is_listed;
		list[i].is_candidate &= m->element[at].is_candidate;
	}
}

static int join_take(const char *path, const struct join_draft *d,
		     struct method *first, struct method *second,
		     struct method_error *err)
{
	struct method_element list[PARTS * METHOD_MAX_ELEMENTS];
	size_t n = join_list(second, list, join_list(first, list, 0));

	if (n > METHOD_MAX_ELEMENTS)
		return join_refuse(path, "together they have too many elements",
				   err);
	if (second->rules.n || second->bins.n)
		return join_refuse(
			path, "its rules have to stand in the first of the two",
			err);
	join_candidates(second, list, n);
	second->fit.candidates_error = first->fit.candidates_error;
	join_lay_out(first, list, n);
	join_lay_out(second, list, n);
	second->accept.sum_low = first->accept.sum_low;
	second->accept.sum_high = first->accept.sum_high;
	second->matrix.dark = first->matrix.dark;
	second->matrix.dark_light = first->matrix.dark_light;
	second->matrix.dark_heavy = first->matrix.dark_heavy;
	second->matrix.areal_g_cm2 = first->matrix.areal_g_cm2;
	second->matrix.density_g_cm3 = first->matrix.density_g_cm3;
	snprintf(first->name, sizeof(first->name), "%s", d->name);
	snprintf(first->title, sizeof(first->title), "%s", d->title);
	snprintf(first->stage, sizeof(first->stage), "%s",
		 method_stages[d->stage]);
	return 0;
}

static int join_load_parts(const char *path, const struct join_draft *d,
			   struct method **ret, struct method_error *err)
{
	CLEANUP(method_freep) struct method *first = NULL;
	CLEANUP(method_freep) struct method *second = NULL;
	int r;

	r = join_load_part(path, d->part[0], &first, err);
	if (r < 0)
		return r;
	r = join_load_part(path, d->part[1], &second, err);
	if (r < 0)
		return r;
	r = join_take(path, d, first, second, err);
	if (r < 0)
		return r;
	first->beside = TAKE_PTR(second);
	*ret = TAKE_PTR(first);
	return 0;
}

int method_join(const char *path, struct method **ret, struct method_error *err)
{
	struct join_draft d = { 0 };
	struct ini_error ini = { 0 };
	int r;

	r = ini_load(path, &join_table, &d, &ini);
	if (r < 0) {
		method_take_ini_error(&ini, err);
		return r == -EBADMSG ? -EINVAL : r;
	}
	r = join_load_parts(path, &d, ret, err);
	ini_release(&join_table, &d);
	return r;
}
