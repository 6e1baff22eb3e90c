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
 * Killed anywhere it starts again at 1. When the daemon or the bus goes it
 * waits and starts again at 2. Ends with 6 when it refuses a fork, 4 when the
 * name of the reader is refused, 1 when its store cannot be written or is
 * damaged, 2 when called wrongly.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "ledger/chain.h"

#define NAME "org.reespec1"
#define PATH "/org/reespec1"
#define LEDGER "org.reespec1.Ledger"

#define FETCH_RECORDS 256
#define RETRY_US 1000000
#define FETCH_BYTES_MAX (64 * 1024 * 1024)
#define STORE_BYTES_MAX ((size_t)4 * 1024 * 1024 * 1024)

/* How the program ends. */
enum { LIMS_STORE = 1, LIMS_USAGE = 2, LIMS_DENIED = 4, LIMS_FORK = 6 };

struct lims {
	const char *address;
	const char *reader;
	int fd; /* of the store */
	struct chain_verifier chain; /* its last record and what may follow */
	uint64_t acked;
	sd_bus *bus;
	bool is_following; /* this daemon knows it as a follower */
	bool is_rung; /* something new was announced, or the daemon is new */
};

static __attribute__((noreturn, format(printf, 2, 3))) void
die(int code, const char *format, ...)
{
	va_list args;

	fputs("lims: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(code);
}

static uint64_t last_stored(const struct lims *l)
{
	return l->chain.next_seq ? l->chain.next_seq - 1 : 0;
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
		die(LIMS_STORE, "%s: %s", path, strerror(errno));
	r = buf_read_fd(&b, l->fd, STORE_BYTES_MAX);
	if (r < 0)
		die(LIMS_STORE, "%s: %s", path, strerror(-r));
	while (len < b.len) {
		const char *line = b.data + len;
		const char *end = memchr(line, '\n', b.len - len);

		if (!end)
			break;
		if (chain_verify_line(&l->chain, line, (size_t)(end - line),
				      &fault) != CHAIN_GOOD)
			die(LIMS_STORE, "%s: record %llu: %s", path,
			    (unsigned long long)fault.seq, fault.why);
		len += (size_t)(end - line) + 1;
	}
	if (ftruncate(l->fd, (off_t)len) < 0 || fsync(l->fd) < 0 ||
	    lseek(l->fd, 0, SEEK_END) < 0)
		die(LIMS_STORE, "%s: %s", path, strerror(errno));
}

/* Durable when it returns; half a page is mended by the next start. */
static void store_append(struct lims *l, const struct buf *lines)
{
	size_t done = 0;
	ssize_t n;

	while (done < lines->len) {
		n = write(l->fd, lines->data + done, lines->len - done);
		if (n < 0 && errno != EINTR)
			die(LIMS_STORE, "store: %s", strerror(errno));
		done += n > 0 ? (size_t)n : 0;
	}
	if (fdatasync(l->fd) < 0)
		die(LIMS_STORE, "store: %s", strerror(errno));
}

/* ---- the ledger ------------------------------------------------------------ */

/* What was stored last must be what the daemon has there. */
static int check_head(struct lims *l)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *body, *prev, *hash;
	uint64_t first = 0;
	int r;

	if (!last_stored(l))
		return 0;
	r = sd_bus_call_method(l->bus, NAME, PATH, LEDGER, "Get", &error, &m,
			       "t", last_stored(l));
	/* What was archived since cannot be asked for; the next record's
	 * link to the one before tells as much. */
	if (sd_bus_error_has_name(&error, NAME ".Error.NoRecord") &&
	    sd_bus_get_property_trivial(l->bus, NAME, PATH, LEDGER, "First",
					NULL, 't', &first) >= 0 &&
	    last_stored(l) < first)
		return 0;
	if (sd_bus_error_has_name(&error, NAME ".Error.NoRecord"))
		die(LIMS_FORK, "the ledger has no record %llu, which is stored",
		    (unsigned long long)last_stored(l));
	if (r >= 0)
		r = sd_bus_message_read(m, "sss", &body, &prev, &hash);
	if (r >= 0 && strcmp(hash, l->chain.head))
		die(LIMS_FORK, "record %llu has another hash than stored: %s",
		    (unsigned long long)last_stored(l), hash);
	return r;
}

/* Said by the daemon, and not for want of one. */
static bool is_ours(const sd_bus_error *error)
{
	return error->name &&
	       !strncmp(error->name, NAME ".Error.", strlen(NAME ".Error."));
}

static int follow(struct lims *l)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	uint64_t next = 0;
	int r;

	r = sd_bus_call_method(l->bus, NAME, PATH, LEDGER, "Follow", &error, &m,
			       "st", l->reader, (uint64_t)0);
	if (is_ours(&error))
		die(LIMS_DENIED, "reader %s: %s", l->reader, error.message);
	if (r >= 0)
		r = sd_bus_message_read(m, "t", &next);
	l->acked = next ? next - 1 : 0;
	return r < 0 ? r : check_head(l);
}

