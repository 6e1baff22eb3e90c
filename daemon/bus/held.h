/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers of Fetch that somebody still holds. Their memory is the daemon's:
 * whoever collects descriptors without closing them would use it up.
 */
#ifndef DAEMON_BUS_HELD_H
#define DAEMON_BUS_HELD_H

#include <stddef.h>
#include <stdint.h>

struct service;

/* Bytes @uid holds at this moment; a small answer counts as HELD_LEAST. */
#define HELD_LEAST (256 * 1024)
size_t held_bytes(struct service *s, uint32_t uid);

/*
 * Counts the sealed memfd @fd of @len bytes, which stays the caller's, as held
 * by @uid from now on. *ret_fd is the descriptor to send and then close:
 * read-only, at offset 0. Negative errno.
 */
int held_add(struct service *s, uint32_t uid, int fd, size_t len, int *ret_fd);

/* Lets go of the memory of what all have closed; once in a while. */
void held_sweep(struct service *s);
void held_free_all(struct service *s);

#endif
