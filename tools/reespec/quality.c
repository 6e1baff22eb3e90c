// SPDX-License-Identifier: GPL-2.0-or-later
/* What quality control had found when a sample was measured. */
#include "reespec/quality.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct search {
	const struct args *args;
	const struct record *of;
	uint64_t measured; /* it or what it was computed again from */
	const char *assay;
	struct quality *found;
};

static struct quality_check *find(struct quality *q, const char *name)
{
	for (size_t i = 0; i < q->n; i++)
		if (!strcmp(q->checks[i].name, name))
			return &q->checks[i];
	return NULL;
}

static struct quality_check *add(struct search *s, const char *name)
{
	struct quality *q = s->found;
	struct quality_check *c = &q->checks[q->n];

	if (q->n == QUALITY_CHECKS_MAX) {
		fail(s->args, REESPEC_FAILED, "more than %d checks",
		     QUALITY_CHECKS_MAX);
		return NULL;
	}
	*c = (struct quality_check){ 0 };
	snprintf(c->name, sizeof(c->name), "%.60s", name);
	q->n++;
	return c;
}

/* What the result says of the policy. */
static int take_policy(struct search *s, json_t *qc)
{
	json_t *checks = js_get(qc, "checks");
	struct quality_check *c;

	s->found->is_by_policy = qc;
	/* A policy with a mistake has failed, and no check of it. */
	s->found->is_broken = !strcmp(js_text(qc, "state"), "failed");
	for (size_t i = 0; i < js_len(checks); i++) {
		json_t *check = js_at(checks, i);

		c = add(s, js_text(check, "check"));
		if (!c)
			return REESPEC_FAILED;
		js_copy_text(check, "state", c->state, sizeof(c->state));
		js_copy_text(check, "why", c->why, sizeof(c->why));
		if (!strcmp(c->state, "failed"))
			s->found->is_broken = false;
	}
	return REESPEC_OK;
}

static int take(void *userdata, struct record *r, struct page *page)
{
	struct search *s = userdata;
	const char *name = js_text(r->json, "check");
	uint64_t result = strtoull(js_text(r->json, "result"), NULL, 10);
	struct quality_check *c;

	(void)page;
	if (strcmp(r->head.serial, s->of->head.serial) != 0 ||
	    result > s->measured)
		return REESPEC_OK;
	c = find(s->found, name);
	if (!c && !s->found->is_by_policy) {
		c = add(s, name);
		if (!c)
			return REESPEC_FAILED;
	}
	if (!c)
		return REESPEC_OK;
	c->seq = r->head.seq;
	/* Of others it says what they were, not what came of them by then. */
	if (s->found->is_by_policy &&
	    strcmp(js_text(r->json, "assay"), s->assay) != 0)
		return REESPEC_OK;
	js_copy_text(r->json, "state", c->state, sizeof(c->state));
	js_copy_text(r->json, "why", c->why, sizeof(c->why));
	return REESPEC_OK;
}

int quality_of(struct client *c, const struct args *args,
	       const struct record *r, struct quality *ret)
{
	json_t *again = js_get(r->json, "reprocessed");
	struct search s = {
		.args = args,
		.of = r,
		.measured = again ? strtoull(js_text(again, "result"), NULL, 10)
				  : r->head.seq,
		.assay = js_text(again ? again : r->json, "assay"),
		.found = ret,
	};
	struct records_span span = { 0 };
	int code;

	*ret = (struct quality){ 0 };
	code = take_policy(&s, js_get(r->json, "qc"));
	if (!code)
		code = records_span(c, &span);
	if (!code)
		code = records_walk(c, args, span.first, span.last, "check",
				    false, take, &s);
	return code;
}

/* The first in a state; NULL. */
static const struct quality_check *first(const struct quality *q,
					 const char *state)
{
	for (size_t i = 0; i < q->n; i++)
		if (!strcmp(q->checks[i].state, state))
			return &q->checks[i];
	return NULL;
}

void quality_text(const struct quality *q, char *text, size_t size)
{
	const struct quality_check *failed = first(q, "failed");
	const struct quality_check *due = first(q, "due");
	const char *by = q->is_by_policy ? "" : "; the policy is not recorded";
	const struct quality_check *newest = q->checks;

	for (size_t i = 1; i < q->n; i++)
		if (q->checks[i].seq > newest->seq)
			newest = &q->checks[i];
	if (q->is_broken)
		snprintf(text, size, "failed: the policy had a mistake");
	else if (failed && failed->seq)
		snprintf(text, size, "failed: %s (record %" PRIu64 ")%s",
			 failed->name, failed->seq, by);
	else if (failed)
		snprintf(text, size, "failed: %s", failed->name);
	else if (due)
		snprintf(text, size, "due: %s", due->why);
	else if (!q->n)
		snprintf(text, size, "no check%s", by);
	else if (q->n == 1 && newest->seq)
		snprintf(text, size, "%s ok (record %" PRIu64 ")%s",
			 newest->name, newest->seq, by);
	else if (newest->seq)
		snprintf(text, size, "%zu checks ok, last record %" PRIu64 "%s",
			 q->n, newest->seq, by);
	else
		snprintf(text, size, "%zu checks ok", q->n);
}

json_t *quality_json(const struct quality *q)
{
	CLEANUP(js_freep) json_t *checks = js_array();
	const char *state = "none";
	int e = checks ? 0 : -1;

	if (q->is_broken || first(q, "failed"))
		state = "failed";
	else if (first(q, "due"))
		state = "due";
	else if (q->n)
		state = "ok";
	for (size_t i = 0; i < q->n && e >= 0; i++) {
		const struct quality_check *c = &q->checks[i];
		json_t *check = js_pack("{s:s, s:s}", "check", c->name, "state",
					c->state);

		if (check && c->seq)
			js_set_u64(check, "record", c->seq);
		e = js_append(checks, check);
	}
	return e < 0 ? NULL
		     : js_pack("{s:s, s:s, s:O}", "state", state, "by",
			       q->is_by_policy ? "result" : "records", "checks",
			       checks);
}
