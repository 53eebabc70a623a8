/* SPDX-License-Identifier: Apache-2.0 */
/* Many files at once, and logs that are named as files' and are not: nobody is held up by them. */
#include <stdio.h>
#include <string.h>

#include "sync/files_internal.h"
#include "tests/world/world_source.h"
#include "tests/world/world_test.h"

enum { KIB = 1 << 10, MANY = 600 };

/* ---- files that nobody has ---- */

struct flood {
    struct world *w;
    int kind; /* of the scope */
    unsigned count;
};

/* Attachments that say they are small images, in logs that have nothing. */
static enum status flood(struct node *n, void *arg)
{
    const struct flood *f = arg;
    const struct scope_id scope = inside_group(n, f->kind)->scope;
    enum status st = ST_OK;
    for (unsigned i = 0; st == ST_OK && i < f->count; i++) {
        struct log_keys k;
        struct entry_body body = {.kind = ENTRY_ATTACHMENT};
        struct entry_attachment *a = &body.u.attachment;
        log_keys_new(n, true, &k);
        a->name = span_text("one.png");
        a->media = span_text("image/png");
        a->size = 100;
        a->block_key = k.block_key;
        a->log.relay = span_text(world_relay(f->w));
        memcpy(a->log.read_token.b, k.read.b, sizeof(k.read.b));
        memcpy(a->log.write_hash, k.hashes.of[LOG_WRITE].b, HASH_LEN);
        memcpy(a->log.trim_hash, k.hashes.of[LOG_TRIM].b, HASH_LEN);
        st = journal_append(n, (enum scope_kind)f->kind, &scope, &body, NULL);
        log_keys_wipe(&k);
    }
    return st;
}

struct many {
    size_t device;
    int64_t files;
};

static bool has_files(struct world *w, void *ctx)
{
    const struct many *m = ctx;
    return world_number(w, m->device, "SELECT count(*) FROM file") == m->files;
}

static void send_flood(struct world *w, size_t from, size_t to, int kind, unsigned count)
{
    struct flood f = {w, kind, count};
    struct many m = {to, count};
    assert_ok(world_forge(w, from, flood, &f));
    assert_true(world_until(w, has_files, &m, HOUR_MS));
}

struct fetched {
    size_t device;
    const char *name;
};

static bool is_here(struct world *w, void *ctx)
{
    const struct fetched *f = ctx;
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM file WHERE name = '%s' AND state = 4", f->name);
    return world_number(w, f->device, sql) == 1;
}

static void wait_here(struct world *w, size_t device, const char *name, int64_t ms)
{
    struct fetched f = {device, name};
    if (!world_until(w, is_here, &f, ms))
        fail_msg("%s has no %s", world_device_name(w, device), name);
}

static int64_t heard(struct world *w, size_t device)
{
    return world_number(w, device, "SELECT count(*) FROM log WHERE kind = 8 AND listening = 1");
}

static void T15_files_that_nobody_has_hold_up_nothing(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    send_flood(w, s.maya, s.leo, SCOPE_CONVERSATION, MANY);
    assert_true(heard(w, s.leo) <= FILES_JOBS_MAX);
    assert_true(world_number(w, s.leo, "SELECT count(*) FROM log WHERE kind = 8") >= MANY - FILES_JOBS_MAX);
    /* Nothing that matters is missed meanwhile, and files of others come. */
    story_say(w, s.rosa, "Sol", "are you there", s.leo);
    story_say(w, s.maya, "Leo", "and me", s.leo);
    world_source_add(world_source_of(w, s.rosa), "/true.png", 300 * KIB, 5, true);
    world_ok(w, s.rosa, CMD_SEND_FILE, "Sol", "/true.png", NULL, NULL);
    wait_here(w, s.leo, "true.png", 3 * MINUTE_MS);
    assert_true(heard(w, s.leo) <= FILES_JOBS_MAX);
    /* What is said of them does not grow with them: a turn is a minute, and there are eight. */
    int64_t wants = world_number(w, s.leo, "SELECT count(*) FROM entry WHERE kind = 33 AND own = 1");
    world_run(w, 10 * MINUTE_MS);
    wants = world_number(w, s.leo, "SELECT count(*) FROM entry WHERE kind = 33 AND own = 1") - wants;
    assert_in_range(wants, 1, 11 * FILES_JOBS_MAX);
}

struct wanted {
    char id[80];
};

static void see_film(void *ctx, const struct file_row *row)
{
    struct wanted *film = ctx;
    if (strcmp(row->name, "film") == 0 || strcmp(row->name, "large.png") == 0)
        snprintf(film->id, sizeof(film->id), "%s", row->id);
}

