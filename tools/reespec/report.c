// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec report: a result as a document with all that vouches for it. */
#include "reespec/command.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/certificate.h"
#include "reespec/later.h"
#include "reespec/output.h"
#include "reespec/picture.h"
#include "reespec/pager.h"
#include "reespec/print.h"
#include "reespec/quality.h"
#include "reespec/record_text.h"
#include "reespec/records.h"
#include "reespec/result.h"
#include "reespec/signer.h"

static const struct option_desc options[] = {
	{ "output", 'o', "FILE", "write to a file, whole or not at all" },
	{ "page", 'p', "FILE",
	  "the certificate as a page: .pdf, .svg or .png" },
	{ "known", 0, "FILE", "compare with known contents (CSV)" },
	{ NULL, 0, NULL, NULL },
};

/* Where the values stand. */
#define COLUMN 13

/* A line for grep, which goes on below itself on a terminal. */
__attribute__((__format__(__printf__, 3, 4))) static void
fact(FILE *out, const char *label, const char *format, ...)
{
	char head[32], text[512];
	va_list args;

	snprintf(head, sizeof(head), "%-*s", COLUMN, label);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	print_line(out, PRINT_PLAIN, head, text);
}

static void print_text(FILE *out, const struct record *r,
		       const struct certificate_says *says,
		       const struct known *known)
{
	const char *started = js_text(r->json, "started");
	const char *kind = js_text(r->json, "sample_kind");
	char quality[160];

	quality_text(&says->quality, quality, sizeof(quality));
	fputs("ASSAY REPORT\n\n", out);
	fact(out, "Sample", "%s", js_text(r->json, "sample"));
	later_print(out, r->json, COLUMN);
	if (*kind && strcmp(kind, "sample"))
		fact(out, "Kind", "%s", kind);
	record_text_keys(out, js_get(r->json, "keys"), COLUMN);
	fact(out, "Method", "%s", result_method(r->json));
	fact(out, "Instrument", "%s%s", r->head.serial,
	     r->head.is_simulated ? " (simulated)" : "");
	fact(out, "Operator", "%s (uid %u)",
	     *says->operator ? says->operator : "?", r->head.uid);
	if (*started)
		fact(out, "Started", "%s (%s)", print_local_time(started).text,
		     started);
	fact(out, "Time", "%s (%s)", print_local_time(r->head.time).text,
	     r->head.time);
	fact(out, "Quality", "%s", quality);
	fact(out, "Record", "%" PRIu64 " of ledger %s", r->head.seq,
	     r->head.ledger);
	fact(out, "Hash", "%s", r->chain.hash);
	fact(out, "Signature", "%s", *r->chain.sig ? r->chain.sig : "none");
	fact(out, "Key", "%s", says->key);
	for (size_t i = 0; i < r->head.n_blobs; i++)
		fact(out, "Spectrum", "SHA-256 %s", r->head.blobs[i].sha256);
	result_print(out, r->json, known);
	fprintf(out,
		"\nThe certificate, a page by --page, has k = 2 with U and with each %s.\n",
		PRINT_PM(""));
	fputs("The contents are as printed by the record named above; its export\n"
	      "(reespec export --format json) can be verified without this program.\n",
	      out);
}

/* What later records say of it, or NULL. */
static json_t *later_json(json_t *body)
{
	static const char *const members[] = { "amended", "corrected_by" };
	CLEANUP(js_freep) json_t *later = js_object();

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (js_get(body, members[i]))
			js_set(later, members[i],
			       js_ref(js_get(body, members[i])));
	return js_len(later) ? TAKE_PTR(later) : NULL;
}

static int add_member(struct buf *line, const char *name, json_t *value)
{
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;

	if (js_dump(value, 0, &text, &len) < 0)
		return -ENOMEM;
	line->len -= strlen("}\n");
	return buf_printf(line, ",\"%s\":%s}\n", name, text);
}

/* What the page tells beside the record stands beside the body, which alone is
 * under the signature. */
