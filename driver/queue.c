// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records: the pool they come from, and the queue of each open.
 *
 * A record is made once and shared by every queue it is put into; the count
 * of references is a plain number under dp5_device.lock, since every queue
 * is changed under it anyway. Spectra come from a pool that is as large as
 * all queues together: a completion handler never has to find 32 KiB.
 * State records are small and rare, and are allocated as they happen.
 *
 * Each open that reads has paid for its share of the pool, what its queue and
 * a read of it may hold at once, before anything is queued for it; what is on
 * its way from the instrument has a share of its own. Any record is as good
 * as another: whichever is free is taken. But each goes back to who paid for
 * it, so that no open is charged for another's queue, nor keeps one alive.
 */
#include "compat.h"
#include "dp5.h"

#include <linux/poll.h>
#include <linux/slab.h>

struct dp5_stamp dp5_stamp_now(void)
{
	ktime_t mono = ktime_get();

	/* As they are now: a clock that is set later, or a sleep, does not
	 * change when something was.
	 */
	return (struct dp5_stamp){
		.mono = mono,
		.boot = ktime_mono_to_any(mono, TK_OFFS_BOOT),
		.real = ktime_mono_to_real(mono),
	};
}

/* The last of a share that was ended takes that along. */
static void give_back(struct dp5_record *r)
{
	struct dp5_share *share = r->share;

	list_del(&r->paid);
	share->n--;
	if (share->is_ended && !share->n)
		kfree(share);
}

/* Free what a share has too much of. What is in use its last put frees. */
static void share_trim(struct dp5_device *dp5, struct dp5_share *share,
		       unsigned int want)
{
	struct dp5_record *r, *tmp;
	LIST_HEAD(unused);

	spin_lock_irq(&dp5->lock);
	share->want = want;
	list_for_each_entry_safe(r, tmp, &share->records, paid) {
		if (share->n <= want)
			break;
		if (r->refs)
			continue;
		give_back(r);
		list_move(&r->node, &unused);
	}
	spin_unlock_irq(&dp5->lock);

	list_for_each_entry_safe(r, tmp, &unused, node)
		kfree(r);
}

static int share_grow(struct dp5_device *dp5, struct dp5_share *share,
		      unsigned int want)
{
	struct dp5_record *r;

	/* First the mark, so that nothing given back meanwhile is freed. */
	spin_lock_irq(&dp5->lock);
	share->want = max(share->want, want);
	spin_unlock_irq(&dp5->lock);

	while (share->n < want) {
		r = kmalloc(struct_size(r, payload, DP5_FRAME_MAX),
			    GFP_KERNEL_ACCOUNT);
		if (!r)
			return -ENOMEM;
		r->refs = 0;
		r->share = share;
		spin_lock_irq(&dp5->lock);
		list_add(&r->node, &dp5->pool);
		list_add(&r->paid, &share->records);
		share->n++;
		spin_unlock_irq(&dp5->lock);
	}
	return 0;
}

int dp5_pool_fill(struct dp5_device *dp5)
{
	return share_grow(dp5, &dp5->share, DP5_ON_THE_WAY);
}

void dp5_pool_empty(struct dp5_device *dp5)
{
	share_trim(dp5, &dp5->share, 0);
}

/* An open may hold its queue and the record being copied. A queue of owned
 * data that was made smaller keeps what is in it, and what is on its way there.
 */
static unsigned int count_for(struct dp5_open *open, unsigned int queue_len)
{
	unsigned int n;

	spin_lock_irq(&open->dp5->lock);
	n = dp5_open_n_data(open) + dp5_stream_n_due(open);
	spin_unlock_irq(&open->dp5->lock);
	return max(queue_len, n) + 1;
}

int dp5_open_pay(struct dp5_open *open, unsigned int queue_len)
{
	lockdep_assert_held(&open->sub_mutex);

	return share_grow(open->dp5, open->share,
			  count_for(open, max(queue_len, open->sub.queue_len)));
}

void dp5_open_settle(struct dp5_open *open)
{
	lockdep_assert_held(&open->sub_mutex);

	share_trim(open->dp5, open->share,
		   count_for(open, open->sub.queue_len));
}

/* What others still have to read of it is freed by its last put, and the share
 * with that.
 */
