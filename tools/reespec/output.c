// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a command's text goes: stdout, or a file made whole or not at all. */
#include "reespec/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int output_open(struct output *o, const struct args *args, const char *path)
{
	struct stat st;
	int n;

	memset(o, 0, sizeof(*o));
	if (!path || !strcmp(path, "-")) {
		o->file = stdout;
		return REESPEC_OK;
	}
	/* What is no plain file stays what it is. */
	if (!lstat(path, &st) && !S_ISREG(st.st_mode)) {
		o->file = fopen(path, "we");
		if (!o->file)
			return fail(args, REESPEC_FAILED, "cannot write %s: %s",
				    path, strerror(errno));
		o->path = path;
		return REESPEC_OK;
	}
	n = snprintf(o->temp, sizeof(o->temp), "%s.part", path);
	if (n >= (int)sizeof(o->temp))
		return fail(args, REESPEC_USAGE, "%s: %s", path,
			    strerror(ENAMETOOLONG));
	o->file = fopen(o->temp, "we");
	if (!o->file) {
		o->temp[0] = 0;
		return fail(args, REESPEC_FAILED, "cannot write %s: %s", path,
			    strerror(errno));
	}
	o->path = path;
	return REESPEC_OK;
}

/* So that the new name is there after a power cut, too. */
static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[4096];
	int fd, r;

	snprintf(folder, sizeof(folder), "%.*s",
		 slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	r = fsync(fd);
	close(fd);
	return r;
}

int output_commit(struct output *o, const struct args *args)
{
	FILE *file = o->file;

	if (!o->path)
		return REESPEC_OK;
	if (fflush(file) || ferror(file) ||
	    (o->temp[0] &&
	     (fsync(fileno(file)) < 0 || rename(o->temp, o->path) < 0 ||
	      sync_folder(o->path) < 0)))
		return fail(args, REESPEC_FAILED, "cannot write %s: %s",
			    o->path, strerror(errno));
	o->temp[0] = 0;
	return REESPEC_OK;
}

void output_deinit(struct output *o)
{
	if (o->file && o->file != stdout)
		fclose(o->file);
	if (o->temp[0])
		unlink(o->temp);
}
