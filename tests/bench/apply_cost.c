/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs to take in a message: from the block that the relay answered with to the committed row, all
 * that the node does in that step (journal, policy, notice, search, groups, the next requests), one by one
 * and in batches. Beside it, right after each run, the floor: the same blocks' worth opened, the same entries
 * unprotected by the MLS engine (which checks the signature), and a row for each put into a copy of the table
 * `entry` with all its indexes, in one transaction on a disk of the same kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/block.h"
#include "sync/journal.h"
#include "tests/bench/sync_bench.h"
#include "tests/support/test.h"
#include "tests/support/test_member.h"
#include "tests/world/world_inside.h"
#include "tests/world/world_story.h"

enum { TEXT_LEN = 200, RUNS_MAX = 200, MESSAGE_MAX = 2048, MINUTE_MS = 60 * 1000 };

/* ---- a batch that is sent at once ---- */

struct burst {
    size_t count;
    struct scope_id scope;
};

static enum status say(struct node *n, void *arg)
{
    struct burst *b = arg;
    char text[TEXT_LEN + 1];
    struct entry_body body = {.kind = ENTRY_TEXT};
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < b->count; i++) {
        for (size_t at = 0; at < TEXT_LEN; at++)
            text[at] = at % 6 == 5 ? ' ' : (char)('a' + node_random_below(n, 26));
        text[TEXT_LEN] = '\0';
        body.u.text.text = span_text(text);
        st = journal_append(n, SCOPE_CONVERSATION, &b->scope, &body, NULL);
    }
    return st;
}

#define ARRIVED "SELECT count(*) FROM entry WHERE kind = 1 AND applied = 1 AND own = 0"

struct awaited {
    size_t device;
    int64_t texts;
};

static bool are_here(struct world *w, void *ctx)
{
    const struct awaited *a = ctx;
    return world_number(w, a->device, ARRIVED) >= a->texts;
}

static void find_scope(struct world *w, size_t device, struct scope_id *out)
{
    struct query q;
    query_start(&q, &world_node(w, device)->sql, "SELECT scope FROM contact LIMIT 1", "");
    assert_true(query_next(&q));
    QUERY_ID(&q, 0, out);
    assert_ok(query_end(&q));
}

/* Seconds of the steps in which the receiver took in what it had read. */
static double apply_batch(struct world *w, const struct story *s, size_t count)
{
    struct burst b = {.count = count};
    struct awaited a = {s->maya, (int64_t)count + world_number(w, s->maya, ARRIVED)};
    find_scope(w, s->leo, &b.scope);
    double before = world_cost(w, s->maya).read_s;
    assert_ok(world_forge(w, s->leo, say, &b));
    assert_true(world_until(w, are_here, &a, 10 * MINUTE_MS));
    double took = world_cost(w, s->maya).read_s - before;
    world_run(w, MINUTE_MS); /* nothing of this batch is left for the next one's time */
    return took;
}

/* ---- the floor ---- */

struct floor_side {
    struct test_member members[2], *everybody[3];
    struct test_entropy entropy;
    struct secret block_key;
    sqlite3 *db;
    sqlite3_stmt *insert;
    struct buffer entry; /* one as it travels and is stored */
    int64_t rows;
};

static void run_sql(sqlite3 *db, const char *sql)
{
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
}

/* A table like `entry` with all its indexes, in the same database. */
static void copy_table(sqlite3 *db)
{
    sqlite3_stmt *st;
    struct buffer all;
    static const char *const like = "SELECT replace(replace(replace(sql, 'INDEX entry_', 'INDEX floor_'), "
                                    "'ON entry(', 'ON floor_entry('),"
                                    " 'TABLE entry(', 'TABLE floor_entry(') FROM sqlite_master WHERE "
                                    "tbl_name = 'entry' AND sql IS NOT NULL"
                                    " ORDER BY type DESC";
    buffer_init(&all, 1 << 16);
    assert_int_equal(sqlite3_prepare_v2(db, like, -1, &st, NULL), SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        assert_ok(buffer_append(&all, span_text((const char *)sqlite3_column_text(st, 0))));
        assert_ok(buffer_append(&all, span_text(";")));
    }
    sqlite3_finalize(st);
    assert_ok(buffer_append(&all, SPAN_OF((const uint8_t *)"", 1)));
    run_sql(db, (const char *)all.ptr);
    buffer_wipe(&all);
}

static void floor_init(struct floor_side *f, struct world *w, const struct story *s)
{
    struct query q;
    memset(f, 0, sizeof(*f));
    f->db = world_node(w, s->maya)->sql.db;
    f->block_key.b[0] = 1;
    test_entropy_init(&f->entropy, 7);
    test_family(f->members, f->everybody, 2);
    buffer_init(&f->entry, GROUP_MESSAGE_MAX);
    query_start(&q, &world_node(w, s->maya)->sql,
                "SELECT entry FROM entry WHERE kind = 1 AND own = 0 ORDER BY id DESC LIMIT 1", "");
    assert_true(query_next(&q));
    assert_ok(buffer_copy(&f->entry, query_blob(&q, 0)));
    assert_ok(query_end(&q));
    copy_table(f->db);
    assert_int_equal(
        sqlite3_prepare_v2(f->db,
                           "INSERT INTO floor_entry(scope, author, seq, hash, prev, hlc, kind, has_body,"
                           " entry, attested, applied, arrived_at, found) VALUES(?1, ?2, ?3, ?4, ?5, ?3,"
                           " 1, 1, ?6, 1, 1, ?3, ?3)",
                           -1, &f->insert, NULL),
        SQLITE_OK);
}

