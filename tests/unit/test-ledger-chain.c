// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hashes, signatures and export lines.
 *
 * The known answers: SHA-256 of "abc" from FIPS 180-2, appendix B.1; Ed25519
 * from RFC 8032, section 7.1, test 1 (its seed and public key; the signature
 * there is over the empty message, which no hash is). What our code signs is
 * judged by sha256sum and openssl, where these exist.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "kselftest_harness.h"
#include "ledger/spectra.h"
#include "state_dir.h"

/* 9d61b19d...1cae7f60 and d75a9801...07511a of the RFC as base64 */
#define RFC_SEED "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
#define RFC_KEY "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

TEST(sha256_known_answer)
{
	char hash[CHAIN_HASH_SIZE];

	chain_sha256("abc", 3, hash);
	EXPECT_STREQ("ba7816bf8f01cfea414140de5dae2223"
		     "b00361a396177a9cb410ff61f20015ad",
		     hash);
	EXPECT_TRUE(chain_is_hash(hash));
	hash[0] = 'B';
	EXPECT_FALSE(chain_is_hash(hash));
	EXPECT_FALSE(chain_is_hash("ba78"));
}

TEST(hash_is_over_the_digits_of_prev_and_the_body)
{
	char hash[CHAIN_HASH_SIZE], expected[CHAIN_HASH_SIZE];
	char text[CHAIN_HASH_SIZE + 2] = CHAIN_GENESIS_PREV "{}";

	chain_hash(CHAIN_GENESIS_PREV, "{}", 2, hash);
	chain_sha256(text, 66, expected);
	EXPECT_STREQ(expected, hash);
}

static int write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!f)
		return -errno;
	fputs(text, f);
	return fclose(f);
}

TEST(key_file_gives_the_public_key_of_its_seed)
{
	char dir[128], path[256], public_key[CHAIN_KEY_SIZE];
	struct chain_key *k;
	int fd;

	state_dir_make(dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	ASSERT_EQ(0, write_file(dir, "key", RFC_SEED "\n"));
	EXPECT_EQ(-EPERM, chain_key_load(fd, "key", &k));
	snprintf(path, sizeof(path), "%s/key", dir);
	ASSERT_EQ(0, chmod(path, 0600));
	EXPECT_EQ(-ENOENT, chain_key_load(fd, "other", &k));
	EXPECT_EQ(-EEXIST, chain_key_create(fd, "key", &k));
	ASSERT_EQ(0, chain_key_load(fd, "key", &k));
	chain_key_public(k, public_key);
	chain_key_free(k);
	EXPECT_STREQ(RFC_KEY, public_key);
	close(fd);
	state_dir_remove(dir);
}

/* Shell lines of README.md: judged by tools that know nothing of us. */
static const char *const judge =
	"set -e; cd \"$1\"\n"
	"line=$(sed -n 1p export)\n"
	"field() { printf '%s' \"$line\" | sed \"s/.*\\\"$1\\\":\\\"\\([^\\\"]*\\)\\\".*/\\1/\"; }\n"
	"prev=$(field prev); hash=$(field hash); sig=$(field sig)\n"
	"sum=$( { printf %s \"$prev\"; cat body; } | sha256sum | cut -c1-64)\n"
	"test \"$sum\" = \"$hash\"\n"
	"{ echo '-----BEGIN PUBLIC KEY-----'\n"
	"  echo \"MCowBQYDK2VwAyEA$(cat key)\"\n"
	"  echo '-----END PUBLIC KEY-----'; } >key.pem\n"
	"printf %s \"$hash\" >hash; printf %s \"$sig\" | base64 -d >sig\n"
	"openssl pkeyutl -verify -rawin -pubin -inkey key.pem -sigfile sig"
	" -in hash >verdict\n"
	"printf %sx \"$hash\" >hash\n"
	"if openssl pkeyutl -verify -rawin -pubin -inkey key.pem -sigfile sig"
	" -in hash >verdict 2>&1; then exit 8; fi\n";

TEST(other_tools_agree_on_hash_and_signature)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	struct chain_record r;
	char dir[128], command[512];
	struct ledger *l;

	if (system("command -v openssl sha256sum base64 >/dev/null 2>&1"))
		SKIP(return, "openssl or coreutils are not installed");
	state_dir_make(dir);
	ASSERT_EQ(0, ledger_open(dir, NULL, &l, NULL, 0));
	ASSERT_EQ(0, append_some(l, CHAIN_RESULT, 5, 256, NULL));
	ASSERT_EQ(0, ledger_commit(l, NULL));
	ASSERT_EQ(0, ledger_get(l, 2, &r, NULL, NULL));
	ASSERT_EQ(0, chain_write_line(&r, NULL, &line));
	ASSERT_EQ(0, write_file(dir, "export", line.data));
	ASSERT_EQ(0, write_file(dir, "body", r.body));
	ASSERT_EQ(0, write_file(dir, "key", ledger_public_key(l)));
	ASSERT_EQ(0, write_file(dir, "judge", judge));
	snprintf(command, sizeof(command), "sh %s/judge %s", dir, dir);
	EXPECT_EQ(0, system(command));

	/* They would have noticed. */
	r.body[r.body_len - 2] ^= 1;
	ASSERT_EQ(0, write_file(dir, "body", r.body));
	EXPECT_NE(0, system(command));
	chain_record_deinit(&r);
	ledger_close(l);
	state_dir_remove(dir);
}

