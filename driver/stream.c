// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams: requests repeated for subscribers, and records for every reader.
 *
 * There is one stream a kind, paced by the shortest interval any open asked
 * for. The request of a stream is one struct that is lent to the engine, so a
 * stream never has two of them in the queue and takes turns with everybody's
 * TRANSACT. Back to back means that it is queued again as soon as it was
 * answered.
 *
 * Status and spectrum are cumulative: the next spectrum holds all of the one
 * before, so a slow reader loses resolution in time, never counts, when its
 * oldest record is dropped.
 *
 * Other kinds are owned: reading takes the data from the instrument. Their
 * only subscriber is the controller, whose queue drops nothing; the stream
 * pauses when that is full and goes on when half of it was read. A record is
 * set aside before each request, so that no reply finds no place.
 */
#include "compat.h"
#include "dp5.h"

#include <linux/slab.h>

/* An error ACK is an answer; asking again soon will not change it. */
#define PAUSED_MS 1000

static const struct {
	u8 pid1;
	u8 pid2;
	u16 type;
	bool is_owned;
} kinds[DP5_KINDS] = {
	[DP5_SUB_STATUS] = { 0x01, 0x01, DP5_FRAME_STATUS, false },
	[DP5_SUB_SPECTRUM] = { 0x02, 0x03, DP5_FRAME_SPECTRUM, false },
	[DP5_SUB_LIST] = { 0x03, 0x09, DP5_FRAME_LIST, true },
	[DP5_SUB_LOSSLESS] = { 0x02, 0x07, DP5_FRAME_PART, true },
};

bool dp5_stream_is_owned(u32 kind)
{
	return kinds[kind].is_owned;
}

bool dp5_stream_is_wanted(struct dp5_device *dp5)
{
	u32 kind;

	lockdep_assert_held(&dp5->lock);

	for (kind = DP5_SUB_STATUS; kind < DP5_KINDS; kind++)
		if (dp5->streams[kind].n_subs)
			return true;
	return false;
}

/* Whether an open gets what the stream's request has brought; moves its
 * next_due on.
 */
static bool is_due_for(struct dp5_open *open, const struct dp5_stream *s)
{
	const struct dp5_subscribe *sub = &open->sub;

	if (!open->can_read)
		return false;
	if (sub->kind == DP5_SUB_NONE || s->reader == open)
		return true;
	if (sub->kind != s->kind || dp5_stream_is_owned(s->kind))
		return false;
	return dp5_pace_is_due(&open->next_due, s->x.t_req.mono,
			       sub->interval_ns, s->interval_ns);
}

static void publish(struct dp5_device *dp5, const struct dp5_stream *s,
		    struct dp5_record *r)
{
	struct dp5_open *open;

	lockdep_assert_held(&dp5->lock);

	r->seq = dp5->seq++;
	r->owner = s->reader;
	dp5->stats.frames++;
	list_for_each_entry(open, &dp5->opens, node)
		if (is_due_for(open, s))
			dp5_open_push(open, r);
	dp5_record_put(dp5, r);
}

/* Each part of a lossless stream begins with a clear: no news to its reader. */
static bool is_told(const struct dp5_open *open, u32 event)
{
	if (event == DP5_STATE_CLEAR && open->sub.kind == DP5_SUB_LOSSLESS)
		return false;
	return open->can_read;
}

static struct dp5_record *state_new(struct dp5_device *dp5,
				    const struct dp5_state *state)
{
	struct dp5_record *r;

	r = kzalloc(struct_size(r, payload, sizeof(*state)), GFP_ATOMIC);
	if (!r)
		return NULL;
	r->refs = 1;
	r->type = DP5_FRAME_STATE;
	r->seq = dp5->seq++;
	r->t_req = dp5_stamp_now();
	r->t_done = r->t_req;
	r->payload_len = sizeof(*state);
	memcpy(r->payload, state, sizeof(*state));
	return r;
}

