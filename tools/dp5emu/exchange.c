// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a driver does between socket and link: one request at a time, each
 * reply matched to its request, time-outs, and a quiet line after a failure.
 */
#include "dp5emu/exchange.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"

#define MS_NS 1000000LL
#define TIMEOUT_NS (1000 * MS_NS)
#define TIMEOUT_DEAF_NS (2000 * MS_NS)
#define TIMEOUT_MIN_NS (100 * MS_NS)

/* The replies a request may have besides an ACK: PID1 and a PID2 range. */
struct request_rule {
	uint8_t pid1, first, last;
	enum exchange_class class;
	uint8_t reply_pid1, reply_first, reply_last; /* 0: an ACK only */
	uint16_t min_len, max_len;
	int64_t timeout_ns;
};

/* clang-format off */
static const struct request_rule rules[] = {
	{ 0x01, 0x01, 0x01, EXCHANGE_READ, 0x80, 0x01, 0x02, 0, 0, TIMEOUT_NS },
	{ 0x02, 0x01, 0x01, EXCHANGE_READ, 0x81, 0x01, 0x0c, 0, 0, TIMEOUT_NS },
	{ 0x02, 0x02, 0x02, EXCHANGE_CONTROL, 0x81, 0x01, 0x0c, 0, 0, TIMEOUT_NS },
	{ 0x02, 0x03, 0x03, EXCHANGE_READ, 0x81, 0x01, 0x0c, 0, 0, TIMEOUT_NS },
	{ 0x02, 0x04, 0x04, EXCHANGE_CONTROL, 0x81, 0x01, 0x0c, 0, 0, TIMEOUT_NS },
	{ 0x02, 0x05, 0x05, EXCHANGE_CHANGE, 0, 0, 0, 2, 2, TIMEOUT_NS },
	{ 0x02, 0x06, 0x06, EXCHANGE_CONTROL, 0, 0, 0, 2, 2, TIMEOUT_NS },
	{ 0x02, 0x07, 0x07, EXCHANGE_READ, 0x81, 0x01, 0x0c, 2, 2, TIMEOUT_NS },
	{ 0x03, 0x01, 0x01, EXCHANGE_READ, 0x82, 0x01, 0x03, 0, 0, TIMEOUT_NS },
	{ 0x03, 0x02, 0x02, EXCHANGE_READ, 0x82, 0x02, 0x02, 0, 0, TIMEOUT_NS },
	{ 0x03, 0x03, 0x03, EXCHANGE_CHANGE, 0x82, 0x01, 0x03, 0, 0, TIMEOUT_NS },
	{ 0x03, 0x09, 0x09, EXCHANGE_CONTROL, 0x82, 0x0a, 0x0b, 0, 0, TIMEOUT_NS },
	{ 0x20, 0x02, 0x02, EXCHANGE_CONTROL, 0, 0, 0, 1, 512, 5 * TIMEOUT_NS },
	{ 0x20, 0x03, 0x03, EXCHANGE_READ, 0x82, 0x07, 0x07, 1, 512, TIMEOUT_NS },
	{ 0x20, 0x04, 0x04, EXCHANGE_CHANGE, 0, 0, 0, 1, 512, 5 * TIMEOUT_NS },
	{ 0xf0, 0x01, 0x03, EXCHANGE_CHANGE, 0, 0, 0, 0, 0, TIMEOUT_NS },
	{ 0xf0, 0x08, 0x08, EXCHANGE_CHANGE, 0, 0, 0, 1, 1, TIMEOUT_NS },
	{ 0xf0, 0x09, 0x09, EXCHANGE_CONTROL, 0, 0, 0, 512, 512, TIMEOUT_NS },
	{ 0xf0, 0x10, 0x10, EXCHANGE_CHANGE, 0, 0, 0, 0, 0, TIMEOUT_NS },
	{ 0xf0, 0x16, 0x16, EXCHANGE_CONTROL, 0, 0, 0, 0, 0, TIMEOUT_NS },
	{ 0xf0, 0x1e, 0x1f, EXCHANGE_CHANGE, 0, 0, 0, 0, 0, TIMEOUT_NS },
	{ 0xf0, 0x20, 0x22, EXCHANGE_CHANGE, 0, 0, 0, 0, 0, TIMEOUT_NS },
	{ 0xf1, 0x00, 0x0f, EXCHANGE_READ, 0, 0, 0, 0, 0, TIMEOUT_NS },
	{ 0xf1, 0x7e, 0x7e, EXCHANGE_CONTROL, 0, 0, 0, 0, 8, TIMEOUT_NS },
	{ 0xf1, 0x7f, 0x7f, EXCHANGE_READ, 0x8f, 0x7f, 0x7f, 0, 512, TIMEOUT_NS },
};
/* clang-format on */

