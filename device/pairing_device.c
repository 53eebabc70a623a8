/* SPDX-License-Identifier: Apache-2.0 */
/* The side of the new device, which scanned the link.
 *
 *   ASKED → OPENING        take_answer
 *   OPENING → CODE         pairing_open_with
 *   CODE → ACCEPTED        take_accept
 *   ACCEPTED → CONFIRMED   pairing_confirm              any of them → FAILED  pairing_fail */
#include <string.h>

#include "device/pairing_internal.h"
#include "protocol/letterbox.h"
#include "protocol/link.h"
#include "protocol/mls/key_package.h"

/* ---- link → commit ---- */

static enum status read_link(struct pairing *p, const struct pairing_join_args *a)
{
    struct buffer payload;
    struct pairing_link l;
    buffer_init(&payload, LINK_PAYLOAD_MAX);
    enum status st = link_parse(LINK_PAIR, a->link, &payload);
    if (st == ST_OK)
        st = pairing_link_decode(&l, buffer_span(&payload));
    if (st == ST_OK) {
        p->secret = l.secret;
        p->head = l.authority_head;
        p->expires_ms = l.expires_ms;
        st = buffer_copy(&p->text[TEXT_RELAY], l.relay);
    }
    if (st == ST_OK)
        st = pairing_link_hash(&l, p->t.link_hash);
    buffer_wipe(&payload);
    bytes_wipe(&l, sizeof(l));
    return st;
}

/* A clock that runs behind would make an old link look fresh: no link lives longer than its ten minutes. */
static bool in_time(const struct pairing *p, int64_t now_ms)
{
    return now_ms < p->expires_ms && p->expires_ms - now_ms <= 2 * (int64_t)PAIRING_LINK_MS;
}

static enum status join(struct pairing *p, const struct pairing_join_args *a, struct buffer *send)
{
    struct pairing_message m = {.kind = PAIRING_COMMIT};
    enum status st = read_link(p, a);
    if (st != ST_OK)
        return st;
    if (!in_time(p, a->now_ms))
        return ST_LINK_EXPIRED;
    p->new_device = true;
    p->t.new_device = a->device;
    entropy_fill(a->entropy, p->t.new_nonce, sizeof(p->t.new_nonce));
    st = buffer_copy(&p->text[TEXT_DEVICE_NAME], a->device_name);
    if (st == ST_OK)
        st = pairing_commitment(&p->t.new_device, p->t.new_nonce, m.u.commit.commitment);
    if (st == ST_OK)
        st = pairing_send(send, &m);
    return st == ST_OK ? pairing_move(p, PHASE_ASKED) : st;
}

enum status pairing_join(struct pairing **out, const struct pairing_join_args *a, struct buffer *send)
{
    *out = NULL;
    if (a->in_family)
        return ST_COMMAND_IN_FAMILY;
    if (!wire_text_ok(a->device_name, true) || a->device_name.len > WIRE_NAME_MAX)
        return ST_USAGE;
    struct pairing *p = pairing_new();
    if (p == NULL)
        return ST_NO_MEMORY;
    enum status st = join(p, a, send);
    if (st != ST_OK) {
        pairing_free(p);
        return st;
    }
    *out = p;
    return ST_OK;
}

/* ---- answer → the opening is wanted ---- */

/* The chain must be the one that the link names by its head, and the answering key a parent's in it: else
 * whoever photographed the link could answer with a family of its own. */
static enum status judge_answer(struct pairing *p, const struct pairing_answer *a)
{
    struct pairing_authority authority;
    enum status st = pairing_authority_walk(a->authority_chain, &a->device, &a->person, &authority);
    if (st != ST_OK)
        return st;
    if (!ID_EQUAL(&authority.head, &p->head) || !ID_EQUAL(&authority.family, &a->family) || !authority.names)
        return ST_PAIRING_FAMILY;
    p->is_parent = authority.is_parent;
    return a->role == ROLE_PARENT || a->role == ROLE_CHILD ? ST_OK : ST_PAIRING_REFUSED;
}

static enum status keep_answer(struct pairing *p, const struct pairing_answer *a)
{
    enum status st = buffer_copy(&p->text[TEXT_FAMILY_NAME], a->family_name);
    if (st == ST_OK)
        st = buffer_copy(&p->text[TEXT_PERSON_NAME], a->person_name);
    if (st == ST_OK)
        st = buffer_copy(&p->text[TEXT_CHAIN], a->authority_chain.bytes);
    if (st != ST_OK)
        return st;
    p->chain_count = a->authority_chain.count;
    p->t.family = a->family;
    p->t.person = a->person;
    p->t.role = a->role;
    p->t.parent_device = a->device;
    memcpy(p->t.parent_nonce, a->nonce, sizeof(p->t.parent_nonce));
    return pairing_move(p, PHASE_OPENING);
}

