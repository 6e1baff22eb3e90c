// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each call with its first allocation or copy failing, then its second, and
 * so on until it makes no more of them: it ends in an error or in success,
 * and the instrument works afterwards. Completions have no call of their own:
 * of what they allocate one in ten fails. That nothing was leaked or touched
 * after its end is for the kernel to say, and for its log to show.
 *
 * Needs a kernel with fault injection; Debian's have none.
 */
#include "guest.h"

#define NTH "/proc/self/fail-nth"
#define FAULTS "/sys/kernel/debug/"

struct sweep {
	int fd; /* an open of the node */
	char interface[32];
	struct answer a;
	int other; /* an open that only listens */
	uint32_t kind; /* of the subscription */
	uint64_t next_seq;
};

FIXTURE(fail)
{
	int nth_fd;
	struct sweep s;
};

FIXTURE_SETUP(fail)
{
	self->nth_fd = open(NTH, O_RDWR | O_CLOEXEC);
	/* Allocations that may wait are those a process makes. A trace of
	 * each fault would look like a complaint.
	 */
	write_file(FAULTS "failslab/ignore-gfp-wait", "N");
	write_file(FAULTS "fail_page_alloc/ignore-gfp-wait", "N");
	write_file(FAULTS "fail_page_alloc/min-order", "0");
	write_file(FAULTS "failslab/verbose", "0");
	write_file(FAULTS "fail_page_alloc/verbose", "0");
	write_file(FAULTS "fail_usercopy/verbose", "0");
	ASSERT_TRUE(node_wait(true));
	self->s.fd = node_open(O_RDWR);
	ASSERT_LE(0, self->s.fd);
}

FIXTURE_TEARDOWN(fail)
{
	write_file(FAULTS "failslab/probability", "0");
	close(self->s.fd);
	close(self->nth_fd);
}

/* Before an emulator is started that nobody would need. */
__attribute__((constructor(200))) static void need_faults(void)
{
	if (!access(NTH, W_OK))
		return;
	puts("1..0 # SKIP kernel without fault injection");
	fflush(stdout);
	_exit(4);
}

static void arm(int nth_fd, unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	if (pwrite(nth_fd, text, strlen(text), 0) < 0)
		_exit(1);
}

/* Whether the fault has happened. What is left to count is copied out, and
 * that copy may be the one to fail: then it had not happened before.
 */
