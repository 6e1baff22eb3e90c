// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers as an assay reports them, and what the terminal can show. */
#include "reespec/print.h"

#include <langinfo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

int print_decimals(double u)
{
	int place;

	if (!isfinite(u) || u <= 0)
		return 0;
	/* 0.0996 rounds to 0.10: the second digit is then one place higher. */
	place = (int)floor(log10(u * (1 + 1e-9)));
	if (u / pow(10, place) >= 9.95)
		place++;
	place = 1 - place;
	return place < 0 ? 0 : place > 9 ? 9 : place;
}

/*
 * Where two digits of u end left of the decimal point, the digits after
 * them are zeros: 26383 +- 1234 is 26400 +- 1200.
 */
static double round_to_digits(double value, double u)
{
	double step;

	if (!isfinite(u) || u < 100)
		return value;
	step = pow(10, floor(log10(u)) - 1);
	return round(value / step) * step;
}

struct cell print_fixed(double value, int decimals)
{
	struct cell cell;

	if (!isfinite(value))
		snprintf(cell.text, sizeof(cell.text), "%s", "");
	else
		snprintf(cell.text, sizeof(cell.text), "%.*f", decimals, value);
	/* -0.00 says nothing that 0.00 does not. */
	if (cell.text[0] == '-' && !cell.text[strcspn(cell.text, "123456789")])
		memmove(cell.text, cell.text + 1, strlen(cell.text));
	return cell;
}

struct cell print_signed(double value, int decimals)
{
	struct cell cell = print_fixed(value, decimals);

	if (cell.text[0] && cell.text[0] != '-') {
		memmove(cell.text + 1, cell.text, sizeof(cell.text) - 2);
		cell.text[0] = '+';
	}
	return cell;
}

struct cell print_probability(double p)
{
	struct cell cell;

	if (!(p >= 0.01))
		snprintf(cell.text, sizeof(cell.text), "%s",
			 isfinite(p) ? "< 1 %" : "-");
	else if (p > 0.99)
		snprintf(cell.text, sizeof(cell.text), "> 99 %%");
	else
		snprintf(cell.text, sizeof(cell.text), "%.0f %%", 100 * p);
	return cell;
}

void print_content(struct content_cells *ret, double mg_kg, double u_mg_kg,
		   double lc_mg_kg, double ld_mg_kg)
{
	const bool is_censored = isfinite(lc_mg_kg) && mg_kg < lc_mg_kg;
	/* What is shown tells the unit, not an estimate that nobody sees. */
	double shown = is_censored && isfinite(ld_mg_kg) ? ld_mg_kg : mg_kg;

	print_content_in(ret, fabs(shown) >= 1000 ? 1e4 : 1, mg_kg, u_mg_kg,
			 lc_mg_kg, ld_mg_kg);
}

void print_content_in(struct content_cells *ret, double scale, double mg_kg,
		      double u_mg_kg, double lc_mg_kg, double ld_mg_kg)
{
	double u;

	memset(ret, 0, sizeof(*ret));
	ret->unit = scale > 1 ? "wt %" : "ppm";
	ret->unit_mg_kg = scale;
	u = isfinite(u_mg_kg) && u_mg_kg > 0 ? u_mg_kg : fabs(mg_kg) / 30;
	ret->decimals = print_decimals(u / scale);
	ret->is_censored = isfinite(lc_mg_kg) && mg_kg < lc_mg_kg;
	if (isfinite(u_mg_kg))
		ret->u = print_fixed(round_to_digits(u_mg_kg, u_mg_kg) / scale,
				     ret->decimals);
	if (isfinite(ld_mg_kg))
		ret->ld = print_fixed(ld_mg_kg / scale,
				      print_decimals(ld_mg_kg / scale));
	if (ret->is_censored) {
		snprintf(ret->value.text, sizeof(ret->value.text), "< %.30s",
			 ret->ld.text[0] ? ret->ld.text : "L_D");
		return;
	}
	ret->value = print_like(ret, round_to_digits(mg_kg, u));
}

