/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a driver does between socket and link: one request at a time. */
#ifndef TOOLS_DP5EMU_EXCHANGE_H
#define TOOLS_DP5EMU_EXCHANGE_H

#include <stdint.h>

#include "dp5emu/link.h"
#include "dp5emu/loop.h"
#include "uapi/dp5.h"

#define EXCHANGE_JOBS_MAX 64

/*
 * A request and where its answer goes. result is 0 with the reply's packet,
 * else -ETIMEDOUT or -EPROTO with NULL. The owner may free the job in there.
 */
struct exchange_job;
typedef void (*exchange_done_fn)(struct exchange_job *job, int result,
				 const struct wire_packet *reply);

struct exchange_job {
	uint8_t pid1, pid2;
	uint16_t len;
	uint8_t data[WIRE_REQUEST_MAX];
	int64_t timeout_ns; /* 0: the request's own */
	int64_t t_req_ns;
	int64_t t_done_ns;
	exchange_done_fn done;
	void *arg;
};

struct exchange_engine {
	struct loop *loop;
	struct link *link;
	struct loop_timer timer;
	struct dp5_stats stats;
	int n_jobs;
	struct exchange_job *jobs[EXCHANGE_JOBS_MAX]; /* first: on the wire */
	bool is_sent;
	bool was_saved; /* the request before made the instrument deaf */
	int64_t deadline_ns;
};

int exchange_init(struct exchange_engine *e, struct loop *loop,
		  struct link *link);

/* Queue @job, which the caller keeps alive until it is done or withdrawn. */
int exchange_submit(struct exchange_engine *e, struct exchange_job *job);

/* Take a job back; its answer, if still to come, goes nowhere. */
void exchange_withdraw(struct exchange_engine *e, struct exchange_job *job);

/* Forget all jobs without telling their owners: the cable was pulled. */
void exchange_cancel(struct exchange_engine *e);

/* How a request may be used. */
enum exchange_class {
	EXCHANGE_READ,
	EXCHANGE_CHANGE, /* not while another holds control */
	EXCHANGE_CONTROL, /* only by who holds control */
	EXCHANGE_NEVER,
};

enum exchange_class exchange_class(const struct exchange_job *job);

/* 0, or -EINVAL when length or text have not the request's form. */
int exchange_check(const struct exchange_job *job);

#endif /* TOOLS_DP5EMU_EXCHANGE_H */
