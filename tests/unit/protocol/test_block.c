/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/block.h"

#include <string.h>

#include "protocol/ids.h"
#include "tests/support/test.h"
#include "tests/support/test_decoder.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_hex.h"

static const struct secret key = {{1, 2, 3}};

static struct block_record whole(struct span message)
{
    return (struct block_record){.kind = BLOCK_WHOLE, .bytes = message};
}

static void seal(const struct block_builder *b, uint64_t seed, uint8_t out[static BLOCK_LEN])
{
    struct test_entropy e;
    test_entropy_init(&e, seed);
    assert_ok(block_seal(b, &key, &e.entropy, out));
}

/* Seals a payload that no builder would make. */
static void seal_raw(const uint8_t payload[static BLOCK_PAYLOAD_LEN], uint8_t out[static BLOCK_LEN])
{
    struct block_builder b;
    memcpy(b.payload, payload, BLOCK_PAYLOAD_LEN);
    seal(&b, 1, out);
}

static void T02_a_block_has_one_size_whatever_it_holds(void **state)
{
    (void)state;
    static uint8_t message[BLOCK_WHOLE_MAX], block[BLOCK_LEN + 1];
    static const size_t lens[] = {1, 62, 63, 64, 65, 1000, BLOCK_WHOLE_MAX};
    static struct block_builder b;
    static struct block_payload p;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        block_builder_init(&b);
        memset(message, (int)i, sizeof(message));
        struct block_record in = whole(SPAN_OF(message, lens[i])), out;
        assert_ok(block_builder_add(&b, &in));
        block[BLOCK_LEN] = 0xa5;
        seal(&b, i, block);
        assert_int_equal(block[BLOCK_LEN], 0xa5);
        assert_ok(block_open(&p, &key, SPAN_OF(block, BLOCK_LEN)));
        assert_true(block_payload_next(&p, &out));
        assert_int_equal(out.kind, BLOCK_WHOLE);
        assert_span(out.bytes, in.bytes);
        assert_false(block_payload_next(&p, &out));
        assert_false(block_payload_next(&p, &out));
    }
    assert_int_equal(BLOCK_LEN, 16384);
}

/* Byte statistics: chi-squared over 256 values, 255 degrees of freedom; 400 is passed once in 10^8 runs. */
static void T02_blocks_of_any_content_look_like_chance(void **state)
{
    (void)state;
    static uint8_t block[BLOCK_LEN], message[8000];
    static struct block_builder b;
    for (unsigned kind = 0; kind < 3; kind++) {
        size_t counts[256] = {0};
        for (unsigned n = 0; n < 16; n++) {
            block_builder_init(&b);
            memset(message, kind == 1 ? 'a' : 0, sizeof(message));
            struct block_record r = whole(SPAN_OF(message, kind == 2 ? 10 : sizeof(message)));
            assert_ok(block_builder_add(&b, &r));
            seal(&b, 100 * kind + n, block);
            for (size_t i = 0; i < BLOCK_LEN; i++) {
                counts[block[i]]++;
            }
        }
        double expected = 16.0 * BLOCK_LEN / 256, chi = 0;
        for (size_t i = 0; i < 256; i++) {
            double d = (double)counts[i] - expected;
            chi += d * d / expected;
        }
        assert_true(chi < 400.0 && chi > 150.0);
    }
}

static void T02_one_payload_sealed_twice_shares_nothing(void **state)
{
    (void)state;
    static struct block_builder b;
    static uint8_t one[BLOCK_LEN], two[BLOCK_LEN];
    struct test_entropy e;
    test_entropy_init(&e, 7);
    block_builder_init(&b);
    assert_ok(block_seal(&b, &key, &e.entropy, one));
    assert_ok(block_seal(&b, &key, &e.entropy, two));
    assert_memory_not_equal(one, two, XAEAD_NONCE_LEN);
    assert_memory_not_equal(one + XAEAD_NONCE_LEN, two + XAEAD_NONCE_LEN, 64);
}

