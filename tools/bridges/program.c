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

static int finish(int *ret_exit, int code)
{
	*ret_exit = code;
	return PROGRAM_END;
}

static int read_number(const struct program *p, const char *text, uint64_t *ret)
{
	char *stop;

	errno = 0;
	*ret = strtoull(text, &stop, 10);
	if (!errno && *text >= '0' && *text <= '9' && !*stop && *ret)
		return 0;
	log_error("--%s %s: want a number from 1", p->flag, text);
	return -EINVAL;
}

static int read_settings(const struct program *p, const char *path,
			 void *settings)
{
	struct ini_error error = { 0 };
	char why[800];
	int r;

	r = ini_load(path, p->table, settings, &error);
	if (r < 0) {
		ini_error_text(&error, why, sizeof(why));
		log_error("%s", why);
	}
	return r;
}

int program_start(struct program *p, int argc, char **argv, void *settings,
		  int *ret_exit)
{
	const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ p->flag, p->flag_has_value ? required_argument : no_argument,
		  NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = p->config;
	int c;

	log_init(p->name, LOG_INFO);
	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) >= 0) {
		if (c == 'c') {
			path = optarg;
		} else if (c == 'f' && !p->flag_has_value) {
			p->flag_value = 1;
		} else if (c == 'f') {
			if (read_number(p, optarg, &p->flag_value) < 0)
				return finish(ret_exit, FOLLOW_USAGE);
		} else if (c == 'h') {
			fputs(p->usage, stdout);
			return finish(ret_exit, 0);
		} else {
			return finish(ret_exit, FOLLOW_USAGE);
		}
	}
	if (optind < argc) {
		log_error("%s: one word too many", argv[optind]);
		return finish(ret_exit, FOLLOW_USAGE);
	}
	if (read_settings(p, path, settings) < 0)
		return finish(ret_exit, FOLLOW_USAGE);
	return 0;
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
