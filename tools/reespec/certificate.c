// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One page in points, A4 upright: who, what and when; the rare earths as
 * element and oxide, each with expanded uncertainty and L_D, below them sums and
 * activity, beside them the other elements of the method likewise; and at the
 * foot the place of the record in the ledger, in words and as a QR code that
 * holds the same. Nothing stands here that the record does not say.
 *
 * It stays one page: rows and letters are as large as there is room for, what is
 * not of the contents ends at FACTS_END, and where rows would be closer than
 * ROW_MIN the other elements below L_C are there by name alone.
 */
#include "reespec/certificate.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <qrencode.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "reespec/axes.h"
#include "reespec/certificate_table.h"
#include "reespec/later.h"
#include "reespec/loss_text.h"
#include "reespec/print.h"
#include "reespec/result.h"

#define WIDTH 595.0
#define HEIGHT 842.0
#define MARGIN 50.0
#define ROW 13.2
#define QR_SIZE 104.0
#define MEMBERS_ROW 8.5
#define SIZE_SMALL 6.5
/* Longer than any name or key. */
#define FACT_MAX 400
#define AMENDED_MAX 3
#define LEFT_END 290.0
#define RIGHT_START 305.0
#define HEADING 24.0
/* What stands at the foot begins here. */
#define CONTENTS_END (HEIGHT - MARGIN - QR_SIZE - 58)
/* Behind it the contents of a method of all rare earths have no room. */
#define FACTS_END 330.0
/* Closer than this rows are hard to follow. */
#define ROW_MIN 8.5
#define SIZE_CONTENTS 8.5
#define ACTIVITY_ROWS 3
/* Room below the table for names of elements that are not in it. */
#define LEFT_OUT_ROWS 4

struct sheet {
	struct canvas *c;
	double y;
	bool is_right; /* the next fact stands beside the last */
	int n_more; /* facts that had no room */
	/* Of the contents: from row to row, and the letters. */
	double step, size;
};

static void rule(struct sheet *p, double width)
{
	canvas_colour(p->c, &axes_soft);
	canvas_line_width(p->c, width);
	canvas_line(p->c, MARGIN, p->y, WIDTH - MARGIN, p->y);
	canvas_colour(p->c, &axes_ink);
}

static void heading_to(struct sheet *p, const char *text, double left,
		       double right)
{
	p->y += 18;
	canvas_font(p->c, 10.5, true);
	canvas_text(p->c, left, p->y, 0, text);
	p->y += 5;
	canvas_colour(p->c, &axes_soft);
	canvas_line_width(p->c, 0.6);
	canvas_line(p->c, left, p->y, right, p->y);
	canvas_colour(p->c, &axes_ink);
	p->y += 1;
}

/* Bytes of @text for a line @width wide, cut behind a blank where there is
 * one, and never within a character. */
static size_t line_len(struct canvas *c, const char *text, double width)
{
	char line[FACT_MAX];
	size_t n = 0, cut = 0;

	snprintf(line, sizeof(line), "%s", text);
	n = strlen(line);
	while (n && canvas_text_width(c, line) > width) {
		do {
			n--;
		} while (n && ((unsigned char)line[n] & 0xc0) == 0x80);
		line[n] = 0;
	}
	for (size_t i = 0; text[n] && i < n; i++)
		if (line[i] == ' ')
			cut = i + 1;
	return cut ? cut : n;
}

/* What is longer than two lines goes on in the record alone. */
static void draw_value(struct sheet *p, double x, double width,
		       const char *value)
{
	size_t len = line_len(p->c, value, width);
	char line[FACT_MAX + 8];

	snprintf(line, sizeof(line), "%.*s", (int)len, value);
	canvas_text(p->c, x, p->y + ROW, 0, line);
	value += len;
	if (!*value)
		return;
	p->y += ROW;
	len = line_len(p->c, value, width - 8);
	snprintf(line, sizeof(line), "%.*s%s", (int)len, value,
		 value[len] ? "…" : "");
	canvas_text(p->c, x, p->y + ROW, 0, line);
}

static void end_row(struct sheet *p)
{
	if (p->is_right)
		p->y += ROW;
	p->is_right = false;
}

/* "name   value" in the left half, then in the right one; what has no room
 * there has rows of its own. */
