// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node: what a process may ask for, and how records reach it.
 *
 * An open holds a reference on the device, so everything here may run after
 * the instrument was unplugged; it then finds dp5_device.is_gone set. Nothing
 * here waits for the device but TRANSACT, a claim of control and a blocking
 * read, and none holds a lock while it waits: poll, close and disconnect never
 * queue behind them.
 */
#include "dp5.h"

#include <linux/compat.h>
#include <linux/overflow.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#define TIMEOUT_MAX_NS (60ULL * NSEC_PER_SEC)
#define INTERVAL_MAX_NS (86400ULL * NSEC_PER_SEC)

static int dp5_open(struct inode *inode, struct file *file)
{
	struct dp5_device *dp5 =
		container_of(inode->i_cdev, struct dp5_device, cdev);
	struct dp5_open *open;
	int ret;

	open = kzalloc(sizeof(*open), GFP_KERNEL_ACCOUNT);
	if (!open)
		return -ENOMEM;
	open->dp5 = dp5;
	open->can_read = file->f_mode & FMODE_READ;
	open->can_write = file->f_mode & FMODE_WRITE;
	ret = dp5_open_attach(open);
	if (ret) {
		kfree(open);
		return ret;
	}

	/* The cdev holds the device while this runs; from here on we do. */
	get_device(&dp5->dev);
	file->private_data = open;
	file->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, file);
}

static int dp5_release(struct inode *inode, struct file *file)
{
	struct dp5_open *open = file->private_data;
	struct dp5_device *dp5 = open->dp5;

	dp5_open_detach(open);
	kfree(open);
	put_device(&dp5->dev);
	return 0;
}

static u64 stamp_ns(const struct dp5_stamp *t, u32 clock)
{
	switch (clock) {
	case DP5_CLOCK_BOOTTIME:
		return ktime_to_ns(t->boot);
	case DP5_CLOCK_REALTIME:
		return ktime_to_ns(t->real);
	default:
		return ktime_to_ns(t->mono);
	}
}

static size_t record_len(const struct dp5_record *r)
{
	return ALIGN(sizeof(struct dp5_frame) + r->payload_len, 8);
}

/* Header, payload and padding, or nothing at all. */
static int copy_record(const struct dp5_queued *q, u32 clock,
		       struct iov_iter *to)
{
	static const u8 zeros[8];
	const struct dp5_record *r = q->record;
	struct dp5_frame head = {
		.len = record_len(r),
		.hdr_len = sizeof(head),
		.type = r->type,
		.seq = r->seq,
		.t_req_ns = stamp_ns(&r->t_req, clock),
		.t_done_ns = stamp_ns(&r->t_done, clock),
		.lost = q->lost,
		.payload_len = r->payload_len,
		.channels = r->channels,
		.pid1 = r->pid1,
		.pid2 = r->pid2,
	};
	size_t pad = head.len - sizeof(head) - r->payload_len;

	if (copy_to_iter(&head, sizeof(head), to) != sizeof(head) ||
	    copy_to_iter(r->payload, r->payload_len, to) != r->payload_len ||
	    copy_to_iter(zeros, pad, to) != pad)
		return -EFAULT;
	return 0;
}

/* Copy one record. What cannot be copied goes back where it was. Returns its
 * length, 0 when none is queued, -EMSGSIZE or -EFAULT.
 */
static ssize_t read_one(struct dp5_open *open, struct iov_iter *to)
{
	struct dp5_queued q;
	size_t len;
	int ret;

	q = dp5_open_pop(open);
	if (!q.record)
		return 0;
	len = record_len(q.record);
	ret = -EMSGSIZE;
	if (len <= iov_iter_count(to))
		ret = copy_record(&q, READ_ONCE(open->sub.clock), to);
	if (ret) {
		dp5_open_unpop(open, q);
		return ret;
	}
	dp5_open_consume(open, q.record);
	return len;
}

/* Copy as many whole records as are queued and fit. A later record that does
 * not fit or cannot be copied is the next call's business.
 */
