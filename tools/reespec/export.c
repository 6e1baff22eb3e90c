// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec export: records as the ledger's own lines, contents, or spectra. */
#include "reespec/export.h"

#include <inttypes.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "ledger/copy.h"
#include "reespec/csv_out.h"
#include "reespec/export_pick.h"
#include "reespec/later.h"
#include "reespec/lis2.h"
#include "reespec/measurement.h"
#include "reespec/output.h"
#include "reespec/records.h"
#include "reespec/staging.h"

#define FORMATS "json, csv, csv-wide, lis2, mca, spe or msa"

static const struct option_desc options[] = {
	{ "format", 0, "json|csv|csv-wide|lis2|mca|spe|msa",
	  "required, but for a copy" },
	{ "sqlite", 0, "FILE", "a copy for sqlite3, whole or not at all" },
	{ "from", 0, "SEQ", "first record (default: the oldest kept)" },
	{ "to", 0, "SEQ", "last record (default: the newest)" },
	{ "sample", 0, "SAMPLE",
	  "results of this sample; * and ? stand for any" },
	{ "sample-kind", 0, "sample|blank|crm|duplicate|drift",
	  "of samples of this kind" },
	{ "method", 'm', "METHOD", "by this method" },
	{ "device", 'd', "SERIAL", "of this spectrometer" },
	{ "since", 0, "TIME", "from this day or time on" },
	{ "before", 0, "TIME", "before this day or time" },
	{ "output", 'o', "FILE", "write to a file, whole or not at all" },
	{ "folder", 0, "FOLDER",
	  "write a file for each result into this folder" },
	{ "name", 0, "PATTERN", "its name there (default: {sample}-{seq})" },
	{ "no-spectra", 0, NULL, "leave the spectra out (json)" },
	{ NULL, 0, NULL, NULL },
};

struct format;

struct export
{
	const struct args *args;
	const struct format *format;
	struct client *client;
	FILE *file;
	struct copy *copy;
	struct chain_verifier *verifier; /* NULL: not judged here */
	struct export_pick pick;
	struct later later; /* none for lines as they were signed */
	json_t *columns; /* of the wide table */
	const char *folder; /* NULL: all in one file */
	struct staging staging; /* of its files */
	bool is_begun; /* the head is written */
	uint64_t n_written;
};

/* The next blob of a page, which must be the one @r names as its @i-th. */
static int take_blob(struct export *e, const struct record *r,
		     struct page *page, size_t i, const void **ret)
{
	const struct chain_blob_ref *blob = &r->head.blobs[i];
	char sha256[CHAIN_HASH_SIZE];

	if (page_blob(page, blob->len, ret) < 0)
		return fail(e->args, REESPEC_FAILED,
			    "record %" PRIu64 ": its %s did not come",
			    r->head.seq, blob->name);
	chain_sha256(*ret, blob->len, sha256);
	if (strcmp(sha256, blob->sha256))
		return fail(
			e->args, REESPEC_VERDICT,
			"record %" PRIu64
			": its %s is not the one it names (reespec verify checks all)",
			r->head.seq, blob->name);
	return REESPEC_OK;
}

static int write_blobs(struct export *e, const struct record *r,
		       struct page *page)
{
	for (size_t i = 0; i < r->head.n_blobs; i++) {
		const struct chain_blob_ref *blob = &r->head.blobs[i];
		CLEANUP(buf_deinit) struct buf line = { 0 };
		const void *data;
		int code;

		code = take_blob(e, r, page, i, &data);
		if (code)
			return code;
		if (chain_write_blob_line(blob->sha256, data, blob->len,
					  &line) < 0)
			return fail(e->args, REESPEC_FAILED, "out of memory");
		fwrite(line.data, 1, line.len, e->file);
	}
	return REESPEC_OK;
}

/* ---- a copy for sqlite3 --------------------------------------------------- */

