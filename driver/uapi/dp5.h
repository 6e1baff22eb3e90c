/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The contract of /dev/dp5-N, a spectrometer of the Amptek DP5 family.
 *
 * read() returns whole records, each a struct dp5_frame followed by its
 * payload, padded to a multiple of 8 bytes. Payloads are the bytes the
 * instrument sent, checksum verified, framing removed.
 *
 * Every ioctl argument opens with its own size in bytes. A shorter struct
 * of an older caller is completed with zeros; a longer one of a newer caller
 * is taken when all it adds is zero, else refused with E2BIG. Unknown flags
 * and non-zero reserved words are refused with EINVAL.
 */
#ifndef _UAPI_DP5_H
#define _UAPI_DP5_H

#include <linux/const.h>
#include <linux/ioctl.h>
#include <linux/types.h>

#define DP5_ABI_VERSION		1

/* Sizes of the wire, fixed by the instrument's protocol. */
#define DP5_REQUEST_MAX		512	/* payload bytes of a request */
#define DP5_REPLY_MAX		32767	/* payload bytes of a reply */
#define DP5_STATUS_LEN		64
#define DP5_CHANNELS_MAX	8192

/**
 * enum dp5_frame_type - what a record of the read stream holds
 * @DP5_FRAME_STATUS: 64 status bytes.
 * @DP5_FRAME_SPECTRUM: channels * 3 bytes of counts (little-endian u24,
 *	channel 0 first), then the 64 status bytes of the same reply.
 * @DP5_FRAME_LIST: list-mode records as the instrument sent them; pid2 0x0b
 *	says that its memory was full, so that later events were dropped there.
 * @DP5_FRAME_STATE: one struct dp5_state.
 * @DP5_FRAME_PART: as a spectrum, but of what was counted since the part
 *	before, times and counters of the status included (of firmware before
 *	6.10 the counts only); t_req_ns is when the part ended.
 */
enum dp5_frame_type {
	DP5_FRAME_STATUS = 1,
	DP5_FRAME_SPECTRUM = 2,
	DP5_FRAME_LIST = 3,
	DP5_FRAME_STATE = 4,
	DP5_FRAME_PART = 5,
};

/**
 * struct dp5_frame - header of every record returned by read()
 * @len: bytes of header, payload and padding; a multiple of 8.
 * @hdr_len: bytes from the start of the record to its payload.
 * @type: one of enum dp5_frame_type.
 * @seq: number of the record on this device; never reset while bound. Every
 *	record that is made has one, of any type and for any open: gaps are
 *	records of others, @lost alone tells of losses.
 * @t_req_ns: when the request was submitted, in the clock of the open.
 * @t_done_ns: when the reply had arrived: its last byte, or the end of the
 *	time-out where no empty packet came behind a full one.
 * @lost: records dropped for this open between the previous record and this
 *	one. For a list also requests whose reply was lost, and what was in it.
 * @flags: zero in ABI 1.
 * @payload_len: bytes of payload, without padding.
 * @channels: channels of the spectrum, 0 for other types.
 * @pid1: first packet identifier of the reply, 0 for a state record.
 * @pid2: second packet identifier of the reply, 0 for a state record.
 * @reserved: zero.
 */
struct dp5_frame {
	__u32 len;
	__u16 hdr_len;
	__u16 type;
	__aligned_u64 seq;
	__aligned_u64 t_req_ns;
	__aligned_u64 t_done_ns;
	__u32 lost;
	__u32 flags;
	__u32 payload_len;
	__u16 channels;
	__u8 pid1;
	__u8 pid2;
	__u32 reserved[2];
};

