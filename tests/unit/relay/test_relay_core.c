/* SPDX-License-Identifier: Apache-2.0 */
#include "apps/kith-relay/core/relay_core.h"

#include <stdlib.h>
#include <string.h>

#include "apps/kith-relay/core/store_memory.h"
#include "protocol/mem.h"
#include "tests/support/test.h"
#include "tests/support/test_entropy.h"

enum { MAX_REPLIES = 600 };

struct got { /* one answer, decoded */
    uint32_t pipe;
    uint64_t number;
    struct relay_answer answer;
};

struct fixture {
    struct test_entropy entropy;
    struct relay_store store;
    struct relay_store_ops failing; /* the memory store's, with a commit that can fail */
    struct relay_limits limits;
    struct relay_core *core;
    struct relay_party session, other, source;
    struct relay_incarnation incarnation;
    struct now now;
    struct relay_request asked[MAX_REPLIES];
    uint64_t numbers;
    size_t count;
    struct got got[MAX_REPLIES];
};

static bool commit_fails;
static enum status (*commit_really)(void *s, struct log_heads *grown);

static enum status commit_or_fail(void *s, struct log_heads *grown)
{
    if (!commit_fails) {
        return commit_really(s, grown);
    }
    struct relay_store store = {NULL, s};
    store_memory_crash(&store);
    grown->count = 0;
    return ST_RELAY_STORE_FAILED;
}

static void start(struct fixture *f)
{
    relay_core_free(f->core);
    assert_ok(relay_core_new(&f->core, &f->store, &f->limits, &f->entropy.entropy));
    relay_party_init(&f->session, f);
    relay_party_init(&f->other, f);
    relay_party_init(&f->source, f);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct store_stat stat;
    assert_non_null(f);
    test_entropy_init(&f->entropy, 3);
    assert_ok(store_memory_open(&f->store, &f->entropy.entropy));
    f->failing = *f->store.ops;
    commit_really = f->failing.commit;
    commit_fails = false;
    f->failing.commit = commit_or_fail;
    f->store.ops = &f->failing;
    f->store.ops->stat(f->store.s, &stat);
    f->incarnation = stat.incarnation;
    f->limits = relay_limits_default;
    f->now = (struct now){.wall_ms = INT64_C(1900000000000), .mono_ms = 1000};
    start(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    relay_core_free(f->core);
    f->store.ops->close(f->store.s);
    free(f);
    assert_int_equal(mem_live(), 0);
    return 0;
}

/* ---- steps ---- */

static struct log_token token_of(uint8_t log, uint8_t right)
{
    return (struct log_token){{log, right}};
}

static struct log_claim claim_of(uint8_t log, enum log_right right)
{
    struct log_hashes hashes;
    struct log_claim claim;
    for (uint8_t i = 0; i < 3; i++) {
        struct log_token token = token_of(log, i);
        log_token_hash_of(&token, &hashes.of[i]);
    }
    struct log_token token = token_of(log, (uint8_t)right);
    log_claim_make(right, &token, &hashes, &claim);
    return claim;
}

static void submit_as(struct fixture *f, struct relay_party *session, uint32_t pipe,
                      const struct relay_request *q)
{
    const struct relay_ask ask = {{pipe, (uint32_t)f->numbers}, session, &f->source, f->numbers};
    f->asked[f->numbers] = *q;
    assert_ok(relay_core_submit(f->core, &ask, q, f->now));
    f->numbers++;
}

static void submit(struct fixture *f, const struct relay_request *q)
{
    submit_as(f, &f->session, 1, q);
}

static void append(struct fixture *f, uint8_t log, uint8_t id)
{
    static uint8_t block[BLOCK_LEN];
    const struct relay_request q = {.command = RELAY_APPEND,
                                    .log = claim_of(log, LOG_WRITE),
                                    .incarnation = f->incarnation,
                                    .block_id = {{id}},
                                    .block = SPAN(block)};
    submit(f, &q);
}

static void read_log(struct fixture *f, uint8_t log, uint64_t after)
{
    const struct relay_request q = {
        .command = RELAY_READ, .log = claim_of(log, LOG_READ), .after_seq = after, .max = 32};
    submit(f, &q);
}

static struct relay_watch watches[RELAY_WATCHES_MAX];

/* A wait on `count` logs from number `first` on, each after `after`. */
static void wait_as(struct fixture *f, struct relay_party *session, uint32_t pipe, uint8_t first,
                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        watches[i] = (struct relay_watch){.log = claim_of((uint8_t)(first + i), LOG_READ)};
    }
    const struct relay_request q = {
        .command = RELAY_WAIT, .timeout_ms = 60000, .watches = watches, .watch_count = count};
    submit_as(f, session, pipe, &q);
}

