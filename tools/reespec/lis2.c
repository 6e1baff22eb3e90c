// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A result as a message of LIS2-A2 (CLSI, a revision of ASTM E1394-97): lines
 * of fields between `|`, components between `^`, ended by CR. "R.4" is the
 * fourth field of record R as the standard counts, the letter being the first.
 */
#include "reespec/lis2.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "reespec/later.h"
#include "reespec/print.h"
#include "reespec/result_parts.h"

struct message {
	struct buf *out;
	json_t *body;
	char started[16];
	char ended[16];
	const char *status; /* R.9 */
	unsigned int n_results;
	int error; /* the first */
};

__attribute__((format(printf, 2, 3))) static void put(struct message *m,
						      const char *format, ...)
{
	char text[512];
	va_list ap;
	int r;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	r = buf_append_str(m->out, text);
	if (r < 0 && !m->error)
		m->error = r;
}

/*
 * Delimiters inside a text are escaped, and so is what is not printable ASCII:
 * receivers differ in the character set they expect.
 */
static void put_text(struct message *m, const char *text)
{
	static const char delimiters[] = "|^\\&";
	static const char names[] = "FSRE";

	for (; *text; text++) {
		const char *at = strchr(delimiters, *text);

		if (at)
			put(m, "&%c&", names[at - delimiters]);
		else if (*text < ' ' || *text > '~')
			put(m, "&X%02X&", (unsigned char)*text);
		else
			put(m, "%c", *text);
	}
}

/*
 * YYYYMMDDHHMMSS, in the zone of the sender: that is the default where none is
 * written, and some receivers fail at one.
 */
static void format_local(const struct tm *tm, char ret[16])
{
	strftime(ret, 16, "%Y%m%d%H%M%S", tm);
}

