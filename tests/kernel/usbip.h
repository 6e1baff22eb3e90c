/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests share whose instruments are devices of vhci_hcd: units, each
 * an emulator at a port of its own, and what the log says meanwhile.
 */
#ifndef TESTS_KERNEL_USBIP_H
#define TESTS_KERNEL_USBIP_H

#define GUEST_STARTS_ITS_OWN
#include "guest.h"

#include <sys/klog.h>

/* vhci_hcd has eight ports; programs that may run side by side share them. */
#define DESCRIPTORS_UNIT 0
#define REPLIES_UNIT 1 /* and those behind */
#define N_REPLIES_UNITS 6
#define OTHER_UNIT 7

#define SERIAL_OF(unit) (1000U + (unsigned int)(unit))
#define VHCI "/sys/devices/platform/vhci_hcd.0"

static int usbip_unit;

/* The host tells of each transfer it takes back; only warnings may pass to the
 * slow console. The level is that of the guest, which ends with the tests.
 */
static void usbip_quiet(void)
{
	run_quietly("modprobe -a vhci_hcd dp5");
	klogctl(8, NULL, 5);
}

/* From here on this process speaks to unit @n. */
static void unit_use(int n)
{
	char path[64];

	usbip_unit = n;
	node_serial = SERIAL_OF(n);
	snprintf(path, sizeof(path), "/run/dp5emu/unit-%d", n);
	setenv("DP5EMU_CONTROL", path, 1);
}

/* An emulator for unit @n; true once its node can be opened. */
static bool unit_start(int n, const char *options)
{
	char all[128];

	unit_use(n);
	snprintf(all, sizeof(all), "--usbip %d --serial %u %s", n, node_serial,
		 options);
	emu_start(all);
	return node_wait(true);
}

static void unit_stop(void)
{
	emu("quit");
	emu_stop();
}

/* A file of the unit in memory, with @n bytes as hex digits. */
static MAYBE_UNUSED const char *unit_hex(const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	static char path[64], text[2 * 70000];
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "/run/dp5emu/hex-%d", usbip_unit);
	for (i = 0; i < n; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, 2 * n) != (ssize_t)(2 * n))
		return "/nonexistent";
	close(fd);
	return path;
}

/* A comment for who reads the log; a test's process ends without flushing. */
static MAYBE_UNUSED __attribute__((format(printf, 1, 2))) void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	fflush(stdout);
}

/* A number of the fuzz job's environment. */
static MAYBE_UNUSED unsigned int setting(const char *name, unsigned int normal)
{
	const char *text = getenv(name);

	return text ? (unsigned int)strtoul(text, NULL, 0) : normal;
}

/* xorshift: the same numbers everywhere. */
static MAYBE_UNUSED uint32_t random_of(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static MAYBE_UNUSED uint32_t below(uint32_t *state, uint32_t n)
{
	return random_of(state) % n;
}

/* A number of the emulator's status, -1 when it is not told. */
static MAYBE_UNUSED long unit_number(const char *key)
{
	char answer[1100] = "", want[32];
	int fd = emu_connect();
	const char *at;
	ssize_t n = -1;

	if (fd >= 0 && write(fd, "status\n", 7) == 7)
		n = read(fd, answer, sizeof(answer) - 1);
	if (fd >= 0)
		close(fd);
	snprintf(want, sizeof(want), " %s=", key);
	at = n > 0 ? strstr(answer, want) : NULL;
	return at ? strtol(at + strlen(want), NULL, 10) : -1;
}

static int unit_answers(int fd, uint32_t nonce)
{
	static struct answer a;

	if (nonce % 4 == 0) {
		if (transact_for(fd, 0x01, 0x01, NULL, 0, 8000 * MS, &a))
			return a.error;
		return a.pid1 == 0x80 && a.len == DP5_STATUS_LEN ? 0 : -2;
	}
	if (transact_for(fd, 0xf1, 0x7f, &nonce, sizeof(nonce), 8000 * MS, &a))
		return a.error;
	return a.pid1 == 0x8f && a.len == sizeof(nonce) &&
			       !memcmp(a.data, &nonce, sizeof(nonce))
		       ? 0
		       : -1;
}

/* How often a unit was asked again. */
static unsigned int unit_again;

/* 0 when the unit answers an echo of @nonce, or every fourth time its status,
 * by the very answer. A guest whose host has no time for it stands still for
 * seconds, in which a recovery runs out of time, too: what was not answered is
 * asked for once more.
 */
static MAYBE_UNUSED int unit_works(int fd, uint32_t nonce)
{
	int error = unit_answers(fd, nonce);

	if (error != ETIMEDOUT)
		return error;
	unit_again++;
	return unit_answers(fd, nonce);
}

#endif /* TESTS_KERNEL_USBIP_H */
