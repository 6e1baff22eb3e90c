/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An instrument on the bus, with its session and its assay. */
#ifndef DAEMON_BUS_SPECTROMETER_H
#define DAEMON_BUS_SPECTROMETER_H

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
};

/* Gives a port to the instrument of that serial, made when it is new. */
int spectrometer_attach(struct service *s, const char *serial,
			struct port *port, const struct dp5_info *info);
void spectrometer_free_all(struct service *s);

bool spectrometer_is_measuring(const struct spectrometer *sp);
/* Its run has ended: the instrument may do the next. */
void spectrometer_run_ended(struct spectrometer *sp);

int spectrometer_register(struct spectrometer *sp, sd_bus *bus);
void spectrometer_unregister(struct spectrometer *sp);
void spectrometer_changed(struct spectrometer *sp);

#endif
