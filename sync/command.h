/* SPDX-License-Identifier: Apache-2.0 */
/* Commands as values: the table of command.def as C. A command is its kind and one value a field, at the
 * places that command.def names (CMD_SEND_TO …). Pure. */
#ifndef KITH_SYNC_COMMAND_H
#define KITH_SYNC_COMMAND_H

#include "protocol/bytes.h"

enum command_limits {
    COMMAND_FIELDS_MAX = 4,  /* the longest row of the table */
    COMMAND_TEXT_MAX = 12000 /* bytes of one text: with all envelopes it still fits one block */
};

enum command_who { WHO_NOBODY_YET, WHO_MEMBER, WHO_PARENT };
enum command_type { TYPE_TEXT, TYPE_INT, TYPE_BOOL };
enum command_need { NEED_REQUIRED, NEED_OPTIONAL };

#define COMMAND(id, name, who, help) CMD_##id,
enum command_kind {
#include "sync/command.def"
    COMMAND_COUNT
};

/* Places of fields: CMD_SEND_TO is 0, CMD_SEND_TEXT is 1. Each command counts from its own marker. */
#define COMMAND(id, name, who, help) CMD_MARK_##id, CMD_REWIND_##id = CMD_MARK_##id - 1,
#define FIELD(id, field, name, type, need, help) CMD_AT_##id##_##field,
enum command_place_marks {
#include "sync/command.def"
    CMD_MARK_END
};
#define FIELD(id, field, name, type, need, help) CMD_##id##_##field = CMD_AT_##id##_##field - CMD_MARK_##id,
enum command_place {
#include "sync/command.def"
    CMD_PLACE_END
};

struct command_field {
    const char *name, *help;
    enum command_type type;
    enum command_need need;
};

struct command_def {
    const char *name, *help;
    enum command_who who;
    const struct command_field *fields; /* command_field_count of them */
};

struct command_value {
    bool given;
    int64_t number;   /* TYPE_INT, TYPE_BOOL */
    struct span text; /* TYPE_TEXT: UTF-8, borrowed until node_step returns */
};

struct command {
    enum command_kind kind;
    struct command_value value[COMMAND_FIELDS_MAX];
};

/* The table's row, never NULL for a kind below COMMAND_COUNT. */
const struct command_def *command_def(enum command_kind kind);
size_t command_field_count(enum command_kind kind);
/* By its name in JSON-RPC; false when there is none. */
bool command_find(const char *name, enum command_kind *out);
/* UTF-8 of at most COMMAND_TEXT_MAX bytes without control characters but newline and tab. Also asked of every
 * text that a peer sent before it is shown. */
bool command_text_ok(struct span text);
/* Required fields there, texts within their limit, UTF-8 and without control characters (but for newline and
 * tab), nothing given beyond the row. ST_COMMAND_FIELD, ST_COMMAND_TEXT. */
enum status command_check(const struct command *c) MUST_USE;

#endif
