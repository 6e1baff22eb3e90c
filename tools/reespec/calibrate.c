// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec calibrate: sensitivity factors from standards; the energy scale. */
#include "reespec/command.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "assay/calib_file.h"
#include "ledger/seal.h"
#include "reespec/energy.h"
#include "reespec/json_out.h"
#include "reespec/measurement.h"
#include "reespec/output.h"
#include "reespec/print.h"
#include "reespec/standards.h"

static const struct option_desc options[] = {
	{ "method", 'm', "METHOD",
	  "method that it is for, by name or file (required)" },
	{ "output", 'o', "FILE", "the calibration to write" },
	{ "sign", 0, "FILE", "private key to sign with; made when not there" },
	{ "energy", 'e', NULL, "check the energy scale instead" },
	{ "sample", 0, "SAMPLE", "measure this one for the check" },
	{ "live", 0, "SECONDS", "count it for this live time" },
	{ "device", 'd', "SERIAL", "spectrometer, when there are several" },
	{ "wait", 'w', NULL, "wait until the detector is cold" },
	{ "progress", 0, "bar|lines|none", "default: bar on a terminal" },
	{ NULL, 0, NULL, NULL },
};

/* ---- the file ------------------------------------------------------------- */

/* The key in a file of its own, or a new one, or none yet. */
static int take_key(const struct args *args, const char *path, bool may_make,
		    struct chain_key **ret)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(closep) int dir_fd = -1;
	const char *name = slash ? slash + 1 : path;
	char folder[4096];
	int r;

	snprintf(folder, sizeof(folder), "%.*s",
		 slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return fail(args, REESPEC_FAILED, "%s: %s", folder,
			    strerror(errno));
	r = chain_key_load(dir_fd, name, ret);
	if (r == -ENOENT && !may_make)
		return REESPEC_OK;
	if (r == -ENOENT)
		r = chain_key_create(dir_fd, name, ret);
	if (r == -EPERM)
		return fail(args, REESPEC_FAILED,
			    "%s must be its owner's alone: chmod 600 %s", path,
			    path);
	if (r == -EBADMSG)
		return fail(
			args, REESPEC_FAILED,
			"%s holds no key: name a file that is not there, and one is made",
			path);
	if (r < 0)
		return fail(args, REESPEC_FAILED, "%s: %s", path, strerror(-r));
	return REESPEC_OK;
}

static int make_text(const struct args *args, const struct calib *c,
		     const struct standards *s, const struct chain_key *key,
		     struct buf *ret)
{
	time_t now = time(NULL);
	char made[32];
	struct tm tm;
	int r;

	gmtime_r(&now, &tm);
	strftime(made, sizeof(made), "%Y-%m-%dT%H:%M:%SZ", &tm);
	r = calib_file_write(c, s->standard, s->n, made, ret);
	if (r == 0)
		r = seal_append(ret, key);
	if (r < 0)
		return fail(args, REESPEC_FAILED, "%s", strerror(-r));
	return REESPEC_OK;
}

static int write_file(const struct args *args, const char *path,
		      const struct buf *text)
{
	CLEANUP(output_deinit) struct output o;
	int r = output_open(&o, args, path);

	if (r)
		return r;
	fwrite(text->data, 1, text->len, o.file);
	return output_commit(&o, args);
}

/* ---- what is said --------------------------------------------------------- */

static void add_percent(struct table *t, double part)
{
	char text[32];

	snprintf(text, sizeof(text), "%.2f", 100 * part);
	table_add(t, text);
}

