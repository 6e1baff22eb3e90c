// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads what Measure is asked for and says of the first fault what is wrong. */
#include "bus/order.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/loss.h"
#include "base/cleanup.h"
#include "bus/errors.h"
#include "bus/options.h"
#include "bus/queue.h"

/*
 * Counts or an uncertainty may never be reached, with a shutter closed or an
 * element that is not there; so such an assay always has an end in real time.
 */
#define CEILING_S 3600

/* The counting part of u is asked for: the rest does not shrink with time. */
#define UNTIL_MIN_PERCENT 0.1
#define UNTIL_MAX_PERCENT 50

/* Of one belt. */
#define STROBE_MAX 1e9

void order_move(struct order *to, struct order *from)
{
	*to = *from;
	from->keys = NULL;
}

void order_deinit(struct order *order)
{
	order->keys = js_free(order->keys);
}

int order_check_kind(const char *kind, sd_bus_error *error)
{
	static const char *const kinds[] = { "sample", "blank", "crm",
					     "duplicate", "drift" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kind, kinds[i]))
			return 0;
	return sd_bus_error_setf(error, ERROR_BAD_OPTION,
				 "option `kind`: must be sample, blank, crm,"
				 " duplicate or drift, not `%s`",
				 kind);
}

int order_check_keys(json_t *keys, sd_bus_error *error)
{
	struct spectrum none = { .n_chan = 0 };
	const char *key, *text;
	json_t *value;
	char shown[65];

	for (void *it = NULL; js_next(keys, &it, &key, &value);)
		if (js_str_value(value, &text, NULL) &&
		    loss_take(&none, key, text) < 0)
			return sd_bus_error_setf(
				error, ERROR_BAD_OPTION,
				"option `keys`: `%s`: wanted is %s, not `%s`",
				key, LOSS_WANTED,
				text_show(shown, sizeof(shown), text));
	return 0;
}

/* "Nd=2%": a symbol and a number of percent. */
static int read_until(struct order *order, sd_bus_error *error)
{
	const char *equal = strchr(order->until, '=');
	char *end = NULL;
	double percent = 0;
	size_t len;

	if (!order->until[0])
		return 0;
	len = equal ? (size_t)(equal - order->until) : 0;
	/* strtod() takes blanks and more; a number opens with a digit. */
	if (equal && equal[1] >= '0' && equal[1] <= '9')
		percent = strtod(equal + 1, &end);
	if (len < 1 || len >= sizeof(order->until_element) || !end ||
	    strcmp(end, "%"))
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "option `until`: wanted is an element"
					 " and percent as in Nd=2%%, not `%s`",
					 order->until);
	if (!(percent >= UNTIL_MIN_PERCENT && percent <= UNTIL_MAX_PERCENT))
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "option `until`: must be %g to %g %%,"
					 " not `%s`",
					 UNTIL_MIN_PERCENT,
					 (double)UNTIL_MAX_PERCENT,
					 order->until);
	memcpy(order->until_element, order->until, len);
	order->until_element[len] = '\0';
	order->until_u_rel = percent / 100;
	return 0;
}

/* What a belt strobes has its own end, and a belt is its caller's. */
static int read_strobe(struct order *order, sd_bus_error *error)
{
	const bool has_preset = order->live_s > 0 || order->counts > 0 ||
				order->until[0] || order->is_deciding;

	if (!order->strobe)
		return 0;
	if (has_preset || order->is_detached)
		return sd_bus_error_set(
			error, ERROR_BAD_OPTION,
			"option `strobe`: goes with none of live, counts,"
			" until, decide and detach");
	order->strobe_wait_s = order->real_s > 0 ? order->real_s : CEILING_S;
	order->real_s = 0;
	order->is_queued = true;
	return 0;
}

