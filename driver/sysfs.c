// SPDX-License-Identifier: GPL-2.0-only
/*
 * Identity of an instrument as attributes of its class device; they are
 * there before the uevent, so that a udev rule can name the node by them.
 */
#include "dp5.h"

#include <linux/kernel.h>
#include <linux/sysfs.h>

static const char *const models[] = { "DP5/X-123", "PX5",  "DP5G",
				      "MCA8000D",  "TB-5", "DP5-X" };

bool dp5_is_known(u8 device)
{
	return device < ARRAY_SIZE(models);
}

const char *dp5_model(u8 device)
{
	return dp5_is_known(device) ? models[device] : "unknown";
}

static struct dp5_device *to_dp5(struct device *dev)
{
	return container_of(dev, struct dp5_device, dev);
}

/* Empty for a unit without one. */
static ssize_t serial_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	u32 serial = to_dp5(dev)->id.serial;

	if (serial == DP5_SERIAL_NONE)
		return sysfs_emit(buf, "\n");
	return sysfs_emit(buf, "%u\n", serial);
}
static DEVICE_ATTR_RO(serial);

static ssize_t model_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n", dp5_model(to_dp5(dev)->id.device));
}
static DEVICE_ATTR_RO(model);

static ssize_t firmware_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	const struct dp5_identity *id = &to_dp5(dev)->id;

	return sysfs_emit(buf, "%u.%02u.%02u\n", id->fw_major, id->fw_minor,
			  id->fw_build);
}
static DEVICE_ATTR_RO(firmware);

static ssize_t fpga_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	const struct dp5_identity *id = &to_dp5(dev)->id;

	return sysfs_emit(buf, "%u.%02u\n", id->fpga_major, id->fpga_minor);
}
static DEVICE_ATTR_RO(fpga);

/* Of the last spectrum; 0 before the first. */
static ssize_t channels_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(to_dp5(dev)->channels));
}
static DEVICE_ATTR_RO(channels);

static struct attribute *dp5_attrs[] = {
	&dev_attr_serial.attr, &dev_attr_model.attr,	&dev_attr_firmware.attr,
	&dev_attr_fpga.attr,   &dev_attr_channels.attr, NULL,
};

static const struct attribute_group dp5_group = {
	.attrs = dp5_attrs,
};

const struct attribute_group *dp5_groups[] = {
	&dp5_group,
	NULL,
};
