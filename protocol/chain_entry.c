/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/chain_entry.h"

#include "protocol/family_relays.h"

/* ---- Entry ---- */

static void cosigners_write(struct writer *w, const struct chain_entry *e)
{
    size_t mark = writer_open(w);
    if (e->cosigner_count > WIRE_PARENTS_MAX)
        writer_fail(w, ST_WIRE_LIMIT);
    for (size_t i = 0; i < e->cosigner_count && w->failed == ST_OK; i++) {
        WRITE_ID(w, &e->cosigners[i].device);
        WRITE_ID(w, &e->cosigners[i].signature);
    }
    writer_close(w, mark);
}

static void cosigners_read(struct reader *r, struct chain_entry *e)
{
    enum { COSIGNER_LEN = ID_LEN + SIGNATURE_LEN };
    struct reader items = reader_enter(r, (size_t)WIRE_PARENTS_MAX * COSIGNER_LEN);
    while (reader_more(&items)) {
        struct cosigner *c = &e->cosigners[e->cosigner_count++];
        READ_ID(&items, &c->device);
        READ_ID(&items, &c->signature);
        if (e->cosigner_count > 1 && ID_COMPARE(&c[-1].device, &c->device) >= 0)
            reader_fail(&items, ST_WIRE_VALUE);
    }
    reader_leave(r, &items);
}

static void entry_body_write(struct writer *w, const void *value)
{
    const struct chain_entry *e = value;
    wire_write_version(w);
    writer_u8(w, (uint8_t)e->chain);
    writer_u64(w, e->height);
    WRITE_ID(w, &e->prev);
    if (e->chain == CHAIN_ROSTER)
        writer_u64(w, e->authority_height);
    wire_write_vec(w, e->body, WIRE_ENTRY_MAX);
    WRITE_ID(w, &e->author);
    writer_optional(w, e->proposed);
    if (!e->proposed)
        return;
    writer_u64(w, e->based_on);
    writer_time(w, e->expires_ms);
    cosigners_write(w, e);
}

enum status chain_entry_encode(struct writer *w, const struct chain_entry *e)
{
    entry_body_write(w, e);
    WRITE_ID(w, &e->signature);
    return writer_done(w);
}

enum status chain_entry_decode(struct chain_entry *out, struct span in)
{
    struct reader r;
    struct chain_entry e = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    e.chain = wire_read_enum(&r, CHAIN_AUTHORITY, CHAIN_ROSTER);
    e.height = reader_u64(&r);
    READ_ID(&r, &e.prev);
    if (e.chain == CHAIN_ROSTER)
        e.authority_height = reader_u64(&r);
    e.body = reader_vec(&r, WIRE_ENTRY_MAX);
    READ_ID(&r, &e.author);
    e.proposed = reader_optional(&r);
    if (e.proposed) {
        e.based_on = reader_u64(&r);
        e.expires_ms = reader_time(&r);
        cosigners_read(&r, &e);
    }
    READ_ID(&r, &e.signature);
    return wire_finish(&r, out, &e, sizeof e);
}

enum status chain_entry_sign(struct chain_entry *e, const struct sign_private *key)
{
    return wire_sign(LABEL_CHAIN_ENTRY, entry_body_write, e, key, &e->signature);
}

enum status chain_entry_verify(const struct chain_entry *e)
{
    return wire_verify(LABEL_CHAIN_ENTRY, entry_body_write, e, &e->author, &e->signature);
}

enum status chain_entry_hash(const struct chain_entry *e, struct entry_hash *out)
{
    return wire_hash(LABEL_CHAIN_ENTRY_HASH, entry_body_write, e, out->b);
}

/* ---- ChainProposal ---- */

static void proposal_write(struct writer *w, const void *value)
{
    const struct chain_proposal *p = value;
    wire_write_version(w);
    WRITE_ID(w, &p->family);
    writer_u8(w, (uint8_t)p->chain);
    writer_u64(w, p->based_on);
    wire_write_vec(w, p->body, WIRE_ENTRY_MAX);
    writer_time(w, p->expires_ms);
}

