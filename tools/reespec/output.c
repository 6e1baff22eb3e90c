// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a command's text goes: stdout, or a file made whole or not at all. */
#include "reespec/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *output_cure(int error)
{
	switch (error) {
	case ENOENT:
		return " (make its folder first)";
	case EACCES:
	case EPERM:
	case EROFS:
		return " (choose a folder that you may write to)";
	case ENOSPC:
	case EDQUOT:
		return " (make room there)";
	}
	return "";
}

int output_failed(const struct args *args, const char *path, int error)
{
	return fail(args, REESPEC_FAILED, "cannot write %s: %s%s", path,
		    strerror(error), output_cure(error));
}

static void take_folder(const char *path, char *ret, size_t size)
{
	const char *slash = strrchr(path, '/');

	snprintf(ret, size, "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
}

int output_check(const struct args *args, const char *path)
{
	char folder[4096];

	take_folder(path, folder, sizeof(folder));
	return access(folder, W_OK | X_OK) < 0
		       ? output_failed(args, path, errno)
		       : REESPEC_OK;
}

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
			return output_failed(args, path, errno);
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
		return output_failed(args, path, errno);
	}
	o->path = path;
	return REESPEC_OK;
}

/* So that the new name is there after a power cut, too. */
static int sync_folder(const char *path)
{
	char folder[4096];
	int fd, r;

	take_folder(path, folder, sizeof(folder));
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
		return output_failed(args, o->path, errno);
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
