// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Settings outside an assay: sent, read back and compared by the same row of
 * steps as a method's, without presets, and never saved in the instrument. And
 * its IO lines, at any time.
 */
#include <errno.h>
#include <event2/event.h>

#include "device/session-internal.h"

void session_apply_end(struct session *s, int error, const char *why)
{
	session_applied_fn fn = s->applied;

	if (!fn)
		return;
	s->applied = NULL;
	fn(s, error, why, &s->config, &s->read_back, s->applied_arg);
}

/* Like an assay, through draining, so that control is given back in one place. */
static void leave(struct session *s, int error, const char *why)
{
	session_move(s, SESSION_DRAINING);
	session_apply_end(s, error, why);
	session_go_free(s);
}

void session_apply_failed(struct session *s, int error, const char *why)
{
	leave(s, error, why);
}

static void on_applied(struct session *s)
{
	settle_set(&s->target, &s->read_back);
	leave(s, 0, "");
}

void session_apply(struct session *s, const struct dp5_config *config,
		   session_applied_fn fn, void *arg)
{
	s->config = *config;
	s->read_back.n = 0;
	s->applied = fn;
	s->applied_arg = arg;
	s->is_asked = false;
	s->again_why = NULL;
	session_move(s, SESSION_CONFIGURING);
	session_row_start(s, steps_configure, on_applied);
}

int session_write_io(struct session *s, uint8_t bits, port_reply_fn fn,
		     void *arg)
{
	if (!s->port || s->state == SESSION_PROBING)
		return -ENODEV;
	return port_transact(s->port, 0xf0, 0x08, &bits, 1, fn, arg);
}
