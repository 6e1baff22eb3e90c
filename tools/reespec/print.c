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

static struct cell number(double value, int decimals)
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

void print_content(struct content_cells *ret, double mg_kg, double u_mg_kg,
		   double lc_mg_kg, double ld_mg_kg)
{
	double scale = fabs(mg_kg) >= 1000 ? 1e4 : 1;
	double u;

	memset(ret, 0, sizeof(*ret));
	ret->unit = scale > 1 ? "wt %" : "ppm";
	ret->unit_mg_kg = scale;
	u = isfinite(u_mg_kg) && u_mg_kg > 0 ? u_mg_kg : fabs(mg_kg) / 30;
	ret->decimals = print_decimals(u / scale);
	ret->is_censored = isfinite(lc_mg_kg) && mg_kg < lc_mg_kg;
	if (isfinite(u_mg_kg))
		ret->u = number(round_to_digits(u_mg_kg, u_mg_kg) / scale,
				ret->decimals);
	if (isfinite(ld_mg_kg))
		ret->ld = number(ld_mg_kg / scale,
				 print_decimals(ld_mg_kg / scale));
	if (ret->is_censored) {
		snprintf(ret->value.text, sizeof(ret->value.text), "< %.30s",
			 ret->ld.text[0] ? ret->ld.text : "L_D");
		return;
	}
	ret->value = print_like(ret, round_to_digits(mg_kg, u));
}

struct cell print_like(const struct content_cells *like, double mg_kg)
{
	return number(mg_kg / like->unit_mg_kg, like->decimals);
}

struct cell print_limit(const struct content_cells *like, double mg_kg)
{
	return number(round_to_digits(mg_kg, mg_kg) / like->unit_mg_kg,
		      print_decimals(mg_kg / like->unit_mg_kg));
}

struct cell print_rounded(double value, double u)
{
	if (!isfinite(u) || u <= 0)
		u = fabs(value) / 30;
	return number(round_to_digits(value, u), print_decimals(u));
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

bool print_has_colour(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");

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

int print_width(FILE *out)
{
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
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

size_t print_columns(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		if (((unsigned char)*text & 0xc0) != 0x80)
			n++;
	return n;
}
