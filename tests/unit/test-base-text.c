// SPDX-License-Identifier: GPL-2.0-or-later
/* Buffers, clocks, messages and scoped release. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "kselftest_harness.h"

TEST(buffer_grows_and_ends_in_nul)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	size_t len;
	char *text;

	for (int i = 0; i < 1000; i++)
		ASSERT_EQ(0, buf_printf(&b, "%d,", i));
	EXPECT_EQ(3890, b.len);
	EXPECT_EQ(b.len, strlen(b.data));
	buf_clear(&b);
	EXPECT_STREQ("", b.data);
	ASSERT_EQ(0, buf_append(&b, "a\0b", 3));
	text = buf_take(&b, &len);
	EXPECT_EQ(3, len);
	EXPECT_EQ(0, memcmp("a\0b", text, 4));
	EXPECT_EQ(NULL, b.data);
	free(text);
	text = buf_take(&b, NULL);
	EXPECT_STREQ("", text);
	free(text);
}

TEST(buffer_limit_changes_nothing)
{
	CLEANUP(buf_deinit) struct buf b = { .limit = 5 };

	ASSERT_EQ(0, buf_append_str(&b, "abc"));
	EXPECT_EQ(-EFBIG, buf_append_str(&b, "def"));
	EXPECT_EQ(-EFBIG, buf_printf(&b, "%d", 123));
	EXPECT_STREQ("abc", b.data);
	EXPECT_EQ(0, buf_append_str(&b, "de"));
}

TEST(files_are_read_up_to_a_bound)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };

	ASSERT_EQ(0, buf_read_file(&b, "/proc/self/comm", 100));
	EXPECT_STREQ("test-base-text\n", b.data);
	EXPECT_EQ(-EFBIG, buf_read_file(&b, "/proc/self/maps", 100));
	EXPECT_EQ(-ENOENT, buf_read_file(&b, "/nonexistent", 100));
	EXPECT_EQ(-EISDIR, buf_read_file(&b, "/", 100));
}

TEST(time_is_written_and_read)
{
	char text[CLOCK_TEXT_SIZE];
	uint64_t us = 0;

	clock_format(0, text);
	EXPECT_STREQ("1970-01-01T00:00:00.000000Z", text);
	/* date -u -d 2026-02-28T23:59:59 +%s */
	clock_format(1772323199999999ull, text);
	EXPECT_STREQ("2026-02-28T23:59:59.999999Z", text);
	ASSERT_EQ(0, clock_parse(text, &us));
	EXPECT_EQ(1772323199999999ull, us);
	ASSERT_EQ(0, clock_parse("2026-02-28T23:59:59Z", &us));
	EXPECT_EQ(1772323199000000ull, us);
	ASSERT_EQ(0, clock_parse("2026-02-28T23:59:59.5Z", &us));
	EXPECT_EQ(1772323199500000ull, us);
	clock_format(UINT64_MAX, text);
	EXPECT_EQ(0, strncmp("9999-12-31T23:59:59", text, 19));
}

TEST(what_is_no_time_is_refused)
{
	static const char *const texts[] = {
		"",
		"2026-02-28",
		"2026-02-28T23:59:59",
		"2026-02-28 23:59:59Z",
		"2026-02-30T00:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-01-01T24:00:00Z",
		"2026-01-01T00:00:60Z",
		"2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00.1234567Z",
		"2026-01-01T00:00:00+01:00",
		"2026-01-01T00:00:00Zx",
		"1969-12-31T23:59:59Z",
	};
	uint64_t us = 7;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		EXPECT_EQ(-EINVAL, clock_parse(texts[i], &us))
		TH_LOG("%s", texts[i]);
	}
	EXPECT_EQ(7, us);
}

TEST(clocks_run_and_the_boot_has_an_id)
{
	char id[CLOCK_BOOT_ID_SIZE];
	uint64_t ns = clock_monotonic_ns();

	EXPECT_GE(clock_monotonic_ns(), ns);
	EXPECT_GT(clock_realtime_us(), 1700000000000000ull);
	ASSERT_EQ(0, clock_boot_id(id));
	EXPECT_EQ(32, strspn(id, "0123456789abcdef"));
}

static int n_closed;

static void thing_free(int *thing)
{
	n_closed++;
	free(thing);
}

CLEANUP_FUNC(int, thing_free);

TEST(scope_releases_once_and_taking_prevents_it)
{
	int *kept;

	{
		CLEANUP(thing_freep) int *thing = malloc(sizeof(int));
		CLEANUP(thing_freep) int *none = NULL;
		CLEANUP(thing_freep) int *taken = malloc(sizeof(int));

		ASSERT_NE(NULL, thing);
		kept = TAKE_PTR(taken);
		EXPECT_EQ(NULL, taken);
		EXPECT_EQ(NULL, none);
	}
	EXPECT_EQ(1, n_closed);
	free(kept);
}

/* What @level and @text look like on stderr. */
static void capture(char *ret, size_t size, int max_level, int level,
		    const char *text)
{
	int pipe_fd[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	if (pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK) < 0)
		abort();
	dup2(pipe_fd[1], STDERR_FILENO);
	log_init("prog", max_level);
	log_write(level, "%s", text);
	dup2(saved, STDERR_FILENO);
	n = read(pipe_fd[0], ret, size - 1);
	ret[n < 0 ? 0 : n] = '\0';
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	close(saved);
}

TEST(messages_are_one_line_below_their_level)
{
	char text[4096];

	capture(text, sizeof(text), LOG_INFO, LOG_ERR, "dp5-0: no answer");
	EXPECT_STREQ("prog: dp5-0: no answer\n", text);
	capture(text, sizeof(text), LOG_INFO, LOG_DEBUG, "quiet");
	EXPECT_STREQ("", text);
	capture(text, sizeof(text), LOG_INFO, LOG_ERR, "a\nprog: b\x1b[1m\x7f");
	EXPECT_STREQ("prog: a\\x0aprog: b\\x1b[1m\\x7f\n", text);
}

TEST_HARNESS_MAIN
