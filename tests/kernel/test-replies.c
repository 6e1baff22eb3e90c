// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Replies as no instrument sends them, by way of USB/IP: any bytes, any end of
 * a transfer. A call that meets one fails or returns what was sent, checked by
 * rules written here anew; what it did not receive it leaves as it was; and
 * the next call gets its own answer.
 */
#include "spoil.h"
#include "usbip.h"

#define CANARY 0x5a

static bool is_packet(const struct bytes *b)
{
	return b->n >= 8 && b->at[0] == 0xf5 && b->at[1] == 0xfa &&
	       b->n == 8 + ((size_t)b->at[4] << 8 | b->at[5]) &&
	       sum_of(b->at, b->n - 2) ==
		       (b->at[b->n - 2] << 8 | b->at[b->n - 1]);
}

/* A request, and the reply the instrument would give. */
struct ask {
	uint8_t pid1, pid2, reply1;
	size_t len;
	uint8_t tx[512];
	struct bytes reply;
};

/* 0 when what the call returned may be returned after the bytes that came by a
 * transfer that ended with @error.
 */
static int judge(const struct ask *ask, const struct bytes *sent, int error,
		 const struct answer *a)
{
	size_t i, len = a->error ? 0 : a->len;

	for (i = len; i < sizeof(a->data); i++)
		if (a->data[i] != CANARY)
			return 1;
	if (a->error)
		return a->error == EPROTO || a->error == ETIMEDOUT ||
				       (a->error == ENODEV &&
					error == ESHUTDOWN)
			       ? 0
			       : 2;
	/* Of a transfer taken back, what had come whole still counts. */
	if ((error && error != ECONNRESET) || !is_packet(sent))
		return 3;
	if (a->pid1 != sent->at[2] || a->pid2 != sent->at[3] ||
	    len != sent->n - 8 || memcmp(a->data, sent->at + 6, len))
		return 4;
	if (a->pid1 != 0xff && a->pid1 != ask->reply1)
		return 5;
	if (a->pid1 == 0x8f &&
	    (len != ask->len || memcmp(a->data, ask->tx, len)))
		return 6;
	return 0;
}

static int call(int fd, const struct ask *ask, uint64_t timeout_ns,
		struct answer *a)
{
	memset(a->data, CANARY, sizeof(a->data));
	return transact_for(fd, ask->pid1, ask->pid2, ask->tx, ask->len,
			    timeout_ns, a);
}

FIXTURE(rp)
{
	int fd;
	struct answer a;
	struct ask ask;
	struct bytes sent;
};

FIXTURE_SETUP(rp)
{
	usbip_quiet();
	ASSERT_TRUE(unit_start(REPLIES_UNIT, ""));
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
	self->ask = (struct ask){ 0x20, 0x03, 0x82, 5, "MCAC;", { 0 } };
}

FIXTURE_TEARDOWN(rp)
{
	close(self->fd);
	unit_stop();
}

TEST_F_TIMEOUT(rp, a_failing_link_makes_no_storm, 120)
{
	int log = log_open();
	uint64_t end;
	long in;

	ASSERT_LE(0, log);
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_SPECTRUM, 0, 0));
	wait_for_frames(self->fd, 1);
	in = unit_number("in");
	EXPECT_LT(0, in);
	ASSERT_TRUE(emu("fault in 71 1000000"));
	end = now_ns() + 10000 * MS;
	while (now_ns() < end) {
		EXPECT_NE(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
		sleep_ms(1);
	}
	in = unit_number("in") - in;
	EXPECT_LT(0, in);
	EXPECT_GT(50, in);
	say("# %ld transfers were tried in 10 s\n", in);
	EXPECT_GT(20, log_count(log, ";", "dp5"));
	ASSERT_TRUE(emu("fault none"));
	close(log);
	EXPECT_EQ(0, unit_works(self->fd, 1));
}

/* What fails at once may be a unit that was pulled out: the hub gets the time
 * to notice, and who asks again in vain is slowed down.
 */
TEST_F_TIMEOUT(rp, error_of_the_link_is_not_told_at_once, 120)
{
	uint64_t start = now_ns();
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(emu("fault in 71 1"));
		EXPECT_EQ(EPROTO,
			  call(self->fd, &self->ask, 5000 * MS, &self->a));
		EXPECT_EQ(0, unit_works(self->fd, 1));
	}
	/* Three times 300 ms, each a tick of the kernel early at most. */
	EXPECT_LE(3 * 290 * MS, now_ns() - start);
}

