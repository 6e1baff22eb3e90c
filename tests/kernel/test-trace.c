// SPDX-License-Identifier: GPL-2.0-or-later
/* Trace events: request, reply and recovery, with what they say. */
#include "guest.h"

#include <sys/mount.h>

#define TRACEFS "/sys/kernel/tracing"

FIXTURE(tc)
{
	int fd;
	struct answer a;
	union record r;
	char text[65536];
};

static bool trace_write(const char *file, const char *text)
{
	char path[128];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), TRACEFS "/%s", file);
	fd = open(path, O_WRONLY | O_TRUNC);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

FIXTURE_SETUP(tc)
{
	if (access(TRACEFS "/events", F_OK))
		mount("none", TRACEFS, "tracefs", 0, NULL);
	ASSERT_TRUE(node_wait(true));
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(trace_write("trace", " "));
	/* Names of processes are of no use here, and to learn them the kernel
	 * would patch its scheduler as that runs, which an emulated processor
	 * does not always survive.
	 */
	ASSERT_TRUE(trace_write("options/record-cmd", "0"));
	ASSERT_TRUE(trace_write("events/dp5/enable", "1"));
}

FIXTURE_TEARDOWN(tc)
{
	trace_write("events/dp5/enable", "0");
	close(self->fd);
}

/* All events so far. */
static const char *trace_read(char *text, size_t room)
{
	int fd = open(TRACEFS "/trace", O_RDONLY);
	size_t have = 0;
	ssize_t n;

	while ((n = read(fd, text + have, room - 1 - have)) > 0)
		have += (size_t)n;
	close(fd);
	text[have] = '\0';
	return text;
}

TEST_F(tc, request_and_reply_are_told_in_order)
{
	const char *text, *request, *reply;

	ASSERT_EQ(0, transact(self->fd, 0xf1, 0x7f, "abcd", 4, &self->a));
	text = trace_read(self->text, sizeof(self->text));
	request = strstr(text, "dp5_request: ");
	ASSERT_NE(NULL, request);
	EXPECT_NE(NULL, strstr(request, " f1/7f len=4\n"));
	reply = strstr(request, "dp5_reply: ");
	ASSERT_NE(NULL, reply);
	EXPECT_NE(NULL, strstr(reply, " f1/7f -> 8f/7f len=4 result=0 us="));
}

TEST_F(tc, failure_and_recovery_are_told)
{
	const char *text, *step;

	ASSERT_TRUE(emu("fault drop 1"));
	EXPECT_EQ(ETIMEDOUT, transact_for(self->fd, 0x01, 0x01, NULL, 0,
					  200 * MS, &self->a));
	EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	text = trace_read(self->text, sizeof(self->text));
	EXPECT_NE(NULL, strstr(text, " 01/01 -> 00/00 len=0 result=-110 "));
	step = strstr(text, "dp5_recovery: ");
	ASSERT_NE(NULL, step);
	EXPECT_NE(NULL, strstr(step, " step=1 result=0\n"));
	EXPECT_NE(NULL, strstr(step, " 01/01 -> 80/01 len=64 result=0 "));
}

/* Where the end of a step is told, with this result. */
static const char *step_told(const char *text, unsigned int step, int result)
{
	static char want[64];

	snprintf(want, sizeof(want), " step=%u result=%d\n", step, result);
	return strstr(text, want);
}

