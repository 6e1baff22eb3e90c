// SPDX-License-Identifier: GPL-2.0-or-later
/* A spectrum file of Amptek's; what was read is written and read again. */
#include "proto/mca.h"

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(mca_freep) struct mca_file *m = NULL;
	CLEANUP(mca_freep) struct mca_file *again = NULL;
	struct buf text = { 0 };
	struct scan_error err = { 0 };
	char line[512];

	if (mca_parse((const char *)data, size, &m, &err) < 0) {
		MUST(err.why[0]);
		scan_error_text(&err, line, sizeof(line));
		return 0;
	}
	mca_status_get(m, "Fast Count");
	if (mca_write(m, &text) == 0) {
		MUST(mca_parse(text.data, text.len, &again, &err) == 0);
		MUST(again->n_chan == m->n_chan);
		MUST(!memcmp(again->counts, m->counts,
			     m->n_chan * sizeof(*m->counts)));
		MUST(again->n_points == m->n_points);
		MUST(again->n_rois == m->n_rois);
	}
	buf_deinit(&text);
	return 0;
}
