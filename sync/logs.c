/* SPDX-License-Identifier: Apache-2.0 */
/* Logs as rows: keys, outbox, blocks. What is in flight: logs_io.c. */
#include "sync/logs.h"

#include "protocol/relay_address.h"
#include "sync/logs_internal.h"

void log_keys_new(struct node *n, bool trimmable, struct log_keys *out)
{
    memset(out, 0, sizeof(*out));
    out->can_write = out->can_read = true;
    out->can_trim = trimmable;
    entropy_fill(&n->entropy, out->write.b, sizeof(out->write.b));
    entropy_fill(&n->entropy, out->read.b, sizeof(out->read.b));
    if (trimmable) {
        entropy_fill(&n->entropy, out->trim.b, sizeof(out->trim.b));
    }
    entropy_fill(&n->entropy, out->block_key.b, sizeof(out->block_key.b));
    log_keys_hash(out);
}

void log_keys_hash(struct log_keys *k)
{
    if (k->can_write) {
        log_token_hash_of(&k->write, &k->hashes.of[LOG_WRITE]);
    }
    if (k->can_read) {
        log_token_hash_of(&k->read, &k->hashes.of[LOG_READ]);
    }
    if (k->can_trim) {
        log_token_hash_of(&k->trim, &k->hashes.of[LOG_TRIM]);
    }
}

void log_keys_wipe(struct log_keys *k)
{
    bytes_wipe(k, sizeof(*k));
}

/* The relay's row, made when it is new. */
static enum status relay_row(struct node *n, const char *address, int64_t *id)
{
    enum status st = sql_run(&n->sql, "INSERT OR IGNORE INTO relay(address) VALUES(?)", "t", address);
    if (st == ST_OK) {
        st = sql_number(&n->sql, id, 0, "SELECT id FROM relay WHERE address = ?", "t", address);
    }
    return st;
}

static struct span token_or_null(bool known, const struct log_token *t)
{
    return known ? SPAN_ID(t) : SPAN_EMPTY;
}

struct found_log {
    int64_t id, owner, kind;
};

static enum status find_row(struct node *n, const struct log_id *id, struct found_log *out)
{
    struct query q;
    memset(out, 0, sizeof(*out));
    query_start(&q, &n->sql, "SELECT id, owner, kind FROM log WHERE log_id = ?", "b", SPAN_ID(id));
    if (query_next(&q)) {
        out->id = query_int(&q, 0);
        out->owner = query_int(&q, 1);
        out->kind = query_int(&q, 2);
    }
    return query_end(&q);
}

/* Whoever has a log's keys can name it as something else before it comes to be, say that of a group's next
 * epoch as a file's: what others say of a log gives way to what the log is. */
static enum status give_way(struct node *n, const struct found_log *there)
{
    enum status st = there->kind == LOG_OF_FILE        ? file_log_lost(n, there->id)
                     : there->kind == LOG_OF_HISTORY   ? history_log_lost(n, there->id)
                     : there->kind == LOG_OF_LETTERBOX ? box_log_lost(n, there->id)
                                                       : ST_OK;
    return st == ST_OK ? logs_drop(n, there->id) : st;
}

/* Letters to a box of one's own go through its row, which may be here as something else that is only read. */
static enum status add_right(struct node *n, const struct log_args *a, int64_t log)
{
    return sql_run(&n->sql, "UPDATE log SET write_token = ? WHERE id = ? AND write_token IS NULL", "bi",
                   SPAN_ID(&a->keys->write), log);
}

static enum status become_box(struct node *n, const struct log_args *a, int64_t log)
{
    const struct log_keys *k = a->keys;
    logs_changed(n);
    return sql_run(&n->sql,
                   "UPDATE log SET kind = ?, owner = ?, read_token = ?, trim_token = ?, listening = ? WHERE"
                   " id = ?",
                   "iibbii", (int64_t)a->kind, a->owner, SPAN_ID(&k->read), SPAN_ID(&k->trim),
                   (int64_t)a->listen, log);
}

