// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine: one request on the wire at a time, driven by URB completions.
 *
 * The instrument answers each request once, in order and without a tag. So
 * the next request goes out only when the last one was answered, and after
 * anything unclear (a time-out, a damaged reply, a transfer error) the link
 * is "dirty": recover.c resynchronises before another request is sent, and
 * a late reply cannot be taken for the answer to something else.
 *
 * Each exchange ends in exactly one place, finish(). Normally it is reached
 * from the later one of the two completions. When something goes wrong, fail()
 * only notes the error and leaves the rest to the watchdog work, which may
 * sleep: it kills both URBs first, so that nothing of a failed exchange is on
 * the wire when the next begins.
 *
 * The IN URB is posted before the OUT URB, which spares a wake-up between
 * them. Nothing is posted while no exchange runs.
 *
 * Where the administrator allowed it, an unused device is suspended. It is
 * kept awake from the first exchange that is queued until the watchdog of the
 * last one finds nothing to do and no subscriber: an exchange by itself costs
 * nothing for it.
 */
#include "dp5.h"
#include "trace.h"

#include <linux/slab.h>

/* More empty transfers in a row than a late zero-length packet explains. */
#define EMPTY_MAX 16

/* An unplugged device shows as a protocol error first. Waiting this long lets
 * the hub notice, so that callers read ENODEV; and it slows down retries.
 */
#define LINK_ERROR_DELAY_MS 300

#define HOLD_GRACE_MS 1000
#define DOZE_MS 1000

static bool is_killed(int status)
{
	return status == -ENOENT || status == -ECONNRESET;
}

/* One transfer error in the words of the contract. */
static int transfer_errno(int status)
{
	switch (status) {
	case -ENODEV:
	case -ESHUTDOWN:
	case -ENOENT:
	case -EPERM: /* poisoned */
		return -ENODEV;
	case -ENOMEM:
		return -ENOMEM;
	default:
		return -EPROTO;
	}
}

/* Have the watchdog end the exchange on the wire. The first error stays. */
static void fail(struct dp5_device *dp5, int error, unsigned int delay_ms)
{
	struct dp5_engine *e = &dp5->engine;

	lockdep_assert_held(&dp5->lock);

	if (!e->cur || e->abort)
		return;
	e->abort = error;
	mod_delayed_work(dp5_wq, &e->watchdog, msecs_to_jiffies(delay_ms));
}

static void fail_transfer(struct dp5_device *dp5, int status)
{
	bool is_link = status == -EPROTO || status == -EILSEQ ||
		       status == -ETIME || status == -ESHUTDOWN;

	dp5->stats.usb_errors++;
	fail(dp5, transfer_errno(status), is_link ? LINK_ERROR_DELAY_MS : 0);
}

static void in_complete(struct urb *urb);
static void out_complete(struct urb *urb);

static void start(struct dp5_device *dp5, struct dp5_exchange *x)
{
	struct dp5_engine *e = &dp5->engine;
	bool may_take_long = !dp5->control || dp5->control == x->owner;
	u64 limit = dp5_request_limit_ns(x->req, x->timeout_ns, e->is_slow,
					 may_take_long);
	u64 spare =
		dp5_request_limit_ns(x->req, x->timeout_ns, e->is_slow, false);
	size_t len;
	int ret;

	e->cur = x;
	e->is_busy = true;
	e->abort = 0;
	e->n_empty = 0;
	e->rx_have = 0;
	e->out_ok = false;
	e->has_reply = false;
	e->is_slow = false;

	len = dp5_packet_build(e->tx, x->pid1, x->pid2, x->tx, x->tx_len);
	usb_fill_bulk_urb(e->in, dp5->udev, e->in_pipe, e->rx, e->rx_size,
			  in_complete, dp5);
	usb_fill_bulk_urb(e->out, dp5->udev, e->out_pipe, e->tx, len,
			  out_complete, dp5);
	x->t_req = dp5_stamp_now();
	e->deadline = ktime_add_ns(x->t_req.mono, limit);
	e->unwanted = ktime_add_ns(x->t_req.mono, spare);
	mod_delayed_work(dp5_wq, &e->watchdog, nsecs_to_jiffies(limit) + 1);
	trace_dp5_request(dp5, x);

	ret = usb_submit_urb(e->in, GFP_ATOMIC);
	if (!ret)
		ret = usb_submit_urb(e->out, GFP_ATOMIC);
	if (ret) {
		/* Never sent. */
		x->t_req = (struct dp5_stamp){ 0 };
		fail_transfer(dp5, ret);
		return;
	}
	dp5->stats.requests++;
}

