// SPDX-License-Identifier: GPL-2.0-or-later
/* Endpoint 0 of the emulated device: its own descriptors and those typed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dp5emu/descriptors.h"
#include "kselftest_harness.h"

FIXTURE(desc)
{
	struct descriptors d;
	uint8_t out[DESCRIPTORS_MAX];
	size_t n;
};

FIXTURE_SETUP(desc)
{
	descriptors_set(&self->d, false);
}

FIXTURE_TEARDOWN(desc)
{
}

#define ASK(...)                                                        \
	descriptors_answer(&self->d, (const uint8_t[8]){ __VA_ARGS__ }, \
			   self->out, &self->n)

TEST_F(desc, device_and_configuration_are_the_instruments)
{
	ASSERT_EQ(0, ASK(0x80, 6, 0, 1, 0, 0, 64, 0));
	EXPECT_EQ(18, self->n);
	EXPECT_EQ(0, memcmp(self->out + 8, "\xc4\x10\x2a\x84", 4));
	ASSERT_EQ(0, ASK(0x80, 6, 0, 2, 0, 0, 255, 0));
	EXPECT_EQ(32, self->n);
	EXPECT_EQ(0, memcmp(self->out + 18, "\x07\x05\x81\x02\x00\x02\x00", 7));
	EXPECT_EQ(0, memcmp(self->out + 25, "\x07\x05\x02\x02\x00\x02\x00", 7));

	descriptors_set(&self->d, true);
	ASSERT_EQ(0, ASK(0x80, 6, 0, 2, 0, 0, 255, 0));
	EXPECT_EQ(0, memcmp(self->out + 18, "\x07\x05\x81\x02\x40\x00\x00", 7));
	EXPECT_EQ(0, memcmp(self->out + 25, "\x07\x05\x02\x02\x40\x00\x00", 7));
}

TEST_F(desc, no_more_is_sent_than_asked_for)
{
	ASSERT_EQ(0, ASK(0x80, 6, 0, 2, 0, 0, 9, 0));
	EXPECT_EQ(9, self->n);
	ASSERT_EQ(0, ASK(0x80, 6, 2, 3, 9, 4, 255, 0));
	EXPECT_EQ(30, self->n);
	EXPECT_EQ('e', self->out[2]);
}

TEST_F(desc, unknown_requests_stall)
{
	EXPECT_EQ(-EPIPE, ASK(0x80, 6, 0, 6, 0, 0, 10, 0));
	EXPECT_EQ(-EPIPE, ASK(0x80, 6, 4, 3, 9, 4, 255, 0));
	EXPECT_EQ(-EPIPE, ASK(0xc0, 0x33, 0, 0, 0, 0, 8, 0));
	EXPECT_EQ(-EPIPE, ASK(0x40, 0x33, 0, 0, 0, 0, 0, 0));
	EXPECT_EQ(0, ASK(0x00, 9, 1, 0, 0, 0, 0, 0));
	EXPECT_EQ(0, ASK(0x02, 1, 0, 0, 0x81, 0, 0, 0));
	EXPECT_EQ(0, ASK(0x80, 0, 0, 0, 0, 0, 2, 0));
	EXPECT_EQ(2, self->n);
}

TEST_F(desc, typed_descriptors_are_sent_as_they_are)
{
	int fd = memfd_create("hex", 0);
	char path[32];

	ASSERT_EQ(36, dprintf(fd, "%036x", 7));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_EQ(0, descriptors_load(&self->d, path));
	EXPECT_EQ(-EPIPE, ASK(0x80, 6, 0, 2, 0, 0, 255, 0));
	ASSERT_EQ(0, ASK(0x80, 6, 0, 1, 0, 0, 255, 0));
	EXPECT_EQ(18, self->n);
	EXPECT_EQ(7, self->out[17]);

	/* More than fits, or no digit: what was there stays. */
	for (int i = 0; i < DESCRIPTORS_MAX; i++)
		dprintf(fd, "ff\n");
	EXPECT_EQ(-E2BIG, descriptors_load(&self->d, path));
	EXPECT_EQ(-ENOENT, descriptors_load(&self->d, "/nonexistent"));
	EXPECT_EQ(18, self->d.len);
}

TEST_HARNESS_MAIN
