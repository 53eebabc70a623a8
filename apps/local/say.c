/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/local/say.h"

#include <stddef.h>

struct say_row {
    enum status status;
    struct say say;
};

#define SAY(status, what, next) {ST_##status, {what, next}},
static const struct say_row rows[] = {
#include "apps/local/say.def"
};
#undef SAY

/* A peer's bad bytes, a broken key and a bug of ours have one text a class: a person can do the same about
 * each, and the name of the status stands beside it for whoever helps. */
static const struct say by_class[] = {
    [CLASS_NONE] = {"It worked", ""},
    [CLASS_USAGE] = {"That cannot be asked in this way", "See kith help"},
    [CLASS_PROTOCOL] = {"What came in breaks Kith's rules and was refused",
                        "Ask whoever sent it to try again"},
    [CLASS_CRYPTO] = {"A signature or seal is not what it claims, so it was refused",
                      "If it goes on, ask the other side for a new link"},
    [CLASS_POLICY] = {"The family's rules say no", "A parent can see and change them: kith policy show"},
    [CLASS_STORE] = {"Kith cannot read or write its database",
                     "Look at the disk, then start the agent again"},
    [CLASS_IO] = {"The network or the machine failed", "Look at the connection; Kith goes on by itself"},
    [CLASS_RETRY] = {"That is not possible at this moment", "Try again shortly"},
    [CLASS_LIMIT] = {"A limit is reached", "Try something smaller, or later"},
    [CLASS_INTERNAL] = {"Kith made a mistake; nothing was changed", "Start the agent again and report this"},
};

static const struct say *row_of(enum status s)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].status == s)
            return &rows[i].say;
    }
    return NULL;
}

struct say say_of(enum status s)
{
    const struct say *own = row_of(s);
    return own != NULL ? *own : by_class[status_class(s)];
}

bool say_has(enum status s)
{
    return row_of(s) != NULL;
}
