// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Results as files in a folder, for a LIMS that imports files.
 *
 * A result is written under a hidden name, made durable and renamed: a LIMS
 * sees whole files alone. When it has removed or renamed all that belong to a
 * result, the records up to there are acknowledged. So the daemon keeps what
 * no LIMS has taken.
 *
 * The folder holds the number up to which files have been made whole, of each
 * ledger that was ever served here, in PREPARED. It is written between the hidden file and its renaming; so after a
 * kill a file that has neither name was taken, and is not written again:
 *
 *	number above PREPARED	write it anew
 *	hidden name is there	rename it
 *	neither name is there	the LIMS has it
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "bridges/drop_amended.h"
#include "bridges/follow.h"
#include "bridges/program.h"
#include "reespec/csv_out.h"
#include "reespec/lis2.h"

#define PREPARED ".reespec-drop"
#define PREPARED_BYTES_MAX 65536 /* more than a thousand ledgers */
#define NAME_MAX_LEN 64
/* A folder on a network announces nothing. */
#define LOOK_MS 2000

enum format { FORMAT_LIS2, FORMAT_CSV, N_FORMATS };

static const char *const formats[N_FORMATS] = {
	[FORMAT_LIS2] = "lis2",
	[FORMAT_CSV] = "csv",
};

struct settings {
	char *bus;
	char *reader;
	char *folder;
	char **formats;
	int waiting;
};

#define KEY(section, name, type, field, def, min, max)                      \
	{                                                                   \
		section, name, type, offsetof(struct settings, field), def, \
			min, max, NULL, NULL, NULL, NULL                    \
	}

static const struct ini_key keys[] = {
	KEY("ledger", "bus", INI_STRING, bus, "", 0, 0),
	KEY("ledger", "reader", INI_STRING, reader, "drop", 0, 0),
	KEY("drop", "folder", INI_STRING, folder, "/var/lib/reespec-drop", 0,
	    0),
	KEY("drop", "formats", INI_LIST, formats, "lis2", 0, 0),
	KEY("drop", "waiting", INI_INT, waiting, "256", 1, 65536),
};

static const struct ini_table table = { .keys = keys,
					.n_keys = ARRAY_SIZE(keys) };

/* A result whose files are there, and the last record that goes with it. */
struct waiting {
	char ledger[CHAIN_ID_SIZE];
	uint64_t seq;
	uint64_t last;
	char hash[CHAIN_HASH_SIZE]; /* of last */
};

/* Up to which number the files of a ledger have been made whole. */
struct prepared {
	char ledger[CHAIN_ID_SIZE];
	uint64_t seq;
};

struct drop {
	const struct settings *set;
	bool has_format[N_FORMATS];
	int dir_fd;
	int inotify_fd;
	struct prepared *prepared; /* a ledger each, as in the file */
	size_t n_prepared;
	struct waiting *waiting; /* room for the setting of that name */
	size_t n_waiting;
	uint64_t safe; /* up to which nothing waits */
	char safe_hash[CHAIN_HASH_SIZE];
	struct trouble trouble;
	char told[CHAIN_ID_SIZE]; /* the ledger of the last notice */
	struct later later; /* what was amended before the record in hand */
};

/* ---- files ----------------------------------------------------------------- */

/* LEDGER's first eight digits, number, format: the same record has always the
 * same name. A hidden one is not whole. */
static void make_name(const char *ledger, uint64_t seq, enum format f,
		      bool is_hidden, char ret[NAME_MAX_LEN])
{
	snprintf(ret, NAME_MAX_LEN, "%s%.8s-%08" PRIu64 ".%s%s",
		 is_hidden ? "." : "", ledger, seq, formats[f],
		 is_hidden ? ".part" : "");
}

static bool exists(const struct drop *d, const char *name)
{
	return faccessat(d->dir_fd, name, F_OK, 0) == 0 || errno != ENOENT;
}

