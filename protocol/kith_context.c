/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/kith_context.h"

static void head_write(struct writer *w, const struct chain_head *h)
{
    writer_u64(w, h->height);
    WRITE_ID(w, &h->hash);
}

static void head_read(struct reader *r, struct chain_head *h)
{
    h->height = reader_u64(r);
    READ_ID(r, &h->hash);
}

enum status kith_context_encode(struct writer *w, const struct kith_context *c)
{
    size_t mark;
    if (c->relay_count > WIRE_RELAYS_MAX || c->family_count > KITH_CONTEXT_FAMILIES_MAX)
        writer_fail(w, ST_WIRE_LIMIT);
    if (c->relay_count == 0 || c->family_count == 0)
        writer_fail(w, ST_WIRE_VALUE);
    wire_write_version(w);
    writer_u8(w, (uint8_t)c->kind);
    WRITE_ID(w, &c->scope);
    writer_u32(w, c->generation);
    mark = writer_open(w);
    for (size_t i = 0; i < c->relay_count && w->failed == ST_OK; i++)
        wire_write_vec(w, c->relays[i], WIRE_RELAY_MAX);
    writer_close(w, mark);
    mark = writer_open(w);
    for (size_t i = 0; i < c->family_count && w->failed == ST_OK; i++) {
        WRITE_ID(w, &c->families[i].family);
        head_write(w, &c->families[i].head);
    }
    writer_close(w, mark);
    if (c->kind != SCOPE_CONVERSATION)
        head_write(w, &c->roster);
    return writer_done(w);
}

static void relays_read(struct reader *r, struct kith_context *c)
{
    struct reader items = reader_enter(r, (size_t)WIRE_RELAYS_MAX * (WIRE_RELAY_MAX + 2));
    while (reader_more(&items)) {
        if (c->relay_count == WIRE_RELAYS_MAX) {
            reader_fail(&items, ST_WIRE_LIMIT);
            break;
        }
        c->relays[c->relay_count++] = reader_vec(&items, WIRE_RELAY_MAX);
    }
    if (c->relay_count == 0)
        reader_fail(&items, ST_WIRE_VALUE);
    reader_leave(r, &items);
}

static void families_read(struct reader *r, struct kith_context *c)
{
    enum { FAMILY_LEN = ID_LEN + 8 + ID_LEN };
    struct reader items = reader_enter(r, (size_t)KITH_CONTEXT_FAMILIES_MAX * FAMILY_LEN);
    while (reader_more(&items)) {
        struct family_head *f = &c->families[c->family_count++];
        READ_ID(&items, &f->family);
        head_read(&items, &f->head);
        if (c->family_count > 1 && ID_COMPARE(&f[-1].family, &f->family) >= 0)
            reader_fail(&items, ST_WIRE_VALUE);
    }
    if (c->family_count == 0)
        reader_fail(&items, ST_WIRE_VALUE);
    reader_leave(r, &items);
}

enum status kith_context_decode(struct kith_context *out, struct span in)
{
    struct reader r;
    struct kith_context c = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    c.kind = wire_read_enum(&r, SCOPE_FAMILY, SCOPE_CONVERSATION);
    READ_ID(&r, &c.scope);
    c.generation = reader_u32(&r);
    relays_read(&r, &c);
    families_read(&r, &c);
    if (c.kind != SCOPE_CONVERSATION) {
        if (c.family_count > 1)
            reader_fail(&r, ST_WIRE_VALUE);
        head_read(&r, &c.roster);
    }
    return wire_finish(&r, out, &c, sizeof c);
}

const struct family_head *kith_context_family(const struct kith_context *c, const struct family_id *f)
{
    for (size_t i = 0; i < c->family_count; i++)
        if (ID_EQUAL(&c->families[i].family, f))
            return &c->families[i];
    return NULL;
}

/* ---- scope ids: hashes of what names the scope, cut to their length ---- */

static enum status scope_id_hash(enum label label, struct span value, struct scope_id *out)
{
    uint8_t hash[HASH_LEN];
    enum status st = wire_hash_bytes(label, value, hash);
    memcpy(out->b, hash, sizeof out->b);
    return st;
}

enum status scope_id_of_family(enum scope_kind kind, const struct family_id *f, struct scope_id *out)
{
    uint8_t value[1 + ID_LEN] = {(uint8_t)kind};
    memcpy(value + 1, f->b, sizeof f->b);
    return scope_id_hash(LABEL_SCOPE_ID, SPAN(value), out);
}

enum status scope_id_of_person(enum scope_kind kind, const struct person_id *p, struct scope_id *out)
{
    uint8_t value[1 + SHORT_ID_LEN] = {(uint8_t)kind};
    memcpy(value + 1, p->b, sizeof p->b);
    return scope_id_hash(LABEL_SCOPE_ID, SPAN(value), out);
}

enum status scope_id_of_pair(const struct person_ref *a, const struct person_ref *b, struct scope_id *out)
{
    uint8_t value[2 * (ID_LEN + SHORT_ID_LEN)];
    int order = ID_COMPARE(&a->family, &b->family);
    if (order == 0)
        order = ID_COMPARE(&a->person, &b->person);
    const struct person_ref *first = order <= 0 ? a : b, *second = order <= 0 ? b : a;
    memcpy(value, first->family.b, ID_LEN);
    memcpy(value + ID_LEN, first->person.b, SHORT_ID_LEN);
    memcpy(value + ID_LEN + SHORT_ID_LEN, second->family.b, ID_LEN);
    memcpy(value + ID_LEN + SHORT_ID_LEN + ID_LEN, second->person.b, SHORT_ID_LEN);
    return scope_id_hash(LABEL_PAIR_ID, SPAN(value), out);
}
