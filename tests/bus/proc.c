// SPDX-License-Identifier: GPL-2.0-or-later
#include "proc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

unsigned long proc_kb(pid_t pid, const char *what)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	const char *at;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (buf_read_file(&b, path, 1 << 16) < 0)
		return 0;
	at = strstr(b.data, what);
	return at ? strtoul(at + strlen(what), NULL, 10) : 0;
}

unsigned int proc_n_fds(pid_t pid)
{
	unsigned int n = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* Fields 14 and 15 of stat; the name before them may hold anything. */
static double cpu_s(const char *path)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	unsigned long user = 0, system = 0;
	const char *at;

	if (buf_read_file(&b, path, 1 << 16) < 0 || !b.data)
		return 0;
	at = strrchr(b.data, ')');
	if (!at ||
	    sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		   &user, &system) != 2)
		return 0;
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double proc_main_cpu_s(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid,
		 (int)pid);
	return cpu_s(path);
}

double proc_cpu_s(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	return cpu_s(path);
}