static bool disarm(int nth_fd)
{
	char text[16] = "";
	bool happened =
		pread(nth_fd, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	while (pwrite(nth_fd, "0", 1, 0) < 0)
		;
	return happened;
}

/* Run @call with its 1st, 2nd, ... step failing. @after sees its result, and
 * returns whether all is well. Returns how many steps there were, 0 when
 * something was not well.
 */
static unsigned int sweep(int nth_fd, struct sweep *s, const char *what,
			  int (*call)(struct sweep *),
			  bool (*after)(struct sweep *, int ret))
{
	unsigned int n, failed = 0;
	bool happened;
	int ret;

	for (n = 1; n < 5000; n++) {
		arm(nth_fd, n);
		ret = call(s);
		happened = disarm(nth_fd);
		failed += ret != 0;
		if (!after(s, ret)) {
			fprintf(stderr, "# %s: after fault %u, which gave %d\n",
				what, n, ret);
			return 0;
		}
		if (!happened)
			break;
	}
	fprintf(stderr, "# %s: %u faults, %u of them seen as errors\n", what,
		n - 1, failed);
	/* Without a fault it works. */
	return ret ? 0 : n - 1;
}

static bool answers(struct sweep *s, int ret)
{
	(void)ret;
	return !transact(s->fd, 0x01, 0x01, NULL, 0, &s->a);
}

static char node_path[32];

static int call_open_close(struct sweep *s)
{
	int fd = open(node_path, O_RDWR | O_CLOEXEC);

	(void)s;
	if (fd < 0)
		return errno;
	return close(fd) ? errno : 0;
}

TEST_F_TIMEOUT(fail, open_and_close, 600)
{
	snprintf(node_path, sizeof(node_path), "/dev/dp5-%d", node_number());
	EXPECT_LT(0, sweep(self->nth_fd, &self->s, "open", call_open_close,
			   answers));
}

static int call_info(struct sweep *s)
{
	struct dp5_info i = { .size = sizeof(i) };

	return ioctl(s->fd, DP5_IOC_GET_INFO, &i) ? errno : 0;
}

static int call_stats(struct sweep *s)
{
	struct dp5_stats i = { .size = sizeof(i) };

	return ioctl(s->fd, DP5_IOC_GET_STATS, &i) ? errno : 0;
}

static int call_control(struct sweep *s)
{
	int ret = control(s->fd, DP5_CONTROL_CLAIM);

	return control(s->fd, DP5_CONTROL_RELEASE) ?: ret;
}

TEST_F_TIMEOUT(fail, info_stats_and_control, 600)
{
	EXPECT_LT(0, sweep(self->nth_fd, &self->s, "GET_INFO", call_info,
			   answers));
	EXPECT_LT(0, sweep(self->nth_fd, &self->s, "GET_STATS", call_stats,
			   answers));
	EXPECT_LT(0, sweep(self->nth_fd, &self->s, "CONTROL", call_control,
			   answers));
	/* A release that failed has not left control with anybody. */
	EXPECT_EQ(0, control(self->s.fd, DP5_CONTROL_CLAIM));
}

static int call_status(struct sweep *s)
{
	return transact(s->fd, 0x01, 0x01, NULL, 0, &s->a);
}

static int call_spectrum(struct sweep *s)
{
	return transact(s->fd, 0x02, 0x03, NULL, 0, &s->a);
}

static int call_text(struct sweep *s)
{
	return transact_text(s->fd, 0x04, "GAIN=10;", &s->a);
}

/* Changes of the configuration that were told since the last look. */
static unsigned int count_told(int fd)
{
	static union record r;
	unsigned int n = 0;
	ssize_t len, at;

	while ((len = read(fd, r.bytes, sizeof(r.bytes))) > 0)
		for (at = 0; at < len;) {
			struct dp5_frame *f = (void *)(r.bytes + at);
			struct dp5_state *state = (void *)(f + 1);

			n += f->type == DP5_FRAME_STATE &&
			     state->event == DP5_STATE_CONFIG;
			at += f->len;
		}
	return n;
}

/* Without memory nothing was sent, and nobody is told that it might have been. */
static bool tells_what_was_sent(struct sweep *s, int ret)
{
	unsigned int n = count_told(s->other);

	return answers(s, ret) && (ret != ENOMEM || !n) && (ret || n);
}

TEST_F_TIMEOUT(fail, transact, 600)
{
	self->s.other = node_open(O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, self->s.other);
	EXPECT_LT(0, sweep(self->nth_fd, &self->s, "TRANSACT status",
			   call_status, answers));
	EXPECT_LT(0, sweep(self->nth_fd, &self->s, "TRANSACT spectrum",
			   call_spectrum, answers));
	count_told(self->s.other);
	EXPECT_LT(0, sweep(self->nth_fd, &self->s, "TRANSACT text", call_text,
			   tells_what_was_sent));
	close(self->s.other);
}

/* To a longer queue each time round, so that the pool must grow. */
static int call_subscribe(struct sweep *s)
{
	return subscribe(s->fd, s->kind, 20 * MS, 64);
}

static bool ends_subscription(struct sweep *s, int ret)
{
	return !subscribe(s->fd, DP5_SUB_NONE, 0, 1) && answers(s, ret);
}

TEST_F_TIMEOUT(fail, subscribe, 1200)
{
	self->s.kind = DP5_SUB_SPECTRUM;
	EXPECT_LT(0, sweep(self->nth_fd, &self->s, "SUBSCRIBE", call_subscribe,
			   ends_subscription));
}

/* Those of a controller, whose queue drops nothing. */
TEST_F_TIMEOUT(fail, subscribe_to_what_is_owned, 1200)
{
	ASSERT_EQ(0, control(self->s.fd, DP5_CONTROL_CLAIM));
	self->s.kind = DP5_SUB_LIST;
	EXPECT_LT(0, sweep(self->nth_fd, &self->s, "SUBSCRIBE list",
			   call_subscribe, ends_subscription));
	self->s.kind = DP5_SUB_LOSSLESS;
	EXPECT_LT(0, sweep(self->nth_fd, &self->s, "SUBSCRIBE lossless",
			   call_subscribe, ends_subscription));
	EXPECT_EQ(0, control(self->s.fd, DP5_CONTROL_RELEASE));
}

static uint8_t buf[FRAME_ROOM];
static ssize_t got;

static int call_read(struct sweep *s)
{
	got = read(s->fd, buf, sizeof(buf));
	return got < 0 ? errno : 0;
}

/* Numbers without a gap but for records that were counted as lost. */
static bool loses_nothing(struct sweep *s, int ret)
{
	struct dp5_frame *f;
	ssize_t at;

	if (ret && poll_for(s->fd, 0) == 0)
		return false;
	for (at = 0; !ret && at < got; at += f->len) {
		f = (struct dp5_frame *)(void *)(buf + at);
		if (s->next_seq && f->seq != s->next_seq + f->lost) {
			fprintf(stderr,
				"# record %llu, lost %u, awaited %llu\n",
				(unsigned long long)f->seq, f->lost,
				(unsigned long long)s->next_seq);
			return false;
		}
		s->next_seq = f->seq + 1;
	}
	return poll_for(s->fd, 10000) & POLLIN;
}

TEST_F_TIMEOUT(fail, read, 1200)
{
	ASSERT_EQ(0, subscribe(self->s.fd, DP5_SUB_STATUS, 50 * MS, 64));
	ASSERT_TRUE(poll_for(self->s.fd, 10000) & POLLIN);
	EXPECT_LT(0, sweep(self->nth_fd, &self->s, "read status", call_read,
			   loses_nothing));
	ASSERT_EQ(0, subscribe(self->s.fd, DP5_SUB_SPECTRUM, 50 * MS, 64));
	self->s.next_seq = 0;
	EXPECT_LT(0, sweep(self->nth_fd, &self->s, "read spectra", call_read,
			   loses_nothing));
}

/* Memory that cannot be waited for, whoever asks for it, as completions do: what
 * they make belongs to no process that could be told to fail.
 */
static void fail_now_and_then(const char *percent)
{
	write_file(FAULTS "failslab/task-filter", "N");
	write_file(FAULTS "failslab/ignore-gfp-wait", "Y");
	write_file(FAULTS "failslab/times", "-1");
	write_file(FAULTS "failslab/probability", percent);
}

/* The texts that were carried out, as records tell them or tell them lost. */
struct told {
	unsigned int config, lost;
	uint64_t next_seq;
	bool is_in_order;
};

static void read_told(int fd, struct told *t)
{
	struct dp5_frame *f;
	struct dp5_state *state;
	ssize_t at;

	while ((got = read(fd, buf, sizeof(buf))) > 0) {
		for (at = 0; at < got; at += f->len) {
			f = (struct dp5_frame *)(void *)(buf + at);
			state = (struct dp5_state *)(void *)(buf + at +
							     f->hdr_len);
			t->config += f->type == DP5_FRAME_STATE &&
				     state->event == DP5_STATE_CONFIG;
			t->lost += f->lost;
			t->is_in_order &= f->seq >= t->next_seq;
			t->next_seq = f->seq + 1;
		}
	}
}

/* A stream keeps the wire busy, so that what is asked for besides starts in a
 * completion. Without memory for a transfer the caller is told; without memory
 * for a state record its readers are, by the next one.
 */
TEST_F_TIMEOUT(fail, completions, 1200)
{
	struct told told = { .is_in_order = true };
	unsigned int i, n_done = 0, n_failed = 0;
	int other = node_open(O_RDONLY | O_NONBLOCK), ret;

	/* This one gets no status but the first, and can lose states alone. */
	ASSERT_LE(0, other);
	ASSERT_EQ(0, subscribe(other, DP5_SUB_STATUS, 3600000 * MS, 8));
	ASSERT_EQ(0, subscribe(self->s.fd, DP5_SUB_STATUS, 0, 8));
	fail_now_and_then("10");
	for (i = 0; i < 400 && (n_failed < 5 || told.lost < 5); i++) {
		ret = call_text(&self->s);
		n_done += !ret;
		n_failed += ret == ENOMEM;
		EXPECT_TRUE(!ret || ret == ENOMEM || ret == ETIMEDOUT)
		TH_LOG("call %u: %s", i, strerror(ret));
		read_told(other, &told);
	}
	fail_now_and_then("0");
	write_file(FAULTS "failslab/ignore-gfp-wait", "N");
	fprintf(stderr, "# %u texts: %u without memory, %u told, %u lost\n", i,
		n_failed, told.config, told.lost);
	EXPECT_LE(5, n_failed);
	EXPECT_LE(5, told.lost);

	ASSERT_EQ(0, subscribe(self->s.fd, DP5_SUB_NONE, 0, 8));
	n_done += !call_text(&self->s);
	read_told(other, &told);
	EXPECT_LE(n_done, told.config + told.lost);
	EXPECT_TRUE(told.is_in_order);
	EXPECT_TRUE(answers(&self->s, 0));
	close(other);
}

static int sysfs_fd;

static int call_sensor(struct sweep *s)
{
	char text[32];

	(void)s;
	return pread(sysfs_fd, text, sizeof(text), 0) < 0 ? errno : 0;
}

TEST_F_TIMEOUT(fail, sensors, 600)
{
	char path[128];
	FILE *found;

	snprintf(path, sizeof(path),
		 "ls /sys/class/dp5/dp5-%d/hwmon*/temp1_input", node_number());
	found = popen(path, "r");
	ASSERT_NE(NULL, found);
	ASSERT_NE(NULL, fgets(path, sizeof(path), found));
	pclose(found);
	path[strcspn(path, "\n")] = '\0';
	sysfs_fd = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, sysfs_fd);
	EXPECT_LT(0, sweep(self->nth_fd, &self->s, "sensor", call_sensor,
			   answers));
	close(sysfs_fd);
}

