// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All that is wrong with a worklist, said before its first row is measured. A
 * number is judged here, as one that is typed; what else may stand in a cell
 * the daemon says, which is asked for each value once.
 */
#include "reespec/worklist_rows.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "reespec/bus_error.h"
#include "reespec/counting.h"
#include "reespec/instruments.h"

static const char *typed(const struct worklist *w, const char *column)
{
	for (size_t i = 0; w->fixed && w->fixed[i]; i++)
		if (!strcmp(w->fixed[i], column))
			return args_get(w->args, column) ?: "not given";
	return NULL;
}

static void refuse(struct worklist *w, struct worklist_row *row, size_t i,
		   const char *why)
{
	char shown[64];

	row->wrong |= 1U << i;
	if (!*row->cell[i])
		worklist_wrong(w, row->line, "%s: %s", w->column[i], why);
	else
		worklist_wrong(w, row->line, "%s: \"%s\": %s", w->column[i],
			       text_show(shown, sizeof(shown), row->cell[i]),
			       why);
}

static void check_cell(struct worklist *w, struct worklist_row *row, size_t i)
{
	const char *value = row->cell[i];
	const struct counting_number *number = counting_number(w->column[i]);
	const char *all = typed(w, w->column[i]);
	char why[160] = "";
	double ignored;

	if (!*value && i == w->sample)
		snprintf(why, sizeof(why), "is empty");
	else if (!*value && !strcmp(w->column[i], "method") &&
		 !args_get(w->args, "method"))
		snprintf(why, sizeof(why),
			 "is empty: name one here, or all by --method");
	else if (!*value)
		return;
	else if (!text_valid(value, WORKLIST_WORD_MAX))
		snprintf(why, sizeof(why),
			 "a control character, no UTF-8, or more than %d bytes",
			 WORKLIST_WORD_MAX);
	else if (all && strcmp(all, value) != 0)
		snprintf(why, sizeof(why),
			 "is that of the whole line (%.40s), not of a row",
			 all);
	else if (number &&
		 !args_read_number(value, number->min, number->max, &ignored))
		snprintf(why, sizeof(why), "want a number from %.10g to %.10g",
			 number->min, number->max);
	else if (!strcmp(w->column[i], "known") && access(value, R_OK) < 0)
		snprintf(why, sizeof(why), "cannot be read");
	if (*why)
		refuse(w, row, i, why);
}

int worklist_check_cells(struct worklist *w)
{
	for (size_t k = 0; k < w->n_rows; k++)
		for (size_t i = 0; i < w->n_columns; i++)
			check_cell(w, &w->row[k], i);
	return REESPEC_OK;
}

/* ---- by the daemon --------------------------------------------------------- */

struct asking {
	struct worklist *w;
	struct client *client;
	json_t *instruments;
	char spectrometer[256];
	json_t *good; /* values that were asked for, by their column */
	json_t *told; /* what was said of rows */
};

static void asking_deinit(struct asking *a)
{
	js_free(a->instruments);
	js_free(a->good);
	js_free(a->told);
}

/*
 * Whether it would be measured; *ret_why, borrowed until the next call, says
 * why not. Other than REESPEC_OK: nobody can tell, as was said.
 */
static int ask(struct asking *a, const char *sample, json_t *options,
	       const char **ret_why)
{
	const struct client_call call = {
		.path = a->spectrometer,
		.interface = CLIENT_SPECTROMETER,
		.member = "Measure",
		.types = "so",
		.texts = { sample },
		.options = options,
		.timeout_s = CLIENT_PASSWORD_S,
	};
	int r;

	*ret_why = NULL;
	js_set_bool(options, "check", true);
	client_be_quiet(a->client, true);
	r = client_call(a->client, &call, NULL, NULL);
	client_be_quiet(a->client, false);
	if (!r)
		return REESPEC_OK;
	if (!bus_error_is_about_order(client_last_error_name(a->client)))
		return fail(a->w->args, r, "%s", client_last_error(a->client));
	*ret_why = client_last_error(a->client);
	return REESPEC_OK;
}

/* The column stands before it already. */
static const char *without_option(const char *why)
{
	const char *end =
		strncmp(why, "option `", 8) ? NULL : strstr(why, "`: ");

	return end ? end + 3 : why;
}

