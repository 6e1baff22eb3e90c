// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a server may ask of the bridges, and who else it lets listen: TLS and
 * passwords, tokens and their keys, MQTT.
 */
#include <nats/nats.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "kselftest_harness.h"

#include "lab.h"

FAR_PROGRAM

FIXTURE(server)
{
	struct far f;
	struct lab lab;
};

FIXTURE_SETUP(server)
{
	memset(self, 0, sizeof(*self));
	far_start(&self->f);
	lab_start(&self->lab, &self->f, "l1");
}

FIXTURE_TEARDOWN(server)
{
	lab_stop(&self->lab);
	far_stop(&self->f);
}

/* Server and programs begin anew, with other settings. */
static void restart(FIXTURE_DATA(server) * self, const char *server,
		    const char *client)
{
	struct far *f = &self->f;

	f->nats_more = server;
	f->client_more = client;
	rig_kill(&f->nats_pid, SIGTERM);
	rig_kill(&f->sink_pid, SIGTERM);
	rig_kill(&self->lab.bridge_pid, SIGTERM);
	far_start_nats(f);
	far_start_sink(f, "");
	lab_start_bridge(&self->lab, f);
}

static bool measures(struct rig *r)
{
	const unsigned int n = r->n_finished;

	return !*rig_measure(r, "X", "ore-l", 2, NULL) &&
	       rig_wait_finished(r, n + 1);
}

/* ---- TLS and passwords ------------------------------------------------------ */

static void run(struct far *f, const char *format, ...)
	__attribute__((__format__(__printf__, 2, 3)));

static void run(struct far *f, const char *format, ...)
{
	char command[1000];
	va_list args;
	size_t n;

	n = (size_t)snprintf(command, sizeof(command), "cd %s && { ", f->dir);
	va_start(args, format);
	vsnprintf(command + n, sizeof(command) - n, format, args);
	va_end(args);
	strncat(command, "; } >>run.log 2>&1",
		sizeof(command) - strlen(command) - 1);
	if (system(command))
		printf("# fails: %s\n", command);
}

/* A certificate for @name, and its key, made by the authority of ca.pem. */
static void certify(struct far *f, const char *name, const char *subject)
{
	run(f,
	    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
	    " -subj /CN=%s -keyout %s.key -out %s.csr &&"
	    " echo subjectAltName=%s >%s.ext &&"
	    " openssl x509 -req -in %s.csr -CA ca.pem -CAkey ca.key"
	    " -CAcreateserial -days 2 -extfile %s.ext -out %s.pem;"
	    " chmod 644 %s.key",
	    name, name, name, subject, name, name, name, name, name);
}

/* Both programs need a certificate, a user and a password, all in files. */
TEST_F_TIMEOUT(server, keeps_secrets_in_files, 120)
{
	static const char server_lines[] =
		"tls {\n cert_file: \"%s/%s.pem\"\n key_file: \"%s/%s.key\"\n"
		" ca_file: \"%s/ca.pem\"\n verify: true\n}\n"
		"authorization {\n user: bridge\n password: \"s3cret\"\n}\n";
	struct lab *l = &self->lab;
	struct far *f = &self->f;
	char server[1000];
	char client[1000];
	const char *d = f->dir;

	ASSERT_TRUE(lab_wait_rows(l, f));
	run(f, "openssl req -x509 -newkey ec -pkeyopt "
	       "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca"
	       " -keyout ca.key -out ca.pem");
	certify(f, "right", "IP:127.0.0.1");
	certify(f, "wrong", "DNS:elsewhere.example");
	certify(f, "client", "DNS:client");
	run(f, "echo wr0ng >password; chmod 644 password");
	snprintf(client, sizeof(client),
		 "user = bridge\npassword = %s/password\nca = %s/ca.pem\n"
		 "certificate = %s/client.pem\nkey = %s/client.key",
		 d, d, d, d);

	snprintf(server, sizeof(server), server_lines, d, "wrong", d, "wrong",
		 d);
	restart(self, server, client);
	ASSERT_TRUE(measures(&l->r));
	EXPECT_TRUE(lab_bridge_says(l, "SSL Error"));

	/* Now the server is who it says, but does not know us. */
	snprintf(server, sizeof(server), server_lines, d, "right", d, "right",
		 d);
	rig_kill(&f->nats_pid, SIGTERM);
	far_start_nats(f);
	EXPECT_TRUE(lab_bridge_says(l, "Authorization"));
	EXPECT_TRUE(far_sink_says(f, "Authorization"));
	run(f, "echo s3cret >password");
	EXPECT_TRUE(lab_is_equal(l, f));
	f->nats_more = f->client_more = NULL;
}

