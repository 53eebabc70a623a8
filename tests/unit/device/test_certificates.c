/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/device/family_fixture.h"

enum { A_DAY_S = 24 * 3600 };
static const int64_t NOW = 1700000000000;

/* ---- device certificates ---- */

static void a_parents_device_certifies_what_the_chain_says(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct device_certificate c = certificate_of(&f, MAYA, &f.maya);
    assert_true(c.supervised);
    assert_ok(certificate_check(&f.at, &c));
    c = certificate_of(&f, BEN, &f.ben);
    assert_false(c.supervised);
    assert_ok(certificate_check(&f.at, &c));
    family_wipe(&f);
}

/* T20: one parent cannot make a child look like an adult, nor a ghost look like a person. */
static void T20_a_certificate_that_says_other_than_the_chain_is_refused(void **state)
{
    (void)state;
    struct family f, g;
    family_of_four(&f, 10);
    family_of_four(&g, 40);
    struct device_certificate good = certificate_of(&f, MAYA, &f.maya), c = good;
    c.supervised = false;
    assert_ok(device_certificate_sign(&c, &f.ana.key));
    assert_status(certificate_check(&f.at, &c), ST_CERTIFICATE_PERSON);
    c = good;
    c.who.person = person_of(&f, EVE);
    assert_ok(device_certificate_sign(&c, &f.ana.key));
    assert_status(certificate_check(&f.at, &c), ST_CERTIFICATE_PERSON);
    c = good;
    c.who.person = person_of(&f, BEN); /* T31: a device under the other parent's name */
    c.supervised = false;
    c.device = f.eve.device;
    assert_ok(device_certificate_sign(&c, &f.ana.key));
    assert_status(certificate_check(&f.at, &c), ST_CERTIFICATE_PERSON);
    c = good;
    c.device = f.ben.device; /* a parent's device under a child's name */
    assert_ok(device_certificate_sign(&c, &f.ana.key));
    assert_status(certificate_check(&f.at, &c), ST_CERTIFICATE_PERSON);
    assert_status(certificate_check(&g.at, &good), ST_CERTIFICATE_FAMILY);
    family_wipe(&f);
    family_wipe(&g);
}

/* T21: only a parent's device that still stands there issues. */
static void T21_certificates_by_anybody_else_are_refused(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct device_certificate good = certificate_of(&f, MAYA, &f.maya), c = good;
    const struct sample_key *const others[] = {&f.maya, &f.tim, &f.eve};
    for (size_t i = 0; i < 3; i++) {
        c.issuer = others[i]->device;
        assert_ok(device_certificate_sign(&c, &others[i]->key));
        assert_status(certificate_check(&f.at, &c), ST_CERTIFICATE_ISSUER);
    }
    c = good;
    c.signature.b[3] ^= 1;
    assert_status(certificate_check(&f.at, &c), ST_CRYPTO_SIGNATURE);
    c = good;
    c.authority_height = f.at.head.height + 1;
    assert_ok(device_certificate_sign(&c, &f.ana.key));
    assert_status(certificate_check(&f.at, &c), ST_CERTIFICATE_ISSUER);

    assert_ok(add_parent_device(&f, ANA, &f.ana_laptop, &f.ana));
    struct authority_body b = {
        .kind = AUTHORITY_REMOVE_DEVICE, .person = person_of(&f, ANA), .device = f.ana.device};
    assert_ok(certificate_check(&f.at, &good));
    assert_ok(extend_authority(&f, &b, BY(&f.ana_laptop, {0})));
    assert_status(certificate_check(&f.at, &good), ST_CERTIFICATE_ISSUER);
    assert_true(certificate_is_due(&f.at, &good, NOW));
    family_wipe(&f);
}

static void a_certificate_is_renewed_after_180_days(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct device_certificate c = certificate_of(&f, MAYA, &f.maya);
    assert_false(certificate_is_due(&f.at, &c, NOW));
    assert_false(certificate_is_due(&f.at, &c, NOW + INT64_C(179) * A_DAY_S * 1000));
    assert_true(certificate_is_due(&f.at, &c, NOW + INT64_C(180) * A_DAY_S * 1000));
    family_wipe(&f);
}

static void nobody_issues_what_would_not_be_taken(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct device_certificate c;
    struct certificate_args a = {.at = &f.at,
                                 .person = person_of(&f, MAYA),
                                 .device = f.maya.device,
                                 .now_ms = NOW,
                                 .issuer = f.maya.device,
                                 .key = &f.maya.key};
    assert_status(certificate_issue(&c, &a), ST_CERTIFICATE_ISSUER);
    a.issuer = f.ana.device;
    a.key = &f.ana.key;
    a.person = person_of(&f, EVE);
    assert_status(certificate_issue(&c, &a), ST_CERTIFICATE_PERSON);
    family_wipe(&f);
}

