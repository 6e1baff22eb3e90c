// SPDX-License-Identifier: GPL-2.0-or-later
/* A record as text: kinds, the opening members of a body, export lines. */
#include "ledger/chain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_scan.h"
#include "base/text.h"

static const struct {
	const char *name;
	bool is_signed;
} kinds[CHAIN_N_KINDS] = {
	[CHAIN_GENESIS] = { "genesis", true },
	[CHAIN_START] = { "start", false },
	[CHAIN_CONFIG] = { "config", false },
	[CHAIN_ASSAY] = { "assay", false },
	[CHAIN_READING] = { "reading", false },
	[CHAIN_RESULT] = { "result", true },
	[CHAIN_INTERRUPTED] = { "interrupted", false },
	[CHAIN_CALIBRATION] = { "calibration", true },
	[CHAIN_CHECK] = { "check", false },
	[CHAIN_AMEND] = { "amend", false },
	[CHAIN_SIGNATURE] = { "signature", false },
	[CHAIN_FAULT] = { "fault", false },
	[CHAIN_CLOCK] = { "clock", false },
	[CHAIN_CHECKPOINT] = { "checkpoint", true },
	[CHAIN_KEY] = { "key", true },
};

const char *chain_kind_name(enum chain_kind kind)
{
	return (unsigned int)kind < CHAIN_N_KINDS ? kinds[kind].name : "?";
}

int chain_kind_parse(const char *name, enum chain_kind *ret)
{
	for (unsigned int i = 0; i < CHAIN_N_KINDS; i++) {
		if (strcmp(kinds[i].name, name))
			continue;
		*ret = (enum chain_kind)i;
		return 0;
	}
	return -ENOENT;
}

bool chain_kind_is_signed(enum chain_kind kind)
{
	return (unsigned int)kind < CHAIN_N_KINDS && kinds[kind].is_signed;
}

void chain_record_deinit(struct chain_record *r)
{
	free(r->body);
	memset(r, 0, sizeof(*r));
}

static int refuse(const char **why, const char *text)
{
	if (why)
		*why = text;
	return -EBADMSG;
}

/* Copies a string member that must fit @size. */
static int copy_str(const json_t *o, const char *key, char *ret, size_t size)
{
	const char *text;

	if (js_get_str(o, key, &text) < 0 || strlen(text) >= size)
		return -EBADMSG;
	strcpy(ret, text);
	return 0;
}

static bool is_hex(const char *s, size_t len)
{
	return strlen(s) == len && strspn(s, "0123456789abcdef") == len;
}

static int read_blobs(const json_t *list, struct chain_head *h)
{
	size_t n = js_len(list);

	if (js_type(list) != JS_ARRAY || !n || n > CHAIN_BLOBS_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		struct chain_blob_ref *b = &h->blobs[i];
		json_t *o = js_at(list, i);

		if (copy_str(o, "name", b->name, sizeof(b->name)) < 0 ||
		    copy_str(o, "sha256", b->sha256, sizeof(b->sha256)) < 0 ||
		    !chain_is_hash(b->sha256) ||
		    js_get_uint(o, "len", &b->len) < 0)
			return -EBADMSG;
	}
	h->n_blobs = n;
	return 0;
}

static int read_head(const json_t *o, struct chain_head *h, const char **why)
{
	json_t *serial = js_get(o, "serial");
	json_t *blobs = js_get(o, "blobs");
	char kind[32];
	uint64_t us;

	if (js_type(o) != JS_OBJECT)
		return refuse(why, "the body is not an object");
	if (copy_str(o, "ledger", h->ledger, sizeof(h->ledger)) < 0 ||
	    !is_hex(h->ledger, CHAIN_ID_SIZE - 1))
		return refuse(why, "no ledger id in the body");
	if (js_get_u64(o, "seq", &h->seq) < 0 || !h->seq)
		return refuse(why, "no seq in the body");
	if (copy_str(o, "time", h->time, sizeof(h->time)) < 0 ||
	    clock_parse(h->time, &us) < 0)
		return refuse(why, "no time in the body");
	if (copy_str(o, "boot", h->boot, sizeof(h->boot)) < 0 ||
	    !is_hex(h->boot, CLOCK_BOOT_ID_SIZE - 1))
		return refuse(why, "no boot id in the body");
	if (js_get_u64(o, "mono_ns", &h->mono_ns) < 0)
		return refuse(why, "no monotonic time in the body");
	if (copy_str(o, "kind", kind, sizeof(kind)) < 0 ||
	    chain_kind_parse(kind, &h->kind) < 0)
		return refuse(why, "no known kind in the body");
	if (js_get_uint(o, "uid", &h->uid) < 0)
		return refuse(why, "no operator uid in the body");
	if (js_type(serial) != JS_NULL &&
	    copy_str(o, "serial", h->serial, sizeof(h->serial)) < 0)
		return refuse(why, "no instrument serial in the body");
	if (js_get_bool(o, "simulated", &h->is_simulated) == -EINVAL)
		return refuse(why, "`simulated` is not a boolean");
	if (blobs && read_blobs(blobs, h) < 0)
		return refuse(why, "the list of blobs is malformed");
	return 0;
}