/* What a damaged file may hold stays a line, or is refused: never half of one. */
TEST(line_of_a_damaged_record)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	CLEANUP(js_freep) json_t *o = NULL;
	struct chain_record back, r = {
		.prev = "a\"b\\c\n\001",
		.body = (char *)"{\"a\":\"\303\244\"}",
		.body_len = 10,
	};
	const char *text, *why;

	ASSERT_EQ(0, chain_write_line(&r, NULL, &line));
	ASSERT_EQ(0, js_parse(line.data, line.len, &o, NULL));
	ASSERT_EQ(0, js_get_str(o, "prev", &text));
	EXPECT_STREQ(r.prev, text);
	ASSERT_EQ(0, js_get_str(o, "body", &text));
	EXPECT_STREQ(r.body, text);
	EXPECT_EQ(-EBADMSG, chain_parse_line(line.data, line.len, &back, &why));
	r.body = (char *)"{\"a\":\"\344\"}";
	r.body_len = 9;
	EXPECT_EQ(-EBADMSG, chain_write_line(&r, NULL, &line));
	r.body_len = 0;
	strcpy(r.hash, "\377");
	EXPECT_EQ(-EBADMSG, chain_write_line(&r, NULL, &line));
}

TEST(other_tools_read_an_exported_body_and_blob)
{
	CLEANUP(buf_deinit) struct buf lines = { 0 };
	CLEANUP(buf_deinit) struct buf blob = { 0 };
	struct chain_record r;
	struct chain_head h;
	char dir[128], command[1024];
	struct ledger *l;

	if (system("command -v jq sha256sum base64 >/dev/null 2>&1"))
		SKIP(return, "jq or coreutils are not installed");
	state_dir_make(dir);
	ASSERT_EQ(0, ledger_open(dir, NULL, &l, NULL, 0));
	ASSERT_EQ(0, append_some(l, CHAIN_RESULT, 5, 256, NULL));
	ASSERT_EQ(0, ledger_commit(l, NULL));
	ASSERT_EQ(0, ledger_get(l, 2, &r, &h, NULL));
	ASSERT_EQ(0, ledger_get_blob(l, h.blobs[0].sha256, &blob));
	ASSERT_EQ(0, chain_write_line(&r, &h, &lines));
	ASSERT_EQ(0, chain_write_blob_line(h.blobs[0].sha256, blob.data,
					   blob.len, &lines));
	ASSERT_EQ(0, write_file(dir, "export", lines.data));
	snprintf(command, sizeof(command),
		 "cd %s && sum=$(sed -n 1p export | jq -j '.prev + .body' |"
		 " sha256sum | cut -c1-64) &&"
		 " test $sum = $(sed -n 1p export | jq -j .hash) &&"
		 " sum=$(sed -n 2p export | jq -j .data | base64 -d |"
		 " sha256sum | cut -c1-64) &&"
		 " test $sum = $(sed -n 1p export | jq -j '.blobs[0].sha256')",
		 dir);
	EXPECT_EQ(0, system(command));
	chain_record_deinit(&r);
	ledger_close(l);
	state_dir_remove(dir);
}

