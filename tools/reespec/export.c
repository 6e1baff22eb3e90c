// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec export: records as the ledger's own lines, or contents as CSV. */
#include "reespec/export.h"

#include <inttypes.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "ledger/copy.h"
#include "reespec/measurement.h"
#include "reespec/output.h"
#include "reespec/records.h"
#include "reespec/result.h"

static const struct option_desc options[] = {
	{ "format", 0, "json|csv|mca|spe", "required, but for a copy" },
	{ "sqlite", 0, "FILE", "a copy for sqlite3, whole or not at all" },
	{ "from", 0, "SEQ", "first record (default: the oldest kept)" },
	{ "to", 0, "SEQ", "last record (default: the newest)" },
	{ "output", 'o', "FILE", "write to a file, whole or not at all" },
	{ "no-spectra", 0, NULL, "leave the spectra out (json)" },
	{ NULL, 0, NULL, NULL },
};

struct export
{
	const struct args *args;
	FILE *file;
	struct copy *copy;
	struct chain_verifier *verifier; /* NULL: not judged here */
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
		return fail(e->args, REESPEC_VERDICT,
			    "record %" PRIu64
			    ": its %s is not the one it names",
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

static int copy_record(void *userdata, struct record *r, struct page *page)
{
	struct export *e = userdata;
	int error;

	error = copy_add_record(e->copy, &r->chain, &r->head);
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

static int fill_copy(struct client *c, struct export *e, uint64_t from,
		     uint64_t to, const char *part)
{
	const char *path = args_get(e->args, "sqlite");
	int r;

	r = records_walk(c, e->args, from, to, NULL, true, copy_record, e);
	if (r)
		return r;
	r = copy_finish(e->copy);
	if (r < 0)
		return fail(e->args, REESPEC_FAILED, "cannot write %s: %s",
			    path, copy_why(e->copy));
	if (rename(part, path) < 0)
		return fail(e->args, REESPEC_FAILED, "cannot write %s: %s",
			    path, strerror(errno));
	return REESPEC_OK;
}

/* Under another name until it is whole; one left by a kill is in the way no
 * longer. */
static int write_copy(struct client *c, const struct args *args, uint64_t from,
		      uint64_t to)
{
	CLEANUP(copy_freep) struct copy *copy = NULL;
	const char *path = args_get(args, "sqlite");
	struct export e = { .args = args };
	char part[4096];
	char why[200] = "";
	int r;

	if (snprintf(part, sizeof(part), "%s.part", path) >= (int)sizeof(part))
		return fail(args, REESPEC_USAGE, "%s: %s", path,
			    strerror(ENAMETOOLONG));
	unlink(part);
	r = copy_new(part, &copy, why, sizeof(why));
	if (r < 0)
		return fail(args, REESPEC_FAILED, "cannot write %s: %s", path,
			    why);
	e.copy = copy;
	r = fill_copy(c, &e, from, to, part);
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

	if (chain_write_line(&r->chain, false, &line) < 0)
		return fail(e->args, REESPEC_FAILED, "out of memory");
	fwrite(line.data, 1, line.len, e->file);
	if (args_has(e->args, "no-spectra"))
		return REESPEC_OK;
	return write_blobs(e, r, page);
}

/* Quotes where RFC 4180 wants them. */
static void put_text(FILE *file, const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, file);
		return;
	}
	fputc('"', file);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', file);
		fputc(*text, file);
	}
	fputc('"', file);
}

static void put_number(FILE *file, json_t *object, const char *key)
{
	double value = NAN;

	js_get_real(object, key, &value);
	if (isfinite(value))
		fprintf(file, ",%.9g", value);
	else
		fputc(',', file);
}

/* "lot=7; origin=..." in one field. */
static void put_keys(FILE *file, json_t *keys)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	const char *key;
	const char *text;
	json_t *value;

	for (void *it = NULL; js_next(keys, &it, &key, &value);)
		if (js_str_value(value, &text, NULL))
			buf_printf(&b, "%s%s=%s", b.len ? "; " : "", key, text);
	if (b.data)
		put_text(file, b.data);
}

static void put_row(FILE *file, const struct record *r, const char *quantity,
		    json_t *values)
{
	json_t *flags = js_get(values, "flags");

	fprintf(file, "%s,%" PRIu64 ",%s,", r->head.ledger, r->head.seq,
		r->head.time);
	put_text(file, js_text(r->json, "sample"));
	fputc(',', file);
	put_text(file, result_method(r->json));
	fprintf(file, ",%s,%s,%u,", r->head.serial,
		r->head.is_simulated ? "simulated" : "measured", r->head.uid);
	put_text(file, quantity);
	put_number(file, values, "content_mg_kg");
	put_number(file, values, "u_mg_kg");
	put_number(file, values, "lc_mg_kg");
	put_number(file, values, "ld_mg_kg");
	fputc(',', file);
	for (size_t i = 0; i < js_len(flags); i++) {
		const char *flag = "";

		js_str_value(js_at(flags, i), &flag, NULL);
		fprintf(file, "%s%s", i ? " " : "", flag);
	}
	fprintf(file, ",%s,", js_text(r->json, "sample_kind"));
	put_keys(file, js_get(r->json, "keys"));
	fputs("\r\n", file);
}

static int export_csv(void *userdata, struct record *r, struct page *page)
{
	struct export *e = userdata;
	json_t *contents = result_contents(r->json);
	json_t *elements = js_get(contents, "elements");
	json_t *values;
	const char *name;

	(void)page;
	for (size_t i = 0; i < js_len(elements); i++)
		put_row(e->file, r, js_text(js_at(elements, i), "symbol"),
			js_at(elements, i));
	for (void *it = NULL;
	     js_next(js_get(contents, "sums"), &it, &name, &values);)
		put_row(e->file, r, name, values);
	return REESPEC_OK;
}

