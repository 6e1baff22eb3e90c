// SPDX-License-Identifier: GPL-2.0-or-later
/* The ioctl arguments: sizes, reserved words, numbers, ranges. */
#include "stuck.h"

#include <stddef.h>

/* The whole contract, the same for callers of 32 and of 64 bits: this file is
 * built for both. .ci/checks driver_abi sees that none is missing.
 */
#define PIN(type, size) \
	_Static_assert(sizeof(struct type) == (size), #type " changed")
#define PIN_MEMBER(type, member, at)                          \
	_Static_assert(offsetof(struct type, member) == (at), \
		       #type "." #member " moved")

#define PIN_VALUE(name, value) \
	_Static_assert((name) == (value), #name " changed")

PIN(dp5_frame, 56);
PIN_MEMBER(dp5_frame, len, 0);
PIN_MEMBER(dp5_frame, hdr_len, 4);
PIN_MEMBER(dp5_frame, type, 6);
PIN_MEMBER(dp5_frame, seq, 8);
PIN_MEMBER(dp5_frame, t_req_ns, 16);
PIN_MEMBER(dp5_frame, t_done_ns, 24);
PIN_MEMBER(dp5_frame, lost, 32);
PIN_MEMBER(dp5_frame, flags, 36);
PIN_MEMBER(dp5_frame, payload_len, 40);
PIN_MEMBER(dp5_frame, channels, 44);
PIN_MEMBER(dp5_frame, pid1, 46);
PIN_MEMBER(dp5_frame, pid2, 47);
PIN_MEMBER(dp5_frame, reserved, 48);

PIN(dp5_state, 16);
PIN_MEMBER(dp5_state, event, 0);
PIN_MEMBER(dp5_state, arg, 4);
PIN_MEMBER(dp5_state, kind, 8);
PIN_MEMBER(dp5_state, reserved, 12);

PIN(dp5_info, 48);
PIN_MEMBER(dp5_info, size, 0);
PIN_MEMBER(dp5_info, abi_version, 4);
PIN_MEMBER(dp5_info, features, 8);
PIN_MEMBER(dp5_info, serial, 16);
PIN_MEMBER(dp5_info, device, 20);
PIN_MEMBER(dp5_info, fw_major, 21);
PIN_MEMBER(dp5_info, fw_minor, 22);
PIN_MEMBER(dp5_info, fw_build, 23);
PIN_MEMBER(dp5_info, fpga_major, 24);
PIN_MEMBER(dp5_info, fpga_minor, 25);
PIN_MEMBER(dp5_info, eco, 26);
PIN_MEMBER(dp5_info, is_control, 27);
PIN_MEMBER(dp5_info, channels, 28);
PIN_MEMBER(dp5_info, reserved, 32);

PIN(dp5_transact, 80);
PIN_MEMBER(dp5_transact, size, 0);
PIN_MEMBER(dp5_transact, flags, 4);
PIN_MEMBER(dp5_transact, pid1, 8);
PIN_MEMBER(dp5_transact, pid2, 9);
PIN_MEMBER(dp5_transact, tx_len, 10);
PIN_MEMBER(dp5_transact, rx_size, 12);
PIN_MEMBER(dp5_transact, tx_ptr, 16);
PIN_MEMBER(dp5_transact, rx_ptr, 24);
PIN_MEMBER(dp5_transact, timeout_ns, 32);
PIN_MEMBER(dp5_transact, rx_len, 40);
PIN_MEMBER(dp5_transact, rx_pid1, 44);
PIN_MEMBER(dp5_transact, rx_pid2, 45);
PIN_MEMBER(dp5_transact, pad, 46);
PIN_MEMBER(dp5_transact, t_req_ns, 48);
PIN_MEMBER(dp5_transact, t_done_ns, 56);
PIN_MEMBER(dp5_transact, reserved, 64);

PIN(dp5_subscribe, 56);
PIN_MEMBER(dp5_subscribe, size, 0);
PIN_MEMBER(dp5_subscribe, flags, 4);
PIN_MEMBER(dp5_subscribe, kind, 8);
PIN_MEMBER(dp5_subscribe, clock, 12);
PIN_MEMBER(dp5_subscribe, interval_ns, 16);
PIN_MEMBER(dp5_subscribe, deadline_ns, 24);
PIN_MEMBER(dp5_subscribe, watermark, 32);
PIN_MEMBER(dp5_subscribe, queue_len, 36);
PIN_MEMBER(dp5_subscribe, reserved, 40);

PIN(dp5_control, 16);
PIN_MEMBER(dp5_control, size, 0);
PIN_MEMBER(dp5_control, op, 4);
PIN_MEMBER(dp5_control, reserved, 8);

PIN(dp5_stats, 128);
PIN_MEMBER(dp5_stats, size, 0);
PIN_MEMBER(dp5_stats, flags, 4);
PIN_MEMBER(dp5_stats, requests, 8);
PIN_MEMBER(dp5_stats, replies, 16);
PIN_MEMBER(dp5_stats, timeouts, 24);
PIN_MEMBER(dp5_stats, bad, 32);
PIN_MEMBER(dp5_stats, stale, 40);
PIN_MEMBER(dp5_stats, usb_errors, 48);
PIN_MEMBER(dp5_stats, drains, 56);
PIN_MEMBER(dp5_stats, halts_cleared, 64);
PIN_MEMBER(dp5_stats, port_resets, 72);
PIN_MEMBER(dp5_stats, frames, 80);
PIN_MEMBER(dp5_stats, lost, 88);
PIN_MEMBER(dp5_stats, reserved, 96);

PIN_VALUE(DP5_ABI_VERSION, 1);

PIN_VALUE(DP5_REQUEST_MAX, 512);
PIN_VALUE(DP5_REPLY_MAX, 32767);
PIN_VALUE(DP5_STATUS_LEN, 64);
PIN_VALUE(DP5_CHANNELS_MAX, 8192);

PIN_VALUE(DP5_FRAME_STATUS, 1);
PIN_VALUE(DP5_FRAME_SPECTRUM, 2);
PIN_VALUE(DP5_FRAME_LIST, 3);
PIN_VALUE(DP5_FRAME_STATE, 4);
PIN_VALUE(DP5_FRAME_PART, 5);

PIN_VALUE(DP5_STATE_CONFIG, 1);
PIN_VALUE(DP5_STATE_RUN, 2);
PIN_VALUE(DP5_STATE_CLEAR, 3);
PIN_VALUE(DP5_STATE_RESYNC, 4);
PIN_VALUE(DP5_STATE_RESET, 5);
PIN_VALUE(DP5_STATE_RESUME, 6);
PIN_VALUE(DP5_STATE_PAUSE, 7);
PIN_VALUE(DP5_STATE_RESTART, 8);
PIN_VALUE(DP5_STATE_REBOOT, 9);

PIN_VALUE(DP5_SERIAL_NONE, 0xffffffffU);
PIN_VALUE(DP5_FEATURE_TEXT_UNSAVED, 1ULL);
PIN_VALUE(DP5_FEATURE_BUFFERS, 2ULL);
PIN_VALUE(DP5_FEATURE_LIST, 4ULL);

PIN_VALUE(DP5_SUB_NONE, 0);
PIN_VALUE(DP5_SUB_STATUS, 1);
PIN_VALUE(DP5_SUB_SPECTRUM, 2);
PIN_VALUE(DP5_SUB_LIST, 3);
PIN_VALUE(DP5_SUB_LOSSLESS, 4);

PIN_VALUE(DP5_CLOCK_MONOTONIC, 0);
PIN_VALUE(DP5_CLOCK_BOOTTIME, 1);
PIN_VALUE(DP5_CLOCK_REALTIME, 2);

PIN_VALUE(DP5_CONTROL_RELEASE, 0);
PIN_VALUE(DP5_CONTROL_CLAIM, 1);

PIN_VALUE(DP5_IOC_MAGIC, 0xd5);
/* Direction, size, magic and number, as every caller was compiled with. */
PIN_VALUE(DP5_IOC_GET_INFO, 0xc030d500U);
PIN_VALUE(DP5_IOC_TRANSACT, 0xc050d501U);
PIN_VALUE(DP5_IOC_SUBSCRIBE, 0x4038d502U);
PIN_VALUE(DP5_IOC_CONTROL, 0x4010d503U);
PIN_VALUE(DP5_IOC_GET_STATS, 0xc080d504U);
FIXTURE(abi)
{
	int fd;
};

FIXTURE_SETUP(abi)
{
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(abi)
{
	close(self->fd);
}

#define EXPECT_ERRNO(call, error)          \
	do {                               \
		errno = 0;                 \
		EXPECT_EQ(-1, call);       \
		EXPECT_EQ((error), errno); \
	} while (0)

TEST_F(abi, info_tells_version_and_identity)
{
	struct dp5_info i = { .size = sizeof(i) };

	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_GET_INFO, &i));
	EXPECT_EQ(DP5_ABI_VERSION, i.abi_version);
	EXPECT_EQ(sizeof(i), i.size);
	EXPECT_NE(DP5_SERIAL_NONE, i.serial);
	EXPECT_EQ(6, i.fw_major);
	EXPECT_EQ(0, i.is_control);
}

TEST_F(abi, shorter_struct_is_served_and_nothing_behind_it_touched)
{
	struct dp5_info i;

	memset(&i, 0xaa, sizeof(i));
	i.size = 8;
	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_GET_INFO, &i));
	EXPECT_EQ(DP5_ABI_VERSION, i.abi_version);
	EXPECT_EQ(0xaaaaaaaaU, i.serial);
}