TEST(signature_is_of_this_hash_and_key_only)
{
	char dir[128], hash[CHAIN_HASH_SIZE], sig[CHAIN_SIG_SIZE];
	char key[CHAIN_KEY_SIZE], other_key[CHAIN_KEY_SIZE];
	char fingerprint[CHAIN_FINGERPRINT_SIZE];
	struct chain_key *k, *other;
	int fd;

	state_dir_make(dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	ASSERT_EQ(0, chain_key_create(fd, "a", &k));
	ASSERT_EQ(0, chain_key_create(fd, "b", &other));
	chain_key_public(k, key);
	chain_key_public(other, other_key);
	EXPECT_STRNE(key, other_key);
	chain_sha256("x", 1, hash);
	chain_sign(k, hash, sig);
	EXPECT_EQ(0, chain_verify_sig(key, hash, sig));
	EXPECT_EQ(-EBADMSG, chain_verify_sig(other_key, hash, sig));
	EXPECT_EQ(-EBADMSG, chain_verify_sig("short", hash, sig));
	EXPECT_EQ(-EBADMSG, chain_verify_sig(key, hash, "AAAA"));
	EXPECT_EQ(-EBADMSG, chain_verify_sig(key, "00", sig));
	chain_sha256("y", 1, hash);
	EXPECT_EQ(-EBADMSG, chain_verify_sig(key, hash, sig));
	EXPECT_EQ(0, chain_fingerprint(key, fingerprint));
	EXPECT_EQ(0, strncmp(fingerprint, "SHA256:", 7));
	EXPECT_TRUE(chain_is_hash(fingerprint + 7));
	EXPECT_EQ(-EBADMSG, chain_fingerprint("?", fingerprint));
	chain_key_free(k);
	chain_key_free(other);
	close(fd);
	state_dir_remove(dir);
}

FIXTURE(lines)
{
	struct buf line[7]; /* records 1 to 6 */
	char dir[128];
};

FIXTURE_SETUP(lines)
{
	struct chain_record r;
	struct ledger *l;

	state_dir_make(self->dir);
	memset(self->line, 0, sizeof(self->line));
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &l, NULL, 0));
	for (uint32_t i = 2; i <= 6; i++)
		ASSERT_EQ(0,
			  append_some(l, i == 4 ? CHAIN_RESULT : CHAIN_READING,
				      i, 0, NULL));
	ASSERT_EQ(0, ledger_commit(l, NULL));
	for (uint64_t i = 1; i <= 6; i++) {
		ASSERT_EQ(0, ledger_get(l, i, &r, NULL, NULL));
		ASSERT_EQ(0, chain_write_line(&r, NULL, &self->line[i]));
		chain_record_deinit(&r);
	}
	ledger_close(l);
}

FIXTURE_TEARDOWN(lines)
{
	for (int i = 0; i < 7; i++)
		buf_deinit(&self->line[i]);
	state_dir_remove(self->dir);
}

/* Verifies the lines of @order (numbers, 0 at the end). */
static enum chain_verdict verify(const struct buf *line, const int *order,
				 struct chain_verifier *v,
				 struct chain_fault *f)
{
	enum chain_verdict verdict = CHAIN_GOOD;

	for (; *order && !verdict; order++)
		verdict = chain_verify_line(v, line[*order].data,
					    line[*order].len, f);
	return verdict;
}

TEST_F(lines, whole_export_is_good)
{
	struct chain_verifier v = { 0 };
	struct chain_fault f;

	EXPECT_EQ(CHAIN_GOOD,
		  verify(self->line, (int[]){ 1, 2, 3, 4, 5, 6, 0 }, &v, &f));
	EXPECT_EQ(6, v.n_records);
	EXPECT_EQ(2, v.n_signatures);
	EXPECT_EQ(7, v.next_seq);
}

TEST_F(lines, part_is_good_but_unsigned_without_a_key)
{
	struct chain_verifier v = { 0 };
	struct chain_fault f;

	EXPECT_EQ(CHAIN_GOOD,
		  verify(self->line, (int[]){ 3, 4, 5, 0 }, &v, &f));
	EXPECT_EQ(3, v.first_seq);
	EXPECT_EQ(0, v.n_signatures);
	EXPECT_EQ(1, v.n_unchecked);
}

