// SPDX-License-Identifier: GPL-2.0-or-later
/* What the views of reespec-pgsink make of the records: what holds of each. */
#include <signal.h>

#include "base/clock.h"
#include "lab.h"
#include "sink_try.h"

FAR_PROGRAM

/* Two of another assay, and one that was made again twice, from the first one
 * and from the second. */
TEST_F_TIMEOUT(pgsink, tells_corrections_from_measurements, 120)
{
	static const char result[] =
		"SELECT string_agg(concat_ws(' ', seq, assay, corrects,"
		" corrected_by), ', ' ORDER BY seq) FROM reespec.result";
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;

	/* Such tables and views as version 1 had. */
	ASSERT_TRUE(
		far_wait(f, FAR_VERSION, "SELECT number FROM reespec.version"));
	rig_kill(&f->sink_pid, SIGKILL);
	far_ask(f, "ALTER TABLE reespec.ledger DROP COLUMN proven_message;"
		   " DROP VIEW reespec.result, reespec.content,"
		   " reespec.amended, reespec.amendment;"
		   " DROP INDEX reespec.record_assay;"
		   " DROP AGGREGATE reespec.merge(jsonb);"
		   " DROP FUNCTION reespec.assay;"
		   " CREATE VIEW reespec.result AS SELECT ledger, seq"
		   " FROM reespec.record; UPDATE reespec.version"
		   " SET number = 1");
	far_start_sink(f, "");
	writer_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	ASSERT_TRUE(publish_result(self, "\"assay\":\"1\""));
	ASSERT_TRUE(publish_result(self, "\"assay\":\"4\""));
	ASSERT_TRUE(publish_result(self, "\"reprocessed\":{\"result\":\"2\","
					 "\"assay\":\"1\"}"));
	ASSERT_TRUE(publish_result(self, "\"reprocessed\":{\"result\":\"4\","
					 "\"assay\":\"1\"}"));
	ASSERT_TRUE(has(f, &self->w, 5));
	EXPECT_STREQ("2 1 5, 3 4, 4 1 2 5, 5 1 4", far_ask(f, "%s", result));
	EXPECT_STREQ(FAR_VERSION,
		     far_ask(f, "SELECT number FROM reespec.version"));
}

static bool publish_amendment(FIXTURE_DATA(pgsink) * self, const char *more)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };

	writer_record(&self->w, "amend", more, &line);
	return publish(self, "amend", &line);
}