/* What later records say of it, as rows beside the record itself. */
static int copy_later(struct export *e, struct record *r)
{
	uint64_t by = 0;
	json_t *amended;
	int error;

	if (r->head.kind != CHAIN_RESULT && r->head.kind != CHAIN_ASSAY)
		return 0;
	error = later_apply(&e->later, r);
	amended = js_get(r->json, "amended");
	for (size_t i = 0; i < js_len(amended) && error >= 0; i++) {
		json_t *entry = js_at(amended, i);
		struct copy_amended row = {
			.field = js_text(entry, "field"),
			.now = js_text(entry, "now"),
			.was = js_text(entry, "was"),
			.reason = js_text(entry, "reason"),
		};

		js_get_u64(entry, "by", &row.by);
		error = copy_add_amended(e->copy, r->head.seq, &row);
	}
	if (error >= 0 && !js_get_u64(r->json, "corrected_by", &by))
		error = copy_add_corrected(e->copy, r->head.seq, by);
	return error;
}

static int copy_record(void *userdata, struct record *r, struct page *page)
{
	struct export *e = userdata;
	int error;

	error = copy_add_record(e->copy, &r->chain, &r->head);
	if (error >= 0)
		error = copy_later(e, r);
	for (size_t i = 0; i < r->head.n_blobs && error >= 0; i++) {
		const void *data;
		int code = take_blob(e, r, page, i, &data);

		if (code)
			return code;
		error = copy_add_blob(e->copy, r->head.blobs[i].sha256, data,
				      r->head.blobs[i].len);
	}
	if (error < 0)
		return fail(e->args, REESPEC_FAILED, "cannot write %s: %s",
			    args_get(e->args, "sqlite"), copy_why(e->copy));
	return REESPEC_OK;
}

static int fill_copy(struct export *e, uint64_t from, uint64_t to,
		     const char *part)
{
	const char *path = args_get(e->args, "sqlite");
	int r;

	r = records_walk(e->client, e->args, from, to, NULL, true, copy_record,
			 e);
	if (r)
		return r;
	r = copy_finish(e->copy);
	if (r < 0)
		return fail(e->args, REESPEC_FAILED, "cannot write %s: %s",
			    path, copy_why(e->copy));
	if (rename(part, path) < 0)
		return output_failed(e->args, path, errno);
	return REESPEC_OK;
}

/* Under another name until it is whole; one left by a kill is in the way no
 * longer. */
static int write_copy(struct export *e, uint64_t from, uint64_t to)
{
	CLEANUP(copy_freep) struct copy *copy = NULL;
	const struct args *args = e->args;
	const char *path = args_get(args, "sqlite");
	char part[4096];
	char why[200] = "";
	int r;

	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
		return fail(args, REESPEC_USAGE, "%s: %s", path,
			    strerror(ENAMETOOLONG));
	unlink(part);
	r = copy_new(part, &copy, why, sizeof(why));
	if (r < 0)
		return fail(args, REESPEC_FAILED, "cannot write %s: %s%s", path,
			    why, output_cure(-r));
	e->copy = copy;
	r = fill_copy(e, from, to, part);
	if (r)
		unlink(part);
	return r;
}

/* ---- lines ---------------------------------------------------------------- */

static int export_json(void *userdata, struct record *r, struct page *page)
{
	struct export *e = userdata;
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct chain_fault fault;

	if (e->verifier &&
	    chain_verify_record(e->verifier, &r->chain, NULL, &fault))
		return fail(e->args, REESPEC_VERDICT, "record %" PRIu64 ": %s",
			    fault.seq, fault.why);

	if (chain_write_line(&r->chain, NULL, &line) < 0)
		return fail(e->args, REESPEC_FAILED, "out of memory");
	fwrite(line.data, 1, line.len, e->file);
	if (args_has(e->args, "no-spectra"))
		return REESPEC_OK;
	return write_blobs(e, r, page);
}

static int export_csv(void *userdata, struct record *r, struct page *page)
{
	struct export *e = userdata;

	(void)page;
	csv_long_record(e->file, r);
	return REESPEC_OK;
}

static int export_wide(void *userdata, struct record *r, struct page *page)
{
	struct export *e = userdata;

	(void)page;
	csv_wide_record(e->file, e->columns, r);
	return REESPEC_OK;
}

