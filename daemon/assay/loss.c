// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads moisture and loss on ignition as a person states them. */
#include "assay/loss.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* strtod() takes blanks, signs and words; what is meant opens with a digit. */
static int loss_parse(const char *text, double *ret)
{
	double percent;
	char *end;

	if (*text < '0' || *text > '9' || text[1] == 'x' || text[1] == 'X')
		return -EINVAL;
	percent = strtod(text, &end);
	end += strspn(end, " ");
	if (*end == '%')
		end++;
	if (*end || !(percent >= 0 && percent < 100))
		return -EINVAL;
	*ret = percent / 100;
	return 0;
}

int loss_take(struct spectrum *s, const char *key, const char *text)
{
	if (!strcmp(key, "moisture"))
		return loss_parse(text, &s->moisture);
	if (!strcmp(key, "loi"))
		return loss_parse(text, &s->loi);
	return 0;
}

void loss_take_keys(struct spectrum *s, json_t *keys)
{
	const char *key, *text;
	json_t *value;

	for (void *it = NULL; js_next(keys, &it, &key, &value);)
		if (js_str_value(value, &text, NULL))
			loss_take(s, key, text);
}

double loss_of(const struct spectrum *s)
{
	double moisture = isnan(s->moisture) ? 0 : s->moisture;
	double loi = isnan(s->loi) ? 0 : s->loi;

	return moisture + (1 - moisture) * loi;
}
