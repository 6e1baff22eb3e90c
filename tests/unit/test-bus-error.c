// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an error of the bus tells an operator to do next: of each that the daemon,
 * the bus or sd-bus may answer with, where there is something to do.
 */
#include <string.h>

#include "kselftest_harness.h"
#include "reespec/bus_error.h"

#define OURS "org.reespec1.Error."
#define STANDARD "org.freedesktop.DBus.Error."

/* In place of the program's, which has a main() beside them. */
const struct command *const commands[] = { NULL };
const struct option_desc common_options[] = { { NULL, 0, NULL, NULL } };

static const struct option_desc queue_and_wait[] = {
	{ "queue", 'q', NULL, "" },
	{ "wait", 'w', NULL, "" },
	{ NULL, 0, NULL, NULL },
};
static const struct option_desc none[] = { { NULL, 0, NULL, NULL } };
static const struct command measuring = { .name = "m",
					  .options = queue_and_wait };
static const struct command looking = { .name = "l", .options = none };

TEST(each_error_says_what_next)
{
	static const struct {
		const char *name, *cure;
	} wanted[] = {
		{ OURS "NoRecord", "reespec log shows the newest" },
		{ OURS "WrongKind", "reespec log tells the kind of each" },
		{ OURS "Busy", "try again when that is over" },
		{ OURS "Fault", "reespec doctor looks for the cause" },
		{ OURS "Ledger", "reespec doctor looks for the cause" },
		{ OURS "Full",
		  "make room on that disk; reespec archive moves old records away" },
		{ OURS "NoSpectrum", "the sample has to be measured again" },
		{ OURS "NotFitted", "reespec plot shows the spectrum" },
		{ STANDARD "ServiceUnknown", "systemctl start reespecd" },
		{ STANDARD "NameHasNoOwner", "systemctl start reespecd" },
		{ STANDARD "Spawn.ExecFailed", "systemctl status reespecd" },
		{ STANDARD "Spawn.ChildExited", "systemctl status reespecd" },
		{ STANDARD "Disconnected", "systemctl status dbus" },
		/* These say it themselves. */
		{ OURS "BadOption", NULL },
		{ OURS "UnknownMethod", NULL },
		{ NULL, NULL },
	};
	const struct args args = { .command = &looking };

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		const char *cure = bus_error_cure(&args, wanted[i].name);

		ASSERT_EQ(!wanted[i].cure, !cure);
		if (cure)
			EXPECT_STREQ(wanted[i].cure, cure);
	}
}

TEST(names_an_option_that_was_not_given)
{
	struct args args = { .command = &measuring };

	EXPECT_STREQ("--queue waits behind others",
		     bus_error_cure(&args, OURS "Busy"));
	EXPECT_STREQ("--queue waits for it",
		     bus_error_cure(&args, OURS "NoDevice"));
	EXPECT_STREQ("--wait measures when it is",
		     bus_error_cure(&args, OURS "NotSettled"));
	args.n_options = 2;
	args.options[0].desc = &queue_and_wait[0];
	args.options[1].desc = &queue_and_wait[1];
	EXPECT_STREQ("try again when that is over",
		     bus_error_cure(&args, OURS "Busy"));
	EXPECT_STREQ("reespec doctor looks for the cause",
		     bus_error_cure(&args, OURS "NoDevice"));
	EXPECT_STREQ("try again when it is",
		     bus_error_cure(&args, OURS "NotSettled"));
}

/* A daemon on another bus is somebody's own: no unit of the system starts it. */
TEST(tells_where_the_service_is)
{
	const struct args args = { .command = &looking, .bus = "session" };

	EXPECT_STREQ("without --bus it is the system bus, where its service is",
		     bus_error_cure(&args, STANDARD "ServiceUnknown"));
}

TEST_HARNESS_MAIN
