// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The database file: opening, versions of its tables, statements.
 *
 * WAL with synchronous=FULL: a commit returns after the log is on the disk.
 * locking_mode=EXCLUSIVE keeps a second daemon out for as long as this one
 * lives, and the index of the log in memory of this process alone.
 */
#include "ledger/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/spectra.h"

/* "REES" */
#define APPLICATION_ID 0x52454553

#define NAME_BLOBS                                                     \
	"UPDATE blob SET last_seq = named.seq FROM"                    \
	" (SELECT json_extract(b.value, '$.sha256') AS sha256,"        \
	" max(record.seq) AS seq FROM record,"                         \
	" json_each(record.body, '$.blobs') AS b GROUP BY 1) AS named" \
	" WHERE named.sha256 = blob.sha256"

/* Each entry lifts the schema by one; user_version counts how many ran. An
 * entry once released is never changed. */
static const char *const steps[] = {
	"CREATE TABLE meta ("
	" key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE record ("
	" seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, hash TEXT NOT NULL,"
	" sig TEXT NOT NULL, body TEXT NOT NULL);"
	"CREATE TABLE blob ("
	" id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE,"
	" len INTEGER NOT NULL, packed BLOB NOT NULL);"
	"CREATE TABLE reader ("
	" name TEXT PRIMARY KEY, uid INTEGER NOT NULL,"
	" acked_seq INTEGER NOT NULL, acked_hash TEXT NOT NULL,"
	" seen_us INTEGER NOT NULL) WITHOUT ROWID;",
	/* Both end in seq, the row's own number, which gives the order. */
	"CREATE INDEX record_kind ON record (kind);"
	"ALTER TABLE record ADD COLUMN sample TEXT;"
	"UPDATE record SET sample = json_extract(body, '$.sample');"
	"CREATE INDEX record_sample ON record (sample)"
	" WHERE sample IS NOT NULL;",
	/* A spectrum goes with the last record that names it. */
	"ALTER TABLE blob ADD COLUMN last_seq INTEGER NOT NULL DEFAULT 0;" NAME_BLOBS
	";"
	"CREATE INDEX blob_last_seq ON blob (last_seq);",
	/* Of results (kind 5) alone: whose they are, what they end. */
	"ALTER TABLE record ADD COLUMN instrument TEXT;"
	"ALTER TABLE record ADD COLUMN assay INTEGER;"
	"UPDATE record SET instrument = json_extract(body, '$.serial'),"
	" assay = CAST(json_extract(body, '$.assay') AS INTEGER)"
	" WHERE kind = 5;"
	"CREATE INDEX record_instrument ON record (instrument)"
	" WHERE instrument IS NOT NULL;"
	"CREATE INDEX record_assay ON record (assay)"
	" WHERE assay IS NOT NULL;",
};

static const char *const statements[STORE_N_STATEMENTS] = {
	[STORE_BEGIN] = "BEGIN IMMEDIATE",
	[STORE_BEGIN_READING] = "BEGIN",
	[STORE_COMMIT] = "COMMIT",
	[STORE_ROLLBACK] = "ROLLBACK",
	[STORE_ADD_RECORD] = "INSERT INTO record"
			     " (seq, kind, hash, sig, body, sample,"
			     " instrument, assay)"
			     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[STORE_ADD_BLOB] = "INSERT INTO blob (sha256, len, packed, last_seq)"
			   " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (sha256)"
			   " DO UPDATE SET last_seq = excluded.last_seq",
	/* No record names it: a hash has 64 digits. */
	[STORE_ADD_TRIAL] = "INSERT OR REPLACE INTO blob (sha256, len, packed)"
			    " VALUES ('trial', 0, zeroblob(65536))",
	[STORE_DROP_TRIAL] = "DELETE FROM blob WHERE sha256 = 'trial'",
	[STORE_NAME_BLOBS] = NAME_BLOBS,
	[STORE_DROP_RECORDS] = "DELETE FROM record WHERE seq <="
			       " min(?1, (SELECT min(seq) FROM record) - 1"
			       " + ?2)",
	[STORE_DROP_BLOBS] = "DELETE FROM blob WHERE id IN (SELECT id FROM blob"
			     " WHERE last_seq <= ?1 LIMIT ?2)",
	[STORE_GET_RECORD] =
		"SELECT hash, sig, body FROM record WHERE seq = ?1",
	[STORE_GET_OPEN] = "SELECT seq FROM record AS a WHERE kind = ?1"
			   " AND seq >= ?2 AND NOT EXISTS"
			   " (SELECT 1 FROM record WHERE assay = a.seq)"
			   " ORDER BY seq LIMIT 1",
	[STORE_GET_HASH] = "SELECT hash FROM record WHERE seq = ?1",
	[STORE_GET_BLOB] = "SELECT len, packed FROM blob WHERE sha256 = ?1",
	[STORE_SET_META] = "INSERT OR REPLACE INTO meta (key, value)"
			   " VALUES (?1, ?2)",
	[STORE_GET_META] = "SELECT value FROM meta WHERE key = ?1",
	[STORE_GET_READER] = "SELECT name, uid, acked_seq, acked_hash, seen_us"
			     " FROM reader WHERE name = ?1",
	[STORE_PUT_READER] = "INSERT OR REPLACE INTO reader"
			     " (name, uid, acked_seq, acked_hash, seen_us)"
			     " VALUES (?1, ?2, ?3, ?4, ?5)",
	[STORE_DROP_READER] = "DELETE FROM reader WHERE name = ?1",
	[STORE_COUNT_READERS] = "SELECT count(*) FROM reader WHERE uid = ?1",
	[STORE_LIST_READERS] = "SELECT name, uid, acked_seq, acked_hash,"
			       " seen_us FROM reader ORDER BY name",
};

