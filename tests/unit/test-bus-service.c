// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the service does once a second by itself. There is no bus, and what
 * finds nodes is made here.
 */
#include <event2/event.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bus/batch.h"
#include "bus/service.h"
#include "bus/settings.h"
#include "device/hotplug.h"
#include "device/kept.h"
#include "kselftest_harness.h"
#include "state_dir.h"

/* How far the clocks have gone on, for libevent too, while nothing here ran. */
static time_t away_s;

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	const long r = syscall(SYS_clock_gettime, clock, ret);

	ret->tv_sec += away_s;
	return (int)r;
}

static unsigned int n_retried;

int hotplug_new(struct event_base *base, hotplug_found_fn fn, void *arg,
		struct hotplug **ret)
{
	(void)base;
	(void)fn;
	(void)arg;
	*ret = (struct hotplug *)&n_retried;
	return 0;
}

struct hotplug *hotplug_free(struct hotplug *h)
{
	(void)h;
	return NULL;
}

void hotplug_look_again(struct hotplug *h)
{
	(void)h;
}

void hotplug_retry(struct hotplug *h)
{
	(void)h;
	n_retried++;
}

bool hotplug_has_driver(void)
{
	return true;
}

FIXTURE(service)
{
	char dir[128];
	char why[256];
	struct settings settings;
	struct service_options options;
	struct event_base *base;
	struct kept *kept;
	struct service *s;
	unsigned int n_alive;
};

static void on_alive(void *arg)
{
	FIXTURE_DATA(service) *self = arg;

	self->n_alive++;
}

static void put(const char *name, int fd, void *arg)
{
	(void)name;
	(void)fd;
	(void)arg;
}

static unsigned int n_removed;

static void removed(const char *name, void *arg)
{
	(void)name;
	(void)arg;
	n_removed++;
}

FIXTURE_SETUP(service)
{
	static const struct kept_manager manager = { put, removed, NULL };
	static const char *const nothing[] = { NULL };

	away_s = 0;
	n_retried = n_removed = 0;
	state_dir_make(self->dir);
	ASSERT_EQ(0, settings_load(NULL, &self->settings, self->why,
				   sizeof(self->why)));
	ASSERT_EQ(0, kept_new(&manager, &self->kept));
	self->options = (struct service_options){
		.bus = "unix:path=/nowhere",
		.state_dir = self->dir,
		.method_dirs = nothing,
		.sockets = nothing,
		.settings = &self->settings,
		.kept = self->kept,
		.on_alive = on_alive,
		.arg = self,
	};
	self->base = event_base_new();
	ASSERT_EQ(0, service_new(self->base, &self->options, &self->s,
				 self->why, sizeof(self->why)))
	TH_LOG("%s", self->why);
	/* What it does at once, so that then it waits for the second. */
	event_base_loop(self->base, EVLOOP_NONBLOCK);
}

FIXTURE_TEARDOWN(service)
{
	service_free(self->s);
	kept_free(self->kept);
	event_base_free(self->base);
	state_dir_remove(self->dir);
}

/* Whether the watchdog is fed so much later. */
static bool is_fed_after(FIXTURE_DATA(service) * self, time_t seconds)
{
	const unsigned int before = self->n_alive;

	away_s += seconds;
	event_base_loop(self->base, EVLOOP_NONBLOCK);
	return self->n_alive > before;
}

static const struct ledger_entry reading = { .kind = CHAIN_READING };

TEST_F(service, feeds_the_watchdog_and_looks_for_what_it_could_not_open)
{
	EXPECT_TRUE(is_fed_after(self, 2));
	EXPECT_LT(0, n_retried);
}

/* No timer is set for it: that is the fault the watchdog is for. */
TEST_F(service, does_not_feed_the_watchdog_while_a_record_is_stuck)
{
	ASSERT_EQ(0, ledger_append(self->s->ledger, &reading, NULL, NULL));
	EXPECT_TRUE(is_fed_after(self, 19));
	n_retried = 0;
	EXPECT_FALSE(is_fed_after(self, 3));
	/* The rest of it goes on. */
	EXPECT_LT(0, n_retried);
	ASSERT_EQ(0, batch_flush(self->s->batch));
	EXPECT_TRUE(is_fed_after(self, 3));
}

/* Where an error is told, nothing is stuck: a new process would not help. */
TEST_F(service, feeds_the_watchdog_while_the_disk_is_said_to_be_ill)
{
	ASSERT_EQ(0, ledger_append(self->s->ledger, &reading, NULL, NULL));
	service_set_health(self->s, "no space left");
	EXPECT_TRUE(is_fed_after(self, 30));
}

TEST_F(service, a_record_may_wait_as_long_as_the_settings_say)
{
	const uint64_t before = ledger_last(self->s->ledger);

	self->settings.batch_age_ms = 60000;
	ASSERT_EQ(0, batch_add(self->s->batch, &reading, NULL));
	EXPECT_TRUE(is_fed_after(self, 30));
	EXPECT_EQ(before, ledger_last(self->s->ledger));
	EXPECT_TRUE(is_fed_after(self, 29));
	/* Its time has come, and it goes. */
	is_fed_after(self, 2);
	EXPECT_EQ(before + 1, ledger_last(self->s->ledger));
}

/* What it has open then is the next one's. */
TEST_F(service, takes_no_node_out_of_the_store_when_it_ends)
{
	kept_forget(self->kept, "/dev/dp5-0");
	EXPECT_EQ(1, n_removed);
	self->s = service_free(self->s);
	kept_forget(self->kept, "/dev/dp5-0");
	EXPECT_EQ(1, n_removed);
}

TEST_HARNESS_MAIN
