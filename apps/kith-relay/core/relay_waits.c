/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants: (1) a parked wait is in `parked`, in its session's list, and each of its watches in the list of
 * its log; a fired one only in `fired`; (2) lists holds no empty list; (3) the parties count the parked
 * waits; `pending` is the core's business. */
#include "apps/kith-relay/core/relay_waits.h"

#include "protocol/mem.h"

struct watch_list {
    struct link head;
    struct log_id log;
};

void relay_waits_init(struct relay_waits *w, struct entropy *e)
{
    *w = (struct relay_waits){.look_at_mono_ms = INT64_MAX};
    link_init(&w->parked);
    link_init(&w->fired);
    id_map_init(&w->lists, e);
}

static struct wait *first_wait(const struct link *head)
{
    return link_alone(head) ? NULL : LINK_OWNER(head->next, struct wait, in_all);
}

void relay_waits_wipe(struct relay_waits *w)
{
    while (!link_alone(&w->parked)) {
        relay_wait_free(w, first_wait(&w->parked));
    }
    while (!link_alone(&w->fired)) {
        relay_wait_free(w, first_wait(&w->fired));
    }
    id_map_wipe(&w->lists);
}

enum status relay_wait_new(struct relay_waits *w, const struct relay_ask *ask,
                           const struct relay_request *request, int64_t mono_ms, struct wait **out)
{
    struct wait *wait = mem_alloc(1, sizeof(*wait));
    *out = NULL;
    if (wait == NULL) {
        return ST_NO_MEMORY;
    }
    wait->watches = mem_alloc(request->watch_count, sizeof(wait->watches[0]));
    if (wait->watches == NULL) {
        mem_free(wait, sizeof(*wait));
        return ST_NO_MEMORY;
    }
    link_init(&wait->in_all);
    link_init(&wait->in_session);
    wait->ask = *ask;
    wait->until_mono_ms = mono_ms + request->timeout_ms;
    wait->count = request->watch_count;
    for (size_t i = 0; i < wait->count; i++) {
        struct watch *watch = &wait->watches[i];
        link_init(&watch->in_list);
        watch->wait = wait;
        watch->after_seq = request->watches[i].after_seq;
        log_claim_id(LOG_READ, &request->watches[i].log, &watch->log);
    }
    w->watches += (uint32_t)wait->count;
    *out = wait;
    return ST_OK;
}

/* Takes a watch off its log's list, and the list away with its last watch. */
static void watch_leave(struct relay_waits *w, struct watch *watch)
{
    struct watch_list *list = watch->list;
    if (list == NULL) {
        return;
    }
    watch->list = NULL;
    link_leave(&watch->in_list);
    if (link_alone(&list->head)) {
        (void)id_map_remove(&w->lists, list->log.b);
        mem_free(list, sizeof(*list));
    }
}

static void wait_unpark(struct relay_waits *w, struct wait *wait)
{
    for (size_t i = 0; i < wait->count; i++) {
        watch_leave(w, &wait->watches[i]);
    }
    if (!link_alone(&wait->in_session)) {
        wait->ask.session->wait_count--;
        wait->ask.source->wait_count--;
    }
    link_leave(&wait->in_session);
    link_leave(&wait->in_all);
}

void relay_wait_free(struct relay_waits *w, struct wait *wait)
{
    wait_unpark(w, wait);
    w->watches -= (uint32_t)wait->count;
    mem_free(wait->watches, wait->count * sizeof(wait->watches[0]));
    mem_free(wait, sizeof(*wait));
}

enum status relay_wait_look(struct wait *wait, const struct relay_store *store, bool *any)
{
    *any = false;
    for (size_t i = 0; i < wait->count; i++) {
        struct watch *watch = &wait->watches[i];
        uint64_t head;
        enum status st = store->ops->head(store->s, &watch->log, &head);
        if (st != ST_OK) {
            return st;
        }
        watch->grown_seq = head > watch->after_seq ? head : 0;
        *any = *any || watch->grown_seq != 0;
    }
    return ST_OK;
}

