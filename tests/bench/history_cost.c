/* SPDX-License-Identifier: Apache-2.0 */
/* What a history costs: so many messages of 200 bytes arrive on a new device through a relay in this process.
 * Beside it the same rows are dumped as SQL text and loaded again, and their bytes sealed and opened block by
 * block: the least that any transfer does. Giver, relay and taker together. */
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#include "protocol/block.h"
#include "tests/bench/sync_bench.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/world/world_past.h"
#include "tests/world/world_story.h"

enum { MESSAGE_LEN = 200, HOUR_MS = 3600 * 1000, LEVEL = 3 };

struct arrival {
    size_t device;
    double began, screen, slowest, last;
    int64_t blocks; /* read of the log */
};

static bool is_done(struct world *w, void *ctx)
{
    struct arrival *a = ctx;
    double now = bench_cpu_s();
    a->slowest = now - a->last > a->slowest ? now - a->last : a->slowest;
    if (a->screen < 0 && world_number(w, a->device, "SELECT count(*) FROM history_part WHERE state = 1") > 0)
        a->screen = now - a->began;
    int64_t blocks = world_number(w, a->device, "SELECT cursor FROM log WHERE kind = 5");
    a->blocks = blocks > a->blocks ? blocks : a->blocks;
    bool done = world_number(w, a->device, "SELECT count(*) FROM history_offer WHERE state = 2") > 0;
    a->last = bench_cpu_s();
    return done;
}

/* The rows as the sqlite3 program would dump and load them. */
static double dump_and_load(sqlite3 *from, size_t *raw, size_t *packed)
{
    static const char *const table =
        "CREATE TABLE entry(id INTEGER PRIMARY KEY, scope BLOB, author BLOB, seq INTEGER, hash BLOB, prev "
        "BLOB, hlc"
        " INTEGER, kind INTEGER, entry BLOB, UNIQUE(scope, hash)); CREATE INDEX a ON entry(scope, author, "
        "seq);"
        " CREATE INDEX k ON entry(scope, kind, id); CREATE INDEX h ON entry(scope, hlc)";
    static const char *const dump =
        "SELECT 'INSERT INTO entry "
        "VALUES('||id||','||quote(scope)||','||quote(author)||','||seq||','||quote(hash)||','"
        "||quote(prev)||','||hlc||','||kind||','||quote(entry)||');', entry FROM entry WHERE kind = 1";
    sqlite3 *to;
    sqlite3_stmt *st;
    ZSTD_CCtx *z = ZSTD_createCCtx();
    static uint8_t out[1 << 20];
    *raw = *packed = 0;
    ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, LEVEL);
    double began = bench_cpu_s(), apart = 0;
    assert_int_equal(sqlite3_open(":memory:", &to), SQLITE_OK);
    assert_int_equal(sqlite3_exec(to, table, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(to, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(from, dump, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        assert_int_equal(sqlite3_exec(to, (const char *)sqlite3_column_text(st, 0), NULL, NULL, NULL),
                         SQLITE_OK);
        double t = bench_cpu_s();
        ZSTD_inBuffer in = {sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1), 0};
        while (in.pos < in.size) {
            ZSTD_outBuffer o = {out, sizeof(out), 0};
            assert_false(ZSTD_isError(ZSTD_compressStream2(z, &o, &in, ZSTD_e_continue)));
            *packed += o.pos;
        }
        *raw += in.size;
        apart += bench_cpu_s() - t;
    }
    sqlite3_finalize(st);
    assert_int_equal(sqlite3_exec(to, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(to);
    double seconds = bench_cpu_s() - began - apart;
    for (size_t left = 1; left != 0;) {
        ZSTD_inBuffer in = {NULL, 0, 0};
        ZSTD_outBuffer o = {out, sizeof(out), 0};
        left = ZSTD_compressStream2(z, &o, &in, ZSTD_e_end);
        assert_false(ZSTD_isError(left));
        *packed += o.pos;
    }
    ZSTD_freeCCtx(z);
    return seconds;
}

static double seal_and_open(size_t bytes)
{
    static struct block_builder b;
    static struct block_payload p;
    static uint8_t block[BLOCK_LEN], message[BLOCK_WHOLE_MAX];
    struct test_entropy e;
    struct secret key = {{1}};
    const struct block_record r = {.kind = BLOCK_WHOLE, .bytes = SPAN(message)};
    test_entropy_init(&e, 1);
    double began = bench_cpu_s();
    for (size_t done = 0; done < bytes; done += BLOCK_WHOLE_MAX) {
        block_builder_init(&b);
        assert_ok(block_builder_add(&b, &r));
        assert_ok(block_seal(&b, &key, &e.entropy, block));
        assert_ok(block_open(&p, &key, SPAN(block)));
    }
    return bench_cpu_s() - began;
}

void bench_sync_history(size_t messages)
{
    size_t raw = 0, packed = 0;
    struct world *w = world_new(1);
    struct story s;
    story_children_meet(w, &s);
    world_off(w, s.leo);
    world_write_past(w, s.maya, messages, MESSAGE_LEN);
    size_t laptop = world_add(w, "Maya's laptop");
    struct arrival a = {.device = laptop, .screen = -1};
    world_run(w, HOUR_MS / 4);
    story_pair(w, s.ana, laptop, "Maya", "child", s.maya);
    a.began = a.last = bench_cpu_s();
    assert_true(world_until(w, is_done, &a, HOUR_MS));
    double took = bench_cpu_s() - a.began;
    int64_t bytes = world_number(w, laptop, "SELECT sum(packed_size) FROM history_part");
    int64_t got = world_number(w, laptop, "SELECT count(*) FROM entry WHERE kind = 1 AND has_body = 1");
    assert_true(got >= (int64_t)messages);
    double floor = dump_and_load(world_node(w, s.maya)->sql.db, &raw, &packed) + seal_and_open(raw);
    printf("history_messages %lld messages\n", (long long)got);
    printf("history_parts %lld parts\n",
           (long long)world_number(w, laptop, "SELECT count(*) FROM history_part"));
    printf("history_first_screen %.3f s\nhistory_whole %.2f s\nhistory_floor %.2f s\nhistory_ratio %.2f x\n",
           a.screen, took, floor, took / floor);
    printf("history_longest_step %.0f ms\n", a.slowest * 1e3);
    printf("history_packed %.1f MiB\nhistory_zstd %.1f MiB\nhistory_packed_ratio %.3f x\n",
           (double)bytes / 1048576, (double)packed / 1048576, (double)bytes / (double)packed);
    printf("history_relay %.1f MiB\nhistory_relay_ratio %.3f x\n", (double)a.blocks * BLOCK_LEN / 1048576,
           (double)a.blocks * BLOCK_LEN / (double)packed);
    printf("history_rows %.1f MiB\n", (double)raw / 1048576);
    world_free(w);
}