static void records_come_out_in_order_until_the_block_is_full(void **state)
{
    (void)state;
    static struct block_builder b;
    static struct block_payload p;
    static uint8_t block[BLOCK_LEN], filler[BLOCK_WHOLE_MAX];
    struct message_id id = {{9}};
    block_builder_init(&b);
    assert_true(block_builder_empty(&b));
    assert_int_equal(block_builder_room(&b), BLOCK_WHOLE_MAX);
    struct block_record hello = whole(span_text("hello")), got;
    struct block_record piece = {BLOCK_FRAGMENT, span_text("part"), id, 3, 9};
    assert_ok(block_builder_add(&b, &hello));
    assert_ok(block_builder_add(&b, &piece));
    struct block_record rest = whole(SPAN_OF(filler, block_builder_room(&b) + 1));
    size_t used = b.used;
    assert_status(block_builder_add(&b, &rest), ST_BLOCK_FULL);
    assert_int_equal(b.used, used);
    rest.bytes.len--;
    assert_ok(block_builder_add(&b, &rest));
    assert_int_equal(block_builder_room(&b), 0);
    assert_status(block_builder_add(&b, &hello), ST_BLOCK_FULL);
    seal(&b, 3, block);
    assert_ok(block_open(&p, &key, SPAN(block)));
    assert_true(block_payload_next(&p, &got));
    assert_span(got.bytes, hello.bytes);
    assert_true(block_payload_next(&p, &got));
    assert_int_equal(got.kind, BLOCK_FRAGMENT);
    assert_true(ID_EQUAL(&got.message, &id));
    assert_int_equal(got.index, 3);
    assert_int_equal(got.count, 9);
    assert_span(got.bytes, piece.bytes);
    assert_true(block_payload_next(&p, &got));
    assert_span(got.bytes, rest.bytes);
    assert_false(block_payload_next(&p, &got));
}

static void room_is_exact_at_every_fill(void **state)
{
    (void)state;
    static struct block_builder b, copy;
    static uint8_t filler[BLOCK_WHOLE_MAX];
    for (size_t left = 0; left < 80; left++) {
        block_builder_init(&b);
        b.used = BLOCK_PAYLOAD_LEN - left;
        size_t room = block_builder_room(&b);
        copy = b;
        struct block_record r = whole(SPAN_OF(filler, room));
        assert_status(block_builder_add(&copy, &r), room == 0 ? ST_USAGE : ST_OK);
        copy = b;
        r.bytes.len = room + 1;
        assert_status(block_builder_add(&copy, &r), ST_BLOCK_FULL);
    }
}

static void illegal_records_are_not_written(void **state)
{
    (void)state;
    static struct block_builder b;
    block_builder_init(&b);
    const struct block_record bad[] = {
        whole(SPAN_EMPTY),
        {BLOCK_FRAGMENT, span_text("x"), {{0}}, 0, 1},
        {BLOCK_FRAGMENT, span_text("x"), {{0}}, 2, 2},
        {BLOCK_FRAGMENT, span_text("x"), {{0}}, 0, BLOCK_FRAGMENTS_MAX + 1},
        {BLOCK_FRAGMENT, SPAN_EMPTY, {{0}}, 0, 2},
        {(enum block_record_kind)3, span_text("x"), {{0}}, 0, 2},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_status(block_builder_add(&b, &bad[i]), ST_USAGE);
    }
    assert_true(block_builder_empty(&b));
}

static void T04_a_changed_block_does_not_open(void **state)
{
    (void)state;
    static struct block_builder b;
    static struct block_payload p;
    static uint8_t block[BLOCK_LEN];
    block_builder_init(&b);
    seal(&b, 5, block);
    for (size_t i = 0; i < BLOCK_LEN; i += i < 64 || i > BLOCK_LEN - 64 ? 1 : 97) {
        block[i] ^= 0x10;
        assert_status(block_open(&p, &key, SPAN(block)), ST_CRYPTO_OPEN);
        assert_int_equal(p.b[0], 0);
        block[i] ^= 0x10;
    }
    struct secret other = {{1, 2, 4}};
    assert_status(block_open(&p, &other, SPAN(block)), ST_CRYPTO_OPEN);
    assert_status(block_open(&p, &key, SPAN_OF(block, BLOCK_LEN - 1)), ST_WIRE_SHORT);
    assert_status(block_open(&p, &key, SPAN_EMPTY), ST_WIRE_SHORT);
    assert_ok(block_open(&p, &key, SPAN(block)));
}

static void T02_padding_that_is_not_zero_is_refused(void **state)
{
    (void)state;
    static uint8_t payload[BLOCK_PAYLOAD_LEN], block[BLOCK_LEN];
    static struct block_payload p;
    static const size_t places[] = {2, 3, 100, BLOCK_PAYLOAD_LEN - 1};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        memset(payload, 0, sizeof(payload));
        payload[0] = BLOCK_VERSION;
        payload[places[i]] = 1;
        seal_raw(payload, block);
        assert_status(block_open(&p, &key, SPAN(block)), ST_BLOCK_PADDING);
    }
}

