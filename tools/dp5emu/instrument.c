// SPDX-License-Identifier: GPL-2.0-or-later
/* What the instrument is and does between requests. */
#include "dp5emu/instrument.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "dp5emu/instrument_internal.h"
#include "dp5emu/status.h"

/* Rates of a sample that states no live time. */
#define DEFAULT_RATE_CPS 10e3

/* Part by which dead time exceeds peaking time plus flat top: see settings. */
#define SLOW_DEAD_FACTOR 1.8

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
void instrument_update_scene(struct instrument *ins)
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
void instrument_apply_config(struct instrument *ins, bool is_mcae_set)
{
	ins->supply.tec_set_k = config_number(&ins->config, CONFIG_TECS);
	ins->supply.hv_set_v = number_or(ins, CONFIG_HVSE, 0);
	if (!(ins->supply.settle_s > 0))
		supply_advance(&ins->supply, 0);
	/* Counts sorted into another number of channels mean nothing. */
	if (config_channels(&ins->config) != ins->scene.n_chan)
		instrument_clear(ins);
	update_presets(ins);
	update_list(ins);
	instrument_update_scene(ins);
	slots_apply_gate(ins);
	if (is_mcae_set)
		acquire_enable(&ins->acquire,
			       config_is(&ins->config, CONFIG_MCAE, "ON"));
	ins->is_configured = true;
}

void instrument_clear(struct instrument *ins)
{
	acquire_clear(&ins->acquire);
	if (ins->recording)
		recording_rewind(ins->recording);
	if (config_is(&ins->config, CONFIG_GPMC, "ON"))
		ins->gp_count = 0;
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
		instrument_update_scene(ins);
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

void instrument_fill_status(struct instrument *ins,
			    uint8_t out[static STATUS_LEN])
{
	const struct profile *p = ins->opt.profile;
	const struct acquire *a = &ins->acquire;
	struct status st = {
		.fast = clamp_u32(a->fast),
		.slow = clamp_u32(a->slow),
		.gp_count = ins->gp_count,
		.acc_ms = (uint64_t)(a->acc_us / 1e3 + 1e-6),
		.unnamed = p->unnamed,
		.real_ms = (uint32_t)(uint64_t)(a->real_us / 1e3 + 1e-6),
		.fw_major = (uint8_t)(p->fw >> 16),
		.fw_minor = (uint8_t)(p->fw >> 8),
		.build = (uint8_t)p->fw,
		.fpga_major = p->fpga_major,
		.fpga_minor = p->fpga_minor,
		.serial = ins->opt.serial,
		.device = ins->opt.model,
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
		.slot = (uint16_t)ins->slot_next,
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

/* --------------------------------------------------------- from outside */

void instrument_set_sample(struct instrument *ins, double now_us,
			   struct sample *sample)
{
	instrument_advance(ins, now_us);
	sample_free(ins->sample);
	ins->sample = sample;
	instrument_update_scene(ins);
}

void instrument_set_recording(struct instrument *ins, struct recording *r)
{
	recording_free(ins->recording);
	ins->recording = r;
}

void instrument_set_rate(struct instrument *ins, double now_us, double rate)
{
	instrument_advance(ins, now_us);
	ins->rate_cps = rate;
	instrument_update_scene(ins);
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
	instrument_update_scene(ins);
}

void instrument_set_serial(struct instrument *ins, uint32_t serial)
{
	ins->opt.serial = serial;
}

void instrument_set_model(struct instrument *ins, uint8_t model)
{
	ins->opt.model = model;
}

void instrument_set_seed(struct instrument *ins, double now_us, uint64_t seed)
{
	instrument_advance(ins, now_us);
	ins->acquire.seed = seed;
	ins->acquire.run = 0;
	instrument_clear(ins);
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
		instrument_apply_config(ins, answer.is_mcae_set);
		return;
	}
	config_init(&ins->config, ins->opt.profile, ins->opt.detector);
	ins->config.value[CONFIG_BOOT].word = 1;
	update_presets(ins);
	instrument_update_scene(ins);
}

void instrument_reboot(struct instrument *ins, double now_us)
{
	instrument_advance(ins, now_us);
	config_init(&ins->config, ins->opt.profile, ins->opt.detector);
	supply_init(&ins->supply, ins->opt.settle_s);
	acquire_enable(&ins->acquire, false);
	instrument_clear(ins);
	ins->is_configured = false;
	ins->is_status_read = false;
	boot(ins);
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
	ins->io_nibble = 15;
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
	recording_free(ins->recording);
	free(ins);
	return NULL;
}
