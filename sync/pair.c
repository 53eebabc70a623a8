/* SPDX-License-Identifier: Apache-2.0 */
/* What a pairing does when a message comes, the clock goes on, or a chain entry has won. The commands are in
 * pair_commands.c.
 *
 * A session's state edges are device/pairing's. Beside them: OPENING → CODE happens here at once, with a
 * fresh letterbox; → CONFIRMED on the parent's side makes the wish for the chain entry (chain_wish.h). */
#include "sync/pair.h"

#include "device/recovery_kit.h"
#include "sync/chain_wish.h"
#include "sync/family.h"
#include "sync/letters.h"
#include "sync/logs.h"
#include "sync/pair_internal.h"

enum {
    PAIR_KEPT_MS =
        60 * 60 * 1000 /* the logs of what ended go after an hour: the other side has read by then */
};

/* ---- new device: the opening ---- */

static enum status make_box(struct node *n, const struct pairing_facts *f, struct buffer *box)
{
    struct box_args args = {.kind = BOX_FAMILY,
                            .owner = {f->family, f->person},
                            .expires_ms = n->now.wall_ms + LETTERBOX_LIFE_MS};
    char relay[WIRE_RELAY_MAX + 1];
    int64_t id;
    enum status st = pair_relay(f->relay, relay);
    if (st == ST_OK)
        st = sql_run(&n->sql, "INSERT OR REPLACE INTO meta(key, value) VALUES('relay', ?)", "t", relay);
    return st == ST_OK ? box_new(n, &args, box, NULL, &id) : st;
}

/* The kit is kept until pair.yes has shown it, and not a moment longer. */
static enum status make_kit(struct node *n, struct pair_run *r, struct sign_public *public)
{
    r->has_kit = true;
    return recovery_kit_make(&n->entropy, &r->kit, public);
}

static enum status open_now(struct node *n, struct pair_run *r, struct buffer *send)
{
    const struct pairing_facts *f = pairing_facts(r->p);
    bool wants = f->wants_recovery;
    struct sign_public recovery;
    struct buffer box;
    buffer_init(&box, LETTERBOX_MAX);
    enum status st = make_box(n, f, &box);
    if (st == ST_OK && wants)
        st = make_kit(n, r, &recovery);
    if (st == ST_OK)
        st = pairing_open_with(r->p, buffer_span(&box), wants ? &recovery : NULL, &n->self.key, send);
    buffer_wipe(&box);
    return st;
}

/* ---- parent: the chain entry ---- */

static enum status wish(struct node *n, const struct pair_run *r)
{
    const struct pairing_facts *f = pairing_facts(r->p);
    struct wish_device d = {.person = f->person,
                            .role = f->role,
                            .person_name = f->person_name,
                            .device_name = f->device_name,
                            .device = f->device,
                            .has_recovery = f->has_recovery,
                            .recovery = f->recovery,
                            .certificate = f->certificate,
                            .letterbox = f->letterbox,
                            .key_packages = f->key_packages};
    return wish_add_device(n, &d);
}

/* ---- events ---- */

/* The relay's name stays only with a family. */
static enum status forget_relay(struct node *n)
{
    return n->self.in_family ? ST_OK : sql_run(&n->sql, "DELETE FROM meta WHERE key = 'relay'", "");
}

static enum status follow(struct node *n, struct pair_run *r, enum pairing_phase before, struct buffer *send)
{
    const struct pairing_facts *f = pairing_facts(r->p);
    if (f->phase == before)
        return ST_OK;
    if (f->phase == PHASE_OPENING)
        return open_now(n, r, send);
    if (f->phase == PHASE_CONFIRMED && !f->new_device)
        return wish(n, r);
    return f->phase == PHASE_FAILED ? forget_relay(n) : ST_OK;
}

enum status pair_record(struct node *n, const struct log_row *log, struct span message)
{
    struct pair_run r;
    struct buffer send;
    buffer_init(&send, PAIRING_MESSAGE_MAX);
    enum status st = pair_run_load(n, log->owner, &r);
    if (st == ST_OK && r.p != NULL) {
        enum pairing_phase phase = pairing_facts(r.p)->phase;
        enum pairing_state state = pair_state(pairing_facts(r.p));
        st = pairing_receive(r.p, message, n->now.wall_ms, &n->self.key, &send);
        if (st == ST_OK)
            st = follow(n, &r, phase, &send);
        if (st == ST_OK)
            st = pair_run_settle(n, &r, state, buffer_span(&send));
    }
    pair_run_free(&r);
    buffer_wipe(&send);
    return st;
}

