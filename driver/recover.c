// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resynchronisation of a link on which it is unclear what the next reply
 * will belong to.
 *
 * Step 1 reads until the device is quiet (DRAIN), then sends an echo request
 * with a fresh random nonce and drops everything but its answer: then all
 * older replies are gone. Step 2 clears the halt of both endpoints, which
 * also puts the data toggles straight, and repeats. Step 3 resets the port
 * and repeats. Each step is counted.
 *
 * A device that has not yet said it is a spectrometer is only drained: it
 * may be an X-ray tube, and gets no request but status.
 *
 * After a reset of the port serial number, model and firmware are compared
 * first, before the echo and any request that waits: they may be meant for
 * another unit. The same status tells whether the unit has lost power. Nobody
 * else would learn that: reading it clears the bit.
 *
 * While dp5_engine.is_recovering is set the URBs are this file's. Its waits
 * are in a work of our own queue, bounded, and end at once when the URBs are
 * killed (suspend, reset) or poisoned (unplug).
 */
#include "dp5.h"
#include "trace.h"

#include <linux/delay.h>
#include <linux/random.h>

#define QUIET_MS 60
#define DRAIN_MAX 16 /* transfers */
#define ECHO_MS 300
#define ECHO_TRIES 3
#define NONCE_LEN 8

#define FAILED_PAUSE_MS 500

#define RESET_WAIT_MS 6000
#define RESET_PAUSE_MS 10000

enum {
	STEP_DRAIN = 1,
	STEP_HALT = 2,
	STEP_RESET = 3,
};

static void link_in_complete(struct urb *urb)
{
	struct dp5_device *dp5 = urb->context;

	complete(&dp5->engine.link_in);
}

static void link_out_complete(struct urb *urb)
{
	struct dp5_device *dp5 = urb->context;

	complete(&dp5->engine.link_out);
}

/* Whether recovery may use the URBs: 0, or an error that ends it. */
static int link_check(struct dp5_device *dp5)
{
	unsigned long flags;
	int ret = 0;

	spin_lock_irqsave(&dp5->lock, flags);
	if (dp5->is_gone)
		ret = -ENODEV;
	else if (dp5->engine.is_held)
		ret = -ESHUTDOWN;
	spin_unlock_irqrestore(&dp5->lock, flags);
	return ret;
}

static int post_in(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;
	int ret;

	ret = link_check(dp5);
	if (ret)
		return ret;
	reinit_completion(&e->link_in);
	usb_fill_bulk_urb(e->in, dp5->udev, e->in_pipe, e->rx, e->rx_size,
			  link_in_complete, dp5);
	return usb_submit_urb(e->in, GFP_NOIO);
}

/* Bytes that came, -ETIMEDOUT, or the transfer's error. */
static int wait_in(struct dp5_device *dp5, unsigned int ms)
{
	struct dp5_engine *e = &dp5->engine;

	if (!wait_for_completion_timeout(&e->link_in, msecs_to_jiffies(ms)))
		usb_kill_urb(e->in);
	if (e->in->status == -ENOENT)
		return e->in->actual_length ?: -ETIMEDOUT;
	return e->in->status ?: e->in->actual_length;
}

static int send_out(struct dp5_device *dp5, size_t len)
{
	struct dp5_engine *e = &dp5->engine;
	int ret;

	reinit_completion(&e->link_out);
	usb_fill_bulk_urb(e->out, dp5->udev, e->out_pipe, e->tx, len,
			  link_out_complete, dp5);
	ret = usb_submit_urb(e->out, GFP_NOIO);
	if (ret)
		return ret;
	if (!wait_for_completion_timeout(&e->link_out,
					 msecs_to_jiffies(ECHO_MS)))
		usb_kill_urb(e->out);
	return e->out->status;
}