/* Neither call sleeps. What is queued for a suspended device starts when it
 * resumes.
 */
static void set_awake(struct dp5_device *dp5, bool is_awake)
{
	struct dp5_engine *e = &dp5->engine;

	lockdep_assert_held(&dp5->lock);

	if (e->is_awake == is_awake)
		return;
	e->is_awake = is_awake;
	if (is_awake) {
		/* Counted whether or not it can be woken now. */
		usb_autopm_get_interface_no_resume(dp5->intf);
		pm_request_resume(&dp5->intf->dev);
		dp5_engine_doze(dp5);
	} else {
		usb_autopm_put_interface_async(dp5->intf);
	}
}

void dp5_engine_doze(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;

	lockdep_assert_held(&dp5->lock);

	/* An exchange's watchdog looks anyway, after unplug it may not run. */
	if (e->is_awake && !e->cur && !dp5->is_gone)
		mod_delayed_work(dp5_wq, &e->watchdog,
				 msecs_to_jiffies(DOZE_MS));
}

/* The oldest that may be sent. Control may have changed hands since a request
 * was queued, or since a sleep has cut it.
 */
static struct dp5_exchange *next_allowed(struct dp5_device *dp5)
{
	struct dp5_exchange *x;
	int ret;

	while ((x = list_first_entry_or_null(&dp5->engine.queue,
					     struct dp5_exchange, node))) {
		ret = dp5_control_check(dp5, x->owner, x->class);
		if (!ret)
			break;
		list_del_init(&x->node);
		x->result = ret;
		x->done(dp5, x, NULL);
	}
	return x;
}

/* Others do not wait for all that one asks with many threads: it has one turn,
 * and the rest goes behind theirs.
 */
static void pass_turn(struct dp5_engine *e, const struct dp5_open *owner)
{
	struct dp5_exchange *x, *next;
	LIST_HEAD(later);

	list_for_each_entry_safe(x, next, &e->queue, node)
		if (owner && x->owner == owner)
			list_move_tail(&x->node, &later);
	list_splice_tail(&later, &e->queue);
}

static void kick(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;
	struct dp5_exchange *x;

	lockdep_assert_held(&dp5->lock);

	if (e->is_busy || e->is_recovering || e->is_held || dp5->is_gone)
		return;
	x = next_allowed(dp5);
	if (!x)
		return;
	if (e->is_dirty) {
		e->is_recovering = true;
		queue_work(dp5_wq, &e->recover);
		return;
	}
	list_del_init(&x->node);
	pass_turn(e, x->owner);
	start(dp5, x);
}

void dp5_engine_kick(struct dp5_device *dp5)
{
	unsigned long flags;

	spin_lock_irqsave(&dp5->lock, flags);
	kick(dp5);
	spin_unlock_irqrestore(&dp5->lock, flags);
}

void dp5_exchange_queue_locked(struct dp5_device *dp5, struct dp5_exchange *x)
{
	lockdep_assert_held(&dp5->lock);

	x->t_req = (struct dp5_stamp){ 0 };
	list_add_tail(&x->node, &dp5->engine.queue);
	set_awake(dp5, true);
	kick(dp5);
}

void dp5_exchange_queue_first(struct dp5_device *dp5, struct dp5_exchange *x)
{
	lockdep_assert_held(&dp5->lock);

	x->t_req = (struct dp5_stamp){ 0 };
	list_add(&x->node, &dp5->engine.queue);
	set_awake(dp5, true);
	kick(dp5);
}

void dp5_exchange_queue(struct dp5_device *dp5, struct dp5_exchange *x)
{
	unsigned long flags;
	bool is_gone;

	spin_lock_irqsave(&dp5->lock, flags);
	is_gone = dp5->is_gone;
	if (!is_gone)
		dp5_exchange_queue_locked(dp5, x);
	spin_unlock_irqrestore(&dp5->lock, flags);

	if (is_gone) {
		x->result = -ENODEV;
		x->done(dp5, x, NULL);
	}
}

bool dp5_exchange_cancel_locked(struct dp5_device *dp5, struct dp5_exchange *x)
{
	bool was_queued = !list_empty(&x->node);

	lockdep_assert_held(&dp5->lock);

	list_del_init(&x->node);
	return was_queued;
}

/* Hold up the others no longer than usual for what is on the wire. */
static void hurry(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;

	if (e->abort || dp5->is_gone)
		return;
	e->deadline = e->unwanted;
	mod_delayed_work(dp5_wq, &e->watchdog, 0);
}

