/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/chain_entry.h"
#include "tests/support/test.h"
#include "tests/support/test_samples.h"

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    sample_check_decoder("chain_entry");
    sample_check_decoder("chain_proposal");
    sample_check_decoder("authority_body");
    sample_check_decoder("roster_body");
}

static void a_flipped_bit_breaks_the_signature(void **state)
{
    (void)state;
    sample_check_signed("chain_entry");
}

static void the_hash_leaves_the_author_signature_out(void **state)
{
    (void)state;
    struct buffer b;
    struct chain_entry e;
    struct entry_hash one, two;
    buffer_init(&b, 4096);
    sample_encode("chain_entry", &b);
    assert_ok(chain_entry_decode(&e, buffer_span(&b)));
    assert_ok(chain_entry_hash(&e, &one));
    e.signature.b[0] ^= 1;
    assert_ok(chain_entry_hash(&e, &two));
    assert_true(ID_EQUAL(&one, &two));
    e.cosigners[0].signature.b[0] ^= 1;
    assert_ok(chain_entry_hash(&e, &two));
    assert_false(ID_EQUAL(&one, &two));
    buffer_wipe(&b);
}

static void a_device_cannot_cosign_twice(void **state)
{
    (void)state;
    struct buffer b;
    struct writer w;
    struct chain_entry e = {.chain = CHAIN_AUTHORITY, .proposed = true, .cosigner_count = 2};
    e.cosigners[0].device = e.cosigners[1].device = sample_key(1).device;
    buffer_init(&b, 4096);
    writer_init(&w, &b);
    assert_ok(chain_entry_encode(&w, &e));
    assert_status(chain_entry_decode(&e, buffer_span(&b)), ST_WIRE_VALUE);
    buffer_wipe(&b);
}

static void a_proposal_for_one_family_or_chain_is_none_for_another(void **state)
{
    (void)state;
    struct sample_key ana = sample_key(1);
    struct chain_proposal p = {.chain = CHAIN_AUTHORITY, .body = span_text("x")};
    struct signature s;
    assert_ok(chain_proposal_sign(&p, &ana.key, &s));
    assert_ok(chain_proposal_verify(&p, &ana.device, &s));
    p.family.b[0] = 1;
    assert_status(chain_proposal_verify(&p, &ana.device, &s), ST_CRYPTO_SIGNATURE);
    p.family.b[0] = 0;
    p.chain = CHAIN_ROSTER;
    assert_status(chain_proposal_verify(&p, &ana.device, &s), ST_CRYPTO_SIGNATURE);
}

static void changes_of_later_versions_are_refused_by_name(void **state)
{
    (void)state;
    uint8_t bytes[64] = {WIRE_VERSION};
    struct authority_body a;
    struct roster_body r;
    for (uint8_t kind = AUTHORITY_LATER_FIRST; kind <= AUTHORITY_LATER_LAST; kind++) {
        bytes[1] = kind;
        assert_status(authority_body_decode(&a, SPAN(bytes)), ST_CHAIN_LATER);
    }
    bytes[1] = AUTHORITY_KINDS;
    assert_status(authority_body_decode(&a, SPAN(bytes)), ST_WIRE_ENUM);
    for (uint8_t kind = ROSTER_LATER_FIRST; kind <= ROSTER_LATER_LAST; kind++) {
        bytes[1] = kind;
        assert_status(roster_body_decode(&r, SPAN(bytes)), ST_CHAIN_LATER);
    }
    bytes[1] = 0;
    assert_status(roster_body_decode(&r, SPAN(bytes)), ST_WIRE_ENUM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(a_flipped_bit_breaks_the_signature),
        cmocka_unit_test(the_hash_leaves_the_author_signature_out),
        cmocka_unit_test(a_device_cannot_cosign_twice),
        cmocka_unit_test(a_proposal_for_one_family_or_chain_is_none_for_another),
        cmocka_unit_test(changes_of_later_versions_are_refused_by_name),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
