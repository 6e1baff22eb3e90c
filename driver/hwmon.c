// SPDX-License-Identifier: GPL-2.0-only
/*
 * Detector temperature, board temperature and high voltage as sensors.
 *
 * They are in every status packet. Whoever streams keeps the last one fresh
 * and a sensor costs nothing; otherwise reading one asks for the status, at
 * most once a second.
 */
#include "dp5.h"

#include <linux/hwmon.h>

#define REFRESH_NS NSEC_PER_SEC
#define KELVIN_MILLI 273150

/* A status not older than a second. */
static bool known_status(struct dp5_device *dp5, u8 *status)
{
	bool is_fresh;

	spin_lock_irq(&dp5->lock);
	is_fresh = dp5->status_time &&
		   ktime_before(ktime_get(),
				ktime_add_ns(dp5->status_time, REFRESH_NS));
	if (is_fresh)
		memcpy(status, dp5->status, DP5_STATUS_LEN);
	spin_unlock_irq(&dp5->lock);
	return is_fresh;
}

/* What the instrument says to a request for one. */
static int ask_status(struct dp5_device *dp5, u8 *status)
{
	struct dp5_packet head;
	int ret;

	ret = dp5_call_status(dp5, &head, status);
	if (!ret && head.pid1 == DP5_PID1_ACK)
		ret = -EIO;
	/* Also of one that was sent: to ask again does no harm. */
	return ret == -EINTR ? -ERESTARTSYS : ret;
}

/* Anybody may read sensors, as many at a time and as often as they like: one
 * of them asks, and a failure holds for as long as a status.
 */
static int fresh_status(struct dp5_device *dp5, u8 *status)
{
	int ret;

	if (known_status(dp5, status))
		return 0;
	if (mutex_lock_interruptible(&dp5->sensor_mutex))
		return -ERESTARTSYS;
	if (known_status(dp5, status)) {
		ret = 0;
	} else if (dp5->sensor_error &&
		   ktime_before(ktime_get(),
				ktime_add_ns(dp5->sensor_time, REFRESH_NS))) {
		ret = dp5->sensor_error;
	} else {
		ret = ask_status(dp5, status);
		dp5->sensor_error = ret == -ERESTARTSYS ? 0 : ret;
		dp5->sensor_time = ktime_get();
	}
	mutex_unlock(&dp5->sensor_mutex);
	return ret;
}

static long detector_millicelsius(const u8 *status)
{
	long decikelvin = (status[32] & 0x0f) << 8 | status[33];

	return decikelvin * 100 - KELVIN_MILLI;
}

/* Half a volt a count, in millivolt. */
static long high_voltage(const u8 *status)
{
	return (s16)(status[30] << 8 | status[31]) * 500L;
}

static int dp5_hwmon_read(struct device *dev, enum hwmon_sensor_types type,
			  u32 attr, int channel, long *val)
{
	struct dp5_device *dp5 = dev_get_drvdata(dev);
	u8 status[DP5_STATUS_LEN];
	int ret;

	ret = fresh_status(dp5, status);
	if (ret)
		return ret;
	if (type == hwmon_in)
		*val = high_voltage(status);
	else if (channel == 0)
		*val = detector_millicelsius(status);
	else
		*val = (s8)status[34] * 1000L;
	return 0;
}

static int dp5_hwmon_read_string(struct device *dev,
				 enum hwmon_sensor_types type, u32 attr,
				 int channel, const char **str)
{
	if (type == hwmon_in)
		*str = "high voltage";
	else
		*str = channel == 0 ? "detector" : "board";
	return 0;
}

/* Units for scintillators have other supplies, which they do not measure; the
 * pulse processor without a detector, 3, has neither, and of one that is not
 * known nobody has said what the bytes mean.
 */
static umode_t dp5_hwmon_is_visible(const void *data,
				    enum hwmon_sensor_types type, u32 attr,
				    int channel)
{
	u8 device = ((const struct dp5_device *)data)->id.device;
	bool has_high_voltage = device == 0 || device == 1 || device == 5;
	bool has_detector = dp5_is_known(device) && device != 3;

	if (type == hwmon_in)
		return has_high_voltage ? 0444 : 0;
	return channel || has_detector ? 0444 : 0;
}

static const struct hwmon_ops dp5_hwmon_ops = {
	.is_visible = dp5_hwmon_is_visible,
	.read = dp5_hwmon_read,
	.read_string = dp5_hwmon_read_string,
};

static const struct hwmon_channel_info *dp5_hwmon_info[] = {
	HWMON_CHANNEL_INFO(temp, HWMON_T_INPUT | HWMON_T_LABEL,
			   HWMON_T_INPUT | HWMON_T_LABEL),
	HWMON_CHANNEL_INFO(in, HWMON_I_INPUT | HWMON_I_LABEL), NULL
};

static const struct hwmon_chip_info dp5_hwmon_chip = {
	.ops = &dp5_hwmon_ops,
	.info = dp5_hwmon_info,
};

void dp5_hwmon_start(struct dp5_device *dp5)
{
	struct device *hwmon;

	hwmon = hwmon_device_register_with_info(&dp5->dev, "dp5", dp5,
						&dp5_hwmon_chip, NULL);
	if (IS_ERR(hwmon))
		dev_warn(&dp5->dev, "no sensors: %ld\n", PTR_ERR(hwmon));
	else
		dp5->hwmon = hwmon;
}

void dp5_hwmon_stop(struct dp5_device *dp5)
{
	if (dp5->hwmon)
		hwmon_device_unregister(dp5->hwmon);
	dp5->hwmon = NULL;
}
