/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A state folder of its own for each test, and a ledger in it. */
#ifndef TESTS_UNIT_STATE_DIR_H
#define TESTS_UNIT_STATE_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/archive.h"
#include "ledger/ledger.h"

static inline void state_dir_make(char *path)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, 128, "%.100s/ledger-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(path))
		abort();
}

static inline int state_dir_unlink(const char *path, const struct stat *st,
				   int flag, struct FTW *walk)
{
	(void)st;
	(void)flag;
	(void)walk;
	return remove(path);
}

static inline void state_dir_remove(const char *path)
{
	nftw(path, state_dir_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

/* A spectrum that is another one for each seed. */
static inline void fill_counts(uint32_t *counts, size_t n, uint32_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		counts[i] = (seed >> 20) * (i % 37) / 16;
	}
}

/* Appends a record of @kind with a number in it and, for @n_chan, counts. */
static inline int append_some(struct ledger *l, enum chain_kind kind,
			      uint32_t number, size_t n_chan, uint64_t *ret_seq)
{
	static uint32_t counts[8192];
	CLEANUP(js_freep) json_t *part = js_object();
	struct ledger_spectrum spectrum = { "spectrum", counts, n_chan };
	struct ledger_entry e = {
		.kind = kind,
		.uid = 1000,
		.serial = "38563",
		.part = part,
		.spectra = &spectrum,
		.n_spectra = n_chan ? 1 : 0,
	};

	fill_counts(counts, n_chan, number);
	js_set_uint(part, "number", number);
	js_set_str(part, "text", "Erz \"Nr. 1\"\n\\ \xc3\xa4");
	js_set_real(part, "live_s", 0.1 * number);
	return ledger_append(l, &e, ret_seq, NULL);
}

/* Searches to its end, then has the range go when @hash is given. */
static inline int archive_some(struct ledger *l,
			       const struct ledger_archive *what,
			       const char *hash, uint64_t *ret_last,
			       uint64_t *ret_seq)
{
	CLEANUP(ledger_archiving_stopp) struct ledger_archiving *a = NULL;
	int r;

	r = ledger_archiving_start(l, what, &a);
	while (a && (r = ledger_archiving_step(a, 1, ret_last)) > 0)
		;
	return r < 0 || !hash ? r : ledger_archive(a, hash, 0, "full", ret_seq);
}

#endif