static ssize_t read_queued(struct dp5_open *open, struct iov_iter *to)
{
	ssize_t total = 0;
	ssize_t ret;

	do {
		ret = read_one(open, to);
		if (ret > 0)
			total += ret;
	} while (ret > 0);
	return total ?: ret;
}

/* Whether a blocking read has to wait no longer. */
static bool may_read(struct dp5_open *open, bool *ret_is_gone)
{
	bool ret;

	spin_lock_irq(&open->dp5->lock);
	*ret_is_gone = open->dp5->is_gone;
	ret = *ret_is_gone || dp5_open_is_readable(open);
	spin_unlock_irq(&open->dp5->lock);
	return ret;
}

static ssize_t dp5_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct dp5_open *open = iocb->ki_filp->private_data;
	bool nowait = (iocb->ki_filp->f_flags & O_NONBLOCK) ||
		      (iocb->ki_flags & IOCB_NOWAIT);
	bool is_gone;
	ssize_t ret;

	if (!iov_iter_count(to))
		return 0;

	for (;;) {
		/* As poll() says: below the watermark nothing is readable
		 * before the deadline.
		 */
		if (nowait && !may_read(open, &is_gone))
			return -EAGAIN;
		if (!nowait) {
			ret = wait_event_interruptible(open->wait,
						       may_read(open,
								&is_gone));
			if (ret)
				return ret;
		}
		if (nowait && !mutex_trylock(&open->read_mutex))
			return -EAGAIN;
		if (!nowait && mutex_lock_interruptible(&open->read_mutex))
			return -ERESTARTSYS;
		/* Looked at first: what is queued when the device goes can
		 * still be read.
		 */
		may_read(open, &is_gone);
		ret = read_queued(open, to);
		mutex_unlock(&open->read_mutex);

		if (ret)
			return ret;
		if (is_gone)
			return -ENODEV;
		if (nowait)
			return -EAGAIN;
		/* Another reader of this open was faster. */
	}
}

static __poll_t dp5_poll(struct file *file, poll_table *wait)
{
	struct dp5_open *open = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &open->wait, wait);
	spin_lock_irq(&open->dp5->lock);
	if (dp5_open_is_readable(open))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (open->n_states)
		mask |= EPOLLPRI;
	if (open->dp5->is_gone)
		mask |= EPOLLHUP | EPOLLERR;
	spin_unlock_irq(&open->dp5->lock);
	return mask;
}

/* The size word, then as much as caller and driver both know. The word that
 * was checked stays in @arg: the caller's may have changed meanwhile.
 */
static int copy_in(void *arg, size_t known, void __user *uarg)
{
	u32 size;
	int ret;

	if (get_user(size, (u32 __user *)uarg))
		return -EFAULT;
	if (size < sizeof(size))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(arg, known, uarg, size);
	*(u32 *)arg = size;
	return ret;
}

/* The same back; the caller's size word is the first of @arg. What a newer
 * caller has behind it is zero, and stays so.
 */
static int copy_out(void __user *uarg, const void *arg, size_t known)
{
	size_t size = *(const u32 *)arg;

	return copy_to_user(uarg, arg, min(size, known)) ? -EFAULT : 0;
}

static bool is_zero(const u32 *words, size_t n)
{
	return !memchr_inv(words, 0, n * sizeof(*words));
}

static bool is_firmware(const struct dp5_identity *id, u8 major, u8 minor,
			u8 build)
{
	u32 has = id->fw_major << 16 | id->fw_minor << 8 | id->fw_build;

	return has >= (major << 16 | minor << 8 | build);
}

static u64 features(const struct dp5_identity *id)
{
	bool is_fpga_7_03 = id->fpga_major > 7 ||
			    (id->fpga_major == 7 && id->fpga_minor >= 3);
	u64 ret = 0;

	if (!dp5_is_known(id->device))
		return 0;
	if (is_firmware(id, 6, 8, 0))
		ret |= DP5_FEATURE_TEXT_UNSAVED;
	if (is_firmware(id, 6, 8, 0) && id->device != 5)
		ret |= DP5_FEATURE_BUFFERS;
	/* Later FPGAs have a better baseline instead. */
	if (is_firmware(id, 6, 6, 5) && id->device != 3 && !is_fpga_7_03)
		ret |= DP5_FEATURE_LIST;
	return ret;
}

