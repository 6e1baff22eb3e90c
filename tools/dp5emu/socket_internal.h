/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the port socket share. */
#ifndef TOOLS_DP5EMU_SOCKET_INTERNAL_H
#define TOOLS_DP5EMU_SOCKET_INTERNAL_H

#include "dp5emu/exchange.h"
#include "dp5emu/socket.h"
#include "dp5emu/stream.h"

#define SOCKET_CLIENTS_MAX 16

struct socket_port;

struct socket_client {
	struct socket_port *port;
	int fd; /* -1: free */
	bool has_control;
	bool is_busy; /* a transact is under way */
	struct stream stream;
	struct exchange_job job;
	uint64_t cookie;
	struct dp5_transact transact;
	uint32_t arg_len; /* bytes of struct the caller knows */
	size_t out_len; /* an answer the socket had no room for */
	uint8_t out[DP5_SOCK_PACKET_MAX];
};

struct socket_port {
	struct port port;
	struct loop *loop;
	struct link *link;
	const char *path;
	int listen_fd;
	struct exchange_engine engine;
	struct loop_timer timer;
	struct exchange_job stream_job;
	bool is_streaming; /* stream_job is under way */
	int n_probes;
	uint64_t seq;
	struct dp5_info info;
	struct socket_client clients[SOCKET_CLIENTS_MAX];
};

/* Answer a call: the struct as far as the caller knows it, then @extra. */
void socket_reply(struct socket_client *c, int result, const void *arg,
		  size_t arg_len, const void *extra, size_t extra_len);

/* Tell all subscribers of an event of enum dp5_state_event. */
void socket_push_state(struct socket_port *s, uint32_t event, uint32_t arg);

/* Ask for the next frame when it is due, and come back when something is. */
void socket_pace(struct socket_port *s);

/*
 * Carry out a call. Returns a negative errno to be answered, or 0 when the
 * answer is given or on its way.
 */
int socket_call(struct socket_client *c, uint32_t cmd, const uint8_t *bytes,
		size_t n);

#endif /* TOOLS_DP5EMU_SOCKET_INTERNAL_H */
