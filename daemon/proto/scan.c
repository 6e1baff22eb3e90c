// SPDX-License-Identifier: GPL-2.0-or-later
/* A text file in memory, line by line, and what is wrong with it. */
#include "proto/scan.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cp1252.h"

#define LINE_MAX_LEN 1024
/* Times are written with a microsecond; a rounding is not a contradiction. */
#define TIME_SLACK_S 0.001

struct scan scan_start(const char *data, size_t len, const char *separators,
		       struct scan_error *err)
{
	return (struct scan){
		.data = data, .len = len, .separators = separators, .err = err
	};
}

int scan_refuse(struct scan *s, const char *field, const char *format, ...)
{
	va_list args;

	if (!s->err)
		return -EBADMSG;
	s->err->line = s->line;
	snprintf(s->err->field, sizeof(s->err->field), "%s", field);
	va_start(args, format);
	vsnprintf(s->err->why, sizeof(s->err->why), format, args);
	va_end(args);
	return -EBADMSG;
}

const char *scan_excerpt(const struct scan *s, char ret[32])
{
	size_t n = s->text_len < 24 ? s->text_len : 24;

	for (size_t i = 0; i < n; i++)
		ret[i] = isprint((unsigned char)s->text[i]) ? s->text[i] : '?';
	strcpy(ret + n, s->text_len > n ? "..." : "");
	return ret;
}

int scan_line(struct scan *s)
{
	const char *start = s->data + s->pos;
	size_t left = s->len - s->pos;
	const char *end;
	size_t n;

	if (!left)
		return 0;
	end = memchr(start, '\n', left);
	n = end ? (size_t)(end - start) : left;
	s->pos += n + (end ? 1 : 0);
	s->line++;
	if (memchr(start, '\0', n))
		return scan_refuse(s, "file",
				   "a NUL byte: this is not a text file");
	if (n > LINE_MAX_LEN)
		return scan_refuse(s, "file", "a line of %zu bytes", n);

	while (n && isspace((unsigned char)start[n - 1]))
		n--;
	while (n && isspace((unsigned char)*start)) {
		start++;
		n--;
	}
	s->text = start;
	s->text_len = n;
	return 1;
}

bool scan_is(const struct scan *s, const char *word)
{
	return s->text_len == strlen(word) && scan_begins(s, word);
}

bool scan_begins(const struct scan *s, const char *word)
{
	size_t n = strlen(word);

	return s->text_len >= n && !memcmp(s->text, word, n);
}

static void skip_blanks(const struct scan *s, size_t *pos)
{
	while (*pos < s->text_len && isblank((unsigned char)s->text[*pos]))
		(*pos)++;
}

static bool is_separator(const struct scan *s, char c)
{
	return c && strchr(s->separators, c);
}

bool scan_number(const struct scan *s, size_t *pos, double *ret)
{
	char text[48], *end;
	size_t n = 0;

	skip_blanks(s, pos);
	while (*pos < s->text_len && !isblank((unsigned char)s->text[*pos]) &&
	       !is_separator(s, s->text[*pos]) && n + 1 < sizeof(text))
		text[n++] = s->text[(*pos)++];
	text[n] = '\0';
	if (!n || strspn(text, "0123456789+-.eE") != n)
		return false;
	*ret = strtod(text, &end);
	if (*end || !isfinite(*ret))
		return false;
	skip_blanks(s, pos);
	if (*pos < s->text_len && is_separator(s, s->text[*pos]))
		(*pos)++;
	return true;
}

bool scan_at_end(const struct scan *s, size_t pos)
{
	skip_blanks(s, &pos);
	return pos == s->text_len;
}

int scan_text(struct scan *s, size_t pos, const char *field, char *ret,
	      size_t size)
{
	skip_blanks(s, &pos);
	if (!cp1252_decode(s->text + pos, s->text_len - pos, ret, size))
		return scan_refuse(s, field, "the text is too long");
	return 0;
}

int scan_seconds(struct scan *s, size_t pos, const char *field, double *ret)
{
	char line[32];
	double seconds;

	if (!scan_number(s, &pos, &seconds) || !scan_at_end(s, pos))
		return scan_refuse(s, field, "`%s` holds no number of seconds",
				   scan_excerpt(s, line));
	if (seconds < 0)
		return scan_refuse(s, field, "a time of %g s is negative",
				   seconds);
	*ret = seconds;
	return 0;
}

bool scan_times_contradict(double live_s, double real_s)
{
	return live_s > real_s + TIME_SLACK_S;
}

int scan_count(struct scan *s, const char *field, size_t chan, double value,
	       uint32_t *ret)
{
	if (value < 0)
		return scan_refuse(s, field,
				   "channel %zu holds %g, which is negative",
				   chan, value);
	if (value != floor(value))
		return scan_refuse(
			s, field,
			"channel %zu holds %g, which is not a whole count",
			chan, value);
	if (value > UINT32_MAX)
		return scan_refuse(s, field,
				   "channel %zu holds more than 2^32 counts",
				   chan);
	*ret = (uint32_t)value;
	return 0;
}

void scan_error_text(const struct scan_error *err, char *ret, size_t size)
{
	if (err->line)
		snprintf(ret, size, "%d: %s: %s", err->line, err->field,
			 err->why);
	else
		snprintf(ret, size, " %s: %s", err->field, err->why);
}
