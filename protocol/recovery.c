/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/recovery.h"

enum { WORD_BITS = 11, KIT_BYTES = SECRET_LEN + 1 /* and 8 bits of checksum */ };

/* BIP-39: the first bits of the entropy's SHA-256. */
static uint8_t checksum(const struct secret *kit)
{
    uint8_t hash[HASH_LEN];
    hash_bytes(SPAN_ID(kit), hash);
    return hash[0];
}

void recovery_words(const struct secret *kit, char out[static RECOVERY_TEXT_LEN])
{
    uint8_t bits[KIT_BYTES];
    size_t at = 0;
    memcpy(bits, kit->b, SECRET_LEN);
    bits[SECRET_LEN] = checksum(kit);
    memset(out, 0, RECOVERY_TEXT_LEN);
    for (size_t i = 0; i < RECOVERY_WORDS; i++) {
        size_t index = 0;
        for (size_t k = i * WORD_BITS; k < (i + 1) * WORD_BITS; k++)
            index = index << 1 | (bits[k / 8] >> (7 - k % 8) & 1);
        const char *word = recovery_word(index);
        if (i > 0)
            out[at++] = ' ';
        memcpy(out + at, word, strlen(word));
        at += strlen(word);
    }
    bytes_wipe(bits, sizeof bits);
}

/* Index of a word, or of the only one that begins with these four letters or more. */
static bool find_word(const char *word, size_t len, size_t *index)
{
    for (size_t i = 0; i < RECOVERY_LIST_LEN; i++) {
        const char *listed = recovery_word(i);
        size_t listed_len = strlen(listed);
        bool whole = listed_len == len, begins = len >= 4 && len < listed_len;
        if ((whole || begins) && memcmp(listed, word, len) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next word of `text` from *at, in lower case; its length, 0 at the end, RECOVERY_WORD_MAX + 1 when it is
 * too long for any. */
static size_t next_word(struct span text, size_t *at, char out[static RECOVERY_WORD_MAX + 1])
{
    size_t len = 0;
    while (*at < text.len && is_blank(text.ptr[*at]))
        (*at)++;
    for (; *at < text.len && !is_blank(text.ptr[*at]); (*at)++) {
        uint8_t c = text.ptr[*at];
        if (c >= 'A' && c <= 'Z')
            c = (uint8_t)(c + 'a' - 'A');
        if (len < RECOVERY_WORD_MAX)
            out[len] = (char)c;
        if (len <= RECOVERY_WORD_MAX)
            len++;
    }
    return len;
}

static enum status parse_bits(struct span text, uint8_t bits[static KIT_BYTES])
{
    char word[RECOVERY_WORD_MAX + 1];
    size_t at = 0, count = 0, index = 0, len;
    enum status st = ST_OK;
    while (st == ST_OK && (len = next_word(text, &at, word)) > 0) {
        if (count == RECOVERY_WORDS)
            st = ST_RECOVERY_COUNT;
        else if (len > RECOVERY_WORD_MAX || !find_word(word, len, &index))
            st = ST_RECOVERY_WORD;
        for (size_t k = 0; st == ST_OK && k < WORD_BITS; k++) {
            size_t bit = count * WORD_BITS + k;
            bits[bit / 8] |= (uint8_t)((index >> (WORD_BITS - 1 - k) & 1) << (7 - bit % 8));
        }
        count++;
    }
    bytes_wipe(word, sizeof word);
    return st == ST_OK && count != RECOVERY_WORDS ? ST_RECOVERY_COUNT : st;
}

enum status recovery_parse(struct span text, struct secret *kit)
{
    uint8_t bits[KIT_BYTES] = {0};
    enum status st = parse_bits(text, bits);
    memcpy(kit->b, bits, SECRET_LEN);
    if (st == ST_OK && bits[SECRET_LEN] != checksum(kit))
        st = ST_RECOVERY_CHECKSUM;
    if (st != ST_OK)
        secret_wipe(kit);
    bytes_wipe(bits, sizeof bits);
    return st;
}

enum status recovery_key(const struct secret *kit, struct sign_private *private, struct sign_public *public)
{
    uint8_t seed[SIGN_SEED_LEN];
    enum status st = expand_with_label(LABELS_KITH, SPAN_ID(kit), span_text(label_text(LABEL_RECOVERY_KEY)),
                                       SPAN_EMPTY, seed, sizeof seed);
    if (st == ST_OK)
        sign_keypair_from_seed(seed, private, public);
    else {
        sign_private_wipe(private);
        *public = (struct sign_public){{0}};
    }
    bytes_wipe(seed, sizeof seed);
    return st;
}
