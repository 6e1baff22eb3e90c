// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two marks of the settings: from the upper one down the operator is told,
 * below the lower one no assay starts. What runs goes on to its end, and the
 * reserve is for that alone.
 */
#include "bus/space.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/log.h"
#include "bus/errors.h"
#include "bus/messages.h"
#include "bus/service.h"
#include "bus/settings.h"

/* MiB that are left to us; plenty where nobody can tell. */
static uint64_t free_mib(const struct service *s)
{
	struct statvfs st;

	if (statvfs(s->options->state_dir, &st) < 0)
		return UINT64_MAX;
	return (uint64_t)st.f_bavail * st.f_frsize >> 20;
}

void space_look(struct service *s)
{
	const struct settings *set = s->settings;
	char text[sizeof(s->space)] = "";

	if (free_mib(s) < (uint64_t)set->warn_mib)
		snprintf(text, sizeof(text),
			 "disk: less than %d MiB are free; below %d MiB no "
			 "assay is started",
			 set->warn_mib, set->free_mib);
	if (!strcmp(text, s->space))
		return;
	memcpy(s->space, text, sizeof(text));
	if (text[0])
		log_event(LOG_WARNING, MESSAGE_DISK_LOW, NULL, "%s", text);
	else
		log_notice("there is room on the disk again");
	manager_health_changed(s);
}

int space_check(struct service *s, sd_bus_error *error)
{
	const uint64_t left = free_mib(s);

	if (left >= (uint64_t)s->settings->free_mib)
		return 0;
	return sd_bus_error_setf(error, ERROR_FULL,
				 "%llu MiB are free on the ledger's disk, %d "
				 "MiB must be",
				 (unsigned long long)left,
				 s->settings->free_mib);
}
