// SPDX-License-Identifier: GPL-2.0-or-later
/* A ledger made anew from an export, whatever became of the old one. */
#include <errno.h>
#include <string.h>

#include "kselftest_harness.h"
#include "ledger/store.h"
#include "state_dir.h"

FIXTURE(restore)
{
	char dir[128]; /* of the old ledger */
	char other[128]; /* of the new one */
	struct ledger *l;
	struct ledger *restored;
	FILE *export;
	char why[300];
};

FIXTURE_SETUP(restore)
{
	state_dir_make(self->dir);
	state_dir_make(self->other);
	self->restored = NULL;
	self->export = tmpfile();
	ASSERT_NE(NULL, self->export);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &self->l, NULL, 0));
}

FIXTURE_TEARDOWN(restore)
{
	ledger_close(self->l);
	ledger_close(self->restored);
	fclose(self->export);
	state_dir_remove(self->dir);
	state_dir_remove(self->other);
}

static void add(struct ledger *l, enum chain_kind kind)
{
	if (append_some(l, kind, 7, 64, NULL) < 0 || ledger_commit(l, NULL) < 0)
		abort();
}

static void rotate(struct ledger *l)
{
	uint64_t seq;

	if (ledger_rotate_key(l, 0, "yearly", &seq) < 0)
		abort();
}

/* All up to now goes, but for the checkpoint. */
static void archive(struct ledger *l)
{
	const struct ledger_archive what = { .before_us = UINT64_MAX,
					     .before_boot_ns = UINT64_MAX,
					     .to = ledger_last(l) };
	char hash[CHAIN_HASH_SIZE];
	uint64_t last, seq;

	strcpy(hash, ledger_head(l));
	if (archive_some(l, &what, hash, &last, &seq) < 0)
		abort();
}

static void write_export(struct ledger *l, FILE *file)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	CLEANUP(buf_deinit) struct buf blob = { 0 };
	struct chain_record r;
	struct chain_head head;

	for (uint64_t i = ledger_first(l); i <= ledger_last(l); i++) {
		if (ledger_get(l, i, &r, &head, NULL) < 0 ||
		    chain_write_line(&r, NULL, &text) < 0)
			abort();
		chain_record_deinit(&r);
		if (!head.n_blobs || blob.len)
			continue;
		if (ledger_get_blob(l, head.blobs[0].sha256, &blob) < 0)
			abort();
	}
	if (blob.len && chain_write_blob_line(head.blobs[0].sha256, blob.data,
					      blob.len, &text) < 0)
		abort();
	if (fwrite(text.data, text.len, 1, file) != 1 || fflush(file))
		abort();
}

static void copy_key(const char *from, const char *to)
{
	char command[400];

	snprintf(command, sizeof(command), "cp -p %s/%s %s", from,
		 LEDGER_KEY_FILE, to);
	if (system(command))
		abort();
}

static struct ledger_verified verified(struct ledger *l)
{
	const struct ledger_verify what = { 0 };
	struct ledger_verified v = { .fault.verdict = CHAIN_BAD_LINE };

	ledger_verify(l, &what, &v);
	return v;
}

static int restored(struct ledger *l, const char *dir, const char *other,
		    FILE *export, struct ledger **ret, char *why, size_t size)
{
	const struct ledger_options options = { .software = "test" };

	write_export(l, export);
	copy_key(dir, other);
	return ledger_restore(other, export, &options, ret, why, size);
}

TEST_F(restore, a_whole_ledger_with_changed_keys)
{
	struct ledger_verified v;

	add(self->l, CHAIN_RESULT);
	rotate(self->l);
	add(self->l, CHAIN_RESULT);
	ASSERT_EQ(0, restored(self->l, self->dir, self->other, self->export,
			      &self->restored, self->why, sizeof(self->why)))
	TH_LOG("%s", self->why);
	v = verified(self->restored);
	EXPECT_EQ(CHAIN_GOOD, v.fault.verdict) TH_LOG("%s", v.fault.why);
	EXPECT_EQ(5, v.chain.n_signatures);
	EXPECT_EQ(0, v.chain.n_unchecked);
}

