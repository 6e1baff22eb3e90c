// SPDX-License-Identifier: GPL-2.0-or-later
/* A PLC by plain sockets, so that it can say what no library would. */
#include "plc.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define PORT 15021

static void nap(void)
{
	usleep(10000);
}

/* An address of this process alone. */
static void choose_address(struct plc *p)
{
	const unsigned int pid = (unsigned int)getpid();

	p->address.sin_family = AF_INET;
	p->address.sin_port = htons(PORT);
	p->address.sin_addr.s_addr =
		htonl(0x7f4e0000 | (pid / 250 % 250) << 8 | (pid % 250 + 1));
}

static void write_config(const struct plc *p, const char *path)
{
	FILE *f = fopen(path, "we");

	fprintf(f,
		"[ledger]\nbus = %s\n[listen]\naddress = %s\nport = %d\npeers = 127.0.0.0/8\n"
		"connections = %d\n[line]\nname = belt\n"
		"instrument = " RIG_SERIAL "\nmethods = ore-l none\n"
		"quantities = La TREO\norders = start abort acknowledge\n",
		p->rig->address, inet_ntoa(p->address.sin_addr), PORT,
		PLC_CONNECTIONS);
	fclose(f);
}

int plc_dial(const struct plc *p)
{
	const struct timeval patience = { .tv_sec = 10 };
	const int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (connect(fd, (const struct sockaddr *)&p->address,
		    sizeof(p->address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool plc_connect(struct plc *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	for (int i = 0; i < 1000 && p->fd < 0; i++) {
		p->fd = plc_dial(p);
		if (p->fd < 0)
			nap();
	}
	return p->fd >= 0;
}

static void start_bridge(struct plc *p)
{
	const char *out = getenv("O");
	char program[4200], config[128], said[128];

	snprintf(program, sizeof(program), "%s/reespec-modbus",
		 out ? out : ".build");
	snprintf(config, sizeof(config), "%s/modbus.conf", p->rig->dir);
	snprintf(said, sizeof(said), "%s/modbus.log", p->rig->dir);
	write_config(p, config);
	p->pid = fork();
	if (p->pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(0);
	dup2(open(said, O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
	execl(program, program, "-c", config, NULL);
	_exit(127);
}

void plc_start(struct plc *p, struct rig *r)
{
	memset(p, 0, sizeof(*p));
	p->rig = r;
	p->fd = -1;
	choose_address(p);
	start_bridge(p);
	plc_connect(p);
}

void plc_stop(struct plc *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	rig_kill(&p->pid, SIGKILL);
}

void plc_restart(struct plc *p)
{
	plc_stop(p);
	start_bridge(p);
	plc_connect(p);
}

/* Exactly @len bytes; false when the other side hung up or said nothing. */
static bool receive(int fd, uint8_t *to, size_t len)
{
	return recv(fd, to, len, MSG_WAITALL) == (ssize_t)len;
}

int plc_hear(int fd, const uint8_t *frame, uint8_t ret[PLC_FRAME_MAX])
{
	unsigned int len;

	if (!receive(fd, ret, 8))
		return 0;
	len = (unsigned int)ret[4] << 8 | ret[5];
	if (memcmp(ret, frame, 4) != 0 || len < 2 || len > PLC_FRAME_MAX - 6 ||
	    (ret[7] & 0x7f) != (frame[7] & 0x7f))
		return -1;
	if (!receive(fd, ret + 8, len - 2))
		return 0;
	return (int)len - 1;
}

int plc_exchange(int fd, const uint8_t *frame, size_t len,
		 uint8_t ret[PLC_FRAME_MAX])
{
	if (send(fd, frame, len, MSG_NOSIGNAL) != (ssize_t)len)
		return 0;
	return plc_hear(fd, frame, ret);
}

bool plc_read(int fd, unsigned int address, unsigned int n, uint16_t *ret)
{
	const uint8_t frame[] = { 7, 7,		0, 0, 0,
				  6, 1,		4, 0, (uint8_t)address,
				  0, (uint8_t)n };
	uint8_t answer[PLC_FRAME_MAX];

	if (plc_exchange(fd, frame, sizeof(frame), answer) != 2 + 2 * (int)n ||
	    answer[7] != 4)
		return false;
	for (unsigned int i = 0; i < n; i++)
		ret[i] =
			(uint16_t)(answer[9 + 2 * i] << 8 | answer[10 + 2 * i]);
	return true;
}

int plc_read_one(int fd, unsigned int address)
{
	uint16_t value;

	return plc_read(fd, address, 1, &value) ? value : -1;
}

int plc_input(int fd, unsigned int address)
{
	const uint8_t frame[] = { 7, 7, 0, 0, 0, 6, 1, 2, 0, (uint8_t)address,
				  0, 1 };
	uint8_t answer[PLC_FRAME_MAX];

	if (plc_exchange(fd, frame, sizeof(frame), answer) != 3 ||
	    answer[7] != 2)
		return -1;
	return answer[9] & 1;
}

/* What a write was answered with. */
static int taken(int len, int wanted, const uint8_t *answer)
{
	return len == wanted ? 0 : len == 2 ? answer[8] : -1;
}

#define COIL_FRAME(number, value)                             \
	{                                                     \
		8, 8, 0, 0, 0, 6, 1, 5, 0, (uint8_t)(number), \
			(value) ? 0xff : 0, 0                 \
	}

int plc_coil(int fd, unsigned int number, bool value)
{
	const uint8_t frame[] = COIL_FRAME(number, value);
	uint8_t answer[PLC_FRAME_MAX];

	return taken(plc_exchange(fd, frame, sizeof(frame), answer), 5, answer);
}

void plc_coil_unheard(struct plc *p, unsigned int number, bool value)
{
	const uint8_t frame[] = COIL_FRAME(number, value);

	send(p->fd, frame, sizeof(frame), MSG_NOSIGNAL);
	close(p->fd);
	p->fd = -1;
}

int plc_write(int fd, unsigned int address, unsigned int n,
	      const uint16_t *values)
{
	uint8_t frame[PLC_FRAME_MAX] = { 9,
					 9,
					 0,
					 0,
					 0,
					 (uint8_t)(7 + 2 * n),
					 1,
					 16,
					 0,
					 (uint8_t)address,
					 0,
					 (uint8_t)n,
					 (uint8_t)(2 * n) };
	uint8_t answer[PLC_FRAME_MAX];

	for (unsigned int i = 0; i < n; i++) {
		frame[13 + 2 * i] = (uint8_t)(values[i] >> 8);
		frame[14 + 2 * i] = (uint8_t)values[i];
	}
	return taken(plc_exchange(fd, frame, 13 + 2 * n, answer), 5, answer);
}

bool plc_wait_state(struct plc *p, const char *states)
{
	int now = -1;

	for (int i = 0; i < 3000; i++) {
		now = plc_read_one(p->fd, 1);
		if (now >= 0 && strchr(states, '0' + now))
			return true;
		nap();
	}
	printf("# state %d, none of %s\n", now, states);
	return false;
}
