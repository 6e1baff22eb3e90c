// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages of a program on stderr, for people or for the journal. */
#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_LINE_MAX 2048

static const char *log_program = "?";
static int log_max_level = LOG_INFO;
static bool log_is_journal;

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
