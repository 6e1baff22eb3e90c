// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A worklist: rows of a CSV file, each a command as it would have been typed:
 * the options that were typed hold for all, a column adds to them. What was
 * done is asked of the ledger, so there is no file of state to lose.
 */
#include "reespec/worklist.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "ledger/chain.h"
#include "reespec/client.h"
#include "reespec/records.h"

#define FILE_MAX (1 << 20)
#define ROWS_MAX 10000

struct worklist {
	const struct args *args;
	char *text; /* taken apart in place */
	char id[160]; /* "night.csv@0123456789ab" */
	char *column[WORKLIST_COLUMNS_MAX];
	size_t n_columns;
	size_t sample; /* its column */
	struct row {
		int line;
		char *cell[WORKLIST_COLUMNS_MAX];
		uint64_t done; /* record of its result, 0: none */
	} * row;
	size_t n_rows;
};

/* One line of RFC 4180 into cells; false for a stray quote or too many. */
static bool split(char *line, char *cells[WORKLIST_COLUMNS_MAX], size_t *ret_n)
{
	size_t n = 0;

	for (;;) {
		char *in = line, *out = line;

		if (n == WORKLIST_COLUMNS_MAX)
			return false;
		cells[n++] = line;
		if (*in == '"') {
			for (in++; *in && (*in != '"' || in[1] == '"'); in++) {
				if (*in == '"')
					in++;
				*out++ = *in;
			}
			if (*in++ != '"' || (*in && *in != ','))
				return false;
		} else {
			in += strcspn(in, ",");
			out = in;
		}
		line = *in ? in + 1 : NULL;
		*out = 0;
		if (!line)
			break;
	}
	*ret_n = n;
	return true;
}

static int add_row(struct worklist *w, const char *path, int number, char *line)
{
	struct row *more;
	size_t n = 0;

	if (w->n_rows == ROWS_MAX)
		return fail(w->args, REESPEC_USAGE, "%s: more than %d rows",
			    path, ROWS_MAX);
	more = reallocarray(w->row, w->n_rows + 1, sizeof(*more));
	if (!more)
		return fail(w->args, REESPEC_FAILED, "out of memory");
	w->row = more;
	more[w->n_rows] = (struct row){ .line = number };
	if (!split(line, more[w->n_rows].cell, &n))
		return fail(
			w->args, REESPEC_USAGE,
			"%s:%d: no row of CSV: a quote is open or there are more than %d cells",
			path, number, WORKLIST_COLUMNS_MAX);
	if (n != w->n_columns)
		return fail(w->args, REESPEC_USAGE,
			    "%s:%d: %zu cells where the first line names %zu",
			    path, number, n, w->n_columns);
	if (!*more[w->n_rows].cell[w->sample])
		return fail(w->args, REESPEC_USAGE, "%s:%d: sample: is empty",
			    path, number);
	for (size_t i = 0; i < n; i++)
		if (*more[w->n_rows].cell[i] &&
		    !text_valid(more[w->n_rows].cell[i], WORKLIST_WORD_MAX))
			return fail(
				w->args, REESPEC_USAGE,
				"%s:%d: %s: a control character, no UTF-8, or more than %d bytes",
				path, number, w->column[i], WORKLIST_WORD_MAX);
	w->n_rows++;
	return REESPEC_OK;
}

static int take_header(struct worklist *w, const char *path, char *line)
{
	if (!split(line, w->column, &w->n_columns))
		return fail(w->args, REESPEC_USAGE, "%s:1: no row of CSV",
			    path);
	w->sample = WORKLIST_COLUMNS_MAX;
	for (size_t i = 0; i < w->n_columns; i++) {
		const char *name = w->column[i];

		if (!text_valid(name, WORKLIST_WORD_MAX))
			return fail(w->args, REESPEC_USAGE,
				    "%s:1: column %zu has no name", path,
				    i + 1);
		if (!strcmp(name, "worklist") || !strcmp(name, "row"))
			return fail(w->args, REESPEC_USAGE,
				    "%s:1: %s: is given to each row by itself",
				    path, name);
		if (!strcmp(name, "sample"))
			w->sample = i;
	}
	if (w->sample < WORKLIST_COLUMNS_MAX)
		return REESPEC_OK;
	return fail(w->args, REESPEC_USAGE, "%s:1: no column is called sample",
		    path);
}

