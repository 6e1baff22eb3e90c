/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A daemon, reespec-drop behind it, and the folder of a LIMS. */
#ifndef TESTS_BUS_DROP_TRY_H
#define TESTS_BUS_DROP_TRY_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "kselftest_harness.h"

#include "reader.h"
#include "rig.h"

FIXTURE(drop)
{
	struct rig r;
	pid_t pid;
	char folder[128];
	char ledger[40];
};

static inline void start_drop(FIXTURE_DATA(drop) * self, const char *more)
{
	self->pid = reader_start_drop(&self->r, self->folder, more);
}

FIXTURE_SETUP(drop)
{
	memset(self, 0, sizeof(*self));
	rig_start(&self->r, "--settle 0", "idle");
	snprintf(self->folder, sizeof(self->folder), "%s/lims", self->r.dir);
	mkdir(self->folder, 0700);
	snprintf(self->ledger, sizeof(self->ledger), "%s",
		 rig_text(&self->r, RIG_ROOT, "org.reespec1.Manager",
			  "LedgerId"));
}

FIXTURE_TEARDOWN(drop)
{
	rig_kill(&self->pid, SIGKILL);
	rig_stop(&self->r);
}

/* A path in the folder: the file of a record, hidden or not. */
static inline const char *path_of(FIXTURE_DATA(drop) * self, uint64_t seq,
				  const char *format, bool is_hidden)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/%s%.8s-%08" PRIu64 ".%s%s",
		 self->folder, is_hidden ? "." : "", self->ledger, seq, format,
		 is_hidden ? ".part" : "");
	return path;
}

static inline bool wait_for(struct rig *r, bool (*test)(void *arg), void *arg)
{
	const uint64_t until = clock_monotonic_ns() + 30 * 1000000000ULL;

	while (!test(arg)) {
		if (clock_monotonic_ns() > until)
			return false;
		rig_settle(r);
		nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	}
	return true;
}

static inline bool is_there(void *path)
{
	return access(path, F_OK) == 0;
}

static inline bool wait_file(FIXTURE_DATA(drop) * self, uint64_t seq,
			     const char *format)
{
	return wait_for(&self->r, is_there,
			(void *)path_of(self, seq, format, false));
}

static inline uint64_t acked(struct rig *r)
{
	return reader_acked(r, "drop");
}

static inline bool has_acked(void *arg)
{
	return acked(arg) == rig_last(arg);
}

static struct rig *asked;

/* Up to that number at least. */
static inline bool has_acked_some(void *seq)
{
	return acked(asked) >= *(uint64_t *)seq;
}

static inline bool wait_acked(struct rig *r)
{
	return wait_for(r, has_acked, r);
}

/* Measures one sample: the number of its result, 0 when it fails. */
static inline uint64_t measure(struct rig *r)
{
	const unsigned int n = r->n_finished;

	if (*rig_measure(r, "B-1|2", "ore-l", 2, NULL) ||
	    !rig_wait_finished(r, n + 1))
		return 0;
	return r->result;
}

static inline bool has_said(void *arg)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	const char **what = arg;

	return buf_read_file(&b, what[0], 1 << 20) >= 0 && b.data &&
	       strstr(b.data, what[1]);
}

static inline bool says(FIXTURE_DATA(drop) * self, const char *text)
{
	char log[128];
	const char *what[] = { log, text };

	snprintf(log, sizeof(log), "%s/drop.log", self->r.dir);
	return wait_for(&self->r, has_said, what);
}

/* Nothing but what is hidden. */
static inline bool is_empty(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *e;
	bool is = true;

	while (dir && (e = readdir(dir)))
		is &= e->d_name[0] == '.';
	if (dir)
		closedir(dir);
	return dir && is;
}

#endif
