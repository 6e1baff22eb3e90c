/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz entries share. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input; a failure is a finding. */
#define MUST(cond)                                                       \
	do {                                                             \
		if (!(cond)) {                                           \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				__LINE__, #cond);                        \
			abort();                                         \
		}                                                        \
	} while (0)

/*
 * The input as a file for parsers that take a path: the folder and the name
 * in it lead to memory, so that nothing is written to a disk.
 */
#define FUZZ_FOLDER "/proc/self/fd/"

struct fuzz_file {
	int fd;
	char name[16];
	char path[48];
};

static inline void fuzz_file_open(struct fuzz_file *f, const void *data,
				  size_t size)
{
	f->fd = memfd_create("input", MFD_CLOEXEC);
	if (f->fd < 0 || write(f->fd, data, size) != (ssize_t)size)
		abort();
	snprintf(f->name, sizeof(f->name), "%d", f->fd);
	snprintf(f->path, sizeof(f->path), FUZZ_FOLDER "%d", f->fd);
}

static inline void fuzz_file_close(struct fuzz_file *f)
{
	close(f->fd);
}

#endif