int store_fail(struct ledger *l, int r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(l->why, sizeof(l->why), format, args);
	va_end(args);
	return r;
}

/* The errno of the log, where commits write: by the time SQLite reports an
 * error the process's own errno is that of something later. */
static int log_errno(sqlite3 *db)
{
	sqlite3_file *log = NULL;
	int e = 0;

	sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (log && log->pMethods)
		log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &e);
	return e ? e : sqlite3_system_errno(db);
}

static int system_error(sqlite3 *db)
{
	switch (log_errno(db)) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG: /* the limit on the size of a file */
		return -ENOSPC;
	case EROFS:
		return -EROFS;
	default:
		return -EIO;
	}
}

int store_error(struct ledger *l, const char *doing)
{
	int r;

	switch (sqlite3_errcode(l->db) & 0xff) {
	case SQLITE_FULL:
		return store_fail(l, -ENOSPC, "%s: the disk is full", doing);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return store_fail(l, -EBUSY,
				  "%s: another process holds the ledger",
				  doing);
	case SQLITE_NOMEM:
		return store_fail(l, -ENOMEM, "%s: out of memory", doing);
	case SQLITE_READONLY:
		return store_fail(l, -EROFS, "%s: not writable", doing);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CONSTRAINT:
		return store_fail(l, -EBADMSG, "%s: the file is damaged: %s",
				  doing, sqlite3_errmsg(l->db));
	case SQLITE_CANTOPEN:
		r = sqlite3_system_errno(l->db);
		return store_fail(l, r ? -r : -EIO, "%s: cannot open the file",
				  doing);
	case SQLITE_IOERR:
		r = system_error(l->db);
		return store_fail(l, r, "%s: %s", doing, strerror(-r));
	default:
		return store_fail(l, -EIO, "%s: %s", doing,
				  sqlite3_errmsg(l->db));
	}
}

