/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/contact_request.h"

#include "protocol/letterbox.h"

enum status contact_request_encode(struct writer *w, const struct contact_request *c)
{
    wire_write_version(w);
    wire_write_vec(w, c->card, CARD_MAX);
    wire_write_text(w, c->note, WIRE_NOTE_MAX);
    writer_u8(w, (uint8_t)c->how_met);
    writer_optional(w, c->has_permit);
    if (c->has_permit)
        wire_write_vec(w, c->permit, WIRE_PERMIT_MAX);
    wire_write_vec(w, c->key_package, WIRE_KEY_PACKAGE_MAX);
    wire_write_vec(w, c->reply_letterbox, LETTERBOX_MAX);
    return writer_done(w);
}

enum status contact_request_decode(struct contact_request *out, struct span in)
{
    struct reader r;
    struct contact_request c = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    c.card = reader_vec(&r, CARD_MAX);
    c.note = wire_read_text(&r, WIRE_NOTE_MAX);
    c.how_met = wire_read_enum(&r, MET_INVITE, HOW_MET_LAST);
    c.has_permit = reader_optional(&r);
    if (c.has_permit)
        c.permit = reader_vec(&r, WIRE_PERMIT_MAX);
    c.key_package = reader_vec(&r, WIRE_KEY_PACKAGE_MAX);
    c.reply_letterbox = reader_vec(&r, LETTERBOX_MAX);
    return wire_finish(&r, out, &c, sizeof c);
}
