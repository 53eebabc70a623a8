/* SPDX-License-Identifier: Apache-2.0 */
/* Two sides of a pairing on a stage, for test_pairing.c and test_pairing_attacks.c. */
#ifndef KITH_TESTS_UNIT_DEVICE_PAIRING_SCENE_H
#define KITH_TESTS_UNIT_DEVICE_PAIRING_SCENE_H

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

static inline void random_bytes(void *out, size_t len)
{
    entropy_fill(&dice.entropy, out, len);
}

static inline void chain_append(struct family *f, const struct authority_body *body)
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

static inline void family_init(struct family *f)
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

static inline void side_init(struct side *s)
{
    memset(s, 0, sizeof(*s));
    buffer_init(&s->sent, PAIRING_MESSAGE_MAX);
}

static inline void side_free(struct side *s)
{
    pairing_free(s->p);
    buffer_wipe(&s->sent);
}

static inline void make_letterbox(struct buffer *out)
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

static inline void offer_as(struct scene *s, struct person_id person, enum person_role role)
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

static inline struct pairing_join_args join_args(struct scene *s)
{
    return (struct pairing_join_args){&dice.entropy,       NOW,  buffer_span(&s->link), s->new_device,
                                      span_text("tablet"), false};
}

static inline void scene_init(struct scene *s, enum person_role role)
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

static inline void scene_free(struct scene *s)
{
    side_free(&s->parent);
    side_free(&s->device);
    buffer_wipe(&s->family.chain_bytes);
    buffer_wipe(&s->link);
    buffer_wipe(&s->letterbox);
    buffer_wipe(&s->packages);
}

static inline enum pairing_phase phase(const struct side *s)
{
    return pairing_facts(s->p)->phase;
}

static inline void expect_failed(const struct side *s, enum status why)
{
    assert_int_equal(phase(s), PHASE_FAILED);
    assert_status(pairing_facts(s->p)->failed, why);
}

static inline void give(struct side *to, struct span message)
{
    struct buffer copy;
    buffer_init(&copy, PAIRING_MESSAGE_MAX);
    assert_ok(buffer_append(&copy, message)); /* it may be what `to` sent itself */
    buffer_wipe(&to->sent);
    assert_ok(pairing_receive(to->p, buffer_span(&copy), NOW, &to->key, &to->sent));
    buffer_wipe(&copy);
}

static inline void pass(const struct side *from, struct side *to)
{
    assert_true(from->sent.len > 0);
    give(to, buffer_span(&from->sent));
}

static inline void key_package(struct buffer *out, const struct sign_private *key,
                               const struct device_id *device, struct span identity)
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

static inline void make_packages(struct scene *s, const struct sign_private *key, struct span identity)
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

static inline void open_device(struct scene *s)
{
    struct sign_public recovery;
    random_bytes(&recovery, sizeof(recovery));
    buffer_wipe(&s->device.sent);
    bool wants = pairing_facts(s->device.p)->wants_recovery;
    assert_ok(pairing_open_with(s->device.p, buffer_span(&s->letterbox), wants ? &recovery : NULL,
                                &s->device.key, &s->device.sent));
}

/* commit, answer, open: both sides stand at the code. */
static inline void run_to_code(struct scene *s)
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

static inline enum status type_code(struct scene *s, const char *code)
{
    buffer_wipe(&s->parent.sent);
    return pairing_enter_code(s->parent.p, span_text(code), NOW, &s->parent.key, &s->parent.sent);
}

static inline void run_to_accepted(struct scene *s)
{
    run_to_code(s);
    assert_ok(type_code(s, pairing_facts(s->device.p)->code));
    assert_int_equal(phase(&s->parent), PHASE_ACCEPTED);
    pass(&s->parent, &s->device);
    assert_int_equal(phase(&s->device), PHASE_ACCEPTED);
}

static inline enum status say_yes(struct scene *s)
{
    buffer_wipe(&s->device.sent);
    return pairing_confirm(s->device.p, &s->package_list, NOW, &s->device.key, &s->device.sent);
}

static inline void run_to_confirmed(struct scene *s)
{
    run_to_accepted(s);
    make_packages(s, &s->device.key, pairing_facts(s->device.p)->certificate);
    assert_ok(say_yes(s));
    pass(&s->device, &s->parent);
    assert_int_equal(phase(&s->parent), PHASE_CONFIRMED);
    assert_int_equal(phase(&s->device), PHASE_CONFIRMED);
}

static inline void restart(struct side *s)
{
    struct buffer record;
    buffer_init(&record, PAIRING_SAVED_MAX);
    assert_ok(pairing_save(s->p, &record));
    pairing_free(s->p);
    assert_ok(pairing_load(&s->p, buffer_span(&record)));
    buffer_wipe(&record);
}

/* Somebody with the link stands between and puts in a message of their own making; `s` stands before it. */
static inline struct span forge(struct buffer *out, const struct pairing_message *m)
{
    struct writer w;
    buffer_init(out, PAIRING_MESSAGE_MAX);
    writer_init(&w, out);
    assert_ok(pairing_message_encode(&w, m));
    return buffer_span(out);
}

#endif