static void fact(struct sheet *p, const char *name, const char *value)
{
	const double right = WIDTH / 2 + 20;
	double at, x, width;
	bool is_long;

	canvas_font(p->c, 9, false);
	at = canvas_text_width(p->c, name) + 6;
	at = at > 68 ? at : 68;
	width = at + canvas_text_width(p->c, value);
	if (width > WIDTH - MARGIN - right)
		end_row(p);
	is_long = width > right - MARGIN - 8;
	/* One row is for how many had no room. */
	if (p->n_more || p->y + (is_long ? 3 : 2) * ROW > FACTS_END) {
		p->n_more++;
		return;
	}
	x = p->is_right ? right : MARGIN;
	canvas_colour(p->c, &axes_soft);
	canvas_text(p->c, x, p->y + ROW, 0, name);
	canvas_colour(p->c, &axes_ink);
	draw_value(p, x + at, is_long ? WIDTH - MARGIN - x - at : WIDTH, value);
	p->is_right = !p->is_right;
	if (is_long)
		end_row(p);
	else if (!p->is_right)
		p->y += ROW;
}

static void draw_facts(struct sheet *p, const struct record *r,
		       const char *operator)
{
	const char *started = js_text(r->json, "started");
	json_t *contents = result_contents(r->json);
	const bool is_well = !strcmp(js_text(contents, "verdict"), "accepted");
	json_t *decision = js_get(contents, "decision");
	char text[300];

	snprintf(text, sizeof(text), "%s%s", r->head.serial,
		 r->head.is_simulated ? " (simulated)" : "");
	fact(p, "Sample", js_text(r->json, "sample"));
	fact(p, "Instrument", text);
	fact(p, "Method", result_method(r->json));
	snprintf(text, sizeof(text), "%s (uid %u)", *operator ? operator : "?",
		 r->head.uid);
	fact(p, "Operator", text);
	if (*started)
		fact(p, "Started", print_local_time(started).text);
	fact(p, "Time", print_local_time(r->head.time).text);
	snprintf(text, sizeof(text), "%.1f s live, %.1f s real, dead %.1f %%",
		 js_number(r->json, "live_s"), js_number(r->json, "real_s"),
		 100 * js_number(r->json, "dead"));
	fact(p, "Counting", text);
	snprintf(text, sizeof(text), "χ² %.2f of %.0f channels",
		 js_number(js_get(contents, "fit"), "chi2"),
		 js_number(js_get(contents, "fit"), "channels"));
	fact(p, "Fit", text);
	snprintf(text, sizeof(text), "%s%s%s", js_text(contents, "verdict"),
		 is_well ? "" : ": ",
		 is_well ? "" : js_text(contents, "verdict_why"));
	fact(p, "Verdict", text);
	if (!decision)
		return;
	snprintf(text, sizeof(text), "%s: %s", result_decision(contents),
		 js_text(decision, "why"));
	fact(p, "Decision", text);
}

/* What later records say of this one; of many amendments the first ones. */
static void draw_later(struct sheet *p, json_t *record)
{
	json_t *amended = js_get(record, "amended");
	const size_t n = js_len(amended);
	const char *by = js_text(record, "corrected_by");
	char text[FACT_MAX];

	snprintf(text, sizeof(text), "by record %s", by);
	if (*by)
		fact(p, "Corrected", text);
	for (size_t i = 0; i < n && i < AMENDED_MAX; i++) {
		later_text(js_at(amended, i), text, sizeof(text));
		fact(p, "Amended", text);
	}
	if (n > AMENDED_MAX) {
		snprintf(text, sizeof(text), "%zu more: reespec show",
			 n - AMENDED_MAX);
		fact(p, "Amended", text);
	}
}

/* Quality control, what later records say, what the sample is, as it was given,
 * and the first six keys, as far as there is room. */
static void draw_identity(struct sheet *p, json_t *record, const char *quality)
{
	const char *kind = js_text(record, "sample_kind");
	json_t *value;
	const char *key;
	char text[60];
	int n = 0;

	fact(p, "Quality", quality);
	draw_later(p, record);
	if (*kind && strcmp(kind, "sample") != 0)
		fact(p, "Kind", kind);
	for (void *it = NULL;
	     n < 6 && js_next(js_get(record, "keys"), &it, &key, &value); n++) {
		const char *word = "";

		js_str_value(value, &word, NULL);
		fact(p, key, word);
	}
	end_row(p);
	if (!p->n_more)
		return;
	snprintf(text, sizeof(text), "%d more: reespec show", p->n_more);
	p->n_more = 0;
	canvas_colour(p->c, &axes_soft);
	canvas_text(p->c, MARGIN, p->y + ROW, 0, text);
	canvas_colour(p->c, &axes_ink);
	p->y += ROW;
}

