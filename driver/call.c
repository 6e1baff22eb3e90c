// SPDX-License-Identifier: GPL-2.0-only
/*
 * A request made by a process that sleeps for the reply.
 *
 * The process may be killed while its request is on the wire, and the request
 * cannot be taken back. So a call is counted: one reference of the process,
 * one of the engine, dropped by the done callback. Who gives up leaves the
 * engine to receive the reply in order and to drop it.
 */
#include "compat.h"
#include "dp5.h"

#include <linux/freezer.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

struct dp5_call *dp5_call_new(const struct dp5_request *req, u32 rx_size)
{
	struct dp5_call *call;

	call = kzalloc(sizeof(*call), GFP_KERNEL_ACCOUNT);
	if (!call)
		return NULL;
	call->rx_size = min(rx_size, dp5_request_reply_max(req));
	if (call->rx_size) {
		/* At most 32 KiB, and kfree() is allowed in completions. */
		call->rx = kmalloc(call->rx_size, GFP_KERNEL_ACCOUNT);
		if (!call->rx) {
			kfree(call);
			return NULL;
		}
	}
	call->x.req = req;
	call->x.class = req->class;
	call->x.pid1 = req->pid1;
	call->x.pid2 = req->pid2;
	INIT_LIST_HEAD(&call->x.node);
	init_completion(&call->finished);
	refcount_set(&call->refs, 1);
	return call;
}

void dp5_call_unref(struct dp5_call *call)
{
	if (!call || !refcount_dec_and_test(&call->refs))
		return;
	kfree(call->rx);
	kfree(call);
}

static void call_done(struct dp5_device *dp5, struct dp5_exchange *x,
		      const struct dp5_packet *reply)
{
	struct dp5_call *call = container_of(x, struct dp5_call, x);

	if (reply) {
		call->rx_pid1 = reply->pid1;
		call->rx_pid2 = reply->pid2;
		call->rx_len = reply->len;
		call->is_done = dp5_request_done(x->req, reply);
		if (reply->len && reply->len <= call->rx_size)
			memcpy(call->rx, reply->data, reply->len);
	}
	complete(&call->finished);
	dp5_call_unref(call);
}

/* Whether there is a signal, and not only the mark of the freezer's that looks
 * like one to who was awake when it came.
 */
static bool has_signal(void)
{
	struct sighand_struct *sighand =
		rcu_dereference_protected(current->sighand, true);
	bool ret;

	spin_lock_irq(&sighand->siglock);
	recalc_sigpending();
	ret = signal_pending(current);
	spin_unlock_irq(&sighand->siglock);
	return ret;
}

/* A system that goes to sleep is no reason to give up what is on the wire. Who
 * has to be frozen anew goes round again.
 */
static int wait_freezable(struct dp5_call *call)
{
	while (wait_for_completion_state(&call->finished,
					 TASK_INTERRUPTIBLE | TASK_FREEZABLE)) {
		try_to_freeze();
		if (has_signal() && !freezing(current))
			return -ERESTARTSYS;
	}
	return 0;
}

/* Nor is what io_uring has for the process, which has to wait until then. */
static int wait(struct dp5_call *call, bool may_freeze)
{
	unsigned int flags = dp5_uring_hold();
	int ret;

	if (may_freeze)
		ret = wait_freezable(call);
	else
		ret = wait_for_completion_interruptible(&call->finished);
	dp5_uring_release(flags);
	return ret;
}

static int run(struct dp5_device *dp5, struct dp5_call *call, bool may_freeze)
{
	call->x.done = call_done;
	refcount_inc(&call->refs);
	dp5_exchange_queue(dp5, &call->x);

	if (!wait(call, may_freeze))
		return call->x.result;

	if (dp5_exchange_cancel(dp5, &call->x)) {
		dp5_call_unref(call);
		return -ERESTARTSYS;
	}
	/* It may have ended, or been refused, since the signal came. One that
	 * is being refused at this moment was not sent either.
	 */
	if (try_wait_for_completion(&call->finished))
		return call->x.result;
	return call->x.t_req.mono ? -EINTR : -ERESTARTSYS;
}

/* Freezable: a system that goes to sleep is no signal, and the engine sends
 * again what the sleep has cut.
 */
int dp5_call_run(struct dp5_device *dp5, struct dp5_call *call)
{
	return run(dp5, call, true);
}

int dp5_call_plain(struct dp5_device *dp5, const struct dp5_open *owner,
		   u8 pid1, u8 pid2)
{
	struct dp5_call *call;
	int ret;

	call = dp5_call_new(dp5_request_find(pid1, pid2), 0);
	if (!call)
		return -ENOMEM;
	call->x.owner = owner;
	call->x.class = DP5_CLASS_CONTROL;
	ret = dp5_call_run(dp5, call);
	if (!ret && call->rx_pid2 == DP5_ACK_UNKNOWN)
		ret = -EOPNOTSUPP;
	else if (!ret && !call->is_done)
		ret = -EIO;
	dp5_call_unref(call);
	return ret;
}

int dp5_call_status(struct dp5_device *dp5, struct dp5_packet *ret_head,
		    u8 *ret)
{
	const struct dp5_request *req = dp5_request_find(0x01, 0x01);
	struct dp5_call *call;
	int r;

	call = dp5_call_new(req, DP5_STATUS_LEN);
	if (!call)
		return -ENOMEM;
	/* Probe and sensors hold locks of the core's: none may be frozen. */
	r = run(dp5, call, false);
	if (!r) {
		ret_head->pid1 = call->rx_pid1;
		ret_head->pid2 = call->rx_pid2;
		ret_head->len = call->rx_len;
		ret_head->data = NULL;
		if (call->rx_len == DP5_STATUS_LEN)
			memcpy(ret, call->rx, DP5_STATUS_LEN);
	}
	dp5_call_unref(call);
	return r;
}
