// SPDX-License-Identifier: GPL-2.0-or-later
/* The IAEA's spectrum file. */
#include "proto/spe.h"

#include "fuzz/fuzz_spectrum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_spectrum(spe_parse, data, size);
	return 0;
}