/* ---- rights ---------------------------------------------------------------- */

/* What reespec-nats(8) shows, for site `mine`. */
#define RIGHTS                                                              \
	"authorization {\n users: [\n"                                      \
	"  { user: mine, password: \"a\", permissions: {\n"                 \
	"   publish: [\"reespec.mine.>\", \"$JS.API.STREAM.INFO.REESPEC\"," \
	" \"$JS.API.STREAM.MSG.GET.REESPEC\"]\n"                            \
	"   subscribe: [\"_INBOX.>\"] } }\n"                                \
	"  { user: sink, password: \"b\", permissions: {\n"                 \
	"   publish: [\"$JS.API.>\", \"$JS.ACK.>\"]\n"                      \
	"   subscribe: [\"_INBOX.>\"] } }\n ]\n}\n"

/* What the server does not let that user ask: its log says so. */
static bool may_not(struct far *f, jsCtx *js, bool is_purge)
{
	jsOptions o;
	natsStatus status;
	char log[128];

	jsOptions_Init(&o);
	o.Wait = 200;
	status = is_purge ? js_PurgeStream(js, "REESPEC", &o, NULL)
			  : js_DeleteStream(js, "REESPEC", &o, NULL);
	snprintf(log, sizeof(log), "%s/nats.log", f->dir);
	return status != NATS_OK &&
	       far_wait_says(log, is_purge ? "$JS.API.STREAM.PURGE.REESPEC"
					   : "$JS.API.STREAM.DELETE.REESPEC");
}

/* A site needs no right by which it could take the others' records away. */
TEST_F_TIMEOUT(server, lets_a_site_do_no_more_than_it_has_to, 120)
{
	struct lab *l = &self->lab;
	struct far *f = &self->f;
	natsConnection *nc = NULL;
	char bridge[200], sink[200], url[80];
	jsCtx *js = NULL;

	ASSERT_TRUE(lab_wait_rows(l, f));
	run(f, "echo a >a; echo b >b; chmod 644 a b");
	snprintf(bridge, sizeof(bridge), "user = mine\npassword = %s/a",
		 f->dir);
	snprintf(sink, sizeof(sink), "user = sink\npassword = %s/b", f->dir);
	restart(self, RIGHTS, bridge);
	rig_kill(&f->sink_pid, SIGTERM);
	f->client_more = sink;
	far_start_sink(f, "");
	f->client_more = bridge;
	ASSERT_TRUE(measures(&l->r));
	EXPECT_TRUE(lab_wait_rows(l, f));

	snprintf(url, sizeof(url), "nats://mine:a@%s:%d", f->host, f->port);
	ASSERT_EQ(NATS_OK, natsConnection_ConnectTo(&nc, url));
	ASSERT_EQ(NATS_OK, natsConnection_JetStream(&js, nc, NULL));
	EXPECT_TRUE(may_not(f, js, true));
	EXPECT_TRUE(may_not(f, js, false));
	jsCtx_Destroy(js);
	natsConnection_Destroy(nc);
	EXPECT_TRUE(lab_is_equal(l, f));
	f->nats_more = f->client_more = NULL;
}

/* ---- tokens -------------------------------------------------------------------- */

/* What NATS calls an nkey: prefix, key and check sum in base32. */
enum { OPERATOR = 14 << 3, ACCOUNT = 0, USER = 20 << 3, SEED = 18 << 3 };
#define NKEY_SIZE 64