/* As those of the old ledger, though they are in no export. */
TEST_F(restore, columns_are_made_anew)
{
	const struct ledger_range of = { .instrument = "38563" };
	const struct ledger_entry assay = { .kind = CHAIN_ASSAY };
	CLEANUP(js_freep) json_t *part = js_object();
	const struct ledger_entry end = { .kind = CHAIN_RESULT, .part = part };
	CLEANUP(ledger_cursor_closep) struct ledger_cursor *c = NULL;
	struct chain_record record;
	uint64_t seq, open;

	ASSERT_EQ(0, ledger_append(self->l, &assay, &seq, NULL));
	js_set_u64(part, "assay", seq);
	ASSERT_EQ(0, ledger_append(self->l, &end, NULL, NULL));
	ASSERT_EQ(0, ledger_append(self->l, &assay, &seq, NULL));
	add(self->l, CHAIN_RESULT);
	ASSERT_EQ(0, restored(self->l, self->dir, self->other, self->export,
			      &self->restored, self->why, sizeof(self->why)))
	TH_LOG("%s", self->why);
	EXPECT_EQ(1, ledger_next_open(self->restored, 1, &open));
	EXPECT_EQ(seq, open);
	EXPECT_EQ(0, ledger_next_open(self->restored, seq + 1, &open));
	ASSERT_EQ(0, ledger_cursor_open(self->restored, &of, &c));
	ASSERT_EQ(1, ledger_cursor_next(c, &record, &seq));
	chain_record_deinit(&record);
	EXPECT_EQ(5, seq);
	EXPECT_EQ(0, ledger_cursor_next(c, &record, &seq));
}

TEST_F(restore, an_archived_ledger_knows_its_key)
{
	struct ledger_verified v;

	add(self->l, CHAIN_RESULT);
	archive(self->l);
	add(self->l, CHAIN_RESULT);
	ASSERT_EQ(0, restored(self->l, self->dir, self->other, self->export,
			      &self->restored, self->why, sizeof(self->why)))
	TH_LOG("%s", self->why);
	v = verified(self->restored);
	EXPECT_EQ(CHAIN_GOOD, v.fault.verdict) TH_LOG("%s", v.fault.why);
	EXPECT_EQ(3, v.chain.n_signatures);
	EXPECT_EQ(0, v.chain.n_unchecked);
}

/* The key that the part was begun with stands in what was archived. */
TEST_F(restore, an_archived_ledger_with_changed_keys)
{
	struct ledger_verified v;

	add(self->l, CHAIN_RESULT);
	archive(self->l);
	add(self->l, CHAIN_RESULT);
	rotate(self->l);
	add(self->l, CHAIN_RESULT);
	ASSERT_EQ(0, restored(self->l, self->dir, self->other, self->export,
			      &self->restored, self->why, sizeof(self->why)))
	TH_LOG("%s", self->why);
	v = verified(self->restored);
	EXPECT_EQ(CHAIN_GOOD, v.fault.verdict) TH_LOG("%s", v.fault.why);
	EXPECT_EQ(2, v.chain.n_signatures);
	EXPECT_EQ(3, v.chain.n_unchecked);

	/* And again, with what it has become. */
	add(self->restored, CHAIN_RESULT);
	self->restored = ledger_close(self->restored);
	ASSERT_EQ(0, ledger_open(self->other, NULL, &self->restored, NULL, 0));
	archive(self->restored);
	EXPECT_EQ(CHAIN_GOOD, verified(self->restored).fault.verdict);
}

TEST_F(restore, right_behind_a_change_of_keys)
{
	add(self->l, CHAIN_RESULT);
	archive(self->l);
	rotate(self->l);
	ASSERT_EQ(0, restored(self->l, self->dir, self->other, self->export,
			      &self->restored, self->why, sizeof(self->why)))
	TH_LOG("%s", self->why);
	EXPECT_EQ(CHAIN_GOOD, verified(self->restored).fault.verdict);
}

TEST_F(restore, a_part_of_another_key_is_refused)
{
	const struct ledger_options options = { .software = "test" };

	add(self->l, CHAIN_RESULT);
	archive(self->l);
	write_export(self->l, self->export);
	rotate(self->l);
	copy_key(self->dir, self->other);
	EXPECT_EQ(-ENOKEY, ledger_restore(self->other, self->export, &options,
					  &self->restored, self->why,
					  sizeof(self->why)));
	EXPECT_NE(NULL, strstr(self->why, "its last key"));
}

TEST_HARNESS_MAIN