static const struct request_rule *find_rule(const struct exchange_job *job)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].pid1 == job->pid1 && job->pid2 >= rules[i].first &&
		    job->pid2 <= rules[i].last)
			return &rules[i];
	}
	return NULL;
}

/* Whether the text sets a supply or what happens at power-up. */
static bool sets_supply(const struct exchange_job *job)
{
	static const char names[][5] = { "HVSE", "TECS", "PAPS", "BOOT" };
	const char *text = (const char *)job->data;

	for (size_t at = 0; at + 5 <= job->len; at++) {
		if (at && text[at - 1] != ';')
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			if (!memcmp(text + at, names[i], 4))
				return true;
		}
	}
	return false;
}

enum exchange_class exchange_class(const struct exchange_job *job)
{
	const struct request_rule *rule = find_rule(job);

	if (!rule)
		return EXCHANGE_NEVER;
	if (job->pid1 == 0x20 && job->pid2 == 0x04 && sets_supply(job))
		return EXCHANGE_CONTROL;
	return rule->class;
}

int exchange_check(const struct exchange_job *job)
{
	const struct request_rule *rule = find_rule(job);

	if (!rule)
		return 0;
	if (job->len < rule->min_len || job->len > rule->max_len)
		return -EINVAL;
	if (job->pid1 != 0x20)
		return 0;
	for (int i = 0; i < job->len; i++) {
		uint8_t c = job->data[i];

		if (c <= ' ' || c > '~' || islower(c))
			return -EINVAL;
	}
	return job->data[job->len - 1] == ';' ? 0 : -EINVAL;
}

/* ------------------------------------------------------------- replies */

/* Length the reply must have, or -1 when any will do. */
static int fixed_len(const struct exchange_job *job,
		     const struct wire_packet *reply)
{
	switch (reply->pid1) {
	case 0x80:
		return DP5_STATUS_LEN;
	case 0x81:
		return 3 * (256 << ((reply->pid2 - 1) >> 1)) +
		       (reply->pid2 & 1 ? 0 : DP5_STATUS_LEN);
	case 0x8f:
		return job->len;
	default:
		return -1;
	}
}

/* Positive: the answer; 0: an answer to something else; -EPROTO: damaged. */
static int match(const struct exchange_job *job, const uint8_t *bytes, size_t n,
		 struct wire_packet *ret)
{
	const struct request_rule *rule = find_rule(job);
	size_t len;
	int fixed;

	if (!n)
		return 0; /* a late end of the reply before */
	if (n < WIRE_FRAME_LEN || wire_length(bytes, n) != n)
		return -EPROTO;
	len = n - WIRE_FRAME_LEN;
	if (wire_checksum(bytes, n - 2) != (bytes[n - 2] << 8 | bytes[n - 1]))
		return -EPROTO;
	*ret = (struct wire_packet){ bytes[2], bytes[3], (uint16_t)len,
				     bytes + WIRE_HEAD_LEN };
	if (ret->pid1 == 0xff)
		return 1;
	if (ret->pid1 != rule->reply_pid1 || ret->pid2 < rule->reply_first ||
	    ret->pid2 > rule->reply_last)
		return 0;
	fixed = fixed_len(job, ret);
	return fixed < 0 || (size_t)fixed == len ? 1 : -EPROTO;
}

static void start(struct exchange_engine *e);

