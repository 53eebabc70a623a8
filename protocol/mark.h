/* SPDX-License-Identifier: Apache-2.0 */
/* A family's mark: six short words from its family_id, to compare by eye and ear (protocol.md §6.3). Pure. It
 * is for people who sit beside each other and notice a wrong family; 42 bits can be ground, so no check
 * relies on it. */
#ifndef KITH_PROTOCOL_MARK_H
#define KITH_PROTOCOL_MARK_H

#include "protocol/wire.h"

enum mark_limits {
    MARK_WORDS = 6,
    MARK_LIST_LEN = 128, /* 7 bits a word */
    MARK_WORD_MAX = 6,   /* letters */
    MARK_TEXT_LEN = MARK_WORDS * (MARK_WORD_MAX + 1)
};

/* "amber-boat-cedar-drum-elm-fox", NUL-terminated. */
enum status mark_of_family(const struct family_id *f, char out[static MARK_TEXT_LEN]) MUST_USE;
const char *mark_word(size_t index); /* index < MARK_LIST_LEN */

#endif