static enum status watch_park(struct relay_waits *w, struct watch *watch)
{
    struct watch_list *list = id_map_get(&w->lists, watch->log.b);
    if (list == NULL) {
        list = mem_alloc(1, sizeof(*list));
        if (list == NULL) {
            return ST_NO_MEMORY;
        }
        link_init(&list->head);
        list->log = watch->log;
        enum status st = id_map_put(&w->lists, watch->log.b, list);
        if (st != ST_OK) {
            mem_free(list, sizeof(*list));
            return st;
        }
    }
    watch->list = list;
    link_last(&list->head, &watch->in_list);
    return ST_OK;
}

enum status relay_wait_park(struct relay_waits *w, struct wait *wait)
{
    enum status st = ST_OK;
    for (size_t i = 0; i < wait->count && st == ST_OK; i++) {
        st = watch_park(w, &wait->watches[i]);
    }
    if (st != ST_OK) {
        wait_unpark(w, wait);
        return st;
    }
    link_last(&w->parked, &wait->in_all);
    link_last(&wait->ask.session->waits, &wait->in_session);
    wait->ask.session->wait_count++;
    wait->ask.source->wait_count++;
    if (wait->until_mono_ms < w->look_at_mono_ms) {
        w->look_at_mono_ms = wait->until_mono_ms;
    }
    return ST_OK;
}

void relay_wait_fire(struct relay_waits *w, struct wait *wait)
{
    wait_unpark(w, wait);
    link_last(&w->fired, &wait->in_all);
}

void relay_waits_grow(struct relay_waits *w, const struct log_heads *grown)
{
    /* First mark all, so that one wait tells of every log that grew in the batch; then fire. */
    for (size_t i = 0; i < grown->count; i++) {
        const struct watch_list *list = id_map_get(&w->lists, grown->at[i].log.b);
        for (struct link *l = list != NULL ? list->head.next : NULL; l != NULL && l != &list->head;
             l = l->next) {
            struct watch *watch = LINK_OWNER(l, struct watch, in_list);
            watch->grown_seq = grown->at[i].seq > watch->after_seq ? grown->at[i].seq : 0;
        }
    }
    for (size_t i = 0; i < grown->count; i++) {
        const struct watch_list *list = id_map_get(&w->lists, grown->at[i].log.b);
        struct link *next = NULL;
        for (struct link *l = list != NULL ? list->head.next : NULL; l != NULL; l = next) {
            struct watch *watch = LINK_OWNER(l, struct watch, in_list);
            /* the list goes with its last watch; a wait may hang on one log more than once */
            next = l->next;
            while (next != &list->head && LINK_OWNER(next, struct watch, in_list)->wait == watch->wait) {
                next = next->next;
            }
            next = next == &list->head ? NULL : next;
            if (watch->grown_seq != 0) {
                relay_wait_fire(w, watch->wait);
            }
        }
    }
}

void relay_waits_end(struct relay_waits *w, int64_t mono_ms)
{
    if (mono_ms < w->look_at_mono_ms) {
        return;
    }
    w->look_at_mono_ms = INT64_MAX;
    struct link *next;
    for (struct link *l = w->parked.next; l != &w->parked; l = next) {
        struct wait *wait = LINK_OWNER(l, struct wait, in_all);
        next = l->next;
        if (wait->until_mono_ms <= mono_ms) {
            relay_wait_fire(w, wait);
        } else if (wait->until_mono_ms < w->look_at_mono_ms) {
            w->look_at_mono_ms = wait->until_mono_ms;
        }
    }
}

void relay_waits_pipe_gone(struct relay_waits *w, uint32_t pipe)
{
    struct link *next;
    for (struct link *l = w->parked.next; l != &w->parked; l = next) {
        struct wait *wait = LINK_OWNER(l, struct wait, in_all);
        next = l->next;
        if (wait->ask.ticket.pipe == pipe) {
            wait->ask.session->pending--;
            wait->ask.source->pending--;
            relay_wait_free(w, wait);
        }
    }
}

struct wait *relay_waits_fired(struct relay_waits *w)
{
    struct wait *wait = first_wait(&w->fired);
    if (wait != NULL) {
        link_leave(&wait->in_all);
    }
    return wait;
}

void relay_wait_answer(const struct wait *wait, struct relay_answer *out)
{
    for (size_t i = 0; i < wait->count; i++) {
        if (wait->watches[i].grown_seq != 0) {
            out->grown[out->count++] = (struct relay_grown){(uint16_t)i, wait->watches[i].grown_seq};
        }
    }
}