static int print_factors(const struct args *args, const struct calib *c)
{
	CLEANUP(table_freep) struct table *t = NULL;
	size_t n_physics = 0;
	char text[32];

	if (table_new(&t, "llrrrl") < 0)
		return fail(args, REESPEC_FAILED, "out of memory");
	table_style(t, PRINT_BOLD);
	table_add_row(t, "element", "line", "k meas/calc", PRINT_PM(" %"),
		      "standards", "from", NULL);
	for (size_t i = 0; i < c->n; i++) {
		const struct method_element *e = &c->m->element[i];
		const char *from = calib_source(c, i);

		if (e->is_air)
			continue;
		if (!strcmp(from, "physics")) {
			n_physics++;
			continue;
		}
		table_add(t, e->symbol);
		table_add(t, e->line);
		snprintf(text, sizeof(text), "%.4f", c->k[i]);
		table_add(t, text);
		add_percent(t, sqrt(fmax(0, c->cov[i * c->n + i])) / c->k[i]);
		snprintf(text, sizeof(text), "%d", c->n_seen[i]);
		table_add(t, text);
		table_add(t, from);
	}
	table_print(t, stdout);
	if (n_physics)
		printf("%zu element%s no standard near: the physics alone.\n",
		       n_physics, n_physics == 1 ? " has" : "s have");
	return REESPEC_OK;
}

static int print_left_out(const struct args *args, const struct calib *c,
			  const struct standards *s)
{
	CLEANUP(table_freep) struct table *t = NULL;
	struct content_cells cells;

	if (!c->n_left_out)
		return REESPEC_OK;
	if (table_new(&t, "lldlrrr") < 0)
		return fail(args, REESPEC_FAILED, "out of memory");
	table_style(t, PRINT_BOLD);
	table_add_row(t, "left out", "element", "stated", "unit", "error %",
		      PRINT_PM(" %"), "sigmas", NULL);
	for (size_t i = 0; i < c->n_left_out; i++) {
		const struct calib_left_out *l = &c->left_out[i];

		table_add(t, s->standard[l->standard].name);
		table_add(t, c->m->element[l->element].symbol);
		print_content(&cells, 1e6 * l->content,
			      1e6 * s->standard[l->standard].u[l->element], NAN,
			      NAN);
		table_add(t, cells.value.text);
		table_add(t, cells.unit);
		table_add(t, print_signed(100 * l->error, 2).text);
		add_percent(t, l->u);
		table_add(t, print_signed(l->error / l->u, 1).text);
	}
	putchar('\n');
	table_print(t, stdout);
	printf("root mean square of what was left out: %.2f %%\n",
	       100 * c->rms);
	return REESPEC_OK;
}

static int print_all(const struct args *args, const struct calib *c,
		     const struct standards *s)
{
	int r = print_factors(args, c);

	if (!r)
		r = print_left_out(args, c, s);
	if (!r && c->widened > 1)
		printf("The physics was given %.1f times its stated sigma: the standards ask for it.\n",
		       c->widened);
	return r;
}

static json_t *left_out_json(const struct calib *c, const struct standards *s)
{
	json_t *list = js_array();

	for (size_t i = 0; i < c->n_left_out; i++) {
		const struct calib_left_out *l = &c->left_out[i];

		js_append(list, js_pack("{s:s, s:s, s:f, s:f, s:f}", "standard",
					s->standard[l->standard].name, "symbol",
					c->m->element[l->element].symbol,
					"content_mg_kg", 1e6 * l->content,
					"error", l->error, "u", l->u));
	}
	return list;
}

static int print_json(const struct args *args, const struct calib *c,
		      const struct standards *s, const struct seal *seal)
{
	return json_out(args, "reespec-calibrate/1",
			js_pack("{s:s, s:s, s:s, s:f, s:f, s:o, s:o, s:o}",
				"method", c->m->name, "sha256", seal->sha256,
				"key", seal->key, "widened", c->widened,
				"condition", c->condition, "rms_left_out",
				js_real(c->rms), "factors",
				calib_file_factors(c), "left_out",
				left_out_json(c, s)));
}

/* ---- the command ---------------------------------------------------------- */

static int solve(const struct args *args, const struct standards *s,
		 struct calib *ret)
{
	enum calib_fault fault;

	if (calib_solve(s->m, s->standard, s->n, s->standardless, ret, &fault) <
	    0)
		return fail(args, REESPEC_FAILED, "out of memory");
	if (fault == CALIB_COLLINEAR)
		return fail(args, REESPEC_FAILED,
			    "%s: %s: %s (condition index %.3g, at most 30)",
			    s->path, ret->elements, calib_fault_text(fault),
			    ret->condition);
	if (fault != CALIB_SOLVED)
		return fail(args, REESPEC_FAILED, "%s: %s", s->path,
			    calib_fault_text(fault));
	return REESPEC_OK;
}

