// SPDX-License-Identifier: GPL-2.0-or-later
/* The emulator's own reading of text, and what it reads back. */
#include "dp5emu/config.h"

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config_answer answer;
	char back[CONFIG_READ_MAX];
	static struct config c;

	if (size > 512)
		size = 512;
	config_init(&c, profile_find("6.10.04"), detector_find("sdd"));
	config_apply(&c, (const char *)data, size, &answer);
	MUST(answer.echo_len <= CONFIG_ECHO_MAX);
	MUST(config_read(&c, (const char *)data, size, back) <=
	     CONFIG_READ_MAX);
	MUST(config_channels(&c) >= 256 && config_channels(&c) <= 8192);
	return 0;
}
