// SPDX-License-Identifier: GPL-2.0-or-later
/* A byte buffer that grows. */
#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

void buf_deinit(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = 0;
	b->alloc = 0;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

int buf_reserve(struct buf *b, size_t len)
{
	size_t want, alloc;
	char *data;

	if (len > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
		return -ENOMEM;
	want = b->len + len;
	if (b->limit && want > b->limit)
		return -EFBIG;
	if (want < b->alloc)
		return 0;

	alloc = b->alloc ? b->alloc : 64;
	while (alloc <= want)
		alloc *= 2;
	data = realloc(b->data, alloc);
	if (!data)
		return -ENOMEM;
	if (!b->data)
		data[0] = '\0';
	b->data = data;
	b->alloc = alloc;
	return 0;
}

int buf_append(struct buf *b, const void *data, size_t len)
{
	int r;

	r = buf_reserve(b, len);
	if (r < 0)
		return r;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int buf_append_str(struct buf *b, const char *str)
{
	return buf_append(b, str, strlen(str));
}

int buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int n, r;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		return -EINVAL;

	r = buf_reserve(b, (size_t)n);
	if (r < 0)
		return r;
	va_start(args, format);
	vsnprintf(b->data + b->len, (size_t)n + 1, format, args);
	va_end(args);
	b->len += (size_t)n;
	return 0;
}

char *buf_take(struct buf *b, size_t *ret_len)
{
	char *data;

	if (buf_reserve(b, 0) < 0)
		return NULL;
	if (ret_len)
		*ret_len = b->len;
	data = TAKE_PTR(b->data);
	b->len = 0;
	b->alloc = 0;
	return data;
}

int buf_read_fd(struct buf *b, int fd, size_t limit)
{
	size_t start = b->len;
	ssize_t n;
	int r;

	for (;;) {
		r = buf_reserve(b, 16384);
		if (r < 0)
			return r;
		n = read(fd, b->data + b->len, 16384);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		b->len += (size_t)n;
		b->data[b->len] = '\0';
		if (b->len - start > limit)
			return -EFBIG;
		if (!n)
			return 0;
	}
}

int buf_read_file(struct buf *b, const char *path, size_t limit)
{
	CLEANUP(closep) int fd = -1;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	return buf_read_fd(b, fd, limit);
}
