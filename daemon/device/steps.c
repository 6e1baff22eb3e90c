// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The steps an instrument is led through, one request and its answer each:
 * probing, configuring, starting and draining (dp5-protocol 8, 14 and 20).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "device/session-internal.h"
#include "device/strobes.h"

#define PID_ACK 0xff

/* How often the slots of a belt are looked at; no faster than needed. */
#define SLOTS_INTERVAL_NS 100000000ULL

/* What an error acknowledge says (dp5-protocol 5). */
static const char *ack_name(uint8_t ack)
{
	static const char *const names[] = {
		[0x01] = "sync error",
		[0x02] = "unknown request",
		[0x03] = "wrong length",
		[0x04] = "checksum error",
		[0x05] = "bad parameter",
		[0x06] = "bad hex record",
		[0x07] = "unknown command",
		[0x08] = "FPGA not initialised",
		[0x09] = "no Ethernet controller",
		[0x0a] = "no scope data",
		[0x0b] = "no power supply PC5",
		[0x0d] = "busy with another interface, or buffering",
		[0x0e] = "no answer on I2C",
		[0x10] = "not with this FPGA version",
		[0x11] = "no calibration data",
	};

	return ack < ARRAY_SIZE(names) && names[ack] ? names[ack]
						     : "unknown error";
}

/* Acknowledged, also when another host knocks (dp5-protocol 5). */
int steps_take_ack(struct session *s, const struct port_reply *reply)
{
	int n = reply->len < 40 ? (int)reply->len : 40;

	if (reply->pid1 == PID_ACK && (reply->pid2 == 0 || reply->pid2 == 0x0c))
		return 0;
	if (reply->pid1 != PID_ACK)
		return -EPROTO;
	snprintf(s->step_why, sizeof(s->step_why),
		 "refused by the instrument, %s (%02x)%s%.*s",
		 ack_name(reply->pid2), reply->pid2, n ? ": " : "", n,
		 n ? (const char *)reply->data : "");
	return -EINVAL;
}

int steps_take_nothing(struct session *s, const struct port_reply *reply)
{
	(void)s;
	(void)reply;
	return 0;
}

int steps_send_status(struct session *s, port_reply_fn fn)
{
	return port_transact(s->port, 0x01, 0x01, NULL, 0, fn, s);
}

int steps_take_status(struct session *s, const struct port_reply *reply)
{
	if (reply->pid1 == PID_ACK)
		return steps_take_ack(s, reply) < 0 ? -EINVAL : -EPROTO;
	if (dp5_status_parse(reply->data, reply->len, &s->status) < 0)
		return -EPROTO;
	s->status_us = clock_realtime_us();
	return 0;
}

static int take_read_back(struct session *s, const struct port_reply *reply)
{
	struct dp5_config_error err;
	struct dp5_config part;
	size_t i;
	int r;

	if (reply->pid1 == PID_ACK) {
		r = steps_take_ack(s, reply);
		return r < 0 ? r : -EPROTO;
	}
	r = dp5_config_parse_readback((const char *)reply->data, reply->len,
				      &part, &err);
	if (r < 0) {
		snprintf(s->step_why, sizeof(s->step_why),
			 "answer is not a configuration: %s", err.why);
		return -EPROTO;
	}
	for (i = 0; i < part.n; i++) {
		r = dp5_config_set(&s->read_back, part.commands[i].name,
				   part.commands[i].value);
		if (r < 0)
			return r;
	}
	return 0;
}

static int send_supply_query(struct session *s, port_reply_fn fn)
{
	static const char query[] = "TECS;HVSE;";

	s->read_back.n = 0;
	return port_transact(s->port, 0x20, 0x03, query, strlen(query), fn, s);
}

/* ---- configuring ---------------------------------------------------------- */

static int send_claim(struct session *s, port_reply_fn fn)
{
	return port_control(s->port, DP5_CONTROL_CLAIM, fn, s);
}

int steps_send_watch_nothing(struct session *s, port_reply_fn fn)
{
	return port_subscribe(s->port, DP5_SUB_NONE, 0, fn, s);
}

int steps_send_disable(struct session *s, port_reply_fn fn)
{
	return port_transact(s->port, 0xf0, 0x03, NULL, 0, fn, s);
}

