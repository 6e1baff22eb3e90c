// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec verify: the ledger by the daemon, or an export by itself. */
#include "reespec/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "reespec/json_out.h"
#include "reespec/print.h"
#include "reespec/records.h"
#include "reespec/trust.h"

/* A ledger of years is read in full. */
#define VERIFY_S 3600

static const struct option_desc options[] = {
	{ "key", 0, "KEY",
	  "public key (base64, or a file) that must have signed" },
	{ "head", 0, "HASH", "hash that the last record must have" },
	{ NULL, 0, NULL, NULL },
};

/* What an operator does about a record that is not good. */
static const char *what_next(const struct args *args, const char *why)
{
	if (strstr(why, "another key"))
		return "reespec key in the laboratory shows the right one";
	if (args->n_operands)
		return "take the file again from where it was written: if it fails there, too, it was altered";
	return "leave the state folder as it is, and verify the last backup";
}

/* Good is that @why is empty; @bad is the first bad record, 0 for none. */
static int tell(const struct args *args, uint64_t bad, const char *why,
		const char *head, const struct chain_verifier *v)
{
	const char *what = args->n_operands ? args->operands[0] : "the ledger";
	bool is_good = !bad && !*why;
	int r = REESPEC_OK;

	if (args->is_json)
		r = json_out(args, "reespec-verify/1",
			     js_pack("{s:b, s:o, s:s, s:s, s:o}", "good",
				     is_good, "bad_seq", js_u64(bad), "why",
				     why, "head", head, "records",
				     v ? js_u64(v->n_records) : js_null()));
	else if (is_good)
		printf("%sgood%s     head %s\n",
		       print_style(stdout, PRINT_GOOD),
		       print_style(stdout, PRINT_PLAIN), head);
	if (r || is_good)
		return r;
	if (!bad)
		return fail(args, REESPEC_VERDICT, "%s: %s", what, why);
	return fail(args, REESPEC_VERDICT, "%s: record %" PRIu64 ": %s (%s)",
		    what, bad, why, what_next(args, why));
}

static void print_file(const struct chain_verifier *v, const char *beside)
{
	char fingerprint[CHAIN_FINGERPRINT_SIZE] = "none";

	if (*v->key)
		chain_fingerprint(v->key, fingerprint);
	printf("ledger   %s\n", v->ledger);
	printf("records  %" PRIu64 " to %" PRIu64 "\n", v->first_seq,
	       v->next_seq - 1);
	printf("signed   %" PRIu64 " good, %" PRIu64 " without a known key\n",
	       v->n_signatures, v->n_unchecked);
	printf("spectra  %" PRIu64 "\n", v->n_blobs);
	printf("key      %s\n", fingerprint);
	if (*beside)
		printf("beside   %s: said of it under no signature\n", beside);
}

/* Anybody can make hashes that agree. */
static const char *doubt(const struct chain_verifier *v)
{
	if (!v->n_unchecked || v->n_signatures)
		return "";
	return "its hashes agree, but no signature was checked: only --key KEY, "
	       "as reespec key of the laboratory shows it, or its file in "
	       "/etc/reespec/keys tells who signed";
}

/* @beside: what the file tells more than its records, "" for nothing. */
static int judge(const struct args *args, struct chain_verifier *v,
		 struct chain_fault *fault, const char *beside)
{
	const char *wanted = args_get(args, "head");

	if (fault->verdict == CHAIN_GOOD && v->n_records == 0) {
		fault->verdict = CHAIN_BAD_LINE;
		snprintf(fault->why, sizeof(fault->why), "holds no record");
		fault->seq = 1;
	}
	if (fault->verdict == CHAIN_GOOD)
		chain_verify_end(v, fault);
	if (fault->verdict == CHAIN_GOOD && wanted && strcmp(wanted, v->head)) {
		fault->verdict = CHAIN_BAD_HEAD;
		fault->seq = v->next_seq;
		snprintf(fault->why, sizeof(fault->why),
			 "it ends in another record than %s", wanted);
	}
	if (fault->verdict == CHAIN_GOOD && !args->is_json)
		print_file(v, beside);
	if (fault->verdict == CHAIN_GOOD)
		return tell(args, 0, doubt(v), v->head, v);
	return tell(args, fault->seq ? fault->seq : 1, fault->why, v->head, v);
}

