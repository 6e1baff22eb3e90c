// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connections and their frames. The library listens and makes the answers; it
 * is not let near what comes in: its receive waits for a slow peer, and takes
 * its lengths from the function code alone. So frames are gathered here, from
 * sockets that never block, and checked before it sees them.
 */
#include "bridges/modbus_server.h"

#include <errno.h>
#include <fcntl.h>
#include <modbus/modbus.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "bridges/program.h"

#define REFUSED_LOG_NS 10000000000ULL

struct peer {
	int fd; /* -1: free */
	size_t len;
	uint8_t bytes[MAP_FRAME_MAX];
	uint64_t used_ns;
};

struct server {
	const struct modbus_config *config;
	struct server_events events;
	modbus_t *modbus;
	modbus_mapping_t *map;
	int fd;
	struct peer *peers; /* config->connections of them */
	uint64_t refused_after_ns; /* the next refusal that is worth a line */
};

static int blame_address(const struct server *s, const char *what, char *why,
			 size_t why_size)
{
	char text[200];

	snprintf(text, sizeof(text), "%s: %s", s->config->address, what);
	setting_text(s->config->path, "listen", "address", text, why, why_size);
	return -EADDRNOTAVAIL;
}

static int blame_port(const struct server *s, int error, char *why,
		      size_t why_size)
{
	const char *what = strerror(error);
	char text[200];

	if (error == EADDRINUSE)
		what = "somebody else listens there";
	else if (error == EACCES)
		what = "takes CAP_NET_BIND_SERVICE, see reespec-modbus(8)";
	snprintf(text, sizeof(text), "%d on %s: %s", s->config->port,
		 s->config->address, what);
	setting_text(s->config->path, "listen", "port", text, why, why_size);
	return -error;
}

