/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts requests together from the packets of the OUT endpoint. */
#ifndef TOOLS_DP5EMU_GATHER_H
#define TOOLS_DP5EMU_GATHER_H

#include "dp5emu/link.h"
#include "dp5emu/loop.h"

#define GATHER_PACKET_MAX 512

struct gather {
	struct link *link;
	bool is_strict_zlp; /* full last packets wait for their terminator */
	void (*on_request)(void *arg); /* the link has been given one */
	void *arg;
	struct loop_timer part_timer; /* half a request waits */
	size_t len;
	uint8_t bytes[WIRE_REQUEST_MAX + WIRE_FRAME_LEN + GATHER_PACKET_MAX];
};

/* 0, or the error of making the timer known to the loop. */
int gather_init(struct gather *g, struct loop *loop, struct link *link,
		bool is_strict_zlp, void (*on_request)(void *arg), void *arg);

/* A packet of @n bytes arrived where one of @packet_len is full. */
void gather_packet(struct gather *g, const uint8_t *packet, size_t n,
		   size_t packet_len);

/* Forget half a request. */
void gather_reset(struct gather *g);

#endif /* TOOLS_DP5EMU_GATHER_H */