/* ---- the ledger, trusting nobody ------------------------------------------ */

struct walk {
	struct chain_verifier v;
	struct chain_fault fault;
};

static int find_blob(struct walk *w, uint64_t seq)
{
	w->fault.verdict = CHAIN_BAD_BLOB;
	w->fault.seq = seq;
	snprintf(w->fault.why, sizeof(w->fault.why),
		 "a spectrum it names is missing or altered");
	return REESPEC_VERDICT;
}

/* Ends the walk with REESPEC_VERDICT at a fault, which judge() will tell. */
static int check(void *userdata, struct record *r, struct page *page)
{
	struct walk *w = userdata;
	char sha256[CHAIN_HASH_SIZE];
	const void *data;

	if (chain_verify_record(&w->v, &r->chain, NULL, &w->fault))
		return REESPEC_VERDICT;
	for (size_t i = 0; i < r->head.n_blobs; i++) {
		if (page_blob(page, r->head.blobs[i].len, &data) < 0)
			return find_blob(w, r->head.seq);
		chain_sha256(data, r->head.blobs[i].len, sha256);
		if (strcmp(sha256, r->head.blobs[i].sha256))
			return find_blob(w, r->head.seq);
		w->v.n_blobs++;
	}
	return REESPEC_OK;
}

/* Every record is fetched and judged here, by keys that are known. */
static int verify_fetched(const struct args *args, const struct trust *trust)
{
	CLEANUP(client_closep) struct client *c = NULL;
	struct walk w = { 0 };
	struct records_span span = { 0 };
	int r;

	trust_hold(trust, &w.v);
	r = client_open(&c, args);
	if (!r)
		r = records_span(c, &span);
	if (!r)
		r = records_walk(c, args, span.first, span.last, NULL, true,
				 check, &w);
	if (r && w.fault.verdict == CHAIN_GOOD)
		return r;
	return judge(args, &w.v, &w.fault, "");
}

/* ---- the ledger, by the daemon -------------------------------------------- */

static int print_key(struct client *c, const struct args *args)
{
	CLEANUP(js_freep) json_t *ledger = NULL;
	char fingerprint[CHAIN_FINGERPRINT_SIZE] = "none";
	const char *key = "";
	int r;

	if (args->is_json)
		return REESPEC_OK;
	r = client_properties(c, CLIENT_ROOT, CLIENT_LEDGER, &ledger);
	if (r)
		return r;
	js_get_str(ledger, "Key", &key);
	chain_fingerprint(key, fingerprint);
	printf("key      %s\n", fingerprint);
	return REESPEC_OK;
}

static int verify_ledger(const struct args *args, const struct trust *trust)
{
	CLEANUP(client_closep) struct client *c = NULL;
	CLEANUP(js_freep) json_t *reply = NULL;
	const struct client_call call = {
		.path = CLIENT_ROOT,
		.interface = CLIENT_LEDGER,
		.member = "Verify",
		.timeout_s = VERIFY_S,
	};
	const char *head = "";
	const char *why = "";
	const char *bad = "0";
	const char *wanted = args_get(args, "head");
	int r;

	if (trust->n)
		return verify_fetched(args, trust);
	r = client_open(&c, args);
	if (r)
		return r;
	r = client_call(c, &call, &reply, NULL);
	if (r)
		return r;
	js_str_value(js_at(reply, 0), &bad, NULL);
	js_str_value(js_at(reply, 1), &why, NULL);
	js_str_value(js_at(reply, 2), &head, NULL);
	r = print_key(c, args);
	if (!r)
		r = tell(args, strtoull(bad, NULL, 10), why, head, NULL);
	if (!r && wanted && strcmp(wanted, head))
		return fail(
			args, REESPEC_VERDICT,
			"the ledger ends in %s, not in %s: records came or went (reespec log shows the newest)",
			head, wanted);
	return r;
}

/* ---- the code of a page --------------------------------------------------- */

struct code {
	char ledger[CHAIN_ID_SIZE];
	char seq[21];
	char hash[CHAIN_HASH_SIZE];
	char sig[89];
};

/* As certificate.c writes it. */
static bool read_code(const char *text, struct code *ret)
{
	return sscanf(text,
		      "reespec ledger %32[0-9a-f] record %20[0-9] sha256 %64[0-9a-f] sig %88[A-Za-z0-9+/=]",
		      ret->ledger, ret->seq, ret->hash, ret->sig) == 4;
}

