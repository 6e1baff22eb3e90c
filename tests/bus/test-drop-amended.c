// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec-drop: what becomes of a result that was amended. */
#include "ledger/ledger.h"

#include "drop_try.h"

#define N_BETWEEN 400
#define N_AGAIN 20

/* A call of the ledger that answers with the number of a new record. */
static uint64_t new_record(struct rig *r, const char *member, const char *types,
			   ...)
{
	sd_bus_message *m = NULL, *reply = NULL;
	uint64_t number = 0;
	va_list args;

	sd_bus_message_new_method_call(r->bus, &m, "org.reespec1", RIG_ROOT,
				       "org.reespec1.Ledger", member);
	va_start(args, types);
	sd_bus_message_appendv(m, types, args);
	va_end(args);
	if (sd_bus_call(r->bus, m, 0, NULL, &reply) < 0 ||
	    sd_bus_message_read(reply, "t", &number) < 0)
		rig_die("%s failed", member);
	sd_bus_message_unref(reply);
	sd_bus_message_unref(m);
	return number;
}

static uint64_t amend(struct rig *r, uint64_t seq, const char *sample)
{
	return new_record(r, "Amend", "ta{sv}s", seq, 1, "sample", "s", sample,
			  "mistyped");
}

/* Whether the file of @seq is there and has @text. */
static bool holds(FIXTURE_DATA(drop) * self, uint64_t seq, const char *format,
		  const char *text)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };

	if (!wait_file(self, seq, format) ||
	    buf_read_file(&b, path_of(self, seq, format, false), 1 << 20) < 0)
		return false;
	if (strstr(b.data, text))
		return true;
	printf("# no %s in: %.900s\n", text, b.data);
	return false;
}

static uint64_t assay_of(struct rig *r, uint64_t seq)
{
	json_t *body = rig_record(r, seq, NULL, NULL, NULL);
	uint64_t assay = 0;

	js_get_u64(body, "assay", &assay);
	js_free(body);
	return assay;
}

/* As they came in the ledger, whether the program looked or not. */
TEST_F_TIMEOUT(drop, puts_amended_results_there_again, 120)
{
	struct rig *r = &self->r;
	uint64_t first, again, other, named, assay, none;
	char text[300];

	first = measure(r);
	other = measure(r);
	named = amend(r, first, "B-7");
	/* By the number of its assay; the same result once more. */
	assay = amend(r, assay_of(r, first), "B-8");
	again = new_record(r, "Reprocess", "tss", first, "ore-l", "to see");
	start_drop(self, "formats = lis2 csv");
	EXPECT_TRUE(holds(self, first, "lis2", "\rO|1|B-1&F&2|"));
	EXPECT_TRUE(holds(self, other, "lis2", "\rO|1|B-1&F&2|"));
	snprintf(text, sizeof(text), "^%" PRIu64 "|", first);
	EXPECT_TRUE(holds(self, named, "lis2", text));
	EXPECT_TRUE(holds(self, named, "lis2", "\rO|1|B-7|"));
	EXPECT_TRUE(
		holds(self, named, "lis2", "sample B-7 (amended by record"));
	EXPECT_TRUE(holds(self, named, "lis2", "|C\r"));
	EXPECT_TRUE(holds(self, named, "csv", ",B-7,ore-l,"));
	EXPECT_TRUE(holds(self, assay, "lis2", "\rO|1|B-8|"));
	/* What was computed again is of the right name at once. */
	EXPECT_TRUE(holds(self, again, "lis2", "\rO|1|B-8|"));
	/* The newest result is the one that stands. */
	named = amend(r, first, "B-9");
	snprintf(text, sizeof(text), "^%" PRIu64 "|", again);
	EXPECT_TRUE(holds(self, named, "lis2", text));
	EXPECT_TRUE(holds(self, named, "lis2", "\rO|1|B-9|"));
	/* They wait to be taken like any other; its second file comes last. */
	EXPECT_TRUE(wait_file(self, named, "csv"));
	snprintf(text, sizeof(text), "rm %s/*.lis2 %s/*.csv", self->folder,
		 self->folder);
	EXPECT_EQ(0, system(text));
	EXPECT_TRUE(wait_acked(r));
	none = amend(r, other, "B-10");
	EXPECT_TRUE(wait_file(self, none, "csv"));
	EXPECT_LT(acked(r), none);
}

