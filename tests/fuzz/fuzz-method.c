// SPDX-License-Identifier: GPL-2.0-or-later
/* A method file, all but its tables, which have an entry of their own. */
#include "assay/method.h"

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(method_freep) struct method *m = NULL;
	struct method_error err;
	struct fuzz_file f;

	fuzz_file_open(&f, data, size);
	if (method_load(f.path, &m, &err) < 0)
		MUST(err.why[0]);
	fuzz_file_close(&f);
	return 0;
}
