/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of commands: what each takes, and how each may end. */
#ifndef TOOLS_REESPEC_COMMAND_H
#define TOOLS_REESPEC_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How the program ends; fixed, scripts rely on it. Functions of this program
 * return one of these, and whoever returns other than REESPEC_OK has said why
 * on stderr before.
 */
enum reespec_exit {
	REESPEC_OK = 0,
	REESPEC_FAILED = 1,
	REESPEC_USAGE = 2,
	REESPEC_NOT_FOUND = 3,
	REESPEC_DENIED = 4,
	REESPEC_BUSY = 5,
	REESPEC_VERDICT = 6,
};

#define ARGS_OPTIONS_MAX 64
#define ARGS_OPERANDS_MAX 4096

/* One option: @letter may be 0; @arg names its value, NULL for a switch. */
struct option_desc {
	const char *name;
	char letter;
	const char *arg;
	const char *help;
};

struct args;

/* One command. @operands is the rest of its usage line. */
struct command {
	const char *name;
	const char *operands;
	const char *summary;
	const char *text;
	unsigned int n_min;
	unsigned int n_max;
	const struct option_desc *options;
	int (*run)(const struct args *args);
};

/* What was typed, after parsing. Strings are borrowed from argv. */
struct args {
	const struct command *command;
	bool is_json;
	bool is_without_pager;
	bool is_version; /* it alone is asked for */
	const char *bus;
	unsigned int n_operands;
	char *operands[ARGS_OPERANDS_MAX];
	unsigned int n_options;
	struct {
		const struct option_desc *desc;
		const char *value;
	} options[ARGS_OPTIONS_MAX];
};

/* True when option @name was given. */
bool args_has(const struct args *args, const char *name);

/* True when its command has an option @name. */
bool args_takes(const struct args *args, const char *name);

/* Value of the @i-th @name given, or NULL. */
const char *args_get_nth(const struct args *args, const char *name,
			 unsigned int i);

/* Value of the last @name given, or NULL. */
const char *args_get(const struct args *args, const char *name);

/* Whether @text is a finite number in [@min, @max], then in @ret. */
bool args_read_number(const char *text, double min, double max, double *ret);

/* REESPEC_OK when option @name was given; else says what it is for, by the
 * command's table, whose text ends in "(required)". */
int args_require(const struct args *args, const char *name);

/*
 * The value of @name as a number in [@min, @max] into @ret, which keeps what
 * it held when the option was not given.
 */
int args_number(const struct args *args, const char *name, double min,
		double max, double *ret);
int args_count(const struct args *args, const char *name,
	       unsigned long long min, unsigned long long max,
	       unsigned long long *ret);

/* A whole number in [@min, @max] typed as operand or option called @what. */
int args_parse_count(const struct args *args, const char *what,
		     const char *text, unsigned long long min,
		     unsigned long long max, unsigned long long *ret);

/* Says on stderr "reespec COMMAND: ..." and returns @code. */
int fail(const struct args *args, enum reespec_exit code, const char *format,
	 ...) __attribute__((format(printf, 3, 4)));

/* Parses what follows the program's name into @args; REESPEC_OK or why not.
 * @ret_help: help or the version is asked for, and operands may be missing. */
int args_parse(struct args *args, int argc, char **argv, bool *ret_help);

/* One entry of the tables by its name, or by @letter other than 0; or NULL. */
const struct command *args_find_command(const char *name);
const struct option_desc *args_find_option(const struct command *command,
					   const char *name, size_t len,
					   char letter);

/* Prints the help of the program, or of one command. */
void help_program(void);
void help_command(const struct command *command);

/* The commands, one file each, and the list of them, which ends with NULL. */
extern const struct command *const commands[];
extern const struct option_desc common_options[];
extern const struct command command_list;
extern const struct command command_status;
extern const struct command command_assay;
extern const struct command command_end;
extern const struct command command_line;
extern const struct command command_live;
extern const struct command command_log;
extern const struct command command_show;
extern const struct command command_follow;
extern const struct command command_export;
extern const struct command command_verify;
extern const struct command command_archive;
extern const struct command command_backup;
extern const struct command command_restore;
extern const struct command command_readers;
extern const struct command command_amend;
extern const struct command command_sign;
extern const struct command command_reprocess;
extern const struct command command_key;
extern const struct command command_analyze;
extern const struct command command_calibrate;
extern const struct command command_configure;
extern const struct command command_plot;
extern const struct command command_report;
extern const struct command command_method;
extern const struct command command_qc;
extern const struct command command_doctor;
extern const struct command command_complete;

#endif
