// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Charts are made of result records and of nothing else, by the same function
 * when the daemon starts and when a result comes: so they survive a restart,
 * and anyone can draw them from an export.
 */
#include "bus/qc.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/control.h"
#include "base/buf.h"
#include "base/clock.h"
#include "ledger/ledger.h"

/* Results looked back on at the start: enough for ten of one control in a
 * hundred samples, and a matter of a tenth of a second. */
#define LOOK_BACK 1000

struct chart {
	double z[CONTROL_DEPTH]; /* newest last */
	size_t n;
	uint64_t time_us; /* of the last check; 0: never */
	unsigned int n_samples; /* since */
	bool is_failed;
	char why[400];
	/* The sample that a duplicate may be of. */
	char sample[129];
	double value;
};

struct qc {
	struct qc_policy policy;
	char mistake[400]; /* in the policy */
	struct chart charts[QC_CHECKS_MAX];
};

const char *qc_state_name(enum qc_state state)
{
	static const char *const names[] = { "none", "ok", "due", "failed" };

	return names[state];
}

/* What a result says of the element; NAN what it does not. */
struct content {
	double value;
	double u;
	double lc;
	double ld;
};

static struct content content_of(const json_t *body, const char *symbol)
{
	json_t *elements = js_get(body, "elements");
	json_t *found = NULL;

	for (size_t i = 0; i < js_len(elements); i++)
		if (!strcmp(js_text(js_at(elements, i), "symbol"), symbol))
			found = js_at(elements, i);
	return (struct content){ js_number(found, "content_mg_kg"),
				 js_number(found, "u_mg_kg"),
				 js_number(found, "lc_mg_kg"),
				 js_number(found, "ld_mg_kg") };
}

/* ---- one result ------------------------------------------------------------ */

static void say(struct chart *c, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));

static void say(struct chart *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->why, sizeof(c->why), format, args);
	va_end(args);
}

/* As results are printed: ppm below 1000 mg/kg, wt % from there, to two digits
 * of its uncertainty. */
struct number {
	char text[32];
	const char *unit;
	double unit_mg_kg;
};

static struct number rounded(const struct content *v)
{
	const bool is_large = v->value >= 1000;
	struct number n = { .unit = is_large ? "wt %" : "ppm",
			    .unit_mg_kg = is_large ? 1e4 : 1 };
	const double value = v->value / n.unit_mg_kg;
	const double u = v->u / n.unit_mg_kg;
	double place;

	if (!(u > 0) || !isfinite(value)) {
		snprintf(n.text, sizeof(n.text), "%.4g", value);
		return n;
	}
	place = pow(10, floor(log10(u)) - 1);
	snprintf(n.text, sizeof(n.text), "%.*f",
		 place < 1 ? (int)lround(-log10(place)) : 0,
		 round(value / place) * place);
	return n;
}

static void push(struct chart *c, double z)
{
	if (c->n == CONTROL_DEPTH) {
		memmove(c->z, c->z + 1, (CONTROL_DEPTH - 1) * sizeof(c->z[0]));
		c->n--;
	}
	c->z[c->n++] = z;
}

static unsigned int judge_chart(const struct qc *q,
				const struct qc_check *check, struct chart *c,
				const struct content *v)
{
	unsigned int broken;
	const struct number n = rounded(v);
	char rules[300] = "";
	size_t len = 0;

	push(c, (v->value - check->mean) / check->s);
	broken = control_check(c->z, c->n);
	c->is_failed = broken & q->policy.rules;
	for (int i = 0; i < CONTROL_N_RULES && len < sizeof(rules); i++)
		if (broken & q->policy.rules & (1U << i))
			len += (size_t)snprintf(rules + len,
						sizeof(rules) - len,
						"%s %s (%s)", len ? "," : "",
						control_rule_name(i),
						control_rule_text(i));
	say(c,
	    "%s: %s %s %s, %.1f standard deviations %s the mean of %g %s, breaks%s",
	    check->name, check->element, n.text, n.unit, fabs(c->z[c->n - 1]),
	    c->z[c->n - 1] < 0 ? "below" : "above", check->mean / n.unit_mg_kg,
	    n.unit, rules);
	return broken;
}

