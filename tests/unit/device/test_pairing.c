/* SPDX-License-Identifier: Apache-2.0 */
/* Both sides of a pairing against each other, against a relay that is the attacker, and against somebody who
 * has photographed the link. The attacks are those of the ProVerif model's mutants (pairing.pv). */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "device/pairing.h"
#include "protocol/letterbox.h"
#include "protocol/link.h"
#include "protocol/mem.h"
#include "protocol/mls/key_package.h"
#include "tests/support/test_entropy.h"

static const int64_t NOW = INT64_C(1700000000000);
static struct test_entropy dice;

struct family {
    struct sign_private key;
    struct device_id device;
    struct person_id ana, maya;
    struct buffer chain_bytes;
    struct wire_list chain;
};

struct side { /* one side and what it sent last */
    struct pairing *p;
    struct sign_private key;
    struct buffer sent;
};

struct scene {
    struct family family;
    struct side parent, device;
    struct device_id new_device;
    struct buffer link, letterbox, packages;
    struct wire_list package_list;
};

static void random_bytes(void *out, size_t len)
{
    entropy_fill(&dice.entropy, out, len);
}

static void chain_append(struct family *f, const struct authority_body *body)
{
    struct buffer encoded_body, encoded;
    struct writer w;
    struct span rest = f->chain.bytes, item;
    struct chain_entry e = {.chain = CHAIN_AUTHORITY, .height = f->chain.count, .author = f->device};
    while (wire_list_next(&rest, &item)) {
        struct chain_entry before;
        assert_ok(chain_entry_decode(&before, item));
        assert_ok(chain_entry_hash(&before, &e.prev));
    }
    buffer_init(&encoded_body, 4096);
    buffer_init(&encoded, WIRE_ENTRY_MAX);
    writer_init(&w, &encoded_body);
    assert_ok(authority_body_encode(&w, body));
    e.body = buffer_span(&encoded_body);
    assert_ok(chain_entry_sign(&e, &f->key));
    writer_init(&w, &encoded);
    assert_ok(chain_entry_encode(&w, &e));
    assert_ok(wire_list_append(&f->chain_bytes, &f->chain, buffer_span(&encoded)));
    buffer_wipe(&encoded_body);
    buffer_wipe(&encoded);
}

static void family_init(struct family *f)
{
    struct authority_body found = {.kind = AUTHORITY_FOUND};
    memset(f, 0, sizeof(*f));
    buffer_init(&f->chain_bytes, WIRE_LIST_MAX);
    sign_keypair(&dice.entropy, &f->key, (struct sign_public *)(void *)&f->device);
    random_bytes(&f->ana, sizeof(f->ana));
    random_bytes(&f->maya, sizeof(f->maya));
    found.person = f->ana;
    found.device = f->device;
    random_bytes(found.random, sizeof(found.random));
    random_bytes(&found.recovery, sizeof(found.recovery));
    chain_append(f, &found);
}

static void side_init(struct side *s)
{
    memset(s, 0, sizeof(*s));
    buffer_init(&s->sent, PAIRING_MESSAGE_MAX);
}

static void side_free(struct side *s)
{
    pairing_free(s->p);
    buffer_wipe(&s->sent);
}

static void make_letterbox(struct buffer *out)
{
    struct letterbox box;
    struct writer w;
    memset(&box, 0, sizeof(box));
    random_bytes(&box.write_token, sizeof(box.write_token));
    random_bytes(&box.hpke_public, sizeof(box.hpke_public));
    box.relay = span_text("kith-relay://relay");
    box.expires_ms = NOW;
    buffer_init(out, LETTERBOX_MAX);
    writer_init(&w, out);
    assert_ok(letterbox_encode(&w, &box));
}

static void offer_as(struct scene *s, struct person_id person, enum person_role role)
{
    struct pairing_offer_args a = {&dice.entropy,
                                   NOW,
                                   span_text("kith-relay://relay"),
                                   s->family.chain,
                                   s->family.device,
                                   span_text("The Lindens"),
                                   span_text("Maya"),
                                   person,
                                   role};
    buffer_init(&s->link, LINK_TEXT_MAX);
    assert_ok(pairing_offer(&s->parent.p, &a, &s->link));
}

static struct pairing_join_args join_args(struct scene *s)
{
    return (struct pairing_join_args){&dice.entropy,       NOW,  buffer_span(&s->link), s->new_device,
                                      span_text("tablet"), false};
}

static void scene_init(struct scene *s, enum person_role role)
{
    memset(s, 0, sizeof(*s));
    family_init(&s->family);
    side_init(&s->parent);
    side_init(&s->device);
    s->parent.key = s->family.key;
    sign_keypair(&dice.entropy, &s->device.key, (struct sign_public *)(void *)&s->new_device);
    make_letterbox(&s->letterbox);
    buffer_init(&s->packages, WIRE_LIST_MAX);
    offer_as(s, s->family.maya, role);
    struct pairing_join_args a = join_args(s);
    assert_ok(pairing_join(&s->device.p, &a, &s->device.sent));
}

static void scene_free(struct scene *s)
{
    side_free(&s->parent);
    side_free(&s->device);
    buffer_wipe(&s->family.chain_bytes);
    buffer_wipe(&s->link);
    buffer_wipe(&s->letterbox);
    buffer_wipe(&s->packages);
}

static enum pairing_phase phase(const struct side *s)
{
    return pairing_facts(s->p)->phase;
}

