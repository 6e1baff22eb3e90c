// SPDX-License-Identifier: GPL-2.0-or-later
/* An export of the ledger, line by line, and a record's body alone. */
#include "ledger/chain.h"

#include "fuzz/fuzz.h"

/* That of the example among the seeds. */
static const char known[][CHAIN_KEY_SIZE] = {
	"JcK+Cg3r0l2G2Nn8/p96HPEpwASJhkgPjK2Ymgcz/Ms=",
};

static void judge(struct chain_verifier *v, const char *line, size_t len)
{
	struct chain_fault fault = { 0 };

	if (chain_verify_line(v, line, len, &fault) != CHAIN_GOOD)
		MUST(fault.verdict != CHAIN_GOOD && fault.why[0]);
	if (chain_verify_end(v, &fault) != CHAIN_GOOD)
		MUST(fault.verdict == CHAIN_BAD_KEY && fault.why[0]);
	/* A key that is known from elsewhere stands for nothing unsigned. */
	MUST(!v->is_held || v->n_signatures);
}

static void take_line(const char *line, size_t len)
{
	struct chain_record r = { 0 };
	char hash[CHAIN_HASH_SIZE];
	struct buf blob = { 0 }, text = { 0 };
	const char *why = NULL;

	if (chain_parse_line(line, len, &r, &why) == 0) {
		struct chain_record again = { 0 };

		MUST(chain_write_line(&r, NULL, &text) == 0);
		MUST(chain_parse_line(text.data, text.len, &again, &why) == 0);
		MUST(again.body_len == r.body_len &&
		     !memcmp(again.body, r.body, r.body_len));
		chain_record_deinit(&again);
		chain_record_deinit(&r);
	} else {
		MUST(why);
	}
	chain_parse_blob_line(line, len, hash, &blob, &why);
	buf_deinit(&text);
	buf_deinit(&blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct chain_verifier held = { .known = known, .n_known = 1 };
	struct chain_verifier v = { 0 };
	struct chain_head head, scanned;
	const char *why = NULL;
	json_t *json = NULL;

	if (chain_read_body(at, size, &head, &json, &why) == 0) {
		MUST(head.n_blobs <= CHAIN_BLOBS_MAX);
		MUST(chain_read_body(at, size, &scanned, NULL, &why) == 0);
		MUST(!memcmp(&head, &scanned, sizeof(head)));
	} else {
		MUST(why && !json);
		MUST(chain_read_body(at, size, &scanned, NULL, &why) < 0);
	}
	js_free(json);
	while (at < end) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));

		eol = eol ? eol + 1 : end;
		take_line(at, (size_t)(eol - at));
		judge(&v, at, (size_t)(eol - at));
		judge(&held, at, (size_t)(eol - at));
		at = eol;
	}
	return 0;
}
