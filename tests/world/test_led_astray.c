/* SPDX-License-Identifier: Apache-2.0 */
/* Members whose programs found successors, or tell of them, as no honest one would: nobody is thrown out,
 * and all meet again. */
#include <stdio.h>
#include <string.h>

#include "protocol/kith_context.h"
#include "sync/plan.h"
#include "sync/readd.h"
#include "sync/succession.h"
#include "tests/world/world_test.h"

/* ---- what the founder's program does otherwise: --wrap of the linker ---- */

static struct {
    bool founder_zero, other_epoch, old_head;
    const struct self *overseer; /* comes along */
} lying;

enum status __real_successor_name(const struct successor *s, uint8_t out[static SUCCESSOR_NAME_LEN]);
enum status __wrap_successor_name(const struct successor *s, uint8_t out[static SUCCESSOR_NAME_LEN]) MUST_USE;
enum status __wrap_successor_name(const struct successor *s, uint8_t out[static SUCCESSOR_NAME_LEN])
{
    if (lying.founder_zero)
        ((struct successor *)(uintptr_t)s)->founder = 0;
    if (lying.other_epoch)
        ((struct successor *)(uintptr_t)s)->epoch = UINT64_MAX;
    return __real_successor_name(s, out);
}

static enum status one_back(struct node *n, struct family_head *f)
{
    struct query q;
    query_start(&q, &n->sql, "SELECT hash FROM chain WHERE family = ? AND chain = 1 AND height = ?", "bi",
                SPAN_ID(&f->family), (int64_t)(f->head.height - 1));
    if (query_next(&q))
        QUERY_ID(&q, 0, &f->head.hash);
    f->head.height--;
    return query_end(&q);
}

enum status __real_group_found(struct node *n, const struct group_found_args *a, struct group **out);
enum status __wrap_group_found(struct node *n, const struct group_found_args *a, struct group **out) MUST_USE;
enum status __wrap_group_found(struct node *n, const struct group_found_args *a, struct group **out)
{
    struct group_found_args changed = *a;
    enum status st = lying.old_head ? one_back(n, &changed.context.families[0]) : ST_OK;
    return st == ST_OK ? __real_group_found(n, &changed, out) : st;
}

enum status __real_group_commit(struct node *n, struct group *g, const struct group_commit_args *a);
enum status __wrap_group_commit(struct node *n, struct group *g, const struct group_commit_args *a) MUST_USE;
enum status __wrap_group_commit(struct node *n, struct group *g, const struct group_commit_args *a)
{
    struct group_commit_args changed = *a;
    if (lying.old_head) { /* nor does its commit bring the newest */
        changed.context = NULL;
        changed.evidence_count = 0;
    }
    return __real_group_commit(n, g, &changed);
}

enum status __real_plan_commit(struct node *n, struct group *g, struct plan *p);
enum status __wrap_plan_commit(struct node *n, struct group *g, struct plan *p) MUST_USE;
enum status __wrap_plan_commit(struct node *n, struct group *g, struct plan *p)
{
    enum status st = ST_OK;
    if (lying.overseer && g->kind == SCOPE_CONVERSATION) {
        const struct person_ref who = {lying.overseer->family, lying.overseer->person};
        st = plan_add(n, p, &lying.overseer->device, &who);
    }
    return st == ST_OK ? __real_plan_commit(n, g, p) : st;
}

/* ---- all ---- */

static int setup(void **state)
{
    memset(&lying, 0, sizeof(lying));
    *state = world_new(test_seed(1));
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

#define TALK "(SELECT max(id) FROM mls_group WHERE kind = 5 AND state != 3)"

static int64_t of_talk(struct world *w, size_t device, const char *column)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT %s FROM mls_group WHERE id = " TALK, column);
    return world_number(w, device, sql);
}

