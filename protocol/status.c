/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/status.h"

struct status_row {
    const char *name, *text;
    enum status_class class;
};

#define STATUS_ROW(name, class, text) {#name, text, CLASS_##class},
static const struct status_row rows[] = {STATUS_LIST(STATUS_ROW)};
static const struct status_row unknown = {"UNKNOWN", "a status that is not in the list", CLASS_INTERNAL};

static const struct status_row *row_of(enum status s)
{
    return (unsigned)s < STATUS_COUNT ? &rows[s] : &unknown;
}

const char *status_name(enum status s)
{
    return row_of(s)->name;
}

const char *status_text(enum status s)
{
    return row_of(s)->text;
}

enum status_class status_class(enum status s)
{
    return row_of(s)->class;
}
