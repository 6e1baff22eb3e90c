// SPDX-License-Identifier: GPL-2.0-only
/*
 * One instrument's lifetime: probe, unplug, suspend, reset.
 *
 * struct dp5_device is freed by the last put of its struct device. The
 * interface holds one reference from probe to disconnect, each open file
 * another, and the node's cdev pins it while an open is under way.
 */
#include "dp5.h"

#include <linux/log2.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>

#define VENDOR_ID 0x10c4
#define PRODUCT_ID 0x842a

#define PROBE_TRIES 3
#define PRESENCE_MS 500

static void dp5_device_release(struct device *dev)
{
	struct dp5_device *dp5 = container_of(dev, struct dp5_device, dev);

	dp5_pool_empty(dp5);
	dp5_engine_deinit(dp5);
	if (dev->devt)
		dp5_minor_put(dev->devt);
	usb_put_dev(dp5->udev);
	kfree(dp5);
	dp5_module_let_go();
}

static struct dp5_identity identity_of(const u8 *status)
{
	return (struct dp5_identity){
		.serial = dp5_packet_serial(status),
		.device = status[39],
		.fw_major = status[24] >> 4,
		.fw_minor = status[24] & 0x0f,
		/* Firmware to 6.05 does not fill the byte. */
		.fw_build = status[24] > 0x65 ? status[37] & 0x0f : 0,
		.fpga_major = status[25] >> 4,
		.fpga_minor = status[25] & 0x0f,
		.eco = status[49],
	};
}

/* Not every unit has a serial number. What the FPGA says may depend on when it
 * is asked.
 */
bool dp5_is_same_unit(const struct dp5_device *dp5, const u8 *status)
{
	struct dp5_identity now = identity_of(status);
	const struct dp5_identity *id = &dp5->id;

	return now.serial == id->serial && now.device == id->device &&
	       now.fw_major == id->fw_major && now.fw_minor == id->fw_minor &&
	       now.fw_build == id->fw_build;
}

/* Whether there is anything on the port to ask again. Probe holds the thread of
 * the hub, which would tell of a unit that was pulled out. The default endpoint
 * knows: with nothing at the other end it fails at once, and only a device that
 * is there can refuse the request or leave it waiting. An X-ray tube has been
 * asked such requests when it was enumerated.
 */
static int check_presence(struct dp5_device *dp5)
{
	__le16 unused;
	int ret;

	ret = usb_control_msg_recv(dp5->udev, 0, USB_REQ_GET_STATUS,
				   USB_DIR_IN | USB_RECIP_DEVICE, 0, 0, &unused,
				   sizeof(unused), PRESENCE_MS, GFP_KERNEL);
	if (!ret || ret == -EPIPE || ret == -ETIMEDOUT || ret == -EREMOTEIO)
		return 0;
	if (ret == -ENOMEM)
		return ret;
	dev_err(&dp5->intf->dev, "pulled out, or its link fails: %d\n", ret);
	return -ENODEV;
}

/* A status, tried for a few times: answers an earlier program has left behind
 * are dropped as stale or damaged, and a unit, or a host, that is slow for a
 * moment misses a time-out. It would stay without a driver until it is plugged
 * in again. Each try is bounded, and so is the probe of a dead unit: about 3 s
 * for one that is silent, 6 s more for one that falls silent after its first
 * answer. Such a one is rare enough to be waited for; one that has gone is not.
 */
static int ask_status(struct dp5_device *dp5, struct dp5_packet *head,
		      u8 *status)
{
	int ret, i, error;

	for (i = 0; i < PROBE_TRIES; i++) {
		ret = dp5_call_status(dp5, head, status);
		if (ret != -EPROTO && ret != -ETIMEDOUT)
			break;
		error = check_presence(dp5);
		if (error)
			return error;
	}
	return ret;
}

/* Errors that say nothing about the unit. */
static bool is_no_verdict(int error)
{
	return error == -ENODEV || error == -ENOMEM || error == -EINTR ||
	       error == -ERESTARTSYS;
}

/* Ask what this is. Nothing but a status request goes out before the answer
 * is known: the same USB id is that of an X-ray tube.
 */
