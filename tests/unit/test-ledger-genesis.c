// SPDX-License-Identifier: GPL-2.0-or-later
/* What a genesis record may say, in front of a ledger and in its middle. */
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "kselftest_harness.h"
#include "state_dir.h"

#define OTHER_ID "00000000000000000000000000000001"

/* A genesis record as restoring makes it, but for what a case changes. */
struct genesis {
	const struct chain_key *key; /* it names and is signed by */
	const char *ledger;
	uint64_t seq;
	const char *prev;
	const char *of; /* the ledger it continues, to this record and hash */
	uint64_t of_seq;
	const char *of_hash;
};

FIXTURE(genesis)
{
	char dir[128];
	int dir_fd;
	struct chain_key *key, *other;
	struct chain_record first; /* a true genesis, by key */
	struct chain_head head;
	struct genesis g;
	struct chain_fault fault;
};

FIXTURE_SETUP(genesis)
{
	struct ledger *l;

	state_dir_make(self->dir);
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &l, NULL, 0));
	ASSERT_EQ(0, ledger_get(l, 1, &self->first, &self->head, NULL));
	ledger_close(l);
	self->dir_fd = open(self->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT_EQ(0, chain_key_load(self->dir_fd, LEDGER_KEY_FILE, &self->key));
	ASSERT_EQ(0, chain_key_create(self->dir_fd, "other", &self->other));
	self->g = (struct genesis){ self->key,	      OTHER_ID,		 2,
				    self->first.hash, self->head.ledger, 1,
				    self->first.hash };
}

FIXTURE_TEARDOWN(genesis)
{
	chain_record_deinit(&self->first);
	chain_key_free(self->key);
	chain_key_free(self->other);
	close(self->dir_fd);
	state_dir_remove(self->dir);
}

static void make(const FIXTURE_DATA(genesis) * self, struct chain_record *ret)
{
	const struct genesis *g = &self->g;
	char key[CHAIN_KEY_SIZE];
	struct buf body = { 0 };

	chain_key_public(g->key, key);
	if (buf_printf(&body,
		       "{\"ledger\":\"%s\",\"seq\":\"%d\",\"time\":\"%s\","
		       "\"boot\":\"%s\",\"mono_ns\":\"1\",\"kind\":\"genesis\","
		       "\"uid\":0,\"serial\":null,\"format\":1,\"key\":\"%s\","
		       "\"software\":\"x\",\"continues\":{\"ledger\":\"%s\","
		       "\"seq\":\"%d\",\"hash\":\"%s\"}}",
		       g->ledger, (int)g->seq, self->head.time, self->head.boot,
		       key, g->of, (int)g->of_seq, g->of_hash) < 0)
		abort();
	memset(ret, 0, sizeof(*ret));
	strcpy(ret->prev, g->prev);
	ret->body = buf_take(&body, &ret->body_len);
	chain_hash(ret->prev, ret->body, ret->body_len, ret->hash);
	chain_sign(g->key, ret->hash, ret->sig);
}

/* What is said of it behind the true one. */
static enum chain_verdict verdict(FIXTURE_DATA(genesis) * self)
{
	CLEANUP(chain_record_deinit) struct chain_record r = { 0 };
	struct chain_verifier v = { 0 };

	if (chain_verify_record(&v, &self->first, NULL, &self->fault))
		abort();
	make(self, &r);
	return chain_verify_record(&v, &r, NULL, &self->fault);
}

TEST_F(genesis, continues_another_ledger_by_its_key)
{
	EXPECT_EQ(CHAIN_GOOD, verdict(self)) TH_LOG("%s", self->fault.why);
}

/* Whoever has the file could go on with a key of their own. */
TEST_F(genesis, brings_no_other_key)
{
	self->g.key = self->other;
	EXPECT_EQ(CHAIN_BAD_KEY, verdict(self));
	EXPECT_NE(NULL, strstr(self->fault.why, "begun again"));
	EXPECT_EQ(2, self->fault.seq);
}

TEST_F(genesis, is_of_another_ledger_than_it_continues)
{
	self->g.ledger = self->head.ledger;
	EXPECT_EQ(CHAIN_BAD_LEDGER, verdict(self));
	EXPECT_NE(NULL, strstr(self->fault.why, "does not name"));
}

TEST_F(genesis, names_what_stands_before_it)
{
	self->g.of = "00000000000000000000000000000002";
	EXPECT_EQ(CHAIN_BAD_LEDGER, verdict(self));
	self->g.of = self->head.ledger;
	self->g.of_seq = 2;
	EXPECT_EQ(CHAIN_BAD_LEDGER, verdict(self));
	self->g.of_seq = 1;
	self->g.of_hash = CHAIN_GENESIS_PREV;
	EXPECT_EQ(CHAIN_BAD_LEDGER, verdict(self));
}

/* Behind nothing there is nothing to name. */
TEST_F(genesis, of_a_new_ledger_has_nothing_before_it)
{
	CLEANUP(chain_record_deinit) struct chain_record r = { 0 };
	struct chain_verifier v = { 0 };

	self->g.seq = 1;
	make(self, &r);
	EXPECT_EQ(CHAIN_BAD_PREV,
		  chain_verify_record(&v, &r, NULL, &self->fault));
	chain_record_deinit(&r);
	self->g.prev = CHAIN_GENESIS_PREV;
	make(self, &r);
	EXPECT_EQ(CHAIN_GOOD, chain_verify_record(&v, &r, NULL, &self->fault))
	TH_LOG("%s", self->fault.why);
}

TEST_HARNESS_MAIN
