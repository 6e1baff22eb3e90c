// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether methods can be used: what the assay reads of them, the instrument's
 * own configuration, which the assay does not read, and the seal of a
 * calibration. Every fault is told, so that a file is mended in one go.
 */
#include "reespec/method_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/config.h"
#include "reespec/json_out.h"
#include "reespec/measurement.h"

/* One that is looked at. */
struct checking {
	const struct args *args;
	const char *path;
	json_t *faults;
	int n_faults;
};

static void tell(struct checking *c, const char *file, int line,
		 const char *key, const char *why)
{
	char place[16] = "";

	c->n_faults++;
	js_append(c->faults, js_pack("{s:s, s:i, s:s, s:s}", "file", file,
				     "line", line, "key", key, "why", why));
	if (line)
		snprintf(place, sizeof(place), ":%d", line);
	fail(c->args, REESPEC_FAILED, "%s%s: %s%s%s", file, place, key,
	     *key ? ": " : "", why);
}

static void on_fault(void *userdata, const struct method_error *err)
{
	tell(userdata, err->file, err->line, err->key, err->why);
}

/* One command of the configuration by itself. */
static void check_command(struct checking *c, const char *text, size_t len,
			  int line)
{
	struct dp5_config_error error;
	struct dp5_config config;
	char why[400];

	if (dp5_config_parse(text, len, &config, &error) == 0)
		return;
	snprintf(why, sizeof(why), "%s: %s", error.command, error.why);
	tell(c, c->path, line, "config", why);
}

static void check_config(struct checking *c, const struct method *m)
{
	const char *text = m->acquisition.config;
	const int line = method_line_of(c->path, "config");
	const int n_before = c->n_faults;
	size_t len;

	for (const char *at = text; *at; at += len + strspn(at + len, " ")) {
		len = strcspn(at, ";");
		len += at[len] == ';';
		check_command(c, at, len, line);
	}
	/* Each may be right, and all of them not. */
	if (c->n_faults == n_before)
		check_command(c, text, strlen(text), line);
}

static int check_one(const struct args *args, const char *name, json_t *all)
{
	struct checking c = { .args = args, .faults = js_array() };
	CLEANUP(method_freep) struct method *m = NULL;
	char path[4096], why[1024];
	int r;

	r = measurement_find_method(args, name, path, sizeof(path));
	if (r) {
		js_free(c.faults);
		return r;
	}
	c.path = path;
	r = method_check(path, on_fault, &c, &m);
	for (const struct method *part = m; part; part = part->beside)
		check_config(&c, part);
	if (m && measurement_open_calibration(path, m, why, sizeof(why)) < 0)
		tell(&c, path, 0, "calibration", why);
	if (!c.n_faults && !args->is_json)
		printf("%s: good, %s, %zu elements\n", name, m->name,
		       m->n_elements);
	js_append(all,
		  js_pack("{s:s, s:s, s:b, s:o}", "method", name, "file", path,
			  "good", c.n_faults == 0, "faults", c.faults));
	if (!c.n_faults)
		return REESPEC_OK;
	if (r == -ENOENT)
		return REESPEC_NOT_FOUND;
	return c.n_faults == 1 ? REESPEC_FAILED
			       : fail(args, REESPEC_FAILED, "%s: %d faults",
				      path, c.n_faults);
}

int method_check_all(const struct args *args)
{
	json_t *all = js_array();
	int one, r = REESPEC_OK;

	for (unsigned int i = 1; i < args->n_operands; i++) {
		one = check_one(args, args->operands[i], all);
		r = one ? one : r;
	}
	if (args->is_json) {
		one = json_out(args, "reespec-method-check/1",
			       js_pack("{s:o}", "methods", all));
		return r ? r : one;
	}
	js_free(all);
	return r;
}