/* ---- a file ------------------------------------------------------------- */

/* Names of spectra: those the records name, and those that came. */
struct names {
	struct name {
		char sha256[CHAIN_HASH_SIZE];
		uint64_t seq; /* of the record that names it */
	} * list;
	size_t n;
	size_t n_alloc;
};

struct export_file {
	struct chain_verifier v;
	struct chain_fault fault;
	struct names named;
	struct names seen;
	size_t n_lines;
	char beside[160]; /* members of its first line that nobody signed */
	bool is_other; /* no export at all */
	char first[400]; /* its first line then */
};

static void export_file_deinit(struct export_file *f)
{
	free(f->named.list);
	free(f->seen.list);
}

static int note(struct names *names, const char *sha256, uint64_t seq)
{
	struct name *grown;

	if (names->n == names->n_alloc) {
		names->n_alloc = names->n_alloc ? 2 * names->n_alloc : 64;
		grown = realloc(names->list,
				names->n_alloc * sizeof(*names->list));
		if (!grown)
			return -ENOMEM;
		names->list = grown;
	}
	strcpy(names->list[names->n].sha256, sha256);
	names->list[names->n++].seq = seq;
	return 0;
}

/* 0 to go on, 1 at a fault, or -errno. */
static int find(struct export_file *f, enum chain_verdict verdict, uint64_t seq,
		const char *why)
{
	f->fault.verdict = verdict;
	f->fault.seq = seq;
	snprintf(f->fault.why, sizeof(f->fault.why), "%s", why);
	return 1;
}

static int take_record(struct export_file *f, const char *line, size_t len)
{
	CLEANUP(chain_record_deinit) struct chain_record record = { 0 };
	struct chain_head head;
	const char *why = "";
	int r;

	r = chain_parse_line(line, len, &record, &why);
	if (r < 0)
		return find(f, CHAIN_BAD_LINE, f->v.next_seq, why);
	if (chain_verify_record(&f->v, &record, &head, &f->fault))
		return 1;
	for (size_t i = 0; i < head.n_blobs && r >= 0; i++)
		r = note(&f->named, head.blobs[i].sha256, head.seq);
	return r;
}

static int take_line(struct export_file *f, const char *line, size_t len)
{
	CLEANUP(buf_deinit) struct buf blob = { 0 };
	char sha256[CHAIN_HASH_SIZE];
	const char *why = "out of memory";
	int r;

	r = chain_parse_blob_line(line, len, sha256, &blob, &why);
	if (r == -ENOENT)
		return take_record(f, line, len);
	if (r < 0)
		return find(f, CHAIN_BAD_LINE, f->v.next_seq, why);
	f->v.n_blobs++;
	return note(&f->seen, sha256, 0);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->sha256,
		      ((const struct name *)b)->sha256);
}

/* An export may leave out all spectra, but not some. */
static int find_missing(struct export_file *f)
{
	if (!f->seen.n)
		return 0;
	qsort(f->seen.list, f->seen.n, sizeof(*f->seen.list), compare_names);
	for (size_t i = 0; i < f->named.n; i++)
		if (!bsearch(&f->named.list[i], f->seen.list, f->seen.n,
			     sizeof(*f->seen.list), compare_names))
			return find(f, CHAIN_BAD_BLOB, f->named.list[i].seq,
				    "a spectrum it names is missing");
	return 0;
}

/* Whether it begins as an export line does; one that was altered is still
 * one, and is judged. */
static bool is_export(const char *line)
{
	return *line == '{' && strstr(line, "\"prev\"");
}

/* A certificate tells more than its record. */
static void note_beside(struct export_file *f, const char *line, size_t len)
{
	static const char *const own = " prev hash sig body ";
	CLEANUP(js_freep) json_t *o = NULL;
	const char *key;
	json_t *value;
	size_t n = 0;

	if (js_parse(line, len, &o, NULL) < 0)
		return;
	for (void *it = NULL; js_next(o, &it, &key, &value);) {
		char word[40], shown[40];

		text_show(shown, sizeof(shown), key);
		snprintf(word, sizeof(word), " %.37s ", key);
		if (!strstr(own, word) && n < sizeof(f->beside))
			n += (size_t)snprintf(f->beside + n,
					      sizeof(f->beside) - n, "%s%s",
					      n ? ", " : "", shown);
	}
}

