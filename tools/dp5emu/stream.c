// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames of one subscriber of the port socket. */
#include "dp5emu/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "dp5emu/link.h"

int stream_subscribe(struct stream *s, const struct dp5_subscribe *sub,
		     int64_t now_ns)
{
	if (sub->flags || sub->kind > DP5_SUB_LOSSLESS ||
	    sub->clock > DP5_CLOCK_REALTIME ||
	    sub->queue_len > STREAM_QUEUE_MAX)
		return -EINVAL;
	for (int i = 0; i < 4; i++) {
		if (sub->reserved[i])
			return -EINVAL;
	}
	if (sub->kind >= DP5_SUB_LIST)
		return -EOPNOTSUPP;

	stream_clear(s);
	s->sub = *sub;
	if (!s->sub.queue_len)
		s->sub.queue_len = STREAM_QUEUE_DEFAULT;
	s->next_ns = now_ns;
	return 0;
}

/* From CLOCK_MONOTONIC to the clock of the subscription. */
static uint64_t to_clock(const struct stream *s, int64_t mono_ns)
{
	static const clockid_t ids[] = {
		[DP5_CLOCK_MONOTONIC] = CLOCK_MONOTONIC,
		[DP5_CLOCK_BOOTTIME] = CLOCK_BOOTTIME,
		[DP5_CLOCK_REALTIME] = CLOCK_REALTIME,
	};
	struct timespec ts;

	clock_gettime(ids[s->sub.clock], &ts);
	return (uint64_t)(mono_ns - link_monotonic_ns() +
			  (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

static void drop_oldest(struct stream *s)
{
	free(s->queue[0].packet);
	s->n--;
	memmove(s->queue, s->queue + 1, (size_t)s->n * sizeof(s->queue[0]));
}

void stream_push(struct stream *s, const struct stream_record *rec,
		 int64_t now_ns)
{
	uint32_t room = (rec->payload_len + 7) & ~7U;
	struct dp5_frame frame = {
		.len = (uint32_t)sizeof(frame) + room,
		.hdr_len = sizeof(frame),
		.type = rec->type,
		.seq = rec->seq,
		.t_req_ns = to_clock(s, rec->t_req_ns),
		.t_done_ns = to_clock(s, rec->t_done_ns),
		.payload_len = rec->payload_len,
		.channels = rec->channels,
		.pid1 = rec->pid1,
		.pid2 = rec->pid2,
	};
	struct dp5_sock_msg msg = { .kind = DP5_SOCK_FRAME, .len = frame.len };
	uint8_t *packet;

	packet = calloc(1, sizeof(msg) + frame.len);
	if (!packet) {
		s->lost++;
		return;
	}
	memcpy(packet, &msg, sizeof(msg));
	memcpy(packet + sizeof(msg), &frame, sizeof(frame));
	memcpy(packet + sizeof(msg) + sizeof(frame), rec->payload,
	       rec->payload_len);
	if (s->n == (int)s->sub.queue_len) {
		drop_oldest(s);
		s->lost++;
		s->lost_total++;
	}
	s->queue[s->n++] =
		(struct stream_frame){ now_ns, sizeof(msg) + frame.len,
				       packet };
	s->is_urgent |= rec->type == DP5_FRAME_STATE;
}

int64_t stream_due_ns(const struct stream *s)
{
	if (!s->n)
		return INT64_MAX;
	if (s->is_urgent || (uint32_t)s->n >= s->sub.watermark)
		return 0;
	return s->queue[0].queued_ns + (int64_t)s->sub.deadline_ns;
}

int stream_send(struct stream *s, int fd)
{
	while (s->n) {
		struct stream_frame *f = &s->queue[0];

		memcpy(f->packet + sizeof(struct dp5_sock_msg) +
			       offsetof(struct dp5_frame, lost),
		       &s->lost, sizeof(s->lost));
		if (send(fd, f->packet, f->len, MSG_DONTWAIT | MSG_NOSIGNAL) <
		    0)
			return -errno;
		s->lost = 0;
		drop_oldest(s);
	}
	s->is_urgent = false;
	return 0;
}

void stream_clear(struct stream *s)
{
	while (s->n)
		drop_oldest(s);
	s->is_urgent = false;
}
