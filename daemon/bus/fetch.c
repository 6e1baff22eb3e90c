// SPDX-License-Identifier: GPL-2.0-or-later
/* Collects export lines and blobs, then seals them in a memfd. */
#include "bus/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/clock.h"

/* Clocks step, so no record's time tells that of another: all are looked at,
 * this many at most, and the caller asks again. */
#define LOOK_MAX 1024

/* 1 or 0, or -errno. */
static int is_in_time(const struct fetch *f, const struct chain_head *head)
{
	uint64_t us;
	int r;

	if (!f->since_us && !f->until_us)
		return 1;
	r = clock_parse(head->time, &us);
	if (r < 0)
		return r;
	return us >= f->since_us && (!f->until_us || us < f->until_us);
}

/* 1, or 0 where the record is not of the time that was asked for, or -errno. */
static int append(struct ledger *l, const struct fetch *f,
		  const struct chain_record *record, struct buf *lines,
		  struct buf *blobs)
{
	struct chain_head head = { 0 };
	const char *why;
	int r = 0;

	if (f->has_counts || f->since_us || f->until_us)
		r = chain_read_body(record->body, record->body_len, &head, NULL,
				    &why);
	if (r >= 0)
		r = is_in_time(f, &head);
	if (r <= 0)
		return r;
	r = chain_write_line(record, f->has_counts ? &head : NULL, lines);
	for (size_t i = 0; r >= 0 && f->has_counts && i < head.n_blobs; i++)
		r = ledger_get_blob(l, head.blobs[i].sha256, blobs);
	return r < 0 ? r : 1;
}

static int collect(struct ledger *l, struct fetch *f, struct buf *lines,
		   struct buf *blobs)
{
	CLEANUP(ledger_cursor_closep) struct ledger_cursor *c = NULL;
	const struct ledger_range range = { .from = f->from,
					    .kinds = f->kinds,
					    .sample = f->sample[0] ? f->sample
								   : NULL };
	const uint64_t end = ledger_last(l) + 1;
	struct chain_record record;
	size_t n_left = LOOK_MAX;
	uint64_t seq;
	int r;

	r = ledger_cursor_open(l, &range, &c);
	if (r < 0)
		return r;
	f->next = end;
	while ((r = ledger_cursor_next(c, &record, &seq)) > 0) {
		const size_t lines_len = lines->len;
		const size_t blobs_len = blobs->len;

		r = append(l, f, &record, lines, blobs);
		chain_record_deinit(&record);
		if (r < 0)
			return r;
		if (!r) {
			if (--n_left)
				continue;
			f->next = seq + 1;
			return 0;
		}
		if (f->n && lines->len + blobs->len > f->len_max) {
			lines->len = lines_len;
			blobs->len = blobs_len;
			f->next = seq;
			return 0;
		}
		f->n++;
		if (f->n == f->max) {
			f->next = seq + 1;
			return 0;
		}
	}
	return r;
}

static int write_all(int fd, const struct buf *b)
{
	size_t done = 0;
	ssize_t n;

	while (done < b->len) {
		n = write(fd, b->data + done, b->len - done);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += n;
	}
	return 0;
}

int fetch_run(struct ledger *l, struct fetch *f, size_t *ret_len)
{
	CLEANUP(buf_deinit) struct buf lines = { 0 };
	CLEANUP(buf_deinit) struct buf blobs = { 0 };
	CLEANUP(closep) int fd = -1;
	int r;

	/* From beyond the end there is nothing, which is no error. */
	f->next = f->from;
	if (f->from <= ledger_last(l)) {
		r = collect(l, f, &lines, &blobs);
		if (r < 0)
			return r;
	}
	r = buf_append_str(&lines, "\n");
	if (r < 0)
		return r;

	fd = memfd_create("reespec-fetch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = write_all(fd, &lines);
	if (r >= 0)
		r = write_all(fd, &blobs);
	if (r < 0)
		return r;
	/* The offset travels with the descriptor: a reader starts where the
	 * writer stopped unless it is taken back. */
	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS,
		  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	*ret_len = lines.len + blobs.len;
	return TAKE_FD(fd);
}
