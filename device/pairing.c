/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides of a pairing share. State edges: pairing_parent.c and pairing_device.c, and pairing_fail.
 */
#include "device/pairing.h"

#include <string.h>

#include "device/pairing_internal.h"

enum status pairing_send(struct buffer *send, const struct pairing_message *m)
{
    struct buffer one;
    struct writer w;
    buffer_init(&one, PAIRING_MESSAGE_MAX);
    writer_init(&w, &one);
    enum status st = pairing_message_encode(&w, m);
    if (st == ST_OK)
        st = buffer_append(send, buffer_span(&one));
    buffer_wipe(&one);
    return st;
}

enum status pairing_move(struct pairing *p, enum pairing_phase to)
{
    p->phase = to;
    return pairing_refresh(p);
}

bool pairing_over(const struct pairing *p, int64_t now_ms)
{
    return now_ms >= p->expires_ms && p->phase < PHASE_CONFIRMED;
}

/* ---- the end of a session ---- */

static enum pairing_void_reason reason_of(enum status why)
{
    switch ((int)why) {
    case ST_PAIRING_CODE:
        return VOID_WRONG_CODE;
    case ST_LINK_USED:
        return VOID_SECOND_REQUEST;
    case ST_PAIRING_CANCELLED:
        return VOID_DECLINED;
    case ST_LINK_EXPIRED:
        return VOID_EXPIRED;
    default:
        return VOID_BROKEN;
    }
}

static enum status status_of(enum pairing_void_reason reason)
{
    switch (reason) {
    case VOID_WRONG_CODE:
        return ST_PAIRING_CODE;
    case VOID_SECOND_REQUEST:
        return ST_LINK_USED;
    case VOID_DECLINED:
        return ST_PAIRING_CANCELLED;
    case VOID_EXPIRED:
        return ST_LINK_EXPIRED;
    case VOID_BROKEN:
        break;
    }
    return ST_PAIRING_REFUSED;
}

static enum status end(struct pairing *p, enum status why)
{
    p->failed = why;
    secret_wipe(&p->secret);
    return pairing_move(p, PHASE_FAILED);
}

enum status pairing_fail(struct pairing *p, enum status why, struct buffer *send)
{
    struct pairing_message m = {.kind = PAIRING_VOID, .u.voided.reason = reason_of(why)};
    enum status st = pairing_send(send, &m);
    return st == ST_OK ? end(p, why) : st;
}

enum status pairing_tick(struct pairing *p, int64_t now_ms, struct buffer *send)
{
    return pairing_over(p, now_ms) ? pairing_fail(p, ST_LINK_EXPIRED, send) : ST_OK;
}

enum status pairing_cancel(struct pairing *p, struct buffer *send)
{
    return p->phase < PHASE_CONFIRMED ? pairing_fail(p, ST_PAIRING_CANCELLED, send) : ST_PAIRING_NONE;
}

enum status pairing_give_up(struct pairing *p, enum status why, struct buffer *send)
{
    return p->phase == PHASE_CONFIRMED && !p->new_device ? pairing_fail(p, why, send) : ST_PAIRING_NONE;
}

enum status pairing_finish(struct pairing *p)
{
    if (p->phase != PHASE_CONFIRMED)
        return ST_PAIRING_NONE;
    secret_wipe(&p->secret);
    return pairing_move(p, PHASE_DONE);
}

/* ---- logs ---- */

static enum status log_of(const struct pairing *p, enum pairing_direction direction, struct pairing_log *out)
{
    struct pairing_link link = pairing_link_of(p);
    enum status st = pairing_log_derive(&link, direction, out);
    secret_wipe(&link.secret);
    return st;
}

enum status pairing_log_out(const struct pairing *p, struct pairing_log *out)
{
    return log_of(p, p->new_device ? PAIRING_TO_PARENT : PAIRING_TO_DEVICE, out);
}