static void judge_blank(const struct qc_check *check, struct chart *c,
			const struct content *v)
{
	const struct number n = rounded(v);

	c->is_failed = !(v->value <= check->max);
	if (v->value < v->lc)
		say(c,
		    "%s: %s %s %s, at most %g allowed, but not to be told from none below %.3g: count for longer, or allow as much",
		    check->name, check->element, n.text, n.unit,
		    check->max / n.unit_mg_kg, v->lc / n.unit_mg_kg);
	else
		say(c, "%s: %s %s %s, at most %g allowed", check->name,
		    check->element, n.text, n.unit, check->max / n.unit_mg_kg);
}

/* @percent: by how much it differs. */
static void judge_duplicate(const struct qc_check *check, struct chart *c,
			    double percent)
{
	c->is_failed = !(percent <= check->max_rel);
	say(c, "%s: %s differs by %.3g %%, at most %g allowed", check->name,
	    check->element, percent, check->max_rel);
}

/* What the kind of check judges by. */
static int add_limits(json_t *part, const struct qc_check *check,
		      const struct chart *c, double percent)
{
	int e;

	switch (check->kind) {
	case QC_BLANK:
		return js_set_real(part, "max_mg_kg", check->max);
	case QC_DUPLICATE:
		/* Of contents that cancel out there is none. */
		e = isfinite(percent) ? js_set_real(part, "percent", percent)
				      : 0;
		return e | js_set_real(part, "max_percent", check->max_rel);
	default:
		e = js_set_real(part, "mean_mg_kg", check->mean);
		e |= js_set_real(part, "s_mg_kg", check->s);
		return e | js_set_real(part, "z", c->z[c->n - 1]);
	}
}

/* Of what a result does not say there is no member. */
static int add_content(json_t *part, const struct content *v)
{
	int e = js_set_real(part, "content_mg_kg", v->value);

	if (isfinite(v->u))
		e |= js_set_real(part, "u_mg_kg", v->u);
	if (isfinite(v->lc) && isfinite(v->ld)) {
		e |= js_set_real(part, "lc_mg_kg", v->lc);
		e |= js_set_real(part, "ld_mg_kg", v->ld);
	}
	return e;
}

static json_t *found_json(const struct qc_check *check, const struct chart *c,
			  const json_t *body, const struct content *v,
			  double percent, unsigned int broken)
{
	CLEANUP(js_freep) json_t *part = js_object();
	json_t *rules = js_array();
	uint64_t seq = 0;
	int e;

	for (int i = 0; i < CONTROL_N_RULES; i++)
		if (broken & (1U << i))
			js_append_str(rules, control_rule_name(i));
	js_get_u64(body, "seq", &seq);
	e = js_set_str(part, "check", check->name);
	e |= js_set_u64(part, "result", seq);
	e |= js_set_str(part, "sample", js_text(body, "sample"));
	e |= js_set_str(part, "sample_kind", qc_kind_name(check->kind));
	e |= js_set_str(part, "element", check->element);
	e |= add_content(part, v);
	e |= add_limits(part, check, c, percent);
	e |= js_set(part, "rules", rules);
	e |= js_set_str(part, "state", c->is_failed ? "failed" : "ok");
	e |= js_set_str(part, "why", c->is_failed ? c->why : "");
	return e < 0 ? NULL : TAKE_PTR(part);
}

/* Whether a result is what the check is about, as sample or as control. What
 * was computed again was measured once. */
static bool concerns(const struct qc_check *check, const json_t *body)
{
	return !js_get(body, "reprocessed") &&
	       !strcmp(js_text(js_get(body, "method"), "name"),
		       check->method) &&
	       !strcmp(js_text(body, "state"), "done") &&
	       strcmp(js_text(body, "verdict"), "rejected") != 0;
}

