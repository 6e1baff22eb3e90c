// SPDX-License-Identifier: GPL-2.0-or-later
/* Batches, records, spectra and cursors of the ledger. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "ledger/store.h"
#include "state_dir.h"

FIXTURE(ledger)
{
	char dir[128];
	struct ledger *l;
};

FIXTURE_SETUP(ledger)
{
	state_dir_make(self->dir);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
}

FIXTURE_TEARDOWN(ledger)
{
	ledger_close(self->l);
	state_dir_remove(self->dir);
}

static int verify(struct ledger *l, struct ledger_verified *v)
{
	struct ledger_verify what = { 0 };

	return ledger_verify(l, &what, v);
}

TEST_F(ledger, new_one_holds_its_genesis)
{
	struct chain_record r;
	struct chain_head h;
	json_t *body;
	const char *key;

	ASSERT_EQ(1, ledger_first(self->l));
	ASSERT_EQ(1, ledger_last(self->l));
	ASSERT_EQ(0, ledger_get(self->l, 1, &r, &h, &body));
	EXPECT_STREQ(CHAIN_GENESIS_PREV, r.prev);
	EXPECT_STREQ(ledger_head(self->l), r.hash);
	EXPECT_EQ(CHAIN_GENESIS, h.kind);
	EXPECT_STREQ(ledger_id(self->l), h.ledger);
	ASSERT_EQ(0, js_get_str(body, "key", &key));
	EXPECT_STREQ(ledger_public_key(self->l), key);
	EXPECT_EQ(0, chain_verify_sig(key, r.hash, r.sig));
	js_free(body);
	chain_record_deinit(&r);
}

TEST_F(ledger, files_are_the_owners_alone)
{
	static const char *const names[] = { LEDGER_FILE, LEDGER_FILE "-wal",
					     LEDGER_KEY_FILE,
					     LEDGER_RESERVE_FILE };
	struct stat st;
	char path[256];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", self->dir, names[i]);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(0600, st.st_mode & 07777);
	}
}

TEST_F(ledger, batch_is_unseen_until_committed)
{
	struct ledger_batch b;
	struct chain_record r;
	uint64_t seq;

	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 1, 0, &seq));
	EXPECT_EQ(2, seq);
	EXPECT_EQ(1, ledger_last(self->l));
	EXPECT_EQ(-ENOENT, ledger_get(self->l, 2, &r, NULL, NULL));
	ledger_pending(self->l, &b);
	EXPECT_EQ(1, b.n_records);
	EXPECT_EQ(2, b.first);
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	EXPECT_EQ(2, ledger_last(self->l));
	ledger_pending(self->l, &b);
	EXPECT_EQ(0, b.n_records);
	EXPECT_EQ(0, ledger_commit(self->l, NULL));
	ASSERT_EQ(0, ledger_get(self->l, 2, &r, NULL, NULL));
	chain_record_deinit(&r);
}

TEST_F(ledger, discarded_numbers_are_given_again)
{
	uint64_t seq;

	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 1, 0, &seq));
	ledger_discard(self->l);
	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 2, 0, &seq));
	EXPECT_EQ(2, seq);
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
}

TEST_F(ledger, body_has_the_members_of_the_format_in_order)
{
	static const char *const keys[] = { "ledger", "seq",	 "time",
					    "boot",   "mono_ns", "kind",
					    "uid",    "serial",	 "number",
					    "text",   "live_s",	 "blobs" };
	struct chain_record r;
	struct chain_head h;
	json_t *body, *value;
	const char *key;
	void *it = NULL;
	size_t n = 0;

	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 7, 256, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	ASSERT_EQ(0, ledger_get(self->l, 2, &r, &h, &body));
	while (js_next(body, &it, &key, &value)) {
		ASSERT_LT(n, ARRAY_SIZE(keys));
		EXPECT_STREQ(keys[n++], key);
	}
	EXPECT_EQ(ARRAY_SIZE(keys), n);
	EXPECT_EQ(JS_STRING, js_type(js_get(body, "seq")));
	EXPECT_EQ(JS_STRING, js_type(js_get(body, "mono_ns")));
	EXPECT_EQ(NULL, strchr(r.body, '\n'));
	EXPECT_EQ(2, h.seq);
	EXPECT_EQ(1000, h.uid);
	EXPECT_STREQ("38563", h.serial);
	EXPECT_FALSE(h.is_simulated);
	ASSERT_EQ(1, h.n_blobs);
	EXPECT_EQ(1024, h.blobs[0].len);
	js_free(body);
	chain_record_deinit(&r);
}

TEST_F(ledger, simulated_record_says_so)
{
	struct ledger_entry e = { .kind = CHAIN_START, .is_simulated = true };
	struct chain_record r;
	struct chain_head h;

	ASSERT_EQ(0, ledger_append(self->l, &e, NULL, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	ASSERT_EQ(0, ledger_get(self->l, 2, &r, &h, NULL));
	EXPECT_TRUE(h.is_simulated);
	EXPECT_STREQ("", h.serial);
	EXPECT_NE(NULL, strstr(r.body, "\"serial\":null,\"simulated\":true"));
	chain_record_deinit(&r);
}

TEST_F(ledger, spectrum_comes_back_and_is_kept_once)
{
	uint32_t expected[2048], *counts;
	char name[CHAIN_HASH_SIZE];
	struct chain_record r;
	struct chain_head h;
	size_t n;

	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 3, 2048, NULL));
	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 3, 2048, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 3, 2048, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	ASSERT_EQ(0, ledger_get(self->l, 2, &r, &h, NULL));
	strcpy(name, h.blobs[0].sha256);
	chain_record_deinit(&r);
	ASSERT_EQ(0, ledger_get(self->l, 4, &r, &h, NULL));
	EXPECT_STREQ(name, h.blobs[0].sha256);
	chain_record_deinit(&r);

	fill_counts(expected, 2048, 3);
	ASSERT_EQ(0, ledger_get_counts(self->l, name, &counts, &n));
	ASSERT_EQ(2048, n);
	EXPECT_EQ(0, memcmp(expected, counts, sizeof(expected)));
	free(counts);
	EXPECT_EQ(-ENOENT,
		  ledger_get_counts(self->l, CHAIN_GENESIS_PREV, &counts, &n));
}

TEST_F(ledger, only_signed_kinds_carry_a_signature)
{
	struct ledger_verified v;
	struct chain_record r;
	struct chain_head h;

	for (int k = CHAIN_START; k < CHAIN_KEY; k++)
		ASSERT_EQ(0,
			  append_some(self->l, (enum chain_kind)k, 1, 0, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	for (uint64_t seq = 2; seq <= ledger_last(self->l); seq++) {
		ASSERT_EQ(0, ledger_get(self->l, seq, &r, &h, NULL));
		EXPECT_EQ(chain_kind_is_signed(h.kind), *r.sig != '\0');
		chain_record_deinit(&r);
	}
	ASSERT_EQ(0, verify(self->l, &v));
	EXPECT_EQ(CHAIN_GOOD, v.fault.verdict);
	EXPECT_EQ(CHAIN_KEY, v.chain.n_records);
	EXPECT_EQ(4, v.chain.n_signatures);
	EXPECT_EQ(0, v.chain.n_unchecked);
}

static int append_part(struct ledger *l, json_t *part)
{
	struct ledger_entry e = { .kind = CHAIN_RESULT, .part = part };
	int r;

	r = ledger_append(l, &e, NULL, NULL);
	js_free(part);
	return r;
}

TEST_F(ledger, refuses_members_of_its_own)
{
	static const char *const keys[] = { "ledger", "seq",	 "time",
					    "boot",   "mono_ns", "kind",
					    "uid",    "serial",	 "simulated",
					    "blobs" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_t *part = js_object();

		js_set_str(part, keys[i], "x");
		EXPECT_EQ(-EEXIST, append_part(self->l, part));
	}
	EXPECT_EQ(-EINVAL, append_part(self->l, js_array()));
}

TEST_F(ledger, refuses_kinds_of_its_own)
{
	EXPECT_EQ(-EINVAL, append_some(self->l, CHAIN_GENESIS, 1, 0, NULL));
	EXPECT_EQ(-EINVAL, append_some(self->l, CHAIN_KEY, 1, 0, NULL));
	EXPECT_EQ(-EINVAL, append_some(self->l, CHAIN_N_KINDS, 1, 0, NULL));
	EXPECT_NE(0, *ledger_why(self->l));
}

TEST_F(ledger, refuses_a_body_beyond_the_bound)
{
	struct ledger_batch b;
	json_t *part = js_object();
	char *text = malloc(CHAIN_BODY_MAX + 1);

	memset(text, 'x', CHAIN_BODY_MAX);
	text[CHAIN_BODY_MAX] = '\0';
	js_set_str(part, "text", text);
	EXPECT_EQ(-EFBIG, append_part(self->l, part));
	ledger_pending(self->l, &b);
	EXPECT_EQ(0, b.n_records);
	free(text);
}

TEST_F(ledger, refuses_a_serial_or_spectrum_that_cannot_be)
{
	uint32_t counts[4] = { 1, 2, 3, 4 };
	struct ledger_spectrum sp = { "Spectrum", counts, 4 };
	struct ledger_entry e = {
		.kind = CHAIN_READING,
		.serial = "0123456789012345678901234567890123456789",
	};

	EXPECT_EQ(-EINVAL, ledger_append(self->l, &e, NULL, NULL));
	e.serial = "1";
	e.spectra = &sp;
	e.n_spectra = 1;
	EXPECT_EQ(-EINVAL, ledger_append(self->l, &e, NULL, NULL));
	sp.name = "spectrum";
	sp.n_chan = 0;
	EXPECT_EQ(-EINVAL, ledger_append(self->l, &e, NULL, NULL));
	sp.n_chan = 4;
	EXPECT_EQ(0, ledger_append(self->l, &e, NULL, NULL));
}

TEST_F(ledger, batch_is_bounded)
{
	for (int i = 0; i < LEDGER_BATCH_RECORDS_MAX; i++)
		ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 1, 0, NULL));
	EXPECT_EQ(-ENOBUFS, append_some(self->l, CHAIN_READING, 1, 0, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	EXPECT_EQ(0, append_some(self->l, CHAIN_READING, 1, 0, NULL));
}

TEST_F(ledger, batch_is_bounded_in_bytes)
{
	struct ledger_batch waiting;
	uint32_t n = 0;
	int r;

	do
		r = append_some(self->l, CHAIN_READING, n++, 8192, NULL);
	while (!r);
	EXPECT_EQ(-ENOBUFS, r);
	ledger_pending(self->l, &waiting);
	EXPECT_GT(LEDGER_BATCH_RECORDS_MAX, waiting.n_records);
	EXPECT_LE(LEDGER_BATCH_BYTES_MAX, waiting.n_bytes);
}

static int count_range(struct ledger *l, const struct ledger_range *range,
		       uint64_t *ret_first, uint64_t *ret_last)
{
	struct ledger_cursor *c;
	struct chain_record r;
	uint64_t seq;
	int n = 0;

	if (ledger_cursor_open(l, range, &c) < 0)
		return -1;
	while (ledger_cursor_next(c, &r, &seq) > 0) {
		if (!n++)
			*ret_first = seq;
		*ret_last = seq;
		chain_record_deinit(&r);
	}
	ledger_cursor_close(c);
	return n;
}

TEST_F(ledger, cursor_walks_ranges_and_kinds_both_ways)
{
	struct ledger_range range = { 0 };
	uint64_t first, last;

	for (uint32_t i = 0; i < 20; i++)
		ASSERT_EQ(0,
			  append_some(self->l,
				      i % 5 == 4 ? CHAIN_RESULT : CHAIN_READING,
				      i, 0, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));

	EXPECT_EQ(21, count_range(self->l, &range, &first, &last));
	EXPECT_EQ(1, first);
	EXPECT_EQ(21, last);
	range.kinds = 1u << CHAIN_RESULT;
	EXPECT_EQ(4, count_range(self->l, &range, &first, &last));
	EXPECT_EQ(6, first);
	range.is_descending = true;
	EXPECT_EQ(4, count_range(self->l, &range, &first, &last));
	EXPECT_EQ(21, first);
	EXPECT_EQ(6, last);
	/* Long ranges are asked for in another way than short ones. */
	for (uint32_t i = 0; i < 80; i++)
		ASSERT_EQ(0, append_some(self->l, CHAIN_READING, i, 0, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	EXPECT_EQ(4, count_range(self->l, &range, &first, &last));
	EXPECT_EQ(21, first);
	EXPECT_EQ(6, last);
	range.is_descending = false;
	EXPECT_EQ(4, count_range(self->l, &range, &first, &last));
	EXPECT_EQ(6, first);
	range = (struct ledger_range){ .from = 5, .to = 9 };
	EXPECT_EQ(5, count_range(self->l, &range, &first, &last));
	EXPECT_EQ(5, first);
	EXPECT_EQ(9, last);
	range = (struct ledger_range){ .from = 102 };
	EXPECT_EQ(0, count_range(self->l, &range, &first, &last));
	range = (struct ledger_range){ .from = 9, .to = 5 };
	EXPECT_EQ(0, count_range(self->l, &range, &first, &last));
}

/* One that belongs to an instrument and, when not 0, to an assay. */
static void add_of(struct ledger *l, enum chain_kind kind, const char *serial,
		   uint64_t assay)
{
	CLEANUP(js_freep) json_t *part = js_object();
	const struct ledger_entry e = {
		.kind = kind,
		.serial = serial,
		.part = part,
	};

	if (assay)
		js_set_u64(part, "assay", assay);
	if (ledger_append(l, &e, NULL, NULL) < 0)
		abort();
}

static int count_step(void *n)
{
	++*(unsigned int *)n;
	return 0;
}

TEST_F(ledger, cursor_finds_results_of_an_instrument_and_passes_none_else)
{
	struct ledger_range range = { .instrument = "A" };
	unsigned int n_steps = 0;
	uint64_t first, last;

	add_of(self->l, CHAIN_ASSAY, "A", 0);
	add_of(self->l, CHAIN_READING, "A", 2);
	add_of(self->l, CHAIN_RESULT, "A", 2);
	for (int i = 0; i < 1000; i++)
		add_of(self->l, CHAIN_RESULT, "B", 0);
	add_of(self->l, CHAIN_RESULT, "A", 0);
	ASSERT_EQ(0, ledger_commit(self->l, NULL));

	EXPECT_EQ(2, count_range(self->l, &range, &first, &last));
	EXPECT_EQ(4, first);
	EXPECT_EQ(1005, last);
	range.is_descending = true;
	range.to = 1004;
	/* A step of SQLite's machine for each row would be a thousand. */
	sqlite3_progress_handler(self->l->db, 1, count_step, &n_steps);
	EXPECT_EQ(1, count_range(self->l, &range, &first, &last));
	range.instrument = "C";
	EXPECT_EQ(0, count_range(self->l, &range, &first, &last));
	sqlite3_progress_handler(self->l->db, 0, NULL, NULL);
	EXPECT_LT(n_steps, 500);
}

TEST_F(ledger, an_assay_is_open_until_its_result)
{
	uint64_t seq = 0;

	EXPECT_EQ(0, ledger_next_open(self->l, 1, &seq));
	add_of(self->l, CHAIN_ASSAY, "A", 0);
	add_of(self->l, CHAIN_ASSAY, "A", 0);
	add_of(self->l, CHAIN_READING, "A", 2);
	add_of(self->l, CHAIN_RESULT, "A", 3);
	add_of(self->l, CHAIN_ASSAY, "B", 0);
	/* What waits to be written does not count. */
	EXPECT_EQ(0, ledger_next_open(self->l, 1, &seq));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	EXPECT_EQ(1, ledger_next_open(self->l, 1, &seq));
	EXPECT_EQ(2, seq);
	EXPECT_EQ(1, ledger_next_open(self->l, 3, &seq));
	EXPECT_EQ(6, seq);
	EXPECT_EQ(0, ledger_next_open(self->l, 7, &seq));
	add_of(self->l, CHAIN_RESULT, "A", 2);
	add_of(self->l, CHAIN_RESULT, "B", 6);
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	EXPECT_EQ(0, ledger_next_open(self->l, 1, &seq));
}

TEST_F(ledger, cursor_does_not_see_later_commits)
{
	struct ledger_range range = { 0 };
	struct ledger_cursor *c;
	struct chain_record r;
	uint64_t seq;

	ASSERT_EQ(0, ledger_cursor_open(self->l, &range, &c));
	ASSERT_EQ(1, ledger_cursor_next(c, &r, &seq));
	chain_record_deinit(&r);
	ASSERT_EQ(0, append_some(self->l, CHAIN_READING, 1, 0, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	EXPECT_EQ(0, ledger_cursor_next(c, &r, &seq));
	ledger_cursor_close(c);
}

TEST_F(ledger, survives_closing_and_goes_on)
{
	char id[CHAIN_ID_SIZE], head[CHAIN_HASH_SIZE];
	struct ledger_verified v;

	ASSERT_EQ(0, append_some(self->l, CHAIN_RESULT, 1, 512, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	strcpy(id, ledger_id(self->l));
	strcpy(head, ledger_head(self->l));
	self->l = ledger_close(self->l);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	EXPECT_STREQ(id, ledger_id(self->l));
	EXPECT_STREQ(head, ledger_head(self->l));
	ASSERT_EQ(0, append_some(self->l, CHAIN_RESULT, 2, 512, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	ASSERT_EQ(0, verify(self->l, &v));
	EXPECT_EQ(CHAIN_GOOD, v.fault.verdict);
	EXPECT_EQ(3, v.chain.n_records);
	EXPECT_EQ(2, v.n_blobs);
}

TEST_F(ledger, second_process_is_refused)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct ledger *other;
		char why[200];
		int r;

		r = ledger_open(self->dir, NULL, &other, why, sizeof(why));
		_exit(r == -EBUSY && strstr(why, "another process") ? 0 : 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, append_some(self->l, CHAIN_READING, 1, 0, NULL));
	EXPECT_EQ(0, ledger_commit(self->l, NULL));
}

TEST_F(ledger, second_handle_is_refused)
{
	struct ledger *other;

	EXPECT_EQ(-EBUSY, ledger_open(self->dir, NULL, &other, NULL, 0));
}

TEST_F(ledger, missing_or_foreign_key_is_refused)
{
	char path[256], aside[256], why[200];
	struct ledger *l;
	int fd;

	self->l = ledger_close(self->l);
	snprintf(path, sizeof(path), "%s/" LEDGER_KEY_FILE, self->dir);
	snprintf(aside, sizeof(aside), "%s/aside", self->dir);
	ASSERT_EQ(0, rename(path, aside));
	EXPECT_EQ(-ENOKEY, ledger_open(self->dir, NULL, &l, why, sizeof(why)));
	EXPECT_NE(NULL, strstr(why, "missing"));

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ASSERT_EQ(45,
		  write(fd, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
			45));
	close(fd);
	EXPECT_EQ(-ENOKEY, ledger_open(self->dir, NULL, &l, why, sizeof(why)));
	EXPECT_NE(NULL, strstr(why, "not the key of this ledger"));

	ASSERT_EQ(0, rename(aside, path));
	ASSERT_EQ(0, chmod(path, 0640));
	EXPECT_EQ(-EPERM, ledger_open(self->dir, NULL, &l, why, sizeof(why)));
	ASSERT_EQ(0, chmod(path, 0600));
	ASSERT_EQ(0, truncate(path, 44));
	EXPECT_EQ(-EBADMSG, ledger_open(self->dir, NULL, &l, why, sizeof(why)));
}

TEST(open_tells_what_is_wrong)
{
	struct ledger_options must = { .must_exist = true };
	char dir[128], path[256], why[200] = "";
	struct ledger *l;
	int fd;

	EXPECT_EQ(-ENOENT, ledger_open("/nonexistent", NULL, &l, why, 200));
	EXPECT_NE(NULL, strstr(why, "/nonexistent"));
	state_dir_make(dir);
	EXPECT_EQ(-ENOENT, ledger_open(dir, &must, &l, why, 200));

	snprintf(path, sizeof(path), "%s/" LEDGER_FILE, dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	for (int i = 0; i < 512; i++)
		ASSERT_EQ(8, write(fd, "no data\n", 8));
	close(fd);
	EXPECT_EQ(-EBADMSG, ledger_open(dir, NULL, &l, why, sizeof(why)));
	state_dir_remove(dir);
}

TEST(open_finishes_a_start_cut_off_after_the_key)
{
	char dir[128], key[CHAIN_KEY_SIZE];
	struct chain_key *k;
	struct ledger *l;
	int fd;

	state_dir_make(dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	ASSERT_EQ(0, chain_key_create(fd, LEDGER_KEY_FILE, &k));
	chain_key_public(k, key);
	chain_key_free(k);
	close(fd);
	ASSERT_EQ(0, ledger_open(dir, NULL, &l, NULL, 0));
	EXPECT_STREQ(key, ledger_public_key(l));
	ledger_close(l);
	state_dir_remove(dir);
}

TEST_HARNESS_MAIN
