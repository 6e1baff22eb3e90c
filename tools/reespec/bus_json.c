// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages of the bus as JSON, so that commands handle one kind of data. */
#include "reespec/bus_json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int read_value(sd_bus_message *m, json_t **ret, int *ret_fd);

/* One basic value; the union has the size sd-bus writes for the type. */
static int read_basic(sd_bus_message *m, char type, json_t **ret, int *ret_fd)
{
	union {
		uint8_t y;
		int16_t n;
		uint16_t q;
		int32_t i;
		uint32_t u;
		int64_t x;
		uint64_t t;
		double d;
		int b;
		int h;
		const char *s;
	} v;
	int r;

	r = sd_bus_message_read_basic(m, type, &v);
	if (r < 0)
		return r;
	switch (type) {
	case 'y':
		*ret = js_uint(v.y);
		break;
	case 'n':
		*ret = js_int(v.n);
		break;
	case 'q':
		*ret = js_uint(v.q);
		break;
	case 'i':
		*ret = js_int(v.i);
		break;
	case 'u':
		*ret = js_uint(v.u);
		break;
	case 'x':
		*ret = js_i64(v.x);
		break;
	case 't':
		*ret = js_u64(v.t);
		break;
	case 'd':
		*ret = js_real(v.d);
		break;
	case 'b':
		*ret = js_bool(v.b);
		break;
	case 'h':
		if (ret_fd)
			*ret_fd = v.h;
		*ret = js_null();
		break;
	default:
		*ret = js_str(v.s);
		break;
	}
	return *ret ? 0 : -ENOMEM;
}

static int read_dictionary(sd_bus_message *m, const char *contents,
			   json_t **ret, int *ret_fd)
{
	json_t *object = js_object();
	char inner[256];
	const char *key;
	json_t *value;
	int r;

	snprintf(inner, sizeof(inner), "%.*s", (int)strlen(contents) - 2,
		 contents + 1);
	for (;;) {
		r = sd_bus_message_enter_container(m, 'e', inner);
		if (r <= 0)
			break;
		r = sd_bus_message_read_basic(m, inner[0], &key);
		if (r < 0)
			break;
		r = read_value(m, &value, ret_fd);
		if (r < 0)
			break;
		r = js_set(object, key, value);
		if (r < 0)
			break;
		r = sd_bus_message_exit_container(m);
		if (r < 0)
			break;
	}
	if (r < 0) {
		js_free(object);
		return r;
	}
	*ret = object;
	return 0;
}

static int read_list(sd_bus_message *m, json_t **ret, int *ret_fd)
{
	json_t *list = js_array();
	json_t *value;
	int r;

	while ((r = sd_bus_message_at_end(m, 0)) == 0) {
		r = read_value(m, &value, ret_fd);
		if (r < 0)
			break;
		r = js_append(list, value);
		if (r < 0)
			break;
	}
	if (r < 0) {
		js_free(list);
		return r;
	}
	*ret = list;
	return 0;
}

static bool has_text_keys(const char *contents)
{
	return contents[0] == '{' && strchr("sog", contents[1]);
}

static int read_container(sd_bus_message *m, char type, const char *contents,
			  json_t **ret, int *ret_fd)
{
	int r;

	r = sd_bus_message_enter_container(m, type, contents);
	if (r < 0)
		return r;
	if (type == 'v')
		r = read_value(m, ret, ret_fd);
	else if (type == 'a' && has_text_keys(contents))
		r = read_dictionary(m, contents, ret, ret_fd);
	else
		r = read_list(m, ret, ret_fd);
	if (r < 0)
		return r;
	return sd_bus_message_exit_container(m);
}

static int read_value(sd_bus_message *m, json_t **ret, int *ret_fd)
{
	const char *contents;
	char type;
	int r;

	r = sd_bus_message_peek_type(m, &type, &contents);
	if (r < 0)
		return r;
	if (r == 0)
		return -EBADMSG;
	if (strchr("avre", type))
		return read_container(m, type, contents, ret, ret_fd);
	return read_basic(m, type, ret, ret_fd);
}

int bus_json_read(sd_bus_message *m, json_t **ret, int *ret_fd)
{
	return read_list(m, ret, ret_fd);
}

static int append_texts(sd_bus_message *m, json_t *object)
{
	const char *key;
	const char *text;
	json_t *value;
	int r;

	r = sd_bus_message_open_container(m, 'v', "a{ss}");
	if (r < 0)
		return r;
	r = sd_bus_message_open_container(m, 'a', "{ss}");
	if (r < 0)
		return r;
	for (void *it = NULL; js_next(object, &it, &key, &value);) {
		if (!js_str_value(value, &text, NULL))
			return -EINVAL;
		r = sd_bus_message_append(m, "{ss}", key, text);
		if (r < 0)
			return r;
	}
	r = sd_bus_message_close_container(m);
	if (r < 0)
		return r;
	return sd_bus_message_close_container(m);
}

static int append_list(sd_bus_message *m, json_t *list)
{
	const char *text;
	int r;

	r = sd_bus_message_open_container(m, 'v', "as");
	if (r < 0)
		return r;
	r = sd_bus_message_open_container(m, 'a', "s");
	if (r < 0)
		return r;
	for (size_t i = 0; i < js_len(list); i++) {
		if (!js_str_value(js_at(list, i), &text, NULL))
			return -EINVAL;
		r = sd_bus_message_append(m, "s", text);
		if (r < 0)
			return r;
	}
	r = sd_bus_message_close_container(m);
	if (r < 0)
		return r;
	return sd_bus_message_close_container(m);
}

static int append_variant(sd_bus_message *m, json_t *value)
{
	const char *text;
	double real;
	bool truth;

	if (js_str_value(value, &text, NULL))
		return sd_bus_message_append(m, "v", "s", text);
	if (js_real_value(value, &real))
		return sd_bus_message_append(m, "v", "d", real);
	if (js_bool_value(value, &truth))
		return sd_bus_message_append(m, "v", "b", truth);
	if (js_type(value) == JS_OBJECT)
		return append_texts(m, value);
	return append_list(m, value);
}

int bus_json_append_options(sd_bus_message *m, json_t *options)
{
	const char *key;
	json_t *value;
	int r;

	r = sd_bus_message_open_container(m, 'a', "{sv}");
	if (r < 0)
		return r;
	for (void *it = NULL; js_next(options, &it, &key, &value);) {
		r = sd_bus_message_open_container(m, 'e', "sv");
		if (r < 0)
			return r;
		r = sd_bus_message_append(m, "s", key);
		if (r < 0)
			return r;
		r = append_variant(m, value);
		if (r < 0)
			return r;
		r = sd_bus_message_close_container(m);
		if (r < 0)
			return r;
	}
	return sd_bus_message_close_container(m);
}
