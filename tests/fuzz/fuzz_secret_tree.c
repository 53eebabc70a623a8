/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a secret tree. The input: one byte for the width, then records as (key length, value length,
 * key, value). What loads whole must save to records that give the same keys, and give no key twice. */
#include <stdlib.h>
#include <string.h>

#include "protocol/mls/secret_tree.h"

enum { READS = 16, VALUE_MAX = 44 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status put_again(void *ctx, struct span key, struct span value)
{
    return secret_tree_load(ctx, key, value);
}

static enum status remove_none(void *ctx, struct span key)
{
    (void)ctx;
    (void)key;
    abort(); /* what was loaded and not used has nothing to remove */
}

static void read_keys(struct secret_tree *t, struct secret_tree *again)
{
    for (uint32_t i = 0; i < READS; i++) {
        uint32_t leaf = i % secret_tree_leaf_count(t), generation = i / 2;
        enum ratchet_kind kind = i % 2 ? RATCHET_APPLICATION : RATCHET_HANDSHAKE;
        struct message_key a, b;
        enum status st = secret_tree_peek(t, leaf, kind, generation, &a);
        if (secret_tree_peek(again, leaf, kind, generation, &b) != st || memcmp(&a, &b, sizeof(a)) != 0)
            abort();
        if (st != ST_OK)
            continue;
        if (secret_tree_commit(t, &a) != ST_OK || secret_tree_commit(again, &b) != ST_OK)
            abort();
        if (secret_tree_peek(t, leaf, kind, generation, &a) != ST_MLS_GENERATION_USED)
            abort();
    }
}

/* A loaded tree counts as saved, so its records are made by loading it into a tree that has changed. */
static void check_whole(const uint8_t *data, size_t size, struct secret_tree *t)
{
    struct secret_tree *again;
    struct record_sink sink = {NULL, put_again, remove_none};
    if (secret_tree_new_empty(&again, secret_tree_leaf_count(t)) != ST_OK)
        abort();
    sink.ctx = again;
    if (secret_tree_save(t, 0, &sink) != ST_OK || secret_tree_load_done(again) == ST_OK)
        abort(); /* nothing had changed: nothing may be written */
    struct reader r;
    reader_init(&r, SPAN_OF(data, size));
    while (reader_left(&r) >= 2) {
        size_t key_len = reader_u8(&r) % (RECORD_KEY_MAX + 1), value_len = reader_u8(&r) % (VALUE_MAX + 1);
        struct span key = reader_take(&r, key_len), value = reader_take(&r, value_len);
        (void)!secret_tree_load(again, key, value);
    }
    read_keys(t, again);
    secret_tree_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct secret_tree *t;
    struct reader r;
    if (size < 1 || secret_tree_new_empty(&t, 1u + data[0] % 5) != ST_OK)
        return 0;
    reader_init(&r, SPAN_OF(data + 1, size - 1));
    bool good = true;
    while (reader_left(&r) >= 2) {
        size_t key_len = reader_u8(&r) % (RECORD_KEY_MAX + 1), value_len = reader_u8(&r) % (VALUE_MAX + 1);
        struct span key = reader_take(&r, key_len), value = reader_take(&r, value_len);
        good = secret_tree_load(t, key, value) == ST_OK && good;
    }
    if (good && r.failed == ST_OK && secret_tree_load_done(t) == ST_OK)
        check_whole(data + 1, size - 1, t);
    secret_tree_free(t);
    return 0;
}
