// SPDX-License-Identifier: GPL-2.0-or-later
/* What a session tells of itself. */
#include "device/session-internal.h"

enum session_state session_state(const struct session *s)
{
	return s->state;
}

bool session_is_busy(const struct session *s)
{
	return s->is_busy;
}

bool session_is_waiting(const struct session *s)
{
	return s->is_busy && s->state == SESSION_SETTLING;
}

const char *session_fault(const struct session *s)
{
	return s->fault;
}

const char *session_serial(const struct session *s)
{
	return s->serial;
}

const struct dp5_info *session_info(const struct session *s)
{
	return s->port_name ? &s->info : NULL;
}

const char *session_port_name(const struct session *s)
{
	return s->port_name ? s->port_name : "";
}

bool session_is_simulated(const struct session *s)
{
	return s->is_simulated;
}

const struct dp5_status *session_status(const struct session *s,
					uint64_t *ret_us)
{
	*ret_us = s->status_us;
	return s->status_us ? &s->status : NULL;
}

int session_may_start(const struct session *s, bool is_wait)
{
	if (s->is_busy || s->applied ||
	    (s->strobes && s->state != SESSION_MEASURING))
		return SESSION_BUSY;
	if (s->state == SESSION_ABSENT || s->state == SESSION_PROBING)
		return SESSION_NO_DEVICE;
	if (s->state == SESSION_FAULT)
		return SESSION_FAULTY;
	if (s->state == SESSION_SETTLING && !is_wait)
		return SESSION_NOT_SETTLED;
	return 0;
}
