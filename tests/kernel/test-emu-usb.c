// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The emulator as hosts see it on the bus, through usbfs: descriptors, ends of
 * transfers, half a request, a halted endpoint, an unplug.
 */
#include "guest.h"

#include <linux/usb/ch9.h>
#include <linux/usbdevice_fs.h>

#define DEVICES "/sys/bus/usb/devices"

FIXTURE(usb)
{
	int fd;
	uint8_t in[33280];
};

/* A number in a file of the device's folder, -1 when it is not there. */
static int read_attribute(const char *device, const char *name, int base)
{
	char path[300], text[32] = "";
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s/%s", DEVICES, device, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? (int)strtol(text, NULL, base) : -1;
}

/* The usbfs file of the emulated instrument, or -1. */
static int open_device(void)
{
	char path[64], name[64] = "";
	DIR *dir = opendir(DEVICES);
	struct dirent *e;

	while (dir && !*name && (e = readdir(dir))) {
		if (read_attribute(e->d_name, "idProduct", 16) == 0x842a)
			snprintf(name, sizeof(name), "%.60s", e->d_name);
	}
	if (dir)
		closedir(dir);
	if (!*name)
		return -1;
	snprintf(path, sizeof(path), "/dev/bus/usb/%03d/%03d",
		 read_attribute(name, "busnum", 10),
		 read_attribute(name, "devnum", 10));
	return open(path, O_RDWR | O_CLOEXEC);
}

static int bulk(int fd, unsigned int ep, void *data, unsigned int len,
		unsigned int timeout_ms)
{
	struct usbdevfs_bulktransfer b = { ep, len, timeout_ms, data };
	int r = ioctl(fd, USBDEVFS_BULK, &b);

	return r < 0 ? -errno : r;
}

/* Take the interface from the driver, if one is bound. */
FIXTURE_SETUP(usb)
{
	struct usbdevfs_disconnect_claim claim = { .interface = 0 };

	for (int i = 0; i < 100; i++) {
		self->fd = open_device();
		if (self->fd >= 0)
			break;
		sleep_ms(50);
	}
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ioctl(self->fd, USBDEVFS_DISCONNECT_CLAIM, &claim));
}

FIXTURE_TEARDOWN(usb)
{
	struct usbdevfs_ioctl connect = { 0, USBDEVFS_CONNECT, NULL };
	unsigned int interface = 0;

	emu("fault none");
	emu("plug");
	ioctl(self->fd, USBDEVFS_RELEASEINTERFACE, &interface);
	ioctl(self->fd, USBDEVFS_IOCTL, &connect);
	close(self->fd);
}

/* F1/7F with @len bytes 00, 01, ...; returns the length of the packet. */
static int echo_request(uint8_t *out, int len)
{
	unsigned int sum = 0;

	memcpy(out, "\xf5\xfa\xf1\x7f", 4);
	out[4] = (uint8_t)(len >> 8);
	out[5] = (uint8_t)len;
	for (int i = 0; i < len; i++)
		out[6 + i] = (uint8_t)i;
	for (int i = 0; i < len + 6; i++)
		sum += out[i];
	sum = 0x10000 - (sum & 0xffff);
	out[6 + len] = (uint8_t)(sum >> 8);
	out[7 + len] = (uint8_t)sum;
	return len + 8;
}

/* Bytes of the answer to an echo of @len, negative on failure. */
static int echo(int fd, uint8_t *in, size_t room, int len)
{
	uint8_t out[520];
	int n = echo_request(out, len), r;

	r = bulk(fd, 0x02, out, (unsigned int)n, 1000);
	if (r != n)
		return r < 0 ? r : -EIO;
	r = bulk(fd, 0x81, in, (unsigned int)room, 1000);
	if (r < 8 || in[2] != 0x8f)
		return r < 0 ? r : -EPROTO;
	return memcmp(in + 6, out + 6, (size_t)len) ? -EBADMSG : r;
}

