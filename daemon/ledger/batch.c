// SPDX-License-Identifier: GPL-2.0-or-later
/* The open batch: records made, signed and written in one transaction. */
#include "ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/spectra.h"
#include "ledger/store.h"

/* ---- the reserve ---------------------------------------------------------- */

/* A file of real blocks that is removed when the end of an assay must still
 * be written on a full disk. */
static bool take_reserve(struct ledger *l)
{
	CLEANUP(closep) int fd = -1;
	struct stat st;

	fd = openat(l->dir_fd, LEDGER_RESERVE_FILE,
		    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && st.st_size == LEDGER_RESERVE_LEN &&
	    (uint64_t)st.st_blocks * 512 >= LEDGER_RESERVE_LEN)
		return true;
	if (posix_fallocate(fd, 0, LEDGER_RESERVE_LEN)) {
		unlinkat(l->dir_fd, LEDGER_RESERVE_FILE, 0);
		return false;
	}
	return true;
}

bool ledger_has_reserve(struct ledger *l)
{
	if (!l->has_reserve)
		l->has_reserve = take_reserve(l);
	return l->has_reserve;
}

static bool give_up_reserve(struct ledger *l)
{
	if (!l->has_reserve || unlinkat(l->dir_fd, LEDGER_RESERVE_FILE, 0) < 0)
		return false;
	l->has_reserve = false;
	return true;
}

/* ---- the open batch ------------------------------------------------------- */

static void record_deinit(struct store_record *p)
{
	for (size_t i = 0; i < p->n_blobs; i++)
		buf_deinit(&p->blobs[i].packed);
	free(p->blobs);
	free(p->sample);
	free(p->instrument);
	chain_record_deinit(&p->chain);
	memset(p, 0, sizeof(*p));
}

void ledger_discard(struct ledger *l)
{
	for (size_t i = 0; i < l->n_batch; i++)
		record_deinit(&l->batch[i]);
	l->n_batch = 0;
	l->n_batch_bytes = 0;
}

void ledger_pending(const struct ledger *l, struct ledger_batch *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (!l->n_batch)
		return;
	ret->n_records = l->n_batch;
	ret->n_bytes = l->n_batch_bytes;
	ret->first = l->batch[0].seq;
	ret->last = l->batch[l->n_batch - 1].seq;
	ret->oldest_ns = l->oldest_ns;
}

