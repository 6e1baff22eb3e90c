// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The records tell all there is to know: an assay record without a result is
 * an assay that was running or waiting when the daemon ended without a word.
 * Its readings are in the ledger up to the last commit, so the result names
 * the last of them and repeats nothing.
 */
#include "bus/leftover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "bus/batch.h"
#include "bus/messages.h"
#include "bus/service.h"

/* The last reading of what was running is among the last of all instruments;
 * what was waiting has none. */
#define LOOK_BACK 64

/* The last reading of @assay and what it counts: 1, 0 none, -errno. */
static int last_reading(struct ledger *l, uint64_t assay, uint64_t *ret_seq,
			uint64_t *ret_n)
{
	const struct ledger_range range = { .from = assay,
					    .kinds = 1U << CHAIN_READING,
					    .is_descending = true };
	CLEANUP(ledger_cursor_closep) struct ledger_cursor *c = NULL;
	struct chain_record record;
	int r;

	r = ledger_cursor_open(l, &range, &c);
	for (int i = 0; i < LOOK_BACK && r >= 0; i++) {
		CLEANUP(js_freep) json_t *body = NULL;
		uint64_t of = 0;

		r = ledger_cursor_next(c, &record, ret_seq);
		if (r <= 0)
			return r;
		js_parse(record.body, record.body_len, &body, NULL);
		chain_record_deinit(&record);
		js_get_u64(body, "assay", &of);
		if (of == assay && js_get_u64(body, "n", ret_n) >= 0)
			return 1;
	}
	return r < 0 ? r : 0;
}

/* What a result repeats of what was ordered. */
static int copy_identity(json_t *part, const json_t *assay)
{
	static const char *const members[] = { "sample", "sample_kind", "keys",
					       "method" };
	int e = 0;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		json_t *value = js_get(assay, members[i]);

		if (value)
			e |= js_set(part, members[i], js_ref(value));
	}
	return e;
}

static json_t *result_json(struct ledger *l, uint64_t seq, const json_t *assay)
{
	CLEANUP(js_freep) json_t *part = js_object();
	uint64_t reading = 0;
	uint64_t n = 0;
	int e;

	e = js_set_u64(part, "assay", seq);
	e |= copy_identity(part, assay);
	e |= js_set_str(part, "state", "interrupted");
	e |= js_set_str(part, "why", "the daemon ended without a word");
	if (last_reading(l, seq, &reading, &n) > 0) {
		e |= js_set_u64(part, "n_readings", n);
		e |= js_set_u64(part, "last_reading", reading);
	}
	return e < 0 ? NULL : TAKE_PTR(part);
}

static void tell(uint64_t assay, uint64_t seq, const char *serial,
		 const char *sample)
{
	char number[24];
	const struct log_field fields[] = { { "REESPEC_SEQ", number },
					    { "REESPEC_SERIAL", serial },
					    { "REESPEC_SAMPLE", sample },
					    { "REESPEC_VERDICT",
					      "interrupted" },
					    { NULL, NULL } };

	snprintf(number, sizeof(number), "%llu", (unsigned long long)seq);
	log_event(LOG_WARNING, MESSAGE_ASSAY_ENDED, fields,
		  "assay %llu: %s: interrupted: the daemon before this one "
		  "ended without a word",
		  (unsigned long long)assay, sample);
}

static int end(struct service *s, uint64_t assay)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	CLEANUP(js_freep) json_t *body = NULL;
	CLEANUP(js_freep) json_t *part = NULL;
	struct ledger_entry entry = { .kind = CHAIN_RESULT };
	struct chain_head head;
	uint64_t seq = 0;
	int r;

	r = ledger_get(s->ledger, assay, &record, &head, &body);
	if (r < 0)
		return r;
	part = result_json(s->ledger, assay, body);
	if (!part)
		return -ENOMEM;
	entry.uid = head.uid;
	entry.serial = head.serial[0] ? head.serial : NULL;
	entry.is_simulated = head.is_simulated;
	entry.part = part;
	r = batch_add(s->batch, &entry, &seq);
	if (r >= 0)
		tell(assay, seq, head.serial, js_text(body, "sample"));
	return r;
}

void leftover_end_all(struct service *s)
{
	uint64_t seq = 0;
	int r;

	/* What was appended is not committed yet, but behind us. */
	while ((r = ledger_next_open(s->ledger, seq + 1, &seq)) > 0) {
		r = end(s, seq);
		if (r < 0)
			log_error("assay %llu: its end is not recorded: %s",
				  (unsigned long long)seq, strerror(-r));
	}
	if (r < 0)
		log_error("%s", ledger_why(s->ledger));
	batch_flush(s->batch);
}
