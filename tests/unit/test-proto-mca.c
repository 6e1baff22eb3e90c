// SPDX-License-Identifier: GPL-2.0-or-later
/* Amptek's .mca files: real ones, well-made ones, and one fault each. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "kselftest_harness.h"
#include "proto/mca.h"

static const char good[] = "<<PMCA SPECTRUM>>\r\n"
			   "TAG - Probe \xb5\x80\r\n"
			   "DESCRIPTION - \r\n"
			   "GAIN - 3\r\n"
			   "PRESET_TIME - 0\r\n"
			   "LIVE_TIME - 12.500000\r\n"
			   "REAL_TIME - 13.000000\r\n"
			   "START_TIME - 12/18/2024 11:13:14\r\n"
			   "SERIAL_NUMBER - 2524\r\n"
			   "<<CALIBRATION>>\r\n"
			   "LABEL - Channel\r\n"
			   "904.04 9.7\r\n"
			   "1074.76 11.5\r\n"
			   "<<ROI>>\r\n"
			   "890 921\r\n"
			   "<<DATA>>\r\n"
			   "0\r\n"
			   "17\r\n"
			   "4294967295\r\n"
			   "<<END>>\r\n"
			   "<<DP5 CONFIGURATION>>\r\n"
			   "RESC=?;    Reset Configuration\r\n"
			   "TPEA=2.000;    Peaking Time\r\n"
			   "PREL=;    Preset Live Time\r\n"
			   "<<DP5 CONFIGURATION END>>\r\n"
			   "<<DPP STATUS>>\r\n"
			   "Device Type: PX5\r\n"
			   "Dead Time:       \r\n"
			   "Board Temp: 29\xb0"
			   "C\r\n"
			   "<<DPP STATUS END>>\r\n";

static int parse(const char *text, struct mca_file **ret,
		 struct scan_error *err)
{
	memset(err, 0, sizeof(*err));
	return mca_parse(text, strlen(text), ret, err);
}

TEST(every_block_is_read)
{
	CLEANUP(mca_freep) struct mca_file *m = NULL;
	struct scan_error err;

	ASSERT_EQ(0, parse(good, &m, &err)) TH_LOG("%d %s", err.line, err.why);
	EXPECT_STREQ("Probe \xc2\xb5\xe2\x82\xac", m->tag);
	EXPECT_STREQ("", m->description);
	EXPECT_STREQ("2524", m->serial);
	EXPECT_STREQ("12/18/2024 11:13:14", m->start_time);
	EXPECT_TRUE(m->live_s == 12.5);
	EXPECT_TRUE(m->real_s == 13);
	EXPECT_TRUE(m->preset_s == 0);
	ASSERT_EQ(2, m->n_points);
	EXPECT_TRUE(m->points[0].channel == 904.04);
	EXPECT_TRUE(m->points[1].energy == 11.5);
	EXPECT_STREQ("Channel", m->calibration_label);
	ASSERT_EQ(1, m->n_rois);
	EXPECT_EQ(890, m->rois[0].first);
	EXPECT_EQ(921, m->rois[0].last);
	ASSERT_EQ(3, m->n_chan);
	EXPECT_EQ(17, m->counts[1]);
	EXPECT_EQ(UINT32_MAX, m->counts[2]);
	EXPECT_EQ(3, m->config.n);
	EXPECT_STREQ("2.000", dp5_config_get(&m->config, "TPEA"));
	EXPECT_STREQ("PX5", mca_status_get(m, "Device Type"));
	EXPECT_STREQ("", mca_status_get(m, "Dead Time"));
	EXPECT_STREQ("29\xc2\xb0"
		     "C",
		     mca_status_get(m, "Board Temp"));
	EXPECT_EQ(NULL, mca_status_get(m, "Flux"));
}

TEST(line_ends_of_unix_are_taken)
{
	CLEANUP(mca_freep) struct mca_file *m = NULL;
	char text[sizeof(good)];
	struct scan_error err;
	size_t n = 0;

	for (const char *c = good; *c; c++) {
		if (*c != '\r')
			text[n++] = *c;
	}
	text[n] = '\0';
	ASSERT_EQ(0, parse(text, &m, &err));
	EXPECT_EQ(3, m->n_chan);
}

TEST(no_calibration_is_taken_and_flagged)
{
	CLEANUP(mca_freep) struct mca_file *m = NULL;
	struct scan_error err;

	ASSERT_EQ(0,
		  parse("<<PMCA SPECTRUM>>\n<<DATA>>\n1\n<<END>>\n", &m, &err));
	EXPECT_EQ(0, m->n_points);
	EXPECT_TRUE(isnan(m->live_s));
	EXPECT_TRUE(isnan(m->real_s));
}

/* Puts @to in the place of @from and tells what the parser says. */
static int parse_with(const char *from, const char *to, struct scan_error *err)
{
	CLEANUP(mca_freep) struct mca_file *m = NULL;
	const char *at = strstr(good, from);
	char text[2 * sizeof(good)];

	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to,
		 at + strlen(from));
	return parse(text, &m, err);
}

