// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What people say of records: amendments and signatures.
 *
 * Nothing is changed by them. Each is a record of its own that names the old
 * by number and hash, so it says what it was said of, with who and why.
 */
#include "bus/ledger_object.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "bus/batch.h"
#include "bus/caller.h"
#include "bus/errors.h"
#include "bus/options.h"
#include "bus/order.h"
#include "bus/service.h"

/* "an assay or a result": the kinds of a set, for a refusal. */
static void name_kinds(uint32_t kinds, char *text, size_t size)
{
	bool is_first = true;
	size_t len = 0;

	for (int i = 0; i < CHAIN_N_KINDS && len < size; i++) {
		const char *name = chain_kind_name(i);

		if (!(kinds & 1U << i))
			continue;
		len += (size_t)snprintf(text + len, size - len, "%s%s %s",
					is_first ? "" : " or ",
					strchr("aeiou", *name) ? "an" : "a",
					name);
		is_first = false;
	}
}

int ledger_object_get(struct service *s, uint64_t seq, uint32_t kinds,
		      struct ledger_object_record *ret, sd_bus_error *error)
{
	struct ledger_object_record o = { 0 };
	char wanted[128] = "";
	int r;

	r = ledger_get(s->ledger, seq, &o.chain, &o.head, &o.body);
	if (r == -ENOENT)
		return sd_bus_error_set(error, ERROR_NO_RECORD,
					ledger_why(s->ledger));
	if (r < 0)
		return ledger_object_error(s, "", -EIO, error);
	if (!(kinds & 1U << o.head.kind)) {
		name_kinds(kinds, wanted, sizeof(wanted));
		r = sd_bus_error_setf(error, ERROR_WRONG_KIND,
				      "record %llu is of kind %s, not %s",
				      (unsigned long long)seq,
				      chain_kind_name(o.head.kind), wanted);
		ledger_object_record_deinit(&o);
		return r;
	}
	*ret = o;
	return 0;
}

void ledger_object_record_deinit(struct ledger_object_record *o)
{
	chain_record_deinit(&o->chain);
	o->body = js_free(o->body);
}

/* What waits goes first, so that a refused record discards itself only. */
int ledger_object_add(struct service *s, const struct ledger_entry *entry,
		      uint64_t *ret_seq, sd_bus_error *error)
{
	int r;

	r = batch_flush(s->batch);
	if (r >= 0) {
		r = batch_add_now(s->batch, entry, ret_seq);
		if (r < 0)
			ledger_discard(s->ledger);
	}
	return r < 0 ? ledger_object_error(s, "", -EIO, error) : 0;
}

/* ---- Amend ----------------------------------------------------------------- */

struct amendment {
	uint64_t seq;
	char sample[129];
	char kind[16];
	json_t *keys;
	const char *reason; /* in the message */
};

static void amendment_deinit(struct amendment *a)
{
	a->keys = js_free(a->keys);
}

static int read_amendment(sd_bus_message *m, struct amendment *a,
			  sd_bus_error *error)
{
	const struct option fields[] = {
		{ "sample", "s", a->sample, 0, sizeof(a->sample), NULL },
		{ "kind", "s", a->kind, 0, sizeof(a->kind), NULL },
		{ "keys", "a{ss}", &a->keys, 0, ORDER_KEYS_LEN, NULL },
	};
	int r;

	r = sd_bus_message_read(m, "t", &a->seq);
	if (r >= 0)
		r = options_read(m, fields, ARRAY_SIZE(fields), error);
	if (r >= 0)
		r = sd_bus_message_read(m, "s", &a->reason);
	if (r >= 0 && a->kind[0])
		r = order_check_kind(a->kind, error);
	if (r >= 0)
		r = order_check_keys(a->keys, error);
	if (r >= 0 && !a->sample[0] && !a->kind[0] && !a->keys)
		r = sd_bus_error_set(error, ERROR_BAD_OPTION,
				     "nothing to amend: one of sample, kind "
				     "and keys is wanted");
	return r < 0 ? r : ledger_object_check_reason(a->reason, error);
}

