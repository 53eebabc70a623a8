/* SPDX-License-Identifier: Apache-2.0 */
/* One conformance test for all stores, run over each; then what is SQLite's alone. */
#include "apps/kith-relay/core/relay_store.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "apps/kith-relay/core/store_memory.h"
#include "apps/kith-relay/store/store_sqlite.h"
#include "protocol/mem.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_folder.h"

enum { HOUR = 60 * 60 * 1000, LOG_BLOCKS_MAX = 6 };

struct fixture {
    bool sqlite;
    struct test_entropy entropy;
    char folder[TEST_FOLDER_MAX], path[TEST_FOLDER_MAX + 16];
    struct relay_store store;
    struct log_heads grown;
    struct block_list list;
};

static enum status open_store(struct fixture *f)
{
    return f->sqlite ? store_sqlite_open(&f->store, f->path, &f->entropy.entropy)
                     : store_memory_open(&f->store, &f->entropy.entropy);
}

static int setup(void **state, bool sqlite)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->sqlite = sqlite;
    test_entropy_init(&f->entropy, 5);
    test_folder_make(f->folder);
    (void)snprintf(f->path, sizeof(f->path), "%s/relay.db", f->folder);
    buffer_init(&f->list.bytes, (size_t)RELAY_READ_MAX * BLOCK_LEN);
    f->list.max = RELAY_READ_MAX;
    assert_ok(open_store(f));
    *state = f;
    return 0;
}

static int setup_memory(void **state)
{
    return setup(state, false);
}

static int setup_sqlite(void **state)
{
    return setup(state, true);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->store.ops != NULL) {
        f->store.ops->close(f->store.s);
    }
    assert_int_equal(test_folder_remove(f->folder), 0);
    buffer_wipe(&f->list.bytes);
    free(f);
    assert_int_equal(mem_live(), 0);
    return 0;
}

/* ---- steps ---- */

static struct log_id log_of(uint8_t n)
{
    return (struct log_id){{n, 1}};
}

static enum status try_append(struct fixture *f, uint8_t log, uint8_t id, int64_t at_ms,
                              struct store_appended *out)
{
    static uint8_t block[BLOCK_LEN];
    memset(block, id, sizeof(block));
    const struct store_append a = {.log = log_of(log),
                                   .id = {{id}},
                                   .block = SPAN(block),
                                   .wall_ms = at_ms,
                                   .log_blocks_max = LOG_BLOCKS_MAX,
                                   .may_create = log < 100};
    return f->store.ops->append(f->store.s, &a, out);
}

static void append(struct fixture *f, uint8_t log, uint8_t id, uint64_t want_seq)
{
    struct store_appended done;
    assert_ok(try_append(f, log, id, HOUR, &done));
    assert_int_equal(done.seq, want_seq);
}

static void commit(struct fixture *f)
{
    assert_ok(f->store.ops->commit(f->store.s, &f->grown));
}

/* The blocks above `after` are those with these ids, in this order; seqs from `first` on. */
static void holds(struct fixture *f, uint8_t log, uint64_t after, uint64_t first, const char *ids)
{
    struct log_id id = log_of(log);
    assert_ok(f->store.ops->read(f->store.s, &id, after, &f->list));
    assert_int_equal(f->list.count, strlen(ids));
    for (size_t i = 0; i < f->list.count; i++) {
        assert_int_equal(f->list.seq[i], first + i);
        const uint8_t *block = f->list.bytes.ptr + i * BLOCK_LEN;
        assert_int_equal(block[0], ids[i]);
        assert_int_equal(block[BLOCK_LEN - 1], ids[i]);
    }
}

static uint64_t head(struct fixture *f, uint8_t log)
{
    struct log_id id = log_of(log);
    uint64_t seq;
    assert_ok(f->store.ops->head(f->store.s, &id, &seq));
    return seq;
}

static struct store_stat stat_of(struct fixture *f)
{
    struct store_stat s;
    f->store.ops->stat(f->store.s, &s);
    return s;
}

/* The process ends and starts again. */
static void crash(struct fixture *f)
{
    if (!f->sqlite) {
        store_memory_crash(&f->store);
        return;
    }
    f->store.ops->close(f->store.s);
    assert_ok(open_store(f));
}

/* ---- all stores ---- */

