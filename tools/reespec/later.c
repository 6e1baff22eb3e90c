// SPDX-License-Identifier: GPL-2.0-or-later
/* What later records say of an assay or a result. */
#include "reespec/later.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Of a result what it corrects, of an amendment what it names; "": nothing. */
static const char *names(const struct record *r)
{
	return r->head.kind == CHAIN_AMEND
		       ? js_text(r->json, "record")
		       : js_text(js_get(r->json, "reprocessed"), "result");
}

static int add(json_t **notes, const struct record *r)
{
	static const char *const members[] = { "sample", "sample_kind", "keys",
					       "reason" };
	json_t *o;
	int e = 0;

	if (!*names(r))
		return 0;
	if (!*notes)
		*notes = js_array();
	o = js_object();
	e |= js_set_u64(o, "by", r->head.seq);
	e |= js_set_str(o, "record", names(r));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (js_get(r->json, members[i]))
			e |= js_set(o, members[i],
				    js_ref(js_get(r->json, members[i])));
	e |= js_append(*notes, o);
	return e < 0 ? -ENOMEM : 0;
}

int later_note(struct later *l, const struct record *r)
{
	return add(r->head.kind == CHAIN_AMEND ? &l->amendments : &l->results,
		   r);
}

static int note(void *userdata, struct record *r, struct page *page)
{
	(void)page;
	return later_note(userdata, r) < 0
		       ? fail(NULL, REESPEC_FAILED, "out of memory")
		       : REESPEC_OK;
}

/* What was loaded before is not read again. */
static int load_amendments(struct client *c, const struct args *args,
			   const struct records_span *span, struct later *l)
{
	const uint64_t next = l->loaded + 1;
	int r;

	r = records_walk(c, args, next > span->first ? next : span->first,
			 span->last, "amend", false, note, l);
	if (r)
		later_deinit(l);
	else
		l->loaded = span->last;
	return r;
}

static uint64_t source_of(const struct record *r)
{
	uint64_t seq = 0;

	js_get_u64(js_get(r->json, "reprocessed"), "result", &seq);
	return seq;
}

/* What @r was computed again from, and that one from, one by one: however many
 * results lie between them. */
static int load_origins(struct client *c, const struct args *args,
			const struct records_span *span, const struct record *r,
			struct later *l)
{
	uint64_t seq = source_of(r), before = r->head.seq;
	int e = REESPEC_OK;

	while (!e && seq >= span->first && seq < before) {
		CLEANUP(record_deinit) struct record record = { 0 };

		before = seq;
		e = records_get(c, args, seq, &record, NULL);
		if (!e)
			e = note(l, &record, NULL);
		seq = source_of(&record);
	}
	return e;
}

/* The first record there is, and the last that counts. */
static int find_span(struct client *c, struct later *l,
		     struct records_span *ret)
{
	int r = records_span(c, ret);

	if (l->until && l->until < ret->last)
		ret->last = l->until;
	l->results = js_free(l->results);
	return r;
}

int later_load(struct client *c, const struct args *args, uint64_t first_result,
	       struct later *ret)
{
	struct records_span span = { 0 };
	int r;

	r = find_span(c, ret, &span);
	if (!r)
		r = load_amendments(c, args, &span, ret);
	if (!r && first_result)
		r = records_walk(c, args, first_result, span.last, "result",
				 false, note, ret);
	return r;
}

int later_load_before(struct client *c, const struct args *args,
		      const struct record *r, struct later *ret)
{
	struct records_span span = { 0 };
	int e;

	e = find_span(c, ret, &span);
	if (!e)
		e = load_amendments(c, args, &span, ret);
	return e ? e : load_origins(c, args, &span, r, ret);
}

void later_deinit(struct later *l)
{
	l->amendments = js_free(l->amendments);
	l->results = js_free(l->results);
	l->loaded = 0;
}

/* What @seq was computed again from, as far as it was read; "": measured. */
static const char *origin(const struct later *l, const char *seq)
{
	for (size_t i = 0; i < js_len(l->results); i++) {
		json_t *entry = js_at(l->results, i);

		if (!strcmp(js_text(entry, "by"), seq))
			return js_text(entry, "record");
	}
	return "";
}