TEST_F(usb, descriptors_are_those_of_the_instrument)
{
	uint8_t d[256];
	ssize_t n = read(self->fd, d, sizeof(d));
	const char *speed = getenv("REESPEC_SPEED") ?: "12";
	int in = 0, out = 0, packet = atoi(speed) == 480 ? 512 : 64;

	ASSERT_LT(18, n);
	EXPECT_EQ(0xc4, d[8]);
	EXPECT_EQ(0x10, d[9]);
	EXPECT_EQ(0x2a, d[10]);
	EXPECT_EQ(0x84, d[11]);
	EXPECT_EQ(64, d[7]);
	EXPECT_EQ(1, d[17]);
	for (int i = 18; i + 1 < n && d[i]; i += d[i]) {
		if (d[i + 1] != USB_DT_ENDPOINT)
			continue;
		EXPECT_EQ(USB_ENDPOINT_XFER_BULK, d[i + 3] & 3);
		EXPECT_EQ(packet, d[i + 4] | d[i + 5] << 8);
		in += d[i + 2] == 0x81;
		out += d[i + 2] == 0x02;
	}
	EXPECT_EQ(1, in);
	EXPECT_EQ(1, out);
}

TEST_F(usb, a_reply_of_whole_packets_ends_with_an_empty_one)
{
	/* Room for more: without the empty packet this would time out. */
	EXPECT_EQ(64, echo(self->fd, self->in, sizeof(self->in), 56));
	EXPECT_EQ(512, echo(self->fd, self->in, sizeof(self->in), 504));
	EXPECT_EQ(520, echo(self->fd, self->in, sizeof(self->in), 512));
	EXPECT_EQ(8, echo(self->fd, self->in, sizeof(self->in), 0));
}

TEST_F(usb, a_terminator_after_a_request_is_swallowed)
{
	uint8_t out[64];

	ASSERT_EQ(64, echo_request(out, 56));
	ASSERT_EQ(64, bulk(self->fd, 0x02, out, 64, 1000));
	ASSERT_EQ(0, bulk(self->fd, 0x02, out, 0, 1000));
	EXPECT_EQ(64, bulk(self->fd, 0x81, self->in, sizeof(self->in), 1000));
	EXPECT_EQ(16, echo(self->fd, self->in, sizeof(self->in), 8));
}

TEST_F(usb, half_a_request_is_refused_after_a_while)
{
	uint8_t out[520];

	echo_request(out, 512);
	ASSERT_EQ(64, bulk(self->fd, 0x02, out, 64, 1000));
	ASSERT_EQ(8, bulk(self->fd, 0x81, self->in, sizeof(self->in), 1000));
	EXPECT_EQ(0xff, self->in[2]);
	EXPECT_EQ(3, self->in[3]);
	EXPECT_EQ(16, echo(self->fd, self->in, sizeof(self->in), 8));
}

TEST_F(usb, a_stalled_endpoint_stays_so_until_cleared)
{
	unsigned int ep = 0x81;
	uint8_t out[16];
	int n = echo_request(out, 8);

	ASSERT_TRUE(emu("fault stall"));
	ASSERT_EQ(n, bulk(self->fd, 0x02, out, (unsigned int)n, 1000));
	sleep_ms(50);
	EXPECT_EQ(-EPIPE, bulk(self->fd, 0x81, self->in, 1024, 1000));
	EXPECT_EQ(-EPIPE, bulk(self->fd, 0x81, self->in, 1024, 1000));
	ASSERT_EQ(0, ioctl(self->fd, USBDEVFS_CLEAR_HALT, &ep));
	EXPECT_EQ(16, echo(self->fd, self->in, sizeof(self->in), 8));
}

TEST_F(usb, the_instrument_counts_on_while_unplugged)
{
	ASSERT_TRUE(emu("unplug"));
	for (int i = 0;
	     i < 100 && bulk(self->fd, 0x81, self->in, 64, 10) != -ENODEV; i++)
		sleep_ms(20);
	EXPECT_EQ(-ENODEV, bulk(self->fd, 0x81, self->in, 64, 10));
	EXPECT_TRUE(emu("status"));
	EXPECT_TRUE(emu("plug"));
}

TEST_HARNESS_MAIN
