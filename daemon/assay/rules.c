// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the rules of a method, and takes a quantity apart. */
#include "assay/rules.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/limits.h"
#include "assay/symbols.h"

size_t rules_members(const char *quantity, char ret[RULES_MEMBERS][3],
		     bool *ret_oxides)
{
	const char *const *sum = limits_members(quantity);
	size_t n = 0;

	*ret_oxides = true;
	for (; sum && n < RULES_MEMBERS && sum[n]; n++)
		strcpy(ret[n], sum[n]);
	if (sum)
		return n;
	for (const char *s = quantity; *s; n++) {
		size_t len = 1 + !!islower((unsigned char)s[1]);

		if (n == RULES_MEMBERS || !symbol_to_z(s, len))
			return 0;
		snprintf(ret[n], sizeof(ret[n]), "%.*s", (int)len, s);
		s += len;
	}
	*ret_oxides = n > 1;
	return n;
}

static const char *skip(const char *s)
{
	return s + strspn(s, " \t");
}

/* A word of letters into @ret; NULL when it is no quantity, and @no when it is
 * a word. */
static const char *parse_quantity(const char *s, char ret[METHOD_QUANTITY],
				  struct ini_refusal *no)
{
	char members[RULES_MEMBERS][3];
	size_t len = 0;
	bool is_oxides;

	while (isalpha((unsigned char)s[len]))
		len++;
	if (len)
		*no = (struct ini_refusal){
			"unknown quantity; want TREO, LREO, HREO, MREO, CREO, or symbols of elements as Nd or NdPr",
			s, len
		};
	if (len >= METHOD_QUANTITY)
		return NULL;
	memcpy(ret, s, len);
	ret[len] = '\0';
	if (!rules_members(ret, members, &is_oxides))
		return NULL;
	*no = (struct ini_refusal){ 0 };
	return skip(s + len);
}

static const char *parse_number(const char *s, double *ret)
{
	char *end;

	/* strtod() takes more than a person means by a number. */
	if (!isdigit((unsigned char)*s))
		return NULL;
	*ret = strtod(s, &end);
	return end == s + strspn(s, "0123456789.") ? skip(end) : NULL;
}

/* What turns the unit into mg/kg. */
static const char *parse_unit(const char *s, double *ret)
{
	static const struct {
		const char *unit;
		double factor;
	} units[] = { { "%", 1e4 }, { "ppm", 1 }, { "mg/kg", 1 } };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		const size_t len = strlen(units[i].unit);

		if (!strncmp(s, units[i].unit, len)) {
			*ret = units[i].factor;
			return skip(s + len);
		}
	}
	return NULL;
}

static const char *parse_char(const char *s, char c)
{
	return *s == c ? skip(s + 1) : NULL;
}

/* One rule; NULL when it is none, and perhaps @no. */
static const char *parse_rule(const char *s, struct method_rule *rule,
			      struct ini_refusal *no)
{
	const char *begin = s;
	double unit = 1, percent = 0;

	s = *s == 'P' ? parse_char(s + 1, '(') : NULL;
	s = s ? parse_quantity(s, rule->quantity, no) : NULL;
	rule->is_below = s && *s == '<';
	s = s && (*s == '<' || *s == '>') ? skip(s + 1) : NULL;
	s = s ? parse_number(s, &rule->bound) : NULL;
	s = s ? parse_unit(s, &unit) : NULL;
	s = s ? parse_char(s, ')') : NULL;
	s = s ? parse_char(s, '>') : NULL;
	s = s ? parse_number(s, &percent) : NULL;
	s = s ? parse_char(s, '%') : NULL;
	if (!s || s - begin >= METHOD_RULE)
		return NULL;
	rule->bound *= unit;
	rule->p = percent / 100;
	snprintf(rule->text, sizeof(rule->text), "%.*s", (int)(s - begin),
		 begin);
	/* Blanks behind the last word are no part of it. */
	for (size_t n = strlen(rule->text); n && rule->text[n - 1] == ' '; n--)
		rule->text[n - 1] = '\0';
	return s;
}

/* Of the rule that begins at @s and says @why. */
static int refuse_rule(const char *s, const char *why, struct ini_refusal *no)
{
	size_t len = strcspn(s, "|");

	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	*no = (struct ini_refusal){ why, s, len };
	return -EINVAL;
}

int rules_parse_fail(const char *value, void *field, struct ini_refusal *no)
{
	struct method_rules *rules = field;
	const char *s = skip(value);

	rules->n = 0;
	while (*s) {
		struct method_rule *rule = &rules->rule[rules->n];
		const char *begin = s;

		if (rules->n == METHOD_MAX_RULES)
			return refuse_rule(begin, "at most 8 rules", no);
		s = parse_rule(s, rule, no);
		if (!s && no->why)
			return -EINVAL;
		if (!s || (*s && *s != '|'))
			return refuse_rule(
				begin,
				"want rules as P(TREO < 0.5 %) > 5 %, in %, ppm or mg/kg, with | between them",
				no);
		if (!(rule->bound > 0 && rule->bound <= 1e6))
			return refuse_rule(
				begin,
				"the content must be above 0 and at most 100 %",
				no);
		if (!(rule->p >= 0.001 && rule->p <= 0.999))
			return refuse_rule(
				begin, "the probability must be 0.1 to 99.9 %",
				no);
		rules->n++;
		s = *s ? skip(s + 1) : s;
	}
	return 0;
}

int rules_parse_bins(const char *value, void *field, struct ini_refusal *no)
{
	struct method_bins *bins = field;
	const char *s = skip(value);
	double unit = 1;

	*bins = (struct method_bins){ 0 };
	if (!*s)
		return 0;
	s = parse_quantity(s, bins->quantity, no);
	while (s && isdigit((unsigned char)*s) && bins->n < METHOD_MAX_BINS)
		s = parse_number(s, &bins->bound[bins->n++]);
	s = s ? parse_unit(s, &unit) : NULL;
	if (!s || *s || !bins->n) {
		if (!no->why)
			no->why =
				"want a quantity, up to 15 bounds and their unit, as NdPr 0.5 1 2 %";
		return -EINVAL;
	}
	for (size_t i = 0; i < bins->n; i++) {
		bins->bound[i] *= unit;
		if (!(bins->bound[i] > (i ? bins->bound[i - 1] : 0) &&
		      bins->bound[i] <= 1e6)) {
			no->why =
				"bounds must rise, from above 0 to at most 100 %";
			return -EINVAL;
		}
	}
	return 0;
}