/* ---- permits and withdrawals ---- */

static void T20_a_permit_needs_a_parent_of_that_child(void **state)
{
    (void)state;
    struct family f, g;
    family_of_four(&f, 10);
    family_of_four(&g, 40);
    struct permit good = permit_for(&f, MAYA, &g, TIM), p;
    struct person_id who = person_of(&f, ANA);
    assert_ok(permit_check_approvals(&f.at, &good));
    assert_status(permit_check_approvals(&g.at, &good), ST_PERMIT_APPROVALS);

    p = good;
    p.approval_count = 0;
    assert_status(permit_check_approvals(&f.at, &p), ST_PERMIT_APPROVALS);
    const struct sample_key *const others[] = {&f.maya, &f.tim, &f.eve, &g.ana};
    for (size_t i = 0; i < 4; i++) {
        p.approval_count = 0; /* under a parent's name, by a key that is not one's */
        assert_ok(permit_approve(&p, &who, &others[i]->device, &others[i]->key));
        assert_status(permit_check_approvals(&f.at, &p), ST_PERMIT_APPROVALS);
    }
    p.approval_count = 0;
    who = person_of(&f, BEN); /* Ana's signature under Ben's name */
    assert_ok(permit_approve(&p, &who, &f.ana.device, &f.ana.key));
    assert_status(permit_check_approvals(&f.at, &p), ST_PERMIT_APPROVALS);
    p = good; /* for another contact than the one that was signed */
    p.contact = ref_of(&g, MAYA);
    assert_status(permit_check_approvals(&f.at, &p), ST_CRYPTO_SIGNATURE);
    p = permit_for(&f, MAYA, &g, TIM);
    p.child.person = person_of(&f, BEN); /* a parent is no child */
    assert_status(permit_check_approvals(&f.at, &p), ST_PERMIT_APPROVALS);
    p = good;
    p.has_contact = false;
    assert_status(permit_check_approvals(&f.at, &p), ST_PERMIT_STANDING);
    family_wipe(&f);
    family_wipe(&g);
}

static void T21_a_removed_parents_device_permits_nothing(void **state)
{
    (void)state;
    struct family f, g;
    family_of_four(&f, 10);
    family_of_four(&g, 40);
    struct permit p = permit_for(&f, MAYA, &g, TIM);
    assert_ok(add_parent_device(&f, ANA, &f.ana_laptop, &f.ana));
    assert_ok(permit_check_approvals(&f.at, &p));
    struct authority_body b = {
        .kind = AUTHORITY_REMOVE_DEVICE, .person = person_of(&f, ANA), .device = f.ana.device};
    assert_ok(extend_authority(&f, &b, BY(&f.ana_laptop, {0})));
    assert_status(permit_check_approvals(&f.at, &p), ST_PERMIT_APPROVALS);
    family_wipe(&f);
    family_wipe(&g);
}

static void only_a_parent_withdraws(void **state)
{
    (void)state;
    struct family f, g;
    family_of_four(&f, 10);
    family_of_four(&g, 40);
    struct permit_withdrawal w = {
        .child = ref_of(&f, MAYA), .contact = ref_of(&g, TIM), .serial = 10, .issuer = f.ben.device};
    assert_ok(permit_withdrawal_sign(&w, &f.ben.key));
    assert_ok(withdrawal_check(&f.at, &w));
    assert_status(withdrawal_check(&g.at, &w), ST_WITHDRAWAL_ISSUER);
    w.serial++;
    assert_status(withdrawal_check(&f.at, &w), ST_CRYPTO_SIGNATURE);
    w.issuer = f.maya.device;
    assert_ok(permit_withdrawal_sign(&w, &f.maya.key));
    assert_status(withdrawal_check(&f.at, &w), ST_WITHDRAWAL_ISSUER);
    family_wipe(&f);
    family_wipe(&g);
}

