/* SPDX-License-Identifier: Apache-2.0 */
/* What a person reads when something did not work: what happened, and what to do next. By status; the
 * developers' texts in protocol/status.def never reach a person. Pure. */
#ifndef KITH_APPS_LOCAL_SAY_H
#define KITH_APPS_LOCAL_SAY_H

#include <stdbool.h>

#include "protocol/status.h"

struct say {
    const char *what; /* a sentence without a full stop; never NULL */
    const char *next; /* what to do, without a full stop; "" where nothing can be done */
};

/* The row of say.def, or the class's text where the status has none of its own. */
struct say say_of(enum status s);
/* Has the status a row of its own? (for the test that no status a person can meet goes without) */
bool say_has(enum status s);

#endif