enum status pairing_log_in(const struct pairing *p, struct pairing_log *out)
{
    return log_of(p, p->new_device ? PAIRING_TO_DEVICE : PAIRING_TO_PARENT, out);
}

/* ---- messages ---- */

enum status pairing_receive(struct pairing *p, struct span message, int64_t now_ms,
                            const struct sign_private *key, struct buffer *send)
{
    struct pairing_message m;
    struct pairing_input in = {&m, now_ms, key, send};
    /* One link, one run: it is over; but the new device, which has said yes and waits, hears that nothing
     * comes of it: its yes came too late, or no chain entry could be made of it. */
    if (p->phase == PHASE_CONFIRMED && p->new_device && pairing_message_decode(&m, message) == ST_OK &&
        m.kind == PAIRING_VOID)
        return end(p, status_of(m.u.voided.reason));
    if (p->phase >= PHASE_CONFIRMED)
        return ST_OK;
    if (pairing_over(p, now_ms))
        return pairing_fail(p, ST_LINK_EXPIRED, send);
    /* Only who has the link can write here; who writes rubbish with it ends it. */
    if (pairing_message_decode(&m, message) != ST_OK)
        return pairing_fail(p, ST_PAIRING_REFUSED, send);
    if (m.kind == PAIRING_VOID)
        return end(p, status_of(m.u.voided.reason));
    pairing_handler handle = (p->new_device ? pairing_device_handlers : pairing_parent_handlers)[m.kind];
    return handle == NULL ? pairing_fail(p, ST_PAIRING_REFUSED, send) : handle(p, &in);
}

/* ---- the authority chain ---- */

static void name_or_forget(const struct authority_body *b, const struct device_id *device,
                           struct pairing_authority *a)
{
    if ((b->kind == AUTHORITY_FOUND || b->kind == AUTHORITY_ADD_PARENT) && ID_EQUAL(&b->person, &a->person))
        a->is_parent = true;
    if (!ID_EQUAL(&b->device, device))
        return;
    if (b->kind == AUTHORITY_FOUND || b->kind == AUTHORITY_ADD_PARENT || b->kind == AUTHORITY_ADD_DEVICE)
        a->names = true;
    if (b->kind == AUTHORITY_REMOVE_DEVICE)
        a->names = false;
}

static enum status walk_entry(struct span item, uint64_t height, const struct device_id *device,
                              struct pairing_authority *a)
{
    struct chain_entry e;
    struct authority_body b;
    enum status st = chain_entry_decode(&e, item);
    if (st == ST_OK)
        st = chain_entry_verify(&e);
    if (st == ST_OK)
        st = authority_body_decode(&b, e.body);
    if (st != ST_OK)
        return st;
    if (e.chain != CHAIN_AUTHORITY || e.height != height || !ID_EQUAL(&e.prev, &a->head) ||
        (b.kind == AUTHORITY_FOUND) != (height == 0))
        return ST_PAIRING_FAMILY;
    name_or_forget(&b, device, a);
    st = chain_entry_hash(&e, &a->head);
    if (st == ST_OK && height == 0)
        memcpy(a->family.b, a->head.b, ID_LEN);
    return st;
}

enum status pairing_authority_walk(struct wire_list chain, const struct device_id *device,
                                   const struct person_id *person, struct pairing_authority *out)
{
    struct span rest = chain.bytes, item;
    struct pairing_authority a;
    uint64_t height = 0;
    enum status st = chain.count == 0 ? ST_PAIRING_FAMILY : ST_OK;
    memset(&a, 0, sizeof(a));
    a.person = *person;
    for (; st == ST_OK && wire_list_next(&rest, &item); height++)
        st = walk_entry(item, height, device, &a);
    if (st == ST_OK && height != chain.count)
        st = ST_PAIRING_FAMILY;
    if (st == ST_OK)
        *out = a;
    else
        memset(out, 0, sizeof(*out));
    return st;
}
