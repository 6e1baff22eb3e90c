// SPDX-License-Identifier: GPL-2.0-or-later
/* Tells people what a sample was stated to lose, and of what contents are. */
#include "reespec/loss_text.h"

#include <math.h>
#include <stdio.h>

#include "reespec/print.h"

static size_t add_share(char *text, size_t size, size_t len, const char *name,
			double share, const char *of)
{
	if (!isfinite(share) || len >= size)
		return len;
	return len + (size_t)snprintf(text + len, size - len, "%s%s %.1f %%%s",
				      len ? ", " : "", name, 100 * share, of);
}

/* Of what is dried there is a sum only if its moisture is known. */
static void add_dry(char *text, size_t size, size_t len, const json_t *treo,
		    double k, const char *pm)
{
	double dry = js_number(treo, "dry_mg_kg");
	struct content_cells c;

	if (!isfinite(dry) || len >= size)
		return;
	print_content(&c, dry, k * js_number(treo, "u_dry_mg_kg"), NAN, NAN);
	snprintf(text + len, size - len,
		 "; of the dried sample TREO %s %s %s %s", c.value.text, pm,
		 c.u.text, c.unit);
}

void loss_text(json_t *contents, double k, const char *pm, char *text,
	       size_t size)
{
	json_t *loss = js_get(contents, "loss");
	size_t len = 0;

	*text = 0;
	if (!loss)
		return;
	len = add_share(text, size, len, "moisture",
			js_number(loss, "moisture"), "");
	len = add_share(text, size, len, "loss on ignition",
			js_number(loss, "loi"), " of the dried sample");
	if (len < size)
		len += (size_t)snprintf(text + len, size - len,
					"; contents are of it as measured");
	add_dry(text, size, len, js_get(js_get(contents, "sums"), "TREO"), k,
		pm);
}
