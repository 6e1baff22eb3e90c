/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A byte buffer that grows. The bytes are always followed by a NUL that is
 * not counted, so text can be used in place.
 */
#ifndef DAEMON_BASE_BUF_H
#define DAEMON_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

/*
 * Zero-filled is an empty buffer without limit. @limit, when set, is the
 * greatest length; appending beyond it is -EFBIG and changes nothing.
 */
struct buf {
	char *data; /* NULL while empty */
	size_t len;
	size_t alloc;
	size_t limit;
};

/* Frees the bytes; the buffer may be used again. */
void buf_deinit(struct buf *b);
/* Forgets the bytes, keeps the memory. */
void buf_clear(struct buf *b);
/* Makes room for @len more bytes; 0, -ENOMEM or -EFBIG. */
int buf_reserve(struct buf *b, size_t len);
int buf_append(struct buf *b, const void *data, size_t len);
int buf_append_str(struct buf *b, const char *str);
int buf_printf(struct buf *b, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));
/*
 * Hands the bytes over as memory of malloc() with a NUL behind them; the
 * buffer is empty then. Never NULL for an empty buffer, only when memory ran
 * out. @ret_len may be NULL.
 */
char *buf_take(struct buf *b, size_t *ret_len);

/*
 * Reads all of a file descriptor, at most @limit bytes: 0, -EFBIG when it
 * holds more, or the errno of read().
 */
int buf_read_fd(struct buf *b, int fd, size_t limit);
/* The same for a path, opened O_CLOEXEC; directories are -EISDIR. */
int buf_read_file(struct buf *b, const char *path, size_t limit);

#endif
