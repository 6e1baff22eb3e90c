// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec method: what methods there are, what they say, and new ones. */
#include "reespec/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assay/method_files.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/ini.h"
#include "reespec/json_out.h"
#include "reespec/measurement.h"
#include "reespec/method_check.h"
#include "reespec/method_simulate.h"
#include "reespec/output.h"
#include "reespec/pager.h"
#include "reespec/print.h"

#define FILE_MAX (1 << 20)

static const struct option_desc options[] = {
	{ "from", 0, "METHOD", "method that a new one begins as" },
	{ "output", 'o', "FILE",
	  "folder for a new one, or picture (simulate)" },
	{ "live", 0, "SECONDS", "live time (default: the method's)" },
	{ "rate", 0, "CPS", "counts a second (default: 50000)" },
	{ "known", 0, "FILE", "contents from this table (CSV)" },
	{ "sample", 0, "SAMPLE", "the material in it" },
	{ NULL, 0, NULL, NULL },
};

/* The lines of a method file, each "[section] key" and its value. */
struct lines {
	size_t n;
	struct line {
		char *key;
		char *value;
	} * line;
};

static void lines_deinit(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->line[i].key);
		free(l->line[i].value);
	}
	free(l->line);
}

static int take_line(void *target, const char *section, const char *key,
		     const char *value, const char **why)
{
	struct lines *l = target;
	struct line *more = reallocarray(l->line, l->n + 1, sizeof(*more));

	(void)why;
	if (!more)
		return -ENOMEM;
	l->line = more;
	l->line[l->n].value = strdup(value);
	if (asprintf(&l->line[l->n].key, "[%s] %s", section, key) < 0)
		l->line[l->n].key = NULL;
	l->n++;
	return more[l->n - 1].value && more[l->n - 1].key ? 0 : -ENOMEM;
}

static int read_lines(const struct args *args, const char *path,
		      struct lines *ret)
{
	static const struct ini_table all = { .other = take_line };
	struct ini_error error = { 0 };
	char text[900];

	if (ini_load(path, &all, ret, &error) == 0)
		return REESPEC_OK;
	ini_error_text(&error, text, sizeof(text));
	return fail(args, REESPEC_FAILED, "%s", text);
}

static const char *value_of(const struct lines *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->line[i].key, key))
			return l->line[i].value;
	return NULL;
}

static json_t *element_json(const struct method_element *e)
{
	return js_pack("{s:s, s:s, s:b}", "symbol", e->symbol, "line", e->line,
		       "air", (int)e->is_air);
}

static json_t *method_json(const struct method *m, const char *path)
{
	json_t *elements = js_array();
	json_t *o;

	for (size_t i = 0; i < m->n_elements; i++)
		js_append(elements, element_json(&m->element[i]));
	o = js_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:o}", "name", m->name,
		    "title", m->title, "stage", m->stage, "file", path, "anode",
		    m->tube.anode, "kv", m->tube.kv, "preset_live_s",
		    m->acquisition.preset_live_s, "elements", elements);
	if (o && m->beside)
		js_set_str(o, "beside", m->beside->name);
	return o;
}

/* Those that cannot be read are said on stderr and make it end with 1. */
static int list(const struct args *args)
{
	const char *const *folders = measurement_method_folders();
	CLEANUP(table_freep) struct table *t = NULL;
	json_t *all = js_array();
	char path[4096], why[1024];
	char **names = NULL;
	int n = method_files_list(folders, &names);
	int r = REESPEC_OK;

	if (n < 0 || table_new(&t, "lllrL") < 0)
		r = fail(args, REESPEC_FAILED, "out of memory");
	if (!r) {
		table_style(t, PRINT_BOLD);
		table_add_row(t, "name", "title", "stage", "elements", "file",
			      NULL);
	}
	for (int i = 0; i < n && t; i++) {
		CLEANUP(method_freep) struct method *m = NULL;
		char count[16];

		if (method_files_find(folders, names[i], path, sizeof(path)))
			continue;
		if (measurement_load_method(path, &m, why, sizeof(why))) {
			r = fail(args, REESPEC_FAILED, "%s", why);
			continue;
		}
		snprintf(count, sizeof(count), "%zu", m->n_elements);
		table_add_row(t, names[i], m->title, m->stage, count, path,
			      NULL);
		js_append(all, method_json(m, path));
	}
	method_files_free(names, n);
	if (args->is_json)
		return json_out(args, "reespec-method-list/1",
				js_pack("{s:o}", "methods", all))
			       ?: r;
	js_free(all);
	if (n > 0)
		table_print(t, stdout);
	else if (n == 0)
		puts("No method is installed.");
	return r;
}