TEST_F(abi, longer_struct_with_zeros_is_taken_under_its_own_number)
{
	struct {
		struct dp5_info info;
		uint64_t more[2];
	} i = { .info.size = sizeof(i) };
	unsigned int cmd =
		_IOC(_IOC_READ | _IOC_WRITE, DP5_IOC_MAGIC, 0, sizeof(i));

	ASSERT_EQ(0, ioctl(self->fd, cmd, &i));
	EXPECT_EQ(DP5_ABI_VERSION, i.info.abi_version);
	EXPECT_EQ(0, i.more[0]);
	i.more[1] = 1;
	EXPECT_ERRNO(ioctl(self->fd, cmd, &i), E2BIG);
}

TEST_F(abi, senseless_sizes_are_refused)
{
	struct dp5_info i = { .size = 3 };

	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_GET_INFO, &i), EINVAL);
	i.size = 1U << 20;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_GET_INFO, &i), E2BIG);
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_GET_INFO, NULL), EFAULT);
}

TEST_F(abi, unknown_numbers_are_refused)
{
	struct dp5_info i = { .size = sizeof(i) };

	EXPECT_ERRNO(ioctl(self->fd, _IO(DP5_IOC_MAGIC, 0x1f), &i), ENOTTY);
	EXPECT_ERRNO(ioctl(self->fd, _IOR(DP5_IOC_MAGIC, 0, struct dp5_info),
			   &i),
		     ENOTTY);
	EXPECT_ERRNO(ioctl(self->fd, _IOWR('U', 0, struct dp5_info), &i),
		     ENOTTY);
}

