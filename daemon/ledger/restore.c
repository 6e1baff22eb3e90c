// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A ledger made anew from an export.
 *
 * The ledger the export came from may have gone on since, here or elsewhere,
 * so what is written from now on must not be taken for its continuation: a
 * genesis record follows the last one of the export, with a new ledger id,
 * naming the old id and head.
 */
#include "ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/spectra.h"
#include "ledger/store.h"

struct source {
	FILE *file;
	struct chain_verifier verifier; /* behind its last line */
	char first_ledger[CHAIN_ID_SIZE];
	char first_prev[CHAIN_HASH_SIZE];
};

/* One record, or -ENOENT for a blob, whose bytes go to @blob. */
static int parse(const char *line, size_t len, struct chain_record *record,
		 char sha256[CHAIN_HASH_SIZE], struct buf *blob)
{
	const char *why;
	int r;

	r = chain_parse_blob_line(line, len, sha256, blob, &why);
	if (r >= 0)
		return -ENOENT;
	return r == -ENOENT ? chain_parse_line(line, len, record, &why) : r;
}

typedef int (*on_line_fn)(struct ledger *l, struct source *s, const char *line,
			  size_t len);

static int each_line(struct ledger *l, struct source *s, on_line_fn on_line)
{
	CLEANUP(freep) char *line = NULL;
	size_t alloc = 0;
	ssize_t len;
	int r = 0;

	if (fseek(s->file, 0, SEEK_SET) < 0)
		return store_fail(l, -errno, "the export: %s", strerror(errno));
	while (r >= 0 && (len = getline(&line, &alloc, s->file)) > 0)
		r = on_line(l, s, line, (size_t)len);
	if (r >= 0 && ferror(s->file))
		return store_fail(l, -EIO, "the export cannot be read");
	return r;
}

/* ---- first the whole of it is judged -------------------------------------- */

static int keep_first(struct ledger *l, struct source *s, const char *line,
		      size_t len)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	struct chain_head head;
	const char *why = "";

	if (chain_parse_line(line, len, &record, &why) < 0 ||
	    chain_read_body(record.body, record.body_len, &head, NULL, &why) <
		    0)
		return store_fail(l, -EBADMSG, "line 1: %s", why);
	strcpy(s->first_prev, record.prev);
	strcpy(s->first_ledger, head.ledger);
	return 0;
}

static int judge(struct ledger *l, struct source *s, const char *line,
		 size_t len)
{
	struct chain_fault fault = { 0 };
	int r = 0;

	if (!s->first_prev[0])
		r = keep_first(l, s, line, len);
	if (r < 0)
		return r;
	if (chain_verify_line(&s->verifier, line, len, &fault) != CHAIN_GOOD)
		return store_fail(l, -EBADMSG, "record %" PRIu64 ": %s",
				  fault.seq, fault.why);
	return 0;
}

/*
 * A later part does not tell which key signed when it began. That is ours
 * unless it was changed since, and then the chain comes to ours: what the ones
 * before have signed is covered by the hashes alone.
 */
static int judge_all(struct ledger *l, struct source *s)
{
	int r;

	s->verifier.known = (const char(*)[CHAIN_KEY_SIZE]) & l->public_key;
	s->verifier.n_known = 1;
	r = each_line(l, s, judge);
	if (r >= 0 && !s->verifier.n_records)
		return store_fail(l, -EBADMSG, "it holds no record");
	if (r >= 0 && strcmp(s->verifier.key, l->public_key))
		return store_fail(l, -ENOKEY,
				  "its last key is not that of %s; restore "
				  "needs the key it was signed with",
				  LEDGER_KEY_FILE);
	return r;
}

/* ---- then it is written, in one transaction ------------------------------- */

static int add_blob(struct ledger *l, const char *sha256,
		    const struct buf *blob)
{
	CLEANUP(buf_deinit) struct buf packed = { 0 };
	sqlite3_stmt *s = store_statement(l, STORE_ADD_BLOB);
	int r;

	r = spectra_pack(l->packer, blob->data, blob->len, &packed);
	if (r < 0)
		return r;
	sqlite3_bind_text(s, 1, sha256, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)blob->len);
	sqlite3_bind_blob(s, 3, packed.data, (int)packed.len, SQLITE_STATIC);
	sqlite3_bind_int64(s, 4, 0); /* until all records are there */
	return store_run(l, STORE_ADD_BLOB, "writing a spectrum");
}

