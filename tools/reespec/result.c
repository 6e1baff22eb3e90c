// SPDX-License-Identifier: GPL-2.0-or-later
/* A result as a table for people, from the JSON of its record. */
#include "reespec/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "assay/report.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "reespec/instruments.h"
#include "reespec/loss_text.h"
#include "reespec/print.h"

#define ROWS_MAX 128

/* One element as it is shown. */
struct row {
	const char *symbol;
	const char *oxide;
	double content;
	double u;
	double lc, ld, loq;
	double oxide_content, oxide_u;
	double known;
	int order;
};

/* Rare earths come first, by atomic number with Y and Sc at their end. */
static int order_of(const char *symbol)
{
	int z = known_atomic_number(symbol);

	if (z == 39)
		return 72;
	if (z == 21)
		return 73;
	return known_is_rare_earth(symbol) ? z : 100 + z;
}

static json_t *find_oxide(json_t *body, const char *symbol)
{
	json_t *oxides = js_get(body, "oxides");

	for (size_t i = 0; i < js_len(oxides); i++)
		if (!strcmp(js_text(js_at(oxides, i), "symbol"), symbol))
			return js_at(oxides, i);
	return NULL;
}

static int by_order(const void *a, const void *b)
{
	return ((const struct row *)a)->order - ((const struct row *)b)->order;
}

static size_t read_rows(json_t *body, const struct known *known,
			struct row rows[ROWS_MAX])
{
	json_t *elements = js_get(body, "elements");
	size_t n = 0;

	for (size_t i = 0; i < js_len(elements) && n < ROWS_MAX; i++) {
		json_t *e = js_at(elements, i);
		struct row *row = &rows[n++];
		json_t *oxide;

		row->symbol = js_text(e, "symbol");
		row->content = js_number(e, "content_mg_kg");
		row->u = js_number(e, "u_mg_kg");
		row->lc = js_number(e, "lc_mg_kg");
		row->ld = js_number(e, "ld_mg_kg");
		row->loq = js_number(e, "loq_mg_kg");
		row->known = known_get(known, row->symbol);
		row->order = order_of(row->symbol);
		oxide = find_oxide(body, row->symbol);
		row->oxide = js_text(oxide, "formula");
		row->oxide_content = js_number(oxide, "content_mg_kg");
		row->oxide_u = js_number(oxide, "u_mg_kg");
	}
	qsort(rows, n, sizeof(*rows), by_order);
	return n;
}

static struct cell difference(double value, double known, double u)
{
	struct cell cell = { "" };

	/* A relative difference to what u hides says nothing. */
	if (!isfinite(known) || known <= 0 || !(3 * u < known))
		return cell;
	snprintf(cell.text, sizeof(cell.text), "%.30s %%",
		 print_signed(100 * (value - known) / known, 1).text);
	return cell;
}

static struct cell known_cell(const struct content_cells *like, double mg_kg)
{
	struct cell cell = { "" };
	struct content_cells own;

	if (!isfinite(mg_kg))
		return cell;
	/* Never shown to fewer than three digits, whatever u is. */
	print_content(&own, mg_kg, NAN, NAN, NAN);
	if (own.unit_mg_kg == like->unit_mg_kg && own.decimals > like->decimals)
		return own.value;
	return print_like(like, mg_kg);
}

static void add_element(struct table *t, const struct row *row, bool has_known)
{
	struct content_cells c;
	struct cell oxide = { "" };

	print_content(&c, row->content, row->u, row->lc, row->ld);
	if (*row->oxide && !c.is_censored)
		oxide = print_rounded(row->oxide_content / c.unit_mg_kg,
				      row->oxide_u / c.unit_mg_kg);
	if (c.is_censored)
		table_style(t, PRINT_DIM);
	table_add_row(t, row->symbol, c.value.text, c.u.text, c.ld.text, NULL);
	table_add(t, isfinite(row->loq) ? print_limit(&c, row->loq).text : "");
	table_add_row(t, c.unit, row->oxide, oxide.text, NULL);
	if (!has_known)
		return;
	table_add(t, known_cell(&c, row->known).text);
	table_add(t,
		  c.is_censored
			  ? ""
			  : difference(row->content, row->known, row->u).text);
}

