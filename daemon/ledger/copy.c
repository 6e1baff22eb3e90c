// SPDX-License-Identifier: GPL-2.0-or-later
/* Records and spectra as plain tables, with views by subject. */
#include "ledger/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum statement {
	ADD_RECORD,
	ADD_BLOB,
	ADD_AMENDED,
	ADD_CORRECTED,
	N_STATEMENTS
};

struct copy {
	sqlite3 *db;
	sqlite3_stmt *statements[N_STATEMENTS];
	char *path;
};

/* One transaction for all: half a copy is none, so no journal is kept. */
static const char schema[] =
	"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
	"BEGIN;"
	"CREATE TABLE record ("
	" seq INTEGER PRIMARY KEY, ledger TEXT, time TEXT, kind TEXT,"
	" uid INTEGER, serial TEXT, simulated INTEGER, prev TEXT, hash TEXT,"
	" sig TEXT, body TEXT, assay INTEGER);"
	"CREATE TABLE spectrum ("
	" sha256 TEXT PRIMARY KEY, n_channels INTEGER, counts BLOB);"
	/* What is right by later records, which need not be in the copy. */
	"CREATE TABLE amended ("
	" seq INTEGER, field TEXT, now TEXT, was TEXT, by INTEGER,"
	" reason TEXT, PRIMARY KEY (seq, field));"
	"CREATE TABLE corrected (seq INTEGER PRIMARY KEY, by INTEGER);"
	"CREATE VIEW assay AS SELECT a.seq, a.time, a.uid, a.serial,"
	" a.simulated, coalesce((SELECT now FROM amended"
	" WHERE seq = coalesce(r.seq, a.seq) AND field = 'sample'),"
	" json_extract(a.body, '$.sample')) AS sample,"
	" json_extract(a.body, '$.method.name') AS method,"
	" json_extract(a.body, '$.preset_live_s') AS preset_live_s,"
	" json_extract(a.body, '$.preset_real_s') AS preset_real_s,"
	" r.seq AS result, r.time AS ended,"
	" json_extract(r.body, '$.state') AS state,"
	" json_extract(r.body, '$.why') AS why,"
	" json_extract(r.body, '$.live_s') AS live_s,"
	" json_extract(r.body, '$.blobs[0].sha256') AS spectrum"
	" FROM record a LEFT JOIN record r ON r.kind = 'result'"
	" AND r.assay = a.seq WHERE a.kind = 'assay';"
	"CREATE VIEW reading AS SELECT seq, time, serial, simulated, assay,"
	" CAST(json_extract(body, '$.n') AS INTEGER) AS n,"
	" json_extract(body, '$.live_s') AS live_s,"
	" json_extract(body, '$.real_s') AS real_s,"
	" json_extract(body, '$.fast_count') AS fast_count,"
	" json_extract(body, '$.slow_count') AS slow_count,"
	" json_extract(body, '$.detector_k') AS detector_k,"
	" json_extract(body, '$.hv_v') AS hv_v,"
	" json_extract(body, '$.blobs[0].sha256') AS spectrum"
	" FROM record WHERE kind = 'reading';"
	"CREATE VIEW result AS SELECT r.seq, r.time, r.uid, r.serial,"
	" r.simulated, r.assay,"
	" coalesce((SELECT now FROM amended"
	" WHERE seq = r.seq AND field = 'sample'),"
	" json_extract(r.body, '$.sample')) AS sample,"
	" json_extract(r.body, '$.method.name') AS method,"
	" json_extract(e.value, '$.symbol') AS element,"
	" json_extract(e.value, '$.content_mg_kg') AS content_mg_kg,"
	" json_extract(e.value, '$.u_mg_kg') AS u_mg_kg,"
	" json_extract(e.value, '$.lc_mg_kg') AS lc_mg_kg,"
	" json_extract(e.value, '$.ld_mg_kg') AS ld_mg_kg,"
	" json_extract(e.value, '$.flags') AS flags,"
	" coalesce((SELECT now FROM amended"
	" WHERE seq = r.seq AND field = 'kind'),"
	" json_extract(r.body, '$.sample_kind')) AS sample_kind,"
	" json_patch(coalesce(json_extract(r.body, '$.keys'), '{}'),"
	" (SELECT json_group_object(substr(field, 5), now) FROM amended"
	" WHERE seq = r.seq AND field LIKE 'key %')) AS keys,"
	" (SELECT group_concat(field || ' ' || now || ' (record ' || by ||"
	" ', was ' || was || ': ' || reason || ')', '; ') FROM amended"
	" WHERE seq = r.seq) AS amended,"
	" (SELECT by FROM corrected WHERE seq = r.seq) AS corrected_by"
	" FROM record r, json_each(r.body, '$.elements') e"
	" WHERE r.kind = 'result';";

