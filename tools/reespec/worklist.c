// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A worklist: rows of a CSV file, each a command as it would have been typed:
 * the options that were typed hold for all, a column adds to them. What was
 * done is asked of the ledger, so there is no file of state to lose.
 */
#include "reespec/worklist.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "ledger/chain.h"
#include "reespec/keys.h"
#include "reespec/worklist_rows.h"

#define FILE_MAX (1 << 20)
#define ROWS_MAX 10000

void worklist_wrong(struct worklist *w, int line, const char *format, ...)
{
	struct worklist_error *more;
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	more = reallocarray(w->error, w->n_errors + 1, sizeof(*more));
	if (!more) {
		free(text);
		return;
	}
	w->error = more;
	more[w->n_errors++] = (struct worklist_error){ line, text };
}

/* Down the file, as whoever mends it goes. */
static int tell_errors(const struct worklist *w)
{
	for (int line = 0; line >= 0;) {
		int next = -1;

		for (size_t i = 0; i < w->n_errors; i++) {
			const struct worklist_error *e = &w->error[i];

			if (e->line == line)
				fail(w->args, REESPEC_USAGE, "%s:%d: %s",
				     w->path, line,
				     e->text ? e->text : "out of memory");
			else if (e->line > line && (next < 0 || e->line < next))
				next = e->line;
		}
		line = next;
	}
	return fail(w->args, REESPEC_USAGE,
		    "%s: %zu error%s; nothing was measured", w->path,
		    w->n_errors, w->n_errors == 1 ? "" : "s");
}

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

/* A row that is no row is told and left out; the next ones are looked at. */
static int add_row(struct worklist *w, int number, char *line)
{
	struct worklist_row *more;
	size_t n = 0;

	if (w->n_rows == ROWS_MAX)
		return fail(w->args, REESPEC_USAGE, "%s: more than %d rows",
			    w->path, ROWS_MAX);
	more = reallocarray(w->row, w->n_rows + 1, sizeof(*more));
	if (!more)
		return fail(w->args, REESPEC_FAILED, "out of memory");
	w->row = more;
	more += w->n_rows;
	*more = (struct worklist_row){ .line = number };
	if (!split(line, more->cell, &n)) {
		worklist_wrong(
			w, number,
			"no row of CSV: a quote is open or there are more than %d cells",
			WORKLIST_COLUMNS_MAX);
		return REESPEC_OK;
	}
	if (n != w->n_columns) {
		worklist_wrong(w, number,
			       "%zu cells where the first line names %zu", n,
			       w->n_columns);
		return REESPEC_OK;
	}
	w->n_rows++;
	return REESPEC_OK;
}

static const struct option_desc *option_of(const struct worklist *w,
					   const char *name)
{
	return args_find_option(w->args->command, name, strlen(name), 0);
}