static void print_elements(FILE *out, const struct row *rows, size_t n,
			   bool is_rare_earth, bool has_known)
{
	CLEANUP(table_freep) struct table *t = NULL;
	bool is_begun = false;

	/* LOQ makes room for known contents where there is little. */
	if (table_new(&t, has_known ? "ldddDllddd" : "lddddlld") < 0)
		return;
	table_style(t, PRINT_BOLD);
	table_add_row(t, "", "content", PRINT_PM(""), "L_D", "LOQ", "unit",
		      "oxide", "", NULL);
	if (has_known)
		table_add_row(t, "known", "diff", NULL);
	for (size_t i = 0; i < n; i++) {
		if (known_is_rare_earth(rows[i].symbol) != is_rare_earth)
			continue;
		add_element(t, &rows[i], has_known);
		is_begun = true;
	}
	if (!is_begun)
		return;
	fprintf(out, "\n%s%s%s\n", print_style(out, PRINT_BOLD),
		is_rare_earth ? "Rare earths" : "Other elements",
		print_style(out, PRINT_PLAIN));
	table_print(t, out);
}

/* The oxide sum of what is known, by the oxides the result itself uses. */
static double known_sum(const struct row *rows, size_t n, const char *sum)
{
	double total = 0;
	bool is_known = false;

	for (size_t i = 0; i < n; i++) {
		const struct row *row = &rows[i];

		if (!known_is_member(sum, row->symbol) ||
		    !isfinite(row->known) || row->content == 0)
			continue;
		total += row->known * row->oxide_content / row->content;
		is_known = true;
	}
	return is_known ? total : NAN;
}

static const char *const sum_names[] = { "TREO", "LREO", "HREO", "MREO",
					 "CREO" };

/* Words after a name, on as many lines as they need. */
static void print_words(FILE *out, const char *name, json_t *words)
{
	CLEANUP(buf_deinit) struct buf text = { 0 };
	const char *word;

	for (size_t i = 0; i < js_len(words); i++)
		if (js_str_value(js_at(words, i), &word, NULL))
			buf_printf(&text, "%s%s", i ? "\n" : "", word);
	print_flow(out, PRINT_PLAIN, name, text.data ? text.data : "");
}

/* Definitions of sums vary: what was summed stands below. */
static void print_summed(FILE *out, json_t *sums)
{
	char name[16];

	for (size_t i = 0; i < ARRAY_SIZE(sum_names); i++) {
		json_t *oxides = js_get(js_get(sums, sum_names[i]), "oxides");

		snprintf(name, sizeof(name), "%s: ", sum_names[i]);
		if (js_len(oxides))
			print_words(out, name, oxides);
	}
}

/* The expanded uncertainty, or nothing where the record holds none. */
static struct cell expanded(const struct content_cells *like, json_t *values)
{
	double u = js_number(values, "u_expanded_mg_kg");
	struct cell none = { "" };

	return isfinite(u) ? print_limit(like, u) : none;
}

static void print_sums(FILE *out, json_t *body, const struct row *rows,
		       size_t n, bool has_known)
{
	CLEANUP(table_freep) struct table *t = NULL;
	json_t *sums = js_get(body, "sums");
	struct content_cells c;
	char note[64];

	if (!sums || table_new(&t, has_known ? "ldddDlddl" : "lddddll") < 0)
		return;
	table_style(t, PRINT_BOLD);
	table_add_row(t, "", "content", PRINT_PM(""), "L_D", "U (k=2)", "unit",
		      NULL);
	if (has_known)
		table_add_row(t, "known", "diff", NULL);
	table_add(t, "");
	for (size_t i = 0; i < ARRAY_SIZE(sum_names); i++) {
		json_t *sum = js_get(sums, sum_names[i]);
		double content = js_number(sum, "content_mg_kg");
		double u = js_number(sum, "u_mg_kg");
		double known = known_sum(rows, n, sum_names[i]);
		int n_members = 0;
		int n_censored = 0;

		if (!sum)
			continue;
		js_get_int(sum, "members", &n_members);
		js_get_int(sum, "censored", &n_censored);
		print_sum(&c, sum, 1);
		if (c.is_censored)
			table_style(t, PRINT_DIM);
		table_add_row(t, sum_names[i], c.value.text, c.u.text,
			      c.ld.text, expanded(&c, sum).text, c.unit, NULL);
		if (has_known) {
			table_add(t, known_cell(&c, known).text);
			table_add(t,
				  c.is_censored
					  ? ""
					  : difference(content, known, u).text);
		}
		snprintf(note, sizeof(note), "%d of %d below L_C", n_censored,
			 n_members);
		table_add(t, n_censored ? note : "");
	}
	fprintf(out, "\n%sSums of oxides%s\n", print_style(out, PRINT_BOLD),
		print_style(out, PRINT_PLAIN));
	table_print(t, out);
	print_summed(out, sums);
}

