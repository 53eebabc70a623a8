/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/bytes.h"

#include <string.h>

#include "protocol/mem.h"
#include "tests/support/test.h"
#include "tests/support/test_decoder.h"
#include "tests/support/test_hex.h"

/* ---- spans and buffers ---- */

static void span_of_no_text_is_empty(void **state)
{
    (void)state;
    assert_int_equal(span_text(NULL).len, 0);
    assert_true(span_equal(span_text("ab"), SPAN_OF((const uint8_t *)"ab", 2)));
    assert_false(span_equal(span_text("ab"), span_text("ac")));
    assert_false(span_equal(span_text("ab"), span_text("abc")));
    assert_true(span_equal(SPAN_EMPTY, span_text("")));
}

static void buffer_grows_to_its_limit_and_not_further(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 1000);
    uint8_t chunk[100];
    for (size_t i = 0; i < 10; i++) {
        memset(chunk, (int)i, sizeof(chunk));
        assert_ok(buffer_append(&b, SPAN(chunk)));
    }
    assert_int_equal(b.len, 1000);
    assert_true(b.cap <= 1000);
    assert_int_equal(b.ptr[950], 9);
    assert_status(buffer_append(&b, SPAN_OF(chunk, 1)), ST_NO_SPACE);
    assert_int_equal(b.len, 1000);
    assert_ok(buffer_append(&b, SPAN_EMPTY));
    assert_status(buffer_reserve(&b, SIZE_MAX), ST_NO_SPACE);
    buffer_wipe(&b);
    assert_int_equal(b.max, 1000);
    assert_null(b.ptr);
}

static void buffer_without_memory_stays_as_it_was(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 4096);
    assert_ok(buffer_append(&b, span_text("before")));
    mem_fail_after(1);
    uint8_t big[1024] = {0};
    assert_status(buffer_append(&b, SPAN(big)), ST_NO_MEMORY);
    assert_status(buffer_copy(&b, SPAN(big)), ST_NO_MEMORY);
    mem_fail_after(0);
    assert_span(buffer_span(&b), span_text("before"));
    buffer_wipe(&b);
}

static void buffer_copy_replaces_and_erases_the_rest(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 1000);
    assert_ok(buffer_copy(&b, span_text("a long secret")));
    assert_ok(buffer_copy(&b, span_text("short")));
    assert_span(buffer_span(&b), span_text("short"));
    for (size_t i = b.len; i < b.cap; i++)
        assert_int_equal(b.ptr[i], 0);
    uint8_t big[500] = {7};
    assert_ok(buffer_copy(&b, SPAN(big)));
    assert_span(buffer_span(&b), SPAN(big));
    buffer_wipe(&b);
    buffer_wipe(&b); /* twice is fine */
}

static void buffer_of_nothing_is_wiped_safely(void **state)
{
    (void)state;
    struct buffer b = {0};
    buffer_wipe(&b);
    assert_status(buffer_append(&b, span_text("x")), ST_NO_SPACE);
}

/* ---- reader ---- */

static void reader_reads_integers_big_endian(void **state)
{
    (void)state;
    struct reader r;
    reader_init(&r, test_hex("01 0203 04050607 08090a0b0c0d0e0f 0000018bcfe56800"));
    assert_int_equal(reader_u8(&r), 0x01);
    assert_int_equal(reader_u16(&r), 0x0203);
    assert_int_equal(reader_u32(&r), 0x04050607);
    assert_true(reader_u64(&r) == 0x08090a0b0c0d0e0fu);
    assert_true(reader_time(&r) == 1700000000000);
    assert_ok(reader_done(&r));
}

static void reader_refuses_a_time_beyond_int64(void **state)
{
    (void)state;
    struct reader r;
    reader_init(&r, test_hex("8000000000000000"));
    assert_true(reader_time(&r) == 0);
    assert_status(reader_done(&r), ST_WIRE_VALUE);
    reader_init(&r, test_hex("7fffffffffffffff"));
    assert_true(reader_time(&r) == INT64_MAX);
    assert_ok(reader_done(&r));
}

static void reader_gives_zeros_after_its_first_failure(void **state)
{
    (void)state;
    struct reader r;
    reader_init(&r, test_hex("ffffff"));
    assert_int_equal(reader_u32(&r), 0);
    assert_int_equal(reader_u8(&r), 0); /* though bytes are left */
    assert_int_equal(reader_take(&r, 0).len, 0);
    assert_int_equal(reader_vec(&r, 10).len, 0);
    assert_false(reader_optional(&r));
    uint8_t fixed[4] = {1, 2, 3, 4};
    reader_fixed(&r, fixed, sizeof(fixed));
    assert_hex(SPAN(fixed), "00000000");
    assert_false(reader_more(&r));
    assert_int_equal(reader_left(&r), 0);
    struct reader sub = reader_enter(&r, 10);
    assert_false(reader_more(&sub));
    reader_leave(&r, &sub);
    reader_fail(&r, ST_WIRE_ENUM); /* keeps the first */
    assert_status(reader_done(&r), ST_WIRE_SHORT);
}