static int get_info(struct dp5_open *open, void __user *uarg)
{
	struct dp5_device *dp5 = open->dp5;
	const struct dp5_identity *id = &dp5->id;
	struct dp5_info info;
	int ret;

	ret = copy_in(&info, sizeof(info), uarg);
	if (ret)
		return ret;
	if (!is_zero(info.reserved, ARRAY_SIZE(info.reserved)))
		return -EINVAL;

	info.abi_version = DP5_ABI_VERSION;
	info.features = features(id);
	info.serial = id->serial;
	info.device = id->device;
	info.fw_major = id->fw_major;
	info.fw_minor = id->fw_minor;
	info.fw_build = id->fw_build;
	info.fpga_major = id->fpga_major;
	info.fpga_minor = id->fpga_minor;
	info.eco = id->eco;
	spin_lock_irq(&dp5->lock);
	info.is_control = dp5->control == open && !open->is_claiming;
	info.channels = dp5->channels;
	spin_unlock_irq(&dp5->lock);
	return copy_out(uarg, &info, sizeof(info));
}

int dp5_control_check(struct dp5_device *dp5, const struct dp5_open *open,
		      enum dp5_class class)
{
	lockdep_assert_held(&dp5->lock);

	if (class == DP5_CLASS_NEVER)
		return -EPERM;
	if (class == DP5_CLASS_READ)
		return 0;
	/* Nobody knows what a change does to a model that is not described. */
	if (!dp5_is_known(dp5->id.device))
		return -EPERM;
	if (dp5->control && dp5->control != open)
		return -EBUSY;
	if (class == DP5_CLASS_CONTROL && !dp5->control)
		return -EPERM;
	return 0;
}

/* Whether this open may send a request of the class now. Who must write but
 * cannot, or meets another controller, is told before what needs control. The
 * engine asks about control again when the request's turn has come.
 */
static int check_right(struct dp5_open *open, enum dp5_class class)
{
	struct dp5_device *dp5 = open->dp5;
	int ret;

	if (class == DP5_CLASS_NEVER)
		return -EPERM;
	if (class == DP5_CLASS_READ)
		return 0;
	if (!open->can_write)
		return -EACCES;

	spin_lock_irq(&dp5->lock);
	ret = dp5_control_check(dp5, open, class);
	/* What an earlier program left running is not stopped yet. */
	if (!ret && open->is_claiming)
		ret = -EBUSY;
	spin_unlock_irq(&dp5->lock);
	return ret;
}

static int check_transact(const struct dp5_transact *t)
{
	if (t->flags || t->pad ||
	    !is_zero(t->reserved, ARRAY_SIZE(t->reserved)))
		return -EINVAL;
	if (t->tx_len > DP5_REQUEST_MAX || t->timeout_ns > TIMEOUT_MAX_NS)
		return -EINVAL;
	return 0;
}

/* Take the payload over from the caller, once: what is checked is what is
 * sent.
 */
static int fill_call(struct dp5_open *open, struct dp5_call *call,
		     const struct dp5_transact *t)
{
	const struct dp5_request *req = call->x.req;
	int ret;

	call->x.pid2 = t->pid2;
	call->x.tx_len = t->tx_len;
	call->x.timeout_ns = t->timeout_ns;
	if (copy_from_user(call->x.tx, u64_to_user_ptr(t->tx_ptr), t->tx_len))
		return -EFAULT;
	ret = dp5_request_check(req, call->x.tx, t->tx_len);
	if (ret)
		return ret;
	call->x.owner = open;
	call->x.class = dp5_request_class(req, call->x.tx, t->tx_len);
	return check_right(open, call->x.class);
}

