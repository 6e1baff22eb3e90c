// SPDX-License-Identifier: GPL-2.0-or-later
/* reespecd: options, signals and the service manager. */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"
#include "bus/messages.h"
#include "bus/service.h"
#include "bus/settings.h"
#include "device/kept.h"

#define MAX_PATHS 8
#define EXIT_USAGE 2

static const char usage[] =
	"usage: reespecd [OPTION]...\n"
	"The service org.reespec1: instruments, assays and their ledger.\n"
	"\n"
	"  --bus BUS            system (default), session or an address\n"
	"  --config FILE        settings, reespecd.conf(5)\n"
	"  --settings           list the settings there are\n"
	"  --state DIR          folder of the ledger, /var/lib/reespec\n"
	"  --methods DIR        folder of methods; may be repeated; default\n"
	"                       /etc/reespec/methods, "
	"/usr/share/reespec/methods\n"
	"  --instrument socket:PATH\n"
	"                       an emulator's socket; not on the system bus\n"
	"  --restore FILE       make the ledger from an export, and end\n"
	"  --verbose            say every step\n"
	"  -h, --help           this text\n"
	"  -V, --version        the version\n";

struct arguments {
	struct service_options service;
	const char *methods[MAX_PATHS + 1];
	const char *sockets[MAX_PATHS + 1];
	const char *config; /* NULL: none was named */
	const char *restore; /* an export to make the ledger from */
	struct settings settings;
	int level;
};

#define DEFAULT_CONFIG "/etc/reespec/reespecd.conf"

static int add_path(const char **list, const char *path)
{
	size_t n = 0;

	while (list[n])
		n++;
	if (n == MAX_PATHS)
		return -E2BIG;
	list[n] = path;
	return 0;
}

static int add_instrument(struct arguments *a, const char *text)
{
	static const char prefix[] = "socket:";

	if (strncmp(text, prefix, strlen(prefix)) || !text[strlen(prefix)]) {
		fprintf(stderr,
			"reespecd: --instrument %s: socket:PATH wanted;"
			" device nodes are found by udev\n",
			text);
		return -EINVAL;
	}
	return add_path(a->sockets, text + strlen(prefix));
}

/* 0 to go on, 1 for a clean end, negative for a wrong call. */
static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{ "bus", required_argument, NULL, 'b' },
		{ "config", required_argument, NULL, 'c' },
		{ "settings", no_argument, NULL, 'S' },
		{ "state", required_argument, NULL, 's' },
		{ "methods", required_argument, NULL, 'm' },
		{ "instrument", required_argument, NULL, 'i' },
		{ "restore", required_argument, NULL, 'r' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;
	int r = 0;

	while (r >= 0 &&
	       (c = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (c) {
		case 'b':
			a->service.bus = optarg;
			break;
		case 'c':
			a->config = optarg;
			break;
		case 'S':
			settings_print(stdout);
			return 1;
		case 's':
			a->service.state_dir = optarg;
			break;
		case 'm':
			r = add_path(a->methods, optarg);
			break;
		case 'i':
			r = add_instrument(a, optarg);
			break;
		case 'r':
			a->restore = optarg;
			break;
		case 'v':
			a->level = LOG_DEBUG;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		case 'V':
			puts("reespecd " REESPEC_VERSION);
			return 1;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "reespecd: unexpected argument %s\n",
			argv[optind]);
		return -EINVAL;
	}
	return r;
}

static void on_ready(void *arg)
{
	(void)arg;
	sd_notify(0, "READY=1\nSTATUS=serving");
}

static void on_alive(void *arg)
{
	(void)arg;
	sd_notify(0, "WATCHDOG=1");
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	log_info("stopping on signal %d", (int)fd);
	sd_notify(0, "STOPPING=1");
	service_stop(arg);
}

/* ---- nodes that the service manager has ----------------------------------- */

static void put_node(const char *name, int fd, void *arg)
{
	char state[128];

	(void)arg;
	snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=%s", name);
	sd_pid_notify_with_fds(0, 0, state, &fd, 1);
}

static void remove_node(const char *name, void *arg)
{
	(void)arg;
	sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

static int get_nodes(struct kept **ret)
{
	static const struct kept_manager manager = { put_node, remove_node,
						     NULL };
	CLEANUP(kept_freep) struct kept *k = NULL;
	char **names = NULL;
	int n, r;

	r = kept_new(&manager, &k);
	if (r < 0)
		return r;
	n = sd_listen_fds_with_names(true, &names);
	for (int i = 0; i < n; i++) {
		if (r >= 0)
			r = kept_add(k, names[i], SD_LISTEN_FDS_START + i);
		free(names[i]);
	}
	free(names);
	if (n < 0 || r < 0)
		return n < 0 ? n : r;
	*ret = TAKE_PTR(k);
	return 0;
}

/* ---- settings ------------------------------------------------------------- */

/* A file that was not named may be missing: then the defaults count. */
static int load_settings(struct arguments *a, char *why, size_t why_size)
{
	const char *path = a->config ? a->config : DEFAULT_CONFIG;
	int r;

	r = settings_load(path, &a->settings, why, why_size);
	if (r == -ENOENT && !a->config)
		r = settings_load(NULL, &a->settings, why, why_size);
	return r;
}

/* As Type=notify-reload wants it: the time lets the manager tell this answer
 * from an older one. */
static void on_reload(evutil_socket_t fd, short what, void *arg)
{
	char why[512] = "";

	(void)fd;
	(void)what;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)(clock_monotonic_ns() / 1000));
	if (load_settings(arg, why, sizeof(why)) < 0) {
		log_event(LOG_ERR, MESSAGE_SETTINGS_BAD, NULL,
			  "%s; the settings before stay", why);
		sd_notifyf(0, "READY=1\nSTATUS=settings not read: %s", why);
		return;
	}
	log_notice("the settings were read again");
	sd_notify(0, "READY=1\nSTATUS=serving");
}

