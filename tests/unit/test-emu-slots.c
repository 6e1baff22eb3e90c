// SPDX-License-Identifier: GPL-2.0-or-later
/* The AUX connector: edges that store, count and gate, and what lines show. */
#include <stdio.h>

#include "dp5emu/slots.h"
#include "emu_try.h"

/* Strobes, in us: the second one is stored while the first still is. */
#define TOO_FAST 100
/* Of 2048 channels at 80 MHz, and with time to spare. */
#define IN_TIME 1000

static void strobe(struct instrument *ins, double now_us, int n, double us)
{
	instrument_pulse_aux(ins, now_us, 1, n, us);
}

/* Reads a slot; whether it is one, whose status is left at *ret_status. */
static bool read_slot(struct instrument *ins, struct instrument_reply *r,
		      double now_us, unsigned int slot,
		      const uint8_t **ret_status)
{
	const uint8_t data[] = { (uint8_t)(slot >> 8), (uint8_t)slot };

	*ret_status = payload(r) + 3 * 2048;
	return ask(ins, r, now_us, 0x0207, data, 2) == 0x8108;
}

static unsigned int slot_of(const uint8_t *st)
{
	return (st[46] & 1U) << 8 | st[47];
}

static unsigned int counter_of(const uint8_t *st)
{
	return le32(st + 8);
}

static bool lines_say(struct instrument *ins, double now_us, const char *what)
{
	char text[512];

	instrument_describe_lines(ins, now_us, text, sizeof(text));
	if (strstr(text, what))
		return true;
	printf("# not %s in: %s\n", what, text);
	return false;
}

#define COUNTER "GPIN=AUX2;GPED=RISING;GPGA=OFF;GPMC=OFF;GPME=OFF;"

TEST_F(ins, each_strobe_stores_a_spectrum_and_starts_the_next)
{
	const uint8_t *st;

	ASK(0, 0xf01e);
	ASK(0, 0xf002);
	for (int i = 0; i < 3; i++)
		strobe(self->ins, (i + 1) * S, 1, IN_TIME);
	ASK(4 * S, 0x0101);
	EXPECT_EQ(payload(self->r)[46], 2);
	EXPECT_EQ(slot_of(payload(self->r)), 3);
	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_TRUE(read_slot(self->ins, self->r, 4 * S, i, &st));
		/* The copy in slot n shows n, and a second of counts each. */
		EXPECT_EQ(slot_of(st), i);
		EXPECT_EQ(sum_counts(self->r, 2048), le32(st + 4));
		EXPECT_GT(le32(st + 4), 0);
		EXPECT_LE(acc_s(st), 1);
		EXPECT_GT(acc_s(st), 0.9);
	}
}

TEST_F(ins, a_level_is_no_second_strobe)
{
	ASK(0, 0xf01e);
	ASK(0, 0xf002);
	instrument_set_aux(self->ins, 1 * S, 1, true);
	instrument_set_aux(self->ins, 2 * S, 1, true);
	instrument_set_aux(self->ins, 3 * S, 1, false);
	EXPECT_TRUE(lines_say(self->ins, 3 * S, "slot=1 "));
	instrument_set_aux(self->ins, 4 * S, 1, true);
	EXPECT_TRUE(lines_say(self->ins, 4 * S, "slot=2 "));
}

TEST_F(ins, strobes_store_nothing_before_and_after)
{
	ASK(0, 0xf002);
	strobe(self->ins, 1 * S, 1, IN_TIME);
	ASK(1 * S, 0x0101);
	EXPECT_EQ(slot_of(payload(self->r)), 0);
	EXPECT_GT(acc_s(payload(self->r)), 0.9);
	ASK(1 * S, 0xf01e);
	strobe(self->ins, 2 * S, 1, IN_TIME);
	ASK(2 * S, 0xf01f);
	strobe(self->ins, 3 * S, 1, IN_TIME);
	ASK(3 * S, 0x0101);
	EXPECT_EQ(payload(self->r)[46], 0);
	EXPECT_EQ(slot_of(payload(self->r)), 1);
}