static bool scan_blobs(const struct js_span *s, struct chain_head *h)
{
	CLEANUP(js_freep) json_t *list = NULL;

	if (!s->at)
		return true;
	return js_parse(s->at, s->len, &list, NULL) >= 0 &&
	       read_blobs(list, h) >= 0;
}

/* The same as read_head() for the bodies that we write ourselves, in a tenth
 * of the time. False: not sure, which is no judgement. */
static bool scan_head(const char *body, size_t len, struct chain_head *h)
{
	enum {
		LEDGER,
		SEQ,
		TIME,
		BOOT,
		MONO_NS,
		KIND,
		UID,
		SERIAL,
		SIMULATED,
		BLOBS,
		N
	};
	static const char *const keys[N] = {
		[LEDGER] = "ledger",
		[SEQ] = "seq",
		[TIME] = "time",
		[BOOT] = "boot",
		[MONO_NS] = "mono_ns",
		[KIND] = "kind",
		[UID] = "uid",
		[SERIAL] = "serial",
		[SIMULATED] = "simulated",
		[BLOBS] = "blobs",
	};
	struct js_span s[N];
	char kind[32];
	uint64_t us;

	if (!js_scan(body, len, keys, N, s))
		return false;
	h->is_simulated = js_span_is(&s[SIMULATED], "true");
	return js_span_str(&s[LEDGER], h->ledger, sizeof(h->ledger)) &&
	       is_hex(h->ledger, CHAIN_ID_SIZE - 1) &&
	       js_span_u64(&s[SEQ], &h->seq) && h->seq &&
	       js_span_str(&s[TIME], h->time, sizeof(h->time)) &&
	       clock_parse(h->time, &us) >= 0 &&
	       js_span_str(&s[BOOT], h->boot, sizeof(h->boot)) &&
	       is_hex(h->boot, CLOCK_BOOT_ID_SIZE - 1) &&
	       js_span_u64(&s[MONO_NS], &h->mono_ns) &&
	       js_span_str(&s[KIND], kind, sizeof(kind)) &&
	       chain_kind_parse(kind, &h->kind) >= 0 &&
	       js_span_uint(&s[UID], &h->uid) &&
	       (js_span_is(&s[SERIAL], "null") ||
		js_span_str(&s[SERIAL], h->serial, sizeof(h->serial))) &&
	       (!s[SIMULATED].at || h->is_simulated ||
		js_span_is(&s[SIMULATED], "false")) &&
	       scan_blobs(&s[BLOBS], h);
}

int chain_read_body(const char *body, size_t len, struct chain_head *ret,
		    json_t **ret_json, const char **why)
{
	CLEANUP(js_freep) json_t *o = NULL;
	struct chain_head h = { 0 };
	int r;

	if (len > CHAIN_BODY_MAX)
		return refuse(why, "the body is too long");
	if (!ret_json && scan_head(body, len, &h)) {
		if (ret)
			*ret = h;
		return 0;
	}
	memset(&h, 0, sizeof(h));
	r = js_parse(body, len, &o, NULL);
	if (r == -EBADMSG)
		return refuse(why, "the body is not JSON");
	if (r < 0)
		return r;
	r = read_head(o, &h, why);
	if (r < 0)
		return r;

	if (ret)
		*ret = h;
	if (ret_json)
		*ret_json = TAKE_PTR(o);
	return 0;
}

/* ---- lines ---------------------------------------------------------------- */

/* `"blobs":[{"sha256":..,"len":..}]` of the record. */
static int write_blobs(const struct chain_head *h, struct buf *ret)
{
	int e = buf_append_str(ret, ",\"blobs\":[");

	for (size_t i = 0; i < h->n_blobs && e >= 0; i++)
		e = buf_printf(ret, "%s{\"sha256\":\"%s\",\"len\":%u}",
			       i ? "," : "", h->blobs[i].sha256,
			       h->blobs[i].len);
	return e < 0 ? e : buf_append_str(ret, "]");
}

static int write_member(struct buf *ret, const char *opening, const char *text,
			size_t len)
{
	int r;

	if (!text_is_utf8(text, len))
		return -EBADMSG;
	r = buf_append_str(ret, opening);
	return r < 0 ? r : js_write_str(ret, text, len);
}