/* What all rows have in common is typed once. */
static bool is_of_all(const char *name)
{
	static const char *const names[] = { "worklist", "progress", "again",
					     "bus",	 "key",	     "json",
					     "no-pager", "help" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* A list for assay that was given to a belt: there it would be kept as a key
 * and done nothing. The place on the belt is the row's own. */
static bool is_of_assay(const struct worklist *w, const char *name)
{
	return w->args->command != &command_assay &&
	       (args_find_option(&command_assay, name, strlen(name), 0) ||
		!strcmp(name, "strobe") || !strcmp(name, "slot"));
}

/* A misspelt option would be a key: so a key that looks like one is told. */
static void take_column(struct worklist *w, size_t i)
{
	const char *name = w->column[i];
	const struct option_desc *desc = option_of(w, name);

	for (size_t k = 0; k < i; k++)
		if (!strcmp(w->column[k], name))
			worklist_wrong(w, 1, "%s: a column twice", name);
	if (!text_valid(name, WORKLIST_WORD_MAX))
		worklist_wrong(w, 1, "column %zu has no name", i + 1);
	else if (!strcmp(name, "worklist") || !strcmp(name, "row"))
		worklist_wrong(w, 1, "%s: is given to each row by itself",
			       name);
	else if (is_of_all(name) || (desc && !desc->arg))
		worklist_wrong(
			w, 1,
			"%s: no column: is for all rows, as an option of the command",
			name);
	else if (!strcmp(name, "sample"))
		w->sample = i;
	else if (!desc && is_of_assay(w, name))
		worklist_wrong(
			w, 1,
			"%s: no column for %s: the belt's strobes end the samples, in the order of the rows",
			name, w->args->command->name);
	else if (!desc && !keys_is_name(name))
		worklist_wrong(
			w, 1,
			"%s: no option of %s, and a key has 1 to 31 of a-z 0-9 _",
			name, w->args->command->name);
}

static void take_header(struct worklist *w, char *line)
{
	if (!split(line, w->column, &w->n_columns)) {
		worklist_wrong(w, 1, "no row of CSV");
		w->n_columns = 0;
		return;
	}
	w->sample = WORKLIST_COLUMNS_MAX;
	for (size_t i = 0; i < w->n_columns; i++)
		take_column(w, i);
	if (w->sample == WORKLIST_COLUMNS_MAX)
		worklist_wrong(w, 1, "no column is called sample");
}

/* Its lines; those that are wrong by themselves are told. */
static int take_lines(struct worklist *w)
{
	/* Spreadsheets begin with a mark of their coding. */
	char *line = w->text + (strncmp(w->text, "\xef\xbb\xbf", 3) ? 0 : 3);
	char *next;
	int r, number = 0;

	for (; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		number++;
		if (*line && line[strlen(line) - 1] == '\r')
			line[strlen(line) - 1] = 0;
		if (strchr(line, '\r')) {
			worklist_wrong(w, number,
				       "a carriage return within the line");
			continue;
		}
		if (!*line)
			continue;
		if (!w->n_columns) {
			take_header(w, line);
			w->is_header_wrong = w->n_errors;
			/* Without columns there are no cells. */
			if (!w->n_columns)
				return REESPEC_OK;
			continue;
		}
		r = add_row(w, number, line);
		if (r)
			return r;
	}
	return REESPEC_OK;
}

static int load(struct worklist *w)
{
	const char *base = strrchr(w->path, '/');
	CLEANUP(buf_deinit) struct buf data = { 0 };
	int r;

	r = buf_read_file(&data, w->path, FILE_MAX);
	if (r < 0)
		return fail(w->args,
			    r == -ENOENT ? REESPEC_NOT_FOUND : REESPEC_FAILED,
			    "%s: %s", w->path, strerror(-r));
	snprintf(w->name, sizeof(w->name), "%.200s", base ? base + 1 : w->path);
	if (data.len && memchr(data.data, 0, data.len))
		return fail(w->args, REESPEC_USAGE,
			    "%s: a NUL byte: want a file of text", w->path);
	w->text = buf_take(&data, NULL);
	if (!w->text)
		return fail(w->args, REESPEC_FAILED, "out of memory");
	r = take_lines(w);
	if (r || w->n_errors)
		return r;
	if (!w->n_columns)
		return fail(
			w->args, REESPEC_USAGE,
			"%s: is empty: want a line of column names, sample and others",
			w->path);
	if (!w->n_rows)
		return fail(w->args, REESPEC_USAGE,
			    "%s: has no rows: want a line for each sample",
			    w->path);
	return REESPEC_OK;
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
static int add_cell(const struct worklist *w, struct args *to, const char *name,
		    const char *value, char word[WORKLIST_WORD_MAX])
{
	const struct option_desc *desc = option_of(w, name);

	return desc ? worklist_add_option(to, desc, value)
		    : add_key(to, name, value, word);
}

/* A row is known again by its cells and its method, wherever it stands and
 * whatever became of the others; its options come in the order of names. */
static void identify(const struct worklist *w, struct worklist_row *row)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	bool is_taken[WORKLIST_COLUMNS_MAX] = { false };
	const char *method = args_get(w->args, "method");
	char hash[CHAIN_HASH_SIZE];

	for (size_t n = 0; n < w->n_columns; n++) {
		size_t least = w->n_columns;

		for (size_t i = 0; i < w->n_columns; i++)
			if (!is_taken[i] &&
			    (least == w->n_columns ||
			     strcmp(w->column[i], w->column[least]) < 0))
				least = i;
		is_taken[least] = true;
		if (*row->cell[least])
			buf_printf(&b, "%s=%s\n", w->column[least],
				   row->cell[least]);
	}
	buf_printf(&b, "%s\n", method ? method : "");
	chain_sha256(b.data ? b.data : "", b.len, hash);
	snprintf(row->id, sizeof(row->id), "%.12s", hash);
}

/* ---- public ---------------------------------------------------------------- */

int worklist_args(const struct worklist *w, size_t i,
		  struct worklist_words *words, struct args *ret)
{
	const struct worklist_row *row = &w->row[i];
	char number[32];
	int r = REESPEC_OK;

	*ret = *w->args;
	snprintf(number, sizeof(number), "%zu@%s", i + 1, row->id);
	ret->operands[0] = row->cell[w->sample];
	ret->n_operands = 1;
	for (size_t k = 0; k < w->n_columns && !r; k++)
		if (k != w->sample && *row->cell[k])
			r = add_cell(w, ret, w->column[k], row->cell[k],
				     words->word[k]);
	if (!r)
		r = add_key(ret, "worklist", w->name,
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

const char *worklist_when(const struct worklist *w, size_t i)
{
	return w->row[i].done ? w->row[i].when : "";
}

bool worklist_is_rejected(const struct worklist *w, size_t i)
{
	return w->row[i].done && w->row[i].is_rejected;
}

const char *worklist_note(const struct worklist *w, size_t i)
{
	return w->row[i].note;
}

static int check_again(const struct args *args)
{
	const char *again = args_get(args, "again");

	if (!again || !strcmp(again, "rejected") || !strcmp(again, "earlier") ||
	    !strcmp(again, "all"))
		return REESPEC_OK;
	return fail(args, REESPEC_USAGE,
		    "--again %s: want rejected, earlier or all", again);
}

int worklist_open(const struct args *args, const char *path,
		  const char *const *fixed, struct worklist **ret)
{
	CLEANUP(worklist_closep) struct worklist *w = calloc(1, sizeof(*w));
	CLEANUP(client_closep) struct client *c = NULL;
	int r;

	if (!w)
		return fail(args, REESPEC_FAILED, "out of memory");
	w->args = args;
	w->path = path;
	w->fixed = fixed;
	r = check_again(args);
	if (!r)
		r = load(w);
	if (!r && w->n_rows)
		r = worklist_check_cells(w);
	if (r)
		return r;
	/* Under a wrong name a cell is nothing that the daemon could judge. */
	if (w->is_header_wrong)
		return tell_errors(w);
	for (size_t i = 0; i < w->n_rows; i++)
		identify(w, &w->row[i]);
	/* What only the daemon knows is asked for in the same go. */
	if (w->n_rows)
		r = client_open(&c, args);
	if (!r && c)
		r = worklist_check_orders(w, c);
	if (w->n_errors)
		return tell_errors(w);
	if (!r)
		r = worklist_ask_ledger(w, c);
	if (!r)
		*ret = TAKE_PTR(w);
	return r;
}

struct worklist *worklist_close(struct worklist *w)
{
	if (!w)
		return NULL;
	for (size_t i = 0; i < w->n_errors; i++)
		free(w->error[i].text);
	free(w->error);
	free(w->text);
	free(w->row);
	free(w);
	return NULL;
}
