/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text file in memory, line by line, and what is wrong with it. */
#ifndef DAEMON_PROTO_SCAN_H
#define DAEMON_PROTO_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is wrong, on which line, in which field. */
struct scan_error {
	int line; /* from 1; 0: the file as a whole */
	char field[64];
	char why[200];
};

struct scan {
	const char *data;
	size_t len;
	const char *separators; /* between numbers, beside blanks: "" or ",;" */
	struct scan_error *err; /* may be NULL */

	size_t pos; /* of the line that follows */
	int line; /* number of the line, from 1 */
	const char *text; /* the line, without blanks at its ends */
	size_t text_len;
};

/* Before the first line; all are borrowed. */
struct scan scan_start(const char *data, size_t len, const char *separators,
		       struct scan_error *err);

/* -EBADMSG, with the error filled in for the line at hand. */
int scan_refuse(struct scan *s, const char *field, const char *format, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/* The line for a message: short, and without control bytes. */
const char *scan_excerpt(const struct scan *s, char ret[32]);

/* 1 and the next line, 0 at the end, -EBADMSG: a NUL byte, a huge line. */
int scan_line(struct scan *s);

/* The line is @word; it begins with @word. */
bool scan_is(const struct scan *s, const char *word);
bool scan_begins(const struct scan *s, const char *word);

/*
 * A finite number of the line from *pos on; blanks and one separator behind
 * it are passed. False, and *pos anywhere, when none stands there.
 */
bool scan_number(const struct scan *s, size_t *pos, double *ret);
/* Nothing but blanks from @pos on. */
bool scan_at_end(const struct scan *s, size_t pos);

/* The rest of the line as UTF-8; -EBADMSG when @size is too small. */
int scan_text(struct scan *s, size_t pos, const char *field, char *ret,
	      size_t size);
/* The rest of the line as a time in seconds, 0 or more. */
int scan_seconds(struct scan *s, size_t pos, const char *field, double *ret);

/* Whether the live time is beyond the real time; NAN: not known. */
bool scan_times_contradict(double live_s, double real_s);

/* A counted number: -EBADMSG unless whole, not negative, below 2^32. */
int scan_count(struct scan *s, const char *field, size_t chan, double value,
	       uint32_t *ret);

/* `LINE: FIELD: WHY`, or ` FIELD: WHY` of the whole, to stand behind `PATH:`. */
void scan_error_text(const struct scan_error *err, char *ret, size_t size);

#endif