static int export_lis2(void *userdata, struct record *r, struct page *page)
{
	struct export *e = userdata;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	int error = lis2_write(r->json, &text);

	(void)page;
	/* One that was cut off before a first reading has none. */
	if (error == -EINVAL)
		return REESPEC_OK;
	if (error < 0)
		return fail(e->args, REESPEC_FAILED, "out of memory");
	fwrite(text.data, 1, text.len, e->file);
	return REESPEC_OK;
}

static int amend(const struct export *e, struct record *r)
{
	return later_apply(&e->later, r) < 0
		       ? fail(e->args, REESPEC_FAILED, "out of memory")
		       : REESPEC_OK;
}

static int export_spectrum(void *userdata, struct record *r, struct page *page);

static const struct format {
	const char *name;
	const char *extension;
	records_on_record on_record;
	void (*head)(FILE *out);
	bool is_of_results; /* of other records there is nothing to say */
	bool has_counts; /* they have to come along */
	bool is_spectrum; /* a file holds one */
	enum spectrum_format spectrum;
} formats[] = {
	{ .name = "json",
	  .extension = "jsonl",
	  .on_record = export_json,
	  .has_counts = true },
	{ .name = "csv",
	  .extension = "csv",
	  .on_record = export_csv,
	  .head = csv_long_head,
	  .is_of_results = true },
	{ .name = "csv-wide",
	  .extension = "csv",
	  .on_record = export_wide,
	  .is_of_results = true },
	{ .name = "lis2",
	  .extension = "lis2",
	  .on_record = export_lis2,
	  .is_of_results = true },
	{ .name = "mca",
	  .extension = "mca",
	  .on_record = export_spectrum,
	  .is_spectrum = true,
	  .spectrum = SPECTRUM_FORMAT_MCA },
	{ .name = "spe",
	  .extension = "spe",
	  .on_record = export_spectrum,
	  .is_spectrum = true,
	  .spectrum = SPECTRUM_FORMAT_SPE },
	{ .name = "msa",
	  .extension = "msa",
	  .on_record = export_spectrum,
	  .is_spectrum = true,
	  .spectrum = SPECTRUM_FORMAT_MSA },
};

static const struct format *find_format(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}

/* The spectrum of one record as a file for other programs. */
static int export_spectrum(void *userdata, struct record *r, struct page *page)
{
	struct export *e = userdata;
	CLEANUP(record_deinit) struct record record = { 0 };
	CLEANUP(js_freep) json_t *counts = NULL;
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	enum spectrum_format format = e->format->spectrum;
	int code;

	(void)page;
	code = records_get(e->client, e->args, r->head.seq, &record, &counts);
	if (!code)
		code = amend(e, &record);
	if (!code)
		code = measurement_of_record(e->args, &record, counts, &f);
	if (code)
		return code;
	if (spectrum_file_write(f, format, &text) < 0)
		return fail(e->args, REESPEC_FAILED,
			    "record %" PRIu64
			    ": its spectrum does not fit into a %s file",
			    r->head.seq, spectrum_format_title(format));
	fwrite(text.data, 1, text.len, e->file);
	return REESPEC_OK;
}

/* ---- files ---------------------------------------------------------------- */

static bool has_counts(const struct export *e)
{
	return e->format->has_counts && !args_has(e->args, "no-spectra");
}

static void write_head(struct export *e)
{
	if (e->is_begun)
		return;
	e->is_begun = true;
	if (e->format->head)
		e->format->head(e->file);
	else if (e->columns)
		csv_wide_head(e->file, e->columns);
}

/* One record of several in one file. */
static int write_picked(void *userdata, struct record *r, struct page *page)
{
	struct export *e = userdata;
	int code = amend(e, r);

	if (code || !export_pick_takes(&e->pick, r))
		return code;
	write_head(e);
	e->n_written++;
	return e->format->on_record(e, r, page);
}

static int learn_columns(void *userdata, struct record *r, struct page *page)
{
	struct export *e = userdata;
	int code = amend(e, r);

	(void)page;
	if (!code && export_pick_takes(&e->pick, r) &&
	    csv_wide_learn(e->columns, r->json) < 0)
		return fail(e->args, REESPEC_FAILED, "out of memory");
	return code;
}

