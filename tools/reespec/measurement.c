// SPDX-License-Identifier: GPL-2.0-or-later
/* Spectra and methods from files, and the assay of one by the other. */
#include "reespec/measurement.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "proto/mca.h"

static int fail_errno(const struct args *args, const char *path, int r)
{
	return fail(args, r == -ENOENT ? REESPEC_NOT_FOUND : REESPEC_FAILED,
		    "%s: %s", path, strerror(-r));
}

/* A number in a DPP STATUS line, which may carry its unit. */
static double status_number(const struct mca_file *m, const char *name)
{
	const char *text = mca_status_get(m, name);
	double value;
	char *end;

	if (!text)
		return NAN;
	value = strtod(text, &end);
	return end == text ? NAN : value;
}

static void name_sample(struct spectrum *s, const struct mca_file *m,
			const char *path)
{
	const char *base = strrchr(path, '/');
	size_t len;

	/* "live_data" is what the vendor's program writes for no name. */
	if (*m->tag && strcmp(m->tag, "live_data")) {
		snprintf(s->sample, sizeof(s->sample), "%.63s", m->tag);
		return;
	}
	base = base ? base + 1 : path;
	len = strcspn(base, ".");
	snprintf(s->sample, sizeof(s->sample), "%.*s",
		 (int)(len < 63 ? len : 63), base);
}

static void copy_calibration(struct spectrum *s, const struct mca_file *m)
{
	for (size_t i = 0; i < m->n_points && i < SPECTRUM_MAX_CAL; i++) {
		s->cal[i].chan = m->points[i].channel;
		s->cal[i].kev = m->points[i].energy;
		s->n_cal = i + 1;
	}
}

static int to_spectrum(const struct args *args, const char *path,
		       const struct mca_file *m, struct spectrum **ret)
{
	struct spectrum *s;
	double fast = status_number(m, "Fast Count");
	double slow = status_number(m, "Slow Count");
	int r;

	r = spectrum_new(m->counts, m->n_chan, &s);
	if (r < 0)
		return fail_errno(args, path, r);
	s->live_s = m->live_s;
	s->real_s = m->real_s;
	if (m->live_s > 0) {
		s->icr_cps = fast / m->live_s;
		s->ocr_cps = slow / m->live_s;
	}
	copy_calibration(s, m);
	name_sample(s, m, path);
	snprintf(s->serial, sizeof(s->serial), "%.31s", m->serial);
	snprintf(s->start_time, sizeof(s->start_time), "%.31s", m->start_time);
	*ret = s;
	return REESPEC_OK;
}

int measurement_load(const struct args *args, const char *path,
		     struct spectrum **ret)
{
	CLEANUP(buf_deinit) struct buf data = { 0 };
	CLEANUP(mca_freep) struct mca_file *m = NULL;
	struct scan_error error;
	char text[400];
	int r;

	r = buf_read_file(&data, path, MCA_FILE_MAX);
	if (r == -EFBIG)
		return fail(args, REESPEC_FAILED,
			    "%s: too large for an .mca file", path);
	if (r < 0)
		return fail_errno(args, path, r);
	r = mca_parse(data.data ? data.data : "", data.len, &m, &error);
	if (r == -EBADMSG) {
		scan_error_text(&error, text, sizeof(text));
		return fail(args, REESPEC_FAILED,
			    "%s: not a spectrum file (.mca), line %s", path, text);
	}
	if (r < 0)
		return fail_errno(args, path, r);
	if (m->n_points == 0)
		return fail(
			args, REESPEC_FAILED,
			"%s: no energy calibration (section <<CALIBRATION>>) in it",
			path);
	return to_spectrum(args, path, m, ret);
}

/* Where methods are looked for, in this order. */
static const char *method_folder(size_t i)
{
	static const char *const folders[] = { "/etc/reespec/methods",
					       "/usr/share/reespec/methods" };
	const char *own = getenv("REESPEC_METHODS");

	if (own && *own) {
		if (i == 0)
			return own;
		i--;
	}
	return i < ARRAY_SIZE(folders) ? folders[i] : NULL;
}

static void list_methods(char *text, size_t size)
{
	const char *folder;
	size_t len = 0;

	*text = 0;
	for (size_t i = 0; (folder = method_folder(i)); i++) {
		DIR *dir = opendir(folder);
		const struct dirent *entry;

		while (dir && (entry = readdir(dir))) {
			size_t n = strlen(entry->d_name);

			if (n < 5 || strcmp(entry->d_name + n - 4, ".ini") ||
			    len >= size)
				continue;
			len += snprintf(text + len, size - len, "%s%.*s",
					len ? ", " : "", (int)n - 4,
					entry->d_name);
		}
		if (dir)
			closedir(dir);
	}
}

static int find_method(const struct args *args, const char *name, char *path,
		       size_t size)
{
	const char *folder;
	char names[1024];
	size_t n = strlen(name);

	if (strchr(name, '/') || (n > 4 && !strcmp(name + n - 4, ".ini"))) {
		snprintf(path, size, "%s", name);
		return REESPEC_OK;
	}
	for (size_t i = 0; (folder = method_folder(i)); i++) {
		snprintf(path, size, "%s/%s.ini", folder, name);
		if (access(path, R_OK) == 0)
			return REESPEC_OK;
	}
	list_methods(names, sizeof(names));
	return fail(args, REESPEC_NOT_FOUND, "no method \"%s\"; there %s%s",
		    name, *names ? "are: " : "is none installed", names);
}

int measurement_method(const struct args *args, const char *name,
		       struct method **ret)
{
	struct method_error error = { 0 };
	char path[4096];
	int r;

	r = find_method(args, name, path, sizeof(path));
	if (r)
		return r;
	r = method_load(path, ret, &error);
	if (r == 0)
		return REESPEC_OK;
	if (r == -EINVAL && error.line)
		return fail(args, REESPEC_FAILED, "%s:%d: %s: %s", error.file,
			    error.line, error.key, error.why);
	if (r == -EINVAL)
		return fail(args, REESPEC_FAILED, "%s: %s%s%s", error.file,
			    error.key, *error.key ? ": " : "", error.why);
	return fail(args, r == -ENOENT ? REESPEC_NOT_FOUND : REESPEC_FAILED,
		    "%s: %s", path, *error.why ? error.why : strerror(-r));
}

int measurement_assay(const struct args *args, const struct method *m,
		      const struct spectrum *s, struct assay_result **ret)
{
	CLEANUP(assay_engine_freep) struct assay_engine *engine = NULL;
	int r;

	r = assay_engine_new(m, &engine);
	if (r == 0)
		r = assay_engine_run(engine, s, ret);
	if (r == -EINVAL && engine)
		return fail(args, REESPEC_FAILED, "%s: %s", s->sample,
			    assay_engine_why(engine));
	if (r < 0)
		return fail(args, REESPEC_FAILED, "the assay failed: %s",
			    strerror(-r));
	return REESPEC_OK;
}