static void share_end(struct dp5_open *open)
{
	struct dp5_share *share = open->share;
	bool is_empty;

	if (!share)
		return;
	share_trim(open->dp5, share, 0);
	spin_lock_irq(&open->dp5->lock);
	share->is_ended = true;
	is_empty = !share->n;
	spin_unlock_irq(&open->dp5->lock);
	if (is_empty)
		kfree(share);
}

struct dp5_record *dp5_record_get(struct dp5_device *dp5)
{
	struct dp5_record *r;

	lockdep_assert_held(&dp5->lock);

	r = list_first_entry_or_null(&dp5->pool, struct dp5_record, node);
	if (r) {
		list_del(&r->node);
		r->refs = 1;
		r->owner = NULL;
	}
	return r;
}

void dp5_record_put(struct dp5_device *dp5, struct dp5_record *r)
{
	struct dp5_share *share = r->share;

	lockdep_assert_held(&dp5->lock);

	if (--r->refs)
		return;
	if (share && share->n <= share->want) {
		list_add(&r->node, &dp5->pool);
		return;
	}
	if (share)
		give_back(r);
	kfree(r);
}

unsigned int dp5_open_n_data(const struct dp5_open *open)
{
	return open->n_queued - open->n_states;
}

static bool is_state(const struct dp5_queued *q)
{
	return q->record->type == DP5_FRAME_STATE;
}

static struct dp5_queued take_out(struct dp5_open *open, unsigned int i)
{
	struct dp5_queued q = open->queue[i];

	open->n_states -= is_state(&q);
	open->n_queued--;
	memmove(open->queue + i, open->queue + i + 1,
		(open->n_queued - i) * sizeof(*open->queue));
	return q;
}

/* Records are lost in front of the @i-th in the queue, which tells so, or of
 * the next to come.
 */
static void lose_before(struct dp5_open *open, unsigned int i, u32 n)
{
	if (i < open->n_queued)
		open->queue[i].lost += n;
	else
		open->lost += n;
}

void dp5_open_lose(struct dp5_open *open)
{
	lockdep_assert_held(&open->dp5->lock);

	lose_before(open, open->n_queued, 1);
	open->n_lost++;
}

/* Drop the oldest record of one sort that this open may lose, if any. */
static bool drop_oldest(struct dp5_open *open, bool states)
{
	struct dp5_queued q;
	unsigned int i;

	for (i = 0; i < open->n_queued; i++)
		if (is_state(open->queue + i) == states &&
		    open->queue[i].record->owner != open)
			break;
	if (i == open->n_queued)
		return false;
	q = take_out(open, i);
	dp5_record_put(open->dp5, q.record);
	lose_before(open, i, q.lost + 1);
	open->n_lost++;
	return true;
}

static void put_in(struct dp5_open *open, unsigned int i, struct dp5_queued q)
{
	/* Or memory behind it would be written to. */
	if (WARN_ON_ONCE(open->n_queued == DP5_QUEUE_ROOM)) {
		dp5_record_put(open->dp5, q.record);
		lose_before(open, i, q.lost + 1);
		open->n_lost++;
		return;
	}
	memmove(open->queue + i + 1, open->queue + i,
		(open->n_queued - i) * sizeof(*open->queue));
	open->queue[i] = q;
	open->n_queued++;
	open->n_states += is_state(&q);
}

void dp5_open_trim(struct dp5_open *open)
{
	lockdep_assert_held(&open->dp5->lock);

	while (dp5_open_n_data(open) > open->sub.queue_len &&
	       !dp5_stream_is_owned(open->sub.kind) && drop_oldest(open, false))
		;
	while (open->n_states > DP5_STATES_MAX)
		drop_oldest(open, true);
}

/* deadline_ns 0 means that every record is readable at once. */
bool dp5_open_is_readable(const struct dp5_open *open)
{
	if (!open->n_queued)
		return false;
	return open->is_ripe || open->n_states || !open->sub.deadline_ns ||
	       dp5_open_n_data(open) >= open->sub.watermark ||
	       open->dp5->is_gone;
}

void dp5_open_push(struct dp5_open *open, struct dp5_record *r)
{
	struct dp5_queued q = { .record = r, .lost = open->lost };

	lockdep_assert_held(&open->dp5->lock);

	r->refs++;
	open->lost = 0;
	put_in(open, open->n_queued, q);
	dp5_open_trim(open);

	if (is_state(&q))
		wake_up_interruptible_poll(&open->wait,
					   EPOLLIN | EPOLLRDNORM | EPOLLPRI);
	else if (dp5_open_is_readable(open))
		open->is_to_wake = true;
	else if (open->n_queued == 1)
		hrtimer_start(&open->deadline,
			      ns_to_ktime(open->sub.deadline_ns),
			      HRTIMER_MODE_REL_SOFT);
}

