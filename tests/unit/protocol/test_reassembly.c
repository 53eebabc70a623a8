/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/reassembly.h"

#include <string.h>

#include "protocol/mem.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_hex.h"

static uint8_t message[BLOCK_MESSAGE_MAX];

static int setup(void **state)
{
    for (size_t i = 0; i < sizeof(message); i++) {
        message[i] = (uint8_t)(i * 31 + i / 251);
    }
    struct reassembly *r;
    assert_ok(reassembly_new(&r));
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    reassembly_free(*state);
    assert_int_equal(mem_live(), 0);
    return 0;
}

static struct message_id id_of(uint8_t n)
{
    return (struct message_id){{n}};
}

/* Adds piece `index` of a message of `len` bytes; true when the whole came out, which is checked. */
static bool add(struct reassembly *r, uint8_t id, size_t len, size_t index, uint64_t seq)
{
    struct block_record piece;
    struct message_id message_id = id_of(id);
    struct buffer out;
    bool complete;
    buffer_init(&out, BLOCK_MESSAGE_MAX);
    assert_ok(block_piece(SPAN_OF(message, len), &message_id, index, &piece));
    assert_ok(reassembly_add(r, &piece, seq, &out, &complete));
    if (complete) {
        assert_span(buffer_span(&out), SPAN_OF(message, len));
    } else {
        assert_int_equal(out.len, 0);
    }
    buffer_wipe(&out);
    return complete;
}

static void fragments_in_any_order_become_the_message(void **state)
{
    struct reassembly *r = *state;
    assert_false(add(r, 1, 70000, 4, 50));
    assert_false(add(r, 1, 70000, 0, 46));
    assert_false(add(r, 1, 70000, 2, 48));
    assert_false(add(r, 1, 70000, 2, 60)); /* again */
    assert_int_equal(reassembly_oldest_seq(r), 46);
    assert_false(add(r, 1, 70000, 1, 47));
    assert_true(add(r, 1, 70000, 3, 49));
    assert_int_equal(reassembly_oldest_seq(r), 0);
    assert_int_equal(reassembly_dropped(r), 0);
}

static void the_longest_message_fits(void **state)
{
    struct reassembly *r = *state;
    for (size_t i = 0; i + 1 < BLOCK_FRAGMENTS_MAX; i++) {
        assert_false(add(r, 1, sizeof(message), i, i + 1));
    }
    assert_true(add(r, 1, sizeof(message), BLOCK_FRAGMENTS_MAX - 1, 100));
}

static void messages_of_several_writers_do_not_mix(void **state)
{
    struct reassembly *r = *state;
    for (uint8_t id = 0; id < REASSEMBLY_MESSAGES_MAX; id++) {
        assert_false(add(r, id, 20000u + id, 0, id + 10u));
    }
    assert_int_equal(reassembly_oldest_seq(r), 10);
    for (uint8_t id = 0; id < REASSEMBLY_MESSAGES_MAX; id++) {
        assert_true(add(r, id, 20000u + id, 1, 100));
    }
}

static void T15_fragments_that_never_end_push_out_the_oldest_only(void **state)
{
    struct reassembly *r = *state;
    size_t live = mem_live();
    for (unsigned id = 0; id < 200; id++) {
        assert_false(add(r, (uint8_t)id, 20000, 0, id + 1));
    }
    assert_int_equal(reassembly_dropped(r), 200 - REASSEMBLY_MESSAGES_MAX);
    assert_int_equal(mem_live() - live, REASSEMBLY_MESSAGES_MAX);
    assert_int_equal(reassembly_oldest_seq(r), 200 - REASSEMBLY_MESSAGES_MAX + 1);
    assert_true(add(r, 199, 20000, 1, 300));
    assert_false(add(r, 0, 20000, 1, 301)); /* the first piece was dropped */
}

