// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds, reads and identifies a method file. */
#include "bus/methods.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "assay/method_files.h"
#include "base/text.h"
#include "bus/errors.h"
#include "ledger/seal.h"

#define FILE_MAX (1024 * 1024)

static int unknown(const char *const *dirs, const char *name, struct buf *why)
{
	char shown[65];

	buf_printf(why, "no method `%s`; there are: ",
		   text_show(shown, sizeof(shown), name));
	method_files_text(dirs, why);
	return -ENOENT;
}

static int read_entry(const char *path, struct methods_entry *e,
		      struct buf *why)
{
	CLEANUP(buf_deinit) struct buf file = { 0 };
	struct dp5_config_error config_err;
	struct method_error err = { 0 };
	const char *sealed = "";
	const char *text;
	int r;

	r = buf_read_file(&file, path, FILE_MAX);
	if (r < 0) {
		buf_printf(why, "%s: %s", path, strerror(-r));
		return -EINVAL;
	}
	chain_sha256(file.data, file.len, e->sha256);

	r = method_load(path, &e->method, &err);
	if (r < 0) {
		buf_printf(why, "%s:%d: %s: %s", err.file[0] ? err.file : path,
			   err.line, err.key, err.why);
		return r == -ENOMEM ? r : -EINVAL;
	}
	if (e->method->beside) {
		buf_printf(
			why,
			"%s:%d: join: an instrument measures by one method: by %s two spectra are analyzed, not measured",
			path, method_line_of(path, "join"), e->method->name);
		return -EINVAL;
	}
	if (seal_open_calibration(e->method, &sealed) < 0) {
		buf_printf(why, "%s: calibration %s: %s", path,
			   e->method->calibration.file, sealed);
		return -EINVAL;
	}
	text = e->method->acquisition.config;
	r = dp5_config_parse(text, strlen(text), &e->config, &config_err);
	if (r < 0) {
		buf_printf(why, "%s: [acquisition] config: %s: %s", path,
			   config_err.command, config_err.why);
		return -EINVAL;
	}
	return 0;
}

int methods_load(const char *const *dirs, const char *name,
		 struct methods_entry *ret, struct buf *why)
{
	struct methods_entry e = { 0 };
	char path[512];
	int r;

	if (method_files_find(dirs, name, path, sizeof(path)) < 0)
		return unknown(dirs, name, why);

	r = read_entry(path, &e, why);
	if (r < 0) {
		methods_entry_deinit(&e);
		return r;
	}
	*ret = e;
	return 0;
}

int methods_load_named(const char *const *dirs, const char *name,
		       struct methods_entry *ret, sd_bus_error *error)
{
	CLEANUP(buf_deinit) struct buf why = { 0 };
	int r;

	r = methods_load(dirs, name, ret, &why);
	if (r != -ENOENT && r != -EINVAL)
		return r;
	return sd_bus_error_set(error,
				r == -ENOENT ? ERROR_UNKNOWN_METHOD
					     : ERROR_BAD_METHOD,
				why.data ? why.data : "");
}

json_t *methods_json(const char *name, const struct methods_entry *e)
{
	return js_pack("{s:s, s:s}", "name", name, "sha256", e->sha256);
}

void methods_entry_deinit(struct methods_entry *e)
{
	e->method = method_free(e->method);
}
