// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One page in points, A4 upright: who, what and when; the rare earths as
 * element and oxide with expanded uncertainty, below them sums and activity,
 * beside them the other elements of the method; and at the foot the place of
 * the record in the ledger, in words and as a QR code that holds
 * the same. Nothing stands here that the record does not say.
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
#include "reespec/known.h"
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
/* Longer than any name or key. */
#define FACT_MAX 400
#define AMENDED_MAX 3

struct sheet {
	struct canvas *c;
	double y;
	bool is_right; /* the next fact stands beside the last */
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
	const double half = WIDTH - MARGIN - right;
	double at, x;
	bool is_long;

	canvas_font(p->c, 9, false);
	at = canvas_text_width(p->c, name) + 6;
	at = at > 68 ? at : 68;
	is_long = at + canvas_text_width(p->c, value) > half;
	if (is_long)
		end_row(p);
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

	for (size_t i = 0; i < n && i < AMENDED_MAX; i++) {
		later_text(js_at(amended, i), text, sizeof(text));
		fact(p, "Amended", text);
	}
	if (n > AMENDED_MAX) {
		snprintf(text, sizeof(text), "%zu more: reespec show",
			 n - AMENDED_MAX);
		fact(p, "Amended", text);
	}
	snprintf(text, sizeof(text), "by record %s", by);
	if (*by)
		fact(p, "Corrected", text);
}

/* Quality control; what the sample is, as it was given; the first six keys. */
static void draw_identity(struct sheet *p, json_t *record, const char *quality)
{
	const char *kind = js_text(record, "sample_kind");
	json_t *value;
	const char *key;
	int n = 0;

	fact(p, "Quality", quality);
	if (*kind && strcmp(kind, "sample") != 0)
		fact(p, "Kind", kind);
	for (void *it = NULL;
	     n < 6 && js_next(js_get(record, "keys"), &it, &key, &value); n++) {
		const char *text = "";

		js_str_value(value, &text, NULL);
		fact(p, key, text);
	}
	draw_later(p, record);
	end_row(p);
}

/* ---- contents ------------------------------------------------------------- */

/* Where a column ends, or begins when it is of words. */
struct column {
	double x;
	bool is_left;
};

static const struct column rare[] = {
	{ MARGIN, true }, { 100, false }, { 134, false },
	{ 171, false },	  { 175, true },  { 200, true },
	{ 264, false },	  { 296, false }, { 301, true },
};
static const struct column others[] = { { 340, true },
					{ 398, false },
					{ 446, false },
					{ 490, false },
					{ 495, true } };
#define OTHERS_LEFT 340.0
#define RARE_RIGHT 322.0
/* What stands at the foot begins here. */
#define CONTENTS_END (HEIGHT - MARGIN - QR_SIZE - 46)

static void cells(struct sheet *p, const struct column *columns, size_t n,
		  double step, const char *const *texts)
{
	p->y += step;
	for (size_t i = 0; i < n; i++)
		canvas_text(p->c, columns[i].x, p->y,
			    columns[i].is_left ? 0 : 1, texts[i]);
}

static json_t *find(json_t *list, const char *key, const char *value)
{
	for (size_t i = 0; i < js_len(list); i++)
		if (!strcmp(js_text(js_at(list, i), key), value))
			return js_at(list, i);
	return NULL;
}

/* An element with its expanded uncertainty; below L_C there is a limit. */
static void read_element(json_t *e, struct content_cells *ret)
{
	print_content(ret, js_number(e, "content_mg_kg"),
		      js_number(e, "u_expanded_mg_kg"),
		      js_number(e, "lc_mg_kg"), js_number(e, "ld_mg_kg"));
}