/*
 * What was measured before the check was in the policy was judged by nobody and
 * has no record of it: it is no value of its chart. Results of before they
 * told the policy count.
 */
static bool is_judged(const struct qc_check *check, const json_t *body)
{
	json_t *qc = js_get(body, "qc");
	json_t *checks = js_get(qc, "checks");

	for (size_t i = 0; i < js_len(checks); i++)
		if (!strcmp(js_text(js_at(checks, i), "check"), check->name))
			return true;
	return !qc;
}

static void take_one(struct qc *q, size_t i, const json_t *body, json_t *found)
{
	const struct qc_check *check = &q->policy.checks[i];
	const char *kind = js_text(body, "sample_kind");
	const char *sample = js_text(body, "sample");
	const struct content v = content_of(body, check->element);
	struct chart *c = &q->charts[i];
	unsigned int broken = 0;
	double percent = NAN;

	if (!concerns(check, body) || isnan(v.value))
		return;
	if (!strcmp(kind, "sample")) {
		c->n_samples++;
		snprintf(c->sample, sizeof(c->sample), "%s", sample);
		c->value = v.value;
		return;
	}
	if (strcmp(kind, qc_kind_name(check->kind)) ||
	    (check->sample[0] && strcmp(sample, check->sample)))
		return;
	if (!is_judged(check, body))
		return;
	/* A duplicate of nothing says nothing. */
	if (check->kind == QC_DUPLICATE && strcmp(sample, c->sample))
		return;
	if (check->kind == QC_DUPLICATE)
		percent = 200 * fabs(v.value - c->value) /
			  fabs(v.value + c->value);
	if (check->kind == QC_BLANK)
		judge_blank(check, c, &v);
	else if (check->kind == QC_DUPLICATE)
		judge_duplicate(check, c, percent);
	else
		broken = judge_chart(q, check, c, &v);
	clock_parse(js_text(body, "time"), &c->time_us);
	c->n_samples = 0;
	if (found)
		js_append(found,
			  found_json(check, c, body, &v, percent, broken));
}

void qc_take(struct qc *q, const json_t *body, json_t *found)
{
	for (size_t i = 0; i < q->policy.n_checks; i++)
		take_one(q, i, body, found);
}

/* ---- the state ------------------------------------------------------------- */

static enum qc_state state_of(const struct qc_check *check,
			      const struct chart *c, uint64_t now_us, char *why,
			      size_t size)
{
	if (c->is_failed) {
		snprintf(why, size, "%s", c->why);
		return QC_FAILED;
	}
	if (!c->time_us)
		snprintf(why, size, "%s: never done", check->name);
	else if (check->every > 0 && c->n_samples >= check->every)
		snprintf(why, size, "%s: %u samples since the last one",
			 check->name, c->n_samples);
	else if (check->hours > 0 &&
		 now_us >= c->time_us + (uint64_t)(check->hours * 3.6e9))
		snprintf(why, size, "%s: %.1f hours since the last one",
			 check->name, (now_us - c->time_us) / 3.6e9);
	else if (check->hours > 0 &&
		 c->time_us >= now_us + (uint64_t)(check->hours * 3.6e9))
		/* Else it would count as new until that day comes. */
		snprintf(why, size,
			 "%s: the last one is %.1f hours ahead of the clock",
			 check->name, (c->time_us - now_us) / 3.6e9);
	else
		return QC_OK;
	return QC_DUE;
}

enum qc_state qc_state(const struct qc *q, uint64_t now_us, char *why,
		       size_t why_size)
{
	enum qc_state worst = q->policy.n_checks ? QC_OK : QC_NONE;
	enum qc_state state;
	char text[400];

	why[0] = '\0';
	if (q->mistake[0]) {
		snprintf(why, why_size, "%s", q->mistake);
		return QC_FAILED;
	}
	for (size_t i = 0; i < q->policy.n_checks; i++) {
		state = state_of(&q->policy.checks[i], &q->charts[i], now_us,
				 text, sizeof(text));
		if (state <= worst)
			continue;
		worst = state;
		snprintf(why, why_size, "%s", text);
	}
	return worst;
}