static void expect_failed(const struct side *s, enum status why)
{
    assert_int_equal(phase(s), PHASE_FAILED);
    assert_status(pairing_facts(s->p)->failed, why);
}

static void give(struct side *to, struct span message)
{
    struct buffer copy;
    buffer_init(&copy, PAIRING_MESSAGE_MAX);
    assert_ok(buffer_append(&copy, message)); /* it may be what `to` sent itself */
    buffer_wipe(&to->sent);
    assert_ok(pairing_receive(to->p, buffer_span(&copy), NOW, &to->key, &to->sent));
    buffer_wipe(&copy);
}

static void pass(const struct side *from, struct side *to)
{
    assert_true(from->sent.len > 0);
    give(to, buffer_span(&from->sent));
}

static void key_package(struct buffer *out, const struct sign_private *key, const struct device_id *device,
                        struct span identity)
{
    static const uint8_t version[] = {0, 1}, suite[] = {0, 3}, basic[] = {0, 1};
    struct sign_public init, encryption;
    struct buffer leaf;
    struct key_package k = {.version = 1, .cipher_suite = SUITE_ID};
    random_bytes(&init, sizeof(init));
    random_bytes(&encryption, sizeof(encryption));
    k.init_key = SPAN_ID(&init);
    k.leaf = (struct leaf_node){.encryption_key = SPAN_ID(&encryption),
                                .signature_key = SPAN_ID(device),
                                .credential = {CREDENTIAL_BASIC, identity},
                                .capabilities = {.versions = {SPAN(version)},
                                                 .cipher_suites = {SPAN(suite)},
                                                 .credentials = {SPAN(basic)}},
                                .source = LEAF_KEY_PACKAGE,
                                .lifetime = {0, UINT32_MAX}};
    buffer_init(&leaf, WIRE_KEY_PACKAGE_MAX);
    assert_ok(leaf_node_sign(&k.leaf, NULL, key, &leaf));
    assert_ok(leaf_node_decode(&k.leaf, buffer_span(&leaf)));
    assert_ok(key_package_sign(&k, key, out));
    buffer_wipe(&leaf);
}

static void make_packages(struct scene *s, const struct sign_private *key, struct span identity)
{
    struct buffer one;
    s->package_list = (struct wire_list){SPAN_EMPTY, 0};
    s->packages.len = 0;
    for (int i = 0; i < 2; i++) {
        buffer_init(&one, WIRE_KEY_PACKAGE_MAX);
        key_package(&one, key, &s->new_device, identity);
        assert_ok(wire_list_append(&s->packages, &s->package_list, buffer_span(&one)));
        buffer_wipe(&one);
    }
}

static void open_device(struct scene *s)
{
    struct sign_public recovery;
    random_bytes(&recovery, sizeof(recovery));
    buffer_wipe(&s->device.sent);
    bool wants = pairing_facts(s->device.p)->wants_recovery;
    assert_ok(pairing_open_with(s->device.p, buffer_span(&s->letterbox), wants ? &recovery : NULL,
                                &s->device.key, &s->device.sent));
}

/* commit, answer, open: both sides stand at the code. */
static void run_to_code(struct scene *s)
{
    pass(&s->device, &s->parent);
    assert_int_equal(phase(&s->parent), PHASE_ANSWERED);
    pass(&s->parent, &s->device);
    assert_int_equal(phase(&s->device), PHASE_OPENING);
    open_device(s);
    pass(&s->device, &s->parent);
    assert_int_equal(phase(&s->parent), PHASE_CODE);
    assert_int_equal(phase(&s->device), PHASE_CODE);
}

static enum status type_code(struct scene *s, const char *code)
{
    buffer_wipe(&s->parent.sent);
    return pairing_enter_code(s->parent.p, span_text(code), NOW, &s->parent.key, &s->parent.sent);
}

static void run_to_accepted(struct scene *s)
{
    run_to_code(s);
    assert_ok(type_code(s, pairing_facts(s->device.p)->code));
    assert_int_equal(phase(&s->parent), PHASE_ACCEPTED);
    pass(&s->parent, &s->device);
    assert_int_equal(phase(&s->device), PHASE_ACCEPTED);
}

static enum status say_yes(struct scene *s)
{
    buffer_wipe(&s->device.sent);
    return pairing_confirm(s->device.p, &s->package_list, NOW, &s->device.key, &s->device.sent);
}

static void run_to_confirmed(struct scene *s)
{
    run_to_accepted(s);
    make_packages(s, &s->device.key, pairing_facts(s->device.p)->certificate);
    assert_ok(say_yes(s));
    pass(&s->device, &s->parent);
    assert_int_equal(phase(&s->parent), PHASE_CONFIRMED);
    assert_int_equal(phase(&s->device), PHASE_CONFIRMED);
}

static void restart(struct side *s)
{
    struct buffer record;
    buffer_init(&record, PAIRING_SAVED_MAX);
    assert_ok(pairing_save(s->p, &record));
    pairing_free(s->p);
    assert_ok(pairing_load(&s->p, buffer_span(&record)));
    buffer_wipe(&record);
}

/* ---- honest runs ---- */