static int exec(struct ledger *l, const char *sql, const char *doing)
{
	if (sqlite3_exec(l->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return store_error(l, doing);
	return 0;
}

/* The first column of a one-row query. */
static int query_int(struct ledger *l, const char *sql, int64_t *ret)
{
	sqlite3_stmt *s;
	int r = 0;

	if (sqlite3_prepare_v2(l->db, sql, -1, &s, NULL) != SQLITE_OK)
		return store_error(l, "opening the ledger");
	if (sqlite3_step(s) == SQLITE_ROW)
		*ret = sqlite3_column_int64(s, 0);
	else
		r = store_error(l, "opening the ledger");
	sqlite3_finalize(s);
	return r;
}

/* Whatever umask the program has, a new database is its owner's alone; the
 * log inherits its mode. */
static int make_file(struct ledger *l, bool must_exist)
{
	int fd, flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;

	fd = openat(l->dir_fd, LEDGER_FILE, flags | (must_exist ? 0 : O_CREAT),
		    0600);
	if (fd < 0)
		return store_fail(l, -errno, "%s: %s", LEDGER_FILE,
				  strerror(errno));
	close(fd);
	return 0;
}

static int open_file(struct ledger *l, const char *dir)
{
	char path[PATH_MAX];
	int n;

	n = snprintf(path, sizeof(path), "%s/%s", dir, LEDGER_FILE);
	if (n < 0 || (size_t)n >= sizeof(path))
		return store_fail(l, -ENAMETOOLONG, "the path is too long");
	if (sqlite3_open_v2(path, &l->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
				    SQLITE_OPEN_EXRESCODE,
			    NULL) != SQLITE_OK)
		return l->db ? store_error(l, "opening the ledger") : -ENOMEM;
	return 0;
}

static int set_up(struct ledger *l, uint32_t max_pages)
{
	char sql[64];
	int r;

	r = exec(l,
		 "PRAGMA locking_mode = EXCLUSIVE;"
		 "PRAGMA journal_mode = WAL;"
		 "PRAGMA synchronous = FULL;"
		 "PRAGMA trusted_schema = OFF;"
		 "PRAGMA cell_size_check = ON;"
		 "PRAGMA cache_size = -8192;"
		 /* Take the lock now, not at the first write. */
		 "BEGIN IMMEDIATE; COMMIT;",
		 "opening the ledger");
	if (r < 0 || !max_pages)
		return r;
	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %u", max_pages);
	return exec(l, sql, "opening the ledger");
}

static int run_step(struct ledger *l, int64_t version)
{
	char sql[128];
	int r;

	snprintf(sql, sizeof(sql),
		 "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		 APPLICATION_ID, (int)version + 1);
	r = exec(l, "BEGIN IMMEDIATE", "making the tables");
	if (r < 0)
		return r;
	r = exec(l, steps[version], "making the tables");
	if (r >= 0)
		r = exec(l, sql, "making the tables");
	if (r < 0)
		sqlite3_exec(l->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static int upgrade(struct ledger *l)
{
	int64_t version = 0, application = 0, n_tables = 0;
	int r;

	r = query_int(l, "PRAGMA user_version", &version);
	if (r >= 0)
		r = query_int(l, "PRAGMA application_id", &application);
	if (r >= 0)
		r = query_int(l, "SELECT count(*) FROM sqlite_schema",
			      &n_tables);
	if (r < 0)
		return r;
	if (application != APPLICATION_ID && (application || n_tables))
		return store_fail(l, -EBADMSG, "%s is not a ledger",
				  LEDGER_FILE);
	if (version < 0 || version > (int64_t)ARRAY_SIZE(steps))
		return store_fail(l, -EPROTO,
				  "the ledger was made by a newer version");

	for (; version < (int64_t)ARRAY_SIZE(steps); version++) {
		r = run_step(l, version);
		if (r < 0)
			return r;
	}
	return 0;
}

static int prepare(struct ledger *l)
{
	for (size_t i = 0; i < STORE_N_STATEMENTS; i++) {
		if (sqlite3_prepare_v3(l->db, statements[i], -1,
				       SQLITE_PREPARE_PERSISTENT,
				       &l->statements[i], NULL) != SQLITE_OK)
			return store_error(l, "opening the ledger");
	}
	return 0;
}

int store_open(struct ledger *l, const char *dir,
	       const struct ledger_options *options)
{
	int r;

	r = spectra_packer_new(&l->packer);
	if (r >= 0)
		r = make_file(l, options->must_exist);
	if (r >= 0)
		r = open_file(l, dir);
	if (r >= 0)
		r = set_up(l, options->max_pages);
	if (r >= 0)
		r = upgrade(l);
	return r < 0 ? r : prepare(l);
}

void store_close(struct ledger *l)
{
	for (size_t i = 0; i < STORE_N_STATEMENTS; i++)
		sqlite3_finalize(l->statements[i]);
	sqlite3_close(l->db);
	l->packer = spectra_packer_free(l->packer);
}

sqlite3_stmt *store_statement(struct ledger *l, enum store_statement which)
{
	sqlite3_stmt *s = l->statements[which];

	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	return s;
}

void store_resetp(sqlite3_stmt **s)
{
	sqlite3_reset(*s);
	sqlite3_clear_bindings(*s);
}

static int step_done(struct ledger *l, sqlite3_stmt *s, const char *doing)
{
	int r = 0;

	if (sqlite3_step(s) != SQLITE_DONE)
		r = store_error(l, doing);
	sqlite3_reset(s);
	return r;
}

int store_run(struct ledger *l, enum store_statement which, const char *doing)
{
	return step_done(l, l->statements[which], doing);
}

void store_rollback(struct ledger *l)
{
	/* After some errors SQLite has already done it. */
	if (sqlite3_get_autocommit(l->db))
		return;
	sqlite3_step(l->statements[STORE_ROLLBACK]);
	sqlite3_reset(l->statements[STORE_ROLLBACK]);
}

int store_column(sqlite3_stmt *s, int column, char *ret, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	if (!text)
		return -EBADMSG;
	if ((size_t)sqlite3_column_bytes(s, column) >= size)
		return -EBADMSG;
	memset(ret, 0, size);
	memcpy(ret, text, (size_t)sqlite3_column_bytes(s, column));
	return 0;
}

int store_set_meta(struct ledger *l, const char *key, const char *value)
{
	sqlite3_stmt *s = store_statement(l, STORE_SET_META);

	sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, value, -1, SQLITE_STATIC);
	return step_done(l, s, "writing the ledger's own data");
}

/* A row: 1, none: 0, or -errno. */
static int step_row(struct ledger *l, sqlite3_stmt *s)
{
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return store_error(l, "reading the ledger");
	}
}

int store_get_meta(struct ledger *l, const char *key, char *ret, size_t size)
{
	CLEANUP(store_resetp)
	sqlite3_stmt *s = store_statement(l, STORE_GET_META);
	int r;

	sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
	r = step_row(l, s);
	if (r < 0)
		return r;
	return r ? store_column(s, 0, ret, size) : -ENOENT;
}

int store_set_base(struct ledger *l, const struct store_base *base)
{
	char seq[24];
	int r;

	snprintf(seq, sizeof(seq), "%" PRIu64, base->seq);
	r = store_set_meta(l, "base_seq", seq);
	if (r >= 0)
		r = store_set_meta(l, "base_hash", base->hash);
	if (r >= 0)
		r = store_set_meta(l, "base_ledger", base->ledger);
	return r < 0 ? r : store_set_meta(l, "base_key", base->key);
}

int store_get_hash(struct ledger *l, uint64_t seq, char ret[CHAIN_HASH_SIZE])
{
	CLEANUP(store_resetp)
	sqlite3_stmt *s = store_statement(l, STORE_GET_HASH);
	int r;

	if (seq == l->base_seq) {
		strcpy(ret, l->base_hash);
		return 0;
	}
	sqlite3_bind_int64(s, 1, (sqlite3_int64)seq);
	r = step_row(l, s);
	if (r < 0)
		return r;
	return r ? store_column(s, 0, ret, CHAIN_HASH_SIZE) : -ENOENT;
}

void store_derive(enum chain_kind kind, const char *serial, const json_t *part,
		  struct store_derived *ret)
{
	*ret = (struct store_derived){ 0 };
	js_get_str(part, "sample", &ret->sample);
	if (kind != CHAIN_RESULT)
		return;
	ret->instrument = serial && *serial ? serial : NULL;
	js_get_u64(part, "assay", &ret->assay);
}

int store_add_record(struct ledger *l, uint64_t seq, enum chain_kind kind,
		     const struct chain_record *r,
		     const struct store_derived *derived)
{
	sqlite3_stmt *s = store_statement(l, STORE_ADD_RECORD);

	sqlite3_bind_int64(s, 1, (sqlite3_int64)seq);
	sqlite3_bind_int(s, 2, (int)kind);
	sqlite3_bind_text(s, 3, r->hash, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, r->sig, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 5, r->body, (int)r->body_len, SQLITE_STATIC);
	/* What is not bound is NULL. */
	sqlite3_bind_text(s, 6, derived->sample, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 7, derived->instrument, -1, SQLITE_STATIC);
	if (derived->assay)
		sqlite3_bind_int64(s, 8, (sqlite3_int64)derived->assay);
	return store_run(l, STORE_ADD_RECORD, "writing a record");
}

int store_read_record(sqlite3_stmt *s, int first, const char *prev,
		      struct chain_record *ret)
{
	CLEANUP(chain_record_deinit) struct chain_record r = { 0 };
	const void *body;
	int len;

	strcpy(r.prev, prev);
	if (store_column(s, first, r.hash, sizeof(r.hash)) < 0 ||
	    store_column(s, first + 1, r.sig, sizeof(r.sig)) < 0)
		return -EBADMSG;
	body = sqlite3_column_blob(s, first + 2);
	len = sqlite3_column_bytes(s, first + 2);
	if (len < 0 || len > CHAIN_BODY_MAX || (len && !body))
		return -EBADMSG;
	r.body = malloc((size_t)len + 1);
	if (!r.body)
		return -ENOMEM;
	if (len)
		memcpy(r.body, body, (size_t)len);
	r.body[len] = '\0';
	r.body_len = (size_t)len;

	*ret = r;
	r.body = NULL;
	return 0;
}
