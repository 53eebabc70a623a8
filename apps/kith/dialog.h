/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that go on for a while: joining a family, following a conversation or a transfer. Both end with an
 * exit status.
 */
#ifndef KITH_APPS_KITH_DIALOG_H
#define KITH_APPS_KITH_DIALOG_H

#include <stdio.h>

#include "apps/kith/agent_call.h"
#include "apps/kith/cli.h"

enum exit_status { EXIT_OK = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_NO_AGENT = 3 };

enum dialog_limits { CALL_WAIT_MS = 30000, POLL_MS = 200, FOLLOW_WAIT_MS = 25000, PROGRESS_MS = 500 };

/* One call; prints what went wrong. NULL and *exit set, or the reply's result (a new reference). */
json_t *ask_agent(struct agent_line *l, const struct cli_call *c, const char *method, json_t *params,
                  int *exit);
/* On a line of its own. */
void print_json(const json_t *value);
void print_error(const struct cli_call *c, json_t *error);
/* After pair.accept: shows whom one joins and the code, waits for the parent's device, asks, waits for the
 * end. With --json and --yes one line each time the state changes; with --json alone there is no dialogue: a
 * program looks at `pair status` and says `pair yes` itself. */
int dialog_pair(struct agent_line *l, const struct cli_call *c);
/* devices --follow: the progress of this device's history, until all of it is here. */
int dialog_progress(struct agent_line *l, const struct cli_call *c);
/* history --follow: what is there, then what comes, until interrupted. */
int dialog_follow(struct agent_line *l, const struct cli_call *c);

/* A line that is drawn over again and again: cut to the window. */
void put_in_place(void (*draw)(FILE *to, const json_t *o), const json_t *o);

#endif