enum status chain_proposal_encode(struct writer *w, const struct chain_proposal *p)
{
    proposal_write(w, p);
    return writer_done(w);
}

enum status chain_proposal_decode(struct chain_proposal *out, struct span in)
{
    struct reader r;
    struct chain_proposal p = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    READ_ID(&r, &p.family);
    p.chain = wire_read_enum(&r, CHAIN_AUTHORITY, CHAIN_ROSTER);
    p.based_on = reader_u64(&r);
    p.body = reader_vec(&r, WIRE_ENTRY_MAX);
    p.expires_ms = reader_time(&r);
    return wire_finish(&r, out, &p, sizeof p);
}

enum status chain_proposal_sign(const struct chain_proposal *p, const struct sign_private *key,
                                struct signature *out)
{
    return wire_sign(LABEL_CHAIN_PROPOSAL, proposal_write, p, key, out);
}

enum status chain_proposal_verify(const struct chain_proposal *p, const struct device_id *by,
                                  const struct signature *signature)
{
    return wire_verify(LABEL_CHAIN_PROPOSAL, proposal_write, p, by, signature);
}

enum status chain_proposal_hash(const struct chain_proposal *p, struct entry_hash *out)
{
    return wire_hash(LABEL_CHAIN_PROPOSAL_HASH, proposal_write, p, out->b);
}

/* ---- bodies: which fields a kind has, in the order in which they travel ---- */

enum body_field {
    HAS_FAMILY = 1 << 0, /* roster only, with the family's name */
    HAS_PERSON = 1 << 1,
    HAS_ROLE = 1 << 2,
    HAS_NAME = 1 << 3,
    HAS_DEVICE = 1 << 4,
    HAS_DEVICE_NAME = 1 << 5,
    HAS_RANDOM = 1 << 6,
    HAS_RECOVERY = 1 << 7,
    HAS_PINS = 1 << 8,
    HAS_RELAYS = 1 << 9 /* and nobody */
};

static unsigned authority_fields(enum authority_kind kind)
{
    static const unsigned fields[AUTHORITY_KINDS] = {
        [AUTHORITY_FOUND] = HAS_PERSON | HAS_DEVICE | HAS_RANDOM | HAS_RECOVERY,
        [AUTHORITY_ADD_PARENT] = HAS_PERSON | HAS_DEVICE | HAS_RECOVERY,
        [AUTHORITY_ADD_DEVICE] = HAS_PERSON | HAS_DEVICE,
        [AUTHORITY_REMOVE_DEVICE] = HAS_PERSON | HAS_DEVICE,
        [AUTHORITY_ADD_CHILD] = HAS_PERSON,
        [AUTHORITY_SET_ROLE] = HAS_PERSON | HAS_ROLE,
        [AUTHORITY_REMOVE_PERSON] = HAS_PERSON,
        [AUTHORITY_RELAYS] = HAS_RELAYS,
    };
    return (unsigned)kind < AUTHORITY_KINDS ? fields[kind] : 0;
}

static unsigned roster_fields(enum roster_kind kind)
{
    static const unsigned fields[ROSTER_LATER_FIRST] = {
        [ROSTER_FOUND] = HAS_FAMILY | HAS_PERSON | HAS_NAME | HAS_DEVICE | HAS_DEVICE_NAME,
        [ROSTER_ADD_PERSON] = HAS_PERSON | HAS_ROLE | HAS_NAME | HAS_DEVICE | HAS_DEVICE_NAME,
        [ROSTER_RENAME] = HAS_PERSON | HAS_NAME,
        [ROSTER_ADD_DEVICE] = HAS_PERSON | HAS_DEVICE | HAS_DEVICE_NAME,
        [ROSTER_REMOVE_DEVICE] = HAS_PERSON | HAS_DEVICE | HAS_PINS,
        [ROSTER_SET_ROLE] = HAS_PERSON | HAS_ROLE,
        [ROSTER_REMOVE_PERSON] = HAS_PERSON,
    };
    return (unsigned)kind < ROSTER_LATER_FIRST ? fields[kind] : 0;
}