static void a_childs_device_and_its_parents_agree_on_everything(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, ROLE_CHILD);
    run_to_confirmed(&s);
    const struct pairing_facts *p = pairing_facts(s.parent.p), *d = pairing_facts(s.device.p);
    assert_memory_equal(&p->family, &d->family, sizeof(p->family));
    assert_memory_equal(&p->person, &s.family.maya, sizeof(p->person));
    assert_memory_equal(&d->person, &s.family.maya, sizeof(d->person));
    assert_memory_equal(&p->device, &s.new_device, sizeof(p->device));
    assert_int_equal(d->role, ROLE_CHILD);
    assert_true(span_equal(d->family_name, span_text("The Lindens")));
    assert_true(span_equal(d->relay, span_text("kith-relay://relay")));
    assert_true(span_equal(p->device_name, span_text("tablet")));
    assert_true(span_equal(p->letterbox, buffer_span(&s.letterbox)));
    assert_true(span_equal(p->key_packages.bytes, s.package_list.bytes));
    assert_true(span_equal(p->certificate, d->certificate));
    struct device_certificate c;
    assert_ok(device_certificate_decode(&c, d->certificate));
    assert_true(c.supervised);
    assert_ok(pairing_finish(s.parent.p));
    assert_int_equal(phase(&s.parent), PHASE_DONE);
    scene_free(&s);
}

static void a_parents_first_device_brings_a_recovery_key(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, ROLE_PARENT);
    run_to_confirmed(&s);
    assert_true(pairing_facts(s.parent.p)->has_recovery);
    scene_free(&s);
    scene_init(&s, ROLE_PARENT); /* and her second one none */
    side_free(&s.parent);
    side_free(&s.device);
    side_init(&s.parent);
    side_init(&s.device);
    s.parent.key = s.family.key;
    sign_keypair(&dice.entropy, &s.device.key, (struct sign_public *)(void *)&s.new_device);
    buffer_wipe(&s.link);
    offer_as(&s, s.family.ana, ROLE_PARENT);
    struct pairing_join_args a = join_args(&s);
    assert_ok(pairing_join(&s.device.p, &a, &s.device.sent));
    run_to_confirmed(&s);
    assert_false(pairing_facts(s.parent.p)->has_recovery);
    scene_free(&s);
}

static void T50_both_sides_go_on_after_a_restart_at_every_step(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, ROLE_CHILD);
    restart(&s.parent);
    restart(&s.device);
    pass(&s.device, &s.parent);
    restart(&s.parent);
    pass(&s.parent, &s.device);
    restart(&s.device);
    open_device(&s);
    restart(&s.device);
    pass(&s.device, &s.parent);
    restart(&s.parent);
    assert_ok(type_code(&s, pairing_facts(s.device.p)->code));
    restart(&s.parent);
    pass(&s.parent, &s.device);
    restart(&s.device);
    make_packages(&s, &s.device.key, pairing_facts(s.device.p)->certificate);
    assert_ok(say_yes(&s));
    restart(&s.device);
    pass(&s.device, &s.parent);
    restart(&s.parent);
    assert_int_equal(phase(&s.parent), PHASE_CONFIRMED);
    assert_true(pairing_facts(s.parent.p)->key_packages.count == 2);
    scene_free(&s);
}

static void the_code_may_be_typed_with_spaces_and_a_slip_is_no_try(void **state)
{
    (void)state;
    struct scene s;
    char spaced[16];
    scene_init(&s, ROLE_CHILD);
    run_to_code(&s);
    const char *c = pairing_facts(s.device.p)->code;
    snprintf(spaced, sizeof(spaced), " %.3s-%s", c, c + 3);
    assert_status(type_code(&s, "12345"), ST_PAIRING_DIGITS);
    assert_status(type_code(&s, "1234567"), ST_PAIRING_DIGITS);
    assert_status(type_code(&s, "12345x"), ST_PAIRING_DIGITS);
    assert_ok(type_code(&s, spaced));
    assert_int_equal(phase(&s.parent), PHASE_ACCEPTED);
    scene_free(&s);
}

static void either_side_can_say_no(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, ROLE_CHILD);
    run_to_accepted(&s);
    buffer_wipe(&s.device.sent);
    assert_ok(pairing_cancel(s.device.p, &s.device.sent));
    pass(&s.device, &s.parent);
    expect_failed(&s.device, ST_PAIRING_CANCELLED);
    expect_failed(&s.parent, ST_PAIRING_CANCELLED);
    scene_free(&s);
}

/* ---- T13: photographing, racing, replaying, standing between ---- */

static void T13_a_wrong_code_voids_the_link(void **state)
{
    (void)state;
    struct scene s;
    char wrong[PAIRING_CODE_DIGITS + 1];
    scene_init(&s, ROLE_CHILD);
    run_to_code(&s);
    memcpy(wrong, pairing_facts(s.device.p)->code, sizeof(wrong));
    wrong[5] = wrong[5] == '9' ? '0' : (char)(wrong[5] + 1);
    assert_ok(type_code(&s, wrong));
    expect_failed(&s.parent, ST_PAIRING_CODE);
    pass(&s.parent, &s.device);
    expect_failed(&s.device, ST_PAIRING_CODE);
    assert_status(type_code(&s, pairing_facts(s.device.p)->code), ST_PAIRING_NONE); /* no second entry */
    scene_free(&s);
}

static void T13_only_the_new_device_can_show_the_code(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, ROLE_CHILD);
    run_to_code(&s);
    assert_int_equal(strlen(pairing_facts(s.device.p)->code), PAIRING_CODE_DIGITS);
    assert_string_equal(pairing_facts(s.parent.p)->code, "");
    restart(&s.parent);
    assert_string_equal(pairing_facts(s.parent.p)->code, "");
    scene_free(&s);
}

