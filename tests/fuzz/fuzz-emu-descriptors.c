// SPDX-License-Identifier: GPL-2.0-or-later
/* Descriptors typed into a file, and what endpoint 0 then says of them. */
#include "dp5emu/descriptors.h"

#include "fuzz/fuzz.h"

/* The first eight bytes are the request on endpoint 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct descriptors d;
	static uint8_t out[DESCRIPTORS_MAX];
	struct fuzz_file file;
	size_t n = 0;

	if (size < 8)
		return 0;
	descriptors_set(&d, data[0] & 1);
	fuzz_file_open(&file, data + 8, size - 8);
	descriptors_load(&d, file.path);
	fuzz_file_close(&file);
	MUST(d.len <= DESCRIPTORS_MAX);
	if (!descriptors_answer(&d, data, out, &n))
		MUST(n <= ((size_t)data[6] | (size_t)data[7] << 8));
	else
		MUST(!n || n <= DESCRIPTORS_MAX);
	return 0;
}
