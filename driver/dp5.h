/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One spectrometer inside the kernel: its parts and what guards them.
 *
 * There is one spinlock a device, dp5_device.lock. It is taken in hard
 * interrupts (URB completions) and held for a few list operations, and while
 * a request is built and submitted; never while something sleeps, is copied to
 * user space, or a reply is summed up.
 *
 * Three mutexes serve process context alone; each nests outside the spinlock
 * and none in another: dp5_open.sub_mutex while an open's share of the pool
 * changes, dp5_open.read_mutex while a record is copied out,
 * dp5_device.sensor_mutex while one reader of a sensor asks for a status. The
 * last alone is held while waiting for the device: none but other readers of
 * sensors wait for it, and unplugging ends that exchange before it takes the
 * sensors down.
 */
#ifndef DRIVER_DP5_H
#define DRIVER_DP5_H

#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/usb.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "pace.h"
#include "packet.h"
#include "queue.h"
#include "requests.h"
#include "uapi/dp5.h"

#define DP5_MINORS 64
#define DP5_KINDS (DP5_SUB_LOSSLESS + 1)

struct dp5_device;
struct dp5_exchange;

/* Called once an exchange has ended, without dp5_device.lock and in any
 * context. @reply is NULL unless x->result is 0 and is valid for the call
 * only. The engine does not touch @x afterwards. An exchange that needs more
 * than DP5_CLASS_READ may be refused when its turn comes: its callback is then
 * called with the lock.
 */
typedef void (*dp5_done_fn)(struct dp5_device *dp5, struct dp5_exchange *x,
			    const struct dp5_packet *reply);

/**
 * struct dp5_exchange - one request and its reply
 * @node: place in the engine's queue; empty while not queued there.
 * @req: row of the request table.
 * @pid1: first packet identifier.
 * @pid2: second packet identifier.
 * @tx_len: bytes in @tx.
 * @tx: payload of the request.
 * @timeout_ns: from submission to reply, 0 for the default of @req.
 * @owner: the open it is made for. Compared only: it may be closed.
 * @class: what @owner needs when it is sent; one that nobody has set is that
 *	of requests which are never sent.
 * @done: called at its end.
 * @result: 0 when a matching reply came, else a negative errno.
 * @is_abandoned: its caller gave up when it was on the wire, and may be gone.
 * @t_req: when it was submitted, zero before and if that failed.
 * @t_done: when its last byte had arrived.
 *
 * Memory belongs to whoever made it; from dp5_exchange_queue() until @done
 * it is lent to the engine.
 */
struct dp5_exchange {
	struct list_head node;
	const struct dp5_request *req;
	u8 pid1;
	u8 pid2;
	u16 tx_len;
	u8 tx[DP5_REQUEST_MAX];
	u64 timeout_ns;
	const struct dp5_open *owner;
	enum dp5_class class;
	dp5_done_fn done;
	int result;
	bool is_abandoned;
	struct dp5_stamp t_req;
	struct dp5_stamp t_done;
};

/**
 * struct dp5_slot - where a lossless stream is; slot.c alone looks inside
 * @phase: what the next request is for.
 * @is_stale: the exchange on the wire is of an earlier subscription.
 * @digest: of the last reading of the slot.
 * @t_cut: when the last part ended and the next began.
 */
struct dp5_slot {
	unsigned int phase;
	bool is_stale;
	u32 digest;
	struct dp5_stamp t_cut;
};

/**
 * struct dp5_stream - requests of one kind, repeated for its subscribers
 * @dp5: the device.
 * @kind: DP5_SUB_*.
 * @n_subs: opens that subscribed to this kind.
 * @interval_ns: the shortest interval among them.
 * @x: the one request.
 * @is_queued: @x is lent to the engine.
 * @next: when the next request is due.
 * @timer: fires at @next.
 * @paused: error that a PAUSE record reported, DP5_PAUSED_FULL, or 0 while
 *	the stream runs.
 * @n_failed: requests that failed in a row.
 * @not_before: the pause after a failure or refusal ends, for everybody.
 * @room: record for a reply that cannot be asked for again.
 * @reader: the open that such a reply is for, once it is asked for.
 * @slot: of the lossless kind.
 *
 * All but @timer is guarded by dp5_device.lock.
 */
struct dp5_stream {
	struct dp5_device *dp5;
	u32 kind;
	unsigned int n_subs;
	u64 interval_ns;
	struct dp5_exchange x;
	bool is_queued;
	ktime_t next;
	struct hrtimer timer;
	int paused;
	unsigned int n_failed;
	ktime_t not_before;
	struct dp5_record *room;
	struct dp5_open *reader;
	struct dp5_slot slot;
};

