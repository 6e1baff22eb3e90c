// SPDX-License-Identifier: GPL-2.0-or-later
/* Every sample is run as the command would be that names it. */
#include "reespec/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/worklist.h"

/* The instrument may need a moment after the sample before. */
static int add_queue(struct args *to)
{
	return args_has(to, "queue")
		       ? REESPEC_OK
		       : worklist_add_option(to,
					     args_find_option(to->command,
							      "queue", 5, 0),
					     NULL);
}

static int run_row(const struct worklist *w, size_t i, series_run run,
		   bool *ret_stop)
{
	struct worklist_words words;
	struct args args;
	int r;

	r = worklist_args(w, i, &words, &args);
	if (!r)
		r = add_queue(&args);
	return r ? r : run(&args, ret_stop);
}

static void tell_row(const struct worklist *w, const char *path, size_t i)
{
	const char *note = worklist_note(w, i);

	fprintf(stderr, "%s row %zu of %zu: %s", path, i + 1, worklist_n(w),
		worklist_sample(w, i));
	if (worklist_done(w, i))
		fprintf(stderr, ", done as record %llu, %s%s",
			(unsigned long long)worklist_done(w, i),
			worklist_when(w, i),
			worklist_is_rejected(w, i) ? ", rejected" : "");
	fprintf(stderr, "%s%s\n", *note ? ": " : "", note);
}

int series_of_rows(const struct args *args, const char *path, series_run run)
{
	CLEANUP(worklist_closep) struct worklist *w = NULL;
	bool is_stopped = false;
	size_t i, n_rejected = 0;
	int code, r;

	r = worklist_open(args, path, NULL, &w);
	if (r)
		return r;
	for (i = 0; i < worklist_n(w) && !is_stopped; i++) {
		tell_row(w, path, i);
		n_rejected += worklist_is_rejected(w, i);
		if (worklist_done(w, i))
			continue;
		code = run_row(w, i, run, &is_stopped);
		fflush(stdout);
		r = r ? r : code;
	}
	/* Whoever reads the status alone must not take the list for done, as
	 * one that ends with a rejection is. */
	if (i < worklist_n(w))
		return fail(args,
			    !r || r == REESPEC_VERDICT ? REESPEC_FAILED : r,
			    "%s was interrupted: %zu row%s not begun; the "
			    "same command goes on with %s",
			    path, worklist_n(w) - i,
			    worklist_n(w) - i == 1 ? " was" : "s were",
			    worklist_n(w) - i == 1 ? "it" : "them");
	/* Nor may it pass for accepted what an earlier run rejected. */
	if (!r && n_rejected)
		return fail(args, REESPEC_VERDICT,
			    "%s: rejected before: %zu row%s; --again rejected "
			    "measures them again",
			    path, n_rejected, n_rejected == 1 ? "" : "s");
	return r;
}

int series_of_lines(const struct args *args, series_run run)
{
	struct args one = *args;
	bool is_stopped = false;
	char *line = NULL;
	size_t room = 0;
	int code, r = add_queue(&one);

	while (!is_stopped && getline(&line, &room, stdin) > 0) {
		char *sample = line + strspn(line, " \t");

		/* Scanners end a code with either or both. */
		sample[strcspn(sample, "\r\n")] = 0;
		if (!*sample)
			continue;
		one.operands[0] = sample;
		code = run(&one, &is_stopped);
		fflush(stdout);
		r = r ? r : code;
	}
	free(line);
	return r;
}