/* Whole and durable, or an error. */
static int write_file(const struct drop *d, const char *name, const void *data,
		      size_t len)
{
	CLEANUP(closep) int fd = -1;
	size_t done = 0;
	ssize_t n;

	fd = openat(d->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    0666);
	if (fd < 0)
		return -errno;
	while (done < len) {
		n = write(fd, (const char *)data + done, len - done);
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int rename_durably(const struct drop *d, const char *from,
			  const char *to)
{
	if (renameat(d->dir_fd, from, d->dir_fd, to) < 0 ||
	    fsync(d->dir_fd) < 0)
		return -errno;
	return 0;
}

static struct prepared *find_prepared(const struct drop *d, const char *ledger)
{
	for (size_t i = 0; i < d->n_prepared; i++)
		if (!strcmp(d->prepared[i].ledger, ledger))
			return &d->prepared[i];
	return NULL;
}

static int remember(struct drop *d, const char *ledger, uint64_t seq)
{
	struct prepared *p = find_prepared(d, ledger);

	if (!p) {
		p = realloc(d->prepared,
			    (d->n_prepared + 1) * sizeof(*d->prepared));
		if (!p)
			return -ENOMEM;
		d->prepared = p;
		p += d->n_prepared++;
		snprintf(p->ledger, sizeof(p->ledger), "%s", ledger);
	}
	p->seq = seq;
	return 0;
}

/* All files of @seq are whole, under their hidden names. */
static int set_prepared(struct drop *d, const char *ledger, uint64_t seq)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	const struct prepared *p = d->prepared;
	int r = 0;

	for (size_t i = 0; i < d->n_prepared && r == 0; i++)
		if (strcmp(p[i].ledger, ledger))
			r = buf_printf(&text, "%s %" PRIu64 "\n", p[i].ledger,
				       p[i].seq);
	if (r == 0)
		r = buf_printf(&text, "%s %" PRIu64 "\n", ledger, seq);
	if (r == 0)
		r = fsync(d->dir_fd) < 0 ? -errno : 0;
	if (r == 0)
		r = write_file(d, PREPARED ".part", text.data, text.len);
	if (r == 0)
		r = rename_durably(d, PREPARED ".part", PREPARED);
	return r < 0 ? r : remember(d, ledger, seq);
}

/* Of a folder in which nothing of ours is known; it has a line so that it is
 * not empty. */
static int begin_prepared(struct drop *d)
{
	d->n_prepared = 0;
	return set_prepared(d, "-", 0);
}

static int read_prepared(struct drop *d)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	CLEANUP(closep) int fd = -1;
	char ledger[CHAIN_ID_SIZE] = "";
	uint64_t seq = 0;
	int len, r;

	fd = openat(d->dir_fd, PREPARED, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? begin_prepared(d) : -errno;
	r = buf_read_fd(&text, fd, PREPARED_BYTES_MAX);
	if (r == 0 && !text.data)
		r = -EBADMSG;
	for (const char *at = text.data; r == 0 && *at; at += len) {
		if (sscanf(at, "%32s %" SCNu64 "\n%n", ledger, &seq, &len) != 2)
			return -EBADMSG;
		r = remember(d, ledger, seq);
	}
	return r;
}

/* ---- a result -------------------------------------------------------------- */

static int write_csv(const struct record *r, struct buf *ret)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);
	int e;

	if (!file)
		return -ENOMEM;
	csv_long_head(file);
	csv_long_record(file, r);
	e = fclose(file) ? -ENOMEM : buf_append(ret, text, len);
	free(text);
	return e;
}

static int write_hidden(struct drop *d, uint64_t seq, const struct record *r,
			enum format f)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	char name[NAME_MAX_LEN];
	int e;

	e = f == FORMAT_CSV ? write_csv(r, &text) : lis2_write(r->json, &text);
	if (e < 0)
		return e;
	make_name(r->head.ledger, seq, f, true, name);
	return write_file(d, name, text.data, text.len);
}

/* The three cases above for record @seq, of which @r is the result; afterwards
 * the names are there or were taken. */
static int deliver(struct drop *d, uint64_t seq, const struct record *r)
{
	const struct prepared *p = find_prepared(d, r->head.ledger);
	const bool is_prepared = p && seq <= p->seq;
	char hidden[NAME_MAX_LEN], name[NAME_MAX_LEN];
	int e = 0;

	for (int f = 0; f < N_FORMATS && !is_prepared && e == 0; f++)
		if (d->has_format[f])
			e = write_hidden(d, seq, r, f);
	if (e == 0 && !is_prepared)
		e = set_prepared(d, r->head.ledger, seq);
	for (int f = 0; f < N_FORMATS && e == 0; f++) {
		make_name(r->head.ledger, seq, f, true, hidden);
		make_name(r->head.ledger, seq, f, false, name);
		if (exists(d, hidden))
			e = rename_durably(d, hidden, name);
	}
	return e;
}

/* Whether the LIMS has all files of a result. */
static bool is_taken(const struct drop *d, const struct waiting *w)
{
	char name[NAME_MAX_LEN];

	for (int f = 0; f < N_FORMATS; f++) {
		make_name(w->ledger, w->seq, f, false, name);
		if (exists(d, name))
			return false;
	}
	return true;
}