/* Takes all answers due. */
static void take(struct fixture *f)
{
    struct relay_reply reply;
    f->count = 0;
    while (relay_core_next(f->core, &reply)) {
        struct got *g = &f->got[f->count++];
        g->pipe = reply.ask.ticket.pipe;
        g->number = reply.ask.number;
        assert_ok(relay_answer_decode(&g->answer, &f->asked[g->number], reply.answer));
        assert_true(ID_EQUAL(&g->answer.incarnation, &f->incarnation));
    }
}

static void commit(struct fixture *f)
{
    relay_core_commit(f->core, f->now);
    take(f);
}

static void tick(struct fixture *f, int64_t ms)
{
    f->now.mono_ms += ms;
    f->now.wall_ms += ms;
    relay_core_tick(f->core, f->now);
    commit(f);
}

/* The only answer due, which is to the last command. */
static const struct relay_answer *only(struct fixture *f, enum relay_result want)
{
    commit(f);
    assert_int_equal(f->count, 1);
    assert_int_equal(f->got[0].number, f->numbers - 1);
    assert_int_equal(f->got[0].answer.result, want);
    return &f->got[0].answer;
}

/* ---- commands ---- */

static void T50_nothing_is_answered_before_the_commit(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 1);
    read_log(f, 1, 0);
    take(f);
    assert_int_equal(f->count, 0);
    commit(f);
    assert_int_equal(f->count, 2);
    assert_int_equal(f->got[0].answer.seq, 1);
    assert_int_equal(f->got[1].answer.count, 1);
    assert_int_equal(f->got[1].answer.blocks[0].seq, 1);
}

static void T50_a_commit_that_fails_refuses_what_it_lost_and_only_that(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 1);
    (void)only(f, RELAY_OK);
    append(f, 1, 2);
    read_log(f, 1, 0);
    commit_fails = true;
    commit(f);
    commit_fails = false;
    assert_int_equal(f->got[0].answer.result, RELAY_STORE_FAILED);
    assert_true(f->got[0].answer.retry_after_ms > 0);
    assert_int_equal(f->got[1].answer.result, RELAY_OK);
    assert_int_equal(f->got[1].answer.count, 1);
    append(f, 1, 2);
    assert_int_equal(only(f, RELAY_OK)->seq, 2);
}

static void appending_again_gives_the_same_number(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 1);
    append(f, 1, 2);
    append(f, 1, 1);
    commit(f);
    assert_int_equal(f->got[0].answer.seq, 1);
    assert_int_equal(f->got[1].answer.seq, 2);
    assert_int_equal(f->got[2].answer.seq, 1);
    append(f, 1, 2);
    assert_int_equal(only(f, RELAY_OK)->seq, 2);
}

static void T07_what_was_meant_for_another_incarnation_is_refused(void **state)
{
    struct fixture *f = *state;
    struct relay_incarnation ours = f->incarnation;
    append(f, 1, 1);
    (void)only(f, RELAY_OK);
    f->incarnation.b[0] ^= 1;
    append(f, 1, 2);
    f->incarnation = ours;
    (void)only(f, RELAY_INCARNATION);
    struct relay_request trim = {
        .command = RELAY_TRIM, .log = claim_of(1, LOG_TRIM), .incarnation = {{9}}, .up_to_seq = 9};
    submit(f, &trim);
    (void)only(f, RELAY_INCARNATION);
    read_log(f, 1, 0);
    assert_int_equal(only(f, RELAY_OK)->count, 1);
}

static void T10_a_wrong_token_finds_an_absent_log(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 1);
    (void)only(f, RELAY_OK);
    struct relay_request q = {.command = RELAY_READ, .log = claim_of(1, LOG_READ), .max = 32};
    q.log.token.b[0] ^= 1;
    submit(f, &q);
    assert_int_equal(only(f, RELAY_OK)->count, 0);
    q = (struct relay_request){
        .command = RELAY_TRIM, .log = claim_of(1, LOG_TRIM), .incarnation = f->incarnation, .up_to_seq = 9};
    q.log.token.b[0] ^= 1;
    submit(f, &q);
    (void)only(f, RELAY_OK);
    read_log(f, 1, 0);
    assert_int_equal(only(f, RELAY_OK)->count, 1);
    q.log = claim_of(1, LOG_TRIM);
    submit(f, &q);
    (void)only(f, RELAY_OK);
    read_log(f, 1, 0);
    assert_int_equal(only(f, RELAY_OK)->count, 0);
}