/* T32: nobody revokes another parent's device. */
static void T32_who_may_revoke(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    assert_ok(add_parent_device(&f, BEN, &f.ben_laptop, &f.ben));
    static const struct {
        unsigned who;
        int device, issuer; /* 0 Ana's, 1 Ben's, 2 Ben's laptop, 3 Maya's, 4 Eve's */
        enum status want;
    } rows[] = {
        {MAYA, 3, 0, ST_OK},
        {MAYA, 3, 1, ST_OK},
        {MAYA, 3, 3, ST_REVOCATION_ISSUER},
        {MAYA, 3, 4, ST_REVOCATION_ISSUER},
        {BEN, 1, 2, ST_OK},
        {BEN, 1, 0, ST_REVOCATION_ISSUER},
        {BEN, 1, 1, ST_REVOCATION_ISSUER},
        {BEN, 1, 3, ST_REVOCATION_ISSUER},
    };
    const struct sample_key *const keys[] = {&f.ana, &f.ben, &f.ben_laptop, &f.maya, &f.eve};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct revocation v = {.who = ref_of(&f, rows[i].who),
                               .device = keys[rows[i].device]->device,
                               .issuer = keys[rows[i].issuer]->device};
        assert_ok(revocation_sign(&v, &keys[rows[i].issuer]->key));
        assert_status(revocation_check(&f.at, &v), rows[i].want);
    }
    family_wipe(&f);
}

/* ---- invites, cards, requests ---- */

/* T23: an invite that a child's device made itself is refused. */
static void T23_a_childs_invite_is_made_by_a_parent(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct invite i = {.who = ref_of(&f, MAYA), .supervised = true, .signer = f.maya.device};
    assert_ok(invite_sign(&i, &f.maya.key));
    assert_status(invite_check(&f.at, &i), ST_INVITE_SIGNER);
    i.supervised = false; /* or one in which she says she is an adult */
    assert_ok(invite_sign(&i, &f.maya.key));
    assert_status(invite_check(&f.at, &i), ST_INVITE_SIGNER);
    i.supervised = true;
    i.signer = f.ben.device;
    assert_ok(invite_sign(&i, &f.ben.key));
    assert_ok(invite_check(&f.at, &i));
    i.who = ref_of(&f, ANA); /* Ben does not invite for Ana */
    i.supervised = false;
    assert_ok(invite_sign(&i, &f.ben.key));
    assert_status(invite_check(&f.at, &i), ST_INVITE_SIGNER);
    i.signer = f.ana.device;
    assert_ok(invite_sign(&i, &f.ana.key));
    assert_ok(invite_check(&f.at, &i));
    family_wipe(&f);
}

struct asking { /* Maya of f asks to meet Tim of g */
    struct family f, g;
    struct buffer list_bytes, card_bytes, certificate_bytes, permit_bytes, body;
    struct wire_list certificates;
    struct device_certificate certificate;
    struct card card;
    struct permit permit;
    struct contact_request request;
    struct letterbox_message message;
};

static void asking_init(struct asking *a)
{
    memset(a, 0, sizeof *a);
    family_of_four(&a->f, 10);
    family_of_four(&a->g, 40);
    struct buffer *const buffers[] = {&a->list_bytes, &a->card_bytes, &a->certificate_bytes, &a->permit_bytes,
                                      &a->body};
    for (size_t i = 0; i < 5; i++)
        buffer_init(buffers[i], 1 << 18);
    a->certificate = certificate_of(&a->f, MAYA, &a->f.maya);
    a->permit = permit_for(&a->f, MAYA, &a->g, TIM);
    a->card = (struct card){.who = a->certificate.who, .name = span_text("Maya"), .signer = a->f.maya.device};
    a->request = (struct contact_request){.how_met = MET_INVITE, .has_permit = true};
    a->message = (struct letterbox_message){.type = LETTERBOX_CONTACT_REQUEST, .to = ref_of(&a->g, TIM)};
}

static void asking_wipe(struct asking *a)
{
    struct buffer *const buffers[] = {&a->list_bytes, &a->card_bytes, &a->certificate_bytes, &a->permit_bytes,
                                      &a->body};
    for (size_t i = 0; i < 5; i++)
        buffer_wipe(buffers[i]);
    family_wipe(&a->f);
    family_wipe(&a->g);
}

/* Puts the parts together, signs, and asks for judgement. */
static enum status ask(struct asking *a, const struct sample_key *card_signer,
                       const struct sample_key *sender)
{
    struct writer w;
    static struct approach out;
    writer_init(&w, &a->certificate_bytes);
    assert_ok(device_certificate_encode(&w, &a->certificate));
    assert_ok(wire_list_append(&a->list_bytes, &a->certificates, buffer_span(&a->certificate_bytes)));
    a->card.certificates = a->certificates;
    a->card.authority_chain = a->f.authority;
    assert_ok(card_sign(&a->card, &card_signer->key));
    writer_init(&w, &a->card_bytes);
    assert_ok(card_encode(&w, &a->card));
    writer_init(&w, &a->permit_bytes);
    assert_ok(permit_encode(&w, &a->permit));
    a->request.card = buffer_span(&a->card_bytes);
    a->request.permit = buffer_span(&a->permit_bytes);
    writer_init(&w, &a->body);
    assert_ok(contact_request_encode(&w, &a->request));
    a->message.certificate = buffer_span(&a->certificate_bytes);
    a->message.body = buffer_span(&a->body);
    assert_ok(letterbox_message_sign(&a->message, &sender->key));
    return approach_check(&a->message, &out);
}

