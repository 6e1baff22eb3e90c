// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec, the operator's program: the table of its commands. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "reespec/command.h"
#include "reespec/pager.h"
#include "version.h"

/* clang-format off */
const struct command *const commands[] = {
	&command_list,
	&command_status,
	&command_assay,
	&command_end,
	&command_line,
	&command_live,
	&command_log,
	&command_show,
	&command_follow,
	&command_export,
	&command_verify,
	&command_archive,
	&command_backup,
	&command_restore,
	&command_readers,
	&command_amend,
	&command_sign,
	&command_reprocess,
	&command_key,
	&command_qc,
	&command_analyze,
	&command_calibrate,
	&command_configure,
	&command_plot,
	&command_report,
	&command_method,
	&command_doctor,
	&command_complete,
	NULL,
};
/* clang-format on */

/* A full disk must not pass for success. */
static int close_stdout(const struct args *args, int code)
{
	int error = fflush(stdout) || ferror(stdout) ? errno : 0;

	pager_end();
	if (error == 0 || error == EPIPE)
		return code;
	return fail(args, REESPEC_FAILED, "cannot write the output: %s",
		    strerror(error));
}

int main(int argc, char **argv)
{
	struct args args;
	bool is_help;
	int r;

	setlocale(LC_CTYPE, "");
	/* `reespec log | head` ends quietly, by EPIPE. */
	signal(SIGPIPE, SIG_IGN);

	r = args_parse(&args, argc - 1, argv + 1, &is_help);
	if (r)
		return r;
	if (args.is_version) {
		puts("reespec " REESPEC_VERSION);
		return close_stdout(&args, REESPEC_OK);
	}
	if (is_help) {
		pager_start(&args);
		if (args.command)
			help_command(args.command);
		else
			help_program();
		return close_stdout(&args, REESPEC_OK);
	}
	if (!args.command)
		args.command = &command_status;
	return close_stdout(&args, args.command->run(&args));
}
