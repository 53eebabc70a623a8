/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's answers as a person reads them. */
#ifndef KITH_APPS_KITH_RENDER_H
#define KITH_APPS_KITH_RENDER_H

#include <jansson.h>
#include <stdio.h>

#include "sync/command.h"

/* `params` are what was asked, `result` is the reply's result. */
void render(enum command_kind kind, const json_t *params, const json_t *result);
/* One line on stderr: what happened, who could be meant, what to do. */
void render_error(const json_t *error);
/* Rows of history, oldest first; with `all` each says with whom. */
void render_messages(const json_t *messages, int all);
/* How far a transfer of history is, in one line without its end. */
void render_progress(FILE *to, const json_t *history);
/* What a new device shows of the family that it is asked to join. */
void render_pairing_offer(const json_t *pairing);

/* How far a file is, without a line break; what became of one. */
void render_file_progress(FILE *to, const json_t *file);
void render_file_sent(const json_t *file);
void render_file_got(bool json, const json_t *file, const char *name);

#endif
