// SPDX-License-Identifier: GPL-2.0-or-later
/* The emulator's text configuration: what it takes, refuses, reads back. */
#include <math.h>
#include <string.h>

#include "dp5emu/config.h"
#include "dp5emu/wire.h"
#include "kselftest_harness.h"

FIXTURE(config)
{
	struct config c;
	struct config_answer answer;
	char text[CONFIG_READ_MAX];
};

static void start(struct config *c, const char *profile, const char *detector)
{
	config_init(c, profile_find(profile), detector_find(detector));
}

FIXTURE_SETUP(config)
{
	start(&self->c, "6.10.04", "sdd");
}

FIXTURE_TEARDOWN(config)
{
}

/* The ACK; the echo is left as a string in the answer. */
static int apply(struct config *c, struct config_answer *a, const char *text)
{
	config_apply(c, text, strlen(text), a);
	a->echo[a->echo_len] = 0;
	return a->ack;
}

static const char *read_back(struct config *c, char *out, const char *text)
{
	out[config_read(c, text, strlen(text), out)] = 0;
	return out;
}

#define APPLY(packet) apply(&self->c, &self->answer, packet)
#define READ(names) read_back(&self->c, self->text, names)

TEST_F(config, takes_the_recommended_packet)
{
	EXPECT_EQ(APPLY("CLCK=80;TPEA=2.000;GAIN=48.000;RESL=204;TFLA=0.200;"
			"TPFA=100;PURE=ON;RTDE=OFF;MCAS=NORM;MCAC=2048;"
			"SOFF=OFF;AINP=POS;INOF=DEF;THSL=0.976;THFA=41.43;"
			"BLRM=1;BLRD=3;BLRU=0;GATE=OFF;AUO1=MCAEN;AUO2=ICR;"
			"PRET=OFF;PREC=OFF;PRER=OFF;HVSE=-110;TECS=220;"
			"PAPS=ON;MCAE=OFF;"),
		  WIRE_ACK_OK);
	EXPECT_EQ(self->answer.n_good, 28);
	EXPECT_TRUE(self->answer.is_mcae_set);
	EXPECT_STREQ(READ("TPEA;RESL;TFLA;TPFA;PURE;MCAC;THSL;THFA;HVSE;TECS;"),
		     "TPEA=2.000;RESL=204;TFLA=0.200;TPFA=100;PURE=ON;"
		     "MCAC=2048;THSL=0.976;THFA=41.43;HVSE=-110;TECS=220;");
}

TEST_F(config, reads_back_in_the_formats_of_real_units)
{
	ASSERT_EQ(APPLY("CLCK=80;TPEA=9.6;TFLA=0.2;PRET=10;PRER=600;PREC=1000;"
			"MCST=0.01;SCOE=FA;RTDT=0;"),
		  WIRE_ACK_OK);
	EXPECT_STREQ(READ("CLCK;TPEA=?;PRET;PRER;PREC;MCST;RTDT;SOFF;INOF;"),
		     "CLCK=80;TPEA=9.600;PRET=10.0;PRER=600.000;PREC=1000;"
		     "MCST=0.01;RTDT=0.00;SOFF=OFF;INOF=DEF;");
	EXPECT_STREQ(READ("RESC;XYZZ;SCOE;"), "RESC=?;XYZZ=??;SCOE=FALLING;");
}

TEST_F(config, edges_of_old_firmware_read_back_in_two_letters)
{
	start(&self->c, "6.08.06", "sdd");
	ASSERT_EQ(APPLY("SCOE=FALLING;GPED=RISING;"), WIRE_ACK_OK);
	EXPECT_STREQ(READ("SCOE;GPED;"), "SCOE=FA;GPED=RI;");
}

TEST_F(config, echoes_a_bad_parameter)
{
	EXPECT_EQ(APPLY("TPEA=999;"), WIRE_ACK_PARAMETER);
	EXPECT_STREQ(self->answer.echo, "TPEA=999;");
	EXPECT_EQ(self->answer.n_good, 0);
}

TEST_F(config, executes_around_a_bad_command_and_reports_the_last)
{
	EXPECT_EQ(APPLY("THSL=99;MCAC=4096;CUSQ=50;PRET=7.5;"),
		  WIRE_ACK_COMMAND);
	EXPECT_STREQ(self->answer.echo, "CUSQ=50;");
	EXPECT_STREQ(READ("MCAC;PRET;"), "MCAC=4096;PRET=7.5;");
}

