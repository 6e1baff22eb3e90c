// SPDX-License-Identifier: GPL-2.0-or-later
/* What later records say of an assay or a result. */
#include "reespec/later.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct loading {
	const struct args *args;
	json_t *notes;
};

/* Of a result what it corrects, of an amendment what it names; "": nothing. */
static const char *names(const struct record *r)
{
	return r->head.kind == CHAIN_AMEND
		       ? js_text(r->json, "record")
		       : js_text(js_get(r->json, "reprocessed"), "result");
}

static int note(void *userdata, struct record *r, struct page *page)
{
	static const char *const members[] = { "sample", "sample_kind", "keys",
					       "reason" };
	struct loading *l = userdata;
	json_t *o;
	int e = 0;

	(void)page;
	if (!*names(r))
		return REESPEC_OK;
	o = js_object();
	e |= js_set_u64(o, "by", r->head.seq);
	e |= js_set_str(o, "record", names(r));
	e |= js_set_bool(o, "is_result", r->head.kind != CHAIN_AMEND);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (js_get(r->json, members[i]))
			e |= js_set(o, members[i],
				    js_ref(js_get(r->json, members[i])));
	e |= js_append(l->notes, o);
	return e < 0 ? fail(l->args, REESPEC_FAILED, "out of memory")
		     : REESPEC_OK;
}

int later_load(struct client *c, const struct args *args, uint64_t first_result,
	       struct later *ret)
{
	struct loading l = { .args = args, .notes = js_array() };
	struct records_span span = { 0 };
	int r;

	ret->notes = l.notes;
	r = records_span(c, &span);
	if (ret->until && ret->until < span.last)
		span.last = ret->until;
	if (!r)
		r = records_walk(c, args, span.first, span.last, "amend", false,
				 note, &l);
	if (!r && first_result)
		r = records_walk(c, args, first_result, span.last, "result",
				 false, note, &l);
	return r;
}

void later_deinit(struct later *l)
{
	l->notes = js_free(l->notes);
}

static bool is_result(json_t *entry)
{
	bool is = false;

	js_get_bool(entry, "is_result", &is);
	return is;
}

/* What @seq was computed again from, as far as it was read; "": measured. */
static const char *origin(const struct later *l, const char *seq)
{
	for (size_t i = 0; i < js_len(l->notes); i++) {
		json_t *entry = js_at(l->notes, i);

		if (is_result(entry) && !strcmp(js_text(entry, "by"), seq))
			return js_text(entry, "record");
	}
	return "";
}

/* Whether @named is the record, its assay, or what it was made from. */
static bool is_of(const struct later *l, const struct record *r,
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
	for (size_t i = 0; i < js_len(l->notes) && e >= 0; i++) {
		json_t *entry = js_at(l->notes, i);
		const char *named = js_text(entry, "record");

		if (is_result(entry)) {
			if (!strcmp(named, seq))
				e = js_set_str(r->json, "corrected_by",
					       js_text(entry, "by"));
		} else if (is_of(l, r, named)) {
			e = apply_one(amended, entry, r);
		}
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
	uint64_t first = r->head.seq + 1;
	int code;

	/* What it was made from lies before it. */
	js_get_u64(js_get(r->json, "reprocessed"), "assay", &first);
	if (r->head.kind != CHAIN_RESULT && r->head.kind != CHAIN_ASSAY)
		return REESPEC_OK;
	code = later_load(c, args, r->head.kind == CHAIN_RESULT ? first : 0,
			  &l);
	if (!code && later_apply(&l, r) < 0)
		code = fail(args, REESPEC_FAILED, "out of memory");
	return code;
}
