/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <stdlib.h>
#include <zstd.h>

#include "protocol/suite.h"
#include "sync/history_pack.h"

static const uint8_t one[] = "the first entry", two[] = "the second one", certificate[] = "a certificate";

static void pack(struct buffer *out, struct history_range *range)
{
    struct history_pack p;
    memset(range, 0, sizeof(*range));
    history_pack_init(&p);
    buffer_init(out, HISTORY_PACKED_MAX);
    assert_ok(history_pack_certificate(&p, SPAN(certificate)));
    assert_ok(history_pack_entry(&p, SPAN(one)));
    assert_ok(history_pack_entry(&p, SPAN(two)));
    assert_ok(history_pack_close(&p, out, range));
    history_pack_free(&p);
}

static void history_comes_out_as_it_went_in(void **state)
{
    (void)state;
    struct buffer packed;
    struct history_range range;
    struct history_unpacked u;
    struct span item;
    pack(&packed, &range);
    assert_int_equal(range.entry_count, 2);
    assert_int_equal(range.packed_size, packed.len);
    assert_ok(history_unpack(&range, buffer_span(&packed), &u));
    assert_true(wire_list_next(&u.certificates, &item) && span_equal(item, SPAN(certificate)));
    assert_false(wire_list_next(&u.certificates, &item));
    assert_true(wire_list_next(&u.entries, &item) && span_equal(item, SPAN(one)));
    assert_true(wire_list_next(&u.entries, &item) && span_equal(item, SPAN(two)));
    assert_false(wire_list_next(&u.entries, &item));
    history_unpacked_free(&u);
    buffer_wipe(&packed);
}

static void history_refuses_any_other_bytes(void **state)
{
    (void)state;
    struct buffer packed;
    struct history_range range;
    struct history_unpacked u;
    pack(&packed, &range);
    for (size_t bit = 0; bit < 8 * packed.len; bit++) {
        packed.ptr[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_status(history_unpack(&range, buffer_span(&packed), &u), ST_HISTORY_PART);
        packed.ptr[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t len = 0; len < packed.len; len++)
        assert_status(history_unpack(&range, SPAN_OF(packed.ptr, len), &u), ST_HISTORY_PART);
    buffer_wipe(&packed);
}

/* The frame is good and its hash is the promised one, but not its size: nothing is unpacked. */
static void T15_history_opens_no_bomb(void **state)
{
    (void)state;
    struct history_unpacked u;
    struct history_range range;
    size_t raw_len = 64u * 1024 * 1024, cap = ZSTD_compressBound(raw_len);
    uint8_t *raw = calloc(1, raw_len), *frame = malloc(cap);
    assert_true(raw != NULL && frame != NULL);
    size_t len = ZSTD_compress(frame, cap, raw, raw_len, 1);
    assert_false(ZSTD_isError(len));
    memset(&range, 0, sizeof(range));
    range.packed_size = (uint32_t)len;
    hash_bytes(SPAN_OF(frame, len), range.sha256);
    range.raw_size = 1000; /* a lie */
    assert_status(history_unpack(&range, SPAN_OF(frame, len), &u), ST_HISTORY_SIZE);
    range.raw_size = (uint32_t)raw_len; /* the truth, and too much */
    assert_status(history_unpack(&range, SPAN_OF(frame, len), &u), ST_HISTORY_SIZE);
    assert_null(u.raw.ptr);
    free(raw);
    free(frame);
}

static void history_refuses_a_frame_with_something_else_in_it(void **state)
{
    (void)state;
    static const uint8_t rubbish[] = {0x05, 1, 2};
    uint8_t frame[64];
    struct history_unpacked u;
    struct history_range range;
    size_t len = ZSTD_compress(frame, sizeof(frame), rubbish, sizeof(rubbish), 1);
    assert_false(ZSTD_isError(len));
    memset(&range, 0, sizeof(range));
    range.packed_size = (uint32_t)len;
    range.raw_size = sizeof(rubbish);
    hash_bytes(SPAN_OF(frame, len), range.sha256);
    assert_status(history_unpack(&range, SPAN_OF(frame, len), &u), ST_HISTORY_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history_comes_out_as_it_went_in),
        cmocka_unit_test(history_refuses_any_other_bytes),
        cmocka_unit_test(T15_history_opens_no_bomb),
        cmocka_unit_test(history_refuses_a_frame_with_something_else_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
