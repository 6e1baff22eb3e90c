// SPDX-License-Identifier: GPL-2.0-or-later
/* Spectra and methods from files, and the assay of one by the other. */
#include "reespec/measurement.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "assay/method_files.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ledger/seal.h"
#include "reespec/result_parts.h"

static int fail_errno(const struct args *args, const char *path, int r)
{
	return fail(args, r == -ENOENT ? REESPEC_NOT_FOUND : REESPEC_FAILED,
		    "%s: %s", path, strerror(-r));
}

static void name_sample(struct spectrum *s, const struct spectrum_file *f,
			const char *path)
{
	const char *base = strrchr(path, '/');
	char name[256];

	base = base ? base + 1 : path;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
	/* What a file says goes to terminals and pictures. */
	text_show(s->sample, sizeof(s->sample), *f->sample ? f->sample : name);
}

int measurement_spectrum(const struct args *args, const struct spectrum_file *f,
			 const char *path, struct spectrum **ret)
{
	struct spectrum *s;
	double last = (double)f->n_chan - 1;
	int r;

	r = spectrum_new(f->counts, f->n_chan, &s);
	if (r < 0)
		return fail_errno(args, path, r);
	s->live_s = f->live_s;
	s->real_s = f->real_s;
	if (f->live_s > 0) {
		s->icr_cps = f->fast_count / f->live_s;
		s->ocr_cps = f->slow_count / f->live_s;
	}
	if (isfinite(f->kev_per_chan)) {
		s->cal[0] = (struct spectrum_cal){ 0, f->zero_kev };
		s->cal[1] = (struct spectrum_cal){
			last, f->zero_kev + last * f->kev_per_chan
		};
		s->n_cal = 2;
	}
	name_sample(s, f, path);
	snprintf(s->serial, sizeof(s->serial), "%.31s", f->serial);
	snprintf(s->start_time, sizeof(s->start_time), "%.31s", f->start_time);
	*ret = s;
	return REESPEC_OK;
}

static int load_file(const struct args *args, const char *path,
		     struct spectrum_file **ret)
{
	CLEANUP(buf_deinit) struct buf data = { 0 };
	struct scan_error error = { 0 };
	enum spectrum_format format;
	char text[400];
	int r;

	r = buf_read_file(&data, path, SPECTRUM_FILE_MAX);
	if (r == -EFBIG)
		return fail(args, REESPEC_FAILED,
			    "%s: too large for a spectrum file", path);
	if (r < 0)
		return fail_errno(args, path, r);
	r = spectrum_file_recognise(data.data ? data.data : "", data.len,
				    &format, &error);
	if (r == -EBADMSG)
		return fail(args, REESPEC_FAILED, "%s: not a spectrum file: %s",
			    path, error.why);
	if (r < 0)
		return fail_errno(args, path, r);
	r = spectrum_file_parse(data.data, data.len, ret, &error);
	if (r == -EBADMSG) {
		scan_error_text(&error, text, sizeof(text));
		return fail(args, REESPEC_FAILED, "%s:%s (%s)", path, text,
			    spectrum_format_title(format));
	}
	return r < 0 ? fail_errno(args, path, r) : REESPEC_OK;
}

int measurement_load(const struct args *args, const char *path,
		     struct spectrum **ret)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	int r;

	r = load_file(args, path, &f);
	if (!f)
		return r;
	if (isnan(f->kev_per_chan))
		return fail(
			args, REESPEC_FAILED,
			"%s: no energy calibration in this file (%s): write it from a program in which it has one",
			path, spectrum_format_title(f->format));
	if (isnan(f->live_s) || isnan(f->real_s))
		return fail(
			args, REESPEC_FAILED,
			"%s: no %s time in this file (%s): %s", path,
			isnan(f->live_s) ? "live" : "real",
			spectrum_format_title(f->format),
			f->format == SPECTRUM_FORMAT_CSV
				? "put lines `# live_s: SECONDS` and `# real_s: SECONDS` above its columns"
				: "write it from a program in which it has one");
	if (f->n_negative)
		fprintf(stderr,
			"reespec: %s: channels with negative counts, taken as 0: %zu\n",
			path, f->n_negative);
	return measurement_spectrum(args, f, path, ret);
}

/* When counting began, as Amptek's files and the IAEA's have it: local time,
 * the month first. */
static void set_start(struct spectrum_file *f, json_t *body)
{
	struct tm tm;

	if (result_began(body, &tm))
		strftime(f->start_time, sizeof(f->start_time),
			 "%m/%d/%Y %H:%M:%S", &tm);
}

