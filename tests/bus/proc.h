/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel tells of a process. */
#ifndef TESTS_BUS_PROC_H
#define TESTS_BUS_PROC_H

#include <sys/types.h>

/* A line of /proc/PID/status in kB, "VmRSS:"; 0 when there is none. */
unsigned long proc_kb(pid_t pid, const char *what);
unsigned int proc_n_fds(pid_t pid);
/* Seconds of CPU that its first thread has used; all of its threads have. */
double proc_main_cpu_s(pid_t pid);
double proc_cpu_s(pid_t pid);

#endif
