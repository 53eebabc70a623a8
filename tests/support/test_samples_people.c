/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of what persons and families say: chains, permits, contacts. */
#include <string.h>

#include "protocol/certificate.h"
#include "protocol/chain_entry.h"
#include "protocol/contact_request.h"
#include "protocol/letterbox.h"
#include "protocol/permit.h"
#include "tests/support/test_sample_rows.h"

static struct pins one_pin(void)
{
    struct pins p = {.count = 1};
    memset(p.at[0].scope.b, 1, SHORT_ID_LEN);
    p.at[0].seq = 77;
    memset(p.at[0].hash.b, 2, ID_LEN);
    return p;
}

static void certificate_sample(struct writer *w)
{
    struct sample_key parent = sample_key(1);
    struct device_certificate c = {.who = sample_person(3, 4),
                                   .supervised = true,
                                   .device = sample_key(2).device,
                                   .authority_height = 5,
                                   .not_after_ms = 1700000000000,
                                   .issuer = parent.device};
    MUST(device_certificate_sign(&c, &parent.key));
    MUST(device_certificate_encode(w, &c));
}

static void revocation_sample(struct writer *w)
{
    struct sample_key parent = sample_key(1);
    struct revocation v = {.who = sample_person(3, 4),
                           .device = sample_key(2).device,
                           .authority_height = 5,
                           .pins = one_pin(),
                           .replaced = true,
                           .certificate = span_text("a certificate"),
                           .key_package = span_text("a key package"),
                           .issuer = parent.device};
    MUST(revocation_sign(&v, &parent.key));
    MUST(revocation_encode(w, &v));
}

static void chain_entry_sample(struct writer *w)
{
    struct sample_key author = sample_key(1);
    struct chain_entry e = {.chain = CHAIN_ROSTER,
                            .height = 9,
                            .authority_height = 4,
                            .body = span_text("a body"),
                            .author = author.device,
                            .proposed = true,
                            .based_on = 7,
                            .expires_ms = 1700000000000,
                            .cosigner_count = 1};
    memset(e.prev.b, 6, ID_LEN);
    e.cosigners[0].device = sample_key(2).device;
    memset(e.cosigners[0].signature.b, 8, SIGNATURE_LEN);
    MUST(chain_entry_sign(&e, &author.key));
    MUST(chain_entry_encode(w, &e));
}

static void chain_proposal_sample(struct writer *w)
{
    struct chain_proposal p = {.family = sample_person(3, 0).family,
                               .chain = CHAIN_AUTHORITY,
                               .based_on = 7,
                               .body = span_text("a body"),
                               .expires_ms = 1700000000000};
    MUST(chain_proposal_encode(w, &p));
}

static void authority_body_sample(struct writer *w)
{
    struct authority_body b = {
        .kind = AUTHORITY_FOUND, .person = sample_person_id(4), .device = sample_key(1).device};
    memset(b.random, 9, sizeof b.random);
    memset(b.recovery.b, 10, sizeof b.recovery.b);
    MUST(authority_body_encode(w, &b));
}

static void roster_body_sample(struct writer *w)
{
    struct roster_body b = {.kind = ROSTER_ADD_PERSON,
                            .person = sample_person_id(4),
                            .role = ROLE_CHILD,
                            .name = span_text("Maya"),
                            .device = sample_key(2).device,
                            .device_name = span_text("Maya's tablet")};
    MUST(roster_body_encode(w, &b));
}

static void permit_sample(struct writer *w)
{
    struct sample_key ana = sample_key(1), ben = sample_key(2);
    struct permit p = {.child = sample_person(3, 4),
                       .has_contact = true,
                       .contact = sample_person(5, 6),
                       .kinds = PERMIT_TEXT | PERMIT_IMAGES,
                       .oversight = OVERSIGHT_CONTACTS,
                       .not_before_ms = 1600000000000,
                       .not_after_ms = 1700000000000,
                       .serial = 42};
    struct person_id a = sample_person_id(1), b = sample_person_id(2);
    MUST(permit_approve(&p, &b, &ben.device, &ben.key));
    MUST(permit_approve(&p, &a, &ana.device, &ana.key));
    MUST(permit_encode(w, &p));
}

static void withdrawal_sample(struct writer *w)
{
    struct sample_key ana = sample_key(1);
    struct permit_withdrawal p = {
        .child = sample_person(3, 4), .contact = sample_person(5, 6), .serial = 42, .issuer = ana.device};
    MUST(permit_withdrawal_sign(&p, &ana.key));
    MUST(permit_withdrawal_encode(w, &p));
}

static void letterbox_sample(struct writer *w)
{
    struct letterbox l = {
        .relay = span_text("kith-relay://key@relay.example:4433"), .expires_ms = 1700000000000, .uses = 3};
    memset(l.write_token.b, 1, SECRET_LEN);
    memset(l.read_hash, 2, HASH_LEN);
    memset(l.trim_hash, 3, HASH_LEN);
    memset(l.block_key.b, 4, SECRET_LEN);
    memset(l.hpke_public.b, 5, DH_LEN);
    MUST(letterbox_encode(w, &l));
}

