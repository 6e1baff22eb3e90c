// SPDX-License-Identifier: GPL-2.0-or-later
/* reespec-drop: what becomes of a result that was amended. */
#include "drop_try.h"

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
	if (sd_bus_call(r->bus, m, 20000000, NULL, &reply) < 0 ||
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
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/reespecd.conf", r->dir);
	f = fopen(path, "we");
	if (!f || fputs("[ledger]\nkeep_days = 0\n", f) < 0 || fclose(f))
		abort();
	snprintf(r->options, sizeof(r->options), "--config %s", path);
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

TEST_HARNESS_MAIN