/* The controller's queue is full; not an error. */
#define DP5_PAUSED_FULL 1

/**
 * struct dp5_engine - the wire: at most one request is on it
 * @queue: exchanges that wait for the wire, oldest first.
 * @cur: the exchange on the wire.
 * @is_busy: from submission until @cur's done callback has returned.
 * @is_held: nothing may start (suspend, reset).
 * @is_dirty: resynchronise before the next request.
 * @is_recovering: resynchronisation owns the wire.
 * @awaits_reset: it has asked for a port reset and waits for its end.
 * @may_echo: the device is known to be a spectrometer.
 * @may_reset: the port may be reset; not before probe has returned.
 * @is_reset: the recovery that comes next follows a port reset.
 * @must_identify: the recovery that comes next compares identities.
 * @is_other: they differed; the next port reset ends in a new probe.
 * @is_slow: the last request wrote flash, the next answer may be late.
 * @is_awake: the device may not be suspended while it runs.
 * @out_ok: the OUT URB has ended well.
 * @has_reply: @reply answers @cur; OUT may still be with the core.
 * @abort: errno with which @cur is being ended, 0 while it is well.
 * @n_empty: empty transfers seen while waiting for the reply.
 * @reply: the packet in @rx.
 * @rx_have: bytes in @rx.
 * @deadline: when @cur, or the wait for a reset, times out.
 * @unwanted: when @cur does if its caller gives it up, or another open that
 *	holds control would have to wait for it.
 * @reset_after: no further port reset before this time.
 * @idle: woken when the wire falls idle.
 * @watchdog: ends @cur when it is late or broken.
 * @recover: resynchronises.
 * @link_in: an IN transfer of @recover has ended.
 * @link_out: an OUT transfer of @recover has ended.
 * @in: the IN URB.
 * @out: the OUT URB.
 * @rx: buffer of @in, kmalloc'ed apart from everything else.
 * @tx: buffer of @out, likewise.
 * @rx_size: size of @rx: room for the longest reply, a multiple of the
 *	packet size, so that no reply can overflow it.
 * @in_pipe: IN pipe.
 * @out_pipe: OUT pipe.
 * @in_maxp: packet size of the IN endpoint.
 *
 * Guarded by dp5_device.lock up to @reset_after; but @may_echo, @is_reset and
 * @must_identify are @recover's while @is_recovering, and others change them
 * only before it begins or after a hold has waited for its end. @rx and
 * @rx_have belong to whoever runs the wire: the completion handler of @in, or
 * the work that has killed it.
 */
struct dp5_engine {
	struct list_head queue;
	struct dp5_exchange *cur;
	bool is_busy;
	bool is_held;
	bool is_dirty;
	bool is_recovering;
	bool awaits_reset;
	bool may_echo;
	bool may_reset;
	bool is_reset;
	bool must_identify;
	bool is_other;
	bool is_slow;
	bool is_awake;
	bool out_ok;
	bool has_reply;
	int abort;
	unsigned int n_empty;
	struct dp5_packet reply;
	size_t rx_have;
	ktime_t deadline;
	ktime_t unwanted;
	ktime_t reset_after;

	wait_queue_head_t idle;
	struct delayed_work watchdog;
	struct work_struct recover;
	struct completion link_in;
	struct completion link_out;
	struct urb *in;
	struct urb *out;
	u8 *rx;
	u8 *tx;
	size_t rx_size;
	unsigned int in_pipe;
	unsigned int out_pipe;
	unsigned int in_maxp;
};

/**
 * struct dp5_identity - what the status packet said at probe
 * @serial: serial number, or DP5_SERIAL_NONE.
 * @device: status byte 39.
 * @fw_major: firmware version.
 * @fw_minor: firmware version.
 * @fw_build: firmware build, 0 when the firmware has none.
 * @fpga_major: FPGA version.
 * @fpga_minor: FPGA version.
 * @eco: status byte 49.
 */
struct dp5_identity {
	u32 serial;
	u8 device;
	u8 fw_major;
	u8 fw_minor;
	u8 fw_build;
	u8 fpga_major;
	u8 fpga_minor;
	u8 eco;
};