/* The oxide shows no more than the element. */
static void draw_element(struct sheet *p, json_t *e, json_t *oxides)
{
	const char *symbol = js_text(e, "symbol");
	json_t *oxide = find(oxides, "symbol", symbol);
	double factor = js_number(oxide, "factor");
	struct content_cells c, o;

	read_element(e, &c);
	print_content(&o, js_number(oxide, "content_mg_kg"),
		      js_number(oxide, "u_expanded_mg_kg"),
		      factor * js_number(e, "lc_mg_kg"),
		      factor * js_number(e, "ld_mg_kg"));
	canvas_colour(p->c, c.is_censored ? &axes_soft : &axes_ink);
	cells(p, rare, ARRAY_SIZE(rare), ROW,
	      (const char *const[]){
		      symbol, c.value.text, c.is_censored ? "" : c.u.text,
		      c.ld.text, c.unit, js_text(oxide, "formula"),
		      isfinite(factor) ? o.value.text : "",
		      isfinite(factor) && !o.is_censored ? o.u.text : "",
		      isfinite(factor) ? o.unit : "" });
	canvas_colour(p->c, &axes_ink);
}

static void draw_rare(struct sheet *p, json_t *contents)
{
	json_t *elements = js_get(contents, "elements");
	json_t *oxides = js_get(contents, "oxides");

	heading_to(p, "Rare earths", MARGIN, RARE_RIGHT);
	canvas_font(p->c, 8.5, false);
	canvas_colour(p->c, &axes_soft);
	cells(p, rare, ARRAY_SIZE(rare), ROW,
	      (const char *const[]){ "", "content", "U", "L_D", "", "oxide",
				     "content", "U", "" });
	canvas_colour(p->c, &axes_ink);
	for (size_t i = 0; i < js_len(elements); i++)
		if (known_is_rare_earth(js_text(js_at(elements, i), "symbol")))
			draw_element(p, js_at(elements, i), oxides);
}

static size_t count_others(json_t *elements)
{
	size_t n = 0;

	for (size_t i = 0; i < js_len(elements); i++)
		n += !known_is_rare_earth(
			js_text(js_at(elements, i), "symbol"));
	return n;
}

/* All that the method looks for, thorium and uranium among them; as many as
 * there are fit between @p->y and the foot. */
static void draw_others(struct sheet *p, json_t *contents)
{
	json_t *elements = js_get(contents, "elements");
	const size_t n = count_others(elements);
	struct content_cells c;
	double step = ROW;

	if (!n)
		return;
	heading_to(p, "Other elements", OTHERS_LEFT, WIDTH - MARGIN);
	if ((double)(n + 1) * step > CONTENTS_END - p->y)
		step = (CONTENTS_END - p->y) / (double)(n + 1);
	canvas_font(p->c, step < 10 ? 0.8 * step : 8.5, false);
	canvas_colour(p->c, &axes_soft);
	cells(p, others, ARRAY_SIZE(others), step,
	      (const char *const[]){ "", "content", "U (k = 2)", "L_D", "" });
	for (size_t i = 0; i < js_len(elements); i++) {
		json_t *e = js_at(elements, i);

		if (known_is_rare_earth(js_text(e, "symbol")))
			continue;
		read_element(e, &c);
		canvas_colour(p->c, c.is_censored ? &axes_soft : &axes_ink);
		cells(p, others, ARRAY_SIZE(others), step,
		      (const char *const[]){ js_text(e, "symbol"), c.value.text,
					     c.is_censored ? "" : c.u.text,
					     c.ld.text, c.unit });
	}
	canvas_colour(p->c, &axes_ink);
}

static const char *const sum_names[] = { "TREO", "LREO", "HREO", "MREO",
					 "CREO" };

static void draw_sum(struct sheet *p, const char *name, json_t *sum)
{
	struct content_cells c;
	char text[160];

	print_sum(&c, sum, 2);
	p->y += ROW;
	canvas_text(p->c, MARGIN, p->y, 0, name);
	snprintf(text, sizeof(text), "%s%s%s %s", c.value.text,
		 c.is_censored ? "" : " ± ", c.is_censored ? "" : c.u.text,
		 c.unit);
	canvas_text(p->c, 184, p->y, 1, text);
	snprintf(text, sizeof(text), "%s%s%s%.0f of %.0f below L_C",
		 *c.ld.text ? "L_D " : "", c.ld.text, *c.ld.text ? ", " : "",
		 js_number(sum, "censored"), js_number(sum, "members"));
	canvas_colour(p->c, &axes_soft);
	canvas_text(p->c, 194, p->y, 0, text);
	canvas_colour(p->c, &axes_ink);
}

