// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * INI files read by a table of keys.
 *
 * inih cuts the file into lines and pairs; this file collects the pairs with
 * their lines, which inih does not tell its handler, and afterwards goes
 * through them by the table. Of a section nothing is told but its pairs, so
 * headers are noted as their lines go by: one that nobody knows and that holds
 * nothing is most likely a slip, too.
 */
#include "base/ini.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"

struct pair {
	char *section;
	char *key;
	struct buf value;
	int line;
	bool is_used;
};

struct header {
	char section[64];
	int line;
};

/* inih's view of the text and what came out of it. */
struct file {
	const char *text;
	size_t len;
	size_t pos;
	int line; /* of the line handed out last */
	bool is_indented; /* that line: it continues a value */
	int bad_line; /* first line refused here, 0 = none */
	const char *bad_why;
	char bad_section[64]; /* with bad_key, when a key is to blame */
	char bad_key[64];
	int r; /* -ENOMEM */
	struct pair *pairs;
	size_t n_pairs;
	struct header *headers;
	size_t n_headers;
};

static void file_deinit(struct file *f)
{
	for (size_t i = 0; i < f->n_pairs; i++) {
		free(f->pairs[i].section);
		free(f->pairs[i].key);
		buf_deinit(&f->pairs[i].value);
	}
	free(f->pairs);
	free(f->headers);
}

