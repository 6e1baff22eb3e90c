// SPDX-License-Identifier: GPL-2.0-or-later
/* What one Fetch brings, and what finding it may cost. */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "bus/fetch.h"
#include "kselftest_harness.h"
#include "ledger/store.h"
#include "state_dir.h"

/* More than one answer may look at. */
#define N_READINGS 2000

FIXTURE(fetch)
{
	char dir[128];
	struct ledger *l;
	uint64_t n_steps;
};

static int add(struct ledger *l, enum chain_kind kind, const char *sample)
{
	CLEANUP(js_freep) json_t *part = js_object();
	const struct ledger_entry e = { .kind = kind, .part = part };

	if (sample)
		js_set_str(part, "sample", sample);
	return ledger_append(l, &e, NULL, NULL);
}

static int on_steps(void *arg)
{
	FIXTURE_DATA(fetch) *self = arg;

	self->n_steps += 10;
	return 0;
}

/* Genesis, an assay, many readings, its result; one of another sample. */
FIXTURE_SETUP(fetch)
{
	state_dir_make(self->dir);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	ASSERT_EQ(0, add(self->l, CHAIN_ASSAY, "A"));
	for (int i = 0; i < N_READINGS; i++)
		ASSERT_EQ(0, add(self->l, CHAIN_READING, NULL));
	ASSERT_EQ(0, add(self->l, CHAIN_RESULT, "A"));
	ASSERT_EQ(0, add(self->l, CHAIN_ASSAY, "B \"b\" %"));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	sqlite3_progress_handler(self->l->db, 10, on_steps, self);
}

FIXTURE_TEARDOWN(fetch)
{
	ledger_close(self->l);
	state_dir_remove(self->dir);
}

/* The numbers of the records in an answer, and that nothing went wrong. */
static size_t run(struct ledger *l, struct fetch *f, uint64_t *ret_seqs)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	const char *at, *end, *why;
	struct chain_record record;
	struct chain_head head;
	size_t n = 0, len = 0;
	int fd;

	f->n = 0;
	if (!f->max)
		f->max = 65535;
	if (!f->len_max)
		f->len_max = 1 << 22;
	fd = fetch_run(l, f, &len);
	if (fd < 0 || buf_read_fd(&b, fd, 1 << 23) < 0)
		abort();
	close(fd);
	if (len != b.len)
		abort();
	for (at = b.data; *at != '\n'; at = end + 1) {
		end = strchr(at, '\n');
		if (chain_parse_line(at, (size_t)(end - at), &record, &why) <
			    0 ||
		    chain_read_body(record.body, record.body_len, &head, NULL,
				    &why) < 0)
			abort();
		chain_record_deinit(&record);
		ret_seqs[n++] = head.seq;
	}
	if (n != f->n)
		abort();
	return n;
}

TEST_F(fetch, kinds_are_found_without_reading_the_others)
{
	struct fetch f = { .kinds = 1U << CHAIN_RESULT | 1U << CHAIN_GENESIS };
	static uint64_t seqs[N_READINGS + 8];

	ASSERT_EQ(2, run(self->l, &f, seqs));
	EXPECT_EQ(1, seqs[0]);
	EXPECT_EQ(N_READINGS + 3, seqs[1]);
	EXPECT_EQ(ledger_last(self->l) + 1, f.next);
	EXPECT_LT(self->n_steps, 1000);
	TH_LOG("%llu steps of SQLite", (unsigned long long)self->n_steps);
}

TEST_F(fetch, a_sample_is_found_without_reading_the_others)
{
	struct fetch f = { .sample = "A" };
	static uint64_t seqs[N_READINGS + 8];

	ASSERT_EQ(2, run(self->l, &f, seqs));
	EXPECT_EQ(2, seqs[0]);
	EXPECT_EQ(N_READINGS + 3, seqs[1]);
	EXPECT_LT(self->n_steps, 1000);
	TH_LOG("%llu steps of SQLite", (unsigned long long)self->n_steps);

	f.kinds = 1U << CHAIN_RESULT;
	f.from = 0;
	ASSERT_EQ(1, run(self->l, &f, seqs));
	EXPECT_EQ(N_READINGS + 3, seqs[0]);
	f = (struct fetch){ .sample = "B \"b\" %" };
	ASSERT_EQ(1, run(self->l, &f, seqs));
	EXPECT_EQ(N_READINGS + 4, seqs[0]);
	f = (struct fetch){ .sample = "a" };
	EXPECT_EQ(0, run(self->l, &f, seqs));
	EXPECT_EQ(ledger_last(self->l) + 1, f.next);
}