/**
 * enum dp5_state_event - what a state record reports
 * @DP5_STATE_CONFIG: a text configuration was carried out, at least but for
 *	a command the instrument refused; arg is its length.
 * @DP5_STATE_RUN: acquisition was enabled (arg 1) or disabled (arg 0).
 * @DP5_STATE_CLEAR: the spectrum and its counters were cleared.
 * @DP5_STATE_RESYNC: the link was resynchronised: a request had timed out, a
 *	reply had been damaged, or there was a sleep or a reset. arg is the last
 *	step of the recovery, which succeeded: 1 drain, 2 clear-halt, 3 a port
 *	reset by the driver. One after somebody else's reset begins at 1.
 * @DP5_STATE_RESET: the USB port was reset; the configuration may be lost.
 * @DP5_STATE_RESUME: the host slept, or the device was suspended, and is back.
 * @DP5_STATE_PAUSE: the stream of that kind stopped pacing; arg is a positive
 *	errno, or 0 when the controller's queue was full. Who subscribes to a
 *	paused stream is told so, too.
 * @DP5_STATE_RESTART: it paces again. A stream ends with its last subscriber,
 *	and its pause with it, without a record: a later subscriber's begins
 *	unpaused, and a pause of that is told anew.
 * @DP5_STATE_REBOOT: the first status after a reset of the port, which is asked
 *	for before the next request, says that the instrument has been without
 *	power or was restarted: what was counted is gone, and the configuration
 *	is the saved one or none. After an unplug the node is another, and no
 *	record tells.
 *
 * CONFIG, RUN and CLEAR are also told when the request was sent and its answer
 * did not come: it may have been carried out. A RESYNC follows then.
 */
enum dp5_state_event {
	DP5_STATE_CONFIG = 1,
	DP5_STATE_RUN = 2,
	DP5_STATE_CLEAR = 3,
	DP5_STATE_RESYNC = 4,
	DP5_STATE_RESET = 5,
	DP5_STATE_RESUME = 6,
	DP5_STATE_PAUSE = 7,
	DP5_STATE_RESTART = 8,
	DP5_STATE_REBOOT = 9,
};

/**
 * struct dp5_state - payload of a state record
 * @event: one of enum dp5_state_event.
 * @arg: as the event says, else zero.
 * @kind: DP5_SUB_* of the stream that DP5_STATE_PAUSE and DP5_STATE_RESTART are
 *	about, zero for other events.
 * @reserved: zero.
 */
struct dp5_state {
	__u32 event;
	__u32 arg;
	__u32 kind;
	__u32 reserved;
};

#define DP5_SERIAL_NONE		0xffffffffU

/* Features of this driver and instrument, for dp5_info.features. */
#define DP5_FEATURE_TEXT_UNSAVED	_BITULL(0) /* 20/04, FW >= 6.08 */
#define DP5_FEATURE_BUFFERS		_BITULL(1) /* 02/05..07, lossless */
#define DP5_FEATURE_LIST		_BITULL(2) /* 03/09, if the FPGA agrees */

/**
 * struct dp5_info - argument of DP5_IOC_GET_INFO
 * @size: sizeof(struct dp5_info), set by the caller.
 * @abi_version: DP5_ABI_VERSION of the driver.
 * @features: mask of DP5_FEATURE_*.
 * @serial: serial number from the status packet, or DP5_SERIAL_NONE.
 * @device: status byte 39: 0 DP5 or X-123, 1 PX5, 2 DP5G, 3 MCA8000D,
 *	4 TB-5, 5 DP5-X.
 * @fw_major: firmware version.
 * @fw_minor: firmware version.
 * @fw_build: firmware build.
 * @fpga_major: FPGA version.
 * @fpga_minor: FPGA version.
 * @eco: status byte 49.
 * @is_control: 1 when this open holds control, and does not wait in a claim.
 * @channels: channels of the last spectrum seen, 0 before the first.
 * @reserved: zero.
 */
struct dp5_info {
	__u32 size;
	__u32 abi_version;
	__aligned_u64 features;
	__u32 serial;
	__u8 device;
	__u8 fw_major;
	__u8 fw_minor;
	__u8 fw_build;
	__u8 fpga_major;
	__u8 fpga_minor;
	__u8 eco;
	__u8 is_control;
	__u32 channels;
	__u32 reserved[4];
};

