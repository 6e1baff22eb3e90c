// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an instrument's own lines show to the line it stands at.
 *
 * Four IO lines, open drain, are written as one: a verdict and the edge that
 * announces it come together. Without settings nothing is ever written.
 */
#include "bus/lines.h"

#include <string.h>

#include "base/log.h"
#include "bus/settings.h"
#include "bus/spectrometer.h"

void lines_init(struct lines *l)
{
	*l = (struct lines){ .written = -1, .wanted = -1 };
}

/* NULL when the settings are of another instrument, or of none. */
static const struct settings_io *settings_of(const struct spectrometer *sp)
{
	const struct settings_io *io = &sp->service->settings->io;

	return strcmp(io->instrument, session_serial(sp->session)) ? NULL : io;
}

int lines_configure(const struct spectrometer *sp, struct dp5_config *config)
{
	static const char *const gates[] = { [SETTINGS_GATE_OFF] = "OFF",
					     [SETTINGS_GATE_HIGH] = "HIGH",
					     [SETTINGS_GATE_LOW] = "LOW" };
	static const char *const names[] = { "AUO1", "AUO2" };
	const struct settings_io *io = settings_of(sp);
	int r = 0;

	if (!io)
		return 0;
	if (io->gate != SETTINGS_GATE_METHOD)
		r = dp5_config_set(config, "GATE", gates[io->gate]);
	for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++)
		if (io->out[i] == SETTINGS_OUT_MEASURING)
			r = dp5_config_set(config, names[i], "MCAEN");
	return r;
}

static bool is_on(const struct spectrometer *sp, int word)
{
	const struct lines *l = &sp->lines;
	struct session_belt belt;

	switch (word) {
	case SETTINGS_IO_READY:
		session_belt(sp->session, &belt);
		return belt.is_ready && !sp->service->is_stopping;
	case SETTINGS_IO_DONE:
		return l->is_done;
	case SETTINGS_IO_PASS:
		return l->has_result && l->is_passed;
	case SETTINGS_IO_FAIL:
		return l->has_result && !l->is_passed;
	case SETTINGS_IO_GRADE1:
	case SETTINGS_IO_GRADE2:
	case SETTINGS_IO_GRADE4:
	case SETTINGS_IO_GRADE8:
		return l->grade >> (word - SETTINGS_IO_GRADE1) & 1;
	}
	return false;
}

/* The bits, or negative when no line is to show anything. */
static int bits(const struct spectrometer *sp)
{
	const struct settings_io *io = settings_of(sp);
	bool is_used = false;
	int n = 0;

	for (int i = 0; io && i < SETTINGS_IO_N; i++) {
		bool level = true;

		if (io->io[i] != SETTINGS_IO_OFF) {
			is_used = true;
			level = is_on(sp, io->io[i]) == !!io->is_high;
		}
		n |= level << i;
	}
	return is_used ? n : -1;
}

static void on_written(const struct port_reply *reply, void *arg)
{
	struct spectrometer *sp = arg;
	struct lines *l = &sp->lines;
	const bool is_well = reply->result >= 0 && reply->pid1 == 0xff &&
			     (reply->pid2 == 0 || reply->pid2 == 0x0c);

	l->written = is_well ? l->wanted : -1;
	l->wanted = -1;
	if (!is_well && !l->is_failing)
		log_warning("%s: the IO lines cannot be written",
			    session_serial(sp->session));
	l->is_failing = !is_well;
	/* What failed is tried again once a second, by the service. */
	if (is_well)
		lines_update(sp);
}

void lines_update(struct spectrometer *sp)
{
	struct lines *l = &sp->lines;
	const int now = bits(sp);

	/* Calls under way are dropped with their port. */
	if (session_state(sp->session) == SESSION_ABSENT) {
		l->written = -1;
		l->wanted = -1;
		return;
	}
	if (now < 0 || l->wanted >= 0 || now == l->written)
		return;
	if (session_write_io(sp->session, (uint8_t)now, on_written, sp) >= 0)
		l->wanted = now;
}

void lines_begun(struct spectrometer *sp)
{
	/* On a belt the pellet before is still on its way to the gate. */
	if (!session_has_belt(sp->session))
		sp->lines.has_result = false;
	lines_update(sp);
}

void lines_ended(struct spectrometer *sp, const json_t *result)
{
	const json_t *decision = js_get(result, "decision");
	struct lines *l = &sp->lines;
	uint32_t grade = 0;

	js_get_uint(decision, "grade", &grade);
	l->has_result = true;
	l->is_done = !l->is_done;
	l->is_passed =
		result && !strcmp(js_text(result, "verdict"), "accepted") &&
		(!decision || !strcmp(js_text(decision, "outcome"), "pass"));
	l->grade = grade;
	lines_update(sp);
}