/* A belt of a daemon that was killed fills its slots still, and while it does
 * no spectrum is to be had.
 */
static int send_end_slots(struct session *s, port_reply_fn fn)
{
	if (!s->status.is_buffering)
		return 1;
	return port_transact(s->port, 0xf0, 0x1f, NULL, 0, fn, s);
}

static int add_count_preset(struct session *s)
{
	char text[DP5_CONFIG_VALUE_MAX + 1] = "OFF";
	int r = 0;

	if (s->assay.preset_counts > 0) {
		snprintf(text, sizeof(text), "%.0f", s->assay.preset_counts);
		/* The whole spectrum, unless the method says which part. */
		if (!dp5_config_get(&s->config, "PRCL"))
			r = dp5_config_set(&s->config, "PRCL", "0");
		if (r >= 0 && !dp5_config_get(&s->config, "PRCH"))
			r = dp5_config_set(&s->config, "PRCH", "8191");
	}
	return r < 0 ? r : dp5_config_set(&s->config, "PREC", text);
}

/*
 * The instrument stops itself, so live time is its own to the millisecond.
 * MCAE=OFF, since a packet may start counting otherwise.
 */
static int add_presets(struct session *s)
{
	char text[DP5_CONFIG_VALUE_MAX + 1] = "OFF";
	int r;

	if (s->assay.preset_live_s > 0)
		snprintf(text, sizeof(text), "%.1f", s->assay.preset_live_s);
	r = dp5_config_set(&s->config, "PRET", text);
	if (r < 0)
		return r;
	strcpy(text, "OFF");
	if (s->assay.preset_real_s > 0)
		snprintf(text, sizeof(text), "%.2f", s->assay.preset_real_s);
	r = dp5_config_set(&s->config, "PRER", text);
	if (r >= 0)
		r = add_count_preset(s);
	if (r >= 0)
		r = dp5_config_set(&s->config, "MCAE", "OFF");
	if (r >= 0 && s->assay.strobe)
		r = strobes_configure(s);
	return r;
}

static int send_config(struct session *s, port_reply_fn fn)
{
	char packet[DP5_CONFIG_PACKET_MAX + 1];
	size_t len;
	int r;

	if (s->packet_next == 0 && !s->applied) {
		r = add_presets(s);
		if (r < 0)
			return r;
	}
	if (!dp5_config_next_packet(&s->config, &s->packet_next, packet, &len))
		return -EINVAL;
	return port_transact(s->port, 0x20, 0x04, packet, len, fn, s);
}

static int take_config(struct session *s, const struct port_reply *reply)
{
	int r = steps_take_ack(s, reply);

	if (r < 0)
		return r;
	if (s->packet_next < s->config.n)
		return 1;
	s->packet_next = 0;
	s->read_back.n = 0;
	return 0;
}

static int send_query(struct session *s, port_reply_fn fn)
{
	char packet[DP5_CONFIG_PACKET_MAX + 1];
	size_t len;

	if (!dp5_config_next_query(&s->config, &s->packet_next, packet, &len))
		return -EINVAL;
	return port_transact(s->port, 0x20, 0x03, packet, len, fn, s);
}

/* What differs from the method would be another method: named and refused. */
static int take_query(struct session *s, const struct port_reply *reply)
{
	struct dp5_config_difference diff[3];
	size_t n_diff;
	size_t len = 0;
	size_t i;
	int r;

	r = take_read_back(s, reply);
	if (r < 0)
		return r;
	if (s->packet_next < s->config.n)
		return 1;

	n_diff = dp5_config_compare(&s->config, &s->read_back, diff,
				    ARRAY_SIZE(diff));
	if (!n_diff) {
		s->is_configured = true;
		return 0;
	}
	for (i = 0; i < n_diff && i < ARRAY_SIZE(diff); i++)
		len += snprintf(s->step_why + len, sizeof(s->step_why) - len,
				"%s%s wanted %s, instrument has %s",
				i ? "; " : "", diff[i].name, diff[i].wanted,
				diff[i].actual[0] ? diff[i].actual : "nothing");
	return -EINVAL;
}

static int send_supply_again(struct session *s, port_reply_fn fn)
{
	static const char query[] = "TECS;HVSE;";

	return port_transact(s->port, 0x20, 0x03, query, strlen(query), fn, s);
}

