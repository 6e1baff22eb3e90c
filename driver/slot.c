// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spectra in parts that no lost reply can lose.
 *
 * "Spectrum, status and clear" loses all counts if its reply is lost. Here
 * the instrument first moves them to a slot of its own memory (02/06, answered
 * by an acknowledge), from where they can be read as often as needed (02/07).
 * Nothing is moved again before the reading has come in.
 *
 * Is the acknowledge lost, the slot itself tells whether anything was moved:
 * counts and status, with the times since the last clear, are those that were
 * read last, or others. For that the slot is read once before the first part.
 * The status alone would not do: behind a preset each part may have the same
 * times and as many counts. Two parts that are alike in each channel are one.
 *
 *              LEARN --read--> STORE --done--> READ --read, a part--> STORE
 *                                 \                                     ^
 *                                  +--no "done"--> CHECK --read---------+
 *                                        the same: nothing was moved;
 *                                        another: a part
 *
 * Slot 0 is the work buffer of ordinary reads, so it is slot 1, which exists
 * for any number of channels. Its user holds control, so no other program
 * writes to it or reconfigures the instrument in between.
 */
#include <linux/jhash.h>

#include "dp5.h"

#define STORE_PID2 0x06
#define READ_PID2 0x07
#define SLOT 1

enum {
	PHASE_LEARN = 0,
	PHASE_STORE,
	PHASE_READ,
	PHASE_CHECK,
};

void dp5_slot_request(struct dp5_stream *s)
{
	struct dp5_exchange *x = &s->x;

	x->pid2 = s->slot.phase == PHASE_STORE ? STORE_PID2 : READ_PID2;
	x->req = dp5_request_find(x->pid1, x->pid2);
	x->tx[0] = SLOT >> 8;
	x->tx[1] = SLOT & 0xff;
	x->tx_len = 2;
}

bool dp5_slot_forget(struct dp5_stream *s)
{
	bool is_lost = dp5_slot_is_half_done(s) ||
		       (s->slot.phase == PHASE_STORE && s->is_queued);

	s->slot.phase = PHASE_LEARN;
	s->slot.is_stale = s->is_queued;
	return is_lost;
}

static enum dp5_outcome store_done(struct dp5_stream *s,
				   const struct dp5_packet *reply)
{
	bool is_done = reply && dp5_request_done(s->x.req, reply);

	s->slot.t_cut = s->x.t_req;
	s->slot.phase = is_done ? PHASE_READ : PHASE_CHECK;
	if (is_done)
		return DP5_OUTCOME_GO_ON;
	return reply ? DP5_OUTCOME_REFUSED : DP5_OUTCOME_FAILED;
}

/* Whether this instrument wrote the slot as it is configured now: with
 * another number of channels, or after power was lost, it holds anything.
 */
static bool is_part(const struct dp5_stream *s, const u8 *status)
{
	return dp5_packet_serial(status) == s->dp5->id.serial &&
	       status[39] == s->dp5->id.device;
}

u32 dp5_slot_digest(const struct dp5_packet *reply)
{
	return jhash(reply->data, reply->len, 0);
}

static enum dp5_outcome read_done(struct dp5_stream *s,
				  const struct dp5_packet *reply, u32 digest)
{
	const u8 *status = dp5_packet_status(reply);
	unsigned int phase = s->slot.phase;
	bool is_new;

	if (!status)
		return DP5_OUTCOME_REFUSED;
	is_new = digest != s->slot.digest;
	s->slot.digest = digest;
	s->slot.phase = PHASE_STORE;

	if (phase == PHASE_LEARN || (phase == PHASE_CHECK && !is_new))
		return DP5_OUTCOME_GO_ON;
	return is_part(s, status) ? DP5_OUTCOME_DATA : DP5_OUTCOME_LOST;
}

enum dp5_outcome dp5_slot_done(struct dp5_stream *s,
			       const struct dp5_packet *reply, u32 digest)
{
	lockdep_assert_held(&s->dp5->lock);

	/* Never sent: the slot is as it was. */
	if (!s->x.t_req.mono)
		return DP5_OUTCOME_FAILED;
	if (s->slot.is_stale) {
		s->slot.is_stale = false;
		return reply ? DP5_OUTCOME_GO_ON : DP5_OUTCOME_FAILED;
	}
	if (s->x.pid2 == STORE_PID2)
		return store_done(s, reply);
	return reply ? read_done(s, reply, digest) : DP5_OUTCOME_FAILED;
}

bool dp5_slot_is_half_done(const struct dp5_stream *s)
{
	return s->slot.phase == PHASE_READ || s->slot.phase == PHASE_CHECK;
}
