// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading the ledger over the bus: followers, windows, Ack, Fetch, Get. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "base/buf.h"
#include "ledger/chain.h"
#include "rig.h"

#define LEDGER "org.reespec1.Ledger"
#define ERROR "org.reespec1.Error."

FIXTURE(ledger)
{
	struct rig r;
};

FIXTURE_SETUP(ledger)
{
	rig_start(&self->r, "--settle 0", "idle");
}

FIXTURE_TEARDOWN(ledger)
{
	rig_stop(&self->r);
}

static const char *follow(struct rig *r, const char *name, uint64_t from,
			  uint64_t *ret_next)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	static char name_of[128];
	sd_bus_error error = SD_BUS_ERROR_NULL;

	name_of[0] = '\0';
	if (sd_bus_call_method(r->bus, "org.reespec1", RIG_ROOT, LEDGER,
			       "Follow", &error, &m, "st", name, from) < 0)
		snprintf(name_of, sizeof(name_of), "%s", error.name);
	else
		sd_bus_message_read(m, "t", ret_next);
	sd_bus_error_free(&error);
	return name_of;
}

static const char *ack(struct rig *r, const char *name, uint64_t seq)
{
	char hash[65] = "";

	js_free(rig_record(r, seq, hash, NULL, NULL));
	return rig_call(r, RIG_ROOT, LEDGER, "Ack", "sts", name, seq, hash);
}

static const char *assay(struct rig *r)
{
	const unsigned int n = r->n_finished;

	if (rig_measure(r, "X", "ore-l", 5, NULL)[0])
		return "not started";
	if (!rig_wait_finished(r, n + 1) || !rig_wait_state(r, "idle"))
		return "not finished";
	return "";
}

TEST_F(ledger, window_closes_after_eight_and_ack_opens_it)
{
	struct rig *r = &self->r;
	unsigned int n_before;
	uint64_t next;
	uint64_t last;

	ASSERT_STREQ("", follow(r, "lims", 0, &next));
	EXPECT_EQ(1, next);
	ASSERT_STREQ("", rig_measure(r, "X", "ore-l", 4000, NULL));
	ASSERT_TRUE(rig_wait_batches(r, 8));
	for (unsigned int i = 0; i < 7; i++)
		EXPECT_FALSE(r->batches[i].is_more);
	EXPECT_TRUE(r->batches[7].is_more);

	/* Silence, though the ledger grows and the assay ends. */
	ASSERT_STREQ("",
		     rig_call(r, rig_path, "org.reespec1.Assay", "Finish", ""));
	ASSERT_TRUE(rig_wait_finished(r, 1));
	rig_settle(r);
	EXPECT_EQ(8, r->n_batches);
	last = rig_last(r);
	EXPECT_GT(last, r->batches[7].last);

	n_before = r->n_batches;
	ASSERT_STREQ("", ack(r, "lims", r->batches[7].last));
	ASSERT_TRUE(rig_wait_batches(r, n_before + 1));
	EXPECT_EQ(r->batches[7].last + 1, r->batches[8].first);
	EXPECT_EQ(last, r->batches[8].last);
	EXPECT_FALSE(r->batches[8].is_more);
}

TEST_F(ledger, batches_carry_the_readings)
{
	struct rig *r = &self->r;
	unsigned int n = 0;
	uint64_t next;

	ASSERT_STREQ("", follow(r, "", 0, &next));
	EXPECT_EQ(rig_last(r) + 1, next);
	ASSERT_STREQ("", assay(r));
	for (unsigned int i = 0; i < r->n_batches; i++)
		n += r->batches[i].n_readings;
	EXPECT_GE(n, 1);
}

static bool has_many_more(struct rig *r)
{
	return rig_last(r) > r->batches[7].last + 64;
}

/* Who was silent for so long fetches: a signal is no place for all of it. */
TEST_F_TIMEOUT(ledger, a_batch_carries_64_readings_and_no_more, 90)
{
	struct rig *r = &self->r;

	ASSERT_STREQ("", rig_call(r, RIG_ROOT, LEDGER, "Follow", "st", "lims",
				  (uint64_t)0));
	ASSERT_STREQ("",
		     rig_measure(r, "X", "ore-l", 80000, "interval:0.1", NULL));
	ASSERT_TRUE(rig_wait_batches(r, 8));
	ASSERT_TRUE(rig_wait(r, 60, has_many_more));
	ASSERT_STREQ("", ack(r, "lims", r->batches[7].last));
	ASSERT_TRUE(rig_wait_batches(r, 9));
	EXPECT_LE(64, r->batches[8].last - r->batches[8].first);
	EXPECT_EQ(0, r->batches[8].n_readings);
	ASSERT_TRUE(rig_wait_batches(r, 10));
	EXPECT_LT(0, r->batches[9].n_readings);
}

