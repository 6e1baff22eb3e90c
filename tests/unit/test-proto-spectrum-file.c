// SPDX-License-Identifier: GPL-2.0-or-later
/* The one door: what a file is, by its content, and all measured ones. */
#include <errno.h>
#include <fts.h>
#include <math.h>

#include "kselftest_harness.h"
#include "proto_try.h"

static int recognise(const char *text, enum spectrum_format *ret)
{
	struct scan_error err = { 0 };

	return spectrum_file_recognise(text, strlen(text), ret, &err);
}

TEST(content_tells_the_format)
{
	static const struct {
		const char *text;
		enum spectrum_format format;
	} all[] = {
		{ "<<PMCA SPECTRUM>>\n", SPECTRUM_FORMAT_MCA },
		{ "\r\n$SPEC_ID:\r\n", SPECTRUM_FORMAT_SPE },
		{ "#FORMAT      : EMSA/MAS\n", SPECTRUM_FORMAT_MSA },
		{ "# a comment\n1\n2\n", SPECTRUM_FORMAT_CSV },
		{ "channel,counts\n0,1\n", SPECTRUM_FORMAT_CSV },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		enum spectrum_format format = SPECTRUM_N_FORMATS;

		EXPECT_EQ(0, recognise(all[i].text, &format));
		EXPECT_EQ(all[i].format, format)
		TH_LOG("%s", all[i].text);
	}
}

TEST(what_is_none_of_them_is_told_so)
{
	static const char elf[] = "\177ELF\2\1\1\0\0\0\0";
	enum spectrum_format format;
	struct scan_error err = { 0 };

	EXPECT_EQ(-EBADMSG, recognise("VERSION: 3.1\n", &format));
	EXPECT_EQ(-EBADMSG, recognise("<?xml version=\"1.0\"?>\n", &format));
	EXPECT_EQ(-EBADMSG, recognise("\n\n", &format));
	EXPECT_EQ(-EBADMSG,
		  spectrum_file_recognise(elf, sizeof(elf), &format, &err));
	EXPECT_NE(NULL, strstr(err.why, "NUL"));
	EXPECT_EQ(-EBADMSG, spectrum_file_recognise("", 0, &format, &err));
	EXPECT_NE(NULL, strstr(err.why, "empty"));
	EXPECT_EQ(-EBADMSG,
		  spectrum_file_recognise("1\n", SPECTRUM_FILE_MAX + 1, &format,
					  &err));
}

static const char amptek[] = "<<PMCA SPECTRUM>>\r\n"
			     "TAG - live_data\r\n"
			     "LIVE_TIME - 12.5\r\n"
			     "REAL_TIME - 13\r\n"
			     "<<CALIBRATION>>\r\n"
			     "LABEL - Channel\r\n"
			     "1 0.5\r\n"
			     "3 0.9\r\n"
			     "<<DATA>>\r\n"
			     "1\r\n2\r\n3\r\n"
			     "<<END>>\r\n"
			     "<<DPP STATUS>>\r\n"
			     "Fast Count: 70 c\r\n"
			     "<<DPP STATUS END>>\r\n";

TEST(amptek_file_comes_through_the_door)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	struct scan_error err;

	ASSERT_EQ(0, spectrum_file_parse(amptek, sizeof(amptek) - 1, &f, &err));
	/* What the vendor's program writes where nothing was named. */
	EXPECT_STREQ("", f->sample);
	EXPECT_EQ(3, f->n_chan);
	EXPECT_TRUE(f->live_s == 12.5);
	EXPECT_TRUE(f->fast_count == 70);
	EXPECT_TRUE(isnan(f->slow_count));
	EXPECT_LT(fabs(f->zero_kev - 0.3), 1e-12);
	EXPECT_LT(fabs(f->kev_per_chan - 0.2), 1e-12);
}

