// SPDX-License-Identifier: GPL-2.0-or-later
/* What a bus test asks the daemon, and what it is told. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char rig_path[128];
char rig_message[512];

const char *rig_text(struct rig *r, const char *path, const char *interface,
		     const char *property)
{
	static char text[65536];
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *value;

	text[0] = '\0';
	if (sd_bus_get_property(r->bus, "org.reespec1", path, interface,
				property, NULL, &m, "s") >= 0 &&
	    sd_bus_message_read(m, "s", &value) >= 0)
		snprintf(text, sizeof(text), "%s", value);
	return text;
}

uint64_t rig_last(struct rig *r)
{
	uint64_t last = 0;

	sd_bus_get_property_trivial(r->bus, "org.reespec1", RIG_ROOT,
				    "org.reespec1.Ledger", "Last", NULL, 't',
				    &last);
	return last;
}

static const char *take_error(sd_bus_error *error, int e)
{
	static char name[128];

	name[0] = '\0';
	rig_message[0] = '\0';
	if (e < 0) {
		snprintf(name, sizeof(name), "%s",
			 error->name ? error->name : strerror(-e));
		snprintf(rig_message, sizeof(rig_message), "%s",
			 error->message ? error->message : "");
	}
	sd_bus_error_free(error);
	return name;
}

/* "name", "name:1.5" or "name=text". */
static void append_option(sd_bus_message *m, const char *option)
{
	const size_t len = strcspn(option, "=:@");
	char name[128];

	snprintf(name, sizeof(name), "%.*s", (int)len, option);
	if (option[len] == '=')
		sd_bus_message_append(m, "{sv}", name, "s", option + len + 1);
	else if (option[len] == ':')
		sd_bus_message_append(m, "{sv}", name, "d",
				      atof(option + len + 1));
	else
		sd_bus_message_append(m, "{sv}", name, "b", 1);
}

static void append_keys(sd_bus_message *m, const char *const *keys, size_t n)
{
	sd_bus_message_open_container(m, 'e', "sv");
	sd_bus_message_append(m, "s", "keys");
	sd_bus_message_open_container(m, 'v', "a{ss}");
	sd_bus_message_open_container(m, 'a', "{ss}");
	for (size_t i = 0; i < n; i++) {
		const size_t len = strcspn(keys[i], "=");
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)len, keys[i]);
		sd_bus_message_append(m, "{ss}", name, keys[i] + len + 1);
	}
	sd_bus_message_close_container(m);
	sd_bus_message_close_container(m);
	sd_bus_message_close_container(m);
}

const char *rig_measure(struct rig *r, const char *sample, const char *method,
			double live_s, ...)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	const char *keys[32];
	size_t n_keys = 0;
	const char *option;
	const char *path;
	va_list args;
	int e;

	rig_path[0] = '\0';
	sd_bus_message_new_method_call(r->bus, &m, "org.reespec1",
				       RIG_SPECTROMETER,
				       "org.reespec1.Spectrometer", "Measure");
	sd_bus_message_append(m, "s", sample);
	sd_bus_message_open_container(m, 'a', "{sv}");
	if (method)
		sd_bus_message_append(m, "{sv}", "method", "s", method);
	if (live_s > 0)
		sd_bus_message_append(m, "{sv}", "live", "d", live_s);
	va_start(args, live_s);
	while ((option = va_arg(args, const char *)))
		if (!strncmp(option, "key@", 4))
			keys[n_keys++] = option + 4;
		else
			append_option(m, option);
	va_end(args);
	if (n_keys)
		append_keys(m, keys, n_keys);
	sd_bus_message_close_container(m);
	e = sd_bus_call(r->bus, m, 0, &error, &reply);
	if (e >= 0) {
		sd_bus_message_read(reply, "o", &path);
		snprintf(rig_path, sizeof(rig_path), "%s", path);
	}
	return take_error(&error, e);
}

const char *rig_call(struct rig *r, const char *path, const char *interface,
		     const char *member, const char *types, ...)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	va_list args;
	int e;

	va_start(args, types);
	e = sd_bus_call_methodv(r->bus, "org.reespec1", path, interface, member,
				&error, NULL, types, args);
	va_end(args);
	return take_error(&error, e);
}

json_t *rig_record(struct rig *r, uint64_t seq, char *ret_hash, char *ret_sig,
		   size_t *ret_n_counts)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *body, *prev, *hash, *sig;
	const void *counts;
	json_t *json = NULL;
	size_t len = 0;

	if (sd_bus_call_method(r->bus, "org.reespec1", RIG_ROOT,
			       "org.reespec1.Ledger", "Get", NULL, &m, "t",
			       seq) < 0 ||
	    sd_bus_message_read(m, "ssss", &body, &prev, &hash, &sig) < 0 ||
	    sd_bus_message_read_array(m, 'u', &counts, &len) < 0)
		return NULL;
	if (ret_hash)
		strcpy(ret_hash, hash);
	if (ret_sig)
		strcpy(ret_sig, sig);
	if (ret_n_counts)
		*ret_n_counts = len / 4;
	js_parse(body, strlen(body), &json, NULL);
	return json;
}

json_t *rig_order(struct rig *r)
{
	return rig_record(r, strtoull(strrchr(rig_path, '/') + 1, NULL, 10),
			  NULL, NULL, NULL);
}

bool rig_verifies(struct rig *r)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *why = "no answer";
	uint64_t bad = 1;

	if (sd_bus_call_method(r->bus, "org.reespec1", RIG_ROOT,
			       "org.reespec1.Ledger", "Verify", NULL, &m,
			       "") >= 0)
		sd_bus_message_read(m, "ts", &bad, &why);
	if (bad)
		printf("# record %llu: %s\n", (unsigned long long)bad, why);
	return bad == 0;
}

const char *rig_as_nobody(struct rig *r, const char *call)
{
	static char said[1024];
	char command[1024];
	size_t n;
	FILE *f;

	snprintf(command, sizeof(command),
		 "chmod 711 %s; setpriv --reuid 65534 --regid 65534 "
		 "--clear-groups busctl --address=%s call org.reespec1 %s 2>&1",
		 r->dir, r->address, call);
	f = popen(command, "r");
	if (!f)
		return "";
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	pclose(f);
	return said;
}

bool rig_result_says(struct rig *r, const char *state, const char *why)
{
	CLEANUP(js_freep)
	json_t *body = rig_record(r, r->result, NULL, NULL, NULL);

	if (!strcmp(js_text(body, "state"), state) &&
	    strstr(js_text(body, "why"), why))
		return true;
	printf("# %s: %s\n", js_text(body, "state"), js_text(body, "why"));
	return false;
}