TEST_F(abi, info_refuses_reserved_words)
{
	struct dp5_info i = { .size = sizeof(i), .reserved[3] = 1 };

	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_GET_INFO, &i), EINVAL);
}

TEST_F(abi, stats_refuse_flags_and_reserved_words)
{
	struct dp5_stats s = { .size = sizeof(s), .flags = 1 };

	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_GET_STATS, &s), EINVAL);
	s.flags = 0;
	s.reserved[0] = 1;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_GET_STATS, &s), EINVAL);
	s.reserved[0] = 0;
	EXPECT_EQ(0, ioctl(self->fd, DP5_IOC_GET_STATS, &s));
}

TEST_F(abi, control_refuses_unknown_op_and_reserved_words)
{
	struct dp5_control c = { .size = sizeof(c), .op = 2 };

	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_CONTROL, &c), EINVAL);
	c.op = DP5_CONTROL_CLAIM;
	c.reserved[1] = 1;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_CONTROL, &c), EINVAL);
}

TEST_F(abi, transact_refuses_flags_padding_and_ranges)
{
	struct dp5_transact good = { .size = sizeof(good),
				     .pid1 = 1,
				     .pid2 = 1 };
	struct dp5_transact t = good;

	t.flags = 1;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_TRANSACT, &t), EINVAL);
	t = good;
	t.pad = 1;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_TRANSACT, &t), EINVAL);
	t = good;
	t.reserved[2] = 1;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_TRANSACT, &t), EINVAL);
	t = good;
	t.tx_len = DP5_REQUEST_MAX + 1;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_TRANSACT, &t), EINVAL);
	t = good;
	t.timeout_ns = 60000 * MS + 1;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_TRANSACT, &t), EINVAL);
	/* Request with payload, payload nowhere. */
	t = (struct dp5_transact){
		.size = sizeof(t), .pid1 = 0xf1, .pid2 = 0x7f, .tx_len = 4
	};
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_TRANSACT, &t), EFAULT);
}

