// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Configure: settings of an instrument outside an assay, as high voltage off
 * before its window is opened.
 *
 * What was sent and what was read back is a record, with who and why, also
 * when the instrument refused: it may have taken what stood before that.
 */
#include "bus/spectrometer.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "bus/caller.h"
#include "bus/errors.h"
#include "bus/ledger_object.h"
#include "bus/options.h"

/* A call that waits for its instrument. */
struct configure {
	struct spectrometer *sp;
	sd_bus_message *message;
	uint32_t uid;
	const char *reason; /* in the message */
};

/* ---- the call ----------------------------------------------------------------- */

/* What cannot be one setting must not become two in the text that is sent. */
static int add_setting(struct buf *text, const char *name, const char *value,
		       sd_bus_error *error)
{
	char shown[64];

	text_show(shown, sizeof(shown), name);
	if (strlen(name) != DP5_CONFIG_NAME_LEN || strpbrk(name, "=; \t\r\n"))
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "setting `%s`: a command of the "
					 "instrument has four letters",
					 shown);
	if (strpbrk(value, "=; \t\r\n"))
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "setting `%s`: a value has no blank, "
					 "`=` or `;`",
					 shown);
	/* The word for the other way is none: it has to know how many. */
	if (!strcmp(name, "HVSE") && strcmp(value, "OFF") &&
	    !strpbrk(value, "0123456789")) {
		text_show(shown, sizeof(shown), value);
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "setting `HVSE`: `%s` is no voltage; "
					 "want the volts of the detector, as "
					 "-130 (its data sheet has them), or "
					 "OFF",
					 shown);
	}
	return buf_printf(text, "%s=%s;", name, value);
}

static int read_setting(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *name, *value, *type;
	char shown[64];
	int r;

	r = sd_bus_message_read(m, "s", &name);
	if (r >= 0)
		r = sd_bus_message_peek_type(m, NULL, &type);
	if (r < 0)
		return r;
	text_show(shown, sizeof(shown), name);
	if (strcmp(type, "s"))
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "setting `%s`: must be of type s, not "
					 "%s",
					 shown, type);
	r = sd_bus_message_read(m, "v", "s", &value);
	return r < 0 ? r : add_setting(arg, name, value, error);
}

static int read_call(sd_bus_message *m, struct dp5_config *ret,
		     const char **ret_reason, sd_bus_error *error)
{
	CLEANUP(buf_deinit)
	struct buf text = { .limit = (size_t)DP5_CONFIG_COMMANDS_MAX *
				     (DP5_CONFIG_VALUE_MAX + 8) };
	struct dp5_config_error why;
	int r;

	r = options_each(m, read_setting, &text, error);
	if (r == -EFBIG)
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "more than %d settings, or values of "
					 "more than %d characters",
					 DP5_CONFIG_COMMANDS_MAX,
					 DP5_CONFIG_VALUE_MAX);
	if (r < 0)
		return r;
	if (!text.len)
		return sd_bus_error_set(error, ERROR_BAD_OPTION,
					"no setting is given");
	if (dp5_config_parse(text.data, text.len, ret, &why) < 0)
		return sd_bus_error_setf(error, ERROR_BAD_OPTION,
					 "setting `%s`: %s", why.command,
					 why.why);
	r = sd_bus_message_read(m, "s", ret_reason);
	return r < 0 ? r : ledger_object_check_reason(*ret_reason, error);
}

/* ---- its end ------------------------------------------------------------------ */

static void configure_free(struct configure *c)
{
	sd_bus_message_unref(c->message);
	free(c);
}

static json_t *record_json(const char *reason, const char *why,
			   const struct dp5_config *sent,
			   const struct dp5_config *read_back)
{
	CLEANUP(js_freep) json_t *part = js_object();
	CLEANUP(buf_deinit) struct buf out = { 0 };
	CLEANUP(buf_deinit) struct buf back = { 0 };
	int e;

	e = dp5_config_text(sent, &out);
	e |= dp5_config_text(read_back, &back);
	e |= js_set_str(part, "sent", out.data ? out.data : "");
	e |= js_set_str(part, "read_back", back.data ? back.data : "");
	e |= js_set_str(part, "why", why);
	e |= js_set_str(part, "reason", reason);
	return e < 0 ? NULL : TAKE_PTR(part);
}

static int add_record(const struct configure *c, json_t *part,
		      uint64_t *ret_seq, sd_bus_error *error)
{
	const struct ledger_entry entry = {
		.kind = CHAIN_CONFIG,
		.uid = c->uid,
		.serial = session_serial(c->sp->session),
		.is_simulated = session_is_simulated(c->sp->session),
		.part = part,
	};

	if (!part)
		return sd_bus_error_set_errno(error, -ENOMEM);
	return ledger_object_add(c->sp->service, &entry, ret_seq, error);
}

static const char *error_name(int error)
{
	if (error == -EINVAL)
		return ERROR_BAD_OPTION;
	return error == -ENODEV ? ERROR_NO_DEVICE : ERROR_FAULT;
}

static void on_applied(struct session *s, int r, const char *why,
		       const struct dp5_config *sent,
		       const struct dp5_config *read_back, void *arg)
{
	CLEANUP(js_freep) json_t *part = NULL;
	CLEANUP(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct configure *c = arg;
	uint64_t seq = 0;
	int e;

	part = record_json(c->reason, why, sent, read_back);
	e = add_record(c, part, &seq, &error);
	if (e < 0)
		log_error("%s: settings sent and not recorded: %s",
			  session_serial(s), error.message);
	if (r < 0) {
		sd_bus_error_free(&error);
		sd_bus_error_setf(&error, error_name(r), "%s: %s",
				  session_serial(s), why);
	}
	if (r < 0 || e < 0)
		sd_bus_reply_method_error(c->message, &error);
	else
		sd_bus_reply_method_return(c->message, "t", seq);
	configure_free(c);
}

/* ---- the method --------------------------------------------------------------- */

static int configure(sd_bus_message *m, uint32_t uid, void *arg,
		     sd_bus_error *error)
{
	struct spectrometer *sp = arg;
	struct dp5_config config;
	struct configure *c;
	const char *reason;
	int r;

	sd_bus_message_rewind(m, 1);
	r = read_call(m, &config, &reason, error);
	if (r >= 0)
		r = spectrometer_check_free(sp, error);
	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	*c = (struct configure){ sp, sd_bus_message_ref(m), uid, reason };
	session_apply(sp->session, &config, on_applied, c);
	return 1;
}

int spectrometer_method_configure(sd_bus_message *m, void *arg,
				  sd_bus_error *error)
{
	struct spectrometer *sp = arg;
	struct dp5_config config;
	const char *reason;
	int r;

	/* Wrong arguments are answered before anybody asks for a password. */
	r = read_call(m, &config, &reason, error);
	return r < 0 ? r
		     : caller_authorize(sp->service, m,
					"org.reespec1.configure", configure,
					sp);
}
