/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger as one follows it who keeps its records elsewhere: Follow, Fetch,
 * check, keep, and only then Ack. It lives on sd-bus alone and ends only for
 * what waiting does not mend.
 */
#ifndef TOOLS_BRIDGES_FOLLOW_H
#define TOOLS_BRIDGES_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "ledger/chain.h"

/* How a program ends that follows. */
enum {
	FOLLOW_FAILED = 1, /* what it keeps records in cannot be used */
	FOLLOW_USAGE = 2, /* called or configured wrongly */
	FOLLOW_DENIED = 4, /* the name of the reader is refused */
	FOLLOW_FORK = 6, /* the ledger has another history than what is kept */
};

/* What take() may answer beside 0. */
enum {
	FOLLOW_LATER = -1, /* no room: again when safe() has moved */
	FOLLOW_ANEW = -2, /* what is kept has changed: start() again */
};

/* The keeper of the records. */
struct follow_ops {
	/*
	 * A daemon is there and serves ledger @ledger. Fills @chain (`ledger`,
	 * `head`, `next_seq`, `key` if known) with where the kept records end,
	 * or leaves it zero-filled: then it goes on behind the last Ack. 0, or
	 * one of the ends above.
	 */
	int (*start)(void *userdata, const char *ledger,
		     struct chain_verifier *chain);
	/*
	 * The next record, which continues the one before; @h is what its
	 * body opens with. 0, one of the answers or one of the ends above.
	 */
	int (*take)(void *userdata, const struct chain_record *r,
		    const struct chain_head *h);
	/*
	 * Called behind each page and whenever something woke the program:
	 * the number up to which all records are safe, 0 for none, and the
	 * hash of that one. Negative: one of the ends above, negated.
	 */
	int64_t (*safe)(void *userdata, char ret_hash[CHAIN_HASH_SIZE]);
	/*
	 * The ledger does not have the record that start() said is the last one
	 * kept. 0 when that was not to be believed: it goes on behind the last
	 * Ack; one of the ends above, or negative to be asked again. NULL: it
	 * is another history.
	 */
	int (*differs)(void *userdata);
};

struct follow {
	/* Set by the caller, borrowed. */
	const char *address; /* of the bus; NULL: the system bus */
	const char *reader;
	const struct follow_ops *ops;
	void *userdata;
	uint64_t from; /* where to begin when nothing is kept; 0: behind Ack */
	int fd; /* one more descriptor whose data wakes it; -1: none */
	int wake_ms; /* wake at least so often; -1: never without cause */

	/* Its own; zero-filled. */
	struct chain_verifier chain; /* the last record taken */
	uint64_t acked;
	uint64_t next; /* behind the last Ack, where nothing is kept */
	sd_bus *bus;
	bool is_following; /* this daemon knows it as a follower */
	bool is_rung; /* something new was announced, or the daemon is new */
	bool is_full; /* until what is safe moves */
	const char *trouble; /* said last, so that it is said once */
	int end;
};

/* While it follows, for the keeper. Whether the ledger has record @seq with
 * that hash: 1, also for one that was archived since; 0; -errno. */
int follow_has(struct follow *f, uint64_t seq, const char *hash);
/* The key that signs now. 0 or -errno. */
int follow_key(struct follow *f, char ret[CHAIN_KEY_SIZE]);

/*
 * Follows for ever: a daemon or a bus that goes is waited for. Returns one of
 * the ends above, which has been logged.
 */
int follow_run(struct follow *f);

#endif
