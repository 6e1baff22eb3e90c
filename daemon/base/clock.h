/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks, their text form and the id of this boot. */
#ifndef DAEMON_BASE_CLOCK_H
#define DAEMON_BASE_CLOCK_H

#include <stdint.h>

/* "2026-03-01T09:30:00.000000Z" and its NUL; years 1970 to 9999. */
#define CLOCK_TEXT_SIZE 28
/* 32 hex digits and a NUL. */
#define CLOCK_BOOT_ID_SIZE 33

/* Microseconds since 1970 in UTC. */
uint64_t clock_realtime_us(void);
/* Nanoseconds of CLOCK_MONOTONIC, comparable within one boot. */
uint64_t clock_monotonic_ns(void);
/* The same with the time that the machine slept: never less. */
uint64_t clock_boottime_ns(void);

/* Writes @us as RFC 3339 in UTC with microseconds. */
void clock_format(uint64_t us, char ret_text[CLOCK_TEXT_SIZE]);

/*
 * Reads exactly what clock_format() writes; fewer fraction digits or none
 * are taken too. -EINVAL for anything else.
 */
int clock_parse(const char *text, uint64_t *ret_us);

/* The kernel's id of this boot as 32 hex digits; negative errno. */
int clock_boot_id(char ret_id[CLOCK_BOOT_ID_SIZE]);

#endif