/**
 * struct dp5_open - one open of the node
 * @dp5: the device; the open holds a reference on dp5_device.dev.
 * @node: place in dp5_device.opens.
 * @can_read: opened for reading.
 * @can_write: opened for writing.
 * @is_claiming: a claim waits for what an earlier program left running to stop.
 * @read_mutex: one reader at a time takes a record out and, when it cannot
 *	be copied, puts it back.
 * @sub_mutex: one subscription at a time is changed.
 * @share: what it has paid for of the pool, NULL if it cannot read.
 * @wait: readers and pollers.
 * @deadline: fires when the oldest record has waited for deadline_ns.
 * @sub: the subscription.
 * @next_due: records of its kind before this time are not for this open.
 * @queue: records, oldest first.
 * @n_queued: records in @queue.
 * @n_states: state records among them.
 * @is_ripe: readable below the watermark.
 * @is_to_wake: a frame is readable, and its reader not woken yet.
 * @lost: records lost since the last one was queued.
 * @n_lost: records dropped since open.
 *
 * @sub and what follows is guarded by dp5_device.lock.
 */
struct dp5_open {
	struct dp5_device *dp5;
	struct list_head node;
	bool can_read;
	bool can_write;
	bool is_claiming;
	struct mutex read_mutex; /* takers of @queue, see above */
	struct mutex sub_mutex; /* size of @share, see above */
	struct dp5_share *share;
	wait_queue_head_t wait;
	struct hrtimer deadline;

	struct dp5_subscribe sub;
	ktime_t next_due;
	struct dp5_queued queue[DP5_QUEUE_ROOM];
	unsigned int n_queued;
	unsigned int n_states;
	bool is_ripe;
	bool is_to_wake;
	u32 lost;
	u64 n_lost;
};

/**
 * struct dp5_device - one spectrometer
 * @dev: the class device; its last put frees all of this.
 * @cdev: the node.
 * @intf: the interface, until disconnect.
 * @udev: the USB device; referenced, so that URBs may name it until the end.
 * @hwmon: temperatures and high voltage.
 * @sensor_mutex: one reader of a sensor asks for a status.
 * @sensor_error: how that ended; under @sensor_mutex.
 * @sensor_time: when; under @sensor_mutex.
 * @lock: guards everything below and all that other structs say it does.
 * @is_gone: unplugged or unbound; never cleared.
 * @engine: the wire.
 * @streams: one a kind of subscription, by DP5_SUB_*; entry 0 is unused.
 * @opens: every struct dp5_open.
 * @control: the open that holds control.
 * @pool: unused records.
 * @share: the part of the pool that is on its way to the opens.
 * @seq: number of the next record.
 * @id: identity; constant after probe.
 * @channels: channels of the last spectrum, 0 before the first.
 * @status: last status packet.
 * @status_time: when it came; 0 for never.
 * @stats: counters; size, flags and lost are unused.
 */
struct dp5_device {
	struct device dev;
	struct cdev cdev;
	struct usb_interface *intf;
	struct usb_device *udev;
	struct device *hwmon;
	struct mutex sensor_mutex; /* who asks for a status, see above */
	int sensor_error;
	ktime_t sensor_time;

	spinlock_t lock; /* see above */
	bool is_gone;
	struct dp5_engine engine;
	struct dp5_stream streams[DP5_KINDS];
	struct list_head opens;
	struct dp5_open *control;
	struct list_head pool;
	struct dp5_share share;
	u64 seq;
	struct dp5_identity id;
	u32 channels;
	u8 status[DP5_STATUS_LEN];
	ktime_t status_time;
	struct dp5_stats stats;
};

/* The module. */
extern struct class *dp5_class;
extern struct workqueue_struct *dp5_wq;

/* A free minor as a device number, or a negative errno; and back. */
int dp5_minor_get(dev_t *ret_devt);
void dp5_minor_put(dev_t devt);

/* A device was made; it has run its release. The module stays in between. */
void dp5_module_hold(void);
void dp5_module_let_go(void);

/* The N of dp5-N. */
unsigned int dp5_minor_index(dev_t devt);

/* One instrument's lifetime. */
extern struct usb_driver dp5_usb_driver;

/* Whether a status is of the unit that was probed, by serial number, model and
 * firmware.
 */
bool dp5_is_same_unit(const struct dp5_device *dp5, const u8 *status);

/* The node. */
extern const struct file_operations dp5_fops;

/* Whether a request of @class may be sent for @open, which is not looked into.
 * Returns 0, -EBUSY when another open holds control, or -EPERM when it needs
 * that and nobody has it, or is never sent. dp5_device.lock is held.
 */
int dp5_control_check(struct dp5_device *dp5, const struct dp5_open *open,
		      enum dp5_class class);

/* Attributes. */
extern const struct attribute_group *dp5_groups[];

/* The name of a model, by status byte 39; whether it is one that is described.
 * Of another only what reads is passed on.
 */
const char *dp5_model(u8 device);
bool dp5_is_known(u8 device);

