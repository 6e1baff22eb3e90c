// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loaded before a test program that is slowed down by what watches it: the
 * time-outs of its harness are PATIENCE times as long.
 */
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

unsigned int alarm(unsigned int seconds)
{
	const char *times = getenv("PATIENCE");
	struct itimerval next = { .it_value.tv_sec = seconds };
	struct itimerval before;

	next.it_value.tv_sec *= times ? atoi(times) : 1;
	setitimer(ITIMER_REAL, &next, &before);
	return (unsigned int)before.it_value.tv_sec;
}
