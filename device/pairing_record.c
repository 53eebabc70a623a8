/* SPDX-License-Identifier: Apache-2.0 */
/* A pairing session as one record of the database, and what of it is worked out from the rest. */
#include <string.h>

#include "device/pairing_internal.h"
#include "protocol/letterbox.h"
#include "protocol/mem.h"

enum { RECORD_VERSION = 1, STATUS_NAME_MAX = 64 };

static const size_t text_max[TEXT_COUNT] = {
    [TEXT_RELAY] = WIRE_RELAY_MAX,
    [TEXT_FAMILY_NAME] = WIRE_NAME_MAX,
    [TEXT_PERSON_NAME] = WIRE_NAME_MAX,
    [TEXT_DEVICE_NAME] = WIRE_NAME_MAX,
    [TEXT_CHAIN] = WIRE_LIST_MAX,
    [TEXT_LETTERBOX] = LETTERBOX_MAX,
    [TEXT_CERTIFICATE] = WIRE_CERTIFICATE_MAX,
    [TEXT_KEY_PACKAGES] = WIRE_LIST_MAX,
};

struct pairing *pairing_new(void)
{
    struct pairing *p = mem_alloc(1, sizeof(*p));
    for (size_t i = 0; p != NULL && i < TEXT_COUNT; i++)
        buffer_init(&p->text[i], text_max[i]);
    return p;
}

void pairing_free(struct pairing *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < TEXT_COUNT; i++)
        buffer_wipe(&p->text[i]);
    mem_free(p, sizeof(*p)); /* erases the secret too */
}

struct wire_list pairing_chain(const struct pairing *p)
{
    return (struct wire_list){buffer_span(&p->text[TEXT_CHAIN]), p->chain_count};
}

struct wire_list pairing_packages(const struct pairing *p)
{
    return (struct wire_list){buffer_span(&p->text[TEXT_KEY_PACKAGES]), p->key_package_count};
}

struct pairing_link pairing_link_of(const struct pairing *p)
{
    return (struct pairing_link){buffer_span(&p->text[TEXT_RELAY]), p->secret, p->expires_ms, p->head};
}

/* Only the new device ever works out the code to show it: a parent's device that showed it would let its
 * owner copy a stranger's code from the own screen. */
static enum status show_code(struct pairing *p)
{
    bool known = p->phase == PHASE_CODE || p->phase == PHASE_ACCEPTED || p->phase == PHASE_CONFIRMED;
    return p->new_device && known ? pairing_code(&p->t, p->facts.code) : ST_OK;
}

bool pairing_wants_recovery(const struct pairing *p)
{
    return p->t.role == ROLE_PARENT && !p->is_parent;
}

enum status pairing_refresh(struct pairing *p)
{
    p->facts = (struct pairing_facts){
        .new_device = p->new_device,
        .phase = p->phase,
        .failed = p->failed,
        .expires_ms = p->expires_ms,
        .relay = buffer_span(&p->text[TEXT_RELAY]),
        .family = p->t.family,
        .family_name = buffer_span(&p->text[TEXT_FAMILY_NAME]),
        .person_name = buffer_span(&p->text[TEXT_PERSON_NAME]),
        .person = p->t.person,
        .role = p->t.role,
        .parent_device = p->t.parent_device,
        .device = p->t.new_device,
        .device_name = buffer_span(&p->text[TEXT_DEVICE_NAME]),
        .letterbox = buffer_span(&p->text[TEXT_LETTERBOX]),
        .wants_recovery = pairing_wants_recovery(p),
        .has_recovery = p->has_recovery,
        .recovery = p->recovery,
        .certificate = buffer_span(&p->text[TEXT_CERTIFICATE]),
        .key_packages = pairing_packages(p),
    };
    return show_code(p);
}

const struct pairing_facts *pairing_facts(const struct pairing *p)
{
    return &p->facts;
}

/* ---- the record ---- */

static void transcript_write(struct writer *w, const struct pairing_transcript *t)
{
    writer_bytes(w, SPAN(t->link_hash));
    WRITE_ID(w, &t->family);
    WRITE_ID(w, &t->person);
    writer_u8(w, (uint8_t)t->role);
    WRITE_ID(w, &t->new_device);
    WRITE_ID(w, &t->parent_device);
    writer_bytes(w, SPAN(t->new_nonce));
    writer_bytes(w, SPAN(t->parent_nonce));
}

static void transcript_read(struct reader *r, struct pairing_transcript *t)
{
    reader_fixed(r, t->link_hash, sizeof(t->link_hash));
    READ_ID(r, &t->family);
    READ_ID(r, &t->person);
    uint8_t role = reader_u8(r); /* 0: not known yet */
    if (role > ROLE_ADULT)
        reader_fail(r, ST_WIRE_ENUM);
    t->role = (enum person_role)role;
    READ_ID(r, &t->new_device);
    READ_ID(r, &t->parent_device);
    reader_fixed(r, t->new_nonce, sizeof(t->new_nonce));
    reader_fixed(r, t->parent_nonce, sizeof(t->parent_nonce));
}

