// SPDX-License-Identifier: GPL-2.0-or-later
/* A record in words: one line for a log, or its members one by one. */
#include "reespec/record_text.h"

#include <inttypes.h>
#include <math.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>

#include "reespec/member_text.h"
#include "reespec/print.h"
#include "reespec/result.h"

/* What a record has to say for itself, by the members it carries. */
static void summarise(const struct record *r, char *text, size_t size)
{
	double live = NAN;
	const char *state = js_text(r->json, "state");
	const char *why = js_text(r->json, "why");

	js_get_real(r->json, "live_s", &live);
	result_summary(r->json, text, size);
	if (*state && strcmp(state, "done")) {
		char contents[128];

		snprintf(contents, sizeof(contents), "%.127s", text);
		snprintf(text, size, "%s%s%s%s%s", state, *why ? ": " : "", why,
			 *contents ? "; " : "", contents);
	} else if (*text) {
		return;
	} else if (*why) {
		snprintf(text, size, "%s", why);
	} else if (isfinite(live)) {
		snprintf(text, size, "live %.1f s", live);
	} else if (*result_method(r->json)) {
		snprintf(text, size, "by %s", result_method(r->json));
	} else if (*js_text(r->json, "meaning")) {
		snprintf(text, size, "%s: %s to %s",
			 js_text(r->json, "meaning"), js_text(r->json, "first"),
			 js_text(r->json, "last"));
	} else if (*js_text(r->json, "what")) {
		snprintf(text, size, "%s: %s", js_text(r->json, "what"),
			 js_text(r->json, "reason"));
	} else if (*js_text(r->json, "sent") && *js_text(r->json, "reason")) {
		snprintf(text, size, "%s: %s", js_text(r->json, "reason"),
			 js_text(r->json, "sent"));
	} else if (*js_text(r->json, "software")) {
		snprintf(text, size, "%s", js_text(r->json, "software"));
	}
}

static const struct record_columns any = RECORD_COLUMNS_ANY;

static void widen(int *column, int width)
{
	if (*column < width)
		*column = width;
}

void record_columns_fit(struct record_columns *c, const struct record *r)
{
	const int sample = (int)print_columns(js_text(r->json, "sample"));

	widen(&c->seq, snprintf(NULL, 0, "%" PRIu64, r->head.seq));
	widen(&c->kind, (int)strlen(chain_kind_name(r->head.kind)));
	/* A longer one leaves no room for what is behind it. */
	if (sample <= any.sample)
		widen(&c->sample, sample);
}

void record_text_line(FILE *out, const struct record *r,
		      const struct record_columns *c)
{
	const char *sample = js_text(r->json, "sample");
	const int columns = (int)print_columns(sample);
	char text[256] = "";
	char head[512];
	char both[512];
	int len;

	summarise(r, text, sizeof(text));
	len = snprintf(head, sizeof(head), "%*" PRIu64 "  %s  %-*s  ", c->seq,
		       r->head.seq, print_local_time(r->head.time).text,
		       c->kind, chain_kind_name(r->head.kind));
	/* A long name goes on below itself, and what is told behind it. */
	if (print_has_edge(out) && columns > any.sample) {
		snprintf(both, sizeof(both), "%s  %s", sample, text);
		print_line(out, PRINT_PLAIN, head, both);
		return;
	}
	snprintf(head + len, sizeof(head) - (size_t)len, "%s%*s  ", sample,
		 columns < c->sample ? c->sample - columns : 0, "");
	print_line(out, PRINT_PLAIN, head, text);
}

static void print_operator(FILE *out, uint32_t uid)
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		fprintf(out, "operator       %s (uid %u)\n", user->pw_name,
			uid);
	else
		fprintf(out, "operator       uid %u\n", uid);
}

/* Members every body has, which are told above or are of no use to people. */
static bool is_common(const char *key)
{
	static const char *const common[] = {
		"ledger", "seq",    "time",  "boot",	  "mono_ns",	 "kind",
		"uid",	  "serial", "blobs", "simulated", "corrected_by"
	};

	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		if (!strcmp(key, common[i]))
			return true;
	return false;
}

