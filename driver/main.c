// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module dp5: spectrometers of the Amptek DP5 family (DP5, X-123, PX5, DP5G,
 * TB-5, DP5-X, MCA8000D) as /dev/dp5-N.
 */
#include "dp5.h"
#include "compat.h"
#include "version.h"

#include <linux/idr.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/wait_bit.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

static dev_t first_devt;
static DEFINE_IDA(minors);

/* Devices that are not released yet. */
static atomic_t n_devices = ATOMIC_INIT(0);

struct workqueue_struct *dp5_wq;

/* Not an object of this module: the driver core reads it once more when it
 * releases the class, which may be after the module has gone.
 */
struct class *dp5_class;

int dp5_minor_get(dev_t *ret_devt)
{
	int minor;

	minor = ida_alloc_max(&minors, DP5_MINORS - 1, GFP_KERNEL);
	if (minor < 0)
		return minor;
	*ret_devt = MKDEV(MAJOR(first_devt), MINOR(first_devt) + minor);
	return 0;
}

unsigned int dp5_minor_index(dev_t devt)
{
	return MINOR(devt) - MINOR(first_devt);
}

void dp5_minor_put(dev_t devt)
{
	ida_free(&minors, dp5_minor_index(devt));
}

void dp5_module_hold(void)
{
	atomic_inc(&n_devices);
}

void dp5_module_let_go(void)
{
	if (atomic_dec_and_test(&n_devices))
		wake_up_var(&n_devices);
}

static int __init dp5_init(void)
{
	int ret;

	/* Unbound: its works wait for the device and may take seconds. */
	dp5_wq = alloc_workqueue("dp5", WQ_UNBOUND, 0);
	if (!dp5_wq)
		return -ENOMEM;
	dp5_class = dp5_class_create("dp5");
	if (IS_ERR(dp5_class)) {
		ret = PTR_ERR(dp5_class);
		goto err_destroy_wq;
	}
	ret = alloc_chrdev_region(&first_devt, 0, DP5_MINORS, "dp5");
	if (ret)
		goto err_destroy_class;
	/* Last: from here on probe can run. */
	ret = usb_register(&dp5_usb_driver);
	if (ret)
		goto err_unregister_region;
	return 0;

err_unregister_region:
	unregister_chrdev_region(first_devt, DP5_MINORS);
err_destroy_class:
	class_destroy(dp5_class);
err_destroy_wq:
	destroy_workqueue(dp5_wq);
	return ret;
}

/* Open files pin the module, but a device lives until the last reference on
 * it is put, and whoever has one besides the files pins nothing; the driver
 * core itself may put off the release. The code of the release must be there
 * until then, and until the task that runs it is out of its last line, even
 * if it was preempted on that: this is what waiting for tasks is for.
 */
static void wait_for_devices(void)
{
	wait_var_event(&n_devices, !atomic_read(&n_devices));
	synchronize_rcu_tasks();
}

static void __exit dp5_exit(void)
{
	usb_deregister(&dp5_usb_driver);
	wait_for_devices();
	unregister_chrdev_region(first_devt, DP5_MINORS);
	class_destroy(dp5_class);
	destroy_workqueue(dp5_wq);
	ida_destroy(&minors);
}

module_init(dp5_init);
module_exit(dp5_exit);

MODULE_DESCRIPTION("Amptek DP5 family X-ray spectrometers");
MODULE_AUTHOR("The reespec project");
MODULE_LICENSE("GPL");
MODULE_VERSION(REESPEC_VERSION);