static int load(struct worklist *w, const char *path)
{
	const char *base = strrchr(path, '/');
	CLEANUP(buf_deinit) struct buf data = { 0 };
	char hash[CHAIN_HASH_SIZE];
	int r, number = 0;

	r = buf_read_file(&data, path, FILE_MAX);
	if (r < 0)
		return fail(w->args,
			    r == -ENOENT ? REESPEC_NOT_FOUND : REESPEC_FAILED,
			    "%s: %s", path, strerror(-r));
	chain_sha256(data.data, data.len, hash);
	snprintf(w->id, sizeof(w->id), "%.100s@%.12s", base ? base + 1 : path,
		 hash);
	if (data.len && memchr(data.data, 0, data.len))
		return fail(w->args, REESPEC_USAGE, "%s: a NUL byte", path);
	w->text = buf_take(&data, NULL);
	if (!w->text)
		return fail(w->args, REESPEC_FAILED, "out of memory");
	/* Spreadsheets begin with a mark of their coding. */
	for (char *line = w->text +
			  (strncmp(w->text, "\xef\xbb\xbf", 3) ? 0 : 3),
		  *next;
	     line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		number++;
		if (*line && line[strlen(line) - 1] == '\r')
			line[strlen(line) - 1] = 0;
		if (strchr(line, '\r'))
			return fail(w->args, REESPEC_USAGE,
				    "%s:%d: a carriage return within the line",
				    path, number);
		if (!*line)
			continue;
		r = w->n_columns ? add_row(w, path, number, line)
				 : take_header(w, path, line);
		if (r)
			return r;
	}
	if (!w->n_columns)
		return fail(w->args, REESPEC_USAGE, "%s: is empty", path);
	if (!w->n_rows)
		return fail(w->args, REESPEC_USAGE, "%s: has no rows", path);
	return REESPEC_OK;
}

/* ---- what was done already ------------------------------------------------ */

static int mark_done(void *userdata, struct record *r, struct page *page)
{
	struct worklist *w = userdata;
	json_t *keys = js_get(r->json, "keys");
	unsigned long row = strtoul(js_text(keys, "row"), NULL, 10);

	(void)page;
	if (!strcmp(js_text(keys, "worklist"), w->id) && row >= 1 &&
	    row <= w->n_rows && !strcmp(js_text(r->json, "state"), "done"))
		w->row[row - 1].done = r->head.seq;
	return REESPEC_OK;
}

static int ask_ledger(struct worklist *w)
{
	CLEANUP(client_closep) struct client *c = NULL;
	struct records_span span = { 0 };
	int r;

	r = client_open(&c, w->args);
	if (!r)
		r = records_span(c, &span);
	if (r || !span.last)
		return r;
	return records_walk(c, w->args, span.first, span.last, "result", false,
			    mark_done, w);
}

/* ---- a row as it would have been typed -------------------------------------- */

int worklist_add_option(struct args *to, const struct option_desc *desc,
			const char *value)
{
	if (to->n_options == ARGS_OPTIONS_MAX)
		return fail(to, REESPEC_USAGE, "more than %d options",
			    ARGS_OPTIONS_MAX);
	to->options[to->n_options].desc = desc;
	to->options[to->n_options++].value = value;
	return REESPEC_OK;
}

/* As --key NAME=TEXT; @word keeps the text. */
static int add_key(struct args *to, const char *name, const char *value,
		   char word[WORKLIST_WORD_MAX])
{
	if (snprintf(word, WORKLIST_WORD_MAX, "%s=%s", name, value) >=
	    WORKLIST_WORD_MAX)
		return fail(to, REESPEC_USAGE, "%s: the text is too long",
			    name);
	return worklist_add_option(to,
				   args_find_option(to->command, "key", 3, 0),
				   word);
}

/* A column is an option of the command, else a key. */
static int add_cell(struct args *to, const char *name, const char *value,
		    char word[WORKLIST_WORD_MAX])
{
	const struct option_desc *desc =
		args_find_option(to->command, name, strlen(name), 0);

	return desc && desc->arg ? worklist_add_option(to, desc, value)
				 : add_key(to, name, value, word);
}

/* ---- public ---------------------------------------------------------------- */

int worklist_args(const struct worklist *w, size_t i,
		  struct worklist_words *words, struct args *ret)
{
	const struct row *row = &w->row[i];
	char number[16];
	int r = REESPEC_OK;

	*ret = *w->args;
	snprintf(number, sizeof(number), "%zu", i + 1);
	ret->operands[0] = row->cell[w->sample];
	ret->n_operands = 1;
	for (size_t k = 0; k < w->n_columns && !r; k++)
		if (k != w->sample && *row->cell[k])
			r = add_cell(ret, w->column[k], row->cell[k],
				     words->word[k]);
	if (!r)
		r = add_key(ret, "worklist", w->id,
			    words->word[WORKLIST_COLUMNS_MAX]);
	if (!r)
		r = add_key(ret, "row", number,
			    words->word[WORKLIST_COLUMNS_MAX + 1]);
	return r;
}

size_t worklist_n(const struct worklist *w)
{
	return w->n_rows;
}

const char *worklist_sample(const struct worklist *w, size_t i)
{
	return w->row[i].cell[w->sample];
}

uint64_t worklist_done(const struct worklist *w, size_t i)
{
	return w->row[i].done;
}

int worklist_open(const struct args *args, const char *path,
		  struct worklist **ret)
{
	CLEANUP(worklist_closep) struct worklist *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return fail(args, REESPEC_FAILED, "out of memory");
	w->args = args;
	r = load(w, path);
	if (!r)
		r = ask_ledger(w);
	if (!r)
		*ret = TAKE_PTR(w);
	return r;
}

struct worklist *worklist_close(struct worklist *w)
{
	if (!w)
		return NULL;
	free(w->text);
	free(w->row);
	free(w);
	return NULL;
}