static int tell(const struct args *args, const struct calib *c,
		const struct standards *s, const struct buf *text)
{
	const char *path = args_get(args, "output"), *why;
	char fingerprint[CHAIN_FINGERPRINT_SIZE];
	struct seal seal;
	int r;

	if (seal_open(text->data, text->len, "", &seal, &why) < 0)
		return fail(args, REESPEC_FAILED, "%s", why);
	if (args->is_json)
		return print_json(args, c, s, &seal);
	r = print_all(args, c, s);
	if (!r && path)
		printf("\nfile     %s\nsha256   %s\n", path, seal.sha256);
	if (!r && *seal.key && chain_fingerprint(seal.key, fingerprint) == 0)
		printf("key      %s\n         %s\n", seal.key, fingerprint);
	return r;
}

static int run_with(const struct args *args, struct method *m)
{
	CLEANUP(assay_engine_freep) struct assay_engine *engine = NULL;
	CLEANUP(standards_freep) struct standards *s = NULL;
	CLEANUP(chain_key_freep) struct chain_key *key = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	CLEANUP(calib_deinit) struct calib c = { 0 };
	const char *sign = args_get(args, "sign");
	const char *path = args_get(args, "output");
	int r = standards_load(args, args->operands[0], m, &s);

	/* One that is no good is told at once, a new one made at last. */
	if (!r && sign)
		r = take_key(args, sign, false, &key);
	if (r)
		return r;
	r = assay_engine_new(m, &engine);
	if (r < 0)
		return fail(args, REESPEC_FAILED, "%s", assay_engine_error(r));
	r = standards_measure(args, engine, s);
	if (!r)
		r = solve(args, s, &c);
	if (!r && sign && !key)
		r = take_key(args, sign, true, &key);
	if (!r)
		r = make_text(args, &c, s, key, &text);
	if (!r && path)
		r = write_file(args, path, &text);
	return r ? r : tell(args, &c, s, &text);
}

static int run(const struct args *args)
{
	CLEANUP(method_freep) struct method *m = NULL;
	static const char *const of_energy[] = { "sample", "live", "device",
						 "wait", "progress" };
	const char *name = args_get(args, "method");
	int r;

	if (args_has(args, "energy"))
		return energy_check(args);
	for (size_t i = 0; i < ARRAY_SIZE(of_energy); i++)
		if (args_has(args, of_energy[i]))
			return fail(args, REESPEC_USAGE, "--%s is for --energy",
				    of_energy[i]);
	if (!args->n_operands)
		return fail(
			args, REESPEC_USAGE,
			"no list is named (usage: reespec calibrate [OPTION...] LIST)");
	r = args_require(args, "method");
	if (r)
		return r;
	if (args_has(args, "sign") && !args_has(args, "output"))
		return fail(args, REESPEC_USAGE, "--sign is for --output FILE");
	r = measurement_method(args, name, &m);
	if (r)
		return r;
	if (*m->calibration.file)
		return fail(
			args, REESPEC_FAILED,
			"%s names a calibration itself; calibrate the method without it",
			m->name);
	return run_with(args, m);
}

const struct command command_calibrate = {
	.name = "calibrate",
	.operands = "[LIST|SEQ|FILE]",
	.summary = "sensitivity from standards; check of the energy scale",
	.text = "Fits the spectra of standards of known composition and prints for each\n"
		"element the factor of measured over calculated intensity, and what each\n"
		"standard would have been found to hold by the factors of all others. LIST is\n"
		"an INI file with a section for each standard. A method that names the FILE\n"
		"written, in its own folder, as [model] calibration applies the factors. It\n"
		"needs no daemon.\n"
		"With --energy it tells where strong lines stand in record SEQ, in FILE, or in\n"
		"SAMPLE, which is measured for it; whether gain and offset are within what the\n"
		"method allows; and how they and the rate have drifted since the first result\n"
		"of that sample. Exit status 6 when the scale has moved too far or is bent.",
	.n_max = 1,
	.options = options,
	.run = run,
};