static json_t *amendment_json(const struct amendment *a, const char *hash)
{
	CLEANUP(js_freep) json_t *part = js_object();
	int e;

	e = js_set_str(part, "what", "amended");
	e |= js_set_u64(part, "record", a->seq);
	e |= js_set_str(part, "hash", hash);
	if (a->sample[0])
		e |= js_set_str(part, "sample", a->sample);
	if (a->kind[0])
		e |= js_set_str(part, "sample_kind", a->kind);
	if (a->keys)
		e |= js_set(part, "keys", js_ref(a->keys));
	e |= js_set_str(part, "reason", a->reason);
	return e < 0 ? NULL : TAKE_PTR(part);
}

static int amend(sd_bus_message *m, uint32_t uid, void *arg,
		 sd_bus_error *error)
{
	CLEANUP(ledger_object_record_deinit)
	struct ledger_object_record old = { 0 };
	CLEANUP(amendment_deinit) struct amendment a = { 0 };
	CLEANUP(js_freep) json_t *part = NULL;
	struct ledger_entry entry = { .kind = CHAIN_AMEND, .uid = uid };
	struct service *s = arg;
	uint64_t seq = 0;
	int r;

	sd_bus_message_rewind(m, 1);
	r = read_amendment(m, &a, error);
	if (r >= 0)
		r = ledger_object_get(s, a.seq,
				      1U << CHAIN_ASSAY | 1U << CHAIN_RESULT,
				      &old, error);
	if (r < 0)
		return r;
	part = amendment_json(&a, old.chain.hash);
	if (!part)
		return -ENOMEM;
	entry.serial = old.head.serial[0] ? old.head.serial : NULL;
	entry.is_simulated = old.head.is_simulated;
	entry.part = part;
	r = ledger_object_add(s, &entry, &seq, error);
	return r < 0 ? r : sd_bus_reply_method_return(m, "t", seq);
}

int ledger_method_amend(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	CLEANUP(amendment_deinit) struct amendment a = { 0 };
	int r;

	/* Wrong arguments are answered before anybody asks for a password. */
	r = read_amendment(m, &a, error);
	return r < 0 ? r
		     : caller_authorize(arg, m, "org.reespec1.amend", amend,
					arg);
}

/* ---- Sign ------------------------------------------------------------------ */

static json_t *signature_json(uint64_t first, uint64_t last, const char *hash,
			      const char *meaning)
{
	CLEANUP(js_freep) json_t *part = js_object();
	int e;

	e = js_set_u64(part, "first", first);
	e |= js_set_u64(part, "last", last);
	e |= js_set_str(part, "hash", hash);
	e |= js_set_str(part, "meaning", meaning);
	return e < 0 ? NULL : TAKE_PTR(part);
}

static int sign(sd_bus_message *m, uint32_t uid, void *arg, sd_bus_error *error)
{
	CLEANUP(ledger_object_record_deinit)
	struct ledger_object_record record = { 0 };
	CLEANUP(js_freep) json_t *part = NULL;
	struct ledger_entry entry = { .kind = CHAIN_SIGNATURE, .uid = uid };
	struct service *s = arg;
	uint64_t first, last, seq = 0;
	const char *meaning;
	int r;

	sd_bus_message_rewind(m, 1);
	r = sd_bus_message_read(m, "tts", &first, &last, &meaning);
	if (r < 0)
		return r;
	if (first < ledger_first(s->ledger) || first > last)
		return ledger_object_error(s, "", -ERANGE, error);
	/* By the chain its hash stands for all before it. */
	r = ledger_object_get(s, last, UINT32_MAX, &record, error);
	if (r < 0)
		return r;
	part = signature_json(first, last, record.chain.hash, meaning);
	if (!part)
		return -ENOMEM;
	entry.part = part;
	r = ledger_object_add(s, &entry, &seq, error);
	return r < 0 ? r : sd_bus_reply_method_return(m, "t", seq);
}

int ledger_method_sign(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	uint64_t first, last;
	const char *meaning;
	int r;

	r = sd_bus_message_read(m, "tts", &first, &last, &meaning);
	if (r >= 0 && !text_valid(meaning, 256))
		return sd_bus_error_set(error, ERROR_BAD_OPTION,
					"a meaning has 1 to 256 bytes, none of "
					"them a control character");
	return r < 0 ? r
		     : caller_authorize(arg, m, "org.reespec1.sign", sign, arg);
}
