// SPDX-License-Identifier: GPL-2.0-or-later
/* Where things are in the body of a result. */
#include "reespec/result_parts.h"

#include <math.h>
#include <string.h>

json_t *result_contents(json_t *body)
{
	json_t *report = js_get(body, "report");

	if (js_get(body, "elements"))
		return body;
	return js_get(report, "elements") ? report : NULL;
}

const char *result_word(json_t *contents)
{
	return strcmp(result_decision(contents), "fail")
		       ? js_text(contents, "verdict")
		       : "fails";
}

const char *result_decision(json_t *contents)
{
	return js_text(js_get(contents, "decision"), "outcome");
}

const char *result_fault(json_t *body, const char **ret_why)
{
	json_t *contents = result_contents(body);
	json_t *decision = js_get(contents, "decision");

	*ret_why = js_text(decision, "why");
	if (!strcmp(result_decision(contents), "fail"))
		return "fails";
	*ret_why = js_text(contents, "verdict_why");
	if (!strcmp(js_text(contents, "verdict"), "rejected"))
		return "rejected";
	*ret_why = js_text(body, "why");
	return contents ? NULL : "";
}

const char *result_method(json_t *body)
{
	json_t *method = js_get(body, "method");
	const char *name = "";

	if (!js_str_value(method, &name, NULL))
		name = js_text(method, "name");
	return name;
}

bool result_has_activity(json_t *contents)
{
	json_t *a = js_get(contents, "activity");

	return js_number(a, "u_th232_bq_g") > 0 ||
	       js_number(a, "u_u238_bq_g") > 0;
}

bool result_began(json_t *body, struct tm *ret)
{
	const char *started = js_text(body, "started");
	double real_s = *started ? 0 : js_number(body, "real_s");
	struct tm tm = { 0 };
	time_t at;

	if (!strptime(*started ? started : js_text(body, "time"),
		      "%Y-%m-%dT%H:%M:%S", &tm))
		return false;
	at = timegm(&tm) - (time_t)(isfinite(real_s) ? ceil(real_s) : 0);
	return localtime_r(&at, ret);
}
