// SPDX-License-Identifier: GPL-2.0-or-later
/* Options, settings and the troubles of a program that waits. */
#include "bridges/program.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bridges/follow.h"
#include "version.h"

#define N_COMMON 4
#define N_MAX (PROGRAM_OPTIONS_MAX + N_COMMON)

static void print_settings(const struct program *p)
{
	const struct ini_table *t = p->table;

	for (size_t i = 0; i < t->n_keys; i++) {
		const struct ini_key *k = &t->keys[i];

		printf("%s %s %s\n", k->section, k->key,
		       !k->def	 ? "-"
		       : *k->def ? k->def
				 : "\"\"");
	}
}

static void print_help(const struct program *p)
{
	const struct program_option *o = p->more;
	char name[24];

	printf("Usage: %s [OPTION]...\n%s\n\n"
	       "  -c, --config FILE  settings, %s\n",
	       p->name, p->summary, p->config);
	for (size_t i = 0; i < PROGRAM_OPTIONS_MAX && o[i].name; i++) {
		snprintf(name, sizeof(name), "--%s%s%s", o[i].name,
			 o[i].value ? " " : "", o[i].value ? o[i].value : "");
		printf("      %-13s  %s\n", name, o[i].text);
	}
	fputs("      --settings     list the settings there are\n"
	      "  -h, --help         this text\n"
	      "  -V, --version      the version\n",
	      stdout);
}

static int read_number(const char *name, const char *text, uint64_t *ret)
{
	char *stop;

	errno = 0;
	*ret = strtoull(text, &stop, 10);
	if (!errno && *text >= '0' && *text <= '9' && !*stop && *ret)
		return 0;
	log_error("--%s %s: want a number from 1", name, text);
	return -EINVAL;
}

/* 0, PROGRAM_END, or -EINVAL. */
static int take_own(struct program *p, const struct program_option *o)
{
	if (o->print) {
		o->print(stdout);
		return PROGRAM_END;
	}
	p->given = 1;
	return o->value ? read_number(o->name, optarg, &p->given) : 0;
}

static int take(struct program *p, int c, const char **path)
{
	switch (c) {
	case 'c':
		*path = optarg;
		return 0;
	case 'S':
		print_settings(p);
		return PROGRAM_END;
	case 'h':
		print_help(p);
		return PROGRAM_END;
	case 'V':
		printf("%s %s\n", p->name, REESPEC_VERSION);
		return PROGRAM_END;
	case '?':
		return -EINVAL;
	default:
		return take_own(p, &p->more[c]);
	}
}

static void list_options(const struct program *p, struct option ret[N_MAX + 1])
{
	static const struct option common[N_COMMON] = {
		{ "config", required_argument, NULL, 'c' },
		{ "settings", no_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
	};
	size_t n = N_COMMON;

	memset(ret, 0, (N_MAX + 1) * sizeof(*ret));
	memcpy(ret, common, sizeof(common));
	for (int i = 0; i < PROGRAM_OPTIONS_MAX && p->more[i].name; i++)
		ret[n++] = (struct option){ p->more[i].name,
					    p->more[i].value != NULL, NULL, i };
}

static int parse(struct program *p, int argc, char **argv)
{
	const char *path = p->config;
	struct option options[N_MAX + 1];
	int c, r = 0;

	list_options(p, options);
	while (!r && (c = getopt_long(argc, argv, "c:hV", options, NULL)) >= 0)
		r = take(p, c, &path);
	p->config = path;
	if (r || optind == argc)
		return r;
	log_error("%s: one word too many", argv[optind]);
	return -EINVAL;
}

static int read_settings(const struct program *p, void *settings)
{
	struct ini_error error = { 0 };
	char why[800];
	int r;

	r = ini_load(p->config, p->table, settings, &error);
	if (r < 0) {
		ini_error_text(&error, why, sizeof(why));
		log_error("%s", why);
	}
	return r;
}

int program_start(struct program *p, int argc, char **argv, void *settings,
		  int *ret_exit)
{
	int r;

	log_init(p->name, LOG_INFO);
	r = parse(p, argc, argv);
	if (!r)
		r = read_settings(p, settings);
	*ret_exit = r < 0 ? FOLLOW_USAGE : 0;
	if (fflush(stdout) || ferror(stdout))
		*ret_exit = FOLLOW_FAILED;
	return r ? PROGRAM_END : 0;
}

/* ---- a setting that cannot be used ------------------------------------------ */

struct setting {
	const char *section;
	const char *key;
	const char *why;
};

static int refuse_it(void *target, const char *section, const char *key,
		     const char *value, const char **why)
{
	const struct setting *s = target;

	(void)value;
	if (strcmp(section, s->section) || strcmp(key, s->key))
		return 0;
	*why = s->why;
	return -EINVAL;
}

/* The file is read once more, with nothing wrong in it but this. */
void setting_text(const char *path, const char *section, const char *key,
		  const char *why, char *ret, size_t size)
{
	static const struct ini_table only = { .other = refuse_it };
	struct setting s = { section, key, why };
	struct ini_error error = { 0 };

	if (ini_load(path, &only, &s, &error) == 0 || strcmp(error.key, key)) {
		error.line = 0;
		snprintf(error.section, sizeof(error.section), "%s", section);
		snprintf(error.key, sizeof(error.key), "%s", key);
		snprintf(error.why, sizeof(error.why), "%s", why);
	}
	ini_error_text(&error, ret, size);
}

/* ---- what is said once ------------------------------------------------------- */

void trouble_tell(struct trouble *t, const char *format, ...)
{
	char text[sizeof(t->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!strcmp(text, t->text))
		return;
	strcpy(t->text, text);
	log_warning("%s", text);
}

void trouble_over(struct trouble *t, const char *what)
{
	if (*t->text)
		log_notice("%s", what);
	t->text[0] = 0;
}