TEST_F(ledger, nobody_follows_from_beyond_the_end)
{
	struct rig *r = &self->r;
	uint64_t next = 0;

	EXPECT_STREQ(ERROR "NoRecord", follow(r, "", rig_last(r) + 2, &next));
	EXPECT_STREQ("", follow(r, "", rig_last(r) + 1, &next));
	EXPECT_EQ(rig_last(r) + 1, next);
}

TEST_F(ledger, ack_with_another_hash_is_refused)
{
	struct rig *r = &self->r;
	char hash[65] = "";
	uint64_t next;

	ASSERT_STREQ("", follow(r, "lims", 0, &next));
	js_free(rig_record(r, 1, hash, NULL, NULL));
	EXPECT_STREQ(ERROR "Conflict",
		     rig_call(r, RIG_ROOT, LEDGER, "Ack", "sts", "lims",
			      (uint64_t)2, hash));
	EXPECT_STREQ(ERROR "NoReader", ack(r, "nobody", 1));
	EXPECT_STREQ(ERROR "NoRecord",
		     rig_call(r, RIG_ROOT, LEDGER, "Ack", "sts", "lims",
			      (uint64_t)999, hash));
	EXPECT_STREQ("", ack(r, "lims", 2));
	EXPECT_STREQ(ERROR "Conflict", ack(r, "lims", 1));
	/* Following again goes on behind what was acknowledged. */
	ASSERT_STREQ("", follow(r, "lims", 0, &next));
	EXPECT_EQ(3, next);
}

TEST_F(ledger, readers_are_named_and_few)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct rig *r = &self->r;
	uint64_t next;

	EXPECT_STREQ(ERROR "BadReader", follow(r, "a b", 0, &next));
	EXPECT_STREQ(ERROR "BadReader", follow(r, "../a", 0, &next));
	for (int i = 0; i < 4; i++)
		ASSERT_STREQ("", follow(r, names[i], 0, &next));
	EXPECT_STREQ(ERROR "Limit", follow(r, "e", 0, &next));
	EXPECT_STREQ(ERROR "NoRecord", follow(r, "a", 999, &next));
	EXPECT_STREQ(ERROR "BadOption",
		     rig_call(r, RIG_ROOT, LEDGER, "Forget", "ss", "a", ""));
	EXPECT_STREQ(ERROR "NoReader", rig_call(r, RIG_ROOT, LEDGER, "Forget",
						"ss", "z", "gone"));
	EXPECT_STREQ("", rig_call(r, RIG_ROOT, LEDGER, "Forget", "ss", "a",
				  "replaced"));
	EXPECT_STREQ("", follow(r, "e", 0, &next));
}

static int fetch(struct rig *r, uint64_t from, uint32_t max, const char *kind,
		 uint64_t *ret_next, uint32_t *ret_n)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	int fd = -1;

	sd_bus_message_new_method_call(r->bus, &m, "org.reespec1", RIG_ROOT,
				       LEDGER, "Fetch");
	sd_bus_message_append(m, "tu", from, max);
	if (kind)
		sd_bus_message_append(m, "a{sv}", 1, "kinds", "as", 1, kind);
	else
		sd_bus_message_append(m, "a{sv}", 0);
	if (sd_bus_call(r->bus, m, 0, NULL, &reply) < 0 ||
	    sd_bus_message_read(reply, "htu", &fd, ret_next, ret_n) < 0)
		return -1;
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static const char *fetch_error(struct rig *r, uint32_t max)
{
	return rig_call(r, RIG_ROOT, LEDGER, "Fetch", "tua{sv}", (uint64_t)1,
			max, 0);
}

TEST_F(ledger, an_answer_has_room_for_one_record_at_least)
{
	struct rig *r = &self->r;

	EXPECT_STREQ(ERROR "BadOption", fetch_error(r, 0));
	EXPECT_NE(NULL, strstr(rig_message, "max must be 1 to 65535"));
	EXPECT_STREQ("", fetch_error(r, 1));
	EXPECT_STREQ("", fetch_error(r, 65535));
	EXPECT_STREQ(ERROR "BadOption", fetch_error(r, 65536));
}