static void T13_a_second_request_voids_the_link(void **state)
{
    (void)state;
    static const enum pairing_phase when[] = {PHASE_ANSWERED, PHASE_CODE, PHASE_ACCEPTED};
    for (size_t i = 0; i < 3; i++) {
        struct scene s;
        struct side thief;
        scene_init(&s, ROLE_CHILD);
        side_init(&thief);
        struct pairing_join_args a = join_args(&s); /* from the photograph */
        assert_ok(pairing_join(&thief.p, &a, &thief.sent));
        if (when[i] == PHASE_ANSWERED)
            pass(&s.device, &s.parent);
        else if (when[i] == PHASE_CODE)
            run_to_code(&s);
        else
            run_to_accepted(&s);
        give(&s.parent, buffer_span(&thief.sent));
        expect_failed(&s.parent, ST_LINK_USED);
        pass(&s.parent, &s.device);
        expect_failed(&s.device, ST_LINK_USED);
        side_free(&thief);
        scene_free(&s);
    }
}

static void T13_doubled_messages_change_nothing(void **state)
{
    (void)state;
    struct scene s;
    struct buffer commit, answer, open;
    scene_init(&s, ROLE_CHILD);
    buffer_init(&commit, PAIRING_MESSAGE_MAX);
    buffer_init(&answer, PAIRING_MESSAGE_MAX);
    buffer_init(&open, PAIRING_MESSAGE_MAX);
    assert_ok(buffer_copy(&commit, buffer_span(&s.device.sent)));
    pass(&s.device, &s.parent);
    assert_ok(buffer_copy(&answer, buffer_span(&s.parent.sent)));
    give(&s.parent, buffer_span(&commit));
    assert_int_equal(s.parent.sent.len, 0);
    give(&s.device, buffer_span(&answer));
    give(&s.device, buffer_span(&answer));
    open_device(&s);
    assert_ok(buffer_copy(&open, buffer_span(&s.device.sent)));
    give(&s.parent, buffer_span(&open));
    give(&s.parent, buffer_span(&open));
    assert_int_equal(phase(&s.parent), PHASE_CODE);
    assert_ok(type_code(&s, pairing_facts(s.device.p)->code));
    struct buffer accept = s.parent.sent;
    buffer_init(&s.parent.sent, PAIRING_MESSAGE_MAX);
    give(&s.device, buffer_span(&accept));
    give(&s.device, buffer_span(&accept));
    assert_int_equal(phase(&s.device), PHASE_ACCEPTED);
    buffer_wipe(&accept);
    buffer_wipe(&commit);
    buffer_wipe(&answer);
    buffer_wipe(&open);
    scene_free(&s);
}

/* Somebody with the link stands between and puts in a message of their own making; `s` stands before it. */
static struct span forge(struct buffer *out, const struct pairing_message *m)
{
    struct writer w;
    buffer_init(out, PAIRING_MESSAGE_MAX);
    writer_init(&w, out);
    assert_ok(pairing_message_encode(&w, m));
    return buffer_span(out);
}

/* NOCOMMIT: the attacker, having seen the parent's nonce, opens with a nonce of its choice. */
static void T13_the_opening_must_be_what_was_committed_to(void **state)
{
    (void)state;
    struct scene s;
    struct pairing_message m;
    struct buffer forged;
    scene_init(&s, ROLE_CHILD);
    pass(&s.device, &s.parent);
    pass(&s.parent, &s.device);
    open_device(&s);
    assert_ok(pairing_message_decode(&m, buffer_span(&s.device.sent)));
    struct pairing_message answer;
    assert_ok(pairing_message_decode(&answer, buffer_span(&s.parent.sent)));
    struct pairing_transcript t = {.family = answer.u.answer.family,
                                   .person = answer.u.answer.person,
                                   .role = answer.u.answer.role,
                                   .new_device = s.new_device,
                                   .parent_device = answer.u.answer.device};
    struct buffer payload;
    struct pairing_link link;
    buffer_init(&payload, LINK_PAYLOAD_MAX);
    assert_ok(link_parse(LINK_PAIR, buffer_span(&s.link), &payload));
    assert_ok(pairing_link_decode(&link, buffer_span(&payload)));
    assert_ok(pairing_link_hash(&link, t.link_hash));
    memcpy(t.parent_nonce, answer.u.answer.nonce, sizeof(t.parent_nonce));
    m.u.open.nonce[0] ^= 1;
    memcpy(t.new_nonce, m.u.open.nonce, sizeof(t.new_nonce));
    assert_ok(pairing_open_sign(&m.u.open, &t, &s.device.key)); /* all else about it is good */
    give(&s.parent, forge(&forged, &m));
    expect_failed(&s.parent, ST_PAIRING_COMMITMENT);
    buffer_wipe(&forged);
    buffer_wipe(&payload);
    scene_free(&s);
}

/* The opening's fields are signed by the committed key: a letterbox cannot be swapped on the way. */
static void T13_a_changed_opening_is_refused(void **state)
{
    (void)state;
    struct scene s;
    struct pairing_message m;
    struct buffer forged, other;
    scene_init(&s, ROLE_CHILD);
    pass(&s.device, &s.parent);
    pass(&s.parent, &s.device);
    open_device(&s);
    assert_ok(pairing_message_decode(&m, buffer_span(&s.device.sent)));
    make_letterbox(&other);
    m.u.open.letterbox = buffer_span(&other);
    give(&s.parent, forge(&forged, &m));
    expect_failed(&s.parent, ST_PAIRING_REFUSED);
    buffer_wipe(&forged);
    buffer_wipe(&other);
    scene_free(&s);
}

