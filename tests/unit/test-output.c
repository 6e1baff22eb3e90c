// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A command's file is whole or not there: what is forced to the disk, and in
 * which order, is noted on its way to the system.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "reespec/output.h"
#include "state_dir.h"

#define N_MAX 8

static unsigned int n_synced;
static char synced[N_MAX][512];
static bool was_named[N_MAX]; /* the file had its name already */
static const char *wanted;
static int fail_at; /* the fsync that fails, from 1 */

/* In place of the program's, which has a main() beside them. */
const struct command *const commands[] = { NULL };

/* In place of the C library's. */
int fsync(int fd)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, synced[n_synced], sizeof(synced[0]) - 1);
	synced[n_synced][n > 0 ? n : 0] = '\0';
	was_named[n_synced] = wanted && !access(wanted, F_OK);
	if (++n_synced == (unsigned int)fail_at) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

FIXTURE(output)
{
	char dir[128];
	char path[256];
	char temp[300];
};

FIXTURE_SETUP(output)
{
	state_dir_make(self->dir);
	snprintf(self->path, sizeof(self->path), "%s/out", self->dir);
	snprintf(self->temp, sizeof(self->temp), "%s.part", self->path);
	wanted = self->path;
	n_synced = 0;
	fail_at = 0;
}

FIXTURE_TEARDOWN(output)
{
	state_dir_remove(self->dir);
}

static int write_it(const char *path)
{
	static const struct args args;
	struct output o;
	int r;

	r = output_open(&o, &args, path);
	if (!r) {
		fputs("text\n", o.file);
		r = output_commit(&o, &args);
	}
	output_deinit(&o);
	return r;
}

TEST_F(output, file_and_folder_are_on_the_disk)
{
	ASSERT_EQ(REESPEC_OK, write_it(self->path));
	ASSERT_EQ(2, n_synced);
	/* First the bytes, then the name. */
	EXPECT_STREQ(self->temp, synced[0]);
	EXPECT_FALSE(was_named[0]);
	EXPECT_STREQ(self->dir, synced[1]);
	EXPECT_TRUE(was_named[1]);
}

TEST_F(output, of_the_folder_it_is_in)
{
	const int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ASSERT_EQ(0, chdir(self->dir));
	EXPECT_EQ(REESPEC_OK, write_it("out"));
	ASSERT_EQ(2, n_synced);
	EXPECT_STREQ(self->dir, synced[1]);
	EXPECT_EQ(0, fchdir(here));
	close(here);
}

TEST_F(output, what_is_not_on_the_disk_is_an_error)
{
	fail_at = 1;
	EXPECT_EQ(REESPEC_FAILED, write_it(self->path));
	EXPECT_NE(0, access(self->path, F_OK));
	EXPECT_NE(0, access(self->temp, F_OK));
	n_synced = 0;
	fail_at = 2;
	EXPECT_EQ(REESPEC_FAILED, write_it(self->path));
}

TEST_F(output, says_what_to_do_about_it)
{
	static const struct args args;
	char path[512];

	EXPECT_STREQ(" (make its folder first)", output_cure(ENOENT));
	EXPECT_STREQ(" (choose a folder that you may write to)",
		     output_cure(EACCES));
	EXPECT_STREQ(output_cure(EACCES), output_cure(EROFS));
	EXPECT_STREQ(" (make room there)", output_cure(ENOSPC));
	EXPECT_STREQ("", output_cure(EIO));
	EXPECT_EQ(REESPEC_OK, output_check(&args, self->path));
	snprintf(path, sizeof(path), "%s/nowhere/out", self->dir);
	EXPECT_EQ(REESPEC_FAILED, output_check(&args, path));
}

TEST_HARNESS_MAIN
