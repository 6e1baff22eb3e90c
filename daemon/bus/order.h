/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Measure is asked for: read from the message, checked, completed. */
#ifndef DAEMON_BUS_ORDER_H
#define DAEMON_BUS_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "assay/method.h"
#include "base/json.h"

/* Bytes of all keys and values together. */
#define ORDER_KEYS_LEN 4096

struct order {
	char sample[129];
	char kind[16]; /* sample, blank, crm, duplicate or drift */
	json_t *keys; /* what the operator tells of it, texts; NULL: nothing */
	char method[65];
	double live_s; /* presets, 0: none */
	double real_s;
	double counts; /* a whole number */
	char until[32]; /* as given, "Nd=2%"; "": none */
	char until_element[3];
	double until_u_rel; /* one standard uncertainty of counting */
	bool is_deciding; /* until the method's rules are decided */
	double interval_s;
	double tube_ua; /* NAN: not stated */
	bool is_wait;
	bool is_queued; /* after those that wait already, not now or never */
	double patience_s; /* while queued, for an instrument that is away */
	uint64_t strobe; /* of a belt, from 1; 0: it counts by itself */
	double strobe_wait_s; /* so long at most */
	bool is_detached;
	bool is_check; /* nothing is measured: would it be taken? */
	uint32_t uid;
	const char *sender; /* bus name of the caller */
};

/* 0, or @error is set to BadOption: no kind of sample. */
int order_check_kind(const char *kind, sd_bus_error *error);
/*
 * 0, or @error is set to BadOption: of the keys of a sample, texts in an object
 * or NULL, one that the assay takes is no such number.
 */
int order_check_keys(json_t *keys, sd_bus_error *error);
/* Takes what it owns over from another, which is left empty. */
void order_move(struct order *to, struct order *from);
void order_deinit(struct order *order);

/*
 * Reads sample and options from the start of a call of Measure into @order,
 * zero-filled. Sets @error to BadSample or BadOption, with the key named, and
 * returns negative when one of them is wrong. order_deinit() either way.
 */
int order_read(sd_bus_message *m, struct order *order, sd_bus_error *error);
/* Fills what was left out from the method and checks what needs it. */
int order_complete(struct order *order, const struct method *method,
		   sd_bus_error *error);
/* Members of the assay record that repeat the order; NULL without memory. */
json_t *order_json(const struct order *order);
/* Those that say what the sample is, into a record; negative on failure. */
int order_set_identity(json_t *part, const struct order *order);

#endif