/* An endpoint that stays halted cannot be drained. */
TEST_F(tc, halted_endpoint_takes_the_second_step)
{
	struct dp5_stats before = get_stats(self->fd), after;
	const char *text;

	ASSERT_TRUE(emu("fault stall 1"));
	EXPECT_EQ(EPROTO, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	next_record(self->fd, &self->r, DP5_FRAME_STATE);
	EXPECT_EQ(DP5_STATE_RESYNC, state_of(&self->r)->event);
	EXPECT_EQ(2, state_of(&self->r)->arg);

	text = trace_read(self->text, sizeof(self->text));
	text = step_told(text, 1, -EPIPE);
	ASSERT_NE(NULL, text);
	EXPECT_NE(NULL, step_told(text, 2, 0));
	EXPECT_EQ(NULL, strstr(text, " step=3 "));
	after = get_stats(self->fd);
	EXPECT_EQ(before.drains + 1, after.drains);
	EXPECT_EQ(before.halts_cleared + 1, after.halts_cleared);
	EXPECT_EQ(before.port_resets, after.port_resets);
}

/* The request and the echoes of two steps, three in each, go unanswered. */
TEST_F(tc, silence_takes_the_third_step)
{
	struct dp5_stats before = get_stats(self->fd), after;
	const char *text;

	ASSERT_TRUE(emu("fault drop 7"));
	EXPECT_EQ(ETIMEDOUT, transact_for(self->fd, 0x01, 0x01, NULL, 0,
					  200 * MS, &self->a));
	ASSERT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	next_record(self->fd, &self->r, DP5_FRAME_STATE);
	EXPECT_EQ(DP5_STATE_RESET, state_of(&self->r)->event);
	next_record(self->fd, &self->r, DP5_FRAME_STATE);
	EXPECT_EQ(DP5_STATE_RESYNC, state_of(&self->r)->event);
	EXPECT_EQ(3, state_of(&self->r)->arg);

	text = trace_read(self->text, sizeof(self->text));
	text = step_told(text, 1, -ETIMEDOUT);
	ASSERT_NE(NULL, text);
	text = step_told(text, 2, -ETIMEDOUT);
	ASSERT_NE(NULL, text);
	EXPECT_NE(NULL, step_told(text, 3, 0));
	after = get_stats(self->fd);
	EXPECT_EQ(before.drains + 1, after.drains);
	EXPECT_EQ(before.halts_cleared + 1, after.halts_cleared);
	EXPECT_EQ(before.port_resets + 1, after.port_resets);
}

/* Where members of struct urb lie in the kernels of the guests. */
#define PROBE                                                                 \
	"p:dp5test/submit usb_submit_urb pipe=+80(%di):x32 buf=+96(%di):x64 " \
	"urb=%di:x64"

/* Where the buffer of the bulk transfer of one direction lies, and its URB. */
static bool buffer_of(const char *text, bool is_in, unsigned long long *ret,
		      unsigned long long *ret_urb)
{
	unsigned int pipe;

	while ((text = strstr(text, " pipe=0x"))) {
		if (sscanf(text, " pipe=%x buf=%llx urb=%llx", &pipe, ret,
			   ret_urb) == 3 &&
		    pipe >> 30 == 3 && !!(pipe & 0x80) == is_in)
			return true;
		text++;
	}
	return false;
}

/* usbcore looks at the buffers of controllers with DMA only, and the virtual
 * ones have none: so it is the test that does. Of the allocator, as the URB
 * itself, the buffers are beside it in the kernel's map of all memory, where
 * neither stack nor module nor vmalloc() are; and what has an allocation of its
 * own begins at a multiple of its size, rounded up to a power of two, or a page.
 */
TEST_F(tc, transfer_buffers_are_allocations_of_their_own)
{
	unsigned long long tx, rx, urb, away;

	if (access(TRACEFS "/kprobe_events", W_OK))
		SKIP(return, "kernel without probes");
	ASSERT_TRUE(trace_write("kprobe_events", PROBE));
	ASSERT_TRUE(trace_write("events/dp5test/enable", "1"));
	EXPECT_EQ(0, transact(self->fd, 0xf1, 0x7f, "abcd", 4, &self->a));
	trace_read(self->text, sizeof(self->text));
	trace_write("events/dp5test/enable", "0");
	trace_write("kprobe_events", "-:dp5test/submit");

	ASSERT_TRUE(buffer_of(self->text, false, &tx, &urb));
	away = tx > urb ? tx - urb : urb - tx;
	EXPECT_EQ(0, away >> 36);
	EXPECT_EQ(0, tx % 1024);
	ASSERT_TRUE(buffer_of(self->text, true, &rx, &urb));
	away = rx > urb ? rx - urb : urb - rx;
	EXPECT_EQ(0, away >> 36);
	EXPECT_EQ(0, rx % 4096);
}

TEST_HARNESS_MAIN