static enum status tick(struct node *n)
{
    struct pair_run r;
    struct buffer send;
    buffer_init(&send, PAIRING_MESSAGE_MAX);
    enum status st = pair_run_newest(n, &r);
    if (st == ST_OK && pair_is_open(&r)) {
        enum pairing_phase phase = pairing_facts(r.p)->phase;
        enum pairing_state state = pair_state(pairing_facts(r.p));
        node_wake_wall(n, pairing_facts(r.p)->expires_ms);
        st = pairing_tick(r.p, n->now.wall_ms, &send);
        if (st == ST_OK)
            st = follow(n, &r, phase, &send);
        if (st == ST_OK && pairing_facts(r.p)->phase != phase)
            st = pair_run_settle(n, &r, state, buffer_span(&send));
    }
    pair_run_free(&r);
    buffer_wipe(&send);
    return st;
}

/* Drops the logs of one pairing that ended an hour ago; *more says whether there may be others. */
static enum status sweep_one(struct node *n, bool *more)
{
    struct query q;
    int64_t log = 0;
    query_start(&q, &n->sql,
                "SELECT log.id FROM log JOIN pairing ON pairing.id = log.owner WHERE log.kind = ? AND"
                " pairing.state >= ? AND pairing.expires_at < ? LIMIT 1",
                "iii", (int64_t)LOG_OF_PAIRING, (int64_t)PAIRING_DONE, n->now.wall_ms - PAIR_KEPT_MS);
    *more = query_next(&q);
    if (*more)
        log = query_int(&q, 0);
    enum status st = query_end(&q);
    return st == ST_OK && *more ? logs_drop(n, log) : st;
}

enum status pair_due(struct node *n)
{
    bool more = true;
    enum status st = tick(n);
    while (st == ST_OK && more)
        st = sweep_one(n, &more);
    return st;
}

/* ---- the Admission, and what the family's commit did ---- */

enum status pair_judges(struct node *n, const struct admission *a, bool *waits, struct person_ref *who,
                        enum person_role *role)
{
    struct pair_run r;
    *waits = false;
    enum status st = pair_run_newest(n, &r);
    if (st == ST_OK && r.p != NULL) {
        const struct pairing_facts *f = pairing_facts(r.p);
        bool mine = f->new_device && f->phase == PHASE_CONFIRMED;
        st = mine ? pairing_judge(r.p, a) : ST_OK;
        *waits = mine;
        *who = (struct person_ref){f->family, f->person};
        *role = f->role;
    }
    pair_run_free(&r);
    return st;
}

static enum status finish(struct node *n, struct pair_run *r)
{
    enum pairing_state before = pair_state(pairing_facts(r->p));
    enum status st = pairing_finish(r->p);
    return st == ST_OK ? pair_run_settle(n, r, before, SPAN_EMPTY) : st;
}

static enum status give_up(struct node *n, struct pair_run *r, enum status why)
{
    struct buffer send;
    enum pairing_state before = pair_state(pairing_facts(r->p));
    buffer_init(&send, PAIRING_MESSAGE_MAX);
    enum status st = pairing_give_up(r->p, why, &send);
    if (st == ST_OK)
        st = pair_run_settle(n, r, before, buffer_span(&send));
    buffer_wipe(&send);
    return st;
}

enum status pair_joined(struct node *n)
{
    struct pair_run r;
    enum status st = pair_run_newest(n, &r);
    if (st == ST_OK && r.p != NULL && pairing_facts(r.p)->phase == PHASE_CONFIRMED)
        st = finish(n, &r);
    pair_run_free(&r);
    return st;
}

/* Several may wait at once: a child's first device can take its time to sign. */
static enum status end_of(struct node *n, const struct device_id *device, enum status why)
{
    enum { WAITING_MAX = 64 };
    int64_t ids[WAITING_MAX];
    size_t count = 0;
    struct query q;
    query_start(&q, &n->sql,
                "SELECT id FROM pairing WHERE state = ? AND new_device = 0 ORDER BY id DESC LIMIT 64", "i",
                (int64_t)PAIRING_JOINING);
    while (query_next(&q))
        ids[count++] = query_int(&q, 0);
    enum status st = query_end(&q);
    for (size_t i = 0; st == ST_OK && i < count; i++) {
        struct pair_run r;
        st = pair_run_load(n, ids[i], &r);
        if (st == ST_OK && r.p != NULL && ID_EQUAL(&pairing_facts(r.p)->device, device))
            st = why == ST_OK ? finish(n, &r) : give_up(n, &r, why);
        pair_run_free(&r);
    }
    return st;
}

enum status pair_device_joined(struct node *n, const struct device_id *device)
{
    return end_of(n, device, ST_OK);
}

enum status pair_device_failed(struct node *n, const struct device_id *device, enum status why)
{
    return end_of(n, device, why);
}
