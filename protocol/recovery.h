/* SPDX-License-Identifier: Apache-2.0 */
/* A parent's recovery kit (protocol.md §6.4): 256 bits as 24 words of BIP-39's English list, and what is
 * derived from them. Pure. The caller wipes what it gets. */
#ifndef KITH_PROTOCOL_RECOVERY_H
#define KITH_PROTOCOL_RECOVERY_H

#include "protocol/wire.h"

enum recovery_limits {
    RECOVERY_WORDS = 24,
    RECOVERY_LIST_LEN = 2048,
    RECOVERY_WORD_MAX = 8, /* letters */
    RECOVERY_TEXT_LEN = RECOVERY_WORDS * (RECOVERY_WORD_MAX + 1)
};

/* The words with one space between, NUL-terminated: 256 bits and 8 of checksum (BIP-39). */
void recovery_words(const struct secret *kit, char out[static RECOVERY_TEXT_LEN]);
/* Any white space and case; unique beginnings of four letters suffice. ST_RECOVERY_WORD for a word that is
 * not in the list, ST_RECOVERY_CHECKSUM, ST_RECOVERY_COUNT. */
enum status recovery_parse(struct span text, struct secret *kit) MUST_USE;
/* The Ed25519 key whose public half stands in the authority chain. */
enum status recovery_key(const struct secret *kit, struct sign_private *private,
                         struct sign_public *public) MUST_USE;
const char *recovery_word(size_t index); /* index < RECOVERY_LIST_LEN */

#endif