/* The elements of a shell, some a line. */
static void show_elements(const struct method *m, const char *line)
{
	int column = 0;

	for (size_t i = 0; i < m->n_elements; i++) {
		const struct method_element *e = &m->element[i];

		if (strcmp(e->line, line) || e->is_silent)
			continue;
		if (column == 0)
			printf("%s lines   ", line);
		else if (column % 16 == 0)
			printf("\n          ");
		printf(" %s%s", e->symbol, e->is_air ? "(air)" : "");
		column++;
	}
	if (column)
		putchar('\n');
}

static void print_rules(const struct method *m)
{
	CLEANUP(buf_deinit) struct buf grades = { 0 };
	bool in_percent;

	for (size_t i = 0; i < m->rules.n; i++)
		print_line(stdout, PRINT_PLAIN, "fails      when ",
			   m->rules.rule[i].text);
	if (!m->bins.n)
		return;
	/* They rise; one unit for all, that of the largest. */
	in_percent = m->bins.bound[m->bins.n - 1] >= 1000;
	buf_printf(&grades, "by %s, from", m->bins.quantity);
	for (size_t i = 0; i < m->bins.n; i++)
		buf_printf(&grades, " %g",
			   m->bins.bound[i] / (in_percent ? 1e4 : 1));
	if (!buf_printf(&grades, " %s on the next one%c",
			in_percent ? "%" : "ppm", '\0'))
		print_line(stdout, PRINT_PLAIN, "grades     ",
			   (const char *)grades.data);
}

static void show_set_up(const struct method *m)
{
	static const char *const scales[] = { "the tube's scatter",
					      "the stated tube current",
					      "oxides that are the whole" };
	char accepted[160];

	printf("counting   %.0f s live, a reading every %g s\n",
	       m->acquisition.preset_live_s, m->acquisition.interval_s);
	printf("tube       %s at %g kV, %zu filter%s\n", m->tube.anode,
	       m->tube.kv, m->tube.n_filters,
	       m->tube.n_filters == 1 ? "" : "s");
	printf("geometry   in at %g, out at %g, scatter by %g degrees\n",
	       m->geometry.incidence_deg, m->geometry.takeoff_deg,
	       m->geometry.scatter_deg);
	printf("fit        %g to %g keV\n", m->fit.low_kev, m->fit.high_kev);
	printf("scale      from %s\n", scales[m->matrix.scale]);
	show_elements(m, "K");
	show_elements(m, "L");
	snprintf(
		accepted, sizeof(accepted),
		"chi2 to %g,\ngain within %g %%,\n%g counts at least,\n%g cps at most",
		m->accept.max_chi2, 100 * m->accept.max_gain_change,
		m->accept.min_counts, m->accept.max_rate_cps);
	print_flow(stdout, PRINT_PLAIN, "accepted   ", accepted);
	print_rules(m);
}

static void print_title(const char *before, const struct method *m)
{
	char head[METHOD_TEXT + 16];

	snprintf(head, sizeof(head), "%s%s  ", before, m->name);
	print_line(stdout, PRINT_BOLD, head, m->title);
}

static int show(const struct args *args)
{
	CLEANUP(method_freep) struct method *m = NULL;
	char path[4096];
	int r;

	r = measurement_find_method(args, args->operands[1], path,
				    sizeof(path));
	if (!r)
		r = measurement_method(args, path, &m);
	if (r)
		return r;
	if (args->is_json)
		return json_out(args, "reespec-method-show/1",
				method_json(m, path));
	pager_start(args);
	print_title("", m);
	print_line(stdout, PRINT_PLAIN, "file       ", path);
	printf("stage      %s\n", m->stage);
	show_set_up(m);
	if (m->beside) {
		putchar('\n');
		print_title("beside     ", m->beside);
		show_set_up(m->beside);
	}
	return REESPEC_OK;
}

