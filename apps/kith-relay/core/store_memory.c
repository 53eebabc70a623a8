/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants: (1) a log's blocks are in the order of their seqs; (2) blocks with seq > log.committed belong
 * to the batch under way, and a log with such blocks is in `touched`, once; (3) trims are kept in `trims`
 * until commit. */
#include "apps/kith-relay/core/store_memory.h"

#include <string.h>

#include "apps/kith-relay/core/id_map.h"
#include "apps/kith-relay/core/relay_list.h"
#include "protocol/mem.h"

struct memory_block {
    struct link in_log, in_store; /* in_store: in the order of arrival */
    struct memory_log *log;
    uint64_t seq;
    struct block_id id;
    int64_t arrived_ms;
    uint8_t bytes[BLOCK_LEN];
};

struct memory_log {
    struct log_id id;
    uint64_t next, committed; /* seq of the next block; of the newest that is committed */
    uint64_t kept;            /* of the newest in the copy that was kept */
    uint64_t blocks;
    bool touched;
    struct link list;
};

struct memory_trim {
    struct memory_log *log;
    uint64_t up_to;
};

struct memory_store {
    struct id_map logs;
    struct relay_incarnation incarnation;
    uint64_t blocks;
    struct link all;
    size_t touched_count, trim_count;
    struct memory_log *touched[RELAY_BATCH_MAX];
    struct memory_trim trims[RELAY_BATCH_MAX];
    int64_t expire_before_ms;
    size_t expire_max;
};

static void block_drop(struct memory_store *m, struct memory_block *b)
{
    link_leave(&b->in_log);
    link_leave(&b->in_store);
    b->log->blocks--;
    m->blocks--;
    mem_free(b, sizeof(*b));
}

static struct memory_block *first_of(const struct link *list)
{
    return LINK_OWNER(list->next, struct memory_block, in_log);
}

static enum status log_begin(struct memory_store *m, const struct log_id *id, struct memory_log **out)
{
    struct memory_log *log = mem_alloc(1, sizeof(*log));
    *out = NULL;
    if (log == NULL) {
        return ST_NO_MEMORY;
    }
    log->id = *id;
    log->next = 1;
    link_init(&log->list);
    enum status st = id_map_put(&m->logs, id->b, log);
    if (st != ST_OK) {
        mem_free(log, sizeof(*log));
        return st;
    }
    *out = log;
    return ST_OK;
}

static struct memory_block *find_block(const struct memory_log *log, const struct block_id *id)
{
    for (struct link *l = log->list.prev; l != &log->list; l = l->prev) {
        struct memory_block *b = LINK_OWNER(l, struct memory_block, in_log);
        if (ID_EQUAL(&b->id, id)) {
            return b;
        }
    }
    return NULL;
}

static void touch(struct memory_store *m, struct memory_log *log)
{
    if (!log->touched) {
        invariant(m->touched_count < RELAY_BATCH_MAX);
        m->touched[m->touched_count++] = log;
        log->touched = true;
    }
}

static enum status memory_append(void *s, const struct store_append *a, struct store_appended *out)
{
    struct memory_store *m = s;
    *out = (struct store_appended){0};
    struct memory_log *log = id_map_get(&m->logs, a->log.b);
    if (log != NULL) {
        const struct memory_block *there = find_block(log, &a->id);
        if (there != NULL) {
            *out = (struct store_appended){.seq = there->seq, .duplicate = true};
            return ST_OK;
        }
        if (log->blocks >= a->log_blocks_max) {
            return ST_RELAY_LOG_FULL;
        }
    } else if (!a->may_create) {
        return ST_RELAY_LOGS_LIMIT;
    }
    struct memory_block *b = mem_alloc(1, sizeof(*b));
    if (b == NULL) {
        return ST_NO_MEMORY;
    }
    bool created = log == NULL;
    if (created) {
        enum status st = log_begin(m, &a->log, &log);
        if (st != ST_OK) {
            mem_free(b, sizeof(*b));
            return st;
        }
    }
    touch(m, log);
    b->log = log;
    b->seq = log->next++;
    b->id = a->id;
    b->arrived_ms = a->wall_ms;
    memcpy(b->bytes, a->block.ptr, BLOCK_LEN);
    link_last(&log->list, &b->in_log);
    link_last(&m->all, &b->in_store);
    log->blocks++;
    m->blocks++;
    *out = (struct store_appended){.seq = b->seq, .created = created};
    return ST_OK;
}

static void trim_log(struct memory_store *m, struct memory_log *log, uint64_t up_to)
{
    while (!link_alone(&log->list) && first_of(&log->list)->seq <= up_to) {
        block_drop(m, first_of(&log->list));
    }
}

static struct memory_block *oldest(const struct memory_store *m)
{
    return link_alone(&m->all) ? NULL : LINK_OWNER(m->all.next, struct memory_block, in_store);
}

static enum status memory_commit(void *s, struct log_heads *grown)
{
    struct memory_store *m = s;
    grown->count = 0;
    for (size_t i = 0; i < m->touched_count; i++) {
        struct memory_log *log = m->touched[i];
        log->committed = log->next - 1;
        log->touched = false;
        grown->at[grown->count++] = (struct log_head){log->id, log->committed};
    }
    for (size_t i = 0; i < m->trim_count; i++) {
        trim_log(m, m->trims[i].log, m->trims[i].up_to);
    }
    for (struct memory_block *b = oldest(m); m->expire_max > 0 && b->arrived_ms < m->expire_before_ms;
         b = oldest(m)) {
        block_drop(m, b);
        m->expire_max--;
    }
    m->touched_count = m->trim_count = m->expire_max = 0;
    return ST_OK;
}

