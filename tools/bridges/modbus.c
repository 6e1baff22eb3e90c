// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec-modbus: signals, the service manager. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "bridges/follow.h"
#include "bridges/modbus_bridge.h"
#include "bridges/program.h"

/* Written by the handler, read by the loop. */
static int stop_pipe[2];

static void on_signal(int number)
{
	const int saved = errno;
	const char byte = (char)number;

	if (write(stop_pipe[1], &byte, 1) < 0) {
		/* Full: it is being read. */
	}
	errno = saved;
}

static int catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    sigaction(SIGTERM, &action, NULL) < 0 ||
	    sigaction(SIGINT, &action, NULL) < 0)
		return -errno;
	return 0;
}

static int run(const struct modbus_config *config)
{
	CLEANUP(bridge_freep) struct bridge *b = NULL;
	char why[512] = "";
	char byte;
	int r;

	r = catch_signals();
	if (r >= 0)
		r = bridge_new(config, &b, why, sizeof(why));
	if (r < 0) {
		log_error("%s", why[0] ? why : strerror(-r));
		return r;
	}
	log_info("line %s: serving %s on %s port %d", config->name,
		 config->instrument, config->address, config->port);
	sd_notify(0, "READY=1\nSTATUS=serving");
	while (r >= 0 && read(stop_pipe[0], &byte, 1) < 0)
		r = bridge_turn(b, stop_pipe[0]);
	sd_notify(0, "STOPPING=1");
	if (r < 0)
		log_error("%s", strerror(-r));
	return r;
}

int main(int argc, char **argv)
{
	struct modbus_config config = { 0 };
	struct program program = {
		.name = "reespec-modbus",
		.config = "/etc/reespec/modbus.conf",
		.summary = "A sample line's PLC by Modbus/TCP to reespecd.",
		.more = { { "map", NULL, "print registers, states and codes",
			    map_print } },
		.table = &config_table,
	};
	char why[512];
	int code, r;

	if (program_start(&program, argc, argv, &config, &code))
		return code;
	if (config_check(&config, program.config, why, sizeof(why)) < 0) {
		log_error("%s", why);
		config_deinit(&config);
		return FOLLOW_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	r = run(&config);
	config_deinit(&config);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