static int transact_out(struct dp5_open *open, const struct dp5_call *call,
			struct dp5_transact *t, void __user *uarg)
{
	u32 clock = READ_ONCE(open->sub.clock);

	t->rx_len = call->rx_len;
	t->rx_pid1 = call->rx_pid1;
	t->rx_pid2 = call->rx_pid2;
	t->t_req_ns = stamp_ns(&call->x.t_req, clock);
	t->t_done_ns = stamp_ns(&call->x.t_done, clock);
	if (copy_out(uarg, t, sizeof(*t)))
		return -EFAULT;
	if (call->rx_len > t->rx_size)
		return -EMSGSIZE;
	if (copy_to_user(u64_to_user_ptr(t->rx_ptr), call->rx, call->rx_len))
		return -EFAULT;
	return 0;
}

static int transact(struct dp5_open *open, void __user *uarg)
{
	const struct dp5_request *req;
	struct dp5_transact t;
	struct dp5_call *call;
	int ret;

	ret = copy_in(&t, sizeof(t), uarg);
	if (ret)
		return ret;
	ret = check_transact(&t);
	if (ret)
		return ret;
	req = dp5_request_find(t.pid1, t.pid2);
	if (!req)
		return -EPERM;
	ret = check_right(open, req->class);
	if (ret)
		return ret;

	call = dp5_call_new(req, t.rx_size);
	if (!call)
		return -ENOMEM;
	ret = fill_call(open, call, &t);
	if (!ret)
		ret = dp5_call_run(open->dp5, call);
	if (!ret)
		ret = transact_out(open, call, &t, uarg);
	dp5_call_unref(call);
	return ret;
}

static int check_subscribe(struct dp5_subscribe *sub)
{
	if (sub->flags || !is_zero(sub->reserved, ARRAY_SIZE(sub->reserved)))
		return -EINVAL;
	if (sub->kind >= DP5_KINDS || sub->clock > DP5_CLOCK_REALTIME)
		return -EINVAL;
	if (sub->interval_ns > INTERVAL_MAX_NS ||
	    sub->deadline_ns > INTERVAL_MAX_NS)
		return -EINVAL;
	sub->queue_len = sub->queue_len ?: DP5_QUEUE_DEFAULT;
	sub->watermark = sub->watermark ?: 1;
	if (sub->queue_len > DP5_QUEUE_MAX || sub->watermark > sub->queue_len)
		return -EINVAL;
	return 0;
}

static int subscribe(struct dp5_open *open, void __user *uarg)
{
	struct dp5_subscribe sub;
	int ret;

	ret = copy_in(&sub, sizeof(sub), uarg);
	if (ret)
		return ret;
	ret = check_subscribe(&sub);
	if (ret)
		return ret;
	if (!open->can_read)
		return -EACCES;
	if (dp5_stream_is_owned(sub.kind)) {
		ret = check_right(open, DP5_CLASS_CONTROL);
		if (ret)
			return ret;
	}
	return dp5_stream_subscribe(open, &sub);
}

static void give_up_control(struct dp5_open *open)
{
	struct dp5_device *dp5 = open->dp5;

	lockdep_assert_held(&dp5->lock);

	if (dp5->control == open)
		dp5->control = NULL;
	dp5_stream_disown(open);
}

static int release(struct dp5_open *open)
{
	struct dp5_device *dp5 = open->dp5;
	int ret = 0;

	spin_lock_irq(&dp5->lock);
	if (dp5->is_gone)
		ret = -ENODEV;
	else if (dp5->control && dp5->control != open)
		ret = -EBUSY;
	else
		give_up_control(open);
	spin_unlock_irq(&dp5->lock);
	return ret;
}

static int begin_claim(struct dp5_open *open, bool *ret_is_new)
{
	struct dp5_device *dp5 = open->dp5;
	int ret = 0;

	spin_lock_irq(&dp5->lock);
	*ret_is_new = dp5->control != open;
	if (dp5->is_gone)
		ret = -ENODEV;
	else if (!dp5_is_known(dp5->id.device))
		ret = -EPERM;
	else if ((dp5->control && *ret_is_new) || open->is_claiming)
		ret = -EBUSY;
	else
		dp5->control = open;
	if (!ret && *ret_is_new) {
		open->is_claiming = true;
		dp5_engine_hurry(dp5, open);
	}
	spin_unlock_irq(&dp5->lock);
	return ret;
}

