/* SPDX-License-Identifier: Apache-2.0 */
/* The command line as data: which words call which command of sync/command.def, which of its fields stand
 * without a name. Options carry the fields' own names. */
#ifndef KITH_APPS_KITH_CLI_H
#define KITH_APPS_KITH_CLI_H

#include <jansson.h>
#include <stdbool.h>

#include "sync/command.h"

struct cli_row {
    const char *words; /* "pair invite" */
    enum command_kind kind;
    size_t positional; /* so many leading fields go without a name; those that are required must be there */
};

struct cli_call { /* one command line, understood */
    const char *home;
    const char *to; /* get: where the file is written */
    bool json, yes, follow, help, version;
    const struct cli_row *row; /* NULL: none was named */
    json_t *params;            /* owned */
};

/* False: what is wrong stands in `error`, a sentence without a full stop. */
bool cli_read(struct cli_call *out, int argc, char **argv, char error[static 256]);
void cli_free(struct cli_call *c);
/* The help page: all commands, or with `row` that one. */
void cli_print_help(const struct cli_row *row);

#endif
