// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bridge of a sample line under peers that send nonsense, hold
 * connections, or say half of what they want: it answers what is a request,
 * hangs up on what is none, stays as small as it was, and measures every order
 * it took once. REESPEC_SEED draws other frames, MODBUS_FRAMES more of them.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "../unit/seed.h"
#include "base/buf.h"
#include "base/clock.h"
#include "rig.h"

#define SEED 20261126u
#define N_FRAMES 6000
#define CONNECTIONS 4
#define PORT 15021
#define FRAME_MAX 260

FIXTURE(modbus)
{
	struct rig r;
	pid_t pid;
	struct sockaddr_in address;
	int fd; /* a connection of the line's own PLC */
};

/* An address of this process alone. */
static void choose_address(FIXTURE_DATA(modbus) * self)
{
	const unsigned int pid = (unsigned int)getpid();

	self->address.sin_family = AF_INET;
	self->address.sin_port = htons(PORT);
	self->address.sin_addr.s_addr =
		htonl(0x7f4e0000 | (pid / 250 % 250) << 8 | (pid % 250 + 1));
}

static void write_config(FIXTURE_DATA(modbus) * self, const char *path)
{
	FILE *f = fopen(path, "we");

	fprintf(f,
		"[listen]\naddress = %s\nport = %d\npeers = 127.0.0.0/8\n"
		"connections = %d\n[line]\nname = belt\ninstrument = %s\n"
		"methods = ore-l\nquantities = La TREO\n"
		"orders = start abort acknowledge\n",
		inet_ntoa(self->address.sin_addr), PORT, CONNECTIONS,
		RIG_SERIAL);
	fclose(f);
}

