// SPDX-License-Identifier: GPL-2.0-or-later
/* Writes export lines and blobs to a memfd, then seals it. */
#include "bus/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/clock.h"

/* Clocks step, so no record's time tells that of another: all are looked at,
 * this many at most, and the caller asks again. */
#define LOOK_MAX 1024
/* Bytes that are written at once. */
#define PIECE 65536

/*
 * What is being written. Lines come before blobs, so these are only noted
 * until all lines are there. All goes through one small buffer: to touch
 * fresh memory for the whole costs more than to make it.
 */
struct answer {
	int fd;
	size_t len; /* of all that was taken, written or not */
	struct buf piece; /* not yet written */
	struct buf blobs; /* struct chain_blob_ref each */
};

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

/* Writes the line of a record: 1, or 0 where it is not of the time that was
 * asked for, or -errno. *ret_head has its blobs, when they are wanted. */
static int write_line(const struct fetch *f, const struct chain_record *record,
		      struct buf *ret, struct chain_head *ret_head)
{
	const char *why;
	int r = 0;

	ret_head->n_blobs = 0;
	if (f->has_counts || f->since_us || f->until_us)
		r = chain_read_body(record->body, record->body_len, ret_head,
				    NULL, &why);
	if (r >= 0)
		r = is_in_time(f, ret_head);
	if (r <= 0)
		return r;
	if (!f->has_counts)
		ret_head->n_blobs = 0;
	r = chain_write_line(record, f->has_counts ? ret_head : NULL, ret);
	return r < 0 ? r : 1;
}

static size_t blobs_len(const struct chain_head *head)
{
	size_t len = 0;

	for (size_t i = 0; i < head->n_blobs; i++)
		len += head->blobs[i].len;
	return len;
}

static int flush(struct answer *a)
{
	size_t done = 0;
	ssize_t n;

	while (done < a->piece.len) {
		n = write(a->fd, a->piece.data + done, a->piece.len - done);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done += (size_t)n;
	}
	buf_clear(&a->piece);
	return 0;
}

/* Takes a record whose line stands at the end of the piece, or takes the line
 * away and returns 0 where there is no room for it. */
static int take(struct answer *a, size_t line_at, const struct chain_head *head,
		size_t len_max)
{
	const size_t len = a->len + a->piece.len - line_at + blobs_len(head);
	int r;

	if (a->len && len > len_max) {
		a->piece.len = line_at;
		return 0;
	}
	a->len = len;
	r = buf_append(&a->blobs, head->blobs,
		       head->n_blobs * sizeof(head->blobs[0]));
	if (r >= 0 && a->piece.len >= PIECE)
		r = flush(a);
	return r < 0 ? r : 1;
}

static int write_lines(struct ledger *l, struct fetch *f, struct answer *a)
{
	CLEANUP(ledger_cursor_closep) struct ledger_cursor *c = NULL;
	const struct ledger_range range = { .from = f->from,
					    .kinds = f->kinds,
					    .sample = f->sample[0] ? f->sample
								   : NULL };
	const uint64_t end = ledger_last(l) + 1;
	struct chain_record record;
	struct chain_head head;
	size_t n_left = LOOK_MAX;
	uint64_t seq;
	int r;

	r = ledger_cursor_open(l, &range, &c);
	if (r < 0)
		return r;
	f->next = end;
	while ((r = ledger_cursor_next(c, &record, &seq)) > 0) {
		const size_t line_at = a->piece.len;

		r = write_line(f, &record, &a->piece, &head);
		chain_record_deinit(&record);
		if (r < 0)
			return r;
		if (!r) {
			if (--n_left)
				continue;
			f->next = seq + 1;
			return 0;
		}
		r = take(a, line_at, &head, f->len_max);
		if (r <= 0) {
			f->next = seq;
			return r;
		}
		f->n++;
		if (f->n == f->max) {
			f->next = seq + 1;
			return 0;
		}
	}
	return r;
}

static int write_blobs(struct ledger *l, struct answer *a)
{
	const struct chain_blob_ref *b = (const void *)a->blobs.data;
	const struct chain_blob_ref *end = b + a->blobs.len / sizeof(*b);
	int r = 0;

	for (; r >= 0 && b < end; b++) {
		const size_t at = a->piece.len;

		r = ledger_get_blob(l, b->sha256, &a->piece);
		/* What follows it would be taken for a part of it. */
		if (r >= 0 && a->piece.len - at != b->len)
			r = -EBADMSG;
		if (r >= 0 && a->piece.len >= PIECE)
			r = flush(a);
	}
	return r < 0 ? r : flush(a);
}

static int write_answer(struct ledger *l, struct fetch *f, struct answer *a)
{
	int r;

	r = ledger_start_reading(l);
	if (r < 0)
		return r;
	/* From beyond the end there is nothing, which is no error. */
	f->next = f->from;
	if (f->from <= ledger_last(l))
		r = write_lines(l, f, a);
	a->len++;
	if (r >= 0)
		r = buf_append_str(&a->piece, "\n");
	if (r >= 0)
		r = write_blobs(l, a);
	ledger_stop_reading(l);
	return r;
}

int fetch_run(struct ledger *l, struct fetch *f, size_t *ret_len)
{
	CLEANUP(closep)
	int fd = memfd_create("reespec-fetch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct answer a = { .fd = fd };
	int r;

	if (fd < 0)
		return -errno;
	r = write_answer(l, f, &a);
	buf_deinit(&a.piece);
	buf_deinit(&a.blobs);
	if (r < 0)
		return r;
	/* The offset travels with the descriptor: a reader starts where the
	 * writer stopped unless it is taken back. */
	if (lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS,
		  F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	*ret_len = a.len;
	return TAKE_FD(fd);
}
