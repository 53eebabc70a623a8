/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/file_part.h"

#include <string.h>

#include "protocol/name.h"

uint32_t file_parts(uint64_t size)
{
    return (uint32_t)((size + FILE_PART_LEN - 1) / FILE_PART_LEN);
}

size_t file_part_len(uint64_t size, uint32_t index)
{
    uint64_t at = (uint64_t)index * FILE_PART_LEN;
    uint64_t left = at < size ? size - at : 0;
    return (size_t)(left < FILE_PART_LEN ? left : FILE_PART_LEN);
}

/* ---- names ---- */

static bool byte_stays(uint8_t c)
{
    return c >= 0x20 && c != 0x7f && c != '/' && c != '\\' && c != ':';
}

bool file_name_ok(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!byte_stays(name.ptr[i]))
            return false;
    return name.len != 0 && name.len <= FILE_NAME_MAX && name.ptr[0] != '.' && wire_text_ok(name, false) &&
           name_shows(name);
}

static struct span cut_back(struct span s, size_t len_max)
{
    if (s.len <= len_max)
        return s;
    while (len_max != 0 && (s.ptr[len_max] & 0xc0) == 0x80)
        len_max--;
    s.len = len_max;
    return s;
}

/* The last dot and what follows, where that is short. */
static struct span ending_of(struct span name)
{
    enum { ENDING_MAX = 16 };
    for (size_t i = 1; i < name.len && i <= ENDING_MAX; i++)
        if (name.ptr[name.len - i] == '.')
            return SPAN_OF(name.ptr + name.len - i, i);
    return SPAN_OF(name.ptr + name.len, 0);
}

void file_name_defuse(struct span in, char out[static FILE_NAME_MAX + 1])
{
    size_t at = in.len;
    while (at > 0 && in.ptr[at - 1] != '/' && in.ptr[at - 1] != '\\')
        at--;
    struct span name = SPAN_OF(in.ptr + at, in.len - at);
    struct span ending = name.len > FILE_NAME_MAX ? ending_of(name) : SPAN_OF(name.ptr, 0);
    struct span front = cut_back(SPAN_OF(name.ptr, name.len - ending.len), FILE_NAME_MAX - ending.len);
    memset(out, 0, FILE_NAME_MAX + 1);
    if (front.len != 0)
        memcpy(out, front.ptr, front.len);
    if (ending.len != 0)
        memcpy(out + front.len, ending.ptr, ending.len);
    size_t len = front.len + ending.len;
    for (size_t i = 0; i < len; i++)
        if (!byte_stays((uint8_t)out[i]))
            out[i] = '_';
    if (out[0] == '.' || out[0] == '-') /* hidden; taken for an option by whoever names it */
        out[0] = '_';
    if (file_name_ok(SPAN_OF((const uint8_t *)out, len)))
        return;
    for (size_t i = 0; i < len; i++) /* hidden signs, or not UTF-8 at all */
        if ((uint8_t)out[i] >= 0x80 || out[i] == ' ')
            out[i] = '_';
    if (!file_name_ok(SPAN_OF((const uint8_t *)out, len)))
        memcpy(out, "file", sizeof "file");
}

static bool begins(struct span s, const char *with, size_t len)
{
    return s.len >= len && memcmp(s.ptr, with, len) == 0;
}

const char *file_media_of(struct span first)
{
    if (begins(first, "\x89PNG\r\n\x1a\n", 8))
        return "image/png";
    if (begins(first, "\xff\xd8\xff", 3))
        return "image/jpeg";
    if (begins(first, "GIF87a", 6) || begins(first, "GIF89a", 6))
        return "image/gif";
    if (first.len >= 12 && begins(first, "RIFF", 4) && memcmp(first.ptr + 8, "WEBP", 4) == 0)
        return "image/webp";
    return "application/octet-stream";
}

bool file_media_is_image(struct span media)
{
    static const char *const images[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        if (span_equal(media, span_text(images[i])))
            return true;
    return false;
}

bool file_media_ok(struct span media)
{
    for (size_t i = 0; i < media.len; i++) {
        uint8_t c = media.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '/' && c != '+' && c != '.' &&
            c != '-')
            return false;
    }
    return media.len != 0 && media.len <= FILE_MEDIA_MAX;
}

/* ---- records ---- */

static bool record_ok(const struct file_record *p)
{
    if (p->kind == FILE_RECORD_LIST)
        return p->index == 0 && p->bytes.len % HASH_LEN == 0 && p->bytes.len <= FILE_LIST_MAX;
    return p->index < FILE_PARTS_MAX && p->bytes.len <= FILE_PART_LEN;
}

enum status file_record_encode(struct writer *w, const struct file_record *p)
{
    wire_write_version(w);
    writer_u8(w, (uint8_t)p->kind);
    writer_u32(w, p->index);
    wire_write_vec(w, p->bytes, FILE_PART_LEN);
    if (!record_ok(p))
        writer_fail(w, ST_WIRE_VALUE);
    return writer_done(w);
}

enum status file_record_decode(struct file_record *out, struct span in)
{
    struct reader r;
    struct file_record p = {.index = 0};
    reader_init(&r, in);
    wire_read_version(&r);
    p.kind = (enum file_record_kind)wire_read_enum(&r, FILE_RECORD_LIST, FILE_RECORD_PART);
    p.index = reader_u32(&r);
    p.bytes = reader_vec(&r, FILE_PART_LEN);
    if (r.failed == ST_OK && !record_ok(&p))
        reader_fail(&r, ST_WIRE_VALUE);
    return wire_finish(&r, out, &p, sizeof p);
}