static void T15_long_messages_that_never_end_are_bounded_in_bytes(void **state)
{
    struct reassembly *r = *state;
    for (uint8_t id = 0; id < 4; id++) {
        for (size_t i = 0; i + 1 < BLOCK_FRAGMENTS_MAX; i++) {
            assert_false(add(r, id, sizeof(message), i, 1));
        }
    }
    /* two of them fit, so the last one can still be ended */
    assert_int_equal(reassembly_dropped(r), 2);
    assert_true(add(r, 3, sizeof(message), BLOCK_FRAGMENTS_MAX - 1, 1));
}

static enum status add_raw(struct reassembly *r, struct block_record record)
{
    struct buffer out;
    bool complete;
    buffer_init(&out, BLOCK_MESSAGE_MAX);
    enum status st = reassembly_add(r, &record, 1, &out, &complete);
    buffer_wipe(&out);
    assert_false(complete);
    return st;
}

static void fragments_that_contradict_drop_their_message(void **state)
{
    struct reassembly *r = *state;
    struct message_id id = id_of(1);
    assert_ok(add_raw(r, (struct block_record){BLOCK_FRAGMENT, span_text("a"), id, 0, 3}));
    assert_status(add_raw(r, (struct block_record){BLOCK_FRAGMENT, span_text("b"), id, 1, 4}),
                  ST_BLOCK_FRAGMENT);
    assert_int_equal(reassembly_oldest_seq(r), 0);
    assert_ok(add_raw(r, (struct block_record){BLOCK_FRAGMENT, span_text("a"), id, 0, 3}));
    assert_status(add_raw(r, (struct block_record){BLOCK_FRAGMENT, span_text("c"), id, 0, 3}),
                  ST_BLOCK_FRAGMENT);
    assert_int_equal(reassembly_dropped(r), 2);
}

static void what_is_no_fragment_is_refused(void **state)
{
    struct reassembly *r = *state;
    struct message_id id = id_of(1);
    assert_status(add_raw(r, (struct block_record){BLOCK_WHOLE, span_text("a"), id, 0, 2}), ST_USAGE);
    assert_status(add_raw(r, (struct block_record){BLOCK_FRAGMENT, span_text("a"), id, 2, 2}), ST_USAGE);
    assert_status(add_raw(r, (struct block_record){BLOCK_FRAGMENT, span_text("a"), id, 0, 1}), ST_USAGE);
    assert_status(add_raw(r, (struct block_record){BLOCK_FRAGMENT, span_text("a"), id, 0, 65}), ST_USAGE);
    assert_status(add_raw(r, (struct block_record){BLOCK_FRAGMENT, SPAN_EMPTY, id, 0, 2}), ST_USAGE);
}

static void without_memory_a_fragment_can_be_given_again(void **state)
{
    struct reassembly *r = *state;
    struct block_record piece;
    struct message_id id = id_of(1);
    struct buffer out;
    bool complete;
    buffer_init(&out, BLOCK_MESSAGE_MAX);
    for (size_t i = 0; i < 2; i++) {
        assert_ok(block_piece(SPAN_OF(message, 20000), &id, i, &piece));
        mem_fail_after(1);
        assert_status(reassembly_add(r, &piece, 1, &out, &complete), ST_NO_MEMORY);
        mem_fail_after(0);
        assert_ok(reassembly_add(r, &piece, 1, &out, &complete));
    }
    assert_true(complete);
    assert_span(buffer_span(&out), SPAN_OF(message, 20000));
    buffer_wipe(&out);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(fragments_in_any_order_become_the_message),
        T(the_longest_message_fits),
        T(messages_of_several_writers_do_not_mix),
        T(T15_fragments_that_never_end_push_out_the_oldest_only),
        T(T15_long_messages_that_never_end_are_bounded_in_bytes),
        T(fragments_that_contradict_drop_their_message),
        T(what_is_no_fragment_is_refused),
        T(without_memory_a_fragment_can_be_given_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