TEST_F(ins, buffering_stops_when_all_slots_are_full)
{
	const uint8_t *st;
	double acc = 0;

	ASK(0, 0xf01e);
	ASK(0, 0xf002);
	strobe(self->ins, 1 * S, 63, IN_TIME);
	ASK(2 * S, 0x0101);
	EXPECT_EQ(payload(self->r)[46] & 2, 2);
	strobe(self->ins, 2 * S, 1, IN_TIME);
	ASK(2 * S, 0x0101);
	EXPECT_EQ(payload(self->r)[46] & 2, 0);
	strobe(self->ins, 3 * S, 6, IN_TIME);
	ASK(4 * S, 0x0101);
	EXPECT_EQ(payload(self->r)[46] & 2, 0);
	acc = acc_s(payload(self->r));
	EXPECT_GT(acc, 1.9);
	ASSERT_TRUE(read_slot(self->ins, self->r, 4 * S, 63, &st));
	EXPECT_EQ(slot_of(st), 63);
	/* From the first slot again, with what is in the others. */
	ASK(4 * S, 0xf01e);
	strobe(self->ins, 5 * S, 1, IN_TIME);
	ASK(5 * S, 0x0101);
	EXPECT_EQ(slot_of(payload(self->r)), 1);
	ASSERT_TRUE(read_slot(self->ins, self->r, 5 * S, 1, &st));
	EXPECT_EQ(slot_of(st), 1);
}

TEST_F(ins, fewer_slots_than_are_full_end_the_buffering)
{
	ASK(0, 0xf01e);
	ASK(0, 0xf002);
	strobe(self->ins, 1 * S, 40, IN_TIME);
	TEXT(2 * S, 0x2004, "MCAC=8192;");
	strobe(self->ins, 3 * S, 1, IN_TIME);
	EXPECT_TRUE(
		lines_say(self->ins, 3 * S, "buffering=0 slot=40 slots=16"));
}

TEST_F(ins, the_counter_tells_what_came_too_fast)
{
	const uint8_t *st;

	TEXT(0, 0x2004, COUNTER);
	ASK(0, 0xf01e);
	ASK(0, 0xf010);
	ASK(0, 0xf002);
	strobe(self->ins, 1 * S, 1, IN_TIME);
	strobe(self->ins, 2 * S, 2, TOO_FAST);
	strobe(self->ins, 3 * S, 1, IN_TIME);
	ASK(4 * S, 0x0101);
	EXPECT_EQ(slot_of(payload(self->r)), 3);
	EXPECT_EQ(counter_of(payload(self->r)), 4);
	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_TRUE(read_slot(self->ins, self->r, 4 * S, i, &st));
		EXPECT_EQ(counter_of(st), i < 2 ? i + 1 : i + 2);
	}
	EXPECT_EQ(ASK(4 * S, 0xf010), 0xff00);
	ASK(4 * S, 0x0101);
	EXPECT_EQ(counter_of(payload(self->r)), 0);
}

/* Which edges count, as GPIN, GPED, GPME, GPGA and GPMC have it. */
TEST_F(ins, the_counter_follows_its_settings)
{
	static const struct {
		const char *text;
		int input;
		unsigned int wanted;
	} tries[] = {
		{ "GPIN=AUX2;GPED=RISING;GPME=OFF;GPGA=OFF;GPMC=OFF;", 1, 3 },
		{ "GPIN=AUX2;GPED=RISING;GPME=OFF;GPGA=OFF;GPMC=OFF;", 0, 0 },
		{ "GPIN=AUX1;GPED=FALLING;GPME=OFF;GPGA=OFF;GPMC=OFF;", 0, 3 },
		{ "GPIN=2;GPED=RISING;GPME=OFF;GPGA=OFF;GPMC=OFF;", 1, 3 },
		{ "GPIN=OFF;GPME=OFF;GPGA=OFF;GPMC=OFF;", 1, 0 },
		{ "GPIN=AUX2;GPED=RISING;GPME=ON;GPGA=OFF;GPMC=OFF;", 1, 0 },
		{ "GPIN=AUX2;GPED=RISING;GPME=ON;GPGA=OFF;GPMC=OFF;MCAE=ON;", 1,
		  3 },
		/* An open gate input is low. */
		{ "GATE=LOW;GPIN=AUX2;GPED=RISING;GPME=OFF;GPGA=ON;GPMC=OFF;",
		  1, 0 },
		{ "GATE=HIGH;GPIN=AUX2;GPED=RISING;GPME=OFF;GPGA=ON;GPMC=OFF;",
		  1, 3 },
	};

	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++) {
		restart(&self->ins, options());
		TEXT(0, 0x2004, tries[i].text);
		instrument_pulse_aux(self->ins, 1 * S, tries[i].input, 3,
				     IN_TIME);
		ASK(2 * S, 0x0101);
		EXPECT_EQ(counter_of(payload(self->r)), tries[i].wanted)
		TH_LOG("%s", tries[i].text);
	}
	TEXT(2 * S, 0x2004, "GPMC=OFF;");
	ASK(2 * S, 0xf001);
	ASK(2 * S, 0x0101);
	EXPECT_EQ(counter_of(payload(self->r)), 3);
	TEXT(2 * S, 0x2004, "GPMC=ON;");
	ASK(2 * S, 0xf001);
	ASK(2 * S, 0x0101);
	EXPECT_EQ(counter_of(payload(self->r)), 0);
}