static void print_change(const char *key, const char *a, const char *b)
{
	printf("%s%s%s\n", print_style(stdout, PRINT_BOLD), key,
	       print_style(stdout, PRINT_PLAIN));
	if (a)
		printf("  - %s\n", a);
	if (b)
		printf("  + %s\n", b);
}

/* What one says and the other says otherwise or not at all. */
static int diff(const struct args *args)
{
	CLEANUP(lines_deinit) struct lines a = { 0 };
	CLEANUP(lines_deinit) struct lines b = { 0 };
	char path[4096];
	size_t n = 0;
	int r;

	r = measurement_find_method(args, args->operands[1], path,
				    sizeof(path));
	if (!r)
		r = read_lines(args, path, &a);
	if (!r)
		r = measurement_find_method(args, args->operands[2], path,
					    sizeof(path));
	if (!r)
		r = read_lines(args, path, &b);
	if (r)
		return r;
	pager_start(args);
	for (size_t i = 0; i < a.n; i++) {
		const char *other = value_of(&b, a.line[i].key);

		if (other && !strcmp(a.line[i].value, other))
			continue;
		print_change(a.line[i].key, a.line[i].value, other);
		n++;
	}
	for (size_t i = 0; i < b.n; i++) {
		if (value_of(&a, b.line[i].key))
			continue;
		print_change(b.line[i].key, NULL, b.line[i].value);
		n++;
	}
	if (!n)
		puts("They say the same.");
	return n ? REESPEC_VERDICT : REESPEC_OK;
}

/* A file that is not there yet, whole or not at all. */
static int write_new(const struct args *args, const char *path,
		     const struct buf *data)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	bool is_whole;
	int error;

	if (fd < 0)
		return output_failed(args, path, errno);
	errno = 0;
	is_whole = write(fd, data->data, data->len) == (ssize_t)data->len &&
		   fsync(fd) == 0;
	error = errno ? errno : ENOSPC;
	close(fd);
	if (is_whole)
		return REESPEC_OK;
	unlink(path);
	return output_failed(args, path, error);
}

/* A table goes along; one of the same name must hold the same. */
static int copy_table(const struct args *args, const char *from, const char *to,
		      const char *name)
{
	CLEANUP(buf_deinit) struct buf data = { 0 };
	CLEANUP(buf_deinit) struct buf there = { 0 };
	const char *slash = strrchr(from, '/');
	char source[4600], target[4600];
	int r;

	if (!name || !strcmp(name, "none") || !strcmp(name, LINE_DATA_BUILT_IN))
		return REESPEC_OK;
	snprintf(source, sizeof(source), "%.*s/%s",
		 slash ? (int)(slash - from) : 1, slash ? from : ".", name);
	snprintf(target, sizeof(target), "%s/%s", to, name);
	r = buf_read_file(&data, source, FILE_MAX);
	if (r < 0)
		return fail(args, REESPEC_FAILED, "%s: %s", source,
			    strerror(-r));
	if (buf_read_file(&there, target, FILE_MAX) < 0)
		return write_new(args, target, &data);
	if (there.len == data.len && !memcmp(there.data, data.data, data.len))
		return REESPEC_OK;
	return fail(args, REESPEC_FAILED,
		    "%s is another table of this name; choose another folder",
		    target);
}

/* The text of a method under another name, which its [method] section has. */
static int rename_text(const struct buf *text, const char *name,
		       struct buf *ret)
{
	bool is_method = false;
	size_t len;
	int r = 0;

	for (const char *at = text->data; r == 0 && *at; at += len) {
		len = strcspn(at, "\n");
		len += at[len] == '\n';
		if (*at == '[')
			is_method = !strncmp(at, "[method]", 8);
		if (is_method && strcspn(at, " \t=:\n") == 4 &&
		    !strncmp(at, "name", 4))
			r = buf_printf(ret, "name = %s\n", name);
		else
			r = buf_append(ret, at, len);
	}
	return r;
}