static int identify(struct dp5_device *dp5)
{
	struct device *dev = &dp5->intf->dev;
	u8 status[DP5_STATUS_LEN];
	struct dp5_packet head;
	int ret;

	ret = ask_status(dp5, &head, status);
	if (is_no_verdict(ret))
		return ret;
	if (ret == -ETIMEDOUT) {
		dev_err(dev, "no answer to a status request; left alone\n");
		return -ENODEV;
	}
	if (ret || head.pid1 == DP5_PID1_ACK) {
		dev_err(dev, "answer is not that of a DP5; left alone\n");
		return -ENODEV;
	}
	if (head.pid2 == 0x02) {
		dev_err(dev,
			"a Mini-X2 X-ray tube, not a spectrometer; left alone\n");
		return -ENODEV;
	}
	dp5->id = identity_of(status);
	return 0;
}

/* A status read from the endpoint's past could be an old one. Now that echo
 * is known to be safe, go through a resynchronisation and ask again. A try that
 * fails leaves the link dirty, so that the next resynchronises, too.
 */
static int confirm(struct dp5_device *dp5)
{
	struct dp5_engine *e = &dp5->engine;
	u8 status[DP5_STATUS_LEN];
	struct dp5_packet head;
	int ret;

	spin_lock_irq(&dp5->lock);
	e->may_echo = true;
	e->is_dirty = true;
	spin_unlock_irq(&dp5->lock);

	ret = ask_status(dp5, &head, status);
	if (is_no_verdict(ret))
		return ret;
	if (!ret && (head.pid1 != 0x80 || head.pid2 != 0x01))
		ret = -EPROTO;
	if (ret) {
		dev_err(&dp5->intf->dev, "answers to status, then fails: %d\n",
			ret);
		return -ENODEV;
	}
	dp5->id = identity_of(status);
	return 0;
}

static struct dp5_device *device_new(struct usb_interface *intf)
{
	struct dp5_device *dp5;

	dp5 = kzalloc(sizeof(*dp5), GFP_KERNEL);
	if (!dp5)
		return NULL;
	dp5->intf = intf;
	dp5->udev = usb_get_dev(interface_to_usbdev(intf));
	spin_lock_init(&dp5->lock);
	mutex_init(&dp5->sensor_mutex);
	dp5_stream_init(dp5);

	dp5_module_hold();
	device_initialize(&dp5->dev);
	dp5->dev.class = dp5_class;
	dp5->dev.parent = &intf->dev;
	dp5->dev.groups = dp5_groups;
	dp5->dev.release = dp5_device_release;
	return dp5;
}

static int add_node(struct dp5_device *dp5)
{
	dev_t devt;
	int ret;

	ret = dp5_minor_get(&devt);
	if (ret)
		return ret;
	dp5->dev.devt = devt;
	ret = dev_set_name(&dp5->dev, "dp5-%d", dp5_minor_index(devt));
	if (ret)
		return ret;
	cdev_init(&dp5->cdev, &dp5_fops);
	dp5->cdev.owner = THIS_MODULE;
	return cdev_device_add(&dp5->cdev, &dp5->dev);
}

static void set_gone(struct dp5_device *dp5)
{
	struct dp5_open *open;

	spin_lock_irq(&dp5->lock);
	dp5->is_gone = true;
	list_for_each_entry(open, &dp5->opens, node)
		wake_up_poll(&open->wait, EPOLLIN | EPOLLHUP | EPOLLERR);
	spin_unlock_irq(&dp5->lock);

	/* Callers of TRANSACT wake with -ENODEV. */
	dp5_engine_kill(dp5);
	dp5_stream_stop(dp5);
}

/* Bulk packets have a few sizes only; a host controller cannot be trusted to
 * make sense of another.
 */
static bool has_packet_size(const struct usb_endpoint_descriptor *ep)
{
	int n = usb_endpoint_maxp(ep);

	return n >= 8 && n <= 512 && is_power_of_2(n);
}

/* The instrument has one interface with a pair of bulk endpoints. The first of
 * several speaks for all of them.
 */
static int find_endpoints(struct usb_interface *intf,
			  struct usb_endpoint_descriptor **in,
			  struct usb_endpoint_descriptor **out)
{
	struct usb_host_config *config = interface_to_usbdev(intf)->actconfig;

	if (config->interface[1]) {
		if (intf == config->interface[0])
			dev_err(&intf->dev, "several interfaces; left alone\n");
		return -ENODEV;
	}
	if (usb_find_common_endpoints(intf->cur_altsetting, in, out, NULL,
				      NULL)) {
		dev_err(&intf->dev, "no pair of bulk endpoints; left alone\n");
		return -ENODEV;
	}
	if (!has_packet_size(*in) || !has_packet_size(*out)) {
		dev_err(&intf->dev, "packets of %d and %d bytes; left alone\n",
			usb_endpoint_maxp(*in), usb_endpoint_maxp(*out));
		return -ENODEV;
	}
	return 0;
}