static void reader_names_bytes_that_are_left(void **state)
{
    (void)state;
    struct reader r;
    reader_init(&r, test_hex("0102"));
    assert_int_equal(reader_u8(&r), 1);
    assert_status(reader_done(&r), ST_WIRE_TRAILING);
    reader_init(&r, SPAN_EMPTY);
    assert_ok(reader_done(&r));
}

/* RFC 9420 §2.1.2: lengths in their shortest form only. */
static void reader_takes_only_the_shortest_length(void **state)
{
    (void)state;
    static const struct {
        const char *prefix;
        size_t len;
        enum status want;
    } rows[] = {
        {"00", 0, ST_OK},
        {"3f", 63, ST_OK},
        {"4000", 0, ST_WIRE_LENGTH},
        {"403f", 63, ST_WIRE_LENGTH},
        {"4040", 64, ST_OK},
        {"7fff", 16383, ST_OK},
        {"80000000", 0, ST_WIRE_LENGTH},
        {"80003fff", 16383, ST_WIRE_LENGTH},
        {"80004000", 16384, ST_OK},
        {"c0", 0, ST_WIRE_LENGTH},
        {"c000000000000000", 0, ST_WIRE_LENGTH},
        {"ff", 63, ST_WIRE_LENGTH},
        {"", 0, ST_WIRE_SHORT},
        {"40", 0, ST_WIRE_SHORT},
        {"800040", 64, ST_WIRE_SHORT},
    };
    static uint8_t in[20000];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span prefix = test_hex(rows[i].prefix);
        if (prefix.len > 0)
            memcpy(in, prefix.ptr, prefix.len);
        size_t body = rows[i].want == ST_WIRE_SHORT ? 0 : rows[i].len;
        struct reader r;
        reader_init(&r, SPAN_OF(in, prefix.len + body));
        struct span got = reader_vec(&r, sizeof(in));
        assert_status(r.failed, rows[i].want);
        assert_int_equal(got.len, rows[i].want == ST_OK ? rows[i].len : 0);
    }
}

static void reader_holds_a_vector_to_its_limit(void **state)
{
    (void)state;
    struct reader r;
    reader_init(&r, test_hex("03010203"));
    assert_int_equal(reader_vec(&r, 3).len, 3);
    reader_init(&r, test_hex("03010203"));
    assert_int_equal(reader_vec(&r, 2).len, 0);
    assert_status(reader_done(&r), ST_WIRE_LIMIT);
    reader_init(&r, test_hex("030102"));
    assert_int_equal(reader_vec(&r, 3).len, 0);
    assert_status(reader_done(&r), ST_WIRE_SHORT);
    reader_init(&r, test_hex("bfffffff")); /* a giant length is refused by limit, not tried */
    assert_int_equal(reader_vec(&r, 100).len, 0);
    assert_status(reader_done(&r), ST_WIRE_LIMIT);
}

static void reader_takes_optional_as_zero_or_one_only(void **state)
{
    (void)state;
    struct reader r;
    reader_init(&r, test_hex("0001"));
    assert_false(reader_optional(&r));
    assert_true(reader_optional(&r));
    assert_ok(reader_done(&r));
    reader_init(&r, test_hex("02"));
    assert_false(reader_optional(&r));
    assert_status(reader_done(&r), ST_WIRE_VALUE);
}

static void reader_hands_up_what_failed_inside(void **state)
{
    (void)state;
    struct reader r, sub;
    reader_init(&r, test_hex("03 000001 00"));
    sub = reader_enter(&r, 10);
    assert_int_equal(reader_u16(&sub), 0);
    assert_int_equal(reader_u16(&sub), 0);
    reader_leave(&r, &sub);
    assert_status(reader_done(&r), ST_WIRE_SHORT);

    reader_init(&r, test_hex("03 000001"));
    sub = reader_enter(&r, 10);
    assert_int_equal(reader_u8(&sub), 0);
    reader_leave(&r, &sub); /* items were left */
    assert_status(reader_done(&r), ST_WIRE_TRAILING);
}

/* ---- a structure with everything in it ---- */

struct sample {
    uint8_t kind;
    int64_t at_ms;
    struct span name;
    bool has_note;
    struct span note;
    uint16_t items[8];
    size_t item_count;
};