TEST_F(config, refuses_garbled_text)
{
	EXPECT_EQ(APPLY("PRET=10"), WIRE_ACK_COMMAND);
	EXPECT_STREQ(READ("PRET;"), "PRET=OFF;");
	EXPECT_EQ(APPLY("pret=10;"), WIRE_ACK_COMMAND);
	EXPECT_EQ(APPLY(" PRET=10;"), WIRE_ACK_COMMAND);
	EXPECT_EQ(APPLY("PRET;"), WIRE_ACK_COMMAND);
	EXPECT_EQ(APPLY(";"), WIRE_ACK_COMMAND);
	EXPECT_EQ(APPLY("PRET=;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("PRET=00000000010;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("PRET=1X0;"), WIRE_ACK_PARAMETER);
	EXPECT_STREQ(READ("PRET;"), "PRET=OFF;");
}

TEST_F(config, ignores_unit_letters)
{
	EXPECT_EQ(APPLY("TPEA=10US;CUSP=50%;"), WIRE_ACK_OK);
	EXPECT_STREQ(READ("TPEA;CUSP;"), "TPEA=10.000;CUSP=50;");
}

TEST_F(config, refuses_wrong_order)
{
	EXPECT_EQ(APPLY("TPEA=2;CLCK=80;"), WIRE_ACK_PARAMETER);
	EXPECT_STREQ(self->answer.echo, "CLCK=80;");
	EXPECT_EQ(APPLY("GAIN=20;TPEA=4;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("MCAC=1024;RESC=Y;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("MCAS=NORM;RTDE=OFF;"), WIRE_ACK_PARAMETER);
}

TEST_F(config, needs_a_peaking_time_before_what_depends_on_it)
{
	EXPECT_EQ(APPLY("GAIN=20;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("CLCK=80;TPEA=1;GAIN=20;"), WIRE_ACK_OK);
	EXPECT_EQ(APPLY("GAIN=30;"), WIRE_ACK_OK);
	EXPECT_EQ(APPLY("RESC=YES;GAIN=20;"), WIRE_ACK_PARAMETER);
}

TEST_F(config, other_resets_are_no_error_and_do_nothing)
{
	ASSERT_EQ(APPLY("PRET=5;"), WIRE_ACK_OK);
	EXPECT_EQ(APPLY("RESC=NO;"), WIRE_ACK_OK);
	EXPECT_STREQ(READ("PRET;"), "PRET=5.0;");
	EXPECT_EQ(APPLY("RESC=YES;"), WIRE_ACK_OK);
	EXPECT_STREQ(READ("PRET;"), "PRET=OFF;");
}

TEST_F(config, reset_spares_boot)
{
	ASSERT_EQ(APPLY("BOOT=OFF;"), WIRE_ACK_OK);
	ASSERT_EQ(APPLY("RESC=Y;"), WIRE_ACK_OK);
	EXPECT_STREQ(READ("BOOT;"), "BOOT=OFF;");
}

TEST_F(config, rounds_peaking_time_down_to_its_band)
{
	ASSERT_EQ(APPLY("CLCK=80;TPEA=1.61;"), WIRE_ACK_OK);
	EXPECT_STREQ(READ("TPEA;"), "TPEA=1.600;");
	ASSERT_EQ(APPLY("TPEA=6.75;"), WIRE_ACK_OK);
	EXPECT_STREQ(READ("TPEA;"), "TPEA=6.600;");
	EXPECT_EQ(APPLY("TPEA=25.7;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("CLCK=20;TPEA=0.7;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("CLCK=20;TPEA=102.4;"), WIRE_ACK_OK);
}

TEST_F(config, takes_the_nearest_coarse_gain)
{
	ASSERT_EQ(APPLY("CLCK=80;TPEA=2;GAIN=23.5;"), WIRE_ACK_OK);
	EXPECT_STREQ(READ("GAIA;GAIF;GAIN;"),
		     "GAIA=15;GAIF=1.0297;GAIN=23.499;");
	EXPECT_EQ(APPLY("GAIN=251;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("GAIA=25;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("GAIA=20;GAIF=1.0;"), WIRE_ACK_OK);
	EXPECT_STREQ(READ("GAIN;"), "GAIN=69.370;");
}

TEST_F(config, old_boards_have_sixteen_coarse_gains)
{
	start(&self->c, "6.08.06", "sdd");
	EXPECT_EQ(APPLY("CLCK=80;TPEA=2;GAIN=149;"), WIRE_ACK_OK);
	EXPECT_EQ(APPLY("GAIN=151;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("GAIA=17;"), WIRE_ACK_PARAMETER);
}

TEST_F(config, gates_commands_by_firmware)
{
	EXPECT_EQ(APPLY("PURS=100;"), WIRE_ACK_OK);
	EXPECT_EQ(APPLY("RTDS=0;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("BLRM=3;BLRD=5;"), WIRE_ACK_OK);
	start(&self->c, "6.08.06", "sdd");
	EXPECT_EQ(APPLY("PURS=100;"), WIRE_ACK_COMMAND);
	EXPECT_EQ(APPLY("RTDS=0;"), WIRE_ACK_OK);
	EXPECT_EQ(APPLY("BLRM=3;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("BLRD=4;"), WIRE_ACK_PARAMETER);
	start(&self->c, "6.02", "sdd");
	EXPECT_EQ(APPLY("SYNC=INT;"), WIRE_ACK_COMMAND);
}

TEST_F(config, takes_the_stated_value_besides_the_error)
{
	ASSERT_EQ(APPLY("MCAC=4096;"), WIRE_ACK_OK);
	EXPECT_EQ(APPLY("MCAC=3000;"), WIRE_ACK_PARAMETER);
	EXPECT_STREQ(READ("MCAC;"), "MCAC=1024;");
	ASSERT_EQ(APPLY("PREC=500;"), WIRE_ACK_OK);
	EXPECT_EQ(APPLY("PREC=MANY;"), WIRE_ACK_OK);
	EXPECT_STREQ(READ("PREC;"), "PREC=OFF;");
	ASSERT_EQ(APPLY("CLCK=80;TPEA=1;PURE=99;"), WIRE_ACK_PARAMETER);
	EXPECT_STREQ(READ("PURE;"), "PURE=6.39;");
}

TEST_F(config, high_voltage_has_the_sign_of_the_supply)
{
	EXPECT_EQ(APPLY("HVSE=110;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("HVSE=-1501;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("HVSE=0;"), WIRE_ACK_OK);
	EXPECT_STREQ(READ("HVSE;"), "HVSE=0;");
	start(&self->c, "6.10.04", "cdte");
	EXPECT_EQ(APPLY("HVSE=-110;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("HVSE=+700;"), WIRE_ACK_OK);
	EXPECT_STREQ(READ("HVSE;"), "HVSE=700;");
}

TEST_F(config, supplies_need_their_board)
{
	self->c.has_pc5 = false;
	EXPECT_EQ(APPLY("TECS=220;"), WIRE_ACK_NO_PC5);
	EXPECT_STREQ(self->answer.echo, "TECS=220;");
	EXPECT_EQ(APPLY("HVSE=-110;"), WIRE_ACK_NO_PC5);
	EXPECT_EQ(APPLY("PAPS=ON;"), WIRE_ACK_NO_PC5);
}

TEST_F(config, output_words_are_exact)
{
	EXPECT_EQ(APPLY("AUO1=MCAEN;"), WIRE_ACK_OK);
	EXPECT_EQ(APPLY("AUO1=MCA;"), WIRE_ACK_PARAMETER);
	EXPECT_STREQ(READ("AUO1;"), "AUO1=ICR;");
	EXPECT_EQ(APPLY("AUO1=STREAM;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("AUO2=STREAM;"), WIRE_ACK_OK);
	/* Others compare their first letters only. */
	EXPECT_EQ(APPLY("GATE=HIHO;"), WIRE_ACK_OK);
	EXPECT_STREQ(READ("GATE;"), "GATE=HIGH;");
}

TEST_F(config, counter_windows_go_by_index)
{
	EXPECT_EQ(APPLY("SCAL=100;"), WIRE_ACK_PARAMETER);
	EXPECT_EQ(APPLY("SCAI=1;SCAL=100;SCAH=200;"), WIRE_ACK_OK);
	EXPECT_EQ(APPLY("SCAI=17;"), WIRE_ACK_PARAMETER);
	EXPECT_STREQ(READ("SCAI=1;SCAL;SCAH;SCAO;SCAI=2;SCAL;"),
		     "SCAI=1;SCAL=100;SCAH=200;SCAO=HIGH;SCAI=2;SCAL=0;");
}

TEST_F(config, window_modes_need_their_discriminator)
{
	EXPECT_EQ(APPLY("RTDE=OFF;MCAS=RTD;"), WIRE_ACK_PARAMETER);
	EXPECT_STREQ(READ("MCAS;"), "MCAS=NORM;");
	EXPECT_EQ(APPLY("RTDE=ON;MCAS=RTD;"), WIRE_ACK_OK);
}

TEST_F(config, read_back_survives_any_bytes)
{
	char bytes[512];

	for (int i = 0; i < 512; i++)
		bytes[i] = (char)(i * 7);
	config_read(&self->c, bytes, sizeof(bytes), self->text);
	memset(bytes, ';', sizeof(bytes));
	EXPECT_LT(config_read(&self->c, bytes, sizeof(bytes), self->text),
		  CONFIG_READ_MAX);
	config_apply(&self->c, bytes, sizeof(bytes), &self->answer);
	EXPECT_EQ(self->answer.ack, WIRE_ACK_COMMAND);
}

TEST_F(config, an_endless_command_is_echoed_up_to_the_limit)
{
	char bytes[512];

	memset(bytes, 'A', sizeof(bytes));
	config_apply(&self->c, bytes, sizeof(bytes), &self->answer);
	EXPECT_EQ(self->answer.ack, WIRE_ACK_COMMAND);
	EXPECT_EQ(self->answer.echo_len, 512);
}

TEST_HARNESS_MAIN