TEST_F(lines, gap_repeat_and_swap_are_found)
{
	struct chain_verifier v = { 0 };
	struct chain_fault f;

	EXPECT_EQ(CHAIN_BAD_SEQ,
		  verify(self->line, (int[]){ 1, 2, 4, 0 }, &v, &f));
	EXPECT_EQ(3, f.seq);
	v = (struct chain_verifier){ 0 };
	EXPECT_EQ(CHAIN_BAD_SEQ,
		  verify(self->line, (int[]){ 1, 2, 2, 0 }, &v, &f));
	v = (struct chain_verifier){ 0 };
	EXPECT_EQ(CHAIN_BAD_SEQ,
		  verify(self->line, (int[]){ 1, 3, 2, 0 }, &v, &f));
}

TEST_F(lines, known_key_is_needed_to_be_the_ledgers)
{
	const char known[][CHAIN_KEY_SIZE] = {
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	};
	const struct chain_verifier held = { .known = known, .n_known = 1 };
	struct chain_verifier v = held;
	struct chain_fault f;

	EXPECT_EQ(CHAIN_GOOD, verify(self->line, (int[]){ 1, 2, 0 }, &v, &f));
	EXPECT_EQ(CHAIN_BAD_KEY, chain_verify_end(&v, &f));
	EXPECT_EQ(1, f.seq);
	/* In a part the first signature that none stands for is named. */
	v = held;
	EXPECT_EQ(CHAIN_GOOD,
		  verify(self->line, (int[]){ 3, 4, 5, 0 }, &v, &f));
	EXPECT_EQ(CHAIN_BAD_KEY, chain_verify_end(&v, &f));
	EXPECT_EQ(4, f.seq);
}

/* 1 genesis, 2 result; 3 a new key; 4 result, 5 result. */
FIXTURE(rotated)
{
	char known[2][CHAIN_KEY_SIZE]; /* the first, the second */
	struct buf line[6];
	char dir[128];
};

FIXTURE_SETUP(rotated)
{
	struct chain_record r;
	struct ledger *l;
	uint64_t seq;

	state_dir_make(self->dir);
	memset(self->line, 0, sizeof(self->line));
	ASSERT_EQ(0, ledger_open(self->dir, NULL, &l, NULL, 0));
	strcpy(self->known[0], ledger_public_key(l));
	ASSERT_EQ(0, append_some(l, CHAIN_RESULT, 2, 0, NULL));
	ASSERT_EQ(0, ledger_commit(l, NULL));
	ASSERT_EQ(0, ledger_rotate_key(l, 0, "x", &seq));
	strcpy(self->known[1], ledger_public_key(l));
	ASSERT_EQ(0, append_some(l, CHAIN_RESULT, 4, 0, NULL));
	ASSERT_EQ(0, append_some(l, CHAIN_RESULT, 5, 0, NULL));
	ASSERT_EQ(0, ledger_commit(l, NULL));
	for (uint64_t i = 1; i <= 5; i++) {
		ASSERT_EQ(0, ledger_get(l, i, &r, NULL, NULL));
		ASSERT_EQ(0, chain_write_line(&r, NULL, &self->line[i]));
		chain_record_deinit(&r);
	}
	ledger_close(l);
}

FIXTURE_TEARDOWN(rotated)
{
	for (int i = 0; i < 6; i++)
		buf_deinit(&self->line[i]);
	state_dir_remove(self->dir);
}

/* The verdict on the lines of @order held to one key, and the verifier. */
static enum chain_verdict held_to(const struct buf *line, const int *order,
				  const char (*known)[CHAIN_KEY_SIZE],
				  struct chain_verifier *ret,
				  struct chain_fault *f)
{
	enum chain_verdict verdict;

	*ret = (struct chain_verifier){ .known = known, .n_known = 1 };
	verdict = verify(line, order, ret, f);
	return verdict ? verdict : chain_verify_end(ret, f);
}

