// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an instrument's own lines show to the line it stands at.
 *
 * Four IO lines, open drain, are written as one: a verdict and the edge that
 * announces it come together. Verdicts are shown one after the other, each
 * long enough to be seen. Without settings nothing is ever written.
 */
#include "bus/lines.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "bus/settings.h"
#include "bus/spectrometer.h"

/* How long a verdict is shown at least before the next, and how long the last
 * one of a belt stays: a pellet that nobody measured must not pass by it. */
#define EDGE_US 20000
#define HOLD_NS 1000000000ULL
#define CLEAR_NOW 1

/* So many strobes without an assay are told; more is no belt but noise. */
#define FAILS_MAX 256

#define DUE_GRADE 15
#define DUE_PASSED 16

static void on_pause(evutil_socket_t fd, short what, void *arg)
{
	struct spectrometer *sp = arg;

	(void)fd;
	(void)what;
	lines_update(sp);
	service_assay_gone(sp->service);
}

int lines_init(struct spectrometer *sp)
{
	struct lines *l = &sp->lines;

	*l = (struct lines){ .written = -1, .wanted = -1 };
	l->pause = evtimer_new(sp->service->base, on_pause, sp);
	return l->pause ? 0 : -ENOMEM;
}

void lines_deinit(struct lines *l)
{
	if (l->pause)
		event_free(l->pause);
	l->pause = NULL;
	free(l->due);
	l->due = NULL;
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

/* An edge that could not be written is still to be shown. */
static bool is_pausing(const struct lines *l)
{
	return l->is_edge || evtimer_pending(l->pause, NULL);
}

/* From when the instrument has it, and not as old as the loop's last wait. */
static void begin_pause(struct lines *l)
{
	const struct timeval edge = { .tv_usec = EDGE_US };

	if (!l->is_edge)
		return;
	l->is_edge = false;
	event_base_update_cache_time(event_get_base(l->pause));
	event_add(l->pause, &edge);
	if (l->clear_ns > CLEAR_NOW)
		l->clear_ns = clock_monotonic_ns() + HOLD_NS;
}

/* A daemon that has gone takes nothing back: it does so before. */
static bool has_result(const struct spectrometer *sp)
{
	const struct lines *l = &sp->lines;

	return l->has_result &&
	       (!sp->service->is_stopping || spectrometer_is_measuring(sp) ||
		l->n_due || is_pausing(l));
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
		return has_result(sp) && l->is_passed;
	case SETTINGS_IO_FAIL:
		return has_result(sp) && !l->is_passed;
	case SETTINGS_IO_GRADE1:
	case SETTINGS_IO_GRADE2:
	case SETTINGS_IO_GRADE4:
	case SETTINGS_IO_GRADE8:
		return has_result(sp) &&
		       (l->grade >> (word - SETTINGS_IO_GRADE1) & 1);
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
	if (is_well) {
		begin_pause(l);
		lines_update(sp);
	}
	service_assay_gone(sp->service);
}

static void show_next(struct lines *l)
{
	const uint8_t next = l->due[0];

	memmove(l->due, l->due + 1, --l->n_due);
	l->has_result = true;
	l->is_done = !l->is_done;
	l->is_edge = true;
	l->is_passed = next & DUE_PASSED;
	l->grade = next & DUE_GRADE;
}

static void clear_due(struct lines *l)
{
	if (!l->clear_ns || l->n_due || l->is_edge ||
	    clock_monotonic_ns() < l->clear_ns)
		return;
	l->clear_ns = 0;
	l->has_result = false;
}

/* Nobody sees them: the last counts. */
static void pass_over(struct lines *l)
{
	while (l->n_due)
		show_next(l);
	if (l->clear_ns)
		l->has_result = false;
	l->clear_ns = 0;
	l->is_edge = false;
	l->written = -1;
	l->wanted = -1;
}

void lines_update(struct spectrometer *sp)
{
	struct lines *l = &sp->lines;
	int now;

	/* Calls under way are dropped with their port. */
	if (session_state(sp->session) == SESSION_ABSENT || !settings_of(sp)) {
		pass_over(l);
		return;
	}
	if (l->wanted >= 0)
		return;
	if (l->n_due && !is_pausing(l))
		show_next(l);
	clear_due(l);
	now = bits(sp);
	if (now < 0 || now == l->written) {
		begin_pause(l);
		return;
	}
	if (session_write_io(sp->session, (uint8_t)now, on_written, sp) >= 0)
		l->wanted = now;
}

bool lines_are_busy(const struct spectrometer *sp)
{
	const enum session_state state = session_state(sp->session);
	const struct lines *l = &sp->lines;
	const int now = bits(sp);

	if (now < 0 || l->is_failing || state == SESSION_ABSENT ||
	    state == SESSION_PROBING || state == SESSION_FAULT)
		return false;
	return l->wanted >= 0 || l->n_due || is_pausing(l) || now != l->written;
}

static void add_due(struct lines *l, uint8_t verdict)
{
	uint8_t *due = realloc(l->due, l->n_due + 1);

	if (!due)
		return;
	due[l->n_due++] = verdict;
	l->due = due;
	l->clear_ns = 0;
}

void lines_begun(struct spectrometer *sp)
{
	struct lines *l = &sp->lines;

	/* On a belt the pellet before is still on its way to the gate. */
	if (!session_has_belt(sp->session)) {
		l->clear_ns = CLEAR_NOW;
		l->n_told = 0;
		l->n_strobed = 0;
	}
	lines_update(sp);
}

/* The assay under way has its own verdict first. */
static void tell_rest(struct spectrometer *sp)
{
	struct lines *l = &sp->lines;

	if (!l->is_over || spectrometer_is_measuring(sp))
		return;
	l->is_over = false;
	for (int i = 0; l->n_told < l->n_strobed && i < FAILS_MAX; i++) {
		l->n_told++;
		add_due(l, 0);
	}
	l->clear_ns = clock_monotonic_ns() + HOLD_NS;
	lines_update(sp);
}

static uint8_t verdict_of(const json_t *result)
{
	const json_t *decision = js_get(result, "decision");
	uint32_t grade = 0;
	bool is_passed;

	js_get_uint(decision, "grade", &grade);
	is_passed =
		result && !strcmp(js_text(result, "verdict"), "accepted") &&
		(!decision || !strcmp(js_text(decision, "outcome"), "pass"));
	return (uint8_t)((grade & DUE_GRADE) | (is_passed ? DUE_PASSED : 0));
}

void lines_ended(struct spectrometer *sp, const struct run *r,
		 const json_t *result)
{
	const uint64_t strobe = r->order.strobe;
	struct lines *l = &sp->lines;

	/* While the belt runs only a strobe ends one of it. */
	if (!strobe || session_has_belt(sp->session) ||
	    strobe <= l->n_strobed) {
		add_due(l, verdict_of(result));
		l->n_told = strobe;
	}
	lines_update(sp);
	tell_rest(sp);
}

void lines_belt_over(struct spectrometer *sp)
{
	struct lines *l = &sp->lines;
	struct session_belt belt;

	session_belt(sp->session, &belt);
	l->n_strobed = belt.n_strobes;
	l->is_over = true;
	tell_rest(sp);
}