/* Read and drop until nothing comes for QUIET_MS. */
static int drain(struct dp5_device *dp5)
{
	int ret, i;

	for (i = 0; i < DRAIN_MAX; i++) {
		ret = post_in(dp5);
		if (ret)
			return ret;
		ret = wait_in(dp5, QUIET_MS);
		if (ret == -ETIMEDOUT)
			return 0;
		if (ret < 0)
			return ret;
		dev_dbg(&dp5->intf->dev, "drained %d bytes\n", ret);
	}
	return -EPROTO;
}

/* What a packet means to who waits for an answer. */
enum answer {
	ANSWER_OTHER, /* of an earlier request: drop it, wait on */
	ANSWER_YES,
	ANSWER_UNKNOWN, /* the firmware does not know the request */
	ANSWER_FOREIGN, /* of another kind of instrument */
};

static enum answer judge_echo(const struct dp5_packet *p, const u8 *nonce)
{
	if (p->pid1 == 0x8f && p->pid2 == 0x7f && p->len == NONCE_LEN &&
	    !memcmp(p->data, nonce, NONCE_LEN))
		return ANSWER_YES;
	if (p->pid1 == DP5_PID1_ACK && p->pid2 == DP5_ACK_UNKNOWN)
		return ANSWER_UNKNOWN;
	return ANSWER_OTHER;
}

/* No spectrometer has ever sent a status of another kind: it cannot be an
 * answer that was left behind.
 */
static enum answer judge_status(const struct dp5_packet *p)
{
	if (p->pid1 != 0x80)
		return ANSWER_OTHER;
	if (p->pid2 != 0x01)
		return ANSWER_FOREIGN;
	return p->len == DP5_STATUS_LEN ? ANSWER_YES : ANSWER_OTHER;
}

/* How long its next answer may take. */
static unsigned int patience_ms(struct dp5_device *dp5)
{
	unsigned long flags;
	bool is_slow;

	spin_lock_irqsave(&dp5->lock, flags);
	is_slow = dp5->engine.is_slow;
	dp5->engine.is_slow = false;
	spin_unlock_irqrestore(&dp5->lock, flags);
	return is_slow ? DP5_SLOW_MS : ECHO_MS;
}

/* Send an echo of @nonce, or without one a status request; drop everything
 * but its answer. 0 with @ret set, -EOPNOTSUPP, -EXDEV if another kind of unit
 * answers, -ETIMEDOUT, or an error of the link.
 */
static int ask(struct dp5_device *dp5, const u8 *nonce, struct dp5_packet *ret)
{
	struct dp5_engine *e = &dp5->engine;
	unsigned int ms = patience_ms(dp5);
	unsigned long until = jiffies + msecs_to_jiffies(ms);
	enum answer answer;
	size_t len;
	int r;

	if (nonce)
		len = dp5_packet_build(e->tx, 0xf1, 0x7f, nonce, NONCE_LEN);
	else
		len = dp5_packet_build(e->tx, 0x01, 0x01, NULL, 0);
	r = post_in(dp5);
	if (r)
		return r;
	r = send_out(dp5, len);
	if (r) {
		usb_kill_urb(e->in);
		return r;
	}

	do {
		r = wait_in(dp5, ms);
		if (r < 0)
			return r;
		answer = ANSWER_OTHER;
		if (dp5_packet_parse(e->rx, r, ret) == DP5_PACKET_WHOLE)
			answer = nonce ? judge_echo(ret, nonce)
				       : judge_status(ret);
		if (answer == ANSWER_YES)
			return 0;
		if (answer == ANSWER_UNKNOWN)
			return -EOPNOTSUPP;
		if (answer == ANSWER_FOREIGN)
			return -EXDEV;
		r = post_in(dp5);
		if (r)
			return r;
	} while (time_before(jiffies, until));

	usb_kill_urb(e->in);
	return -ETIMEDOUT;
}

/* The same until it is answered, a few times; for the echo of a nonce, or for
 * @status. That is a copy: what comes behind it is read into the same buffer.
 */
