// SPDX-License-Identifier: GPL-2.0-or-later
/* A sealed line opens as it was made, and no other way. */
#include "kselftest_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ledger/seal.h"
#include "state_dir.h"

FIXTURE(seal)
{
	char dir[128];
	int dir_fd;
	struct chain_key *key;
	char public_key[CHAIN_KEY_SIZE];
	struct buf text;
	struct seal seal;
	const char *why;
};

FIXTURE_SETUP(seal)
{
	state_dir_make(self->dir);
	self->dir_fd = open(self->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_LE(0, self->dir_fd);
	ASSERT_EQ(0, chain_key_create(self->dir_fd, "key", &self->key));
	chain_key_public(self->key, self->public_key);
	self->text = (struct buf){ 0 };
	self->why = "";
	ASSERT_EQ(0, buf_append_str(&self->text, "{\"a\":1}\n"));
}

FIXTURE_TEARDOWN(seal)
{
	buf_deinit(&self->text);
	chain_key_free(self->key);
	close(self->dir_fd);
	state_dir_remove(self->dir);
}

static int open_it(struct _test_data_seal *self, const char *want_key)
{
	return seal_open(self->text.data, self->text.len, want_key, &self->seal,
			 &self->why);
}

#define EXPECT_REFUSED(want_key, words)                       \
	do {                                                  \
		EXPECT_EQ(-EBADMSG, open_it(self, want_key)); \
		EXPECT_NE(NULL, strstr(self->why, words))     \
		{                                             \
			TH_LOG("it says: %s", self->why);     \
		}                                             \
	} while (0)

TEST_F(seal, signed_line_opens_with_its_hash_and_key)
{
	ASSERT_EQ(0, seal_append(&self->text, self->key));
	ASSERT_EQ(0, open_it(self, self->public_key));
	/* printf '{"a":1}' | sha256sum */
	EXPECT_STREQ(
		"015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862",
		self->seal.sha256);
	EXPECT_STREQ(self->public_key, self->seal.key);
	EXPECT_EQ(0, open_it(self, ""));
}

TEST_F(seal, line_without_key_opens_when_none_is_asked_for)
{
	ASSERT_EQ(0, seal_append(&self->text, NULL));
	ASSERT_EQ(0, open_it(self, ""));
	EXPECT_STREQ("", self->seal.key);
	EXPECT_REFUSED(self->public_key, "not signed");
}

TEST_F(seal, altered_line_is_refused)
{
	ASSERT_EQ(0, seal_append(&self->text, self->key));
	self->text.data[5] = '2';
	EXPECT_REFUSED("", "altered");
}

TEST_F(seal, signature_of_another_is_refused)
{
	CLEANUP(chain_key_freep) struct chain_key *other = NULL;
	char public_key[CHAIN_KEY_SIZE], *at;

	ASSERT_EQ(0, chain_key_create(self->dir_fd, "other", &other));
	chain_key_public(other, public_key);
	ASSERT_EQ(0, seal_append(&self->text, self->key));
	EXPECT_REFUSED(public_key, "another key");
	/* And so is one that only says so. */
	at = strstr(self->text.data, self->public_key);
	ASSERT_NE(NULL, at);
	memcpy(at, public_key, strlen(public_key));
	EXPECT_REFUSED(public_key, "does not fit");
}

TEST_F(seal, line_that_is_not_sealed_is_refused)
{
	EXPECT_REFUSED("", "missing");
	ASSERT_EQ(0, seal_append(&self->text, NULL));
	self->text.len--;
	EXPECT_REFUSED("", "missing");
	self->text.len++;
	ASSERT_EQ(0, buf_append_str(&self->text, "more\n"));
	EXPECT_REFUSED("", "missing");
}

TEST_F(seal, nothing_is_refused)
{
	EXPECT_EQ(-EBADMSG, seal_open("", 0, "", &self->seal, &self->why));
}

TEST_HARNESS_MAIN
