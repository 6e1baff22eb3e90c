/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a measurement is told: lines that tests/bench/table adds up. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

static inline double bench_clock_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline void bench_tell(const char *quantity, const char *who,
			      double value)
{
	printf("%s\t%s\t%.9g\n", quantity, who, value);
	fflush(stdout);
}

static inline _Noreturn void bench_die(const char *what)
{
	perror(what);
	exit(1);
}

/* Of a process that is running, with all its threads; /proc tells it in
 * hundredths, of which some take one in a minute. */
static inline double bench_process_s(pid_t pid)
{
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock))
		bench_die("no clock of a process");
	return bench_clock_s(clock);
}

#endif
