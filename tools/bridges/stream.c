// SPDX-License-Identifier: GPL-2.0-or-later
/* Connection, stream and consumer of JetStream. */
#include "bridges/stream.h"

#include <errno.h>
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONNECT_MS 5000
#define CALL_MS 5000
#define PASSWORD_MAX 4096
#define PAGE_BYTES_MAX (64 * 1024 * 1024)
/* A consumer whose messages are not acknowledged for so long has gone. */
#define ACK_WAIT_NS (120 * 1000000000LL)

struct stream {
	char *name;
	natsConnection *connection;
	jsCtx *js;
	int64_t created;
	natsSubscription *subscription;
	natsMsgList list;
	int page; /* messages that are asked for at once */
	uint64_t n_delivered; /* by this consumer */
	uint64_t seqs[STREAM_PAGE_MAX]; /* of the messages of the list */
	char why[300];
};

bool stream_is_word(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789_-";
	const size_t len = strlen(name);

	return len && len < 64 && strspn(name, letters) == len;
}

const char *stream_why(const struct stream *s)
{
	return s->why;
}

int64_t stream_created(const struct stream *s)
{
	return s->created;
}

/* What the library says about its last error; it may say nothing, the same, or
 * begin with a place in its source. */
static void explain(struct stream *s, const char *what, natsStatus status)
{
	const char *name = natsStatus_GetText(status);
	natsStatus last = NATS_OK;
	const char *text = nats_GetLastError(&last);

	if (text && *text == '(' && strstr(text, "): "))
		text = strstr(text, "): ") + 3;
	if (last != status || !text || !strcmp(text, name))
		text = "";
	snprintf(s->why, sizeof(s->why), "%s: %s%s%s", what, name,
		 *text ? ": " : "", text);
}

/* ---- settings ------------------------------------------------------------------ */

/* The host and port of a server: before them may be a password. */
static const char *place_of(const char *server)
{
	const char *at = strrchr(server, '@');
	const char *scheme = strstr(server, "://");

	if (at)
		return at + 1;
	return scheme ? scheme + 3 : server;
}

static int wrong(struct stream *s, const char *key, const char *value,
		 const char *why)
{
	snprintf(s->why, sizeof(s->why), "[nats] %s: %s%s%s", key, value,
		 *value ? ": " : "", why);
	return -EACCES;
}

static int check_servers(struct stream *s, char **servers)
{
	if (!servers[0])
		return wrong(s, "servers", "", "want nats://HOST:PORT");
	for (; *servers; servers++)
		if (strstr(*servers, "://") &&
		    strncmp(*servers, "nats://", 7) != 0 &&
		    strncmp(*servers, "tls://", 6) != 0)
			return wrong(s, "servers", place_of(*servers),
				     "want nats:// or tls:// before it");
	return 0;
}

/* A file is read by the library when it connects: say which one cannot be. */
static int check_file(struct stream *s, const char *key, const char *path)
{
	struct stat st;

	if (!*path)
		return 0;
	if (stat(path, &st) < 0 || access(path, R_OK) < 0)
		return wrong(s, key, path, strerror(errno));
	return S_ISREG(st.st_mode) ? 0 : wrong(s, key, path, "is no file");
}

static int check_settings(struct stream *s, const struct stream_settings *set)
{
	if (check_servers(s, set->servers) < 0 ||
	    check_file(s, "password", set->password) < 0 ||
	    check_file(s, "credentials", set->credentials) < 0 ||
	    check_file(s, "ca", set->ca) < 0 ||
	    check_file(s, "certificate", set->certificate) < 0 ||
	    check_file(s, "key", set->key) < 0)
		return -EACCES;
	if (!stream_is_word(set->stream))
		return wrong(s, "stream", set->stream,
			     "want 1 to 63 of A-Z a-z 0-9 _ -");
	if (!*set->user != !*set->password)
		return wrong(s, "user and password", "",
			     "one without the other");
	if (!*set->certificate != !*set->key)
		return wrong(s, "certificate and key", "",
			     "one without the other");
	return 0;
}

