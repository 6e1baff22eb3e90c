// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * INI files read by a table of keys: ini_file.c gives the pairs with their
 * lines, this file goes through them by the table.
 */
#include "base/ini.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/ini_file.h"
#include "base/text.h"

struct reading {
	const struct ini_table *table;
	void *target;
	struct ini_error *err;
	struct ini_error first; /* of those that were told, n of them */
	size_t n_faults;
	char unknown[64]; /* the section that was told of last */
};

/* Whether to go on behind @r, which is then told: 0, or @r. */
static int go_on(struct reading *rd, int r)
{
	if (r != -EBADMSG || !rd->table->on_fault)
		return r;
	if (!rd->n_faults++)
		rd->first = *rd->err;
	rd->table->on_fault(rd->table->userdata, rd->err);
	return 0;
}

static int refuse(struct reading *rd, const struct ini_pair *p,
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

static int refuse_number(struct reading *rd, const struct ini_pair *p,
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

static int read_number(struct reading *rd, const struct ini_pair *p,
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

static int read_word(struct reading *rd, const struct ini_pair *p,
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
		if (*k->values[i])
			r = buf_printf(&why, " %s", k->values[i]);
	return r < 0 ? r : refuse(rd, p, k, why.data);
}

static int read_bool(struct reading *rd, const struct ini_pair *p,
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

static int read_custom(struct reading *rd, const struct ini_pair *p,
		       const struct ini_key *k, const char *text, void *field)
{
	struct ini_refusal no = { 0 };
	char word[sizeof(rd->err->why) / 2];
	char shown[61], why[sizeof(rd->err->why)];
	int r;

	r = k->parse(text, field, &no);
	if (!r || r == -ENOMEM)
		return r;
	snprintf(word, sizeof(word), "%.*s",
		 no.word ? (int)no.word_len : (int)sizeof(word) - 1,
		 no.word ? no.word : text);
	text_show(shown, sizeof(shown), word);
	snprintf(why, sizeof(why), "%s%s%s%s", *shown ? "`" : "", shown,
		 *shown ? "`: " : "", no.why ? no.why : "not understood");
	return refuse(rd, p, k, why);
}

static int read_value(struct reading *rd, const struct ini_pair *p,
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

/* "; the nearest is X; there are: X Y Z", each word once. */
struct offered {
	struct buf text;
	const char *nearest;
	const char *last;
	size_t distance;
};

static void offer(struct offered *o, const char *wanted, const char *word)
{
	const size_t distance = text_distance(wanted, word);

	if (o->last && !strcmp(o->last, word))
		return;
	o->last = word;
	buf_printf(&o->text, " %s", word);
	/* What shares less than half of its letters is not meant. */
	if (distance < o->distance && 2 * distance <= strlen(wanted)) {
		o->nearest = word;
		o->distance = distance;
	}
}

static bool section_known(const struct ini_table *table, const char *section)
{
	for (size_t i = 0; i < table->n_keys; i++) {
		if (!strcmp(table->keys[i].section, section))
			return true;
	}
	return false;
}

static int refuse_unknown(struct reading *rd, const struct ini_pair *p)
{
	const struct ini_table *t = rd->table;
	const bool is_section_known = section_known(t, p->section);
	struct offered o = { .distance = SIZE_MAX };
	char why[512];

	for (size_t i = 0; i < t->n_keys; i++) {
		const struct ini_key *k = &t->keys[i];

		if (!is_section_known)
			offer(&o, p->section, k->section);
		else if (!strcmp(k->section, p->section))
			offer(&o, p->key, k->key);
	}
	if (!is_section_known && t->other_section)
		offer(&o, p->section, t->other_section);
	snprintf(why, sizeof(why), "no such %s%s%s; there are:%s",
		 is_section_known ? "key in this section" : "section",
		 o.nearest ? "; the nearest is " : "",
		 o.nearest ? o.nearest : "",
		 o.text.data ? o.text.data : " none");
	buf_deinit(&o.text);
	if (!is_section_known)
		snprintf(rd->unknown, sizeof(rd->unknown), "%s", p->section);
	return refuse(rd, p, NULL, why);
}

static int read_other(struct reading *rd, const struct ini_pair *p)
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
	return refuse_unknown(rd, p);
}

static bool has_pairs(const struct ini_file *f, size_t header)
{
	const int from = f->headers[header].line;
	const int to = header + 1 < f->n_headers ? f->headers[header + 1].line
						 : INT_MAX;

	for (size_t i = 0; i < f->n_pairs; i++)
		if (f->pairs[i].line > from && f->pairs[i].line < to)
			return true;
	return false;
}

static int check_headers(struct reading *rd, const struct ini_file *f)
{
	struct ini_error *err = rd->err;
	int r;

	for (size_t i = 0; i < f->n_headers; i++) {
		const struct ini_header *h = &f->headers[i];

		if (section_known(rd->table, h->section) || has_pairs(f, i))
			continue;
		memset(err->key, 0, sizeof(err->key));
		err->line = h->line;
		text_show(err->section, sizeof(err->section), h->section);
		snprintf(err->why, sizeof(err->why), "%s",
			 rd->table->other ? "a section without keys"
					  : "no such section");
		r = go_on(rd, -EBADMSG);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_others(struct reading *rd, struct ini_file *f)
{
	int r;

	for (size_t i = 0; i < f->n_pairs; i++) {
		if (f->pairs[i].is_used)
			continue;
		/* A section that nobody knows is told once. */
		if (rd->n_faults && *rd->unknown &&
		    !strcmp(rd->unknown, f->pairs[i].section))
			continue;
		r = go_on(rd, read_other(rd, &f->pairs[i]));
		if (r < 0)
			return r;
	}
	return check_headers(rd, f);
}

#define MISSING "required, and not there"

static int read_pairs(struct reading *rd, struct ini_file *f)
{
	const struct ini_table *t = rd->table;
	int r;

	for (size_t i = 0; i < t->n_keys; i++) {
		const struct ini_key *k = &t->keys[i];
		struct ini_pair *p = ini_file_find(f, k->section, k->key);

		if (p)
			p->is_used = true;
	}
	for (size_t i = 0; i < t->n_keys; i++) {
		const struct ini_key *k = &t->keys[i];
		struct ini_pair *p = ini_file_find(f, k->section, k->key);
		const char *text = k->def;

		if (p)
			text = p->value.data ? p->value.data : "";
		/* A key that is not known may be this one, misspelt. */
		if (!text && !t->on_fault) {
			r = read_others(rd, f);
			return r < 0 ? r : refuse(rd, NULL, k, MISSING);
		}
		r = go_on(rd, text ? read_value(rd, p, k, text)
				   : refuse(rd, NULL, k, MISSING));
		if (r < 0)
			return r;
	}
	return read_others(rd, f);
}

/* Lines that are none, down the file; @line is the library's own first. */
static int refuse_lines(struct reading *rd, const struct ini_file *f, int line)
{
	struct ini_error *err = rd->err;
	int r;

	if (line && (!f->n_bad || line < f->bad[0].line)) {
		err->line = line;
		snprintf(err->why, sizeof(err->why), INI_NO_LINE);
		r = go_on(rd, -EBADMSG);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < f->n_bad; i++) {
		err->line = f->bad[i].line;
		snprintf(err->section, sizeof(err->section), "%s",
			 f->bad[i].section);
		snprintf(err->key, sizeof(err->key), "%s", f->bad[i].key);
		snprintf(err->why, sizeof(err->why), "%s", f->bad[i].why);
		r = go_on(rd, -EBADMSG);
		if (r < 0)
			return r;
	}
	return 0;
}

int ini_parse_text(const char *name, const char *text, size_t len,
		   const struct ini_table *table, void *target,
		   struct ini_error *err)
{
	CLEANUP(ini_file_deinit)
	struct ini_file f = { .text = text, .len = len };
	struct reading rd = { .table = table, .target = target, .err = err };
	int line, r;

	memset(err, 0, sizeof(*err));
	snprintf(err->file, sizeof(err->file), "%s", name);

	line = ini_file_parse(&f);
	if (line < 0)
		return line;
	r = refuse_lines(&rd, &f, line);
	if (r >= 0)
		r = read_pairs(&rd, &f);
	if (r < 0 && !table->on_fault)
		ini_release(table, target);
	if (r >= 0 && rd.n_faults) {
		*err = rd.first;
		r = -EBADMSG;
	}
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