/* The conversation's group here. */
static enum status talk(struct node *n, struct group **out)
{
    int64_t id = 0;
    enum status st = sql_number(&n->sql, &id, 0, "SELECT " TALK, "");
    return st == ST_OK ? group_get(n, id, out) : st;
}

/* ---- a founder that keeps its letters back ---- */

static enum status gather_packages(struct node *n, void *arg)
{
    struct group *g = NULL;
    enum status st = talk(n, &g);
    (void)arg;
    if (st == ST_OK)
        st = group_succeed(n, &g->scope, SUCCESSOR_REFUSED, NULL);
    if (st == ST_OK)
        st = sql_run(&n->sql, "UPDATE succession SET due_at = ?", "i", n->now.wall_ms + 30 * HOUR_MS);
    return st == ST_OK ? succession_ask(n, g) : st;
}

enum telling { AS_IT_IS, RENAMED, ALONE }; /* a Successor; with another nonce; only its Admission */

static enum status letter_of(struct query *q, enum telling how, struct buffer *body, struct letter *l)
{
    struct successor s;
    struct writer w;
    l->type = how == ALONE ? LETTERBOX_ADMISSION : LETTERBOX_SUCCESSOR;
    l->box = query_blob(q, 1);
    l->body = query_blob(q, 4);
    QUERY_ID(q, 2, &l->to.family);
    QUERY_ID(q, 3, &l->to.person);
    enum status st = successor_decode(&s, l->body);
    if (st != ST_OK || how == AS_IT_IS)
        return st;
    if (how == ALONE) {
        l->body = s.admission;
        return ST_OK;
    }
    s.nonce[0] ^= 1;
    writer_init(&w, body);
    st = successor_encode(&w, &s);
    l->body = buffer_span(body);
    return st;
}

struct sending {
    struct node *kept_by;
    enum telling how;
};

static enum status send_letters(struct node *n, void *arg)
{
    const struct sending *x = arg;
    struct query q;
    struct buffer body;
    enum status st = ST_OK;
    buffer_init(&body, LETTERBOX_BODY_MAX);
    query_start(&q, &x->kept_by->sql, "SELECT type, box, to_family, to_person, body FROM kept LIMIT 1", "");
    if (query_next(&q)) {
        struct letter l;
        st = letter_of(&q, x->how, &body, &l);
        if (st == ST_OK)
            st = letter_send(n, &l);
    }
    enum status end = query_end(&q);
    buffer_wipe(&body);
    return st == ST_OK ? end : st;
}

/* Now `device` sends what `founder` has kept back. */
static void send_kept(struct world *w, size_t founder, size_t device, enum telling how)
{
    struct sending x = {world_node(w, founder), how};
    assert_ok(world_forge(w, device, send_letters, &x));
    world_run(w, MINUTE_MS);
}

static enum status nothing(struct node *n, void *arg)
{
    (void)n;
    (void)arg;
    return ST_OK;
}

/* Founds what it wants, and keeps back who is told of it. */
static void found_now(struct world *w, size_t device)
{
    world_sql(w, device, "UPDATE succession SET due_at = 0");
    assert_ok(world_forge(w, device, nothing, NULL));
    world_sql(w, device, "CREATE TABLE kept AS SELECT * FROM pending_letter WHERE type = 10");
    world_sql(w, device, "DELETE FROM pending_letter");
}

/* Founds the conversation's next generation, and nobody hears. */
static void found_in_silence(struct world *w, size_t device)
{
    assert_ok(world_forge(w, device, gather_packages, NULL));
    world_run(w, MINUTE_MS);
    found_now(w, device);
    world_run(w, MINUTE_MS);
    assert_true(world_number(w, device, "SELECT count(*) FROM kept") > 0);
    assert_int_equal(of_talk(w, device, "generation"), 1);
    assert_int_equal(of_talk(w, device, "epoch"), 1);
}