/* A row that is of this kind and owner already is the one; *log = 0: a new one is to be made. */
static enum status use_row(struct node *n, const struct log_args *a, const struct found_log *there,
                           int64_t *log)
{
    bool claimed = there->kind == LOG_OF_FILE || there->kind == LOG_OF_HISTORY;
    *log = there->id;
    if (there->id == 0 || ((int64_t)a->kind == there->kind && a->owner == there->owner)) {
        return ST_OK;
    }
    if (a->kind == LOG_OUTWARD) {
        return add_right(n, a, there->id);
    }
    if (a->kind == LOG_OF_LETTERBOX && there->kind == LOG_OUTWARD) {
        return become_box(n, a, there->id);
    }
    if ((int64_t)a->kind == there->kind || (a->kind != LOG_OF_GROUP && !claimed)) {
        *log = 0;
        return ST_LOG_TAKEN;
    }
    *log = 0;
    return give_way(n, there);
}

enum status logs_may_listen(struct node *n, const struct log_keys *k, const char *relay, bool family,
                            bool *may)
{
    struct log_id id;
    int64_t known = 0, taken = 0;
    log_id_of(&k->hashes, &id);
    enum status st = sql_number(
        &n->sql, &known, 0,
        "SELECT count(*) FROM relay r WHERE r.address = ?1 AND (NOT ?2 OR r.place != 0 OR EXISTS (SELECT 1"
        " FROM mls_group g WHERE g.relay = r.id AND g.kind < 5 AND g.state != 3))",
        "ti", relay, (int64_t)family);
    if (st == ST_OK) {
        st = sql_number(&n->sql, &taken, 0, "SELECT count(*) FROM log WHERE log_id = ?", "b", SPAN_ID(&id));
    }
    *may = st == ST_OK && known != 0 && taken == 0;
    return st;
}

enum status logs_add(struct node *n, const struct log_args *a, int64_t *log)
{
    struct log_id id;
    int64_t relay = 0;
    struct relay_address address;
    const struct log_keys *k = a->keys;
    log_id_of(&k->hashes, &id);
    struct found_log there;
    *log = 0;
    enum status st = find_row(n, &id, &there);
    if (st == ST_OK) {
        st = use_row(n, a, &there, log);
    }
    if (st != ST_OK || *log != 0) {
        return st;
    }
    st = relay_address_parse(&address, a->relay); /* a letterbox of others' may say anything */
    bytes_wipe(&address, sizeof(address));
    if (st == ST_OK) {
        st = relay_row(n, a->relay, &relay);
    }
    if (st == ST_OK) {
        st = sql_run(
            &n->sql,
            "INSERT INTO log(relay, log_id, kind, owner, epoch, hashes, write_token, read_token, trim_token,"
            " block_key, listening) VALUES(?,?,?,?,?,?,?,?,?,?,?)",
            "ibiiibooobi", relay, SPAN_ID(&id), (int64_t)a->kind, a->owner, a->epoch,
            SPAN_OF((const uint8_t *)&k->hashes, sizeof(k->hashes)), token_or_null(k->can_write, &k->write),
            token_or_null(k->can_read, &k->read), token_or_null(k->can_trim, &k->trim),
            SPAN_ID(&k->block_key), (int64_t)a->listen);
    }
    if (st == ST_OK) {
        *log = sql_last_id(&n->sql);
        logs_changed(n);
    }
    return st;
}

enum status logs_listen(struct node *n, int64_t log, bool on)
{
    logs_changed(n);
    return sql_run(&n->sql, "UPDATE log SET listening = ? WHERE id = ?", "ii", (int64_t)on, log);
}

enum status logs_trim(struct node *n, int64_t log)
{
    logs_changed(n);
    return sql_run(&n->sql,
                   "UPDATE log SET trimming = 1, listening = 0 WHERE id = ? AND trim_token IS NOT NULL", "i",
                   log);
}

enum status logs_drop(struct node *n, int64_t log)
{
    logs_changed(n);
    return sql_run(&n->sql, "DELETE FROM log WHERE id = ?", "i", log);
}

enum status logs_echoed(struct node *n, int64_t log, bool *echoed)
{
    int64_t yes = 0;
    enum status st = sql_number(&n->sql, &yes, 0, "SELECT echoed FROM log WHERE id = ?", "i", log);
    *echoed = st == ST_OK && yes != 0;
    return st;
}

/* What waited for it goes on. */
enum status logs_set_echoed(struct node *n, int64_t log)
{
    enum status st = sql_run(&n->sql, "UPDATE log SET echoed = 1 WHERE id = ?", "i", log);
    return st == ST_OK ? sql_run(&n->sql, "UPDATE mls_group SET dirty = 1 WHERE log = ?", "i", log) : st;
}