/* Records 2 and 4 are of one assay, 5 was made of 4, 3 of none of them. */
TEST_F_TIMEOUT(pgsink, applies_amendments, 120)
{
	static const char of[] = "\"elements\":[{\"symbol\":\"Nd\"}],"
				 "\"sample_kind\":\"sample\",";
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;
	char more[300];

	writer_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	snprintf(more, sizeof(more),
		 "%s\"assay\":\"1\",\"sample\":\"A\",\"keys\":{\"lot\":\"1\","
		 "\"bag\":\"2\"}",
		 of);
	ASSERT_TRUE(publish_result(self, more));
	ASSERT_TRUE(publish_result(self, "\"assay\":\"9\",\"sample\":\"X\""));
	snprintf(more, sizeof(more),
		 "%s\"reprocessed\":{\"result\":\"2\",\"assay\":\"1\"},"
		 "\"sample\":\"A\"",
		 of);
	ASSERT_TRUE(publish_result(self, more));
	ASSERT_TRUE(publish_amendment(self, "\"record\":\"1\",\"sample\":\"B\","
					    "\"keys\":{\"lot\":\"7\"},"
					    "\"reason\":\"swapped\""));
	ASSERT_TRUE(publish_amendment(self, "\"record\":\"4\","
					    "\"sample_kind\":\"crm\","
					    "\"reason\":\"it is one\""));
	ASSERT_TRUE(publish_amendment(self, "\"record\":\"2\",\"sample\":\"C\","
					    "\"reason\":\"again\""));
	snprintf(more, sizeof(more),
		 "%s\"reprocessed\":{\"result\":\"4\",\"assay\":\"1\"},"
		 "\"sample\":\"A\"",
		 of);
	ASSERT_TRUE(publish_result(self, more));
	/* One that names nothing, and one whose members are of other types. */
	ASSERT_TRUE(
		publish_amendment(self, "\"record\":\"99\",\"sample\":\"D\""));
	ASSERT_TRUE(publish_amendment(self, "\"record\":[],\"keys\":\"x\""));
	ASSERT_TRUE(has(f, &self->w, 10));
	EXPECT_STREQ("2 C sample 7 2 A 5+7; 3 X X; 4 C crm 7 A 5+6+7; "
		     "8 C crm 7 A 5+6+7",
		     far_ask(f, "SELECT string_agg(concat_ws(' ', seq, sample,"
				" sample_kind, keys ->> 'lot', keys ->> 'bag',"
				" measured_as, (SELECT string_agg(a ->> 'by',"
				" '+') FROM jsonb_array_elements(amended) a)),"
				" '; ' ORDER BY seq) FROM reespec.result"));
	EXPECT_STREQ("2 C sample; 4 C crm; 8 C crm",
		     far_ask(f, "SELECT string_agg(concat_ws(' ', seq, sample,"
				" sample_kind), '; ' ORDER BY seq)"
				" FROM reespec.content"
				" WHERE amended IS NOT NULL"));
	EXPECT_STREQ("swapped 0",
		     far_ask(f, "SELECT concat_ws(' ', amended -> 0 ->>"
				" 'reason', amended -> 0 ->> 'uid')"
				" FROM reespec.result WHERE seq = 2"));
	/* An amendment is a record of its own; no signature covers the last. */
	EXPECT_STREQ("5 1 B t, 6 4 t, 7 2 C t, 9 99 D f, 10 f",
		     far_ask(f, "SELECT string_agg(concat_ws(' ', seq, record,"
				" sample, proven), ', ' ORDER BY seq)"
				" FROM reespec.amendment"));
}

/* Anybody may have made it who may publish: by the number of the result, and
 * by that of its assay. */
TEST_F_TIMEOUT(pgsink, holds_an_amendment_back_until_it_is_proven, 120)
{
	static const char samples[] =
		"SELECT concat_ws(' ', (SELECT string_agg(sample, ' ' ORDER BY"
		" seq) FROM reespec.result), (SELECT string_agg(sample, ' '"
		" ORDER BY seq) FROM reespec.content), (SELECT count(*)"
		" FROM reespec.amendment WHERE NOT proven))";
	static const char other[] = "\"sample\":\"C\",\"assay\":\"8\","
				    "\"elements\":[{\"symbol\":\"Nd\"}]";
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct far *f = &self->f;

	writer_genesis(&self->w, &line);
	ASSERT_TRUE(publish(self, "genesis", &line));
	ASSERT_TRUE(publish_result(self, "\"sample\":\"A\",\"assay\":\"1\","
					 "\"elements\":[{\"symbol\":\"Nd\"}]"));
	ASSERT_TRUE(publish_amendment(self, "\"record\":\"2\","
					    "\"sample\":\"B\""));
	ASSERT_TRUE(publish_amendment(self, "\"record\":\"1\","
					    "\"sample_kind\":\"crm\""));
	ASSERT_TRUE(has(f, &self->w, 4));
	EXPECT_STREQ("A A 2", far_ask(f, samples));
	EXPECT_STREQ("", far_ask(f, "SELECT sample_kind FROM reespec.result"));
	ASSERT_TRUE(publish_result(self, other));
	ASSERT_TRUE(has(f, &self->w, 5));
	EXPECT_STREQ("B C B C 0", far_ask(f, samples));
	EXPECT_STREQ("crm", far_ask(f, "SELECT sample_kind FROM reespec.result"
				       " WHERE seq = 2"));
}

/* A database that somebody else has set up; the role of the tests is not let
 * be more than any other. */