struct nkey {
	unsigned char secret[crypto_sign_SECRETKEYBYTES];
	char public[NKEY_SIZE];
	char seed[NKEY_SIZE];
};

static uint16_t crc16(const unsigned char *p, size_t n)
{
	uint16_t crc = 0;

	for (size_t i = 0; i < n; i++) {
		crc ^= (uint16_t)(p[i] << 8);
		for (int k = 0; k < 8; k++)
			crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021
						      : crc << 1);
	}
	return crc;
}

static void base32(const unsigned char *p, size_t n, char *ret)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint32_t bits = 0;
	int n_bits = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | p[i];
		for (n_bits += 8; n_bits >= 5; n_bits -= 5)
			*ret++ = digits[bits >> (n_bits - 5) & 31];
	}
	if (n_bits)
		*ret++ = digits[bits << (5 - n_bits) & 31];
	*ret = '\0';
}

/* One prefix, or two where the first is SEED. */
static void write_nkey(int prefix, int of, const unsigned char key[32],
		       char ret[NKEY_SIZE])
{
	unsigned char raw[36];
	size_t n = 0;
	uint16_t crc;

	raw[n++] = (unsigned char)(prefix | (prefix == SEED ? of >> 5 : 0));
	if (prefix == SEED)
		raw[n++] = (unsigned char)((of & 31) << 3);
	memcpy(raw + n, key, 32);
	n += 32;
	crc = crc16(raw, n);
	raw[n++] = (unsigned char)crc;
	raw[n++] = (unsigned char)(crc >> 8);
	base32(raw, n, ret);
}

static void make_nkey(struct nkey *k, int kind)
{
	unsigned char public[crypto_sign_PUBLICKEYBYTES];

	crypto_sign_keypair(public, k->secret);
	write_nkey(kind, 0, public, k->public);
	write_nkey(SEED, kind, k->secret, k->seed);
}

