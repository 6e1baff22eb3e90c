// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ledger FOLDER: commits of our ledger beside those of a plain SQLite table.
 *
 * Making a record, hashing and packing it comes before the commit and is told
 * alone. The table takes bytes as long (bodies, packed spectra) with the same
 * journal, WAL with synchronous=FULL, and as many rows to a transaction. The
 * two take turns, batch by batch, so that both see the same disk; what is told
 * is the median batch, and its CPU time, in which no disk is waited for. Both
 * lie in fresh folders of FOLDER.
 */
#include <sqlite3.h>
#include <string.h>

#include "../unit/state_dir.h"
#include "bench.h"

enum {
	BATCH_MAX = 16,
	N_BATCHES = 100, /* of one measurement */
	N_RECORDS = N_BATCHES * BATCH_MAX,
	N_CHANNELS = 2048,
	BYTES_MAX = 16384,
};

/* What the plain table gets: as the ledger stored it. */
static struct {
	char body[BYTES_MAX];
	int body_len;
	char name[CHAIN_HASH_SIZE];
	unsigned char packed[BYTES_MAX];
	int packed_len;
} stored[N_RECORDS];

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

/* What an earlier ledger stored, for the table to take. */
static void fetch(const char *dir, int n_records)
{
	char path[256];
	sqlite3_stmt *s;
	sqlite3 *db;
	int n = 0;

	snprintf(path, sizeof(path), "%s/" LEDGER_FILE, dir);
	if (sqlite3_open(path, &db) ||
	    sqlite3_prepare_v2(
		    db,
		    "SELECT body, packed, sha256 FROM record LEFT JOIN blob"
		    " ON blob.sha256 = body ->> '$.blobs[0].sha256'"
		    " WHERE seq > 1 ORDER BY seq",
		    -1, &s, NULL))
		bench_die(path);
	for (; n < n_records && sqlite3_step(s) == SQLITE_ROW; n++) {
		stored[n].body_len =
			keep(stored[n].body, sqlite3_column_text(s, 0),
			     sqlite3_column_bytes(s, 0));
		stored[n].packed_len =
			keep(stored[n].packed, sqlite3_column_blob(s, 1),
			     sqlite3_column_bytes(s, 1));
		snprintf(stored[n].name, sizeof(stored[n].name), "%s",
			 sqlite3_column_bytes(s, 2)
				 ? (const char *)sqlite3_column_text(s, 2)
				 : "");
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	if (n != n_records) {
		fprintf(stderr, "ledger: %d records came back\n", n);
		exit(1);
	}
}

/* ---- the two -------------------------------------------------------------- */

static struct ledger *open_ledger(const char *dir)
{
	static const struct ledger_options options = { .software = "bench" };
	struct ledger *l = NULL;
	char why[200] = "";

	if (ledger_open(dir, &options, &l, why, sizeof(why)) < 0)
		bench_die(why);
	return l;
}

static void append_batch(struct ledger *l, unsigned int n, uint32_t first,
			 size_t n_chan)
{
	uint64_t seq;

	for (uint32_t i = 0; i < n; i++)
		if (append_some(l, CHAIN_READING, first + i, n_chan, &seq) < 0)
			bench_die(ledger_why(l));
}

static void commit(struct ledger *l)
{
	if (ledger_commit(l, NULL) < 0)
		bench_die(ledger_why(l));
}

struct table {
	sqlite3 *db;
	sqlite3_stmt *insert;
};

/* @names: what is found by its name needs an index of names. */
static void open_table(struct table *t, const char *dir, bool names)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.sqlite", dir,
		 names ? "named" : "plain");
	if (sqlite3_open(path, &t->db))
		bench_die(path);
	run(t->db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
		   "PRAGMA synchronous=FULL;"
		   "CREATE TABLE t (seq INTEGER PRIMARY KEY,"
		   " body TEXT NOT NULL, packed BLOB, name TEXT)");
	if (names)
		run(t->db, "CREATE UNIQUE INDEX t_name ON t (name)");
	sqlite3_prepare_v2(t->db,
			   "INSERT INTO t (body, packed, name)"
			   " VALUES (?1, ?2, ?3)",
			   -1, &t->insert, NULL);
}

