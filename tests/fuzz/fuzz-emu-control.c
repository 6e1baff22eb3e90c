// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands of the emulator's control socket, one a line. */
#include "dp5emu/control.h"

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[CONTROL_ANSWER_MAX];
	static struct emu emu;
	struct instrument_options opt = {
		.profile = profile_find("6.10.04"),
		.detector = detector_find("sdd"),
		.serial = 7,
		.seed = 1,
		.ref_gain = 23.5,
		.is_boot_on = true,
	};
	char *text = strndup((const char *)data, size);
	char *rest = text, *line;

	memset(&emu, 0, sizeof(emu));
	if (!text || instrument_new(&opt, 0, &emu.ins) < 0)
		abort();
	link_init(&emu.link, emu.ins, 1, 1);
	while ((line = strsep(&rest, "\n"))) {
		/* They open any path there is; the files have entries. */
		if (strstr(line, "sample") || strstr(line, "bytes"))
			continue;
		control_command(&emu, line, answer);
		MUST(!strncmp(answer, "ok", 2) || !strncmp(answer, "error", 5));
	}
	instrument_free(emu.ins);
	free(text);
	return 0;
}