/* The first answer is the run's; a later one changes nothing: whoever sent it, the code will tell. */
static enum status take_answer(struct pairing *p, const struct pairing_input *in)
{
    const struct pairing_answer *a = &in->message->u.answer;
    if (p->phase != PHASE_ASKED)
        return ST_OK;
    enum status st = judge_answer(p, a);
    if (st == ST_OK)
        return keep_answer(p, a);
    if (status_class(st) == CLASS_INTERNAL)
        return st;
    return pairing_fail(p, st == ST_PAIRING_FAMILY ? st : ST_PAIRING_REFUSED, in->send);
}

enum status pairing_open_with(struct pairing *p, struct span letterbox, const struct sign_public *recovery,
                              const struct sign_private *key, struct buffer *send)
{
    struct letterbox box;
    struct pairing_message m = {.kind = PAIRING_OPEN};
    struct pairing_open *o = &m.u.open;
    if (!p->new_device || p->phase != PHASE_OPENING)
        return ST_PAIRING_NONE;
    if (letterbox_decode(&box, letterbox) != ST_OK || (recovery != NULL) != pairing_wants_recovery(p))
        return ST_USAGE;
    bytes_wipe(&box, sizeof(box));
    o->device = p->t.new_device;
    memcpy(o->nonce, p->t.new_nonce, sizeof(o->nonce));
    o->device_name = buffer_span(&p->text[TEXT_DEVICE_NAME]);
    o->letterbox = letterbox;
    o->has_recovery = recovery != NULL;
    if (recovery != NULL)
        o->recovery = *recovery;
    enum status st = pairing_open_sign(o, &p->t, key);
    if (st == ST_OK)
        st = buffer_copy(&p->text[TEXT_LETTERBOX], letterbox);
    if (st == ST_OK)
        st = pairing_send(send, &m);
    if (st != ST_OK)
        return st;
    p->has_recovery = o->has_recovery;
    p->recovery = o->recovery;
    return pairing_move(p, PHASE_CODE);
}

/* ---- accept → the user's yes is wanted ---- */

static enum status judge_certificate(const struct pairing *p, struct span encoded)
{
    struct device_certificate c;
    struct person_ref who = {p->t.family, p->t.person};
    enum status st = device_certificate_decode(&c, encoded);
    if (st == ST_OK)
        st = device_certificate_verify(&c);
    if (st != ST_OK)
        return st;
    bool agreed = person_ref_equal(&c.who, &who) && c.supervised == (p->t.role == ROLE_CHILD) &&
                  ID_EQUAL(&c.device, &p->t.new_device) && ID_EQUAL(&c.issuer, &p->t.parent_device);
    return agreed ? ST_OK : ST_PAIRING_REFUSED;
}

static enum status take_accept(struct pairing *p, const struct pairing_input *in)
{
    const struct pairing_accept *a = &in->message->u.accept;
    if (p->phase == PHASE_ACCEPTED)
        return ST_OK; /* the same again */
    if (p->phase != PHASE_CODE)
        return pairing_fail(p, ST_PAIRING_REFUSED, in->send);
    enum status st = pairing_accept_verify(a, &p->t);
    if (st == ST_OK)
        st = judge_certificate(p, a->certificate);
    if (st != ST_OK && status_class(st) == CLASS_INTERNAL)
        return st;
    if (st != ST_OK)
        return pairing_fail(p, ST_PAIRING_REFUSED, in->send);
    st = buffer_copy(&p->text[TEXT_CERTIFICATE], a->certificate);
    return st == ST_OK ? pairing_move(p, PHASE_ACCEPTED) : st;
}

static enum status package_check(const struct pairing *p, struct span encoded)
{
    struct key_package k;
    enum status st = key_package_decode(&k, encoded);
    if (st == ST_OK)
        st = key_package_verify(&k);
    if (st != ST_OK)
        return st;
    bool ours = span_equal(k.leaf.signature_key, SPAN_ID(&p->t.new_device)) &&
                k.leaf.credential.type == CREDENTIAL_BASIC &&
                span_equal(k.leaf.credential.identity, buffer_span(&p->text[TEXT_CERTIFICATE]));
    return ours ? ST_OK : ST_PAIRING_REFUSED;
}

enum status pairing_packages_check(const struct pairing *p, const struct wire_list *packages)
{
    struct span rest = packages->bytes, item;
    enum status st = ST_OK;
    if (packages->count == 0 || packages->count > PAIRING_KEY_PACKAGES_MAX)
        return ST_PAIRING_REFUSED;
    while (st == ST_OK && wire_list_next(&rest, &item))
        st = package_check(p, item);
    return st;
}

