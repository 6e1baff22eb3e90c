/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records, the pool they come from and the queues they are in. What is changed
 * is guarded by dp5_device.lock.
 */
#ifndef DRIVER_QUEUE_H
#define DRIVER_QUEUE_H

#include <linux/ktime.h>
#include <linux/list.h>

#include "uapi/dp5.h"

#define DP5_QUEUE_DEFAULT 8
#define DP5_QUEUE_MAX 64
/*
 * A queue of an owned stream is not trimmed, and beside what it may hold come
 * a record that could not be copied and one from each owned stream that had
 * its room when the kind was changed. States are trimmed with the new one in.
 */
#define DP5_QUEUE_OVER 3
#define DP5_QUEUE_ROOM (DP5_QUEUE_MAX + DP5_QUEUE_OVER + DP5_STATES_MAX + 1)
#define DP5_STATES_MAX 16 /* state records kept for an open */
/*
 * Records in nobody's queue: the one being filled, one set aside, and one that
 * an owned stream has brought to a queue beyond its length.
 */
#define DP5_ON_THE_WAY 3

#define DP5_FRAME_MAX (3 * DP5_CHANNELS_MAX + DP5_STATUS_LEN)

struct dp5_device;
struct dp5_open;

/**
 * struct dp5_stamp - one moment on each clock an open may choose
 * @mono: CLOCK_MONOTONIC.
 * @boot: CLOCK_BOOTTIME.
 * @real: CLOCK_REALTIME.
 */
struct dp5_stamp {
	ktime_t mono;
	ktime_t boot;
	ktime_t real;
};

/* Now. Any context. */
struct dp5_stamp dp5_stamp_now(void);

/**
 * struct dp5_share - what one open, or the device, has paid for of the pool
 * @records: all of it, used or not.
 * @n: how many.
 * @want: how many it needs.
 * @is_ended: its open is closed; it lives until the last record is given back.
 *
 * Guarded by dp5_device.lock; only who paid adds to it.
 */
struct dp5_share {
	struct list_head records;
	unsigned int n;
	unsigned int want;
	bool is_ended;
};

/**
 * struct dp5_record - one record, shared by every open it was queued for
 * @node: place in the pool while unused.
 * @refs: queues and readers that hold it; guarded by dp5_device.lock.
 * @share: of the pool; NULL for one that is freed after use.
 * @paid: place in @share.
 * @owner: the open whose stream took this from the instrument, whose queue
 *	does not drop it; else NULL. Compared only.
 * @type: one of enum dp5_frame_type.
 * @channels: channels of a spectrum.
 * @pid1: identifier of the reply.
 * @pid2: identifier of the reply.
 * @seq: number of the record on this device.
 * @t_req: when the request was submitted.
 * @t_done: when the reply had arrived.
 * @payload_len: bytes in @payload.
 * @payload: what follows the header in read().
 */
struct dp5_record {
	struct list_head node;
	unsigned int refs;
	struct dp5_share *share;
	struct list_head paid;
	const struct dp5_open *owner;
	u16 type;
	u16 channels;
	u8 pid1;
	u8 pid2;
	u64 seq;
	struct dp5_stamp t_req;
	struct dp5_stamp t_done;
	u32 payload_len;
	u8 payload[];
};

/**
 * struct dp5_queued - a record in the queue of one open
 * @record: the record.
 * @lost: records that this open lost between it and the one before.
 */
struct dp5_queued {
	struct dp5_record *record;
	u32 lost;
};

/* Pay for what is on its way to the opens: 0 or -ENOMEM; empty takes a half
 * filled pool, of which nothing is in use.
 */
int dp5_pool_fill(struct dp5_device *dp5);
void dp5_pool_empty(struct dp5_device *dp5);

/* Add an open to its device, with a queue of the usual length if it can read;
 * -ENOMEM, or -ENODEV when the device is gone.
 */
int dp5_open_attach(struct dp5_open *open);
void dp5_open_detach(struct dp5_open *open);

/* Make the share of @open large enough for a queue of @queue_len, without
 * making it smaller: 0 or -ENOMEM. sub_mutex is held.
 */
int dp5_open_pay(struct dp5_open *open, unsigned int queue_len);

/* Free what of it the subscription does not need any more; sub_mutex is held.
 */
void dp5_open_settle(struct dp5_open *open);

/* A record with room for a whole spectrum, or NULL; lock is held. */
struct dp5_record *dp5_record_get(struct dp5_device *dp5);
void dp5_record_put(struct dp5_device *dp5, struct dp5_record *r);

/* Queue a record for one open, dropping the oldest of its sort if need be. A
 * state record wakes it at once; for frames dp5_opens_wake() is called when
 * the next request is out. dp5_device.lock is held.
 */
void dp5_open_push(struct dp5_open *open, struct dp5_record *r);
void dp5_opens_wake(struct dp5_device *dp5);

/* Take the oldest record; its is NULL when there is none. The caller holds
 * read_mutex and gets the queue's reference.
 */
struct dp5_queued dp5_open_pop(struct dp5_open *open);

/* Undo the last pop. */
void dp5_open_unpop(struct dp5_open *open, struct dp5_queued q);

/* Drop the reader's reference. */
void dp5_open_consume(struct dp5_open *open, struct dp5_record *r);

/* Drop what does not fit the subscription's queue any more, but nothing that
 * was taken from the instrument for this open; lock is held.
 */
void dp5_open_trim(struct dp5_open *open);

/* Records of data in the queue; lock is held. */
unsigned int dp5_open_n_data(const struct dp5_open *open);

/* Count a record that this open should have had by now: the next one it gets
 * tells so. Lock is held.
 */
void dp5_open_lose(struct dp5_open *open);

/* Whether a blocking read would return; dp5_device.lock is held. */
bool dp5_open_is_readable(const struct dp5_open *open);

#endif /* DRIVER_QUEUE_H */