bool later_is_of(const struct later *l, const struct record *r,
		 const char *named)
{
	json_t *again = js_get(r->json, "reprocessed");
	char seq[24];

	snprintf(seq, sizeof(seq), "%" PRIu64, r->head.seq);
	if (!strcmp(named, js_text(r->json, "assay")) ||
	    !strcmp(named, js_text(again, "assay")) || !strcmp(named, seq))
		return true;
	for (const char *from = js_text(again, "result"); *from;
	     from = origin(l, from))
		if (!strcmp(named, from))
			return true;
	return false;
}

/* The entry of @field in `amended`, with what was measured in it, once. */
static json_t *entry_of(json_t *amended, const char *field, const char *was)
{
	json_t *entry;

	for (size_t i = 0; i < js_len(amended); i++)
		if (!strcmp(js_text(js_at(amended, i), "field"), field))
			return js_at(amended, i);
	entry = js_object();
	if (js_set_str(entry, "field", field) < 0 ||
	    js_set_str(entry, "was", was) < 0) {
		js_free(entry);
		return NULL;
	}
	return js_append(amended, entry) < 0 ? NULL : entry;
}

/* Amends member @key of @object, which is called @field. */
static int amend(json_t *amended, json_t *by, json_t *object, const char *key,
		 const char *field, const char *now)
{
	json_t *entry = entry_of(amended, field, js_text(object, key));
	int e;

	if (!entry)
		return -ENOMEM;
	e = js_set_str(entry, "now", now);
	e |= js_set_str(entry, "by", js_text(by, "by"));
	e |= js_set_str(entry, "reason", js_text(by, "reason"));
	e |= js_set_str(object, key, now);
	return e < 0 ? -ENOMEM : 0;
}

static int amend_keys(json_t *amended, json_t *by, struct record *r)
{
	const char *name, *text;
	char field[128];
	json_t *value;
	int e = 0;

	if (!js_get(r->json, "keys"))
		e = js_set(r->json, "keys", js_object());
	for (void *it = NULL;
	     e >= 0 && js_next(js_get(by, "keys"), &it, &name, &value);)
		if (js_str_value(value, &text, NULL)) {
			snprintf(field, sizeof(field), "key %s", name);
			e = amend(amended, by, js_get(r->json, "keys"), name,
				  field, text);
		}
	return e;
}

static int apply_one(json_t *amended, json_t *by, struct record *r)
{
	const char *sample = js_text(by, "sample");
	const char *kind = js_text(by, "sample_kind");
	int e = 0;

	if (*sample)
		e |= amend(amended, by, r->json, "sample", "sample", sample);
	if (*kind)
		e |= amend(amended, by, r->json, "sample_kind", "kind", kind);
	if (js_len(js_get(by, "keys")))
		e |= amend_keys(amended, by, r);
	return e;
}

int later_apply(const struct later *l, struct record *r)
{
	json_t *amended;
	char seq[24];
	int e = 0;

	/* Amended already; once more would lose what was measured. */
	if (js_get(r->json, "amended"))
		return 0;
	amended = js_array();
	snprintf(seq, sizeof(seq), "%" PRIu64, r->head.seq);
	for (size_t i = 0; i < js_len(l->results) && e >= 0; i++) {
		json_t *entry = js_at(l->results, i);

		if (!strcmp(js_text(entry, "record"), seq))
			e = js_set_str(r->json, "corrected_by",
				       js_text(entry, "by"));
	}
	for (size_t i = 0; i < js_len(l->amendments) && e >= 0; i++) {
		json_t *entry = js_at(l->amendments, i);

		if (later_is_of(l, r, js_text(entry, "record")))
			e = apply_one(amended, entry, r);
	}
	if (e < 0 || !js_len(amended)) {
		js_free(amended);
		return e;
	}
	return js_set(r->json, "amended", amended);
}

int later_of(struct client *c, const struct args *args, struct record *r)
{
	CLEANUP(later_deinit) struct later l = { 0 };
	int code;

	if (r->head.kind != CHAIN_RESULT && r->head.kind != CHAIN_ASSAY)
		return REESPEC_OK;
	code = later_load_before(c, args, r, &l);
	/* What was made of it has its name. */
	if (!code && r->head.kind == CHAIN_RESULT)
		code = records_walk_sample(c, args, r->head.seq + 1, l.loaded,
					   js_text(r->json, "sample"), note,
					   &l);
	if (!code && later_apply(&l, r) < 0)
		code = fail(args, REESPEC_FAILED, "out of memory");
	return code;
}