static void logs_are_numbered_from_one_without_gaps(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 'a', 1);
    append(f, 2, 'x', 1);
    append(f, 1, 'b', 2);
    commit(f);
    append(f, 1, 'c', 3);
    commit(f);
    holds(f, 1, 0, 1, "abc");
    holds(f, 1, 2, 3, "c");
    holds(f, 1, 3, 0, "");
    holds(f, 1, UINT64_MAX, 0, "");
    holds(f, 2, 0, 1, "x");
    assert_int_equal(head(f, 1), 3);
    f->list.max = 2;
    holds(f, 1, 0, 1, "ab");
}

static void a_log_that_is_not_there_is_empty(void **state)
{
    struct fixture *f = *state;
    holds(f, 9, 0, 0, "");
    assert_int_equal(head(f, 9), 0);
    struct log_id id = log_of(9);
    assert_ok(f->store.ops->trim(f->store.s, &id, 5));
    commit(f);
    assert_int_equal(stat_of(f).logs, 0);
}

static void a_block_id_is_stored_once_a_log(void **state)
{
    struct fixture *f = *state;
    struct store_appended done;
    append(f, 1, 'a', 1);
    assert_ok(try_append(f, 1, 'a', HOUR, &done)); /* in one batch */
    assert_true(done.duplicate && !done.created && done.seq == 1);
    append(f, 2, 'a', 1); /* another log */
    commit(f);
    append(f, 1, 'b', 2);
    assert_ok(try_append(f, 1, 'a', HOUR, &done)); /* in another */
    assert_true(done.duplicate && done.seq == 1);
    commit(f);
    holds(f, 1, 0, 1, "ab");
    assert_int_equal(stat_of(f).blocks, 3);
}

static void nothing_is_seen_before_commit(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 'a', 1);
    commit(f);
    append(f, 1, 'b', 2);
    append(f, 2, 'x', 1);
    crash(f);
    holds(f, 1, 0, 1, "a");
    holds(f, 2, 0, 0, "");
    assert_int_equal(head(f, 1), 1);
    assert_int_equal(stat_of(f).logs, 1);
    assert_int_equal(stat_of(f).blocks, 1);
    append(f, 1, 'c', 2);
    append(f, 2, 'y', 1);
    commit(f);
    holds(f, 1, 0, 1, "ac");
    holds(f, 2, 0, 1, "y");
}

static void commit_tells_each_log_that_grew_once(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 'a', 1);
    append(f, 2, 'x', 1);
    append(f, 1, 'b', 2);
    commit(f);
    assert_int_equal(f->grown.count, 2);
    for (size_t i = 0; i < 2; i++) {
        bool one = f->grown.at[i].log.b[0] == 1;
        assert_int_equal(f->grown.at[i].seq, one ? 2 : 1);
    }
    struct store_appended done;
    assert_ok(try_append(f, 1, 'a', HOUR, &done));
    commit(f);
    assert_int_equal(f->grown.count, 0);
    commit(f);
    assert_int_equal(f->grown.count, 0);
}

static void T15_a_log_takes_so_many_blocks_and_no_more(void **state)
{
    struct fixture *f = *state;
    struct store_appended done;
    struct log_id id = log_of(1);
    for (uint8_t i = 0; i < LOG_BLOCKS_MAX; i++) {
        append(f, 1, (uint8_t)('a' + i), i + 1u);
    }
    assert_status(try_append(f, 1, 'z', HOUR, &done), ST_RELAY_LOG_FULL);
    assert_ok(try_append(f, 1, 'a', HOUR, &done)); /* is there already */
    commit(f);
    assert_status(try_append(f, 1, 'z', HOUR, &done), ST_RELAY_LOG_FULL);
    assert_ok(f->store.ops->trim(f->store.s, &id, 2));
    commit(f);
    append(f, 1, 'z', LOG_BLOCKS_MAX + 1);
    commit(f);
    holds(f, 1, 0, 3, "cdefz");
}

static void T15_a_log_is_begun_only_where_that_is_allowed(void **state)
{
    struct fixture *f = *state;
    struct store_appended done;
    assert_status(try_append(f, 100, 'a', HOUR, &done), ST_RELAY_LOGS_LIMIT);
    assert_int_equal(done.seq, 0);
    assert_ok(try_append(f, 1, 'a', HOUR, &done));
    assert_true(done.created);
    assert_ok(try_append(f, 1, 'b', HOUR, &done));
    assert_false(done.created);
    commit(f);
    assert_int_equal(stat_of(f).logs, 1);
}

