// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec-modbus: options, signals, the service manager. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "bridges/modbus_bridge.h"
#include "version.h"

#define EXIT_USAGE 2

static const char usage[] =
	"usage: reespec-modbus [OPTION]...\n"
	"A sample line's PLC by Modbus/TCP to the service org.reespec1.\n"
	"\n"
	"  --config FILE   settings, /etc/reespec/modbus.conf\n"
	"  --bus BUS       system (default) or an address\n"
	"  --settings      list the settings there are\n"
	"  --map           print the register map, states and codes\n"
	"  -h, --help      this text\n"
	"  -V, --version   the version\n";

struct arguments {
	const char *config;
	const char *bus;
};

/* 0 to go on, 1 for a clean end, negative for a wrong call. */
static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "bus", required_argument, NULL, 'b' },
		{ "settings", no_argument, NULL, 'S' },
		{ "map", no_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			a->config = optarg;
			break;
		case 'b':
			a->bus = optarg;
			break;
		case 'S':
			config_print(stdout);
			return 1;
		case 'm':
			map_print(stdout);
			return 1;
		case 'h':
			fputs(usage, stdout);
			return 1;
		case 'V':
			puts("reespec-modbus " REESPEC_VERSION);
			return 1;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "reespec-modbus: unexpected argument %s\n",
			argv[optind]);
		return -EINVAL;
	}
	return 0;
}

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

static int run(const struct modbus_config *config, const char *bus)
{
	CLEANUP(bridge_freep) struct bridge *b = NULL;
	char why[256] = "";
	char byte;
	int r;

	r = catch_signals();
	if (r >= 0)
		r = bridge_new(config, bus, &b, why, sizeof(why));
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
	struct arguments a = { "/etc/reespec/modbus.conf", "system" };
	struct modbus_config config;
	char why[512] = "";
	int r;

	r = parse(argc, argv, &a);
	if (r)
		return r < 0 ? EXIT_USAGE : EXIT_SUCCESS;
	log_init("reespec-modbus", LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	r = config_load(a.config, &config, why, sizeof(why));
	if (r < 0) {
		log_error("%s", why[0] ? why : strerror(-r));
		return EXIT_USAGE;
	}
	r = run(&config, a.bus);
	config_deinit(&config);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