static void what_a_person_asks_for_waits_for_nothing_that_nobody_asked_for(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_source_add(world_source_of(w, s.ana), "/film", 900 * KIB, 3, false);
    world_ok(w, s.ana, CMD_SEND_FILE, "Berg", "/film", NULL, NULL);
    world_run(w, MINUTE_MS);
    struct flood f = {w, SCOPE_FAMILY, 40};
    struct many m = {s.ben, 41};
    assert_ok(world_forge(w, s.ana, flood, &f));
    assert_true(world_until(w, has_files, &m, HOUR_MS));
    world_run(w, 1000);
    assert_int_equal(heard(w, s.ben), FILES_JOBS_MAX);
    struct wanted film = {""};
    assert_ok(view_files(world_node(w, s.ben), NULL, 0, see_film, &film));
    world_ok(w, s.ben, CMD_GET, film.id, NULL, NULL, NULL);
    wait_here(w, s.ben, "film", MINUTE_MS / 2);
}

/* One that is asked for without end: at some time it is only offered again. */
static void a_file_that_nobody_asked_for_is_not_waited_for_without_end(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    send_flood(w, s.maya, s.leo, SCOPE_CONVERSATION, 1);
    world_run(w, HOUR_MS);
    assert_int_equal(world_number(w, s.leo, "SELECT state FROM file"), 3);
    for (int day = 0; day < 4; day++)
        world_run(w, 24 * HOUR_MS);
    assert_int_equal(world_number(w, s.leo, "SELECT state FROM file"), 2);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM log WHERE kind = 8"), 0);
    int64_t wants = world_number(w, s.leo, "SELECT count(*) FROM entry WHERE kind = 33 AND own = 1");
    assert_in_range(wants, 5, FILES_STALL_DOUBLINGS);
    world_run(w, 24 * HOUR_MS);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM entry WHERE kind = 33 AND own = 1"), wants);
}

/* ---- logs that are something else, later ---- */

struct next_log { /* of the epoch that one member knows and another does not yet */
    char relay[WIRE_RELAY_MAX + 1];
    struct file_log log;
};

static enum status read_log(struct node *n, void *arg)
{
    struct next_log *l = arg;
    struct query q;
    struct log_hashes hashes;
    query_start(&q, &n->sql,
                "SELECT l.hashes, l.read_token FROM log l JOIN mls_group g ON g.log = l.id WHERE g.kind = 1",
                "");
    if (query_next(&q)) {
        query_fixed(&q, 0, (uint8_t *)&hashes, sizeof(hashes));
        QUERY_ID(&q, 1, &l->log.read_token);
        memcpy(l->log.write_hash, hashes.of[LOG_WRITE].b, HASH_LEN);
        memcpy(l->log.trim_hash, hashes.of[LOG_TRIM].b, HASH_LEN);
    }
    return query_end(&q);
}

/* As an attachment that named that log would leave it. */
static enum status take_for_a_file(struct node *n, void *arg)
{
    struct next_log *l = arg;
    struct buffer source;
    uint8_t token[SHORT_ID_LEN] = {1}, hash[HASH_LEN] = {2};
    struct secret key = {{3}};
    l->log.relay = span_text(l->relay);
    buffer_init(&source, ENTRY_BODY_MAX);
    enum status st = file_log_pack(&l->log, &source);
    if (st == ST_OK)
        st = sql_run(
            &n->sql,
            "INSERT INTO file(token, hash, entry, scope, outgoing, name, media, size, parts, list_hash,"
            " block_key, state, source, at_ms) VALUES(?1,?2,0,(SELECT scope FROM mls_group WHERE"
            " kind = 1),0,'a.png','image/png',100,1,?2,?3,2,?4,0)",
            "bbbb", SPAN(token), SPAN(hash), SPAN_ID(&key), buffer_span(&source));
    if (st == ST_OK)
        st = file_fetch(n, sql_last_id(&n->sql), FILE_ASKED);
    buffer_wipe(&source);
    return st;
}

struct epochs {
    size_t device;
    int64_t epoch;
};

static bool has_epoch(struct world *w, void *ctx)
{
    const struct epochs *e = ctx;
    return world_number(w, e->device, "SELECT epoch FROM mls_group WHERE kind = 1") == e->epoch;
}

/* A member that commits knows the next epoch's log before the others do. */
static void T25_a_log_that_is_to_be_a_group_s_cannot_be_named_as_a_file_s(void **state)
{
    struct world *w = *state;
    struct story s;
    struct next_log l;
    story_children_meet(w, &s);
    world_run(w, HOUR_MS);
    snprintf(l.relay, sizeof(l.relay), "%s", world_relay(w));
    struct epochs e = {s.maya, world_number(w, s.ben, "SELECT epoch FROM mls_group WHERE kind = 1") + 1};
    world_cut(w, s.ben, true);
    world_sql(w, s.maya, "UPDATE mls_group SET refresh_at = 1, dirty = 1 WHERE kind = 1");
    world_tick(w, s.maya);
    assert_true(world_until(w, has_epoch, &e, HOUR_MS));
    assert_ok(world_forge(w, s.maya, read_log, &l));
    assert_ok(world_forge(w, s.ben, take_for_a_file, &l));
    assert_int_equal(world_number(w, s.ben, "SELECT count(*) FROM log WHERE kind = 8"), 1);
    world_cut(w, s.ben, false);
    story_say(w, s.ana, "Berg", "do you hear me", s.ben);
    story_say(w, s.ben, "Berg", "yes", s.ana);
    assert_int_equal(world_number(w, s.ben, "SELECT count(*) FROM log WHERE kind = 8"), 0);
    assert_int_equal(world_number(w, s.ben, "SELECT state FROM file"), 5);
    world_run(w, MINUTE_MS);
    story_say(w, s.ana, "Berg", "and now", s.ben);
}