/* The answer is changed on its way, and the device takes it: it cannot open to the parent any more. */
static void expect_no_opening(void (*change)(struct pairing_answer *a))
{
    struct scene s;
    struct pairing_message m;
    struct buffer forged;
    scene_init(&s, ROLE_CHILD);
    pass(&s.device, &s.parent);
    assert_ok(pairing_message_decode(&m, buffer_span(&s.parent.sent)));
    change(&m.u.answer);
    give(&s.device, forge(&forged, &m));
    assert_int_equal(phase(&s.device), PHASE_OPENING);
    open_device(&s);
    pass(&s.device, &s.parent); /* the opening is signed over another transcript than the parent's */
    expect_failed(&s.parent, ST_PAIRING_REFUSED);
    buffer_wipe(&forged);
    scene_free(&s);
}

static void change_role(struct pairing_answer *a)
{
    a->role = ROLE_PARENT;
}
static void change_person(struct pairing_answer *a)
{
    a->person.b[0] ^= 1;
}
static void change_nonce(struct pairing_answer *a)
{
    a->nonce[0] ^= 1;
}

static void T13_a_changed_role_person_or_nonce_does_not_go_through(void **state)
{
    (void)state;
    expect_no_opening(change_role); /* NOROLE */
    expect_no_opening(change_person);
    expect_no_opening(change_nonce);
}

/* NOROLE, NOLINK: everything that both sides fix is in the code, each field by itself. */
static void T13_the_code_depends_on_every_field_of_the_transcript(void **state)
{
    (void)state;
    struct pairing_transcript t;
    char code[PAIRING_CODE_DIGITS + 1], other[PAIRING_CODE_DIGITS + 1];
    static const size_t offsets[] = {
        offsetof(struct pairing_transcript, link_hash),     offsetof(struct pairing_transcript, family),
        offsetof(struct pairing_transcript, person),        offsetof(struct pairing_transcript, new_device),
        offsetof(struct pairing_transcript, parent_device), offsetof(struct pairing_transcript, new_nonce),
        offsetof(struct pairing_transcript, parent_nonce)};
    random_bytes(&t, sizeof(t));
    t.role = ROLE_CHILD;
    assert_ok(pairing_code(&t, code));
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        struct pairing_transcript u = t;
        ((uint8_t *)&u)[offsets[i]] ^= 1;
        assert_ok(pairing_code(&u, other));
        assert_string_not_equal(code, other);
    }
    t.role = ROLE_PARENT;
    assert_ok(pairing_code(&t, other));
    assert_string_not_equal(code, other);
}

/* Between two links of one family: what was said under one does not count under the other. */
static void T13_messages_of_another_link_are_refused(void **state)
{
    (void)state;
    struct scene s;
    struct side second;
    scene_init(&s, ROLE_CHILD);
    side_init(&second);
    second.key = s.family.key;
    struct side first = s.parent;
    struct buffer first_link = s.link;
    s.parent = second;
    offer_as(&s, s.family.maya, ROLE_CHILD);      /* a second link */
    give(&s.parent, buffer_span(&s.device.sent)); /* the attacker carries it over */
    pass(&s.parent, &s.device);
    open_device(&s);
    pass(&s.device, &s.parent);
    expect_failed(&s.parent, ST_PAIRING_REFUSED); /* NOLINK */
    side_free(&first);
    buffer_wipe(&first_link);
    scene_free(&s);
}

static void accept_message(struct scene *s, struct pairing_message *m, struct buffer *kept)
{
    run_to_code(s);
    assert_ok(type_code(s, pairing_facts(s->device.p)->code));
    buffer_init(kept, PAIRING_MESSAGE_MAX);
    assert_ok(buffer_copy(kept, buffer_span(&s->parent.sent)));
    assert_ok(pairing_message_decode(m, buffer_span(kept)));
}

static void T13_an_accept_that_the_answering_key_did_not_sign_is_refused(void **state)
{
    (void)state;
    struct scene s;
    struct pairing_message m;
    struct buffer forged, kept;
    scene_init(&s, ROLE_CHILD);
    accept_message(&s, &m, &kept);
    m.u.accept.signature.b[0] ^= 1;
    give(&s.device, forge(&forged, &m));
    expect_failed(&s.device, ST_PAIRING_REFUSED);
    buffer_wipe(&forged);
    buffer_wipe(&kept);
    scene_free(&s);
}

/* NOWAIT */
static void T13_the_new_device_says_yes_only_after_the_parents_device_accepted(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, ROLE_CHILD);
    run_to_code(&s);
    assert_status(say_yes(&s), ST_PAIRING_NONE);
    assert_int_equal(s.device.sent.len, 0);
    scene_free(&s);
}

static void T13_a_confirm_before_the_code_voids(void **state)
{
    (void)state;
    struct scene s, done;
    scene_init(&done, ROLE_CHILD);
    run_to_accepted(&done);
    make_packages(&done, &done.device.key, pairing_facts(done.device.p)->certificate);
    assert_ok(say_yes(&done));
    scene_init(&s, ROLE_CHILD);
    run_to_code(&s);
    give(&s.parent, buffer_span(&done.device.sent));
    expect_failed(&s.parent, ST_PAIRING_REFUSED);
    scene_free(&s);
    scene_free(&done);
}

