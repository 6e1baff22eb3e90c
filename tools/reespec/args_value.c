// SPDX-License-Identifier: GPL-2.0-or-later
/* What was given for options, and what is said when it cannot be used: the part
 * that programs without a table of commands take as well. */
#include "reespec/command.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reespec/print.h"

int fail(const struct args *args, enum reespec_exit code, const char *format,
	 ...)
{
	va_list ap;

	print_transient_end();
	if (args && args->command)
		fprintf(stderr, "reespec %s: ", args->command->name);
	else
		fputs("reespec: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

bool args_has(const struct args *args, const char *name)
{
	for (unsigned int i = 0; i < args->n_options; i++)
		if (!strcmp(args->options[i].desc->name, name))
			return true;
	return false;
}

bool args_takes(const struct args *args, const char *name)
{
	const struct option_desc *desc =
		args->command ? args->command->options : NULL;

	for (; desc && desc->name; desc++)
		if (!strcmp(desc->name, name))
			return true;
	return false;
}

const char *args_get_nth(const struct args *args, const char *name,
			 unsigned int i)
{
	for (unsigned int at = 0; at < args->n_options; at++)
		if (!strcmp(args->options[at].desc->name, name) && i-- == 0)
			return args->options[at].value;
	return NULL;
}

const char *args_get(const struct args *args, const char *name)
{
	for (unsigned int i = args->n_options; i > 0; i--)
		if (!strcmp(args->options[i - 1].desc->name, name))
			return args->options[i - 1].value;
	return NULL;
}

bool args_read_number(const char *text, double min, double max, double *ret)
{
	double value;
	char *end;

	errno = 0;
	value = strtod(text, &end);
	if (errno || end == text || *end || !isfinite(value) || value < min ||
	    value > max)
		return false;
	*ret = value;
	return true;
}

int args_number(const struct args *args, const char *name, double min,
		double max, double *ret)
{
	const char *text = args_get(args, name);

	if (!text || args_read_number(text, min, max, ret))
		return REESPEC_OK;
	return fail(args, REESPEC_USAGE,
		    "--%s %s: want a number from %.10g to %.10g", name, text,
		    min, max);
}

int args_parse_count(const struct args *args, const char *what,
		     const char *text, unsigned long long min,
		     unsigned long long max, unsigned long long *ret)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || strchr(text, '-') || value < min ||
	    value > max)
		return max == ULLONG_MAX
			       ? fail(args, REESPEC_USAGE,
				      "%s %s: want a whole number from %llu",
				      what, text, min)
			       : fail(args, REESPEC_USAGE,
				      "%s %s: want a whole number from %llu to %llu",
				      what, text, min, max);
	*ret = value;
	return REESPEC_OK;
}

int args_count(const struct args *args, const char *name,
	       unsigned long long min, unsigned long long max,
	       unsigned long long *ret)
{
	const char *text = args_get(args, name);
	char what[64];

	if (!text)
		return REESPEC_OK;
	snprintf(what, sizeof(what), "--%s", name);
	return args_parse_count(args, what, text, min, max, ret);
}
