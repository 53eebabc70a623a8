/* SPDX-License-Identifier: Apache-2.0 */
/* What chain_wish.c and wish_commit.c share. */
#ifndef KITH_SYNC_WISH_INTERNAL_H
#define KITH_SYNC_WISH_INTERNAL_H

#include "sync/chain_wish.h"

enum wish_limits {
    WISH_MAX = 64 * 1024, /* sixteen key packages and what stands beside them */
    WISH_SIGN_DAYS = 7    /* a proposal's life, §6.1 */
};

enum wish_kind { WISH_ADD = 1, WISH_REMOVE = 2 };

struct wish { /* borrows from its encoding */
    struct wish_device d;
    struct span body[2];     /* of the authority chain (may be empty) and of the roster */
    struct span proposal[2]; /* the proposal that others sign, where they have to */
};

enum status wish_decode(struct wish *x, struct span in) MUST_USE;

#endif