static void tell_all(struct dp5_device *dp5, const struct dp5_state *state)
{
	struct dp5_record *r;
	struct dp5_open *open;

	lockdep_assert_held(&dp5->lock);

	if (list_empty(&dp5->opens))
		return;
	r = state_new(dp5, state);
	list_for_each_entry(open, &dp5->opens, node) {
		if (!is_told(open, state->event))
			continue;
		if (r)
			dp5_open_push(open, r);
		else
			dp5_open_lose(open);
	}
	if (r)
		dp5_record_put(dp5, r);
}

void dp5_stream_state(struct dp5_device *dp5, u32 event, u32 arg)
{
	struct dp5_state state = { .event = event, .arg = arg };

	tell_all(dp5, &state);
}

/* What the readers are told of a stream that is, or is not, paused. */
static struct dp5_state paused_state(const struct dp5_stream *s)
{
	return (struct dp5_state){
		.event = s->paused ? DP5_STATE_PAUSE : DP5_STATE_RESTART,
		.arg = s->paused < 0 ? -s->paused : 0,
		.kind = s->kind,
	};
}

/* Say so when the stream stops or goes on; once, not for every request. One
 * without subscribers does neither.
 */
static void set_paused(struct dp5_stream *s, int why)
{
	struct dp5_state state;

	lockdep_assert_held(&s->dp5->lock);

	if (why == s->paused || !s->n_subs)
		return;
	s->paused = why;
	state = paused_state(s);
	tell_all(s->dp5, &state);
}

/* Who joins a stream that has stopped before learns it as the others did. */
static void tell_paused(struct dp5_open *open, const struct dp5_stream *s)
{
	struct dp5_state state = paused_state(s);
	struct dp5_record *r;

	r = state_new(open->dp5, &state);
	if (!r) {
		dp5_open_lose(open);
		return;
	}
	dp5_open_push(open, r);
	dp5_record_put(open->dp5, r);
}

/* Set a record aside for what the next request takes from the instrument. One
 * may be left of a reply that brought nothing, and the queue have become full,
 * or shorter, since. What lies in the slot has had its place since it was moved
 * there.
 */
static bool make_room(struct dp5_stream *s)
{
	struct dp5_open *open = s->dp5->control;

	if (!dp5_stream_is_owned(s->kind))
		return true;
	if (!dp5_slot_is_half_done(s) &&
	    dp5_open_n_data(open) >= open->sub.queue_len)
		return false;
	if (!s->room)
		s->room = dp5_record_get(s->dp5);
	if (s->room)
		s->reader = open;
	return s->room;
}

/* Nobody is left to read into it. */
static void clear_room(struct dp5_stream *s)
{
	if (s->n_subs || s->is_queued || !s->room)
		return;
	dp5_record_put(s->dp5, s->room);
	s->room = NULL;
	s->reader = NULL;
}

/* A queue that was full is to be half read, whoever comes and goes meanwhile. */
static bool is_waiting_for_half(const struct dp5_stream *s)
{
	const struct dp5_open *open = s->dp5->control;

	return s->paused == DP5_PAUSED_FULL &&
	       dp5_open_n_data(open) > open->sub.queue_len / 2;
}

/* Queue the request now or at its time. */
static void plan_request(struct dp5_stream *s)
{
	lockdep_assert_held(&s->dp5->lock);

	if (!s->n_subs || s->is_queued || s->dp5->is_gone)
		return;
	if (ktime_after(s->next, ktime_get())) {
		hrtimer_start(&s->timer, s->next, HRTIMER_MODE_ABS_SOFT);
		return;
	}
	if (is_waiting_for_half(s))
		return;
	if (!make_room(s)) {
		set_paused(s, DP5_PAUSED_FULL);
		return;
	}
	s->is_queued = true;
	if (s->kind == DP5_SUB_LOSSLESS)
		dp5_slot_request(s);
	if (dp5_slot_is_half_done(s))
		dp5_exchange_queue_first(s->dp5, &s->x);
	else
		dp5_exchange_queue_locked(s->dp5, &s->x);
}

