/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds for whatever a parser of spectrum files makes of an input. */
#ifndef TESTS_FUZZ_SPECTRUM_H
#define TESTS_FUZZ_SPECTRUM_H

#include <errno.h>
#include <math.h>

#include "fuzz/fuzz.h"
#include "proto/spectrum_file.h"

static inline void fuzz_spectrum_again(const struct spectrum_file *f,
				       enum spectrum_format format)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *again = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct scan_error err = { 0 };
	int r;

	if (spectrum_file_write(f, format, &text) < 0)
		return;
	r = spectrum_file_parse(text.data, text.len, &again, &err);
	/* Energies that are huge or too close have no place in a file. */
	if (r == -EBADMSG &&
	    (strstr(err.why, "rises") || strstr(err.why, "straight") ||
	     strstr(err.why, "an axis")))
		return;
	MUST(r == 0);
	MUST(again->format == format);
	MUST(again->n_chan == f->n_chan);
	MUST(!memcmp(again->counts, f->counts, f->n_chan * sizeof(*f->counts)));
	MUST(again->live_s == f->live_s || isnan(f->live_s));
}

static inline void fuzz_spectrum(int (*parse)(const char *data, size_t len,
					      struct spectrum_file **ret,
					      struct scan_error *err),
				 const uint8_t *data, size_t size)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	struct scan_error err = { 0 };
	char line[512];

	if (parse((const char *)data, size, &f, &err) < 0) {
		MUST(err.why[0] && !f);
		scan_error_text(&err, line, sizeof(line));
		return;
	}
	MUST(f->n_chan > 0 && f->n_chan <= SPECTRUM_FILE_CHANNELS_MAX);
	MUST(isnan(f->kev_per_chan) ||
	     (f->kev_per_chan > 0 && isfinite(f->zero_kev)));
	fuzz_spectrum_again(f, SPECTRUM_FORMAT_MCA);
	fuzz_spectrum_again(f, SPECTRUM_FORMAT_SPE);
	fuzz_spectrum_again(f, SPECTRUM_FORMAT_MSA);
}

#endif