/* The wire. */

/* Make URBs and buffers for two endpoints given by number; deinit takes a
 * half-made engine.
 */
int dp5_engine_init(struct dp5_device *dp5, unsigned int in_num,
		    unsigned int out_num);
void dp5_engine_deinit(struct dp5_device *dp5);

/* Queue @x, whose req, pids, tx and done are set. Any context. An exchange
 * that cannot be queued ends with -ENODEV through its done callback.
 */
void dp5_exchange_queue(struct dp5_device *dp5, struct dp5_exchange *x);

/* The same with dp5_device.lock held and the device not gone. */
void dp5_exchange_queue_locked(struct dp5_device *dp5, struct dp5_exchange *x);

/* The same before all others: @x completes what was begun. */
void dp5_exchange_queue_first(struct dp5_device *dp5, struct dp5_exchange *x);

/* Take @x back if it is not on the wire yet. Returns whether it was; then
 * its done callback is not called.
 */
bool dp5_exchange_cancel(struct dp5_device *dp5, struct dp5_exchange *x);

/* The same with dp5_device.lock held. */
bool dp5_exchange_cancel_locked(struct dp5_device *dp5, struct dp5_exchange *x);

/* Another than @owner keeps the wire no longer than usual; lock is held. */
void dp5_engine_hurry(struct dp5_device *dp5, const struct dp5_open *owner);

/* Let the device sleep a second after the last use; lock is held. */
void dp5_engine_doze(struct dp5_device *dp5);

/* Start the next exchange or recovery if the wire is free. */
void dp5_engine_kick(struct dp5_device *dp5);

/* Let the exchange on the wire end, or cut it after a second; nothing starts
 * until dp5_engine_resume(). Nothing of that but -EBUSY if @unless_used and
 * there is use of it. Sleeps.
 */
int dp5_engine_hold(struct dp5_device *dp5, bool unless_used);

/* Go on after a hold, resynchronising first, and tell the readers @event. */
void dp5_engine_resume(struct dp5_device *dp5, u32 event);

/* After dp5_device.is_gone was set: stop the wire for good and end every
 * exchange with -ENODEV. Sleeps.
 */
void dp5_engine_kill(struct dp5_device *dp5);

/* Whether the bytes received answer the exchange on the wire: 0 yes with @p
 * set, -EAGAIN not yet, -ESTALE something else, -EPROTO never. Called by the
 * owner of dp5_engine.rx.
 */
int dp5_reply_check(struct dp5_device *dp5, const struct dp5_exchange *x,
		    struct dp5_packet *p);

/* Keep what a reply tells beyond its caller: last status, number of channels,
 * events for the readers. dp5_device.lock is held.
 */
void dp5_reply_note(struct dp5_device *dp5, const struct dp5_exchange *x,
		    const struct dp5_packet *p);

/* No reply came. If the request was sent, what it changes may have changed, and
 * the readers are told as if it had. dp5_device.lock is held.
 */
void dp5_reply_missed(struct dp5_device *dp5, const struct dp5_exchange *x);

/* Its resynchronisation. */

/* End all that is queued with @error. */
void dp5_queue_fail(struct dp5_device *dp5, int error);

/* Work of dp5_engine.recover: drain, echo, clear halts, reset the port. */
void dp5_recover_work(struct work_struct *work);

/* End a recovery that waits for a port reset. @error 0 goes on with the
 * echo, anything else gives up.
 */
void dp5_recover_reset_done(struct dp5_device *dp5, int error);

/* Requests of processes. */

/**
 * struct dp5_call - a request made by a process that sleeps for its reply
 * @x: the exchange; pids, tx and timeout_ns are the caller's to set.
 * @refs: one of the caller, one of the engine.
 * @finished: the exchange has ended.
 * @rx: copy of the reply's payload.
 * @rx_size: room at @rx.
 * @rx_len: bytes of the reply's payload, also where it did not fit.
 * @rx_pid1: identifier of the reply.
 * @rx_pid2: identifier of the reply.
 * @is_done: the reply says that the request was carried out.
 */
struct dp5_call {
	struct dp5_exchange x;
	refcount_t refs;
	struct completion finished;
	u8 *rx;
	u32 rx_size;
	u32 rx_len;
	u8 rx_pid1;
	u8 rx_pid2;
	bool is_done;
};

/* A call for @req with room for @rx_size bytes; NULL without memory. */
struct dp5_call *dp5_call_new(const struct dp5_request *req, u32 rx_size);
void dp5_call_unref(struct dp5_call *call);

