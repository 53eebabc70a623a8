/* SPDX-License-Identifier: Apache-2.0 */
/* When the relay in use is away for long, or keeps losing and hiding things (protocol.md §5.4).
 *
 * Away: this device has tried for a day, in the time that it ran, and reaches another relay of the list;
 * after an hour it asked the other devices of the family by letters at the relays that it reaches, and nobody
 * has said within the last day that they reach it. Then `family` gets a successor at the next relay.
 * Somebody's word holds that up for a week in all: a device alone with its trouble moves nobody at once, and
 * a device that lies keeps nobody for ever. A parent who says `kith relay use` waits for none of this. What
 * the family's group has done the other groups at that relay follow, by successors, too.
 *
 * Losing and hiding: each hour in which the relay shows a new store, leaves out a block or withholds a commit
 * counts once. After three within a week a parent's device moves the family to the next relay by a commit,
 * while that is possible. */
#ifndef KITH_SYNC_RELAY_AWAY_H
#define KITH_SYNC_RELAY_AWAY_H

#include "sync/letters.h"

enum relay_away_limits {
    RELAY_ASK_MS = 60 * 60 * 1000,
    RELAY_ASK_AGAIN_MS = 6 * 60 * 60 * 1000,
    RELAY_ANSWER_AGAIN_MS = 60 * 60 * 1000,
    RELAY_MOVE_MS = 24 * 60 * 60 * 1000,
    RELAY_WORD_MS = 24 * 60 * 60 * 1000, /* so long does somebody's word count that they reach it */
    RELAY_ANYHOW_MS = 7 * 24 * 60 * 60 * 1000,
    RELAY_FOLLOW_MS = 60 * 1000, /* other groups, when `family` is elsewhere already */
    RELAY_TROUBLE_MS = 60 * 60 * 1000,
    RELAY_TROUBLE_MAX = 3,
    RELAY_TROUBLE_FOR_MS = 7 * 24 * 60 * 60 * 1000
};

/* Called by reconcile. */
enum status relays_away_due(struct node *n) MUST_USE;
/* Where letters for a device of this family go: to the box at the first relay of the list that this device
 * reaches, but not at `not_at` (NULL: any) if there is another. */
enum status device_box_of(struct node *n, const struct device_id *device, const char *not_at,
                          struct buffer *box, bool *found) MUST_USE;
/* A device's letterbox, as it told it. */
enum status device_box_keep(struct node *n, const struct device_id *device, struct span box) MUST_USE;
/* This device's letterbox at each relay of the list that it reaches, told to its family; a person's
 * letterboxes for contacts follow the family to its first relay. */
enum status relay_boxes_due(struct node *n) MUST_USE;

#endif