static void T13_key_packages_must_be_the_paired_devices(void **state)
{
    (void)state;
    struct scene s;
    struct pairing_message m;
    struct buffer forged;
    scene_init(&s, ROLE_CHILD);
    run_to_accepted(&s);
    make_packages(&s, &s.device.key, span_text("somebody else")); /* another identity */
    assert_status(say_yes(&s), ST_USAGE);
    s.package_list = (struct wire_list){SPAN_EMPTY, 0}; /* none */
    assert_status(say_yes(&s), ST_USAGE);
    make_packages(&s, &s.device.key, pairing_facts(s.device.p)->certificate);
    assert_ok(say_yes(&s));
    assert_ok(pairing_message_decode(&m, buffer_span(&s.device.sent)));
    struct scene other; /* swapped on the way for others of the same key */
    memset(&other, 0, sizeof(other));
    other.new_device = s.new_device;
    buffer_init(&other.packages, WIRE_LIST_MAX);
    make_packages(&other, &s.device.key, pairing_facts(s.device.p)->certificate);
    m.u.confirm.key_packages = other.package_list;
    give(&s.parent, forge(&forged, &m));
    expect_failed(&s.parent, ST_PAIRING_REFUSED);
    buffer_wipe(&forged);
    buffer_wipe(&other.packages);
    scene_free(&s);
}

static void T13_a_link_ends_after_ten_minutes(void **state)
{
    (void)state;
    struct scene s;
    int64_t late = NOW + PAIRING_LINK_MS;
    scene_init(&s, ROLE_CHILD);
    struct pairing_join_args a = join_args(&s);
    struct pairing *none;
    a.now_ms = late;
    assert_status(pairing_join(&none, &a, &s.device.sent), ST_LINK_EXPIRED);
    a.now_ms = NOW - PAIRING_LINK_MS - 1; /* a clock that is far behind is no way round it */
    assert_status(pairing_join(&none, &a, &s.device.sent), ST_LINK_EXPIRED);
    run_to_code(&s);
    buffer_wipe(&s.parent.sent);
    assert_ok(pairing_tick(s.parent.p, late - 1, &s.parent.sent));
    assert_int_equal(phase(&s.parent), PHASE_CODE);
    assert_ok(pairing_enter_code(s.parent.p, span_text(pairing_facts(s.device.p)->code), late, &s.parent.key,
                                 &s.parent.sent));
    expect_failed(&s.parent, ST_LINK_EXPIRED);
    assert_ok(pairing_tick(s.device.p, late, &s.device.sent));
    expect_failed(&s.device, ST_LINK_EXPIRED);
    scene_free(&s);
}

static void T13_the_end_of_a_pairing_erases_the_links_secret(void **state)
{
    (void)state;
    struct scene s;
    struct buffer record;
    uint8_t secret[SECRET_LEN];
    scene_init(&s, ROLE_CHILD);
    struct buffer payload;
    struct pairing_link link;
    buffer_init(&payload, LINK_PAYLOAD_MAX);
    assert_ok(link_parse(LINK_PAIR, buffer_span(&s.link), &payload));
    assert_ok(pairing_link_decode(&link, buffer_span(&payload)));
    memcpy(secret, link.secret.b, sizeof(secret));
    buffer_wipe(&payload);
    buffer_wipe(&s.parent.sent);
    assert_ok(pairing_cancel(s.parent.p, &s.parent.sent));
    buffer_init(&record, PAIRING_SAVED_MAX);
    assert_ok(pairing_save(s.parent.p, &record));
    bool found = false;
    for (size_t i = 0; i + sizeof(secret) <= record.len; i++)
        found = found || memcmp(record.ptr + i, secret, sizeof(secret)) == 0;
    assert_false(found);
    buffer_wipe(&record);
    scene_free(&s);
}

static void T53_rubbish_ends_a_pairing_and_nothing_else(void **state)
{
    (void)state;
    struct scene s;
    static const uint8_t rubbish[] = {1, 2, 3};
    scene_init(&s, ROLE_CHILD);
    give(&s.parent, SPAN(rubbish));
    expect_failed(&s.parent, ST_PAIRING_REFUSED);
    give(&s.parent, SPAN(rubbish));
    assert_int_equal(s.parent.sent.len, 0); /* over is over */
    scene_free(&s);
}

/* ---- T14 ---- */

static void T14_a_device_in_a_family_refuses_another(void **state)
{
    (void)state;
    struct scene s;
    struct pairing *none;
    scene_init(&s, ROLE_CHILD);
    struct pairing_join_args a = join_args(&s);
    a.in_family = true;
    assert_status(pairing_join(&none, &a, &s.device.sent), ST_COMMAND_IN_FAMILY);
    assert_null(none);
    scene_free(&s);
}

static void T14_a_meeting_link_pairs_nothing(void **state)
{
    (void)state;
    struct scene s;
    struct pairing *none;
    struct buffer payload, meet;
    scene_init(&s, ROLE_CHILD);
    buffer_init(&payload, LINK_PAYLOAD_MAX);
    buffer_init(&meet, LINK_TEXT_MAX);
    assert_ok(link_parse(LINK_PAIR, buffer_span(&s.link), &payload));
    assert_ok(link_print(LINK_MEET, buffer_span(&payload), &meet));
    struct pairing_join_args a = join_args(&s);
    a.link = buffer_span(&meet);
    assert_status(pairing_join(&none, &a, &s.device.sent), ST_LINK_OTHER_KIND);
    memcpy(meet.ptr + 5, "pair", 4); /* the scheme changed by hand */
    a.link = buffer_span(&meet);
    assert_status(pairing_join(&none, &a, &s.device.sent), ST_LINK_DAMAGED);
    buffer_wipe(&payload);
    buffer_wipe(&meet);
    scene_free(&s);
}

