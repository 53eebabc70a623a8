/* SPDX-License-Identifier: Apache-2.0 */
/* The side of the parent's device, which made the link.
 *
 *   OFFERED → ANSWERED  take_commit
 *   ANSWERED → CODE     take_open
 *   CODE → ACCEPTED     pairing_enter_code
 *   ACCEPTED → CONFIRMED  take_confirm                 any of them → FAILED  pairing_fail */
#include <string.h>

#include "device/pairing_internal.h"
#include "protocol/letterbox.h"
#include "protocol/link.h"
#include "protocol/mls/key_package.h"

enum { DAY_MS = 24 * 60 * 60 * 1000 };

/* ---- the link ---- */

static enum status offer_copy(struct pairing *p, const struct pairing_offer_args *a)
{
    const struct {
        enum pairing_text to;
        struct span from;
    } texts[] = {{TEXT_RELAY, a->relay},
                 {TEXT_FAMILY_NAME, a->family_name},
                 {TEXT_PERSON_NAME, a->person_name},
                 {TEXT_CHAIN, a->authority_chain.bytes}};
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < sizeof(texts) / sizeof(texts[0]); i++)
        st = buffer_copy(&p->text[texts[i].to], texts[i].from);
    p->chain_count = a->authority_chain.count;
    return st;
}

static enum status offer_fill(struct pairing *p, const struct pairing_offer_args *a)
{
    struct pairing_authority authority;
    enum status st = pairing_authority_walk(a->authority_chain, &a->device, &a->person, &authority);
    if (st != ST_OK || !authority.names)
        return ST_USAGE;
    p->expires_ms = a->now_ms + PAIRING_LINK_MS;
    p->head = authority.head;
    p->is_parent = authority.is_parent;
    p->t.family = authority.family;
    p->t.person = a->person;
    p->t.role = a->role;
    p->t.parent_device = a->device;
    entropy_fill(a->entropy, p->secret.b, sizeof(p->secret.b));
    entropy_fill(a->entropy, p->t.parent_nonce, sizeof(p->t.parent_nonce));
    return offer_copy(p, a);
}

static enum status print_link(struct pairing *p, struct buffer *link)
{
    struct pairing_link l = pairing_link_of(p);
    struct buffer payload;
    struct writer w;
    buffer_init(&payload, LINK_PAYLOAD_MAX);
    writer_init(&w, &payload);
    enum status st = pairing_link_hash(&l, p->t.link_hash);
    if (st == ST_OK)
        st = pairing_link_encode(&w, &l);
    if (st == ST_OK)
        st = link_print(LINK_PAIR, buffer_span(&payload), link);
    buffer_wipe(&payload);
    secret_wipe(&l.secret);
    return st;
}

enum status pairing_offer(struct pairing **out, const struct pairing_offer_args *a, struct buffer *link)
{
    *out = NULL;
    if ((a->role != ROLE_PARENT && a->role != ROLE_CHILD) || !wire_text_ok(a->family_name, true) ||
        !wire_text_ok(a->person_name, true) || a->family_name.len > WIRE_NAME_MAX ||
        a->person_name.len > WIRE_NAME_MAX || a->relay.len > WIRE_RELAY_MAX)
        return ST_USAGE;
    struct pairing *p = pairing_new();
    if (p == NULL)
        return ST_NO_MEMORY;
    enum status st = offer_fill(p, a);
    if (st == ST_OK)
        st = print_link(p, link);
    if (st == ST_OK)
        st = pairing_move(p, PHASE_OFFERED);
    if (st != ST_OK) {
        pairing_free(p);
        return st;
    }
    *out = p;
    return ST_OK;
}

/* ---- commit → answer ---- */

static enum status answer(struct pairing *p, struct buffer *send)
{
    struct pairing_message m = {.kind = PAIRING_ANSWER,
                                .u.answer = {.device = p->t.parent_device,
                                             .family = p->t.family,
                                             .person = p->t.person,
                                             .role = p->t.role,
                                             .family_name = buffer_span(&p->text[TEXT_FAMILY_NAME]),
                                             .person_name = buffer_span(&p->text[TEXT_PERSON_NAME]),
                                             .authority_chain = pairing_chain(p)}};
    memcpy(m.u.answer.nonce, p->t.parent_nonce, sizeof(m.u.answer.nonce));
    return pairing_send(send, &m);
}

/* A second request voids the link: one of the two is not the device that the parent holds. (The same
 * commitment again is the relay's doubling, and nobody else can open it.) */
static enum status take_commit(struct pairing *p, const struct pairing_input *in)
{
    const struct pairing_commit *c = &in->message->u.commit;
    if (p->phase != PHASE_OFFERED && memcmp(c->commitment, p->commitment, HASH_LEN) == 0)
        return ST_OK;
    if (p->phase != PHASE_OFFERED)
        return pairing_fail(p, ST_LINK_USED, in->send);
    enum status st = answer(p, in->send);
    if (st != ST_OK)
        return st;
    memcpy(p->commitment, c->commitment, HASH_LEN);
    return pairing_move(p, PHASE_ANSWERED);
}

/* ---- open → the code is wanted ---- */

/* What the new device says must be what it had committed to before it saw our nonce: else it could try nonces
 * until the code is the one that it wants. */
static enum status judge_open(const struct pairing *p, const struct pairing_transcript *t,
                              const struct pairing_open *o)
{
    uint8_t commitment[HASH_LEN];
    struct pairing_authority authority;
    struct letterbox box;
    enum status st = pairing_commitment(&o->device, o->nonce, commitment);
    if (st == ST_OK && memcmp(commitment, p->commitment, HASH_LEN) != 0)
        return ST_PAIRING_COMMITMENT;
    if (st == ST_OK)
        st = pairing_open_verify(o, t);
    if (st == ST_OK)
        st = pairing_authority_walk(pairing_chain(p), &o->device, &t->person, &authority);
    if (st == ST_OK && (authority.names || o->has_recovery != pairing_wants_recovery(p)))
        return ST_PAIRING_REFUSED;
    if (st == ST_OK) {
        st = letterbox_decode(&box, o->letterbox);
        bytes_wipe(&box, sizeof(box));
    }
    return st;
}