static const struct format {
	const char *name;
	const char *head;
	const char *kind;
	records_on_record on_record; /* NULL: a spectrum's own file */
	enum spectrum_format spectrum;
} formats[] = {
	{ "json", NULL, NULL, export_json, 0 },
	{ "csv",
	  "ledger,seq,time,sample,method,serial,origin,operator_uid,quantity,content_mg_kg,u_mg_kg,lc_mg_kg,ld_mg_kg,flags,sample_kind,keys\r\n",
	  "result", export_csv, 0 },
	{ "mca", NULL, NULL, NULL, SPECTRUM_FORMAT_MCA },
	{ "spe", NULL, NULL, NULL, SPECTRUM_FORMAT_SPE },
};

static const struct format *find_format(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].name, name))
			return &formats[i];
	return NULL;
}

static int write_records(struct client *c, const struct args *args,
			 const struct format *format, uint64_t from,
			 uint64_t to)
{
	CLEANUP(output_deinit) struct output output = { 0 };
	struct export e = { .args = args };
	bool has_counts = !format->kind && !args_has(args, "no-spectra");
	int r;

	r = output_open(&output, args, args_get(args, "output"));
	if (r)
		return r;
	e.file = output.file;
	if (format->head)
		fputs(format->head, e.file);
	r = records_walk(c, args, from, to, format->kind, has_counts,
			 format->on_record, &e);
	if (r)
		return r;
	return output_commit(&output, args);
}

/* The spectrum of one record as a file for other programs. */
static int write_spectrum(struct client *c, const struct args *args,
			  enum spectrum_format format, uint64_t seq)
{
	CLEANUP(output_deinit) struct output output = { 0 };
	CLEANUP(record_deinit) struct record record = { 0 };
	CLEANUP(js_freep) json_t *counts = NULL;
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	int r;

	r = records_get(c, args, seq, &record, &counts);
	if (!r)
		r = measurement_of_record(args, &record, counts, &f);
	if (r)
		return r;
	if (spectrum_file_write(f, format, &text) < 0)
		return fail(args, REESPEC_FAILED,
			    "record %" PRIu64
			    ": its spectrum does not fit into a %s file",
			    seq, spectrum_format_title(format));
	r = output_open(&output, args, args_get(args, "output"));
	if (r)
		return r;
	fwrite(text.data, 1, text.len, output.file);
	return output_commit(&output, args);
}

int export_verified(struct client *c, const struct args *args, uint64_t from,
		    uint64_t to, struct chain_verifier *v)
{
	CLEANUP(output_deinit) struct output output = { 0 };
	struct export e = { .args = args, .verifier = v };
	int r;

	r = output_open(&output, args, args_get(args, "output"));
	if (r)
		return r;
	e.file = output.file;
	r = records_walk(c, args, from, to, NULL, true, export_json, &e);
	return r ? r : output_commit(&output, args);
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	const char *name = args_get(args, "format");
	const struct format *format = find_format(name);
	const bool is_copy = args_has(args, "sqlite");
	unsigned long long from = 0;
	unsigned long long to = 0;
	struct records_span span;
	int r;

	if (!format && !is_copy)
		return fail(
			args, REESPEC_USAGE,
			name ? "--format %s: want json, csv, mca or spe"
			     : "--format is required: json, csv, mca or spe%s",
			name ? name : "");
	if (is_copy && (name || args_has(args, "output")))
		return fail(
			args, REESPEC_USAGE,
			"--sqlite FILE is a format and an output by itself");
	r = args_count(args, "from", 1, UINT64_MAX, &from);
	if (!r)
		r = args_count(args, "to", 1, UINT64_MAX, &to);
	if (r)
		return r;
	if (from && to && from > to)
		return fail(args, REESPEC_USAGE,
			    "--from %llu lies behind --to %llu", from, to);
	if (!is_copy && !format->on_record && (!from || to != from))
		return fail(
			args, REESPEC_USAGE,
			"--format %s writes the spectrum of one record: --from and --to must name it",
			name);
	r = client_open(&c, args);
	if (r)
		return r;
	r = records_span(c, &span);
	if (r)
		return r;
	if (from > span.last)
		return fail(args, REESPEC_NOT_FOUND,
			    "no record %llu: the ledger ends at %" PRIu64, from,
			    span.last);
	if (!is_copy && !format->on_record)
		return write_spectrum(c, args, format->spectrum, from);
	from = from ? from : span.first;
	to = to && to < span.last ? to : span.last;
	return is_copy ? write_copy(c, args, from, to)
		       : write_records(c, args, format, from, to);
}

const struct command command_export = {
	.name = "export",
	.operands = "",
	.summary = "write records as JSON lines or contents as CSV",
	.text = "Writes records to stdout or to a file. json: the ledger's own export\n"
		"lines, {\"prev\",\"hash\",\"sig\",\"body\"} with the exact bytes that were\n"
		"hashed, each followed by the spectra it names in base64; anyone can verify\n"
		"them (reespec verify FILE, or sha256sum and openssl). csv: one line for\n"
		"each content of each result. mca, spe: the spectrum of the one record\n"
		"that --from and --to name. --sqlite FILE: a database that any sqlite3 reads,\n"
		"with tables record and spectrum and views assay, reading and result.",
	.options = options,
	.run = run,
};
