// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ledger FOLDER: records a second, our ledger beside a plain SQLite table.
 *
 * What writes is told alone too: making a record, hashing and packing it comes
 * before. The table takes the same bytes (bodies, packed spectra) with the same
 * journal, WAL with synchronous=FULL, and as many rows to a transaction; it
 * hashes and packs nothing. Both lie in fresh folders of FOLDER.
 */
#include <sqlite3.h>
#include <string.h>

#include "../unit/state_dir.h"
#include "bench.h"

enum {
	N_RECORDS = 320, /* of one measurement */
	N_CHANNELS = 2048,
	BYTES_MAX = 16384,
};

/* What the plain table gets: as the ledger stored it. */
static struct {
	char body[BYTES_MAX];
	int body_len;
	unsigned char packed[BYTES_MAX];
	int packed_len;
} stored[N_RECORDS];

static char quantity[64];

/* The whole, and that part of it which writes. */
static void tell(const char *who, double seconds, double commit_s)
{
	char commit[80];

	bench_tell(quantity, who, N_RECORDS / seconds);
	snprintf(commit, sizeof(commit), "%s, commit", quantity);
	bench_tell(commit, who, N_RECORDS / commit_s);
}

/* Adds the time of a commit to @total_s. */
static int commit_timed(struct ledger *l, double *total_s)
{
	const double t = bench_clock_s(CLOCK_MONOTONIC);
	const int r = ledger_commit(l, NULL);

	*total_s += bench_clock_s(CLOCK_MONOTONIC) - t;
	return r;
}

static void by_ledger(const char *dir, unsigned int batch, size_t n_chan)
{
	static const struct ledger_options options = { .software = "bench" };
	struct ledger *l = NULL;
	char why[200] = "";
	double commit_s = 0, t;
	uint64_t seq;

	if (ledger_open(dir, &options, &l, why, sizeof(why)) < 0)
		bench_die(why);
	t = bench_clock_s(CLOCK_MONOTONIC);
	for (uint32_t i = 0; i < N_RECORDS; i++) {
		if (append_some(l, CHAIN_READING, i, n_chan, &seq) < 0 ||
		    ((i + 1) % batch == 0 && commit_timed(l, &commit_s) < 0))
			bench_die(ledger_why(l));
	}
	tell("reespec", bench_clock_s(CLOCK_MONOTONIC) - t, commit_s);
	ledger_close(l);
}

static void run(sqlite3 *db, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
		fprintf(stderr, "ledger: %s: %s\n", sql, why);
		exit(1);
	}
}

static int keep(void *to, const void *from, int len)
{
	if (len > BYTES_MAX)
		bench_die("a record is too long");
	if (len)
		memcpy(to, from, (size_t)len);
	return len;
}

static void fetch(const char *dir)
{
	char path[256];
	sqlite3_stmt *s;
	sqlite3 *db;
	int n = 0;

	snprintf(path, sizeof(path), "%s/" LEDGER_FILE, dir);
	if (sqlite3_open(path, &db) ||
	    sqlite3_prepare_v2(db,
			       "SELECT body, packed FROM record LEFT JOIN blob"
			       " ON blob.sha256 = body ->> '$.blobs[0].sha256'"
			       " WHERE seq > 1 ORDER BY seq",
			       -1, &s, NULL))
		bench_die(path);
	for (; n < N_RECORDS && sqlite3_step(s) == SQLITE_ROW; n++) {
		stored[n].body_len =
			keep(stored[n].body, sqlite3_column_text(s, 0),
			     sqlite3_column_bytes(s, 0));
		stored[n].packed_len =
			keep(stored[n].packed, sqlite3_column_blob(s, 1),
			     sqlite3_column_bytes(s, 1));
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	if (n != N_RECORDS) {
		fprintf(stderr, "ledger: %d records came back\n", n);
		exit(1);
	}
}

static void by_table(const char *dir, unsigned int batch)
{
	char path[256];
	sqlite3_stmt *s;
	sqlite3 *db;
	double t;

	snprintf(path, sizeof(path), "%s/plain.sqlite", dir);
	if (sqlite3_open(path, &db))
		bench_die(path);
	run(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
		"PRAGMA synchronous=FULL;"
		"CREATE TABLE t (seq INTEGER PRIMARY KEY, body TEXT NOT NULL,"
		" packed BLOB)");
	sqlite3_prepare_v2(db, "INSERT INTO t (body, packed) VALUES (?1, ?2)",
			   -1, &s, NULL);
	t = bench_clock_s(CLOCK_MONOTONIC);
	for (unsigned int i = 0; i < N_RECORDS; i++) {
		if (i % batch == 0)
			run(db, "BEGIN IMMEDIATE");
		sqlite3_bind_text(s, 1, stored[i].body, stored[i].body_len,
				  SQLITE_STATIC);
		sqlite3_bind_blob(s, 2, stored[i].packed, stored[i].packed_len,
				  SQLITE_STATIC);
		if (sqlite3_step(s) != SQLITE_DONE)
			bench_die(sqlite3_errmsg(db));
		sqlite3_reset(s);
		if ((i + 1) % batch == 0)
			run(db, "COMMIT");
	}
	t = bench_clock_s(CLOCK_MONOTONIC) - t;
	tell("plain SQLite table", t, t);
	sqlite3_finalize(s);
	sqlite3_close(db);
}

static void measure(unsigned int batch, size_t n_chan)
{
	char dir[128];

	snprintf(quantity, sizeof(quantity), "%s by %u, records/s",
		 n_chan ? "with spectrum" : "bare", batch);
	state_dir_make(dir);
	by_ledger(dir, batch, n_chan);
	fetch(dir);
	by_table(dir, batch);
	state_dir_remove(dir);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: ledger FOLDER\n");
		return 2;
	}
	setenv("TMPDIR", argv[1], 1);
	measure(1, 0);
	measure(16, 0);
	measure(1, N_CHANNELS);
	measure(16, N_CHANNELS);
	return 0;
}
