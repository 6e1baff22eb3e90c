// SPDX-License-Identifier: GPL-2.0-or-later
/* Wall clock, monotonic clock and boot id. */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

uint64_t clock_realtime_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

uint64_t clock_boottime_ns(void)
{
	return now_ns(CLOCK_BOOTTIME);
}

/* 9999-12-31T23:59:59Z: four digits of year are what RFC 3339 has. */
#define CLOCK_SECONDS_MAX 253402300799ull

void clock_format(uint64_t us, char ret_text[CLOCK_TEXT_SIZE])
{
	uint64_t s = us / 1000000;
	char text[64];
	struct tm tm;
	time_t t;

	if (s > CLOCK_SECONDS_MAX)
		s = CLOCK_SECONDS_MAX;
	t = (time_t)s;
	gmtime_r(&t, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ",
		 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		 tm.tm_min, tm.tm_sec, (unsigned int)(us % 1000000));
	memcpy(ret_text, text, CLOCK_TEXT_SIZE);
	ret_text[CLOCK_TEXT_SIZE - 1] = '\0';
}

/* Digits at the places of 0 in the shape, anything else as it stands. */
static bool has_shape(const char *text, const char *shape)
{
	for (; *shape; shape++, text++) {
		if (*shape == '0' ? !isdigit((unsigned char)*text)
				  : *text != *shape)
			return false;
	}
	return true;
}

int clock_parse(const char *text, uint64_t *ret_us)
{
	unsigned int fraction = 0, scale = 100000;
	struct tm tm = { 0 }, back;
	time_t t;

	if (!has_shape(text, "0000-00-00T00:00:00"))
		return -EINVAL;
	sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon,
	       &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec);
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	back = tm;
	t = timegm(&back);
	/* timegm() takes the 31st of February for the 3rd of March. */
	if (t < 0 || back.tm_mon != tm.tm_mon || back.tm_mday != tm.tm_mday ||
	    back.tm_hour != tm.tm_hour || back.tm_min != tm.tm_min ||
	    back.tm_sec != tm.tm_sec)
		return -EINVAL;

	text += 19;
	if (*text == '.') {
		text++;
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		for (; isdigit((unsigned char)*text); text++, scale /= 10) {
			if (!scale)
				return -EINVAL;
			fraction += scale * (unsigned int)(*text - '0');
		}
	}
	if (strcmp(text, "Z"))
		return -EINVAL;

	*ret_us = (uint64_t)t * 1000000 + fraction;
	return 0;
}

int clock_boot_id(char ret_id[CLOCK_BOOT_ID_SIZE])
{
	CLEANUP(closep) int fd = -1;
	char id[CLOCK_BOOT_ID_SIZE];
	char text[64];
	size_t n = 0;
	ssize_t len;

	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text));
	if (len < 0)
		return -errno;

	for (ssize_t i = 0; i < len; i++) {
		if (!isxdigit((unsigned char)text[i]))
			continue;
		if (n == sizeof(id) - 1)
			return -EBADMSG;
		id[n++] = (char)tolower((unsigned char)text[i]);
	}
	if (n != sizeof(id) - 1)
		return -EBADMSG;
	id[n] = '\0';
	memcpy(ret_id, id, sizeof(id));
	return 0;
}