/**
 * struct dp5_transact - argument of DP5_IOC_TRANSACT, one request and reply
 * @size: sizeof(struct dp5_transact), set by the caller.
 * @flags: zero.
 * @pid1: packet identifier of the request.
 * @pid2: packet identifier of the request.
 * @tx_len: bytes at @tx_ptr, at most DP5_REQUEST_MAX. 56 and each 64 more
 *	make a packet that fills its last USB packet; nothing is sent behind it. No
 *	document says that firmware takes such a request: text is better made
 *	longer, or split, by a command.
 * @rx_size: room at @rx_ptr; a longer reply gives EMSGSIZE.
 * @tx_ptr: payload of the request.
 * @rx_ptr: where the payload of the reply goes.
 * @timeout_ns: 0 for the request's own default, at most 60 s. Less than 100 ms
 *	counts as that: a request cut short delays everybody. So does less than
 *	the default of a request that takes longer than most: text, diagnostics,
 *	what writes flash, and what comes next behind that. While another open
 *	holds control, or claims it, no more than the default is waited.
 * @rx_len: out: bytes of the reply's payload.
 * @rx_pid1: out: packet identifier of the reply (0xff: ACK).
 * @rx_pid2: out: packet identifier of the reply (ACK: its number).
 * @pad: zero.
 * @t_req_ns: out: when the request was submitted, clock of the open.
 * @t_done_ns: out: when the reply was complete.
 * @reserved: zero.
 *
 * Any well-formed answer of the instrument, an error ACK included, is a
 * success of the call. Control is asked for when the call is made and again
 * when the request is sent. Errors: EACCES not open for writing; EPERM request
 * never passed on, or needs control, or does more than read of a model that is
 * not described; EBUSY another open holds control, or another thread of this one
 * waits in a claim; EINVAL length or text not of the request's form; ETIMEDOUT;
 * EPROTO damaged reply; ENODEV unplugged; EINTR; EMSGSIZE; ENOMEM no memory for
 * the call, or for its transfer; EFAULT. A call that is not allowed is told so
 * even of a unit that is gone.
 */
struct dp5_transact {
	__u32 size;
	__u32 flags;
	__u8 pid1;
	__u8 pid2;
	__u16 tx_len;
	__u32 rx_size;
	__aligned_u64 tx_ptr;
	__aligned_u64 rx_ptr;
	__aligned_u64 timeout_ns;
	__u32 rx_len;
	__u8 rx_pid1;
	__u8 rx_pid2;
	__u16 pad;
	__aligned_u64 t_req_ns;
	__aligned_u64 t_done_ns;
	__u32 reserved[4];
};

/* What a subscription asks for: dp5_subscribe.kind; 0 ends it. */
#define DP5_SUB_NONE		0
#define DP5_SUB_STATUS		1
#define DP5_SUB_SPECTRUM	2
#define DP5_SUB_LIST		3	/* needs control */
#define DP5_SUB_LOSSLESS	4	/* needs control */

/* Clocks of time stamps: dp5_subscribe.clock. */
#define DP5_CLOCK_MONOTONIC	0
#define DP5_CLOCK_BOOTTIME	1
#define DP5_CLOCK_REALTIME	2

/**
 * struct dp5_subscribe - argument of DP5_IOC_SUBSCRIBE
 * @size: sizeof(struct dp5_subscribe), set by the caller.
 * @flags: zero.
 * @kind: one of DP5_SUB_*.
 * @clock: one of DP5_CLOCK_*.
 * @interval_ns: wanted time between frames, to a day; 0 for back to back.
 * @deadline_ns: a queued frame makes the open readable after this time, to a
 *	day, even below the watermark; 0 for at once.
 * @watermark: frames that make the open readable, for poll() and for read(),
 *	be it blocking or not; 0 counts as 1, and more than @queue_len is
 *	EINVAL. A state record, and the end of the device, make it readable at
 *	once, and it stays so until all that is queued has been read.
 * @queue_len: frames kept for this open, 1 to 64; 0 for 8, as before the first
 *	subscription. Their memory is the caller's: an open for reading pays for
 *	its queue when it is opened, and for a longer one here.
 * @reserved: zero.
 *
 * DP5_SUB_LIST and DP5_SUB_LOSSLESS take from the instrument what they read.
 * They need control and end with it, drop no record, and send no request while
 * the queue is full: a PAUSE record with arg 0 says so, a RESTART record that
 * half of the queue has been read. A queue made smaller keeps what is in it,
 * and another subscription, or the end of control, what was taken from the
 * instrument. A list without entries makes no record.
 *
 * DP5_SUB_LOSSLESS gives the spectrum in parts that add up to what was counted,
 * whatever becomes of single replies: each part is moved to slot 1 of the
 * instrument's buffer, cleared, and read from there until it has come in. That
 * slot is the stream's. Its open gets no CLEAR records. To end without losing
 * the last counts, disable the acquisition and read one part more: a part that
 * is in the slot, or on its way there, when the subscription ends is lost, and
 * counted so; one that is being read still arrives, unless a lossless
 * subscription begins anew before it has: then it is counted lost.
 *
 * Errors: EACCES not open for reading, or for writing where control is needed;
 * EPERM control is needed, which nobody gets of a model that is not described;
 * EBUSY another open holds it, or another thread of this one waits in a claim;
 * EINVAL; ENOMEM no memory for the queue: the subscription is the one before;
 * EINTR; ENODEV unplugged; EFAULT.
 */