void print_sum_limits(const json_t *sum, double *ret_lc, double *ret_ld)
{
	const double u = js_number(sum, "u_mg_kg");

	*ret_lc = js_number(sum, "lc_mg_kg");
	*ret_ld = js_number(sum, "ld_mg_kg");
	if (isfinite(*ret_lc) && isfinite(*ret_ld))
		return;
	*ret_lc = PRINT_LC_OF_U * u;
	*ret_ld = PRINT_LD_OF_U * u;
}

void print_sum(struct content_cells *ret, const json_t *sum, double k)
{
	double lc, ld;

	print_sum_limits(sum, &lc, &ld);
	print_content(ret, js_number(sum, "content_mg_kg"),
		      k * js_number(sum, "u_mg_kg"), lc, ld);
	if (!isfinite(js_number(sum, "ld_mg_kg")))
		ret->ld.text[0] = '\0';
}

struct cell print_measured(double value, double u, double k, const char *unit,
			   const char *pm)
{
	const int decimals = print_decimals(k * u);
	struct cell cell;

	if (!(u > 0))
		snprintf(cell.text, sizeof(cell.text), "not measured");
	else if (value < PRINT_LC_OF_U * u)
		snprintf(cell.text, sizeof(cell.text), "< %.*f %s",
			 print_decimals(PRINT_LD_OF_U * u), PRINT_LD_OF_U * u,
			 unit);
	else
		snprintf(cell.text, sizeof(cell.text), "%.*f %s %.*f %s",
			 decimals, value, pm, decimals, k * u, unit);
	return cell;
}

struct cell print_like(const struct content_cells *like, double mg_kg)
{
	return print_fixed(mg_kg / like->unit_mg_kg, like->decimals);
}

struct cell print_limit(const struct content_cells *like, double mg_kg)
{
	return print_fixed(round_to_digits(mg_kg, mg_kg) / like->unit_mg_kg,
			   print_decimals(mg_kg / like->unit_mg_kg));
}

struct cell print_rounded(double value, double u)
{
	if (!isfinite(u) || u <= 0)
		u = fabs(value) / 30;
	return print_fixed(round_to_digits(value, u), print_decimals(u));
}

struct cell print_grouped(double value)
{
	struct cell cell = { "" };
	char digits[32];
	size_t len;
	size_t n = 0;

	if (!isfinite(value))
		return cell;
	snprintf(digits, sizeof(digits), "%.0f", value);
	len = strlen(digits);
	for (size_t i = 0; i < len && n + 2 < sizeof(cell.text); i++) {
		if (i && digits[i - 1] != '-' && (len - i) % 3 == 0)
			cell.text[n++] = ' ';
		cell.text[n++] = digits[i];
	}
	cell.text[n] = 0;
	return cell;
}

struct cell print_local_time(const char *rfc3339)
{
	struct cell cell;
	struct tm tm = { 0 };
	const char *rest;
	time_t seconds;

	rest = strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest || !strchr(rest, 'Z')) {
		snprintf(cell.text, sizeof(cell.text), "%.39s", rfc3339);
		return cell;
	}
	seconds = timegm(&tm);
	localtime_r(&seconds, &tm);
	strftime(cell.text, sizeof(cell.text), "%Y-%m-%d %H:%M:%S %Z", &tm);
	return cell;
}

/* What stdout was before a pager took its place; width 0: it did not. */
static struct {
	int width;
	bool has_colour;
} paged;

bool print_has_colour(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (paged.width && out == stdout)
		return paged.has_colour;
	if (no_colour && *no_colour)
		return false;
	if (!term || !strcmp(term, "dumb"))
		return false;
	return isatty(fileno(out));
}

bool print_has_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* $COLUMNS, when it is set to something a table fits in; else 0. */
static int stated_width(void)
{
	const char *columns = getenv("COLUMNS");
	long n = columns ? strtol(columns, NULL, 10) : 0;

	return n >= 20 && n <= 1000 ? (int)n : 0;
}

static bool has_transient;

void print_transient(const char *text)
{
	fprintf(stderr, "\r%s\033[K", text);
	fflush(stderr);
	has_transient = true;
}

void print_transient_end(void)
{
	if (has_transient)
		fputs("\r\033[K", stderr);
	has_transient = false;
}