static void format_time(const char *rfc3339, char ret[16])
{
	struct tm tm = { 0 };
	time_t at;

	if (!strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	at = timegm(&tm);
	localtime_r(&at, &tm);
	format_local(&tm, ret);
}

/* ^NAME^VALUE of a comment. */
static void put_raw(struct message *m, const char *name, double value)
{
	if (isfinite(value))
		put(m, "^%s^%.9g", name, value);
}

static void put_flags(struct message *m, json_t *flags)
{
	const char *flag = "";

	for (size_t i = 0; i < js_len(flags); i++) {
		js_str_value(js_at(flags, i), &flag, NULL);
		put(m, i ? " " : "^flags^");
		put_text(m, flag);
	}
}

/*
 * R and its C. @factor is that of an oxide to its element, whose limits
 * @limits holds; NULL: those of a sum are in @values.
 */
static void put_result(struct message *m, const char *name, json_t *values,
		       json_t *limits, double factor)
{
	double content = js_number(values, "content_mg_kg");
	double u = js_number(values, "u_mg_kg");
	json_t *of = limits ? limits : values;
	double lc = js_number(of, "lc_mg_kg") * factor;
	double ld = js_number(of, "ld_mg_kg") * factor;
	double shown_lc = lc, shown_ld = ld;
	bool is_below;

	if (!isfinite(content))
		return;
	/* A record of before may state none; a LIMS must not read -3. */
	if (!limits)
		print_sum_limits(values, &shown_lc, &shown_ld);
	is_below =
		isfinite(shown_lc) && isfinite(shown_ld) && content < shown_lc;
	put(m, "R|%u|^^^", ++m->n_results);
	put_text(m, name);
	put(m, "|%s%s|mg/kg||%s||%s||%.0f|%s|%s|", is_below ? "<" : "",
	    is_below ? print_rounded(shown_ld, shown_ld / 10).text
		     : print_rounded(content, u).text,
	    is_below ? "<" : "", m->status, js_number(m->body, "uid"),
	    m->started, m->ended);
	put_text(m, js_text(m->body, "serial"));
	put(m, "\rC|1|I|raw");
	put_raw(m, "content_mg_kg", content);
	put_raw(m, "u_mg_kg", u);
	put_raw(m, "lc_mg_kg", lc);
	put_raw(m, "ld_mg_kg", ld);
	put_raw(m, "censored", js_number(values, "censored"));
	put_flags(m, js_get(limits, "flags"));
	put(m, "|I\r");
}

static void put_results(struct message *m)
{
	json_t *elements = js_get(m->body, "elements");
	json_t *oxides = js_get(m->body, "oxides");
	const char *name;
	json_t *sum;

	for (size_t i = 0; i < js_len(elements); i++)
		put_result(m, js_text(js_at(elements, i), "symbol"),
			   js_at(elements, i), js_at(elements, i), 1);
	for (size_t i = 0; i < js_len(oxides); i++) {
		json_t *oxide = js_at(oxides, i);
		json_t *element = NULL;

		for (size_t k = 0; k < js_len(elements) && !element; k++) {
			if (!strcmp(js_text(js_at(elements, k), "symbol"),
				    js_text(oxide, "symbol")))
				element = js_at(elements, k);
		}
		put_result(m, js_text(oxide, "formula"), oxide, element,
			   js_number(oxide, "factor"));
	}
	for (void *it = NULL;
	     js_next(js_get(m->body, "sums"), &it, &name, &sum);)
		put_result(m, name, sum, NULL, 1);
}

/* What names the record everywhere: ledger and number. */
static void put_record(struct message *m)
{
	put_text(m, js_text(m->body, "ledger"));
	put(m, "^");
	put_text(m, js_text(m->body, "seq"));
}

/* The record that made the message what it is, for who drops a message that he
 * has had: of what was amended since, the amendment. */
static void put_message(struct message *m)
{
	json_t *amended = js_get(m->body, "amended");
	uint64_t last = 0, by;

	js_get_u64(m->body, "seq", &last);
	for (size_t i = 0; i < js_len(amended); i++)
		if (js_get_u64(js_at(amended, i), "by", &by) >= 0 && by > last)
			last = by;
	put_text(m, js_text(m->body, "ledger"));
	put(m, "^%" PRIu64, last);
}

/* Who sends, and for whom it counts: a simulated result trains only (H.12). */
static void put_head(struct message *m)
{
	bool is_simulated = false;

	js_get_bool(m->body, "simulated", &is_simulated);
	put(m, "H|\\^&|");
	put_message(m);
	put(m, "||reespec|||||||%s|LIS2-A2|%s\rP|1\r", is_simulated ? "T" : "P",
	    m->ended);
}

/* A comment for each thing that later records say of this one. */
static void put_later(struct message *m)
{
	json_t *amended = js_get(m->body, "amended");
	const char *by = js_text(m->body, "corrected_by");
	unsigned int n = 1;
	char text[400];

	for (size_t i = 0; i < js_len(amended); i++) {
		later_text(js_at(amended, i), text, sizeof(text));
		put(m, "C|%u|I|", ++n);
		put_text(m, text);
		put(m, "|G\r");
	}
	if (*by)
		put(m, "C|%u|I|corrected by record %s|G\r", ++n, by);
}

/* The sample, and what it is judged to be; O.12 marks one of quality control. */
static void put_order(struct message *m)
{
	const char *kind = js_text(m->body, "sample_kind");
	json_t *decision = js_get(m->body, "decision");

	put(m, "O|1|");
	put_text(m, js_text(m->body, "sample"));
	put(m, "|");
	put_record(m);
	put(m, "|^^^");
	put_text(m, js_text(js_get(m->body, "method"), "name"));
	put(m, "|R||||||%s||||", !*kind || !strcmp(kind, "sample") ? "" : "Q");
	put_text(m, kind);
	put(m, "|||||||%s|||%s\r", m->ended, m->status);
	put(m, "C|1|I|");
	put_text(m, js_text(m->body, "verdict"));
	put(m, "^");
	put_text(m, js_text(m->body, "verdict_why"));
	if (decision) {
		put(m, "^decision^");
		put_text(m, result_decision(m->body));
		put(m, "^");
		put_text(m, js_text(decision, "why"));
	}
	put(m, "|G\r");
	put_later(m);
}

/* Whether it went out before with another sample, kind or key; what was
 * amended before there was a result did not. */
static bool is_amended_since(json_t *body)
{
	json_t *amended = js_get(body, "amended");
	uint64_t seq = 0, by = 0;

	js_get_u64(body, "seq", &seq);
	for (size_t i = 0; i < js_len(amended); i++)
		if (js_get_u64(js_at(amended, i), "by", &by) == 0 && by > seq)
			return true;
	return false;
}

int lis2_write(json_t *body, struct buf *ret)
{
	struct message m = { .out = ret, .body = body };
	size_t start = ret->len;
	struct tm began;

	if (!js_get(body, "elements"))
		return -EINVAL;
	if (result_began(body, &began))
		format_local(&began, m.started);
	format_time(js_text(body, "time"), m.ended);
	/* Only what its method accepts is final, or corrects what was: all else
	 * waits for a person, and so does a sample that fails its rules. */
	m.status = "P";
	if (!strcmp(result_word(body), "accepted") &&
	    !strcmp(js_text(body, "state"), "done"))
		m.status = js_get(body, "reprocessed") || is_amended_since(body)
				   ? "C"
				   : "F";
	put_head(&m);
	put_order(&m);
	put_results(&m);
	put(&m, "L|1|N\r");
	if (m.error)
		ret->len = start;
	return m.error;
}