/* -------------------------------------------------------------- corpus */

/* clang-format off */
#define TEXT "4d4341433d313032343b" /* MCAC=1024; */
#define NONCE "3132333435363738" /* 12345678 */
#define Z16 "00000000000000000000000000000000"
#define Z64 Z16 Z16 Z16 Z16
#define Z504 Z64 Z64 Z64 Z64 Z64 Z64 Z64 Z16 Z16 Z16 "0000000000000000"

static const struct ask text_ask = { 0x20, 0x03, 0x82, 5, "MCAC;", { 0 } };
static const struct ask echo_ask = { 0xf1, 0x7f, 0x8f, 8, "12345678", { 0 } };
static const struct ask status_ask = { 0x01, 0x01, 0x80, 0, "", { 0 } };

/* Replies that made a difference: to which request, and how the call ends. An
 * answer to something else is waited out.
 */
static const struct {
	const char *what;
	const struct ask *ask;
	int error;
	const char *hex;
} corpus[] = {
	{ "its own", &text_ask, 0, "f5fa8207000a" TEXT "fb2b" },
	{ "sum off by one", &text_ask, EPROTO, "f5fa8207000a" TEXT "fb2c" },
	{ "sum with its bytes exchanged", &text_ask, EPROTO,
	  "f5fa8207000a" TEXT "2bfb" },
	{ "another second byte", &text_ask, EPROTO,
	  "f5fb8207000a" TEXT "fb2a" },
	{ "first bytes exchanged", &text_ask, EPROTO,
	  "faf58207000a" TEXT "fb2b" },
	{ "last byte missing", &text_ask, EPROTO, "f5fa8207000a" TEXT "fb" },
	{ "a byte more", &text_ask, EPROTO, "f5fa8207000a" TEXT "fb2b00" },
	{ "twice", &text_ask, EPROTO,
	  "f5fa8207000a" TEXT "fb2b" "f5fa8207000a" TEXT "fb2b" },
	{ "an acknowledge before it", &text_ask, EPROTO,
	  "f5faff000000fd12" "f5fa8207000a" TEXT "fb2b" },
	{ "length of 65535", &text_ask, EPROTO, "f5fa8207ffff" TEXT "f937" },
	{ "length of 32768", &text_ask, EPROTO, "f5fa82078000" TEXT "fab5" },
	{ "length with its bytes exchanged", &text_ask, EPROTO,
	  "f5fa82070a00" TEXT "fb2b" },
	{ "a head", &text_ask, EPROTO, "f5fa8207000a" },
	{ "a byte", &text_ask, EPROTO, "f5" },
	{ "a text of nothing", &text_ask, EPROTO, "f5fa82070000fd88" },
	{ "identifiers of nobody", &text_ask, EPROTO,
	  "f5fa9001000a" TEXT "fb23" },
	{ "a full packet", &text_ask, 0, "f5fa820701f8" Z504 "fc8f" },
	{ "a full packet that is not all", &text_ask, ETIMEDOUT,
	  "f5fa820701f9" Z504 "0000" },
	{ "error with a text", &text_ask, 0, "f5faff0700044d434143fbf3" },
	{ "error without one", &text_ask, 0, "f5faff040000fd0e" },
	{ "last error of the list", &text_ask, 0, "f5faff110000fd01" },
	{ "error of a number to come", &text_ask, 0, "f5faff630000fcaf" },
	{ "done", &text_ask, ETIMEDOUT, "f5faff000000fd12" },
	{ "done, with a byte", &text_ask, EPROTO, "f5faff00000100fd11" },
	{ "done, somebody else waits", &text_ask, ETIMEDOUT,
	  "f5faff0c0000fd06" },
	{ "done, with an address", &text_ask, ETIMEDOUT,
	  "f5faff0f0003c0a801fb97" },
	{ "done, with half an address", &text_ask, EPROTO,
	  "f5faff0f0002c0a8fb99" },
	{ "a status for a text", &text_ask, ETIMEDOUT,
	  "f5fa80010040" Z64 "fd50" },
	{ "another text for a text", &text_ask, ETIMEDOUT,
	  "f5fa8208000a" TEXT "fb2a" },
	{ "an echo for a text", &text_ask, ETIMEDOUT,
	  "f5fa8f7f000a" TEXT "faa6" },
	{ "the echo", &echo_ask, 0, "f5fa8f7f0008" NONCE "fb57" },
	{ "echo of something else", &echo_ask, ETIMEDOUT,
	  "f5fa8f7f00083132333435363739fb56" },
	{ "echo of less", &echo_ask, ETIMEDOUT,
	  "f5fa8f7f000731323334353637fb90" },
	{ "the request", &echo_ask, EPROTO, "f5faf17f0008" NONCE "faf5" },
	{ "a status", &status_ask, 0, "f5fa80010040" Z64 "fd50" },
	{ "a tube's status", &status_ask, 0, "f5fa80020040" Z64 "fd4f" },
	{ "a status of a third kind", &status_ask, EPROTO,
	  "f5fa80030040" Z64 "fd4e" },
};
/* clang-format on */