TEST_F(rotated, any_key_the_chain_comes_to_will_do)
{
	const int all[] = { 1, 2, 3, 4, 5, 0 };
	struct chain_verifier v;
	struct chain_fault f;

	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(CHAIN_GOOD,
			  held_to(self->line, all, &self->known[i], &v, &f))
		TH_LOG("key %d: %s", i, f.why);
		EXPECT_EQ(5, v.n_signatures);
		EXPECT_STREQ(self->known[0], v.start_key);
		EXPECT_STREQ(self->known[1], v.key);
	}
}

/* A forger's chain can name any key, but not sign with it. */
TEST_F(rotated, a_key_that_is_only_named_will_not_do)
{
	const int short_of_it[] = { 1, 2, 3, 0 };
	struct chain_verifier v;
	struct chain_fault f;

	EXPECT_EQ(CHAIN_BAD_KEY,
		  held_to(self->line, short_of_it, &self->known[1], &v, &f));
	EXPECT_NE(NULL, strstr(f.why, "has signed nothing yet"));
	EXPECT_EQ(CHAIN_GOOD,
		  held_to(self->line, short_of_it, &self->known[0], &v, &f));
}

TEST_F(rotated, a_part_verifies_by_the_key_before_and_after)
{
	const int part[] = { 2, 3, 4, 5, 0 };
	struct chain_verifier v;
	struct chain_fault f;

	EXPECT_EQ(CHAIN_GOOD,
		  held_to(self->line, part, &self->known[0], &v, &f));
	EXPECT_EQ(4, v.n_signatures);
	EXPECT_STREQ(self->known[0], v.start_key);
	/* By the later one what the first has signed is not judged. */
	EXPECT_EQ(CHAIN_GOOD,
		  held_to(self->line, part, &self->known[1], &v, &f));
	EXPECT_EQ(2, v.n_signatures);
	EXPECT_EQ(2, v.n_unchecked);
	EXPECT_STREQ("", v.start_key);
	EXPECT_STREQ(self->known[1], v.key);
}

/* Record 5 tells that the key of 4 was the second, too. */
TEST_F(rotated, a_false_signature_before_the_key_is_known_is_found)
{
	CLEANUP(buf_deinit) struct buf other = { 0 };
	struct chain_record r;
	struct chain_verifier v;
	struct chain_fault f;

	ASSERT_EQ(0, chain_parse_line(self->line[4].data, self->line[4].len, &r,
				      NULL));
	r.sig[5] = r.sig[5] == 'A' ? 'B' : 'A';
	ASSERT_EQ(0, chain_write_line(&r, NULL, &other));
	chain_record_deinit(&r);
	buf_deinit(&self->line[4]);
	self->line[4] = other;
	other = (struct buf){ 0 };
	EXPECT_EQ(CHAIN_BAD_SIG, held_to(self->line, (int[]){ 4, 5, 0 },
					 &self->known[1], &v, &f));
	EXPECT_EQ(4, f.seq);
}

TEST_F(lines, other_ledger_is_refused)
{
	struct chain_verifier v = {
		.ledger = "00000000000000000000000000000000",
	};
	struct chain_fault f;

	EXPECT_EQ(CHAIN_BAD_LEDGER,
		  verify(self->line, (int[]){ 2, 0 }, &v, &f));
}

TEST_F(lines, every_cut_of_a_line_is_refused)
{
	for (size_t len = 0; len < self->line[4].len - 1; len++) {
		struct chain_verifier v = { 0 };
		struct chain_fault f;

		ASSERT_EQ(CHAIN_BAD_LINE,
			  chain_verify_line(&v, self->line[4].data, len, &f));
	}
}

/* The export of README.md, kept: the format must not change under it. */
TEST(example_of_the_readme_verifies)
{
	struct chain_verifier v = { 0 };
	char fingerprint[CHAIN_FINGERPRINT_SIZE];
	static char line[4096];
	struct chain_fault f;
	FILE *file;

	file = fopen("tests/data/ledger-example.jsonl", "r");
	ASSERT_NE(NULL, file) TH_LOG("run from the top folder");
	while (fgets(line, sizeof(line), file)) {
		ASSERT_EQ(CHAIN_GOOD,
			  chain_verify_line(&v, line, strlen(line), &f))
		TH_LOG("%s", f.why);
	}
	fclose(file);
	EXPECT_EQ(2, v.n_records);
	EXPECT_EQ(2, v.n_signatures);
	EXPECT_EQ(1, v.n_blobs);
	EXPECT_STREQ("6768846fbb658ea55f3b7178fbd879db"
		     "b36b554f96777d18348c4dd06a3757e2",
		     v.head);
	ASSERT_EQ(0, chain_fingerprint(v.key, fingerprint));
	EXPECT_STREQ("SHA256:3d966380f99fd8e766137d36e91ebd34"
		     "f0abedefd67b47a077d91128f3de7743",
		     fingerprint);
}