struct dp5_subscribe {
	__u32 size;
	__u32 flags;
	__u32 kind;
	__u32 clock;
	__aligned_u64 interval_ns;
	__aligned_u64 deadline_ns;
	__u32 watermark;
	__u32 queue_len;
	__u32 reserved[4];
};

#define DP5_CONTROL_RELEASE	0
#define DP5_CONTROL_CLAIM	1

/**
 * struct dp5_control - argument of DP5_IOC_CONTROL
 * @size: sizeof(struct dp5_control), set by the caller.
 * @op: DP5_CONTROL_CLAIM or DP5_CONTROL_RELEASE.
 * @reserved: zero.
 *
 * One open at a time holds control; it is released at close. Claiming stops
 * what an earlier program may have left running in the instrument, the
 * streaming pulser and hardware sequential buffering, and fails with ETIMEDOUT,
 * EPROTO, EINTR or ENOMEM if it does not answer, with EIO if it refuses, and
 * with EBUSY or EPERM if control is released meanwhile. Releasing ends a
 * subscription that needs it.
 * Errors: EACCES not open for writing; EPERM a claim of a model that is not
 * described; EBUSY held by another open, or another thread of this one waits in
 * a claim; EINVAL; ENODEV unplugged; EFAULT.
 */
struct dp5_control {
	__u32 size;
	__u32 op;
	__u32 reserved[2];
};

/**
 * struct dp5_stats - argument of DP5_IOC_GET_STATS, counters since probe
 * @size: sizeof(struct dp5_stats), set by the caller.
 * @flags: zero.
 * @requests: requests sent.
 * @replies: replies accepted.
 * @timeouts: requests without the end of a reply in time; one that was whole
 *	but for the empty packet behind it counts, and is a reply, too.
 * @bad: replies refused for length, framing, checksum or identifier.
 * @stale: well-formed replies dropped because they answer an earlier request.
 * @usb_errors: transfers of requests that could not be submitted or ended with
 *	an error, that of a unit being pulled out included; not those which the
 *	driver took back, nor those of a recovery.
 * @drains: recoveries begun.
 * @halts_cleared: recoveries that went on to clear the halt of both endpoints.
 * @port_resets: recoveries that went on to reset the port.
 * @frames: frames made by the stream.
 * @lost: frames dropped for this open.
 * @reserved: zero.
 */
struct dp5_stats {
	__u32 size;
	__u32 flags;
	__aligned_u64 requests;
	__aligned_u64 replies;
	__aligned_u64 timeouts;
	__aligned_u64 bad;
	__aligned_u64 stale;
	__aligned_u64 usb_errors;
	__aligned_u64 drains;
	__aligned_u64 halts_cleared;
	__aligned_u64 port_resets;
	__aligned_u64 frames;
	__aligned_u64 lost;
	__aligned_u64 reserved[4];
};

#define DP5_IOC_MAGIC		0xd5
#define DP5_IOC_GET_INFO	_IOWR(DP5_IOC_MAGIC, 0x00, struct dp5_info)
#define DP5_IOC_TRANSACT	_IOWR(DP5_IOC_MAGIC, 0x01, struct dp5_transact)
#define DP5_IOC_SUBSCRIBE	_IOW(DP5_IOC_MAGIC, 0x02, struct dp5_subscribe)
#define DP5_IOC_CONTROL		_IOW(DP5_IOC_MAGIC, 0x03, struct dp5_control)
#define DP5_IOC_GET_STATS	_IOWR(DP5_IOC_MAGIC, 0x04, struct dp5_stats)

#endif /* _UAPI_DP5_H */