/* ---- contents ------------------------------------------------------------- */

static const char *const sum_names[] = { "TREO", "LREO", "HREO", "MREO",
					 "CREO" };

static void draw_sum(struct sheet *p, const char *name, json_t *sum)
{
	struct content_cells c;
	char text[160];

	print_sum(&c, sum, 2);
	p->y += p->step;
	canvas_text(p->c, MARGIN, p->y, 0, name);
	snprintf(text, sizeof(text), "%s%s%s %s", c.value.text,
		 c.is_censored ? "" : " " PRINT_PM_PAGE " ",
		 c.is_censored ? "" : c.u.text, c.unit);
	canvas_text(p->c, 166, p->y, 1, text);
	snprintf(text, sizeof(text), "%s%s%s%.0f of %.0f below L_C",
		 *c.ld.text ? "L_D " : "", c.ld.text, *c.ld.text ? ", " : "",
		 js_number(sum, "censored"), js_number(sum, "members"));
	canvas_colour(p->c, &axes_soft);
	canvas_text(p->c, 174, p->y, 0, text);
	canvas_colour(p->c, &axes_ink);
}

static size_t n_sums(json_t *contents)
{
	json_t *sums = js_get(contents, "sums");
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sum_names); i++)
		n += js_get(sums, sum_names[i]) != NULL;
	return n;
}

static void draw_sums(struct sheet *p, json_t *contents)
{
	json_t *sums = js_get(contents, "sums");

	if (!n_sums(contents))
		return;
	heading_to(p, "Sums of oxides", MARGIN, LEFT_END);
	canvas_font(p->c, p->size, false);
	for (size_t i = 0; i < ARRAY_SIZE(sum_names); i++)
		if (js_get(sums, sum_names[i]))
			draw_sum(p, sum_names[i], js_get(sums, sum_names[i]));
}

/* A name and, from @left to @right, the words of it, on as many lines as they
 * need. */
static void draw_words(struct sheet *p, const char *name, double left,
		       double right, json_t *words)
{
	double x = left;

	p->y += MEMBERS_ROW;
	canvas_text(p->c, left, p->y, 0, name);
	x += canvas_text_width(p->c, name) + 4;
	left += 32;
	x = x > left ? x : left;
	for (size_t i = 0; i < js_len(words); i++) {
		const char *word = "";
		double width;

		js_str_value(js_at(words, i), &word, NULL);
		width = canvas_text_width(p->c, word);
		if (x + width > right) {
			x = left;
			p->y += MEMBERS_ROW;
		}
		canvas_text(p->c, x, p->y, 0, word);
		x += width + 4;
	}
}

/* Definitions of sums vary: those of this record, where the page has room. */
static void draw_definitions(struct sheet *p, json_t *contents)
{
	json_t *sums = js_get(contents, "sums");

	/* The longest one takes two lines. */
	if (p->y + (ARRAY_SIZE(sum_names) + 2) * MEMBERS_ROW > CONTENTS_END)
		return;
	p->y += 4;
	canvas_font(p->c, SIZE_SMALL, false);
	canvas_colour(p->c, &axes_soft);
	for (size_t i = 0; i < ARRAY_SIZE(sum_names); i++) {
		json_t *oxides = js_get(js_get(sums, sum_names[i]), "oxides");

		if (js_len(oxides))
			draw_words(p, sum_names[i], MARGIN, LEFT_END, oxides);
	}
	canvas_colour(p->c, &axes_ink);
}

/* Thorium and uranium as activities, with k = 2. */
static void draw_activity(struct sheet *p, json_t *contents)
{
	json_t *a = js_get(contents, "activity");
	char text[160];

	if (!result_has_activity(contents))
		return;
	heading_to(p, "Activity", MARGIN, LEFT_END);
	canvas_font(p->c, p->size, false);
	p->y += p->step;
	snprintf(text, sizeof(text), "Th-232 %s",
		 print_measured(js_number(a, "th232_bq_g"),
				js_number(a, "u_th232_bq_g"), 2, "Bq/g",
				PRINT_PM_PAGE)
			 .text);
	canvas_text(p->c, MARGIN, p->y, 0, text);
	snprintf(text, sizeof(text), "U-238 %s",
		 print_measured(js_number(a, "u238_bq_g"),
				js_number(a, "u_u238_bq_g"), 2, "Bq/g",
				PRINT_PM_PAGE)
			 .text);
	canvas_text(p->c, 174, p->y, 0, text);
	p->y += p->step;
	snprintf(text, sizeof(text),
		 "probability above 1 Bq/g: %s, above 10 Bq/g: %s",
		 print_probability(js_number(a, "p_above_1_bq_g")).text,
		 print_probability(js_number(a, "p_above_10_bq_g")).text);
	canvas_text(p->c, MARGIN, p->y, 0, text);
	p->y += p->step;
	canvas_font(p->c, SIZE_SMALL, false);
	canvas_colour(p->c, &axes_soft);
	canvas_text(
		p->c, MARGIN, p->y, 0,
		"from Th and U assay, equilibrium assumed, not a radiometric result");
	canvas_colour(p->c, &axes_ink);
}

