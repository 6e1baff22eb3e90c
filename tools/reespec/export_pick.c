// SPDX-License-Identifier: GPL-2.0-or-later
/* Which results are exported, and what each one's file is called. */
#include "reespec/export_pick.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "reespec/later.h"
#include "reespec/result.h"

/* A day or a time of the local clock, or RFC 3339 in UTC as records have it. */
static int read_time(const struct args *args, const char *option, char ret[32])
{
	static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%d %H:%M",
					     "%Y-%m-%d %H:%M:%S",
					     "%Y-%m-%dT%H:%M:%SZ" };
	const char *text = args_get(args, option);

	ret[0] = 0;
	if (!text)
		return REESPEC_OK;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(text, forms[i], &tm);
		time_t at;

		if (!end || *end)
			continue;
		at = strchr(forms[i], 'Z') ? timegm(&tm) : mktime(&tm);
		gmtime_r(&at, &tm);
		/* No "Z": it is the least of all fractions of its second. */
		strftime(ret, 32, "%Y-%m-%dT%H:%M:%S", &tm);
		return REESPEC_OK;
	}
	return fail(
		args, REESPEC_USAGE,
		"--%s %s: want a day as 2026-11-26, or \"2026-11-26 08:00\", or 2026-11-26T07:00:00Z",
		option, text);
}

static int check_kind(const struct args *args, const char *kind)
{
	static const char *const kinds[] = { "sample", "blank", "crm",
					     "duplicate", "drift" };

	for (size_t i = 0; kind && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i], kind))
			return REESPEC_OK;
	return kind ? fail(args, REESPEC_USAGE,
			   "--sample-kind %s: want sample, blank, crm, duplicate or drift",
			   kind)
		    : REESPEC_OK;
}

int export_pick_read(const struct args *args, struct export_pick *ret)
{
	int r;

	ret->sample = args_get(args, "sample");
	ret->method = args_get(args, "method");
	ret->device = args_get(args, "device");
	ret->sample_kind = args_get(args, "sample-kind");
	r = check_kind(args, ret->sample_kind);
	if (!r)
		r = read_time(args, "since", ret->since);
	return r ? r : read_time(args, "before", ret->before);
}

bool export_pick_is_any(const struct export_pick *pick)
{
	return !pick->sample && !pick->method && !pick->device &&
	       !pick->sample_kind && !*pick->since && !*pick->before;
}

static bool is_like(const char *wanted, const char *text)
{
	return !wanted || !strcmp(wanted, text);
}

bool export_pick_takes(const struct export_pick *pick, const struct record *r)
{
	if (pick->sample &&
	    fnmatch(pick->sample, js_text(r->json, "sample"), 0) != 0 &&
	    fnmatch(pick->sample, later_measured_as(r->json), 0) != 0)
		return false;
	return is_like(pick->method, result_method(r->json)) &&
	       is_like(pick->device, r->head.serial) &&
	       is_like(pick->sample_kind, js_text(r->json, "sample_kind")) &&
	       strcmp(r->head.time, pick->since) >= 0 &&
	       (!*pick->before || strcmp(r->head.time, pick->before) < 0);
}

/* ---- names ---------------------------------------------------------------- */

/* What may stand between braces; of them the last two are local time. */
static const char *const names[] = { "sample", "kind", "method", "serial",
				     "ledger", "seq",  "date",	 "time" };
#define NAMES "{sample} {kind} {method} {serial} {ledger} {seq} {date} {time}"

static void field_value(const struct record *r, size_t i, char *ret,
			size_t size)
{
	struct tm tm = { 0 };
	time_t at;

	strptime(r->head.time, "%Y-%m-%dT%H:%M:%S", &tm);
	at = timegm(&tm);
	localtime_r(&at, &tm);
	switch (i) {
	case 0:
		snprintf(ret, size, "%s", js_text(r->json, "sample"));
		break;
	case 1:
		snprintf(ret, size, "%s", js_text(r->json, "sample_kind"));
		break;
	case 2:
		snprintf(ret, size, "%s", result_method(r->json));
		break;
	case 3:
		snprintf(ret, size, "%s", r->head.serial);
		break;
	case 4:
		snprintf(ret, size, "%s", r->head.ledger);
		break;
	case 5:
		snprintf(ret, size, "%" PRIu64, r->head.seq);
		break;
	default:
		strftime(ret, size, i == 6 ? "%Y-%m-%d" : "%H-%M-%S", &tm);
	}
}

/* One {field} at @at; NULL after saying why not, else where it ends. */
static const char *put_field(const struct args *args, const struct record *r,
			     const char *at, struct buf *b)
{
	size_t len = strcspn(at + 1, "}");
	char value[300];

	for (size_t i = 0; at[1 + len] && i < ARRAY_SIZE(names); i++) {
		if (strlen(names[i]) != len || memcmp(names[i], at + 1, len))
			continue;
		field_value(r, i, value, sizeof(value));
		buf_append_str(b, value);
		return at + len + 2;
	}
	fail(args, REESPEC_USAGE, "--name: no field %.*s; there are: " NAMES,
	     (int)len + 2, at);
	return NULL;
}

/* Letters, digits and -_.+ are safe everywhere, and so is what is not ASCII;
 * a dot in front would hide the file. */
static void make_safe(char *name)
{
	static const char safe[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+";

	for (char *c = name; *c; c++)
		if ((unsigned char)*c < 0x80 && !strchr(safe, *c))
			*c = '_';
	if (*name == '.')
		*name = '_';
}

int export_name(const struct args *args, const char *pattern,
		const struct record *r, const char *extension, char *ret,
		size_t size)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };

	while (*pattern) {
		if (*pattern == '{') {
			pattern = put_field(args, r, pattern, &b);
			if (!pattern)
				return REESPEC_USAGE;
		} else {
			buf_append(&b, pattern++, 1);
		}
	}
	buf_printf(&b, ".%s", extension);
	if (!b.data || b.len >= size)
		return fail(args, REESPEC_USAGE,
			    "record %" PRIu64
			    ": its name by --name is longer than %zu bytes",
			    r->head.seq, size - 1);
	snprintf(ret, size, "%s", b.data);
	make_safe(ret);
	return REESPEC_OK;
}
