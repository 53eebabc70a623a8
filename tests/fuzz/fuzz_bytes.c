/* SPDX-License-Identifier: Apache-2.0 */
/* Text decoders and the reader. What decodes must encode to the same text; the reader must end within its
 * input, whatever is asked of it: the first half of the input says what, the second is read. */
#include <stdlib.h>
#include <string.h>

#include "protocol/bytes.h"
#include "protocol/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_base64url(struct span in)
{
    struct buffer bytes, text;
    buffer_init(&bytes, in.len);
    buffer_init(&text, in.len + 1);
    if (base64url_decode(&bytes, (const char *)in.ptr, in.len) == ST_OK) {
        invariant(base64url_encode(&text, buffer_span(&bytes)) == ST_OK);
        invariant(span_equal(buffer_span(&text), in));
    }
    buffer_wipe(&bytes);
    buffer_wipe(&text);
}

static void fuzz_hex(struct span in)
{
    uint8_t bytes[64];
    char text[2 * sizeof(bytes) + 1];
    size_t len = in.len / 2 < sizeof(bytes) ? in.len / 2 : sizeof(bytes);
    if (hex_decode(bytes, len, (const char *)in.ptr, in.len) != ST_OK)
        return;
    hex_encode(text, SPAN_OF(bytes, len));
    for (size_t i = 0; i < in.len; i++)
        invariant((in.ptr[i] | 0x20) == (text[i] | 0x20));
}

static void fuzz_reader(struct span asks, struct span in)
{
    uint8_t fixed[16];
    struct reader r, sub;
    reader_init(&r, in);
    for (size_t i = 0; i < asks.len; i++) {
        size_t before = reader_left(&r);
        switch (asks.ptr[i] % 8) {
        case 0:
            (void)reader_u8(&r);
            break;
        case 1:
            (void)reader_u32(&r);
            break;
        case 2:
            (void)reader_time(&r);
            break;
        case 3:
            reader_fixed(&r, fixed, asks.ptr[i] / 16);
            break;
        case 4:
            (void)reader_vec(&r, asks.ptr[i]);
            break;
        case 5:
            (void)reader_optional(&r);
            break;
        case 6:
            (void)reader_take(&r, asks.ptr[i] / 8);
            break;
        default:
            sub = reader_enter(&r, asks.ptr[i]);
            while (reader_more(&sub))
                (void)reader_u16(&sub);
            reader_leave(&r, &sub);
        }
        invariant(reader_left(&r) <= before);
    }
    invariant(r.at <= r.end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = {data, size};
    fuzz_base64url(in);
    fuzz_hex(in);
    fuzz_reader(SPAN_OF(data, size / 2), SPAN_OF(data + size / 2, size - size / 2));
    return 0;
}