TEST(amptek_calibration_must_rise)
{
	static const struct proto_fault faults[] = {
		{ "3 0.9", "3 0.1", 0, "<<CALIBRATION>>", "rises" },
		{ "3 0.9\r\n", "", 0, "<<CALIBRATION>>", "one energy" },
	};

	EXPECT_FAULTS(spectrum_file_parse, amptek, faults);
}

static bool is_close(double a, double b)
{
	return fabs(a - b) <= 1e-12 * (1 + fabs(a)) || (isnan(a) && isnan(b));
}

static bool is_same(const struct spectrum_file *a,
		    const struct spectrum_file *b)
{
	return a->n_chan == b->n_chan &&
	       !memcmp(a->counts, b->counts, a->n_chan * sizeof(*a->counts)) &&
	       is_close(a->live_s, b->live_s) &&
	       is_close(a->real_s, b->real_s) &&
	       is_close(a->zero_kev, b->zero_kev) &&
	       is_close(a->kev_per_chan, b->kev_per_chan) &&
	       !strcmp(a->sample, b->sample) && !strcmp(a->remark, b->remark);
}

/* Written in each format that has a writer, and read again. */
static bool comes_back(const struct spectrum_file *f)
{
	for (int i = 0; i < SPECTRUM_N_FORMATS; i++) {
		CLEANUP(spectrum_file_freep) struct spectrum_file *back = NULL;
		CLEANUP(buf_deinit) struct buf text = { 0 };
		struct scan_error err;

		if (i == SPECTRUM_FORMAT_CSV)
			continue;
		/* There it needs an axis. */
		if (i == SPECTRUM_FORMAT_MSA && isnan(f->kev_per_chan)) {
			if (spectrum_file_write(f, i, &text) != -EINVAL)
				return false;
			continue;
		}
		if (spectrum_file_write(f, i, &text) < 0 ||
		    spectrum_file_parse(text.data, text.len, &back, &err) < 0 ||
		    back->format != (enum spectrum_format)i ||
		    !is_same(f, back))
			return false;
		if (i == SPECTRUM_FORMAT_MCA &&
		    (!is_close(f->fast_count, back->fast_count) ||
		     !is_close(f->slow_count, back->slow_count)))
			return false;
	}
	return true;
}

TEST(written_in_each_format_it_comes_back)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct scan_error err;

	ASSERT_EQ(0, spectrum_file_parse(amptek, sizeof(amptek) - 1, &f, &err));
	strcpy(f->sample, "Probe 7");
	strcpy(f->remark, "by hand");
	EXPECT_TRUE(comes_back(f));
	/* As long as there is room, which a time of Amptek's has less of. */
	memset(f->sample, 'x', sizeof(f->sample) - 1);
	memset(f->start_time, '1', sizeof(f->start_time) - 1);
	EXPECT_TRUE(comes_back(f));
	EXPECT_EQ(-EINVAL, spectrum_file_write(f, SPECTRUM_FORMAT_CSV, &text));
}

TEST(rates_are_written_as_the_maker_does)
{
	CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 }, none = { 0 };
	struct scan_error err;

	ASSERT_EQ(0, spectrum_file_parse(amptek, sizeof(amptek) - 1, &f, &err));
	f->fast_count = 2684204;
	f->slow_count = 2681855;
	EXPECT_TRUE(comes_back(f));
	ASSERT_EQ(0, spectrum_file_write(f, SPECTRUM_FORMAT_MCA, &text));
	EXPECT_NE(NULL, strstr(text.data, "<<DPP STATUS>>\r\n"
					  "Fast Count: 2684204\r\n"
					  "Slow Count: 2681855\r\n"
					  "Dead Time: 0.09%\r\n"
					  "<<DPP STATUS END>>\r\n"));
	/* Of what is not known nothing is said. */
	f->fast_count = f->slow_count = NAN;
	EXPECT_TRUE(comes_back(f));
	ASSERT_EQ(0, spectrum_file_write(f, SPECTRUM_FORMAT_MCA, &none));
	EXPECT_EQ(NULL, strstr(none.data, "STATUS"));
}