static void payloads_that_break_a_rule_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *start;
        enum status want;
    } cases[] = {
        {"00", ST_WIRE_VERSION},
        {"02 01 01 aa", ST_WIRE_VERSION},
        {"01 03 01 aa", ST_WIRE_ENUM},
        {"01 01 00", ST_WIRE_VALUE},
        {"01 01 40 05 0102030405", ST_WIRE_LENGTH},
        {"01 01 80 00 40 00", ST_WIRE_LIMIT},
        {"01 01 7f d5", ST_WIRE_LIMIT},
        {"01 02 00112233445566778899aabbccddeeff 0000 0001 01 aa", ST_WIRE_VALUE},
        {"01 02 00112233445566778899aabbccddeeff 0002 0002 01 aa", ST_WIRE_VALUE},
        {"01 02 00112233445566778899aabbccddeeff 0000 0041 01 aa", ST_WIRE_VALUE},
        {"01 02 00112233445566778899aabbccddeeff 0000 0002 00", ST_WIRE_VALUE},
        {"01 01 01 aa 01 01 bb", ST_OK},
    };
    static uint8_t payload[BLOCK_PAYLOAD_LEN], block[BLOCK_LEN];
    static struct block_payload p;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span start = test_hex(cases[i].start);
        memset(payload, 0, sizeof(payload));
        memcpy(payload, start.ptr, start.len);
        seal_raw(payload, block);
        assert_status(block_open(&p, &key, SPAN(block)), cases[i].want);
    }
    test_hex_free();
}

/* Records that end with the payload's last byte, or claim to end after it. */
static void a_record_may_end_with_the_block_but_not_after_it(void **state)
{
    (void)state;
    static uint8_t payload[BLOCK_PAYLOAD_LEN], block[BLOCK_LEN];
    static struct block_payload p;
    struct block_record r;
    memset(payload, 0x41, sizeof(payload));
    payload[0] = BLOCK_VERSION;
    payload[1] = BLOCK_WHOLE;
    payload[2] = (uint8_t)(0x40 | BLOCK_WHOLE_MAX >> 8);
    payload[3] = (uint8_t)(BLOCK_WHOLE_MAX & 0xff);
    seal_raw(payload, block);
    assert_ok(block_open(&p, &key, SPAN(block)));
    assert_true(block_payload_next(&p, &r));
    assert_int_equal(r.bytes.len, BLOCK_WHOLE_MAX);
    memmove(payload + 4, payload + 1, 3); /* a record of 1 byte first, then the long one */
    payload[2] = 1;
    seal_raw(payload, block);
    assert_status(block_open(&p, &key, SPAN(block)), ST_WIRE_SHORT);
}

static void a_message_is_cut_into_as_few_records_as_it_needs(void **state)
{
    (void)state;
    static uint8_t message[BLOCK_MESSAGE_MAX + 1];
    struct message_id id = {{4}};
    struct block_record r;
    assert_int_equal(block_pieces(0), 0);
    assert_int_equal(block_pieces(1), 1);
    assert_int_equal(block_pieces(BLOCK_WHOLE_MAX), 1);
    assert_int_equal(block_pieces(BLOCK_WHOLE_MAX + 1), 2);
    assert_int_equal(block_pieces(2 * BLOCK_PIECE_MAX), 2);
    assert_int_equal(block_pieces(2 * BLOCK_PIECE_MAX + 1), 3);
    assert_int_equal(block_pieces(BLOCK_MESSAGE_MAX), BLOCK_FRAGMENTS_MAX);
    assert_int_equal(block_pieces(BLOCK_MESSAGE_MAX + 1), 0);
    assert_status(block_piece(SPAN(message), &id, 0, &r), ST_USAGE);
    assert_ok(block_piece(SPAN_OF(message, 5), &id, 0, &r));
    assert_int_equal(r.kind, BLOCK_WHOLE);
    assert_status(block_piece(SPAN_OF(message, 5), &id, 1, &r), ST_USAGE);
    size_t total = 0;
    for (size_t i = 0; i < 3; i++) {
        static struct block_builder b;
        block_builder_init(&b);
        assert_ok(block_piece(SPAN_OF(message, 40000), &id, i, &r));
        assert_int_equal(r.kind, BLOCK_FRAGMENT);
        assert_int_equal(r.count, 3);
        assert_ptr_equal(r.bytes.ptr, message + total);
        total += r.bytes.len;
        assert_ok(block_builder_add(&b, &r));
    }
    assert_int_equal(total, 40000);
}

int main(void)
{
    assert_ok(suite_start());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T02_a_block_has_one_size_whatever_it_holds),
        cmocka_unit_test(T02_blocks_of_any_content_look_like_chance),
        cmocka_unit_test(T02_one_payload_sealed_twice_shares_nothing),
        cmocka_unit_test(records_come_out_in_order_until_the_block_is_full),
        cmocka_unit_test(room_is_exact_at_every_fill),
        cmocka_unit_test(illegal_records_are_not_written),
        cmocka_unit_test(T04_a_changed_block_does_not_open),
        cmocka_unit_test(T02_padding_that_is_not_zero_is_refused),
        cmocka_unit_test(payloads_that_break_a_rule_are_refused_by_name),
        cmocka_unit_test(a_record_may_end_with_the_block_but_not_after_it),
        cmocka_unit_test(a_message_is_cut_into_as_few_records_as_it_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
