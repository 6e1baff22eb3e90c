// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of requests. A pair of identifiers that is not in it is never
 * passed on; rows of class NEVER are there to say why.
 */
#include "requests.h"

#include "uapi/dp5.h"

/* Short names, so that a row of the table fits a line. */
enum {
	NEVER = DP5_CLASS_NEVER,
	ASK = DP5_CLASS_READ,
	CHANGE = DP5_CLASS_CHANGE,
	CONTROL = DP5_CLASS_CONTROL,
};

enum {
	RETRY = DP5_REQ_RETRY,
	SETTINGS = DP5_REQ_SETTINGS,
	NAMES = DP5_REQ_NAMES,
	ENDS = DP5_REQ_ENDS,
	FLASH = DP5_REQ_FLASH,
	ECHO = DP5_REQ_ECHO,
	STORED = DP5_REQ_STORED,
	I2C = DP5_REQ_I2C,
};

#define FULL DP5_REQUEST_MAX

/* clang-format off */

/* Time-outs: 1 s is twice the vendor's; diagnostics test memory for 2.5 s;
 * text may switch supplies, flash takes up to 0.4 s.
 */
static const struct dp5_request requests[] = {
	/* pid1, pid2, class, flags, length, ms, reply, event */
	{ 0x01, 0x01, ASK, RETRY, 0, 0, 1000, DP5_REPLY_STATUS, 0 },
	{ 0x02, 0x01, ASK, RETRY, 0, 0, 1000, DP5_REPLY_SPECTRUM, 0 },
	{ 0x02, 0x03, ASK, RETRY, 0, 0, 1000, DP5_REPLY_SPECTRUM_STATUS, 0 },

	/* A lost reply loses the counts: one owner, never sent twice. */
	{ 0x02, 0x02, CONTROL, 0, 0, 0, 1000, DP5_REPLY_SPECTRUM,
	  DP5_STATE_CLEAR },
	{ 0x02, 0x04, CONTROL, 0, 0, 0, 1000, DP5_REPLY_SPECTRUM_STATUS,
	  DP5_STATE_CLEAR },

	/* Slots: the copy is a change, copy and clear empties the spectrum. */
	{ 0x02, 0x05, CHANGE, 0, 2, 2, 1000, DP5_REPLY_ACK, 0 },
	{ 0x02, 0x06, CONTROL, 0, 2, 2, 1000, DP5_REPLY_ACK, DP5_STATE_CLEAR },
	{ 0x02, 0x07, ASK, RETRY | STORED, 2, 2, 1000,
	  DP5_REPLY_SPECTRUM_STATUS, 0 },

	{ 0x03, 0x01, ASK, RETRY, 0, 0, 1000, DP5_REPLY_SCOPE, 0 },
	{ 0x03, 0x02, ASK, RETRY, 0, 0, 1000, DP5_REPLY_MISC, 0 },
	{ 0x03, 0x03, CHANGE, 0, 0, 0, 1000, DP5_REPLY_SCOPE, 0 },
	{ 0x03, 0x04, ASK, RETRY, 0, 0, 1000, DP5_REPLY_ETHERNET, 0 },
	/* Overwrites the memory of the slots and may disturb a run. */
	{ 0x03, 0x05, CHANGE, 0, 0, 0, 3000, DP5_REPLY_DIAGNOSTIC, 0 },
	/* Hardware description: a name in the vendor's sources, no layout. */
	{ 0x03, 0x06, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0x03, 0x07, ASK, RETRY, 0, 0, 1000, DP5_REPLY_NETFINDER, 0 },
	/* The bus of the board's own supplies and expander, too. */
	{ 0x03, 0x08, CONTROL, I2C, 3, 35, 1000, DP5_REPLY_I2C, 0 },
	/* Reading the list empties it. */
	{ 0x03, 0x09, CONTROL, 0, 0, 0, 1000, DP5_REPLY_LIST, 0 },
	{ 0x03, 0x0a, ASK, RETRY, 0, 0, 1000, DP5_REPLY_OPTION_PA, 0 },
	/* Settings of the Mini-X2 X-ray tube, which shares the USB id. */
	{ 0x03, 0x0b, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0x03, 0x0c, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0x03, 0x0d, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0x03, 0x0e, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },

	/* The latch is shared by all readers; clearing takes their counts. */
	{ 0x04, 0x01, ASK, RETRY, 0, 0, 1000, DP5_REPLY_SCA, 0 },
	{ 0x04, 0x02, CHANGE, 0, 0, 0, 1000, DP5_REPLY_SCA, 0 },
	{ 0x04, 0x03, CONTROL, 0, 0, 0, 1000, DP5_REPLY_SCA, 0 },

	/* Binary configuration of another product. */
	{ 0x20, 0x01, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	/* Saving wears the flash and decides the next power-up. */
	{ 0x20, 0x02, CONTROL, SETTINGS | FLASH, 1, FULL, 5000, DP5_REPLY_ACK,
	  DP5_STATE_CONFIG },
	{ 0x20, 0x03, ASK, RETRY | NAMES, 1, FULL, 1000, DP5_REPLY_TEXT, 0 },
	{ 0x20, 0x04, CHANGE, SETTINGS, 1, FULL, 5000, DP5_REPLY_ACK,
	  DP5_STATE_CONFIG },

	/* Erasing and loading firmware: a slip ends the instrument. */
	{ 0x30, 0x01, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0x30, 0x02, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0x30, 0x03, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0x30, 0x05, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0x30, 0x07, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0x30, 0x09, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0x30, 0x0b, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },

	{ 0xf0, 0x01, CHANGE, 0, 0, 0, 1000, DP5_REPLY_ACK, DP5_STATE_CLEAR },
	{ 0xf0, 0x02, CHANGE, 0, 0, 0, 1000, DP5_REPLY_ACK, DP5_STATE_RUN },
	{ 0xf0, 0x03, CHANGE, RETRY, 0, 0, 1000, DP5_REPLY_ACK,
	  DP5_STATE_RUN },
	{ 0xf0, 0x04, CHANGE, 0, 0, 0, 1000, DP5_REPLY_ACK, 0 },
	{ 0xf0, 0x05, CHANGE, 0, 0, 0, 1000, DP5_REPLY_ACK, 0 },
	{ 0xf0, 0x06, CHANGE, 0, 0, 0, 1000, DP5_REPLY_ACK, 0 },
	/* Listed, but no device supports or answers it. */
	{ 0xf0, 0x07, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x08, CHANGE, 0, 1, 1, 1000, DP5_REPLY_ACK, 0 },
	/* Costs a flash erase. */
	{ 0xf0, 0x09, CONTROL, FLASH, 512, 512, 2000, DP5_REPLY_ACK, 0 },
	/* Factory calibration, boot flags, serial number. */
	{ 0xf0, 0x0a, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x0b, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x0c, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x0d, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x0e, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x0f, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x14, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x15, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x10, CHANGE, 0, 0, 0, 1000, DP5_REPLY_ACK, 0 },
	/* Stored settings of other interfaces and of the analogue input. */
	{ 0xf0, 0x11, CONTROL, FLASH, 19, 19, 2000, DP5_REPLY_ACK, 0 },
	{ 0xf0, 0x12, CONTROL, FLASH, 1, 1, 2000, DP5_REPLY_ACK, 0 },
	{ 0xf0, 0x13, CONTROL, FLASH, 1, 1, 2000, DP5_REPLY_ACK, 0 },
	/* A new time base for whoever reads the list. */
	{ 0xf0, 0x16, CONTROL, 0, 0, 0, 1000, DP5_REPLY_ACK, 0 },
	/* Zero offsets are calibration too. */
	{ 0xf0, 0x19, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x1a, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x1e, CHANGE, 0, 0, 0, 1000, DP5_REPLY_ACK, 0 },
	{ 0xf0, 0x1f, CHANGE, 0, 0, 0, 1000, DP5_REPLY_ACK, 0 },
	{ 0xf0, 0x20, CHANGE, 0, 0, 0, 1000, DP5_REPLY_ACK, 0 },
	{ 0xf0, 0x21, CHANGE, 0, 0, 0, 1000, DP5_REPLY_ACK, 0 },
	{ 0xf0, 0x22, CHANGE, 0, 0, 0, 1000, DP5_REPLY_ACK, 0 },
	/* Mini-X2: tube voltage and current. */
	{ 0xf0, 0x30, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x31, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x32, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	{ 0xf0, 0x33, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },
	/* Raw write to the FPGA, undocumented. */
	{ 0xf0, 0x89, NEVER, 0, 0, FULL, 0, DP5_REPLY_NONE, 0 },

	/* Makes counts that no sample gave. */
	{ 0xf1, 0x7e, CONTROL, ENDS, 0, 8, 1000, DP5_REPLY_ACK, 0 },
	{ 0xf1, 0x7f, ASK, RETRY | ECHO, 0, FULL, 1000, DP5_REPLY_ECHO, 0 },
};

/* "Answer with ACK n", n = 0 to 15: the sixteen pairs share a row. */
static const struct dp5_request comm_test = {
	0xf1, 0x00, ASK, RETRY, 0, 0, 1000, DP5_REPLY_COMM_TEST, 0
};

/* Identifiers and longest payload of each success reply. A Mini-X2 answers
 * a status request with 80/02, and probe has to see it.
 */
static const struct {
	u8 pid1;
	u8 first;
	u8 last;
	u8 step;
	u16 len_max;
} replies[] = {
	[DP5_REPLY_NONE] = { 0, 1, 0, 1, 0 },
	[DP5_REPLY_ACK] = { DP5_PID1_ACK, 0, 0, 1, FULL },
	[DP5_REPLY_STATUS] = { 0x80, 0x01, 0x02, 1, DP5_STATUS_LEN },
	[DP5_REPLY_SPECTRUM] = { 0x81, 0x01, 0x0b, 2, 3 * DP5_CHANNELS_MAX },
	[DP5_REPLY_SPECTRUM_STATUS] = { 0x81, 0x02, 0x0c, 2,
		3 * DP5_CHANNELS_MAX + DP5_STATUS_LEN },
	[DP5_REPLY_SCOPE] = { 0x82, 0x01, 0x03, 2, 2048 },
	[DP5_REPLY_MISC] = { 0x82, 0x02, 0x02, 1, 512 },
	[DP5_REPLY_ETHERNET] = { 0x82, 0x04, 0x04, 1, 25 },
	[DP5_REPLY_DIAGNOSTIC] = { 0x82, 0x05, 0x05, 1, 256 },
	[DP5_REPLY_TEXT] = { 0x82, 0x07, 0x07, 1, DP5_REPLY_MAX },
	[DP5_REPLY_NETFINDER] = { 0x82, 0x08, 0x08, 1, DP5_REPLY_MAX },
	[DP5_REPLY_I2C] = { 0x82, 0x09, 0x09, 1, 32 },
	[DP5_REPLY_LIST] = { 0x82, 0x0a, 0x0b, 1, 4096 },
	[DP5_REPLY_OPTION_PA] = { 0x82, 0x0c, 0x0c, 1, 17 },
	[DP5_REPLY_SCA] = { 0x83, 0x01, 0x01, 1, 64 },
	[DP5_REPLY_ECHO] = { 0x8f, 0x7f, 0x7f, 1, FULL },
	[DP5_REPLY_COMM_TEST] = { DP5_PID1_ACK, 0, 0x0f, 1, FULL },
};

/* clang-format on */

const struct dp5_request *dp5_request_find(u8 pid1, u8 pid2)
{
	size_t i;

	if (pid1 == comm_test.pid1 && pid2 <= 0x0f)
		return &comm_test;
	for (i = 0; i < ARRAY_SIZE(requests); i++)
		if (requests[i].pid1 == pid1 && requests[i].pid2 == pid2)
			return &requests[i];
	return NULL;
}

static bool is_name_char(u8 c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Printable, no blank, no lower case, none of the two separators. */
static bool is_param_char(u8 c)
{
	return c > 0x20 && c < 0x7f && c != ';' && c != '=' &&
	       !(c >= 'a' && c <= 'z');
}

#define NAME_LEN 4
#define PARAM_MAX 10

/* Length of the command at @p with its semicolon, or 0 when it is not one.
 * A setting is NAME=PARAM; and a name may stand alone when @bare.
 */
static size_t command_len(const u8 *p, size_t n, bool bare)
{
	size_t i;

	if (n <= NAME_LEN)
		return 0;
	for (i = 0; i < NAME_LEN; i++)
		if (!is_name_char(p[i]))
			return 0;
	if (p[i] == ';')
		return bare ? i + 1 : 0;
	if (p[i] != '=')
		return 0;
	for (i++; i < n && p[i] != ';'; i++)
		if (!is_param_char(p[i]) || i > NAME_LEN + PARAM_MAX)
			return 0;
	if (i == n || i == NAME_LEN + 1)
		return 0;
	return i + 1;
}

/* Firmware does not check that its answer fits, so that few may be asked for. */
#define NAMES_MAX 32

static int check_text(const u8 *text, size_t len, bool bare)
{
	size_t n, n_commands = 0;

	for (; len; text += n, len -= n) {
		n = command_len(text, len, bare);
		if (!n || (bare && n_commands++ == NAMES_MAX))
			return -EINVAL;
	}
	return 0;
}

/* Slave, bytes to read, bytes to write, and these. */
static int check_i2c(const u8 *data, size_t len)
{
	return data[0] && data[0] < 0x80 && data[1] <= 32 &&
			       len == 3 + (size_t)data[2]
		       ? 0
		       : -EINVAL;
}

int dp5_request_check(const struct dp5_request *r, const u8 *data, size_t len)
{
	if (len < r->len_min || len > r->len_max)
		return -EINVAL;
	if ((r->flags & DP5_REQ_ENDS) && len != r->len_min && len != r->len_max)
		return -EINVAL;
	if (r->flags & DP5_REQ_I2C)
		return check_i2c(data, len);
	if (r->flags & (DP5_REQ_SETTINGS | DP5_REQ_NAMES))
		return check_text(data, len, r->flags & DP5_REQ_NAMES);
	return 0;
}

/* High voltage, cooler, preamplifier supply; RESC=Y puts all three back to
 * their defaults, and BOOT decides whether they come on at power-up.
 */
static bool moves_supplies(const u8 *command)
{
	static const char names[][NAME_LEN + 1] = { "HVSE", "TECS", "PAPS",
						    "RESC", "BOOT" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!memcmp(command, names[i], NAME_LEN))
			return true;
	return false;
}

/* The board's own; what lies behind them decides whether it ever works again. */
static bool is_on_board(u8 slave)
{
	static const u8 slaves[] = { 0x1f, 0x20, 0x34, 0x4c, 0x50, 0x6d };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(slaves); i++)
		if (slave == slaves[i])
			return true;
	return false;
}

enum dp5_class dp5_request_class(const struct dp5_request *r, const u8 *data,
				 size_t len)
{
	size_t n;

	if ((r->flags & DP5_REQ_I2C) && is_on_board(data[0]))
		return DP5_CLASS_NEVER;
	if (!(r->flags & DP5_REQ_SETTINGS))
		return r->class;
	for (; len; data += n, len -= n) {
		n = command_len(data, len, false);
		if (!n)
			break;
		if (moves_supplies(data))
			return DP5_CLASS_CONTROL;
	}
	return r->class;
}

static bool is_success_reply(const struct dp5_request *r,
			     const struct dp5_packet *p)
{
	u8 first = replies[r->reply].first;

	return p->pid1 == replies[r->reply].pid1 && p->pid2 >= first &&
	       p->pid2 <= replies[r->reply].last &&
	       (p->pid2 - first) % replies[r->reply].step == 0;
}

/* ACKs that say "done": 00, 0C (done, and another host asks for the
 * interface) and 0F.
 */
static bool is_ok_ack(const struct dp5_packet *p)
{
	return p->pid1 == DP5_PID1_ACK &&
	       (p->pid2 == 0x00 || p->pid2 == 0x0c || p->pid2 == 0x0f);
}

/* I2C answers "done" when nothing was to be read. */
static bool may_be_ok_ack(const struct dp5_request *r)
{
	return r->reply == DP5_REPLY_ACK || r->reply == DP5_REPLY_I2C ||
	       r->reply == DP5_REPLY_COMM_TEST;
}

enum dp5_match dp5_request_match(const struct dp5_request *r, const u8 *tx,
				 size_t tx_len, const struct dp5_packet *p)
{
	if (!dp5_packet_len_fits(p))
		return DP5_MATCH_BAD;

	/* A request for data is never answered with "done": such an ACK is
	 * the late answer to something else.
	 */
	if (p->pid1 == DP5_PID1_ACK)
		return is_ok_ack(p) && !may_be_ok_ack(r) ? DP5_MATCH_STALE
							 : DP5_MATCH_REPLY;
	if (!is_success_reply(r, p))
		return DP5_MATCH_STALE;
	if ((r->flags & DP5_REQ_ECHO) &&
	    (p->len != tx_len || memcmp(p->data, tx, tx_len)))
		return DP5_MATCH_STALE;
	return DP5_MATCH_REPLY;
}

bool dp5_request_done(const struct dp5_request *r, const struct dp5_packet *p)
{
	if (p->pid1 == DP5_PID1_ACK)
		return is_ok_ack(p);
	return is_success_reply(r, p);
}

#define MS 1000000ULL
#define MOST_MS 1000 /* what most requests have */
#define LEAST_MS 100

/* A request that is cut short costs everybody a resynchronisation; where the
 * instrument is known to take its time, one with an instrument that cannot
 * answer yet and would be reset.
 */
u64 dp5_request_limit_ns(const struct dp5_request *r, u64 own_ns, bool is_slow,
			 bool may_take_long)
{
	u64 usual = max_t(u32, r->timeout_ms, is_slow ? DP5_SLOW_MS : 0) * MS;
	u64 least = usual > MOST_MS * MS ? usual : LEAST_MS * MS;

	if (!own_ns)
		return usual;
	own_ns = max_t(u64, own_ns, least);
	return may_take_long ? own_ns : min_t(u64, own_ns, usual);
}

u32 dp5_request_reply_max(const struct dp5_request *r)
{
	/* Any request may get an error ACK with text instead. */
	return max_t(u32, replies[r->reply].len_max, FULL);
}