static enum status tell_where(struct node *n, void *arg)
{
    struct group *g = NULL;
    bool sent = false;
    const struct device_id *to = arg;
    enum status st = talk(n, &g);
    if (st == ST_OK)
        st = readd_beacon_to(n, g, to, LETTERBOX_BEACON, NULL, &sent);
    return st == ST_OK && !sent ? ST_INTERNAL : st;
}

/* It makes a device ask for its leaf in a group where it is not yet, brings it there, and then does as it was
 * asked to. */
static void T42_an_old_request_for_a_leaf_in_a_successor_makes_no_old_copy(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    found_in_silence(w, s.leo);
    assert_ok(world_forge(w, s.leo, tell_where, &world_node(w, s.maya)->self.device));
    int i = 0;
    while (i++ < 100 && world_number(w, s.leo, "SELECT count(*) FROM readd") == 0)
        world_run(w, 20);
    world_sql(w, s.leo, "UPDATE readd SET due_at = due_at + 36000000");
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM readd"), 1); /* her signature */
    assert_int_equal(of_talk(w, s.maya, "generation"), 0);
    send_kept(w, s.leo, s.leo, AS_IT_IS);
    assert_int_equal(of_talk(w, s.maya, "generation"), 1);
    int64_t id = of_talk(w, s.maya, "id");
    world_sql(w, s.leo, "UPDATE readd SET due_at = 0");
    world_sql(w, s.leo, "UPDATE mls_group SET dirty = 1");
    assert_ok(world_forge(w, s.leo, nothing, NULL));
    world_run(w, 20 * MINUTE_MS);
    assert_int_not_equal(of_talk(w, s.maya, "id"), id); /* it was done … */
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM meta WHERE key LIKE 'old_copy%'"), 0);
    assert_int_equal(world_alarms(w, s.maya), 0);
    assert_int_equal(of_talk(w, s.maya, "state"), GROUP_ACTIVE);
    story_say(w, s.leo, "Maya", "are you there?", s.maya); /* … and cost her nothing */
    story_say(w, s.maya, "Leo", "yes", s.leo);
}

/* ---- one group for each half ---- */

static const char *hex_person(struct world *w, size_t device)
{
    static char hex[2 * sizeof(struct person_id) + 1];
    const struct self *o = &world_node(w, device)->self;
    for (size_t i = 0; i < sizeof(o->person.b); i++)
        snprintf(hex + 2 * i, 3, "%02x", o->person.b[i]);
    return hex;
}

static enum status want_family(struct node *n, void *arg)
{
    struct scope_id scope;
    const uint32_t *generation = arg;
    enum status st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &scope);
    if (st == ST_OK)
        st = group_succeed(n, &scope, SUCCESSOR_REFUSED, NULL);
    return st == ST_OK ? sql_run(&n->sql, "UPDATE succession SET due_at = 0, generation = ?", "i",
                                 (int64_t)*generation)
                       : st;
}

/* Founds the family's next generation, and tells one of it. */
static void found_for_one(struct world *w, size_t device, size_t other, uint32_t generation)
{
    char sql[160];
    assert_ok(world_forge(w, device, want_family, &generation));
    snprintf(sql, sizeof(sql), "DELETE FROM pending_letter WHERE to_person != x'%s'", hex_person(w, other));
    world_sql(w, device, sql);
}

static bool same_family_group(struct world *w, size_t a, size_t b)
{
    uint8_t one[WORLD_DIGEST_LEN], other[WORLD_DIGEST_LEN];
    const char *const sql = "SELECT founding FROM mls_group WHERE kind = 1 AND state = 1";
    world_digest(w, a, sql, one);
    world_digest(w, b, sql, other);
    return memcmp(one, other, sizeof(one)) == 0;
}