static void a_whole_request_is_taken(void **state)
{
    (void)state;
    struct asking a;
    asking_init(&a);
    assert_ok(ask(&a, &a.f.maya, &a.f.maya));
    asking_wipe(&a);
}

static void T20_a_childs_request_comes_with_the_permit_for_exactly_this_person(void **state)
{
    (void)state;
    struct asking a;
    asking_init(&a);
    a.request.has_permit = false;
    assert_status(ask(&a, &a.f.maya, &a.f.maya), ST_APPROACH_PERMIT);
    asking_wipe(&a);
    asking_init(&a);
    a.permit = permit_for(&a.f, MAYA, &a.g, MAYA);
    assert_status(ask(&a, &a.f.maya, &a.f.maya), ST_APPROACH_PERMIT);
    asking_wipe(&a);
    asking_init(&a);
    a.permit = permit_for(&a.f, TIM, &a.g, TIM);
    assert_status(ask(&a, &a.f.maya, &a.f.maya), ST_APPROACH_PERMIT);
    asking_wipe(&a);
    asking_init(&a);
    a.permit.approval_count = 0;
    assert_status(ask(&a, &a.f.maya, &a.f.maya), ST_PERMIT_APPROVALS);
    asking_wipe(&a);
}

static void T12_a_request_is_from_the_person_of_its_card(void **state)
{
    (void)state;
    struct asking a;
    asking_init(&a);
    assert_status(ask(&a, &a.f.maya, &a.f.eve), ST_CRYPTO_SIGNATURE); /* not the certified key */
    asking_wipe(&a);
    asking_init(&a);
    a.card.who = ref_of(&a.f, TIM); /* the card of somebody else */
    assert_status(ask(&a, &a.f.maya, &a.f.maya), ST_CERTIFICATE_PERSON);
    asking_wipe(&a);
    asking_init(&a);
    a.card.signer = a.f.eve.device;
    assert_status(ask(&a, &a.f.eve, &a.f.maya), ST_CARD_SIGNER);
    asking_wipe(&a);
    asking_init(&a);
    a.certificate.supervised = false; /* a child that claims to be an adult */
    a.request.has_permit = false;
    assert_ok(device_certificate_sign(&a.certificate, &a.f.ana.key));
    assert_status(ask(&a, &a.f.maya, &a.f.maya), ST_CERTIFICATE_PERSON);
    asking_wipe(&a);
}

static void a_card_must_fit_its_invite(void **state)
{
    (void)state;
    struct asking a;
    struct authority at;
    asking_init(&a);
    assert_ok(ask(&a, &a.f.maya, &a.f.maya)); /* signs the card */
    struct invite i = {.who = a.card.who, .supervised = true, .signer = a.f.ana.device};
    assert_ok(invite_sign(&i, &a.f.ana.key));
    assert_ok(card_check_for_invite(&a.card, &i, &at));
    i.who = ref_of(&a.f, TIM);
    assert_ok(invite_sign(&i, &a.f.ana.key));
    assert_status(card_check_for_invite(&a.card, &i, &at), ST_CERTIFICATE_PERSON);
    assert_false(at.founded);
    i.who = a.card.who;
    i.signer = a.f.maya.device;
    assert_ok(invite_sign(&i, &a.f.maya.key));
    assert_status(card_check_for_invite(&a.card, &i, &at), ST_INVITE_SIGNER);
    asking_wipe(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parents_device_certifies_what_the_chain_says),
        cmocka_unit_test(T20_a_certificate_that_says_other_than_the_chain_is_refused),
        cmocka_unit_test(T21_certificates_by_anybody_else_are_refused),
        cmocka_unit_test(a_certificate_is_renewed_after_180_days),
        cmocka_unit_test(nobody_issues_what_would_not_be_taken),
        cmocka_unit_test(T20_a_permit_needs_a_parent_of_that_child),
        cmocka_unit_test(T21_a_removed_parents_device_permits_nothing),
        cmocka_unit_test(only_a_parent_withdraws),
        cmocka_unit_test(T32_who_may_revoke),
        cmocka_unit_test(T23_a_childs_invite_is_made_by_a_parent),
        cmocka_unit_test(a_whole_request_is_taken),
        cmocka_unit_test(T20_a_childs_request_comes_with_the_permit_for_exactly_this_person),
        cmocka_unit_test(T12_a_request_is_from_the_person_of_its_card),
        cmocka_unit_test(a_card_must_fit_its_invite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