/* What of measured files is known: format, channels, sum of counts, axis. */
static const struct {
	const char *name;
	enum spectrum_format format;
	size_t n_chan;
	size_t n_negative;
	double kev_per_chan; /* 0: it does not say */
} measured[] = {
	{ "Cu_50kV_Rh.msa", SPECTRUM_FORMAT_MSA, 4096, 0, 0.009999 },
	{ "S_50kV_Rh.msa", SPECTRUM_FORMAT_MSA, 4096, 7, 0.009999 },
	{ "Acrylic_50kV_Rh_600s.msa", SPECTRUM_FORMAT_MSA, 4096, 1, 0.009999 },
	{ "Steel.spe", SPECTRUM_FORMAT_SPE, 2048, 0, 0 },
	{ "XRFSpectrum.mca", SPECTRUM_FORMAT_CSV, 4096, 0, 0 },
	{ "minix_20kV_15uA_sdd.mca", SPECTRUM_FORMAT_MCA, 2048, 0, 0 },
};

static size_t n_known;

static bool is_as_known(const char *name, const struct spectrum_file *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(measured); i++) {
		if (strcmp(measured[i].name, name) != 0)
			continue;
		n_known++;
		return f->format == measured[i].format &&
		       f->n_chan == measured[i].n_chan &&
		       f->n_negative == measured[i].n_negative &&
		       (!measured[i].kev_per_chan ||
			is_close(measured[i].kev_per_chan, f->kev_per_chan));
	}
	return true;
}

/* Every file there is is read whole or refused by name of its format. */
TEST(measured_files_are_read_whole)
{
	const char *data = getenv("REESPEC_DATA");
	size_t n[SPECTRUM_N_FORMATS] = { 0 }, n_refused = 0;
	char path[1024];
	char *roots[] = { path, NULL };
	FTSENT *e;
	FTS *fts;

	snprintf(path, sizeof(path), "%s/real", data ? data : "../shared/data");
	fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	ASSERT_NE(NULL, fts);
	while ((e = fts_read(fts))) {
		CLEANUP(spectrum_file_freep) struct spectrum_file *f = NULL;
		CLEANUP(buf_deinit) struct buf text = { 0 };
		struct scan_error err = { 0 };
		int r;

		if (e->fts_info != FTS_F || strstr(e->fts_name, "README"))
			continue;
		ASSERT_EQ(0, buf_read_file(&text, e->fts_accpath,
					   SPECTRUM_FILE_MAX));
		r = spectrum_file_parse(text.data, text.len, &f, &err);
		if (r < 0) {
			EXPECT_NE(NULL, strstr(err.why, "it begins with"))
			TH_LOG("%s: %d: %s", e->fts_name, err.line, err.why);
			n_refused++;
			continue;
		}
		n[f->format]++;
		EXPECT_TRUE(is_as_known(e->fts_name, f))
		TH_LOG("%s", e->fts_name);
		EXPECT_TRUE(comes_back(f))
		TH_LOG("%s", e->fts_name);
	}
	fts_close(fts);
	if (!n_refused)
		SKIP(return, "REESPEC_DATA/real is not there");
	EXPECT_EQ(4, n[SPECTRUM_FORMAT_MCA]);
	EXPECT_EQ(1, n[SPECTRUM_FORMAT_SPE]);
	EXPECT_EQ(12, n[SPECTRUM_FORMAT_MSA]);
	EXPECT_EQ(1, n[SPECTRUM_FORMAT_CSV]);
	/* Three of an EPICS program, a fit's settings, four of XML. */
	EXPECT_EQ(8, n_refused);
	EXPECT_EQ(ARRAY_SIZE(measured), n_known);
}

TEST_HARNESS_MAIN
