// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads a{sv} and says of the first wrong key what is wrong with it. */
#include "bus/options.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "bus/errors.h"

/* Of a{ss}: bytes of a key, and of a value. */
#define OPTIONS_KEY_MAX 31
#define OPTIONS_TEXT_MAX 256

static int bad(sd_bus_error *error, const char *key, const char *what)
{
	char shown[65];

	/* A name cut within a character would be a message no bus carries. */
	return sd_bus_error_setf(error, ERROR_BAD_OPTION, "option `%s`: %s",
				 text_show(shown, sizeof(shown), key), what);
}

static int read_words(sd_bus_message *m, const struct option *o,
		      sd_bus_error *error)
{
	uint32_t *bits = o->target;
	char shown[65];
	const char *word;
	uint32_t bit;
	int r;

	r = sd_bus_message_enter_container(m, 'a', "s");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(m, "s", &word)) > 0) {
		if (o->parse(word, &bit) < 0)
			return sd_bus_error_setf(
				error, ERROR_BAD_OPTION,
				"option `%s`: unknown word `%s`", o->name,
				text_show(shown, sizeof(shown), word));
		*bits |= bit;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Names of keys are words of a program, values are for people. */
static bool is_key(const char *key)
{
	return *key && strlen(key) <= OPTIONS_KEY_MAX &&
	       key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_")] ==
		       '\0';
}

static int read_text(sd_bus_message *m, const struct option *o, json_t *texts,
		     size_t *len, sd_bus_error *error)
{
	const char *value;
	const char *key;
	char shown[65];
	int r;

	r = sd_bus_message_read(m, "{ss}", &key, &value);
	if (r <= 0)
		return r;
	text_show(shown, sizeof(shown), key);
	if (!is_key(key))
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "option `%s`: `%s` is no key: 1 to %d"
					 " of a-z 0-9 _",
					 o->name, shown, OPTIONS_KEY_MAX);
	if (js_get(texts, key))
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "option `%s`: `%s` is there twice",
					 o->name, shown);
	if (!text_valid(value, OPTIONS_TEXT_MAX))
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "option `%s`: `%s` is empty, longer"
					 " than %d bytes or not printable",
					 o->name, shown, OPTIONS_TEXT_MAX);
	*len += strlen(key) + strlen(value);
	if (*len > (size_t)o->max)
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "option `%s`: more than %.0f bytes in"
					 " all",
					 o->name, o->max);
	r = js_set_str(texts, key, value);
	return r < 0 ? r : 1;
}

static int read_texts(sd_bus_message *m, const struct option *o,
		      sd_bus_error *error)
{
	CLEANUP(js_freep) json_t *texts = js_object();
	json_t **target = o->target;
	size_t len = 0;
	int r;

	if (!texts)
		return -ENOMEM;
	r = sd_bus_message_enter_container(m, 'a', "{ss}");
	if (r < 0)
		return r;
	while ((r = read_text(m, o, texts, &len, error)) > 0)
		;
	if (r >= 0)
		r = sd_bus_message_exit_container(m);
	if (r < 0)
		return r;
	js_free(*target);
	*target = js_len(texts) ? TAKE_PTR(texts) : NULL;
	return 0;
}

static int read_value(sd_bus_message *m, const struct option *o,
		      sd_bus_error *error)
{
	const char *text;
	double number;
	int flag;
	int r;

	if (!strcmp(o->type, "as"))
		return read_words(m, o, error);
	if (!strcmp(o->type, "a{ss}"))
		return read_texts(m, o, error);
	if (!strcmp(o->type, "b")) {
		r = sd_bus_message_read(m, "b", &flag);
		if (r >= 0)
			*(bool *)o->target = flag;
		return r;
	}
	if (!strcmp(o->type, "t"))
		return sd_bus_message_read(m, "t", o->target);
	if (!strcmp(o->type, "s")) {
		r = sd_bus_message_read(m, "s", &text);
		if (r < 0)
			return r;
		if (!text_valid(text, (size_t)o->max - 1))
			return bad(error, o->name,
				   "empty, too long or not"
				   " printable");
		strcpy(o->target, text);
		return 0;
	}
	r = sd_bus_message_read(m, "d", &number);
	if (r < 0)
		return r;
	if (!isfinite(number) || number < o->min || number > o->max)
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "option `%s`: must be %g to %g",
					 o->name, o->min, o->max);
	*(double *)o->target = number;
	return 0;
}

static const struct option *find(const struct option *options, size_t n,
				 const char *key)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(options[i].name, key))
			return &options[i];
	return NULL;
}

static int read_entry(sd_bus_message *m, const struct option *options, size_t n,
		      sd_bus_error *error)
{
	const struct option *o;
	const char *contents;
	const char *key;
	int r;

	r = sd_bus_message_read(m, "s", &key);
	if (r < 0)
		return r;
	o = find(options, n, key);
	if (!o)
		return bad(error, key, "no such option");
	r = sd_bus_message_peek_type(m, NULL, &contents);
	if (r < 0)
		return r;
	if (strcmp(contents, o->type))
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "option `%s`: type %s wanted, not"
					 " %.32s",
					 o->name, o->type, contents);
	r = sd_bus_message_enter_container(m, 'v', o->type);
	if (r >= 0)
		r = read_value(m, o, error);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

int options_each(sd_bus_message *m,
		 int (*fn)(sd_bus_message *m, void *arg, sd_bus_error *error),
		 void *arg, sd_bus_error *error)
{
	int r;

	r = sd_bus_message_enter_container(m, 'a', "{sv}");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = fn(m, arg, error);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(m);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

struct known {
	const struct option *options;
	size_t n;
};

static int read_known(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const struct known *k = arg;

	return read_entry(m, k->options, k->n, error);
}

int options_read(sd_bus_message *m, const struct option *options, size_t n,
		 sd_bus_error *error)
{
	struct known known = { options, n };

	return options_each(m, read_known, &known, error);
}