static int walk_lines(FILE *file, struct export_file *f)
{
	CLEANUP(freep) char *line = NULL;
	size_t alloc = 0;
	ssize_t len;
	int r = 0;

	while (!r && (len = getline(&line, &alloc, file)) > 0) {
		if (!f->n_lines++ && !is_export(line)) {
			f->is_other = true;
			snprintf(f->first, sizeof(f->first), "%s", line);
			return 0;
		}
		if (f->n_lines == 1)
			note_beside(f, line, (size_t)len);
		r = take_line(f, line, (size_t)len);
	}
	f->is_other = !r && !f->n_lines && !ferror(file);
	if (!r && ferror(file))
		return -errno;
	return r ? r : find_missing(f);
}

/* What the code on a certificate's page says: that this hash was signed. What
 * the page says beside it only the record tells. */
static int verify_code(const struct args *args, const struct trust *trust,
		       const struct code *code)
{
	char fingerprint[CHAIN_FINGERPRINT_SIZE];

	if (!trust->n)
		return tell(
			args, 0,
			"a code names no key: only --key KEY, as reespec key of the laboratory shows it, or its file in /etc/reespec/keys tells who signed",
			code->hash, NULL);
	for (size_t i = 0; i < trust->n; i++) {
		if (chain_verify_sig(trust->keys[i], code->hash, code->sig) ||
		    chain_fingerprint(trust->keys[i], fingerprint) < 0)
			continue;
		if (!args->is_json)
			printf("says     record %s of ledger %s\nkey      %s\n",
			       code->seq, code->ledger, fingerprint);
		if (!args->is_json)
			print_flow(
				stdout, PRINT_PLAIN, "",
				"A record of this hash was signed. Whether the page says what is in it, the record tells: reespec report --json writes it.");
		return tell(args, 0, "", code->hash, NULL);
	}
	return tell(args, strtoull(code->seq, NULL, 10),
		    "no known key has signed it", code->hash, NULL);
}

static int verify_file(const struct args *args, const struct trust *trust,
		       const char *path)
{
	CLEANUP(export_file_deinit) struct export_file f = { 0 };
	CLEANUP(fclosep) FILE *file = NULL;
	struct code code;
	int r;

	trust_hold(trust, &f.v);
	file = fopen(path, "re");
	if (!file)
		return fail(args,
			    errno == ENOENT ? REESPEC_NOT_FOUND
					    : REESPEC_FAILED,
			    "%s: %s", path, strerror(errno));
	r = walk_lines(file, &f);
	if (r < 0)
		return fail(args, REESPEC_FAILED, "%s: %s", path, strerror(-r));
	if (f.is_other && read_code(f.first, &code))
		return verify_code(args, trust, &code);
	if (f.is_other)
		return fail(
			args, REESPEC_USAGE,
			"%s: no export of a ledger: want a file of reespec export --format json, backup, archive or report --json, or the text of a page's code",
			path);
	return judge(args, &f.v, &f.fault, f.beside);
}

int verify_export(const struct args *args, const char *path)
{
	CLEANUP(trust_deinit) struct trust trust = { 0 };
	int r = trust_load(args, &trust);

	return r ? r : verify_file(args, &trust, path);
}

static int run(const struct args *args)
{
	CLEANUP(trust_deinit) struct trust trust = { 0 };
	int r;

	if (args->n_operands)
		return verify_export(args, args->operands[0]);
	r = trust_load(args, &trust);
	return r ? r : verify_ledger(args, &trust);
}

const struct command command_verify = {
	.name = "verify",
	.operands = "[FILE]",
	.summary = "check the ledger, or an export of it",
	.text = "Checks hashes, numbers, signatures and spectra of the whole ledger by the\n"
		"daemon; with a known key by fetching every record and judging it here; or of\n"
		"an export FILE, for which no daemon is needed. Of the text of the code on a\n"
		"certificate's page it checks the signature. Known is the key of --key,\n"
		"else those in /etc/reespec/keys. Ends with exit status 6 at the first record\n"
		"that is wrong.",
	.n_max = 1,
	.options = options,
	.run = run,
};