int measurement_of_record(const struct args *args, const struct record *rec,
			  json_t *counts, struct spectrum_file **ret)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	size_t n = js_len(counts);

	if (n == 0 || n > SPECTRUM_FILE_CHANNELS_MAX)
		return fail(args, REESPEC_NOT_FOUND,
			    "record %" PRIu64
			    " (%s) holds no spectrum (" RECORDS_OF_RESULTS ")",
			    rec->head.seq, chain_kind_name(rec->head.kind));
	f = spectrum_file_new(SPECTRUM_FORMAT_MCA);
	if (!f)
		return fail(args, REESPEC_FAILED, "out of memory");
	for (f->n_chan = 0; f->n_chan < n; f->n_chan++) {
		int64_t count = 0;

		js_int_value(js_at(counts, f->n_chan), &count);
		f->counts[f->n_chan] = (uint32_t)count;
	}
	f->live_s = js_number(rec->json, "live_s");
	f->real_s = js_number(rec->json, "real_s");
	f->fast_count = js_number(rec->json, "fast_count");
	f->slow_count = js_number(rec->json, "slow_count");
	/* The axis that the record states. */
	f->zero_kev = js_number(rec->json, "zero_kev");
	f->kev_per_chan = js_number(rec->json, "kev_per_chan");
	js_copy_text(rec->json, "sample", f->sample, sizeof(f->sample));
	snprintf(f->serial, sizeof(f->serial), "%s", rec->head.serial);
	set_start(f, rec->json);
	snprintf(f->remark, sizeof(f->remark),
		 "record %" PRIu64 " of ledger %s, %s", rec->head.seq,
		 rec->head.ledger, rec->head.time);
	*ret = TAKE_PTR(f);
	return REESPEC_OK;
}

const char *const *measurement_method_folders(void)
{
	static const char *folders[4];
	const char *own = getenv("REESPEC_METHODS");
	size_t n = 0;

	if (own && *own)
		folders[n++] = own;
	folders[n++] = "/etc/reespec/methods";
	folders[n++] = "/usr/share/reespec/methods";
	folders[n] = NULL;
	return folders;
}

int measurement_find_method(const struct args *args, const char *name,
			    char *path, size_t size)
{
	const char *const *folders = measurement_method_folders();
	CLEANUP(buf_deinit) struct buf names = { 0 };
	size_t n = strlen(name);

	if (strchr(name, '/') || (n > 4 && !strcmp(name + n - 4, ".ini"))) {
		snprintf(path, size, "%s", name);
		return REESPEC_OK;
	}
	if (method_files_find(folders, name, path, size) == 0)
		return REESPEC_OK;
	method_files_text(folders, &names);
	return fail(args, REESPEC_NOT_FOUND,
		    "no method \"%s\"; there are: %.*s", name, (int)names.len,
		    (const char *)names.data);
}

int measurement_open_calibration(const char *path, struct method *m, char *why,
				 size_t size)
{
	const char *sealed = "";
	int r = 0;

	for (; m && r >= 0; m = m->beside) {
		r = seal_open_calibration(m, &sealed);
		if (r < 0)
			snprintf(why, size, "%s: calibration %s: %s", path,
				 m->calibration.file, sealed);
	}
	return r;
}

int measurement_load_method(const char *path, struct method **ret, char *why,
			    size_t size)
{
	struct method_error error = { 0 };
	int r = method_load(path, ret, &error);

	if (r == -EINVAL && error.line)
		snprintf(why, size, "%s:%d: %s: %s", error.file, error.line,
			 error.key, error.why);
	else if (r == -EINVAL)
		snprintf(why, size, "%s: %s%s%s", error.file, error.key,
			 *error.key ? ": " : "", error.why);
	else if (r < 0)
		snprintf(why, size, "%s: %s", path,
			 *error.why ? error.why : strerror(-r));
	if (r < 0)
		return r;
	r = measurement_open_calibration(path, *ret, why, size);
	if (r < 0)
		*ret = method_free(*ret);
	return r;
}

int measurement_method(const struct args *args, const char *name,
		       struct method **ret)
{
	char path[4096];
	char why[1024];
	int r;

	r = measurement_find_method(args, name, path, sizeof(path));
	if (r)
		return r;
	r = measurement_load_method(path, ret, why, sizeof(why));
	if (r < 0)
		return fail(args,
			    r == -ENOENT ? REESPEC_NOT_FOUND : REESPEC_FAILED,
			    "%s", why);
	return REESPEC_OK;
}

/* @second is NULL for a method of one spectrum. */
static int assay(const struct args *args, const struct method *m,
		 const struct spectrum *first, const struct spectrum *second,
		 struct assay_result **ret)
{
	CLEANUP(assay_engine_freep) struct assay_engine *engine = NULL;
	int r;

	r = assay_engine_new(m, &engine);
	if (r == 0 && second)
		r = assay_engine_run_two(engine, first, second, ret);
	else if (r == 0)
		r = assay_engine_run(engine, first, ret);
	if (r == -EINVAL && engine)
		return fail(args, REESPEC_FAILED, "%s: %s", first->sample,
			    assay_engine_why(engine));
	if (r < 0)
		return fail(args, REESPEC_FAILED, "the assay failed: %s",
			    assay_engine_error(r));
	return REESPEC_OK;
}

int measurement_assay(const struct args *args, const struct method *m,
		      const struct spectrum *s, struct assay_result **ret)
{
	return assay(args, m, s, NULL, ret);
}

int measurement_assay_two(const struct args *args, const struct method *m,
			  const struct spectrum *first,
			  const struct spectrum *second,
			  struct assay_result **ret)
{
	return assay(args, m, first, second, ret);
}
