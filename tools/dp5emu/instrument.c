// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers requests as an X-123 does, from one table of them. */
#include "dp5emu/instrument.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "dp5emu/acquire.h"
#include "dp5emu/config.h"
#include "dp5emu/flash.h"
#include "dp5emu/list.h"
#include "dp5emu/scene.h"
#include "dp5emu/status.h"
#include "dp5emu/supply.h"

#define ZERO_K 273.15
#define MISC_LEN 512
#define SRAM_LEN (512 * 1024)
#define SLOTS_MAX 512

/* Rates of a sample that states no live time. */
#define DEFAULT_RATE_CPS 10e3

/* Part by which dead time exceeds peaking time plus flat top: see settings. */
#define SLOW_DEAD_FACTOR 1.8

/* F1/7E: amplitudes, of 16384, in steps; spacing in FPGA clocks. */
struct pulser {
	bool is_on;
	uint16_t min, max, step, period;
};

struct instrument {
	struct instrument_options opt;
	struct config config;
	struct acquire acquire;
	struct supply supply;
	struct scene scene;
	struct list list;
	struct sample *sample;
	struct flash flash;
	struct rng rng; /* durations; counts have generators of their own */
	double rate_cps; /* not a number: the sample's own */
	double now_us;
	bool is_configured;
	bool is_status_read;
	bool is_buffering; /* F0/1E: spectra are refused */
	struct pulser pulser;
	bool has_bias; /* as of the present scene */
	uint8_t io_nibble;
	uint8_t misc[MISC_LEN];
	/* Slots of the spectrum buffer; each is counts, then status. */
	uint8_t sram[SRAM_LEN];
};

/* What a request's handler works with. */
struct exchange {
	struct instrument *ins;
	struct wire_packet req;
	struct instrument_reply *reply;
};

typedef void (*request_fn)(struct exchange *x);

static void send(struct exchange *x, uint8_t pid1, uint8_t pid2,
		 const void *data, size_t len)
{
	x->reply->len = wire_encode(x->reply->bytes, pid1, pid2, data, len);
}

static void send_ack(struct exchange *x, uint8_t ack)
{
	send(x, 0xff, ack, NULL, 0);
}

/* -------------------------------------------------- settings to rates */

static double number_or(const struct instrument *ins, enum config_id id,
			double other)
{
	double v = config_number(&ins->config, id);

	return isnan(v) ? other : v;
}

/* Whether the analog chain is set so that pulses come through at all. */
static bool has_pulses(const struct instrument *ins)
{
	const struct config *c = &ins->config;

	return supply_has_bias(&ins->supply) &&
	       !config_is(c, CONFIG_PAPS, "OFF") &&
	       config_is(c, CONFIG_AINP, "POS") ==
		       ins->opt.detector->is_input_positive;
}

static double rate_cps(const struct instrument *ins)
{
	const struct sample *s = ins->sample;

	if (!isnan(ins->rate_cps))
		return ins->rate_cps;
	return s && s->live_s > 0 ? s->total / s->live_s : DEFAULT_RATE_CPS;
}

/* Made events come on top, as random in time as the others. */
static void add_pulser(const struct instrument *ins, struct scene *scene)
{
	const struct pulser *p = &ins->pulser;
	double clock_hz = config_is_80_mhz(&ins->config) ? 80e6 : 20e6, cps;
	int n;

	if (!p->is_on || !p->step || p->max < p->min)
		return;
	n = (p->max - p->min) / p->step + 1;
	cps = clock_hz / (p->period + 1.0) / n;
	for (int i = 0; i < n; i++) {
		size_t k =
			(size_t)(p->min + i * p->step) * scene->n_chan / 16384;

		if (k < scene->n_chan)
			scene->chan_cps[k] += cps;
	}
}

/*
 * Dead times. A PX5 at TPEA=2.000 and TFLA=0.200 that counted 66888311 fast
 * and 65028866 slow events at 7229 a second lost 3.9 us an event, 1.8 times
 * the sum of peaking time and flat top. The pair resolution of the fast
 * channel is assumed to be 1.2 times its peaking time.
 */
