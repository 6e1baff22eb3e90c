// SPDX-License-Identifier: GPL-2.0-or-later
/* Takes a message of the stream apart. */
#include "bridges/arrival.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* reespec.SITE.LINE.KIND, the kind being the record's own. */
static bool read_subject(struct arrival *a)
{
	char kind[32];
	int n = 0;

	return sscanf(a->msg->subject,
		      STREAM_PREFIX ".%63[^.].%63[^.].%31[^.]%n", a->site,
		      a->line, kind, &n) == 3 &&
	       !a->msg->subject[n] && stream_is_word(a->site) &&
	       stream_is_word(a->line) &&
	       !strcmp(kind, chain_kind_name(a->head.kind));
}

int arrival_read(struct arrival *a, const char **verdict, const char **why)
{
	*verdict = chain_verdict_name(CHAIN_BAD_LINE);
	if (chain_parse_line(a->msg->data, a->msg->len, &a->record, why) < 0)
		return -EBADMSG;
	*verdict = chain_verdict_name(CHAIN_BAD_BODY);
	if (chain_read_body(a->record.body, a->record.body_len, &a->head,
			    &a->body, why) < 0) {
		memset(&a->head, 0, sizeof(a->head));
		return -EBADMSG;
	}
	*verdict = "bad-value";
	*why = "no table holds such a number";
	if (a->head.seq >= INT64_MAX)
		return -EBADMSG;
	*verdict = "bad-subject";
	*why = "its subject is not " STREAM_PREFIX ".SITE.LINE and its kind";
	return read_subject(a) ? 0 : -EBADMSG;
}

void arrival_deinit(struct arrival *a)
{
	chain_record_deinit(&a->record);
	js_free(a->body);
}

bool arrival_is_signed(const struct arrival *a, const char *key)
{
	char own[CHAIN_HASH_SIZE];

	chain_hash(a->record.prev, a->record.body, a->record.body_len, own);
	return !strcmp(own, a->record.hash) && *a->record.sig &&
	       chain_verify_sig(key, own, a->record.sig) == 0;
}
