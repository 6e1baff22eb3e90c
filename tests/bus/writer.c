// SPDX-License-Identifier: GPL-2.0-or-later
/* Ledgers made record by record, without a daemon. */
#include "writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOOT "\"boot\":\"00000000000000000000000000000000\",\"mono_ns\":\"1\""

void writer_make(struct writer *w, int dir, const char *name)
{
	memset(w, 0, sizeof(*w));
	if (chain_new_id(w->id) < 0 ||
	    (chain_key_load(dir, name, &w->key) < 0 &&
	     chain_key_create(dir, name, &w->key) < 0))
		exit(1);
	chain_key_public(w->key, w->public);
	strcpy(w->head, CHAIN_GENESIS_PREV);
}

void writer_record(struct writer *w, const char *kind, const char *more,
		   struct buf *ret)
{
	CLEANUP(buf_deinit) struct buf body = { 0 };
	struct chain_record r = { 0 };
	enum chain_kind k = 0;

	chain_kind_parse(kind, &k);
	buf_printf(&body,
		   "{\"ledger\":\"%s\",\"seq\":\"%" PRIu64
		   "\",\"time\":\"2026-11-26T08:00:00.%06uZ\"," BOOT
		   ",\"kind\":\"%s\",\"uid\":0,\"serial\":\"38563\"%s%s}",
		   w->id, w->seq + 1, (unsigned int)(w->seq % 1000000), kind,
		   *more ? "," : "", more);
	strcpy(r.prev, w->head);
	chain_hash(r.prev, body.data, body.len, r.hash);
	if (chain_kind_is_signed(k))
		chain_sign(w->key, r.hash, r.sig);
	r.body = body.data;
	r.body_len = body.len;
	buf_clear(ret);
	chain_write_line(&r, NULL, ret);
	ret->len--;
	ret->data[ret->len] = 0;
	strcpy(w->head, r.hash);
	w->seq++;
}

void writer_genesis(struct writer *w, struct buf *ret)
{
	char more[100];

	snprintf(more, sizeof(more), "\"key\":\"%s\"", w->public);
	writer_record(w, "genesis", more, ret);
}