static void update_scene(struct instrument *ins)
{
	const struct config *c = &ins->config;
	double soff = number_or(ins, CONFIG_SOFF, 0);
	double shaping_us =
		number_or(ins, CONFIG_TPEA, 1) + number_or(ins, CONFIG_TFLA, 0);
	struct scene_settings set = {
		.rate_cps = rate_cps(ins),
		.gain = number_or(ins, CONFIG_GAIN, 0),
		.ref_gain = ins->opt.ref_gain,
		.n_chan = config_channels(c),
		.offset_chan = soff,
		.slow_threshold = number_or(ins, CONFIG_THSL, 0) / 100,
		.lld_chan = (int)number_or(ins, CONFIG_TLLD, -1),
		.slow_dead_s = SLOW_DEAD_FACTOR * shaping_us * 1e-6,
		.fast_dead_s = 1.2e-9 * number_or(ins, CONFIG_TPFA, 100),
		.lockout_s = number_or(ins, CONFIG_RESL, 0) * 1e-6,
	};

	ins->has_bias = has_pulses(ins);
	scene_make(ins->has_bias ? ins->sample : NULL, &set, &ins->scene);
	add_pulser(ins, &ins->scene);
	acquire_set_scene(&ins->acquire, &ins->scene);
}

static void update_presets(struct instrument *ins)
{
	struct acquire_presets p = {
		.acc_us = number_or(ins, CONFIG_PRET, 0) * 1e6,
		.real_us = number_or(ins, CONFIG_PRER, 0) * 1e6,
		.counts = (uint64_t)number_or(ins, CONFIG_PREC, 0),
		.low_chan = (int)number_or(ins, CONFIG_PRCL, 0),
		.high_chan = (int)number_or(ins, CONFIG_PRCH, 8191),
	};

	acquire_set_presets(&ins->acquire, &p);
}

static void update_list(struct instrument *ins)
{
	const struct config *c = &ins->config;
	struct list_mode mode = {
		.tick_us = config_is(c, CONFIG_CLKL, "1000") ? 1 : 0.1,
		.is_short = config_is(c, CONFIG_SYNC, "NOTIMETAG"),
		.has_frames = config_is(c, CONFIG_SYNC, "FRAME"),
	};

	list_set_mode(&ins->list, &mode);
}

static void on_step(void *arg, const uint32_t *step, size_t n_chan,
		    double from_us, double to_us)
{
	struct instrument *ins = arg;

	list_add(&ins->list, step, n_chan, from_us, to_us);
}

/* Bring supplies, presets and rates in line with the configuration. */
static void apply_config(struct instrument *ins, bool is_mcae_set)
{
	ins->supply.tec_set_k = config_number(&ins->config, CONFIG_TECS);
	ins->supply.hv_set_v = number_or(ins, CONFIG_HVSE, 0);
	if (!(ins->supply.settle_s > 0))
		supply_advance(&ins->supply, 0);
	/* Counts sorted into another number of channels mean nothing. */
	if (config_channels(&ins->config) != ins->scene.n_chan)
		acquire_clear(&ins->acquire);
	update_presets(ins);
	update_list(ins);
	update_scene(ins);
	/* Nothing is wired to the gate input, which is pulled down. */
	ins->acquire.is_gated = config_is(&ins->config, CONFIG_GATE, "LOW");
	if (is_mcae_set)
		acquire_enable(&ins->acquire,
			       config_is(&ins->config, CONFIG_MCAE, "ON"));
	ins->is_configured = true;
}

void instrument_advance(struct instrument *ins, double now_us)
{
	if (now_us <= ins->now_us)
		return;
	acquire_advance(&ins->acquire, now_us);
	list_advance(&ins->list, now_us,
		     acquire_is_running(&ins->acquire) &&
			     !ins->acquire.is_gated);
	supply_advance(&ins->supply, (now_us - ins->now_us) * 1e-6);
	ins->now_us = now_us;
	if (has_pulses(ins) != ins->has_bias)
		update_scene(ins);
}

/* ------------------------------------------------------------- status */