static void draw_table(struct sheet *p, const char *name,
		       const struct certificate_table *t, double left,
		       double right)
{
	heading_to(p, name, left, right);
	certificate_table_draw(t, p->c, left, right, p->y, p->step, p->size);
	p->y += (double)t->n * p->step;
}

static void draw_left_out(struct sheet *p, json_t *symbols)
{
	if (!js_len(symbols))
		return;
	p->y += 4;
	canvas_font(p->c, SIZE_SMALL, false);
	canvas_colour(p->c, &axes_soft);
	draw_words(p, "below L_C:", RIGHT_START, WIDTH - MARGIN, symbols);
	canvas_colour(p->c, &axes_ink);
}

/* From row to row, where @n of them and headings stand between here and the
 * foot. */
static double step_of(const struct sheet *p, size_t n_headings, size_t n)
{
	const double step =
		(CONTENTS_END - p->y - (double)n_headings * HEADING) /
		(double)n;

	return step < ROW ? step : ROW;
}

/* Two halves that begin at one height, in rows and letters of one size. */
static void draw_contents(struct sheet *p, json_t *contents)
{
	CLEANUP(js_freep) json_t *left_out = js_array();
	const size_t n_below = n_sums(contents);
	const bool is_active = result_has_activity(contents);
	struct certificate_table rare, others;
	struct sheet right;
	double step;

	certificate_table_fill(&rare, contents, true);
	certificate_table_fill(&others, contents, false);
	p->step = step_of(p, 1U + !!n_below + is_active,
			  rare.n + n_below + (is_active ? ACTIVITY_ROWS : 0));
	step = step_of(p, 1, others.n);
	if (step < ROW_MIN) {
		certificate_table_shorten(&others, left_out);
		step = step_of(p, 1, others.n + LEFT_OUT_ROWS);
	}
	p->step = step < p->step ? step : p->step;
	p->size = 0.8 * p->step;
	p->size = p->size < SIZE_CONTENTS ? p->size : SIZE_CONTENTS;
	p->size =
		certificate_table_size(&rare, p->c, LEFT_END - MARGIN, p->size);
	p->size = certificate_table_size(&others, p->c,
					 WIDTH - MARGIN - RIGHT_START, p->size);
	right = *p;
	if (rare.n > 1)
		draw_table(p, "Rare earths", &rare, MARGIN, LEFT_END);
	draw_sums(p, contents);
	draw_activity(p, contents);
	draw_definitions(p, contents);
	if (others.n > 1)
		draw_table(&right, "Other elements", &others, RIGHT_START,
			   WIDTH - MARGIN);
	draw_left_out(&right, left_out);
}

/* In two lines at most; the record has them all. */
static void draw_flags(struct sheet *p, json_t *contents)
{
	json_t *flags = js_get(contents, "flags");
	char text[FACT_MAX] = "";
	size_t len, before;

	loss_text(contents, 2, PRINT_PM_PAGE, text, sizeof(text));
	before = len = strlen(text);
	for (size_t i = 0; i < js_len(flags) && len < sizeof(text); i++) {
		const char *flag = "";

		js_str_value(js_at(flags, i), &flag, NULL);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
					i	 ? "; "
					: before ? ". Flags: "
						 : "Flags: ",
					result_flag_text(flag));
	}
	p->y = CONTENTS_END + 14 - ROW;
	canvas_font(p->c, 7.5, false);
	draw_value(p, MARGIN, WIDTH - 2 * MARGIN, text);
	p->y = CONTENTS_END + 39;
	canvas_colour(p->c, &axes_soft);
	canvas_text(
		p->c, MARGIN, p->y, 0,
		"U and each " PRINT_PM_PAGE
		": expanded uncertainty, k = 2 (in tables of reespec " PRINT_PM_PAGE
		" is k = 1). \"<\": below the decision limit L_C, L_D stands for it.");
	canvas_colour(p->c, &axes_ink);
}