/* ---- the ledger ------------------------------------------------------------ */

/* What is written but not acknowledged comes again and is found again. */
static int on_start(void *userdata, const char *ledger,
		    struct chain_verifier *chain)
{
	struct drop *d = userdata;

	(void)chain;
	later_deinit(&d->later);
	d->n_waiting = 0;
	d->safe = 0;
	if (strcmp(d->told, ledger))
		log_notice("results of ledger %s to %s", ledger,
			   d->set->folder);
	snprintf(d->told, sizeof(d->told), "%s", ledger);
	return 0;
}

/* It is safe as soon as what waits before it is. */
static void go_along(struct drop *d, const struct chain_record *r, uint64_t seq)
{
	struct waiting *w;

	if (d->n_waiting == 0) {
		d->safe = seq;
		strcpy(d->safe_hash, r->hash);
		return;
	}
	w = &d->waiting[d->n_waiting - 1];
	w->last = seq;
	strcpy(w->hash, r->hash);
}

/* Files of record @seq with what @result holds, once there is room. */
static int put_files(struct drop *d, const struct chain_record *r, uint64_t seq,
		     const struct record *result)
{
	struct waiting *w;
	int e;

	/* Emptied, or another folder in the place of ours: what waits is written
	 * there again, before a new number makes it look taken. */
	if (!exists(d, PREPARED)) {
		e = begin_prepared(d);
		if (e == 0)
			return FOLLOW_ANEW;
	} else {
		e = deliver(d, seq, result);
	}
	if (e < 0) {
		trouble_tell(&d->trouble,
			     "record %" PRIu64 ": %s: %s; trying again", seq,
			     d->set->folder, strerror(-e));
		return FOLLOW_ANEW;
	}
	trouble_over(&d->trouble, "files are written again");
	w = &d->waiting[d->n_waiting];
	strcpy(w->ledger, result->head.ledger);
	w->seq = seq;
	d->n_waiting++;
	go_along(d, r, seq);
	return 0;
}

static int take_result(struct drop *d, const struct chain_record *r,
		       struct record *record)
{
	CLEANUP(record_deinit) struct record result = { 0 };
	const char *bus = *d->set->bus ? d->set->bus : NULL;
	const bool is_amendment = record->head.kind == CHAIN_AMEND;
	struct record *what = is_amendment ? &result : record;
	int e;

	if (d->n_waiting == (size_t)d->set->waiting) {
		trouble_tell(
			&d->trouble,
			"%d results wait in %s: the others stay in the ledger",
			d->set->waiting, d->set->folder);
		return FOLLOW_LATER;
	}
	e = is_amendment ? drop_amended_result(bus, &d->later, record, &result)
			 : drop_amended_apply(bus, &d->later, record);
	if (e < 0) {
		trouble_tell(
			&d->trouble,
			"record %" PRIu64
			": reespecd did not say what was amended; trying again",
			record->head.seq);
		return FOLLOW_ANEW;
	}
	/* One that was cut off before its first reading has no contents. */
	if (!js_get(what->json, "elements")) {
		go_along(d, r, record->head.seq);
		return 0;
	}
	return put_files(d, r, record->head.seq, what);
}

static int on_take(void *userdata, const struct chain_record *r,
		   const struct chain_head *h)
{
	struct record record = { .head = *h };
	struct drop *d = userdata;
	const char *why = "";
	int e;

	if (h->kind != CHAIN_RESULT && h->kind != CHAIN_AMEND) {
		go_along(d, r, h->seq);
		return 0;
	}
	if (chain_read_body(r->body, r->body_len, &record.head, &record.json,
			    &why) < 0) {
		log_error("record %" PRIu64 ": %s", h->seq, why);
		return FOLLOW_FAILED;
	}
	e = take_result(d, r, &record);
	js_free(record.json);
	return e;
}

/* Whether a share was mounted over the folder that was opened, or it was moved:
 * a LIMS does not see what is written here any more. */
static bool is_elsewhere(const struct drop *d)
{
	struct stat ours, theirs;

	return fstat(d->dir_fd, &ours) == 0 &&
	       stat(d->set->folder, &theirs) == 0 &&
	       (ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino);
}

