// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Follow, Fetch, check, keep, Ack.
 *
 *   1. Follow, so that nothing can come unheard of from here on;
 *   2. the daemon's record of the last number kept must have the hash that is
 *      kept: else it is another history, and nothing of it is taken;
 *   3. Fetch behind the last number; each record must continue the one before;
 *   4. Ack what the keeper calls safe, never more;
 *   5. Batch wakes it up, and it goes on with 3.
 *
 * When the daemon or the bus goes it waits, says so, and starts again at 1.
 */
#include "bridges/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "reespec/bus_call.h"

#define NAME BUS_CALL_SERVICE
#define PATH "/org/reespec1"
#define LEDGER "org.reespec1.Ledger"
#define MANAGER "org.reespec1.Manager"
#define PROPERTIES "org.freedesktop.DBus.Properties"

#define FETCH_RECORDS 256
#define FETCH_BYTES_MAX (64 * 1024 * 1024)
#define RETRY_MS 1000
#define RECONNECT_US 100000

static uint64_t last_taken(const struct follow *f)
{
	return f->chain.next_seq ? f->chain.next_seq - 1 : 0;
}

/* To be returned: no use in going on. */
static int end(struct follow *f, int how)
{
	f->end = how;
	return -ECANCELED;
}

/* The daemon keeps who follows, and its disk may be full: that passes. */
static bool is_ill(const sd_bus_error *error)
{
	return sd_bus_error_has_name(error, NAME ".Error.Ledger");
}

/* Said by the daemon, and not for want of one: no waiting mends it. */
static bool is_refused(const sd_bus_error *error)
{
	return error->name && !is_ill(error) &&
	       !strncmp(error->name, NAME ".Error.", strlen(NAME ".Error."));
}

/* What keeps it from the daemon; what goes by itself shortly is not told. */
static void tell_trouble(struct follow *f, const sd_bus_error *error)
{
	static const char absent[] = "reespecd is not there; waiting for it";
	static const char denied[] =
		"the bus lets this user not call reespecd: is it in group reespec?";
	static const char ill[] =
		"reespecd cannot write its ledger; waiting until it can";
	const char *trouble =
		bus_call_is_absent(error) ? absent
		: is_ill(error)		  ? ill
		: sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED)
			? denied
			: NULL;

	if (!trouble || f->trouble == trouble)
		return;
	f->trouble = trouble;
	log_warning("%s (%s)", trouble, error->message);
}

static void trouble_over(struct follow *f)
{
	if (f->trouble)
		log_notice("reespecd is there");
	f->trouble = NULL;
}

/* A call that has no daemon started. */
static int call(struct follow *f, const char *interface, const char *member,
		sd_bus_error *error, sd_bus_message **ret, const char *types,
		...)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	va_list args;
	int r;

	r = bus_call_new(f->bus, PATH, interface, member, false, &m);
	if (r < 0)
		return r;
	va_start(args, types);
	r = sd_bus_message_appendv(m, types, args);
	va_end(args);
	return r < 0 ? r : sd_bus_call(f->bus, m, 0, error, ret);
}

/* A property as the variant that is to be read of *ret. */
static int get(struct follow *f, const char *interface, const char *name,
	       sd_bus_error *error, sd_bus_message **ret)
{
	return call(f, PROPERTIES, "Get", error, ret, "ss", interface, name);
}

/* ---- where it stands ------------------------------------------------------- */

/* 1, 0 with what the ledger has instead, or -errno. */
static int find_record(struct follow *f, uint64_t seq, const char *hash,
		       char *why, size_t why_size)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *body, *prev, *found;
	uint64_t first = 0;
	int r;

	r = call(f, LEDGER, "Get", &error, &m, "t", seq);
	/* What was archived since cannot be asked for; the next record's
	 * link to the one before tells as much. */
	if (sd_bus_error_has_name(&error, NAME ".Error.NoRecord") &&
	    get(f, LEDGER, "First", NULL, &m) >= 0 &&
	    sd_bus_message_read(m, "v", "t", &first) >= 0 && seq < first)
		return 1;
	if (sd_bus_error_has_name(&error, NAME ".Error.NoRecord")) {
		snprintf(why, why_size,
			 "the ledger has no record %" PRIu64
			 ", which is stored",
			 seq);
		return 0;
	}
	if (r >= 0)
		r = sd_bus_message_read(m, "sss", &body, &prev, &found);
	if (r < 0)
		return r;
	snprintf(why, why_size,
		 "record %" PRIu64 " has another hash than stored: %s, not %s",
		 seq, found, hash);
	return !strcmp(found, hash);
}

