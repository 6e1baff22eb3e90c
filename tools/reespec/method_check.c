// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whether methods can be used: what the assay reads of them, the instrument's
 * own configuration, which the assay does not read, and the seal of a
 * calibration. Every fault is told, so that a file is mended in one go.
 */
#include "reespec/method_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/config.h"
#include "reespec/json_out.h"
#include "reespec/measurement.h"

struct fault {
	struct method_error at;
	char why[1024];
	bool is_beside; /* in a table, not in the method's own file */
	int number; /* in which order it was found */
};

/* One that is looked at. */
struct checking {
	const struct args *args;
	const char *path;
	struct fault *fault;
	int n_faults;
};

static void add_fault(struct checking *c, const struct method_error *at,
		      const char *why)
{
	struct fault *more =
		reallocarray(c->fault, (size_t)c->n_faults + 1, sizeof(*more));

	if (!more) {
		fail(c->args, REESPEC_FAILED, "out of memory");
		return;
	}
	c->fault = more;
	more[c->n_faults] = (struct fault){
		.at = *at,
		.is_beside = strncmp(at->file, c->path, sizeof(at->file) - 1),
		.number = c->n_faults,
	};
	snprintf(more[c->n_faults].why, sizeof(more->why), "%s", why);
	c->n_faults++;
}

static void tell(struct checking *c, int line, const char *key, const char *why)
{
	struct method_error at = { .line = line };

	snprintf(at.file, sizeof(at.file), "%s", c->path);
	snprintf(at.key, sizeof(at.key), "%s", key);
	add_fault(c, &at, why);
}

static void on_fault(void *userdata, const struct method_error *err)
{
	add_fault(userdata, err, err->why);
}

/* As one goes through the file, what has no line (0) behind the lines; then the
 * tables beside it, each as it was read. */
static int by_place(const void *a, const void *b)
{
	const struct fault *x = a, *y = b;
	const unsigned int line = (unsigned int)x->at.line - 1;
	const unsigned int other = (unsigned int)y->at.line - 1;

	if (x->is_beside != y->is_beside)
		return x->is_beside - y->is_beside;
	if (!x->is_beside && line != other)
		return line > other ? 1 : -1;
	return x->number - y->number;
}

static void print_fault(const struct checking *c, const struct fault *f,
			json_t *list)
{
	char place[16] = "";

	js_append(list,
		  js_pack("{s:s, s:i, s:s, s:s}", "file", f->at.file, "line",
			  f->at.line, "key", f->at.key, "why", f->why));
	if (f->at.line)
		snprintf(place, sizeof(place), ":%d", f->at.line);
	fail(c->args, REESPEC_FAILED, "%s%s: %s%s%s", f->at.file, place,
	     f->at.key, *f->at.key ? ": " : "", f->why);
}

static json_t *print_faults(struct checking *c)
{
	json_t *list = js_array();

	if (c->n_faults)
		qsort(c->fault, (size_t)c->n_faults, sizeof(*c->fault),
		      by_place);
	for (int i = 0; i < c->n_faults; i++)
		print_fault(c, &c->fault[i], list);
	return list;
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
	tell(c, line, "config", why);
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
	struct checking c = { .args = args };
	CLEANUP(method_freep) struct method *m = NULL;
	char path[4096], why[1024];
	json_t *faults;
	int r;

	r = measurement_find_method(args, name, path, sizeof(path));
	if (r)
		return r;
	c.path = path;
	r = method_check(path, on_fault, &c, &m);
	for (const struct method *part = m; part; part = part->beside)
		check_config(&c, part);
	if (m && measurement_open_calibration(path, m, why, sizeof(why)) < 0)
		tell(&c, 0, "calibration", why);
	faults = print_faults(&c);
	free(c.fault);
	if (m && !c.n_faults && !args->is_json)
		printf("%s: good, %s, %zu elements\n", name, m->name,
		       m->n_elements);
	js_append(all,
		  js_pack("{s:s, s:s, s:b, s:o}", "method", name, "file", path,
			  "good", c.n_faults == 0, "faults", faults));
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
