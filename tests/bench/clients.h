/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ways to ask an instrument for one reply after the other. */
#ifndef TESTS_BENCH_CLIENTS_H
#define TESTS_BENCH_CLIENTS_H

#include <stddef.h>
#include <stdint.h>

/* One kind of reply. */
struct size {
	const char *name;
	unsigned char pid1, pid2;
	uint32_t kind; /* of the stream */
	int reply_len; /* on the wire */
};

/* Who asks past the driver needs it off the interface. */
enum way {
	WAY_NODE,
	WAY_USBFS,
	WAY_LIBUSB,
};

struct client {
	const char *name;
	enum way way;
	/* Asks; returns how many replies came, all of them checked. */
	int (*ask)(void);
	unsigned int watermark; /* of the stream; 0: no stream */
};

extern const struct client clients[];
extern const size_t n_clients;

/* What all clients ask for. */
void clients_choose(const struct size *size);

/* The node, waited for, which clients of WAY_NODE use from then on. */
int clients_open_node(void);
void clients_close_node(void);

/* A stream of what is asked for, back to back, on a node; 0: no more. */
void clients_subscribe(int node, unsigned int watermark);

/* Good replies among the records of one read; @ret_lost counts up. */
int clients_read_frames(int node, uint32_t *ret_lost);

/* Take the driver off the interface, for the ways past it; put it back. */
void clients_take_usb(void);
void clients_give_usb(void);

/*
 * Before and after the clients of one way. Replies to nobody are read away
 * first and missed afterwards. Returns 0 where that way does not exist.
 */
int clients_begin_way(enum way way);
void clients_end_way(enum way way);

/* The number of the instrument's bus; the node has to be there. */
unsigned int clients_bus(void);

#endif