static int write_one(struct export *e, uint64_t from, uint64_t to)
{
	CLEANUP(output_deinit) struct output output = { 0 };
	const struct args *args = e->args;
	const char *kind = e->format->is_of_results ? "result" : NULL;
	int r = REESPEC_OK;

	if (e->format->on_record == export_wide) {
		e->columns = js_object();
		r = records_walk(e->client, args, from, to, kind, false,
				 learn_columns, e);
	}
	if (!r)
		r = output_open(&output, args, args_get(args, "output"));
	if (r)
		return r;
	e->file = output.file;
	r = records_walk(e->client, args, from, to, kind, has_counts(e),
			 write_picked, e);
	if (!r && !e->n_written && from == to && kind)
		r = fail(args, REESPEC_NOT_FOUND,
			 "record %" PRIu64 " is no result, or not one of these",
			 from);
	if (r)
		return r;
	write_head(e);
	return output_commit(&output, args);
}

/* Each record its file, whole or not at all. */
static int write_file(struct export *e, struct record *r, struct page *page)
{
	CLEANUP(output_deinit) struct output output = { 0 };
	const char *pattern = args_get(e->args, "name");
	char name[NAME_MAX - 8];
	char path[PATH_MAX];
	int code;

	code = export_name(e->args, pattern ? pattern : "{sample}-{seq}", r,
			   e->format->extension, name, sizeof(name));
	if (!code)
		code = staging_path(&e->staging, name, r->head.seq, path,
				    sizeof(path));
	if (!code)
		code = output_open(&output, e->args, path);
	if (code)
		return code;
	e->file = output.file;
	e->is_begun = false;
	write_head(e);
	code = e->format->on_record(e, r, page);
	if (!code)
		code = output_commit(&output, e->args);
	if (!code)
		e->n_written++;
	return code;
}

static int write_picked_file(void *userdata, struct record *r,
			     struct page *page)
{
	struct export *e = userdata;
	const void *data;
	int code = amend(e, r);

	if (code)
		return code;
	if (!export_pick_takes(&e->pick, r)) {
		/* Its spectra lie before those of the next. */
		for (size_t i = 0; has_counts(e) && i < r->head.n_blobs; i++)
			page_blob(page, r->head.blobs[i].len, &data);
		return REESPEC_OK;
	}
	if (e->format->is_spectrum && !r->head.n_blobs)
		return REESPEC_OK;
	if (e->format->on_record != export_wide)
		return write_file(e, r, page);
	e->columns = js_object();
	code = learn_columns(e, r, page);
	if (!code)
		code = write_file(e, r, page);
	e->columns = js_free(e->columns);
	return code;
}

static int write_folder(struct export *e, uint64_t from, uint64_t to)
{
	int r = staging_open(&e->staging, e->args, e->folder);

	if (!r)
		r = records_walk(e->client, e->args, from, to, "result",
				 has_counts(e), write_picked_file, e);
	if (!r)
		r = staging_commit(&e->staging);
	staging_deinit(&e->staging);
	if (!r)
		fprintf(stderr, "reespec export: %" PRIu64 " file%s in %s\n",
			e->n_written, e->n_written == 1 ? "" : "s", e->folder);
	return r;
}

int export_verified(struct client *c, const struct args *args, const char *path,
		    uint64_t from, uint64_t to, struct chain_verifier *v)
{
	CLEANUP(output_deinit) struct output output = { 0 };
	struct export e = { .args = args, .verifier = v };
	int r;

	r = output_open(&output, args, path);
	if (r)
		return r;
	e.file = output.file;
	r = records_walk(c, args, from, to, NULL, true, export_json, &e);
	return r ? r : output_commit(&output, args);
}

