// SPDX-License-Identifier: GPL-2.0-or-later
/* The emulator's own reader of spectrum files. */
#include "dp5emu/sample.h"

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[SAMPLE_WHY_LEN] = "";
	struct sample *s = NULL;
	struct fuzz_file f;

	fuzz_file_open(&f, data, size);
	if (sample_load(f.path, &s, why) < 0)
		MUST(!s && why[0]);
	else
		MUST(s->n_chan && s->n_chan <= SAMPLE_CHANNELS_MAX &&
		     s->gain_kev > 0);
	sample_free(s);
	fuzz_file_close(&f);
	return 0;
}
