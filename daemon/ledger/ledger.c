// SPDX-License-Identifier: GPL-2.0-or-later
/* The ledger's life. */
#include "ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/store.h"

int genesis_append(struct ledger *l, const char *software,
		   const struct chain_verifier *continued)
{
	CLEANUP(js_freep) json_t *part = js_object();
	const struct ledger_entry e = {
		.kind = CHAIN_GENESIS,
		.uid = (uint32_t)geteuid(),
		.part = part,
	};
	int r;

	r = js_set_int(part, "format", 1);
	r |= js_set_str(part, "key", l->public_key);
	r |= js_set_str(part, "software", software ? software : "reespec");
	if (continued)
		r |= js_set(part, "continues",
			    js_pack("{s:s, s:o, s:s}", "ledger",
				    continued->ledger, "seq",
				    js_u64(continued->next_seq - 1), "hash",
				    continued->head));
	return r < 0 ? -ENOMEM : batch_append(l, &e, NULL, NULL);
}

int genesis_write_data(struct ledger *l, const struct store_base *base)
{
	int r;

	r = store_set_meta(l, "ledger", l->id);
	if (r >= 0)
		r = store_set_meta(l, "key", l->public_key);
	return r < 0 ? r : store_set_base(l, base);
}

static int write_own_data(struct ledger *l, void *arg)
{
	const struct store_base base = { 0, l->base_hash, l->id,
					 l->public_key };

	(void)arg;
	return genesis_write_data(l, &base);
}

/* The key comes first: should the power fail in between, the next start
 * finds it and makes the genesis record with it. */
static int make_ledger(struct ledger *l, const struct ledger_options *options)
{
	int r;

	if (options->must_exist)
		return store_fail(l, -ENOENT, "there is no ledger yet");
	r = keys_load(l);
	if (r == -ENOENT) {
		r = chain_key_create(l->dir_fd, LEDGER_KEY_FILE, &l->key);
		if (r < 0)
			return store_fail(l, r, "making %s: %s",
					  LEDGER_KEY_FILE, strerror(-r));
	}
	if (r >= 0)
		r = chain_new_id(l->id);
	if (r < 0)
		return r;
	chain_key_public(l->key, l->public_key);
	strcpy(l->base_hash, CHAIN_GENESIS_PREV);
	strcpy(l->last_hash, CHAIN_GENESIS_PREV);
	r = genesis_append(l, options->software, NULL);
	return r < 0 ? r : batch_commit(l, write_own_data, NULL);
}

static int load_last(struct ledger *l)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	char hash[CHAIN_HASH_SIZE] = "";
	sqlite3_stmt *s;
	int r = 0;

	if (sqlite3_prepare_v2(l->db,
			       "SELECT seq, hash FROM record"
			       " ORDER BY seq DESC LIMIT 1",
			       -1, &s, NULL) != SQLITE_OK)
		return store_error(l, "opening the ledger");
	l->last_seq = l->base_seq;
	strcpy(l->last_hash, l->base_hash);
	if (sqlite3_step(s) == SQLITE_ROW) {
		l->last_seq = (uint64_t)sqlite3_column_int64(s, 0);
		r = store_column(s, 1, l->last_hash, sizeof(l->last_hash));
	}
	sqlite3_finalize(s);
	if (r >= 0)
		r = ledger_get(l, l->last_seq, &record, NULL, NULL);
	if (r >= 0)
		chain_hash(record.prev, record.body, record.body_len, hash);
	if (r < 0 || strcmp(hash, record.hash))
		return store_fail(l, -EBADMSG,
				  "the last record, %" PRIu64 ", is damaged",
				  l->last_seq);
	return 0;
}

static int load_ledger(struct ledger *l)
{
	char key[CHAIN_KEY_SIZE], seq[24];
	int r;

	if (store_get_meta(l, "key", key, sizeof(key)) < 0 ||
	    store_get_meta(l, "base_seq", seq, sizeof(seq)) < 0 ||
	    store_get_meta(l, "base_hash", l->base_hash, sizeof(l->base_hash)) <
		    0)
		return store_fail(l, -EBADMSG,
				  "the ledger's own data are gone");
	l->base_seq = strtoull(seq, NULL, 10);

	r = keys_load_as(l, key);
	return r < 0 ? r : load_last(l);
}

static int open_in(struct ledger *l, const char *dir,
		   const struct ledger_options *options)
{
	int r;

	l->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir_fd < 0)
		return store_fail(l, -errno, "%s", strerror(errno));
	r = clock_boot_id(l->boot_id);
	if (r < 0)
		return store_fail(l, r, "no boot id");
	r = store_open(l, dir, options);
	if (r < 0)
		return r;
	r = store_get_meta(l, "ledger", l->id, sizeof(l->id));
	if (r == -ENOENT)
		r = make_ledger(l, options);
	else if (r >= 0)
		r = load_ledger(l);
	if (r >= 0)
		ledger_has_reserve(l);
	return r;
}

int ledger_open(const char *dir, const struct ledger_options *options,
		struct ledger **ret, char *why, size_t why_size)
{
	static const struct ledger_options defaults;
	CLEANUP(ledger_closep) struct ledger *l = NULL;
	int r;

	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->dir_fd = -1;

	r = open_in(l, dir, options ? options : &defaults);
	if (why)
		snprintf(why, why_size, "%s%s%s", r < 0 ? dir : "",
			 r < 0 ? ": " : "",
			 r < 0 && !*l->why ? strerror(-r) : l->why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(l);
	return 0;
}

struct ledger *ledger_close(struct ledger *l)
{
	if (!l)
		return NULL;
	ledger_discard(l);
	free(l->batch);
	store_close(l);
	chain_key_free(l->key);
	if (l->dir_fd >= 0)
		close(l->dir_fd);
	free(l);
	return NULL;
}

const char *ledger_why(const struct ledger *l)
{
	return l->why;
}

const char *ledger_id(const struct ledger *l)
{
	return l->id;
}

uint64_t ledger_first(const struct ledger *l)
{
	return l->base_seq + 1;
}

uint64_t ledger_last(const struct ledger *l)
{
	return l->last_seq;
}

const char *ledger_head(const struct ledger *l)
{
	return l->last_hash;
}

const char *ledger_public_key(const struct ledger *l)
{
	return l->public_key;
}
