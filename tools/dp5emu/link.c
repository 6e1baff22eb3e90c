// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Between instrument and port: clock, response times, faults on demand.
 *
 * Response time. A real unit needs 2.0 ms, the time it copies the spectrum and
 * 0.80 us a byte on the wire; on a full-speed gadget the wire makes the last
 * part by itself. After a save to flash the unit is deaf for a while.
 */
#include "dp5emu/link.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define BASE_US 2000.0

static const char *const fault_names[LINK_FAULT_COUNT] = {
	[LINK_FAULT_DELAY] = "delay",	  [LINK_FAULT_DROP] = "drop",
	[LINK_FAULT_CORRUPT] = "corrupt", [LINK_FAULT_TRUNCATE] = "truncate",
	[LINK_FAULT_SHORT] = "short",	  [LINK_FAULT_STALL] = "stall",
	[LINK_FAULT_STALE] = "stale",	  [LINK_FAULT_GARBAGE] = "garbage",
	[LINK_FAULT_GLUE] = "glue",	  [LINK_FAULT_ACK] = "ack",
	[LINK_FAULT_BYTES] = "bytes",	  [LINK_FAULT_UNENDED] = "unended",
	[LINK_FAULT_STATUS] = "status",	  [LINK_FAULT_LENGTH] = "length",
	[LINK_FAULT_IN] = "in",		  [LINK_FAULT_OUT] = "out",
	[LINK_FAULT_EMPTY] = "empty",	  [LINK_FAULT_MISS] = "miss",
	[LINK_FAULT_IO] = "io",		  [LINK_FAULT_OVERTAKE] = "overtake",
};

int link_fault_find(const char *name)
{
	for (int i = 0; i < LINK_FAULT_COUNT; i++) {
		if (!strcmp(fault_names[i], name))
			return i;
	}
	return -1;
}

const char *link_fault_name(enum link_fault fault)
{
	return fault_names[fault];
}

int64_t link_monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void link_init(struct link *l, struct instrument *ins, uint64_t seed,
	       double time_scale)
{
	memset(l, 0, sizeof(*l));
	l->ins = ins;
	l->time_scale = time_scale;
	l->start_ns = l->asked_ns = link_monotonic_ns();
	rng_seed(&l->rng, seed, 1);
}

/*
 * Counting takes time, the more the faster the clock: who is kept from running
 * and then made up for it would have no time to answer, and be later each time.
 */
double link_now_us(struct link *l)
{
	const int64_t now_ns = link_monotonic_ns();

	if (now_ns - l->asked_ns > LINK_GAP_NS)
		l->start_ns += now_ns - l->asked_ns - LINK_GAP_NS;
	l->asked_ns = now_ns;
	return (double)(now_ns - l->start_ns) * 1e-3 * l->time_scale;
}

static int64_t scaled_ns(const struct link *l, double us)
{
	return (int64_t)(us * 1e3 / l->time_scale);
}

/* Whether to spoil this reply so; one less to go. */
static bool has_fault(struct link *l, enum link_fault fault)
{
	if (!l->fault_n[fault])
		return false;
	l->fault_n[fault]--;
	return true;
}

static struct link_output *queue(struct link *l, int64_t due_ns,
				 const uint8_t *bytes, size_t len)
{
	struct link_output *out;

	if (l->n_out == LINK_OUT_MAX)
		link_drop(l);
	out = &l->out[(l->first + l->n_out++) % LINK_OUT_MAX];
	out->due_ns = due_ns;
	out->status = 0;
	out->is_unended = false;
	out->claim = -1;
	out->len = len;
	memcpy(out->bytes, bytes, len);
	return out;
}

/* A well-formed packet with half the payload its identifiers ask for. */
static void shorten(struct link_output *out)
{
	size_t len = (out->len - WIRE_FRAME_LEN) / 2;

	out->len = wire_encode(out->bytes, out->bytes[2], out->bytes[3],
			       out->bytes + WIRE_HEAD_LEN, len);
}

static void corrupt(struct link *l, struct link_output *out)
{
	size_t at =
		WIRE_HEAD_LEN + rng_next(&l->rng) % (out->len - WIRE_HEAD_LEN);

	out->bytes[at] ^= (uint8_t)(1 + rng_next(&l->rng) % 255);
}

