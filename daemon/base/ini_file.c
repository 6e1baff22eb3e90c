// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lines and pairs of an INI file.
 *
 * inih cuts the file into lines and pairs; this file collects the pairs with
 * their lines, which inih does not tell its handler. Of a section nothing is
 * told but its pairs, so headers are noted as their lines go by: one that nobody
 * knows and that holds nothing is most likely a slip, too.
 */
#include "base/ini_file.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void ini_file_deinit(struct ini_file *f)
{
	for (size_t i = 0; i < f->n_pairs; i++) {
		free(f->pairs[i].section);
		free(f->pairs[i].key);
		buf_deinit(&f->pairs[i].value);
	}
	free(f->pairs);
	free(f->headers);
	free(f->bad);
}

static void refuse_line(struct ini_file *f, const char *section,
			const char *key, const char *why)
{
	struct ini_bad_line *more =
		reallocarray(f->bad, f->n_bad + 1, sizeof(*more));

	if (!more) {
		f->r = -ENOMEM;
		return;
	}
	f->bad = more;
	more += f->n_bad++;
	*more = (struct ini_bad_line){ .line = f->line, .why = why };
	snprintf(more->section, sizeof(more->section), "%s", section);
	snprintf(more->key, sizeof(more->key), "%s", key);
}

/* What a terminal would obey: C0 but for what ends and indents lines, and C1. */
static bool has_control(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const unsigned char c = (unsigned char)text[i];

		if ((c < ' ' && !strchr("\t\r\n", c)) || c == 0x7f ||
		    (c == 0xc2 && i + 1 < len &&
		     (unsigned char)text[i + 1] < 0xa0))
			return true;
	}
	return false;
}

static int add_header(struct ini_file *f, const char *name, size_t len)
{
	struct ini_header *headers, *h;

	headers = realloc(f->headers, (f->n_headers + 1) * sizeof(*headers));
	if (!headers)
		return -ENOMEM;
	f->headers = headers;
	h = &headers[f->n_headers++];
	h->line = f->line;
	snprintf(h->section, sizeof(h->section), "%.*s", (int)len, name);
	return 0;
}

/* A line in the middle of a value is indented, and none of ours. */
static int note_header(struct ini_file *f, const char *start, size_t len)
{
	const char *end;

	if (!len || *start != '[')
		return 0;
	end = memchr(start, ']', len);
	return end ? add_header(f, start + 1, (size_t)(end - start) - 1) : 0;
}

/* As the library sees it, which tells of the first of those that are none. */
static bool is_line(const struct ini_file *f, const char *start, size_t len)
{
	while (len && isspace((unsigned char)*start)) {
		start++;
		len--;
	}
	if (!len || *start == ';' || *start == '#')
		return true;
	if (f->is_indented && f->n_pairs)
		return true;
	if (*start == '[')
		return memchr(start, ']', len);
	return memchr(start, '=', len) || memchr(start, ':', len);
}

/* The library's fgets(): one line into @str of @size bytes. */
static char *read_line(char *str, int size, void *stream)
{
	struct ini_file *f = stream;
	const char *start = f->text + f->pos;
	const char *end;
	size_t len;

	if (f->pos >= f->len)
		return NULL;
	end = memchr(start, '\n', f->len - f->pos);
	len = end ? (size_t)(end - start) : f->len - f->pos;
	f->pos += len + (end ? 1 : 0);
	f->line++;
	f->is_indented = len && isspace((unsigned char)*start);

	if (memchr(start, '\0', len))
		refuse_line(f, "", "", "a NUL byte");
	else if (!text_is_utf8(start, len))
		refuse_line(f, "", "", "not UTF-8");
	else if (has_control(start, len))
		refuse_line(f, "", "", "a control character");
	else if (!is_line(f, start, len))
		refuse_line(f, "", "", INI_NO_LINE);
	/* Cut by the library, the rest would be read as a line of its own. */
	if (len > (size_t)size - 3) {
		refuse_line(f, "", "",
			    "line too long: continue it on indented lines");
		len = (size_t)size - 3;
	}
	if (f->r >= 0)
		f->r = note_header(f, start, len);
	memcpy(str, start, len);
	str[len] = '\0';
	return str;
}

struct ini_pair *ini_file_find(const struct ini_file *f, const char *section,
			       const char *key)
{
	for (size_t i = 0; i < f->n_pairs; i++) {
		struct ini_pair *p = &f->pairs[i];

		if (!strcmp(p->section, section) && !strcmp(p->key, key))
			return p;
	}
	return NULL;
}

static int add_pair(struct ini_file *f, const char *section, const char *key,
		    const char *value)
{
	struct ini_pair *pairs, *p;

	pairs = realloc(f->pairs, (f->n_pairs + 1) * sizeof(*pairs));
	if (!pairs)
		return -ENOMEM;
	f->pairs = pairs;
	p = &pairs[f->n_pairs++];
	memset(p, 0, sizeof(*p));
	p->line = f->line;
	p->section = strdup(section);
	p->key = strdup(key);
	if (!p->section || !p->key)
		return -ENOMEM;
	return buf_append_str(&p->value, value);
}

/* The library strips ` ; comment` from first lines only. */
static size_t value_len(const char *value)
{
	size_t len = strlen(value);

	for (size_t i = 1; i < len; i++) {
		if (value[i] == ';' && isspace((unsigned char)value[i - 1])) {
			len = i;
			break;
		}
	}
	while (len && isspace((unsigned char)value[len - 1]))
		len--;
	return len;
}

static int add_line(struct ini_pair *p, const char *value)
{
	int r = p->value.len ? buf_append(&p->value, " ", 1) : 0;

	return r < 0 ? r : buf_append(&p->value, value, value_len(value));
}

static int on_pair(void *user, const char *section, const char *key,
		   const char *value)
{
	struct ini_file *f = user;

	if (f->r < 0)
		return 0;
	if (f->is_indented && f->n_pairs) {
		struct ini_pair *last = &f->pairs[f->n_pairs - 1];

		if (!strcmp(last->key, key)) {
			f->r = add_line(last, value);
			return f->r >= 0;
		}
	}
	if (ini_file_find(f, section, key)) {
		refuse_line(f, section, key,
			    "the key stands twice in its section");
		return 1;
	}
	f->r = add_pair(f, section, key, value);
	return f->r >= 0;
}

int ini_file_parse(struct ini_file *f)
{
	const int line = ini_parse_stream(read_line, f, on_pair, f);

	return f->r < 0 || line < 0 ? -ENOMEM : line;
}
