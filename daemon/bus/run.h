/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One assay: from the order over readings and estimates to its result. */
#ifndef DAEMON_BUS_RUN_H
#define DAEMON_BUS_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-bus.h>

#include "assay/assay.h"
#include "base/json.h"
#include "bus/methods.h"
#include "bus/order.h"
#include "device/session.h"

struct service;
struct spectrometer;

/* The figures of a reading that clients poll. */
struct run_progress {
	bool is_set;
	double fraction;
	double live_s;
	double real_s;
	double fast_cps;
	double slow_cps;
	double dead; /* NAN: no counts */
	double detector_k;
	double hv_v;
	double counts; /* in the spectrum */
	double u_rel; /* of the element of `until`; NAN: not known */
};

/* Counts that go with them; empty before the first reading. */
struct run_spectrum {
	uint32_t *counts;
	size_t n_chan;
	double live_s;
	double real_s;
};

struct run {
	TAILQ_ENTRY(run) link; /* while it waits in a queue */
	int n_refs; /* the spectrometer's or its queue's, and one of each job under way */
	struct service *service;
	struct spectrometer *spectrometer;
	sd_bus_slot *slot;
	uint64_t id; /* number of the assay record */
	char path[64];
	struct order order;
	char *sender;
	struct methods_entry method;
	uint64_t energy_seq; /* record its energy axis is by; 0: the method's */

	bool is_queued; /* it has not begun */
	uint64_t queued_ns;
	uint64_t started_us; /* when it was configured to count; 0: never, or
			      * the strobe before began it */
	bool is_active; /* until the result is durable */
	const char *verdict; /* static text once it has ended */
	const char *reached; /* which of ours, static text; NULL: none */
	const char *ended_by; /* the preset, static text; NULL: none */
	uint64_t result_seq;
	char error[320];
	char disk_why[280]; /* the ledger refused readings */
	char refused[320]; /* why what its strobe stores is not assayed */
	char cancel_reason[257];

	/* Readings: the latest, and what is durable and may be shown. */
	uint64_t n_readings;
	uint64_t n_lost;
	bool was_unsettled;
	struct dp5_status before;
	uint64_t before_ns;
	struct run_progress latest;
	uint64_t latest_seq;
	struct run_progress shown;
	struct run_spectrum latest_spectrum;
	struct run_spectrum shown_spectrum;
	json_t *estimate; /* not yet in a reading */
	char *estimate_latest; /* text, in the reading latest_seq */
	char *estimate_shown;

	/* On the worker's thread only. */
	struct assay_engine *engine;
	int engine_error;
	struct assay_result *followed; /* of the growing spectrum */

	json_t *decision; /* of the first look that was sure; NULL: none */
	unsigned int n_looks; /* estimates that might have decided */
	double u_rel; /* of the last estimate; NAN before */
	bool is_fitting;
	uint64_t fit_after_ns;

	/* Its end, while the last fit runs or the disk is full. */
	json_t *result;
	uint32_t *result_counts;
	size_t result_n_chan;
	bool is_result_late; /* it could not be appended yet */
};

/*
 * Records the order, durably; the run waits to begin. @order is taken over,
 * @method on success only. Errors of the ledger.
 */
int run_new(struct spectrometer *sp, struct order *order,
	    struct methods_entry *method, struct run **ret);
struct run *run_unref(struct run *r);
/* Starts the session, which said that it may. */
void run_begin(struct run *r);
/* Before it begins: what its strobe stores is recorded, as failed, and why. */
void run_refuse(struct run *r, const char *why);
/* Ends one that has not begun; what follows is as for any other end. */
void run_drop(struct run *r, const char *verdict, const char *why);

/* From the session. */
void run_configured(struct run *r, const struct dp5_config *sent,
		    const struct dp5_config *read_back);
void run_reading(struct run *r, const struct session_reading *reading);
void run_end(struct run *r, enum session_end end,
	     const struct session_reading *last, const char *why);

/* Records up to @last are durable: what they hold may be shown. */
void run_committed(struct run *r, uint64_t last);

/* Tries a result again that could not be made; once in a while. */
void run_retry_result(struct run *r);

/* The disk refuses readings: no more is counted, the result is tried. */
void run_disk_failed(struct run *r, const char *why);

/* The word for the bus. */
const char *run_state(const struct run *r);

/* The object on the bus, assay_object.c. */
int run_register(struct run *r, sd_bus *bus);
void run_unregister(struct run *r);
void run_changed(struct run *r);
void run_added(struct run *r);

#endif