static int add_record(struct ledger *l, const struct chain_record *record)
{
	CLEANUP(js_freep) json_t *body = NULL;
	struct store_derived derived;
	struct chain_head head;
	const char *why;
	int r;

	r = chain_read_body(record->body, record->body_len, &head, &body, &why);
	if (r < 0)
		return r;
	store_derive(head.kind, head.serial, body, &derived);
	return store_add_record(l, head.seq, head.kind, record, &derived);
}

static int add(struct ledger *l, struct source *s, const char *line, size_t len)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	CLEANUP(buf_deinit) struct buf blob = { 0 };
	char sha256[CHAIN_HASH_SIZE];
	int r;

	(void)s;
	r = parse(line, len, &record, sha256, &blob);
	if (r == -ENOENT)
		return add_blob(l, sha256, &blob);
	return r < 0 ? r : add_record(l, &record);
}

static int write_all(struct ledger *l, void *arg)
{
	struct source *s = arg;
	const struct store_base base = { l->base_seq, s->first_prev,
					 s->first_ledger,
					 s->verifier.start_key };
	int r;

	r = each_line(l, s, add);
	if (r >= 0)
		r = store_run(l, STORE_NAME_BLOBS, "writing spectra");
	return r < 0 ? r : genesis_write_data(l, &base);
}

static int write_ledger(struct ledger *l, struct source *s,
			const char *software)
{
	int r;

	r = chain_new_id(l->id);
	if (r < 0)
		return r;
	l->base_seq = s->verifier.first_seq - 1;
	strcpy(l->base_hash, s->first_prev);
	l->last_seq = s->verifier.next_seq - 1;
	strcpy(l->last_hash, s->verifier.head);
	r = genesis_append(l, software, &s->verifier);
	return r < 0 ? r : batch_commit(l, write_all, s);
}

/* The spectra that records name must have come too. */
static int check(struct ledger *l)
{
	const struct ledger_verify what = { 0 };
	struct ledger_verified v;
	int r;

	r = ledger_verify(l, &what, &v);
	if (r >= 0 && v.fault.verdict != CHAIN_GOOD)
		return store_fail(l, -EBADMSG, "record %" PRIu64 ": %s",
				  v.fault.seq, v.fault.why);
	return r;
}

static int restore_into(struct ledger *l, const char *dir, struct source *s,
			const struct ledger_options *options)
{
	struct stat st;
	int r;

	l->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir_fd < 0)
		return store_fail(l, -errno, "%s", strerror(errno));
	if (!fstatat(l->dir_fd, LEDGER_FILE, &st, 0))
		return store_fail(l, -EEXIST, "there is a ledger already");
	r = keys_load(l);
	if (r == -ENOENT)
		return store_fail(l, -ENOKEY,
				  "put the key of the old ledger, %s, there",
				  LEDGER_KEY_FILE);
	if (r >= 0)
		r = clock_boot_id(l->boot_id);
	if (r >= 0)
		r = judge_all(l, s);
	if (r < 0)
		return r;
	r = store_open(l, dir, options);
	if (r >= 0)
		r = write_ledger(l, s, options->software);
	if (r >= 0)
		r = check(l);
	if (r < 0) {
		unlinkat(l->dir_fd, LEDGER_FILE, 0);
		unlinkat(l->dir_fd, LEDGER_FILE "-wal", 0);
	}
	return r;
}

int ledger_restore(const char *dir, FILE *from,
		   const struct ledger_options *options, struct ledger **ret,
		   char *why, size_t why_size)
{
	CLEANUP(ledger_closep) struct ledger *l = NULL;
	struct source s = { .file = from };
	int r;

	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->dir_fd = -1;
	r = restore_into(l, dir, &s, options);
	if (r < 0) {
		snprintf(why, why_size, "%s: %s", dir,
			 *l->why ? l->why : strerror(-r));
		return r;
	}
	*ret = TAKE_PTR(l);
	return 0;
}