enum status pairing_confirm(struct pairing *p, const struct wire_list *key_packages, int64_t now_ms,
                            const struct sign_private *key, struct buffer *send)
{
    struct pairing_message m = {.kind = PAIRING_CONFIRM, .u.confirm.key_packages = *key_packages};
    if (!p->new_device || p->phase != PHASE_ACCEPTED) /* never before the parent's device accepted */
        return ST_PAIRING_NONE;
    if (pairing_over(p, now_ms))
        return pairing_fail(p, ST_LINK_EXPIRED, send);
    enum status st = pairing_packages_check(p, key_packages);
    if (st != ST_OK)
        return status_class(st) == CLASS_INTERNAL ? st : ST_USAGE;
    st = pairing_confirm_sign(&m.u.confirm, &p->t, key);
    if (st == ST_OK)
        st = pairing_send(send, &m);
    return st == ST_OK ? pairing_move(p, PHASE_CONFIRMED) : st;
}

/* ---- the Admission ---- */

struct entry_view { /* what the chains say of this device and its person, up to some entry */
    size_t named;   /* entries that name this device */
    bool agreed;    /* each of them as it was agreed on */
    enum person_role role;
};

static void see_roster(const struct pairing *p, const struct chain_entry *e, const struct roster_body *b,
                       struct entry_view *v)
{
    bool person = ID_EQUAL(&b->person, &p->t.person);
    bool sets_role = b->kind == ROSTER_FOUND || b->kind == ROSTER_ADD_PERSON || b->kind == ROSTER_SET_ROLE;
    if (person && sets_role)
        v->role = b->kind == ROSTER_FOUND ? ROLE_PARENT : b->role;
    if (!ID_EQUAL(&b->device, &p->t.new_device))
        return;
    v->named++;
    v->agreed = v->agreed && person && (b->kind == ROSTER_ADD_PERSON || b->kind == ROSTER_ADD_DEVICE) &&
                ID_EQUAL(&e->author, &p->t.parent_device) && v->role == p->t.role;
}

static void see_authority(const struct pairing *p, const struct chain_entry *e,
                          const struct authority_body *b, struct entry_view *v)
{
    if (!ID_EQUAL(&b->device, &p->t.new_device))
        return;
    v->named++;
    v->agreed = v->agreed && ID_EQUAL(&b->person, &p->t.person) && p->t.role == ROLE_PARENT &&
                (b->kind == AUTHORITY_ADD_PARENT || b->kind == AUTHORITY_ADD_DEVICE) &&
                ID_EQUAL(&e->author, &p->t.parent_device);
}

static enum status judge_roster(const struct pairing *p, struct wire_list roster)
{
    struct entry_view v = {0, true, ROLE_ADULT};
    struct span rest = roster.bytes, item;
    while (wire_list_next(&rest, &item)) {
        struct chain_entry e;
        struct roster_body b;
        if (chain_entry_decode(&e, item) != ST_OK || e.chain != CHAIN_ROSTER ||
            chain_entry_verify(&e) != ST_OK || roster_body_decode(&b, e.body) != ST_OK)
            return ST_PAIRING_ENTRY;
        see_roster(p, &e, &b, &v);
    }
    return v.named == 1 && v.agreed ? ST_OK : ST_PAIRING_ENTRY;
}

/* The chain goes through the link's head, and names this device as often as its role asks: never a child's,
 * once a parent's. */
static enum status judge_authority(const struct pairing *p, struct wire_list chain)
{
    struct entry_view v = {0, true, ROLE_ADULT};
    struct span rest = chain.bytes, item;
    bool through_head = false;
    for (uint64_t height = 0; wire_list_next(&rest, &item); height++) {
        struct chain_entry e;
        struct authority_body b;
        struct entry_hash hash;
        if (chain_entry_decode(&e, item) != ST_OK || e.chain != CHAIN_AUTHORITY || e.height != height ||
            chain_entry_verify(&e) != ST_OK || chain_entry_hash(&e, &hash) != ST_OK ||
            authority_body_decode(&b, e.body) != ST_OK)
            return ST_PAIRING_ENTRY;
        through_head = through_head || ID_EQUAL(&hash, &p->head);
        see_authority(p, &e, &b, &v);
    }
    size_t wanted = p->t.role == ROLE_PARENT ? 1 : 0;
    return through_head && v.named == wanted && v.agreed ? ST_OK : ST_PAIRING_ENTRY;
}

enum status pairing_judge(const struct pairing *p, const struct admission *a)
{
    if (!p->new_device || p->phase != PHASE_CONFIRMED)
        return ST_PAIRING_NONE;
    for (size_t i = 0; i < a->chain_count; i++) {
        if (!ID_EQUAL(&a->chains[i].family, &p->t.family))
            continue;
        enum status st = judge_authority(p, a->chains[i].entries);
        return st == ST_OK ? judge_roster(p, a->roster) : st;
    }
    return ST_PAIRING_ENTRY;
}

const pairing_handler pairing_device_handlers[PAIRING_KIND_LAST + 1] = {
    [PAIRING_ANSWER] = take_answer, [PAIRING_ACCEPT] = take_accept};
