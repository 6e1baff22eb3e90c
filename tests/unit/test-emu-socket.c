// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The emulator's packet socket: calls, rights, frames, faults. A child process
 * serves; the test talks to it as the daemon does.
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dp5emu/control.h"
#include "dp5emu/socket.h"
#include "kselftest_harness.h"
#include "uapi/dp5_socket.h"

#define MS 1000000ULL

/* An answer or a frame: head, then what follows it. */
struct packet {
	struct dp5_sock_msg head;
	uint8_t data[DP5_SOCK_PACKET_MAX];
};

FIXTURE(port)
{
	char path[64];
	pid_t pid;
	int command_fd; /* control commands to the child, one a line */
	FILE *answers;
	int fd;
	struct packet p;
};

static struct sample *bright_sample(void)
{
	struct sample *s = calloc(1, sizeof(*s));

	strcpy(s->name, "flat");
	s->n_chan = 2048;
	s->gain_kev = 0.025;
	s->live_s = 1;
	for (int k = 0; k < 2048; k++)
		s->counts[k] = 10;
	s->total = 20480;
	return s;
}

static void on_command(void *arg, short revents)
{
	char line[256], answer[CONTROL_ANSWER_MAX];
	struct emu *emu = arg;
	ssize_t n;

	(void)revents;
	n = read(0, line, sizeof(line) - 1);
	if (n <= 0) {
		emu->loop.is_done = true;
		return;
	}
	line[n] = 0;
	control_command(emu, line, answer);
	dprintf(1, "%s\n", answer);
}

/* The child: an emulator whose commands come from standard input. */
static void serve(const char *path, const char *profile)
{
	struct instrument_options opt = {
		.profile = profile_find(profile),
		.detector = detector_find("sdd"),
		.serial = 4711,
		.seed = 1,
		.ref_gain = 23.5,
		.is_boot_on = true,
	};
	struct emu *emu = calloc(1, sizeof(*emu));

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	loop_init(&emu->loop);
	if (instrument_new(&opt, 0, &emu->ins))
		_exit(1);
	instrument_set_sample(emu->ins, 0, bright_sample());
	link_init(&emu->link, emu->ins, 1, 1);
	if (socket_new(&emu->loop, &emu->link, path, &emu->port) ||
	    port_plug(emu->port) ||
	    loop_add_fd(&emu->loop, 0, POLLIN, on_command, emu))
		_exit(1);
	dprintf(1, "ok ready\n");
	loop_serve(&emu->loop);
	port_free(emu->port);
	instrument_free(emu->ins);
	free(emu);
	_exit(0);
}

static pid_t start(const char *path, const char *profile, int *ret_fd,
		   FILE **ret_answers)
{
	int in[2], out[2];
	pid_t pid;

	if (pipe(in) < 0 || pipe(out) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		serve(path, profile);
	}
	close(in[0]);
	close(out[1]);
	*ret_fd = in[1];
	*ret_answers = fdopen(out[0], "r");
	return pid;
}

static bool is_ok(FILE *answers)
{
	char line[CONTROL_ANSWER_MAX + 1];

	return fgets(line, sizeof(line), answers) && !strncmp(line, "ok", 2);
}

#define EMU(text) \
	(dprintf(self->command_fd, "%s", text) > 0 && is_ok(self->answers))

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = 5 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	strcpy(addr.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close(fd);
	return -1;
}

