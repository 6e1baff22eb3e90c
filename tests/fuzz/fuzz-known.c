// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of known contents that the command line reads. */
#include "reespec/known.h"

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct command command = { .name = "fuzz" };
	struct args args = { .command = &command };
	struct fuzz_file f;
	struct known known;

	fuzz_file_open(&f, data, size);
	if (known_load(&args, f.path, "BST-ORE", &known) == REESPEC_OK) {
		MUST(known.n_elements > 0);
		for (size_t i = 0; i < known.n_elements; i++)
			MUST(known.elements[i].mg_kg >= 0 &&
			     known_atomic_number(known.elements[i].symbol));
	}
	fuzz_file_close(&f);
	return 0;
}