/* The assay a record belongs to, so that views need not read every body. */
static const char last_touch[] =
	"UPDATE record SET assay = CASE kind WHEN 'assay' THEN seq"
	" ELSE CAST(json_extract(body, '$.assay') AS INTEGER) END;"
	"CREATE INDEX record_assay ON record (assay, kind);"
	"CREATE INDEX record_kind ON record (kind);"
	"COMMIT";

static const char *const texts[N_STATEMENTS] = {
	[ADD_RECORD] = "INSERT INTO record VALUES"
		       " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
		       " ?11, NULL)",
	[ADD_BLOB] = "INSERT OR IGNORE INTO spectrum VALUES (?1, ?2, ?3)",
	[ADD_AMENDED] = "INSERT INTO amended VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[ADD_CORRECTED] = "INSERT INTO corrected VALUES (?1, ?2)",
};

const char *copy_why(const struct copy *c)
{
	return c->db ? sqlite3_errmsg(c->db) : strerror(ENOMEM);
}

static int copy_error(const struct copy *c)
{
	switch (sqlite3_errcode(c->db) & 0xff) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	default:
		return -EIO;
	}
}

static int open_new(struct copy *c)
{
	size_t i;
	int fd;

	/* SQLite would write into a file that is there. */
	fd = open(c->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	close(fd);
	if (sqlite3_open_v2(c->path, &c->db, SQLITE_OPEN_READWRITE, NULL) !=
		    SQLITE_OK ||
	    sqlite3_exec(c->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		return c->db ? copy_error(c) : -ENOMEM;
	for (i = 0; i < N_STATEMENTS; i++)
		if (sqlite3_prepare_v2(c->db, texts[i], -1, &c->statements[i],
				       NULL) != SQLITE_OK)
			return copy_error(c);
	return 0;
}

int copy_new(const char *path, struct copy **ret, char *why, size_t why_size)
{
	CLEANUP(copy_freep) struct copy *c = NULL;
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->path = strdup(path);
	r = c->path ? open_new(c) : -ENOMEM;
	if (r < 0) {
		snprintf(why, why_size, "%s",
			 c->db ? sqlite3_errmsg(c->db) : strerror(-r));
		return r;
	}
	*ret = TAKE_PTR(c);
	return 0;
}

static int run(struct copy *c, enum statement which)
{
	sqlite3_stmt *s = c->statements[which];
	int r = 0;

	if (sqlite3_step(s) != SQLITE_DONE)
		r = copy_error(c);
	sqlite3_reset(s);
	return r;
}

int copy_add_record(struct copy *c, const struct chain_record *record,
		    const struct chain_head *head)
{
	sqlite3_stmt *s = c->statements[ADD_RECORD];

	sqlite3_bind_int64(s, 1, (sqlite3_int64)head->seq);
	sqlite3_bind_text(s, 2, head->ledger, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, head->time, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, chain_kind_name(head->kind), -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 5, head->uid);
	sqlite3_bind_text(s, 6, head->serial[0] ? head->serial : NULL, -1,
			  SQLITE_STATIC);
	sqlite3_bind_int(s, 7, head->is_simulated);
	sqlite3_bind_text(s, 8, record->prev, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 9, record->hash, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 10, record->sig, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 11, record->body, (int)record->body_len,
			  SQLITE_STATIC);
	return run(c, ADD_RECORD);
}

int copy_add_blob(struct copy *c, const char *sha256, const void *bytes,
		  size_t len)
{
	sqlite3_stmt *s = c->statements[ADD_BLOB];

	sqlite3_bind_text(s, 1, sha256, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)(len / 4));
	sqlite3_bind_blob(s, 3, bytes, (int)len, SQLITE_STATIC);
	return run(c, ADD_BLOB);
}

int copy_add_amended(struct copy *c, uint64_t seq,
		     const struct copy_amended *amended)
{
	sqlite3_stmt *s = c->statements[ADD_AMENDED];

	sqlite3_bind_int64(s, 1, (sqlite3_int64)seq);
	sqlite3_bind_text(s, 2, amended->field, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, amended->now, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, amended->was, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 5, (sqlite3_int64)amended->by);
	sqlite3_bind_text(s, 6, amended->reason, -1, SQLITE_STATIC);
	return run(c, ADD_AMENDED);
}

int copy_add_corrected(struct copy *c, uint64_t seq, uint64_t by)
{
	sqlite3_stmt *s = c->statements[ADD_CORRECTED];

	sqlite3_bind_int64(s, 1, (sqlite3_int64)seq);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)by);
	return run(c, ADD_CORRECTED);
}

int copy_finish(struct copy *c)
{
	CLEANUP(closep) int fd = -1;

	if (sqlite3_exec(c->db, last_touch, NULL, NULL, NULL) != SQLITE_OK)
		return copy_error(c);
	fd = open(c->path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

struct copy *copy_free(struct copy *c)
{
	size_t i;

	if (!c)
		return NULL;
	for (i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(c->statements[i]);
	sqlite3_close(c->db);
	free(c->path);
	free(c);
	return NULL;
}
