/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/key_package.h"

#include <string.h>

#include "protocol/mls/limits.h"
#include "tests/support/test.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_member.h"
#include "tests/support/test_structures.h"

static struct test_member m;

static int setup(void **state)
{
    (void)state;
    test_member_init(&m, "alice");
    test_member_package(&m);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_member_free(&m);
    return 0;
}

static struct span package(void)
{
    return SPAN_OF(m.package.ptr + 4, m.package.len - 4); /* behind the MLSMessage's header */
}

static void decodes_and_encodes(void **state)
{
    (void)state;
    struct key_package p = test_key_package();
    struct buffer b;
    struct writer w;
    buffer_init(&b, 65536);
    writer_init(&w, &b);
    key_package_write(&w, &p);
    assert_ok(writer_done(&w));
    check_decoder(again_key_package, NULL, buffer_span(&b));
    buffer_wipe(&b);
}

static enum status verify_again(void *ctx, struct span in, struct buffer *again)
{
    struct key_package p;
    enum status s = key_package_decode(&p, in);
    (void)ctx;
    (void)again;
    return s == ST_OK ? key_package_verify(&p) : s;
}

static void every_flip_of_a_signed_package_is_refused(void **state)
{
    (void)state;
    assert_ok(verify_again(NULL, package(), NULL));
    check_flips_refused(verify_again, NULL, package());
}

/* A package that is signed as it should be but for one thing. */
static enum status verify_changed(void (*change)(struct key_package *p))
{
    struct key_package p;
    struct buffer leaf, whole;
    buffer_init(&leaf, 65536);
    buffer_init(&whole, 65536);
    assert_ok(key_package_decode(&p, package()));
    change(&p);
    if (p.leaf.source == LEAF_KEY_PACKAGE) {
        assert_ok(leaf_node_sign(&p.leaf, NULL, &m.key, &leaf));
        assert_ok(leaf_node_decode(&p.leaf, buffer_span(&leaf)));
    }
    assert_ok(key_package_sign(&p, &m.key, &whole));
    enum status s = verify_again(NULL, buffer_span(&whole), NULL);
    buffer_wipe(&leaf);
    buffer_wipe(&whole);
    return s;
}

static void nothing(struct key_package *p)
{
    (void)p;
}
static void other_suite(struct key_package *p)
{
    p->cipher_suite = 1;
}
static void other_version(struct key_package *p)
{
    p->version = 2;
}
static void same_key(struct key_package *p)
{
    p->init_key = p->leaf.encryption_key;
}
static void short_key(struct key_package *p)
{
    p->init_key.len--;
}
static void update_leaf(struct key_package *p)
{
    p->leaf.source = LEAF_UPDATE;
}

static void each_rule_has_its_refusal(void **state)
{
    (void)state;
    assert_ok(verify_changed(nothing));
    assert_status(verify_changed(other_suite), ST_MLS_SUITE);
    assert_status(verify_changed(other_version), ST_MLS_SUITE);
    assert_status(verify_changed(same_key), ST_MLS_KEY_PACKAGE);
    assert_status(verify_changed(short_key), ST_MLS_KEY_LENGTH);
    assert_status(verify_changed(update_leaf), ST_MLS_LEAF_SOURCE);
}

static void lifetimes_are_inclusive_seconds(void **state)
{
    (void)state;
    struct key_package p = test_key_package(); /* 1000 to 2000 */
    assert_ok(key_package_check_lifetime(&p, 1000000));
    assert_ok(key_package_check_lifetime(&p, 2000999));
    assert_status(key_package_check_lifetime(&p, 999999), ST_MLS_LIFETIME);
    assert_status(key_package_check_lifetime(&p, 2001000), ST_MLS_LIFETIME);
    assert_status(key_package_check_lifetime(&p, -1), ST_MLS_LIFETIME);
}

static void reading_one_gives_ref_identity_and_key(void **state)
{
    (void)state;
    uint8_t ref[32];
    struct span identity;
    struct sign_public key;
    assert_ok(mls_key_package_read(buffer_span(&m.package), ref, &identity, &key));
    assert_memory_equal(ref, m.ref, 32);
    assert_span(identity, span_text("alice"));
    assert_memory_equal(key.b, m.public_key.b, 32);
    m.package.ptr[m.package.len - 1] ^= 1;
    assert_status(mls_key_package_read(buffer_span(&m.package), ref, &identity, &key), ST_MLS_KEY_PACKAGE);
    assert_int_equal(identity.len, 0);
    m.package.ptr[m.package.len - 1] ^= 1;
}

static void a_last_resort_says_so(void **state)
{
    (void)state;
    const struct mls_key_package_args a = {
        .self = test_member_self(&m), .not_after_ms = INT64_MAX, .last_resort = true};
    struct key_package p;
    struct span data;
    assert_ok(mls_key_package_new(&a, &m.entropy.entropy, m.ref, &m.package, &m.record));
    assert_ok(key_package_decode(&p, package()));
    assert_ok(key_package_verify(&p));
    assert_true(extensions_find(&p.extensions, 0x000a, &data));
    assert_true(leaf_node_supports_extension(&p.leaf, 0x000a));
}

static void import_wants_the_fitting_keys(void **state)
{
    (void)state;
    struct dh_private keys[2];
    struct buffer record;
    buffer_init(&record, 65536);
    memcpy(keys, m.record.ptr + 1, sizeof(keys));
    assert_ok(mls_key_package_import(buffer_span(&m.package), &keys[0], &keys[1], &record));
    assert_span(buffer_span(&record), buffer_span(&m.record));
    assert_status(mls_key_package_import(buffer_span(&m.package), &keys[1], &keys[0], &record),
                  ST_MLS_KEY_MISMATCH);
    buffer_wipe(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(decodes_and_encodes, setup, teardown),
        cmocka_unit_test_setup_teardown(every_flip_of_a_signed_package_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(each_rule_has_its_refusal, setup, teardown),
        cmocka_unit_test_setup_teardown(lifetimes_are_inclusive_seconds, setup, teardown),
        cmocka_unit_test_setup_teardown(reading_one_gives_ref_identity_and_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_last_resort_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(import_wants_the_fitting_keys, setup, teardown),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