/* Counted only while the pellet is in place, whatever the strobe's period. */
TEST_F(ins, the_gate_opens_and_closes_with_its_input)
{
	const uint8_t *st;

	TEXT(0, 0x2004, "GATE=LOW;");
	ASK(0, 0xf01e);
	ASK(0, 0xf002);
	for (int i = 0; i < 2; i++) {
		double at = (1 + 10 * i) * S;

		instrument_set_aux(self->ins, at, 0, true);
		EXPECT_TRUE(lines_say(self->ins, at, "gate=open"));
		instrument_set_aux(self->ins, at + (i + 1) * S, 0, false);
		EXPECT_TRUE(lines_say(self->ins, at + 3 * S, "gate=blocking"));
		strobe(self->ins, at + 5 * S, 1, IN_TIME);
	}
	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE(read_slot(self->ins, self->r, 30 * S,
				      (unsigned int)i, &st));
		EXPECT_GT(acc_s(st), i + 0.9);
		EXPECT_LE(acc_s(st), i + 1);
		EXPECT_EQ(st[35] & 8, 0);
	}
}

TEST_F(ins, outputs_show_what_they_are_set_to)
{
	TEXT(0, 0x2004, "AUO1=MCAEN;AUO2=VETO;GATE=HIGH;");
	EXPECT_TRUE(lines_say(self->ins, 0, "aux_out1=0 aux_out2=1"));
	ASK(0, 0xf002);
	EXPECT_TRUE(lines_say(self->ins, 0, "aux_out1=1 aux_out2=1"));
	instrument_set_aux(self->ins, 0, 0, true);
	EXPECT_TRUE(lines_say(self->ins, 0, "aux_in1=1 "));
	EXPECT_TRUE(lines_say(self->ins, 0, "aux_out2=0"));
	ASK(0, 0xf003);
	EXPECT_TRUE(lines_say(self->ins, 0, "aux_out1=0"));
	TEXT(0, 0x2004, "AUO1=SCA8;");
	EXPECT_TRUE(lines_say(self->ins, 0, "aux_out1=SCA8"));
}

TEST_F(ins, io_lines_are_open_drain)
{
	EXPECT_TRUE(lines_say(self->ins, 0, "io0=1 io1=1 io2=1 io3=1"));
	EXPECT_EQ(ask(self->ins, self->r, 0, 0xf008, "\x09", 1), 0xff00);
	EXPECT_TRUE(
		lines_say(self->ins, 0, "io0=1 io1=0 io2=0 io3=1 io_writes=1"));
	/* Who pulls a released line down wins; nobody pulls one up. */
	instrument_pull_io(self->ins, 3, true);
	instrument_pull_io(self->ins, 1, false);
	EXPECT_TRUE(lines_say(self->ins, 0, "io1=0 io2=0 io3=0"));
	instrument_pull_io(self->ins, 3, false);
	EXPECT_TRUE(lines_say(self->ins, 0, "io3=1"));
}

TEST_F(ins, io_lines_tell_how_long_they_were_seen)
{
	static const struct {
		double at_us;
		const char *nibble;
	} writes[] = {
		{ 1000, "\x0e" },  { 8000, "\x0f" },  { 9000, "\x0d" },
		{ 13000, "\x0c" }, { 13500, "\x0c" }, { 33000, "\x0d" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(writes); i++)
		EXPECT_EQ(ask(self->ins, self->r, writes[i].at_us, 0xf008,
			      writes[i].nibble, 1),
			  0xff00);
	EXPECT_TRUE(lines_say(self->ins, 33000, "io_changes=4,1,0,0"));
	EXPECT_TRUE(lines_say(self->ins, 33000, "io_least_ms=5,0,0,0"));
}

TEST_HARNESS_MAIN