static void complete(struct exchange_engine *e, int result,
		     const struct wire_packet *reply)
{
	struct exchange_job *job = e->jobs[0];

	e->n_jobs--;
	memmove(e->jobs, e->jobs + 1,
		(size_t)e->n_jobs * sizeof(struct exchange_job *));
	e->is_sent = false;
	e->timer.due_ns = 0;
	if (result < 0) {
		link_flush(e->link);
		e->stats.drains++;
	} else {
		e->stats.replies++;
	}
	if (job) {
		job->t_done_ns = link_monotonic_ns();
		job->done(job, result, reply);
	}
	start(e);
}

static void look(struct exchange_engine *e)
{
	const struct link_output *out = link_peek(e->link);
	int64_t now_ns = link_monotonic_ns();
	struct wire_packet reply;
	int r;

	if (!e->is_sent)
		return;
	if (out && out->due_ns <= now_ns) {
		if (out->status) {
			e->stats.usb_errors++;
			e->stats.halts_cleared += out->status == -EPIPE;
			r = -EPROTO;
		} else if (!e->jobs[0]) {
			r = 1; /* withdrawn: any answer ends it */
			reply = (struct wire_packet){ 0 };
		} else {
			r = match(e->jobs[0], out->bytes, out->len, &reply);
			e->stats.bad += r < 0;
		}
		link_drop(e->link);
		if (r) {
			complete(e, r < 0 ? r : 0, r < 0 ? NULL : &reply);
			return;
		}
		e->stats.stale++;
		out = link_peek(e->link);
	}
	if (now_ns >= e->deadline_ns) {
		e->stats.timeouts++;
		complete(e, -ETIMEDOUT, NULL);
		return;
	}
	e->timer.due_ns = out && out->due_ns < e->deadline_ns ? out->due_ns
							      : e->deadline_ns;
}

static void on_timer(void *arg)
{
	look(arg);
}

static void start(struct exchange_engine *e)
{
	uint8_t bytes[WIRE_REQUEST_MAX + WIRE_FRAME_LEN];
	struct exchange_job *job;
	int64_t timeout_ns;
	size_t n;

	if (e->is_sent)
		return;
	while (e->n_jobs && !e->jobs[0])
		memmove(e->jobs, e->jobs + 1,
			(size_t)--e->n_jobs * sizeof(struct exchange_job *));
	if (!e->n_jobs)
		return;

	job = e->jobs[0];
	n = wire_encode(bytes, job->pid1, job->pid2, job->data, job->len);
	job->t_req_ns = link_monotonic_ns();
	timeout_ns = find_rule(job)->timeout_ns;
	if (e->was_saved && timeout_ns < TIMEOUT_DEAF_NS)
		timeout_ns = TIMEOUT_DEAF_NS;
	if (job->timeout_ns)
		timeout_ns = job->timeout_ns > TIMEOUT_MIN_NS ? job->timeout_ns
							      : TIMEOUT_MIN_NS;
	e->was_saved = (job->pid1 == 0x20 && job->pid2 == 0x02) ||
		       (job->pid1 == 0xf0 && job->pid2 == 0x09);
	e->deadline_ns = job->t_req_ns + timeout_ns;
	e->is_sent = true;
	e->stats.requests++;
	link_request(e->link, bytes, n);
	/* From the loop, so that a chain of jobs does not nest. */
	e->timer.due_ns = job->t_req_ns;
}

int exchange_init(struct exchange_engine *e, struct loop *loop,
		  struct link *link)
{
	memset(e, 0, sizeof(*e));
	e->loop = loop;
	e->link = link;
	return loop_add_timer(loop, &e->timer, on_timer, e);
}

int exchange_submit(struct exchange_engine *e, struct exchange_job *job)
{
	if (e->n_jobs == EXCHANGE_JOBS_MAX)
		return -EBUSY;
	e->jobs[e->n_jobs++] = job;
	start(e);
	return 0;
}

void exchange_withdraw(struct exchange_engine *e, struct exchange_job *job)
{
	for (int i = 0; i < e->n_jobs; i++) {
		if (e->jobs[i] == job)
			e->jobs[i] = NULL;
	}
}

void exchange_cancel(struct exchange_engine *e)
{
	e->n_jobs = 0;
	e->is_sent = false;
	e->timer.due_ns = 0;
	link_flush(e->link);
}
