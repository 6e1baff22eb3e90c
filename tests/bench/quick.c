// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * quick: the quickest instrument there can be. It reads a request and writes a
 * reply made beforehand, both by plain blocking calls, so that what a bench
 * measures with it is the host's side and the bus.
 *
 * The emulator has counts to make and to pack, all on the guest's one
 * processor, and at the speeds compared here it would be most of each time.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "bench.h"
#include "dp5emu/ffs.h"
#include "dp5emu/gadget.h"
#include "dp5emu/wire.h"

enum {
	CHANNELS = 8192,
	STATUS_LEN = 64,
};

static uint8_t request[WIRE_REQUEST_MAX + WIRE_FRAME_LEN];
static uint8_t status[STATUS_LEN + WIRE_FRAME_LEN];
static uint8_t spectrum[3 * CHANNELS + STATUS_LEN + WIRE_FRAME_LEN];
static uint8_t other[sizeof(request)];
static size_t status_len, spectrum_len;

/* A DP5 with firmware 6.10; counts of all values. */
static void make_replies(void)
{
	static uint8_t body[3 * CHANNELS + STATUS_LEN];
	uint8_t *st = body + sizeof(body) - STATUS_LEN;

	for (size_t i = 0; i < 3 * CHANNELS; i++)
		body[i] = (uint8_t)(i * 7);
	st[24] = 0x6a;
	st[25] = 0x70;
	st[26] = 1; /* serial number */
	status_len = wire_encode(status, 0x80, 0x01, st, STATUS_LEN);
	spectrum_len = wire_encode(spectrum, 0x81, 0x0c, body, sizeof(body));
}

/* Echoes are told back, what is not known is acknowledged. */
static size_t find_reply(size_t n, const uint8_t **ret)
{
	bool is_echo = request[2] == 0xf1 && request[3] == 0x7f;

	if (request[2] == 0x01) {
		*ret = status;
		return status_len;
	}
	if (request[2] == 0x02) {
		*ret = spectrum;
		return spectrum_len;
	}
	*ret = other;
	return wire_encode(other, is_echo ? 0x8f : 0xff, is_echo ? 0x7f : 0,
			   request + WIRE_HEAD_LEN,
			   is_echo ? n - WIRE_FRAME_LEN : 0);
}

static int open_file(const struct gadget *g, const char *name)
{
	char path[GADGET_PATH_MAX + 8];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", g->mount, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		bench_die(path);
	return fd;
}

int main(void)
{
	static struct gadget g;
	char why[GADGET_WHY_LEN];
	const uint8_t *reply;
	int ep0, in, out;
	size_t len;
	ssize_t n;

	make_replies();
	if (gadget_make(&g, "quick", NULL, why) < 0) {
		fprintf(stderr, "quick: %s\n", why);
		return 1;
	}
	ep0 = open_file(&g, "ep0");
	if (ffs_write_descs(ep0) < 0)
		bench_die("descriptors");
	in = open_file(&g, "ep1");
	out = open_file(&g, "ep2");
	if (gadget_bind(&g) < 0)
		bench_die("binding the gadget");
	for (;;) {
		n = read(out, request, sizeof(request));
		if (n < WIRE_FRAME_LEN)
			bench_die("a request");
		len = find_reply((size_t)n, &reply);
		if (write(in, reply, len) != (ssize_t)len)
			bench_die("a reply");
	}
}