bool dp5_exchange_cancel(struct dp5_device *dp5, struct dp5_exchange *x)
{
	struct dp5_engine *e = &dp5->engine;
	unsigned long flags;
	bool was_queued;

	spin_lock_irqsave(&dp5->lock, flags);
	was_queued = dp5_exchange_cancel_locked(dp5, x);
	x->is_abandoned = !was_queued;
	if (e->cur == x)
		hurry(dp5);
	spin_unlock_irqrestore(&dp5->lock, flags);
	return was_queued;
}

void dp5_engine_hurry(struct dp5_device *dp5, const struct dp5_open *owner)
{
	lockdep_assert_held(&dp5->lock);

	if (dp5->engine.cur && dp5->engine.cur->owner != owner)
		hurry(dp5);
}

/* End the exchange on the wire. Entered and left without the lock; @p points
 * into the receive buffer, which stays ours because is_busy stays set until
 * the callback has returned.
 */
static void finish(struct dp5_device *dp5, struct dp5_exchange *x, int result,
		   const struct dp5_packet *p)
{
	struct dp5_engine *e = &dp5->engine;
	unsigned long flags;

	x->t_done = dp5_stamp_now();
	x->result = result;
	trace_dp5_reply(dp5, x, p);

	spin_lock_irqsave(&dp5->lock, flags);
	if (p) {
		dp5_reply_note(dp5, x, p);
	} else {
		dp5_reply_missed(dp5, x);
		e->is_dirty = true;
	}
	spin_unlock_irqrestore(&dp5->lock, flags);

	x->done(dp5, x, p);

	spin_lock_irqsave(&dp5->lock, flags);
	e->is_busy = false;
	kick(dp5);
	if (!e->is_busy)
		wake_up(&e->idle);
	/* The instrument need not wait for that. */
	dp5_opens_wake(dp5);
	spin_unlock_irqrestore(&dp5->lock, flags);
}

/* Read on, into the room behind what has come. Only whole packets precede
 * it, so that the room is a multiple of the packet size, too.
 */
static void read_on(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;
	int ret;

	lockdep_assert_held(&dp5->lock);

	if (dp5->is_gone || e->abort)
		return;
	e->in->transfer_buffer = e->rx + e->rx_have;
	e->in->transfer_buffer_length = e->rx_size - e->rx_have;
	ret = usb_submit_urb(e->in, GFP_ATOMIC);
	/* EPERM: a hold is taking it back at this moment. */
	if (ret && ret != -EPERM)
		fail_transfer(dp5, ret);
}

/* Take the exchange off the wire if its reply and the end of OUT are both
 * in; some controllers report the two out of order. Not if the watchdog has
 * taken over: it will look at the buffer itself.
 */
static struct dp5_exchange *take_answered(struct dp5_engine *e)
{
	struct dp5_exchange *x = e->cur;

	if (!x || e->abort || !e->out_ok || !e->has_reply)
		return NULL;
	e->cur = NULL;
	return x;
}

/* Transfer ended well, but with no reply to the exchange on the wire. */
static void no_reply(struct dp5_device *dp5, int why)
{
	struct dp5_engine *e = &dp5->engine;

	lockdep_assert_held(&dp5->lock);

	/* Another may follow the reply that is waited for. */
	if (why == -ESTALE) {
		dp5->stats.stale++;
		e->is_dirty = true;
		e->rx_have = 0;
		read_on(dp5);
		return;
	}
	/* The start of a packet that ends with a full USB packet, or nothing
	 * but a late zero-length one: more may follow.
	 */
	if (why == -EAGAIN && e->rx_have % e->in_maxp == 0 &&
	    e->n_empty++ < EMPTY_MAX) {
		read_on(dp5);
		return;
	}
	dp5->stats.bad++;
	fail(dp5, -EPROTO, 0);
}

static void in_complete(struct urb *urb)
{
	struct dp5_device *dp5 = urb->context;
	struct dp5_engine *e = &dp5->engine;
	struct dp5_exchange *x = NULL;
	struct dp5_packet p;
	unsigned long flags;
	int ret;

	/* cur cannot end under us: whoever ends it kills this URB first. The
	 * sum over the packet is made here, outside the lock.
	 */
	e->rx_have += urb->actual_length;
	ret = urb->status ?: dp5_reply_check(dp5, e->cur, &p);

	spin_lock_irqsave(&dp5->lock, flags);
	if (!ret) {
		e->reply = p;
		e->has_reply = true;
		x = take_answered(e);
	} else if (!urb->status) {
		no_reply(dp5, ret);
	} else if (!is_killed(urb->status)) {
		fail_transfer(dp5, urb->status);
	}
	spin_unlock_irqrestore(&dp5->lock, flags);

	if (x)
		finish(dp5, x, 0, &e->reply);
}