static enum status sample_decode(struct sample *out, struct span in)
{
    *out = (struct sample){0};
    struct reader r;
    reader_init(&r, in);
    out->kind = reader_u8(&r);
    if (out->kind > 2)
        reader_fail(&r, ST_WIRE_ENUM);
    out->at_ms = reader_time(&r);
    out->name = reader_vec(&r, 100);
    out->has_note = reader_optional(&r);
    if (out->has_note)
        out->note = reader_vec(&r, 100);
    struct reader items = reader_enter(&r, 16);
    while (reader_more(&items))
        out->items[out->item_count++] = reader_u16(&items);
    reader_leave(&r, &items);
    return reader_done(&r);
}

static enum status sample_roundtrip(void *ctx, struct span in, struct buffer *again)
{
    (void)ctx;
    struct sample s;
    enum status st = sample_decode(&s, in);
    if (st != ST_OK)
        return st;
    struct writer w;
    writer_init(&w, again);
    writer_u8(&w, s.kind);
    writer_time(&w, s.at_ms);
    writer_vec(&w, s.name);
    writer_optional(&w, s.has_note);
    if (s.has_note)
        writer_vec(&w, s.note);
    size_t mark = writer_open(&w);
    for (size_t i = 0; i < s.item_count; i++)
        writer_u16(&w, s.items[i]);
    writer_close(&w, mark);
    return writer_done(&w);
}

static void reader_and_writer_stand_what_every_decoder_must(void **state)
{
    (void)state;
    check_decoder(sample_roundtrip, NULL, test_hex("02 0000018bcfe56800 03616263 01 0168 06 000100020003"));
}

/* ---- writer ---- */

static void writer_writes_what_the_reader_reads(void **state)
{
    (void)state;
    struct buffer b;
    struct writer w;
    buffer_init(&b, 1000);
    writer_init(&w, &b);
    writer_u8(&w, 0x01);
    writer_u16(&w, 0x0203);
    writer_u32(&w, 0x04050607);
    writer_u64(&w, 0x08090a0b0c0d0e0fu);
    writer_time(&w, 1700000000000);
    writer_vec(&w, span_text("abc"));
    writer_optional(&w, false);
    writer_optional(&w, true);
    assert_ok(writer_done(&w));
    assert_hex(buffer_span(&b), "01020304050607 08090a0b0c0d0e0f 0000018bcfe56800 03616263 0001");
    buffer_wipe(&b);
}

static void writer_nests_vectors_of_every_prefix_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 61, 62, 63, 64, 100, 16380, 16381, 16383, 16384, 70000};
    static uint8_t body[70000];
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct buffer b;
        struct writer w;
        buffer_init(&b, 100000);
        writer_init(&w, &b);
        size_t outer = writer_open(&w);
        size_t inner = writer_open(&w);
        memset(body, (int)i + 1, sizes[i]);
        writer_bytes(&w, SPAN_OF(body, sizes[i]));
        writer_close(&w, inner);
        writer_u8(&w, 0xee);
        writer_close(&w, outer);
        assert_ok(writer_done(&w));

        struct reader r, sub;
        reader_init(&r, buffer_span(&b));
        sub = reader_enter(&r, 100000);
        assert_span(reader_vec(&sub, 100000), SPAN_OF(body, sizes[i]));
        assert_int_equal(reader_u8(&sub), 0xee);
        reader_leave(&r, &sub);
        assert_ok(reader_done(&r));
        buffer_wipe(&b);
    }
}

static void writer_writes_nothing_after_its_first_failure(void **state)
{
    (void)state;
    struct buffer b;
    struct writer w;
    buffer_init(&b, 4);
    writer_init(&w, &b);
    writer_u16(&w, 1);
    writer_u32(&w, 2); /* does not fit */
    writer_u8(&w, 3);  /* would fit */
    writer_close(&w, 0);
    writer_fail(&w, ST_WIRE_ENUM);
    assert_status(writer_done(&w), ST_NO_SPACE);
    assert_hex(buffer_span(&b), "0001");
    buffer_wipe(&b);
}

static void writer_refuses_what_no_reader_would_take(void **state)
{
    (void)state;
    struct buffer b;
    struct writer w;
    buffer_init(&b, 100);
    writer_init(&w, &b);
    writer_time(&w, -1);
    assert_status(writer_done(&w), ST_WIRE_VALUE);
    writer_init(&w, &b);
    uint8_t one = 0;
    writer_vec(&w, SPAN_OF(&one, (size_t)1 << 30)); /* refused by its length alone */
    assert_status(writer_done(&w), ST_WIRE_LIMIT);
    assert_int_equal(b.len, 0);
    buffer_wipe(&b);
}

/* ---- text ---- */

