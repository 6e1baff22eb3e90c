// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loaded before the libraries of a program under test: what it tells the
 * journal goes to the socket that REESPEC_JOURNAL names.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define JOURNAL "/run/systemd/journal/socket"

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	static int (*next)(int, const struct sockaddr *, socklen_t);
	const char *path = getenv("REESPEC_JOURNAL");
	struct sockaddr_un ours = { .sun_family = AF_UNIX };

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "connect");
	if (!path || addr->sa_family != AF_UNIX ||
	    strcmp(((const struct sockaddr_un *)addr)->sun_path, JOURNAL) != 0)
		return next(fd, addr, len);
	snprintf(ours.sun_path, sizeof(ours.sun_path), "%s", path);
	return next(fd, (const struct sockaddr *)&ours, sizeof(ours));
}