/* By name: the numbers of statuses change from version to version. */
static void status_write(struct writer *w, enum status st)
{
    writer_vec(w, span_text(status_name(st)));
}

static enum status status_read(struct reader *r)
{
    struct span name = reader_vec(r, STATUS_NAME_MAX);
    for (int i = 0; i < STATUS_COUNT; i++)
        if (span_equal(name, span_text(status_name((enum status)i))))
            return (enum status)i;
    reader_fail(r, ST_WIRE_ENUM);
    return ST_INTERNAL;
}

enum status pairing_save(const struct pairing *p, struct buffer *out)
{
    struct writer w;
    writer_init(&w, out);
    writer_u8(&w, RECORD_VERSION);
    writer_optional(&w, p->new_device);
    writer_u8(&w, (uint8_t)p->phase);
    status_write(&w, p->failed);
    writer_time(&w, p->expires_ms);
    WRITE_ID(&w, &p->secret);
    WRITE_ID(&w, &p->head);
    transcript_write(&w, &p->t);
    writer_bytes(&w, SPAN(p->commitment));
    writer_optional(&w, p->is_parent);
    writer_optional(&w, p->has_recovery);
    WRITE_ID(&w, &p->recovery);
    writer_u16(&w, (uint16_t)p->chain_count);
    writer_u16(&w, (uint16_t)p->key_package_count);
    for (size_t i = 0; i < TEXT_COUNT; i++)
        writer_vec(&w, buffer_span(&p->text[i]));
    return writer_done(&w);
}

static bool phase_is_known(const struct pairing *p)
{
    bool parents = p->phase == PHASE_OFFERED || p->phase == PHASE_ANSWERED;
    bool devices = p->phase == PHASE_ASKED || p->phase == PHASE_OPENING;
    return p->phase >= PHASE_OFFERED && p->phase <= PHASE_FAILED && !(parents && p->new_device) &&
           !(devices && !p->new_device) && (p->failed != ST_OK) == (p->phase == PHASE_FAILED);
}

/* As many items as were counted, each whole. */
static bool list_is_whole(struct wire_list list)
{
    struct span rest = list.bytes, item;
    size_t count = 0, len = 0;
    while (wire_list_next(&rest, &item)) {
        count++;
        len = (size_t)(item.ptr + item.len - list.bytes.ptr);
    }
    return count == list.count && len == list.bytes.len;
}

/* What goes into a message of ours must be what its encoder takes: a session that loads can always go on. */
static bool texts_are_good(const struct pairing *p)
{
    static const enum pairing_text names[] = {TEXT_FAMILY_NAME, TEXT_PERSON_NAME, TEXT_DEVICE_NAME};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (p->text[names[i]].len > 0 && !wire_text_ok(buffer_span(&p->text[names[i]]), true))
            return false;
    bool asked = p->new_device && p->phase == PHASE_ASKED;
    bool named = p->new_device ? p->text[TEXT_DEVICE_NAME].len > 0
                               : p->text[TEXT_FAMILY_NAME].len > 0 && p->text[TEXT_PERSON_NAME].len > 0;
    return named && (asked || p->t.role == ROLE_PARENT || p->t.role == ROLE_CHILD || p->failed != ST_OK) &&
           list_is_whole(pairing_chain(p)) && list_is_whole(pairing_packages(p));
}

static enum status record_read(struct pairing *p, struct span record)
{
    struct reader r;
    enum status st = ST_OK;
    reader_init(&r, record);
    if (reader_u8(&r) != RECORD_VERSION)
        reader_fail(&r, ST_WIRE_VERSION);
    p->new_device = reader_optional(&r);
    p->phase = (enum pairing_phase)reader_u8(&r);
    p->failed = status_read(&r);
    p->expires_ms = reader_time(&r);
    READ_ID(&r, &p->secret);
    READ_ID(&r, &p->head);
    transcript_read(&r, &p->t);
    reader_fixed(&r, p->commitment, sizeof(p->commitment));
    p->is_parent = reader_optional(&r);
    p->has_recovery = reader_optional(&r);
    READ_ID(&r, &p->recovery);
    p->chain_count = reader_u16(&r);
    p->key_package_count = reader_u16(&r);
    for (size_t i = 0; st == ST_OK && i < TEXT_COUNT; i++)
        st = buffer_copy(&p->text[i], reader_vec(&r, text_max[i]));
    if (st != ST_OK)
        return st;
    return reader_done(&r) == ST_OK && phase_is_known(p) && texts_are_good(p) ? ST_OK : ST_PAIRING_RECORD;
}

enum status pairing_load(struct pairing **out, struct span record)
{
    struct pairing *p = pairing_new();
    *out = NULL;
    if (p == NULL)
        return ST_NO_MEMORY;
    enum status st = record_read(p, record);
    if (st == ST_OK)
        st = pairing_refresh(p);
    if (st != ST_OK) {
        pairing_free(p);
        return st;
    }
    *out = p;
    return ST_OK;
}