static void bytes_from(struct bytes *b, const char *hex)
{
	unsigned int byte;

	for (b->n = 0; sscanf(hex + 2 * b->n, "%2x", &byte) == 1; b->n++)
		b->at[b->n] = (uint8_t)byte;
}

TEST_F_TIMEOUT(rp, corpus_ends_as_it_should, 300)
{
	uint64_t timeout_ns;
	size_t i;

	for (i = 0; i < sizeof(corpus) / sizeof(corpus[0]); i++) {
		bytes_from(&self->sent, corpus[i].hex);
		timeout_ns =
			corpus[i].error == ETIMEDOUT ? 200 * MS : 10000 * MS;
		ASSERT_TRUE(emu("fault bytes %s",
				unit_hex(self->sent.at, self->sent.n)));
		EXPECT_EQ(corpus[i].error,
			  call(self->fd, corpus[i].ask, timeout_ns, &self->a))
		TH_LOG("%s", corpus[i].what);
		EXPECT_EQ(0, judge(corpus[i].ask, &self->sent, 0, &self->a))
		TH_LOG("%s", corpus[i].what);
		EXPECT_EQ(0, unit_works(self->fd, (uint32_t)i));
	}
}

/* ------------------------------------------------------------- lengths */

/* Stated length against the length that comes, around every border. */
TEST_F_TIMEOUT(rp, no_length_is_trusted, 120)
{
	static const uint16_t stated[] = { 0,	1,    64,    504,   505,  1016,
					   512, 6208, 32767, 32768, 65535 };
	static const int more[] = { -8, -7, -1, 0, 1, 512 };
	static const uint8_t noise[65536];
	size_t i, j;
	long n;

	for (i = 0; i < sizeof(stated) / sizeof(stated[0]); i++)
		for (j = 0; j < sizeof(more) / sizeof(more[0]); j++) {
			n = 8 + stated[i] + more[j];
			if (n < 0 || n > 65536)
				continue;
			make(&self->sent, 0x82, 0x07, noise, stated[i]);
			self->sent.n = (size_t)n;
			ASSERT_TRUE(emu("fault bytes %s",
					unit_hex(self->sent.at, self->sent.n)));
			call(self->fd, &self->ask, 300 * MS, &self->a);
			EXPECT_EQ(0,
				  judge(&self->ask, &self->sent, 0, &self->a))
			TH_LOG("%u stated, %ld sent", stated[i], n);
			EXPECT_EQ(0, unit_works(self->fd, stated[i]));
		}
}

static void replies_end(struct __test_metadata *_metadata,
			FIXTURE_DATA(rp) * self, size_t packet_len)
{
	static uint8_t data[33000];
	static const int off[] = { -8, 0, 8 };
	size_t i, k, len;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	for (k = 1; k * packet_len < 32768; k *= 2) {
		for (i = 0; i < 3; i++) {
			if ((int)(k * packet_len) + off[i] < 8 + 1)
				continue;
			len = k * packet_len + (size_t)off[i] - 8;
			make(&self->sent, 0x82, 0x07, data, len);
			ASSERT_TRUE(emu("fault bytes %s",
					unit_hex(self->sent.at, self->sent.n)));
			EXPECT_EQ(0, call(self->fd, &self->ask, 5000 * MS,
					  &self->a))
			TH_LOG("%zu bytes in packets of %zu", len + 8,
			       packet_len);
			EXPECT_EQ(0,
				  judge(&self->ask, &self->sent, 0, &self->a));
		}
	}
	EXPECT_EQ(0, unit_works(self->fd, 2));
	EXPECT_EQ(0, get_stats(self->fd).bad);
}

