// SPDX-License-Identifier: GPL-2.0-or-later
/* What a device says of itself on endpoint 0, true or not. */
#include "dp5emu/descriptors.h"

#include <errno.h>
#include <linux/usb/ch9.h>
#include <string.h>

#include "base/cleanup.h"
#include "dp5emu/hex.h"

#define MAXP_AT (DESCRIPTORS_DEVICE_LEN + 9 + 9 + 4) /* of the IN endpoint */
#define ENDPOINT_LEN 7

/* clang-format off */
static const uint8_t high_speed[] = {
	/* device 10c4:842a, USB 2.00, class of the vendor */
	18, USB_DT_DEVICE, 0x00, 0x02, 0xff, 0, 0, 64,
	0xc4, 0x10, 0x2a, 0x84, 0x00, 0x01, 1, 2, 3, 1,
	/* configuration 1, 100 mA, one interface */
	9, USB_DT_CONFIG, 32, 0, 1, 1, 0, 0x80, 50,
	/* interface 0 with two endpoints */
	9, USB_DT_INTERFACE, 0, 0, 2, USB_CLASS_VENDOR_SPEC, 0, 0, 0,
	/* bulk IN 1, bulk OUT 2, 512 bytes */
	7, USB_DT_ENDPOINT, 0x81, USB_ENDPOINT_XFER_BULK, 0x00, 0x02, 0,
	7, USB_DT_ENDPOINT, 0x02, USB_ENDPOINT_XFER_BULK, 0x00, 0x02, 0,
};
/* clang-format on */

/* As the gadget has them: the last is not the instrument's serial number. */
static const char *const strings[] = { NULL, "reespec", "emulated X-123",
				       "not-the-serial" };

void descriptors_set(struct descriptors *d, bool is_full_speed)
{
	d->len = sizeof(high_speed);
	memcpy(d->bytes, high_speed, sizeof(high_speed));
	for (int i = 0; is_full_speed && i < 2; i++) {
		d->bytes[MAXP_AT + i * ENDPOINT_LEN] = 64;
		d->bytes[MAXP_AT + i * ENDPOINT_LEN + 1] = 0;
	}
}

int descriptors_load(struct descriptors *d, const char *path)
{
	struct descriptors read;
	int r;

	r = hex_load(path, read.bytes, sizeof(read.bytes), &read.len);
	if (!r)
		*d = read;
	return r;
}

static size_t put_string(uint8_t *out, uint8_t index)
{
	size_t n = 2;

	if (!index) {
		memcpy(out, "\x04\x03\x09\x04", 4); /* English */
		return 4;
	}
	if (index >= ARRAY_SIZE(strings))
		return 0;
	for (const char *s = strings[index]; *s; s++) {
		out[n++] = (uint8_t)*s;
		out[n++] = 0;
	}
	out[0] = (uint8_t)n;
	out[1] = USB_DT_STRING;
	return n;
}

/* Bytes of a descriptor, 0 when there is none. */
static size_t put_descriptor(const struct descriptors *d, uint8_t type,
			     uint8_t index, uint8_t *out)
{
	size_t n = d->len < DESCRIPTORS_DEVICE_LEN ? d->len
						   : DESCRIPTORS_DEVICE_LEN;

	switch (type) {
	case USB_DT_DEVICE:
		memcpy(out, d->bytes, n);
		return n;
	case USB_DT_CONFIG:
		memcpy(out, d->bytes + n, d->len - n);
		return d->len - n;
	case USB_DT_STRING:
		return put_string(out, index);
	default:
		return 0;
	}
}

int descriptors_answer(const struct descriptors *d, const uint8_t setup[8],
		       uint8_t *out, size_t *ret_len)
{
	size_t room = (size_t)setup[6] | (size_t)setup[7] << 8;

	*ret_len = 0;
	switch (setup[1]) {
	case USB_REQ_SET_CONFIGURATION:
	case USB_REQ_SET_INTERFACE:
	case USB_REQ_CLEAR_FEATURE:
	case USB_REQ_SET_FEATURE:
		return setup[0] & USB_DIR_IN ? -EPIPE : 0;
	case USB_REQ_GET_STATUS:
	case USB_REQ_GET_CONFIGURATION:
	case USB_REQ_GET_INTERFACE:
		out[0] = setup[1] == USB_REQ_GET_CONFIGURATION;
		out[1] = 0;
		*ret_len = setup[1] == USB_REQ_GET_STATUS ? 2 : 1;
		break;
	case USB_REQ_GET_DESCRIPTOR:
		*ret_len = put_descriptor(d, setup[3], setup[2], out);
		break;
	}
	if (!*ret_len || !(setup[0] & USB_DIR_IN))
		return -EPIPE;
	if (*ret_len > room)
		*ret_len = room;
	return 0;
}