static void trimmed_blocks_are_gone_and_their_numbers_are_not_used_again(void **state)
{
    struct fixture *f = *state;
    struct log_id id = log_of(1);
    append(f, 1, 'a', 1);
    append(f, 1, 'b', 2);
    append(f, 1, 'c', 3);
    append(f, 2, 'x', 1);
    commit(f);
    assert_ok(f->store.ops->trim(f->store.s, &id, 2));
    commit(f);
    holds(f, 1, 0, 3, "c");
    holds(f, 2, 0, 1, "x");
    assert_ok(f->store.ops->trim(f->store.s, &id, UINT64_MAX));
    commit(f);
    holds(f, 1, 0, 0, "");
    assert_int_equal(head(f, 1), 3);
    assert_int_equal(stat_of(f).blocks, 1);
    crash(f);
    append(f, 1, 'd', 4);
    commit(f);
    holds(f, 1, 0, 4, "d");
}

static void old_blocks_expire_a_few_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct store_appended done;
    size_t gone;
    for (uint8_t i = 0; i < 5; i++) {
        assert_ok(try_append(f, i % 2 == 0 ? 1 : 2, (uint8_t)('a' + i), (i + 1) * (int64_t)HOUR, &done));
    }
    commit(f);
    assert_ok(f->store.ops->expire(f->store.s, 4 * (int64_t)HOUR, 2, &gone));
    assert_int_equal(gone, 2);
    commit(f);
    holds(f, 1, 0, 2, "ce");
    holds(f, 2, 0, 2, "d");
    assert_ok(f->store.ops->expire(f->store.s, 4 * (int64_t)HOUR, 2, &gone));
    assert_int_equal(gone, 1);
    commit(f);
    holds(f, 1, 0, 3, "e");
    assert_ok(f->store.ops->expire(f->store.s, 4 * (int64_t)HOUR, 2, &gone));
    assert_int_equal(gone, 0);
    commit(f);
    assert_int_equal(stat_of(f).blocks, 2);
    append(f, 1, 'z', 4);
    commit(f);
    holds(f, 1, 0, 3, "ez");
}

static void an_incarnation_lives_as_long_as_the_store(void **state)
{
    struct fixture *f = *state;
    struct relay_incarnation first = stat_of(f).incarnation;
    append(f, 1, 'a', 1);
    commit(f);
    crash(f);
    struct relay_incarnation second = stat_of(f).incarnation;
    assert_true(ID_EQUAL(&first, &second));
    if (f->sqlite) {
        f->store.ops->close(f->store.s);
        (void)unlink(f->path);
        assert_ok(open_store(f));
    } else {
        store_memory_wipe(&f->store, &f->entropy.entropy);
    }
    struct relay_incarnation third = stat_of(f).incarnation;
    assert_false(ID_EQUAL(&first, &third));
    holds(f, 1, 0, 0, "");
    append(f, 1, 'a', 1);
    commit(f);
}

static void a_copy_that_is_put_back_gives_numbers_a_second_time(void **state)
{
    struct fixture *f = *state;
    if (f->sqlite)
        return; /* there it is a copy of the file */
    struct relay_incarnation first = stat_of(f).incarnation;
    append(f, 1, 'a', 1);
    commit(f);
    store_memory_keep(&f->store);
    append(f, 1, 'b', 2);
    append(f, 2, 'c', 1);
    commit(f);
    store_memory_put_back(&f->store);
    struct relay_incarnation second = stat_of(f).incarnation;
    assert_true(ID_EQUAL(&first, &second));
    assert_int_equal(stat_of(f).blocks, 1);
    holds(f, 1, 0, 1, "a");
    holds(f, 2, 0, 0, "");
    append(f, 1, 'd', 2);
    append(f, 2, 'e', 1);
    commit(f);
    holds(f, 1, 0, 1, "ad");
    holds(f, 2, 0, 1, "e");
}

static void a_full_batch_of_different_logs_is_one_commit(void **state)
{
    struct fixture *f = *state;
    static uint8_t block[BLOCK_LEN];
    for (unsigned i = 0; i < RELAY_BATCH_MAX; i++) {
        struct store_appended done;
        const struct store_append a = {.log = {{(uint8_t)i, (uint8_t)(i >> 8), 7}},
                                       .id = {{1}},
                                       .block = SPAN(block),
                                       .wall_ms = HOUR,
                                       .log_blocks_max = 1,
                                       .may_create = true};
        assert_ok(f->store.ops->append(f->store.s, &a, &done));
    }
    commit(f);
    assert_int_equal(f->grown.count, RELAY_BATCH_MAX);
    assert_int_equal(stat_of(f).logs, RELAY_BATCH_MAX);
}

/* ---- SQLite ---- */