void dp5_opens_wake(struct dp5_device *dp5)
{
	struct dp5_open *open;

	lockdep_assert_held(&dp5->lock);

	list_for_each_entry(open, &dp5->opens, node) {
		if (!open->is_to_wake)
			continue;
		open->is_to_wake = false;
		wake_up_interruptible_poll(&open->wait, EPOLLIN | EPOLLRDNORM);
	}
}

struct dp5_queued dp5_open_pop(struct dp5_open *open)
{
	struct dp5_device *dp5 = open->dp5;
	struct dp5_queued q = { .record = NULL };

	lockdep_assert_held(&open->read_mutex);

	spin_lock_irq(&dp5->lock);
	if (open->n_queued)
		q = take_out(open, 0);
	if (!open->n_queued)
		open->is_ripe = false;
	spin_unlock_irq(&dp5->lock);
	return q;
}

void dp5_open_unpop(struct dp5_open *open, struct dp5_queued q)
{
	struct dp5_device *dp5 = open->dp5;

	lockdep_assert_held(&open->read_mutex);

	spin_lock_irq(&dp5->lock);
	put_in(open, 0, q);
	/* It was readable before, and is the oldest. Who looked meanwhile
	 * found nothing and sleeps.
	 */
	open->is_ripe = true;
	dp5_open_trim(open);
	wake_up_interruptible_poll(&open->wait, EPOLLIN | EPOLLRDNORM);
	spin_unlock_irq(&dp5->lock);
}

void dp5_open_consume(struct dp5_open *open, struct dp5_record *r)
{
	struct dp5_device *dp5 = open->dp5;

	spin_lock_irq(&dp5->lock);
	dp5_record_put(dp5, r);
	dp5_stream_go_on(dp5);
	spin_unlock_irq(&dp5->lock);
}

static enum hrtimer_restart on_deadline(struct hrtimer *timer)
{
	struct dp5_open *open = container_of(timer, struct dp5_open, deadline);
	unsigned long flags;

	spin_lock_irqsave(&open->dp5->lock, flags);
	if (open->n_queued) {
		open->is_ripe = true;
		wake_up_interruptible_poll(&open->wait, EPOLLIN | EPOLLRDNORM);
	}
	spin_unlock_irqrestore(&open->dp5->lock, flags);
	return HRTIMER_NORESTART;
}

int dp5_open_attach(struct dp5_open *open)
{
	struct dp5_device *dp5 = open->dp5;
	int ret = 0;

	mutex_init(&open->read_mutex);
	mutex_init(&open->sub_mutex);
	init_waitqueue_head(&open->wait);
	dp5_timer_init(&open->deadline, on_deadline, HRTIMER_MODE_REL_SOFT);
	open->sub.queue_len = DP5_QUEUE_DEFAULT;
	open->sub.watermark = 1;

	if (open->can_read) {
		open->share = kzalloc(sizeof(*open->share), GFP_KERNEL_ACCOUNT);
		if (!open->share)
			return -ENOMEM;
		INIT_LIST_HEAD(&open->share->records);
		ret = share_grow(dp5, open->share,
				 count_for(open, open->sub.queue_len));
	}
	if (!ret) {
		/* Disconnect sets is_gone under the lock, then wakes every
		 * open on the list: this one is refused or woken.
		 */
		spin_lock_irq(&dp5->lock);
		if (dp5->is_gone)
			ret = -ENODEV;
		else
			list_add_tail(&open->node, &dp5->opens);
		spin_unlock_irq(&dp5->lock);
	}
	if (ret)
		share_end(open);
	return ret;
}

void dp5_open_detach(struct dp5_open *open)
{
	struct dp5_device *dp5 = open->dp5;

	spin_lock_irq(&dp5->lock);
	list_del(&open->node);
	if (dp5->control == open)
		dp5->control = NULL;
	dp5_stream_forget(dp5, open);
	while (open->n_queued)
		dp5_record_put(dp5, take_out(open, 0).record);
	dp5_stream_update(dp5);
	spin_unlock_irq(&dp5->lock);
	share_end(open);

	/* Off the list nothing starts the timer again. */
	hrtimer_cancel(&open->deadline);
}
