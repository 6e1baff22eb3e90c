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
	struct quality *found;
};

static int take(void *userdata, struct record *r, struct page *page)
{
	struct search *s = userdata;
	struct quality *q = s->found;
	const char *name = js_text(r->json, "check");
	uint64_t result = strtoull(js_text(r->json, "result"), NULL, 10);
	size_t i = 0;

	(void)page;
	if (strcmp(r->head.serial, s->of->head.serial) != 0 ||
	    result > s->of->head.seq)
		return REESPEC_OK;
	while (i < q->n && strcmp(q->checks[i].name, name) != 0)
		i++;
	if (i == QUALITY_CHECKS_MAX)
		return fail(s->args, REESPEC_FAILED, "more than %d checks",
			    QUALITY_CHECKS_MAX);
	if (i == q->n)
		q->n++;
	snprintf(q->checks[i].name, sizeof(q->checks[i].name), "%.60s", name);
	q->checks[i].seq = r->head.seq;
	q->checks[i].is_failed = !strcmp(js_text(r->json, "state"), "failed");
	return REESPEC_OK;
}

int quality_of(struct client *c, const struct args *args,
	       const struct record *r, struct quality *ret)
{
	struct search s = { .args = args, .of = r, .found = ret };
	struct records_span span = { 0 };
	int code;

	ret->n = 0;
	code = records_span(c, &span);
	if (!code)
		code = records_walk(c, args, span.first, span.last, "check",
				    false, take, &s);
	return code;
}

void quality_text(const struct quality *q, char *text, size_t size)
{
	const struct quality_check *newest = NULL;

	snprintf(text, size, "no check before");
	for (size_t i = 0; i < q->n; i++) {
		const struct quality_check *c = &q->checks[i];

		if (c->is_failed) {
			snprintf(text, size, "failed: %s (record %" PRIu64 ")",
				 c->name, c->seq);
			return;
		}
		if (!newest || c->seq > newest->seq)
			newest = c;
	}
	if (q->n == 1)
		snprintf(text, size, "%s ok (record %" PRIu64 ")", newest->name,
			 newest->seq);
	else if (newest)
		snprintf(text, size, "%zu checks ok, last record %" PRIu64,
			 q->n, newest->seq);
}

json_t *quality_json(const struct quality *q)
{
	CLEANUP(js_freep) json_t *checks = js_array();
	const char *state = q->n ? "ok" : "none";
	int e = checks ? 0 : -1;

	for (size_t i = 0; i < q->n && e >= 0; i++) {
		const struct quality_check *c = &q->checks[i];

		if (c->is_failed)
			state = "failed";
		e = js_append(checks,
			      js_pack("{s:s, s:s, s:o}", "check", c->name,
				      "state", c->is_failed ? "failed" : "ok",
				      "record", js_u64(c->seq)));
	}
	return e < 0 ? NULL
		     : js_pack("{s:s, s:O}", "state", state, "checks", checks);
}
