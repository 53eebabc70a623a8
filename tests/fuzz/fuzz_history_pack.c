/* SPDX-License-Identifier: Apache-2.0 */
/* sync/history_pack.h: bytes that a manifest promises, hash and sizes right, and yet anything inside. */
#include <zstd.h>

#include "protocol/suite.h"
#include "sync/history_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct span list)
{
    struct span item;
    while (wire_list_next(&list, &item))
        ;
}

/* As a frame of its own, and as what is inside a good frame. */
static void unpack(struct span packed, uint32_t raw_size)
{
    struct history_unpacked u;
    struct history_range range = {.raw_size = raw_size, .packed_size = (uint32_t)packed.len};
    hash_bytes(packed, range.sha256);
    if (history_unpack(&range, packed, &u) != ST_OK)
        return;
    walk(u.certificates);
    walk(u.entries);
    history_unpacked_free(&u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t frame[1 << 17];
    unsigned long long said = ZSTD_getFrameContentSize(data, size);
    unpack(SPAN_OF(data, size), said < UINT32_MAX ? (uint32_t)said : 0);
    size_t len = size <= 1 << 16 ? ZSTD_compress(frame, sizeof(frame), data, size, 1) : 0;
    if (len > 0 && !ZSTD_isError(len))
        unpack(SPAN_OF(frame, len), (uint32_t)size);
    return 0;
}