/* "0.512 ± 0.031", or why it is not there. */
static void print_ratio(FILE *out, json_t *pattern, const char *key,
			const char *name)
{
	json_t *ratio = js_get(pattern, key);
	double value = js_number(ratio, "value"), u = js_number(ratio, "u");
	int decimals = print_decimals(u);

	if (isfinite(value))
		fprintf(out, "  %s %.*f %s %.*f", name, decimals, value,
			PRINT_PM(""), decimals, u);
	else
		fprintf(out, "  %s -", name);
}

/* Three digits, without an exponent. */
static void put_normalised(char *text, size_t size, json_t *member)
{
	double value = js_number(member, "value");
	double step = pow(10, floor(log10(value)) - 2);
	int decimals = step < 1 ? (int)-log10(step) : 0;

	snprintf(text, size, "%s %.*f", js_text(member, "symbol"), decimals,
		 step * round(value / step));
}

static int by_atomic_number(const void *a, const void *b)
{
	json_t *const *x = a, *const *y = b;

	return order_of(js_text(*x, "symbol")) -
	       order_of(js_text(*y, "symbol"));
}

static void print_normalised(FILE *out, json_t *list)
{
	CLEANUP(js_freep) json_t *words = js_array();
	json_t *members[ROWS_MAX];
	size_t n = 0;
	char text[40];

	for (size_t i = 0; i < js_len(list) && n < ROWS_MAX; i++) {
		if (js_number(js_at(list, i), "value") > 0)
			members[n++] = js_at(list, i);
	}
	qsort(members, n, sizeof(members[0]), by_atomic_number);
	for (size_t i = 0; words && i < n; i++) {
		put_normalised(text, sizeof(text), members[i]);
		js_append_str(words, text);
	}
	print_words(out, "over chondrite: ", words);
}

static void print_pattern(FILE *out, json_t *contents)
{
	json_t *pattern = js_get(contents, "pattern");

	if (!js_len(js_get(pattern, "normalised")))
		return;
	fprintf(out, "\n%sPattern%s", print_style(out, PRINT_BOLD),
		print_style(out, PRINT_PLAIN));
	print_ratio(out, pattern, "eu_anomaly", "Eu/Eu*");
	print_ratio(out, pattern, "ce_anomaly", "Ce/Ce*");
	print_ratio(out, pattern, "la_yb", "(La/Yb)N");
	fputc('\n', out);
	print_normalised(out, js_get(pattern, "normalised"));
	fprintf(out, "(%s; -: a member is below L_C)\n",
		js_text(pattern, "reference"));
}

static void print_bq(FILE *out, const char *name, double value, double u)
{
	fprintf(out, "  %s %s", name,
		print_measured(value, u, 1, "Bq/g", PRINT_PM("")).text);
}

static void print_activity(FILE *out, json_t *contents)
{
	json_t *a = js_get(contents, "activity");

	if (!result_has_activity(contents))
		return;
	fprintf(out, "\n%sActivity%s", print_style(out, PRINT_BOLD),
		print_style(out, PRINT_PLAIN));
	print_bq(out, "Th-232", js_number(a, "th232_bq_g"),
		 js_number(a, "u_th232_bq_g"));
	print_bq(out, "U-238", js_number(a, "u238_bq_g"),
		 js_number(a, "u_u238_bq_g"));
	fprintf(out, "\nprobability above 1 Bq/g: %s, above 10 Bq/g: %s;\n%s\n",
		print_probability(js_number(a, "p_above_1_bq_g")).text,
		print_probability(js_number(a, "p_above_10_bq_g")).text,
		js_text(a, "basis"));
}

