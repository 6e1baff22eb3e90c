// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The assays of a belt as one.
 *
 * Each pellet is an assay like any other, ordered ahead of its strobe and by
 * its number, so whatever happens it has a result. What binds them is that no
 * number may be left out: strobes know nothing of names.
 */
#include "bus/belts.h"

#include <stdio.h>
#include <string.h>

#include "bus/errors.h"
#include "bus/spectrometer.h"

static bool has_waiting(const struct spectrometer *sp)
{
	const struct run *r;

	TAILQ_FOREACH(r, &sp->queue.runs, link)
		if (r->order.strobe && !r->verdict)
			return true;
	return false;
}

static bool is_there(const struct spectrometer *sp)
{
	if (sp->belts.is_over)
		return false;
	return session_has_belt(sp->session) || has_waiting(sp) ||
	       (spectrometer_is_measuring(sp) && sp->run->order.strobe);
}

bool belts_may_begin(const struct spectrometer *sp, const struct order *order)
{
	return order->strobe <= 1 || session_has_belt(sp->session);
}

static int check_next(const struct spectrometer *sp, const struct order *order,
		      sd_bus_error *error)
{
	const uint64_t next = is_there(sp) ? sp->belts.last + 1 : 1;

	if (order->strobe == next)
		return 0;
	return sd_bus_error_setf(
		error, ERROR_BAD_OPTION,
		"option `strobe`: the next is %llu, not %llu%s",
		(unsigned long long)next, (unsigned long long)order->strobe,
		next == 1 ? ": no belt is running" : "");
}

int belts_check(const struct spectrometer *sp, const struct order *order,
		sd_bus_error *error)
{
	const struct belts *b = &sp->belts;

	if (is_there(sp) &&
	    (!order->strobe || strcmp(order->sender, b->sender)))
		return sd_bus_error_setf(error, ERROR_BUSY,
					 "%s: a belt of uid %u is running",
					 session_serial(sp->session), b->uid);
	if (!order->strobe)
		return 0;
	if (is_there(sp) && strcmp(order->method, b->method))
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "option `method`: the belt runs by %s",
					 b->method);
	return check_next(sp, order, error);
}

int belts_check_method(const struct spectrometer *sp, const struct order *order,
		       const char *sha256, sd_bus_error *error)
{
	if (!order->strobe || !is_there(sp) ||
	    !strcmp(sp->belts.sha256, sha256))
		return 0;
	return sd_bus_error_setf(
		error, ERROR_BAD_METHOD,
		"method %s: the file has changed since the belt began",
		order->method);
}

void belts_ordered(struct spectrometer *sp, const struct order *order,
		   const char *sha256, const char *sender)
{
	struct belts *b = &sp->belts;

	if (!order->strobe)
		return;
	b->last = order->strobe;
	b->is_over = false;
	b->uid = order->uid;
	snprintf(b->sender, sizeof(b->sender), "%s", sender);
	snprintf(b->sha256, sizeof(b->sha256), "%s", sha256);
	snprintf(b->method, sizeof(b->method), "%s", order->method);
	session_belt_ordered(sp->session, b->last);
}

static void drop_waiting(struct spectrometer *sp, const char *verdict,
			 const char *why)
{
	struct run *after;
	struct run *r;

	for (r = TAILQ_FIRST(&sp->queue.runs); r; r = after) {
		after = TAILQ_NEXT(r, link);
		if (r->order.strobe && !r->verdict)
			run_drop(r, verdict, why);
	}
	queue_wake(&sp->queue);
}

void belts_end(struct spectrometer *sp, const char *verdict, const char *why)
{
	drop_waiting(sp, verdict, why);
	session_end_belt(sp->session, SESSION_END_CANCELLED, why);
	/* It may be configuring, and have no belt yet. */
	if (spectrometer_is_measuring(sp) && sp->run->order.strobe)
		session_cancel(sp->session);
}

void belts_over(struct spectrometer *sp, const char *why)
{
	char text[256];

	sp->belts.is_over = true;
	snprintf(text, sizeof(text), "the belt has ended%s%s",
		 why[0] ? ": " : "", why);
	drop_waiting(sp, "interrupted", text);
}

void belts_caller_left(struct spectrometer *sp, const char *name)
{
	if (!strcmp(sp->belts.sender, name))
		session_end_belt(sp->session, SESSION_END_CANCELLED, "");
}

void belts_bus_lost(struct spectrometer *sp)
{
	sp->belts.sender[0] = '\0';
	belts_go_on(sp);
}

/* Nobody is left who could order more. */
void belts_go_on(struct spectrometer *sp)
{
	if (!sp->belts.sender[0] && !has_waiting(sp) &&
	    !spectrometer_is_measuring(sp))
		session_end_belt(sp->session, SESSION_END_FINISHED, "");
}