static void close_table(struct table *t)
{
	sqlite3_finalize(t->insert);
	sqlite3_close(t->db);
}

static void insert_batch(const struct table *t, unsigned int n, uint32_t first)
{
	sqlite3_stmt *s = t->insert;

	run(t->db, "BEGIN IMMEDIATE");
	for (uint32_t i = first; i < first + n; i++) {
		sqlite3_bind_text(s, 1, stored[i].body, stored[i].body_len,
				  SQLITE_STATIC);
		sqlite3_bind_blob(s, 2, stored[i].packed, stored[i].packed_len,
				  SQLITE_STATIC);
		if (*stored[i].name)
			sqlite3_bind_text(s, 3, stored[i].name, -1,
					  SQLITE_STATIC);
		if (sqlite3_step(s) != SQLITE_DONE)
			bench_die(sqlite3_errmsg(t->db));
		sqlite3_reset(s);
	}
	run(t->db, "COMMIT");
}

/* ---- turns ---------------------------------------------------------------- */

/* Of one batch each; seconds. */
static struct times {
	double clock[N_BATCHES];
	double cpu[N_BATCHES];
} plain, named, ours, making;

static struct moment {
	double clock;
	double cpu;
} began;

static void begin(void)
{
	began.clock = bench_clock_s(CLOCK_MONOTONIC);
	began.cpu = bench_clock_s(CLOCK_PROCESS_CPUTIME_ID);
}

static void end(struct times *t, unsigned int i)
{
	t->cpu[i] = bench_clock_s(CLOCK_PROCESS_CPUTIME_ID) - began.cpu;
	t->clock[i] = bench_clock_s(CLOCK_MONOTONIC) - began.clock;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_us(double *values)
{
	qsort(values, N_BATCHES, sizeof(*values), by_value);
	return 1e6 * values[N_BATCHES / 2];
}

static void tell(unsigned int batch, size_t n_chan, const char *what,
		 const char *who, double us)
{
	char quantity[64];

	snprintf(quantity, sizeof(quantity), "%s by %u, %s",
		 n_chan ? "spectra" : "bare", batch, what);
	bench_tell(quantity, who, us);
}

static void measure(unsigned int batch, size_t n_chan)
{
	char first[128], dir[128];
	struct table table, with_names;
	struct ledger *l;

	state_dir_make(first);
	l = open_ledger(first);
	append_batch(l, batch * N_BATCHES, 0, n_chan);
	commit(l);
	ledger_close(l);
	fetch(first, (int)batch * N_BATCHES);

	state_dir_make(dir);
	l = open_ledger(dir);
	open_table(&table, dir, false);
	open_table(&with_names, dir, true);
	for (unsigned int i = 0; i < N_BATCHES; i++) {
		begin();
		insert_batch(&table, batch, i * batch);
		end(&plain, i);
		begin();
		insert_batch(&with_names, batch, i * batch);
		end(&named, i);
		begin();
		append_batch(l, batch, i * batch, n_chan);
		end(&making, i);
		begin();
		commit(l);
		end(&ours, i);
	}
	tell(batch, n_chan, "us a commit", "plain SQLite table",
	     median_us(plain.clock));
	if (n_chan)
		tell(batch, n_chan, "us a commit", "with index of names",
		     median_us(named.clock));
	tell(batch, n_chan, "us a commit", "reespec", median_us(ours.clock));
	tell(batch, n_chan, "CPU us a commit", "plain SQLite table",
	     median_us(plain.cpu));
	if (n_chan)
		tell(batch, n_chan, "CPU us a commit", "with index of names",
		     median_us(named.cpu));
	tell(batch, n_chan, "CPU us a commit", "reespec", median_us(ours.cpu));
	tell(batch, n_chan, "CPU us before it", "reespec",
	     median_us(making.cpu));
	close_table(&table);
	close_table(&with_names);
	ledger_close(l);
	state_dir_remove(dir);
	state_dir_remove(first);
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
