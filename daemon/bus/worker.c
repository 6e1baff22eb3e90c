// SPDX-License-Identifier: GPL-2.0-or-later
/* A queue of jobs to a thread, a queue of ends back, an eventfd between. */
#include "bus/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/queue.h>

struct job {
	STAILQ_ENTRY(job) link;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};
STAILQ_HEAD(jobs, job);

struct worker {
	pthread_t thread;
	bool is_running;
	pthread_mutex_t lock; /* guards the three below */
	pthread_cond_t wake;
	struct jobs todo;
	struct jobs ended;
	bool is_stopping;
	int fd;
	struct event *on_ended;
};

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	const uint64_t one = 1;
	struct job *job;

	pthread_mutex_lock(&w->lock);
	while (!w->is_stopping) {
		job = STAILQ_FIRST(&w->todo);
		if (!job) {
			pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		STAILQ_REMOVE_HEAD(&w->todo, link);
		pthread_mutex_unlock(&w->lock);

		job->work(job->arg);

		pthread_mutex_lock(&w->lock);
		STAILQ_INSERT_TAIL(&w->ended, job, link);
		/* The counter cannot be full. */
		if (write(w->fd, &one, sizeof(one)) < 0)
			continue;
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void finish_jobs(struct jobs *jobs)
{
	struct job *job;

	while ((job = STAILQ_FIRST(jobs))) {
		STAILQ_REMOVE_HEAD(jobs, link);
		job->done(job->arg);
		free(job);
	}
}

static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct jobs ended = STAILQ_HEAD_INITIALIZER(ended);
	struct worker *w = arg;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof(n)) < 0)
		return;
	pthread_mutex_lock(&w->lock);
	STAILQ_CONCAT(&ended, &w->ended);
	pthread_mutex_unlock(&w->lock);
	finish_jobs(&ended);
}

int worker_new(struct event_base *base, struct worker **ret)
{
	CLEANUP(worker_freep) struct worker *w = NULL;
	int r;

	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	STAILQ_INIT(&w->todo);
	STAILQ_INIT(&w->ended);
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->fd < 0)
		return -errno;
	w->on_ended = event_new(base, w->fd, EV_READ | EV_PERSIST, on_ended, w);
	if (!w->on_ended || event_add(w->on_ended, NULL) < 0)
		return -ENOMEM;
	r = pthread_create(&w->thread, NULL, worker_main, w);
	if (r)
		return -r;
	w->is_running = true;
	*ret = TAKE_PTR(w);
	return 0;
}

struct worker *worker_free(struct worker *w)
{
	if (!w)
		return NULL;
	if (w->is_running) {
		pthread_mutex_lock(&w->lock);
		w->is_stopping = true;
		pthread_cond_signal(&w->wake);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	finish_jobs(&w->ended);
	finish_jobs(&w->todo);
	if (w->on_ended)
		event_free(w->on_ended);
	closep(&w->fd);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

int worker_post(struct worker *w, void (*work)(void *arg),
		void (*done)(void *arg), void *arg)
{
	struct job *job;

	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->work = work;
	job->done = done;
	job->arg = arg;
	pthread_mutex_lock(&w->lock);
	STAILQ_INSERT_TAIL(&w->todo, job, link);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	return 0;
}