int stream_check(const struct stream_settings *set, char *why, size_t why_size)
{
	struct stream s = { 0 };
	int r = check_settings(&s, set);

	snprintf(why, why_size, "%s", s.why);
	return r;
}

/* ---- connecting ------------------------------------------------------------ */

/* The first line of its file. */
static natsStatus set_password(natsOptions *o,
			       const struct stream_settings *set)
{
	CLEANUP(buf_deinit) struct buf password = { 0 };

	if (*set->password &&
	    buf_read_file(&password, set->password, PASSWORD_MAX) < 0)
		return NATS_INVALID_ARG;
	if (password.data)
		password.data[strcspn(password.data, "\r\n")] = 0;
	return natsOptions_SetUserInfo(o, set->user,
				       password.data ? password.data : "");
}

static natsStatus set_rights(natsOptions *o, const struct stream_settings *set)
{
	natsStatus status = NATS_OK;

	if (*set->user)
		status = set_password(o, set);
	if (status == NATS_OK && *set->credentials)
		status = natsOptions_SetUserCredentialsFromFiles(
			o, set->credentials, NULL);
	if (status == NATS_OK && (*set->ca || *set->certificate))
		status = natsOptions_SetSecure(o, true);
	if (status == NATS_OK && *set->ca)
		status = natsOptions_LoadCATrustedCertificates(o, set->ca);
	if (status == NATS_OK && *set->certificate)
		status = natsOptions_LoadCertificatesChain(o, set->certificate,
							   set->key);
	return status;
}

static natsStatus make_options(const struct stream_settings *set,
			       const char *client, natsOptions **ret)
{
	natsStatus status;
	int n = 0;

	while (set->servers[n])
		n++;
	status = natsOptions_Create(ret);
	if (status == NATS_OK)
		status = natsOptions_SetServers(*ret,
						(const char **)set->servers, n);
	if (status == NATS_OK)
		status = natsOptions_SetName(*ret, client);
	if (status == NATS_OK)
		status = natsOptions_SetTimeout(*ret, CONNECT_MS);
	if (status == NATS_OK)
		status = natsOptions_SetAllowReconnect(*ret, false);
	/* A server that has gone without a word is noticed in 20 s. */
	if (status == NATS_OK)
		status = natsOptions_SetPingInterval(*ret, 10000);
	if (status == NATS_OK)
		status = set_rights(*ret, set);
	return status;
}

static int connect_server(struct stream *s, const struct stream_settings *set,
			  const char *client)
{
	natsOptions *options = NULL;
	char places[200] = "";
	jsOptions js;
	natsStatus status;

	if (check_settings(s, set) < 0)
		return -EACCES;
	status = make_options(set, client, &options);
	if (status != NATS_OK) {
		natsOptions_Destroy(options);
		explain(s, "[nats] ca, certificate or credentials", status);
		return status == NATS_NO_MEMORY ? -ENOMEM : -EACCES;
	}
	status = natsConnection_Connect(&s->connection, options);
	natsOptions_Destroy(options);
	jsOptions_Init(&js);
	js.Wait = CALL_MS;
	if (status == NATS_OK)
		status = natsConnection_JetStream(&s->js, s->connection, &js);
	if (status == NATS_OK)
		return 0;
	for (char **server = set->servers; *server; server++)
		snprintf(places + strlen(places),
			 sizeof(places) - strlen(places), "%s%s",
			 *places ? " " : "", place_of(*server));
	explain(s, places, status);
	return -EIO;
}

/* ---- the stream ------------------------------------------------------------ */

/* Nothing goes by itself, and a message that has no room is refused. */
static natsStatus make_stream(struct stream *s, jsStreamInfo **ret)
{
	const char *subjects[] = { STREAM_PREFIX ".>" };
	jsErrCode code = 0;
	jsStreamConfig config;
	natsStatus status;

	jsStreamConfig_Init(&config);
	config.Name = s->name;
	config.Subjects = subjects;
	config.SubjectsLen = 1;
	config.Storage = js_FileStorage;
	config.Retention = js_LimitsPolicy;
	config.Discard = js_DiscardNew;
	status = js_AddStream(ret, s->js, &config, NULL, &code);
	/* Another bridge has just made it. */
	if (code == JSStreamNameExistErr)
		status = js_GetStreamInfo(ret, s->js, s->name, NULL, &code);
	return status;
}