static int ask_again(struct dp5_device *dp5, u8 *status)
{
	const bool is_echo = !status;
	struct dp5_packet p;
	u8 nonce[NONCE_LEN];
	int r, i;

	for (i = 0; i < ECHO_TRIES; i++) {
		get_random_bytes(nonce, sizeof(nonce));
		r = ask(dp5, is_echo ? nonce : NULL, &p);
		if (r != -ETIMEDOUT && r != -ENOENT)
			break;
	}
	if (!r && !is_echo)
		memcpy(status, p.data, DP5_STATUS_LEN);
	return r;
}

static void tell_reboot(struct dp5_device *dp5, const u8 *status)
{
	unsigned long flags;

	spin_lock_irqsave(&dp5->lock, flags);
	if (dp5_packet_rebooted(dp5->status, status))
		dp5_stream_state(dp5, DP5_STATE_REBOOT, 0);
	memcpy(dp5->status, status, DP5_STATUS_LEN);
	spin_unlock_irqrestore(&dp5->lock, flags);
}

/* Whether the unit is the one that was probed; a port may come back from a
 * sleep with another one on it, be it an X-ray tube. -EXDEV if so.
 */
static int check_unit(struct dp5_device *dp5)
{
	u8 status[DP5_STATUS_LEN];
	int ret;

	ret = ask_again(dp5, status);
	if (ret)
		return ret;
	if (!dp5_is_same_unit(dp5, status))
		return -EXDEV;
	/* Now: it is in no other answer. */
	tell_reboot(dp5, status);
	/* Nothing tells one answer from another: asked more than once, it may
	 * send one more.
	 */
	return drain(dp5);
}

/* In step once the echo of a fresh nonce has come. Firmware that knows no
 * echo has to tell its serial number twice.
 */
static int resync(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;
	int ret;

	ret = drain(dp5);
	if (ret || !e->may_echo)
		return ret;
	/* Another unit may be no spectrometer: it gets no echo before. */
	if (e->must_identify)
		ret = check_unit(dp5);
	if (!ret)
		ret = ask_again(dp5, NULL);
	if (ret == -EOPNOTSUPP) {
		e->must_identify = true;
		ret = check_unit(dp5) ?: check_unit(dp5);
	}
	if (!ret)
		e->must_identify = false;
	return ret;
}

static void clear_halts(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;

	/* Each waits for up to 5 s, and unplugging for both. */
	usb_clear_halt(dp5->udev, e->in_pipe);
	if (!link_check(dp5))
		usb_clear_halt(dp5->udev, e->out_pipe);
}

/* A link that fails at once is not tried again at once: a caller that repeats
 * its request would make a storm of transfers out of it. What timed out has
 * taken its time already.
 */
static void pause_after(struct dp5_device *dp5, int error)
{
	if (error != -ETIMEDOUT && !link_check(dp5))
		msleep(FAILED_PAUSE_MS);
}

static void count(struct dp5_device *dp5, __u64 *counter)
{
	unsigned long flags;

	spin_lock_irqsave(&dp5->lock, flags);
	++*counter;
	spin_unlock_irqrestore(&dp5->lock, flags);
}

/* Whether a port reset is under way; post_reset then goes on. */
static bool reset_port(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;
	ktime_t now = ktime_get();
	unsigned long flags;
	bool start;

	spin_lock_irqsave(&dp5->lock, flags);
	start = e->may_reset && !e->is_held && !dp5->is_gone &&
		ktime_after(now, e->reset_after);
	if (start) {
		e->awaits_reset = true;
		e->deadline = ktime_add_ms(now, RESET_WAIT_MS);
		e->reset_after = ktime_add_ms(now, RESET_PAUSE_MS);
		dp5->stats.port_resets++;
		mod_delayed_work(dp5_wq, &e->watchdog,
				 msecs_to_jiffies(RESET_WAIT_MS));
	}
	spin_unlock_irqrestore(&dp5->lock, flags);

	if (start)
		usb_queue_reset_device(dp5->intf);
	return start;
}

/* Off the list one by one, so that a caller who gives up at this moment finds
 * its exchange taken.
 */