TEST(lines_that_are_none_are_refused)
{
	static const char *const texts[] = {
		"",
		"[]",
		"{}",
		"null",
		"{\"prev\":\"00\",\"hash\":\"00\",\"sig\":\"\",\"body\":\"\"}",
		"{\"sha256\":\"00\",\"len\":1,\"data\":\"AA==\"}",
		"{\"prev\":1,\"hash\":2,\"sig\":3,\"body\":4}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct chain_verifier v = { 0 };
		struct chain_fault f;

		EXPECT_EQ(CHAIN_BAD_LINE,
			  chain_verify_line(&v, texts[i], strlen(texts[i]),
					    &f));
		EXPECT_NE(0, *f.why);
	}
}

TEST(blob_line_is_judged_by_its_own_hash)
{
	CLEANUP(buf_deinit) struct buf line = { 0 };
	CLEANUP(buf_deinit) struct buf bytes = { 0 };
	uint32_t counts[3] = { 1, 256, 0xffffff };
	struct chain_verifier v = { 0 };
	char name[CHAIN_HASH_SIZE];
	struct chain_fault f;

	ASSERT_EQ(0, spectra_bytes(counts, 3, &bytes));
	ASSERT_EQ(12, bytes.len);
	EXPECT_EQ(0, memcmp("\1\0\0\0\0\1\0\0\xff\xff\xff\0", bytes.data, 12));
	ASSERT_EQ(0, spectra_name(counts, 3, name));
	ASSERT_EQ(0, chain_write_blob_line(name, bytes.data, 12, &line));
	EXPECT_EQ(CHAIN_GOOD, chain_verify_line(&v, line.data, line.len, &f));
	EXPECT_EQ(1, v.n_blobs);
	*strstr(line.data, "AQAA") = 'B';
	EXPECT_EQ(CHAIN_BAD_LINE,
		  chain_verify_line(&v, line.data, line.len, &f));
}

TEST(packed_spectra_are_bounded_and_checked)
{
	CLEANUP(buf_deinit) struct buf bytes = { 0 };
	CLEANUP(buf_deinit) struct buf packed = { 0 };
	CLEANUP(buf_deinit) struct buf back = { 0 };
	CLEANUP(spectra_packer_freep) struct spectra_packer *p = NULL;
	uint32_t counts[1024], again[1024];

	fill_counts(counts, 1024, 1);
	ASSERT_EQ(0, spectra_bytes(counts, 1024, &bytes));
	ASSERT_EQ(0, spectra_packer_new(&p));
	ASSERT_EQ(0, spectra_pack(p, bytes.data, bytes.len, &packed));
	ASSERT_EQ(0, spectra_unpack(p, packed.data, packed.len, 4096, &back));
	ASSERT_EQ(0, spectra_counts(back.data, back.len, again));
	EXPECT_EQ(0, memcmp(counts, again, sizeof(counts)));
	EXPECT_EQ(-EBADMSG,
		  spectra_unpack(p, packed.data, packed.len, 4092, &back));
	EXPECT_EQ(-EBADMSG,
		  spectra_unpack(p, packed.data, packed.len, 4100, &back));
	EXPECT_EQ(-EBADMSG,
		  spectra_unpack(p, packed.data, packed.len - 1, 4096, &back));
	EXPECT_EQ(-EFBIG, spectra_unpack(p, packed.data, packed.len,
					 SPECTRA_BYTES_MAX + 4, &back));
	/* What was damaged does not spoil what comes after it. */
	back.len = 0;
	ASSERT_EQ(0, spectra_unpack(p, packed.data, packed.len, 4096, &back));
	EXPECT_EQ(0, memcmp(bytes.data, back.data, 4096));
	EXPECT_EQ(-EBADMSG, spectra_counts(back.data, 7, again));
}

