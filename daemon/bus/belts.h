/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The assays of a belt as one: who ordered it, and when it is over. */
#ifndef DAEMON_BUS_BELTS_H
#define DAEMON_BUS_BELTS_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "ledger/chain.h"

struct order;
struct spectrometer;

/* What its assays have in common; `last` is 0 while there is none. */
struct belts {
	uint64_t last; /* the strobe that was ordered last */
	bool is_over; /* no more of it begins; its last result may be due */
	uint32_t uid;
	char sender[64]; /* "" once the bus is lost */
	char method[65];
	char sha256[CHAIN_HASH_SIZE]; /* of its file */
};

/* Whether the order goes with what runs and waits; sets @error to Busy or
 * BadOption. */
int belts_check(const struct spectrometer *sp, const struct order *order,
		sd_bus_error *error);
/* The method's file is the one the belt began with: only the first of its
 * assays configures the instrument. Sets @error to BadMethod. */
int belts_check_method(const struct spectrometer *sp, const struct order *order,
		       const char *sha256, sd_bus_error *error);
/* It was recorded, by a method of that file; @sender is who asked. */
void belts_ordered(struct spectrometer *sp, const struct order *order,
		   const char *sha256, const char *sender);
/* Ends what waits and runs of it: an assay cannot be taken out alone, since
 * the pellets behind it would be taken for those before. */
void belts_end(struct spectrometer *sp, const char *verdict, const char *why);
/* Whether an order may begin: strobe 1 on a new belt, others on the running
 * one, where they are counted from that. */
bool belts_may_begin(const struct spectrometer *sp, const struct order *order);
/* The session's belt is over, or ended before its slots had started. */
void belts_over(struct spectrometer *sp, const char *why);
/* A name has left the bus; all have. */
void belts_caller_left(struct spectrometer *sp, const char *name);
void belts_bus_lost(struct spectrometer *sp);
/* An assay of it has ended. */
void belts_go_on(struct spectrometer *sp);

#endif
