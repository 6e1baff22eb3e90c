// SPDX-License-Identifier: GPL-2.0-or-later
/* Long output on a terminal, a screen at a time. */
#include "reespec/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reespec/print.h"

extern char **environ;

static pid_t pager_pid;

static bool is_wanted(const struct args *args, const char *pager)
{
	const char *term = getenv("TERM");

	return !args->is_without_pager && isatty(STDOUT_FILENO) && term &&
	       strcmp(term, "dumb") != 0 &&
	       (!pager || (*pager && strcmp(pager, "cat") != 0));
}

/*
 * @pager is a line for the shell; NULL: less itself, so that one that is not
 * there is noticed before anything is lost. Of its own line the shell notices
 * by 127, with nothing read yet. An interrupt is for the pager, not the shell.
 */
static int spawn(const char *pager, int in)
{
	char shell[] = "sh", option[] = "-c", less[] = "less";
	char *line = NULL;
	char *by_shell[] = { shell, option, NULL, NULL };
	char *itself[] = { less, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t pipe_signal;
	int error;

	if (pager &&
	    asprintf(&line, "trap : INT\n%s\n[ $? != 127 ] || exec cat",
		     pager) < 0)
		return ENOMEM;
	by_shell[2] = line;
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &pipe_signal);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	error = posix_spawnp(&pager_pid, pager ? shell : less, &actions,
			     &attributes, pager ? by_shell : itself, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	free(line);
	if (error)
		pager_pid = 0;
	return error;
}

void pager_start(const struct args *args)
{
	const char *pager = getenv("PAGER");
	int fd[2];

	if (pager_pid || !is_wanted(args, pager) || pipe2(fd, O_CLOEXEC) < 0)
		return;
	/* As git does: leave at once what is short, keep colours and screen. */
	setenv("LESS", "FRX", 0);
	if (spawn(pager, fd[0]) == 0) {
		print_keep_terminal();
		fflush(stdout);
		dup2(fd[1], STDOUT_FILENO);
		/* Messages would be written across its page. */
		if (isatty(STDERR_FILENO))
			dup2(fd[1], STDERR_FILENO);
		/* An interrupt is the pager's; it would be left alone with the
		 * terminal. */
		signal(SIGINT, SIG_IGN);
	}
	close(fd[0]);
	close(fd[1]);
}

void pager_end(void)
{
	if (!pager_pid)
		return;
	fflush(stdout);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	waitpid(pager_pid, NULL, 0);
}