/* ---- a yes that ends while a file is on its way ---- */

struct asked {
    size_t device;
    const char *sql;
    int64_t value;
};

static bool answers(struct world *w, void *ctx)
{
    const struct asked *a = ctx;
    return world_number(w, a->device, a->sql) == a->value;
}

static void wait_state(struct world *w, size_t device, const char *sql, int64_t value)
{
    struct asked a = {device, sql, value};
    if (!world_until(w, answers, &a, HOUR_MS))
        fail_msg("%s: %s: not %lld", world_device_name(w, device), sql, (long long)value);
}

static void count_appends(void *ctx, struct world *w, size_t device, const struct relay_request *append)
{
    size_t *of = ctx;
    (void)w;
    (void)append;
    of[device]++;
}

static void begin_large_image(struct world *w, struct story *s)
{
    story_children_meet(w, s);
    world_source_add(world_source_of(w, s->maya), "/large.png", 24 * 1024 * KIB, 7, true);
    world_ok(w, s->maya, CMD_SEND_FILE, "Leo", "/large.png", NULL, NULL);
    wait_state(w, s->leo, "SELECT count(*) FROM file", 1);
    assert_int_equal(world_number(w, s->maya, "SELECT state FROM file_put"), 1);
}

static void T20_a_file_is_not_put_up_any_more_when_the_yes_ends(void **state)
{
    struct world *w = *state;
    struct story s;
    static size_t appends[WORLD_DEVICES_MAX];
    begin_large_image(w, &s);
    world_ok(w, s.ana, CMD_WITHDRAW, "Leo", "Maya", NULL, NULL);
    wait_state(w, s.maya, "SELECT state FROM contact", 3);
    wait_state(w, s.maya, "SELECT state FROM file_put", 3);
    assert_int_equal(
        world_number(w, s.maya, "SELECT count(*) FROM outbox o JOIN log l ON l.id = o.log WHERE l.kind = 9"),
        0);
    memset(appends, 0, sizeof(appends));
    world_on_append(w, count_appends, appends);
    world_run(w, 10 * MINUTE_MS);
    world_on_append(w, NULL, NULL);
    assert_in_range(appends[s.maya], 0, 20);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM log WHERE kind = 9"), 0);
}

static void T20_a_file_is_not_fetched_any_more_when_the_rules_close(void **state)
{
    struct world *w = *state;
    struct story s;
    struct wanted large = {""};
    begin_large_image(w, &s);
    wait_state(w, s.maya, "SELECT state FROM file_put", 2);
    assert_ok(view_files(world_node(w, s.leo), NULL, 0, see_film, &large));
    world_ok(w, s.leo, CMD_GET, large.id, NULL, NULL, NULL);
    wait_state(w, s.leo, "SELECT have > 5 FROM file", 1);
    assert_int_equal(world_number(w, s.leo, "SELECT state FROM file"), 3);
    world_source_of(w, s.leo)->full = true; /* it is held up while the rule travels */
    world_ok(w, s.rosa, CMD_POLICY_SET, "Leo", "attachments", "none", NULL);
    world_run(w, 5 * MINUTE_MS);
    assert_int_equal(world_number(w, s.leo, "SELECT state FROM file"), 3);
    world_source_of(w, s.leo)->full = false;
    wait_state(w, s.leo, "SELECT state FROM file", 5);
    assert_true(world_number(w, s.leo, "SELECT have < parts FROM file") == 1);
    wait_state(w, s.leo, "SELECT count(*) FROM file_part", 0);
    assert_int_equal(world_refused(w, s.leo, ST_FILE_RULES), 1);
    assert_status(world_do(w, s.leo, CMD_GET, large.id, NULL, NULL, NULL)->status, ST_FILE_RULES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T15_files_that_nobody_has_hold_up_nothing),
        WORLD_TEST(what_a_person_asks_for_waits_for_nothing_that_nobody_asked_for),
        WORLD_TEST(a_file_that_nobody_asked_for_is_not_waited_for_without_end),
        WORLD_TEST(T25_a_log_that_is_to_be_a_group_s_cannot_be_named_as_a_file_s),
        WORLD_TEST(T20_a_file_is_not_put_up_any_more_when_the_yes_ends),
        WORLD_TEST(T20_a_file_is_not_fetched_any_more_when_the_rules_close),
    };
    if (suite_start() != ST_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