/* The library says "Connection refused" for a name that nobody knows. */
static int listen_on(struct server *s, char *why, size_t why_size)
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE,
					.ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char port[8];
	int r;

	snprintf(port, sizeof(port), "%d", s->config->port);
	r = getaddrinfo(s->config->address, port, &hints, &found);
	if (r)
		return blame_address(s, gai_strerror(r), why, why_size);
	freeaddrinfo(found);
	s->modbus = modbus_new_tcp_pi(s->config->address, port);
	if (!s->modbus)
		return -errno;
	s->fd = modbus_tcp_pi_listen(s->modbus, s->config->connections);
	if (s->fd < 0 && errno == EADDRNOTAVAIL)
		return blame_address(s, "no interface of this machine has it",
				     why, why_size);
	if (s->fd < 0)
		return blame_port(s, errno, why, why_size);
	if (fcntl(s->fd, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(s->fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

int server_new(const struct modbus_config *config,
	       const struct server_events *events, struct server **ret,
	       char *why, size_t why_size)
{
	CLEANUP(server_freep) struct server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->config = config;
	s->events = *events;
	s->fd = -1;
	s->peers = calloc((size_t)config->connections, sizeof(*s->peers));
	s->map = modbus_mapping_new(MAP_N_COILS, MAP_N_INPUTS, MAP_N_HOLDING,
				    (int)map_n_input(config->n_quantities));
	if (!s->peers || !s->map)
		return -ENOMEM;
	for (int i = 0; i < config->connections; i++)
		s->peers[i].fd = -1;
	r = listen_on(s, why, why_size);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

static void peer_close(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	*p = (struct peer){ .fd = -1 };
}

struct server *server_free(struct server *s)
{
	if (!s)
		return NULL;
	for (int i = 0; s->peers && i < s->config->connections; i++)
		peer_close(&s->peers[i]);
	if (s->fd >= 0)
		close(s->fd);
	modbus_mapping_free(s->map);
	modbus_free(s->modbus);
	free(s->peers);
	free(s);
	return NULL;
}

uint8_t *server_coils(struct server *s)
{
	return s->map->tab_bits;
}

uint8_t *server_inputs(struct server *s)
{
	return s->map->tab_input_bits;
}

uint16_t *server_holding(struct server *s)
{
	return s->map->tab_registers;
}

uint16_t *server_registers(struct server *s)
{
	return s->map->tab_input_registers;
}

/* ---- connections ------------------------------------------------------------- */

/* A free place, else that of who has been quiet the longest: a PLC that lost
 * its power does not say so, and must find a place when it is back. */
static struct peer *place(struct server *s)
{
	struct peer *oldest = &s->peers[0];

	for (int i = 0; i < s->config->connections; i++) {
		struct peer *p = &s->peers[i];

		if (p->fd < 0)
			return p;
		if (p->used_ns < oldest->used_ns)
			oldest = p;
	}
	peer_close(oldest);
	return oldest;
}

static void refuse(struct server *s, const char *who)
{
	const uint64_t now = clock_monotonic_ns();

	if (now < s->refused_after_ns)
		return;
	s->refused_after_ns = now + REFUSED_LOG_NS;
	log_warning(
		"%s is not among the peers of [listen] in the settings: refused",
		who);
}

static void accept_one(struct server *s)
{
	struct sockaddr_storage from = { 0 };
	socklen_t len = sizeof(from);
	char who[INET6_ADDRSTRLEN];
	const int yes = 1;
	struct peer *p;
	int fd;

	fd = accept4(s->fd, (struct sockaddr *)&from, &len,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (!config_lets(s->config, (struct sockaddr *)&from, who,
			 sizeof(who))) {
		refuse(s, who);
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
	p = place(s);
	p->fd = fd;
	p->used_ns = clock_monotonic_ns();
}

/* ---- frames ------------------------------------------------------------------- */

/* False when the peer cannot be answered. */
static bool answer(struct server *s, struct peer *p, int len)
{
	struct map_request request;
	int sent;
	int r;

	r = map_request(p->bytes + MAP_HEADER_LEN, (size_t)len - MAP_HEADER_LEN,
			s->config->n_quantities, &request);
	if (!r && map_is_write(&request))
		r = s->events.on_write(s->events.arg, &request);
	else if (!r)
		s->events.on_read(s->events.arg);
	modbus_set_socket(s->modbus, p->fd);
	sent = r ? modbus_reply_exception(s->modbus, p->bytes, (unsigned int)r)
		 : modbus_reply(s->modbus, p->bytes, len, s->map);
	modbus_set_socket(s->modbus, -1);
	return sent > 0;
}

/* All whole frames that are there; false when the connection is to end. */
static bool take(struct server *s, struct peer *p)
{
	int len;

	while ((len = map_frame(p->bytes, p->len)) > 0) {
		p->used_ns = clock_monotonic_ns();
		if (!answer(s, p, len))
			return false;
		p->len -= (size_t)len;
		memmove(p->bytes, p->bytes + len, p->len);
	}
	return len == 0;
}

static void hear(struct server *s, struct peer *p)
{
	ssize_t n;

	n = recv(p->fd, p->bytes + p->len, sizeof(p->bytes) - p->len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		p->len += (size_t)n;
	if (n <= 0 || !take(s, p))
		peer_close(p);
}

size_t server_fds(const struct server *s, struct pollfd *fds)
{
	size_t n = 0;

	fds[n++] = (struct pollfd){ .fd = s->fd, .events = POLLIN };
	for (int i = 0; i < s->config->connections; i++)
		if (s->peers[i].fd >= 0)
			fds[n++] = (struct pollfd){ .fd = s->peers[i].fd,
						    .events = POLLIN };
	return n;
}

static struct peer *find(struct server *s, int fd)
{
	for (int i = 0; i < s->config->connections; i++)
		if (s->peers[i].fd == fd)
			return &s->peers[i];
	return NULL;
}

void server_handle(struct server *s, const struct pollfd *fds, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct peer *p = fds[i].revents ? find(s, fds[i].fd) : NULL;

		if (p)
			hear(s, p);
	}
	/* Last, so that no number of a closed descriptor is taken for new. */
	if (fds[0].revents)
		accept_one(s);
}
