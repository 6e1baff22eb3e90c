// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Puts requests together from the packets of the OUT endpoint.
 *
 * A request is complete when LEN+8 bytes are there, be its last packet full or
 * not, and a zero-length packet after a full one is swallowed. Half a request
 * waits 100 ms for the rest, as real units do on their serial port.
 */
#include "dp5emu/gather.h"

#include <string.h>

#define PART_NS 100000000

static void take_request(void *arg)
{
	struct gather *g = arg;
	size_t n = g->len;

	gather_reset(g);
	link_request(g->link, g->bytes, n);
	g->on_request(g->arg);
}

int gather_init(struct gather *g, struct loop *loop, struct link *link,
		bool is_strict_zlp, void (*on_request)(void *arg), void *arg)
{
	*g = (struct gather){
		.link = link,
		.is_strict_zlp = is_strict_zlp,
		.on_request = on_request,
		.arg = arg,
	};
	return loop_add_timer(loop, &g->part_timer, take_request, g);
}

void gather_packet(struct gather *g, const uint8_t *packet, size_t n,
		   size_t packet_len)
{
	bool is_short = n < packet_len, is_whole;
	size_t want;

	if (!n && !g->len)
		return; /* the terminator of a request already taken */
	if (g->len + n > sizeof(g->bytes))
		g->len = 0;
	memcpy(g->bytes + g->len, packet, n);
	g->len += n;
	want = wire_length(g->bytes, g->len);
	is_whole = want && g->len >= want;
	if (is_short || (is_whole && !g->is_strict_zlp))
		take_request(g);
	else if (!is_whole)
		g->part_timer.due_ns = link_monotonic_ns() + PART_NS;
}

void gather_reset(struct gather *g)
{
	g->len = 0;
	g->part_timer.due_ns = 0;
}
