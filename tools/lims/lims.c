// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The least a LIMS has to do to have every record of the ledger once.
 *
 *   lims BUS READER FILE
 *
 * The store is FILE, one export line a record, which is what `reespec verify`
 * checks. It alone says how far this side is: the daemon keeps a position for
 * READER too, but only so that it knows what it may throw away. The order is
 * what matters:
 *
 *   1. what is stored is verified, and a line cut by a kill is removed;
 *   2. Follow, so that nothing can come unheard of from here on;
 *   3. the daemon's record of the last number stored must have the hash that
 *      is stored: else it is another history, and nothing of it is taken;
 *   4. Fetch behind the last number; each record must continue the one before;
 *   5. write, fdatasync, and only then Ack;
 *   6. Batch wakes it up, and it goes on with 4.
 *
 * 1 and 5 are here, the rest is bridges/follow.c, which every bridge uses.
 * Killed anywhere it starts again at 1. When the daemon or the bus goes it
 * waits and starts again at 2. Ends with 6 when it refuses a fork, 4 when the
 * name of the reader is refused, 1 when its store cannot be written or is
 * damaged, 2 when called wrongly.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "bridges/follow.h"

#define STORE_BYTES_MAX ((size_t)4 * 1024 * 1024 * 1024)

struct lims {
	int fd; /* of the store */
	struct chain_verifier chain; /* what the store ended with */
	struct buf lines; /* to be stored */
	uint64_t last;
	char hash[CHAIN_HASH_SIZE]; /* of the last */
};

static __attribute__((noreturn, format(printf, 2, 3))) void
die(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_writev(LOG_ERR, format, args);
	va_end(args);
	exit(code);
}

/* ---- the store ------------------------------------------------------------- */

/* A kill in the middle of a write leaves a line without its end. */
static void store_open(struct lims *l, const char *path)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	struct chain_fault fault;
	size_t len = 0;
	int r;

	l->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (l->fd < 0)
		die(FOLLOW_FAILED, "%s: %s", path, strerror(errno));
	r = buf_read_fd(&b, l->fd, STORE_BYTES_MAX);
	if (r < 0)
		die(FOLLOW_FAILED, "%s: %s", path, strerror(-r));
	while (len < b.len) {
		const char *line = b.data + len;
		const char *end = memchr(line, '\n', b.len - len);

		if (!end)
			break;
		if (chain_verify_line(&l->chain, line, (size_t)(end - line),
				      &fault) != CHAIN_GOOD)
			die(FOLLOW_FAILED, "%s: record %llu: %s", path,
			    (unsigned long long)fault.seq, fault.why);
		len += (size_t)(end - line) + 1;
	}
	if (ftruncate(l->fd, (off_t)len) < 0 || fsync(l->fd) < 0 ||
	    lseek(l->fd, 0, SEEK_END) < 0)
		die(FOLLOW_FAILED, "%s: %s", path, strerror(errno));
}

/* Durable when it returns; half a page is mended by the next start. */
static void store_append(struct lims *l)
{
	size_t done = 0;
	ssize_t n;

	if (!l->lines.len)
		return;
	while (done < l->lines.len) {
		n = write(l->fd, l->lines.data + done, l->lines.len - done);
		if (n < 0 && errno != EINTR)
			die(FOLLOW_FAILED, "store: %s", strerror(errno));
		done += n > 0 ? (size_t)n : 0;
	}
	if (fdatasync(l->fd) < 0)
		die(FOLLOW_FAILED, "store: %s", strerror(errno));
	buf_clear(&l->lines);
}

/* ---- the ledger ------------------------------------------------------------ */

static int on_start(void *userdata, const char *ledger,
		    struct chain_verifier *chain)
{
	struct lims *l = userdata;

	(void)ledger;
	*chain = l->chain;
	/* What a kill left stored without an Ack is safe too. */
	l->last = l->chain.next_seq ? l->chain.next_seq - 1 : 0;
	strcpy(l->hash, l->chain.head);
	return 0;
}

static int on_take(void *userdata, const struct chain_record *r,
		   const struct chain_head *h)
{
	struct lims *l = userdata;

	if (chain_write_line(r, NULL, &l->lines) < 0)
		die(FOLLOW_FAILED, "out of memory");
	l->last = h->seq;
	strcpy(l->hash, r->hash);
	return 0;
}

static int64_t on_safe(void *userdata, char ret_hash[CHAIN_HASH_SIZE])
{
	struct lims *l = userdata;

	store_append(l);
	strcpy(ret_hash, l->hash);
	return (int64_t)l->last;
}

int main(int argc, char **argv)
{
	static const struct follow_ops ops = { on_start, on_take, on_safe,
					       NULL };
	struct lims l = { 0 };
	struct follow f = {
		.ops = &ops,
		.userdata = &l,
		.fd = -1,
		.wake_ms = -1,
	};

	int status;

	log_init("lims", LOG_INFO);
	if (argc != 4)
		die(FOLLOW_USAGE, "usage: lims BUS-ADDRESS READER FILE");
	f.address = argv[1];
	f.reader = argv[2];
	store_open(&l, argv[3]);
	status = follow_run(&f);
	buf_deinit(&l.lines);
	return status;
}
