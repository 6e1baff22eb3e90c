// SPDX-License-Identifier: GPL-2.0-or-later
/* Records of the ledger, fetched by the page and taken apart. */
#include "reespec/records.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Fetch gives at most 4 MiB; a single record may pass that. */
#define PAGE_MAX (64 * 1024 * 1024)
#define PAGE_RECORDS 512

int records_span(struct client *c, struct records_span *ret)
{
	CLEANUP(js_freep) json_t *ledger = NULL;
	CLEANUP(js_freep) json_t *manager = NULL;
	const char *text = "";
	int r;

	memset(ret, 0, sizeof(*ret));
	r = client_properties(c, CLIENT_ROOT, CLIENT_LEDGER, &ledger);
	if (r)
		return r;
	r = client_properties(c, CLIENT_ROOT, CLIENT_MANAGER, &manager);
	if (r)
		return r;
	js_get_u64(ledger, "First", &ret->first);
	js_get_u64(ledger, "Last", &ret->last);
	js_get_str(ledger, "Head", &text);
	snprintf(ret->head, sizeof(ret->head), "%s", text);
	text = "";
	js_get_str(manager, "LedgerId", &text);
	snprintf(ret->ledger, sizeof(ret->ledger), "%s", text);
	return REESPEC_OK;
}

void record_deinit(struct record *r)
{
	chain_record_deinit(&r->chain);
	r->json = js_free(r->json);
}

static void copy_text(char *to, size_t size, json_t *value)
{
	const char *text = "";

	js_str_value(value, &text, NULL);
	snprintf(to, size, "%s", text);
}

int records_get(struct client *c, const struct args *args, uint64_t seq,
		struct record *ret, json_t **ret_counts)
{
	const struct client_call call = {
		.path = CLIENT_ROOT,
		.interface = CLIENT_LEDGER,
		.member = "Get",
		.types = "t",
		.numbers = { seq },
	};
	CLEANUP(js_freep) json_t *reply = NULL;
	const char *body = "";
	const char *why = "out of memory";
	size_t len = 0;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = client_call(c, &call, &reply, NULL);
	if (r)
		return r;
	js_str_value(js_at(reply, 0), &body, &len);
	copy_text(ret->chain.prev, sizeof(ret->chain.prev), js_at(reply, 1));
	copy_text(ret->chain.hash, sizeof(ret->chain.hash), js_at(reply, 2));
	copy_text(ret->chain.sig, sizeof(ret->chain.sig), js_at(reply, 3));
	ret->chain.body = strndup(body, len);
	ret->chain.body_len = len;
	if (!ret->chain.body ||
	    chain_read_body(body, len, &ret->head, &ret->json, &why) < 0) {
		record_deinit(ret);
		return fail(args, REESPEC_FAILED,
			    "record %llu cannot be read: %s",
			    (unsigned long long)seq, why);
	}
	if (ret_counts)
		*ret_counts = js_ref(js_at(reply, 4));
	return REESPEC_OK;
}