static int dial(FIXTURE_DATA(modbus) * self)
{
	const struct timeval patience = { .tv_sec = 10 };
	const int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (connect(fd, (struct sockaddr *)&self->address,
		    sizeof(self->address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void start_bridge(FIXTURE_DATA(modbus) * self)
{
	const char *out = getenv("O");
	char program[4200], config[128], said[128];

	snprintf(program, sizeof(program), "%s/reespec-modbus",
		 out ? out : ".build");
	snprintf(config, sizeof(config), "%s/modbus.conf", self->r.dir);
	snprintf(said, sizeof(said), "%s/modbus.log", self->r.dir);
	write_config(self, config);
	self->pid = fork();
	if (self->pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	dup2(open(said, O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
	execl(program, program, "--bus", self->r.address, "--config", config,
	      NULL);
	_exit(127);
}

static void nap(void)
{
	usleep(10000);
}

FIXTURE_SETUP(modbus)
{
	rig_start(&self->r, "--settle 0 --time-scale 10", "idle");
	choose_address(self);
	start_bridge(self);
	for (int i = 0; i < 1000 && (self->fd = dial(self)) < 0; i++)
		nap();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(modbus)
{
	close(self->fd);
	rig_kill(&self->pid, SIGKILL);
	rig_stop(&self->r);
}

/* ---- a peer that knows how ------------------------------------------------------- */

/* Exactly @len bytes; false when the other side hung up or said nothing. */
static bool receive(int fd, uint8_t *to, size_t len)
{
	return recv(fd, to, len, MSG_WAITALL) == (ssize_t)len;
}

/* The answer to a frame: its length behind the header, 0: hung up, -1: not an
 * answer to this frame. */
static int hear(int fd, const uint8_t *frame, uint8_t ret[FRAME_MAX])
{
	unsigned int len;

	if (!receive(fd, ret, 8))
		return 0;
	len = (unsigned int)ret[4] << 8 | ret[5];
	if (memcmp(ret, frame, 4) != 0 || len < 2 || len > FRAME_MAX - 6 ||
	    (ret[7] & 0x7f) != (frame[7] & 0x7f))
		return -1;
	if (!receive(fd, ret + 8, len - 2))
		return 0;
	return (int)len - 1;
}

static int exchange(int fd, const uint8_t *frame, size_t len,
		    uint8_t ret[FRAME_MAX])
{
	if (send(fd, frame, len, MSG_NOSIGNAL) != (ssize_t)len)
		return 0;
	return hear(fd, frame, ret);
}

/* One input register, -1 without an answer. */
static int input_register(int fd, unsigned int address)
{
	const uint8_t frame[] = { 7, 7, 0, 0, 0, 6, 1, 4, 0, (uint8_t)address,
				  0, 1 };
	uint8_t answer[FRAME_MAX];

	if (exchange(fd, frame, sizeof(frame), answer) != 4 || answer[7] != 4)
		return -1;
	return answer[9] << 8 | answer[10];
}

/* 0, or the exception's code; -1 without an answer. */
static int coil(int fd, unsigned int number, bool value)
{
	const uint8_t frame[] = {
		8, 8, 0, 0, 0, 6, 1, 5, 0, (uint8_t)number, value ? 0xff : 0, 0
	};
	uint8_t answer[FRAME_MAX];
	int len = exchange(fd, frame, sizeof(frame), answer);

	return len == 5 ? 0 : len == 2 ? answer[8] : -1;
}

/* Until the state is one of these digits. */
static bool wait_state(FIXTURE_DATA(modbus) * self, const char *states)
{
	int now = -1;

	for (int i = 0; i < 3000; i++) {
		now = input_register(self->fd, 1);
		if (now >= 0 && strchr(states, '0' + now))
			return true;
		nap();
	}
	printf("# state %d, none of %s\n", now, states);
	return false;
}

/* As README.md has them. */
#define READY "2"
#define DONE "7"
#define FAULT "8"

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
		len = 1 + drawn(FRAME_MAX);
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
	uint8_t frame[FRAME_MAX + 260], answer[FRAME_MAX];
	bool is_frame;
	size_t len = draw_frame(frame, &is_frame);
	int n;

	if (*fd < 0)
		*fd = dial(self);
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
	n = exchange(*fd, frame, len, answer);
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

	ASSERT_TRUE(wait_state(self, READY));
	srandom(seed);
	for (unsigned long i = 0; i < n; i++) {
		/* What the first frames make stays: measured after a tenth. */
		if (i == n / 10)
			kb = memory_kb(self->pid);
		send_somehow(self, &fd, &t);
	}
	close(fd);
	TH_LOG("seed %u: %lu frames, %u answered, %u of them refused; %lu kB, then %lu kB",
	       seed, n, t.n_answers, t.n_exceptions, kb, memory_kb(self->pid));
	EXPECT_EQ(0, t.n_strange);
	EXPECT_GT(t.n_answers, n / 2);
	EXPECT_GT(t.n_exceptions, n / 10);
	EXPECT_LT(t.n_exceptions, t.n_answers);
	EXPECT_LE(memory_kb(self->pid), kb + 512);

	/* Whatever was ordered by accident comes to an end, once. Not all of
	 * the connections that were given up may have been noticed. */
	close(self->fd);
	self->fd = dial(self);
	for (unsigned int i = 0; i < 3; i++)
		EXPECT_EQ(0, coil(self->fd, i, false));
	coil(self->fd, 1, true);
	ASSERT_TRUE(wait_state(self, READY DONE FAULT));
	coil(self->fd, 2, true);
	EXPECT_TRUE(wait_state(self, READY));
	EXPECT_EQ(n_records(&self->r, "assay"), n_records(&self->r, "result"));
	EXPECT_TRUE(rig_verifies(&self->r));
}

/* Half a frame, and the rest later; two at once; one byte at a time. */
TEST_F(modbus, frames_may_come_in_any_pieces)
{
	const uint8_t frame[] = { 9, 9, 0, 0, 0, 6, 1, 4, 0, 0, 0, 1 };
	uint8_t two[2 * sizeof(frame)], answer[FRAME_MAX];

	for (size_t i = 0; i < sizeof(frame); i++) {
		ASSERT_EQ(1, send(self->fd, frame + i, 1, MSG_NOSIGNAL));
		/* Another peer is served meanwhile. */
		if (i == sizeof(frame) / 2) {
			int fd = dial(self);

			EXPECT_EQ(1, input_register(fd, 0));
			close(fd);
		}
	}
	EXPECT_EQ(4, hear(self->fd, frame, answer));
	memcpy(two, frame, sizeof(frame));
	memcpy(two + sizeof(frame), frame, sizeof(frame));
	EXPECT_EQ(4, exchange(self->fd, two, sizeof(two), answer));
	EXPECT_EQ(4, hear(self->fd, frame, answer));
}

/* One that is quiet makes place for one that has something to say. */
TEST_F(modbus, quiet_connections_keep_nobody_out)
{
	int fds[3 * CONNECTIONS];

	for (int i = 0; i < 3 * CONNECTIONS; i++) {
		fds[i] = dial(self);
		ASSERT_LE(0, fds[i]);
		EXPECT_EQ(1, input_register(fds[i], 0));
	}
	/* The first ones were hung up on, the last ones are served. */
	EXPECT_EQ(-1, input_register(fds[0], 0));
	EXPECT_EQ(1, input_register(fds[3 * CONNECTIONS - 1], 0));
	for (int i = 0; i < 3 * CONNECTIONS; i++)
		close(fds[i]);
}

/* A daemon that hangs is no reason for silence on the line. */
TEST_F(modbus, answers_while_the_daemon_does_not)
{
	uint64_t longest = 0;

	ASSERT_TRUE(wait_state(self, READY));
	kill(self->r.daemon_pid, SIGSTOP);
	for (int i = 0; i < 100; i++) {
		const uint64_t begin = clock_monotonic_ns();

		EXPECT_EQ(READY[0] - '0', input_register(self->fd, 1));
		if (clock_monotonic_ns() - begin > longest)
			longest = clock_monotonic_ns() - begin;
		nap();
	}
	kill(self->r.daemon_pid, SIGCONT);
	TH_LOG("answered within %.1f ms", (double)longest / 1e6);
	/* Calls to the daemon wait for ten seconds. */
	EXPECT_LT(longest, 5000000000u);
	EXPECT_TRUE(wait_state(self, READY));
}

TEST_HARNESS_MAIN