static int bind_fd;

/* In this process: a fault can be told to happen only here. */
static int call_bind(struct sweep *s)
{
	size_t len = strlen(s->interface);

	return pwrite(bind_fd, s->interface, len, 0) < 0 ? errno : 0;
}

static bool is_bound(struct sweep *s)
{
	char path[80];

	snprintf(path, sizeof(path), DRIVER_FILES "%s", s->interface);
	return !access(path, F_OK);
}

/* Bound, it has a node that works; else no trace is left. Afterwards it is
 * unbound.
 */
static bool works_or_is_gone(struct sweep *s, int ret)
{
	bool ok;

	if (!is_bound(s))
		return ret && node_number() < 0;
	s->fd = node_open(O_RDWR);
	ok = s->fd >= 0 && answers(s, ret);
	close(s->fd);
	return ok && write_file(DRIVER_FILES "unbind", s->interface) &&
	       node_number() < 0;
}

TEST_F_TIMEOUT(fail, probe, 7200)
{
	struct sweep *s = &self->s;

	ASSERT_TRUE(node_interface(s->interface));
	close(s->fd);
	ASSERT_TRUE(write_file(DRIVER_FILES "unbind", s->interface));
	bind_fd = open(DRIVER_FILES "bind", O_WRONLY | O_CLOEXEC);
	ASSERT_LE(0, bind_fd);
	EXPECT_LT(0,
		  sweep(self->nth_fd, s, "probe", call_bind, works_or_is_gone));
	close(bind_fd);
	if (!is_bound(s))
		EXPECT_TRUE(write_file(DRIVER_FILES "bind", s->interface));
	EXPECT_TRUE(node_wait(true));
	s->fd = node_open(O_RDWR);
}

TEST_HARNESS_MAIN
