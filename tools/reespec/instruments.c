// SPDX-License-Identifier: GPL-2.0-or-later
/* The spectrometers and assays that the daemon's tree holds. */
#include "reespec/instruments.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "reespec/json_out.h"
#include "reespec/print.h"

/* A detector wants a hundred volts and more; one that is off shows a few. */
#define DARK_V 10

/* The bus counts microseconds; people and scripts are told a time. */
static void tell_time(json_t *spectrometer)
{
	uint64_t usec;

	if (js_get_u64(spectrometer, "UpdatedUsec", &usec) < 0)
		return;
	js_remove(spectrometer, "UpdatedUsec");
	js_set(spectrometer, "Updated", json_out_time(usec));
}

int instruments_list(struct client *c, const char *interface, json_t **ret)
{
	CLEANUP(js_freep) json_t *objects = NULL;
	json_t *list = js_array();
	const char *path;
	json_t *interfaces;
	int r;

	r = client_objects(c, &objects);
	if (r) {
		js_free(list);
		return r;
	}
	for (void *it = NULL; js_next(objects, &it, &path, &interfaces);) {
		json_t *properties = js_get(interfaces, interface);
		json_t *object;

		if (!properties)
			continue;
		object = js_object();
		js_set_str(object, "path", path);
		js_merge(object, properties);
		tell_time(object);
		js_append(list, object);
	}
	*ret = list;
	return REESPEC_OK;
}

bool instruments_is_over(json_t *assay)
{
	static const char *const ends[] = { "done", "cancelled", "interrupted",
					    "failed" };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!strcmp(js_text(assay, "State"), ends[i]))
			return true;
	return false;
}

void instruments_state_text(json_t *assay, char *text, size_t size)
{
	const double place = js_number(assay, "Position");

	if (place > 0)
		snprintf(text, size, "%s at place %.0f",
			 js_text(assay, "State"), place);
	else
		snprintf(text, size, "%s", js_text(assay, "State"));
}

bool instruments_is_dark(double hv_v)
{
	return isfinite(hv_v) && fabs(hv_v) < DARK_V;
}

/* No state and no fault says so, and it is seen by the first assay else. */
static void print_dark(FILE *out, json_t *list)
{
	for (size_t i = 0; i < js_len(list); i++) {
		json_t *s = js_at(list, i);
		const double hv = js_number(js_get(s, "Status"), "hv_v");
		char head[40];

		if (!instruments_is_dark(hv))
			continue;
		snprintf(head, sizeof(head), "%.32s: ", js_text(s, "Serial"));
		print_line(
			out, PRINT_BAD, head,
			"high voltage off, nothing is counted (" INSTRUMENTS_LIGHT
			")");
	}
}

void instruments_print(FILE *out, json_t *list)
{
	CLEANUP(table_freep) struct table *t = NULL;
	char temperature[16];

	if (js_len(list) == 0) {
		fputs("No spectrometer has been plugged in.\n", out);
		return;
	}
	if (table_new(&t, "llllrll") < 0)
		return;
	table_style(t, PRINT_BOLD);
	table_add_row(t, "serial", "model", "firmware", "state", "detector",
		      "port", "", NULL);
	for (size_t i = 0; i < js_len(list); i++) {
		json_t *s = js_at(list, i);
		double kelvin = NAN;
		bool is_simulated = false;

		js_get_real(js_get(s, "Status"), "detector_k", &kelvin);
		js_get_bool(s, "Simulated", &is_simulated);
		temperature[0] = 0;
		if (isfinite(kelvin))
			snprintf(temperature, sizeof(temperature), "%.1f K",
				 kelvin);
		table_add_row(t, js_text(s, "Serial"), js_text(s, "Model"),
			      js_text(s, "Firmware"), js_text(s, "State"),
			      temperature, js_text(s, "Port"),
			      is_simulated ? "simulated" : js_text(s, "Fault"),
			      NULL);
	}
	table_print(t, out);
	print_dark(out, list);
}

static int choose_serial(const struct args *args, json_t *list,
			 const char *serial, char *path, size_t size)
{
	for (size_t i = 0; i < js_len(list); i++) {
		json_t *s = js_at(list, i);

		if (strcmp(js_text(s, "Serial"), serial))
			continue;
		snprintf(path, size, "%s", js_text(s, "path"));
		return REESPEC_OK;
	}
	return fail(args, REESPEC_NOT_FOUND,
		    "no spectrometer %s (see reespec list)", serial);
}

/* Without the module no cable helps. */
static const char *absence_hint(void)
{
	if (!access("/sys/module/dp5", F_OK))
		return "reespec doctor says what the machine sees of it";
	return "kernel module dp5 is not loaded: modprobe dp5";
}

int instruments_choose(struct client *c, const struct args *args,
		       const char *serial, char *path, size_t size)
{
	CLEANUP(js_freep) json_t *list = NULL;
	json_t *only = NULL, *absent = NULL;
	size_t n = 0, n_absent = 0;
	int r;

	r = instruments_list(c, CLIENT_SPECTROMETER, &list);
	if (r)
		return r;
	if (serial)
		return choose_serial(args, list, serial, path, size);
	for (size_t i = 0; i < js_len(list); i++) {
		json_t *item = js_at(list, i);

		if (strcmp(js_text(item, "State"), "absent") != 0) {
			only = item;
			n++;
		} else {
			absent = item;
			n_absent++;
		}
	}
	/* Who queues waits for it, too. */
	if (n == 0 && n_absent == 1 && args_has(args, "queue")) {
		only = absent;
		n = 1;
	}
	if (n == 0)
		return fail(args, REESPEC_BUSY,
			    "no spectrometer is plugged in (%s)",
			    absence_hint());
	if (n > 1)
		return fail(
			args, REESPEC_USAGE,
			"%zu spectrometers are plugged in, say which by --device SERIAL",
			n);
	snprintf(path, size, "%s", js_text(only, "path"));
	return REESPEC_OK;
}