/* Records into lines to store, each checked against the one before. */
static void take(struct lims *l, const struct buf *data, struct buf *lines)
{
	const char *line = data->data;
	const char *stop = line + data->len;
	struct chain_fault fault;
	const char *why = "";
	const char *end;

	/* One empty line ends them; spectra were not asked for. */
	for (; line < stop && *line != '\n'; line = end + 1) {
		CLEANUP(chain_record_deinit) struct chain_record record = { 0 };

		end = memchr(line, '\n', (size_t)(stop - line));
		if (!end || chain_parse_line(line, (size_t)(end - line),
					     &record, &why) < 0)
			die(LIMS_FORK, "not an export line: %s", why);
		if (chain_verify_record(&l->chain, &record, NULL, &fault) !=
		    CHAIN_GOOD)
			die(LIMS_FORK, "record %llu: %s",
			    (unsigned long long)fault.seq, fault.why);
		if (chain_write_line(&record, false, lines) < 0)
			die(LIMS_STORE, "out of memory");
	}
}

/* One page: the number of its records, 0 when there is nothing new. */
static int fetch(struct lims *l)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	CLEANUP(buf_deinit) struct buf lines = { 0 };
	CLEANUP(buf_deinit) struct buf data = { 0 };
	uint64_t next;
	uint32_t n;
	int fd;
	int r;

	r = sd_bus_call_method(l->bus, NAME, PATH, LEDGER, "Fetch", NULL, &m,
			       "tua{sv}", last_stored(l) + 1, FETCH_RECORDS, 1,
			       "counts", "b", 0);
	if (r >= 0)
		r = sd_bus_message_read(m, "htu", &fd, &next, &n);
	if (r >= 0 && n)
		r = buf_read_fd(&data, fd, FETCH_BYTES_MAX);
	if (r < 0 || !n)
		return r < 0 ? r : 0;
	take(l, &data, &lines);
	store_append(l, &lines);
	return (int)n;
}

static int acknowledge(struct lims *l)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	if (last_stored(l) <= l->acked)
		return 0;
	r = sd_bus_call_method(l->bus, NAME, PATH, LEDGER, "Ack", &error, NULL,
			       "sts", l->reader, last_stored(l), l->chain.head);
	if (sd_bus_error_has_name(&error, NAME ".Error.Conflict"))
		die(LIMS_FORK, "%s", error.message);
	if (r >= 0)
		l->acked = last_stored(l);
	return r;
}

static int pull(struct lims *l)
{
	int r;

	do {
		r = fetch(l);
		if (r >= 0 && acknowledge(l) < 0)
			return -EIO;
	} while (r > 0);
	return r;
}

/* ---- waiting --------------------------------------------------------------- */

static int on_batch(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct lims *l = arg;

	(void)m, (void)error;
	l->is_rung = true;
	return 0;
}

/* Another daemon, or none: it has no followers yet. */
static int on_owner(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct lims *l = arg;

	(void)m, (void)error;
	l->is_following = false;
	l->is_rung = true;
	return 0;
}

static int connect_bus(struct lims *l)
{
	int r;

	r = sd_bus_new(&l->bus);
	if (r >= 0)
		r = sd_bus_set_address(l->bus, l->address);
	if (r >= 0)
		r = sd_bus_set_bus_client(l->bus, 1);
	if (r >= 0)
		r = sd_bus_negotiate_fds(l->bus, 1);
	if (r >= 0)
		r = sd_bus_start(l->bus);
	if (r >= 0)
		r = sd_bus_match_signal(l->bus, NULL, NAME, PATH, LEDGER,
					"Batch", on_batch, l);
	if (r >= 0)
		r = sd_bus_add_match(l->bus, NULL,
				     "type='signal',"
				     "sender='org.freedesktop.DBus',"
				     "interface='org.freedesktop.DBus',"
				     "member='NameOwnerChanged',arg0='" NAME
				     "'",
				     on_owner, l);
	return r;
}

/*
 * As long as this bus lasts. An error of a call means that the daemon has
 * gone or is not there yet; its next owner rings, and for errors that nobody
 * announces the end of it is tried again every second.
 */
static void serve(struct lims *l)
{
	int r = connect_bus(l);

	l->is_following = false;
	l->is_rung = true;
	while (r >= 0) {
		r = sd_bus_process(l->bus, NULL);
		if (r > 0)
			continue;
		if (r == 0 && l->is_rung) {
			l->is_rung = false;
			if (!l->is_following)
				l->is_following = follow(l) >= 0;
			if (l->is_following && pull(l) < 0)
				l->is_following = false;
			continue;
		}
		if (r < 0)
			break;
		r = sd_bus_wait(l->bus,
				l->is_following ? UINT64_MAX : RETRY_US);
		l->is_rung |= !l->is_following;
	}
}

int main(int argc, char **argv)
{
	struct lims l = { 0 };

	if (argc != 4)
		die(LIMS_USAGE, "usage: lims BUS-ADDRESS READER FILE");
	l.address = argv[1];
	l.reader = argv[2];
	store_open(&l, argv[3]);
	for (;;) {
		serve(&l);
		l.bus = sd_bus_flush_close_unref(l.bus);
		usleep(100000);
	}
}
