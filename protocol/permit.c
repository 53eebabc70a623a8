/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/permit.h"

/* ---- Permit ---- */

static void permit_body(struct writer *w, const void *value)
{
    const struct permit *p = value;
    wire_write_version(w);
    wire_write_person(w, &p->child);
    writer_optional(w, p->has_contact);
    if (p->has_contact)
        wire_write_person(w, &p->contact);
    writer_u16(w, p->kinds);
    writer_u8(w, (uint8_t)p->oversight);
    writer_time(w, p->not_before_ms);
    writer_time(w, p->not_after_ms);
    writer_u64(w, p->serial);
}

enum status permit_encode(struct writer *w, const struct permit *p)
{
    permit_body(w, p);
    size_t mark = writer_open(w);
    if (p->approval_count > WIRE_PARENTS_MAX)
        writer_fail(w, ST_WIRE_LIMIT);
    for (size_t i = 0; i < p->approval_count && w->failed == ST_OK; i++) {
        WRITE_ID(w, &p->approvals[i].person);
        WRITE_ID(w, &p->approvals[i].device);
        WRITE_ID(w, &p->approvals[i].signature);
    }
    writer_close(w, mark);
    return writer_done(w);
}

/* Rising order makes one person count once. */
static void approvals_read(struct reader *r, struct permit *p)
{
    enum { APPROVAL_LEN = SHORT_ID_LEN + ID_LEN + SIGNATURE_LEN };
    struct reader items = reader_enter(r, (size_t)WIRE_PARENTS_MAX * APPROVAL_LEN);
    while (reader_more(&items)) {
        struct permit_approval *a = &p->approvals[p->approval_count++];
        READ_ID(&items, &a->person);
        READ_ID(&items, &a->device);
        READ_ID(&items, &a->signature);
        if (p->approval_count > 1 && ID_COMPARE(&a[-1].person, &a->person) >= 0)
            reader_fail(&items, ST_WIRE_VALUE);
    }
    reader_leave(r, &items);
}

enum status permit_decode(struct permit *out, struct span in)
{
    struct reader r;
    struct permit p = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    wire_read_person(&r, &p.child);
    p.has_contact = reader_optional(&r);
    if (p.has_contact)
        wire_read_person(&r, &p.contact);
    p.kinds = reader_u16(&r);
    if (p.kinds > PERMIT_ALL)
        reader_fail(&r, ST_WIRE_VALUE);
    p.oversight = wire_read_enum(&r, OVERSIGHT_CONTACTS, OVERSIGHT_MESSAGES);
    p.not_before_ms = reader_time(&r);
    p.not_after_ms = reader_time(&r);
    p.serial = reader_u64(&r);
    approvals_read(&r, &p);
    return wire_finish(&r, out, &p, sizeof p);
}

enum status permit_approve(struct permit *p, const struct person_id *parent, const struct device_id *device,
                           const struct sign_private *key)
{
    struct permit_approval a = {.person = *parent, .device = *device};
    size_t at = 0;
    while (at < p->approval_count && ID_COMPARE(&p->approvals[at].person, parent) < 0)
        at++;
    if (at < p->approval_count && ID_EQUAL(&p->approvals[at].person, parent))
        return ST_USAGE;
    if (p->approval_count == WIRE_PARENTS_MAX)
        return ST_NO_SPACE;
    enum status st = wire_sign(LABEL_PERMIT, permit_body, p, key, &a.signature);
    if (st != ST_OK)
        return st;
    memmove(&p->approvals[at + 1], &p->approvals[at], (p->approval_count - at) * sizeof a);
    p->approvals[at] = a;
    p->approval_count++;
    return ST_OK;
}

enum status permit_verify_approval(const struct permit *p, size_t index)
{
    if (index >= p->approval_count)
        return ST_USAGE;
    return wire_verify(LABEL_PERMIT, permit_body, p, &p->approvals[index].device,
                       &p->approvals[index].signature);
}

/* ---- PermitWithdrawal ---- */

static void withdrawal_body(struct writer *w, const void *value)
{
    const struct permit_withdrawal *p = value;
    wire_write_version(w);
    wire_write_person(w, &p->child);
    wire_write_person(w, &p->contact);
    writer_u64(w, p->serial);
    WRITE_ID(w, &p->issuer);
}

enum status permit_withdrawal_encode(struct writer *w, const struct permit_withdrawal *p)
{
    withdrawal_body(w, p);
    WRITE_ID(w, &p->signature);
    return writer_done(w);
}

enum status permit_withdrawal_decode(struct permit_withdrawal *out, struct span in)
{
    struct reader r;
    struct permit_withdrawal p = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    wire_read_person(&r, &p.child);
    wire_read_person(&r, &p.contact);
    p.serial = reader_u64(&r);
    READ_ID(&r, &p.issuer);
    READ_ID(&r, &p.signature);
    return wire_finish(&r, out, &p, sizeof p);
}

enum status permit_withdrawal_sign(struct permit_withdrawal *p, const struct sign_private *key)
{
    return wire_sign(LABEL_WITHDRAWAL, withdrawal_body, p, key, &p->signature);
}

enum status permit_withdrawal_verify(const struct permit_withdrawal *p)
{
    return wire_verify(LABEL_WITHDRAWAL, withdrawal_body, p, &p->issuer, &p->signature);
}
