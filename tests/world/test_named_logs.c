/* SPDX-License-Identifier: Apache-2.0 */
/* A device that lies to the other devices of its own person about which log is which. */
#include <stdio.h>
#include <string.h>

#include "protocol/history_part.h"
#include "sync/journal.h"
#include "sync/letters.h"
#include "sync/logs.h"
#include "tests/world/world_test.h"

struct scene {
    struct world *w;
    size_t phone, laptop; /* both Ana's */
};

static int setup(void **state)
{
    static struct scene x;
    x.w = world_new(test_seed(1));
    x.phone = world_add(x.w, "Ana's phone");
    x.laptop = world_add(x.w, "Ana's laptop");
    story_found(x.w, x.phone, "Berg", "Ana");
    story_pair(x.w, x.phone, x.laptop, "Ana", "parent", SIZE_MAX);
    story_say(x.w, x.phone, "Berg", "one", x.laptop);
    story_say(x.w, x.laptop, "Berg", "two", x.phone);
    world_run(x.w, 10 * MINUTE_MS); /* until the history is here */
    *state = &x;
    return 0;
}

static int teardown(void **state)
{
    world_free(((struct scene *)*state)->w);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- the lies ---- */

struct lie {
    struct device_id to;
    struct log_keys keys; /* of the log that is named */
    const char *relay;
};

static enum status say_in_own(struct node *n, const struct entry_body *body)
{
    struct scope_id own;
    enum status st = scope_id_of_person(SCOPE_OWN, &n->self.person, &own);
    return st == ST_OK ? journal_append(n, SCOPE_OWN, &own, body, NULL) : st;
}

/* A history of no parts, that lies in that log. */
static enum status offer(struct node *n, void *arg)
{
    const struct lie *l = arg;
    struct buffer page;
    struct writer w;
    struct history_manifest m = {.relay = span_text(l->relay), .block_key = l->keys.block_key, .last = true};
    struct entry_body body = {.kind = ENTRY_HISTORY_OFFER};
    buffer_init(&page, ENTRY_BODY_MAX);
    memcpy(m.read_token.b, l->keys.read.b, sizeof(m.read_token.b));
    memcpy(m.write_hash, l->keys.hashes.of[LOG_WRITE].b, HASH_LEN);
    memcpy(m.trim_hash, l->keys.hashes.of[LOG_TRIM].b, HASH_LEN);
    writer_init(&w, &page);
    enum status st = history_manifest_encode(&w, &m);
    body.u.history_offer.to = l->to;
    body.u.history_offer.manifest = buffer_span(&page);
    if (st == ST_OK)
        st = say_in_own(n, &body);
    buffer_wipe(&page);
    return st;
}

/* The same log as a letterbox of this person. */
static enum status hand_over_box(struct node *n, void *arg)
{
    const struct lie *l = arg;
    struct entry_body body = {.kind = ENTRY_LETTERBOX_KEY};
    struct entry_letterbox_key *k = &body.u.letterbox_key;
    memset(k->peer.family.b, 7, sizeof(k->peer.family.b));
    memset(k->peer.person.b, 7, sizeof(k->peer.person.b));
    k->box.relay = span_text(l->relay);
    memcpy(k->box.write_token.b, l->keys.write.b, sizeof(k->box.write_token.b));
    memcpy(k->box.read_token.b, l->keys.read.b, sizeof(k->box.read_token.b));
    memcpy(k->box.trim_token.b, l->keys.trim.b, sizeof(k->box.trim_token.b));
    k->box.block_key = l->keys.block_key;
    memset(k->box.hpke_private.b, 9, sizeof(k->box.hpke_private.b));
    return say_in_own(n, &body);
}

/* The keys of a row of the liar's own. */
static void keys_of(struct scene *x, const char *where, struct log_keys *k)
{
    char sql[200];
    struct query q;
    memset(k, 0, sizeof(*k));
    snprintf(sql, sizeof(sql), "SELECT hashes, read_token, block_key FROM log WHERE %s", where);
    query_start(&q, &world_node(x->w, x->phone)->sql, sql, "");
    assert_true(query_next(&q));
    query_fixed(&q, 0, (uint8_t *)&k->hashes, sizeof(k->hashes));
    QUERY_ID(&q, 1, &k->read);
    QUERY_ID(&q, 2, &k->block_key);
    assert_ok(query_end(&q));
}

static struct lie begin(struct scene *x)
{
    struct lie l = {.to = world_node(x->w, x->laptop)->self.device, .relay = world_relay(x->w)};
    return l;
}

static void assert_they_talk(struct scene *x)
{
    assert_int_equal(
        world_number(x->w, x->laptop,
                     "SELECT count(*) FROM mls_group g WHERE g.state = 1 AND NOT EXISTS (SELECT 1 FROM log l"
                     " WHERE l.id = g.log AND l.kind = 1 AND l.owner = g.id AND l.listening = 1)"),
        0);
    story_say(x->w, x->phone, "Berg", "three", x->laptop);
    story_say(x->w, x->laptop, "Berg", "four", x->phone);
}

/* ---- what comes of them ---- */

static void T15_a_history_that_is_said_to_lie_in_a_groups_log_takes_nobody_from_the_group(void **state)
{
    static const int kinds[] = {SCOPE_FAMILY, SCOPE_PARENTS, SCOPE_OWN};
    struct scene *x = *state;
    struct lie l = begin(x);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char where[100];
        snprintf(where, sizeof(where), "id = (SELECT log FROM mls_group WHERE kind = %d AND state = 1)",
                 kinds[i]);
        keys_of(x, where, &l.keys);
        assert_ok(world_forge(x->w, x->phone, offer, &l));
    }
    world_run(x->w, 5 * MINUTE_MS);
    assert_int_equal(world_refused(x->w, x->laptop, ST_HISTORY_LOG), 3);
    assert_they_talk(x);
    world_restart(x->w, x->laptop);
    story_say(x->w, x->phone, "Berg", "five", x->laptop);
}