static enum status memory_read(void *s, const struct log_id *l, uint64_t after_seq, struct block_list *out)
{
    struct memory_store *m = s;
    const struct memory_log *log = id_map_get(&m->logs, l->b);
    out->count = 0;
    out->bytes.len = 0;
    if (log == NULL) {
        return ST_OK;
    }
    for (struct link *at = log->list.next; at != &log->list && out->count < out->max; at = at->next) {
        const struct memory_block *b = LINK_OWNER(at, struct memory_block, in_log);
        if (b->seq <= after_seq || b->seq > log->committed) {
            continue;
        }
        enum status st = buffer_append(&out->bytes, SPAN(b->bytes));
        if (st != ST_OK) {
            out->count = 0;
            return st;
        }
        out->seq[out->count++] = b->seq;
    }
    return ST_OK;
}

static enum status memory_head(void *s, const struct log_id *l, uint64_t *seq)
{
    struct memory_store *m = s;
    const struct memory_log *log = id_map_get(&m->logs, l->b);
    *seq = log != NULL ? log->committed : 0;
    return ST_OK;
}

static enum status memory_trim(void *s, const struct log_id *l, uint64_t up_to_seq)
{
    struct memory_store *m = s;
    struct memory_log *log = id_map_get(&m->logs, l->b);
    if (log != NULL) {
        invariant(m->trim_count < RELAY_BATCH_MAX);
        m->trims[m->trim_count++] = (struct memory_trim){log, up_to_seq};
    }
    return ST_OK;
}

static enum status memory_expire(void *s, int64_t before_ms, size_t blocks_max, size_t *gone)
{
    struct memory_store *m = s;
    *gone = 0;
    for (struct link *l = m->all.next; l != &m->all && *gone < blocks_max; l = l->next) {
        if (LINK_OWNER(l, struct memory_block, in_store)->arrived_ms >= before_ms) {
            break;
        }
        ++*gone;
    }
    m->expire_before_ms = before_ms;
    m->expire_max = *gone;
    return ST_OK;
}

static void memory_stat(void *s, struct store_stat *out)
{
    const struct memory_store *m = s;
    *out = (struct store_stat){m->incarnation, m->logs.count, m->blocks};
}

static void drop_all(struct memory_store *m)
{
    while (!link_alone(&m->all)) {
        block_drop(m, LINK_OWNER(m->all.next, struct memory_block, in_store));
    }
    size_t at = 0;
    for (struct memory_log *log = id_map_next(&m->logs, &at); log != NULL; log = id_map_next(&m->logs, &at)) {
        mem_free(log, sizeof(*log));
    }
    id_map_wipe(&m->logs);
    m->touched_count = m->trim_count = m->expire_max = 0;
}

static void memory_close(void *s)
{
    struct memory_store *m = s;
    drop_all(m);
    mem_free(m, sizeof(*m));
}

void store_memory_crash(struct relay_store *store)
{
    struct memory_store *m = store->s;
    for (size_t i = 0; i < m->touched_count; i++) {
        struct memory_log *log = m->touched[i];
        while (log->next - 1 > log->committed) {
            block_drop(m, LINK_OWNER(log->list.prev, struct memory_block, in_log));
            log->next--;
        }
        log->touched = false;
        if (log->committed == 0) {
            (void)id_map_remove(&m->logs, log->id.b);
            mem_free(log, sizeof(*log));
        }
    }
    m->touched_count = m->trim_count = m->expire_max = 0;
}

void store_memory_wipe(struct relay_store *store, struct entropy *e)
{
    struct memory_store *m = store->s;
    drop_all(m);
    id_map_init(&m->logs, e);
    entropy_fill(e, m->incarnation.b, sizeof(m->incarnation.b));
}

void store_memory_rename(struct relay_store *store, struct entropy *e)
{
    struct memory_store *m = store->s;
    entropy_fill(e, m->incarnation.b, sizeof(m->incarnation.b));
}

void store_memory_keep(struct relay_store *store)
{
    struct memory_store *m = store->s;
    size_t at = 0;
    for (struct memory_log *log = id_map_next(&m->logs, &at); log != NULL; log = id_map_next(&m->logs, &at)) {
        log->kept = log->committed;
    }
}

void store_memory_put_back(struct relay_store *store)
{
    struct memory_store *m = store->s;
    size_t at = 0;
    invariant(m->touched_count == 0 && m->trim_count == 0);
    for (struct memory_log *log = id_map_next(&m->logs, &at); log != NULL; log = id_map_next(&m->logs, &at)) {
        while (!link_alone(&log->list) &&
               LINK_OWNER(log->list.prev, struct memory_block, in_log)->seq > log->kept) {
            block_drop(m, LINK_OWNER(log->list.prev, struct memory_block, in_log));
        }
        log->committed = log->kept;
        log->next = log->kept + 1;
    }
}

static const struct relay_store_ops memory_ops = {
    .append = memory_append,
    .commit = memory_commit,
    .read = memory_read,
    .head = memory_head,
    .trim = memory_trim,
    .expire = memory_expire,
    .stat = memory_stat,
    .close = memory_close,
};

enum status store_memory_open(struct relay_store *out, struct entropy *e)
{
    *out = (struct relay_store){0};
    struct memory_store *m = mem_alloc(1, sizeof(*m));
    if (m == NULL) {
        return ST_NO_MEMORY;
    }
    link_init(&m->all);
    id_map_init(&m->logs, e);
    entropy_fill(e, m->incarnation.b, sizeof(m->incarnation.b));
    *out = (struct relay_store){&memory_ops, m};
    return ST_OK;
}