int follow_has(struct follow *f, uint64_t seq, const char *hash)
{
	char why[300];

	return find_record(f, seq, hash, why, sizeof(why));
}

int follow_key(struct follow *f, char ret[CHAIN_KEY_SIZE])
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *key;
	int r;

	r = get(f, LEDGER, "Key", NULL, &m);
	if (r >= 0)
		r = sd_bus_message_read(m, "v", "s", &key);
	if (r < 0)
		return r;
	snprintf(ret, CHAIN_KEY_SIZE, "%s", key);
	return 0;
}

/* What was kept last must be what the daemon has there. */
static int check_head(struct follow *f)
{
	char why[300];
	int r;

	if (!last_taken(f))
		return 0;
	r = find_record(f, last_taken(f), f->chain.head, why, sizeof(why));
	if (r)
		return r < 0 ? r : 0;
	r = f->ops->differs ? f->ops->differs(f->userdata) : FOLLOW_FORK;
	if (r > 0) {
		log_error("%s", why);
		return end(f, r);
	}
	if (r == 0)
		memset(&f->chain, 0, sizeof(f->chain));
	return r;
}

/* Asks the keeper, once it is known whose ledger this is. */
static int ask_keeper(struct follow *f)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	const char *ledger;
	int r;

	if (f->chain.next_seq)
		return 0;
	r = get(f, MANAGER, "LedgerId", &error, &m);
	tell_trouble(f, &error);
	if (r >= 0)
		r = sd_bus_message_read(m, "v", "s", &ledger);
	if (r < 0)
		return r;
	r = f->ops->start(f->userdata, ledger, &f->chain);
	return r ? end(f, r) : 0;
}

static int begin(struct follow *f)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	uint64_t next = 0;
	int r;

	r = ask_keeper(f);
	if (r < 0)
		return r;
	r = call(f, LEDGER, "Follow", &error, &m, "st", f->reader, (uint64_t)0);
	if (is_refused(&error)) {
		log_error("reader %s: %s", f->reader, error.message);
		return end(f, FOLLOW_DENIED);
	}
	tell_trouble(f, &error);
	if (r >= 0)
		r = sd_bus_message_read(m, "t", &next);
	if (r < 0)
		return r;
	trouble_over(f);
	f->acked = next ? next - 1 : 0;
	f->next = f->from ? f->from : next;
	return check_head(f);
}

/* ---- records --------------------------------------------------------------- */

static int take_record(struct follow *f, const struct chain_record *record)
{
	struct chain_verifier next = f->chain;
	struct chain_fault fault;
	struct chain_head head;
	int r;

	if (chain_verify_record(&next, record, &head, &fault) != CHAIN_GOOD) {
		log_error("record %" PRIu64 ": %s", fault.seq, fault.why);
		return end(f, FOLLOW_FORK);
	}
	r = f->ops->take(f->userdata, record, &head);
	if (r > 0)
		return end(f, r);
	if (r == 0)
		f->chain = next;
	return r;
}

/* One page, to its end or to where the keeper stops. */
static int take_page(struct follow *f, const struct buf *data)
{
	const char *line = data->data;
	const char *stop = line + data->len;
	const char *why = "";
	const char *eol;
	int r;

	/* One empty line ends them; spectra were not asked for. */
	for (; line < stop && *line != '\n'; line = eol + 1) {
		CLEANUP(chain_record_deinit) struct chain_record record = { 0 };

		eol = memchr(line, '\n', (size_t)(stop - line));
		if (!eol || chain_parse_line(line, (size_t)(eol - line),
					     &record, &why) < 0) {
			log_error("not an export line: %s", why);
			return end(f, FOLLOW_FORK);
		}
		r = take_record(f, &record);
		if (r)
			return r;
	}
	return 0;
}

/* One page: the number of its records, 0 when there is nothing new. */
static int fetch(struct follow *f)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	CLEANUP(buf_deinit) struct buf data = { 0 };
	uint64_t next;
	uint32_t n;
	int fd;
	int r;

	r = call(f, LEDGER, "Fetch", NULL, &m, "tua{sv}",
		 f->chain.next_seq ? f->chain.next_seq : f->next, FETCH_RECORDS,
		 1, "counts", "b", 0);
	if (r >= 0)
		r = sd_bus_message_read(m, "htu", &fd, &next, &n);
	if (r >= 0 && n)
		r = buf_read_fd(&data, fd, FETCH_BYTES_MAX);
	if (r < 0 || !n)
		return r < 0 ? -EIO : 0;
	r = take_page(f, &data);
	if (r == FOLLOW_LATER)
		f->is_full = true;
	if (r == FOLLOW_ANEW)
		memset(&f->chain, 0, sizeof(f->chain));
	if (r == FOLLOW_LATER)
		return 0;
	if (r == FOLLOW_ANEW)
		return -EIO;
	return r < 0 ? r : (int)n;
}