TEST(one_fault_each_is_named_with_line_and_field)
{
	static const struct {
		const char *from, *to;
		int line;
		const char *field, *why;
	} cases[] = {
		{ "<<PMCA SPECTRUM>>", "VERSION: 3.1", 1, "file", "begins" },
		{ "<<DATA>>", "<<DATEN>>", 0, "<<DATA>>", "no spectrum" },
		{ "17\r", "abc\r", 18, "<<DATA>>", "not a count" },
		{ "17\r", "1 7\r", 18, "<<DATA>>", "not a count" },
		{ "17\r", "1.5\r", 18, "<<DATA>>", "not a count" },
		{ "17\r", "-17\r", 18, "<<DATA>>", "negative" },
		{ "4294967295", "4294967296", 19, "<<DATA>>", "2^32" },
		{ "0\r\n17\r\n4294967295\r\n", "", 0, "<<DATA>>", "empty" },
		{ "<<END>>", "<<ENDE>>", 20, "<<DATA>>", "before its end" },
		{ "<<DPP STATUS END>>", "", 30, "<<DPP STATUS>>", "cut off" },
		{ "LIVE_TIME - 12.5", "LIVE_TIME - 13.5", 0, "LIVE_TIME",
		  "exceeds the real time" },
		{ "LIVE_TIME - 12.5", "LIVE_TIME - -1.5", 6, "LIVE_TIME",
		  "negative" },
		{ "LIVE_TIME - 12.5", "LIVE_TIME - x", 6, "LIVE_TIME",
		  "no number" },
		{ "REAL_TIME - 13.0", "REAL_TIME - 1e999 ", 7, "REAL_TIME",
		  "no number" },
		{ "904.04 9.7", "904.04", 12, "<<CALIBRATION>>",
		  "not a channel" },
		{ "904.04 9.7", "904.04 nan", 12, "<<CALIBRATION>>",
		  "not a channel" },
		{ "1074.76", "904.04", 13, "<<CALIBRATION>>", "twice" },
		{ "890 921", "921 890", 15, "<<ROI>>", "not a range" },
		{ "890 921", "-1 890", 15, "<<ROI>>", "not a range" },
		{ "890 921", "890 8192", 15, "<<ROI>>", "not a range" },
		{ "TPEA=2.000;", "TPEA=2.000", 23, "<<DP5 CONFIGURATION>>",
		  "ends in `;`" },
		{ "TPEA=2.000;", "tpea=2;", 23, "<<DP5 CONFIGURATION>>",
		  "four capitals" },
		{ "Device Type: PX5", "Device Type PX5", 27, "<<DPP STATUS>>",
		  "no colon" },
		{ "<<DPP STATUS>>", "<<DATA>>", 26, "<<DATA>>", "second" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scan_error err;

		EXPECT_EQ(-EBADMSG,
			  parse_with(cases[i].from, cases[i].to, &err))
		TH_LOG("%s", cases[i].to);
		EXPECT_EQ(cases[i].line, err.line)
		TH_LOG("%s: %s", cases[i].to, err.why);
		EXPECT_STREQ(cases[i].field, err.field);
		EXPECT_NE(NULL, strstr(err.why, cases[i].why))
		TH_LOG("%s: %s", cases[i].to, err.why);
	}
}

TEST(too_many_channels_are_refused)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	CLEANUP(mca_freep) struct mca_file *m = NULL;
	struct scan_error err;

	ASSERT_EQ(0, buf_append_str(&text, "<<PMCA SPECTRUM>>\n<<DATA>>\n"));
	for (int i = 0; i < MCA_CHANNELS_MAX; i++)
		ASSERT_EQ(0, buf_append_str(&text, "1\n"));
	ASSERT_EQ(0, buf_append_str(&text, "<<END>>\n"));
	ASSERT_EQ(0, mca_parse(text.data, text.len, &m, &err));
	EXPECT_EQ(MCA_CHANNELS_MAX, m->n_chan);
	m = mca_free(m);

	text.len -= strlen("<<END>>\n");
	ASSERT_EQ(0, buf_append_str(&text, "1\n<<END>>\n"));
	EXPECT_EQ(-EBADMSG, mca_parse(text.data, text.len, &m, &err));
	EXPECT_EQ(MCA_CHANNELS_MAX + 3, err.line);
	EXPECT_STREQ("<<DATA>>", err.field);
}