static void floor_free(struct floor_side *f)
{
    sqlite3_finalize(f->insert);
    test_family_free(f->members, 2);
    buffer_wipe(&f->entry);
}

/* `count` messages packed as a device packs them; the number of blocks. */
static size_t seal_batch(struct floor_side *f, size_t count, uint8_t (*blocks)[BLOCK_LEN])
{
    static struct block_builder b;
    size_t used = 0;
    struct buffer message;
    const struct mls_protect_args a = {.key = &f->members[0].key, .plaintext = buffer_span(&f->entry)};
    block_builder_init(&b);
    for (size_t i = 0; i < count; i++) {
        buffer_init(&message, MESSAGE_MAX);
        assert_ok(mls_group_protect(f->members[0].group, &a, &f->entropy.entropy, &message));
        const struct block_record r = {.kind = BLOCK_WHOLE, .bytes = buffer_span(&message)};
        if (block_builder_room(&b) < message.len) {
            assert_ok(block_seal(&b, &f->block_key, &f->entropy.entropy, blocks[used++]));
            block_builder_init(&b);
        }
        assert_ok(block_builder_add(&b, &r));
        buffer_wipe(&message);
    }
    assert_ok(block_seal(&b, &f->block_key, &f->entropy.entropy, blocks[used]));
    return used + 1;
}

static void insert_row(struct floor_side *f)
{
    uint8_t ids[3][32] = {{1}, {2}};
    sqlite3_stmt *st = f->insert;
    entropy_fill(&f->entropy.entropy, ids[2], sizeof(ids[2]));
    f->rows++;
    sqlite3_bind_blob(st, 1, ids[0], 32, SQLITE_STATIC);
    sqlite3_bind_blob(st, 2, ids[1], 32, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, f->rows);
    sqlite3_bind_blob(st, 4, ids[2], 32, SQLITE_STATIC);
    sqlite3_bind_blob(st, 5, ids[2], 32, SQLITE_STATIC);
    sqlite3_bind_blob(st, 6, f->entry.ptr, (int)f->entry.len, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(st), SQLITE_DONE);
    sqlite3_reset(st);
}

/* Opens, unprotects, inserts, commits. */
static double floor_batch(struct floor_side *f, size_t count, uint8_t (*blocks)[BLOCK_LEN])
{
    static struct block_payload p;
    struct block_record r;
    struct mls_received got;
    size_t used = seal_batch(f, count, blocks), seen = 0;
    double began = bench_cpu_s();
    run_sql(f->db, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < used; i++) {
        assert_ok(block_open(&p, &f->block_key, SPAN_OF(blocks[i], BLOCK_LEN)));
        while (block_payload_next(&p, &r)) {
            assert_ok(mls_group_receive(f->members[1].group, r.bytes, &got));
            mls_received_wipe(&got);
            insert_row(f);
            seen++;
        }
    }
    run_sql(f->db, "COMMIT");
    assert_int_equal(seen, count);
    return bench_cpu_s() - began;
}

/* ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double middle(double *of, size_t count)
{
    qsort(of, count, sizeof(*of), by_size);
    return of[count / 2];
}

static void measure(struct world *w, const struct story *s, struct floor_side *f, size_t count)
{
    double took[RUNS_MAX], floor[RUNS_MAX];
    size_t runs = 400 / count + 5 < RUNS_MAX ? 400 / count + 5 : RUNS_MAX;
    uint8_t(*blocks)[BLOCK_LEN] = calloc(count / 8 + 1, sizeof(*blocks));
    assert_non_null(blocks);
    for (size_t i = 0; i < runs; i++) {
        took[i] = apply_batch(w, s, count);
        floor[i] = floor_batch(f, count, blocks);
    }
    double us = middle(took, runs) * 1e6 / (double)count, least = middle(floor, runs) * 1e6 / (double)count;
    printf("apply_%zu %.0f us/message\napply_%zu_floor %.0f us/message\napply_%zu_ratio %.2f x\n", count, us,
           count, least, count, us / least);
    free(blocks);
}

void bench_sync_apply(size_t largest)
{
    struct world *w = world_new(2);
    struct story s;
    struct floor_side f;
    story_children_meet(w, &s);
    for (int i = 0; i < 20; i++) /* the caches are warm */
        apply_batch(w, &s, 1);
    floor_init(&f, w, &s);
    for (size_t count = 1; count <= largest; count *= 10)
        measure(w, &s, &f, count);
    floor_free(&f);
    world_free(w);
}
