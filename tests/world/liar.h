/* SPDX-License-Identifier: Apache-2.0 */
/* A member with a program of its owner's making: the real node, in which some functions are replaced at link
 * time (liar.c) while it lies. Not in the library of the world: the program that wants it adds liar.c, and
 * the options in tests/CMakeLists.txt.
 *
 * Each call is one lie in one of the device's groups with others in them, number `which` modulo how many
 * there are. False: nothing came of it, now. */
#ifndef KITH_TESTS_LIAR_H
#define KITH_TESTS_LIAR_H

#include "tests/world/world.h"

enum lie {
    LIE_POISON,      /* a commit whose path opens for some only */
    LIE_POISON_ALL,  /* for nobody else */
    LIE_POISON_TAG,  /* whose confirmation tag is wrong */
    LIE_REFRESH,     /* a commit as soon as one would be valid */
    LIE_VOID,        /* a commit that is void */
    LIE_READD,       /* asks to be added again, and needs it not */
    LIE_FORGE_NEXT,  /* passes on an entry of somebody else that nobody wrote */
    LIE_FORGE_BODY,  /* … and one that they did write, with other words */
    LIE_JUMP,        /* an own entry far beyond its last */
    LIE_JUMP_END,    /* … under the last number that there is */
    LIE_TWICE,       /* two own entries under one number */
    LIE_AHEAD,       /* an own entry years ahead of the clock */
    LIE_AHEAD_END,   /* … at the last moment that there is */
    LIE_COUNTERFEIT, /* from now on what it gives a new device as history is partly made up */
    LIE_COUNT
};

/* What a liar writes begins so; a number follows. */
#define LIAR_TEXT "lie "

bool world_lie(struct world *w, size_t device, enum lie lie, unsigned which);

/* Entries and parts of histories that were forged since this was asked last. */
unsigned world_counterfeits(void);

#endif
