/* SPDX-License-Identifier: Apache-2.0 */
/* What a person types into whom it means: names, beginnings of ids. */
#ifndef KITH_SYNC_NAMES_H
#define KITH_SYNC_NAMES_H

#include "sync/node_internal.h"

enum name_kinds {                      /* what may be meant; bits */
                  NAME_OF_PERSON = 1,  /* of this family */
                  NAME_OF_CONTACT = 2, /* of a contact */
                  NAME_OF_FAMILY = 4,  /* this family itself */
                  NAME_OF_DEVICE = 8,  /* a device of this family */
                  NAME_OF_REQUEST = 16,
                  NAME_TO_END = 32 /* with CONTACT: what can be ended; several persons' are several */
};

struct named {
    enum name_kinds kind;
    struct person_ref person; /* PERSON, CONTACT: whom */
    struct person_ref of;     /* CONTACT: whose contact */
    struct device_id device;
    uint8_t request[32];
    char name[NODE_NAME_MAX + 20];
};

/* ST_NAME_UNKNOWN; ST_NAME_AMBIGUOUS, with node->candidates told. Case of ASCII letters does not count. A
 * CONTACT is looked for among this person's own first; `of` (may be NULL) narrows to one person's contacts.
 */
enum status name_resolve(struct node *n, const char *text, unsigned kinds, const struct person_id *of,
                         struct named *out) MUST_USE;
/* Whom one talks with: an own contact, or the family. ST_NAME_IN_FAMILY for a person of it,
 * ST_CONTACT_NOT_YOURS for a contact of somebody else's. With `reading` also one of those whose conversation
 * this device is in. */
enum status name_to_talk(struct node *n, const char *text, bool reading, struct named *out) MUST_USE;
void names_free(struct node *n);

#endif
