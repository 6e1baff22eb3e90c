// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loaded before the libraries of a program under test: while the file that
 * REESPEC_FAIL names exists, spectra cannot be packed, as without memory.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#define MEMORY_ALLOCATION 64 /* ZSTD_error_memory_allocation */

size_t ZSTD_compressCCtx(void *context, void *to, size_t to_size,
			 const void *from, size_t size, int level);

size_t ZSTD_compressCCtx(void *context, void *to, size_t to_size,
			 const void *from, size_t size, int level)
{
	static size_t (*next)(void *, void *, size_t, const void *, size_t,
			      int);
	const char *flag = getenv("REESPEC_FAIL");

	if (flag && access(flag, F_OK) == 0)
		return (size_t)-MEMORY_ALLOCATION;
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "ZSTD_compressCCtx");
	return next(context, to, to_size, from, size, level);
}