static void out_complete(struct urb *urb)
{
	struct dp5_device *dp5 = urb->context;
	struct dp5_engine *e = &dp5->engine;
	struct dp5_exchange *x = NULL;
	unsigned long flags;

	spin_lock_irqsave(&dp5->lock, flags);
	if (!urb->status) {
		e->out_ok = true;
		x = take_answered(e);
	} else if (!is_killed(urb->status)) {
		fail_transfer(dp5, urb->status);
	}
	spin_unlock_irqrestore(&dp5->lock, flags);

	if (x)
		finish(dp5, x, 0, &e->reply);
}

/* End the exchange on the wire after a time-out or a failure. A reply whose
 * end the controller did not see (its length is a multiple of the packet
 * size and the device sent no empty packet behind it) lies whole in the
 * buffer and still counts.
 */
static void end_exchange(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;
	struct dp5_exchange *x;
	struct dp5_packet p;
	unsigned long flags;
	int ret;

	usb_kill_urb(e->out);
	usb_kill_urb(e->in);

	spin_lock_irqsave(&dp5->lock, flags);
	x = e->cur;
	e->cur = NULL;
	ret = e->abort;
	spin_unlock_irqrestore(&dp5->lock, flags);
	if (!x)
		return;

	if (ret == -ETIMEDOUT && e->out_ok && !dp5_reply_check(dp5, x, &p)) {
		finish(dp5, x, 0, &p);
		return;
	}
	dev_dbg(&dp5->intf->dev, "request %02x/%02x failed: %d\n", x->pid1,
		x->pid2, ret);
	finish(dp5, x, ret, NULL);
}

static void watchdog_work(struct work_struct *work)
{
	struct dp5_device *dp5 =
		container_of(to_delayed_work(work), struct dp5_device,
			     engine.watchdog);
	struct dp5_engine *e = &dp5->engine;
	bool is_due, reset_failed;
	unsigned long flags;
	s64 left;

	spin_lock_irqsave(&dp5->lock, flags);
	if (e->is_held) {
		/* A device that goes to sleep may fall off the bus before it
		 * is its turn: hold() decides what becomes of the exchange.
		 */
		wake_up(&e->idle);
		spin_unlock_irqrestore(&dp5->lock, flags);
		return;
	}
	left = ktime_to_ns(ktime_sub(e->deadline, ktime_get()));
	if (e->cur && !e->abort && left <= 0) {
		e->abort = -ETIMEDOUT;
		dp5->stats.timeouts++;
	}
	is_due = e->cur && e->abort;
	reset_failed = e->awaits_reset && left <= 0;
	/* Timers count in ticks and may be early by a part of one. */
	if ((e->cur || e->awaits_reset) && !is_due && !reset_failed)
		mod_delayed_work(dp5_wq, &e->watchdog,
				 nsecs_to_jiffies(max_t(s64, left, 0)) + 1);
	else if (e->is_busy || e->is_recovering || !list_empty(&e->queue))
		dp5_engine_doze(dp5);
	else if (!dp5_stream_is_wanted(dp5))
		set_awake(dp5, false);
	spin_unlock_irqrestore(&dp5->lock, flags);

	if (is_due) {
		end_exchange(dp5);
		spin_lock_irqsave(&dp5->lock, flags);
		dp5_engine_doze(dp5);
		spin_unlock_irqrestore(&dp5->lock, flags);
	}
	if (reset_failed)
		dp5_recover_reset_done(dp5, -ETIMEDOUT);
}

/* Nothing is on the wire, or nothing good. */
static bool is_idle(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;
	unsigned long flags;
	bool ret;

	spin_lock_irqsave(&dp5->lock, flags);
	ret = (!e->is_busy || (e->cur && e->abort)) &&
	      (!e->is_recovering || e->awaits_reset);
	spin_unlock_irqrestore(&dp5->lock, flags);
	return ret;
}

/* Take the exchange off the wire that a suspend or reset has cut: back to
 * the head of the queue if sending it twice does no harm and somebody waits.
 */
static struct dp5_exchange *take_cut(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;
	struct dp5_exchange *x;
	unsigned long flags;

	spin_lock_irqsave(&dp5->lock, flags);
	x = e->cur;
	e->cur = NULL;
	if (x && (x->req->flags & DP5_REQ_RETRY) && !x->is_abandoned) {
		/* It may not come to its turn again. */
		dp5_reply_missed(dp5, x);
		list_add(&x->node, &e->queue);
		e->is_busy = false;
		x = NULL;
	}
	if (!e->awaits_reset)
		e->is_recovering = false;
	e->is_reset = false;
	e->is_dirty = true;
	spin_unlock_irqrestore(&dp5->lock, flags);
	return x;
}

