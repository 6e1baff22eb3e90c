// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds, reads and identifies a method file. */
#include "bus/methods.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SUFFIX ".ini"
#define FILE_MAX (1024 * 1024)

/* A name is a file's, so it must not lead anywhere else. */
static bool name_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	const size_t len = strlen(name);

	return len > 0 && len < 64 && name[0] != '.' &&
	       strspn(name, letters) == len;
}

static void list_dir(const char *path, struct buf *why)
{
	struct dirent *entry;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		const size_t len = strlen(entry->d_name);

		if (len > strlen(SUFFIX) &&
		    !strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX))
			buf_printf(why, " %.*s", (int)(len - strlen(SUFFIX)),
				   entry->d_name);
	}
	closedir(dir);
}

static int unknown(const char *const *dirs, const char *name, struct buf *why)
{
	size_t len;

	buf_printf(why, "no method `%.64s`; there are:", name);
	len = why->len;
	for (; *dirs; dirs++)
		list_dir(*dirs, why);
	if (why->len == len)
		buf_append_str(why, " none");
	return -ENOENT;
}

static int read_entry(const char *path, struct methods_entry *e,
		      struct buf *why)
{
	CLEANUP(buf_deinit) struct buf file = { 0 };
	struct dp5_config_error config_err;
	struct method_error err = { 0 };
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
	const char *const *dir;
	char path[512];
	int r;

	if (!name_valid(name))
		return unknown(dirs, name, why);
	for (dir = dirs; *dir; dir++) {
		snprintf(path, sizeof(path), "%s/%s" SUFFIX, *dir, name);
		if (access(path, F_OK) == 0)
			break;
	}
	if (!*dir)
		return unknown(dirs, name, why);

	r = read_entry(path, &e, why);
	if (r < 0) {
		methods_entry_deinit(&e);
		return r;
	}
	*ret = e;
	return 0;
}

void methods_entry_deinit(struct methods_entry *e)
{
	e->method = method_free(e->method);
}