static void draw_sums(struct sheet *p, json_t *contents)
{
	json_t *sums = js_get(contents, "sums");

	heading_to(p, "Sums of oxides", MARGIN, RARE_RIGHT);
	canvas_font(p->c, 8.5, false);
	for (size_t i = 0; i < ARRAY_SIZE(sum_names); i++)
		if (js_get(sums, sum_names[i]))
			draw_sum(p, sum_names[i], js_get(sums, sum_names[i]));
}

/* What a sum is of, small, on as many lines as it needs. */
static void draw_members(struct sheet *p, const char *name, json_t *oxides)
{
	double x = MARGIN + 32;

	p->y += MEMBERS_ROW;
	canvas_text(p->c, MARGIN, p->y, 0, name);
	for (size_t i = 0; i < js_len(oxides); i++) {
		const char *oxide = "";
		double width;

		js_str_value(js_at(oxides, i), &oxide, NULL);
		width = canvas_text_width(p->c, oxide);
		if (x + width > RARE_RIGHT) {
			x = MARGIN + 32;
			p->y += MEMBERS_ROW;
		}
		canvas_text(p->c, x, p->y, 0, oxide);
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
	canvas_font(p->c, 6.5, false);
	canvas_colour(p->c, &axes_soft);
	for (size_t i = 0; i < ARRAY_SIZE(sum_names); i++) {
		json_t *oxides = js_get(js_get(sums, sum_names[i]), "oxides");

		if (js_len(oxides))
			draw_members(p, sum_names[i], oxides);
	}
	canvas_colour(p->c, &axes_ink);
}

/* Thorium and uranium as activities, with k = 2. */
static void draw_activity(struct sheet *p, json_t *contents)
{
	json_t *a = js_get(contents, "activity");
	char text[160];

	if (!a)
		return;
	heading_to(p, "Activity", MARGIN, RARE_RIGHT);
	canvas_font(p->c, 8.5, false);
	p->y += ROW;
	snprintf(text, sizeof(text), "Th-232 %s Bq/g",
		 print_measured(js_number(a, "th232_bq_g"),
				js_number(a, "u_th232_bq_g"), 2)
			 .text);
	canvas_text(p->c, MARGIN, p->y, 0, text);
	snprintf(text, sizeof(text), "U-238 %s Bq/g",
		 print_measured(js_number(a, "u238_bq_g"),
				js_number(a, "u_u238_bq_g"), 2)
			 .text);
	canvas_text(p->c, 184, p->y, 0, text);
	p->y += ROW;
	snprintf(text, sizeof(text),
		 "probability above 1 Bq/g: %s, above 10 Bq/g: %s",
		 print_probability(js_number(a, "p_above_1_bq_g")).text,
		 print_probability(js_number(a, "p_above_10_bq_g")).text);
	canvas_text(p->c, MARGIN, p->y, 0, text);
	p->y += 11;
	canvas_font(p->c, 7.5, false);
	canvas_colour(p->c, &axes_soft);
	canvas_text(
		p->c, MARGIN, p->y, 0,
		"from Th and U assay, equilibrium assumed, not a radiometric result");
	canvas_colour(p->c, &axes_ink);
}

/* Two halves that begin at one height. */
static void draw_contents(struct sheet *p, json_t *contents)
{
	struct sheet right = *p;

	draw_rare(p, contents);
	draw_sums(p, contents);
	draw_activity(p, contents);
	draw_definitions(p, contents);
	draw_others(&right, contents);
}

/* In two lines at most; the record has them all. */
static void draw_flags(struct sheet *p, json_t *contents)
{
	json_t *flags = js_get(contents, "flags");
	char text[FACT_MAX] = "";
	size_t len, before;

	loss_text(contents, text, sizeof(text));
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
	p->y = CONTENTS_END + 10 - ROW;
	canvas_font(p->c, 7.5, false);
	draw_value(p, MARGIN, WIDTH - 2 * MARGIN, text);
	p->y = CONTENTS_END + 28;
	canvas_colour(p->c, &axes_soft);
	canvas_text(
		p->c, MARGIN, p->y, 0,
		"U: expanded uncertainty, k = 2. \"<\": below the decision limit L_C; the detection limit L_D stands for it.");
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
