/* SPDX-License-Identifier: Apache-2.0 */
/* What a node looks after at the end of each batch: a list of works, each of which is done again only when it
 * could come to something else than the last time:
 *
 * - a row has changed of what it had read then (sync/sql_watch.h finds out what that is: no work has to say
 *   what it rests on, and none can forget to),
 * - the time has come that it asked for with node_wake_wall or node_wake_mono,
 * - something was rolled back, a relay came or went, or this device became another (sql_all_stale), the clock
 *   was set, or the process has just begun,
 * - or PASS_LOOK_MS have passed: what is counted in hours and days need not be asked for.
 *
 * So a work may rest on the database, on memory that sql_all_stale is called for, and on times that it asks
 * for; not on how often it is called. With `doubt` in struct node_args every work that would be left out runs
 * all the same, by the clock of its last time, and must change nothing: the simulator plays all its families
 * that way, too. */
#ifndef KITH_SYNC_PASS_H
#define KITH_SYNC_PASS_H

#include "sync/node_internal.h"

enum pass_limits { PASS_LOOK_MS = 10 * 60 * 1000 };

enum status pass_open(struct node *n) MUST_USE;
void pass_free(struct node *n);
enum status pass_run(struct node *n) MUST_USE;

#endif
