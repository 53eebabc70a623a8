/* SPDX-License-Identifier: Apache-2.0 */
/* Files: sending one, and writing one that came where the person wants it. Both show how far they are, and
 * end with an exit status. What was begun goes on in the agent when the command ends. */
#ifndef KITH_APPS_KITH_FILE_DIALOG_H
#define KITH_APPS_KITH_FILE_DIALOG_H

#include "apps/kith/dialog.h"

/* send with a file: until the agent has read it (and the message is written); at a terminal or with --follow
 * until its bytes are at the relay. */
int dialog_send_file(struct agent_line *l, const struct cli_call *c);
/* get: until the file is here, then writes it to c->to, which must not be there yet; into it by the file's
 * own name where that is a folder. Without c->to it is only fetched. */
int dialog_get(struct agent_line *l, const struct cli_call *c);

#endif