static int add_beside(struct buf *line, const struct record *r,
		      const struct certificate_says *says)
{
	CLEANUP(js_freep) json_t *later = later_json(r->json);
	CLEANUP(js_freep)
	json_t *beside =
		js_pack("{s:o, s:s}", "quality", quality_json(&says->quality),
			"key", says->key);
	int e = beside ? 0 : -ENOMEM;

	if (e >= 0 && *says->operator)
		e = js_set_str(beside, "operator", says->operator);
	if (e >= 0)
		e = add_member(line, "unsigned", beside);
	if (e >= 0 && later)
		e = add_member(line, "later", later);
	return e;
}

static int print_json(const struct args *args, FILE *out,
		      const struct record *r,
		      const struct certificate_says *says)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };

	/* The export line is the certificate: reespec verify takes it. */
	if (chain_write_line(&r->chain, NULL, &line) < 0 ||
	    add_beside(&line, r, says) < 0)
		return fail(args, REESPEC_FAILED, "out of memory");
	fwrite(line.data, 1, line.len, out);
	return REESPEC_OK;
}

static int write_report(const struct args *args, const struct record *record,
			const struct certificate_says *says)
{
	CLEANUP(output_deinit) struct output output = { 0 };
	struct known known;
	int r;

	r = known_load(args, args_get(args, "known"),
		       js_text(record->json, "sample"), &known);
	if (r)
		return r;
	r = output_open(&output, args, args_get(args, "output"));
	if (r)
		return r;
	if (args->is_json)
		r = print_json(args, output.file, record, says);
	else {
		if (!output.path)
			pager_start(args);
		print_text(output.file, record, says, &known);
	}
	return r ? r : output_commit(&output, args);
}

/* The ledger has the uid; whose it is, this machine knows. */
static void operator_of(const struct record *r, struct certificate_says *says)
{
	const struct passwd *user = getpwuid(r->head.uid);

	snprintf(says->operator, sizeof(says->operator), "%s",
		 user ? user->pw_name : "");
}

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(record_deinit) struct record record = { 0 };
	unsigned long long seq = 0;
	struct certificate_says says = { 0 };
	int r;

	r = args_parse_count(args, "SEQ", args->operands[0], 1, UINT64_MAX,
			     &seq);
	if (r)
		return r;
	r = client_open(&c, args);
	if (r)
		return r;
	r = records_get(c, args, seq, &record, NULL);
	if (r)
		return r;
	if (!result_contents(record.json))
		return fail(
			args, REESPEC_NOT_FOUND,
			"record %llu (%s) holds no contents (" RECORDS_OF_RESULTS
			")",
			seq, chain_kind_name(record.head.kind));
	r = later_of(c, args, &record);
	if (!r)
		r = quality_of(c, args, &record, &says.quality);
	if (!r)
		r = signer_of(c, args, &record, says.key, sizeof(says.key));
	if (r)
		return r;
	operator_of(&record, &says);
	if (args_has(args, "page"))
		r = picture_written(args, args_get(args, "page"),
				    certificate_write(&record, &says,
						      args_get(args, "page")));
	/* The page is in place of text, not of what was asked for besides. */
	if (r || (args_has(args, "page") && !args->is_json &&
		  !args_has(args, "output")))
		return r;
	return write_report(args, &record, &says);
}

const struct command command_report = {
	.name = "report",
	.operands = "SEQ",
	.summary = "write a result as a report: text, page or JSON",
	.text = "Writes the report of result SEQ: sample, method, instrument, operator,\n"
		"times, contents, and its place, hash and signature in the ledger. With\n"
		"--json it is the record's export line, which reespec verify checks; beside the\n"
		"body, under no signature, stand the operator's name, quality control, and what\n"
		"later records say of it. With --page it is a page for people, with a QR code\n"
		"of hash and signature.",
	.n_min = 1,
	.n_max = 1,
	.options = options,
	.run = run,
};