static void a_second_process_cannot_open_it(void **state)
{
    struct fixture *f = *state;
    struct relay_store second;
    append(f, 1, 'a', 1);
    commit(f);
    assert_status(store_sqlite_open(&second, f->path, &f->entropy.entropy), ST_STORE_BUSY);
    assert_null(second.ops);
}

static void run_sql(struct fixture *f, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void other_files_are_refused_by_name_and_left_alone(void **state)
{
    struct fixture *f = *state;
    f->store.ops->close(f->store.s);
    run_sql(f, "PRAGMA user_version = 2");
    assert_status(open_store(f), ST_STORE_NEWER);
    run_sql(f, "PRAGMA application_id = 77");
    assert_status(open_store(f), ST_STORE_FOREIGN);
    FILE *file = fopen(f->path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 4096; i++) {
        (void)fputc('k', file);
    }
    assert_int_equal(fclose(file), 0);
    assert_status(open_store(f), ST_STORE_FOREIGN);
    assert_null(f->store.ops);
    (void)snprintf(f->path, sizeof(f->path), "%s/no/such/folder", f->folder);
    assert_status(open_store(f), ST_STORE_OPEN);
    (void)snprintf(f->path, sizeof(f->path), "%s/relay.db", f->folder);
}

/* All that the tables have of a block: which log, its number, its id, the hour, the bytes. */
static void T02_nothing_else_is_stored_of_a_block(void **state)
{
    struct fixture *f = *state;
    struct store_appended done;
    assert_ok(try_append(f, 1, 'a', HOUR + 1234567, &done));
    commit(f);
    f->store.ops->close(f->store.s);
    f->store.ops = NULL;
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT row, log, seq, id, hour, length(bytes), * FROM block", -1, &q, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_int_equal(sqlite3_column_count(q), 6 + 6);
    assert_int_equal(sqlite3_column_int64(q, 4), 1);
    assert_int_equal(sqlite3_column_int64(q, 5), BLOCK_LEN);
    (void)sqlite3_finalize(q);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT group_concat(name) FROM sqlite_schema WHERE type = 'table'",
                                        -1, &q, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(q, 0), "store,log,block");
    (void)sqlite3_finalize(q);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The file may not grow by a page more: the batch fails, and the store goes on when there is room again. */
static void T50_a_disk_that_is_full_loses_the_batch_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct rlimit before, full;
    struct store_appended done;
    append(f, 1, 'a', 1);
    commit(f);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    full = before;
    full.rlim_cur = 40000;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    enum status st = ST_OK;
    for (uint8_t i = 0; i < 4 && st == ST_OK; i++) {
        st = try_append(f, 1, (uint8_t)('b' + i), HOUR, &done);
    }
    assert_status(st == ST_OK ? f->store.ops->commit(f->store.s, &f->grown) : st, ST_RELAY_STORE_FAILED);
    st = f->store.ops->commit(f->store.s, &f->grown);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    holds(f, 1, 0, 1, "a");
    assert_int_equal(stat_of(f).blocks, 1);
    append(f, 1, 'z', 2);
    commit(f);
    crash(f);
    holds(f, 1, 0, 1, "az");
}

#define M(name)                                              \
    {                                                        \
        "memory: " #name, name, setup_memory, teardown, NULL \
    }
#define S(name)                                              \
    {                                                        \
        "sqlite: " #name, name, setup_sqlite, teardown, NULL \
    }
#define BOTH(name) M(name), S(name)

int main(void)
{
    assert_ok(suite_start());
    const struct CMUnitTest tests[] = {
        BOTH(logs_are_numbered_from_one_without_gaps),
        BOTH(a_log_that_is_not_there_is_empty),
        BOTH(a_block_id_is_stored_once_a_log),
        BOTH(nothing_is_seen_before_commit),
        BOTH(commit_tells_each_log_that_grew_once),
        BOTH(T15_a_log_takes_so_many_blocks_and_no_more),
        BOTH(T15_a_log_is_begun_only_where_that_is_allowed),
        BOTH(trimmed_blocks_are_gone_and_their_numbers_are_not_used_again),
        BOTH(old_blocks_expire_a_few_at_a_time),
        BOTH(an_incarnation_lives_as_long_as_the_store),
        BOTH(a_copy_that_is_put_back_gives_numbers_a_second_time),
        BOTH(a_full_batch_of_different_logs_is_one_commit),
        S(a_second_process_cannot_open_it),
        S(other_files_are_refused_by_name_and_left_alone),
        S(T02_nothing_else_is_stored_of_a_block),
        S(T50_a_disk_that_is_full_loses_the_batch_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
