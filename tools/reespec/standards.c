// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads the list of a calibration's standards and measures them. */
#include "reespec/standards.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ini.h"
#include "reespec/measurement.h"

#define MG_KG 1e6

/* One number and the text behind it; false when there is none. */
static bool take_number(const char **text, double *ret)
{
	char *end;

	*ret = strtod(*text, &end);
	if (end == *text || !isfinite(*ret))
		return false;
	*text = end + strspn(end, " \t");
	return true;
}

static int take_positive(const char *text, double *ret, const char **why)
{
	if (take_number(&text, ret) && !*text && *ret > 0)
		return 0;
	*why = "want a number above 0";
	return -EINVAL;
}

/* The place of the standard a section is about, made when it is new. */
static int find_standard(struct standards *s, const char *name,
			 const char **why)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!strcmp(s->standard[i].name, name))
			return (int)i;
	}
	if (s->n == CALIB_MAX_STANDARDS) {
		*why = "more than 64 standards";
		return -EINVAL;
	}
	if (!*name || strlen(name) >= sizeof(s->standard[0].name)) {
		*why = "a standard's name has 1 to 63 characters";
		return -EINVAL;
	}
	strcpy(s->standard[s->n].name, name);
	s->standard[s->n].oxygen = NAN;
	s->item[s->n] = (struct standards_item){ "", NAN, NAN, NAN };
	return (int)s->n++;
}

static int take_content(struct standards *s, size_t at, const char *symbol,
			const char *text, const char **why)
{
	struct standard *to = &s->standard[at];
	int i = method_find(s->m, symbol);
	double content, u;

	if (i < 0 && strcmp(symbol, "O") != 0) {
		*why = "neither a key nor an element of the method";
		return -EINVAL;
	}
	if (!take_number(&text, &content) || !take_number(&text, &u) || *text ||
	    content < 0 || content > MG_KG || !(u > 0) || u > MG_KG) {
		*why = "want a content and its standard uncertainty, both in mg/kg, as: La = 852600 100";
		return -EINVAL;
	}
	if (i < 0) {
		to->oxygen = content / MG_KG;
		return 0;
	}
	to->is_stated[i] = true;
	to->content[i] = content / MG_KG;
	to->u[i] = u / MG_KG;
	return 0;
}

static int take_spectrum(struct standards *s, size_t at, const char *text,
			 const char **why)
{
	const char *slash = strrchr(s->path, '/');
	int len = slash && *text != '/' ? (int)(slash - s->path) + 1 : 0;

	if (*text &&
	    snprintf(s->item[at].path, sizeof(s->item[at].path), "%.*s%s", len,
		     s->path, text) < (int)sizeof(s->item[at].path))
		return 0;
	*why = "want the name of a file";
	return -EINVAL;
}

static int take(void *target, const char *section, const char *key,
		const char *value, const char **why)
{
	struct standards *s = target;
	int at;

	if (!strcmp(section, "calibration")) {
		if (!strcmp(key, "standardless_u"))
			return take_positive(value, &s->standardless, why);
		*why = "no such key in this section";
		return -EINVAL;
	}
	at = find_standard(s, section, why);
	if (at < 0)
		return at;
	if (!strcmp(key, "spectrum"))
		return take_spectrum(s, (size_t)at, value, why);
	if (!strcmp(key, "areal_g_cm2"))
		return take_positive(value, &s->item[at].areal_g_cm2, why);
	if (!strcmp(key, "density_g_cm3"))
		return take_positive(value, &s->item[at].density_g_cm3, why);
	if (!strcmp(key, "current_ua"))
		return take_positive(value, &s->item[at].current_ua, why);
	return take_content(s, (size_t)at, key, value, why);
}

int standards_load(const struct args *args, const char *path,
		   const struct method *m, struct standards **ret)
{
	static const struct ini_table table = { .other = take };
	struct standards *s = calloc(1, sizeof(*s));
	struct ini_error error = { 0 };
	char text[900];
	int r;

	*ret = s;
	if (!s)
		return fail(args, REESPEC_FAILED, "out of memory");
	s->m = m;
	s->path = path;
	r = ini_load(path, &table, s, &error);
	if (r == -ENOENT)
		return fail(args, REESPEC_NOT_FOUND, "%s: %s", path,
			    strerror(ENOENT));
	if (r < 0) {
		ini_error_text(&error, text, sizeof(text));
		return fail(args, REESPEC_FAILED, "%s", text);
	}
	for (size_t i = 0; i < s->n; i++) {
		if (!*s->item[i].path)
			return fail(args, REESPEC_FAILED,
				    "%s: [%s] spectrum: is required", path,
				    s->standard[i].name);
	}
	if (!s->n)
		return fail(args, REESPEC_FAILED, "%s: lists no standard",
			    path);
	return REESPEC_OK;
}

struct standards *standards_free(struct standards *s)
{
	for (size_t i = 0; s && i < s->n; i++)
		standard_deinit(&s->standard[i]);
	free(s);
	return NULL;
}

static int measure(const struct args *args, struct assay_engine *e,
		   const struct standards_item *item, struct standard *to)
{
	CLEANUP(spectrum_freep) struct spectrum *s = NULL;
	const char *why = "";
	int r = measurement_load(args, item->path, &s);

	if (r)
		return r;
	s->areal_g_cm2 = item->areal_g_cm2;
	s->density_g_cm3 = item->density_g_cm3;
	s->tube_ua = item->current_ua;
	r = standard_measure(e, s, to, &why);
	if (r == -EINVAL)
		return fail(args, REESPEC_FAILED, "%s: %s", to->name, why);
	if (r < 0)
		return fail(args, REESPEC_FAILED, "%s: %s", to->name,
			    strerror(-r));
	return REESPEC_OK;
}

int standards_measure(const struct args *args, struct assay_engine *e,
		      struct standards *s)
{
	for (size_t i = 0; i < s->n; i++) {
		int r = measure(args, e, &s->item[i], &s->standard[i]);

		if (r)
			return r;
	}
	return REESPEC_OK;
}
