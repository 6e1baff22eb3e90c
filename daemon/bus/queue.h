/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Assays that wait for their instrument, in the order they were asked for. */
#ifndef DAEMON_BUS_QUEUE_H
#define DAEMON_BUS_QUEUE_H

#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "bus/run.h"

struct event;

/* How many may wait for one instrument, and of one uid for all. */
#define QUEUE_MAX 64
#define QUEUE_MAX_UID 16

/* Seconds an assay waits for an instrument that cannot measure. */
#define QUEUE_PATIENCE_S 3600

TAILQ_HEAD(queue_runs, run);

struct queue {
	struct spectrometer *spectrometer;
	struct queue_runs runs;
	unsigned int n;
	struct event *timer;
	uint64_t blocked_ns; /* since when the first could not begin; 0: not */
};

int queue_init(struct queue *q, struct spectrometer *sp);
void queue_deinit(struct queue *q);

/* Whether @uid may add one more; sets @error to Limit. */
int queue_check(const struct queue *q, uint32_t uid, sd_bus_error *error);
/* Takes the run's reference over; it begins from the loop when it can. */
void queue_add(struct queue *q, struct run *r);
/* From 1, or 0 when it does not wait there. */
unsigned int queue_position(const struct queue *q, const struct run *r);
/*
 * Something has changed: from the loop, lets go of what has ended without
 * having begun and looks whether the first can begin.
 */
void queue_wake(struct queue *q);
/* Whether one waits for its turn. */
bool queue_is_waiting(const struct queue *q);
/* Whether one waits, or its result does. */
bool queue_is_busy(const struct queue *q);
/* Ends all that wait: the daemon stops. */
void queue_stop(struct queue *q);
/* Ends what @sender asked for without `detach`. */
void queue_caller_left(struct queue *q, const char *sender);

#endif