TEST_F(abi, subscribe_refuses_what_it_does_not_know)
{
	struct dp5_subscribe good = { .size = sizeof(good),
				      .kind = DP5_SUB_STATUS,
				      .interval_ns = 1000 * MS };
	struct dp5_subscribe s = good;

	s.flags = 1;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_SUBSCRIBE, &s), EINVAL);
	s = good;
	s.kind = 77;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_SUBSCRIBE, &s), EINVAL);
	s = good;
	s.clock = 3;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_SUBSCRIBE, &s), EINVAL);
	s = good;
	s.queue_len = 65;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_SUBSCRIBE, &s), EINVAL);
	s = good;
	s.watermark = 9;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_SUBSCRIBE, &s), EINVAL);
	s = good;
	s.interval_ns = 86400001 * MS;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_SUBSCRIBE, &s), EINVAL);
	s = good;
	s.reserved[0] = 1;
	EXPECT_ERRNO(ioctl(self->fd, DP5_IOC_SUBSCRIBE, &s), EINVAL);
	EXPECT_EQ(0, ioctl(self->fd, DP5_IOC_SUBSCRIBE, &good));
}

struct asking {
	int fd, error;
	struct dp5_info *info;
};

static void *ask_info(void *arg)
{
	struct asking *q = arg;

	q->error = ioctl(q->fd, DP5_IOC_GET_INFO, q->info) ? errno : 0;
	return NULL;
}

/* The driver stands in the middle of the argument when its size word, which it
 * has read, becomes another: the caller's memory behind what was said first is
 * none of its business.
 */
TEST_F(abi, size_word_is_read_once)
{
	static uint8_t behind[STUCK_LEN];
	const uint32_t more = 16;
	struct asking q = { .fd = self->fd };
	struct stuck stuck;
	pthread_t thread;
	int error = stuck_init(&stuck);

	if (error == ENOSYS)
		SKIP(return, "kernel without userfaultfd");
	ASSERT_EQ(0, error);
	memset(behind + more, 0xa5, sizeof(behind) - more);
	q.info = (struct dp5_info *)(void *)(stuck.page - sizeof(*q.info));
	q.info->size = sizeof(*q.info) + more;
	ASSERT_EQ(0, pthread_create(&thread, NULL, ask_info, &q));
	ASSERT_TRUE(stuck_wait(&stuck));
	q.info->size = sizeof(*q.info) + 2 * more;
	ASSERT_TRUE(stuck_fill(&stuck, behind));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, q.error);
	EXPECT_EQ(DP5_ABI_VERSION, q.info->abi_version);
	EXPECT_EQ(0, memcmp(stuck.page, behind, STUCK_LEN));
	stuck_free(&stuck);
}

TEST_F(abi, node_has_no_write_and_no_position)
{
	EXPECT_ERRNO(write(self->fd, "x", 1), EINVAL);
	EXPECT_ERRNO(lseek(self->fd, 0, SEEK_SET), ESPIPE);
}

TEST_F(abi, sysfs_holds_the_identity)
{
	struct dp5_info i = { .size = sizeof(i) };
	char path[64], text[32] = "";
	int fd;

	ASSERT_EQ(0, ioctl(self->fd, DP5_IOC_GET_INFO, &i));
	snprintf(path, sizeof(path), "/sys/class/dp5/dp5-%d/serial",
		 node_number());
	fd = open(path, O_RDONLY);
	ASSERT_LE(0, fd);
	EXPECT_LT(0, read(fd, text, sizeof(text) - 1));
	close(fd);
	EXPECT_EQ(i.serial, strtoul(text, NULL, 10));
}

TEST_HARNESS_MAIN