void record_text_keys(FILE *out, json_t *keys, int column)
{
	char head[160];
	const char *key;
	const char *text;
	json_t *value;

	for (void *it = NULL; js_next(keys, &it, &key, &value);) {
		snprintf(head, sizeof(head), "  %-*s ", column - 3, key);
		if (js_str_value(value, &text, NULL))
			print_line(out, PRINT_PLAIN, head, text);
	}
}

void record_text_identity(FILE *out, json_t *body)
{
	const char *kind = js_text(body, "sample_kind");

	if (*kind && strcmp(kind, "sample"))
		fprintf(out, "%s%s%s\n", print_style(out, PRINT_BOLD), kind,
			print_style(out, PRINT_PLAIN));
	record_text_keys(out, js_get(body, "keys"), RECORD_TEXT_COLUMN);
}

/* A line for grep, which goes on below itself on a terminal. */
__attribute__((__format__(__printf__, 3, 4))) static void
print_long(FILE *out, const char *label, const char *format, ...)
{
	char head[80], text[256];
	va_list args;

	snprintf(head, sizeof(head), "%-14s ", label);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	print_line(out, PRINT_PLAIN, head, text);
}

/* Commands to the instrument break behind each one, other text at blanks. */
static void print_member(FILE *out, const char *key, const char *text)
{
	CLEANUP(buf_deinit) struct buf items = { 0 };
	char head[80];

	snprintf(head, sizeof(head), "%-14s ", key);
	for (const char *c = text; *c; c++) {
		buf_append(&items, c, 1);
		if (*c != ';' || !c[1])
			continue;
		buf_append(&items, "\n", 1);
		if (c[1] == ' ')
			c++;
	}
	print_flow(out, PRINT_PLAIN, head, items.data ? items.data : "");
}

/* What result_print() tells of a result, below. */
static bool is_told_below(const struct record *r, const char *key)
{
	static const char *const counting[] = { "live_s", "real_s", "dead",
						"ended_by" };
	static const char *const contents[] = { "coverage_k", "total_counts",
						"input_rate_cps", "verdict",
						"verdict_why" };

	if (r->head.kind != CHAIN_RESULT)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(counting); i++)
		if (!strcmp(key, counting[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(contents); i++)
		if (!strcmp(key, contents[i]))
			return result_contents(r->json);
	return false;
}

static void print_members(FILE *out, const struct record *r)
{
	const char *key;
	json_t *value;

	for (void *it = NULL; js_next(r->json, &it, &key, &value);) {
		enum js_type type = js_type(value);
		const char *label, *text;
		char number[64];
		double real;
		bool truth;

		if (is_common(key) || type == JS_NULL || is_told_below(r, key))
			continue;
		label = member_label(r->json, key);
		if (js_str_value(value, &text, NULL) && !*text)
			continue;
		if (js_str_value(value, &text, NULL)) {
			print_member(out, label,
				     strcmp(key, "started")
					     ? text
					     : print_local_time(text).text);
		} else if (!strcmp(key, "keys")) {
			record_text_keys(out, value, RECORD_TEXT_COLUMN);
		} else if (js_real_value(value, &real)) {
			member_number(r->json, key, real, number,
				      sizeof(number));
			fprintf(out, "%-14s %s\n", label, number);
		} else if (js_bool_value(value, &truth)) {
			fprintf(out, "%-14s %s\n", label, truth ? "yes" : "no");
		}
	}
}

void record_text_print(FILE *out, const struct record *r)
{
	fprintf(out, "record         %" PRIu64 ", %s\n", r->head.seq,
		chain_kind_name(r->head.kind));
	fprintf(out, "time           %s\n",
		print_local_time(r->head.time).text);
	print_operator(out, r->head.uid);
	if (*r->head.serial)
		fprintf(out, "device         %s%s\n", r->head.serial,
			r->head.is_simulated ? " (simulated)" : "");
	for (size_t i = 0; i < r->head.n_blobs; i++)
		print_long(out, r->head.blobs[i].name, "SHA-256 %s",
			   r->head.blobs[i].sha256);
	if (js_type(js_get(r->json, "method")) == JS_OBJECT)
		print_long(out, "method", "%s (SHA-256 %s)",
			   result_method(r->json),
			   js_text(js_get(r->json, "method"), "sha256"));
	print_members(out, r);
	print_long(out, "hash", "%s%s", r->chain.hash,
		   *r->chain.sig ? ", signed" : "");
}