static void invite_sample(struct writer *w)
{
    struct sample_key ana = sample_key(1);
    struct invite i = {.letterbox = span_text("a letterbox"),
                       .who = sample_person(3, 4),
                       .supervised = true,
                       .signer = ana.device};
    memset(i.card_read_token.b, 1, SECRET_LEN);
    memset(i.card_write_hash, 2, HASH_LEN);
    memset(i.card_trim_hash, 3, HASH_LEN);
    memset(i.card_key.b, 4, SECRET_LEN);
    MUST(invite_sign(&i, &ana.key));
    MUST(invite_encode(w, &i));
}

static void card_sample(struct writer *w)
{
    struct sample_key ana = sample_key(1);
    struct buffer certificates, chain;
    struct card c = {.who = sample_person(3, 4),
                     .name = span_text("Maya"),
                     .certificates = sample_two_items(&certificates),
                     .authority_chain = sample_two_items(&chain),
                     .made_ms = 1600000000000,
                     .expires_ms = 1700000000000,
                     .signer = ana.device};
    MUST(card_sign(&c, &ana.key));
    MUST(card_encode(w, &c));
    buffer_wipe(&certificates);
    buffer_wipe(&chain);
}

static void letterbox_message_sample(struct writer *w)
{
    struct sample_key sender = sample_key(2);
    struct buffer certificate;
    buffer_init(&certificate, 1024);
    sample_encode("device_certificate", &certificate); /* its device is key 2 */
    struct letterbox_message m = {.type = LETTERBOX_CONTACT_REQUEST,
                                  .to = sample_person(5, 6),
                                  .certificate = buffer_span(&certificate),
                                  .body = span_text("a request")};
    memset(m.log.b, 7, ID_LEN);
    memset(m.hpke_public.b, 8, DH_LEN);
    MUST(letterbox_message_sign(&m, &sender.key));
    MUST(letterbox_message_encode(w, &m));
    buffer_wipe(&certificate);
}

static void contact_request_sample(struct writer *w)
{
    struct contact_request c = {.card = span_text("a card"),
                                .note = span_text("We met at football.\nLeo"),
                                .how_met = MET_INVITE,
                                .has_permit = true,
                                .permit = span_text("a permit"),
                                .key_package = span_text("a key package"),
                                .reply_letterbox = span_text("a letterbox")};
    MUST(contact_request_encode(w, &c));
}

/* ---- round trips ---- */

ROUNDTRIP(device_certificate)
ROUNDTRIP(revocation)
ROUNDTRIP(chain_entry)
ROUNDTRIP(chain_proposal)
ROUNDTRIP(authority_body)
ROUNDTRIP(roster_body)
ROUNDTRIP(permit)
ROUNDTRIP(permit_withdrawal)
ROUNDTRIP(letterbox)
ROUNDTRIP(invite)
ROUNDTRIP(card)
ROUNDTRIP(letterbox_message)
ROUNDTRIP(contact_request)

SIGNED(device_certificate)
SIGNED(revocation)
SIGNED(chain_entry)
SIGNED(permit_withdrawal)
SIGNED(invite)
SIGNED(card)

static enum status permit_checked(void *ctx, struct span in, struct buffer *again)
{
    struct permit p;
    enum status st = permit_decode(&p, in);
    /* whose approval it is said to be is compared with the chain, not signed: set it back to the sample's */
    if (st == ST_OK && p.approval_count != 2)
        return ST_WIRE_VALUE;
    for (size_t i = 0; st == ST_OK && i < p.approval_count; i++) {
        struct person_id person = sample_person_id((unsigned)i + 1);
        st = ID_EQUAL(&p.approvals[i].person, &person) ? permit_verify_approval(&p, i) : ST_WIRE_VALUE;
    }
    return st == ST_OK ? permit_roundtrip(ctx, in, again) : st;
}

static enum status letterbox_message_checked(void *ctx, struct span in, struct buffer *again)
{
    struct letterbox_message m;
    enum status st = letterbox_message_decode(&m, in);
    if (st == ST_OK)
        st = letterbox_message_verify(&m);
    return st == ST_OK ? letterbox_message_roundtrip(ctx, in, again) : st;
}

/* ---- the table ---- */

const struct sample_row sample_rows_people[] = {
    {"device_certificate", certificate_sample, device_certificate_roundtrip, device_certificate_checked},
    {"revocation", revocation_sample, revocation_roundtrip, revocation_checked},
    {"chain_entry", chain_entry_sample, chain_entry_roundtrip, chain_entry_checked},
    {"chain_proposal", chain_proposal_sample, chain_proposal_roundtrip, NULL},
    {"authority_body", authority_body_sample, authority_body_roundtrip, NULL},
    {"roster_body", roster_body_sample, roster_body_roundtrip, NULL},
    {"permit", permit_sample, permit_roundtrip, permit_checked},
    {"permit_withdrawal", withdrawal_sample, permit_withdrawal_roundtrip, permit_withdrawal_checked},
    {"letterbox", letterbox_sample, letterbox_roundtrip, NULL},
    {"invite", invite_sample, invite_roundtrip, invite_checked},
    {"card", card_sample, card_roundtrip, card_checked},
    {"letterbox_message", letterbox_message_sample, letterbox_message_roundtrip, letterbox_message_checked},
    {"contact_request", contact_request_sample, contact_request_roundtrip, NULL},
    {NULL, NULL, NULL, NULL},
};