/* A body with one thing wrong; %s stands for what differs. */
TEST(bodies_are_checked)
{
	static const struct {
		const char *from, *to, *why;
	} cases[] = {
		{ "\"seq\":\"3\"", "\"seq\":3", "seq" },
		{ "\"seq\":\"3\"", "\"seq\":\"0\"", "seq" },
		{ "\"seq\":\"3\"", "\"seq\":\"03\"", "seq" },
		{ "\"kind\":\"reading\"", "\"kind\":\"novel\"", "kind" },
		{ "\"uid\":0", "\"uid\":-1", "uid" },
		{ "\"serial\":null", "\"serial\":7", "serial" },
		{ "T00:", "T25:", "time" },
		{ "\"mono_ns\":\"5\"", "\"mono_ns\":\"x\"", "monotonic" },
		{ "\"boot\":\"0", "\"boot\":\"X", "boot" },
		{ "\"ledger\":\"0", "\"ledger\":\"", "ledger" },
		{ "}", ",\"simulated\":1}", "simulated" },
		{ "}", ",\"blobs\":[{}]}", "blobs" },
		{ "}", ",\"seq\":\"3\"}", "JSON" },
		{ "}", "", "JSON" },
	};
	static const char good[] =
		"{\"ledger\":\"00000000000000000000000000000000\","
		"\"seq\":\"3\",\"time\":\"2026-03-01T00:00:00.000000Z\","
		"\"boot\":\"00000000000000000000000000000000\","
		"\"mono_ns\":\"5\",\"kind\":\"reading\",\"uid\":0,"
		"\"serial\":null}";
	struct chain_head h;
	const char *why;

	ASSERT_EQ(0, chain_read_body(good, strlen(good), &h, NULL, &why));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *at = strstr(good, cases[i].from);
		char bad[512];

		snprintf(bad, sizeof(bad), "%.*s%s%s", (int)(at - good), good,
			 cases[i].to, at + strlen(cases[i].from));
		why = "";
		EXPECT_EQ(-EBADMSG,
			  chain_read_body(bad, strlen(bad), &h, NULL, &why))
		TH_LOG("%s", bad);
		EXPECT_NE(NULL, strstr(why, cases[i].why))
		TH_LOG("%s: %s", cases[i].to, why);
	}
}

/* Whoever asks for the values besides gets the head by js_parse(), whoever
 * does not by a scan. */
TEST(a_head_is_the_same_with_and_without_the_values)
{
	static const char *const ends[] = {
		"\"serial\":null}",
		"\"serial\":\"0123\",\"simulated\":true,\"n\":1.5}",
		"\"serial\":\"\",\"simulated\":false}",
		"\"serial\":\"1\",\"sample\":\"Gr\u00fcn\"}",
		"\"serial\":\"1\",\"sample\":\"a\\n\"}",
		"\"serial\":\"1\",\"blobs\":[{\"name\":\"spectrum\","
		"\"sha256\":\"" CHAIN_GENESIS_PREV "\",\"len\":8192}]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		CLEANUP(js_freep) json_t *o = NULL;
		struct chain_head scanned, parsed;
		const char *why;
		char body[512];

		memset(&scanned, 1, sizeof(scanned));
		memset(&parsed, 2, sizeof(parsed));
		snprintf(body, sizeof(body),
			 "{\"ledger\":\"0123456789abcdef0123456789abcdef\","
			 "\"seq\":\"3\",\"time\":"
			 "\"2026-03-01T00:00:00.000000Z\",\"boot\":"
			 "\"fedcba9876543210fedcba9876543210\","
			 "\"mono_ns\":\"5\",\"kind\":\"reading\","
			 "\"uid\":4294967295,%s",
			 ends[i]);
		ASSERT_EQ(0, chain_read_body(body, strlen(body), &scanned, NULL,
					     &why));
		ASSERT_EQ(0, chain_read_body(body, strlen(body), &parsed, &o,
					     &why));
		EXPECT_STREQ("0123456789abcdef0123456789abcdef",
			     scanned.ledger);
		EXPECT_EQ(0, memcmp(&scanned, &parsed, sizeof(parsed)))
		TH_LOG("%s", body);
	}
}

TEST_HARNESS_MAIN
