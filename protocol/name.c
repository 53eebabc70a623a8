/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/name.h"

enum look {
    SHOWS,
    BLANK,  /* a space: inside only */
    JOINS,  /* shows nothing, joins what stands before and after: inside only */
    SHAPES, /* shows nothing, changes what stands before: not at the beginning */
    HIDDEN  /* shows nothing, and does nothing that a name needs: nowhere */
};

static const struct range {
    uint32_t first, last;
    enum look look;
} ranges[] = {
    {0x20, 0x20, BLANK},        {0xa0, 0xa0, BLANK},        {0xad, 0xad, HIDDEN},
    {0x34f, 0x34f, SHAPES},     {0x61c, 0x61c, HIDDEN},     {0x115f, 0x1160, HIDDEN},
    {0x1680, 0x1680, BLANK},    {0x17b4, 0x17b5, HIDDEN},   {0x180b, 0x180d, SHAPES},
    {0x180e, 0x180e, HIDDEN},   {0x180f, 0x180f, SHAPES},   {0x2000, 0x200a, BLANK},
    {0x200b, 0x200b, HIDDEN},   {0x200c, 0x200d, JOINS},    {0x200e, 0x200f, HIDDEN},
    {0x2028, 0x202e, HIDDEN},   {0x202f, 0x202f, BLANK},    {0x205f, 0x205f, BLANK},
    {0x2060, 0x206f, HIDDEN},   {0x2800, 0x2800, BLANK},    {0x3000, 0x3000, BLANK},
    {0x3164, 0x3164, HIDDEN},   {0xfe00, 0xfe0f, SHAPES},   {0xfeff, 0xfeff, HIDDEN},
    {0xffa0, 0xffa0, HIDDEN},   {0xfff0, 0xfffb, HIDDEN},   {0x1bca0, 0x1bca3, HIDDEN},
    {0x1d173, 0x1d17a, HIDDEN}, {0xe0020, 0xe007f, SHAPES}, {0xe0100, 0xe01ef, SHAPES},
    {0xe0000, 0xe0fff, HIDDEN}, /* what the two before leave */
};

static enum look look_of(uint32_t c)
{
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return ranges[i].look;
    return SHOWS;
}

/* The code point at *at, which moves behind it. */
static uint32_t next_point(struct span utf8, size_t *at)
{
    uint8_t lead = utf8.ptr[(*at)++];
    uint32_t c = lead < 0x80 ? lead : lead < 0xe0 ? lead & 0x1f : lead < 0xf0 ? lead & 0x0f : lead & 0x07;
    while (lead >= 0x80 && *at < utf8.len && (utf8.ptr[*at] & 0xc0) == 0x80)
        c = c << 6 | (utf8.ptr[(*at)++] & 0x3f);
    return c;
}

bool name_shows(struct span utf8)
{
    enum look last = BLANK, look;
    for (size_t at = 0; at < utf8.len; last = look) {
        bool first = at == 0, begun = last == SHOWS || last == SHAPES;
        look = look_of(next_point(utf8, &at));
        if (look == HIDDEN || (first && look != SHOWS) || (look == SHAPES && !begun))
            return false;
    }
    return last == SHOWS || last == SHAPES;
}
