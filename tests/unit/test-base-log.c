// SPDX-License-Identifier: GPL-2.0-or-later
/* Events as the journal gets them. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "kselftest_harness.h"
#include "state_dir.h"

#define ID "0123456789abcdef0123456789abcdef"

FIXTURE(journal)
{
	char dir[128];
	struct sockaddr_un addr;
	int fd;
	char got[8192];
};

FIXTURE_SETUP(journal)
{
	state_dir_make(self->dir);
	self->addr.sun_family = AF_UNIX;
	snprintf(self->addr.sun_path, sizeof(self->addr.sun_path), "%.90s/j",
		 self->dir);
	self->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ASSERT_EQ(0, bind(self->fd, (struct sockaddr *)&self->addr,
			  sizeof(self->addr)));
	log_init("reespecd", LOG_INFO);
	log_journal(self->addr.sun_path);
}

FIXTURE_TEARDOWN(journal)
{
	log_journal(NULL);
	close(self->fd);
	state_dir_remove(self->dir);
}

static const char *received(int fd, char *ret, size_t size)
{
	ssize_t n = recv(fd, ret, size - 1, 0);

	ret[n > 0 ? n : 0] = '\0';
	return ret;
}

TEST_F(journal, gets_number_and_fields)
{
	const struct log_field fields[] = { { "REESPEC_SEQ", "7" },
					    { "REESPEC_SAMPLE", "BST-ORE" },
					    { NULL, NULL } };

	log_event(LOG_NOTICE, ID, fields, "assay %d", 7);
	EXPECT_STREQ("MESSAGE=assay 7\nMESSAGE_ID=" ID "\nPRIORITY=5\n"
		     "SYSLOG_IDENTIFIER=reespecd\nREESPEC_SEQ=7\n"
		     "REESPEC_SAMPLE=BST-ORE\n",
		     received(self->fd, self->got, sizeof(self->got)));
}

/* A line of an operator's own cannot become a field. */
TEST_F(journal, fields_cannot_be_forged)
{
	const struct log_field fields[] = {
		{ "REESPEC_SAMPLE", "X\nMESSAGE_ID=" ID "\nPRIORITY=0" },
		{ NULL, NULL },
	};

	log_event(LOG_INFO, "f0", fields, "sample %s", "X\nPRIORITY=0");
	received(self->fd, self->got, sizeof(self->got));
	EXPECT_NE(NULL, strstr(self->got, "MESSAGE=sample X\\x0aPRIORITY=0\n"));
	EXPECT_NE(NULL, strstr(self->got, "\nREESPEC_SAMPLE=X\\x0aMESSAGE_ID"));
	EXPECT_EQ(NULL, strstr(self->got, "\nPRIORITY=0"));
	EXPECT_EQ(NULL, strstr(self->got, "\nMESSAGE_ID=" ID));
}

TEST_F(journal, what_is_not_wanted_is_not_sent)
{
	log_event(LOG_DEBUG, ID, NULL, "step");
	EXPECT_STREQ("", received(self->fd, self->got, sizeof(self->got)));
}

/* Without a journal the message is a line like any other. */
TEST_F(journal, a_lost_journal_leaves_the_line)
{
	char path[256];
	int saved = dup(STDERR_FILENO);
	int fd;

	close(self->fd);
	self->fd = -1;
	snprintf(path, sizeof(path), "%s/stderr", self->dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	dup2(fd, STDERR_FILENO);
	log_event(LOG_NOTICE, ID, NULL, "the disk is full");
	dup2(saved, STDERR_FILENO);
	close(saved);
	lseek(fd, 0, SEEK_SET);
	self->got[read(fd, self->got, sizeof(self->got) - 1)] = '\0';
	close(fd);
	EXPECT_STREQ("reespecd: the disk is full\n", self->got);
}

TEST_HARNESS_MAIN
