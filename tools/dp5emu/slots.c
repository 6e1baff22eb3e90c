// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The spectrum buffer, and the lines of the AUX connector that fill it, count
 * into its G.P. counter, gate the counting and tell: protocol reference 12, 13.
 *
 * Where the reference is silent: an edge is counted before it is stored, so a
 * slot's counter includes its own edge; an edge that comes while the one
 * before is still being stored is counted and not stored; a restart leaves
 * spectrum and slots as they are; IO lines are released at power-up, and a 1
 * releases them.
 */
#include "dp5emu/slots.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "dp5emu/instrument_internal.h"

size_t slots_count(const struct instrument *ins)
{
	return SLOTS_MAX * 256 / ins->scene.n_chan;
}

uint8_t *slots_at(struct instrument *ins, size_t slot)
{
	return ins->sram + slot * (SRAM_LEN / slots_count(ins));
}

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

double slots_store(struct instrument *ins, size_t slot, bool clears)
{
	uint8_t *out = slots_at(ins, slot);
	double us = copy_us(ins);

	instrument_fill_status(ins, out + pack_counts(ins, out));
	acquire_hold(&ins->acquire, us);
	if (clears)
		instrument_clear(ins);
	return us;
}

void slots_restart(struct instrument *ins)
{
	ins->is_buffering = true;
	ins->slot_next = 0;
}

void slots_cancel(struct instrument *ins)
{
	ins->is_buffering = false;
}

/* ---- inputs ---------------------------------------------------------------- */

void slots_apply_gate(struct instrument *ins)
{
	const struct config *c = &ins->config;

	ins->acquire.is_gated =
		config_is(c, CONFIG_GATE, ins->aux_in[0] ? "HIGH" : "LOW");
}

/* Whether the G.P. counter takes an edge of input @n. */
static bool is_counted(const struct instrument *ins, int n, bool is_rising)
{
	static const char *const words[SLOTS_AUX_N][2] = { { "AUX1", "1" },
							   { "AUX2", "2" } };
	const struct config *c = &ins->config;

	if (!config_is(c, CONFIG_GPIN, words[n][0]) &&
	    !config_is(c, CONFIG_GPIN, words[n][1]))
		return false;
	if (config_is(c, CONFIG_GPED, "RISING") != is_rising)
		return false;
	if (config_is(c, CONFIG_GPME, "ON") && !ins->acquire.is_enabled)
		return false;
	return !(config_is(c, CONFIG_GPGA, "ON") && ins->acquire.is_gated);
}

static void strobe(struct instrument *ins)
{
	/* MCAC may have left fewer slots than are full. */
	if (ins->slot_next >= slots_count(ins))
		ins->is_buffering = false;
	if (!ins->is_buffering || ins->now_us < ins->storing_until_us)
		return;
	ins->storing_until_us =
		ins->now_us + slots_store(ins, ins->slot_next, true);
	if (++ins->slot_next == slots_count(ins))
		ins->is_buffering = false;
}

void instrument_set_aux(struct instrument *ins, double now_us, int n,
			bool is_high)
{
	instrument_advance(ins, now_us);
	if (ins->aux_in[n] == is_high)
		return;
	ins->aux_in[n] = is_high;
	slots_apply_gate(ins);
	ins->gp_count += is_counted(ins, n, is_high);
	if (n == 1 && is_high)
		strobe(ins);
}

void instrument_pulse_aux(struct instrument *ins, double now_us, int n,
			  int n_pulses, double period_us)
{
	for (int i = 0; i < n_pulses; i++) {
		instrument_set_aux(ins, now_us + i * period_us, n, false);
		instrument_set_aux(ins, now_us + i * period_us, n, true);
	}
	instrument_set_aux(ins, now_us, n, false);
}

void instrument_pull_io(struct instrument *ins, int n, bool is_pulled)
{
	uint8_t bit = (uint8_t)(1 << n);

	ins->io_pulled = (uint8_t)(is_pulled ? ins->io_pulled | bit
					     : ins->io_pulled & ~bit);
}

/* ---- outputs --------------------------------------------------------------- */

/* A level, or the name of a signal that is pulses. */
static const char *output(const struct instrument *ins, enum config_id id)
{
	static const char *const signals[] = { "ICR",	 "MCSTB",  "SCA8",
					       "PILEUP", "DETRES", "ONESH",
					       "PEAKH",	 "RTDOS",  "RTDREJ",
					       "LIVE",	 "STREAM" };
	const struct config *c = &ins->config;

	if (config_is(c, id, "MCAEN"))
		return ins->acquire.is_enabled ? "1" : "0";
	if (config_is(c, id, "VETO"))
		return ins->acquire.is_gated ? "0" : "1";
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		if (config_is(c, id, signals[i]))
			return signals[i];
	}
	return "-";
}

void instrument_describe_lines(struct instrument *ins, double now_us, char *out,
			       size_t room)
{
	uint8_t io = ins->io_nibble & (uint8_t)~ins->io_pulled;

	instrument_advance(ins, now_us);
	snprintf(out, room,
		 "aux_in1=%d aux_in2=%d aux_out1=%s aux_out2=%s io0=%d io1=%d"
		 " io2=%d io3=%d io_writes=%u gate=%s gp=%u buffering=%d"
		 " slot=%zu slots=%zu io_changes=%u,%u,%u,%u"
		 " io_least_ms=%.0f,%.0f,%.0f,%.0f",
		 ins->aux_in[0], ins->aux_in[1], output(ins, CONFIG_AUO1),
		 output(ins, CONFIG_AUO2), io & 1, io >> 1 & 1, io >> 2 & 1,
		 io >> 3 & 1, ins->n_io_writes,
		 ins->acquire.is_gated ? "blocking" : "open", ins->gp_count,
		 ins->is_buffering, ins->slot_next, slots_count(ins),
		 ins->n_io_changes[0], ins->n_io_changes[1],
		 ins->n_io_changes[2], ins->n_io_changes[3],
		 ins->io_least_us[0] / 1000, ins->io_least_us[1] / 1000,
		 ins->io_least_us[2] / 1000, ins->io_least_us[3] / 1000);
}
