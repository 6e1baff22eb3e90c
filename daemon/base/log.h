/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages of a program on stderr. Only programs log: base, proto, assay and
 * ledger return errors.
 */
#ifndef DAEMON_BASE_LOG_H
#define DAEMON_BASE_LOG_H

#include <stdarg.h>
#include <syslog.h>

/*
 * Sets the name that precedes a message and the least urgent level that is
 * written (LOG_ERR..LOG_DEBUG of syslog.h). @program is kept, not copied.
 * When stderr is the journal (JOURNAL_STREAM names it) a message starts with
 * its level as <N>; else with the program's name.
 */
void log_init(const char *program, int max_level);

/*
 * One line a call. Control bytes in the finished text are written as \xNN,
 * so that text of an operator cannot forge a line. errno is left as it was.
 */
void log_write(int level, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));
void log_writev(int level, const char *format, va_list args)
	__attribute__((__format__(__printf__, 2, 0)));

/* What a message is about, for `journalctl REESPEC_SERIAL=38563`. */
struct log_field {
	const char *name; /* upper case, NULL at the end */
	const char *value;
};

/*
 * The same for an event that has a number of its own, 32 hex digits, which the
 * message catalog explains; @fields may be NULL. Only the journal gets number
 * and fields, when log_init() found it or log_journal() named it.
 */
void log_event(int level, const char *message_id,
	       const struct log_field *fields, const char *format, ...)
	__attribute__((__format__(__printf__, 4, 5)));

/* The journal's native socket, for events; NULL: none. */
void log_journal(const char *path);

#define log_error(...) log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_write(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

#endif