int print_width(FILE *out)
{
	struct winsize size;

	if (stated_width())
		return stated_width();
	if (paged.width && out == stdout)
		return paged.width;
	if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

bool print_has_edge(FILE *out)
{
	return stated_width() || (paged.width && out == stdout) ||
	       isatty(fileno(out));
}

void print_keep_terminal(void)
{
	bool has_colour = print_has_colour(stdout);

	paged.width = print_width(stdout);
	paged.has_colour = has_colour;
}

const char *print_style(FILE *out, enum print_style style)
{
	static const char *const codes[] = {
		[PRINT_PLAIN] = "\033[0m", [PRINT_BOLD] = "\033[1m",
		[PRINT_DIM] = "\033[2m",   [PRINT_GOOD] = "\033[32m",
		[PRINT_BAD] = "\033[31m",
	};

	return print_has_colour(out) ? codes[style] : "";
}

const char *print_glyph(const char *utf8, const char *ascii)
{
	return print_has_utf8() ? utf8 : ascii;
}

static size_t columns_of(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

size_t print_columns(const char *text)
{
	return columns_of(text, strlen(text));
}

/* Bytes of the first @n columns of @text. */
static size_t bytes_of(const char *text, size_t n)
{
	size_t len = 0;

	while (text[len] && (n || ((unsigned char)text[len] & 0xc0) == 0x80))
		n -= ((unsigned char)text[len++] & 0xc0) != 0x80;
	return len;
}

static bool is_unit(const char *text)
{
	static const char *const units[] = {
		"%",   "wt", "ppm", "mg/kg", "Bq/g", "s",  "h",	 "min", "days",
		"keV", "eV", "V",   "K",     "C",    "uA", "µA", "cps", "counts"
	};
	const size_t len = strcspn(text, " ,;:.)");

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (len == strlen(units[i]) && !strncmp(text, units[i], len))
			return true;
	return false;
}

/* "±", "+-", "<" or ">" by itself. */
static size_t sign_len(const char *text)
{
	static const char *const signs[] = { "±", "+-", "<", ">" };

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		const size_t len = strlen(signs[i]);

		if (!strncmp(text, signs[i], len) &&
		    (text[len] == ' ' || !text[len]))
			return len;
	}
	return 0;
}

bool print_is_joint(const char *text, size_t at)
{
	size_t begin = at;

	while (begin && text[begin - 1] != ' ')
		begin--;
	if (!strncmp(text + at + 1, "± ", strlen("± ")) ||
	    !strncmp(text + at + 1, "+- ", strlen("+- ")) ||
	    (sign_len(text + begin) == at - begin && at > begin))
		return true;
	if (!strncmp(text + begin, "wt ", 3))
		return text[at + 1] == '%';
	/* "12.3 s", "< 1 %"; a word before a unit is no number. */
	return at && strchr("0123456789", text[at - 1]) &&
	       is_unit(text + at + 1);
}

void print_flow(FILE *out, enum print_style style, const char *head,
		const char *text)
{
	const size_t indent = print_columns(head);
	const size_t width = (size_t)print_width(out);
	const char *breaks = strchr(text, '\n') ? "\n" : " ";
	const bool has_edge = print_has_edge(out) && width > indent;
	size_t column = indent;
	size_t len;

	fprintf(out, "%s%s%s", print_style(out, style), head,
		print_style(out, PRINT_PLAIN));
	for (; *text; text += len + strspn(text + len, breaks)) {
		len = strcspn(text, breaks);
		while (*breaks == ' ' && text[len] && print_is_joint(text, len))
			len += 1 + strcspn(text + len + 1, breaks);
		/* A word that no line holds is cut where the edge is. */
		if (has_edge && columns_of(text, len) > width - indent)
			len = bytes_of(text, width - indent);
		if (column > indent &&
		    column + 1 + columns_of(text, len) > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, len, out);
		column += columns_of(text, len);
	}
	fputc('\n', out);
}

void print_line(FILE *out, enum print_style style, const char *head,
		const char *text)
{
	if (print_has_edge(out))
		print_flow(out, style, head, text);
	else
		fprintf(out, "%s%s%s%s\n", print_style(out, style), head,
			print_style(out, PRINT_PLAIN), text);
}