static void hex_goes_both_ways(void **state)
{
    (void)state;
    char text[9];
    uint8_t out[4];
    hex_encode(text, test_hex("00a5ff7e"));
    assert_string_equal(text, "00a5ff7e");
    assert_ok(hex_decode(out, 4, "00A5fF7e", 8));
    assert_hex(SPAN(out), "00a5ff7e");
    hex_encode(text, SPAN_EMPTY);
    assert_string_equal(text, "");
    assert_ok(hex_decode(out, 0, "", 0));
}

static void hex_refuses_everything_else(void **state)
{
    (void)state;
    static const char *const rows[] = {"",           "0",        "00a5ff7",  "00a5ff7e0",
                                       "00a5ff7e00", "00a5ff7g", "00 a5ff7", "0x00a5ff"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t out[4] = {1, 2, 3, 4};
        assert_status(hex_decode(out, 4, rows[i], strlen(rows[i])), ST_WIRE_VALUE);
        assert_hex(SPAN(out), "00000000");
    }
}

static void base64url_goes_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *text;
    } rows[] = {{"", ""},        {"66", "Zg"},    {"666f", "Zm8"},       {"666f6f", "Zm9v"},
                {"ffef", "_-8"}, {"fbff", "-_8"}, {"00000000", "AAAAAA"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer text, bytes;
        buffer_init(&text, 100);
        buffer_init(&bytes, 100);
        assert_ok(base64url_encode(&text, test_hex(rows[i].hex)));
        assert_string_equal((char *)text.ptr, rows[i].text);
        assert_int_equal(text.len, strlen(rows[i].text));
        assert_ok(base64url_decode(&bytes, rows[i].text, strlen(rows[i].text)));
        assert_hex(buffer_span(&bytes), rows[i].hex);
        buffer_wipe(&text);
        buffer_wipe(&bytes);
    }
}

static void base64url_refuses_what_is_not_canonical(void **state)
{
    (void)state;
    static const char *const rows[] = {"Z",    "Zg==", "Zg=",   "Zh", "Zm9",  "Zm8=",    "Z g",
                                       "Zg\n", "+/8",  "Zm9vZ", "%",  "Zg..", "Zm9\x80", "Zm9\xff"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer bytes;
        buffer_init(&bytes, 100);
        assert_ok(buffer_append(&bytes, span_text("kept")));
        assert_status(base64url_decode(&bytes, rows[i], strlen(rows[i])), ST_WIRE_VALUE);
        assert_span(buffer_span(&bytes), span_text("kept"));
        buffer_wipe(&bytes);
    }
}

static void base64url_keeps_to_the_limit_of_its_buffer(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b, 3);
    assert_ok(base64url_decode(&b, "Zm9v", 4));
    assert_status(base64url_decode(&b, "Zm9v", 4), ST_NO_SPACE);
    assert_status(base64url_decode(&b, "Zg", 2), ST_NO_SPACE);
    assert_span(buffer_span(&b), span_text("foo"));
    assert_status(base64url_encode(&b, span_text("x")), ST_NO_SPACE);
    buffer_wipe(&b);
}

static int no_block_is_left(void **state)
{
    (void)state;
    test_hex_free();
    return mem_live() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(span_of_no_text_is_empty),
        cmocka_unit_test(buffer_grows_to_its_limit_and_not_further),
        cmocka_unit_test(buffer_without_memory_stays_as_it_was),
        cmocka_unit_test(buffer_copy_replaces_and_erases_the_rest),
        cmocka_unit_test(buffer_of_nothing_is_wiped_safely),
        cmocka_unit_test(reader_reads_integers_big_endian),
        cmocka_unit_test(reader_refuses_a_time_beyond_int64),
        cmocka_unit_test(reader_gives_zeros_after_its_first_failure),
        cmocka_unit_test(reader_names_bytes_that_are_left),
        cmocka_unit_test(reader_takes_only_the_shortest_length),
        cmocka_unit_test(reader_holds_a_vector_to_its_limit),
        cmocka_unit_test(reader_takes_optional_as_zero_or_one_only),
        cmocka_unit_test(reader_hands_up_what_failed_inside),
        cmocka_unit_test(reader_and_writer_stand_what_every_decoder_must),
        cmocka_unit_test(writer_writes_what_the_reader_reads),
        cmocka_unit_test(writer_nests_vectors_of_every_prefix_size),
        cmocka_unit_test(writer_writes_nothing_after_its_first_failure),
        cmocka_unit_test(writer_refuses_what_no_reader_would_take),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(hex_refuses_everything_else),
        cmocka_unit_test(base64url_goes_both_ways),
        cmocka_unit_test(base64url_refuses_what_is_not_canonical),
        cmocka_unit_test(base64url_keeps_to_the_limit_of_its_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, no_block_is_left);
}
