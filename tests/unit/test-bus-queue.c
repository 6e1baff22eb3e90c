// SPDX-License-Identifier: GPL-2.0-or-later
/* How many assays may wait, of one user and for one instrument. */
#include <string.h>

#include "bus/errors.h"
#include "bus/spectrometer.h"
#include "kselftest_harness.h"

#define N_RUNS (QUEUE_MAX + QUEUE_MAX_UID)

FIXTURE(queue)
{
	struct service service;
	struct spectrometer a, b;
	struct run runs[N_RUNS];
	size_t n;
	sd_bus_error error;
};

static void add_spectrometer(struct service *s, struct spectrometer *sp)
{
	sp->service = s;
	sp->queue.spectrometer = sp;
	TAILQ_INIT(&sp->queue.runs);
	TAILQ_INSERT_TAIL(&s->spectrometers, sp, link);
}

FIXTURE_SETUP(queue)
{
	memset(self, 0, sizeof(*self));
	TAILQ_INIT(&self->service.spectrometers);
	add_spectrometer(&self->service, &self->a);
	add_spectrometer(&self->service, &self->b);
}

FIXTURE_TEARDOWN(queue)
{
	sd_bus_error_free(&self->error);
}

static void put(FIXTURE_DATA(queue) * self, struct spectrometer *sp, int n,
		uint32_t uid)
{
	while (n--) {
		struct run *r = &self->runs[self->n++];

		r->order.uid = uid;
		TAILQ_INSERT_TAIL(&sp->queue.runs, r, link);
	}
}

static bool is_full(FIXTURE_DATA(queue) * self, struct spectrometer *sp,
		    uint32_t uid)
{
	sd_bus_error_free(&self->error);
	return queue_check(&sp->queue, uid, &self->error) < 0 &&
	       sd_bus_error_has_name(&self->error, ERROR_LIMIT);
}

TEST_F(queue, has_places_for_a_user_at_all_instruments_together)
{
	put(self, &self->a, QUEUE_MAX_UID - 1, 1000);
	EXPECT_FALSE(is_full(self, &self->a, 1000));
	put(self, &self->b, 1, 1000);
	EXPECT_TRUE(is_full(self, &self->a, 1000));
	EXPECT_STREQ("uid 1000 has 16 assays waiting already: one has to be "
		     "measured or ended first",
		     self->error.message);
	EXPECT_TRUE(is_full(self, &self->b, 1000));
	EXPECT_FALSE(is_full(self, &self->a, 1001));
	/* One that has ended has given its place back. */
	self->runs[3].verdict = "cancelled";
	EXPECT_FALSE(is_full(self, &self->a, 1000));
}

TEST_F(queue, has_places_for_an_instrument_of_all_users_together)
{
	for (uint32_t uid = 0; uid < QUEUE_MAX / QUEUE_MAX_UID; uid++) {
		EXPECT_FALSE(is_full(self, &self->a, 1000));
		put(self, &self->a, QUEUE_MAX_UID, uid);
	}
	EXPECT_TRUE(is_full(self, &self->a, 1000));
	EXPECT_STREQ("64 assays are waiting already: one has to be measured or "
		     "ended first",
		     self->error.message);
	EXPECT_FALSE(is_full(self, &self->b, 1000));
}

TEST_HARNESS_MAIN