int record_check_kind(const struct args *args, const char *option)
{
	const char *kind = args_get(args, option);
	CLEANUP(buf_deinit) struct buf names = { 0 };
	enum chain_kind parsed;

	if (!kind || chain_kind_parse(kind, &parsed) == 0)
		return REESPEC_OK;
	for (int i = 0; i < CHAIN_N_KINDS; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", chain_kind_name(i));
	return fail(args, REESPEC_USAGE,
		    "--%s %s: no such kind of record; there are: %s", option,
		    kind, names.data ? names.data : "");
}

void page_deinit(struct page *p)
{
	buf_deinit(&p->data);
	memset(p, 0, sizeof(*p));
}

static json_t *filter_of(const char *kind, bool with_counts)
{
	json_t *filter = js_object();
	json_t *kinds;

	js_set_bool(filter, "counts", with_counts);
	if (kind) {
		kinds = js_array();
		js_append_str(kinds, kind);
		js_set(filter, "kinds", kinds);
	}
	return filter;
}

/* Lines end at the first empty one; the blobs lie behind it. */
static void find_blobs(struct page *p)
{
	const char *end = memmem(p->data.data, p->data.len, "\n\n", 2);

	if (end)
		p->blob_pos = end - p->data.data + 2;
	else
		p->blob_pos = p->data.len && p->data.data[0] == '\n'
				      ? 1
				      : p->data.len;
}

static int fetch(struct client *c, uint64_t from, uint64_t max, json_t *filter,
		 struct page *ret)
{
	const struct client_call call = {
		.path = CLIENT_ROOT,
		.interface = CLIENT_LEDGER,
		.member = "Fetch",
		.types = "tuo",
		.numbers = { from, max },
		.options = filter,
	};
	CLEANUP(js_freep) json_t *reply = NULL;
	CLEANUP(closep) int fd = -1;
	const char *text;
	int64_t n = 0;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = client_call(c, &call, &reply, &fd);
	if (r)
		return r;
	if (js_str_value(js_at(reply, 1), &text, NULL))
		ret->next = strtoull(text, NULL, 10);
	js_int_value(js_at(reply, 2), &n);
	ret->n = (uint64_t)n;
	r = buf_read_fd(&ret->data, fd, PAGE_MAX);
	if (r < 0) {
		page_deinit(ret);
		return fail(NULL, REESPEC_FAILED,
			    "cannot read fetched records: %s", strerror(-r));
	}
	if (ret->data.len)
		find_blobs(ret);
	return REESPEC_OK;
}

int page_fetch(struct client *c, uint64_t from, uint64_t max, const char *kind,
	       bool with_counts, struct page *ret)
{
	CLEANUP(js_freep) json_t *filter = filter_of(kind, with_counts);

	return fetch(c, from, max, filter, ret);
}

int page_next(struct page *p, struct record *ret, const char **why)
{
	const char *line;
	const char *end;
	size_t len;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!p->data.data || p->pos >= p->data.len)
		return 0;
	line = p->data.data + p->pos;
	if (*line == '\n')
		return 0;
	end = memchr(line, '\n', p->data.len - p->pos);
	len = end ? (size_t)(end - line) : p->data.len - p->pos;
	p->pos += len + 1;
	r = chain_parse_line(line, len, &ret->chain, why);
	if (r < 0)
		return r;
	r = chain_read_body(ret->chain.body, ret->chain.body_len, &ret->head,
			    &ret->json, why);
	if (r < 0) {
		record_deinit(ret);
		return r;
	}
	return 1;
}

int page_blob(struct page *p, size_t len, const void **ret)
{
	if (len > p->data.len - p->blob_pos)
		return -EBADMSG;
	*ret = p->data.data + p->blob_pos;
	p->blob_pos += len;
	return 0;
}

static int walk_page(const struct args *args, struct page *page, uint64_t to,
		     records_on_record on_record, void *userdata)
{
	const char *why = "";
	struct record record;
	int r;

	while ((r = page_next(page, &record, &why)) > 0) {
		int code = REESPEC_OK;

		if (record.head.seq <= to)
			code = on_record(userdata, &record, page);
		record_deinit(&record);
		if (code)
			return code;
	}
	return r < 0 ? fail(args, REESPEC_FAILED,
			    "the daemon sent a record that cannot be read: %s",
			    why)
		     : REESPEC_OK;
}

/* All that passes @filter. */
static int walk(struct client *c, const struct args *args, uint64_t from,
		uint64_t to, json_t *filter, records_on_record on_record,
		void *userdata)
{
	int r;

	while (from <= to) {
		CLEANUP(page_deinit) struct page page = { 0 };
		uint64_t left = to - from + 1;

		r = fetch(c, from, left < PAGE_RECORDS ? left : PAGE_RECORDS,
			  filter, &page);
		if (r)
			return r;
		r = walk_page(args, &page, to, on_record, userdata);
		if (r)
			return r;
		/* With a filter a page may be empty and still move on. */
		if (page.next <= from)
			break;
		from = page.next;
	}
	return REESPEC_OK;
}

int records_walk(struct client *c, const struct args *args, uint64_t from,
		 uint64_t to, const char *kind, bool with_counts,
		 records_on_record on_record, void *userdata)
{
	CLEANUP(js_freep) json_t *filter = filter_of(kind, with_counts);

	return walk(c, args, from, to, filter, on_record, userdata);
}

int records_walk_sample(struct client *c, const struct args *args,
			uint64_t from, uint64_t to, const char *sample,
			records_on_record on_record, void *userdata)
{
	CLEANUP(js_freep) json_t *filter = filter_of("result", false);

	js_set_str(filter, "sample", sample);
	return walk(c, args, from, to, filter, on_record, userdata);
}
