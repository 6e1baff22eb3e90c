/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records of the ledger as Fetch brings them: pages of export lines. */
#ifndef TOOLS_REESPEC_RECORDS_H
#define TOOLS_REESPEC_RECORDS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "ledger/chain.h"
#include "reespec/client.h"

/* What to do about a record that has neither contents nor a spectrum. */
#define RECORDS_OF_RESULTS "reespec log --kind result lists those that do"

/* What the ledger holds: numbers of the first and last record, last hash. */
struct records_span {
	uint64_t first;
	uint64_t last;
	char head[CHAIN_HASH_SIZE];
	char ledger[CHAIN_ID_SIZE];
};

int records_span(struct client *c, struct records_span *ret);

/* One record, read and taken apart. */
struct record {
	struct chain_record chain;
	struct chain_head head;
	json_t *json;
};

void record_deinit(struct record *r);

/* One record by number; @ret_counts (may be NULL) its spectrum as JSON. */
int records_get(struct client *c, const struct args *args, uint64_t seq,
		struct record *ret, json_t **ret_counts);

/* Whether the value of @option, when it is given, is a kind of record. */
int record_check_kind(const struct args *args, const char *option);

/* One answer of Fetch. Zero-filled it is empty. */
struct page {
	struct buf data;
	size_t pos;
	size_t blob_pos;
	uint64_t next;
	uint64_t n;
};

void page_deinit(struct page *p);

/*
 * Fetches from @from on, at most @max records; @kind NULL means all kinds.
 * With @with_counts the blobs come too.
 */
int page_fetch(struct client *c, uint64_t from, uint64_t max, const char *kind,
	       bool with_counts, struct page *ret);

/*
 * The next record of a page: 1 and *ret (to be released), 0 at the end of the
 * page, or -EBADMSG with *why.
 */
int page_next(struct page *p, struct record *ret, const char **why);

/* The bytes of the next blob, in the order the records name them. */
int page_blob(struct page *p, size_t len, const void **ret);

/*
 * Calls @on_record for each record from @from to @to; a value other than
 * REESPEC_OK ends the walk and is returned.
 */
typedef int (*records_on_record)(void *userdata, struct record *r,
				 struct page *page);
int records_walk(struct client *c, const struct args *args, uint64_t from,
		 uint64_t to, const char *kind, bool with_counts,
		 records_on_record on_record, void *userdata);
/* The same for the results of a sample as it was measured, which the ledger
 * finds without reading the others. */
int records_walk_sample(struct client *c, const struct args *args,
			uint64_t from, uint64_t to, const char *sample,
			records_on_record on_record, void *userdata);

#endif