/* Without a tree of values, because it is done to all that is ever read. */
int chain_write_line(const struct chain_record *r,
		     const struct chain_head *head, struct buf *ret)
{
	int e;

	e = write_member(ret, "{\"prev\":", r->prev, strlen(r->prev));
	if (e >= 0)
		e = write_member(ret, ",\"hash\":", r->hash, strlen(r->hash));
	if (e >= 0)
		e = write_member(ret, ",\"sig\":", r->sig, strlen(r->sig));
	if (e >= 0)
		e = write_member(ret, ",\"body\":", r->body, r->body_len);
	if (e >= 0 && head)
		e = write_blobs(head, ret);
	return e < 0 ? e : buf_append_str(ret, "}\n");
}

static int parse_record(const json_t *o, struct chain_record *r,
			const char **why)
{
	const char *body;
	size_t len;

	if (copy_str(o, "prev", r->prev, sizeof(r->prev)) < 0 ||
	    !chain_is_hash(r->prev))
		return refuse(why, "`prev` is not a hash");
	if (copy_str(o, "hash", r->hash, sizeof(r->hash)) < 0 ||
	    !chain_is_hash(r->hash))
		return refuse(why, "`hash` is not a hash");
	if (copy_str(o, "sig", r->sig, sizeof(r->sig)) < 0)
		return refuse(why, "`sig` is not a signature");
	if (!js_str_value(js_get(o, "body"), &body, &len))
		return refuse(why, "no body");
	if (len > CHAIN_BODY_MAX)
		return refuse(why, "the body is too long");

	r->body = malloc(len + 1);
	if (!r->body)
		return -ENOMEM;
	memcpy(r->body, body, len + 1);
	r->body_len = len;
	return 0;
}

static int parse_object(const char *line, size_t len, json_t **ret,
			const char **why)
{
	CLEANUP(js_freep) json_t *o = NULL;
	int r;

	if (len > CHAIN_LINE_MAX)
		return refuse(why, "the line is too long");
	r = js_parse(line, len, &o, NULL);
	if (r == -EBADMSG)
		return refuse(why, "the line is not JSON");
	if (r < 0)
		return r;
	if (js_type(o) != JS_OBJECT)
		return refuse(why, "the line is not a JSON object");
	*ret = TAKE_PTR(o);
	return 0;
}

int chain_parse_line(const char *line, size_t len, struct chain_record *ret,
		     const char **why)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	CLEANUP(js_freep) json_t *o = NULL;
	int r;

	r = parse_object(line, len, &o, why);
	if (r < 0)
		return r;
	r = parse_record(o, &record, why);
	if (r < 0)
		return r;
	*ret = record;
	record.body = NULL;
	return 0;
}

int chain_write_blob_line(const char *sha256, const void *data, size_t len,
			  struct buf *ret)
{
	int r;

	r = buf_printf(ret, "{\"sha256\":\"%s\",\"len\":%zu,\"data\":\"",
		       sha256, len);
	if (r >= 0)
		r = chain_base64_append(ret, data, len);
	return r < 0 ? r : buf_append_str(ret, "\"}\n");
}

int chain_parse_blob_line(const char *line, size_t len,
			  char ret_sha256[CHAIN_HASH_SIZE], struct buf *ret,
			  const char **why)
{
	CLEANUP(js_freep) json_t *o = NULL;
	char name[CHAIN_HASH_SIZE], sha256[CHAIN_HASH_SIZE];
	const char *data;
	uint32_t expected;
	size_t n, n_bytes;
	int r;

	r = parse_object(line, len, &o, why);
	if (r < 0)
		return r;
	if (!js_get(o, "data"))
		return -ENOENT;
	if (copy_str(o, "sha256", name, sizeof(name)) < 0 ||
	    !chain_is_hash(name) || js_get_uint(o, "len", &expected) < 0 ||
	    !js_str_value(js_get(o, "data"), &data, &n))
		return refuse(why, "a blob line without name, length and data");

	r = buf_reserve(ret, n);
	if (r < 0)
		return r;
	if (chain_base64_decode(data, n, ret->data + ret->len, n, &n_bytes) <
		    0 ||
	    n_bytes != expected)
		return refuse(why, "the data of a blob are damaged");
	chain_sha256(ret->data + ret->len, n_bytes, sha256);
	if (strcmp(sha256, name))
		return refuse(why,
			      "a blob does not have the hash it is named by");
	ret->len += n_bytes;
	ret->data[ret->len] = '\0';
	memcpy(ret_sha256, name, sizeof(name));
	return 0;
}