static void fill_garbage(struct link *l, struct link_output *out)
{
	out->len = 1 + rng_next(&l->rng) % 300;
	for (size_t i = 0; i < out->len; i++)
		out->bytes[i] = (uint8_t)rng_next(&l->rng);
	/* Noise that opens as a packet would be a corrupt one. */
	out->bytes[0] &= 0x7f;
}

static void spoil(struct link *l, struct link_output *out)
{
	if (has_fault(l, LINK_FAULT_ACK))
		out->len = wire_encode(out->bytes, 0xff,
				       (uint8_t)l->fault_arg[LINK_FAULT_ACK],
				       NULL, 0);
	if (has_fault(l, LINK_FAULT_SHORT))
		shorten(out);
	if (has_fault(l, LINK_FAULT_CORRUPT))
		corrupt(l, out);
	if (has_fault(l, LINK_FAULT_GLUE)) {
		memcpy(out->bytes + out->len, out->bytes, out->len);
		out->len *= 2;
	}
	if (has_fault(l, LINK_FAULT_TRUNCATE))
		out->len /= 2;
	if (has_fault(l, LINK_FAULT_GARBAGE))
		fill_garbage(l, out);
	if (has_fault(l, LINK_FAULT_BYTES)) {
		out->len = l->made_len;
		memcpy(out->bytes, l->made, l->made_len);
	}
	out->is_unended = has_fault(l, LINK_FAULT_UNENDED);
	if (has_fault(l, LINK_FAULT_STALL))
		out->status = -EPIPE;
	if (has_fault(l, LINK_FAULT_STATUS))
		out->status = -(int)l->fault_arg[LINK_FAULT_STATUS];
	if (has_fault(l, LINK_FAULT_LENGTH))
		out->claim = (int)l->fault_arg[LINK_FAULT_LENGTH];
}

/* The one request whose refusal is not that of the whole unit. */
static bool refuse_io(struct link *l, const uint8_t *bytes, size_t n)
{
	struct instrument_reply *reply = &l->reply;

	if (n < WIRE_HEAD_LEN || bytes[2] != 0xf0 || bytes[3] != 0x08 ||
	    !has_fault(l, LINK_FAULT_IO))
		return false;
	reply->len = wire_encode(reply->bytes, 0xff,
				 (uint8_t)l->fault_arg[LINK_FAULT_IO], NULL, 0);
	reply->hold_us = reply->deaf_us = 0;
	return true;
}

void link_request(struct link *l, const uint8_t *bytes, size_t n)
{
	struct instrument_reply *reply = &l->reply;
	int64_t now_ns = link_monotonic_ns(), due_ns;

	l->n_requests++;
	if (has_fault(l, LINK_FAULT_MISS))
		return;
	if (!refuse_io(l, bytes, n))
		instrument_answer(l->ins, link_now_us(l), bytes, n, reply);

	due_ns = now_ns;
	if (l->has_timing)
		due_ns += scaled_ns(l, BASE_US + reply->hold_us);
	due_ns += scaled_ns(l, l->byte_us * (double)reply->len);
	if (due_ns < l->deaf_until_ns)
		due_ns = l->deaf_until_ns;
	if (reply->deaf_us > 0)
		l->deaf_until_ns = due_ns + scaled_ns(l, reply->deaf_us);
	if (has_fault(l, LINK_FAULT_DELAY))
		due_ns += (int64_t)l->fault_arg[LINK_FAULT_DELAY] * 1000000;

	if (!has_fault(l, LINK_FAULT_DROP)) {
		if (l->last_len && has_fault(l, LINK_FAULT_STALE))
			queue(l, due_ns, l->last, l->last_len);
		if (has_fault(l, LINK_FAULT_EMPTY))
			queue(l, due_ns, reply->bytes, 0);
		spoil(l, queue(l, due_ns, reply->bytes, reply->len));
	}
	memcpy(l->last, reply->bytes, reply->len);
	l->last_len = reply->len;
}

const struct link_output *link_peek(const struct link *l)
{
	return l->n_out ? &l->out[l->first] : NULL;
}

void link_drop(struct link *l)
{
	if (!l->n_out)
		return;
	l->first = (l->first + 1) % LINK_OUT_MAX;
	l->n_out--;
}

bool link_transfer(struct link *l, enum link_fault fault, int *ret_status)
{
	l->n_in += fault == LINK_FAULT_IN;
	if (!has_fault(l, fault))
		return false;
	*ret_status = -(int)l->fault_arg[fault];
	return true;
}

void link_flush(struct link *l)
{
	l->n_out = 0;
}