static void add_item(struct buf *b, const char *name, int decimals,
		     double value, const char *unit)
{
	if (isfinite(value))
		buf_printf(b, "%s%s %.*f%s", b->len ? ",\n" : "", name,
			   decimals, value, unit);
}

/* A record's own counters, else what the assay was told. */
static double counted(json_t *body, json_t *contents, const char *key)
{
	double value = js_number(body, key);

	return isfinite(value) ? value : js_number(contents, key);
}

static void add_rate(struct buf *b, const char *name, double counts,
		     double time)
{
	if (isfinite(counts) && time > 0)
		buf_printf(b, ",\n%s %s cps", name,
			   print_grouped(counts / time).text);
}

/* Which preset it was; records of older daemons do not tell. */
static void add_ended_by(struct buf *b, json_t *body)
{
	static const struct {
		const char *by;
		const char *text;
	} words[] = {
		{ "live", "the preset of live time" },
		{ "real", "the preset of real time" },
		{ "counts", "the preset of counts" },
		{ "until", "the uncertainty asked for" },
		{ "decide", "the decision" },
		{ "strobe", "the strobe" },
		{ "operator", "the operator" },
	};
	const char *by;

	if (js_get_str(body, "ended_by", &by) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(by, words[i].by))
			buf_printf(b, ",\nended by %s", words[i].text);
}

static void print_counting(FILE *out, json_t *body, json_t *contents)
{
	double live = counted(body, contents, "live_s");
	double real = counted(body, contents, "real_s");
	double dead = js_number(body, "dead");
	double total = counted(body, contents, "total_counts");
	CLEANUP(buf_deinit) struct buf b = { 0 };

	if (!isfinite(live))
		return;
	if (!isfinite(dead) && real > 0)
		dead = 1 - live / real;
	buf_printf(&b, "live %.2f s,\nreal %.2f s", live, real);
	if (isfinite(dead))
		buf_printf(&b, ",\ndead %.1f %%", 100 * dead);
	if (isfinite(js_number(body, "fast_count")))
		add_rate(&b, "in", js_number(body, "fast_count"), live);
	else
		add_rate(&b, "in", js_number(contents, "input_rate_cps"), 1);
	add_rate(&b, "out", js_number(body, "slow_count"), live);
	if (isfinite(total))
		buf_printf(&b, ",\n%s counts", print_grouped(total).text);
	add_ended_by(&b, body);
	fputc('\n', out);
	print_flow(out, PRINT_BOLD, "Counting  ", b.data ? b.data : "");
}

static void print_fit(FILE *out, json_t *body)
{
	CLEANUP(buf_deinit) struct buf b = { 0 };
	json_t *fit = js_get(body, "fit");

	if (!fit)
		return;
	add_item(&b, "chi2", 2, js_number(fit, "chi2"), "");
	add_item(&b, "gain", 4, js_number(fit, "gain_ev"), " eV");
	add_item(&b, "offset", 1, js_number(fit, "offset_ev"), " eV");
	add_item(&b, "width", 0, js_number(fit, "fwhm_mn_ev"), " eV at Mn Ka");
	add_item(&b, "Fano", 3, js_number(fit, "fano"), "");
	add_item(&b, "tails", 2, js_number(fit, "tail_factor"),
		 " of the table's");
	print_flow(out, PRINT_BOLD, "Fit  ", b.data ? b.data : "");
}

static void print_loss(FILE *out, json_t *contents)
{
	char text[256];

	loss_text(contents, 1, PRINT_PM(""), text, sizeof(text));
	if (*text)
		print_flow(out, PRINT_BOLD, "Sample  ", text);
}

