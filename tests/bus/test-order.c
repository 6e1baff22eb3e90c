// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bridge of a sample line whose order is slow: a daemon made here keeps
 * Measure waiting, as one does that asks for leave or waits for its instrument,
 * and answers all else. The line may not say that the order came to nothing
 * before the daemon did.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "base/clock.h"
#include "plc.h"

#define NAME "org.reespec1"
#define ASSAY "/org/reespec1/assay/7"
#define SECONDS 30
#define NONE 99 /* of the states */
/* Longer than any other call may take, in answers to what is asked twice a
 * second. */
#define MANY_POLLS 23

enum { START, ABORT, ACKNOWLEDGE };

FIXTURE(order)
{
	struct rig r;
	struct plc plc;
	sd_bus *bus;
	sd_bus_message *order; /* Measure, not answered */
	bool is_failing; /* the next look at the instrument */
	unsigned int n_looks;
	unsigned int n_fetches;
};

/* ---- the daemon ------------------------------------------------------------ */

static int reply_properties(FIXTURE_DATA(order) * self, sd_bus_message *m)
{
	const char *interface = "";

	sd_bus_message_read(m, "s", &interface);
	if (!strcmp(interface, NAME ".Ledger"))
		return sd_bus_reply_method_return(m, "a{sv}", 3, "Readers",
						  "a(sutt)", 1, "modbus.belt",
						  0, (uint64_t)1, (uint64_t)0,
						  "Last", "t", (uint64_t)1,
						  "Head", "s", "");
	if (strcmp(interface, NAME ".Spectrometer"))
		return sd_bus_reply_method_return(m, "a{sv}", 0);
	self->n_looks++;
	if (self->is_failing) {
		self->is_failing = false;
		return sd_bus_reply_method_errorf(
			m, "org.freedesktop.DBus.Error.Failed", "not now");
	}
	return sd_bus_reply_method_return(m, "a{sv}", 3, "State", "s", "idle",
					  "CurrentAssay", "o", "/", "Qc", "s",
					  "ok");
}

/* No record at all. */
static int reply_page(FIXTURE_DATA(order) * self, sd_bus_message *m)
{
	int fd = memfd_create("page", MFD_CLOEXEC);
	int r;

	self->n_fetches++;
	r = sd_bus_reply_method_return(m, "htu", fd, (uint64_t)1, 0);
	close(fd);
	return r;
}

static int on_call(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	FIXTURE_DATA(order) *self = arg;

	(void)error;
	if (sd_bus_message_is_method_call(m, NULL, "Follow"))
		return sd_bus_reply_method_return(m, "t", (uint64_t)1);
	if (sd_bus_message_is_method_call(m, NULL, "GetAll"))
		return reply_properties(self, m);
	if (sd_bus_message_is_method_call(m, NULL, "Fetch"))
		return reply_page(self, m);
	if (sd_bus_message_is_method_call(m, NULL, "Ack"))
		return sd_bus_reply_method_return(m, "");
	if (!sd_bus_message_is_method_call(m, NULL, "Measure"))
		return 0;
	self->order = sd_bus_message_ref(m);
	return 1;
}

static void answer(FIXTURE_DATA(order) * self, const char *error)
{
	if (error)
		sd_bus_reply_method_errorf(self->order, error, "not yet");
	else
		sd_bus_reply_method_return(self->order, "o", ASSAY);
	self->order = sd_bus_message_unref(self->order);
}

FIXTURE_SETUP(order)
{
	memset(self, 0, sizeof(*self));
	rig_start(&self->r, NULL, NULL);
	rig_start_bus(&self->r, true);
	self->bus = rig_open(&self->r);
	ASSERT_LE(0, sd_bus_add_filter(self->bus, NULL, on_call, self));
	ASSERT_LE(0, sd_bus_request_name(self->bus, NAME, 0));
	plc_start(&self->plc, &self->r);
}

FIXTURE_TEARDOWN(order)
{
	plc_stop(&self->plc);
	sd_bus_message_unref(self->order);
	sd_bus_flush_close_unref(self->bus);
	rig_stop(&self->r);
}

/* ---- the PLC --------------------------------------------------------------- */

static int state(FIXTURE_DATA(order) * self)
{
	return plc_read_one(self->plc.fd, 1);
}

/* The daemon serves until the line is in that state, or has been looked at so
 * often, or the ledger asked. */
static bool serve(FIXTURE_DATA(order) * self, int wanted, unsigned int looks,
		  unsigned int fetches)
{
	const uint64_t until = clock_monotonic_ns() + SECONDS * 1000000000ULL;
	int now = -1;

	while (clock_monotonic_ns() < until) {
		while (sd_bus_process(self->bus, NULL) > 0)
			;
		now = state(self);
		if (now == wanted || (looks && self->n_looks >= looks &&
				      self->n_fetches >= fetches))
			return true;
		sd_bus_wait(self->bus, 20000);
	}
	printf("# state %d, %u looks, %u fetches\n", now, self->n_looks,
	       self->n_fetches);
	return false;
}