static int new (const struct args *args)
{
	CLEANUP(lines_deinit) struct lines lines = { 0 };
	CLEANUP(method_freep) struct method *m = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	CLEANUP(buf_deinit) struct buf renamed = { 0 };
	const char *from = args_get(args, "from");
	const char *folder = args_get(args, "output");
	const char *name = args->operands[1];
	char source[4096], target[4600];
	int r;

	if (!folder)
		folder = ".";
	if (!from)
		return fail(
			args, REESPEC_USAGE,
			"--from METHOD is required: what the new one begins as");
	if (!method_files_is_name(name))
		return fail(
			args, REESPEC_USAGE,
			"%s: a name has letters, digits, '.', '_' and '-', at most 63",
			name);
	r = measurement_find_method(args, from, source, sizeof(source));
	if (!r)
		r = measurement_method(args, source, &m);
	if (!r)
		r = read_lines(args, source, &lines);
	if (r)
		return r;
	r = buf_read_file(&text, source, FILE_MAX);
	if (r == 0)
		r = rename_text(&text, name, &renamed);
	if (r < 0)
		return fail(args, REESPEC_FAILED, "%s: %s", source,
			    strerror(-r));
	snprintf(target, sizeof(target), "%s/%s.ini", folder, name);
	if (access(target, F_OK) == 0)
		return fail(args, REESPEC_USAGE,
			    "%s is there already: choose another name", target);
	r = copy_table(args, source, folder, value_of(&lines, "[tube] table"));
	if (!r)
		r = copy_table(args, source, folder,
			       value_of(&lines, "[detector] response"));
	if (!r)
		r = copy_table(args, source, folder,
			       value_of(&lines, "[model] line_data"));
	if (!r)
		r = copy_table(args, source, folder,
			       value_of(&lines, "[model] calibration"));
	if (!r)
		r = write_new(args, target, &renamed);
	if (!r)
		printf("%s\n", target);
	return r;
}

static int run(const struct args *args)
{
	static const struct {
		const char *name;
		unsigned int n_min;
		unsigned int n_max;
		const char *usage;
		int (*run)(const struct args *args);
		bool has_json;
	} parts[] = {
		{ "list", 0, 0, "", list, true },
		{ "show", 1, 1, " METHOD", show, true },
		{ "check", 1, ARGS_OPERANDS_MAX, " METHOD|FILE...",
		  method_check_all, true },
		{ "diff", 2, 2, " METHOD METHOD", diff, false },
		{ "new", 1, 1, " NAME --from METHOD", new, false },
		{ "simulate", 1, ARGS_OPERANDS_MAX, " METHOD EL=CONTENT...",
		  method_simulate, true },
	};
	const char *name = args->n_operands ? args->operands[0] : "list";
	unsigned int n = args->n_operands ? args->n_operands - 1 : 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (strcmp(name, parts[i].name))
			continue;
		if (n < parts[i].n_min || n > parts[i].n_max)
			return fail(args, REESPEC_USAGE,
				    "a word is %s (usage: reespec method %s%s)",
				    n < parts[i].n_min ? "missing" : "too many",
				    name, parts[i].usage);
		if (args->is_json && !parts[i].has_json)
			return fail(
				args, REESPEC_USAGE,
				"%s has no --json; list, show, check and simulate have",
				name);
		return parts[i].run(args);
	}
	return fail(args, REESPEC_USAGE,
		    "%s: want list, show, check, diff, new or simulate", name);
}

const struct command command_method = {
	.name = "method",
	.operands =
		"[list|show|check|diff|new|simulate] [METHOD|FILE] [METHOD|FILE]",
	.summary = "list, show, check, compare, begin and try methods",
	.text = "list     the methods there are; what can be read of each\n"
		"show     what a method says\n"
		"check    whether methods can be used; every fault with file, line, key and\n"
		"         what is allowed\n"
		"diff     what two methods say differently; ends with 6 when they do\n"
		"new      a method of this name that begins as --from, with its tables\n"
		"simulate what a method would find in a sample of contents given as Nd=0.9%\n"
		"         or Nd=9000ppm, or by --known and --sample: limits and uncertainty for\n"
		"         a time and rate, and with --output the spectrum as a picture\n"
		"A method is a name, or a file when it holds a '/' or ends in .ini.",
	.n_max = ARGS_OPERANDS_MAX,
	.options = options,
	.run = run,
};
