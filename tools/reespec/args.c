// SPDX-License-Identifier: GPL-2.0-or-later
/* Options and operands of a command, parsed and explained from its table. */
#include "reespec/command.h"

#include <stdio.h>
#include <string.h>

/* Where the explanations of options begin, and where lines end. */
#define HELP_COLUMN 24
#define HELP_WIDTH 80

const struct option_desc common_options[] = {
	{ "json", 0, NULL, "print JSON for scripts" },
	{ "bus", 0, "ADDRESS", "talk on this bus (default: the system bus)" },
	{ "no-pager", 0, NULL, "print long output as it comes" },
	{ "help", 'h', NULL, "show this help" },
	{ "version", 'V', NULL, "print the version of this program" },
	{ NULL, 0, NULL, NULL },
};

static const struct option_desc *find_in(const struct option_desc *table,
					 const char *name, size_t len,
					 char letter)
{
	for (; table && table->name; table++) {
		if (letter ? table->letter == letter
			   : strlen(table->name) == len &&
				     !memcmp(table->name, name, len))
			return table;
	}
	return NULL;
}

const struct option_desc *args_find_option(const struct command *command,
					   const char *name, size_t len,
					   char letter)
{
	const struct option_desc *desc = NULL;

	if (command)
		desc = find_in(command->options, name, len, letter);
	return desc ? desc : find_in(common_options, name, len, letter);
}

static int store_option(struct args *args, const struct option_desc *desc,
			const char *value, bool *ret_help)
{
	if (!strcmp(desc->name, "help")) {
		*ret_help = true;
	} else if (!strcmp(desc->name, "version")) {
		*ret_help = true;
		args->is_version = true;
	} else if (!strcmp(desc->name, "json")) {
		args->is_json = true;
	} else if (!strcmp(desc->name, "no-pager")) {
		args->is_without_pager = true;
	} else if (!strcmp(desc->name, "bus")) {
		args->bus = value;
	} else {
		if (args->n_options == ARGS_OPTIONS_MAX)
			return fail(args, REESPEC_USAGE, "more than %d options",
				    ARGS_OPTIONS_MAX);
		args->options[args->n_options].desc = desc;
		args->options[args->n_options++].value = value;
	}
	return REESPEC_OK;
}

/* One "--name", "--name=value", "-l" or "-lvalue"; @next may be its value. */
static int parse_option(struct args *args, char *word, char *next, int *used,
			bool *ret_help)
{
	const struct option_desc *desc;
	const char *value = NULL;
	size_t len;

	*used = 1;
	if (word[1] == '-') {
		len = strcspn(word + 2, "=");
		desc = args_find_option(args->command, word + 2, len, 0);
		if (word[2 + len])
			value = word + 3 + len;
		len += 2;
	} else {
		len = 2;
		desc = args_find_option(args->command, NULL, 0, word[1]);
		if (word[2])
			value = word + 2;
	}
	if (!desc)
		return fail(args, REESPEC_USAGE,
			    "unknown option %.*s (see reespec %s%s--help)",
			    (int)len, word,
			    args->command ? args->command->name : "",
			    args->command ? " " : "");
	if (!desc->arg && value)
		return fail(args, REESPEC_USAGE, "option %.*s takes no value",
			    (int)len, word);
	if (desc->arg && !value) {
		if (!next)
			return fail(args, REESPEC_USAGE,
				    "option %s wants a value: %s %s", word,
				    word, desc->arg);
		value = next;
		*used = 2;
	}
	return store_option(args, desc, value, ret_help);
}

int args_require(const struct args *args, const char *name)
{
	const struct option_desc *desc =
		find_in(args->command->options, name, strlen(name), 0);
	const char *mark = strstr(desc->help, " (required)");

	if (args_has(args, name))
		return REESPEC_OK;
	return fail(args, REESPEC_USAGE, "--%s %s is required: %.*s", name,
		    desc->arg,
		    mark ? (int)(mark - desc->help) : (int)strlen(desc->help),
		    desc->help);
}