/* The daemon anew, with a ledger all of which may be archived. */
static void keep_no_days(struct rig *r)
{
	rig_keep_no_days(r);
	rig_kill(&r->daemon_pid, SIGTERM);
	rig_start_daemon(r);
	rig_connect(r);
}

TEST_F_TIMEOUT(drop, says_that_an_amended_result_was_archived, 120)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	struct rig *r = &self->r;
	uint64_t seq, named, last = 0;
	char hash[65] = "", text[200];

	keep_no_days(r);
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	start_drop(self, "");
	seq = measure(r);
	ASSERT_NE(0, measure(r));
	ASSERT_TRUE(wait_file(self, r->result, "lis2"));
	snprintf(text, sizeof(text), "rm %s/*.lis2", self->folder);
	ASSERT_EQ(0, system(text));
	ASSERT_TRUE(wait_acked(r));
	rig_kill(&self->pid, SIGTERM);
	named = amend(r, seq, "B-7");
	ASSERT_LE(0, sd_bus_call_method(r->bus, "org.reespec1", RIG_ROOT,
					"org.reespec1.Ledger", "Archivable",
					NULL, &m, "t", (uint64_t)0));
	ASSERT_LE(0, sd_bus_message_read(m, "t", &last));
	ASSERT_LE(seq, last);
	js_free(rig_record(r, last, hash, NULL, NULL));
	ASSERT_STREQ("", rig_call(r, RIG_ROOT, "org.reespec1.Ledger", "Archive",
				  "tss", last, hash, "full"));
	start_drop(self, "");
	snprintf(text, sizeof(text),
		 "record %" PRIu64 " amends record %" PRIu64
		 ", which is archived",
		 named, seq);
	EXPECT_TRUE(says(self, text));
	EXPECT_TRUE(wait_acked(r));
	EXPECT_TRUE(is_empty(self->folder));
}

/* A result of sample S-@i, which is of no assay that is here, or what was made
 * of record @source: its number. */
static uint64_t add_result(struct ledger *l, unsigned int i, uint64_t source)
{
	CLEANUP(js_freep) json_t *part = js_object();
	const struct ledger_entry e = { .kind = CHAIN_RESULT, .part = part };
	json_t *again = js_object();
	char sample[16];
	uint64_t seq = 0;

	snprintf(sample, sizeof(sample), "S-%u", i);
	js_set_str(part, "sample", sample);
	js_set_u64(again, "result", source);
	js_set_u64(again, "assay", 1);
	if (source) {
		js_set(part, "reprocessed", again);
		js_set(part, "elements", js_pack("[{s:s}]", "symbol", "Nd"));
	} else {
		js_set_u64(part, "assay", 1);
		js_free(again);
	}
	if (ledger_append(l, &e, &seq, NULL) < 0)
		abort();
	return seq;
}

static uint64_t add_amendment(struct ledger *l, uint64_t record)
{
	CLEANUP(js_freep) json_t *part = js_object();
	const struct ledger_entry e = { .kind = CHAIN_AMEND, .part = part };
	uint64_t seq = 0;

	js_set_u64(part, "record", record);
	js_set_str(part, "sample", "right");
	js_set_str(part, "reason", "mistyped");
	if (ledger_append(l, &e, &seq, NULL) < 0)
		abort();
	return seq;
}

/* Results, then those of a few of them made again twice, and amended in between
 * by the number of the first: the last record's number. */
