// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loaded before the libraries of a program under test: one allocation finds no
 * memory. The file that REESPEC_FAIL names holds a number (int64_t) that each
 * allocation lowers while it is above 0; the one that makes it 0 fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);

static int64_t *left;

__attribute__((__constructor__)) static void begin(void)
{
	const char *path = getenv("REESPEC_FAIL");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *p = MAP_FAILED;

	if (fd >= 0)
		p = mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		left = p;
	if (fd >= 0)
		close(fd);
}

static int fails(void)
{
	if (!left || __atomic_load_n(left, __ATOMIC_RELAXED) <= 0 ||
	    __atomic_sub_fetch(left, 1, __ATOMIC_RELAXED) != 0)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}
