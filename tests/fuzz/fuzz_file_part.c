/* SPDX-License-Identifier: Apache-2.0 */
/* protocol/file_part.h: whatever decodes must encode to the same bytes, and whatever a name is made of, it
 * stays in its folder. */
#include <stdlib.h>

#include "protocol/entry_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(enum status st, const struct buffer *again, struct span in)
{
    if (st != ST_OK || !span_equal(buffer_span(again), in))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = SPAN_OF(data, size);
    char name[FILE_NAME_MAX + 1];
    struct file_record record;
    struct entry_body body;
    struct buffer again;
    struct writer w;
    buffer_init(&again, 1 << 20);
    writer_init(&w, &again);
    if (file_record_decode(&record, in) == ST_OK)
        same(file_record_encode(&w, &record), &again, in);
    buffer_wipe(&again);
    for (uint16_t kind = ENTRY_ATTACHMENT; kind <= ENTRY_FILE_AGAIN; kind++) {
        writer_init(&w, &again);
        if (entry_body_decode(&body, kind, in) == ST_OK)
            same(entry_body_encode(&w, &body), &again, in);
        buffer_wipe(&again);
    }
    file_name_defuse(in, name);
    if (!file_name_ok(span_text(name)))
        abort();
    return 0;
}