int order_read(sd_bus_message *m, struct order *order, sd_bus_error *error)
{
	double strobe = 0;
	const struct option options[] = {
		{ "method", "s", order->method, 0, 65, NULL },
		{ "kind", "s", order->kind, 0, sizeof(order->kind), NULL },
		{ "keys", "a{ss}", &order->keys, 0, ORDER_KEYS_LEN, NULL },
		{ "live", "d", &order->live_s, 0.1, 99999999, NULL },
		{ "real", "d", &order->real_s, 0.1, 9999999, NULL },
		{ "counts", "d", &order->counts, 1, UINT32_MAX, NULL },
		{ "until", "s", order->until, 0, 32, NULL },
		{ "decide", "b", &order->is_deciding, 0, 0, NULL },
		{ "interval", "d", &order->interval_s, 0.1, 60, NULL },
		{ "tube_ua", "d", &order->tube_ua, 0.001, 1e6, NULL },
		{ "wait", "b", &order->is_wait, 0, 0, NULL },
		{ "queue", "b", &order->is_queued, 0, 0, NULL },
		{ "patience", "d", &order->patience_s, 1, 86400, NULL },
		{ "strobe", "d", &strobe, 1, STROBE_MAX, NULL },
		{ "detach", "b", &order->is_detached, 0, 0, NULL },
		{ "check", "b", &order->is_check, 0, 0, NULL },
	};
	const char *sample;
	int r;

	order->tube_ua = NAN;
	order->patience_s = QUEUE_PATIENCE_S;
	strcpy(order->kind, "sample");
	r = sd_bus_message_read(m, "s", &sample);
	if (r < 0)
		return r;
	if (!text_valid(sample, sizeof(order->sample) - 1))
		return sd_bus_error_setf(error, ERROR_BAD_SAMPLE,
					 "a sample's name has 1 to %zu bytes,"
					 " none of them a control character",
					 sizeof(order->sample) - 1);
	strcpy(order->sample, sample);
	r = options_read(m, options, ARRAY_SIZE(options), error);
	if (r < 0)
		return r;
	if (!order->method[0] && !order->is_check)
		return sd_bus_error_set(error, ERROR_BAD_OPTION,
					"option `method` is missing");
	if (order->counts != floor(order->counts))
		return sd_bus_error_set(error, ERROR_BAD_OPTION,
					"option `counts`: must be a whole"
					" number");
	if (strobe != floor(strobe))
		return sd_bus_error_set(error, ERROR_BAD_OPTION,
					"option `strobe`: must be a whole"
					" number");
	order->strobe = (uint64_t)strobe;
	r = order_check_kind(order->kind, error);
	if (r >= 0)
		r = order_check_keys(order->keys, error);
	if (r >= 0)
		r = read_until(order, error);
	return r < 0 ? r : read_strobe(order, error);
}

int order_complete(struct order *order, const struct method *method,
		   sd_bus_error *error)
{
	const bool is_open = order->counts > 0 || order->until[0];
	int i;

	if (order->until[0]) {
		i = method_find(method, order->until_element);
		if (i < 0 || method->element[i].is_air)
			return sd_bus_error_setf(
				error, ERROR_BAD_OPTION,
				"option `until`: method %s finds no element %s",
				order->method, order->until_element);
	}
	if (order->is_deciding && !method->rules.n && !method->bins.n)
		return sd_bus_error_setf(
			error, ERROR_BAD_OPTION,
			"option `decide`: method %s has neither fail_when nor"
			" bin_by",
			order->method);
	if (is_open && order->real_s == 0)
		order->real_s = CEILING_S;
	if (order->live_s == 0 && order->real_s == 0 && !order->strobe)
		order->live_s = method->acquisition.preset_live_s;
	if (order->interval_s == 0)
		order->interval_s = method->acquisition.interval_s;
	return 0;
}

static json_t *until_json(const struct order *order)
{
	return js_pack("{s:s, s:f}", "element", order->until_element, "u_rel",
		       order->until_u_rel);
}

int order_set_identity(json_t *part, const struct order *order)
{
	int e;

	e = js_set_str(part, "sample", order->sample);
	e |= js_set_str(part, "sample_kind", order->kind);
	if (order->keys)
		e |= js_set(part, "keys", js_ref(order->keys));
	return e;
}

json_t *order_json(const struct order *order)
{
	CLEANUP(js_freep) json_t *part = js_object();
	int e;

	e = order_set_identity(part, order);
	e |= js_set_real(part, "preset_live_s", order->live_s);
	e |= js_set_real(part, "preset_real_s", order->real_s);
	e |= js_set_real(part, "preset_counts", order->counts);
	if (order->until[0])
		e |= js_set(part, "until", until_json(order));
	if (order->is_deciding)
		e |= js_set_bool(part, "decide", true);
	if (order->strobe) {
		e |= js_set_u64(part, "strobe", order->strobe);
		e |= js_set_real(part, "strobe_wait_s", order->strobe_wait_s);
	}
	e |= js_set_real(part, "interval_s", order->interval_s);
	e |= js_set_real(part, "tube_ua", order->tube_ua);
	e |= js_set_bool(part, "detached", order->is_detached);
	e |= js_set_bool(part, "queued", order->is_queued);
	return e < 0 ? NULL : TAKE_PTR(part);
}
