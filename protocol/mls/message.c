/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/message.h"

void message_read(struct reader *r, struct message *out)
{
    struct message m = {.version = reader_u16(r)};
    uint16_t format = reader_u16(r);
    if (r->failed == ST_OK && m.version != MLS_VERSION_10) {
        reader_fail(r, ST_WIRE_VERSION);
    }
    m.format = (enum wire_format)format;
    switch (format) {
    case WIRE_PUBLIC_MESSAGE:
        public_message_read(r, &m.u.public_message);
        break;
    case WIRE_PRIVATE_MESSAGE:
        private_message_read(r, &m.u.private_message);
        break;
    case WIRE_WELCOME:
        welcome_read(r, &m.u.welcome);
        break;
    case WIRE_GROUP_INFO:
        group_info_read(r, &m.u.group_info);
        break;
    case WIRE_KEY_PACKAGE:
        key_package_read(r, &m.u.key_package);
        break;
    default:
        reader_fail(r, ST_WIRE_ENUM);
        break;
    }
    *out = r->failed == ST_OK ? m : (struct message){0};
}

enum status message_decode(struct message *out, struct span in)
{
    struct reader r;
    reader_init(&r, in);
    message_read(&r, out);
    enum status s = reader_done(&r);
    if (s != ST_OK) {
        *out = (struct message){0};
    }
    return s;
}

void message_write_header(struct writer *w, enum wire_format format)
{
    writer_u16(w, MLS_VERSION_10);
    writer_u16(w, (uint16_t)format);
}

void message_write(struct writer *w, const struct message *m)
{
    message_write_header(w, m->format);
    switch (m->format) {
    case WIRE_PUBLIC_MESSAGE:
        public_message_write(w, &m->u.public_message);
        break;
    case WIRE_PRIVATE_MESSAGE:
        private_message_write(w, &m->u.private_message);
        break;
    case WIRE_WELCOME:
        welcome_write(w, &m->u.welcome);
        break;
    case WIRE_GROUP_INFO:
        group_info_write(w, &m->u.group_info);
        break;
    case WIRE_KEY_PACKAGE:
        key_package_write(w, &m->u.key_package);
        break;
    }
}
