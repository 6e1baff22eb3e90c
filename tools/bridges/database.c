// SPDX-License-Identifier: GPL-2.0-or-later
/* Connection, tables and statements of PostgreSQL. */
#include "bridges/database.h"

#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION "5"
/* Any number that nobody else locks: "reespec" in ASCII. */
#define LOCK "32199633747862883"
#define VALUES_MAX 12

struct database {
	PGconn *connection;
	bool has_refused; /* there may be some: else nothing is asked for */
	char why[520];
};

enum statement {
	GET_POSITION,
	SET_POSITION,
	GET_LEDGER,
	SET_LEDGER,
	KEY_AT,
	FORGET_MESSAGES,
	FIND,
	GET_RECORD,
	CUT,
	ADD,
	REFUSE,
	TAKE_EARLY,
	FORGIVE,
	N_STATEMENTS,
};

static const char *const statements[N_STATEMENTS] = {
	[GET_POSITION] = "SELECT seq, sha256 FROM reespec.position"
			 " WHERE stream = $1 AND created = $2",
	[SET_POSITION] = "INSERT INTO reespec.position VALUES ($1, $2, $3, $4)"
			 " ON CONFLICT (stream) DO UPDATE SET"
			 " created = $2, seq = $3, sha256 = $4",
	[GET_LEDGER] = "SELECT site, line, first_seq, next_seq, head, key,"
		       " proven_seq, proven_message FROM reespec.ledger"
		       " WHERE id = $1",
	[SET_LEDGER] = "INSERT INTO reespec.ledger VALUES"
		       " ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
		       " ON CONFLICT (id) DO UPDATE SET line = $3,"
		       " next_seq = $5, head = $6, key = $7, proven_seq = $8,"
		       " proven_message = $9",
	[KEY_AT] = "SELECT body ->> 'key' FROM reespec.record"
		   " WHERE ledger = $1 AND seq <= $2"
		   " AND kind IN ('genesis', 'key') ORDER BY seq DESC LIMIT 1",
	[FORGET_MESSAGES] = "UPDATE reespec.ledger SET proven_message = 0",
	[FIND] = "SELECT hash, sig FROM reespec.record"
		 " WHERE ledger = $1 AND seq = $2",
	[GET_RECORD] = "SELECT prev, hash, sig, bytes FROM reespec.record"
		       " WHERE ledger = $1 AND seq = $2",
	[CUT] = "DELETE FROM reespec.record WHERE ledger = $1 AND seq > $2",
	[ADD] = "INSERT INTO reespec.record VALUES"
		" ($1, $2, $3, $4, nullif($5, ''), $6, $7, $8, $9, $10, $11,"
		" $12)",
	[REFUSE] = "INSERT INTO reespec.refused VALUES"
		   " ($1, DEFAULT, $2, $3, $4, $5, $6, $7, $8, $9)"
		   " ON CONFLICT (sha256) DO UPDATE SET stream_seq = $3,"
		   " subject = $4, verdict = $7, why = $8",
	[TAKE_EARLY] = "DELETE FROM reespec.refused WHERE sha256 = ("
		       " SELECT sha256 FROM reespec.refused WHERE ledger = $1"
		       " AND seq = $2 AND verdict = 'bad-seq' LIMIT 1)"
		       " RETURNING message, subject, stream_seq",
	[FORGIVE] = "DELETE FROM reespec.refused WHERE sha256 = $1",
};

/* Values of a statement, in order; text but where said. */
struct values {
	int n;
	const char *data[VALUES_MAX];
	int len[VALUES_MAX];
	int is_binary[VALUES_MAX];
	char numbers[VALUES_MAX][24];
};

static void add_text(struct values *v, const char *text)
{
	v->data[v->n++] = text;
}

static void add_number(struct values *v, uint64_t number)
{
	snprintf(v->numbers[v->n], sizeof(v->numbers[0]), "%" PRIu64, number);
	v->data[v->n] = v->numbers[v->n];
	v->n++;
}

static void add_bytes(struct values *v, const void *data, size_t len)
{
	v->data[v->n] = data;
	v->len[v->n] = (int)len;
	v->is_binary[v->n++] = 1;
}