static void info_tells_time_and_limits(void **state)
{
    struct fixture *f = *state;
    const struct relay_request q = {.command = RELAY_INFO};
    submit(f, &q);
    const struct relay_answer *a = only(f, RELAY_OK);
    assert_int_equal(a->info.time_ms, f->now.wall_ms);
    assert_int_equal(a->info.log_blocks_max, f->limits.log_blocks_max);
    assert_int_equal(a->info.session_waits_max, f->limits.session_waits_max);
}

static void bytes_that_are_no_request_are_told_so(void **state)
{
    struct fixture *f = *state;
    for (unsigned first = 0; first < 7; first++) {
        bool known = first >= RELAY_APPEND && first <= RELAY_INFO;
        const struct relay_ask ask = {{1, 1}, &f->session, &f->source, f->numbers};
        f->asked[f->numbers++].command = known ? (enum relay_command)first : RELAY_INFO;
        assert_ok(relay_core_refuse(f->core, &ask, (uint8_t)first));
        (void)only(f, RELAY_BAD_REQUEST);
    }
}

static void T15_a_batch_takes_so_many_commands(void **state)
{
    struct fixture *f = *state;
    const struct relay_request q = {.command = RELAY_INFO};
    for (size_t i = 0; i < RELAY_BATCH_MAX; i++) {
        submit(f, &q);
    }
    const struct relay_ask ask = {{1, 1}, &f->session, &f->source, 0};
    assert_status(relay_core_submit(f->core, &ask, &q, f->now), ST_RELAY_BUSY);
    assert_status(relay_core_refuse(f->core, &ask, 0), ST_RELAY_BUSY);
    commit(f);
    assert_int_equal(f->count, RELAY_BATCH_MAX);
    assert_int_equal(f->session.pending, 0);
    assert_int_equal(f->source.pending, 0);
}

/* ---- waits ---- */

static void a_wait_ends_when_one_of_its_logs_grows(void **state)
{
    struct fixture *f = *state;
    wait_as(f, &f->session, 1, 10, 3);
    commit(f);
    assert_int_equal(f->count, 0);
    assert_int_equal(f->session.pending, 1);
    append(f, 99, 1);
    (void)only(f, RELAY_OK);
    append(f, 12, 1);
    append(f, 10, 1);
    append(f, 12, 2);
    commit(f);
    assert_int_equal(f->count, 4);
    const struct relay_answer *a = &f->got[3].answer;
    assert_int_equal(a->command, RELAY_WAIT);
    assert_int_equal(a->count, 2); /* all that grew in the batch */
    assert_int_equal(a->grown[0].index, 0);
    assert_int_equal(a->grown[0].seq, 1);
    assert_int_equal(a->grown[1].index, 2);
    assert_int_equal(a->grown[1].seq, 2);
    assert_int_equal(f->session.pending, 0);
    assert_int_equal(f->session.wait_count, 0);
}

static void a_wait_for_what_is_there_already_ends_at_once(void **state)
{
    struct fixture *f = *state;
    append(f, 10, 1);
    wait_as(f, &f->session, 1, 9, 2); /* in one batch */
    commit(f);
    assert_int_equal(f->count, 2);
    assert_int_equal(f->got[1].answer.count, 1);
    assert_int_equal(f->got[1].answer.grown[0].index, 1);
    wait_as(f, &f->session, 1, 9, 2);
    assert_int_equal(only(f, RELAY_OK)->count, 1);
}

static void a_log_watched_twice_by_one_wait_is_told_twice(void **state)
{
    struct fixture *f = *state;
    append(f, 10, 1);
    (void)only(f, RELAY_OK);
    for (size_t i = 0; i < 4; i++) {
        watches[i] =
            (struct relay_watch){.log = claim_of(i == 1 ? 11 : 10, LOG_READ), .after_seq = i == 3 ? 2 : 1};
    }
    const struct relay_request q = {
        .command = RELAY_WAIT, .timeout_ms = 60000, .watches = watches, .watch_count = 4};
    submit(f, &q);
    wait_as(f, &f->other, 2, 11, 1);
    f->asked[f->numbers - 2].watches = NULL;
    commit(f);
    assert_int_equal(f->count, 0);
    static struct relay_watch asked[4];
    for (size_t i = 0; i < 4; i++) {
        asked[i].after_seq = i == 3 ? 2 : 1;
    }
    f->asked[f->numbers - 2].watches = asked;
    append(f, 10, 2);
    append(f, 11, 1);
    commit(f);
    assert_int_equal(f->count, 4);
    const struct relay_answer *a = &f->got[2].answer;
    assert_int_equal(a->count, 2 + 0); /* index 3 wants more than 2; log 11 has 1, not above 1 */
    assert_int_equal(a->grown[0].index, 0);
    assert_int_equal(a->grown[1].index, 2);
    assert_int_equal(f->got[3].answer.count, 1);
}

