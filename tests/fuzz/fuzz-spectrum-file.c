// SPDX-License-Identifier: GPL-2.0-or-later
/* The door of all spectrum files. */
#include "proto/spectrum_file.h"

#include "fuzz/fuzz_spectrum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_spectrum(spectrum_file_parse, data, size);
	return 0;
}
