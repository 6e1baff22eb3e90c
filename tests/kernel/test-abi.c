// SPDX-License-Identifier: GPL-2.0-or-later
/* The ioctl arguments: sizes, reserved words, numbers, ranges. */
#include "guest.h"

#include <pthread.h>
#include <stddef.h>

/* The same for callers of 32 and of 64 bits: this file is built for both. */
#define PIN(type, size) \
	_Static_assert(sizeof(struct type) == (size), #type " changed")
#define PIN_MEMBER(type, member, at)                          \
	_Static_assert(offsetof(struct type, member) == (at), \
		       #type "." #member " moved")

PIN(dp5_frame, 56);
PIN_MEMBER(dp5_frame, seq, 8);
PIN_MEMBER(dp5_frame, lost, 32);
PIN_MEMBER(dp5_frame, pid2, 47);
PIN(dp5_state, 16);
PIN(dp5_info, 48);
PIN_MEMBER(dp5_info, features, 8);
PIN_MEMBER(dp5_info, channels, 28);
PIN(dp5_transact, 80);
PIN_MEMBER(dp5_transact, tx_ptr, 16);
PIN_MEMBER(dp5_transact, rx_len, 40);
PIN_MEMBER(dp5_transact, t_req_ns, 48);
PIN(dp5_subscribe, 56);
PIN_MEMBER(dp5_subscribe, interval_ns, 16);
PIN_MEMBER(dp5_subscribe, watermark, 32);
PIN(dp5_control, 16);
PIN(dp5_stats, 128);
PIN_MEMBER(dp5_stats, requests, 8);
PIN_MEMBER(dp5_stats, lost, 88);

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

/* Memory that a thread keeps changing the size word of; the page behind it
 * is not the driver's to touch.
 */
struct flipper {
	struct dp5_info *info;
	volatile bool is_done;
};

static void *flip(void *arg)
{
	struct flipper *f = arg;
	volatile int i;
	int n = 0;

	/* Each value stays for a moment, or another processor sees one only. */
	while (!f->is_done) {
		*(volatile uint32_t *)&f->info->size =
			n++ % 2 ? 65536 : sizeof(*f->info);
		for (i = 0; i < 20; i++)
			;
	}
	return NULL;
}

TEST_F(abi, size_word_is_read_once)
{
	uint8_t *mem = mmap(NULL, 131072, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct flipper f = { .info = (struct dp5_info *)(void *)mem };
	pthread_t thread;
	int i, n_ok = 0, n_refused = 0, n_touched = 0;

	ASSERT_NE(MAP_FAILED, mem);
	memset(mem + sizeof(*f.info), 0xa5, 65536);
	ASSERT_EQ(0, pthread_create(&thread, NULL, flip, &f));
	/* On, until the other thread has run and both sizes were met. */
	for (i = 0; i < 20000 || n_ok < 100 || n_refused < 100; i++) {
		memset(f.info->reserved, 0, sizeof(f.info->reserved));
		if (!ioctl(self->fd, DP5_IOC_GET_INFO, f.info))
			n_ok++;
		else if (errno == E2BIG)
			n_refused++;
		if (mem[sizeof(*f.info)] != 0xa5) {
			n_touched++;
			memset(mem + sizeof(*f.info), 0xa5, 65536);
		}
	}
	f.is_done = true;
	pthread_join(thread, NULL);
	munmap(mem, 131072);
	EXPECT_EQ(0, n_touched);
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
