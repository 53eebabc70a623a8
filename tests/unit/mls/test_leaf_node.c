/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/leaf_node.h"

#include "tests/support/test.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_structures.h"

static struct buffer encoded;

static struct span encode(const struct leaf_node *n)
{
    struct writer w;
    buffer_wipe(&encoded);
    buffer_init(&encoded, 65536);
    writer_init(&w, &encoded);
    leaf_node_write(&w, n);
    assert_ok(writer_done(&w));
    return buffer_span(&encoded);
}

static int wipe(void **state)
{
    (void)state;
    buffer_wipe(&encoded);
    return 0;
}

static void every_source_decodes_and_encodes(void **state)
{
    (void)state;
    for (enum leaf_source s = LEAF_KEY_PACKAGE; s <= LEAF_COMMIT; s++) {
        struct leaf_node n = test_leaf_node(s), back;
        check_decoder(again_leaf_node, NULL, encode(&n));
        assert_ok(leaf_node_decode(&back, buffer_span(&encoded)));
        assert_span(back.encoded, buffer_span(&encoded));
        assert_int_equal(back.source, s);
        assert_true(codes_have(&back.capabilities.extensions, 0x0a0a)); /* GREASE survives */
    }
}

static void keys_of_other_suites_decode_and_are_not_used(void **state)
{
    (void)state;
    static const uint8_t p521[133] = {4};
    struct leaf_node n = test_leaf_node(LEAF_UPDATE), back;
    n.encryption_key = n.signature_key = SPAN(p521);
    check_round_trip(again_leaf_node, NULL, encode(&n));
    assert_ok(leaf_node_decode(&back, buffer_span(&encoded)));
    assert_status(leaf_node_check_suite(&back), ST_MLS_KEY_LENGTH);
    const struct leaf_place place = {span_text("g"), 0};
    assert_status(leaf_node_verify(&back, &place), ST_MLS_KEY_LENGTH);
}

/* A leaf of its own, signed for leaf 3 of "group". */
static void sign(enum leaf_source source, struct leaf_node *out)
{
    struct sign_private key;
    struct sign_public public_key;
    static const uint8_t seed[32] = {1};
    static const struct leaf_place place = {{(const uint8_t *)"group", 5}, 3};
    sign_keypair_from_seed(seed, &key, &public_key);
    struct leaf_node n = test_leaf_node(source);
    n.signature_key = SPAN_ID(&public_key);
    buffer_wipe(&encoded);
    buffer_init(&encoded, 65536);
    assert_ok(leaf_node_sign(&n, source == LEAF_KEY_PACKAGE ? NULL : &place, &key, &encoded));
    assert_ok(leaf_node_decode(out, buffer_span(&encoded)));
}

static void an_update_is_signed_for_its_place(void **state)
{
    (void)state;
    struct leaf_node n;
    const struct leaf_place right = {span_text("group"), 3}, leaf = {span_text("group"), 4},
                            group = {span_text("groups"), 3};
    for (enum leaf_source s = LEAF_UPDATE; s <= LEAF_COMMIT; s++) {
        sign(s, &n);
        assert_ok(leaf_node_verify(&n, &right));
        assert_status(leaf_node_verify(&n, &leaf), ST_MLS_LEAF_SIGNATURE);
        assert_status(leaf_node_verify(&n, &group), ST_MLS_LEAF_SIGNATURE);
        assert_status(leaf_node_verify(&n, NULL), ST_USAGE);
    }
    sign(LEAF_KEY_PACKAGE, &n);
    assert_ok(leaf_node_verify(&n, NULL));
    assert_ok(leaf_node_verify(&n, &leaf)); /* not for any */
}

static enum status verify_again(void *ctx, struct span in, struct buffer *again)
{
    struct leaf_node n;
    enum status s = leaf_node_decode(&n, in);
    (void)ctx;
    (void)again;
    return s == ST_OK ? leaf_node_verify(&n, &(struct leaf_place){span_text("group"), 3}) : s;
}

static void every_flip_of_a_signed_leaf_is_refused(void **state)
{
    (void)state;
    struct leaf_node n;
    sign(LEAF_COMMIT, &n);
    check_flips_refused(verify_again, NULL, buffer_span(&encoded));
}

static const uint8_t version_10[] = {0, 1}, suite_3[] = {0, 3}, basic[] = {0, 1}, kith[] = {0xf4, 0xb1},
                     other[] = {0x55, 0x55};

static struct leaf_node capable(void)
{
    struct leaf_node n = test_leaf_node(LEAF_UPDATE);
    n.extensions.list = SPAN_EMPTY;
    n.capabilities =
        (struct capabilities){{SPAN(version_10)}, {SPAN(suite_3)}, {SPAN(kith)}, {SPAN_EMPTY}, {SPAN(basic)}};
    return n;
}

static void a_leaf_lists_what_it_uses(void **state)
{
    (void)state;
    struct leaf_node n = capable();
    assert_ok(leaf_node_check(&n, NULL));
    n.extensions.list = test_hex("5555 00");
    assert_status(leaf_node_check(&n, NULL), ST_MLS_CAPABILITIES);
    n.extensions.list = test_hex("f4b1 00 0001 00"); /* the RFC's own need not be listed */
    assert_ok(leaf_node_check(&n, NULL));
    n.capabilities.versions.list = SPAN(other);
    assert_status(leaf_node_check(&n, NULL), ST_MLS_CAPABILITIES);
    n = capable();
    n.capabilities.cipher_suites.list = SPAN(other);
    assert_status(leaf_node_check(&n, NULL), ST_MLS_CAPABILITIES);
    n = capable();
    n.capabilities.credentials.list = SPAN(other);
    assert_status(leaf_node_check(&n, NULL), ST_MLS_CAPABILITIES);
}

static void a_group_may_require_capabilities(void **state)
{
    (void)state;
    const struct leaf_node n = capable();
    const struct {
        const char *extensions; /* of the group */
        enum status want;
    } table[] = {
        {"f4b1 00", ST_OK},
        {"5555 00", ST_MLS_CAPABILITIES},
        {"0003 05 02f4b1 00 00", ST_OK},
        {"0003 05 025555 00 00", ST_MLS_CAPABILITIES},
        {"0003 05 00 020001 00", ST_OK},
        {"0003 05 00 025555 00", ST_MLS_CAPABILITIES},
        {"0003 05 00 00 020001", ST_OK},
        {"0003 05 00 00 020002", ST_MLS_CAPABILITIES},
        {"0003 02 00 00", ST_WIRE_SHORT},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const struct extensions group = {test_hex(table[i].extensions)};
        assert_status(leaf_node_check(&n, &group), table[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_source_decodes_and_encodes, NULL, wipe),
        cmocka_unit_test_setup_teardown(keys_of_other_suites_decode_and_are_not_used, NULL, wipe),
        cmocka_unit_test_setup_teardown(an_update_is_signed_for_its_place, NULL, wipe),
        cmocka_unit_test_setup_teardown(every_flip_of_a_signed_leaf_is_refused, NULL, wipe),
        cmocka_unit_test_setup_teardown(a_leaf_lists_what_it_uses, NULL, wipe),
        cmocka_unit_test_setup_teardown(a_group_may_require_capabilities, NULL, wipe),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
