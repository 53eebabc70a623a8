/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/block.h"
#include "protocol/entry_body.h"
#include "protocol/file_part.h"
#include "tests/support/test.h"
#include "tests/support/test_decoder.h"

static enum status record_roundtrip(void *ctx, struct span in, struct buffer *again)
{
    struct file_record p;
    struct writer w;
    (void)ctx;
    writer_init(&w, again);
    enum status st = file_record_decode(&p, in);
    return st == ST_OK ? file_record_encode(&w, &p) : st;
}

static void decoders_refuse_every_cut_and_no_flip_is_silent(void **state)
{
    (void)state;
    struct buffer bytes;
    struct writer w;
    const struct file_record p = {FILE_RECORD_PART, 7, span_text("bytes of a file")};
    buffer_init(&bytes, 4096);
    writer_init(&w, &bytes);
    assert_ok(file_record_encode(&w, &p));
    check_decoder(record_roundtrip, NULL, buffer_span(&bytes));
    buffer_wipe(&bytes);
}

static enum status attachment_roundtrip(void *ctx, struct span in, struct buffer *again)
{
    struct entry_body b;
    struct writer w;
    (void)ctx;
    writer_init(&w, again);
    enum status st = entry_body_decode(&b, ENTRY_ATTACHMENT, in);
    return st == ST_OK ? entry_body_encode(&w, &b) : st;
}

static void the_entry_of_a_file_is_refused_at_every_cut(void **state)
{
    (void)state;
    struct buffer bytes;
    struct writer w;
    struct entry_body b = {.kind = ENTRY_ATTACHMENT,
                           .u.attachment = {.name = span_text("holiday.png"),
                                            .media = span_text("image/png"),
                                            .size = 7,
                                            .log.relay = span_text("kith-relay://key@relay.example:4433")}};
    buffer_init(&bytes, 4096);
    writer_init(&w, &bytes);
    assert_ok(entry_body_encode(&w, &b));
    check_decoder(attachment_roundtrip, NULL, buffer_span(&bytes));
    buffer_wipe(&bytes);
}

static void a_file_is_cut_into_parts_of_exactly_sixteen_blocks(void **state)
{
    (void)state;
    assert_int_equal(file_parts(0), 0);
    assert_int_equal(file_parts(1), 1);
    assert_int_equal(file_parts(FILE_PART_LEN), 1);
    assert_int_equal(file_parts(FILE_PART_LEN + 1), 2);
    assert_int_equal(file_parts(FILE_SIZE_MAX), FILE_PARTS_MAX);
    assert_int_equal(file_part_len(FILE_PART_LEN + 1, 0), FILE_PART_LEN);
    assert_int_equal(file_part_len(FILE_PART_LEN + 1, 1), 1);
    assert_int_equal(file_part_len(FILE_PART_LEN + 1, 2), 0);
    assert_int_equal(block_pieces(FILE_PART_LEN + 10), FILE_BLOCKS_A_PART);
    assert_true(block_pieces(FILE_LIST_MAX + 10) != 0);
}

static void records_beyond_the_limits_are_refused(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_PART_LEN + 1];
    const struct file_record wrong[] = {{FILE_RECORD_PART, FILE_PARTS_MAX, SPAN_OF(bytes, 1)},
                                        {FILE_RECORD_PART, 0, SPAN_OF(bytes, FILE_PART_LEN + 1)},
                                        {FILE_RECORD_LIST, 1, SPAN_OF(bytes, HASH_LEN)},
                                        {FILE_RECORD_LIST, 0, SPAN_OF(bytes, HASH_LEN + 1)},
                                        {FILE_RECORD_LIST, 0, SPAN_OF(bytes, FILE_LIST_MAX + HASH_LEN)}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct buffer b;
        struct writer w;
        struct file_record got;
        buffer_init(&b, 1 << 20);
        writer_init(&w, &b);
        assert_int_not_equal(file_record_encode(&w, &wrong[i]), ST_OK);
        buffer_wipe(&b);
        writer_init(&w, &b);
        wire_write_version(&w);
        writer_u8(&w, (uint8_t)wrong[i].kind);
        writer_u32(&w, wrong[i].index);
        writer_vec(&w, wrong[i].bytes);
        assert_ok(writer_done(&w));
        assert_int_not_equal(file_record_decode(&got, buffer_span(&b)), ST_OK);
        buffer_wipe(&b);
    }
}

