// SPDX-License-Identifier: GPL-2.0-or-later
/* Where method files lie, what they are called, where in one a key stands. */
#include "assay/method_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assay/method.h"
#include "base/buf.h"

#define SUFFIX ".ini"
#define METHOD_FILE_MAX (1024 * 1024)

/* A name is a file's, so it must not lead anywhere else. */
static bool is_name(const char *name, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	return len > 0 && len < 64 && name[0] != '.' &&
	       strspn(name, letters) >= len;
}

bool method_files_is_name(const char *name)
{
	return is_name(name, strlen(name));
}

int method_files_find(const char *const *dirs, const char *name, char *path,
		      size_t size)
{
	if (!method_files_is_name(name))
		return -ENOENT;
	for (; *dirs; dirs++) {
		if ((size_t)snprintf(path, size, "%s/%s" SUFFIX, *dirs, name) <
			    size &&
		    access(path, F_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

static int add_name(char ***names, int *n, const char *name, size_t len)
{
	char **more;

	for (int i = 0; i < *n; i++)
		if (strlen((*names)[i]) == len &&
		    !memcmp((*names)[i], name, len))
			return 0;
	more = reallocarray(*names, *n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	*names = more;
	more[*n] = strndup(name, len);
	if (!more[*n])
		return -ENOMEM;
	(*n)++;
	return 0;
}

static int list_dir(const char *path, char ***names, int *n)
{
	struct dirent *entry;
	DIR *dir = opendir(path);
	int r = 0;

	while (r == 0 && dir && (entry = readdir(dir))) {
		const size_t len = strlen(entry->d_name);
		const size_t tail = strlen(SUFFIX);

		if (len > tail && is_name(entry->d_name, len - tail) &&
		    !strcmp(entry->d_name + len - tail, SUFFIX))
			r = add_name(names, n, entry->d_name, len - tail);
	}
	if (dir)
		closedir(dir);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int method_files_list(const char *const *dirs, char ***ret)
{
	char **names = NULL;
	int n = 0;
	int r = 0;

	for (; r == 0 && *dirs; dirs++)
		r = list_dir(*dirs, &names, &n);
	if (r < 0) {
		method_files_free(names, n);
		return r;
	}
	if (n)
		qsort(names, (size_t)n, sizeof(*names), by_name);
	*ret = names;
	return n;
}

void method_files_free(char **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

void method_files_text(const char *const *dirs, struct buf *ret)
{
	char **names = NULL;
	int n = method_files_list(dirs, &names);

	for (int i = 0; i < n; i++)
		buf_printf(ret, "%s%s", i ? ", " : "", names[i]);
	if (n <= 0) {
		buf_append_str(ret, "none");
		return;
	}
	method_files_free(names, n);
}

int method_line_of(const char *path, const char *key)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	size_t n = strlen(key);
	const char *s, *end;
	int line = 1;

	if (buf_read_file(&text, path, METHOD_FILE_MAX) < 0 || !text.data)
		return 0;
	for (s = text.data; s; s = end ? end + 1 : NULL, line++) {
		s += strspn(s, " \t");
		end = strchr(s, '\n');
		if (!strncmp(s, key, n) && s[n + strspn(s + n, " \t")] == '=')
			return line;
	}
	return 0;
}