static uint64_t add_many(struct ledger *l)
{
	uint64_t first[N_AGAIN], second[N_AGAIN], last = 0;
	unsigned int i;

	for (i = 0; i < N_AGAIN; i++)
		first[i] = add_result(l, i, 0);
	for (; i < N_BETWEEN; i++)
		add_result(l, i, 0);
	for (i = 0; i < N_AGAIN; i++)
		second[i] = add_result(l, i, first[i]);
	for (i = 0; i < N_AGAIN; i++)
		add_amendment(l, first[i]);
	for (i = 0; i < N_AGAIN; i++)
		last = add_result(l, i, second[i]);
	if (ledger_commit(l, NULL) < 0)
		abort();
	return last;
}

/* A connection that sees all, and may say nothing. */
static sd_bus *open_monitor(struct rig *r)
{
	sd_bus *bus = NULL;

	if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, r->address) < 0 ||
	    sd_bus_set_bus_client(bus, 1) < 0 ||
	    sd_bus_negotiate_fds(bus, 1) < 0 ||
	    sd_bus_set_monitor(bus, 1) < 0 || sd_bus_start(bus) < 0 ||
	    sd_bus_call_method(bus, "org.freedesktop.DBus",
			       "/org/freedesktop/DBus",
			       "org.freedesktop.DBus.Monitoring",
			       "BecomeMonitor", NULL, NULL, "asu", 0, 0) < 0)
		rig_die("no monitor");
	return bus;
}

/* What passes over the bus that has to do with records. */
struct work {
	unsigned int n_fetched;
	unsigned int n_got;
};

static void count(sd_bus_message *m, struct work *w)
{
	uint64_t next;
	uint32_t n;
	int fd;

	w->n_got += sd_bus_message_is_method_call(m, "org.reespec1.Ledger",
						  "Get") > 0;
	if (sd_bus_message_has_signature(m, "htu") &&
	    sd_bus_message_read(m, "htu", &fd, &next, &n) > 0)
		w->n_fetched += n;
}

/* Until that file is there. */
static bool watch(FIXTURE_DATA(drop) * self, uint64_t seq, struct work *w)
{
	const uint64_t until = clock_monotonic_ns() + 60 * 1000000000ULL;
	sd_bus *monitor = open_monitor(&self->r);
	bool is_done = false;

	start_drop(self, "formats = csv");
	while (!is_done && clock_monotonic_ns() < until) {
		CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;

		if (sd_bus_process(monitor, &m) == 0)
			sd_bus_wait(monitor, 20000);
		if (m)
			count(m, w);
		else
			is_done = is_there(
				(void *)path_of(self, seq, "csv", false));
	}
	sd_bus_close_unref(monitor);
	return is_done;
}

/* However many results lie between one and what it was made from, or between an
 * amendment and what it names: they are read as
 * they come. */
TEST_F_TIMEOUT(drop, reads_no_more_for_what_was_made_long_before, 180)
{
	struct work w = { 0 };
	struct rig *r = &self->r;
	struct ledger *l;
	uint64_t last;

	rig_kill(&r->daemon_pid, SIGTERM);
	ASSERT_EQ(0, ledger_open(r->state, NULL, &l, NULL, 0));
	last = add_many(l);
	ledger_close(l);
	rig_start_daemon(r);
	rig_connect(r);
	ASSERT_TRUE(rig_wait_state(r, "idle"));
	ASSERT_TRUE(watch(self, last, &w));
	/* As it comes, perhaps with the nearest amendment behind it; and of an
	 * amendment the few results of its sample. */
	EXPECT_LE(w.n_fetched, 2 * last + 4 * N_AGAIN);
	/* Two and three origins, what is amended and what is put there. */
	EXPECT_LE(w.n_got, 7 * N_AGAIN);
	TH_LOG("%u records fetched, %u got, %u in all", w.n_fetched, w.n_got,
	       (unsigned int)last);
	EXPECT_TRUE(holds(self, last, "csv", ",right,"));
}

TEST_HARNESS_MAIN