/* Both what a peer may say and what a sender makes of any name. */
static void T53_a_name_of_a_file_stays_in_its_folder_and_shows_as_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } names[] = {{"a.txt", "a.txt"},
                 {"Ferien März.jpg", "Ferien März.jpg"},
                 {"/etc/passwd", "passwd"},
                 {"../../x", "x"},
                 {"..", "_."},
                 {".bashrc", "_bashrc"},
                 {"a-b", "a-b"},
                 {"C:\\autoexec.bat", "autoexec.bat"},
                 {"a:b", "a_b"},
                 {"a\nb\x1b[2J", "a_b_[2J"},
                 {"x/", "file"},
                 {"", "file"},
                 {"   ", "___"},
                 {"photo\xe2\x80\xaegpj.exe", "photo___gpj.exe"},
                 {"\xff\xfe", "__"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char out[FILE_NAME_MAX + 1];
        bool good = strcmp(names[i].in, names[i].out) == 0;
        assert_int_equal(file_name_ok(span_text(names[i].in)), good);
        file_name_defuse(span_text(names[i].in), out);
        assert_string_equal(out, names[i].out);
        assert_true(file_name_ok(span_text(out)));
    }
}

/* A peer may say it, but nothing is written under it: "rm *" would take it for an option. */
static void no_file_is_written_under_a_name_that_begins_as_an_option(void **state)
{
    (void)state;
    char out[FILE_NAME_MAX + 1];
    assert_true(file_name_ok(span_text("-rf")));
    file_name_defuse(span_text("-rf"), out);
    assert_string_equal(out, "_rf");
}

static void a_name_of_ten_thousand_characters_is_cut_and_keeps_its_ending(void **state)
{
    (void)state;
    static char in[10001];
    char out[FILE_NAME_MAX + 1];
    for (size_t i = 0; i < 9996; i += 2)
        memcpy(in + i, "\xc3\xa4", 2);
    memcpy(in + 9996, ".png", 4);
    assert_false(file_name_ok(span_text(in)));
    file_name_defuse(span_text(in), out);
    assert_true(file_name_ok(span_text(out)));
    assert_true(strlen(out) > 250);
    assert_string_equal(out + strlen(out) - 4, ".png");
}

static void a_body_with_a_bad_name_media_or_size_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *media;
        uint64_t size;
        bool good;
    } all[] = {{"a", "image/png", FILE_SIZE_MAX, true},
               {"a/b", "image/png", 1, false},
               {"a", "image/png\n", 1, false},
               {"a", "", 1, false},
               {"", "image/png", 1, false},
               {"a", "image/png", (uint64_t)FILE_SIZE_MAX + 1, false},
               {"a", "image/png", UINT64_MAX, false}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct buffer b;
        struct writer w;
        struct entry_body got;
        uint8_t zeros[3 * HASH_LEN] = {0};
        buffer_init(&b, 4096);
        writer_init(&w, &b);
        wire_write_version(&w);
        writer_vec(&w, span_text(all[i].name));
        writer_vec(&w, span_text(all[i].media));
        writer_u64(&w, all[i].size);
        writer_bytes(&w, SPAN_OF(zeros, HASH_LEN));
        writer_vec(&w, span_text("kith-relay://x"));
        writer_bytes(&w, SPAN(zeros));
        writer_bytes(&w, SPAN_OF(zeros, HASH_LEN));
        assert_ok(writer_done(&w));
        assert_int_equal(entry_body_decode(&got, ENTRY_ATTACHMENT, buffer_span(&b)) == ST_OK, all[i].good);
        buffer_wipe(&b);
    }
}

static void an_image_is_what_begins_like_one(void **state)
{
    (void)state;
    assert_string_equal(file_media_of(span_text("\x89PNG\r\n\x1a\n....")), "image/png");
    assert_string_equal(file_media_of(span_text("\xff\xd8\xff\xe0")), "image/jpeg");
    assert_string_equal(file_media_of(span_text("GIF89a")), "image/gif");
    assert_string_equal(file_media_of(span_text("RIFF....WEBPVP8 ")), "image/webp");
    assert_string_equal(file_media_of(span_text("MZ")), "application/octet-stream");
    assert_string_equal(file_media_of(SPAN_EMPTY), "application/octet-stream");
    assert_true(file_media_is_image(span_text("image/webp")));
    assert_false(file_media_is_image(span_text("image/svg+xml")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoders_refuse_every_cut_and_no_flip_is_silent),
        cmocka_unit_test(the_entry_of_a_file_is_refused_at_every_cut),
        cmocka_unit_test(a_file_is_cut_into_parts_of_exactly_sixteen_blocks),
        cmocka_unit_test(records_beyond_the_limits_are_refused),
        cmocka_unit_test(T53_a_name_of_a_file_stays_in_its_folder_and_shows_as_it_is),
        cmocka_unit_test(no_file_is_written_under_a_name_that_begins_as_an_option),
        cmocka_unit_test(a_name_of_ten_thousand_characters_is_cut_and_keeps_its_ending),
        cmocka_unit_test(a_body_with_a_bad_name_media_or_size_is_refused),
        cmocka_unit_test(an_image_is_what_begins_like_one),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