static int64_t on_safe(void *userdata, char ret_hash[CHAIN_HASH_SIZE])
{
	struct drop *d = userdata;
	char events[4096];
	size_t n = 0;

	while (read(d->inotify_fd, events, sizeof(events)) > 0)
		;
	/* Started again it serves that one, where nothing counts as taken. */
	if (is_elsewhere(d)) {
		log_error(
			"%s: another folder is there now: started again, it serves that one",
			d->set->folder);
		return -FOLLOW_FAILED;
	}
	/* Another folder has come in the place of ours: nobody took it all. */
	if (!exists(d, PREPARED)) {
		trouble_tell(&d->trouble, "%s: " PREPARED " has gone",
			     d->set->folder);
		return 0;
	}
	while (n < d->n_waiting && is_taken(d, &d->waiting[n])) {
		d->safe = d->waiting[n].last;
		strcpy(d->safe_hash, d->waiting[n].hash);
		n++;
	}
	d->n_waiting -= n;
	memmove(d->waiting, d->waiting + n,
		d->n_waiting * sizeof(d->waiting[0]));
	strcpy(ret_hash, d->safe_hash);
	return (int64_t)d->safe;
}

/* ---- settings -------------------------------------------------------------- */

static int read_formats(struct drop *d)
{
	for (char **word = d->set->formats; *word; word++) {
		int f = 0;

		while (f < N_FORMATS && strcmp(*word, formats[f]))
			f++;
		if (f == N_FORMATS) {
			log_error("[drop] formats: %s: want lis2 or csv",
				  *word);
			return -EINVAL;
		}
		d->has_format[f] = true;
	}
	if (*d->set->formats)
		return 0;
	log_error("[drop] formats: want lis2 or csv");
	return -EINVAL;
}

static int open_folder(struct drop *d)
{
	CLEANUP(closep) int dir_fd = -1, inotify_fd = -1;
	const char *folder = d->set->folder;
	int r;

	dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	/* Not every file system of a network has locks. */
	if (flock(dir_fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return -EBUSY;
	inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (inotify_fd < 0 || inotify_add_watch(inotify_fd, folder,
						IN_DELETE | IN_MOVED_FROM) < 0)
		return -errno;
	d->dir_fd = dir_fd;
	r = read_prepared(d);
	if (r < 0) {
		d->dir_fd = -1;
		return r;
	}
	d->dir_fd = TAKE_FD(dir_fd);
	d->inotify_fd = TAKE_FD(inotify_fd);
	return 0;
}

/* A share may come later than this program, when a machine starts. */
static int find_folder(struct drop *d)
{
	const char *folder = d->set->folder;
	int r;

	for (;;) {
		r = open_folder(d);
		if (r == 0 || r == -EBUSY || r == -EBADMSG)
			break;
		trouble_tell(&d->trouble, "[drop] folder: %s: %s; trying again",
			     folder, strerror(-r));
		sleep(1);
	}
	if (r == -EBUSY)
		log_error(
			"[drop] folder: another reespec-drop uses %s: end it, or name another folder",
			folder);
	else if (r == -EBADMSG)
		log_error(
			"%s/" PREPARED
			": is not this program's: move it away, or name another folder",
			folder);
	else
		trouble_over(&d->trouble, "the folder is there");
	return r;
}

static void drop_deinit(struct drop *d)
{
	later_deinit(&d->later);
	free(d->waiting);
	free(d->prepared);
	closep(&d->inotify_fd);
	closep(&d->dir_fd);
}

static int run(struct drop *d, struct follow *follow)
{
	const struct settings *set = d->set;

	if (read_formats(d) < 0 || find_folder(d) < 0)
		return FOLLOW_USAGE;
	d->waiting = calloc((size_t)set->waiting, sizeof(*d->waiting));
	if (!d->waiting)
		return FOLLOW_FAILED;
	follow->address = *set->bus ? set->bus : NULL;
	follow->reader = set->reader;
	follow->fd = d->inotify_fd;
	return follow_run(follow);
}

int main(int argc, char **argv)
{
	static const struct follow_ops ops = { on_start, on_take, on_safe,
					       NULL };
	struct settings settings = { 0 };
	struct program program = {
		.name = "reespec-drop",
		.config = "/etc/reespec/drop.conf",
		.summary = "Puts results as files into a folder for a LIMS.",
		.table = &table,
	};
	struct drop drop = { .set = &settings, .dir_fd = -1, .inotify_fd = -1 };
	struct follow follow = {
		.ops = &ops,
		.userdata = &drop,
		.wake_ms = LOOK_MS,
	};
	int code = 0;

	if (program_start(&program, argc, argv, &settings, &code))
		return code;
	code = run(&drop, &follow);
	drop_deinit(&drop);
	ini_release(&table, &settings);
	return code;
}