FIXTURE_SETUP(port)
{
	snprintf(self->path, sizeof(self->path), "/tmp/test-emu-socket-%d",
		 getpid());
	self->pid =
		start(self->path, "6.10.04", &self->command_fd, &self->answers);
	ASSERT_TRUE(is_ok(self->answers));
	self->fd = connect_to(self->path);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(port)
{
	int status;

	close(self->fd);
	close(self->command_fd);
	fclose(self->answers);
	waitpid(self->pid, &status, 0);
	EXPECT_EQ(status, 0);
	unlink(self->path);
}

/* The next packet; its length, 0 at the end, negative when none comes. */
static ssize_t receive(int fd, struct packet *p)
{
	ssize_t n = recv(fd, p, sizeof(*p), 0);

	if (n <= 0)
		return n < 0 ? -errno : 0;
	return n >= (ssize_t)sizeof(p->head) &&
			       p->head.len == n - sizeof(p->head)
		       ? n
		       : -EBADMSG;
}

/* The end shows as a reset when something sent was not read any more. */
static bool is_closed(int fd, struct packet *p)
{
	ssize_t n = receive(fd, p);

	return n == 0 || n == -ECONNRESET;
}

/* A call; its result. Frames that come between are dropped. */
static int call(int fd, uint32_t cmd, const void *arg, size_t arg_len,
		const void *tx, size_t tx_len, struct packet *p)
{
	struct dp5_sock_call head = { cmd, (uint32_t)(arg_len + tx_len), 77 };
	struct iovec iov[] = {
		{ &head, sizeof(head) },
		{ (void *)(uintptr_t)arg, arg_len },
		{ (void *)(uintptr_t)tx, tx_len },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };

	if (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
		return -errno;
	do {
		ssize_t n = receive(fd, p);

		if (n <= 0)
			return n < 0 ? (int)n : -ENODEV;
	} while (p->head.kind == DP5_SOCK_FRAME);
	return p->head.cookie == 77 ? p->head.result : -EBADMSG;
}

static int transact(int fd, int pid, const char *tx, uint64_t timeout_ns,
		    struct packet *p)
{
	struct dp5_transact t = {
		.size = sizeof(t),
		.pid1 = (uint8_t)(pid >> 8),
		.pid2 = (uint8_t)pid,
		.tx_len = (uint16_t)strlen(tx),
		.rx_size = DP5_REPLY_MAX,
		.timeout_ns = timeout_ns,
	};
	int r = call(fd, DP5_IOC_TRANSACT, &t, sizeof(t), tx, strlen(tx), p);

	if (r < 0)
		return r;
	memcpy(&t, p->data, sizeof(t));
	return t.rx_pid1 << 8 | t.rx_pid2;
}

static int control(int fd, uint32_t op, struct packet *p)
{
	struct dp5_control c = { .size = sizeof(c), .op = op };

	return call(fd, DP5_IOC_CONTROL, &c, sizeof(c), NULL, 0, p);
}

static int subscribe(int fd, struct dp5_subscribe sub, struct packet *p)
{
	sub.size = sizeof(sub);
	return call(fd, DP5_IOC_SUBSCRIBE, &sub, sizeof(sub), NULL, 0, p);
}

static struct dp5_frame *frame_of(struct packet *p)
{
	return (struct dp5_frame *)(void *)p->data;
}

#define TRANSACT(pid, tx) transact(self->fd, pid, tx, 0, &self->p)

TEST_F(port, info_comes_from_the_first_status)
{
	struct dp5_info i = { .size = sizeof(i) };

	ASSERT_EQ(call(self->fd, DP5_IOC_GET_INFO, &i, sizeof(i), NULL, 0,
		       &self->p),
		  0);
	memcpy(&i, self->p.data, sizeof(i));
	EXPECT_EQ(i.serial, 4711);
	EXPECT_EQ(i.abi_version, DP5_ABI_VERSION);
	EXPECT_EQ(i.fw_major, 6);
	EXPECT_EQ(i.fw_minor, 10);
	EXPECT_EQ(i.fw_build, 4);
	EXPECT_EQ(i.features, DP5_FEATURE_TEXT_UNSAVED | DP5_FEATURE_BUFFERS);
	EXPECT_EQ(i.is_control, 0);
}

TEST_F(port, a_tube_controller_is_not_served)
{
	char path[80];
	FILE *answers;
	int fd, status;
	pid_t pid;

	snprintf(path, sizeof(path), "%s-x2", self->path);
	pid = start(path, "mini-x2", &fd, &answers);
	ASSERT_TRUE(is_ok(answers));
	for (int i = 0; i < 100 && !access(path, F_OK); i++)
		usleep(10000);
	EXPECT_EQ(connect_to(path), -1);
	EXPECT_NE(access(path, F_OK), 0);
	close(fd);
	fclose(answers);
	waitpid(pid, &status, 0);
	unlink(path);
}

TEST_F(port, reply_has_the_payload_only)
{
	EXPECT_EQ(TRANSACT(0x0101, ""), 0x8001);
	EXPECT_EQ(self->p.head.len, sizeof(struct dp5_transact) + 64);
	EXPECT_EQ(self->p.data[sizeof(struct dp5_transact) + 24], 0x6a);
	EXPECT_EQ(TRANSACT(0xf17f, "nonce"), 0x8f7f);
	EXPECT_EQ(memcmp(self->p.data + sizeof(struct dp5_transact), "nonce",
			 5),
		  0);
	EXPECT_EQ(TRANSACT(0x2004, "TPEA=999;"), 0xff05);
}

TEST_F(port, requests_have_their_rights)
{
	int other = connect_to(self->path);

	EXPECT_EQ(TRANSACT(0x3001, "\x12\x34"), -EPERM);
	EXPECT_EQ(TRANSACT(0x0306, ""), -EPERM);
	EXPECT_EQ(TRANSACT(0x2002, "PRET=1.0;"), -EPERM);
	EXPECT_EQ(TRANSACT(0x2004, "PRET=1.0;HVSE=-110;"), -EPERM);
	EXPECT_EQ(TRANSACT(0x2004, "PRET=1.0;"), 0xff00);
	EXPECT_EQ(control(other, DP5_CONTROL_CLAIM, &self->p), 0);
	EXPECT_EQ(TRANSACT(0x2004, "PRET=1.0;"), -EBUSY);
	EXPECT_EQ(TRANSACT(0x2002, "PRET=1.0;"), -EBUSY);
	EXPECT_EQ(TRANSACT(0x0101, ""), 0x8001);
	EXPECT_EQ(control(self->fd, DP5_CONTROL_CLAIM, &self->p), -EBUSY);
	EXPECT_EQ(transact(other, 0x2004, "HVSE=-110;", 0, &self->p), 0xff00);
	/* Closing gives control back. */
	close(other);
	for (int i = 0; i < 100; i++) {
		if (!control(self->fd, DP5_CONTROL_CLAIM, &self->p))
			break;
		usleep(10000);
	}
	EXPECT_EQ(TRANSACT(0x2004, "HVSE=-110;"), 0xff00);
}

TEST_F(port, ill_formed_calls_are_refused)
{
	struct dp5_subscribe sub = { .kind = 9 };
	struct dp5_transact t = {
		.size = sizeof(t), .flags = 1, .pid1 = 1, .pid2 = 1
	};
	uint8_t longer[sizeof(struct dp5_info) + 4] = { sizeof(longer) };

	EXPECT_EQ(TRANSACT(0x2004, "pret=1.0;"), -EINVAL);
	EXPECT_EQ(TRANSACT(0x2004, "PRET=1.0"), -EINVAL);
	EXPECT_EQ(TRANSACT(0x0101, "x"), -EINVAL);
	EXPECT_EQ(subscribe(self->fd, sub, &self->p), -EINVAL);
	sub.kind = DP5_SUB_LIST;
	EXPECT_EQ(subscribe(self->fd, sub, &self->p), -EOPNOTSUPP);
	EXPECT_EQ(call(self->fd, DP5_IOC_TRANSACT, &t, sizeof(t), NULL, 0,
		       &self->p),
		  -EINVAL);
	EXPECT_EQ(call(self->fd, 0x1234, &t, sizeof(t), NULL, 0, &self->p),
		  -ENOTTY);
	/* Longer structs are taken as long as the rest is zero. */
	EXPECT_EQ(call(self->fd, DP5_IOC_GET_INFO, longer, sizeof(longer), NULL,
		       0, &self->p),
		  0);
	longer[sizeof(longer) - 1] = 1;
	EXPECT_EQ(call(self->fd, DP5_IOC_GET_INFO, longer, sizeof(longer), NULL,
		       0, &self->p),
		  -E2BIG);
}

TEST_F(port, a_small_buffer_is_said_so)
{
	struct dp5_transact t = {
		.size = sizeof(t), .pid1 = 1, .pid2 = 1, .rx_size = 63
	};

	EXPECT_EQ(call(self->fd, DP5_IOC_TRANSACT, &t, sizeof(t), NULL, 0,
		       &self->p),
		  -EMSGSIZE);
}

TEST_F(port, faults_give_the_errors_of_a_driver)
{
	ASSERT_TRUE(EMU("fault drop"));
	EXPECT_EQ(transact(self->fd, 0x0101, "", 50 * MS, &self->p),
		  -ETIMEDOUT);
	ASSERT_TRUE(EMU("fault corrupt"));
	EXPECT_EQ(TRANSACT(0x0101, ""), -EPROTO);
	ASSERT_TRUE(EMU("fault truncate"));
	EXPECT_EQ(TRANSACT(0x0101, ""), -EPROTO);
	ASSERT_TRUE(EMU("fault short"));
	EXPECT_EQ(TRANSACT(0x0101, ""), -EPROTO);
	ASSERT_TRUE(EMU("fault garbage"));
	EXPECT_EQ(TRANSACT(0x0101, ""), -EPROTO);
	ASSERT_TRUE(EMU("fault glue"));
	EXPECT_EQ(TRANSACT(0x0101, ""), -EPROTO);
	ASSERT_TRUE(EMU("fault stall"));
	EXPECT_EQ(TRANSACT(0x0101, ""), -EPROTO);
	ASSERT_TRUE(EMU("fault ack 13"));
	EXPECT_EQ(TRANSACT(0x0203, ""), 0xff0d);
	EXPECT_EQ(TRANSACT(0x0101, ""), 0x8001);
}

TEST_F(port, a_stale_reply_is_dropped_and_counted)
{
	struct dp5_stats st = { .size = sizeof(st) };

	EXPECT_EQ(TRANSACT(0x0203, ""), 0x8108);
	ASSERT_TRUE(EMU("fault stale"));
	EXPECT_EQ(TRANSACT(0x0101, ""), 0x8001);
	ASSERT_EQ(call(self->fd, DP5_IOC_GET_STATS, &st, sizeof(st), NULL, 0,
		       &self->p),
		  0);
	memcpy(&st, self->p.data, sizeof(st));
	EXPECT_EQ(st.stale, 1);
	EXPECT_EQ(st.timeouts, 0);
}

TEST_F(port, frames_come_at_their_interval)
{
	struct dp5_subscribe sub = { .kind = DP5_SUB_SPECTRUM,
				     .interval_ns = 50 * MS };
	struct dp5_frame *f = frame_of(&self->p);
	uint64_t first_ns = 0, seq = 0;

	ASSERT_EQ(subscribe(self->fd, sub, &self->p), 0);
	for (int i = 0; i < 6; i++) {
		ASSERT_LT(0, receive(self->fd, &self->p));
		ASSERT_EQ(self->p.head.kind, DP5_SOCK_FRAME);
		EXPECT_EQ(f->type, DP5_FRAME_SPECTRUM);
		EXPECT_EQ(f->len, self->p.head.len);
		EXPECT_EQ(f->len % 8, 0);
		EXPECT_EQ(f->payload_len, 6144 + 64);
		EXPECT_EQ(f->channels, 2048);
		EXPECT_EQ(f->pid1, 0x81);
		EXPECT_EQ(f->lost, 0);
		EXPECT_GE(f->t_done_ns, f->t_req_ns);
		if (i)
			EXPECT_EQ(f->seq, seq + 1);
		seq = f->seq;
		if (!i)
			first_ns = f->t_req_ns;
	}
	/* Five intervals; a busy machine may be late, never early. */
	EXPECT_GE(f->t_req_ns - first_ns, 240 * MS);
}

TEST_F(port, changes_are_told_to_subscribers)
{
	struct dp5_subscribe sub = { .kind = DP5_SUB_STATUS,
				     .interval_ns = 60000 * MS };
	struct dp5_frame *f = frame_of(&self->p);
	struct dp5_state *state = (void *)(self->p.data + sizeof(*f));
	int other = connect_to(self->path);

	ASSERT_EQ(subscribe(self->fd, sub, &self->p), 0);
	ASSERT_LT(0, receive(self->fd, &self->p));
	EXPECT_EQ(f->type, DP5_FRAME_STATUS);
	EXPECT_EQ(f->payload_len, 64);

	static struct packet p;

	EXPECT_EQ(transact(other, 0xf001, "", 0, &p), 0xff00);
	ASSERT_LT(0, receive(self->fd, &self->p));
	EXPECT_EQ(f->type, DP5_FRAME_STATE);
	EXPECT_EQ(state->event, DP5_STATE_CLEAR);
	EXPECT_EQ(transact(other, 0xf002, "", 0, &p), 0xff00);
	ASSERT_LT(0, receive(self->fd, &self->p));
	EXPECT_EQ(state->event, DP5_STATE_RUN);
	EXPECT_EQ(state->arg, 1);
	EXPECT_EQ(transact(other, 0x2004, "PRET=5;", 0, &p), 0xff00);
	ASSERT_LT(0, receive(self->fd, &self->p));
	EXPECT_EQ(state->event, DP5_STATE_CONFIG);
	EXPECT_EQ(state->arg, 7);
	close(other);
}

TEST_F(port, watermark_holds_frames_back)
{
	struct dp5_subscribe sub = { .kind = DP5_SUB_STATUS,
				     .interval_ns = 10 * MS,
				     .deadline_ns = 60000 * MS,
				     .watermark = 5 };
	struct dp5_frame *f = frame_of(&self->p);
	uint64_t first_ns;

	ASSERT_EQ(subscribe(self->fd, sub, &self->p), 0);
	ASSERT_LT(0, receive(self->fd, &self->p));
	first_ns = link_monotonic_ns();
	/* The fifth was queued before the first was sent. */
	for (int i = 1; i < 5; i++)
		ASSERT_LT(0, receive(self->fd, &self->p));
	EXPECT_LE(f->t_done_ns, first_ns);
}

/* The answer to a command; of the emulator, until the next one. */
static const char *said(int command_fd, FILE *answers, const char *text)
{
	static char line[CONTROL_ANSWER_MAX + 1];

	if (dprintf(command_fd, "%s", text) < 0 ||
	    !fgets(line, sizeof(line), answers))
		return "";
	return line;
}

#define SAID(text) said(self->command_fd, self->answers, text)

TEST_F(port, lines_are_driven_and_read_by_commands)
{
	EXPECT_EQ(TRANSACT(0x2004,
			   "GPIN=AUX2;GPED=RISING;GPME=OFF;AUO1=MCAEN;"),
		  0xff00);
	EXPECT_EQ(TRANSACT(0xf01e, ""), 0xff00);
	EXPECT_EQ(TRANSACT(0xf008, "\x0b"), 0xff00);
	EXPECT_STREQ(SAID("aux 1 1"), "ok aux_in1=1\n");
	EXPECT_STREQ(SAID("pulse 2 3 2000"), "ok 3 on aux_in2\n");
	EXPECT_STREQ(SAID("io 0 0"), "ok io0 pulled down\n");
	EXPECT_STREQ(
		SAID("lines"),
		"ok aux_in1=1 aux_in2=0 aux_out1=0 aux_out2=ICR io0=0 io1=1"
		" io2=0 io3=1 io_writes=1 gate=open gp=0 buffering=1 slot=3"
		" slots=64 io_changes=0,0,1,0"
		" io_least_ms=0,0,0,0\n");
	EXPECT_STREQ(SAID("io 0 1"), "ok io0 let go\n");
	EXPECT_NE(strstr(SAID("lines"), "io0=1"), NULL);
	EXPECT_STREQ(SAID("aux 3 1"),
		     "error aux: 3 is not a number from 1 to 2\n");
	EXPECT_STREQ(SAID("aux 1.5 1"), "error aux: there is no line 1.5\n");
	EXPECT_STREQ(SAID("io 0 2"),
		     "error io: 2 is not a number from 0 to 1\n");
	EXPECT_STREQ(SAID("pulse 2 0"),
		     "error pulse: 0 is not a number from 1 to 1000\n");
	EXPECT_STREQ(SAID("pulse"), "error usage: pulse 1|2 [N [US]]\n");
}

TEST_F(port, unplug_closes_and_plug_opens_again)
{
	int fd;

	ASSERT_TRUE(EMU("unplug"));
	EXPECT_TRUE(is_closed(self->fd, &self->p));
	EXPECT_EQ(connect_to(self->path), -1);
	ASSERT_TRUE(EMU("plug"));
	fd = connect_to(self->path);
	ASSERT_LE(0, fd);
	EXPECT_EQ(transact(fd, 0x0101, "", 0, &self->p), 0x8001);
	close(fd);
}

TEST_F(port, an_unplug_in_mid_request_ends_it)
{
	struct dp5_sock_call head = { DP5_IOC_TRANSACT, 0, 1 };
	struct dp5_transact t = {
		.size = sizeof(t), .pid1 = 1, .pid2 = 1, .rx_size = 64
	};
	uint8_t bytes[sizeof(head) + sizeof(t)];

	ASSERT_TRUE(EMU("fault delay 60000"));
	head.len = sizeof(t);
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), &t, sizeof(t));
	ASSERT_LT(0, send(self->fd, bytes, sizeof(bytes), 0));
	ASSERT_TRUE(EMU("unplug"));
	EXPECT_TRUE(is_closed(self->fd, &self->p));
	ASSERT_TRUE(EMU("plug"));
}

TEST_F(port, junk_closes_the_connection_only)
{
	int other = connect_to(self->path);

	ASSERT_EQ(send(other, "junk", 4, 0), 4);
	EXPECT_EQ(receive(other, &self->p), 0);
	close(other);
	EXPECT_EQ(TRANSACT(0x0101, ""), 0x8001);
}

TEST_HARNESS_MAIN