static int check_stream(struct stream *s, const jsStreamInfo *info)
{
	const jsStreamConfig *c = info->Config;
	const char *wrong = NULL;

	if (c->Retention != js_LimitsPolicy)
		wrong = "its retention must be limits";
	else if (c->NoAck)
		wrong = "it acknowledges nothing";
	else if (c->Storage != js_FileStorage)
		wrong = "it is kept in memory alone";
	if (!wrong)
		return 0;
	snprintf(s->why, sizeof(s->why), "stream %s: %s", s->name, wrong);
	return -EACCES;
}

static int find_stream(struct stream *s)
{
	jsStreamInfo *info = NULL;
	jsErrCode code = 0;
	natsStatus status;
	int r;

	status = js_GetStreamInfo(&info, s->js, s->name, NULL, &code);
	if (status == NATS_NOT_FOUND)
		status = make_stream(s, &info);
	if (status != NATS_OK) {
		explain(s, s->name, status);
		return -EIO;
	}
	s->created = info->Created;
	r = check_stream(s, info);
	jsStreamInfo_Destroy(info);
	return r;
}

int stream_open(const struct stream_settings *set, const char *client,
		struct stream **ret, char *why, size_t why_size)
{
	CLEANUP(stream_closep) struct stream *s = NULL;
	int r;

	s = calloc(1, sizeof(*s));
	if (s)
		s->name = strdup(set->stream);
	if (!s || !s->name) {
		snprintf(why, why_size, "out of memory");
		return -ENOMEM;
	}
	r = connect_server(s, set, client);
	if (r == 0)
		r = find_stream(s);
	if (r < 0) {
		snprintf(why, why_size, "%s", s->why);
		return r;
	}
	*ret = TAKE_PTR(s);
	return 0;
}

struct stream *stream_close(struct stream *s)
{
	if (!s)
		return NULL;
	natsMsgList_Destroy(&s->list);
	natsSubscription_Destroy(s->subscription);
	jsCtx_Destroy(s->js);
	natsConnection_Destroy(s->connection);
	free(s->name);
	free(s);
	return NULL;
}

/* ---- publishing ------------------------------------------------------------ */

int stream_publish(struct stream *s, const char *subject, const char *id,
		   const void *data, size_t len, uint64_t *ret_seq)
{
	const int64_t most = natsConnection_GetMaxPayload(s->connection);
	jsPubOptions options;
	jsPubAck *ack = NULL;
	jsErrCode code = 0;
	natsStatus status;
	int r;

	if (most > 0 && (int64_t)len > most) {
		snprintf(
			s->why, sizeof(s->why),
			"%zu bytes are more than the server takes (max_payload %lld)",
			len, (long long)most);
		return -EMSGSIZE;
	}
	jsPubOptions_Init(&options);
	options.MsgId = id;
	options.ExpectStream = s->name;
	status = js_Publish(&ack, s->js, subject, data, (int)len, &options,
			    &code);
	if (status != NATS_OK) {
		explain(s, subject, status);
		return -EIO;
	}
	*ret_seq = ack->Sequence;
	r = ack->Duplicate ? STREAM_KNOWN : 0;
	jsPubAck_Destroy(ack);
	return r;
}

static int take_data(struct stream *s, natsStatus status, natsMsg *msg,
		     const char *what, struct buf *ret_subject, struct buf *ret)
{
	int r = 0;

	if (status == NATS_NOT_FOUND)
		return -ENOENT;
	if (status != NATS_OK) {
		explain(s, what, status);
		return -EIO;
	}
	r = buf_append(ret, natsMsg_GetData(msg),
		       (size_t)natsMsg_GetDataLength(msg));
	if (r == 0 && ret_subject)
		r = buf_append_str(ret_subject, natsMsg_GetSubject(msg));
	natsMsg_Destroy(msg);
	return r;
}

int stream_get(struct stream *s, uint64_t seq, struct buf *ret_subject,
	       struct buf *ret)
{
	natsMsg *msg = NULL;
	natsStatus status;

