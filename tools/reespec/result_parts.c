// SPDX-License-Identifier: GPL-2.0-or-later
/* Where things are in the body of a result. */
#include "reespec/result_parts.h"

json_t *result_contents(json_t *body)
{
	json_t *report = js_get(body, "report");

	if (js_get(body, "elements"))
		return body;
	return js_get(report, "elements") ? report : NULL;
}

const char *result_method(json_t *body)
{
	json_t *method = js_get(body, "method");
	const char *name = "";

	if (!js_str_value(method, &name, NULL))
		name = js_text(method, "name");
	return name;
}