static bool is_instrument(const struct asking *a, const char *serial)
{
	for (size_t i = 0; i < js_len(a->instruments); i++)
		if (!strcmp(js_text(js_at(a->instruments, i), "Serial"),
			    serial))
			return true;
	return false;
}

/* One cell as the option or key that it is. */
static json_t *cell_options(const struct asking *a,
			    const struct worklist_row *row, size_t i,
			    const char *method)
{
	const char *name = a->w->column[i];
	const char *value = row->cell[i];
	const struct counting_number *number = counting_number(name);
	json_t *options = js_object();
	double n = 0;

	if (number) {
		args_read_number(value, number->min, number->max, &n);
		js_set_real(options, number->key, n);
	} else if (args_find_option(a->w->args->command, name, strlen(name),
				    0)) {
		js_set_str(options, name, value);
	} else if (i != a->w->sample) {
		js_set(options, "keys", js_pack("{s:s}", name, value));
	}
	/* What an uncertainty is asked of depends on it. */
	if (!strcmp(name, "until"))
		js_set_str(options, "method", method);
	return options;
}

static const char *method_of(const struct worklist *w,
			     const struct worklist_row *row)
{
	for (size_t i = 0; i < w->n_columns; i++)
		if (!strcmp(w->column[i], "method") && *row->cell[i])
			return row->cell[i];
	return args_get(w->args, "method") ?: "";
}

static int ask_cell(struct asking *a, struct worklist_row *row, size_t i)
{
	const char *name = a->w->column[i];
	const char *method = method_of(a->w, row);
	char key[3 * WORKLIST_WORD_MAX];
	const char *why = NULL;
	int r = REESPEC_OK;

	if (!*row->cell[i] || !strcmp(name, "known"))
		return REESPEC_OK;
	snprintf(key, sizeof(key), "%s\n%s\n%s", name, row->cell[i],
		 strcmp(name, "until") ? "" : method);
	if (js_get(a->good, key))
		return REESPEC_OK;
	if (!strcmp(name, "device")) {
		why = is_instrument(a, row->cell[i])
			      ? NULL
			      : "no such spectrometer (see reespec list)";
	} else {
		CLEANUP(js_freep)
		json_t *options = cell_options(a, row, i, method);

		/* A sample that is wrong must not hide the others. */
		r = ask(a, i == a->w->sample ? row->cell[i] : "?", options,
			&why);
	}
	if (why)
		refuse(a->w, row, i, without_option(why));
	else if (!r)
		js_set_bool(a->good, key, true);
	return r;
}

/* What does not go together, each kind of fault once. */
static int ask_row(struct asking *a, size_t k)
{
	CLEANUP(js_freep) json_t *options = js_object();
	struct worklist_words words;
	const char *why = NULL;
	struct args row;
	int r;

	r = worklist_args(a->w, k, &words, &row);
	if (!r)
		r = counting_options(&row, options);
	if (!r)
		r = ask(a, row.operands[0], options, &why);
	if (!why || js_get(a->told, why))
		return r;
	js_set_bool(a->told, why, true);
	worklist_wrong(a->w, a->w->row[k].line, "%s", why);
	return REESPEC_OK;
}

int worklist_check_orders(struct worklist *w, struct client *c)
{
	CLEANUP(asking_deinit)
	struct asking a = {
		.w = w, .client = c, .good = js_object(), .told = js_object()
	};
	int r;

	r = instruments_list(c, CLIENT_SPECTROMETER, &a.instruments);
	if (!r && js_len(a.instruments) && args_get(w->args, "device") == NULL)
		snprintf(a.spectrometer, sizeof(a.spectrometer), "%s",
			 js_text(js_at(a.instruments, 0), "path"));
	else if (!r)
		r = instruments_choose(c, w->args, args_get(w->args, "device"),
				       a.spectrometer, sizeof(a.spectrometer));
	for (size_t k = 0; k < w->n_rows && !r; k++) {
		struct worklist_row *row = &w->row[k];

		for (size_t i = 0; i < w->n_columns && !r; i++)
			if (!(row->wrong & 1U << i))
				r = ask_cell(&a, row, i);
		if (!r && !row->wrong)
			r = ask_row(&a, k);
	}
	return r;
}
