// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bridge of a sample line under peers that send nonsense, hold
 * connections, or say half of what they want: it answers what is a request,
 * hangs up on what is none, stays as small as it was, and measures every order
 * it took once. REESPEC_SEED draws other frames, MODBUS_FRAMES more of them.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../unit/seed.h"
#include "base/clock.h"
#include "plc.h"

#define SEED 20261126u
#define N_FRAMES 6000

FIXTURE(modbus)
{
	struct rig r;
	struct plc plc;
};

FIXTURE_SETUP(modbus)
{
	rig_start(&self->r, "--settle 0 --time-scale 10", "idle");
	plc_start(&self->plc, &self->r);
	ASSERT_LE(0, self->plc.fd);
}

FIXTURE_TEARDOWN(modbus)
{
	plc_stop(&self->plc);
	rig_stop(&self->r);
}

static unsigned long memory_kb(pid_t pid)
{
	char path[64], line[128];
	unsigned long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %lu", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* ---- and one that does not ------------------------------------------------------- */

static unsigned int drawn(unsigned int n)
{
	return (unsigned int)(random() % n);
}

/* A request that may be one of ours, with numbers near the map's ends. */
static size_t draw_request(uint8_t *frame)
{
	static const uint8_t functions[] = { 1, 2, 3, 4, 5, 6, 15, 16 };
	static const uint16_t addresses[] = { 0,  1,  2,   3,	16,  17,
					      18, 99, 100, 111, 112, 65535 };
	const uint8_t f = functions[drawn(sizeof(functions))];
	const unsigned int address = addresses[drawn(ARRAY_SIZE(addresses))];
	const unsigned int n = f == 5	? (drawn(2) ? 0xff00 : 0)
			       : f == 6 ? drawn(4)
					: 1 + drawn(drawn(4)  ? 4
						    : f == 16 ? 120
							      : 130);
	size_t len = 12;

	if (f == 15 || f == 16) {
		frame[12] = (uint8_t)(f == 15 ? (n + 7) / 8 : 2 * n);
		for (len = 13; len < 13u + frame[12]; len++)
			frame[len] = (uint8_t)(drawn(3) ? 'A' + drawn(26)
							: drawn(2));
	}
	frame[0] = (uint8_t)drawn(256);
	frame[1] = (uint8_t)drawn(256);
	frame[2] = frame[3] = frame[4] = 0;
	frame[5] = (uint8_t)(len - 6);
	frame[6] = (uint8_t)drawn(256);
	frame[7] = f;
	frame[8] = (uint8_t)(address >> 8);
	frame[9] = (uint8_t)address;
	frame[10] = (uint8_t)(n >> 8);
	frame[11] = (uint8_t)n;
	return len;
}

/* As above, or with bytes changed, or nonsense. */
static size_t draw_frame(uint8_t *frame, bool *ret_is_frame)
{
	size_t len = draw_request(frame);
	const unsigned int kind = drawn(8);

	*ret_is_frame = kind < 6;
	if (kind == 5) {
		/* A frame still, with a request that contradicts itself. */
		for (int i = 0; i < 3; i++)
			frame[7 + drawn((unsigned int)len - 7)] =
				(uint8_t)drawn(256);
	} else if (kind == 6) {
		frame[drawn(6)] ^= (uint8_t)(1 << drawn(8));
	} else if (kind == 7) {
		len = 1 + drawn(PLC_FRAME_MAX);
		for (size_t i = 0; i < len; i++)
			frame[i] = (uint8_t)drawn(256);
	}
	return len;
}

struct tally {
	unsigned int n_answers;
	unsigned int n_exceptions;
	unsigned int n_hung_up;
	unsigned int n_strange;
};

/* What is no frame may be answered, left waiting for the rest or hung up on:
 * the connection is given up. A frame must be answered. */
static void send_somehow(FIXTURE_DATA(modbus) * self, int *fd, struct tally *t)
{
	uint8_t frame[PLC_FRAME_MAX + 260], answer[PLC_FRAME_MAX];
	bool is_frame;
	size_t len = draw_frame(frame, &is_frame);
	int n;

	if (*fd < 0)
		*fd = plc_dial(&self->plc);
	if (!is_frame) {
		if (send(*fd, frame, len, MSG_NOSIGNAL) > 0 && drawn(2)) {
			shutdown(*fd, SHUT_WR);
			while (recv(*fd, answer, sizeof(answer), 0) > 0)
				;
		}
		close(*fd);
		*fd = -1;
		t->n_hung_up++;
		return;
	}
	n = plc_exchange(*fd, frame, len, answer);
	t->n_strange += n <= 0;
	t->n_answers += n > 0;
	t->n_exceptions += n > 0 && answer[7] & 0x80;
	if (n <= 0) {
		printf("# function %u: %s\n", frame[7],
		       n ? "not its answer" : "hung up");
		close(*fd);
		*fd = -1;
	}
}

/* Of a kind, in the whole ledger. */
static unsigned int n_records(struct rig *r, const char *kind)
{
	unsigned int n = 0;

	for (uint64_t seq = 1, last = rig_last(r); seq <= last; seq++) {
		CLEANUP(js_freep)
		json_t *body = rig_record(r, seq, NULL, NULL, NULL);

		n += !strcmp(js_text(body, "kind"), kind);
	}
	return n;
}

TEST_F_TIMEOUT(modbus, nonsense_changes_nothing, 300)
{
	const char *env = getenv("MODBUS_FRAMES");
	const unsigned long n = env ? strtoul(env, NULL, 10) : N_FRAMES;
	const unsigned int seed = seed_of(SEED);
	struct tally t = { 0 };
	unsigned long kb = 0;
	int fd = -1;

	ASSERT_TRUE(plc_wait_state(&self->plc, PLC_READY));
	srandom(seed);
	for (unsigned long i = 0; i < n; i++) {
		/* What the first frames make stays: measured after a tenth. */
		if (i == n / 10)
			kb = memory_kb(self->plc.pid);
		send_somehow(self, &fd, &t);
	}
	close(fd);
	TH_LOG("seed %u: %lu frames, %u answered, %u of them refused; %lu kB, then %lu kB",
	       seed, n, t.n_answers, t.n_exceptions, kb,
	       memory_kb(self->plc.pid));
	EXPECT_EQ(0, t.n_strange);
	EXPECT_GT(t.n_answers, n / 2);
	EXPECT_GT(t.n_exceptions, n / 10);
	EXPECT_LT(t.n_exceptions, t.n_answers);
	EXPECT_LE(memory_kb(self->plc.pid), kb + 512);

	/* Whatever was ordered by accident comes to an end, once. Not all of
	 * the connections that were given up may have been noticed. */
	ASSERT_TRUE(plc_connect(&self->plc));
	for (unsigned int i = 0; i < 3; i++)
		EXPECT_EQ(0, plc_coil(self->plc.fd, i, false));
	plc_coil(self->plc.fd, 1, true);
	ASSERT_TRUE(plc_wait_state(&self->plc, PLC_READY PLC_DONE PLC_FAULT));
	plc_coil(self->plc.fd, 2, true);
	EXPECT_TRUE(plc_wait_state(&self->plc, PLC_READY));
	EXPECT_EQ(n_records(&self->r, "assay"), n_records(&self->r, "result"));
	EXPECT_TRUE(rig_verifies(&self->r));
}

/* Half a frame, and the rest later; two at once; one byte at a time. */
TEST_F(modbus, frames_may_come_in_any_pieces)
{
	const uint8_t frame[] = { 9, 9, 0, 0, 0, 6, 1, 4, 0, 0, 0, 1 };
	uint8_t two[2 * sizeof(frame)], answer[PLC_FRAME_MAX];

	for (size_t i = 0; i < sizeof(frame); i++) {
		ASSERT_EQ(1, send(self->plc.fd, frame + i, 1, MSG_NOSIGNAL));
		/* Another peer is served meanwhile. */
		if (i == sizeof(frame) / 2) {
			int fd = plc_dial(&self->plc);

			EXPECT_EQ(1, plc_read_one(fd, 0));
			close(fd);
		}
	}
	EXPECT_EQ(4, plc_hear(self->plc.fd, frame, answer));
	memcpy(two, frame, sizeof(frame));
	memcpy(two + sizeof(frame), frame, sizeof(frame));
	EXPECT_EQ(4, plc_exchange(self->plc.fd, two, sizeof(two), answer));
	EXPECT_EQ(4, plc_hear(self->plc.fd, frame, answer));
}

/* One that is quiet makes place for one that has something to say. */
TEST_F(modbus, quiet_connections_keep_nobody_out)
{
	int fds[3 * PLC_CONNECTIONS];
	char byte;

	for (int i = 0; i < 3 * PLC_CONNECTIONS; i++) {
		fds[i] = plc_dial(&self->plc);
		ASSERT_LE(0, fds[i]);
		EXPECT_EQ(1, plc_read_one(fds[i], 0));
	}
	/* The first ones were hung up on, the last ones are served. */
	EXPECT_EQ(0, recv(fds[0], &byte, 1, 0));
	EXPECT_EQ(1, plc_read_one(fds[3 * PLC_CONNECTIONS - 1], 0));
	for (int i = 0; i < 3 * PLC_CONNECTIONS; i++)
		close(fds[i]);
}

/* A daemon that hangs is no reason for silence on the line. */
TEST_F(modbus, answers_while_the_daemon_does_not)
{
	uint64_t longest = 0;

	ASSERT_TRUE(plc_wait_state(&self->plc, PLC_READY));
	kill(self->r.daemon_pid, SIGSTOP);
	for (int i = 0; i < 100; i++) {
		const uint64_t begin = clock_monotonic_ns();

		EXPECT_EQ(PLC_READY[0] - '0', plc_read_one(self->plc.fd, 1));
		if (clock_monotonic_ns() - begin > longest)
			longest = clock_monotonic_ns() - begin;
		usleep(10000);
	}
	kill(self->r.daemon_pid, SIGCONT);
	TH_LOG("answered within %.1f ms", (double)longest / 1e6);
	/* Calls to the daemon wait for ten seconds. */
	EXPECT_LT(longest, 5000000000u);
	EXPECT_TRUE(plc_wait_state(&self->plc, PLC_READY));
}

TEST_HARNESS_MAIN