TEST_F(fetch, time_is_a_half_open_interval)
{
	static uint64_t seqs[N_READINGS + 8];
	struct fetch f = { .kinds = 1U << CHAIN_RESULT };
	struct chain_record record;
	struct chain_head head;
	uint64_t us;

	ASSERT_EQ(0, ledger_get(self->l, N_READINGS + 3, &record, &head, NULL));
	chain_record_deinit(&record);
	ASSERT_EQ(0, clock_parse(head.time, &us));
	f.since_us = us;
	f.until_us = us + 1;
	EXPECT_EQ(1, run(self->l, &f, seqs));
	f = (struct fetch){ .kinds = 1U << CHAIN_RESULT, .until_us = us };
	EXPECT_EQ(0, run(self->l, &f, seqs));
	f = (struct fetch){ .kinds = 1U << CHAIN_RESULT, .since_us = us + 1 };
	EXPECT_EQ(0, run(self->l, &f, seqs));
}

/* The loop must not stand while years are looked through. */
TEST_F(fetch, looking_for_a_time_comes_in_parts)
{
	static uint64_t seqs[N_READINGS + 8];
	struct fetch f = { .since_us = UINT64_MAX };

	EXPECT_EQ(0, run(self->l, &f, seqs));
	EXPECT_EQ(1025, f.next);
	f.from = f.next;
	EXPECT_EQ(0, run(self->l, &f, seqs));
	EXPECT_EQ(ledger_last(self->l) + 1, f.next);
}

TEST_F(fetch, an_answer_is_as_long_as_it_may_be)
{
	static uint64_t seqs[N_READINGS + 8];
	struct fetch f = { .len_max = 1 };

	/* One record always fits. */
	EXPECT_EQ(1, run(self->l, &f, seqs));
	EXPECT_EQ(2, f.next);
	f = (struct fetch){ .len_max = 8192 };
	EXPECT_GT(run(self->l, &f, seqs), 5);
	EXPECT_LT(f.next, 40);
}

/* The whole of an answer with counts, or -errno. */
static int fetch_counts(struct ledger *l, uint64_t from, struct buf *ret)
{
	struct fetch f = { .from = from,
			   .max = 65535,
			   .len_max = 1 << 22,
			   .has_counts = true };
	size_t len = 0;
	int fd = fetch_run(l, &f, &len);
	int r;

	if (fd < 0)
		return fd;
	r = buf_read_fd(ret, fd, 1 << 23);
	close(fd);
	return r < 0 ? r : len == ret->len ? 0 : -EIO;
}

static const char *take_blob(const char *line, const char *blob, bool *ret_fits)
{
	static const char opening[] = "\"blobs\":[{\"sha256\":\"";
	const char *name = strstr(line, opening);
	char hash[CHAIN_HASH_SIZE];

	*ret_fits = name && strstr(name, "\",\"len\":8192}]}\n");
	if (!*ret_fits)
		return blob;
	chain_sha256(blob, 8192, hash);
	*ret_fits =
		!memcmp(name + sizeof(opening) - 1, hash, CHAIN_HASH_SIZE - 1);
	return blob + 8192;
}

/* Neither lines nor blobs fit into what is written at once. */
TEST_F(fetch, blobs_follow_in_the_order_of_their_lines)
{
	const uint64_t from = ledger_last(self->l) - N_READINGS / 2;
	CLEANUP(buf_deinit) struct buf b = { 0 };
	const char *line, *blob;
	bool fits;
	int n = 0;

	for (uint32_t i = 0; i < 20; i++)
		ASSERT_EQ(0,
			  append_some(self->l, CHAIN_READING, i, 2048, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	ASSERT_EQ(0, fetch_counts(self->l, from, &b));
	blob = strstr(b.data, "\n\n") + 2;
	EXPECT_GT(blob - b.data, 2 * 65536);
	for (line = b.data; *line != '\n'; line = strchr(line, '\n') + 1) {
		if (++n <= N_READINGS / 2 + 1)
			continue;
		blob = take_blob(line, blob, &fits);
		EXPECT_TRUE(fits);
	}
	EXPECT_EQ(N_READINGS / 2 + 21, n);
	EXPECT_EQ(b.data + b.len, blob);
	/* Nothing holds up the next commit. */
	ASSERT_EQ(0, add(self->l, CHAIN_READING, NULL));
	EXPECT_EQ(0, ledger_commit(self->l, NULL));
}

/* All that follows would be taken for something else. */
TEST_F(fetch, a_blob_of_another_length_is_not_sent)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	uint64_t seq;

	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 1, 2048, &seq));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	ASSERT_EQ(SQLITE_OK,
		  sqlite3_exec(self->l->db,
			       "UPDATE record SET body = replace(body,"
			       " '\"len\":8192', '\"len\":8188')",
			       NULL, NULL, NULL));
	EXPECT_EQ(-EBADMSG, fetch_counts(self->l, seq, &b));
	ASSERT_EQ(0, add(self->l, CHAIN_READING, NULL));
	EXPECT_EQ(0, ledger_commit(self->l, NULL));
}

TEST_HARNESS_MAIN