TEST(nul_bytes_empty_and_huge_files_are_refused)
{
	CLEANUP(mca_freep) struct mca_file *m = NULL;
	char text[sizeof(good)], *huge;
	struct scan_error err;

	memcpy(text, good, sizeof(good));
	*strstr(text, "17\r") = '\0';
	EXPECT_EQ(-EBADMSG, mca_parse(text, sizeof(text) - 1, &m, &err));
	EXPECT_EQ(18, err.line);
	EXPECT_NE(NULL, strstr(err.why, "NUL"));

	EXPECT_EQ(-EBADMSG, mca_parse("", 0, &m, &err));
	EXPECT_NE(NULL, strstr(err.why, "empty"));
	EXPECT_EQ(-EBADMSG, mca_parse("\r\n\r\n", 4, &m, &err));

	huge = calloc(1, MCA_FILE_MAX + 1);
	memset(huge, '\n', MCA_FILE_MAX + 1);
	EXPECT_EQ(-EBADMSG, mca_parse(huge, MCA_FILE_MAX + 1, &m, &err));
	memset(huge, 'x', MCA_FILE_MAX);
	EXPECT_EQ(-EBADMSG, mca_parse(huge, MCA_FILE_MAX, &m, &err));
	free(huge);
	EXPECT_EQ(NULL, m);
}

/* Wherever a file is cut off it is refused or, past the data, whole. */
TEST(every_cut_is_survived)
{
	size_t data_end = (size_t)(strstr(good, "<<END>>") - good) + 7;

	for (size_t len = 0; len < sizeof(good) - 1; len++) {
		struct mca_file *m = NULL;
		struct scan_error err;
		int r;

		r = mca_parse(good, len, &m, &err);
		if (len < data_end)
			ASSERT_EQ(-EBADMSG, r) TH_LOG("%zu", len);
		mca_free(m);
	}
}

/* Every byte replaced by each of some: no crash, and errors say why. */
TEST(every_byte_may_be_wrong)
{
	static const char bytes[] = "\0\n<-9=;:\xff";
	char text[sizeof(good)];

	memcpy(text, good, sizeof(good));
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		for (size_t k = 0; k < sizeof(bytes) - 1; k++) {
			struct mca_file *m = NULL;
			struct scan_error err = { 0 };

			text[i] = bytes[k];
			if (mca_parse(text, sizeof(good) - 1, &m, &err) < 0)
				ASSERT_NE(0, *err.why);
			mca_free(m);
		}
		text[i] = good[i];
	}
}

static bool is_same(const struct mca_file *a, const struct mca_file *b)
{
	return a->n_chan == b->n_chan &&
	       !memcmp(a->counts, b->counts, a->n_chan * sizeof(*a->counts)) &&
	       !strcmp(a->tag, b->tag) &&
	       !strcmp(a->description, b->description) &&
	       !strcmp(a->serial, b->serial) &&
	       !strcmp(a->start_time, b->start_time) &&
	       !memcmp(&a->live_s, &b->live_s, sizeof(double)) &&
	       !memcmp(&a->real_s, &b->real_s, sizeof(double)) &&
	       a->n_points == b->n_points &&
	       !memcmp(a->points, b->points,
		       a->n_points * sizeof(*a->points)) &&
	       a->n_rois == b->n_rois &&
	       !memcmp(a->rois, b->rois, a->n_rois * sizeof(*a->rois)) &&
	       a->config.n == b->config.n &&
	       !memcmp(a->config.commands, b->config.commands,
		       a->config.n * sizeof(*a->config.commands)) &&
	       a->n_status == b->n_status &&
	       !memcmp(a->status, b->status, a->n_status * sizeof(*a->status));
}

