/* SPDX-License-Identifier: Apache-2.0 */
/* Pipes are never closed from here once they are in use: nng 1.5.2 can then block its only reaper thread for
 * good. What misbehaves is ignored instead (a tombstone) until its peer closes. */
#include "apps/kith-relay/relay_pipes.h"

#include <pthread.h>
#include <string.h>

#include "apps/kith-relay/core/id_map.h"
#include "protocol/mem.h"

struct pipe_source {
    struct map_id id;
    uint32_t pipes;
};

struct pipe {
    struct pipe_source *source;
    uint32_t in_flight, faults;
};

struct relay_pipes {
    pthread_mutex_t lock;
    struct id_map pipes, sources;
    uint32_t pipes_max, source_pipes_max;
    bool closed;
};

enum status relay_pipes_new(struct relay_pipes **out, uint32_t pipes_max, uint32_t source_pipes_max,
                            struct entropy *e)
{
    struct relay_pipes *p = mem_alloc(1, sizeof(*p));
    *out = p;
    if (p == NULL) {
        return ST_NO_MEMORY;
    }
    (void)pthread_mutex_init(&p->lock, NULL);
    id_map_init(&p->pipes, e);
    id_map_init(&p->sources, e);
    p->pipes_max = pipes_max;
    p->source_pipes_max = source_pipes_max;
    return ST_OK;
}

void relay_pipes_free(struct relay_pipes *p)
{
    if (p == NULL) {
        return;
    }
    size_t at = 0;
    for (struct pipe *i = id_map_next(&p->pipes, &at); i != NULL; i = id_map_next(&p->pipes, &at)) {
        mem_free(i, sizeof(*i));
    }
    at = 0;
    for (struct pipe_source *i = id_map_next(&p->sources, &at); i != NULL;
         i = id_map_next(&p->sources, &at)) {
        mem_free(i, sizeof(*i));
    }
    id_map_wipe(&p->pipes);
    id_map_wipe(&p->sources);
    (void)pthread_mutex_destroy(&p->lock);
    mem_free(p, sizeof(*p));
}

static struct map_id pipe_key(uint32_t pipe)
{
    struct map_id key = {{0}};
    memcpy(key.b, &pipe, sizeof(pipe));
    return key;
}

static void source_leave(struct relay_pipes *p, struct pipe_source *source)
{
    if (--source->pipes == 0) {
        (void)id_map_remove(&p->sources, source->id.b);
        mem_free(source, sizeof(*source));
    }
}

/* The source with one pipe more; NULL: one too many, or no memory. */
static struct pipe_source *source_enter(struct relay_pipes *p, const struct relay_source *id)
{
    struct map_id key = {{0}};
    memcpy(key.b, id->b, sizeof(id->b));
    struct pipe_source *source = id_map_get(&p->sources, key.b);
    if (source == NULL) {
        source = mem_alloc(1, sizeof(*source));
        if (source == NULL || id_map_put(&p->sources, key.b, source) != ST_OK) {
            mem_free(source, sizeof(*source));
            return NULL;
        }
        source->id = key;
    }
    if (source->pipes >= p->source_pipes_max) {
        return NULL;
    }
    source->pipes++;
    return source;
}

bool relay_pipes_add(struct relay_pipes *p, uint32_t pipe, const struct relay_source *source)
{
    struct map_id key = pipe_key(pipe);
    struct pipe *item = mem_alloc(1, sizeof(*item));
    bool added = false;
    (void)pthread_mutex_lock(&p->lock);
    if (item != NULL && !p->closed && p->pipes.count < p->pipes_max) {
        item->source = source_enter(p, source);
        added = item->source != NULL && id_map_put(&p->pipes, key.b, item) == ST_OK;
        if (!added && item->source != NULL) {
            source_leave(p, item->source);
        }
    }
    (void)pthread_mutex_unlock(&p->lock);
    if (!added) {
        mem_free(item, sizeof(*item));
    }
    return added;
}

bool relay_pipes_remove(struct relay_pipes *p, uint32_t pipe)
{
    struct map_id key = pipe_key(pipe);
    (void)pthread_mutex_lock(&p->lock);
    struct pipe *item = id_map_remove(&p->pipes, key.b);
    if (item != NULL) {
        source_leave(p, item->source);
    }
    (void)pthread_mutex_unlock(&p->lock);
    mem_free(item, sizeof(*item));
    return item != NULL;
}

bool relay_pipes_take(struct relay_pipes *p, uint32_t pipe, struct relay_source *source)
{
    struct map_id key = pipe_key(pipe);
    *source = (struct relay_source){{0}};
    (void)pthread_mutex_lock(&p->lock);
    struct pipe *item = id_map_get(&p->pipes, key.b);
    bool good = item != NULL && item->in_flight < PIPE_IN_FLIGHT_MAX && item->faults < PIPE_FAULTS_MAX;
    if (good) {
        item->in_flight++;
        memcpy(source->b, item->source->id.b, sizeof(source->b));
    }
    (void)pthread_mutex_unlock(&p->lock);
    return good;
}

void relay_pipes_done(struct relay_pipes *p, uint32_t pipe, bool fault)
{
    struct map_id key = pipe_key(pipe);
    (void)pthread_mutex_lock(&p->lock);
    struct pipe *item = id_map_get(&p->pipes, key.b);
    if (item != NULL) {
        item->in_flight -= item->in_flight > 0;
        item->faults += fault;
    }
    (void)pthread_mutex_unlock(&p->lock);
}

void relay_pipes_close_door(struct relay_pipes *p, bool closed)
{
    (void)pthread_mutex_lock(&p->lock);
    p->closed = closed;
    (void)pthread_mutex_unlock(&p->lock);
}

uint32_t relay_pipes_count(struct relay_pipes *p)
{
    (void)pthread_mutex_lock(&p->lock);
    uint32_t count = (uint32_t)p->pipes.count;
    (void)pthread_mutex_unlock(&p->lock);
    return count;
}
