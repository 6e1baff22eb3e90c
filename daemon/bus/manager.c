// SPDX-License-Identifier: GPL-2.0-or-later
/* The interface org.reespec1.Manager. */
#include <string.h>

#include "base/log.h"
#include "bus/service.h"

#define INTERFACE "org.reespec1.Manager"

static int get_version(sd_bus *bus, const char *path, const char *interface,
		       const char *property, sd_bus_message *reply, void *arg,
		       sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property;
	(void)arg, (void)error;
	return sd_bus_message_append(reply, "s", REESPEC_VERSION);
}

static int get_ledger_id(sd_bus *bus, const char *path, const char *interface,
			 const char *property, sd_bus_message *reply, void *arg,
			 sd_bus_error *error)
{
	const struct service *s = arg;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "s", ledger_id(s->ledger));
}

static int get_health(sd_bus *bus, const char *path, const char *interface,
		      const char *property, sd_bus_message *reply, void *arg,
		      sd_bus_error *error)
{
	const struct service *s = arg;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	return sd_bus_message_append(reply, "s",
				     s->health[0]  ? s->health
				     : s->fits[0]  ? s->fits
				     : s->space[0] ? s->space
						   : "ok");
}

static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", get_version, 0,
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("LedgerId", "s", get_ledger_id, 0,
			SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Health", "s", get_health, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_SIGNAL_WITH_ARGS("AssayFinished",
				SD_BUS_ARGS("o", assay, "s", sample, "s",
					    verdict, "t", seq),
				0),
	SD_BUS_VTABLE_END,
};

int manager_register(struct service *s, sd_bus *bus)
{
	int r;

	r = sd_bus_add_object_manager(bus, &s->slots[s->n_slots++], BUS_PATH);
	if (r < 0)
		return r;
	return sd_bus_add_object_vtable(bus, &s->slots[s->n_slots++], BUS_PATH,
					INTERFACE, manager_vtable, s);
}

void manager_health_changed(struct service *s)
{
	sd_bus *bus = service_bus(s);

	if (bus)
		sd_bus_emit_properties_changed(bus, BUS_PATH, INTERFACE,
					       "Health", NULL);
}

void manager_assay_finished(struct service *s, const char *assay,
			    const char *sample, const char *verdict,
			    uint64_t seq)
{
	sd_bus *bus = service_bus(s);
	int r;

	if (!bus)
		return;
	r = sd_bus_emit_signal(bus, BUS_PATH, INTERFACE, "AssayFinished",
			       "osst", assay, sample, verdict, seq);
	if (r < 0)
		log_warning("AssayFinished not sent: %s", strerror(-r));
}
