/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mark.h"

#include "protocol/mem.h"

/* Short, friendly, easy to tell apart when read out: no two share their first four letters. */
/* clang-format off */
static const char words[MARK_LIST_LEN][MARK_WORD_MAX + 1] = {
    "acorn", "amber", "anchor", "apple", "april", "arrow", "aspen", "badge", "baker", "balm", "bamboo",
    "banjo", "barn", "basil", "beacon", "beaver", "berry", "birch", "bison", "bloom", "boat", "brook",
    "brush", "cabin", "cactus", "camel", "candle", "canoe", "carrot", "castle", "cedar", "cello", "chalk",
    "cherry", "clover", "cobalt", "comet", "copper", "coral", "cotton", "crane", "dahlia", "daisy",
    "dolmen", "drum", "eagle", "ember", "falcon", "fennel", "fern", "fiddle", "finch", "flint", "flute",
    "forest", "fossil", "fox", "garden", "ginger", "glove", "grape", "harbor", "hazel", "heron", "honey",
    "indigo", "island", "ivory", "jasper", "jigsaw", "kettle", "kite", "koala", "ladder", "lagoon", "lark",
    "lemon", "lilac", "linen", "lotus", "magpie", "maple", "marble", "meadow", "melon", "mint", "mitten",
    "moss", "nectar", "nickel", "nutmeg", "oak", "oasis", "olive", "onyx", "orbit", "orchid", "otter",
    "paddle", "pansy", "pebble", "pepper", "piano", "pigeon", "plum", "pollen", "poppy", "quartz", "quill",
    "rabbit", "raven", "ribbon", "river", "robin", "saddle", "salmon", "spruce", "sunset", "teapot",
    "tulip", "turtle", "velvet", "violet", "walnut", "willow", "winter", "yarrow", "zephyr",
};
/* clang-format on */

const char *mark_word(size_t index)
{
    invariant(index < MARK_LIST_LEN);
    return words[index];
}

enum status mark_of_family(const struct family_id *f, char out[static MARK_TEXT_LEN])
{
    uint8_t hash[HASH_LEN];
    uint64_t bits = 0;
    size_t at = 0;
    memset(out, 0, MARK_TEXT_LEN);
    enum status st = wire_hash_bytes(LABEL_MARK, SPAN_ID(f), hash);
    if (st != ST_OK)
        return st;
    for (size_t i = 0; i < 8; i++)
        bits = bits << 8 | hash[i];
    for (size_t i = 0; i < MARK_WORDS; i++) {
        const char *word = mark_word((size_t)(bits >> (57 - 7 * i) & (MARK_LIST_LEN - 1)));
        size_t len = strlen(word);
        if (i > 0)
            out[at++] = '-';
        memcpy(out + at, word, len);
        at += len;
    }
    return ST_OK;
}
