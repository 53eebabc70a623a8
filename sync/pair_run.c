/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/logs.h"
#include "sync/pair_internal.h"

enum { FIELDS_VERSION = 1, FIELDS_MAX = 128 };

enum pairing_state pair_state(const struct pairing_facts *f)
{
    switch (f->phase) {
    case PHASE_OFFERED:
    case PHASE_ANSWERED:
        return PAIRING_OFFERED;
    case PHASE_ASKED:
    case PHASE_OPENING:
        return PAIRING_ASKED;
    case PHASE_CODE:
        return PAIRING_CODE;
    case PHASE_ACCEPTED:
        return PAIRING_ACCEPTED;
    case PHASE_CONFIRMED:
        return PAIRING_JOINING;
    case PHASE_DONE:
        return PAIRING_DONE;
    case PHASE_FAILED:
    default:
        return PAIRING_FAILED;
    }
}

bool pair_is_open(const struct pair_run *r)
{
    return r->p != NULL && pairing_facts(r->p)->phase < PHASE_CONFIRMED;
}

enum status pair_relay(struct span relay, char out[static WIRE_RELAY_MAX + 1])
{
    out[0] = '\0';
    if (relay.len == 0 || relay.len > WIRE_RELAY_MAX || memchr(relay.ptr, '\0', relay.len) != NULL)
        return ST_LINK_WRONG;
    memcpy(out, relay.ptr, relay.len);
    out[relay.len] = '\0';
    return ST_OK;
}

/* ---- column fields ---- */

static enum status fields_encode(const struct pair_run *r, struct buffer *out)
{
    struct writer w;
    writer_init(&w, out);
    writer_u8(&w, FIELDS_VERSION);
    writer_u64(&w, (uint64_t)r->log_out);
    writer_u64(&w, (uint64_t)r->log_in);
    writer_optional(&w, r->co_sign);
    writer_optional(&w, r->has_kit);
    writer_bytes(&w, SPAN_ID(&r->kit));
    return writer_done(&w);
}

static enum status fields_decode(struct pair_run *r, struct span in)
{
    struct reader rd;
    reader_init(&rd, in);
    if (reader_u8(&rd) != FIELDS_VERSION)
        return ST_STORE_ROW;
    r->log_out = (int64_t)reader_u64(&rd);
    r->log_in = (int64_t)reader_u64(&rd);
    r->co_sign = reader_optional(&rd);
    r->has_kit = reader_optional(&rd);
    reader_fixed(&rd, r->kit.b, sizeof(r->kit.b));
    return reader_done(&rd) == ST_OK ? ST_OK : ST_STORE_ROW;
}

/* ---- rows ---- */

static enum status read_row(struct query *q, struct pair_run *r)
{
    enum status st = ST_OK;
    memset(r, 0, sizeof(*r));
    if (query_next(q)) {
        r->id = query_int(q, 0);
        st = pairing_load(&r->p, query_blob(q, 1));
        if (st == ST_OK)
            st = fields_decode(r, query_blob(q, 2));
    }
    enum status end = query_end(q);
    st = st == ST_OK ? end : st;
    if (st != ST_OK)
        pair_run_free(r);
    return st;
}

enum status pair_run_newest(struct node *n, struct pair_run *r)
{
    struct query q;
    query_start(&q, &n->sql, "SELECT id, session, fields FROM pairing ORDER BY id DESC LIMIT 1", "");
    return read_row(&q, r);
}

enum status pair_run_load(struct node *n, int64_t id, struct pair_run *r)
{
    struct query q;
    query_start(&q, &n->sql, "SELECT id, session, fields FROM pairing WHERE id = ?", "i", id);
    return read_row(&q, r);
}

void pair_run_free(struct pair_run *r)
{
    pairing_free(r->p);
    bytes_wipe(r, sizeof(*r));
}