static int run(struct event_base *base, struct arguments *a)
{
	CLEANUP(kept_freep) struct kept *kept = NULL;
	CLEANUP(service_freep) struct service *s = NULL;
	struct event *term;
	struct event *interrupt;
	struct event *reload;
	char why[512] = "";
	int r;

	r = load_settings(a, why, sizeof(why));
	if (r < 0) {
		log_error("%s", why[0] ? why : strerror(-r));
		return r;
	}
	r = get_nodes(&kept);
	if (r < 0) {
		log_error("nodes left with the service manager: %s",
			  strerror(-r));
		return r;
	}
	a->service.kept = kept;

	r = service_new(base, &a->service, &s, why, sizeof(why));
	if (r < 0) {
		log_error("%s", why[0] ? why : strerror(-r));
		return r;
	}
	term = evsignal_new(base, SIGTERM, on_signal, s);
	interrupt = evsignal_new(base, SIGINT, on_signal, s);
	reload = evsignal_new(base, SIGHUP, on_reload, a);
	r = -ENOMEM;
	if (term && interrupt && reload && event_add(term, NULL) >= 0 &&
	    event_add(interrupt, NULL) >= 0 && event_add(reload, NULL) >= 0)
		r = service_run(s);
	if (reload)
		event_free(reload);
	if (term)
		event_free(term);
	if (interrupt)
		event_free(interrupt);
	return r;
}

static int restore(const struct arguments *a)
{
	const struct ledger_options options = {
		.software = "reespecd " REESPEC_VERSION,
	};
	CLEANUP(ledger_closep) struct ledger *l = NULL;
	CLEANUP(fclosep) FILE *from = NULL;
	char why[512] = "";
	int r;

	from = fopen(a->restore, "re");
	if (!from) {
		log_error("%s: %s", a->restore, strerror(errno));
		return -errno;
	}
	r = ledger_restore(a->service.state_dir, from, &options, &l, why,
			   sizeof(why));
	if (r < 0) {
		log_error("%s: %s", a->restore, why[0] ? why : strerror(-r));
		return r;
	}
	log_notice("%s: records %llu to %llu restored; ledger %s goes on from "
		   "there",
		   a->restore, (unsigned long long)ledger_first(l),
		   (unsigned long long)ledger_last(l) - 1, ledger_id(l));
	return 0;
}

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (!config)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

int main(int argc, char **argv)
{
	struct arguments a = {
		.service = { .bus = "system",
			     .state_dir = "/var/lib/reespec",
			     .on_ready = on_ready,
			     .on_alive = on_alive },
		.level = LOG_INFO,
	};
	struct event_base *base;
	int r;

	r = parse(argc, argv, &a);
	if (r)
		return r < 0 ? EXIT_USAGE : EXIT_SUCCESS;
	if (!a.methods[0]) {
		a.methods[0] = "/etc/reespec/methods";
		a.methods[1] = "/usr/share/reespec/methods";
	}
	a.service.method_dirs = a.methods;
	a.service.sockets = a.sockets;
	a.service.settings = &a.settings;
	log_init("reespecd", a.level);
	signal(SIGPIPE, SIG_IGN);
	/* A full disk is an answer, not the end of the process. */
	signal(SIGXFSZ, SIG_IGN);

	if (a.restore)
		return restore(&a) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	base = base_new();
	if (!base)
		return EXIT_FAILURE;
	r = run(base, &a);
	event_base_free(base);
	libevent_global_shutdown();
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
