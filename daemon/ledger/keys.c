// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The key that signs, and the change to a new one.
 *
 * A change is true once its record is durable. The new key waits in a file of
 * its own until then; a start that finds it puts it in its place when the
 * ledger says that it signs, and away when not.
 */
#include "ledger/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ledger/store.h"

#define NEXT_KEY_FILE LEDGER_KEY_FILE ".next"

static int load(struct ledger *l, const char *name, struct chain_key **ret)
{
	int r;

	r = chain_key_load(l->dir_fd, name, ret);
	if (r == -EPERM)
		return store_fail(l, r,
				  "%s must be its owner's alone (mode 0600)",
				  name);
	if (r == -EBADMSG)
		return store_fail(l, r, "%s holds no key", name);
	if (r < 0 && r != -ENOENT)
		return store_fail(l, r, "%s: %s", name, strerror(-r));
	return r;
}

int keys_load(struct ledger *l)
{
	int r;

	r = load(l, LEDGER_KEY_FILE, &l->key);
	if (r >= 0)
		chain_key_public(l->key, l->public_key);
	return r;
}

static int take_place(struct ledger *l)
{
	if (renameat(l->dir_fd, NEXT_KEY_FILE, l->dir_fd, LEDGER_KEY_FILE) <
		    0 ||
	    fsync(l->dir_fd) < 0)
		return store_fail(l, -errno, "%s: %s", LEDGER_KEY_FILE,
				  strerror(errno));
	return 0;
}

int keys_load_as(struct ledger *l, const char *public_key)
{
	CLEANUP(chain_key_freep) struct chain_key *next = NULL;
	char next_public[CHAIN_KEY_SIZE] = "";
	int r;

	r = keys_load(l);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r >= 0 && !strcmp(l->public_key, public_key)) {
		unlinkat(l->dir_fd, NEXT_KEY_FILE, 0);
		return 0;
	}
	if (load(l, NEXT_KEY_FILE, &next) >= 0)
		chain_key_public(next, next_public);
	if (!strcmp(next_public, public_key)) {
		chain_key_free(l->key);
		l->key = TAKE_PTR(next);
		strcpy(l->public_key, next_public);
		return take_place(l);
	}
	if (r == -ENOENT)
		return store_fail(l, -ENOKEY, "the private key %s is missing",
				  LEDGER_KEY_FILE);
	return store_fail(l, -ENOKEY, "%s is not the key of this ledger",
			  LEDGER_KEY_FILE);
}

/* The last record at or before @seq that brought a key. */
static int key_of_record(struct ledger *l, uint64_t seq,
			 char ret[CHAIN_KEY_SIZE])
{
	CLEANUP(ledger_cursor_closep) struct ledger_cursor *c = NULL;
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	CLEANUP(js_freep) json_t *body = NULL;
	const struct ledger_range range = {
		.to = seq,
		.kinds = 1U << CHAIN_GENESIS | 1U << CHAIN_KEY,
		.is_descending = true,
	};
	const char *key, *why;
	int r;

	r = ledger_cursor_open(l, &range, &c);
	if (r >= 0)
		r = ledger_cursor_next(c, &record, NULL);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = chain_read_body(record.body, record.body_len, NULL, &body, &why);
	if (r < 0)
		return r;
	if (js_get_str(body, "key", &key) < 0 || strlen(key) >= CHAIN_KEY_SIZE)
		return -EBADMSG;
	strcpy(ret, key);
	return 0;
}

int keys_at(struct ledger *l, uint64_t seq, char ret[CHAIN_KEY_SIZE])
{
	int r = -ENOENT;

	if (seq > l->base_seq)
		r = key_of_record(l, seq, ret);
	if (r == -ENOENT)
		r = store_get_meta(l, "base_key", ret, CHAIN_KEY_SIZE);
	return r;
}

static int append_change(struct ledger *l, uint32_t uid, const char *reason,
			 const char *public_key, uint64_t *ret_seq)
{
	CLEANUP(js_freep) json_t *part = js_object();
	const struct ledger_entry e = {
		.kind = CHAIN_KEY,
		.uid = uid,
		.part = part,
	};
	int r;

	r = js_set_str(part, "key", public_key);
	r |= js_set_str(part, "reason", reason);
	return r < 0 ? -ENOMEM : batch_append(l, &e, ret_seq, NULL);
}

static int write_key(struct ledger *l, void *public_key)
{
	return store_set_meta(l, "key", public_key);
}

/*
 * The file of a change before this one: the key that signs may be in it alone,
 * when it could not be put in its place.
 */
static int settle(struct ledger *l)
{
	CLEANUP(chain_key_freep) struct chain_key *key = NULL;
	char in_place[CHAIN_KEY_SIZE] = "";
	int r;

	r = load(l, LEDGER_KEY_FILE, &key);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r >= 0)
		chain_key_public(key, in_place);
	if (strcmp(in_place, l->public_key))
		return take_place(l);
	unlinkat(l->dir_fd, NEXT_KEY_FILE, 0);
	return 0;
}

int ledger_rotate_key(struct ledger *l, uint32_t uid, const char *reason,
		      uint64_t *ret_seq)
{
	CLEANUP(chain_key_freep) struct chain_key *next = NULL;
	char public_key[CHAIN_KEY_SIZE];
	int r;

	if (l->n_batch)
		return store_fail(l, -EBUSY, "records wait to be written");
	r = settle(l);
	if (r < 0)
		return r;
	r = chain_key_create(l->dir_fd, NEXT_KEY_FILE, &next);
	if (r < 0)
		return store_fail(l, r, "making %s: %s", NEXT_KEY_FILE,
				  strerror(-r));
	chain_key_public(next, public_key);
	r = append_change(l, uid, reason, public_key, ret_seq);
	if (r >= 0)
		r = batch_commit(l, write_key, public_key);
	if (r < 0) {
		/* Its file stays: a commit that failed may still be found to
		 * have been made. The next start or change decides. */
		ledger_discard(l);
		return r;
	}
	chain_key_free(l->key);
	l->key = TAKE_PTR(next);
	strcpy(l->public_key, public_key);
	/* Should this fail, the next start makes up for it. */
	return take_place(l);
}
