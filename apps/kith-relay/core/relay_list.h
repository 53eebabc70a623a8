/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of things that hold their own place: a struct link inside each, one more as the list's head. */
#ifndef KITH_RELAY_LIST_H
#define KITH_RELAY_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *prev, *next; /* of a head: its last and first item; of an item in no list: itself */
};

/* What holds the link `l` in its field `field`. */
#define LINK_OWNER(l, type, field) ((type *)(void *)((char *)(l)-offsetof(type, field)))

static inline void link_init(struct link *l)
{
    l->prev = l->next = l;
}
static inline bool link_alone(const struct link *l) /* of a head: the list is empty */
{
    return l->next == l;
}
static inline void link_leave(struct link *l) /* fine in no list */
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    link_init(l);
}
static inline void link_last(struct link *head, struct link *l) /* l is in no list */
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}

#endif