/* ---- what vouches for it -------------------------------------------------- */

/* Black squares on white, with the margin that readers want. */
static int draw_qr(struct canvas *c, const char *text, double x, double y)
{
	static const struct canvas_colour black = { 0, 0, 0 };
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	double size;

	if (!code)
		return errno ? -errno : -EINVAL;
	size = QR_SIZE / (code->width + 8);
	canvas_colour(c, &black);
	for (int row = 0; row < code->width; row++) {
		for (int k = 0; k < code->width; k++)
			/* Bit 0: dark. A hair wider: no seams between them. */
			if (code->data[row * code->width + k] & 1)
				canvas_box(c, x + (k + 4) * size,
					   y + (row + 4) * size, size + 0.02,
					   size + 0.02, true);
	}
	canvas_colour(c, &axes_ink);
	QRcode_free(code);
	return 0;
}

static void small(struct sheet *p, const char *name, const char *value)
{
	canvas_font(p->c, 7.5, false);
	canvas_colour(p->c, &axes_soft);
	canvas_text(p->c, MARGIN, p->y, 0, name);
	canvas_colour(p->c, &axes_ink);
	canvas_text(p->c, MARGIN + 52, p->y, 0, value);
	p->y += 11;
}

/* A long word in two lines. */
static void small_long(struct sheet *p, const char *name, const char *value)
{
	size_t half = (strlen(value) + 1) / 2;
	char text[200];

	if (strlen(value) <= 72) {
		small(p, name, value);
		return;
	}
	snprintf(text, sizeof(text), "%.*s", (int)half, value);
	small(p, name, text);
	small(p, "", value + half);
}

static int draw_evidence(struct sheet *p, const struct record *r,
			 const char *key)
{
	char text[600];
	double top = HEIGHT - MARGIN - QR_SIZE;
	int e;

	p->y = top - 12;
	rule(p, 0.6);
	snprintf(text, sizeof(text),
		 "reespec ledger %s record %" PRIu64 " sha256 %s sig %s",
		 r->head.ledger, r->head.seq, r->chain.hash, r->chain.sig);
	e = draw_qr(p->c, text, WIDTH - MARGIN - QR_SIZE, top - 4);
	if (e < 0)
		return e;
	p->y = top + 6;
	snprintf(text, sizeof(text), "%" PRIu64 " of ledger %s", r->head.seq,
		 r->head.ledger);
	small(p, "Record", text);
	small_long(p, "SHA-256", r->chain.hash);
	small_long(p, "Signature", *r->chain.sig ? r->chain.sig : "none");
	small_long(p, "Key", key);
	for (size_t i = 0; i < r->head.n_blobs && i < 1; i++)
		small_long(p, "Spectrum", r->head.blobs[i].sha256);
	p->y += 3;
	canvas_font(p->c, 7.5, false);
	canvas_colour(p->c, &axes_soft);
	canvas_text(
		p->c, MARGIN, p->y, 0,
		"The record itself, by reespec report --json, is the certificate that reespec verify");
	canvas_text(
		p->c, MARGIN, p->y + 9, 0,
		"checks by the public key of the laboratory; this page shows it to people.");
	canvas_text(
		p->c, MARGIN, p->y + 18, 0,
		"Under no signature: the operator's name, quality, and what later records say.");
	return 0;
}

int certificate_write(const struct record *r,
		      const struct certificate_says *says, const char *path)
{
	json_t *contents = result_contents(r->json);
	struct sheet p = { .y = MARGIN };
	char quality[160];
	int e, end;

	e = canvas_new_page(path, WIDTH, HEIGHT, &p.c);
	if (e < 0)
		return e;
	canvas_colour(p.c, &axes_ink);
	canvas_font(p.c, 18, true);
	canvas_text(p.c, MARGIN, p.y + 8, 0, "Certificate of assay");
	canvas_font(p.c, 9, false);
	canvas_colour(p.c, &axes_soft);
	canvas_text(p.c, WIDTH - MARGIN, p.y + 8, 1,
		    "X-ray fluorescence, fundamental parameters");
	p.y += 18;
	rule(&p, 1.2);
	p.y += 4;
	draw_facts(&p, r, says->operator);
	quality_text(&says->quality, quality, sizeof(quality));
	draw_identity(&p, r->json, quality);
	draw_contents(&p, contents);
	draw_flags(&p, contents);
	e = draw_evidence(&p, r, says->key);
	end = canvas_end(p.c);
	return e < 0 ? e : end;
}