static int acknowledge(struct follow *f)
{
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	char hash[CHAIN_HASH_SIZE];
	int64_t safe;
	int r;

	safe = f->ops->safe(f->userdata, hash);
	if (safe < 0)
		return end(f, (int)-safe);
	if ((uint64_t)safe <= f->acked)
		return 0;
	r = call(f, LEDGER, "Ack", &error, NULL, "sts", f->reader,
		 (uint64_t)safe, hash);
	if (sd_bus_error_has_name(&error, NAME ".Error.Conflict")) {
		log_error("%s", error.message);
		return end(f, FOLLOW_FORK);
	}
	if (r < 0)
		return r;
	f->acked = (uint64_t)safe;
	/* There is room again. */
	f->is_rung |= f->is_full;
	f->is_full = false;
	return 0;
}

static int pull(struct follow *f)
{
	int r;

	do {
		r = fetch(f);
		if (r >= 0 && acknowledge(f) < 0)
			return -EIO;
	} while (r > 0);
	return r;
}

/* ---- waiting --------------------------------------------------------------- */

static int on_batch(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct follow *f = arg;

	(void)m, (void)error;
	f->is_rung = true;
	return 0;
}

/* Another daemon, or none: it has no followers yet. */
static int on_owner(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct follow *f = arg;

	(void)m, (void)error;
	f->is_following = false;
	f->is_rung = true;
	return 0;
}

static int connect_bus(struct follow *f)
{
	int r;

	r = sd_bus_new(&f->bus);
	if (r >= 0)
		r = sd_bus_set_address(f->bus, f->address);
	if (r >= 0)
		r = sd_bus_set_bus_client(f->bus, 1);
	if (r >= 0)
		r = sd_bus_negotiate_fds(f->bus, 1);
	if (r >= 0)
		r = sd_bus_start(f->bus);
	if (r >= 0)
		r = sd_bus_match_signal(f->bus, NULL, NAME, PATH, LEDGER,
					"Batch", on_batch, f);
	if (r >= 0)
		r = sd_bus_add_match(f->bus, NULL,
				     "type='signal',"
				     "sender='org.freedesktop.DBus',"
				     "interface='org.freedesktop.DBus',"
				     "member='NameOwnerChanged',arg0='" NAME
				     "'",
				     on_owner, f);
	return r;
}

/* All that has come is handled: until there is more, or a time is over. */
static int wait_more(struct follow *f)
{
	struct pollfd fds[] = {
		{ .fd = sd_bus_get_fd(f->bus),
		  .events = (short)sd_bus_get_events(f->bus) },
		{ .fd = f->fd, .events = POLLIN },
	};

	if (fds[0].fd < 0)
		return fds[0].fd;
	if (poll(fds, 2, f->is_following ? f->wake_ms : RETRY_MS) < 0 &&
	    errno != EINTR)
		return -errno;
	return 0;
}

/*
 * An error of a call means that the daemon has gone or is not there yet; its
 * next owner rings, and for errors that nobody announces the end of it is
 * tried again every second.
 */
static void step(struct follow *f)
{
	const bool is_rung = f->is_rung || !f->is_following;

	f->is_rung = false;
	if (!f->is_following)
		f->is_following = begin(f) >= 0;
	if (!f->is_following)
		return;
	if (acknowledge(f) < 0 ||
	    ((is_rung || f->is_rung) && !f->is_full && pull(f) < 0))
		f->is_following = false;
}

/* As long as this bus lasts. */
static void serve(struct follow *f)
{
	int r = connect_bus(f);

	f->is_following = false;
	while (r >= 0 && !f->end) {
		r = sd_bus_process(f->bus, NULL);
		if (r > 0)
			continue;
		if (r < 0)
			break;
		step(f);
		/* What a call left in the queue of this program wakes nobody. */
		if (!f->end && !f->is_rung && sd_bus_process(f->bus, NULL) == 0)
			r = wait_more(f);
	}
}

int follow_run(struct follow *f)
{
	const char *env = getenv("DBUS_SYSTEM_BUS_ADDRESS");

	if (!f->address)
		f->address =
			env ? env : "unix:path=/run/dbus/system_bus_socket";
	while (!f->end) {
		serve(f);
		f->bus = sd_bus_flush_close_unref(f->bus);
		if (!f->end)
			usleep(RECONNECT_US);
	}
	return f->end;
}
