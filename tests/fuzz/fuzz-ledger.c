// SPDX-License-Identifier: GPL-2.0-or-later
/* An export of the ledger, line by line, and a record's body alone. */
#include "ledger/chain.h"

#include "fuzz/fuzz.h"

static void take_line(struct chain_verifier *v, const char *line, size_t len)
{
	struct chain_record r = { 0 };
	struct chain_fault fault = { 0 };
	char hash[CHAIN_HASH_SIZE];
	struct buf blob = { 0 }, text = { 0 };
	const char *why = NULL;

	if (chain_parse_line(line, len, &r, &why) == 0) {
		struct chain_record again = { 0 };

		MUST(chain_write_line(&r, false, &text) == 0);
		MUST(chain_parse_line(text.data, text.len, &again, &why) == 0);
		MUST(again.body_len == r.body_len &&
		     !memcmp(again.body, r.body, r.body_len));
		chain_record_deinit(&again);
		chain_record_deinit(&r);
	} else {
		MUST(why);
	}
	chain_parse_blob_line(line, len, hash, &blob, &why);
	if (chain_verify_line(v, line, len, &fault) != CHAIN_GOOD)
		MUST(fault.verdict != CHAIN_GOOD && fault.why[0]);
	buf_deinit(&text);
	buf_deinit(&blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct chain_verifier v = { 0 };
	struct chain_head head;
	const char *why = NULL;
	json_t *json = NULL;

	if (chain_read_body(at, size, &head, &json, &why) == 0)
		MUST(head.n_blobs <= CHAIN_BLOBS_MAX);
	else
		MUST(why && !json);
	js_free(json);
	while (at < end) {
		const char *eol = memchr(at, '\n', (size_t)(end - at));

		eol = eol ? eol + 1 : end;
		take_line(&v, at, (size_t)(eol - at));
		at = eol;
	}
	return 0;
}