/* NOHEAD: who photographed the link answers first, with a family of its own. */
static void T14_the_answers_chain_must_end_in_the_links_head(void **state)
{
    (void)state;
    struct scene s;
    struct family evil;
    struct pairing_message m;
    struct buffer forged;
    scene_init(&s, ROLE_CHILD);
    family_init(&evil);
    pass(&s.device, &s.parent);
    assert_ok(pairing_message_decode(&m, buffer_span(&s.parent.sent)));
    m.u.answer.device = evil.device;
    m.u.answer.authority_chain = evil.chain;
    struct chain_entry first;
    struct span rest = evil.chain.bytes, item;
    assert_true(wire_list_next(&rest, &item));
    assert_ok(chain_entry_decode(&first, item));
    struct entry_hash hash;
    assert_ok(chain_entry_hash(&first, &hash));
    memcpy(m.u.answer.family.b, hash.b, sizeof(hash.b));
    give(&s.device, forge(&forged, &m));
    expect_failed(&s.device, ST_PAIRING_FAMILY);
    buffer_wipe(&forged);
    buffer_wipe(&evil.chain_bytes);
    scene_free(&s);
}

static void T14_the_answering_key_must_be_a_parents_of_that_chain(void **state)
{
    (void)state;
    struct scene s;
    struct pairing_message m;
    struct buffer forged;
    scene_init(&s, ROLE_CHILD);
    pass(&s.device, &s.parent);
    assert_ok(pairing_message_decode(&m, buffer_span(&s.parent.sent)));
    random_bytes(&m.u.answer.device, sizeof(m.u.answer.device)); /* the true chain, the attacker's key */
    give(&s.device, forge(&forged, &m));
    expect_failed(&s.device, ST_PAIRING_FAMILY);
    buffer_wipe(&forged);
    scene_free(&s);
}

static void T14_a_removed_parents_device_cannot_offer(void **state)
{
    (void)state;
    struct scene s;
    struct device_id other;
    scene_init(&s, ROLE_CHILD);
    random_bytes(&other, sizeof(other));
    struct authority_body add = {.kind = AUTHORITY_ADD_DEVICE, .person = s.family.ana, .device = other};
    struct authority_body remove = {
        .kind = AUTHORITY_REMOVE_DEVICE, .person = s.family.ana, .device = s.family.device};
    chain_append(&s.family, &add);
    chain_append(&s.family, &remove);
    struct pairing *none;
    struct pairing_offer_args a = {
        &dice.entropy,  NOW,           span_text("relay"), s.family.chain, s.family.device, span_text("F"),
        span_text("M"), s.family.maya, ROLE_CHILD};
    assert_status(pairing_offer(&none, &a, &s.link), ST_USAGE);
    scene_free(&s);
}

/* ---- the chain entry that was agreed on ---- */

struct roster_args {
    struct person_id person;
    enum person_role role;
    struct device_id device;
    const struct sign_private *key;
    struct device_id author;
};

static void roster_append(struct buffer *bytes, struct wire_list *list, const struct roster_args *a)
{
    struct roster_body body = {.kind = ROSTER_ADD_PERSON,
                               .person = a->person,
                               .role = a->role,
                               .name = span_text("Maya"),
                               .device = a->device,
                               .device_name = span_text("tablet")};
    struct buffer encoded_body, encoded;
    struct writer w;
    buffer_init(&encoded_body, 4096);
    buffer_init(&encoded, WIRE_ENTRY_MAX);
    writer_init(&w, &encoded_body);
    assert_ok(roster_body_encode(&w, &body));
    struct chain_entry e = {.chain = CHAIN_ROSTER,
                            .height = 1 + list->count,
                            .body = buffer_span(&encoded_body),
                            .author = a->author};
    random_bytes(&e.prev, sizeof(e.prev));
    assert_ok(chain_entry_sign(&e, a->key));
    writer_init(&w, &encoded);
    assert_ok(chain_entry_encode(&w, &e));
    assert_ok(wire_list_append(bytes, list, buffer_span(&encoded)));
    buffer_wipe(&encoded_body);
    buffer_wipe(&encoded);
}

static enum status judged(struct scene *s, const struct roster_args *entries, size_t count)
{
    struct buffer bytes;
    struct admission a;
    memset(&a, 0, sizeof(a));
    buffer_init(&bytes, WIRE_LIST_MAX);
    for (size_t i = 0; i < count; i++)
        roster_append(&bytes, &a.roster, &entries[i]);
    a.chain_count = 1;
    a.chains[0].family = pairing_facts(s->device.p)->family;
    a.chains[0].entries = s->family.chain;
    enum status st = pairing_judge(s->device.p, &a);
    buffer_wipe(&bytes);
    return st;
}

static void T13_the_new_device_joins_by_the_agreed_entry_only(void **state)
{
    (void)state;
    struct scene s;
    struct family ben;
    scene_init(&s, ROLE_CHILD);
    family_init(&ben);
    run_to_confirmed(&s);
    struct roster_args good = {s.family.maya, ROLE_CHILD, s.new_device, &s.family.key, s.family.device};
    struct roster_args entry[2] = {good, good};
    assert_ok(judged(&s, entry, 1));
    entry[0].role = ROLE_PARENT;
    assert_status(judged(&s, entry, 1), ST_PAIRING_ENTRY);
    entry[0] = good;
    entry[0].person = s.family.ana;
    assert_status(judged(&s, entry, 1), ST_PAIRING_ENTRY);
    entry[0] = good;
    entry[0].key = &ben.key; /* another parent's device than the one that answered */
    entry[0].author = ben.device;
    assert_status(judged(&s, entry, 1), ST_PAIRING_ENTRY);
    entry[0] = good;
    entry[0].device = ben.device;
    assert_status(judged(&s, entry, 1), ST_PAIRING_ENTRY); /* does not name us */
    entry[0] = good;
    entry[1].person = s.family.ana;
    assert_status(judged(&s, entry, 2), ST_PAIRING_ENTRY); /* names us twice */
    buffer_wipe(&ben.chain_bytes);
    scene_free(&s);
}