void dp5_stream_go_on(struct dp5_device *dp5)
{
	const struct dp5_open *open = dp5->control;
	struct dp5_stream *s;

	lockdep_assert_held(&dp5->lock);

	if (!open || dp5->is_gone || !dp5_stream_is_owned(open->sub.kind))
		return;
	s = &dp5->streams[open->sub.kind];
	if (s->paused != DP5_PAUSED_FULL || is_waiting_for_half(s))
		return;
	set_paused(s, 0);
	plan_request(s);
}

static enum hrtimer_restart on_timer(struct hrtimer *timer)
{
	struct dp5_stream *s = container_of(timer, struct dp5_stream, timer);
	unsigned long flags;

	spin_lock_irqsave(&s->dp5->lock, flags);
	plan_request(s);
	spin_unlock_irqrestore(&s->dp5->lock, flags);
	return HRTIMER_NORESTART;
}

/* An ACK instead of data, in the words of errno. */
static int ack_errno(u8 ack)
{
	switch (ack) {
	case 0x08: /* FPGA not initialised */
		return -ENXIO;
	case 0x0d: /* another interface, or hardware sequential buffering */
		return -EBUSY;
	case DP5_ACK_UNKNOWN:
	case 0x10: /* not with this FPGA */
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}

/* Copy the reply into a record of its own and hand it round. The copy is
 * made outside the lock: the record is nobody else's yet.
 */
static void deliver(struct dp5_stream *s, const struct dp5_packet *reply)
{
	struct dp5_device *dp5 = s->dp5;
	struct dp5_record *r;
	struct dp5_open *open;
	unsigned long flags;

	spin_lock_irqsave(&dp5->lock, flags);
	r = s->room ?: dp5_record_get(dp5);
	s->room = NULL;
	/* One that went from one owned stream to another while it had a
	 * record of each on its way, and stands in the middle of a read, holds
	 * one more than it paid for. Where many do, what can be asked for
	 * again gives way.
	 */
	if (!r) {
		list_for_each_entry(open, &dp5->opens, node)
			if (is_due_for(open, s))
				dp5_open_lose(open);
	}
	spin_unlock_irqrestore(&dp5->lock, flags);
	if (!r)
		return;

	r->type = kinds[s->kind].type;
	r->channels = dp5_packet_channels(reply);
	r->pid1 = reply->pid1;
	r->pid2 = reply->pid2;
	r->t_req = s->kind == DP5_SUB_LOSSLESS ? s->slot.t_cut : s->x.t_req;
	r->t_done = s->x.t_done;
	r->payload_len = reply->len;
	memcpy(r->payload, reply->data, reply->len);

	spin_lock_irqsave(&dp5->lock, flags);
	publish(dp5, s, r);
	spin_unlock_irqrestore(&dp5->lock, flags);
}

/* When the next request is due, after one that ended well, was answered by
 * an error, or was not answered.
 */
static void plan_next(struct dp5_stream *s, enum dp5_outcome outcome)
{
	ktime_t wait = 0;

	lockdep_assert_held(&s->dp5->lock);

	if (s->n_failed)
		wait = ms_to_ktime(dp5_pace_retry_ms(s->n_failed));
	else if (outcome == DP5_OUTCOME_REFUSED)
		wait = ms_to_ktime(PAUSED_MS);
	s->not_before = ktime_add(ktime_get(), wait);
	s->next = dp5_pace_next(s->next, s->interval_ns, s->not_before);
}

/* The data of an owned stream may have left the instrument with a reply that
 * did not come: its reader is told.
 */
static void lose_reply(struct dp5_stream *s)
{
	lockdep_assert_held(&s->dp5->lock);

	if (s->reader)
		dp5_open_lose(s->reader);
}

/* Nobody goes on with what the stream has begun: what was moved to the slot
 * and not read is lost to the one it was moved for.
 */
static void let_go(struct dp5_stream *s)
{
	if (dp5_slot_forget(s))
		lose_reply(s);
}

/* An empty list is no news. */
static bool is_worth_a_record(const struct dp5_stream *s,
			      const struct dp5_packet *reply)
{
	return s->kind != DP5_SUB_LIST || reply->len;
}

static enum dp5_outcome outcome_of(struct dp5_stream *s,
				   const struct dp5_packet *reply, u32 digest)
{
	if (s->kind == DP5_SUB_LOSSLESS)
		return dp5_slot_done(s, reply, digest);
	/* What was never sent has taken nothing. */
	if (!reply)
		return s->kind == DP5_SUB_LIST && s->x.t_req.mono
			       ? DP5_OUTCOME_LOST
			       : DP5_OUTCOME_FAILED;
	return reply->pid1 == DP5_PID1_ACK ? DP5_OUTCOME_REFUSED
					   : DP5_OUTCOME_DATA;
}

/* A controller's turn has passed, whatever it brought: who joins or leaves
 * does not bring it forward.
 */
static void pass_due(const struct dp5_stream *s)
{
	struct dp5_open *open = s->dp5->control;

	if (open && open->sub.kind == s->kind && dp5_stream_is_owned(s->kind))
		dp5_pace_is_due(&open->next_due, s->x.t_req.mono,
				open->sub.interval_ns, s->interval_ns);
}

static void stream_done(struct dp5_device *dp5, struct dp5_exchange *x,
			const struct dp5_packet *reply)
{
	struct dp5_stream *s = container_of(x, struct dp5_stream, x);
	enum dp5_outcome outcome;
	unsigned long flags;
	u32 digest = 0;
	bool has_data;

	if (s->kind == DP5_SUB_LOSSLESS && reply)
		digest = dp5_slot_digest(reply);
	spin_lock_irqsave(&dp5->lock, flags);
	outcome = outcome_of(s, reply, digest);
	has_data = reply && outcome == DP5_OUTCOME_DATA;
	if (has_data)
		set_paused(s, 0);
	else if (reply && outcome == DP5_OUTCOME_REFUSED)
		set_paused(s, ack_errno(reply->pid2));
	else if (outcome == DP5_OUTCOME_LOST)
		lose_reply(s);
	spin_unlock_irqrestore(&dp5->lock, flags);

	if (has_data && is_worth_a_record(s, reply))
		deliver(s, reply);

	spin_lock_irqsave(&dp5->lock, flags);
	s->is_queued = false;
	if (!reply)
		s->n_failed++;
	else if (outcome != DP5_OUTCOME_GO_ON)
		s->n_failed = 0;
	/* The first failure may be a single damaged reply. */
	if (!reply && s->n_failed >= 2)
		set_paused(s, x->result);
	if (outcome != DP5_OUTCOME_GO_ON) {
		pass_due(s);
		plan_next(s, outcome);
	}
	if (!s->n_subs)
		let_go(s);
	plan_request(s);
	clear_room(s);
	spin_unlock_irqrestore(&dp5->lock, flags);
}

void dp5_stream_update(struct dp5_device *dp5)
{
	ktime_t now = ktime_get();
	struct dp5_open *open;
	struct dp5_stream *s;
	u32 kind;

	lockdep_assert_held(&dp5->lock);

	for (kind = DP5_SUB_STATUS; kind < DP5_KINDS; kind++) {
		s = &dp5->streams[kind];
		/* One that stood begins now: what it let pass is not made up
		 * for.
		 */
		if (!s->n_subs && !s->is_queued)
			s->next = max_t(s64, s->next, now);
		s->n_subs = 0;
		s->interval_ns = U64_MAX;
		list_for_each_entry(open, &dp5->opens, node) {
			if (open->sub.kind != kind)
				continue;
			s->n_subs++;
			s->interval_ns = min_t(u64, s->interval_ns,
					       open->sub.interval_ns);
			s->next = dp5_pace_join(s->next, open->next_due, now,
						s->not_before);
		}
		if (!s->n_subs) {
			/* What is not on the wire yet takes nothing from the
			 * instrument that nobody would read.
			 */
			if (dp5_exchange_cancel_locked(dp5, &s->x))
				s->is_queued = false;
			s->interval_ns = 0;
			s->paused = 0;
			s->n_failed = 0;
			/* What is on the wire still reaches its reader. */
			if (!s->is_queued)
				let_go(s);
		}
		plan_request(s);
		clear_room(s);
	}
	if (!dp5_stream_is_wanted(dp5))
		dp5_engine_doze(dp5);
}

unsigned int dp5_stream_n_due(const struct dp5_open *open)
{
	unsigned int n = 0;
	u32 kind;

	lockdep_assert_held(&open->dp5->lock);

	for (kind = DP5_SUB_STATUS; kind < DP5_KINDS; kind++)
		n += open->dp5->streams[kind].reader == open &&
		     open->dp5->streams[kind].is_queued;
	return n;
}

void dp5_stream_forget(struct dp5_device *dp5, const struct dp5_open *open)
{
	u32 kind;

	lockdep_assert_held(&dp5->lock);

	for (kind = DP5_SUB_STATUS; kind < DP5_KINDS; kind++)
		if (dp5->streams[kind].reader == open)
			dp5->streams[kind].reader = NULL;
}

void dp5_stream_disown(struct dp5_open *open)
{
	lockdep_assert_held(&open->dp5->lock);

	if (!dp5_stream_is_owned(open->sub.kind))
		return;
	open->sub.kind = DP5_SUB_NONE;
	dp5_stream_update(open->dp5);
}

/* Of a lossless stream nothing is left of an earlier subscription, whose
 * request may still be on the wire.
 */
static void begin(struct dp5_stream *s)
{
	if (s->kind != DP5_SUB_LOSSLESS)
		return;
	if (dp5_exchange_cancel_locked(s->dp5, &s->x))
		s->is_queued = false;
	let_go(s);
}

int dp5_stream_subscribe(struct dp5_open *open, const struct dp5_subscribe *sub)
{
	struct dp5_device *dp5 = open->dp5;
	struct dp5_stream *s = &dp5->streams[sub->kind];
	int ret, paused = 0;

	if (mutex_lock_interruptible(&open->sub_mutex))
		return -ERESTARTSYS;
	ret = dp5_open_pay(open, sub->queue_len);
	if (!ret) {
		spin_lock_irq(&dp5->lock);
		if (dp5->is_gone) {
			ret = -ENODEV;
		} else if (dp5_stream_is_owned(sub->kind) &&
			   dp5->control != open) {
			ret = -EPERM;
		} else if (dp5_stream_is_owned(sub->kind) &&
			   open->is_claiming) {
			ret = -EBUSY;
		} else {
			if (open->sub.kind != sub->kind) {
				paused = s->paused;
				begin(s);
			}
			open->sub = *sub;
			open->next_due = ktime_get();
			/* Nobody has a timer for what is queued already. */
			open->is_ripe = open->n_queued;
			dp5_open_trim(open);
			dp5_stream_update(dp5);
			if (paused && paused == s->paused)
				tell_paused(open, s);
		}
		spin_unlock_irq(&dp5->lock);
	}
	dp5_open_settle(open);
	mutex_unlock(&open->sub_mutex);

	/* Records queued before may be readable by the new watermark. */
	wake_up_interruptible(&open->wait);
	return ret;
}

void dp5_stream_init(struct dp5_device *dp5)
{
	struct dp5_stream *s;
	u32 kind;

	INIT_LIST_HEAD(&dp5->opens);
	INIT_LIST_HEAD(&dp5->pool);
	INIT_LIST_HEAD(&dp5->share.records);
	for (kind = DP5_SUB_STATUS; kind < DP5_KINDS; kind++) {
		s = &dp5->streams[kind];
		s->dp5 = dp5;
		s->kind = kind;
		s->x.req = dp5_request_find(kinds[kind].pid1, kinds[kind].pid2);
		s->x.pid1 = kinds[kind].pid1;
		s->x.pid2 = kinds[kind].pid2;
		/* Control is the subscription's, which ends with it. */
		s->x.class = DP5_CLASS_READ;
		s->x.done = stream_done;
		INIT_LIST_HEAD(&s->x.node);
		dp5_timer_init(&s->timer, on_timer, HRTIMER_MODE_ABS_SOFT);
	}
}

void dp5_stream_stop(struct dp5_device *dp5)
{
	u32 kind;

	for (kind = DP5_SUB_STATUS; kind < DP5_KINDS; kind++)
		hrtimer_cancel(&dp5->streams[kind].timer);
}
