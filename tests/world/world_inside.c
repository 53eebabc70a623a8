/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/world/world_inside.h"
#include "sync/scope_group.h"

#include <sodium.h>
#include <stdio.h>

#include "sync/scope_group.h"
#include "tests/support/test.h"

/* ---- the database ---- */

static sqlite3_stmt *prepared(struct world *w, size_t device, const char *sql)
{
    sqlite3 *db = world_node(w, device)->sql.db;
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    return st;
}

int64_t world_number(struct world *w, size_t device, const char *sql)
{
    sqlite3_stmt *st = prepared(w, device, sql);
    int64_t out = -1;
    if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL)
        out = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return out;
}

int64_t world_refused(struct world *w, size_t device, enum status why)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT value FROM meta WHERE key = 'refused:%s'", status_name(why));
    int64_t count = world_number(w, device, sql);
    return count < 0 ? 0 : count;
}

void world_sql(struct world *w, size_t device, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(world_node(w, device)->sql.db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

enum status world_forge(struct world *w, size_t device, node_fn fn, void *arg)
{
    struct node *n = world_node(w, device);
    enum status why = ST_OK;
    n->now = world_now(w);
    world_sql(w, device, "BEGIN IMMEDIATE");
    enum status st = node_guard(n, fn, arg, &why);
    groups_settled(n);
    world_sql(w, device, "COMMIT");
    assert_ok(st);
    world_tick(w, device);
    return why;
}

uint64_t world_group_log(struct world *w, size_t device, int kind, struct log_id *id)
{
    char sql[200];
    snprintf(sql, sizeof(sql),
             "SELECT l.log_id, l.cursor FROM mls_group g JOIN log l ON l.id = g.log WHERE g.kind = %d AND"
             " g.state = 1",
             kind);
    sqlite3_stmt *st = prepared(w, device, sql);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_bytes(st, 0), sizeof(id->b));
    memcpy(id->b, sqlite3_column_blob(st, 0), sizeof(id->b));
    uint64_t cursor = (uint64_t)sqlite3_column_int64(st, 1);
    sqlite3_finalize(st);
    return cursor;
}

void world_letterbox_log(struct world *w, size_t device, struct log_id *id)
{
    struct query q;
    query_start(&q, &world_node(w, device)->sql,
                "SELECT l.log_id FROM letterbox b JOIN log l ON l.id = b.log WHERE b.kind = 1", "");
    assert_true(query_next(&q));
    QUERY_ID(&q, 0, id);
    assert_ok(query_end(&q));
}

void world_withhold_group(struct world *w, size_t device, int kind)
{
    struct log_id log;
    world_group_log(w, device, kind, &log);
    world_withhold_log(w, device, &log);
}

struct group *inside_group(struct node *n, int kind)
{
    struct group *g = NULL;
    int64_t id = 0;
    assert_ok(sql_number(&n->sql, &id, 0, "SELECT id FROM mls_group WHERE kind = ? AND state = 1", "i",
                         (int64_t)kind));
    assert_ok(group_get(n, id, &g));
    return g;
}

static enum status stick(struct node *n, void *kind)
{
    return group_stuck(n, inside_group(n, *(const int *)kind), "a commit does not open on this device");
}

void world_stick(struct world *w, size_t device, int kind)
{
    assert_ok(world_forge(w, device, stick, &kind));
}

/* ---- what it holds ---- */

static void hash_column(crypto_hash_sha256_state *h, sqlite3_stmt *st, int column)
{
    int len = sqlite3_column_bytes(st, column);
    uint8_t head[5] = {(uint8_t)sqlite3_column_type(st, column), (uint8_t)(len >> 24), (uint8_t)(len >> 16),
                       (uint8_t)(len >> 8), (uint8_t)len};
    crypto_hash_sha256_update(h, head, sizeof(head));
    crypto_hash_sha256_update(h, sqlite3_column_blob(st, column), (unsigned)len);
}

void world_digest(struct world *w, size_t device, const char *sql, uint8_t out[static WORLD_DIGEST_LEN])
{
    sqlite3_stmt *st = prepared(w, device, sql);
    crypto_hash_sha256_state h;
    crypto_hash_sha256_init(&h);
    while (sqlite3_step(st) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(st); i++)
            hash_column(&h, st, i);
    }
    sqlite3_finalize(st);
    crypto_hash_sha256_final(&h, out);
}

void world_same(struct world *w, size_t a, size_t b, const char *what, const char *sql)
{
    uint8_t x[WORLD_DIGEST_LEN], y[WORLD_DIGEST_LEN];
    world_digest(w, a, sql, x);
    world_digest(w, b, sql, y);
    if (memcmp(x, y, sizeof(x)) != 0)
        fail_msg("%s differ between %s and %s", what, world_device_name(w, a), world_device_name(w, b));
}

/* Scopes in which both have an active group, as an SQL list of literals. */
static void shared_scopes(struct world *w, size_t a, size_t b, char *out, size_t cap)
{
    sqlite3_stmt *st =
        prepared(w, a, "SELECT hex(scope) FROM mls_group WHERE state = 1 AND kind < 5 ORDER BY scope");
    size_t at = 0;
    out[0] = '\0';
    while (sqlite3_step(st) == SQLITE_ROW) {
        char there[200];
        const char *hex = (const char *)sqlite3_column_text(st, 0);
        snprintf(there, sizeof(there), "SELECT count(*) FROM mls_group WHERE state = 1 AND scope = x'%s'",
                 hex);
        if (world_number(w, b, there) > 0)
            at += (size_t)snprintf(out + at, cap - at, "%sx'%s'", at > 0 ? "," : "", hex);
        assert_true(at < cap);
    }
    sqlite3_finalize(st);
    assert_true(at > 0);
}

void world_same_state(struct world *w, size_t a, size_t b)
{
    char scopes[2048], sql[4096];
    shared_scopes(w, a, b, scopes, sizeof(scopes));
    snprintf(
        sql, sizeof(sql),
        "SELECT scope, author, seq, hash, has_body, attested, applied, fork FROM entry WHERE scope IN (%s)"
        " AND NOT (own = 1 AND fork = 1)" /* void, and never sent: an old copy's */
        " ORDER BY scope, author, seq, hash",
        scopes);
    world_same(w, a, b, "entries", sql);
    snprintf(sql, sizeof(sql),
             "SELECT scope, generation, founding, epoch FROM mls_group WHERE state = 1 AND"
             " scope IN (%s) ORDER BY scope",
             scopes);
    world_same(w, a, b, "epochs", sql);
    world_same(w, a, b, "chains of the family",
               "SELECT chain, height, hash FROM chain WHERE family = (SELECT value FROM meta WHERE key ="
               " 'family') ORDER BY chain, height");
    snprintf(
        sql, sizeof(sql),
        "SELECT child_family, child, contact_family, contact, serial, enough, permit FROM permit WHERE child"
        " IN (SELECT subject_person FROM mls_group WHERE kind = 3 AND scope IN (%s)) ORDER BY 1,2,3,4,5",
        scopes);
    world_same(w, a, b, "permits", sql);
    snprintf(
        sql, sizeof(sql),
        "SELECT child_family, child, contact_family, contact, serial FROM withdrawal WHERE child IN (SELECT"
        " subject_person FROM mls_group WHERE kind = 3 AND scope IN (%s)) ORDER BY 1,2,3,4,5",
        scopes);
    world_same(w, a, b, "withdrawals", sql);
}

void world_files(struct world *w, size_t device, world_see_file see, void *ctx)
{
    world_off(w, device);
    world_disk_files(world_disk_of(w, device), see, ctx);
    world_on(w, device);
}
