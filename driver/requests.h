/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The requests this driver passes on: who may send them, what they may
 * hold, and which replies answer them. Pure, like packet.h.
 */
#ifndef DRIVER_REQUESTS_H
#define DRIVER_REQUESTS_H

#include "packet.h"

/**
 * enum dp5_class - who may send a request
 * @DP5_CLASS_NEVER: nobody.
 * @DP5_CLASS_READ: every open.
 * @DP5_CLASS_CHANGE: an open for writing, unless another holds control.
 * @DP5_CLASS_CONTROL: the open that holds control.
 */
enum dp5_class {
	DP5_CLASS_NEVER = 0,
	DP5_CLASS_READ,
	DP5_CLASS_CHANGE,
	DP5_CLASS_CONTROL,
};

#define DP5_REQ_RETRY 0x01 /* sent again when a suspend or reset cut it */
#define DP5_REQ_SETTINGS 0x02 /* payload is CMND=PARAM; text */
#define DP5_REQ_NAMES 0x04 /* payload is CMND; text, =PARAM optional */
#define DP5_REQ_ENDS 0x08 /* only len_min or len_max, nothing between */
#define DP5_REQ_FLASH 0x10 /* writes flash: the next answer may be late */
#define DP5_REQ_ECHO 0x20 /* the reply holds what the request held */
#define DP5_REQ_STORED 0x40 /* the reply is not of now */
#define DP5_REQ_I2C 0x80 /* payload is slave, lengths, bytes to write */

/* What a request that was carried out is answered with. */
enum dp5_reply {
	DP5_REPLY_NONE = 0,
	DP5_REPLY_ACK,
	DP5_REPLY_STATUS,
	DP5_REPLY_SPECTRUM,
	DP5_REPLY_SPECTRUM_STATUS,
	DP5_REPLY_SCOPE,
	DP5_REPLY_MISC,
	DP5_REPLY_ETHERNET,
	DP5_REPLY_DIAGNOSTIC,
	DP5_REPLY_TEXT,
	DP5_REPLY_NETFINDER,
	DP5_REPLY_I2C,
	DP5_REPLY_LIST,
	DP5_REPLY_OPTION_PA,
	DP5_REPLY_SCA,
	DP5_REPLY_ECHO,
	DP5_REPLY_COMM_TEST,
};

/**
 * struct dp5_request - one row of the table
 * @pid1: first packet identifier.
 * @pid2: second packet identifier.
 * @class: one of enum dp5_class.
 * @flags: DP5_REQ_*.
 * @len_min: shortest payload.
 * @len_max: longest payload.
 * @timeout_ms: time from request to reply unless the caller says otherwise.
 * @reply: what answers a success, one of enum dp5_reply.
 * @event: enum dp5_state_event of a success, 0 for none.
 */
struct dp5_request {
	u8 pid1;
	u8 pid2;
	u8 class;
	u8 flags;
	u16 len_min;
	u16 len_max;
	u16 timeout_ms;
	u8 reply;
	u8 event;
};

/**
 * enum dp5_match - how a whole packet relates to the request on the wire
 * @DP5_MATCH_REPLY: it answers the request, be it with an error ACK.
 * @DP5_MATCH_STALE: a good packet that answers some earlier request.
 * @DP5_MATCH_BAD: its length is not that of its identifiers.
 */
enum dp5_match {
	DP5_MATCH_REPLY,
	DP5_MATCH_STALE,
	DP5_MATCH_BAD,
};

/* The row of a request, or NULL for one that nobody documents. */
const struct dp5_request *dp5_request_find(u8 pid1, u8 pid2);

/* 0 when the payload has the form of the request, else -EINVAL. */
int dp5_request_check(const struct dp5_request *r, const u8 *data, size_t len);

/* The class of this very payload: text that moves high voltage, cooler or
 * preamplifier supply belongs to the controller, and what is on the board's own
 * I2C bus to nobody. @data has passed
 * dp5_request_check().
 */
enum dp5_class dp5_request_class(const struct dp5_request *r, const u8 *data,
				 size_t len);

/* Compare a whole packet with the request that was sent with @tx. */
enum dp5_match dp5_request_match(const struct dp5_request *r, const u8 *tx,
				 size_t tx_len, const struct dp5_packet *p);

/* Whether a matching reply says that the request was carried out. */
bool dp5_request_done(const struct dp5_request *r, const struct dp5_packet *p);

/* What the next answer may take behind a request that wrote flash. */
#define DP5_SLOW_MS 2000

/* How long its reply is waited for, in ns: @own_ns, its caller's wish, within
 * bounds; 0 is none. @is_slow behind one that wrote flash. Unless @may_take_long
 * no longer than usual.
 */
u64 dp5_request_limit_ns(const struct dp5_request *r, u64 own_ns, bool is_slow,
			 bool may_take_long);

/* Longest payload a reply to the request may have. */
u32 dp5_request_reply_max(const struct dp5_request *r);

#endif /* DRIVER_REQUESTS_H */
