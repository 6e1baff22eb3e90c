// SPDX-License-Identifier: GPL-2.0-or-later
/* What verification finds after someone worked on the database file. */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <string.h>

#include "base/buf.h"
#include "kselftest_harness.h"
#include "seed.h"
#include "state_dir.h"

#define N_RECORDS 12
/* Signed, and with a spectrum. */
#define SEQ_RESULT 7

FIXTURE(tamper)
{
	char dir[128];
	char head[CHAIN_HASH_SIZE];
	struct ledger *l;
};

FIXTURE_SETUP(tamper)
{
	state_dir_make(self->dir);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	for (uint32_t seq = 2; seq <= N_RECORDS; seq++)
		ASSERT_EQ(0, append_some(self->l,
					 seq == SEQ_RESULT ? CHAIN_RESULT
							   : CHAIN_READING,
					 seq, 256, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	strcpy(self->head, ledger_head(self->l));
	self->l = ledger_close(self->l);
}

FIXTURE_TEARDOWN(tamper)
{
	ledger_close(self->l);
	state_dir_remove(self->dir);
}

/* Runs @sql on the closed ledger; false when it fails or changes nothing. */
static bool change(const char *dir, const char *sql)
{
	char path[256];
	sqlite3 *db;
	bool is_done;

	snprintf(path, sizeof(path), "%s/" LEDGER_FILE, dir);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		return false;
	is_done = sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK &&
		  sqlite3_total_changes(db) > 0;
	sqlite3_close(db);
	return is_done;
}

/* The first fault after @sql was run. */
static struct chain_fault fault_after(const char *dir, const char *sql,
				      const struct ledger_verify *what)
{
	struct ledger_verify all = { 0 };
	struct ledger_verified v = { 0 };
	struct ledger *l = NULL;
	int r;

	v.fault.verdict = (enum chain_verdict) - 1;
	if (!sql || change(dir, sql)) {
		r = ledger_open(dir, NULL, &l, v.fault.why, 200);
		if (r >= 0)
			r = ledger_verify(l, what ? what : &all, &v);
		if (r < 0)
			v.fault.seq = (uint64_t)r;
	}
	ledger_close(l);
	return v.fault;
}

#define EXPECT_FAULT(bad, at, sql)                                             \
	do {                                                                   \
		struct chain_fault f = fault_after(self->dir, sql, NULL);      \
                                                                               \
		EXPECT_EQ(bad, f.verdict)                                      \
		TH_LOG("%s at %" PRIu64 ": %s", chain_verdict_name(f.verdict), \
		       f.seq, f.why);                                          \
		EXPECT_EQ(at, f.seq);                                          \
	} while (0)

TEST_F(tamper, nothing_is_found_when_nothing_was_done)
{
	struct chain_fault f = fault_after(self->dir, NULL, NULL);

	EXPECT_EQ(CHAIN_GOOD, f.verdict);
}

TEST_F(tamper, changed_number_in_a_body)
{
	EXPECT_FAULT(CHAIN_BAD_HASH, 5,
		     "UPDATE record SET body = replace(body,"
		     " '\"number\":5', '\"number\":6') WHERE seq = 5");
}

TEST_F(tamper, changed_operator_in_a_body)
{
	EXPECT_FAULT(CHAIN_BAD_HASH, 5,
		     "UPDATE record SET body = replace(body,"
		     " '\"uid\":1000', '\"uid\":1001') WHERE seq = 5");
}

TEST_F(tamper, changed_body_with_its_hash_made_anew)
{
	char sql[CHAIN_HASH_SIZE + 2048], hash[CHAIN_HASH_SIZE];
	struct chain_record r;
	char *digit;

	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	ASSERT_EQ(0, ledger_get(self->l, 5, &r, NULL, NULL));
	self->l = ledger_close(self->l);
	digit = strstr(r.body, "\"number\":5");
	digit[9] = '6';
	chain_hash(r.prev, r.body, r.body_len, hash);
	sqlite3_snprintf(sizeof(sql), sql,
			 "UPDATE record SET body = %Q, hash = %Q"
			 " WHERE seq = 5",
			 r.body, hash);
	chain_record_deinit(&r);
	EXPECT_FAULT(CHAIN_BAD_HASH, 6, sql);
}

TEST_F(tamper, result_made_anew_with_hash_lacks_the_key)
{
	char sql[CHAIN_HASH_SIZE + 4096], hash[CHAIN_HASH_SIZE];
	struct chain_record r;

	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	ASSERT_EQ(0, ledger_get(self->l, SEQ_RESULT, &r, NULL, NULL));
	self->l = ledger_close(self->l);
	strstr(r.body, "\"number\":7")[9] = '6';
	chain_hash(r.prev, r.body, r.body_len, hash);
	sqlite3_snprintf(sizeof(sql), sql,
			 "UPDATE record SET body = %Q, hash = %Q"
			 " WHERE seq = 7",
			 r.body, hash);
	chain_record_deinit(&r);
	EXPECT_FAULT(CHAIN_BAD_SIG, SEQ_RESULT, sql);
}

TEST_F(tamper, changed_hash)
{
	EXPECT_FAULT(CHAIN_BAD_HASH, 5,
		     "UPDATE record SET hash = substr(hash, 1, 63) ||"
		     " CASE substr(hash, 64) WHEN '0' THEN '1' ELSE '0' END"
		     " WHERE seq = 5");
}

TEST_F(tamper, changed_signature)
{
	EXPECT_FAULT(CHAIN_BAD_SIG, SEQ_RESULT,
		     "UPDATE record SET sig = 'AAAAAAAA' || substr(sig, 9)"
		     " WHERE seq = 7");
}

TEST_F(tamper, removed_signature_of_a_result)
{
	EXPECT_FAULT(CHAIN_BAD_SIG, SEQ_RESULT,
		     "UPDATE record SET sig = '' WHERE seq = 7");
}

TEST_F(tamper, signature_of_another_record)
{
	EXPECT_FAULT(CHAIN_BAD_SIG, SEQ_RESULT,
		     "UPDATE record SET sig = (SELECT sig FROM record"
		     " WHERE seq = 1) WHERE seq = 7");
}

TEST_F(tamper, deleted_row)
{
	EXPECT_FAULT(CHAIN_BAD_SEQ, 5, "DELETE FROM record WHERE seq = 5");
}

TEST_F(tamper, deleted_genesis)
{
	EXPECT_FAULT(CHAIN_BAD_SEQ, 1, "DELETE FROM record WHERE seq = 1");
}

TEST_F(tamper, deleted_row_with_the_next_in_its_place)
{
	EXPECT_FAULT(CHAIN_BAD_HASH, 5,
		     "DELETE FROM record WHERE seq = 5;"
		     "UPDATE record SET seq = 5 WHERE seq = 6");
}

TEST_F(tamper, swapped_rows)
{
	EXPECT_FAULT(CHAIN_BAD_HASH, 4,
		     "UPDATE record SET seq = 100 WHERE seq = 4;"
		     "UPDATE record SET seq = 4 WHERE seq = 5;"
		     "UPDATE record SET seq = 5 WHERE seq = 100");
}

TEST_F(tamper, changed_byte_of_a_spectrum)
{
	EXPECT_FAULT(CHAIN_BAD_BLOB, 3,
		     "UPDATE blob SET packed = CAST(substr(packed, 1, 40) ||"
		     " CASE hex(substr(packed, 41, 1)) WHEN '00' THEN x'01'"
		     " ELSE x'00' END || substr(packed, 42) AS BLOB)"
		     " WHERE id = 2");
}

TEST_F(tamper, spectrum_exchanged_for_another)
{
	EXPECT_FAULT(CHAIN_BAD_BLOB, 3,
		     "UPDATE blob SET packed = (SELECT packed FROM blob"
		     " WHERE id = 5) WHERE id = 2");
}

TEST_F(tamper, deleted_spectrum)
{
	EXPECT_FAULT(CHAIN_BAD_BLOB, SEQ_RESULT,
		     "DELETE FROM blob WHERE id = 6");
}

TEST_F(tamper, another_id_than_that_of_its_records)
{
	EXPECT_FAULT(CHAIN_BAD_LEDGER, N_RECORDS,
		     "UPDATE meta SET value ="
		     " '00000000000000000000000000000001'"
		     " WHERE key = 'ledger'");
}

TEST_F(tamper, end_cut_off_is_seen_by_a_witness_only)
{
	struct ledger_verify what = { .witness_seq = N_RECORDS,
				      .witness_hash = self->head };
	struct chain_fault f;

	f = fault_after(self->dir, "DELETE FROM record WHERE seq > 9", NULL);
	EXPECT_EQ(CHAIN_GOOD, f.verdict);
	f = fault_after(self->dir, NULL, &what);
	EXPECT_EQ(CHAIN_BAD_HEAD, f.verdict);
	EXPECT_EQ(10, f.seq);
}

TEST_F(tamper, witnessed_head_is_compared)
{
	struct ledger_verify what = { .witness_seq = N_RECORDS,
				      .witness_hash = self->head };

	EXPECT_EQ(CHAIN_GOOD, fault_after(self->dir, NULL, &what).verdict);
	what.witness_seq = 8;
	EXPECT_EQ(CHAIN_BAD_HEAD, fault_after(self->dir, NULL, &what).verdict);
}

TEST_F(tamper, known_key_is_held_against_the_ledgers_own)
{
	const char known[][CHAIN_KEY_SIZE] = {
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	};
	struct ledger_verify what = { .known = known, .n_known = 1 };
	struct chain_fault f = fault_after(self->dir, NULL, &what);

	EXPECT_EQ(CHAIN_BAD_KEY, f.verdict);
	EXPECT_EQ(1, f.seq);
}

TEST_F(tamper, damaged_last_record_stops_the_opening)
{
	struct ledger *l;
	char why[200];

	ASSERT_TRUE(change(self->dir, "UPDATE record SET body = body || ' '"
				      " WHERE seq = 12"));
	EXPECT_EQ(-EBADMSG, ledger_open(self->dir, NULL, &l, why, sizeof(why)));
	EXPECT_NE(NULL, strstr(why, "the last record, 12, is damaged"));
}

/* Every bit of one body, one at a time, straight in the chain's check. */
TEST_F(tamper, every_bit_of_a_body_counts)
{
	struct chain_record r;
	size_t n_found = 0;

	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	ASSERT_EQ(0, ledger_get(self->l, 5, &r, NULL, NULL));
	for (size_t bit = 0; bit < 8 * r.body_len; bit++) {
		struct chain_verifier v = { 0 };
		struct chain_fault f;

		r.body[bit / 8] ^= (char)(1 << bit % 8);
		n_found +=
			chain_verify_record(&v, &r, NULL, &f) == CHAIN_BAD_HASH;
		r.body[bit / 8] ^= (char)(1 << bit % 8);
	}
	EXPECT_EQ(8 * r.body_len, n_found);
	chain_record_deinit(&r);
}

/* ---- any bit of the file -------------------------------------------------- */

#define SEED 20261126
#define N_FLIPS 600

/* What a record is: hash, signature and body, and its spectrum. */
static bool record_is(struct ledger *l, uint64_t seq,
		      const struct chain_record *wanted)
{
	CLEANUP(chain_record_deinit) struct chain_record r = { 0 };
	CLEANUP(buf_deinit) struct buf blob = { 0 };
	struct chain_head h;

	if (ledger_get(l, seq, &r, &h, NULL) < 0 ||
	    r.body_len != wanted->body_len ||
	    memcmp(r.body, wanted->body, r.body_len) ||
	    strcmp(r.hash, wanted->hash) || strcmp(r.sig, wanted->sig) ||
	    strcmp(r.prev, wanted->prev))
		return false;
	for (size_t i = 0; i < h.n_blobs; i++)
		if (ledger_get_blob(l, h.blobs[i].sha256, &blob) < 0)
			return false;
	return true;
}

static void put_file(const char *path, const struct buf *b)
{
	FILE *f = fopen(path, "we");

	if (!f || fwrite(b->data, 1, b->len, f) != b->len || fclose(f))
		abort();
}

/* How many records are as they were, from the first on. */
static uint64_t n_whole(struct ledger *l, const struct chain_record *records)
{
	uint64_t seq = 1;

	while (seq <= N_RECORDS && record_is(l, seq, &records[seq]))
		seq++;
	return seq - 1;
}

enum outcome { NOT_OPENED, NAMED, HARMLESS, MISSED, MISNAMED, N_OUTCOMES };

/* Opens and verifies the file as it is; @head is that of the last record. */
static enum outcome judge(const char *dir, const char *head,
			  const struct chain_record *records)
{
	const struct ledger_verify what = { .witness_seq = N_RECORDS,
					    .witness_hash = head };
	CLEANUP(ledger_closep) struct ledger *l = NULL;
	struct ledger_verified v;
	uint64_t n;

	if (ledger_open(dir, NULL, &l, NULL, 0) < 0)
		return NOT_OPENED;
	if (ledger_verify(l, &what, &v) < 0)
		return NOT_OPENED;
	n = n_whole(l, records);
	if (v.fault.verdict == CHAIN_GOOD)
		return n == N_RECORDS ? HARMLESS : MISSED;
	/* Nothing before the one it names is altered. */
	return n >= v.fault.seq - 1 ? NAMED : MISNAMED;
}

/* Each of these opens waits for a disk that others use, too. */
TEST_F_TIMEOUT(tamper, any_bit_of_the_file_is_found_or_harmless, 110)
{
	const unsigned int seed = seed_of(SEED);
	struct chain_record records[N_RECORDS + 1];
	CLEANUP(buf_deinit) struct buf b = { 0 };
	unsigned int n[N_OUTCOMES] = { 0 };
	char path[256];

	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	for (uint64_t seq = 1; seq <= N_RECORDS; seq++)
		ASSERT_EQ(0,
			  ledger_get(self->l, seq, &records[seq], NULL, NULL));
	self->l = ledger_close(self->l);
	snprintf(path, sizeof(path), "%s/" LEDGER_FILE, self->dir);
	ASSERT_EQ(0, buf_read_file(&b, path, 1 << 24));

	srandom(seed);
	for (unsigned int i = 0; i < N_FLIPS; i++) {
		const size_t at = (size_t)random() % b.len;
		const char mask = (char)(1 << i % 8);
		enum outcome o;

		b.data[at] ^= mask;
		put_file(path, &b);
		o = judge(self->dir, self->head, records);
		b.data[at] ^= mask;
		n[o]++;
		if (o >= MISSED)
			TH_LOG("bit %u of byte %zu", i % 8, at);
	}
	TH_LOG("seed %u, %u bits of %zu bytes: %u stop the opening or the "
	       "check, %u are named, %u alter no record",
	       seed, N_FLIPS, b.len, n[NOT_OPENED], n[NAMED], n[HARMLESS]);
	EXPECT_EQ(0, n[MISSED]);
	EXPECT_EQ(0, n[MISNAMED]);
	EXPECT_GT(n[NAMED], 0);
	put_file(path, &b);
	EXPECT_EQ(HARMLESS, judge(self->dir, self->head, records));
	for (uint64_t seq = 1; seq <= N_RECORDS; seq++)
		chain_record_deinit(&records[seq]);
}

/* Cut at any byte, with the pages' own count of the header left as it was. */
TEST_F_TIMEOUT(tamper, a_file_cut_anywhere_is_found, 110)
{
	const unsigned int seed = seed_of(SEED);
	struct chain_record records[N_RECORDS + 1];
	CLEANUP(buf_deinit) struct buf b = { 0 };
	unsigned int n[N_OUTCOMES] = { 0 };
	char path[256];
	size_t whole;

	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	for (uint64_t seq = 1; seq <= N_RECORDS; seq++)
		ASSERT_EQ(0,
			  ledger_get(self->l, seq, &records[seq], NULL, NULL));
	self->l = ledger_close(self->l);
	snprintf(path, sizeof(path), "%s/" LEDGER_FILE, self->dir);
	ASSERT_EQ(0, buf_read_file(&b, path, 1 << 24));

	whole = b.len;
	srandom(seed);
	for (unsigned int i = 0; i < 60; i++) {
		/* Between pages and within one; never to nothing, which is a
		 * new ledger's beginning. */
		b.len = 1 + (size_t)random() % (whole - 1);
		if (i % 2 && b.len > 4096)
			b.len -= b.len % 4096;
		put_file(path, &b);
		n[judge(self->dir, self->head, records)]++;
	}
	b.len = whole;
	TH_LOG("seed %u, 60 cuts of %zu bytes: %u stop the opening or the "
	       "check, %u are named, %u alter no record",
	       seed, whole, n[NOT_OPENED], n[NAMED], n[HARMLESS]);
	EXPECT_EQ(0, n[MISSED]);
	EXPECT_EQ(0, n[MISNAMED]);
	EXPECT_EQ(0, n[HARMLESS]);
	for (uint64_t seq = 1; seq <= N_RECORDS; seq++)
		chain_record_deinit(&records[seq]);
}

/* ---- a ledger made anew --------------------------------------------------- */

/* All that follow a changed record get hashes that fit; the key is missing. */
TEST_F(tamper, rebuilt_from_a_record_on_lacks_the_next_signature)
{
	char path[256], sql[8192], prev[CHAIN_HASH_SIZE] = "";
	struct chain_record r;
	struct chain_fault f;
	sqlite3 *db;

	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	snprintf(path, sizeof(path), "%s/rebuilt.sql", self->dir);
	FILE *script = fopen(path, "we");

	for (uint64_t seq = 5; seq <= N_RECORDS; seq++) {
		ASSERT_EQ(0, ledger_get(self->l, seq, &r, NULL, NULL));
		if (seq == 5)
			strstr(r.body, "\"uid\":1000")[9] = '1';
		chain_hash(*prev ? prev : r.prev, r.body, r.body_len, prev);
		sqlite3_snprintf(sizeof(sql), sql,
				 "UPDATE record SET body = %Q, hash = %Q"
				 " WHERE seq = %lld;",
				 r.body, prev, (long long)seq);
		fputs(sql, script);
		chain_record_deinit(&r);
	}
	fclose(script);
	self->l = ledger_close(self->l);

	CLEANUP(buf_deinit) struct buf b = { 0 };

	ASSERT_EQ(0, buf_read_file(&b, path, 1 << 20));
	snprintf(path, sizeof(path), "%s/" LEDGER_FILE, self->dir);
	ASSERT_EQ(SQLITE_OK, sqlite3_open(path, &db));
	ASSERT_EQ(SQLITE_OK, sqlite3_exec(db, b.data, NULL, NULL, NULL));
	sqlite3_close(db);
	f = fault_after(self->dir, NULL, NULL);
	EXPECT_EQ(CHAIN_BAD_SIG, f.verdict);
	EXPECT_EQ(SEQ_RESULT, f.seq);
}

/* With a key of its own it is good in itself, and no witness knows it. */
TEST_F(tamper, rebuilt_with_another_key_is_seen_by_witness_and_key)
{
	struct ledger_verify what = { .witness_seq = N_RECORDS,
				      .witness_hash = self->head };
	char known[1][CHAIN_KEY_SIZE], path[256];
	struct chain_fault f;

	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	strcpy(known[0], ledger_public_key(self->l));
	self->l = ledger_close(self->l);
	snprintf(path, sizeof(path), "%s/" LEDGER_FILE, self->dir);
	ASSERT_EQ(0, unlink(path));
	snprintf(path, sizeof(path), "%s/" LEDGER_KEY_FILE, self->dir);
	ASSERT_EQ(0, unlink(path));
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
	for (uint32_t seq = 2; seq <= N_RECORDS; seq++)
		ASSERT_EQ(0, append_some(self->l, CHAIN_READING, seq, 0, NULL));
	ASSERT_EQ(0, ledger_commit(self->l, NULL));
	self->l = ledger_close(self->l);

	EXPECT_EQ(CHAIN_GOOD, fault_after(self->dir, NULL, NULL).verdict);
	f = fault_after(self->dir, NULL, &what);
	EXPECT_EQ(CHAIN_BAD_HEAD, f.verdict);
	EXPECT_EQ(N_RECORDS, f.seq);
	what = (struct ledger_verify){ .known = known, .n_known = 1 };
	f = fault_after(self->dir, NULL, &what);
	EXPECT_EQ(CHAIN_BAD_KEY, f.verdict);
	EXPECT_EQ(1, f.seq);
}

TEST_HARNESS_MAIN