static void a_wait_ends_when_its_time_is_over(void **state)
{
    struct fixture *f = *state;
    tick(f, 0); /* the look for old blocks is done for a minute */
    wait_as(f, &f->session, 1, 10, 2);
    commit(f);
    assert_int_equal(relay_core_deadline(f->core), f->now.mono_ms + 60000);
    tick(f, 59999);
    assert_int_equal(f->count, 0);
    tick(f, 1);
    assert_int_equal(f->count, 1);
    assert_int_equal(f->got[0].answer.result, RELAY_OK);
    assert_int_equal(f->got[0].answer.count, 0);
    append(f, 10, 1);
    (void)only(f, RELAY_OK);
}

static void waits_of_a_lost_pipe_are_forgotten(void **state)
{
    struct fixture *f = *state;
    wait_as(f, &f->session, 1, 10, 2);
    wait_as(f, &f->session, 2, 10, 2);
    commit(f);
    relay_core_pipe_gone(f->core, 1);
    assert_int_equal(f->session.pending, 1);
    assert_int_equal(f->source.wait_count, 1);
    append(f, 10, 1);
    commit(f);
    assert_int_equal(f->count, 2);
    assert_int_equal(f->got[1].pipe, 2);
}

static void T15_one_wait_too_many_ends_the_oldest_of_its_session(void **state)
{
    struct fixture *f = *state;
    wait_as(f, &f->other, 2, 10, 1);
    for (size_t i = 0; i < f->limits.session_waits_max; i++) {
        wait_as(f, &f->session, 1, (uint8_t)(20 + i), 1);
    }
    commit(f);
    assert_int_equal(f->count, 0);
    wait_as(f, &f->session, 1, 60, 1);
    commit(f);
    assert_int_equal(f->count, 1);
    assert_int_equal(f->got[0].number, 1);
    assert_int_equal(f->got[0].answer.count, 0);
    assert_int_equal(f->session.wait_count, f->limits.session_waits_max);
    assert_int_equal(f->other.wait_count, 1);
}

static void T15_waits_of_a_source_and_of_all_are_bounded(void **state)
{
    struct fixture *f = *state;
    f->limits.source_waits_max = 2;
    f->limits.watches_max = 600;
    start(f);
    wait_as(f, &f->session, 1, 10, 500);
    commit(f);
    wait_as(f, &f->other, 1, 10, 101);
    (void)only(f, RELAY_BUSY);
    wait_as(f, &f->other, 1, 10, 1);
    commit(f);
    wait_as(f, &f->other, 1, 10, 1);
    assert_true(only(f, RELAY_BUSY)->retry_after_ms > 0);
    relay_core_pipe_gone(f->core, 1);
    wait_as(f, &f->other, 1, 10, 512);
    commit(f);
    assert_int_equal(f->count, 0);
}

/* ---- quotas ---- */

static void T15_logs_begun_are_bounded_by_session_and_come_back_with_time(void **state)
{
    struct fixture *f = *state;
    f->limits.session_logs_day = 8; /* four at once */
    start(f);
    for (uint8_t i = 0; i < 4; i++) {
        append(f, i, 1);
        (void)only(f, RELAY_OK);
    }
    append(f, 4, 1);
    uint32_t retry = only(f, RELAY_LOGS_LIMIT)->retry_after_ms;
    assert_true(retry > 3600 * 1000 && retry <= 3 * 3600 * 1000);
    append(f, 0, 2); /* a log that is there goes on */
    (void)only(f, RELAY_OK);
    tick(f, retry + 1000);
    append(f, 4, 1);
    (void)only(f, RELAY_OK);
    append(f, 5, 1);
    (void)only(f, RELAY_LOGS_LIMIT);
    read_log(f, 5, 0);
    assert_int_equal(only(f, RELAY_OK)->count, 0);
}