	status = js_GetMsg(&msg, s->js, s->name, seq, NULL, NULL);
	return take_data(s, status, msg, "message", ret_subject, ret);
}

int stream_last(struct stream *s, const char *subject, struct buf *ret)
{
	natsMsg *msg = NULL;
	natsStatus status;

	status = js_GetLastMsg(&msg, s->js, s->name, subject, NULL, NULL);
	return take_data(s, status, msg, subject, NULL, ret);
}

/* ---- consuming ------------------------------------------------------------- */

/* As many of the largest the server takes as there is memory for: what somebody
 * publishes cannot have the program killed for its size. */
static int page_of(int64_t max_payload)
{
	const int64_t n = max_payload > 0 ? PAGE_BYTES_MAX / max_payload : 1;

	return n < 1 ? 1 : n > STREAM_PAGE_MAX ? STREAM_PAGE_MAX : (int)n;
}

int stream_consume(struct stream *s, const char *consumer, uint64_t from)
{
	jsSubOptions options;
	jsConsumerConfig c;
	natsStatus status;

	status = js_DeleteConsumer(s->js, s->name, consumer, NULL, NULL);
	if (status == NATS_NOT_FOUND)
		status = NATS_OK;
	jsConsumerConfig_Init(&c);
	c.Durable = consumer;
	c.DeliverPolicy = from ? js_DeliverByStartSequence : js_DeliverAll;
	c.OptStartSeq = from;
	c.AckPolicy = js_AckExplicit;
	c.AckWait = ACK_WAIT_NS;
	if (status == NATS_OK)
		status = js_AddConsumer(NULL, s->js, s->name, &c, NULL, NULL);
	s->page = page_of(natsConnection_GetMaxPayload(s->connection));
	jsSubOptions_Init(&options);
	options.Stream = s->name;
	options.Consumer = consumer;
	if (status == NATS_OK)
		status = js_PullSubscribe(&s->subscription, s->js, "", consumer,
					  NULL, &options, NULL);
	if (status == NATS_OK)
		return 0;
	explain(s, consumer, status);
	return -EIO;
}

/* The consumer numbers what it delivers: what was lost on the way shows. */
static int check_order(struct stream *s)
{
	jsMsgMetaData *meta = NULL;

	for (int i = 0; i < s->list.Count; i++) {
		uint64_t n;

		if (natsMsg_GetMetaData(&meta, s->list.Msgs[i]) != NATS_OK)
			return -EIO;
		n = meta->Sequence.Consumer;
		s->seqs[i] = meta->Sequence.Stream;
		jsMsgMetaData_Destroy(meta);
		if (n != s->n_delivered + 1) {
			snprintf(s->why, sizeof(s->why),
				 "a message was lost on the way");
			return -EPROTO;
		}
		s->n_delivered = n;
	}
	return 0;
}

int stream_fetch(struct stream *s, int wait_ms)
{
	natsStatus status;
	int r;

	natsMsgList_Destroy(&s->list);
	/* What is there at once, or the first that comes. */
	status = natsSubscription_Fetch(&s->list, s->subscription, s->page,
					wait_ms, NULL);
	if (status == NATS_TIMEOUT)
		return 0;
	if (status != NATS_OK) {
		explain(s, "fetch", status);
		return -EIO;
	}
	r = check_order(s);
	return r < 0 ? r : s->list.Count;
}

void stream_message(struct stream *s, int i, struct stream_msg *ret)
{
	natsMsg *msg = s->list.Msgs[i];

	ret->seq = s->seqs[i];
	ret->subject = natsMsg_GetSubject(msg);
	ret->data = natsMsg_GetData(msg);
	ret->len = (size_t)natsMsg_GetDataLength(msg);
}

int stream_acknowledge(struct stream *s)
{
	natsStatus status = NATS_OK;

	for (int i = 0; i < s->list.Count && status == NATS_OK; i++)
		status = natsMsg_Ack(s->list.Msgs[i], NULL);
	if (status == NATS_OK)
		return 0;
	explain(s, "acknowledge", status);
	return -EIO;
}