static bool blob_name_valid(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	return len && len < sizeof(((struct chain_blob_ref *)0)->name) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static int add_spectrum(struct spectra_packer *packer,
			const struct ledger_spectrum *sp,
			struct store_blob *blob, json_t *list)
{
	CLEANUP(buf_deinit) struct buf bytes = { 0 };
	json_t *o;
	int r;

	if (!blob_name_valid(sp->name) || !sp->counts || !sp->n_chan)
		return -EINVAL;
	r = spectra_bytes(sp->counts, sp->n_chan, &bytes);
	if (r < 0)
		return r;
	chain_sha256(bytes.data, bytes.len, blob->sha256);
	blob->len = (uint32_t)bytes.len;
	r = spectra_pack(packer, bytes.data, bytes.len, &blob->packed);
	if (r < 0)
		return r;

	o = js_object();
	r = js_set_str(o, "name", sp->name);
	r |= js_set_str(o, "sha256", blob->sha256);
	r |= js_set_uint(o, "len", blob->len);
	r |= js_append(list, o);
	return r < 0 ? -ENOMEM : 0;
}

static int add_spectra(struct spectra_packer *packer,
		       const struct ledger_entry *e, struct store_record *p,
		       json_t *body)
{
	json_t *list;
	int r;

	p->blobs = calloc(e->n_spectra, sizeof(*p->blobs));
	if (!p->blobs)
		return -ENOMEM;
	list = js_array();
	r = js_set(body, "blobs", list);
	for (size_t i = 0; i < e->n_spectra && r >= 0; i++) {
		p->n_blobs++;
		r = add_spectrum(packer, &e->spectra[i], &p->blobs[i], list);
	}
	return r;
}

/* The opening members, in the order of the format. */
static int add_head(const struct ledger *l, const struct ledger_entry *e,
		    uint64_t seq, json_t *body)
{
	char time[CLOCK_TEXT_SIZE];
	int r;

	clock_format(clock_realtime_us(), time);
	r = js_set_str(body, "ledger", l->id);
	r |= js_set_u64(body, "seq", seq);
	r |= js_set_str(body, "time", time);
	r |= js_set_str(body, "boot", l->boot_id);
	r |= js_set_u64(body, "mono_ns", clock_monotonic_ns());
	r |= js_set_str(body, "kind", chain_kind_name(e->kind));
	r |= js_set_uint(body, "uid", e->uid);
	r |= js_set(body, "serial", e->serial ? js_str(e->serial) : js_null());
	if (e->is_simulated)
		r |= js_set_bool(body, "simulated", true);
	return r < 0 ? -ENOMEM : 0;
}

/* Optional members of the head are the ledger's own too. */
static bool part_is_legal(const struct ledger_entry *e)
{
	return !e->part ||
	       (js_type(e->part) == JS_OBJECT &&
		!js_get(e->part, "simulated") && !js_get(e->part, "blobs"));
}

static int copy_derived(const struct ledger_entry *e, struct store_record *p)
{
	struct store_derived derived;

	store_derive(e->kind, e->serial, e->part, &derived);
	p->assay = derived.assay;
	if (derived.sample && !(p->sample = strdup(derived.sample)))
		return -ENOMEM;
	if (derived.instrument && !(p->instrument = strdup(derived.instrument)))
		return -ENOMEM;
	return 0;
}

static int make_body(const struct ledger *l, const struct ledger_entry *e,
		     struct store_record *p)
{
	CLEANUP(js_freep) json_t *body = js_object();
	int r;

	r = add_head(l, e, p->seq, body);
	if (r >= 0 && e->part)
		r = js_merge(body, e->part);
	if (r >= 0 && e->n_spectra)
		r = add_spectra(l->packer, e, p, body);
	if (r >= 0)
		r = js_dump(body, 0, &p->chain.body, &p->chain.body_len);
	if (r >= 0)
		r = copy_derived(e, p);
	if (r < 0)
		return r;
	return p->chain.body_len > CHAIN_BODY_MAX ? -EFBIG : 0;
}

static int check_entry(struct ledger *l, const struct ledger_entry *e)
{
	if ((unsigned int)e->kind >= CHAIN_N_KINDS)
		return store_fail(l, -EINVAL, "there is no such kind");
	if (e->serial &&
	    strlen(e->serial) >= sizeof(((struct chain_head *)0)->serial))
		return store_fail(l, -EINVAL, "the serial is too long");
	if (e->n_spectra > CHAIN_BLOBS_MAX)
		return store_fail(l, -EINVAL, "too many spectra");
	if (e->part && js_type(e->part) != JS_OBJECT)
		return store_fail(l, -EINVAL, "the part is not an object");
	if (!part_is_legal(e))
		return store_fail(l, -EEXIST,
				  "the part has a member of the ledger's own");
	return 0;
}

static int make_room(struct ledger *l)
{
	size_t n = l->n_batch_alloc ? 2 * l->n_batch_alloc : 32;
	struct store_record *batch;

	if (l->n_batch == LEDGER_BATCH_RECORDS_MAX ||
	    l->n_batch_bytes >= LEDGER_BATCH_BYTES_MAX)
		return store_fail(l, -ENOBUFS, "the open batch is full");
	if (l->n_batch < l->n_batch_alloc)
		return 0;
	batch = realloc(l->batch, n * sizeof(*batch));
	if (!batch)
		return store_fail(l, -ENOMEM, "out of memory");
	l->batch = batch;
	l->n_batch_alloc = n;
	return 0;
}

static size_t record_len(const struct store_record *p)
{
	size_t n = p->chain.body_len;

	for (size_t i = 0; i < p->n_blobs; i++)
		n += p->blobs[i].packed.len;
	return n;
}

int batch_append(struct ledger *l, const struct ledger_entry *e,
		 uint64_t *ret_seq, char *ret_hash)
{
	CLEANUP(record_deinit) struct store_record p = { .kind = e->kind };
	const char *prev = l->last_hash;
	int r;

	r = check_entry(l, e);
	if (r >= 0)
		r = make_room(l);
	if (r < 0)
		return r;

	if (l->n_batch)
		prev = l->batch[l->n_batch - 1].chain.hash;
	p.seq = l->last_seq + l->n_batch + 1;
	r = make_body(l, e, &p);
	if (r < 0)
		return store_fail(l, r, "the record cannot be written: %s",
				  strerror(-r));
	chain_hash(prev, p.chain.body, p.chain.body_len, p.chain.hash);
	if (chain_kind_is_signed(p.kind))
		chain_sign(l->key, p.chain.hash, p.chain.sig);

	if (!l->n_batch)
		l->oldest_ns = clock_monotonic_ns();
	l->n_batch_bytes += record_len(&p);
	if (ret_seq)
		*ret_seq = p.seq;
	if (ret_hash)
		strcpy(ret_hash, p.chain.hash);
	l->batch[l->n_batch++] = p;
	memset(&p, 0, sizeof(p));
	l->why[0] = '\0';
	return 0;
}

int ledger_append(struct ledger *l, const struct ledger_entry *e,
		  uint64_t *ret_seq, char ret_hash[CHAIN_HASH_SIZE])
{
	/* The ledger's own: a new key must also reach the key file. */
	if (e->kind == CHAIN_GENESIS || e->kind == CHAIN_KEY)
		return store_fail(l, -EINVAL,
				  "%s records are made by the ledger alone",
				  chain_kind_name(e->kind));
	return batch_append(l, e, ret_seq, ret_hash);
}

/* ---- commit --------------------------------------------------------------- */

static int insert_record(struct ledger *l, const struct store_record *p)
{
	const struct store_derived derived = { p->sample, p->instrument,
					       p->assay };

	return store_add_record(l, p->seq, p->kind, &p->chain, &derived);
}

static int insert_blob(struct ledger *l, const struct store_blob *b,
		       uint64_t seq)
{
	sqlite3_stmt *s = store_statement(l, STORE_ADD_BLOB);

	sqlite3_bind_text(s, 1, b->sha256, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, b->len);
	sqlite3_bind_blob(s, 3, b->packed.data, (int)b->packed.len,
			  SQLITE_STATIC);
	sqlite3_bind_int64(s, 4, (sqlite3_int64)seq);
	return store_run(l, STORE_ADD_BLOB, "writing a spectrum");
}

static int insert_batch(struct ledger *l)
{
	int r = 0;

	for (size_t i = 0; i < l->n_batch && r >= 0; i++) {
		const struct store_record *p = &l->batch[i];

		for (size_t k = 0; k < p->n_blobs && r >= 0; k++)
			r = insert_blob(l, &p->blobs[k], p->seq);
		if (r >= 0)
			r = insert_record(l, p);
	}
	return r;
}

static int write_batch(struct ledger *l, store_with_fn with, void *arg)
{
	int r;

	r = store_run(l, STORE_BEGIN, "beginning a batch");
	if (r < 0)
		return r;
	r = insert_batch(l);
	if (r >= 0 && with)
		r = with(l, arg);
	if (r >= 0)
		r = store_run(l, STORE_COMMIT, "committing a batch");
	if (r < 0)
		store_rollback(l);
	return r;
}

static bool holds_an_end(const struct ledger *l)
{
	for (size_t i = 0; i < l->n_batch; i++) {
		enum chain_kind kind = l->batch[i].kind;

		if (kind == CHAIN_RESULT || kind == CHAIN_INTERRUPTED ||
		    kind == CHAIN_FAULT)
			return true;
	}
	return false;
}

int batch_commit(struct ledger *l, store_with_fn with, void *arg)
{
	const struct store_record *last;
	int r;

	r = write_batch(l, with, arg);
	if (r < 0)
		return r;
	last = &l->batch[l->n_batch - 1];
	l->last_seq = last->seq;
	strcpy(l->last_hash, last->chain.hash);
	l->why[0] = '\0';
	ledger_discard(l);
	return 0;
}

int ledger_try_write(struct ledger *l)
{
	int r;

	l->why[0] = '\0';
	/* Each a transaction of its own, durable when it returns. */
	r = store_run(l, STORE_ADD_TRIAL, "trying to write");
	return r < 0 ? r : store_run(l, STORE_DROP_TRIAL, "trying to write");
}

int ledger_commit(struct ledger *l, bool *ret_used_reserve)
{
	bool used_reserve = false;
	int r = 0;

	l->why[0] = '\0';
	if (l->n_batch)
		r = batch_commit(l, NULL, NULL);
	if (r == -ENOSPC && holds_an_end(l) && give_up_reserve(l)) {
		used_reserve = true;
		r = batch_commit(l, NULL, NULL);
	}
	if (ret_used_reserve)
		*ret_used_reserve = used_reserve;
	return r;
}