static enum status store(struct node *n, const struct pair_run *r)
{
    const struct pairing_facts *f = pairing_facts(r->p);
    struct buffer session, fields;
    buffer_init(&session, PAIRING_SAVED_MAX);
    buffer_init(&fields, FIELDS_MAX);
    enum status st = pairing_save(r->p, &session);
    if (st == ST_OK)
        st = fields_encode(r, &fields);
    if (st == ST_OK)
        st = sql_run(
            &n->sql,
            "UPDATE pairing SET state = ?, failed = ?, expires_at = ?, session = ?, fields = ? WHERE id = ?",
            "itibbi", (int64_t)pair_state(f), f->failed == ST_OK ? "" : status_name(f->failed), f->expires_ms,
            buffer_span(&session), buffer_span(&fields), r->id);
    buffer_wipe(&session);
    buffer_wipe(&fields);
    return st;
}

/* ---- logs ---- */

static enum status add_log(struct node *n, const struct pair_run *r, const char *relay, bool in, int64_t *id)
{
    struct pairing_log l;
    struct log_keys k;
    memset(&k, 0, sizeof(k));
    enum status st = in ? pairing_log_in(r->p, &l) : pairing_log_out(r->p, &l);
    if (st == ST_OK) {
        k.can_write = k.can_read = true;
        memcpy(k.write.b, l.write_token.b, sizeof(k.write.b));
        memcpy(k.read.b, l.read_token.b, sizeof(k.read.b));
        k.block_key = l.block_key;
        log_keys_hash(&k);
        struct log_args a = {
            .kind = LOG_OF_PAIRING, .owner = r->id, .relay = relay, .keys = &k, .listen = in};
        st = logs_add(n, &a, id);
    }
    bytes_wipe(&l, sizeof(l));
    log_keys_wipe(&k);
    return st;
}

enum status pair_run_insert(struct node *n, struct pair_run *r)
{
    char relay[WIRE_RELAY_MAX + 1];
    const struct pairing_facts *f = pairing_facts(r->p);
    enum status st = pair_relay(f->relay, relay);
    if (st == ST_OK)
        st = sql_run(
            &n->sql,
            "INSERT INTO pairing(state, new_device, expires_at, session, fields) VALUES(?,?,?,x'',x'')",
            "iii", (int64_t)pair_state(f), (int64_t)f->new_device, f->expires_ms);
    r->id = sql_last_id(&n->sql);
    if (st == ST_OK)
        st = add_log(n, r, relay, false, &r->log_out);
    return st == ST_OK ? add_log(n, r, relay, true, &r->log_in) : st;
}

/* ---- the end of an event ---- */

static enum status tell(struct node *n, const struct pair_run *r, enum pairing_state before)
{
    const struct pairing_facts *f = pairing_facts(r->p);
    enum pairing_state now = pair_state(f);
    if (now == before)
        return ST_OK;
    enum status st = node_notice(n, NOTICE_PAIRING, NULL, pairing_state_name(now), NULL);
    if (st == ST_OK && f->failed == ST_LINK_USED && !f->new_device)
        st = node_alarm(
            n, NULL, "a second device used the link that was shown to add a device; the link is void", NULL);
    return st;
}

enum status pair_run_settle(struct node *n, struct pair_run *r, enum pairing_state before, struct span send)
{
    int64_t last;
    enum status st = ST_OK;
    if (send.len > 0)
        st = logs_append(n, r->log_out, &send, 1, OUTBOX_PAIRING, r->id, &last);
    if (st == ST_OK && pairing_facts(r->p)->phase >= PHASE_DONE) {
        secret_wipe(&r->kit);
        r->has_kit = false;
        n->scrub = true; /* the link's secret is erased too */
        st = logs_listen(n, r->log_in, false);
    }
    if (st == ST_OK)
        st = store(n, r);
    if (st == ST_OK && pair_is_open(r))
        node_wake_wall(n, pairing_facts(r->p)->expires_ms);
    return st == ST_OK ? tell(n, r, before) : st;
}
