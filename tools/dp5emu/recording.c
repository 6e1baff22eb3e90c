// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file of records as the driver writes them (driver/uapi/dp5.h). Only those
 * with a spectrum and its status are shown: the rest is told by the emulator
 * itself, as what was sent to it has changed it.
 */
#include "dp5emu/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "dp5emu/status.h"
#include "uapi/dp5.h"

#define FILE_MAX (256UL << 20)
#define IS_ENABLED 0x20 /* of status byte 35 */

struct recording {
	struct buf file;
	size_t n;
	size_t next; /* n: the last has been shown */
	struct shown {
		size_t at; /* of the payload in the file */
		uint32_t len;
		uint8_t pid2;
	} * shown;
};

static int complain(char *why, const char *path, size_t record, size_t byte,
		    const char *what)
{
	snprintf(why, RECORDING_WHY_LEN, "%s: record %zu, at byte %zu: %s",
		 path, record, byte, what);
	return -EBADMSG;
}

/* What is wrong with a header, NULL when nothing is. */
static const char *judge(const struct dp5_frame *f)
{
	if (f->hdr_len < sizeof(*f) || f->hdr_len % 8)
		return "no record of this driver: the length of its header";
	if (f->len % 8 || f->len < f->hdr_len ||
	    f->payload_len > f->len - f->hdr_len)
		return "lengths that do not fit each other";
	if (f->type == DP5_FRAME_SPECTRUM &&
	    (!f->channels || f->channels > 8192 ||
	     f->payload_len != f->channels * 3U + STATUS_LEN))
		return "a spectrum without its status, or cut";
	return NULL;
}

static int keep(struct recording *r, size_t at, const struct dp5_frame *f)
{
	struct shown *shown;

	if (f->type != DP5_FRAME_SPECTRUM)
		return 0;
	shown = reallocarray(r->shown, r->n + 1, sizeof(*shown));
	if (!shown)
		return -ENOMEM;
	r->shown = shown;
	shown[r->n++] =
		(struct shown){ at + f->hdr_len, f->payload_len, f->pid2 };
	return 0;
}

static int scan(struct recording *r, const char *path, char *why)
{
	const char *bytes = r->file.data;
	size_t at = 0, record = 0;
	struct dp5_frame f;

	while (r->file.len - at >= sizeof(f)) {
		const char *wrong;
		int e;

		memcpy(&f, bytes + at, sizeof(f));
		wrong = judge(&f);
		if (wrong)
			return complain(why, path, record, at, wrong);
		if (f.len > r->file.len - at)
			break;
		e = keep(r, at, &f);
		if (e < 0)
			return e;
		at += f.len;
		record++;
	}
	return r->n ? 0
		    : complain(why, path, record, at, "there is no spectrum");
}

int recording_load(const char *path, struct recording **ret,
		   char why[static RECORDING_WHY_LEN])
{
	struct recording *r = calloc(1, sizeof(*r));
	int e = -ENOMEM;

	if (r)
		e = buf_read_file(&r->file, path, FILE_MAX);
	if (e < 0)
		snprintf(why, RECORDING_WHY_LEN, "%s: %s", path, strerror(-e));
	else
		e = scan(r, path, why);
	if (e < 0) {
		recording_free(r);
		return e;
	}
	*ret = r;
	return 0;
}

struct recording *recording_free(struct recording *r)
{
	if (!r)
		return NULL;
	buf_deinit(&r->file);
	free(r->shown);
	free(r);
	return NULL;
}

static const uint8_t *payload(const struct recording *r, size_t i)
{
	return (const uint8_t *)r->file.data + r->shown[i].at;
}

uint32_t recording_serial(const struct recording *r)
{
	const uint8_t *s = payload(r, 0) + r->shown[0].len - STATUS_LEN + 26;

	return (uint32_t)s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16 |
	       (uint32_t)s[3] << 24;
}

void recording_rewind(struct recording *r)
{
	r->next = 0;
}

size_t recording_next(struct recording *r, uint8_t *out, uint8_t *ret_pid2)
{
	const size_t i = r->next < r->n ? r->next : r->n - 1;
	const struct shown *s = &r->shown[i];

	memcpy(out, payload(r, i), s->len);
	*ret_pid2 = s->pid2;
	if (r->next == r->n)
		out[s->len - STATUS_LEN + 35] &= (uint8_t)~IS_ENABLED;
	else
		r->next++;
	return s->len;
}