TEST(written_file_reads_back_the_same)
{
	CLEANUP(mca_freep) struct mca_file *m = NULL, *back = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct scan_error err;

	ASSERT_EQ(0, parse(good, &m, &err));
	m->points[0].energy = 1.0 / 3;
	ASSERT_EQ(0, mca_write(m, &text));
	ASSERT_EQ(0, mca_parse(text.data, text.len, &back, &err))
	TH_LOG("%d %s %s", err.line, err.field, err.why);
	EXPECT_TRUE(is_same(m, back));
	EXPECT_NE(NULL, strstr(text.data, "TAG - Probe \xb5\x80\r\n"));
	EXPECT_NE(NULL, strstr(text.data, "LIVE_TIME - 12.500000\r\n"));
}

TEST(writing_refuses_what_would_not_read_back)
{
	CLEANUP(mca_freep) struct mca_file *m = NULL;
	CLEANUP(buf_deinit) struct buf text = { 0 };
	struct scan_error err;

	ASSERT_EQ(0, parse(good, &m, &err));
	strcpy(m->tag, "a\n<<DATA>>");
	EXPECT_EQ(-EINVAL, mca_write(m, &text));
	strcpy(m->tag, "\xe4\xba\x9c"); /* no such character in CP1252 */
	EXPECT_EQ(0, mca_write(m, &text));
	EXPECT_NE(NULL, strstr(text.data, "TAG - ?\r\n"));
	m->live_s = -1;
	EXPECT_EQ(-EINVAL, mca_write(m, &text));
	m->live_s = 14;
	EXPECT_EQ(-EINVAL, mca_write(m, &text));
	m->live_s = 1;
	m->n_chan = 0;
	EXPECT_EQ(-EINVAL, mca_write(m, &text));
}

/* All .mca files of a folder: @min of them or more are read, and written and
 * read again are the same. The number of files, 0 when there is no folder. */
static int read_folder(const char *name, int *ret_n_bad)
{
	const char *data = getenv("REESPEC_DATA");
	char path[1024];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", data ? data : "../shared/data",
		 name);
	d = opendir(path);
	*ret_n_bad = 0;
	while (d && (e = readdir(d))) {
		CLEANUP(mca_freep) struct mca_file *m = NULL, *back = NULL;
		CLEANUP(buf_deinit) struct buf text = { 0 }, again = { 0 };
		struct scan_error err = { 0 };
		char file[2048];

		if (!strstr(e->d_name, ".mca"))
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		n++;
		if (buf_read_file(&text, file, MCA_FILE_MAX) < 0 ||
		    mca_parse(text.data, text.len, &m, &err) < 0 ||
		    mca_write(m, &again) < 0 ||
		    mca_parse(again.data, again.len, &back, &err) < 0 ||
		    !is_same(m, back)) {
			(*ret_n_bad)++;
			fprintf(stderr, "# %s: line %d: %s: %s\n", file,
				err.line, err.field, err.why);
		}
	}
	if (d)
		closedir(d);
	return n;
}

TEST(measured_amptek_files_are_read)
{
	int n, n_bad;

	n = read_folder("real/amptek-sdd", &n_bad);
	if (!n)
		SKIP(return, "REESPEC_DATA/real/amptek-sdd is not there");
	EXPECT_EQ(4, n);
	EXPECT_EQ(0, n_bad);
}

TEST(simulated_spectra_are_read)
{
	int n, n_bad;

	n = read_folder("spectra/sdd-l", &n_bad);
	if (!n)
		SKIP(return, "REESPEC_DATA/spectra is not there");
	EXPECT_EQ(12, n);
	EXPECT_EQ(0, n_bad);
	EXPECT_EQ(12, read_folder("spectra/cdte-k", &n_bad));
	EXPECT_EQ(0, n_bad);
}

TEST(other_formats_of_that_name_are_refused)
{
	int n, n_bad;

	n = read_folder("real/synchrotron-gsecars", &n_bad);
	if (!n)
		SKIP(return, "REESPEC_DATA/real is not there");
	EXPECT_EQ(n, n_bad);
}

TEST_HARNESS_MAIN