static void T13_the_admissions_chain_goes_through_the_links_head(void **state)
{
    (void)state;
    struct scene s;
    struct family evil;
    scene_init(&s, ROLE_CHILD);
    family_init(&evil);
    run_to_confirmed(&s);
    struct roster_args good = {s.family.maya, ROLE_CHILD, s.new_device, &s.family.key, s.family.device};
    struct wire_list mine = s.family.chain;
    s.family.chain = evil.chain;
    assert_status(judged(&s, &good, 1), ST_PAIRING_ENTRY);
    s.family.chain = mine;
    assert_ok(judged(&s, &good, 1));
    /* and never makes a child's device a parent's */
    struct authority_body add = {
        .kind = AUTHORITY_ADD_DEVICE, .person = s.family.maya, .device = s.new_device};
    chain_append(&s.family, &add);
    assert_status(judged(&s, &good, 1), ST_PAIRING_ENTRY);
    buffer_wipe(&evil.chain_bytes);
    scene_free(&s);
}

/* ---- the record ---- */

static void T53_a_damaged_record_is_refused_or_harmless(void **state)
{
    (void)state;
    struct scene s;
    struct buffer record;
    struct pairing *p;
    scene_init(&s, ROLE_CHILD);
    run_to_code(&s);
    buffer_init(&record, PAIRING_SAVED_MAX);
    assert_ok(pairing_save(s.parent.p, &record));
    for (size_t len = 0; len < record.len; len++) {
        assert_status(pairing_load(&p, SPAN_OF(record.ptr, len)), ST_PAIRING_RECORD);
        assert_null(p);
    }
    for (size_t bit = 0; bit < 8 * record.len; bit++) {
        record.ptr[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        enum status st = pairing_load(&p, buffer_span(&record));
        assert_true(st == ST_OK || st == ST_PAIRING_RECORD);
        pairing_free(p);
        record.ptr[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    buffer_wipe(&record);
    scene_free(&s);
}

static void T54_nothing_is_left_on_the_heap(void **state)
{
    (void)state;
    size_t before = mem_live();
    struct scene s;
    scene_init(&s, ROLE_CHILD);
    run_to_confirmed(&s);
    scene_free(&s);
    assert_int_equal(mem_live(), before);
}

int main(void)
{
    if (suite_start() != ST_OK)
        return 1;
    test_entropy_init(&dice, test_seed(63));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_childs_device_and_its_parents_agree_on_everything),
        cmocka_unit_test(a_parents_first_device_brings_a_recovery_key),
        cmocka_unit_test(T50_both_sides_go_on_after_a_restart_at_every_step),
        cmocka_unit_test(the_code_may_be_typed_with_spaces_and_a_slip_is_no_try),
        cmocka_unit_test(either_side_can_say_no),
        cmocka_unit_test(T13_a_wrong_code_voids_the_link),
        cmocka_unit_test(T13_only_the_new_device_can_show_the_code),
        cmocka_unit_test(T13_a_second_request_voids_the_link),
        cmocka_unit_test(T13_doubled_messages_change_nothing),
        cmocka_unit_test(T13_the_opening_must_be_what_was_committed_to),
        cmocka_unit_test(T13_a_changed_opening_is_refused),
        cmocka_unit_test(T13_a_changed_role_person_or_nonce_does_not_go_through),
        cmocka_unit_test(T13_the_code_depends_on_every_field_of_the_transcript),
        cmocka_unit_test(T13_messages_of_another_link_are_refused),
        cmocka_unit_test(T13_an_accept_that_the_answering_key_did_not_sign_is_refused),
        cmocka_unit_test(T13_the_new_device_says_yes_only_after_the_parents_device_accepted),
        cmocka_unit_test(T13_a_confirm_before_the_code_voids),
        cmocka_unit_test(T13_key_packages_must_be_the_paired_devices),
        cmocka_unit_test(T13_a_link_ends_after_ten_minutes),
        cmocka_unit_test(T13_the_end_of_a_pairing_erases_the_links_secret),
        cmocka_unit_test(T53_rubbish_ends_a_pairing_and_nothing_else),
        cmocka_unit_test(T14_a_device_in_a_family_refuses_another),
        cmocka_unit_test(T14_a_meeting_link_pairs_nothing),
        cmocka_unit_test(T14_the_answers_chain_must_end_in_the_links_head),
        cmocka_unit_test(T14_the_answering_key_must_be_a_parents_of_that_chain),
        cmocka_unit_test(T14_a_removed_parents_device_cannot_offer),
        cmocka_unit_test(T13_the_new_device_joins_by_the_agreed_entry_only),
        cmocka_unit_test(T13_the_admissions_chain_goes_through_the_links_head),
        cmocka_unit_test(T53_a_damaged_record_is_refused_or_harmless),
        cmocka_unit_test(T54_nothing_is_left_on_the_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