int dp5_engine_hold(struct dp5_device *dp5, bool unless_used)
{
	struct dp5_engine *e = &dp5->engine;
	struct dp5_exchange *x;
	unsigned long flags;
	bool is_refused;

	spin_lock_irqsave(&dp5->lock, flags);
	is_refused = unless_used && e->is_awake;
	e->is_held |= !is_refused;
	spin_unlock_irqrestore(&dp5->lock, flags);
	if (is_refused)
		return -EBUSY;

	wait_event_timeout(e->idle, is_idle(dp5),
			   msecs_to_jiffies(HOLD_GRACE_MS));

	/* The watchdog goes first: it must not end what we take here. Killing
	 * the URBs then also ends the waits of a recovery.
	 */
	cancel_delayed_work_sync(&e->watchdog);
	usb_kill_urb(e->out);
	usb_kill_urb(e->in);
	cancel_work_sync(&e->recover);
	cancel_delayed_work_sync(&e->watchdog);

	x = take_cut(dp5);
	if (x)
		finish(dp5, x, -ETIMEDOUT, NULL);
	return 0;
}

void dp5_engine_resume(struct dp5_device *dp5, u32 event)
{
	struct dp5_engine *e = &dp5->engine;
	bool awaits_reset;
	unsigned long flags;

	spin_lock_irqsave(&dp5->lock, flags);
	e->is_held = false;
	e->is_dirty = true;
	/* It is of before a sleep, through which its clock stood. */
	dp5->status_time = 0;
	e->must_identify |= event == DP5_STATE_RESET;
	awaits_reset = e->awaits_reset;
	dp5_stream_state(dp5, event, 0);
	dp5_engine_doze(dp5);
	kick(dp5);
	spin_unlock_irqrestore(&dp5->lock, flags);

	if (awaits_reset)
		dp5_recover_reset_done(dp5, 0);
}

void dp5_engine_kill(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;
	unsigned long flags;

	/* Nothing starts once is_gone is set, and poisoned URBs refuse what
	 * was about to be submitted. The works come after the completions,
	 * which may have queued them.
	 */
	usb_poison_urb(e->out);
	usb_poison_urb(e->in);
	cancel_work_sync(&e->recover);
	cancel_delayed_work_sync(&e->watchdog);

	spin_lock_irqsave(&dp5->lock, flags);
	/* The next driver of the interface, or we again after a reset, shall
	 * find it allowed to sleep: nobody else takes this back.
	 */
	set_awake(dp5, false);
	if (e->cur)
		list_add(&e->cur->node, &e->queue);
	e->cur = NULL;
	spin_unlock_irqrestore(&dp5->lock, flags);
	dp5_queue_fail(dp5, -ENODEV);
}

int dp5_engine_init(struct dp5_device *dp5, unsigned int in_num,
		    unsigned int out_num)
{
	struct dp5_engine *e = &dp5->engine;
	struct usb_device *udev = dp5->udev;

	INIT_LIST_HEAD(&e->queue);
	init_waitqueue_head(&e->idle);
	INIT_DELAYED_WORK(&e->watchdog, watchdog_work);
	INIT_WORK(&e->recover, dp5_recover_work);
	init_completion(&e->link_in);
	init_completion(&e->link_out);

	e->in_pipe = usb_rcvbulkpipe(udev, in_num);
	e->out_pipe = usb_sndbulkpipe(udev, out_num);
	e->in_maxp = usb_maxpacket(udev, e->in_pipe);
	if (!e->in_maxp)
		return -ENODEV;
	/* One packet more than the longest reply: a longer one is seen as
	 * too long, not as an overflow of the transfer.
	 */
	e->rx_size =
		roundup(DP5_REPLY_MAX + DP5_PACKET_OVERHEAD + 1, e->in_maxp);

	e->in = usb_alloc_urb(0, GFP_KERNEL);
	e->out = usb_alloc_urb(0, GFP_KERNEL);
	e->rx = kmalloc(e->rx_size, GFP_KERNEL);
	e->tx = kmalloc(DP5_REQUEST_MAX + DP5_PACKET_OVERHEAD, GFP_KERNEL);
	if (!e->in || !e->out || !e->rx || !e->tx)
		return -ENOMEM;
	return 0;
}

void dp5_engine_deinit(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;

	usb_free_urb(e->in);
	usb_free_urb(e->out);
	kfree(e->rx);
	kfree(e->tx);
}
