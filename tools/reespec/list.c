// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec list: the spectrometers. */
#include "reespec/command.h"

#include <stdio.h>

#include "reespec/client.h"
#include "reespec/instruments.h"
#include "reespec/json_out.h"

static int run(const struct args *args)
{
	CLEANUP(client_closep) struct client *c = NULL;
	json_t *list = NULL;
	int r;

	r = client_open(&c, args);
	if (r)
		return r;
	r = instruments_list(c, CLIENT_SPECTROMETER, &list);
	if (r)
		return r;
	if (args->is_json)
		return json_out(args, "reespec-list/2",
				js_pack("{s:o}", "spectrometers", list));
	instruments_print(stdout, list);
	js_free(list);
	return REESPEC_OK;
}

const struct command command_list = {
	.name = "list",
	.operands = "",
	.summary = "list the spectrometers",
	.text = "Lists the spectrometers the daemon knows. One that was unplugged stays\n"
		"in the list as absent.",
	.run = run,
};