/* Until the daemon has the order: state 3 alone may be a moment earlier. */
static bool take_order(FIXTURE_DATA(order) * self)
{
	const uint64_t until = clock_monotonic_ns() + SECONDS * 1000000000ULL;

	while (!self->order && clock_monotonic_ns() < until)
		if (sd_bus_process(self->bus, NULL) == 0)
			sd_bus_wait(self->bus, 20000);
	return self->order;
}

static bool order_one(FIXTURE_DATA(order) * self)
{
	const uint16_t values[18] = { 'A' << 8, [16] = 1, [17] = 5 };

	return serve(self, 2, 0, 0) &&
	       plc_write(self->plc.fd, 0, 18, values) == 0 &&
	       plc_coil(self->plc.fd, START, false) == 0 &&
	       plc_coil(self->plc.fd, START, true) == 0 &&
	       serve(self, 3, 0, 0) && take_order(self);
}

/* The bridge loses the daemon for a moment, and asks its ledger again. */
static bool ask_again(FIXTURE_DATA(order) * self)
{
	self->is_failing = true;
	return serve(self, 6, 0, 0) &&
	       serve(self, NONE, self->n_looks + 2, self->n_fetches + 1);
}

TEST_F_TIMEOUT(order, waits_as_long_as_it_takes, 120)
{
	ASSERT_TRUE(order_one(self));
	EXPECT_TRUE(serve(self, NONE, self->n_looks + MANY_POLLS, 0));
	EXPECT_EQ(3, state(self));
	answer(self, NULL);
	EXPECT_TRUE(serve(self, 5, 0, 0));
}

TEST_F_TIMEOUT(order, is_not_lost_while_it_is_asked_for, 120)
{
	ASSERT_TRUE(order_one(self));
	ASSERT_TRUE(ask_again(self));
	EXPECT_EQ(6, state(self));
	answer(self, NULL);
	EXPECT_TRUE(serve(self, 5, 0, 0));
}

TEST_F_TIMEOUT(order, is_refused_for_the_reason_the_daemon_says, 120)
{
	ASSERT_TRUE(order_one(self));
	ASSERT_TRUE(ask_again(self));
	answer(self, NAME ".Error.NotSettled");
	EXPECT_TRUE(serve(self, 8, 0, 0));
	EXPECT_EQ(4, plc_read_one(self->plc.fd, 3));
	EXPECT_EQ(0, plc_coil(self->plc.fd, ACKNOWLEDGE, false));
	EXPECT_EQ(0, plc_coil(self->plc.fd, ACKNOWLEDGE, true));
	EXPECT_TRUE(serve(self, 2, 0, 0));
}

static bool acknowledge(FIXTURE_DATA(order) * self)
{
	return plc_coil(self->plc.fd, ACKNOWLEDGE, false) == 0 &&
	       plc_coil(self->plc.fd, ACKNOWLEDGE, true) == 0 &&
	       serve(self, 2, 0, 0);
}

/* Orders that are in no ledger: the sequence cannot tell one from the other,
 * so each has a fault of its own that stays until it is acknowledged. */
TEST_F_TIMEOUT(order, has_a_fault_for_each_refused_one, 120)
{
	static const struct {
		const char *error;
		int fault;
	} refusals[] = {
		{ NAME ".Error.NotSettled", 4 },
		{ NAME ".Error.NoDevice", 2 },
		{ NAME ".Error.Fault", 3 },
		{ NAME ".Error.Busy", 5 },
		{ NAME ".Error.QualityControl", 6 },
		{ NAME ".Error.BadOption", 7 },
		{ NAME ".Error.UnknownMethod", 8 },
		{ NAME ".Error.BadMethod", 8 },
		{ SD_BUS_ERROR_ACCESS_DENIED, 9 },
		{ SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, 9 },
		{ NAME ".Error.Full", 10 },
		{ NAME ".Error.Ledger", 10 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		ASSERT_TRUE(order_one(self));
		answer(self, refusals[i].error);
		ASSERT_TRUE(serve(self, 8, 0, 0));
		EXPECT_EQ(0, plc_read_one(self->plc.fd, 6));
		EXPECT_EQ(0, plc_read_one(self->plc.fd, 7));
		EXPECT_EQ(refusals[i].fault, plc_read_one(self->plc.fd, 3));
		EXPECT_EQ('A' << 8, plc_read_one(self->plc.fd, 24));
		EXPECT_TRUE(acknowledge(self));
	}
}

/* Killed before the daemon had the order, the bridge knows nothing of it: the
 * one start that ends in neither DONE nor FAULT. */
TEST_F_TIMEOUT(order, comes_to_nothing_with_a_bridge_that_is_killed, 120)
{
	ASSERT_TRUE(order_one(self));
	plc_restart(&self->plc);
	ASSERT_TRUE(serve(self, 2, 0, 0));
	EXPECT_EQ(0, plc_read_one(self->plc.fd, 3));
	EXPECT_EQ(0, plc_read_one(self->plc.fd, 4));
	EXPECT_EQ(0, plc_read_one(self->plc.fd, 7));
}

TEST_HARNESS_MAIN
