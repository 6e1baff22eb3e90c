// SPDX-License-Identifier: GPL-2.0-or-later
/* cost WHO COMMAND...: what a whole program takes, in time and memory. */
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "bench.h"

extern char **environ;

int main(int argc, char **argv)
{
	struct rusage u;
	int status;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: cost WHO COMMAND...\n");
		return 2;
	}
	if (posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ) ||
	    wait4(pid, &status, 0, &u) < 0)
		bench_die(argv[2]);
	if (status) {
		fprintf(stderr, "cost: %s failed\n", argv[2]);
		return 1;
	}
	bench_tell("program, CPU ms", argv[1],
		   1e3 * (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			   1e-3 * (double)(u.ru_utime.tv_usec +
					   u.ru_stime.tv_usec));
	bench_tell("program, peak MiB", argv[1], (double)u.ru_maxrss / 1024);
	return 0;
}