void dp5_queue_fail(struct dp5_device *dp5, int error)
{
	struct dp5_exchange *x;
	unsigned long flags;
	LIST_HEAD(failed);

	spin_lock_irqsave(&dp5->lock, flags);
	list_splice_init(&dp5->engine.queue, &failed);
	while ((x = list_first_entry_or_null(&failed, struct dp5_exchange,
					     node))) {
		list_del_init(&x->node);
		spin_unlock_irqrestore(&dp5->lock, flags);
		x->result = error;
		x->done(dp5, x, NULL);
		spin_lock_irqsave(&dp5->lock, flags);
	}
	spin_unlock_irqrestore(&dp5->lock, flags);
}

/* What those who wait are told. */
static int error_of(int error)
{
	if (error == -EXDEV)
		return -ENODEV;
	return error == -ENOMEM ? -ENOMEM : -ETIMEDOUT;
}

/* The wire is the engine's again. What a suspend cut stays queued. */
static void end(struct dp5_device *dp5, int error, u32 step)
{
	struct dp5_engine *e = &dp5->engine;
	unsigned long flags;
	bool give_up;

	spin_lock_irqsave(&dp5->lock, flags);
	give_up = error && !e->is_held && !dp5->is_gone;
	/* Not forgotten because a hold cuts the next recovery: post_reset has
	 * to know.
	 */
	if (error == -EXDEV)
		e->is_other = true;
	if (!error) {
		e->is_other = false;
		e->is_dirty = false;
		dp5_stream_state(dp5, DP5_STATE_RESYNC, step);
	}
	spin_unlock_irqrestore(&dp5->lock, flags);

	if (give_up) {
		dev_dbg(&dp5->intf->dev, "no answer: %d\n", error);
		dp5_queue_fail(dp5, error_of(error));
	}
	/* Another unit is probed as any new one is: post_reset asks for it. */
	if (give_up && error == -EXDEV)
		usb_queue_reset_device(dp5->intf);

	spin_lock_irqsave(&dp5->lock, flags);
	e->is_recovering = false;
	wake_up(&e->idle);
	spin_unlock_irqrestore(&dp5->lock, flags);
	dp5_engine_kick(dp5);
}

void dp5_recover_work(struct work_struct *work)
{
	struct dp5_device *dp5 =
		container_of(work, struct dp5_device, engine.recover);
	struct dp5_engine *e = &dp5->engine;
	u32 step = e->is_reset ? STEP_RESET : STEP_DRAIN;
	int ret;

	e->is_reset = false;
	if (step == STEP_DRAIN)
		count(dp5, &dp5->stats.drains);
	ret = resync(dp5);
	trace_dp5_recovery(dp5, step, ret);
	if (!ret || ret == -EXDEV || step == STEP_RESET || link_check(dp5)) {
		end(dp5, ret, step);
		return;
	}

	if (ret != -EPIPE)
		pause_after(dp5, ret);
	/* Want of memory is the host's own. */
	if (ret == -ENOMEM) {
		end(dp5, ret, step);
		return;
	}
	clear_halts(dp5);
	count(dp5, &dp5->stats.halts_cleared);
	ret = resync(dp5);
	trace_dp5_recovery(dp5, STEP_HALT, ret);
	if (ret && ret != -ENOMEM && !link_check(dp5) && reset_port(dp5))
		return;
	if (ret)
		pause_after(dp5, ret);
	end(dp5, ret, STEP_HALT);
}

void dp5_recover_reset_done(struct dp5_device *dp5, int error)
{
	struct dp5_engine *e = &dp5->engine;
	unsigned long flags;
	bool was_awaited;

	spin_lock_irqsave(&dp5->lock, flags);
	was_awaited = e->awaits_reset;
	e->awaits_reset = false;
	spin_unlock_irqrestore(&dp5->lock, flags);
	if (!was_awaited)
		return;

	if (error) {
		end(dp5, error, STEP_RESET);
		return;
	}
	e->is_reset = true;
	queue_work(dp5_wq, &e->recover);
}
