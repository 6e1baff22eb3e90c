// SPDX-License-Identifier: GPL-2.0-or-later
/* What quality control had found when a sample was measured. */
#include "reespec/quality.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECKS_MAX 64

struct quality {
	const struct args *args;
	const struct record *of;
	struct last {
		char name[64];
		uint64_t seq;
		bool is_failed;
	} last[CHECKS_MAX];
	size_t n;
};

static int take(void *userdata, struct record *r, struct page *page)
{
	struct quality *q = userdata;
	const char *name = js_text(r->json, "check");
	uint64_t result = strtoull(js_text(r->json, "result"), NULL, 10);
	size_t i = 0;

	(void)page;
	if (strcmp(r->head.serial, q->of->head.serial) != 0 ||
	    result > q->of->head.seq)
		return REESPEC_OK;
	while (i < q->n && strcmp(q->last[i].name, name) != 0)
		i++;
	if (i == CHECKS_MAX)
		return fail(q->args, REESPEC_FAILED, "more than %d checks",
			    CHECKS_MAX);
	if (i == q->n)
		q->n++;
	snprintf(q->last[i].name, sizeof(q->last[i].name), "%.60s", name);
	q->last[i].seq = r->head.seq;
	q->last[i].is_failed = !strcmp(js_text(r->json, "state"), "failed");
	return REESPEC_OK;
}

static void say(const struct quality *q, char *text, size_t size)
{
	const struct last *newest = NULL;

	if (!q->n)
		snprintf(text, size, "no check before");
	for (size_t i = 0; i < q->n; i++) {
		const struct last *l = &q->last[i];

		if (l->is_failed) {
			snprintf(text, size, "failed: %s (record %" PRIu64 ")",
				 l->name, l->seq);
			return;
		}
		if (!newest || l->seq > newest->seq)
			newest = l;
	}
	if (q->n == 1)
		snprintf(text, size, "%s ok (record %" PRIu64 ")", newest->name,
			 newest->seq);
	else if (newest)
		snprintf(text, size, "%zu checks ok, last record %" PRIu64,
			 q->n, newest->seq);
}

int quality_of(struct client *c, const struct args *args,
	       const struct record *r, char *text, size_t size)
{
	struct quality q = { .args = args, .of = r };
	struct records_span span = { 0 };
	int code;

	code = records_span(c, &span);
	if (!code)
		code = records_walk(c, args, span.first, span.last, "check",
				    false, take, &q);
	if (!code)
		say(&q, text, size);
	return code;
}