static void T25_who_is_shown_another_group_of_the_same_generation_hears_of_it_and_all_meet_again(void **state)
{
    struct world *w = *state;
    struct story s;
    const char *const generation = "SELECT generation FROM mls_group WHERE kind = 1 AND state = 1";
    story_family_of_three(w, &s);
    size_t laptop = story_add(w, s.ana, "Maya's laptop", "Maya", "child", s.maya);
    world_run(w, 10 * MINUTE_MS);
    found_for_one(w, s.maya, s.ana, 1);
    found_for_one(w, laptop, s.ben, 1);
    world_run(w, 2 * MINUTE_MS);
    world_off(w, s.maya);
    world_off(w, laptop);
    assert_int_equal(world_number(w, s.ana, generation), 1);
    assert_int_equal(world_number(w, s.ben, generation), 1);
    assert_false(same_family_group(w, s.ana, s.ben));
    world_ok(w, s.ana, CMD_SEND, "Berg", "who hears this?", NULL, NULL);
    world_run(w, 5 * HOUR_MS);
    assert_int_equal(world_alarms(w, s.ana) + world_alarms(w, s.ben), 0); /* it may be on its way */
    world_run(w, 67 * HOUR_MS);
    assert_true(world_alarms(w, s.ana) + world_alarms(w, s.ben) > 0);
    assert_true(same_family_group(w, s.ana, s.ben));
    assert_in_range(world_number(w, s.ana, generation), 2, 3);
    assert_true(world_has_text(w, s.ben, "who hears this?", "Ana"));
    story_say(w, s.ben, "Berg", "I do", s.ana);
}

/* ---- letters that are not what they say ---- */

static void T25_a_letter_that_is_not_what_its_group_says_is_refused(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    found_in_silence(w, s.leo);
    send_kept(w, s.leo, s.leo, RENAMED);
    assert_int_equal(world_refused(w, s.maya, ST_SUCCESSOR_NAME), 1);
    assert_int_equal(of_talk(w, s.maya, "generation"), 0);
    send_kept(w, s.leo, s.leo, AS_IT_IS);
    assert_int_equal(of_talk(w, s.maya, "generation"), 1);
}

static size_t of_higher_leaf(struct world *w, size_t a, size_t b);

static void T25_a_founder_that_takes_anothers_turn_is_refused(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    size_t liar = of_higher_leaf(w, s.maya, s.leo), other = liar == s.leo ? s.maya : s.leo;
    assert_ok(world_forge(w, liar, gather_packages, NULL));
    world_run(w, MINUTE_MS);
    lying.founder_zero = true;
    found_now(w, liar);
    lying.founder_zero = false;
    world_run(w, MINUTE_MS);
    send_kept(w, liar, liar, AS_IT_IS);
    assert_int_equal(world_refused(w, other, ST_SUCCESSOR_TREE), 1);
    assert_int_equal(of_talk(w, other, "generation"), 0);
}

static void T25_a_letter_by_another_than_the_founder_is_refused(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    size_t phone = story_add(w, s.rosa, "Leo's phone", "Leo", "child", s.leo);
    world_run(w, 30 * MINUTE_MS);
    assert_int_equal(of_talk(w, phone, "state"), GROUP_ACTIVE);
    lying.other_epoch = true; /* whose tree nobody can compare */
    found_in_silence(w, s.leo);
    lying.other_epoch = false;
    send_kept(w, s.leo, phone, AS_IT_IS);
    assert_int_equal(world_refused(w, s.maya, ST_SUCCESSOR_TREE), 1);
    assert_int_equal(of_talk(w, s.maya, "generation"), 0);
}

/* ---- Admissions that say nothing of what they follow ---- */

static void T25_who_is_no_member_brings_nobody_into_a_later_group(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    lying.overseer = &world_node(w, s.rosa)->self;
    found_in_silence(w, s.leo);
    lying.overseer = NULL;
    send_kept(w, s.leo, s.rosa, ALONE);
    assert_int_equal(world_refused(w, s.maya, ST_SUCCESSOR_SENDER), 1);
    assert_int_equal(of_talk(w, s.maya, "generation"), 0);
    send_kept(w, s.leo, s.leo, ALONE); /* a member does */
    assert_int_equal(of_talk(w, s.maya, "generation"), 1);
}