TEST_F(ledger, fetch_is_sealed_rewound_and_verifies)
{
	struct rig *r = &self->r;
	CLEANUP(buf_deinit) struct buf b = { 0 };
	struct chain_verifier verifier = { 0 };
	struct chain_fault fault;
	struct chain_record record;
	struct chain_head head;
	char name[CHAIN_HASH_SIZE] = "";
	char found[CHAIN_HASH_SIZE];
	uint32_t blob_len = 0;
	const char *at, *end, *why;
	uint64_t next = 0;
	uint32_t n = 0;
	int fd;

	ASSERT_STREQ("", assay(r));
	fd = fetch(r, 0, 1000, NULL, &next, &n);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, lseek(fd, 0, SEEK_CUR));
	EXPECT_EQ(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
		  fcntl(fd, F_GET_SEALS));
	EXPECT_EQ(rig_last(r), n);
	EXPECT_EQ(rig_last(r) + 1, next);

	ASSERT_EQ(0, buf_read_fd(&b, fd, 1 << 24));
	for (at = b.data; *at != '\n'; at = end + 1) {
		end = strchr(at, '\n');
		ASSERT_NE(NULL, end);
		EXPECT_EQ(CHAIN_GOOD,
			  chain_verify_line(&verifier, at, end - at, &fault));
		ASSERT_EQ(0, chain_parse_line(at, end - at, &record, &why));
		ASSERT_EQ(0, chain_read_body(record.body, record.body_len,
					     &head, NULL, &why));
		chain_record_deinit(&record);
		if (head.n_blobs) {
			strcpy(name, head.blobs[0].sha256);
			blob_len = head.blobs[0].len;
		}
	}
	EXPECT_EQ(n, verifier.n_records);
	at++;
	ASSERT_EQ(blob_len, b.len - (at - b.data));
	chain_sha256(at, blob_len, found);
	EXPECT_STREQ(name, found);
	close(fd);
}

TEST_F(ledger, fetch_takes_parts_and_kinds)
{
	struct rig *r = &self->r;
	uint64_t next = 0;
	uint32_t n = 0;
	int fd;

	ASSERT_STREQ("", assay(r));
	fd = fetch(r, 1, 2, NULL, &next, &n);
	ASSERT_GE(fd, 0);
	close(fd);
	EXPECT_EQ(2, n);
	EXPECT_EQ(3, next);
	fd = fetch(r, 0, 100, "result", &next, &n);
	ASSERT_GE(fd, 0);
	close(fd);
	EXPECT_EQ(1, n);
	EXPECT_EQ(rig_last(r) + 1, next);
	fd = fetch(r, next, 100, NULL, &next, &n);
	ASSERT_GE(fd, 0);
	close(fd);
	EXPECT_EQ(0, n);
	EXPECT_EQ(-1, fetch(r, 0, 100, "gossip", &next, &n));
	EXPECT_EQ(-1, fetch(r, 0, 0, NULL, &next, &n));
}

/* How many records Fetch finds by one filter; -1 when it is refused. */
static int found_by(struct rig *r, const char *filter, ...)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	uint32_t n = 0;
	uint64_t next;
	va_list args;
	int fd;

	sd_bus_message_new_method_call(r->bus, &m, "org.reespec1", RIG_ROOT,
				       LEDGER, "Fetch");
	sd_bus_message_append(m, "tu", (uint64_t)0, 1000);
	va_start(args, filter);
	sd_bus_message_appendv(m, filter, args);
	va_end(args);
	if (sd_bus_call(r->bus, m, 0, NULL, &reply) < 0 ||
	    sd_bus_message_read(reply, "htu", &fd, &next, &n) < 0)
		return -1;
	return (int)n;
}

TEST_F(ledger, fetch_takes_a_sample_and_a_time)
{
	struct rig *r = &self->r;

	ASSERT_STREQ("", assay(r));
	/* The assay and its result. */
	EXPECT_EQ(2, found_by(r, "a{sv}", 1, "sample", "s", "X"));
	EXPECT_EQ(1, found_by(r, "a{sv}", 2, "sample", "s", "X", "kinds", "as",
			      1, "result"));
	EXPECT_EQ(0, found_by(r, "a{sv}", 1, "sample", "s", "Y"));
	EXPECT_EQ(-1, found_by(r, "a{sv}", 1, "sample", "s", ""));
	EXPECT_EQ(0, found_by(r, "a{sv}", 1, "until", "t", (uint64_t)1));
	EXPECT_EQ(rig_last(r), found_by(r, "a{sv}", 2, "since", "t",
					(uint64_t)1, "until", "t", UINT64_MAX));
	EXPECT_EQ(0, found_by(r, "a{sv}", 1, "since", "t", UINT64_MAX));
	EXPECT_EQ(-1, found_by(r, "a{sv}", 1, "since", "s", "today"));
}

TEST_F(ledger, get_names_a_missing_record)
{
	struct rig *r = &self->r;

	EXPECT_STREQ(ERROR "NoRecord",
		     rig_call(r, RIG_ROOT, LEDGER, "Get", "t", (uint64_t)999));
	EXPECT_EQ(NULL, rig_record(r, 0, NULL, NULL, NULL));
}

TEST_HARNESS_MAIN
