// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a reply is to the device: the answer to the request on the wire or
 * not, and what it tells beyond the caller who asked.
 */
#include "dp5.h"

int dp5_reply_check(struct dp5_device *dp5, const struct dp5_exchange *x,
		    struct dp5_packet *p)
{
	struct dp5_engine *e = &dp5->engine;
	enum dp5_packet_fault fault;

	fault = dp5_packet_parse(e->rx, e->rx_have, p);
	if (fault == DP5_PACKET_PARTIAL)
		return -EAGAIN;
	if (fault) {
		dev_dbg(&dp5->intf->dev, "damaged reply: fault %d, %zu bytes\n",
			fault, e->rx_have);
		return -EPROTO;
	}

	switch (dp5_request_match(x->req, x->tx, x->tx_len, p)) {
	case DP5_MATCH_REPLY:
		return 0;
	case DP5_MATCH_STALE:
		dev_dbg(&dp5->intf->dev, "stale reply %02x/%02x\n", p->pid1,
			p->pid2);
		return -ESTALE;
	default:
		return -EPROTO;
	}
}

/* A text with a bad command was carried out but for that one. */
static bool is_partly_done(const struct dp5_request *req,
			   const struct dp5_packet *p)
{
	return req->event == DP5_STATE_CONFIG &&
	       (p->pid2 == 0x05 || p->pid2 == 0x07 || p->pid2 == 0x0b);
}

/* What the request does to the instrument, to all readers. */
static void tell(struct dp5_device *dp5, const struct dp5_exchange *x)
{
	u32 event = x->req->event, arg = 0;

	if (event == DP5_STATE_CONFIG)
		arg = x->tx_len;
	else if (event == DP5_STATE_RUN)
		arg = x->pid2 == 0x02;
	if (event)
		dp5_stream_state(dp5, event, arg);
}

void dp5_reply_note(struct dp5_device *dp5, const struct dp5_exchange *x,
		    const struct dp5_packet *p)
{
	const struct dp5_request *req = x->req;
	const u8 *status = dp5_packet_status(p);

	lockdep_assert_held(&dp5->lock);

	dp5->stats.replies++;
	/* What lies in a slot is of some time ago. */
	if (status && !(req->flags & DP5_REQ_STORED)) {
		memcpy(dp5->status, status, DP5_STATUS_LEN);
		dp5->status_time = x->t_done.mono;
	}
	if (dp5_packet_channels(p))
		dp5->channels = dp5_packet_channels(p);
	dp5->engine.is_slow = req->flags & DP5_REQ_FLASH;

	if (dp5_request_done(req, p) || is_partly_done(req, p))
		tell(dp5, x);
}

void dp5_reply_missed(struct dp5_device *dp5, const struct dp5_exchange *x)
{
	lockdep_assert_held(&dp5->lock);

	if (x->t_req.mono)
		tell(dp5, x);
}
