/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An instrument on the bus, with its session and its assay. */
#ifndef DAEMON_BUS_SPECTROMETER_H
#define DAEMON_BUS_SPECTROMETER_H

#include "bus/belts.h"
#include "bus/lines.h"
#include "bus/qc.h"
#include "bus/queue.h"
#include "bus/run.h"
#include "bus/service.h"
#include "device/session.h"

struct spectrometer {
	TAILQ_ENTRY(spectrometer) link;
	struct service *service;
	struct session *session;
	sd_bus_slot *slot;
	char path[64];
	char method[65]; /* last applied */
	struct run *run; /* the running one, or the last */
	struct queue queue;
	struct belts belts;
	struct lines lines;
	struct qc *qc;
};

/* Gives a port to the instrument of that serial, made when it is new. */
int spectrometer_attach(struct service *s, const char *serial,
			struct port *port, const struct dp5_info *info);
void spectrometer_free_all(struct service *s);

bool spectrometer_is_measuring(const struct spectrometer *sp);
/* Whether it has an assay without a durable result, begun or waiting, or a
 * belt. */
bool spectrometer_is_busy(const struct spectrometer *sp);
/* Starts a run, whose reference is taken over, in place of the last. */
void spectrometer_begin(struct spectrometer *sp, struct run *r);
/* Its run has a durable result, which quality control looks at. */
void spectrometer_check(struct spectrometer *sp, const struct run *r);
/* Whether quality control lets an assay begin; else @why is a sentence. */
bool spectrometer_is_controlled(const struct spectrometer *sp,
				const struct order *order, char *why,
				size_t why_size);
/* Ends what it does and what waits, for the end of the daemon. */
void spectrometer_stop(struct spectrometer *sp);

/* Records up to @last are durable. */
void spectrometer_committed(struct spectrometer *sp, uint64_t last);
/* Results that could not even be made are tried again. */
void spectrometer_retry_results(struct spectrometer *sp);
/* A name has left the bus; the bus is lost, and with it all names. */
void spectrometer_caller_left(struct spectrometer *sp, const char *name);
void spectrometer_bus_lost(struct spectrometer *sp);
/* Its run has ended: the instrument may do the next. */
void spectrometer_run_ended(struct spectrometer *sp);

int spectrometer_register(struct spectrometer *sp, sd_bus *bus);
void spectrometer_unregister(struct spectrometer *sp);
void spectrometer_changed(struct spectrometer *sp);

/* ---- measure.c -------------------------------------------------------------- */

/* Whether the instrument is free and the ledger takes records; else @error. A
 * detector that settles is no reason to refuse. */
int spectrometer_check_free(const struct spectrometer *sp, sd_bus_error *error);
int spectrometer_method_measure(sd_bus_message *m, void *arg,
				sd_bus_error *error);

/* ---- configure.c ------------------------------------------------------------ */

int spectrometer_method_configure(sd_bus_message *m, void *arg,
				  sd_bus_error *error);

/* ---- calibrate.c ------------------------------------------------------------ */

int spectrometer_method_calibrate(sd_bus_message *m, void *arg,
				  sd_bus_error *error);
/* Gives the method `name` the axis that this instrument was last calibrated to
 * with it: the number of that record, 0 when the stated axis stays. */
uint64_t spectrometer_calibrated(struct spectrometer *sp, const char *name,
				 struct method *method);

#endif
