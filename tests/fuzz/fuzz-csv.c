// SPDX-License-Identifier: GPL-2.0-or-later
/* A spectrum as columns of text. */
#include "proto/csv.h"

#include "fuzz/fuzz_spectrum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_spectrum(csv_parse, data, size);
	return 0;
}
