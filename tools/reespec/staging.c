// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A folder that is new gets its name when it is whole. One that is there keeps
 * what else is in it, and its files change their names one after the other, of
 * which each is whole.
 */
#include "reespec/staging.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reespec/output.h"

static int fail_errno(const struct staging *s, const char *what,
		      const char *path)
{
	return fail(s->args, REESPEC_FAILED, "cannot %s %s: %s%s", what, path,
		    strerror(errno), output_cure(errno));
}

static void remove_all(const struct staging *s)
{
	char path[2 * PATH_MAX];
	const char *name;
	json_t *value;

	for (void *it = NULL; js_next(s->names, &it, &name, &value);) {
		snprintf(path, sizeof(path), "%s/%s", s->stage, name);
		unlink(path);
	}
	rmdir(s->stage);
}

int staging_open(struct staging *s, const struct args *args, const char *folder)
{
	size_t len = strlen(folder);
	struct stat st;

	while (len > 1 && folder[len - 1] == '/')
		len--;
	*s = (struct staging){ .args = args, .folder = folder };
	s->is_new = stat(folder, &st) < 0;
	if (!s->is_new && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return fail_errno(s, "write to", folder);
	}
	if (snprintf(s->stage, sizeof(s->stage), "%.*s%s", (int)len, folder,
		     s->is_new ? ".part" : "/.part") >= (int)sizeof(s->stage))
		return fail(args, REESPEC_USAGE, "%s: %s", folder,
			    strerror(ENAMETOOLONG));
	/* What a kill has left there is written over. */
	if (mkdir(s->stage, 0777) < 0 && errno != EEXIST) {
		s->stage[0] = '\0';
		return fail_errno(s, "make", folder);
	}
	s->names = js_object();
	return s->names ? REESPEC_OK
			: fail(args, REESPEC_FAILED, "out of memory");
}

int staging_path(struct staging *s, const char *name, uint64_t seq, char *ret,
		 size_t size)
{
	uint64_t other = 0;

	if (js_get_u64(s->names, name, &other) == 0)
		return fail(
			s->args, REESPEC_USAGE,
			"records %" PRIu64 " and %" PRIu64
			" would both be %s, and nothing was written: put {seq} into --name",
			other, seq, name);
	if (js_set_u64(s->names, name, seq) < 0)
		return fail(s->args, REESPEC_FAILED, "out of memory");
	if (snprintf(ret, size, "%s/%s", s->stage, name) >= (int)size)
		return fail(s->args, REESPEC_USAGE, "%s: %s", s->folder,
			    strerror(ENAMETOOLONG));
	return REESPEC_OK;
}

static int move_all(struct staging *s)
{
	char from[2 * PATH_MAX], to[2 * PATH_MAX];
	const char *name;
	json_t *value;

	for (void *it = NULL; js_next(s->names, &it, &name, &value);) {
		snprintf(from, sizeof(from), "%s/%s", s->stage, name);
		snprintf(to, sizeof(to), "%s/%s", s->folder, name);
		if (rename(from, to) < 0)
			return fail_errno(s, "write", to);
	}
	rmdir(s->stage);
	return REESPEC_OK;
}

int staging_commit(struct staging *s)
{
	int r = REESPEC_OK;

	if (!s->is_new)
		r = move_all(s);
	else if (rename(s->stage, s->folder) < 0)
		r = fail_errno(s, "make", s->folder);
	if (!r)
		s->stage[0] = '\0';
	return r;
}

void staging_deinit(struct staging *s)
{
	if (s->stage[0])
		remove_all(s);
	js_free(s->names);
}