const char *database_why(const struct database *d)
{
	return d->why;
}

/* The first line is what happened. */
static int fail(struct database *d, const char *what)
{
	const char *text = PQerrorMessage(d->connection);

	snprintf(d->why, sizeof(d->why), "%s%.*s", what,
		 (int)strcspn(text, "\n"), text);
	return -EIO;
}

/* Rows are asked for in binary only where bytes are read. */
static PGresult *run_in(struct database *d, enum statement s,
			const struct values *v, int is_binary)
{
	char name[16];

	snprintf(name, sizeof(name), "s%d", s);
	return PQexecPrepared(d->connection, name, v->n, v->data, v->len,
			      v->is_binary, is_binary);
}

/* 0 and, with @ret, the first row; -ENOENT when there is none; -EIO. */
static int run(struct database *d, enum statement s, const struct values *v,
	       PGresult **ret)
{
	PGresult *result = run_in(d, s, v, 0);
	const ExecStatusType status = PQresultStatus(result);
	int r = 0;

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		r = fail(d, "");
	else if (ret && PQntuples(result) == 0)
		r = -ENOENT;
	if (r == 0 && ret)
		*ret = result;
	else
		PQclear(result);
	return r;
}

static int execute(struct database *d, const char *sql)
{
	PGresult *result = PQexec(d->connection, sql);
	const ExecStatusType status = PQresultStatus(result);

	PQclear(result);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return 0;
	return fail(d, "");
}

