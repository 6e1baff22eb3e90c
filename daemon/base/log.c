// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages of a program on stderr, for people or for the journal. */
#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_LINE_MAX 2048

static const char *log_program = "?";
static int log_max_level = LOG_INFO;
static bool log_is_journal;
static int log_journal_fd = -1;

/* systemd sets JOURNAL_STREAM to "device:inode" of the stream it made; it is
 * inherited, so it is only believed when stderr still is that stream. */
static bool stderr_is_journal(void)
{
	const char *env = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	if (!env || sscanf(env, "%llu:%llu", &dev, &ino) != 2)
		return false;
	if (fstat(STDERR_FILENO, &st) < 0)
		return false;
	return st.st_dev == dev && st.st_ino == ino;
}

void log_init(const char *program, int max_level)
{
	log_program = program;
	log_max_level = max_level;
	log_is_journal = stderr_is_journal();
	if (log_is_journal)
		log_journal("/run/systemd/journal/socket");
}

void log_journal(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (log_journal_fd >= 0)
		close(log_journal_fd);
	log_journal_fd = -1;
	if (!path || strlen(path) >= sizeof(addr.sun_path))
		return;
	strcpy(addr.sun_path, path);
	log_journal_fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log_journal_fd >= 0 &&
	    connect(log_journal_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		log_journal(NULL);
}

/* Escapes control bytes; what does not fit is cut. */
static size_t sanitise(const char *in, char *out, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (; *in && n + 5 < size; in++) {
		unsigned char c = (unsigned char)*in;

		if (c >= 0x20 && c != 0x7f) {
			out[n++] = *in;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	out[n] = '\0';
	return n;
}

void log_writev(int level, const char *format, va_list args)
{
	char text[LOG_LINE_MAX];
	char line[LOG_LINE_MAX + 64];
	int saved = errno;
	size_t n;

	if (level > log_max_level)
		return;

	vsnprintf(text, sizeof(text), format, args);
	if (log_is_journal)
		n = (size_t)snprintf(line, 64, "<%d>", level);
	else
		n = (size_t)snprintf(line, 64, "%.60s: ", log_program);
	n += sanitise(text, line + n, sizeof(line) - n - 1);
	line[n++] = '\n';
	/* One write, so that lines of several programs do not mix. */
	if (write(STDERR_FILENO, line, n) < 0)
		errno = saved; /* nowhere left to say so */
	errno = saved;
}

void log_write(int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_writev(level, format, args);
	va_end(args);
}

/* NAME=value and a newline; without control bytes, as sanitise() leaves it, a
 * value is one line. What does not fit is left out. */
static size_t put_field(char *to, size_t size, const char *name,
			const char *value)
{
	char clean[LOG_LINE_MAX];
	int n;

	sanitise(value, clean, sizeof(clean));
	n = snprintf(to, size, "%s=%s\n", name, clean);
	return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

/* The journal's native protocol; false when it did not take it. */
static bool send_event(int level, const char *message_id,
		       const struct log_field *fields, const char *text)
{
	char data[2 * LOG_LINE_MAX];
	char priority[12];
	size_t n = 0;

	if (log_journal_fd < 0)
		return false;
	snprintf(priority, sizeof(priority), "%d", level);
	n += put_field(data + n, sizeof(data) - n, "MESSAGE", text);
	n += put_field(data + n, sizeof(data) - n, "MESSAGE_ID", message_id);
	n += put_field(data + n, sizeof(data) - n, "PRIORITY", priority);
	n += put_field(data + n, sizeof(data) - n, "SYSLOG_IDENTIFIER",
		       log_program);
	for (; fields && fields->name; fields++)
		n += put_field(data + n, sizeof(data) - n, fields->name,
			       fields->value);
	return send(log_journal_fd, data, n, MSG_NOSIGNAL) == (ssize_t)n;
}

void log_event(int level, const char *message_id,
	       const struct log_field *fields, const char *format, ...)
{
	char text[LOG_LINE_MAX];
	int saved = errno;
	va_list args;

	if (level > log_max_level)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!send_event(level, message_id, fields, text))
		log_write(level, "%s", text);
	errno = saved;
}