static enum status own_leaf(struct node *n, void *arg)
{
    uint32_t *leaf = arg;
    struct group *g = NULL;
    enum status st = talk(n, &g);
    if (st == ST_OK)
        *leaf = mls_group_own_leaf(g->mls);
    return st;
}

static size_t of_higher_leaf(struct world *w, size_t a, size_t b)
{
    uint32_t one = 0, other = 0;
    assert_ok(world_forge(w, a, own_leaf, &one));
    assert_ok(world_forge(w, b, own_leaf, &other));
    return one > other ? a : b;
}

/* Its group is the lower of the two, but nobody is told what it follows. */
static void T25_of_one_generation_an_admission_alone_takes_no_groups_place(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    size_t honest = of_higher_leaf(w, s.maya, s.leo), liar = honest == s.leo ? s.maya : s.leo;
    assert_ok(world_forge(w, honest, gather_packages, NULL));
    assert_ok(world_forge(w, liar, gather_packages, NULL));
    world_run(w, MINUTE_MS);
    found_now(w, honest);
    found_now(w, liar);
    world_run(w, MINUTE_MS);
    int64_t id = of_talk(w, honest, "id");
    assert_int_equal(of_talk(w, honest, "generation"), 1);
    assert_int_equal(of_talk(w, liar, "generation"), 1);
    send_kept(w, liar, liar, ALONE);
    assert_int_equal(of_talk(w, honest, "id"), id);
    assert_int_equal(world_number(w, honest, "SELECT count(*) FROM admission_wait"), 1);
    world_run(w, 72 * HOUR_MS); /* and they meet in the next */
    assert_in_range(of_talk(w, honest, "generation"), 2, 3);
    assert_int_equal(of_talk(w, honest, "generation"), of_talk(w, liar, "generation"));
    story_say(w, s.leo, "Maya", "there you are", s.maya);
}

/* ---- families ---- */

static int64_t of_family(struct world *w, size_t device, const char *column)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT %s FROM mls_group WHERE kind = 1 AND state != 3", column);
    return world_number(w, device, sql);
}

/* A child's device takes the other far ahead, without telling the parent, and is removed then. */
static void T41_whom_a_removed_device_has_led_away_comes_back(void **state)
{
    struct world *w = *state;
    struct story s;
    s.ana = world_add(w, "Ana's phone");
    s.maya = world_add(w, "Maya's tablet");
    size_t laptop = world_add(w, "Maya's laptop");
    story_found(w, s.ana, "Berg", "Ana");
    story_pair(w, s.ana, s.maya, "Maya", "child", SIZE_MAX);
    story_pair(w, s.ana, laptop, "Maya", "child", s.maya);
    world_run(w, 10 * MINUTE_MS);
    found_for_one(w, s.maya, laptop, 16);
    world_run(w, MINUTE_MS);
    assert_int_equal(of_family(w, laptop, "generation"), 16);
    assert_int_equal(of_family(w, s.ana, "generation"), 0);
    world_off(w, s.maya);
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Maya's tablet", NULL, NULL, NULL);
    world_run(w, 72 * HOUR_MS);
    assert_int_equal(of_family(w, s.ana, "generation"), 16);
    assert_true(same_family_group(w, s.ana, laptop));
    story_say(w, laptop, "Berg", "I am here", s.ana);
    world_on(w, s.maya);
    world_run(w, HOUR_MS);
    assert_false(world_has_text(w, s.maya, "I am here", NULL));
}