static uint32_t clamp_u32(uint64_t v)
{
	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

/* As status byte 43 numbers them. */
static uint8_t list_sync_number(const struct instrument *ins)
{
	static const char *const words[] = { "INT", "NOTIMETAG", "EXT",
					     "FRAME" };
	uint8_t i = 0;

	while (i < ARRAY_SIZE(words) &&
	       !config_is(&ins->config, CONFIG_SYNC, words[i]))
		i++;
	return i % ARRAY_SIZE(words);
}

static void fill_status(struct instrument *ins, uint8_t out[static STATUS_LEN])
{
	const struct profile *p = ins->opt.profile;
	const struct acquire *a = &ins->acquire;
	struct status st = {
		.fast = clamp_u32(a->fast),
		.slow = clamp_u32(a->slow),
		.acc_ms = (uint64_t)(a->acc_us / 1e3 + 1e-6),
		.unnamed = p->unnamed,
		.real_ms = (uint32_t)(uint64_t)(a->real_us / 1e3 + 1e-6),
		.fw_major = (uint8_t)(p->fw >> 16),
		.fw_minor = (uint8_t)(p->fw >> 8),
		.build = (uint8_t)p->fw,
		.fpga_major = p->fpga_major,
		.fpga_minor = p->fpga_minor,
		.serial = ins->opt.serial,
		.hv_v = supply_hv_v(&ins->supply),
		.temp_k = supply_temp_k(&ins->supply),
		.board_c = (int)lround(ins->supply.board_k - ZERO_K),
		.is_real_reached = a->is_real_reached,
		.is_enabled = a->is_enabled,
		.is_count_reached = a->is_count_reached,
		.is_gate_open = !a->is_gated,
		.is_configured = ins->is_configured,
		.is_first =
			!ins->is_status_read && p->fw >= PROFILE_FW(6, 5, 0),
		.is_80_mhz = config_is_80_mhz(&ins->config),
		.is_clock_auto = config_is(&ins->config, CONFIG_CLCK, "AUTO"),
		.has_pc5 = ins->config.has_pc5,
		.is_hv_positive = ins->opt.detector->is_hv_positive,
		.is_preamp_8v5 = ins->opt.detector->is_preamp_8v5,
		.is_buffering = ins->is_buffering,
		.is_list_1us = config_is(&ins->config, CONFIG_CLKL, "1000"),
		.is_list_dtc = config_is(&ins->config, CONFIG_LMMO, "DTC"),
		.list_sync = list_sync_number(ins),
		.has_reserved_bits = true,
		.bootloader = p->bootloader,
		.eco = p->eco,
	};

	status_pack(&st, out);
	ins->is_status_read = true;
}

/* Mini-X2: serial, firmware, then all monitors at zero: no tube is on. */
static void status_mini_x2(struct exchange *x)
{
	uint8_t out[STATUS_LEN] = { 0 };
	uint32_t serial = x->ins->opt.serial;

	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(serial >> (8 * i));
	out[4] = 0x20;
	out[17] = (uint8_t)lround(x->ins->supply.board_k - ZERO_K);
	out[27] = 0x10;
	out[29] = 0x10;
	send(x, 0x80, 0x02, out, sizeof(out));
}

static void answer_status(struct exchange *x)
{
	uint8_t out[STATUS_LEN];

	if (x->ins->opt.profile->is_mini_x2) {
		status_mini_x2(x);
		return;
	}
	fill_status(x->ins, out);
	send(x, 0x80, 0x01, out, sizeof(out));
}

/* ----------------------------------------------------------- spectrum */

/* How long copying a spectrum stops the timer: protocol section 17. */
static double copy_us(const struct instrument *ins)
{
	/* clang-format off */
	static const double us[2][6] = {
		{ 228, 420, 804, 1570, 3120, 6180 },
		{ 113, 189, 343, 650, 1270, 2500 },
	};
	/* clang-format on */
	int k = 0;

	while ((size_t)256 << k < ins->scene.n_chan)
		k++;
	return us[config_is_80_mhz(&ins->config)][k];
}

static size_t pack_counts(const struct instrument *ins, uint8_t *out)
{
	size_t n = ins->scene.n_chan;

	for (size_t k = 0; k < n; k++) {
		uint32_t v = ins->acquire.counts[k];

		*out++ = (uint8_t)v;
		*out++ = (uint8_t)(v >> 8);
		*out++ = (uint8_t)(v >> 16);
	}
	return n * 3;
}

/* PID2 of a spectrum: odd without status, even with it. */
static uint8_t spectrum_pid(const struct instrument *ins, bool has_status)
{
	uint8_t pid = 1;

	while ((size_t)256 << (pid >> 1) < ins->scene.n_chan)
		pid += 2;
	return (uint8_t)(pid + has_status);
}

/* Copy spectrum and status of this instant to a slot of the buffer. */
static uint8_t *store(struct exchange *x, size_t slot, bool clears,
		      size_t *ret_len)
{
	struct instrument *ins = x->ins;
	size_t slot_len = SRAM_LEN / (SLOTS_MAX * 256 / ins->scene.n_chan);
	uint8_t *out = ins->sram + slot * slot_len;
	size_t len = pack_counts(ins, out);

	fill_status(ins, out + len);
	x->reply->hold_us = copy_us(ins);
	acquire_hold(&ins->acquire, x->reply->hold_us);
	if (clears)
		acquire_clear(&ins->acquire);
	*ret_len = len;
	return out;
}

static void answer_spectrum(struct exchange *x)
{
	bool has_status = x->req.pid2 == 3 || x->req.pid2 == 4;
	size_t len;
	uint8_t *out;

	if (x->ins->is_buffering) {
		send_ack(x, WIRE_ACK_BUSY);
		return;
	}
	out = store(x, 0, !(x->req.pid2 & 1), &len);
	send(x, 0x81, spectrum_pid(x->ins, has_status), out,
	     len + (has_status ? STATUS_LEN : 0));
}

static void answer_buffer(struct exchange *x)
{
	size_t n_slots = SLOTS_MAX * 256 / x->ins->scene.n_chan;
	size_t slot = (size_t)x->req.data[0] << 8 | x->req.data[1];
	size_t len = x->ins->scene.n_chan * 3;

	if (slot >= n_slots) {
		send_ack(x, WIRE_ACK_PARAMETER);
		return;
	}
	if (x->req.pid2 == 7) {
		send(x, 0x81, spectrum_pid(x->ins, true),
		     x->ins->sram + slot * (SRAM_LEN / n_slots),
		     len + STATUS_LEN);
		return;
	}
	store(x, slot, x->req.pid2 == 6, &len);
	send_ack(x, WIRE_ACK_OK);
}

/* ------------------------------------------------------ configuration */

static void answer_config(struct exchange *x)
{
	struct instrument *ins = x->ins;
	const char *text = (const char *)x->req.data;
	bool is_saved = x->req.pid2 == 2;
	struct config_answer answer;

	config_apply(&ins->config, text, x->req.len, &answer);
	if (answer.n_good) {
		apply_config(ins, answer.is_mcae_set);
		if (is_saved)
			x->reply->deaf_us =
				flash_save(&ins->flash, &ins->config, text,
					   x->req.len, &ins->rng);
	}
	send(x, 0xff, (uint8_t)answer.ack, answer.echo, answer.echo_len);
}

static void answer_read_back(struct exchange *x)
{
	char out[CONFIG_READ_MAX];
	size_t len = config_read(&x->ins->config, (const char *)x->req.data,
				 x->req.len, out);

	send(x, 0x82, 0x07, out, len);
}

/* ------------------------------------------------------- small requests */

static void answer_clear(struct exchange *x)
{
	acquire_clear(&x->ins->acquire);
	list_clear(&x->ins->list);
	send_ack(x, WIRE_ACK_OK);
}

static void answer_enable(struct exchange *x)
{
	acquire_enable(&x->ins->acquire, x->req.pid2 == 2);
	send_ack(x, WIRE_ACK_OK);
}

static void answer_ok(struct exchange *x)
{
	send_ack(x, WIRE_ACK_OK);
}

static void answer_io(struct exchange *x)
{
	x->ins->io_nibble = x->req.data[0] & 15;
	send_ack(x, WIRE_ACK_OK);
}

/* Nothing is wired to the input whose edges would fill the slots. */
static void answer_buffering(struct exchange *x)
{
	x->ins->is_buffering = x->req.pid2 == 0x1e;
	send_ack(x, WIRE_ACK_OK);
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void answer_pulser(struct exchange *x)
{
	const uint8_t *d = x->req.data;
	struct pulser *p = &x->ins->pulser;

	if (x->req.len && x->req.len != 8) {
		send_ack(x, WIRE_ACK_LEN);
		return;
	}
	p->is_on = x->req.len;
	if (p->is_on)
		*p = (struct pulser){ true, be16(d), be16(d + 2), be16(d + 4),
				      be16(d + 6) };
	update_scene(x->ins);
	send_ack(x, WIRE_ACK_OK);
}

static void answer_comm_test(struct exchange *x)
{
	send_ack(x, x->req.pid2);
}

static void answer_echo(struct exchange *x)
{
	send(x, 0x8f, 0x7f, x->req.data, x->req.len);
}

static void answer_no_scope(struct exchange *x)
{
	send_ack(x, WIRE_ACK_NO_SCOPE);
}

/* FPGA 7.03 and later have no list mode. */
static void answer_list(struct exchange *x)
{
	const struct profile *p = x->ins->opt.profile;
	uint8_t out[LIST_BYTES];
	bool was_full = list_is_full(&x->ins->list);

	if (p->fpga_major > 7 || (p->fpga_major == 7 && p->fpga_minor >= 3)) {
		send_ack(x, WIRE_ACK_FPGA_VERSION);
		return;
	}
	send(x, 0x82, was_full ? 0x0b : 0x0a, out,
	     list_take(&x->ins->list, out));
}

static void answer_list_sync(struct exchange *x)
{
	list_sync(&x->ins->list, x->ins->now_us);
	send_ack(x, WIRE_ACK_OK);
}

static void answer_misc(struct exchange *x)
{
	send(x, 0x82, 0x02, x->ins->misc, MISC_LEN);
}

static void answer_set_misc(struct exchange *x)
{
	memcpy(x->ins->misc, x->req.data, MISC_LEN);
	x->reply->deaf_us = FLASH_WRITE_US;
	send_ack(x, WIRE_ACK_OK);
}

/* The answers' lengths are checked against the row before its function. */
struct request_row {
	uint8_t pid1;
	uint8_t first, last; /* PID2 */
	uint16_t min_len, max_len;
	bool is_mini_x2; /* the tube controller has it too */
	uint32_t since;
	request_fn fn;
};

/* clang-format off */
static const struct request_row requests[] = {
	{ 0x01, 0x01, 0x01, 0, 0, true, 0, answer_status },
	{ 0x02, 0x01, 0x04, 0, 0, false, 0, answer_spectrum },
	{ 0x02, 0x05, 0x07, 2, 2, false, PROFILE_FW(6, 8, 0), answer_buffer },
	{ 0x03, 0x01, 0x01, 0, 0, false, 0, answer_no_scope },
	{ 0x03, 0x02, 0x02, 0, 0, false, 0, answer_misc },
	{ 0x03, 0x03, 0x03, 0, 0, false, 0, answer_no_scope },
	{ 0x03, 0x09, 0x09, 0, 0, false, PROFILE_FW(6, 6, 5), answer_list },
	{ 0x20, 0x02, 0x02, 1, 512, false, 0, answer_config },
	{ 0x20, 0x03, 0x03, 1, 512, false, PROFILE_FW(6, 1, 0), answer_read_back },
	{ 0x20, 0x04, 0x04, 1, 512, false, PROFILE_FW(6, 8, 0), answer_config },
	{ 0xf0, 0x01, 0x01, 0, 0, false, 0, answer_clear },
	{ 0xf0, 0x02, 0x03, 0, 0, false, 0, answer_enable },
	{ 0xf0, 0x08, 0x08, 1, 1, false, 0, answer_io },
	{ 0xf0, 0x09, 0x09, 512, 512, false, 0, answer_set_misc },
	{ 0xf0, 0x10, 0x10, 0, 0, false, 0, answer_ok },
	{ 0xf0, 0x16, 0x16, 0, 0, false, PROFILE_FW(6, 6, 5), answer_list_sync },
	{ 0xf0, 0x1e, 0x1f, 0, 0, false, PROFILE_FW(6, 8, 0), answer_buffering },
	{ 0xf0, 0x20, 0x22, 0, 0, true, 0, answer_ok },
	{ 0xf1, 0x00, 0x0f, 0, 0, true, 0, answer_comm_test },
	{ 0xf1, 0x7e, 0x7e, 0, 8, false, PROFILE_FW(6, 7, 4), answer_pulser },
	{ 0xf1, 0x7f, 0x7f, 0, 512, true, 0, answer_echo },
};
/* clang-format on */

static const struct request_row *find_request(const struct instrument *ins,
					      const struct wire_packet *req)
{
	const struct profile *p = ins->opt.profile;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		const struct request_row *row = &requests[i];

		if (row->pid1 != req->pid1 || req->pid2 < row->first ||
		    req->pid2 > row->last)
			continue;
		if (p->is_mini_x2 ? !row->is_mini_x2 : p->fw < row->since)
			return NULL;
		return row;
	}
	return NULL;
}

void instrument_answer(struct instrument *ins, double now_us,
		       const uint8_t *bytes, size_t n,
		       struct instrument_reply *ret)
{
	struct exchange x = { .ins = ins, .reply = ret };
	const struct request_row *row;
	int ack;

	ret->hold_us = 0;
	ret->deaf_us = 0;
	ret->len = 0;
	instrument_advance(ins, now_us);

	ack = wire_decode(bytes, n, &x.req);
	if (ack) {
		send_ack(&x, (uint8_t)ack);
		return;
	}
	row = find_request(ins, &x.req);
	if (!row)
		send_ack(&x, WIRE_ACK_PID);
	else if (x.req.len < row->min_len || x.req.len > row->max_len)
		send_ack(&x, WIRE_ACK_LEN);
	else
		row->fn(&x);
}

/* --------------------------------------------------------- from outside */

void instrument_set_sample(struct instrument *ins, double now_us,
			   struct sample *sample)
{
	instrument_advance(ins, now_us);
	sample_free(ins->sample);
	ins->sample = sample;
	update_scene(ins);
}

void instrument_set_rate(struct instrument *ins, double now_us, double rate)
{
	instrument_advance(ins, now_us);
	ins->rate_cps = rate;
	update_scene(ins);
}

void instrument_pin_temp(struct instrument *ins, double now_us, double temp_k)
{
	instrument_advance(ins, now_us);
	ins->supply.temp_pin_k = temp_k;
}

void instrument_pin_hv(struct instrument *ins, double now_us, double hv_v)
{
	instrument_advance(ins, now_us);
	ins->supply.hv_pin_v = hv_v;
	update_scene(ins);
}

void instrument_set_serial(struct instrument *ins, uint32_t serial)
{
	ins->opt.serial = serial;
}

void instrument_set_seed(struct instrument *ins, double now_us, uint64_t seed)
{
	instrument_advance(ins, now_us);
	ins->acquire.seed = seed;
	ins->acquire.run = 0;
	acquire_clear(&ins->acquire);
}

void instrument_describe(struct instrument *ins, double now_us, char *out,
			 size_t room)
{
	const struct acquire *a = &ins->acquire;

	instrument_advance(ins, now_us);
	snprintf(out, room,
		 "serial=%u profile=%s detector=%s sample=%s rate_cps=%.1f"
		 " slow_cps=%.1f full_scale_kev=%.3f channels=%zu enabled=%d"
		 " running=%d run=%u fast=%llu slow=%llu total=%llu acc_s=%.3f"
		 " real_s=%.3f temp_k=%.1f hv_v=%.1f seed=%llu",
		 ins->opt.serial, ins->opt.profile->name,
		 ins->opt.detector->name, ins->sample ? ins->sample->name : "-",
		 rate_cps(ins), ins->scene.slow_cps, ins->scene.full_scale_kev,
		 ins->scene.n_chan, a->is_enabled, acquire_is_running(a),
		 a->run, (unsigned long long)a->fast,
		 (unsigned long long)a->slow, (unsigned long long)a->total,
		 a->acc_us * 1e-6, a->real_us * 1e-6,
		 supply_temp_k(&ins->supply), supply_hv_v(&ins->supply),
		 (unsigned long long)a->seed);
}

/* ------------------------------------------------------------- lifetime */

/*
 * Power-up: with BOOT=ON the last saved settings are carried out, supplies
 * included, else the unit waits for its first configuration.
 */
static void boot(struct instrument *ins)
{
	struct config_answer answer;

	config_apply(&ins->config, ins->flash.text, ins->flash.len, &answer);
	ins->config.value[CONFIG_BOOT].word = ins->opt.is_boot_on ? 0 : 1;
	if (ins->opt.is_boot_on) {
		apply_config(ins, answer.is_mcae_set);
		return;
	}
	config_init(&ins->config, ins->opt.profile, ins->opt.detector);
	ins->config.value[CONFIG_BOOT].word = 1;
	update_presets(ins);
	update_scene(ins);
}

int instrument_new(const struct instrument_options *opt, double now_us,
		   struct instrument **ret)
{
	struct instrument *ins;
	int r;

	ins = calloc(1, sizeof(*ins));
	if (!ins)
		return -ENOMEM;
	ins->opt = *opt;
	ins->rate_cps = NAN;
	ins->now_us = now_us;
	r = flash_open(&ins->flash, opt->flash_path, opt->detector->defaults);
	if (r < 0) {
		free(ins);
		return r;
	}
	config_init(&ins->config, opt->profile, opt->detector);
	supply_init(&ins->supply, opt->settle_s);
	rng_seed(&ins->rng, opt->seed, 0);
	acquire_init(&ins->acquire, opt->seed, now_us);
	ins->acquire.on_step = on_step;
	ins->acquire.arg = ins;
	list_init(&ins->list, opt->seed, now_us);
	boot(ins);
	*ret = ins;
	return 0;
}

struct instrument *instrument_free(struct instrument *ins)
{
	if (!ins)
		return NULL;
	sample_free(ins->sample);
	free(ins);
	return NULL;
}
