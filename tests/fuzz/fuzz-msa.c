// SPDX-License-Identifier: GPL-2.0-or-later
/* The EMSA/MAS spectrum file. */
#include "proto/msa.h"

#include "fuzz/fuzz_spectrum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_spectrum(msa_parse, data, size);
	return 0;
}
