/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/command.h"

#include <string.h>

static const struct command_field fields[] = {
#define FIELD(id, field, name, type, need, help) {name, help, TYPE_##type, NEED_##need},
#include "sync/command.def"
};

static const struct command_def defs[] = {
#define COMMAND(id, name, who, help) {name, help, WHO_##who, &fields[CMD_MARK_##id]},
#include "sync/command.def"
};

static const size_t marks[] = {
#define COMMAND(id, name, who, help) CMD_MARK_##id,
#include "sync/command.def"
    CMD_MARK_END};

const struct command_def *command_def(enum command_kind kind)
{
    return &defs[kind];
}

size_t command_field_count(enum command_kind kind)
{
    return marks[kind + 1] - marks[kind];
}

bool command_find(const char *name, enum command_kind *out)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(defs[i].name, name) == 0) {
            *out = (enum command_kind)i;
            return true;
        }
    }
    return false;
}

/* Length of the UTF-8 sequence at p, 0 when it is none (RFC 3629: no overlong form, no surrogate, nothing
 * above U+10FFFF). */
static size_t utf8_len(const uint8_t *p, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;
    if (len == 0 || len > left || p[0] > 0xf4) {
        return 0;
    }
    uint32_t v = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        v = (v << 6) | (p[i] & 0x3fu);
    }
    bool surrogate = v >= 0xd800 && v <= 0xdfff;
    return v < least[len] || surrogate || v > 0x10ffff ? 0 : len;
}

bool command_text_ok(struct span text)
{
    if (text.len > COMMAND_TEXT_MAX) {
        return false;
    }
    for (size_t at = 0; at < text.len;) {
        uint8_t c = text.ptr[at];
        size_t len = utf8_len(text.ptr + at, text.len - at);
        if (len == 0 || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
            return false;
        }
        at += len;
    }
    return true;
}

enum status command_check(const struct command *c)
{
    size_t count = command_field_count(c->kind);
    for (size_t i = 0; i < COMMAND_FIELDS_MAX; i++) {
        const struct command_value *v = &c->value[i];
        if (i >= count) {
            if (v->given) {
                return ST_COMMAND_FIELD;
            }
            continue;
        }
        const struct command_field *f = &defs[c->kind].fields[i];
        if (!v->given && f->need == NEED_REQUIRED) {
            return ST_COMMAND_FIELD;
        }
        if (v->given && f->type == TYPE_TEXT && (v->text.len == 0 || !command_text_ok(v->text))) {
            return ST_COMMAND_TEXT;
        }
    }
    return ST_OK;
}
