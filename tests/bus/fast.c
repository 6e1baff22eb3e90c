// SPDX-License-Identifier: GPL-2.0-or-later
/* Passes packets on, and alters the one that subscribes to spectra. */
#include "fast.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "uapi/dp5_socket.h"

static int at(const struct rig *r, const char *name, bool is_server)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%.80s/%s", r->dir, name);
	if (is_server && (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
			  listen(fd, 4) < 0))
		rig_die("%s: %s", a.sun_path, strerror(errno));
	if (!is_server && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void hurry(uint8_t *packet, size_t len, uint64_t interval_ns)
{
	struct dp5_sock_call *call = (struct dp5_sock_call *)packet;
	struct dp5_subscribe *sub = (struct dp5_subscribe *)(call + 1);

	if (len >= sizeof(*call) + sizeof(*sub) &&
	    call->cmd == DP5_IOC_SUBSCRIBE && sub->kind == DP5_SUB_SPECTRUM)
		sub->interval_ns = interval_ns;
}

/* False when either side has closed. */
static bool pass(int from, int to, uint64_t interval_ns)
{
	static _Alignas(8) uint8_t packet[DP5_SOCK_PACKET_MAX];
	ssize_t n = recv(from, packet, sizeof(packet), 0);

	if (n <= 0)
		return false;
	hurry(packet, (size_t)n, interval_ns);
	return send(to, packet, (size_t)n, MSG_NOSIGNAL) == n;
}

static void serve(int daemon, int emu, uint64_t interval_ns)
{
	struct pollfd fds[] = { { daemon, POLLIN, 0 }, { emu, POLLIN, 0 } };
	bool is_open = true;

	while (is_open && poll(fds, 2, -1) > 0) {
		if (fds[0].revents)
			is_open = pass(daemon, emu, interval_ns);
		if (is_open && fds[1].revents)
			is_open = pass(emu, daemon, 0);
	}
}

static void run(const struct rig *r, int listener, uint64_t interval_ns)
{
	for (;;) {
		int daemon = accept(listener, NULL, NULL);
		int emu = at(r, "dp5", false);

		if (daemon < 0)
			_exit(1);
		if (emu >= 0) {
			serve(daemon, emu, interval_ns);
			close(emu);
		}
		close(daemon);
	}
}

static void start_between(const struct rig *r, uint64_t interval_ns)
{
	int listener = at(r, "fast", true);
	pid_t pid = fork();

	if (pid < 0)
		rig_die("fork: %s", strerror(errno));
	if (pid) {
		close(listener);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	run(r, listener, interval_ns);
}

void fast_start(struct rig *r, uint64_t interval_ns, const char *settings)
{
	char path[160];
	FILE *f;

	rig_start(r, NULL, NULL);
	snprintf(path, sizeof(path), "%s/reespecd.conf", r->dir);
	f = fopen(path, "we");
	if (!f || fputs(settings, f) < 0 || fclose(f))
		rig_die("%s: %s", path, strerror(errno));
	snprintf(r->options, sizeof(r->options), "--config %s", path);
	r->instrument = "fast";
	rig_method(r, "fast", "keep = result", "keep = readings");
	rig_start_bus(r, true);
	rig_start_emu(r, "--settle 0");
	start_between(r, interval_ns);
	rig_start_daemon(r);
	rig_connect(r);
	if (!rig_wait_state(r, "idle"))
		rig_die("the instrument is not idle");
}