/* The second of two spectra. */
static void print_beside(FILE *out, json_t *contents)
{
	json_t *beside = js_get(contents, "beside");

	if (!beside)
		return;
	fprintf(out, "\n%sBeside%s  %s by %s", print_style(out, PRINT_BOLD),
		print_style(out, PRINT_PLAIN), js_text(beside, "sample"),
		js_text(beside, "method"));
	print_counting(out, beside, beside);
	print_fit(out, beside);
}

const char *result_flag_text(const char *name)
{
	for (unsigned int bit = 0; bit < ASSAY_N_FLAGS; bit++)
		if (!strcmp(report_flag_name(bit), name))
			return report_flag_text(bit);
	return name;
}

static void print_flags(FILE *out, json_t *contents)
{
	json_t *flags = js_get(contents, "flags");
	const char *name;

	for (size_t i = 0; i < js_len(flags); i++)
		if (js_str_value(js_at(flags, i), &name, NULL))
			print_flow(out, PRINT_BOLD, "Flag  ",
				   result_flag_text(name));
}

/* What a ridge stood in for: unknowns that cannot be told from each other. */
static void print_null_space(FILE *out, json_t *contents)
{
	json_t *space = js_get(js_get(contents, "fit"), "null_space");
	json_t *vectors = js_get(space, "vectors");

	for (size_t i = 0; i < js_len(vectors); i++) {
		CLEANUP(buf_deinit) struct buf b = { 0 };
		json_t *parts = js_get(js_at(vectors, i), "parts");

		for (size_t k = 0; k < js_len(parts); k++)
			buf_printf(&b, "%s%s", k ? ",\n" : "",
				   js_text(js_at(parts, k), "of"));
		print_flow(out, PRINT_BOLD, "Not told apart  ",
			   b.data ? b.data : "");
	}
}

static bool has_flag(json_t *element, const char *name)
{
	json_t *flags = js_get(element, "flags");
	const char *flag;

	for (size_t i = 0; i < js_len(flags); i++)
		if (js_str_value(js_at(flags, i), &flag, NULL) &&
		    !strcmp(flag, name))
			return true;
	return false;
}

/* Per flag the elements that have it; what is below L_C the table shows. */
static void print_element_flags(FILE *out, json_t *contents)
{
	json_t *elements = js_get(contents, "elements");

	for (unsigned int bit = 1; *report_element_flag_name(bit); bit++) {
		CLEANUP(js_freep) json_t *words = js_array();
		char name[96];

		for (size_t i = 0; words && i < js_len(elements); i++) {
			json_t *e = js_at(elements, i);

			if (has_flag(e, report_element_flag_name(bit)))
				js_append_str(words, js_text(e, "symbol"));
		}
		if (!js_len(words))
			continue;
		snprintf(name, sizeof(name),
			 "%s:", report_element_flag_text(bit));
		print_flow(out, PRINT_BOLD, "Flag  ", name);
		print_words(out, "      ", words);
	}
}

/* What the method does not list; what was left out has a flag. */
static void print_added(FILE *out, json_t *contents)
{
	json_t *candidates = js_get(contents, "candidates");
	json_t *added = js_get(candidates, "added");
	char text[96];

	if (!js_len(added))
		return;
	snprintf(text, sizeof(text),
		 "twice the log likelihood gains more than %.1f by each of:",
		 js_number(candidates, "threshold"));
	print_flow(out, PRINT_BOLD, "Added  ", text);
	print_words(out, "       ", added);
}

static void print_verdict(FILE *out, json_t *body)
{
	const char *verdict = js_text(body, "verdict");
	const char *why = js_text(body, "verdict_why");
	char head[64];

	if (!*verdict)
		return;
	snprintf(head, sizeof(head), "Verdict  %s%s", verdict,
		 *why ? ": " : "");
	print_flow(out, strcmp(verdict, "accepted") ? PRINT_BAD : PRINT_GOOD,
		   head, why);
}