static void add_base64(char *to, const void *data, size_t n)
{
	sodium_bin2base64(to + strlen(to), n * 4 / 3 + 4, data, n,
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* The token in which @by says @claims of @of. */
static void make_token(char ret[2000], const struct nkey *by,
		       const struct nkey *of, const char *claims)
{
	static const char header[] =
		"{\"typ\":\"JWT\",\"alg\":\"ed25519-nkey\"}";
	unsigned char sig[crypto_sign_BYTES];
	char body[1000];

	snprintf(
		body, sizeof(body),
		"{\"jti\":\"t\",\"iat\":1700000000,\"iss\":\"%s\",\"sub\":\"%s\","
		"\"name\":\"test\",\"nats\":{%s,\"version\":2}}",
		by->public, of->public, claims);
	*ret = '\0';
	add_base64(ret, header, strlen(header));
	strcat(ret, ".");
	add_base64(ret, body, strlen(body));
	crypto_sign_detached(sig, NULL, (unsigned char *)ret, strlen(ret),
			     by->secret);
	strcat(ret, ".");
	add_base64(ret, sig, sizeof(sig));
}

#define USER_CLAIMS "\"type\":\"user\",\"subs\":-1,\"data\":-1,\"payload\":-1"
/* The account of the system may keep no streams, ours as much as it likes. */
#define ACCOUNT_CLAIMS(more)                                               \
	"\"type\":\"account\",\"limits\":{\"subs\":-1,\"data\":-1,"        \
	"\"payload\":-1,\"imports\":-1,\"exports\":-1,\"wildcards\":true," \
	"\"conn\":-1,\"leaf\":-1" more "}"
#define STREAMS                                                   \
	",\"mem_storage\":-1,\"disk_storage\":-1,\"streams\":-1," \
	"\"consumer\":-1"

static void write_credentials(const char *path, const struct nkey *account)
{
	struct nkey user;
	char token[2000];
	FILE *f;

	make_nkey(&user, USER);
	make_token(token, account, &user, USER_CLAIMS);
	f = fopen(path, "we");
	if (!f)
		rig_die("%s", path);
	fprintf(f,
		"-----BEGIN NATS USER JWT-----\n%s\n"
		"------END NATS USER JWT------\n\n"
		"-----BEGIN USER NKEY SEED-----\n%s\n"
		"------END USER NKEY SEED------\n",
		token, user.seed);
	fclose(f);
}

/* A server that knows its operator alone, and lets in whom an account of his
 * has signed. */
TEST_F_TIMEOUT(server, takes_a_file_of_credentials, 120)
{
	struct nkey operator_key, account, system, stranger;
	char by_operator[2000], of_account[2000], of_system[2000];
	struct lab *l = &self->lab;
	struct far *f = &self->f;
	char server[7000];
	char client[200];
	char path[128];

	make_nkey(&operator_key, OPERATOR);
	make_nkey(&account, ACCOUNT);
	make_nkey(&system, ACCOUNT);
	make_nkey(&stranger, ACCOUNT);
	make_token(by_operator, &operator_key, &operator_key,
		   "\"type\":\"operator\"");
	make_token(of_account, &operator_key, &account,
		   ACCOUNT_CLAIMS(STREAMS));
	make_token(of_system, &operator_key, &system, ACCOUNT_CLAIMS(""));
	snprintf(server, sizeof(server),
		 "operator: %s\nsystem_account: %s\nresolver: MEMORY\n"
		 "resolver_preload: {\n %s: %s\n %s: %s\n}\n",
		 by_operator, system.public, account.public, of_account,
		 system.public, of_system);
	snprintf(path, sizeof(path), "%s/bridge.creds", f->dir);
	snprintf(client, sizeof(client), "credentials = %s", path);
	ASSERT_TRUE(lab_wait_rows(l, f));
	write_credentials(path, &stranger);
	restart(self, server, client);
	ASSERT_TRUE(measures(&l->r));
	EXPECT_TRUE(lab_bridge_says(l, "Authorization"));
	EXPECT_TRUE(far_sink_says(f, "Authorization"));
	write_credentials(path, &account);
	EXPECT_TRUE(lab_is_equal(l, f));
	f->nats_more = f->client_more = NULL;
}

/* ---- MQTT ------------------------------------------------------------------------ */

/* Anything that speaks MQTT, here mosquitto_sub, has the same export line. */
TEST_F_TIMEOUT(server, lets_mqtt_clients_listen, 120)
{
	CLEANUP(stream_closep) struct stream *s = NULL;
	CLEANUP(buf_deinit) struct buf line = { 0 };
	CLEANUP(buf_deinit) struct buf heard = { 0 };
	struct lab *l = &self->lab;
	struct far *f = &self->f;
	char command[300];
	char server[100];
	char path[128];
	FILE *listener;
	const int port = far_free_port();

	ASSERT_TRUE(lab_wait_rows(l, f));
	snprintf(server, sizeof(server),
		 "server_name: far\nmqtt {\n listen: \"127.0.0.1:%d\"\n}\n",
		 port);
	restart(self, server, NULL);
	snprintf(path, sizeof(path), "%s/mqtt", f->dir);
	/* A server listens for MQTT a little later than for NATS. */
	snprintf(command, sizeof(command),
		 "for i in 1 2 3 4 5 6 7 8 9; do stdbuf -oL mosquitto_sub -d"
		 " -h 127.0.0.1 -p %d -C 1 -W 100 -t reespec/mine/+/result"
		 " && break; sleep 1; done >%s 2>&1",
		 port, path);
	listener = popen(command, "w");
	ASSERT_TRUE(listener);
	ASSERT_TRUE(far_wait_says(path, "Subscribed"));
	ASSERT_TRUE(measures(&l->r));
	EXPECT_EQ(0, pclose(listener));
	s = far_stream(f);
	ASSERT_TRUE(s);
	ASSERT_EQ(0, stream_last(s, "reespec.mine.l1.result", &line));
	buf_append(&line, "", 1);
	ASSERT_EQ(0, buf_read_file(&heard, path, 1 << 20));
	EXPECT_TRUE(strstr(heard.data, line.data));
	f->nats_more = NULL;
}

TEST_HARNESS_MAIN