/* An instrument that does not know the request cannot have begun what it
 * ends.
 */
static int stop(struct dp5_open *open, u8 pid1, u8 pid2)
{
	int ret = dp5_call_plain(open->dp5, open, pid1, pid2);

	return ret == -EOPNOTSUPP ? 0 : ret;
}

/* What an earlier program may have left running, unseen, would spoil what the
 * new controller reads: made counts, and slots that are filled instead of the
 * spectrum. Older firmware has neither.
 */
static int stop_leftovers(struct dp5_open *open)
{
	const struct dp5_identity *id = &open->dp5->id;
	int ret = 0;

	if (is_firmware(id, 6, 7, 4))
		ret = stop(open, 0xf1, 0x7e);
	if (!ret && features(id) & DP5_FEATURE_BUFFERS)
		ret = stop(open, 0xf0, 0x1f);
	return ret;
}

static int claim(struct dp5_open *open)
{
	struct dp5_device *dp5 = open->dp5;
	bool is_new;
	int ret;

	ret = begin_claim(open, &is_new);
	if (ret || !is_new)
		return ret;
	ret = stop_leftovers(open);
	spin_lock_irq(&dp5->lock);
	open->is_claiming = false;
	/* Given up while the last of those requests was on the wire? */
	if (!ret)
		ret = dp5_control_check(dp5, open, DP5_CLASS_CONTROL);
	if (ret)
		give_up_control(open);
	spin_unlock_irq(&dp5->lock);
	return ret;
}

static int control(struct dp5_open *open, void __user *uarg)
{
	struct dp5_control c;
	int ret;

	ret = copy_in(&c, sizeof(c), uarg);
	if (ret)
		return ret;
	if (c.op > DP5_CONTROL_CLAIM ||
	    !is_zero(c.reserved, ARRAY_SIZE(c.reserved)))
		return -EINVAL;
	if (!open->can_write)
		return -EACCES;

	return c.op == DP5_CONTROL_CLAIM ? claim(open) : release(open);
}

static int get_stats(struct dp5_open *open, void __user *uarg)
{
	struct dp5_device *dp5 = open->dp5;
	struct dp5_stats stats, in;
	int ret;

	ret = copy_in(&in, sizeof(in), uarg);
	if (ret)
		return ret;
	if (in.flags || memchr_inv(in.reserved, 0, sizeof(in.reserved)))
		return -EINVAL;

	spin_lock_irq(&dp5->lock);
	stats = dp5->stats;
	stats.lost = open->n_lost;
	spin_unlock_irq(&dp5->lock);
	stats.size = in.size;
	return copy_out(uarg, &stats, sizeof(stats));
}

/* The number without the size, so that a struct can grow and keep it. */
#define UNSIZED(cmd) ((cmd) & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT))

static long dp5_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct dp5_open *open = file->private_data;
	void __user *uarg = (void __user *)arg;

	switch (UNSIZED(cmd)) {
	case UNSIZED(DP5_IOC_GET_INFO):
		return get_info(open, uarg);
	case UNSIZED(DP5_IOC_TRANSACT):
		return transact(open, uarg);
	case UNSIZED(DP5_IOC_SUBSCRIBE):
		return subscribe(open, uarg);
	case UNSIZED(DP5_IOC_CONTROL):
		return control(open, uarg);
	case UNSIZED(DP5_IOC_GET_STATS):
		return get_stats(open, uarg);
	default:
		return -ENOTTY;
	}
}

const struct file_operations dp5_fops = {
	.owner = THIS_MODULE,
	.open = dp5_open,
	.release = dp5_release,
	.read_iter = dp5_read_iter,
	.poll = dp5_poll,
	.unlocked_ioctl = dp5_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