enum status authority_body_encode(struct writer *w, const struct authority_body *b)
{
    unsigned has = authority_fields(b->kind);
    if (has == 0)
        writer_fail(w, ST_CHAIN_LATER);
    wire_write_version(w);
    writer_u8(w, (uint8_t)b->kind);
    if (has & HAS_RELAYS)
        family_relays_write(w, &b->relays);
    else
        WRITE_ID(w, &b->person);
    if (has & HAS_ROLE)
        writer_u8(w, (uint8_t)b->role);
    if (has & HAS_DEVICE)
        WRITE_ID(w, &b->device);
    if (has & HAS_RANDOM)
        writer_bytes(w, SPAN(b->random));
    if (has & HAS_RECOVERY)
        WRITE_ID(w, &b->recovery);
    return writer_done(w);
}

enum status authority_body_decode(struct authority_body *out, struct span in)
{
    struct reader r;
    struct authority_body b = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    b.kind = wire_read_enum(&r, AUTHORITY_FOUND, AUTHORITY_RELAYS);
    unsigned has = authority_fields(b.kind);
    if (has == 0)
        reader_fail(&r, ST_CHAIN_LATER);
    if (has & HAS_RELAYS)
        family_relays_read(&r, &b.relays);
    else
        READ_ID(&r, &b.person);
    if (has & HAS_ROLE)
        b.role = wire_read_enum(&r, ROLE_PARENT, ROLE_ADULT);
    if (has & HAS_DEVICE)
        READ_ID(&r, &b.device);
    if (has & HAS_RANDOM)
        reader_fixed(&r, b.random, sizeof b.random);
    if (has & HAS_RECOVERY)
        READ_ID(&r, &b.recovery);
    return wire_finish(&r, out, &b, sizeof b);
}

enum status roster_body_encode(struct writer *w, const struct roster_body *b)
{
    unsigned has = roster_fields(b->kind);
    if (has == 0)
        writer_fail(w, ST_CHAIN_LATER);
    wire_write_version(w);
    writer_u8(w, (uint8_t)b->kind);
    WRITE_ID(w, &b->person);
    if (has & HAS_FAMILY) {
        WRITE_ID(w, &b->family);
        wire_write_name(w, b->family_name);
    }
    if (has & HAS_ROLE)
        writer_u8(w, (uint8_t)b->role);
    if (has & HAS_NAME)
        wire_write_name(w, b->name);
    if (has & HAS_DEVICE)
        WRITE_ID(w, &b->device);
    if (has & HAS_DEVICE_NAME)
        wire_write_name(w, b->device_name);
    if (has & HAS_PINS)
        pins_write(w, &b->pins);
    return writer_done(w);
}

enum status roster_body_decode(struct roster_body *out, struct span in)
{
    struct reader r;
    struct roster_body b = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    b.kind = wire_read_enum(&r, ROSTER_FOUND, ROSTER_LATER_LAST);
    unsigned has = roster_fields(b.kind);
    if (has == 0)
        reader_fail(&r, ST_CHAIN_LATER);
    READ_ID(&r, &b.person);
    if (has & HAS_FAMILY) {
        READ_ID(&r, &b.family);
        b.family_name = wire_read_name(&r);
    }
    if (has & HAS_ROLE)
        b.role = wire_read_enum(&r, ROLE_PARENT, ROLE_ADULT);
    if (has & HAS_NAME)
        b.name = wire_read_name(&r);
    if (has & HAS_DEVICE)
        READ_ID(&r, &b.device);
    if (has & HAS_DEVICE_NAME)
        b.device_name = wire_read_name(&r);
    if (has & HAS_PINS)
        pins_read(&r, &b.pins);
    return wire_finish(&r, out, &b, sizeof b);
}