/* It goes back behind what the parents have said since: a relay that they struck, who is supervised. */
static void T05_a_successor_that_goes_back_behind_the_familys_chain_is_refused(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t relay = world_add_relay(w);
    story_family_of_three(w, &s);
    world_ok(w, s.ana, CMD_RELAY_ADD, world_relay_at(w, relay), NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    lying.old_head = true;
    uint32_t next = 1;
    assert_ok(world_forge(w, s.maya, want_family, &next));
    lying.old_head = false;
    world_run(w, 2 * MINUTE_MS);
    assert_int_equal(of_family(w, s.maya, "generation"), 1);
    assert_int_equal(of_family(w, s.ana, "generation"), 0);
    assert_int_equal(of_family(w, s.ben, "generation"), 0);
    world_run(w, 2 * HOUR_MS);
    assert_int_equal(of_family(w, s.ana, "generation"), 2);
    assert_true(same_family_group(w, s.ana, s.ben));
    assert_true(same_family_group(w, s.ana, s.maya));
}

/* ---- nobody lies ---- */

/* One family's device is founding and does not know of the last epoch. */
static void found_behind(struct world *w, size_t device)
{
    assert_ok(world_forge(w, device, gather_packages, NULL));
    world_run(w, MINUTE_MS);
    world_sql(w, device, "UPDATE succession SET due_at = 0");
    assert_ok(world_forge(w, device, nothing, NULL));
    world_run(w, MINUTE_MS);
    assert_int_equal(of_talk(w, device, "generation"), 1);
}

static void two_of_whom_each_is_behind_in_one_chain_end_in_one_group(void **state)
{
    struct world *w = *state;
    struct story s;
    size_t relays[] = {world_add_relay(w), world_add_relay(w)};
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    world_withhold_group(w, s.leo, SCOPE_CONVERSATION);
    world_ok(w, s.ana, CMD_RELAY_ADD, world_relay_at(w, relays[0]), NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS); /* and Maya commits that */
    world_ok(w, s.rosa, CMD_RELAY_ADD, world_relay_at(w, relays[1]), NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    assert_true(of_talk(w, s.maya, "epoch") > of_talk(w, s.leo, "epoch"));
    found_behind(w, s.leo);
    world_run(w, 3 * HOUR_MS);
    assert_in_range(of_talk(w, s.maya, "generation"), 1, 3);
    world_same(w, s.maya, s.leo, "group", "SELECT founding, state FROM mls_group WHERE id = " TALK);
    story_say(w, s.leo, "Maya", "all of it", s.maya);
}

static void who_is_left_out_by_a_contact_that_is_behind_comes_with_the_next(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    world_withhold_group(w, s.leo, SCOPE_CONVERSATION);
    size_t laptop = story_add(w, s.ana, "Maya's laptop", "Maya", "child", s.maya);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(of_talk(w, laptop, "generation"), 0);
    found_behind(w, s.leo);
    world_run(w, 3 * HOUR_MS);
    assert_in_range(of_talk(w, s.maya, "generation"), 2, 3);
    world_same(w, s.maya, s.leo, "group", "SELECT founding, state FROM mls_group WHERE id = " TALK);
    world_same(w, s.maya, laptop, "group", "SELECT founding, state FROM mls_group WHERE id = " TALK);
    story_say(w, s.leo, "Maya", "both of you", laptop);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(T25_who_is_shown_another_group_of_the_same_generation_hears_of_it_and_all_meet_again),
        T(T25_a_letter_that_is_not_what_its_group_says_is_refused),
        T(T25_a_founder_that_takes_anothers_turn_is_refused),
        T(T25_a_letter_by_another_than_the_founder_is_refused),
        T(T25_who_is_no_member_brings_nobody_into_a_later_group),
        T(T25_of_one_generation_an_admission_alone_takes_no_groups_place),
        T(T41_whom_a_removed_device_has_led_away_comes_back),
        T(T05_a_successor_that_goes_back_behind_the_familys_chain_is_refused),
        T(two_of_whom_each_is_behind_in_one_chain_end_in_one_group),
        T(who_is_left_out_by_a_contact_that_is_behind_comes_with_the_next),
        T(T42_an_old_request_for_a_leaf_in_a_successor_makes_no_old_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