/* Run the call. Returns its result, also if a signal came with it;
 * -ERESTARTSYS when one came before it was sent, -EINTR when one came later:
 * its reply is then dropped. The caller holds no lock: it may be frozen here.
 */
int dp5_call_run(struct dp5_device *dp5, struct dp5_call *call);

/* A request of @owner as the controller, without payload, that has to be
 * carried out. Beside the errors of dp5_call_run(): -EBUSY or -EPERM if it has
 * lost control when the request's turn comes, -EOPNOTSUPP if the instrument
 * does not know the request, -EIO if it refuses.
 */
int dp5_call_plain(struct dp5_device *dp5, const struct dp5_open *owner,
		   u8 pid1, u8 pid2);

/* Ask for the status. @ret_head says what came (without data), @ret gets the
 * 64 bytes of a status.
 */
int dp5_call_status(struct dp5_device *dp5, struct dp5_packet *ret_head,
		    u8 *ret);

/* Repeated requests. */

void dp5_stream_init(struct dp5_device *dp5);
/* Stop the timers of a device that is gone. Sleeps. */
void dp5_stream_stop(struct dp5_device *dp5);

/* Give every open a state record. dp5_device.lock is held. */
void dp5_stream_state(struct dp5_device *dp5, u32 event, u32 arg);

/* Whether anybody subscribed; lock is held. */
bool dp5_stream_is_wanted(struct dp5_device *dp5);

/* Fit pacing to the subscriptions; lock is held. */
void dp5_stream_update(struct dp5_device *dp5);

/* Whether a subscription takes what it reads from the instrument, so that its
 * open must hold control and none of its records may be dropped.
 */
bool dp5_stream_is_owned(u32 kind);

/* Replies that are on their way to @open alone; lock is held. */
unsigned int dp5_stream_n_due(const struct dp5_open *open);

/* Change what @open asks for. Returns 0, -ENOMEM, -ENODEV, -ERESTARTSYS, or, when
 * the kind needs control, -EPERM if the open lost it meanwhile and -EBUSY if it
 * is being claimed anew.
 */
int dp5_stream_subscribe(struct dp5_open *open,
			 const struct dp5_subscribe *sub);

/* @open is closed: what is on its way to it goes nowhere; lock is held. */
void dp5_stream_forget(struct dp5_device *dp5, const struct dp5_open *open);

/* End what @open subscribed to as controller; lock is held. */
void dp5_stream_disown(struct dp5_open *open);

/* Go on with a stream that waits for room; lock is held. */
void dp5_stream_go_on(struct dp5_device *dp5);

/**
 * enum dp5_outcome - what an exchange of a stream has brought
 * @DP5_OUTCOME_DATA: the reply is for the readers.
 * @DP5_OUTCOME_GO_ON: a step on the way to that; the next is due at once.
 * @DP5_OUTCOME_REFUSED: an error ACK.
 * @DP5_OUTCOME_FAILED: no reply.
 * @DP5_OUTCOME_LOST: a reply that shows that data are lost.
 */
enum dp5_outcome {
	DP5_OUTCOME_DATA,
	DP5_OUTCOME_GO_ON,
	DP5_OUTCOME_REFUSED,
	DP5_OUTCOME_FAILED,
	DP5_OUTCOME_LOST,
};

/* What a reading of the slot is known by when it is read again. Made without
 * the lock, because it takes as long as a copy.
 */
u32 dp5_slot_digest(const struct dp5_packet *reply);

/* The lossless kind, a spectrum in parts; dp5_device.lock is held. */

/* Fill in the next request of the stream. */
void dp5_slot_request(struct dp5_stream *s);

/* What the reply to it, of that digest, or NULL for none, means. */
enum dp5_outcome dp5_slot_done(struct dp5_stream *s,
			       const struct dp5_packet *reply, u32 digest);

/* Whether counts may lie in the slot that nobody has read. */
bool dp5_slot_is_half_done(const struct dp5_stream *s);

/* Begin anew; what is on the wire brings nothing any more. Returns whether
 * counts may have been moved that nobody reads now.
 */
bool dp5_slot_forget(struct dp5_stream *s);

/* Sensors. */
#if IS_REACHABLE(CONFIG_HWMON)
/* Register the sensors below the class device. Without memory there are
 * none; the spectrometer works.
 */
void dp5_hwmon_start(struct dp5_device *dp5);
void dp5_hwmon_stop(struct dp5_device *dp5);
#else
static inline void dp5_hwmon_start(struct dp5_device *dp5)
{
}

static inline void dp5_hwmon_stop(struct dp5_device *dp5)
{
}
#endif

#endif /* DRIVER_DP5_H */
