// SPDX-License-Identifier: GPL-2.0-or-later
/* A call of the daemon, and whether the bus may start one to answer it. */
#include "reespec/bus_call.h"

#include "base/cleanup.h"

int bus_call_new(sd_bus *bus, const char *path, const char *interface,
		 const char *member, bool may_start, sd_bus_message **ret)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int r;

	r = sd_bus_message_new_method_call(bus, &m, BUS_CALL_SERVICE, path,
					   interface, member);
	if (r < 0)
		return r;
	r = sd_bus_message_set_auto_start(m, may_start);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(m);
	return 0;
}

/* The two words of the buses for a name without an owner. */
bool bus_call_is_absent(const sd_bus_error *error)
{
	return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
	       sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}