static enum status take_open(struct pairing *p, const struct pairing_input *in)
{
    const struct pairing_open *o = &in->message->u.open;
    struct pairing_transcript t = p->t;
    if (p->phase > PHASE_ANSWERED && ID_EQUAL(&o->device, &t.new_device) &&
        memcmp(o->nonce, t.new_nonce, sizeof(o->nonce)) == 0)
        return ST_OK; /* the same again */
    if (p->phase != PHASE_ANSWERED)
        return pairing_fail(p, ST_PAIRING_REFUSED, in->send);
    t.new_device = o->device;
    memcpy(t.new_nonce, o->nonce, sizeof(t.new_nonce));
    enum status st = judge_open(p, &t, o);
    if (st != ST_OK && status_class(st) == CLASS_INTERNAL)
        return st;
    if (st != ST_OK)
        return pairing_fail(p, st == ST_PAIRING_COMMITMENT ? st : ST_PAIRING_REFUSED, in->send);
    st = buffer_copy(&p->text[TEXT_DEVICE_NAME], o->device_name);
    if (st == ST_OK)
        st = buffer_copy(&p->text[TEXT_LETTERBOX], o->letterbox);
    if (st != ST_OK)
        return st;
    p->t = t;
    p->has_recovery = o->has_recovery;
    p->recovery = o->recovery;
    return pairing_move(p, PHASE_CODE);
}

/* ---- the code → accept ---- */

/* Exactly six digits, with spaces and hyphens anywhere. */
static bool read_digits(struct span typed, char out[static PAIRING_CODE_DIGITS + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < typed.len; i++) {
        uint8_t c = typed.ptr[i];
        if (c == ' ' || c == '-')
            continue;
        if (c < '0' || c > '9' || n == PAIRING_CODE_DIGITS)
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return n == PAIRING_CODE_DIGITS;
}

static enum status issue_certificate(struct pairing *p, int64_t now_ms, const struct sign_private *key)
{
    struct device_certificate c = {.who = {p->t.family, p->t.person},
                                   .supervised = p->t.role == ROLE_CHILD,
                                   .device = p->t.new_device,
                                   .authority_height = p->chain_count - 1,
                                   .not_after_ms = now_ms + (int64_t)PAIRING_CERTIFICATE_DAYS * DAY_MS,
                                   .issuer = p->t.parent_device};
    struct writer w;
    buffer_wipe(&p->text[TEXT_CERTIFICATE]);
    writer_init(&w, &p->text[TEXT_CERTIFICATE]);
    enum status st = device_certificate_sign(&c, key);
    return st == ST_OK ? device_certificate_encode(&w, &c) : st;
}

static enum status accept(struct pairing *p, int64_t now_ms, const struct sign_private *key,
                          struct buffer *send)
{
    struct pairing_message m = {.kind = PAIRING_ACCEPT};
    enum status st = issue_certificate(p, now_ms, key);
    if (st != ST_OK)
        return st;
    m.u.accept.certificate = buffer_span(&p->text[TEXT_CERTIFICATE]);
    st = pairing_accept_sign(&m.u.accept, &p->t, key);
    if (st == ST_OK)
        st = pairing_send(send, &m);
    return st == ST_OK ? pairing_move(p, PHASE_ACCEPTED) : st;
}

enum status pairing_enter_code(struct pairing *p, struct span digits, int64_t now_ms,
                               const struct sign_private *key, struct buffer *send)
{
    char typed[PAIRING_CODE_DIGITS + 1], code[PAIRING_CODE_DIGITS + 1];
    if (p->new_device || p->phase != PHASE_CODE)
        return ST_PAIRING_NONE;
    if (pairing_over(p, now_ms))
        return pairing_fail(p, ST_LINK_EXPIRED, send);
    if (!read_digits(digits, typed))
        return ST_PAIRING_DIGITS;
    enum status st = pairing_code(&p->t, code);
    if (st != ST_OK)
        return st;
    if (memcmp(typed, code, PAIRING_CODE_DIGITS) != 0)
        return pairing_fail(p, ST_PAIRING_CODE, send); /* one entry: no second guess */
    return accept(p, now_ms, key, send);
}

/* ---- confirm ---- */

static enum status take_confirm(struct pairing *p, const struct pairing_input *in)
{
    const struct pairing_confirm *c = &in->message->u.confirm;
    if (p->phase != PHASE_ACCEPTED)
        return pairing_fail(p, ST_PAIRING_REFUSED, in->send);
    enum status st = pairing_confirm_verify(c, &p->t);
    if (st == ST_OK)
        st = pairing_packages_check(p, &c->key_packages);
    if (st != ST_OK && status_class(st) == CLASS_INTERNAL)
        return st;
    if (st != ST_OK)
        return pairing_fail(p, ST_PAIRING_REFUSED, in->send);
    st = buffer_copy(&p->text[TEXT_KEY_PACKAGES], c->key_packages.bytes);
    if (st != ST_OK)
        return st;
    p->key_package_count = c->key_packages.count;
    return pairing_move(p, PHASE_CONFIRMED);
}

const pairing_handler pairing_parent_handlers[PAIRING_KIND_LAST + 1] = {
    [PAIRING_COMMIT] = take_commit, [PAIRING_OPEN] = take_open, [PAIRING_CONFIRM] = take_confirm};
