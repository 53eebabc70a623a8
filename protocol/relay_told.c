/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/relay_told.h"

enum status relay_told_encode(struct writer *w, const struct relay_told *t)
{
    wire_write_version(w);
    wire_write_vec(w, t->relay, WIRE_RELAY_MAX);
    writer_u8(w, t->reached);
    return writer_done(w);
}

enum status relay_told_decode(struct relay_told *out, struct span in)
{
    struct reader r;
    struct relay_told t = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    t.relay = reader_vec(&r, WIRE_RELAY_MAX);
    t.reached = wire_read_bool(&r);
    return wire_finish(&r, out, &t, sizeof t);
}