static void T15_a_history_at_a_relay_that_is_not_the_familys_is_not_asked_for(void **state)
{
    struct scene *x = *state;
    struct lie l = begin(x);
    size_t other = world_add_relay(x->w);
    l.relay = world_relay_at(x->w, other);
    log_keys_new(world_node(x->w, x->phone), true, &l.keys);
    assert_ok(world_forge(x->w, x->phone, offer, &l));
    char sql[400]; /* also when it is the relay of somebody to whom letters go */
    snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO relay(address) VALUES('%s')", l.relay);
    world_sql(x->w, x->laptop, sql);
    world_run(x->w, 5 * MINUTE_MS);
    assert_int_equal(world_refused(x->w, x->laptop, ST_HISTORY_LOG), 1);
    assert_int_equal(world_number(x->w, x->laptop, "SELECT count(*) FROM log WHERE kind = 5"), 0);
    assert_they_talk(x);
}

static void T15_a_letterbox_keeps_its_log_when_a_history_is_said_to_lie_there(void **state)
{
    struct scene *x = *state;
    struct lie l = begin(x);
    log_keys_new(world_node(x->w, x->phone), true, &l.keys);
    assert_ok(world_forge(x->w, x->phone, hand_over_box, &l));
    world_run(x->w, MINUTE_MS);
    assert_ok(world_forge(x->w, x->phone, offer, &l));
    world_run(x->w, 5 * MINUTE_MS);
    assert_int_equal(world_refused(x->w, x->laptop, ST_HISTORY_LOG), 1);
    assert_int_equal(world_number(x->w, x->laptop,
                                  "SELECT count(*) FROM letterbox b JOIN log l ON l.id = b.log WHERE b.kind ="
                                  " 4 AND l.kind = 2 AND l.owner = b.id AND l.listening = 1"),
                     1);
    assert_they_talk(x);
}

static void a_log_is_given_to_nobody_but_its_owner(void **state)
{
    struct scene *x = *state;
    struct node *n = world_node(x->w, x->phone);
    struct log_keys k;
    struct log_args a = {.kind = LOG_OF_CARD, .owner = 0, .relay = world_relay(x->w), .keys = &k};
    int64_t first = 0, again = 0;
    assert_ok(sql_run(&n->sql, "BEGIN", ""));
    log_keys_new(n, true, &k);
    assert_ok(logs_add(n, &a, &first));
    assert_ok(logs_add(n, &a, &again));
    assert_int_equal(first, again);
    a.owner = 1;
    assert_int_equal(logs_add(n, &a, &again), ST_LOG_TAKEN);
    assert_int_equal(again, 0);
    a.kind = LOG_OF_LETTERBOX;
    assert_int_equal(logs_add(n, &a, &again), ST_LOG_TAKEN);
    a.kind = LOG_OF_FILE;
    assert_int_equal(logs_add(n, &a, &again), ST_LOG_TAKEN);
    a.kind = LOG_OUTWARD;
    assert_ok(logs_add(n, &a, &again));
    assert_int_equal(again, first);
    assert_ok(sql_run(&n->sql, "ROLLBACK", ""));
    log_keys_wipe(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(T15_a_history_that_is_said_to_lie_in_a_groups_log_takes_nobody_from_the_group),
        TEST(T15_a_history_at_a_relay_that_is_not_the_familys_is_not_asked_for),
        TEST(T15_a_letterbox_keeps_its_log_when_a_history_is_said_to_lie_there),
        TEST(a_log_is_given_to_nobody_but_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
