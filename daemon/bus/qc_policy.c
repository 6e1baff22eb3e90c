// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads qc.conf: [policy], and one [check NAME] for each check. */
#include "bus/qc_policy.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assay/control.h"
#include "base/ini.h"
#include "base/text.h"

static const char prefix[] = "check ";

static const char *const kinds[] = { "blank", "crm", "duplicate", "drift",
				     NULL };
static const char *const gates[] = { "none", "failed", "due", NULL };

const char *qc_kind_name(enum qc_kind kind)
{
	return kinds[kind];
}

static int read_rules(const char *value, void *field, struct ini_refusal *no)
{
	unsigned int *rules = field;
	char word[8];
	size_t len;
	int rule;

	for (*rules = 0; *value; value += len) {
		value += strspn(value, ", \t");
		len = strcspn(value, ", \t");
		if (!len)
			break;
		snprintf(word, sizeof(word), "%.*s", (int)len, value);
		rule = len < sizeof(word) ? control_rule_parse(word) : -1;
		if (rule < 0) {
			*no = (struct ini_refusal){
				"want 1_2s, 1_3s, 2_2s, R_4s, 4_1s or 10_x",
				value, len
			};
			return -EINVAL;
		}
		*rules |= 1U << rule;
	}
	return 0;
}

static int read_text(char *to, size_t size, const char *value, const char **why)
{
	if (!text_valid(value, size - 1)) {
		*why = "empty, too long or not printable";
		return -EINVAL;
	}
	strcpy(to, value);
	return 0;
}

static int read_number(double *to, const char *value, const char **why)
{
	char *end;

	*to = strtod(value, &end);
	if (end == value || *end || !isfinite(*to) || *to < 0) {
		*why = "want a number that is not negative";
		return -EINVAL;
	}
	return 0;
}

static int read_kind(struct qc_check *c, const char *value, const char **why)
{
	for (int i = 0; kinds[i]; i++)
		if (!strcmp(value, kinds[i])) {
			c->kind = i;
			return 0;
		}
	*why = "want blank, crm, duplicate or drift";
	return -EINVAL;
}

/* Checks are told apart by the names in their sections. */
static struct qc_check *find(struct qc_policy *p, const char *name,
			     const char **why)
{
	struct qc_check *c;

	for (size_t i = 0; i < p->n_checks; i++)
		if (!strcmp(p->checks[i].name, name))
			return &p->checks[i];
	if (!text_valid(name, sizeof(c->name) - 1)) {
		*why = "a check's name has 1 to 31 bytes";
		return NULL;
	}
	if (p->n_checks == QC_CHECKS_MAX) {
		*why = "more than 32 checks";
		return NULL;
	}
	c = &p->checks[p->n_checks++];
	*c = (struct qc_check){
		.kind = -1, .mean = NAN, .s = NAN, .max = NAN, .max_rel = NAN
	};
	strcpy(c->name, name);
	return c;
}

static int on_other(void *target, const char *section, const char *key,
		    const char *value, const char **why)
{
	struct qc_check *c;

	if (strncmp(section, prefix, strlen(prefix)))
		return -ENOENT;
	c = find(target, section + strlen(prefix), why);
	if (!c)
		return -EINVAL;
	if (!strcmp(key, "kind"))
		return read_kind(c, value, why);
	if (!strcmp(key, "sample"))
		return read_text(c->sample, sizeof(c->sample), value, why);
	if (!strcmp(key, "method"))
		return read_text(c->method, sizeof(c->method), value, why);
	if (!strcmp(key, "element"))
		return read_text(c->element, sizeof(c->element), value, why);
	if (!strcmp(key, "mean_mg_kg"))
		return read_number(&c->mean, value, why);
	if (!strcmp(key, "s_mg_kg"))
		return read_number(&c->s, value, why);
	if (!strcmp(key, "max_mg_kg"))
		return read_number(&c->max, value, why);
	if (!strcmp(key, "max_percent"))
		return read_number(&c->max_rel, value, why);
	if (!strcmp(key, "every_samples"))
		return read_number(&c->every, value, why);
	if (!strcmp(key, "every_hours"))
		return read_number(&c->hours, value, why);
	*why = "no such key of a check; there are: kind sample method element"
	       " mean_mg_kg s_mg_kg max_mg_kg max_percent every_samples"
	       " every_hours";
	return -EINVAL;
}

/* What a check lacks for its kind; NULL when nothing. */
static const char *lacks(const struct qc_check *c)
{
	if (c->kind < 0)
		return "kind";
	if (!c->method[0])
		return "method";
	if (!c->element[0])
		return "element";
	if (c->kind == QC_BLANK)
		return isnan(c->max) ? "max_mg_kg" : NULL;
	if (c->kind == QC_DUPLICATE)
		return isnan(c->max_rel) ? "max_percent" : NULL;
	if (!c->sample[0])
		return "sample";
	if (isnan(c->mean))
		return "mean_mg_kg";
	return c->s > 0 ? NULL : "s_mg_kg";
}

int qc_policy_load(const char *path, struct qc_policy *ret, char *why,
		   size_t why_size)
{
	static const struct ini_key keys[] = {
		{ "policy", "gate", INI_ENUM, offsetof(struct qc_policy, gate),
		  "none", 0, 0, NULL, gates, NULL, NULL },
		{ "policy", "rules", INI_CUSTOM,
		  offsetof(struct qc_policy, rules), "1_3s 2_2s R_4s 4_1s 10_x",
		  0, 0, NULL, NULL, read_rules, NULL },
	};
	const struct ini_table table = { .keys = keys,
					 .n_keys = ARRAY_SIZE(keys),
					 .other = on_other,
					 .other_section = "check NAME" };
	struct ini_error err = { 0 };
	const char *missing;
	int r;

	if (access(path, F_OK) < 0)
		return -errno;
	memset(ret, 0, sizeof(*ret));
	r = ini_load(path, &table, ret, &err);
	if (r < 0) {
		ini_error_text(&err, why, why_size);
		return r;
	}
	for (size_t i = 0; i < ret->n_checks; i++) {
		missing = lacks(&ret->checks[i]);
		if (!missing)
			continue;
		snprintf(why, why_size, "%s: [check %s] %s: missing or zero",
			 path, ret->checks[i].name, missing);
		return -EBADMSG;
	}
	return 0;
}