const struct command *args_find_command(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

static int check_operands(const struct args *args)
{
	const struct command *c = args->command;

	if (!c ||
	    (args->n_operands >= c->n_min && args->n_operands <= c->n_max))
		return REESPEC_OK;
	return fail(args, REESPEC_USAGE,
		    "a word is missing (usage: reespec %s%s%s)", c->name,
		    *c->operands ? " " : "", c->operands);
}

int args_parse(struct args *args, int argc, char **argv, bool *ret_help)
{
	bool is_rest = false;
	int used;
	int r;

	memset(args, 0, sizeof(*args));
	*ret_help = false;
	for (int i = 0; i < argc; i += used) {
		char *word = argv[i];

		used = 1;
		if (!is_rest && !strcmp(word, "--")) {
			is_rest = true;
		} else if (!is_rest && word[0] == '-' && word[1]) {
			r = parse_option(args, word,
					 i + 1 < argc ? argv[i + 1] : NULL,
					 &used, ret_help);
			if (r)
				return r;
		} else if (!args->command && !*ret_help &&
			   !strcmp(word, "help")) {
			/* What git and others answer to is tried here, too. */
			*ret_help = true;
		} else if (!args->command) {
			args->command = args_find_command(word);
			if (!args->command)
				return fail(
					args, REESPEC_USAGE,
					"no command \"%s\" (see reespec --help)",
					word);
		} else if (args->n_operands == args->command->n_max) {
			return fail(
				args, REESPEC_USAGE,
				"one word too many: \"%s\" (usage: reespec %s%s%s)",
				word, args->command->name,
				*args->command->operands ? " " : "",
				args->command->operands);
		} else {
			args->operands[args->n_operands++] = word;
		}
	}
	return *ret_help ? REESPEC_OK : check_operands(args);
}

static void help_options(const struct option_desc *options)
{
	char head[80];

	for (; options && options->name; options++) {
		snprintf(head, sizeof(head), "%c%c%s--%s%s%s",
			 options->letter ? '-' : ' ',
			 options->letter ? options->letter : ' ',
			 options->letter ? ", " : "  ", options->name,
			 options->arg ? " " : "",
			 options->arg ? options->arg : "");
		/* A long one has a line of its own. */
		if (strlen(head) > HELP_COLUMN)
			printf("  %s\n  %*s %s\n", head, HELP_COLUMN, "",
			       options->help);
		else
			printf("  %-*s %s\n", HELP_COLUMN, head, options->help);
	}
}

/* Operands that do not fit go on below the first. */
static void help_usage(const struct command *command)
{
	int column = printf("Usage: reespec %s [OPTION...]", command->name);
	const char *word = command->operands;
	int len;

	for (; *word; word += len + strspn(word + len, " ")) {
		len = (int)strcspn(word, " ");
		if (column + 1 + len > HELP_WIDTH)
			column = printf("\n%*s", HELP_COLUMN, "") - 1;
		column += printf(" %.*s", len, word);
	}
}

void help_command(const struct command *command)
{
	help_usage(command);
	printf("\n\n%s\n\nOptions:\n", command->text);
	help_options(command->options);
	help_options(common_options);
}

void help_program(void)
{
	puts("Usage: reespec [COMMAND] [OPTION...]\n\n"
	     "Assays rare earths with an X-ray spectrometer through the daemon\n"
	     "reespecd. Without a command it shows the state.\n\n"
	     "Commands:");
	for (const struct command *const *c = commands; *c; c++)
		printf("  %-9s %s\n", (*c)->name, (*c)->summary);
	puts("\nOptions of every command:");
	help_options(common_options);
	puts("\nExit status: 0 ok, 1 failed, 2 usage, 3 not found, 4 denied,\n"
	     "5 busy or no device, 6 verdict or verification failed.");
}
