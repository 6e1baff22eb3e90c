// SPDX-License-Identifier: GPL-2.0-or-later
/* A spectrum by what was typed: the number of a record, or a file. */
#include "reespec/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assay/loss.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "reespec/measurement.h"
#include "reespec/result.h"

static int take_record(const struct args *args, uint64_t seq,
		       struct source *ret)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(js_freep) json_t *counts = NULL;
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	int r;

	r = client_open(&c, args);
	if (!r)
		r = records_get(c, args, seq, &ret->record, &counts);
	if (!r)
		r = measurement_of_record(args, &ret->record, counts, &f);
	if (!r)
		r = measurement_spectrum(args, f, f->sample, &ret->spectrum);
	if (r)
		return r;
	ret->spectrum->tube_ua = js_number(ret->record.json, "tube_ua");
	loss_take_keys(ret->spectrum, js_get(ret->record.json, "keys"));
	if (result_contents(ret->record.json))
		snprintf(ret->method, sizeof(ret->method), "%s",
			 result_method(ret->record.json));
	snprintf(ret->name, sizeof(ret->name), "%s, record %" PRIu64,
		 ret->spectrum->sample, seq);
	return REESPEC_OK;
}

static int take_file(const struct args *args, const char *path,
		     struct source *ret)
{
	const char *base = strrchr(path, '/');
	char shown[128];
	int r;

	r = measurement_load(args, path, &ret->spectrum);
	if (r)
		return r;
	snprintf(ret->name, sizeof(ret->name), "%s, %s", ret->spectrum->sample,
		 text_show(shown, sizeof(shown), base ? base + 1 : path));
	return REESPEC_OK;
}

int source_take(const struct args *args, const char *what, struct source *ret)
{
	unsigned long long seq = 0;
	int r;

	if (what[strspn(what, "0123456789")])
		return take_file(args, what, ret);
	r = args_parse_count(args, "SEQ", what, 1, UINT64_MAX, &seq);
	return r ? r : take_record(args, seq, ret);
}

void source_deinit(struct source *s)
{
	s->spectrum = spectrum_free(s->spectrum);
	record_deinit(&s->record);
}
