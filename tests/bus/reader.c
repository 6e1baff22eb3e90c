// SPDX-License-Identifier: GPL-2.0-or-later
/* Starts those who read, and compares a store with the ledger. */
#include "reader.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "ledger/chain.h"

/* Ends with the test; what it says is appended to DIR/NAME.log. */
static pid_t spawn(const struct rig *r, const char *name, char *const *args)
{
	const char *out = getenv("O");
	char program[4200];
	char said[128];
	pid_t pid = fork();

	if (pid)
		return pid;
	snprintf(program, sizeof(program), "%s/%s", out ? out : ".build",
		 args[0]);
	snprintf(said, sizeof(said), "%s/%s.log", r->dir, name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	dup2(open(said, O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
	execv(program, args);
	_exit(127);
}

pid_t reader_start(struct rig *r, const char *reader, const char *file)
{
	char program[] = "lims", name[64], store[128];
	char *const args[] = { program, r->address, name, store, NULL };

	snprintf(name, sizeof(name), "%s", reader);
	snprintf(store, sizeof(store), "%s/%s", r->dir, file);
	return spawn(r, "lims", args);
}

pid_t reader_start_drop(struct rig *r, const char *folder, const char *more)
{
	char program[] = "reespec-drop", option[] = "--config", conf[128];
	char *const args[] = { program, option, conf, NULL };
	FILE *f;

	snprintf(conf, sizeof(conf), "%s/drop.conf", r->dir);
	f = fopen(conf, "we");
	if (!f ||
	    fprintf(f, "[ledger]\nbus = %s\n[drop]\nfolder = %s\n%s\n",
		    r->address, folder, more) < 0 ||
	    fclose(f))
		rig_die("%s", conf);
	return spawn(r, "drop", args);
}

uint64_t reader_acked(struct rig *r, const char *reader)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	uint64_t seq = 0, seen;
	const char *name;
	uint32_t uid;

	if (sd_bus_get_property(r->bus, "org.reespec1", RIG_ROOT,
				"org.reespec1.Ledger", "Readers", NULL, &m,
				"a(sutt)") < 0 ||
	    sd_bus_message_enter_container(m, 'a', "(sutt)") < 0)
		return 0;
	while (sd_bus_message_read(m, "(sutt)", &name, &uid, &seq, &seen) > 0)
		if (!strcmp(name, reader))
			return seq;
	return 0;
}

static struct {
	const char *reader;
	uint64_t seq;
} wanted;

static bool has_acked(struct rig *r)
{
	return reader_acked(r, wanted.reader) >= wanted.seq;
}

bool reader_wait(struct rig *r, const char *reader)
{
	wanted.reader = reader;
	wanted.seq = rig_last(r);
	return wanted.seq && rig_wait(r, 30, has_acked);
}

unsigned int reader_faults(struct rig *r, uint64_t last)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	struct chain_verifier v = { 0 };
	struct chain_fault fault;
	char path[128];
	char hash[65];
	char *line;
	char *end;

	snprintf(path, sizeof(path), "%s/store", r->dir);
	if (buf_read_file(&b, path, 1 << 28) < 0 || !b.data)
		return 1;
	for (line = b.data; (end = strchr(line, '\n')); line = end + 1) {
		if (chain_verify_line(&v, line, (size_t)(end - line), &fault) !=
		    CHAIN_GOOD) {
			printf("# %llu: %s\n", (unsigned long long)fault.seq,
			       fault.why);
			return 1;
		}
		js_free(rig_record(r, v.next_seq - 1, hash, NULL, NULL));
		if (strcmp(hash, v.head))
			return 1;
	}
	if (v.first_seq != 1 || v.next_seq != last + 1 || *line) {
		printf("# %llu to %llu, wanted to %llu\n",
		       (unsigned long long)v.first_seq,
		       (unsigned long long)v.next_seq - 1,
		       (unsigned long long)last);
		return 1;
	}
	return 0;
}
