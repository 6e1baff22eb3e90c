/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of one subscriber of the port socket. */
#ifndef TOOLS_DP5EMU_STREAM_H
#define TOOLS_DP5EMU_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uapi/dp5.h"
#include "uapi/dp5_socket.h"

#define STREAM_QUEUE_MAX 64
#define STREAM_QUEUE_DEFAULT 8

/* A frame's packet as it goes out, its lost word still to be filled. */
struct stream_frame {
	int64_t queued_ns;
	size_t len;
	uint8_t *packet;
};

struct stream {
	struct dp5_subscribe sub;
	int64_t next_ns; /* when the next frame of its kind is wanted */
	uint32_t lost; /* since the last frame sent */
	uint64_t lost_total;
	bool is_urgent; /* a state record waits */
	int n;
	struct stream_frame queue[STREAM_QUEUE_MAX];
};

/* 0 or -EINVAL, -EOPNOTSUPP; on success the stream follows @sub. */
int stream_subscribe(struct stream *s, const struct dp5_subscribe *sub,
		     int64_t now_ns);

/* What every subscriber gets of one reply or event. */
struct stream_record {
	uint16_t type;
	uint64_t seq;
	int64_t t_req_ns; /* CLOCK_MONOTONIC */
	int64_t t_done_ns;
	uint8_t pid1, pid2;
	uint16_t channels;
	const void *payload;
	uint32_t payload_len;
};

/* Queue the record; the oldest one is dropped when there is no room. */
void stream_push(struct stream *s, const struct stream_record *rec,
		 int64_t now_ns);

/* When the queue should be sent: a time passed is now, INT64_MAX is never. */
int64_t stream_due_ns(const struct stream *s);

/* Send what is queued; returns 0, -EAGAIN or the error of the socket. */
int stream_send(struct stream *s, int fd);

void stream_clear(struct stream *s);

#endif /* TOOLS_DP5EMU_STREAM_H */