/* What does not go together, each with what does. */
static int check_options(const struct export *e, unsigned long long from,
			 unsigned long long to)
{
	const struct args *args = e->args;
	const char *name = args_get(args, "format");
	bool is_copy = args_has(args, "sqlite");
	bool is_picked = !export_pick_is_any(&e->pick);

	if (is_copy && (name || e->folder || args_has(args, "output")))
		return fail(
			args, REESPEC_USAGE,
			"--sqlite FILE is a format and an output by itself");
	if (e->folder && args_has(args, "output"))
		return fail(args, REESPEC_USAGE,
			    "--folder and --output are two places: want one");
	if (args_has(args, "name") && !e->folder)
		return fail(args, REESPEC_USAGE,
			    "--name names files in a --folder: want both");
	if (from && to && from > to)
		return fail(args, REESPEC_USAGE,
			    "--from %llu lies behind --to %llu", from, to);
	if (e->folder || (!is_copy && e->format->is_of_results))
		return REESPEC_OK;
	if (is_picked && (is_copy || e->format->has_counts))
		return fail(
			args, REESPEC_USAGE,
			"records with gaps between them cannot be verified: pick by --from and --to, or write a --folder of json");
	if (!is_copy && e->format->is_spectrum && (!from || to != from))
		return fail(
			args, REESPEC_USAGE,
			"--format %s writes the spectrum of one record: --from and --to must name it, or --folder take all",
			name);
	return REESPEC_OK;
}

static int read_options(struct export *e, unsigned long long *from,
			unsigned long long *to)
{
	const struct args *args = e->args;
	const char *name = args_get(args, "format");
	int r;

	e->format = find_format(name);
	e->folder = args_get(args, "folder");
	if (name && !e->format)
		return fail(args, REESPEC_USAGE, "--format %s: want " FORMATS,
			    name);
	if (!name && !args_has(args, "sqlite"))
		return fail(args, REESPEC_USAGE,
			    "--format is required: " FORMATS);
	if (args->is_json && (!name || strcmp(name, "json")))
		return fail(args, REESPEC_USAGE,
			    "--json is not for this: --format json is");
	r = args_count(args, "from", 1, UINT64_MAX, from);
	if (!r)
		r = args_count(args, "to", 1, UINT64_MAX, to);
	if (!r)
		r = export_pick_read(args, &e->pick);
	return r ? r : check_options(e, *from, *to);
}

static int write_all(struct export *e, uint64_t from, uint64_t to)
{
	if (!e->format)
		return write_copy(e, from, to);
	if (e->folder)
		return write_folder(e, from, to);
	return write_one(e, from, to);
}

static int run(const struct args *args)
{
	struct export e = { .args = args };
	CLEANUP(client_closep) struct client *c = NULL;
	unsigned long long from = 0;
	unsigned long long to = 0;
	struct records_span span;
	int r;

	r = read_options(&e, &from, &to);
	if (!r)
		r = client_open(&c, args);
	if (!r)
		r = records_span(c, &span);
	if (r)
		return r;
	if (from > span.last)
		return fail(args, REESPEC_NOT_FOUND,
			    "no record %llu: the ledger ends at %" PRIu64, from,
			    span.last);
	e.client = c;
	if (!e.format || e.folder || !e.format->has_counts)
		r = later_load(c, args, span.first, &e.later);
	if (!r)
		r = write_all(&e, from ? from : span.first,
			      to && to < span.last ? to : span.last);
	js_free(e.columns);
	later_deinit(&e.later);
	return r;
}

const struct command command_export = {
	.name = "export",
	.operands = "",
	.summary = "write records as JSON, contents, or spectra to files",
	.text = "Writes records to stdout, to a file, or each result to its own in a folder.\n"
		"json: the ledger's own export lines, {\"prev\",\"hash\",\"sig\",\"body\"} with\n"
		"the exact bytes that were hashed, each followed by the spectra it names in\n"
		"base64; anyone can verify them (reespec verify FILE, or sha256sum and openssl).\n"
		"csv: one line for each content of each result; csv-wide: one for each result.\n"
		"lis2: messages of LIS2-A2 for a LIMS. mca, spe, msa: the spectrum of the one\n"
		"record that --from and --to name. --sqlite FILE: a database that any sqlite3\n"
		"reads, with tables record and spectrum and views assay, reading and result, in\n"
		"which samples, kinds and keys are as amended.",
	.options = options,
	.run = run,
};