const struct qc_check *qc_check_at(const struct qc *q, size_t i,
				   uint64_t now_us, enum qc_state *ret_state,
				   const char **ret_sample, char *why,
				   size_t why_size)
{
	const struct qc_check *check = &q->policy.checks[i];

	if (i >= q->policy.n_checks)
		return NULL;
	why[0] = '\0';
	*ret_state = state_of(check, &q->charts[i], now_us, why, why_size);
	*ret_sample = check->kind == QC_DUPLICATE ? q->charts[i].sample
						  : check->sample;
	return check;
}

json_t *qc_json(const struct qc *q, uint64_t now_us)
{
	CLEANUP(js_freep) json_t *checks = js_array();
	enum qc_state state;
	char why[400];
	int e = checks ? 0 : -1;

	for (size_t i = 0; i < q->policy.n_checks && e >= 0; i++) {
		state = state_of(&q->policy.checks[i], &q->charts[i], now_us,
				 why, sizeof(why));
		e = js_append(checks, js_pack("{s:s, s:s, s:s}", "check",
					      q->policy.checks[i].name, "state",
					      qc_state_name(state), "why",
					      state == QC_OK ? "" : why));
	}
	state = qc_state(q, now_us, why, sizeof(why));
	return e < 0 ? NULL
		     : js_pack("{s:s, s:s, s:O}", "state", qc_state_name(state),
			       "why", why, "checks", checks);
}

bool qc_refuses(const struct qc *q, uint64_t now_us, char *why, size_t why_size)
{
	const enum qc_state state = qc_state(q, now_us, why, why_size);

	if (q->mistake[0])
		return true;
	return (state == QC_FAILED && q->policy.gate != QC_GATE_NONE) ||
	       (state == QC_DUE && q->policy.gate == QC_GATE_DUE);
}

/* ---- life ------------------------------------------------------------------ */

/* From the newest back to where enough is known, then in their order. */
static int look_back(struct qc *q, struct ledger *ledger, const char *serial)
{
	const struct ledger_range range = { .instrument = serial,
					    .is_descending = true };
	CLEANUP(ledger_cursor_closep) struct ledger_cursor *cursor = NULL;
	json_t *bodies[LOOK_BACK];
	struct chain_record record;
	size_t n = 0;
	uint64_t seq;
	int r;

	r = ledger_cursor_open(ledger, &range, &cursor);
	while (r >= 0 && n < LOOK_BACK &&
	       (r = ledger_cursor_next(cursor, &record, &seq)) > 0) {
		json_t *body = NULL;

		js_parse(record.body, record.body_len, &body, NULL);
		chain_record_deinit(&record);
		if (body)
			bodies[n++] = body;
	}
	while (n) {
		qc_take(q, bodies[--n], NULL);
		js_free(bodies[n]);
	}
	return r < 0 ? r : 0;
}

int qc_new(const char *const *method_dirs, struct ledger *ledger,
	   const char *serial, struct qc **ret)
{
	CLEANUP(qc_freep) struct qc *q = NULL;
	char path[512];
	int r = -ENOENT;

	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	for (; r == -ENOENT && *method_dirs; method_dirs++) {
		snprintf(path, sizeof(path), "%s/../qc.conf", *method_dirs);
		r = qc_policy_load(path, &q->policy, q->mistake,
				   sizeof(q->mistake));
	}
	if (r < 0 && r != -ENOENT)
		q->policy.n_checks = 0;
	if (q->policy.n_checks) {
		r = look_back(q, ledger, serial);
		if (r < 0)
			snprintf(q->mistake, sizeof(q->mistake),
				 "the ledger cannot be read: %s",
				 ledger_why(ledger));
	}
	*ret = TAKE_PTR(q);
	return 0;
}

struct qc *qc_free(struct qc *q)
{
	free(q);
	return NULL;
}