static void T15_bytes_are_bounded_by_source_over_all_its_sessions(void **state)
{
    struct fixture *f = *state;
    f->limits.source_bytes_day = 6 * BLOCK_LEN; /* three at once */
    start(f);
    append(f, 1, 1);
    append(f, 1, 2);
    append(f, 1, 3);
    append(f, 1, 1); /* again: costs nothing, but there must be something left */
    append(f, 1, 4);
    commit(f);
    assert_int_equal(f->got[2].answer.result, RELAY_OK);
    assert_int_equal(f->got[4].answer.result, RELAY_BYTES_LIMIT);
    assert_true(f->got[4].answer.retry_after_ms > 3600 * 1000);
    relay_party_init(&f->session, f); /* a new session of the same source */
    append(f, 1, 4);
    (void)only(f, RELAY_BYTES_LIMIT);
    tick(f, 5 * 3600 * 1000);
    append(f, 1, 4);
    (void)only(f, RELAY_OK);
}

static void T15_a_store_at_its_limit_refuses_and_goes_on_reading(void **state)
{
    struct fixture *f = *state;
    f->limits.store_blocks_max = 2;
    start(f);
    append(f, 1, 1);
    append(f, 1, 2);
    append(f, 2, 3);
    commit(f);
    assert_int_equal(f->got[1].answer.result, RELAY_OK);
    assert_int_equal(f->got[2].answer.result, RELAY_STORE_FULL);
    read_log(f, 1, 0);
    assert_int_equal(only(f, RELAY_OK)->count, 2);
}

static void T15_a_busy_relay_refuses_reads_only(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 1);
    (void)only(f, RELAY_OK);
    relay_core_busy(f->core, true);
    read_log(f, 1, 0);
    assert_true(only(f, RELAY_BUSY)->retry_after_ms > 0);
    append(f, 1, 2);
    (void)only(f, RELAY_OK);
    relay_core_busy(f->core, false);
    read_log(f, 1, 0);
    assert_int_equal(only(f, RELAY_OK)->count, 2);
}

static void blocks_older_than_the_retention_go(void **state)
{
    struct fixture *f = *state;
    append(f, 1, 1);
    (void)only(f, RELAY_OK);
    tick(f, f->limits.retention_ms - 1000);
    append(f, 1, 2);
    (void)only(f, RELAY_OK);
    read_log(f, 1, 0);
    assert_int_equal(only(f, RELAY_OK)->count, 2);
    tick(f, 61 * 1000);
    read_log(f, 1, 0);
    const struct relay_answer *a = only(f, RELAY_OK);
    assert_int_equal(a->count, 1);
    assert_int_equal(a->blocks[0].seq, 2);
}

static void T53_without_memory_every_command_is_refused_or_answered(void **state)
{
    struct fixture *f = *state;
    append(f, 10, 1);
    (void)only(f, RELAY_OK);
    for (size_t n = 1; n < 12; n++) {
        wait_as(f, &f->session, 1, 20, 3);
        append(f, 30, (uint8_t)n);
        mem_fail_after(n);
        commit(f);
        const struct relay_request q = {.command = RELAY_INFO};
        const struct relay_ask ask = {{1, 1}, &f->session, &f->source, f->numbers};
        f->asked[f->numbers++] = q;
        (void)!relay_core_submit(f->core, &ask, &q, f->now);
        commit(f);
        mem_fail_after(0);
        relay_core_pipe_gone(f->core, 1);
        commit(f);
        assert_int_equal(f->session.pending, 0);
        assert_int_equal(f->source.pending, 0);
        assert_int_equal(f->source.wait_count, 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    assert_ok(suite_start());
    const struct CMUnitTest tests[] = {
        T(T50_nothing_is_answered_before_the_commit),
        T(T50_a_commit_that_fails_refuses_what_it_lost_and_only_that),
        T(appending_again_gives_the_same_number),
        T(T07_what_was_meant_for_another_incarnation_is_refused),
        T(T10_a_wrong_token_finds_an_absent_log),
        T(info_tells_time_and_limits),
        T(bytes_that_are_no_request_are_told_so),
        T(T15_a_batch_takes_so_many_commands),
        T(a_wait_ends_when_one_of_its_logs_grows),
        T(a_wait_for_what_is_there_already_ends_at_once),
        T(a_log_watched_twice_by_one_wait_is_told_twice),
        T(a_wait_ends_when_its_time_is_over),
        T(waits_of_a_lost_pipe_are_forgotten),
        T(T15_one_wait_too_many_ends_the_oldest_of_its_session),
        T(T15_waits_of_a_source_and_of_all_are_bounded),
        T(T15_logs_begun_are_bounded_by_session_and_come_back_with_time),
        T(T15_bytes_are_bounded_by_source_over_all_its_sessions),
        T(T15_a_store_at_its_limit_refuses_and_goes_on_reading),
        T(T15_a_busy_relay_refuses_reads_only),
        T(blocks_older_than_the_retention_go),
        T(T53_without_memory_every_command_is_refused_or_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