TEST_F_TIMEOUT(pgsink, says_whose_tables_it_cannot_bring_up, 120)
{
	struct far *f = &self->f;
	char log[128];

	snprintf(log, sizeof(log), "%s/sink.log", f->dir);
	ASSERT_TRUE(
		far_wait(f, FAR_VERSION, "SELECT number FROM reespec.version"));
	rig_kill(&f->sink_pid, SIGKILL);
	far_ask(f,
		"UPDATE reespec.version SET number = 4;"
		"CREATE ROLE other; ALTER TABLE reespec.record OWNER TO other;"
		"ALTER VIEW reespec.qc OWNER TO other;"
		"ALTER FUNCTION reespec.num OWNER TO other;"
		"GRANT ALL ON reespec.record, reespec.qc TO reespec;"
		"GRANT ALL ON SCHEMA reespec TO other;"
		"ALTER ROLE reespec NOSUPERUSER CREATEROLE");
	far_start_sink(f, "");
	EXPECT_TRUE(far_wait_says(
		log,
		"its tables are of version 4, and reespec may not bring them"
		" up to 5: num() qc record of other. Start reespec-pgsink once"
		" as that role, or GRANT that role to reespec; trying again"));
	EXPECT_STREQ("4", far_ask(f, "SELECT number FROM reespec.version"));
	far_ask(f, "GRANT other TO reespec");
	EXPECT_TRUE(
		far_wait(f, FAR_VERSION, "SELECT number FROM reespec.version"));
	EXPECT_TRUE(far_wait_says(log, "both sides are there again"));
}

/* Records of a ledger, one in a hundred an amendment, as SINK_RECORDS says. */
static bool fill(struct far *f, unsigned int n)
{
	char last[16];

	snprintf(last, sizeof(last), "%u", n);
	far_ask(f,
		"INSERT INTO reespec.ledger (id, site, line, first_seq,"
		" next_seq, head, key, proven_seq) VALUES (repeat('a', 32),"
		" 'n', 'b', 1, %u, 'h', repeat('k', 44), %u);"
		"INSERT INTO reespec.record SELECT repeat('a', 32), i,"
		" now(), CASE i %% 100 WHEN 0 THEN 'amend' ELSE 'result'"
		" END, NULL, false, 0, '', 'h' || i, 's', CASE i %% 100"
		" WHEN 0 THEN jsonb_build_object('record', (i - 1)::text,"
		" 'sample', 'B') ELSE jsonb_build_object('assay',"
		" (i + 1000000)::text, 'sample', 'S', 'verdict',"
		" 'accepted', 'elements', jsonb_build_array("
		"jsonb_build_object('symbol', 'Nd'))) END, 'x'"
		" FROM generate_series(1, %u) i; ANALYZE;"
		"SELECT max(seq) FROM reespec.record",
		n + 1, n, n);
	return !strcmp(last, far_ask(f, "SELECT max(seq) FROM reespec.record"));
}

/* Forty nights of a line. What is asked of them in seconds took minutes where
 * each result walked all others.
 */
TEST_F_TIMEOUT(pgsink, answers_about_twenty_thousand_results, 300)
{
	const unsigned int n = lab_number_of("SINK_RECORDS", 20000, 1000000);
	struct far *f = &self->f;
	char wanted[40];
	uint64_t begin;

	ASSERT_TRUE(far_wait(f, "t",
			     "SELECT to_regclass('reespec.qc') IS NOT NULL"));
	ASSERT_TRUE(fill(f, n));
	snprintf(wanted, sizeof(wanted), "%u %u", n - n / 100, n / 100);
	begin = clock_monotonic_ns();
	EXPECT_STREQ(wanted,
		     far_ask(f, "SET statement_timeout = 60000;"
				"SELECT count(*) || ' ' || count(*) FILTER"
				" (WHERE sample = 'B') FROM reespec.content"
				" WHERE accepted AND stands"));
	TH_LOG("%s results and amendments in %.1f s", wanted,
	       (double)(clock_monotonic_ns() - begin) / 1e9);
}

TEST_HARNESS_MAIN