static void refuse_line(struct file *f, const char *why)
{
	if (f->bad_line)
		return;
	f->bad_line = f->line;
	f->bad_why = why;
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

static bool utf8_valid(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	const unsigned char *end = p + len;

	while (p < end) {
		/* lowest and highest second byte, by the first */
		unsigned int low = 0x80, high = 0xbf;
		size_t more;

		if (*p < 0x80)
			more = 0;
		else if (*p >= 0xc2 && *p <= 0xdf)
			more = 1;
		else if (*p >= 0xe0 && *p <= 0xef)
			more = 2;
		else if (*p >= 0xf0 && *p <= 0xf4)
			more = 3;
		else
			return false;
		if (*p == 0xe0)
			low = 0xa0;
		if (*p == 0xed)
			high = 0x9f; /* surrogates */
		if (*p == 0xf0)
			low = 0x90;
		if (*p == 0xf4)
			high = 0x8f;
		if ((size_t)(end - p) <= more)
			return false;
		for (size_t i = 1; i <= more; i++) {
			if (p[i] < low || p[i] > high)
				return false;
			low = 0x80;
			high = 0xbf;
		}
		p += more + 1;
	}
	return true;
}

static int add_header(struct file *f, const char *name, size_t len)
{
	struct header *headers, *h;

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
static int note_header(struct file *f, const char *start, size_t len)
{
	const char *end;

	if (!len || *start != '[')
		return 0;
	end = memchr(start, ']', len);
	return end ? add_header(f, start + 1, (size_t)(end - start) - 1) : 0;
}

/* The library's fgets(): one line into @str of @size bytes. */
static char *read_line(char *str, int size, void *stream)
{
	struct file *f = stream;
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
		refuse_line(f, "a NUL byte");
	else if (!utf8_valid(start, len))
		refuse_line(f, "not UTF-8");
	else if (has_control(start, len))
		refuse_line(f, "a control character");
	/* Cut by the library, the rest would be read as a line of its own. */
	if (len > (size_t)size - 3) {
		refuse_line(f, "line too long: continue it on indented lines");
		len = (size_t)size - 3;
	}
	if (f->r >= 0)
		f->r = note_header(f, start, len);
	memcpy(str, start, len);
	str[len] = '\0';
	return str;
}

static struct pair *find_pair(const struct file *f, const char *section,
			      const char *key)
{
	for (size_t i = 0; i < f->n_pairs; i++) {
		struct pair *p = &f->pairs[i];

		if (!strcmp(p->section, section) && !strcmp(p->key, key))
			return p;
	}
	return NULL;
}

static int add_pair(struct file *f, const char *section, const char *key,
		    const char *value)
{
	struct pair *pairs, *p;

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

static int on_pair(void *user, const char *section, const char *key,
		   const char *value)
{
	struct file *f = user;
	struct pair *last = f->n_pairs ? &f->pairs[f->n_pairs - 1] : NULL;

	if (f->r < 0)
		return 0;
	if (f->is_indented && last && !strcmp(last->key, key)) {
		if (last->value.len)
			f->r = buf_append(&last->value, " ", 1);
		if (f->r >= 0)
			f->r = buf_append(&last->value, value,
					  value_len(value));
		return f->r >= 0;
	}
	if (find_pair(f, section, key)) {
		if (!f->bad_line) {
			snprintf(f->bad_section, sizeof(f->bad_section), "%s",
				 section);
			snprintf(f->bad_key, sizeof(f->bad_key), "%s", key);
		}
		refuse_line(f, "the key stands twice in its section");
		return 0;
	}
	f->r = add_pair(f, section, key, value);
	return f->r >= 0;
}

/* ---- values by the table -------------------------------------------------- */

struct reading {
	const struct ini_table *table;
	void *target;
	struct ini_error *err;
};

static int refuse(struct reading *rd, const struct pair *p,
		  const struct ini_key *k, const char *why)
{
	struct ini_error *err = rd->err;

	err->line = p ? p->line : 0;
	snprintf(err->section, sizeof(err->section), "%s",
		 k ? k->section : p->section);
	snprintf(err->key, sizeof(err->key), "%s", k ? k->key : p->key);
	snprintf(err->why, sizeof(err->why), "%s", why);
	return -EBADMSG;
}

static int refuse_number(struct reading *rd, const struct pair *p,
			 const struct ini_key *k, const char *text,
			 const char *what)
{
	const char *unit = k->unit ? k->unit : "";
	char shown[61];
	char why[320];

	text_show(shown, sizeof(shown), text);
	if (k->min < k->max)
		snprintf(why, sizeof(why), "`%s` is not %s from %g to %g%s%s",
			 shown, what, k->min, k->max, *unit ? " " : "", unit);
	else
		snprintf(why, sizeof(why), "`%s` is not %s%s%s", shown, what,
			 *unit ? ", " : "", unit);
	return refuse(rd, p, k, why);
}

static int read_number(struct reading *rd, const struct pair *p,
		       const struct ini_key *k, const char *text, void *field)
{
	bool is_int = k->type == INI_INT;
	const char *what = is_int ? "a whole number" : "a number";
	char *end;
	double n;

	n = strtod(text, &end);
	if (end == text || *end || !isfinite(n) || strpbrk(text, "xX") ||
	    isspace((unsigned char)*text))
		return refuse_number(rd, p, k, text, what);
	if (k->min < k->max && (n < k->min || n > k->max))
		return refuse_number(rd, p, k, text, what);
	if (!is_int) {
		*(double *)field = n;
		return 0;
	}
	if (n != rint(n) || n < INT32_MIN || n > INT32_MAX)
		return refuse_number(rd, p, k, text, what);
	*(int *)field = (int)n;
	return 0;
}

static int read_word(struct reading *rd, const struct pair *p,
		     const struct ini_key *k, const char *text, int *ret)
{
	CLEANUP(buf_deinit) struct buf why = { 0 };
	char shown[61];
	int r;

	for (int i = 0; k->values[i]; i++) {
		if (!strcmp(k->values[i], text)) {
			*ret = i;
			return 0;
		}
	}
	r = buf_printf(&why, "`%s` is not one of:",
		       text_show(shown, sizeof(shown), text));
	for (int i = 0; k->values[i] && r >= 0; i++)
		r = buf_printf(&why, " %s", k->values[i]);
	return r < 0 ? r : refuse(rd, p, k, why.data);
}

static int read_bool(struct reading *rd, const struct pair *p,
		     const struct ini_key *k, const char *text, bool *ret)
{
	static const char *const words[] = { "yes", "true",  "on",
					     "no",  "false", "off" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcasecmp(words[i], text)) {
			*ret = i < 3;
			return 0;
		}
	}
	return refuse(rd, p, k, "neither yes nor no");
}

static void free_list(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

static int read_list(const char *text, char ***ret)
{
	size_t max = strlen(text) / 2 + 2;
	char **list;
	size_t n = 0;

	list = calloc(max, sizeof(*list));
	if (!list)
		return -ENOMEM;
	while (*(text += strspn(text, ", \t"))) {
		size_t len = strcspn(text, ", \t");

		list[n] = strndup(text, len);
		if (!list[n++]) {
			free_list(list);
			return -ENOMEM;
		}
		text += len;
	}
	*ret = list;
	return 0;
}

static int read_custom(struct reading *rd, const struct pair *p,
		       const struct ini_key *k, const char *text, void *field)
{
	const char *why = NULL;
	int r;

	r = k->parse(text, field, &why);
	if (!r || r == -ENOMEM)
		return r;
	return refuse(rd, p, k, why ? why : "not understood");
}

static int read_value(struct reading *rd, const struct pair *p,
		      const struct ini_key *k, const char *text)
{
	void *field = (char *)rd->target + k->offset;

	switch (k->type) {
	case INI_STRING:
		*(char **)field = strdup(text);
		return *(char **)field ? 0 : -ENOMEM;
	case INI_LIST:
		return read_list(text, field);
	case INI_DOUBLE:
	case INI_INT:
		return read_number(rd, p, k, text, field);
	case INI_BOOL:
		return read_bool(rd, p, k, text, field);
	case INI_ENUM:
		return read_word(rd, p, k, text, field);
	case INI_CUSTOM:
		return read_custom(rd, p, k, text, field);
	}
	return -EINVAL;
}

static bool section_known(const struct ini_table *table, const char *section)
{
	for (size_t i = 0; i < table->n_keys; i++) {
		if (!strcmp(table->keys[i].section, section))
			return true;
	}
	return false;
}

static int read_other(struct reading *rd, const struct pair *p)
{
	const char *why = NULL;
	int r = -ENOENT;

	if (rd->table->other)
		r = rd->table->other(rd->target, p->section, p->key,
				     p->value.data ? p->value.data : "", &why);
	if (!r || r == -ENOMEM)
		return r;
	if (r != -ENOENT)
		return refuse(rd, p, NULL, why ? why : "not understood");
	return refuse(rd, p, NULL,
		      section_known(rd->table, p->section)
			      ? "no such key in this section"
			      : "no such section");
}

static bool has_pairs(const struct file *f, size_t header)
{
	const int from = f->headers[header].line;
	const int to = header + 1 < f->n_headers ? f->headers[header + 1].line
						 : INT_MAX;

	for (size_t i = 0; i < f->n_pairs; i++)
		if (f->pairs[i].line > from && f->pairs[i].line < to)
			return true;
	return false;
}

static int check_headers(struct reading *rd, const struct file *f)
{
	struct ini_error *err = rd->err;

	for (size_t i = 0; i < f->n_headers; i++) {
		const struct header *h = &f->headers[i];

		if (section_known(rd->table, h->section) || has_pairs(f, i))
			continue;
		memset(err->key, 0, sizeof(err->key));
		err->line = h->line;
		text_show(err->section, sizeof(err->section), h->section);
		snprintf(err->why, sizeof(err->why), "%s",
			 rd->table->other ? "a section without keys"
					  : "no such section");
		return -EBADMSG;
	}
	return 0;
}

static int read_others(struct reading *rd, struct file *f)
{
	int r;

	for (size_t i = 0; i < f->n_pairs; i++) {
		if (f->pairs[i].is_used)
			continue;
		r = read_other(rd, &f->pairs[i]);
		if (r < 0)
			return r;
	}
	return check_headers(rd, f);
}

static int read_pairs(struct reading *rd, struct file *f)
{
	const struct ini_table *t = rd->table;
	int r;

	for (size_t i = 0; i < t->n_keys; i++) {
		const struct ini_key *k = &t->keys[i];
		struct pair *p = find_pair(f, k->section, k->key);

		if (p)
			p->is_used = true;
	}
	for (size_t i = 0; i < t->n_keys; i++) {
		const struct ini_key *k = &t->keys[i];
		struct pair *p = find_pair(f, k->section, k->key);
		const char *text = k->def;

		if (p)
			text = p->value.data ? p->value.data : "";
		/* A key that is not known may be this one, misspelt. */
		if (!text) {
			r = read_others(rd, f);
			return r < 0 ? r
				     : refuse(rd, NULL, k,
					      "required, and not there");
		}
		r = read_value(rd, p, k, text);
		if (r < 0)
			return r;
	}
	return read_others(rd, f);
}

static int refuse_file(struct ini_error *err, int line, const char *why)
{
	err->line = line;
	snprintf(err->why, sizeof(err->why), "%s", why);
	return -EBADMSG;
}

int ini_parse_text(const char *name, const char *text, size_t len,
		   const struct ini_table *table, void *target,
		   struct ini_error *err)
{
	CLEANUP(file_deinit) struct file f = { .text = text, .len = len };
	struct reading rd = { .table = table, .target = target, .err = err };
	int line, r;

	memset(err, 0, sizeof(*err));
	snprintf(err->file, sizeof(err->file), "%s", name);

	line = ini_parse_stream(read_line, &f, on_pair, &f);
	if (f.r < 0 || line < 0)
		return -ENOMEM;
	if (f.bad_line && (!line || f.bad_line <= line)) {
		memcpy(err->section, f.bad_section, sizeof(err->section));
		memcpy(err->key, f.bad_key, sizeof(err->key));
		return refuse_file(err, f.bad_line, f.bad_why);
	}
	if (line)
		return refuse_file(err, line,
				   "neither [section] nor key = value");

	r = read_pairs(&rd, &f);
	if (r < 0)
		ini_release(table, target);
	return r;
}

int ini_load(const char *path, const struct ini_table *table, void *target,
	     struct ini_error *err)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	int r;

	r = buf_read_file(&text, path, INI_FILE_MAX);
	if (r < 0) {
		memset(err, 0, sizeof(*err));
		snprintf(err->file, sizeof(err->file), "%s", path);
		snprintf(err->why, sizeof(err->why), "%s", strerror(-r));
		return r;
	}
	return ini_parse_text(path, text.data ? text.data : "", text.len, table,
			      target, err);
}

void ini_release(const struct ini_table *table, void *target)
{
	for (size_t i = 0; i < table->n_keys; i++) {
		const struct ini_key *k = &table->keys[i];
		void *field = (char *)target + k->offset;

		if (k->type == INI_STRING) {
			free(*(char **)field);
			*(char **)field = NULL;
		} else if (k->type == INI_LIST) {
			free_list(*(char ***)field);
			*(char ***)field = NULL;
		} else if (k->type == INI_CUSTOM && k->release) {
			k->release(field);
		}
	}
}

void ini_error_text(const struct ini_error *err, char *ret, size_t size)
{
	char place[16] = "";

	if (err->line)
		snprintf(place, sizeof(place), ":%d", err->line);
	if (*err->section || *err->key)
		snprintf(ret, size, "%s%s: [%s]%s%s: %s", err->file, place,
			 err->section, *err->key ? " " : "", err->key,
			 err->why);
	else
		snprintf(ret, size, "%s%s: %s", err->file, place, err->why);
}
