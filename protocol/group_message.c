/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/group_message.h"

enum status group_message_encode(struct writer *w, const struct group_message *m)
{
    wire_write_version(w);
    writer_u8(w, (uint8_t)m->kind);
    wire_write_vec(w, m->body, GROUP_MESSAGE_MAX);
    return writer_done(w);
}

enum status group_message_decode(struct group_message *out, struct span in)
{
    struct reader r;
    struct group_message m = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    m.kind = wire_read_enum(&r, GROUP_ENTRY, GROUP_MESSAGE_KIND_LAST);
    m.body = reader_vec(&r, GROUP_MESSAGE_MAX);
    return wire_finish(&r, out, &m, sizeof m);
}