/* ---- starting and draining ------------------------------------------------ */

static int send_clear(struct session *s, port_reply_fn fn)
{
	return port_transact(s->port, 0xf0, 0x01, NULL, 0, fn, s);
}

static int send_watch_spectrum(struct session *s, port_reply_fn fn)
{
	return port_subscribe(s->port, DP5_SUB_SPECTRUM,
			      (uint64_t)(s->assay.interval_s * 1e9), fn, s);
}

/* Counted from here: what is strobed before is more than was counted. */
static int send_start_slots(struct session *s, port_reply_fn fn)
{
	return port_transact(s->port, 0xf0, 0x1e, NULL, 0, fn, s);
}

static int send_clear_counter(struct session *s, port_reply_fn fn)
{
	return port_transact(s->port, 0xf0, 0x10, NULL, 0, fn, s);
}

static int send_watch_slots(struct session *s, port_reply_fn fn)
{
	return port_subscribe(s->port, DP5_SUB_STATUS, SLOTS_INTERVAL_NS, fn,
			      s);
}

static int send_enable(struct session *s, port_reply_fn fn)
{
	return port_transact(s->port, 0xf0, 0x02, NULL, 0, fn, s);
}

int session_keep(struct session *s, const uint8_t *payload, size_t len)
{
	struct session_reading *last = &s->last;
	char why[sizeof(s->fault)];
	struct dp5_status status;
	size_t n;
	int r;

	r = dp5_spectrum_channels(len, true, &n);
	if (r >= 0)
		r = dp5_status_parse(payload + 3 * n, DP5_STATUS_LEN, &status);
	if (r < 0)
		return r;
	if (s->has_last && status.real_ms < last->status.real_ms)
		return -ESTALE;
	r = dp5_spectrum_parse(payload, len, s->counts, &last->n_chan,
			       &last->status, NULL);
	if (r < 0)
		return r;
	last->counts = s->counts;
	last->t_done_ns = clock_monotonic_ns();
	last->is_settled =
		settle_check(&s->target, &status, true, why, sizeof(why));
	s->has_last = true;
	s->status = status;
	s->status_us = clock_realtime_us();
	return 0;
}

static int send_spectrum(struct session *s, port_reply_fn fn)
{
	return port_transact(s->port, 0x02, 0x03, NULL, 0, fn, s);
}

static int take_spectrum(struct session *s, const struct port_reply *reply)
{
	int r;

	if (reply->pid1 == PID_ACK)
		return steps_take_ack(s, reply) < 0 ? -EINVAL : -EPROTO;
	r = session_keep(s, reply->data, reply->len);
	return r < 0 && r != -ESTALE ? -EPROTO : r;
}

const struct step steps_probe[] = {
	{ "status", steps_send_status, steps_take_status },
	{ "read supplies", send_supply_query, take_read_back },
	{ NULL, NULL, NULL },
};

const struct step steps_configure[] = {
	{ "claim control", send_claim, steps_take_nothing },
	{ "stop frames", steps_send_watch_nothing, steps_take_nothing },
	{ "disable", steps_send_disable, steps_take_ack },
	{ "end slots", send_end_slots, steps_take_ack },
	{ "configure", send_config, take_config },
	{ "read back", send_query, take_query },
	{ "read supplies", send_supply_again, take_read_back },
	{ "status", steps_send_status, steps_take_status },
	{ NULL, NULL, NULL },
};

const struct step steps_start[] = {
	{ "clear", send_clear, steps_take_ack },
	{ "enable", send_enable, steps_take_ack },
	{ "subscribe", send_watch_spectrum, steps_take_nothing },
	{ NULL, NULL, NULL },
};

const struct step steps_start_belt[] = {
	{ "clear", send_clear, steps_take_ack },
	{ "start slots", send_start_slots, steps_take_ack },
	{ "clear counter", send_clear_counter, steps_take_ack },
	{ "enable", send_enable, steps_take_ack },
	{ "subscribe", send_watch_slots, steps_take_nothing },
	{ NULL, NULL, NULL },
};

const struct step steps_drain[] = {
	{ "stop frames", steps_send_watch_nothing, steps_take_nothing },
	{ "disable", steps_send_disable, steps_take_ack },
	{ "last read", send_spectrum, take_spectrum },
	{ NULL, NULL, NULL },
};