static int dp5_probe(struct usb_interface *intf, const struct usb_device_id *id)
{
	struct usb_endpoint_descriptor *in, *out;
	struct dp5_device *dp5;
	int ret;

	ret = find_endpoints(intf, &in, &out);
	if (ret)
		return ret;
	dp5 = device_new(intf);
	if (!dp5)
		return -ENOMEM;
	ret = dp5_pool_fill(dp5);
	if (ret)
		goto err_put_device;
	ret = dp5_engine_init(dp5, usb_endpoint_num(in), usb_endpoint_num(out));
	if (ret)
		goto err_put_device;
	ret = identify(dp5);
	if (ret)
		goto err_kill;
	ret = confirm(dp5);
	if (ret)
		goto err_kill;
	usb_set_intfdata(intf, dp5);

	/* Last: from here on the node can be opened. */
	ret = add_node(dp5);
	if (ret)
		goto err_kill;
	dp5_hwmon_start(dp5);

	spin_lock_irq(&dp5->lock);
	dp5->engine.may_reset = true;
	spin_unlock_irq(&dp5->lock);
	dev_info(&dp5->dev, "%s, serial %d, firmware %u.%02u.%02u\n",
		 dp5_model(dp5->id.device), (int)dp5->id.serial,
		 dp5->id.fw_major, dp5->id.fw_minor, dp5->id.fw_build);
	return 0;

err_kill:
	usb_set_intfdata(intf, NULL);
	set_gone(dp5);
err_put_device:
	put_device(&dp5->dev);
	return ret;
}

/* The order matters.
 *
 * First is_gone, under the lock: from then on no exchange starts and no open
 * is attached, and every call that needs the instrument says -ENODEV. An open
 * that got in before is on the list and is woken. Then the wire: poisoned URBs
 * end whatever a process or a sensor's show() waits for. Only then sensors and
 * node, because taking down sysfs files waits for those who are inside them.
 * Open files keep the memory; the last close frees it.
 */
static void dp5_disconnect(struct usb_interface *intf)
{
	struct dp5_device *dp5 = usb_get_intfdata(intf);

	set_gone(dp5);
	dp5_hwmon_stop(dp5);
	cdev_device_del(&dp5->cdev, &dp5->dev);
	usb_set_intfdata(intf, NULL);
	put_device(&dp5->dev);
}

/* The host sleeps whatever is under way. An unused device is not put to sleep
 * if its use began while that was decided.
 */
static int dp5_suspend(struct usb_interface *intf, pm_message_t message)
{
	return dp5_engine_hold(usb_get_intfdata(intf), PMSG_IS_AUTO(message));
}

static int dp5_resume(struct usb_interface *intf)
{
	dp5_engine_resume(usb_get_intfdata(intf), DP5_STATE_RESUME);
	return 0;
}

/* Power was lost, or the port was reset to wake the device. Open files stay;
 * their readers learn that the configuration may be gone.
 */
static int dp5_reset_resume(struct usb_interface *intf)
{
	dp5_engine_resume(usb_get_intfdata(intf), DP5_STATE_RESET);
	return 0;
}

static int dp5_pre_reset(struct usb_interface *intf)
{
	return dp5_engine_hold(usb_get_intfdata(intf), false);
}

/* Anything but 0 has usbcore unbind and probe again. */
static int dp5_post_reset(struct usb_interface *intf)
{
	struct dp5_device *dp5 = usb_get_intfdata(intf);

	dp5_engine_resume(dp5, DP5_STATE_RESET);
	return READ_ONCE(dp5->engine.is_other);
}

static const struct usb_device_id dp5_ids[] = {
	{ USB_DEVICE(VENDOR_ID, PRODUCT_ID) }, {}
};
MODULE_DEVICE_TABLE(usb, dp5_ids);

struct usb_driver dp5_usb_driver = {
	.name = "dp5",
	.id_table = dp5_ids,
	.probe = dp5_probe,
	.disconnect = dp5_disconnect,
	.suspend = dp5_suspend,
	.resume = dp5_resume,
	.reset_resume = dp5_reset_resume,
	.pre_reset = dp5_pre_reset,
	.post_reset = dp5_post_reset,
	.supports_autosuspend = 1,
};
