// SPDX-License-Identifier: GPL-2.0-or-later
/* Which elements a method's key "candidates" means. */
#include "assay/method_candidates.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "assay/lines.h"
#include "assay/rules.h"
#include "assay/symbols.h"

enum {
	FIRST_Z = 11,
	LAST_Z = 92,
};

static bool candidates_names(const char *quantity, const char *symbol)
{
	char members[RULES_MEMBERS][3];
	bool is_oxides;
	size_t n = rules_members(quantity, members, &is_oxides);

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(members[i], symbol))
			return true;
	}
	return false;
}

/* Why an element is always fitted, or never; NULL: it may be a candidate. */
static const char *candidates_bar(const struct method *m, int z)
{
	const char *symbol = symbol_of(z);
	int at = method_find(m, symbol);

	if ((z >= 57 && z <= 71) || z == 39 || z == 21)
		return "a rare earth is never left out of a fit: put it into [elements]";
	if (z == 90 || z == 92)
		return "the activity needs it: put it into [elements]";
	if (!strcmp(m->tube.anode, symbol))
		return "the tube's own lines are its";
	if (at >= 0 && m->element[at].is_air)
		return "it is of the air";
	for (size_t i = 0; i < m->rules.n; i++) {
		if (candidates_names(m->rules.rule[i].quantity, symbol))
			return "a rule is about it: it has to be fitted";
	}
	if (m->bins.n && candidates_names(m->bins.quantity, symbol))
		return "a rule is about it: it has to be fitted";
	return NULL;
}

/* The line that the range holds, K before L; NULL: none. */
static const char *candidates_line(const struct method *m, int z)
{
	static const char *const lines[] = { "K", "L" };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		double edge, kev = lines_alpha_kev(&m->line_data, z, lines[i],
						   &edge);

		if (kev >= m->fit.low_kev && kev <= m->fit.high_kev &&
		    edge < m->tube.kv)
			return lines[i];
	}
	return NULL;
}

/* What no ore or product holds: noble gases, and what has no stable isotope. */
static bool candidates_is_common(int z)
{
	return z != 18 && z != 36 && z != 54 && z != 43 && !(z >= 84);
}

/* 0, or -EINVAL: it has no line, or there are too many. */
static int candidates_add(struct method *m, int z, const char **why)
{
	struct method_element e = { .z = z,
				    .oxide_cation = 1,
				    .matrix_cation = 1,
				    .is_candidate = true };
	const char *line = candidates_line(m, z);
	int at = method_find(m, symbol_of(z));

	if (at >= 0) {
		m->element[at].is_candidate = true;
		return 0;
	}
	if (!line) {
		*why = "no K- or L-alpha of it is excited in the range";
		return -EINVAL;
	}
	if (m->n_elements == METHOD_MAX_ELEMENTS) {
		*why = "with it there are more than 80 elements";
		return -EINVAL;
	}
	snprintf(e.symbol, sizeof(e.symbol), "%s", symbol_of(z));
	snprintf(e.line, sizeof(e.line), "%s", line);
	m->element[m->n_elements++] = e;
	return 0;
}

static int candidates_refuse(const char *symbol, const char *reason, char *why,
			     size_t size)
{
	snprintf(why, size, "%.16s: %s", symbol, reason);
	return -EINVAL;
}

static int candidates_take_all(struct method *m, char *why, size_t size)
{
	const char *reason = NULL;

	for (int z = FIRST_Z; z <= LAST_Z; z++) {
		bool is_listed = method_find(m, symbol_of(z)) >= 0;

		if (candidates_bar(m, z) ||
		    (!is_listed &&
		     (!candidates_is_common(z) || !candidates_line(m, z))))
			continue;
		if (candidates_add(m, z, &reason) < 0)
			return candidates_refuse(symbol_of(z), reason, why,
						 size);
	}
	return 0;
}

int method_candidates_take(struct method *m, const char *text, char *why,
			   size_t size)
{
	static const char between[] = " \t,";
	const char *s = text ? text + strspn(text, between) : "";

	if (!strcmp(s, "auto"))
		return candidates_take_all(m, why, size);
	while (*s) {
		size_t len = strcspn(s, between);
		int z = symbol_to_z(s, len);
		const char *reason =
			z ? candidates_bar(m, z)
			  : "neither auto nor the symbol of an element up to U";

		if (reason || candidates_add(m, z, &reason) < 0) {
			char symbol[17];

			snprintf(symbol, sizeof(symbol), "%.*s",
				 (int)(len < 16 ? len : 16), s);
			return candidates_refuse(symbol, reason, why, size);
		}
		s += len;
		s += strspn(s, between);
	}
	return 0;
}