/* What the method's rules say, when, and why. */
static void print_decision(FILE *out, json_t *contents)
{
	json_t *d = js_get(contents, "decision");
	const char *outcome = js_text(d, "outcome");
	char head[128], grade[64] = "";
	int32_t number;

	if (!d)
		return;
	if (js_get_int(d, "grade", &number) >= 0)
		snprintf(grade, sizeof(grade), ", grade %d by %s (%.0f %%)",
			 number, js_text(d, "grade_by"),
			 js_number(d, "grade_p") * 100);
	snprintf(head, sizeof(head), "Decision  %s%s at %.2f s: ", outcome,
		 grade, js_number(d, "live_s"));
	print_flow(out, strcmp(outcome, "pass") ? PRINT_BAD : PRINT_GOOD, head,
		   js_text(d, "why"));
}

void result_print(FILE *out, json_t *body, const struct known *known)
{
	json_t *contents = result_contents(body);
	bool has_known = known->n_elements > 0;
	struct row rows[ROWS_MAX];
	size_t n;

	if (contents) {
		n = read_rows(contents, known, rows);
		print_elements(out, rows, n, true, has_known);
		print_elements(out, rows, n, false, has_known);
		print_sums(out, contents, rows, n, has_known);
		fprintf(out,
			"\n%s is one standard uncertainty (k = 1), LOQ ten of them at zero content;\n\"< L_D\": below the decision limit L_C\n",
			PRINT_PM(""));
		print_pattern(out, contents);
		print_activity(out, contents);
		print_loss(out, contents);
	}
	print_counting(out, body, contents);
	if (!contents)
		return;
	print_fit(out, contents);
	print_beside(out, contents);
	print_flags(out, contents);
	print_null_space(out, contents);
	print_element_flags(out, contents);
	print_added(out, contents);
	print_verdict(out, contents);
	print_decision(out, contents);
}

void result_summary(json_t *body, char *text, size_t size)
{
	json_t *contents = result_contents(body);
	json_t *treo = js_get(js_get(contents, "sums"), "TREO");
	struct content_cells c;

	*text = 0;
	if (!treo)
		return;
	print_sum(&c, treo, 1);
	if (c.is_censored)
		snprintf(text, size, "TREO %s %s, %s", c.value.text, c.unit,
			 result_word(contents));
	else
		snprintf(text, size, "TREO %s %s %s %s, %s", c.value.text,
			 PRINT_PM(""), c.u.text, c.unit, result_word(contents));
}

static int by_content(const void *a, const void *b)
{
	const struct row *x = a;
	const struct row *y = b;

	return (x->content < y->content) - (x->content > y->content);
}

void result_leaders(json_t *estimate, size_t n_max, char *text, size_t size)
{
	static const struct known nothing;
	struct row rows[ROWS_MAX];
	size_t n = read_rows(result_contents(estimate), &nothing, rows);
	struct content_cells c;
	size_t len = 0;

	*text = 0;
	qsort(rows, n, sizeof(*rows), by_content);
	for (size_t i = 0; i < n && n_max && len < size; i++) {
		if (!known_is_rare_earth(rows[i].symbol) ||
		    !(rows[i].content > rows[i].ld))
			continue;
		print_content(&c, rows[i].content, rows[i].u, NAN, NAN);
		len += snprintf(text + len, size - len, "%s%s %s%s%s %s",
				len ? "  " : "", rows[i].symbol, c.value.text,
				PRINT_PM(""), c.u.text,
				c.unit_mg_kg > 1 ? "%" : "ppm");
		n_max--;
	}
}

int result_exit(const struct args *args, json_t *body)
{
	const char *why, *fault = result_fault(body, &why);
	const char *sample = js_text(body, "sample");
	const double hv = js_number(body, "hv_v");

	fflush(stdout);
	if (!fault)
		return REESPEC_OK;
	if (*fault)
		return fail(args, REESPEC_VERDICT, "%s: %s: %s", sample, fault,
			    why);
	/* Whoever opened the window and forgot is told by the voltage. */
	if (isfinite(hv))
		return fail(args, REESPEC_FAILED,
			    "%s: %s (high voltage %.0f V%s)", sample, why, hv,
			    instruments_is_dark(hv) ? ": " INSTRUMENTS_LIGHT
						    : "");
	return fail(args, REESPEC_FAILED, "%s: %s", sample, why);
}
