/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream of a NATS server (JetStream), the door to libnats.
 *
 * A connection that is lost stays lost: whoever uses it opens another one and
 * looks anew where the stream stands, since a server may have come back with
 * less than it had.
 */
#ifndef TOOLS_BRIDGES_STREAM_H
#define TOOLS_BRIDGES_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/ini.h"

/* The first word of every subject: reespec.SITE.LINE.KIND. */
#define STREAM_PREFIX "reespec"

/* Section [nats] of a bridge's settings. */
struct stream_settings {
	char **servers; /* nats://HOST:PORT, or tls:// */
	char *stream;
	char *user;
	char *password; /* files, "" = none */
	char *credentials;
	char *ca;
	char *certificate;
	char *key;
};

/* The keys of [nats] for the table of a settings struct. */
/* clang-format off */
#define STREAM_KEY(type, field, name, kind, def) \
	{ "nats", #name, kind, offsetof(type, field.name), def, 0, 0, NULL, NULL, NULL, NULL }
#define STREAM_KEYS(type, field)                                            \
	STREAM_KEY(type, field, servers, INI_LIST, "nats://127.0.0.1:4222"), \
	STREAM_KEY(type, field, stream, INI_STRING, "REESPEC"),              \
	STREAM_KEY(type, field, user, INI_STRING, ""),                       \
	STREAM_KEY(type, field, password, INI_STRING, ""),                   \
	STREAM_KEY(type, field, credentials, INI_STRING, ""),                \
	STREAM_KEY(type, field, ca, INI_STRING, ""),                         \
	STREAM_KEY(type, field, certificate, INI_STRING, ""),                \
	STREAM_KEY(type, field, key, INI_STRING, "")
/* clang-format on */

/* Whether @name may be one word of a subject: 1 to 63 of A-Z a-z 0-9 _ -. */
bool stream_is_word(const char *name);

/*
 * What can be told of the settings without a server: 0, or -EACCES with *why,
 * which names the key. stream_open() looks again, since files come and go.
 */
int stream_check(const struct stream_settings *s, char *why, size_t why_size);

struct stream;

/*
 * Connects, and makes the stream when the server has none of that name: kept
 * in files, without limits, for all subjects of STREAM_PREFIX. @client is what
 * the server calls this connection. 0 or a negative errno with *why: -EACCES
 * when it cannot work however often it is tried (settings that are wrong, a
 * stream that throws away what it was asked to keep).
 */
int stream_open(const struct stream_settings *s, const char *client,
		struct stream **ret, char *why, size_t why_size);
struct stream *stream_close(struct stream *s);
CLEANUP_FUNC(struct stream, stream_close);

/* What the last call that failed was refused with. */
const char *stream_why(const struct stream *s);
/* Nanoseconds since 1970: tells one stream of this name from another. */
int64_t stream_created(const struct stream *s);

/*
 * Publishes one message and waits until the stream has it. 0; STREAM_KNOWN
 * when one of the same @id is there already, *ret_seq; -EMSGSIZE when the
 * server takes none of that length, -EIO for all else.
 */
#define STREAM_KNOWN 1
int stream_publish(struct stream *s, const char *subject, const char *id,
		   const void *data, size_t len, uint64_t *ret_seq);

/* The message of a number, with its subject unless @ret_subject is NULL, or the
 * last one of a subject (which may have wildcards): -ENOENT when there is none,
 * -EIO. */
int stream_get(struct stream *s, uint64_t seq, struct buf *ret_subject,
	       struct buf *ret);
int stream_last(struct stream *s, const char *subject, struct buf *ret);

/* ---- taking messages ------------------------------------------------------- */

/* One message; lives until the page is acknowledged or the stream closed. */
struct stream_msg {
	uint64_t seq; /* in the stream */
	const char *subject;
	const void *data;
	size_t len;
};

/*
 * Has the messages come from number @from on (0: the first), under the name
 * @consumer, by which others can see how far it is. One of the same name is
 * replaced.
 */
int stream_consume(struct stream *s, const char *consumer, uint64_t from);

/*
 * Waits at most @wait_ms for messages: how many have come, in the order of the
 * stream. -EIO; -EPROTO when one was left out on the way.
 */
#define STREAM_PAGE_MAX 256
int stream_fetch(struct stream *s, int wait_ms);
void stream_message(struct stream *s, int i, struct stream_msg *ret);
/* Acknowledges all that the last stream_fetch() brought. */
int stream_acknowledge(struct stream *s);

#endif