/* The same lengths on the way to the device, as far as requests go. */
static void requests_end(struct __test_metadata *_metadata,
			 FIXTURE_DATA(rp) * self)
{
	static const int off[] = { -8, 0, 8 };
	static const uint8_t tx[512] = "as many bytes as it takes";
	size_t i, k, len;

	for (k = 1; k * 64 <= 512; k++) {
		for (i = 0; i < 3; i++) {
			len = k * 64 + (size_t)off[i] - 8;
			EXPECT_EQ(0, transact(self->fd, 0xf1, 0x7f, tx, len,
					      &self->a))
			TH_LOG("%zu bytes", len + 8);
			EXPECT_EQ(len, self->a.len);
			EXPECT_EQ(0, memcmp(tx, self->a.data, len));
		}
	}
	EXPECT_EQ(0, get_stats(self->fd).bad);
}

TEST_F_TIMEOUT(rp, lengths_around_full_packets_high_speed, 120)
{
	replies_end(_metadata, self, 512);
	requests_end(_metadata, self);
}

TEST_F_TIMEOUT(rp, lengths_around_full_packets_full_speed, 120)
{
	close(self->fd);
	unit_stop();
	ASSERT_TRUE(unit_start(REPLIES_UNIT, "--full-speed"));
	self->fd = node_open(O_RDWR);
	ASSERT_LE(0, self->fd);
	replies_end(_metadata, self, 64);
	requests_end(_metadata, self);
}

TEST_F_TIMEOUT(rp, an_empty_packet_is_not_taken_for_a_reply, 120)
{
	static uint8_t echo[8] = "nonce";
	struct dp5_stats before = get_stats(self->fd), s;

	ASSERT_TRUE(emu("fault bytes %s", unit_hex(echo, 0)));
	EXPECT_EQ(ETIMEDOUT, transact_for(self->fd, 0xf1, 0x7f, echo, 8,
					  300 * MS, &self->a));
	EXPECT_EQ(0, unit_works(self->fd, 3));
	s = get_stats(self->fd);
	EXPECT_EQ(before.bad, s.bad);
	EXPECT_EQ(before.timeouts + 1, s.timeouts);
}