/* The one value of a query without rows or with one; "" for none. */
static int ask(struct database *d, const char *sql, char *ret, size_t size)
{
	PGresult *result = PQexec(d->connection, sql);
	int r = 0;

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		r = fail(d, "");
	else
		snprintf(ret, size, "%s",
			 PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	return r;
}

static uint64_t number_at(const PGresult *result, int column)
{
	return strtoull(PQgetvalue(result, 0, column), NULL, 10);
}

static void text_at(const PGresult *result, int column, char *ret, size_t size)
{
	snprintf(ret, size, "%s", PQgetvalue(result, 0, column));
}

/* ---- opening --------------------------------------------------------------- */

/* "" where there are no tables. */
static int get_version(struct database *d, char *ret, size_t size)
{
	int r = ask(d, "SELECT to_regclass('reespec.version')", ret, size);

	if (r == 0 && *ret)
		r = ask(d, "SELECT number FROM reespec.version", ret, size);
	return r;
}

static int step_up(struct database *d, bool has_tables)
{
	int r = execute(d, "BEGIN");

	if (r == 0)
		r = execute(d, has_tables ? database_step : database_tables);
	if (r == 0)
		r = execute(d, database_views);
	if (r == 0)
		r = execute(d, "UPDATE reespec.version SET number = " VERSION);
	return r < 0 ? r : execute(d, "COMMIT");
}

/* What is there is its owner's alone to change: said with who that is. */
static int check_owner(struct database *d, const char *version)
{
	char others[200], user[64];
	int r;

	r = ask(d,
		"SELECT string_agg(names || ' of ' || owner, ', ') FROM"
		" (SELECT pg_get_userbyid(o) AS owner,"
		" string_agg(name, ' ' ORDER BY name) AS names FROM"
		" (SELECT relowner AS o, relname::text AS name FROM pg_class"
		" WHERE relnamespace = 'reespec'::regnamespace"
		" AND relkind IN ('r', 'v')"
		" UNION ALL SELECT proowner, proname || '()' FROM pg_proc"
		" WHERE pronamespace = 'reespec'::regnamespace) AS thing"
		" WHERE NOT pg_has_role(o, 'USAGE') GROUP BY o) AS theirs",
		others, sizeof(others));
	if (r == 0)
		r = ask(d, "SELECT current_user", user, sizeof(user));
	if (r < 0 || !*others)
		return r;
	snprintf(d->why, sizeof(d->why),
		 "its tables are of version %s, and %s may not bring them up"
		 " to " VERSION ": %s. Start reespec-pgsink once as that role,"
		 " or GRANT that role to %s",
		 version, user, others, user);
	return -EIO;
}

static int make_tables(struct database *d)
{
	char version[32];
	int r;

	r = get_version(d, version, sizeof(version));
	if (r == 0 && strlen(version) < 2 && strcmp(version, VERSION) < 0) {
		r = *version ? check_owner(d, version) : 0;
		if (r == 0)
			r = step_up(d, *version);
		if (r == 0)
			r = get_version(d, version, sizeof(version));
	}
	if (r < 0 || !strcmp(version, VERSION))
		return r;
	snprintf(d->why, sizeof(d->why),
		 "its tables are of version %s, this program's of " VERSION,
		 version);
	return -EACCES;
}

static int prepare(struct database *d)
{
	for (int i = 0; i < N_STATEMENTS; i++) {
		PGresult *result;
		char name[16];
		int is_ok;

		snprintf(name, sizeof(name), "s%d", i);
		result = PQprepare(d->connection, name, statements[i], 0, NULL);
		is_ok = PQresultStatus(result) == PGRES_COMMAND_OK;
		PQclear(result);
		if (!is_ok)
			return fail(d, "");
	}
	return 0;
}

/* Two sinks would take each other's messages away. */
static int take_lock(struct database *d)
{
	char is_mine[8];
	int r;

	r = ask(d, "SELECT pg_try_advisory_lock(" LOCK ")", is_mine,
		sizeof(is_mine));
	if (r < 0 || *is_mine == 't')
		return r;
	snprintf(d->why, sizeof(d->why), "another reespec-pgsink is at work");
	return -EBUSY;
}

int database_open(const char *conninfo, struct database **ret, char *why,
		  size_t why_size)
{
	/* A network that was cut is noticed; what @conninfo says comes last
	 * and holds. */
	const char *const names[] = { "fallback_application_name",
				      "connect_timeout", "tcp_user_timeout",
				      "dbname", NULL };
	const char *const values[] = { "reespec-pgsink", "10", "30000",
				       conninfo, NULL };
	CLEANUP(database_closep) struct database *d = calloc(1, sizeof(*d));
	char n[24] = "";
	int r = 0;

	if (!d) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	d->connection = PQconnectdbParams(names, values, 1);
	if (PQstatus(d->connection) != CONNECTION_OK)
		r = fail(d, "");
	/* Acknowledged is what is durable, whatever the server's default. */
	if (r == 0)
		r = execute(d, "SET synchronous_commit = on;"
			       "SET client_min_messages = warning;"
			       "SET client_encoding = 'UTF8'");
	if (r == 0)
		r = take_lock(d);
	if (r == 0)
		r = make_tables(d);
	if (r == 0)
		r = prepare(d);
	if (r == 0)
		r = ask(d, "SELECT count(*) FROM reespec.refused", n,
			sizeof(n));
	d->has_refused = r == 0 && strcmp(n, "0");
	if (r < 0) {
		snprintf(why, why_size, "PostgreSQL: %s", d->why);
		return r;
	}
	*ret = TAKE_PTR(d);
	return 0;
}

struct database *database_close(struct database *d)
{
	if (d)
		PQfinish(d->connection);
	free(d);
	return NULL;
}

int database_begin(struct database *d)
{
	return execute(d, "BEGIN");
}

int database_commit(struct database *d)
{
	return execute(d, "COMMIT");
}

/* ---- positions and ledgers ------------------------------------------------- */

int database_get_position(struct database *d, struct database_position *p)
{
	struct values v = { 0 };
	PGresult *row = NULL;
	int r;

	add_text(&v, p->stream);
	add_number(&v, (uint64_t)p->created);
	r = run(d, GET_POSITION, &v, &row);
	if (r < 0)
		return r;
	p->seq = number_at(row, 0);
	text_at(row, 1, p->sha256, sizeof(p->sha256));
	PQclear(row);
	return 0;
}

int database_set_position(struct database *d, const struct database_position *p)
{
	struct values v = { 0 };

	add_text(&v, p->stream);
	add_number(&v, (uint64_t)p->created);
	add_number(&v, p->seq);
	add_text(&v, p->sha256);
	return run(d, SET_POSITION, &v, NULL);
}

int database_get_ledger(struct database *d, struct database_ledger *ret)
{
	struct values v = { 0 };
	PGresult *row = NULL;
	int r;

	add_text(&v, ret->chain.ledger);
	r = run(d, GET_LEDGER, &v, &row);
	if (r < 0)
		return r;
	text_at(row, 0, ret->site, sizeof(ret->site));
	text_at(row, 1, ret->line, sizeof(ret->line));
	ret->chain.first_seq = number_at(row, 2);
	ret->chain.next_seq = number_at(row, 3);
	text_at(row, 4, ret->chain.head, sizeof(ret->chain.head));
	text_at(row, 5, ret->chain.key, sizeof(ret->chain.key));
	ret->proven = number_at(row, 6);
	ret->proven_message = number_at(row, 7);
	PQclear(row);
	return 0;
}

int database_set_ledger(struct database *d, const struct database_ledger *l)
{
	struct values v = { 0 };

	add_text(&v, l->chain.ledger);
	add_text(&v, l->site);
	add_text(&v, l->line);
	add_number(&v, l->chain.first_seq);
	add_number(&v, l->chain.next_seq);
	add_text(&v, l->chain.head);
	add_text(&v, l->chain.key);
	add_number(&v, l->proven);
	add_number(&v, l->proven_message);
	return run(d, SET_LEDGER, &v, NULL);
}

int database_forget_messages(struct database *d)
{
	const struct values v = { 0 };

	return run(d, FORGET_MESSAGES, &v, NULL);
}

int database_key_at(struct database *d, const char *ledger, uint64_t seq,
		    char ret[CHAIN_KEY_SIZE])
{
	struct values v = { 0 };
	PGresult *row = NULL;
	int r;

	add_text(&v, ledger);
	add_number(&v, seq);
	r = run(d, KEY_AT, &v, &row);
	if (r < 0)
		return r;
	text_at(row, 0, ret, CHAIN_KEY_SIZE);
	PQclear(row);
	return 0;
}

/* ---- records --------------------------------------------------------------- */

int database_find(struct database *d, const char *ledger, uint64_t seq,
		  char ret_hash[CHAIN_HASH_SIZE], char ret_sig[CHAIN_SIG_SIZE])
{
	struct values v = { 0 };
	PGresult *row = NULL;
	int r;

	add_text(&v, ledger);
	add_number(&v, seq);
	r = run(d, FIND, &v, &row);
	if (r < 0)
		return r;
	text_at(row, 0, ret_hash, CHAIN_HASH_SIZE);
	text_at(row, 1, ret_sig, CHAIN_SIG_SIZE);
	PQclear(row);
	return 0;
}

/* Asked for in binary, so that the body comes as it is. */
int database_get_line(struct database *d, const char *ledger, uint64_t seq,
		      struct buf *ret)
{
	struct chain_record record = { 0 };
	struct values v = { 0 };
	PGresult *row;
	int r = -ENOENT;

	add_text(&v, ledger);
	add_number(&v, seq);
	row = run_in(d, GET_RECORD, &v, 1);
	if (PQresultStatus(row) != PGRES_TUPLES_OK) {
		r = fail(d, "");
	} else if (PQntuples(row)) {
		text_at(row, 0, record.prev, sizeof(record.prev));
		text_at(row, 1, record.hash, sizeof(record.hash));
		text_at(row, 2, record.sig, sizeof(record.sig));
		record.body = PQgetvalue(row, 0, 3);
		record.body_len = (size_t)PQgetlength(row, 0, 3);
		r = chain_write_line(&record, NULL, ret);
	}
	PQclear(row);
	if (r == 0)
		ret->data[--ret->len] = '\0';
	return r;
}

int database_cut(struct database *d, const char *ledger, uint64_t seq)
{
	struct values v = { 0 };

	add_text(&v, ledger);
	add_number(&v, seq);
	return run(d, CUT, &v, NULL);
}

/* Class 22 is about the data and not about the server. */
static bool is_about_data(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return state && !strncmp(state, "22", 2);
}

int database_add(struct database *d, const struct chain_record *r,
		 const struct chain_head *h)
{
	struct values v = { 0 };
	PGresult *result;
	int e;

	add_text(&v, h->ledger);
	add_number(&v, h->seq);
	add_text(&v, h->time);
	add_text(&v, chain_kind_name(h->kind));
	add_text(&v, h->serial);
	add_text(&v, h->is_simulated ? "t" : "f");
	add_number(&v, h->uid);
	add_text(&v, r->prev);
	add_text(&v, r->hash);
	add_text(&v, r->sig);
	add_text(&v, r->body);
	add_bytes(&v, r->body, r->body_len);
	e = execute(d, "SAVEPOINT record");
	if (e < 0)
		return e;
	result = run_in(d, ADD, &v, 0);
	if (PQresultStatus(result) != PGRES_COMMAND_OK) {
		e = fail(d, "");
		if (is_about_data(result) &&
		    execute(d, "ROLLBACK TO record") == 0)
			e = -ERANGE;
	}
	PQclear(result);
	return e ? e : execute(d, "RELEASE record");
}

/* ---- what was refused ------------------------------------------------------ */

/* The size of a message is known to the server without reading it. */
static int has_room(struct database *d, size_t len)
{
	uint64_t n = 0, bytes = 0;
	char text[64];
	int e;

	e = ask(d,
		"SELECT count(*) || ' ' || coalesce(sum(octet_length(message)),"
		" 0) FROM reespec.refused",
		text, sizeof(text));
	if (e == 0)
		sscanf(text, "%" SCNu64 " %" SCNu64, &n, &bytes);
	if (e < 0)
		return e;
	return n < DATABASE_REFUSED_MAX &&
			       bytes + len <= DATABASE_REFUSED_MIB * 1048576ULL
		       ? 0
		       : -ENOSPC;
}

int database_refuse(struct database *d, const struct database_refusal *r)
{
	char sha256[CHAIN_HASH_SIZE];
	struct values v = { 0 };
	int e;

	e = has_room(d, r->len);
	if (e < 0)
		return e;
	d->has_refused = true;
	chain_sha256(r->message, r->len, sha256);
	add_text(&v, sha256);
	add_text(&v, r->stream);
	add_number(&v, r->stream_seq);
	add_text(&v, r->subject);
	add_text(&v, r->ledger);
	if (r->ledger && r->seq <= INT64_MAX)
		add_number(&v, r->seq);
	else
		add_text(&v, NULL);
	add_text(&v, r->verdict);
	add_text(&v, r->why);
	add_bytes(&v, r->message, r->len);
	return run(d, REFUSE, &v, NULL);
}

int database_forgive(struct database *d, const void *message, size_t len)
{
	char sha256[CHAIN_HASH_SIZE];
	struct values v = { 0 };

	if (!d->has_refused)
		return 0;
	chain_sha256(message, len, sha256);
	add_text(&v, sha256);
	return run(d, FORGIVE, &v, NULL);
}

int database_take_early(struct database *d, const char *ledger, uint64_t seq,
			struct buf *ret_message, struct buf *ret_subject,
			uint64_t *ret_stream_seq)
{
	struct values v = { 0 };
	uint64_t number = 0;
	PGresult *result;
	int r = -ENOENT;

	if (!d->has_refused)
		return r;
	add_text(&v, ledger);
	add_number(&v, seq);
	result = run_in(d, TAKE_EARLY, &v, 1);
	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		r = fail(d, "");
	} else if (PQntuples(result)) {
		r = buf_append(ret_message, PQgetvalue(result, 0, 0),
			       (size_t)PQgetlength(result, 0, 0));
		if (r == 0)
			r = buf_append_str(ret_subject,
					   PQgetvalue(result, 0, 1));
		/* Eight bytes, the highest first. */
		for (int i = 0; i < PQgetlength(result, 0, 2); i++)
			number = number << 8 |
				 (uint8_t)PQgetvalue(result, 0, 2)[i];
		*ret_stream_seq = number;
	}
	PQclear(result);
	return r;
}