enum status logs_reread(struct node *n, int64_t log)
{
    logs_changed(n);
    n->log_memory->reread = true;
    return sql_run(&n->sql, "UPDATE log SET cursor = 0, safe = 0 WHERE id = ?", "i", log);
}

enum status logs_unsend(struct node *n, int64_t log, enum outbox_purpose purpose)
{
    return sql_run(&n->sql, "DELETE FROM outbox WHERE log = ? AND purpose = ?", "ii", log, (int64_t)purpose);
}

enum status logs_unsend_all(struct node *n, int64_t log)
{
    return sql_run(&n->sql, "DELETE FROM outbox WHERE log = ?", "i", log);
}

/* ---- messages into blocks ---- */

struct packing {
    struct node *n;
    int64_t log, owner, last;
    enum outbox_purpose purpose;
    struct secret block_key;
    struct block_builder builder;
};

static enum status flush_block(struct packing *p)
{
    uint8_t block[BLOCK_LEN];
    struct block_id id;
    if (block_builder_empty(&p->builder)) {
        return ST_OK;
    }
    entropy_fill(&p->n->entropy, id.b, sizeof(id.b));
    enum status st = block_seal(&p->builder, &p->block_key, &p->n->entropy, block);
    if (st == ST_OK) {
        st = sql_run(&p->n->sql, "INSERT INTO outbox(log, purpose, owner, block_id, block) VALUES(?,?,?,?,?)",
                     "iiibb", p->log, (int64_t)p->purpose, p->owner, SPAN_ID(&id), SPAN(block));
        p->last = sql_last_id(&p->n->sql);
    }
    block_builder_wipe(&p->builder);
    block_builder_init(&p->builder);
    return st;
}

static enum status pack_record(struct packing *p, const struct block_record *record)
{
    enum status st = block_builder_add(&p->builder, record);
    if (st == ST_BLOCK_FULL) {
        st = flush_block(p);
        if (st == ST_OK) {
            st = block_builder_add(&p->builder, record);
        }
    }
    return st;
}

static enum status pack_message(struct packing *p, struct span message)
{
    struct message_id id;
    struct block_record record;
    size_t pieces = block_pieces(message.len);
    if (pieces == 0) {
        return ST_NO_SPACE;
    }
    entropy_fill(&p->n->entropy, id.b, sizeof(id.b));
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < pieces; i++) {
        st = block_piece(message, &id, i, &record);
        if (st == ST_OK) {
            st = pack_record(p, &record);
        }
    }
    return st;
}

enum status logs_append(struct node *n, int64_t log, const struct span *messages, size_t count,
                        enum outbox_purpose purpose, int64_t owner, int64_t *last)
{
    struct packing p = {.n = n, .log = log, .owner = owner, .purpose = purpose};
    struct query q;
    bool found = false;
    block_builder_init(&p.builder);
    query_start(&q, &n->sql, "SELECT block_key FROM log WHERE id = ?", "i", log);
    if (query_next(&q)) {
        QUERY_ID(&q, 0, &p.block_key);
        found = true;
    }
    enum status st = query_end(&q);
    if (st == ST_OK && !found) {
        st = ST_INTERNAL;
    }
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        st = pack_message(&p, messages[i]);
    }
    if (st == ST_OK) {
        st = flush_block(&p);
    }
    if (st == ST_OK && last) {
        *last = p.last;
    }
    block_builder_wipe(&p.builder);
    secret_wipe(&p.block_key);
    return st;
}

enum status logs_incarnation(struct node *n, const char *relay, struct relay_incarnation *out)
{
    struct query q;
    memset(out, 0, sizeof(*out));
    query_start(&q, &n->sql, "SELECT incarnation FROM relay WHERE address = ?", "t", relay);
    if (query_next(&q) && !query_null(&q, 0)) {
        QUERY_ID(&q, 0, out);
    }
    return query_end(&q);
}

bool logs_reached(const struct node *n, const char *relay)
{
    for (size_t i = 0; n->relays && i < NODE_RELAYS_MAX; i++) {
        const struct relay_state *r = &n->relays[i];
        if (r->id != 0 && r->reached && strcmp(r->address, relay) == 0) {
            return true;
        }
    }
    return false;
}

bool logs_relay_reached(const struct node *n)
{
    bool any = false;
    for (size_t i = 0; i < NODE_RELAYS_MAX; i++) {
        any = any || (n->relays[i].id != 0 && n->relays[i].reached);
    }
    return any;
}