/* More of them than a late one explains: the unit talks, but says nothing. */
TEST_F_TIMEOUT(rp, empty_packets_without_end_are_no_reply, 120)
{
	struct dp5_stats before = get_stats(self->fd), s;

	ASSERT_TRUE(emu("fault in 0 16"));
	EXPECT_EQ(0, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	EXPECT_EQ(before.bad, get_stats(self->fd).bad);
	ASSERT_TRUE(emu("fault in 0 17"));
	EXPECT_EQ(EPROTO, transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
	s = get_stats(self->fd);
	EXPECT_EQ(before.bad + 1, s.bad);
	EXPECT_EQ(before.timeouts, s.timeouts);
	EXPECT_EQ(0, unit_works(self->fd, 4));
}

/* Some host controllers tell of a reply before they tell of the end of its
 * request. The next request has to wait for that.
 */
TEST_F_TIMEOUT(rp, reply_told_before_its_request_is_taken, 120)
{
	struct dp5_stats before = get_stats(self->fd), s;
	uint32_t i;

	ASSERT_TRUE(emu("fault overtake 40"));
	ASSERT_EQ(0, subscribe(self->fd, DP5_SUB_STATUS, 0, 0));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(0, unit_works(self->fd, i));
	wait_for_fault("fault_overtake");
	s = get_stats(self->fd);
	EXPECT_LE(before.replies + 40, s.replies);
	EXPECT_EQ(before.timeouts, s.timeouts);
	EXPECT_EQ(before.usb_errors, s.usb_errors);
	EXPECT_EQ(before.drains, s.drains);
}

/* The endpoint to the device takes nothing until that is cleared. */
TEST_F_TIMEOUT(rp, either_endpoint_is_freed_from_a_halt, 120)
{
	static const char *const faults[] = { "status 32", "out 32" };
	struct dp5_stats before, s;
	size_t i;

	for (i = 0; i < 2; i++) {
		before = get_stats(self->fd);
		unit_again = 0;
		ASSERT_TRUE(emu("fault %s", faults[i]));
		EXPECT_EQ(EPROTO,
			  transact(self->fd, 0x01, 0x01, NULL, 0, &self->a));
		EXPECT_EQ(0, unit_works(self->fd, 1));
		if (unit_again)
			continue;
		s = get_stats(self->fd);
		EXPECT_EQ(before.halts_cleared + 1, s.halts_cleared)
		TH_LOG("%s", faults[i]);
		EXPECT_EQ(before.port_resets, s.port_resets)
		TH_LOG("%s", faults[i]);
	}
}

TEST_F_TIMEOUT(rp, more_than_the_host_asked_for_ends_the_link_only, 120)
{
	ASSERT_TRUE(emu("fault length 100000"));
	EXPECT_NE(0, call(self->fd, &self->ask, 3000 * MS, &self->a));
	ASSERT_TRUE(node_wait(false));
	EXPECT_NE(0, call(self->fd, &self->ask, 300 * MS, &self->a));
	EXPECT_EQ(ENODEV, self->a.error);
	close(self->fd);
	ASSERT_TRUE(emu("plug"));
	ASSERT_TRUE(node_wait(true));
	self->fd = node_open(O_RDWR);
	EXPECT_EQ(0, unit_works(self->fd, 4));
}

/* ---------------------------------------------------------------- fuzz */

/* What all units have met, in memory they share. */
struct tally {
	unsigned int done, taken, damaged, late, again;
	unsigned int failed;
	char why[200];
};

static void choose_request(struct ask *ask, uint32_t *seed)
{
	static uint8_t data[24640];
	size_t i, channels;

	memset(ask->tx, 0, sizeof(ask->tx));
	ask->len = 0;
	switch (below(seed, 8)) {
	default:
		ask->pid1 = 0xf1, ask->pid2 = 0x7f, ask->reply1 = 0x8f;
		ask->len = below(seed, 3) ? 8 : 1 + below(seed, 512);
		for (i = 0; i < ask->len; i++)
			ask->tx[i] = (uint8_t)random_of(seed);
		make(&ask->reply, 0x8f, 0x7f, ask->tx, ask->len);
		return;
	case 0:
		ask->pid1 = ask->pid2 = 0x01, ask->reply1 = 0x80;
		for (i = 0; i < 64; i++)
			data[i] = (uint8_t)random_of(seed);
		make(&ask->reply, 0x80, 0x01, data, 64);
		return;
	case 1:
		ask->pid1 = 0x02, ask->pid2 = 0x03, ask->reply1 = 0x81;
		i = below(seed, 16) ? below(seed, 2) : below(seed, 6);
		channels = 256U << i;
		make(&ask->reply, 0x81, (uint8_t)(2 + 2 * i), data,
		     3 * channels + 64);
		return;
	case 2:
		ask->pid1 = 0x20, ask->pid2 = 0x03, ask->reply1 = 0x82;
		ask->len = 5;
		memcpy(ask->tx, "MCAC;", 5);
		make(&ask->reply, 0x82, 0x07, "MCAC=1024;", 10);
		return;
	case 3:
		ask->pid1 = 0xf1, ask->pid2 = 0x00, ask->reply1 = 0xff;
		make(&ask->reply, 0xff, 0x00, NULL, 0);
		return;
	}
}

/* A bad end of the transfer, beside or in place of bad bytes: its errno, or
 * -1 when the emulator did not take it.
 */
static int cut(uint32_t *seed)
{
	static const int errors[] = { EPROTO,	 EILSEQ,    ETIME,     EPIPE,
				      EOVERFLOW, ECOMM,	    ENOSR,     EIO,
				      EREMOTEIO, ESHUTDOWN, ECONNRESET };
	static const char *const kinds[] = { "status", "in", "out" };
	int error = errors[below(seed, sizeof(errors) / sizeof(errors[0]))];

	return emu("fault %s %d", kinds[below(seed, 3)], error) ? error : -1;
}

static int one_reply(int fd, struct ask *ask, uint32_t *seed, struct tally *t)
{
	static struct bytes sent;
	static struct answer a;
	int error = 0, r;

	choose_request(ask, seed);
	sent = ask->reply;
	spoil(&sent, seed);
	if (!emu("fault bytes %s", unit_hex(sent.at, sent.n)))
		return 100;
	if (!below(seed, 8))
		error = cut(seed);
	if (error < 0)
		return 101;
	r = call(fd, ask, 400 * MS, &a);
	__atomic_fetch_add(!r		    ? &t->taken
			   : r == ETIMEDOUT ? &t->late
					    : &t->damaged,
			   1, __ATOMIC_RELAXED);
	r = judge(ask, &sent, error, &a);
	if (r)
		return r;
	/* A fault may be left whose transfer never came. */
	if (error && !emu("fault none"))
		return 102;
	r = unit_works(fd, random_of(seed));
	__atomic_fetch_add(&t->again, unit_again, __ATOMIC_RELAXED);
	unit_again = 0;
	return r ? 200 + r : 0;
}

static void fuzz_unit(int unit, unsigned int rounds, uint32_t first_seed,
		      struct tally *t)
{
	static struct ask ask;
	uint32_t seed, start;
	unsigned int i, n;
	int fd, r = -1;

	fd = unit_start(unit, unit & 1 ? "--full-speed" : "")
		     ? node_open(O_RDWR)
		     : -1;
	for (i = 0; fd >= 0 && i < rounds && !t->failed; i++) {
		/* Each round by itself can be had again. */
		start = first_seed * 0x9e3779b9U + (uint32_t)unit * 1000003U +
			i * 8191U + 1;
		seed = start ? start : 1;
		r = one_reply(fd, &ask, &seed, t);
		if (r) {
			__atomic_fetch_add(&t->failed, 1, __ATOMIC_RELAXED);
			snprintf(t->why, sizeof(t->why),
				 "unit %d, round %u, request %02x/%02x: %d",
				 unit, i, ask.pid1, ask.pid2, r);
			break;
		}
		n = __atomic_add_fetch(&t->done, 1, __ATOMIC_RELAXED);
		if (n % 10000 == 0)
			say("# fuzz: %u replies so far\n", n);
	}
	if (fd < 0) {
		t->failed++;
		snprintf(t->why, sizeof(t->why), "unit %d did not start", unit);
	}
	close(fd);
	unit_stop();
}

FIXTURE(fuzz)
{
	struct tally *t;
};

FIXTURE_SETUP(fuzz)
{
	usbip_quiet();
	self->t = mmap(NULL, sizeof(*self->t), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->t);
}

FIXTURE_TEARDOWN(fuzz)
{
	munmap(self->t, sizeof(*self->t));
}

/* FUZZ_REPLIES of them from FUZZ_SEED, shared by all units. */
TEST_F_TIMEOUT(fuzz, malformed_replies, 14400)
{
	unsigned int n = setting("FUZZ_REPLIES", 2000), unit;
	uint32_t seed = setting("FUZZ_SEED", 1);
	uint64_t start = now_ns();
	double s;
	pid_t pids[N_REPLIES_UNITS];

	for (unit = 0; unit < N_REPLIES_UNITS; unit++) {
		pids[unit] = fork();
		if (!pids[unit]) {
			fuzz_unit(REPLIES_UNIT + (int)unit,
				  n / N_REPLIES_UNITS +
					  (unit < n % N_REPLIES_UNITS),
				  seed, self->t);
			_exit(0);
		}
	}
	for (unit = 0; unit < N_REPLIES_UNITS; unit++)
		waitpid(pids[unit], NULL, 0);
	s = (double)(now_ns() - start) * 1e-9;
	EXPECT_EQ(n, self->t->done)
	TH_LOG("%s", self->t->why);
	/* A machine stands still now and then, not with every reply. */
	EXPECT_GE(4 + n / 200, self->t->again);
	say("# fuzz: %u replies, seed %u: %u taken, %u damaged, "
	    "%u timed out, %u asked again; %.0f s, %.0f a second\n",
	    self->t->done, seed, self->t->taken, self->t->damaged,
	    self->t->late, self->t->again, s, self->t->done / s);
}

TEST_HARNESS_MAIN
