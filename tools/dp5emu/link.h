/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between instrument and port: clock, response times, faults on demand. */
#ifndef TOOLS_DP5EMU_LINK_H
#define TOOLS_DP5EMU_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp5emu/instrument.h"
#include "dp5emu/random.h"

#define LINK_OUT_MAX 4

/* What a byte takes on the instrument's wire, in microseconds. */
#define LINK_BYTE_US 0.80

/* What can go wrong with a reply; the value counts those still to spoil. */
enum link_fault {
	LINK_FAULT_DELAY, /* argument: milliseconds */
	LINK_FAULT_DROP, /* no reply at all */
	LINK_FAULT_CORRUPT, /* one byte changed */
	LINK_FAULT_TRUNCATE, /* half the packet, then silence */
	LINK_FAULT_SHORT, /* well formed, with half the payload */
	LINK_FAULT_STALL, /* the endpoint halts instead */
	LINK_FAULT_STALE, /* the previous reply first, then the right one */
	LINK_FAULT_GARBAGE, /* noise in place of the reply */
	LINK_FAULT_GLUE, /* the reply twice in one transfer */
	LINK_FAULT_ACK, /* argument: number of the ACK sent instead */
	LINK_FAULT_BYTES, /* the bytes of link.made instead */
	LINK_FAULT_UNENDED, /* no empty packet behind a full last one */
	LINK_FAULT_STATUS, /* argument: errno its transfer ends with */
	LINK_FAULT_LENGTH, /* argument: length its transfer claims */
	LINK_FAULT_IN, /* argument: errno; any transfer from the device */
	LINK_FAULT_OUT, /* argument: errno; any transfer to the device */
	LINK_FAULT_EMPTY, /* an empty packet first, as if late */
	LINK_FAULT_MISS, /* the request itself is lost, not its reply */
	LINK_FAULT_IO, /* argument: ACK to a write of IO lines, not done */
	LINK_FAULT_OVERTAKE, /* the host hears of the reply first */
	LINK_FAULT_COUNT,
};

/* One transfer to the host. */
struct link_output {
	int64_t due_ns; /* CLOCK_MONOTONIC */
	int status; /* 0, or the negative errno it ends with */
	bool is_unended; /* a full last packet is not followed by an empty one */
	int claim; /* length to tell the host, -1: that of the bytes */
	size_t len;
	uint8_t bytes[2 * WIRE_PACKET_MAX];
};

struct link {
	struct instrument *ins;
	double time_scale;
	int64_t start_ns; /* of the instrument's clock */
	int64_t asked_ns; /* that clock was looked at */
	bool has_timing; /* answer no faster than a real unit */
	double byte_us; /* to add for each byte, where the port is too quick */
	int64_t deaf_until_ns;
	uint32_t fault_n[LINK_FAULT_COUNT];
	uint32_t fault_arg[LINK_FAULT_COUNT];
	struct rng rng;
	uint64_t n_requests;
	uint64_t n_in; /* transfers the host asked for, where that is known */
	size_t last_len; /* the reply before, for stale ones */
	uint8_t last[WIRE_PACKET_MAX];
	size_t made_len; /* the reply of LINK_FAULT_BYTES */
	uint8_t made[2 * WIRE_PACKET_MAX];
	struct instrument_reply reply;
	int first, n_out;
	struct link_output out[LINK_OUT_MAX];
};

void link_init(struct link *l, struct instrument *ins, uint64_t seed,
	       double time_scale);

int64_t link_monotonic_ns(void);

/* Twice the time between two looks of an emulator that gets to run. */
#define LINK_GAP_NS 500000000

/* The instrument's clock, in microseconds. It stands still behind LINK_GAP_NS in
 * which nobody looked.
 */
double link_now_us(struct link *l);

/* A request arrived, or was lost on its way; whatever it brings is queued. */
void link_request(struct link *l, const uint8_t *bytes, size_t n);

/* The next transfer, or NULL; it stays until dropped. */
const struct link_output *link_peek(const struct link *l);
void link_drop(struct link *l);

/* Forget all transfers: the cable was pulled. */
void link_flush(struct link *l);

/*
 * Whether a transfer that begins meets LINK_FAULT_IN, LINK_FAULT_OUT or
 * LINK_FAULT_OVERTAKE; one less to go. @ret_status is then what it ends with, 0
 * or a negative errno. Only a port that sees each transfer asks.
 */
bool link_transfer(struct link *l, enum link_fault fault, int *ret_status);

/* Faults by name; -1 when there is none of that name. */
int link_fault_find(const char *name);
const char *link_fault_name(enum link_fault fault);

#endif /* TOOLS_DP5EMU_LINK_H */
