/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kithd/inbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "protocol/mem.h"

struct inbox {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct inbox_item items[INBOX_MAX]; /* a ring */
    size_t first, count;
};

struct inbox *inbox_new(void)
{
    struct inbox *q = calloc(1, sizeof(*q));
    pthread_condattr_t attr;
    if (q == NULL)
        return NULL;
    invariant(pthread_mutex_init(&q->lock, NULL) == 0 && pthread_condattr_init(&attr) == 0);
    invariant(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    invariant(pthread_cond_init(&q->filled, &attr) == 0);
    pthread_condattr_destroy(&attr);
    return q;
}

void inbox_free(struct inbox *q)
{
    if (q == NULL)
        return;
    pthread_cond_destroy(&q->filled);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

void inbox_put(struct inbox *q, const struct inbox_item *item)
{
    pthread_mutex_lock(&q->lock);
    invariant(q->count < INBOX_MAX);
    q->items[(q->first + q->count) % INBOX_MAX] = *item;
    q->count++;
    pthread_cond_signal(&q->filled);
    pthread_mutex_unlock(&q->lock);
}

static struct timespec timespec_of(int64_t mono_ms)
{
    return (struct timespec){.tv_sec = (time_t)(mono_ms / 1000),
                             .tv_nsec = (long)(mono_ms % 1000) * 1000000L};
}

size_t inbox_take(struct inbox *q, struct inbox_item out[static INBOX_BATCH_MAX], int64_t deadline_mono_ms)
{
    size_t n = 0;
    pthread_mutex_lock(&q->lock);
    while (q->count == 0) {
        struct timespec until = timespec_of(deadline_mono_ms);
        if (deadline_mono_ms == INT64_MAX)
            pthread_cond_wait(&q->filled, &q->lock);
        else if (pthread_cond_timedwait(&q->filled, &q->lock, &until) != 0)
            break;
    }
    for (; n < INBOX_BATCH_MAX && q->count > 0; n++) {
        out[n] = q->items[q->first];
        q->first = (q->first + 1) % INBOX_MAX;
        q->count--;
    }
    pthread_mutex_unlock(&q->lock);
    return n;
}

static int64_t clock_ms(clockid_t id)
{
    struct timespec t;
    invariant(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct now inbox_now(void)
{
    return (struct now){.wall_ms = clock_ms(CLOCK_REALTIME), .mono_ms = clock_ms(CLOCK_MONOTONIC)};
}
