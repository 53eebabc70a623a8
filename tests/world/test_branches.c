/* SPDX-License-Identifier: Apache-2.0 */
/* A relay that forks a log, withholds a commit, leaves out blocks or loses its store; and devices that were
 * away (T05). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/beacon.h"
#include "protocol/kith_context.h"
#include "sync/apart.h"
#include "sync/scope_group.h"
#include "tests/world/world_test.h"

#define FAMILY " WHERE kind = 1 AND state = 1"

static void family_of_three(struct world *w, struct story *s)
{
    story_family_of_three(w, s);
    world_run(w, 10 * MINUTE_MS);
}

static int64_t family_epoch(struct world *w, size_t device)
{
    return world_number(w, device, "SELECT epoch FROM mls_group" FAMILY);
}

/* The device commits in `family`: its leaf is long due. */
static void refresh(struct world *w, size_t device)
{
    int64_t before = family_epoch(w, device);
    world_sql(w, device, "UPDATE mls_group SET sent_count = 1000, refresh_at = 1, dirty = 1" FAMILY);
    world_tick(w, device);
    world_run(w, 2 * MINUTE_MS);
    assert_true(family_epoch(w, device) > before);
}

/* How often the device lays it to its relay that something was lost or hidden. */
static int64_t trouble(struct world *w, size_t device)
{
    return world_number(w, device, "SELECT max(trouble) FROM relay");
}

static void fork_log(struct world *w, size_t device, enum scope_kind kind)
{
    struct log_id log;
    uint64_t after = world_group_log(w, device, (int)kind, &log);
    world_fork_log(w, device, &log, after);
}

/* ---- forks and what is withheld ---- */

static void T05_members_who_are_shown_two_branches_hear_of_it_within_a_day(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    fork_log(w, s.ben, SCOPE_FAMILY);
    refresh(w, s.ben);
    refresh(w, s.maya);
    assert_int_equal(family_epoch(w, s.ana), family_epoch(w, s.ben));
    for (size_t i = s.ana; i <= s.maya; i++)
        assert_int_equal(world_alarms(w, i), 0);
    world_run(w, DAY_MS);
    for (size_t i = s.ana; i <= s.maya; i++)
        assert_true(world_alarms(w, i) > 0);
}

static void T05_a_commit_that_is_withheld_is_an_alarm_after_a_day_and_comes_by_readding(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    world_withhold_group(w, s.maya, SCOPE_FAMILY);
    refresh(w, s.ben);
    assert_true(family_epoch(w, s.maya) < family_epoch(w, s.ana));
    world_run(w, 23 * HOUR_MS);
    assert_int_equal(world_alarms(w, s.maya), 0);
    world_run(w, 9 * HOUR_MS);
    assert_true(world_alarms(w, s.maya) > 0);
    assert_int_equal(family_epoch(w, s.maya), family_epoch(w, s.ana)); /* by another log */
    assert_int_equal(trouble(w, s.maya), 1);
    story_say(w, s.ana, "Berg", "there you are", s.maya);
}

/* What a contact commits need not have been shown to the relay at all. */
static void T05_what_was_withheld_in_a_conversation_is_not_laid_to_the_relay(void **state)
{
    struct world *w = *state;
    struct story s;
    story_children_meet(w, &s);
    world_run(w, 10 * MINUTE_MS);
    world_withhold_group(w, s.maya, SCOPE_CONVERSATION);
    world_sql(w, s.leo, "UPDATE mls_group SET sent_count = 1000, refresh_at = 1, dirty = 1 WHERE kind = 5");
    world_tick(w, s.leo);
    world_run(w, 32 * HOUR_MS);
    assert_true(world_alarms(w, s.maya) > 0);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM mls_group WHERE kind = 5 AND behind = 1"),
                     1);
    story_say(w, s.leo, "Maya", "there you are", s.maya);
    assert_int_equal(trouble(w, s.maya), 0);
}

static void T05_who_never_sees_its_own_commit_win_is_added_again(void **state)
{
    struct world *w = *state;
    struct story s;
    int64_t before;
    family_of_three(w, &s);
    world_withhold_group(w, s.ben, SCOPE_FAMILY);
    before = family_epoch(w, s.ana);
    world_sql(w, s.ben, "UPDATE mls_group SET sent_count = 1000, refresh_at = 1, dirty = 1" FAMILY);
    world_tick(w, s.ben);
    world_run(w, 2 * MINUTE_MS);
    assert_true(family_epoch(w, s.ana) > before && family_epoch(w, s.ben) == before);
    world_run(w, 32 * HOUR_MS); /* its leaf is another now for the others, who tell it which */
    assert_int_equal(family_epoch(w, s.ben), family_epoch(w, s.ana));
    story_say(w, s.ana, "Berg", "there you are", s.ben);
}

/* Nobody commits, so no beacon shows anything: what letters tell of does not come. */
static void assert_comes_by_another_log(struct world *w, const struct story *s, size_t kept_from)
{
    world_ok(w, kept_from != s->ana ? s->ana : s->ben, CMD_SEND, "Berg", "not shown", NULL, NULL);
    world_run(w, 12 * HOUR_MS);
    assert_false(world_has_text(w, kept_from, "not shown", NULL));
    assert_int_equal(world_alarms(w, kept_from), 0);
    world_run(w, 60 * HOUR_MS);
    assert_true(world_alarms(w, kept_from) > 0);
    for (size_t i = s->ana; i <= s->maya; i++) {
        assert_true(world_has_text(w, i, "not shown", NULL));
        assert_int_equal(family_epoch(w, i), family_epoch(w, kept_from));
    }
    story_say(w, kept_from, "Berg", "there I am", s->maya != kept_from ? s->maya : s->ana);
}

static void T05_texts_that_are_withheld_are_an_alarm_and_come_by_another_log(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    world_withhold_group(w, s.maya, SCOPE_FAMILY);
    assert_comes_by_another_log(w, &s, s.maya);
}

static void T05_texts_in_two_branches_meet_again(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    fork_log(w, s.ben, SCOPE_FAMILY);
    world_ok(w, s.ben, CMD_SEND, "Berg", "from the branch", NULL, NULL);
    assert_comes_by_another_log(w, &s, s.ben);
    assert_true(world_has_text(w, s.ana, "from the branch", "Ben"));
    assert_true(world_has_text(w, s.maya, "from the branch", "Ben"));
}

static void T05_two_branches_become_one_again(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    fork_log(w, s.ben, SCOPE_FAMILY);
    refresh(w, s.ben);
    refresh(w, s.maya);
    world_run(w, 36 * HOUR_MS);
    for (size_t i = s.ana; i <= s.maya; i++)
        assert_int_equal(family_epoch(w, i), family_epoch(w, s.ana));
    story_say(w, s.ben, "Berg", "one again", s.maya);
    story_say(w, s.maya, "Berg", "indeed", s.ben);
}

struct overdue { /* who is, in the family's group and among the devices */
    char group[256];
    size_t devices;
};

static void look_for_overdue(void *ctx, const struct status_row *row)
{
    struct overdue *x = ctx;
    for (size_t i = 0; i < row->group_count; i++) {
        if (strcmp(row->groups[i].kind, "family") == 0)
            snprintf(x->group, sizeof(x->group), "%s", row->groups[i].overdue);
    }
}

static void count_overdue(void *ctx, const struct device_row *row)
{
    ((struct overdue *)ctx)->devices += row->overdue;
}

static void overdue_is(struct world *w, size_t device, const char *name, size_t devices)
{
    struct overdue x = {"", 0};
    assert_ok(view_status(world_node(w, device), look_for_overdue, &x));
    assert_ok(view_devices(world_node(w, device), count_overdue, &x));
    assert_string_equal(x.group, name);
    assert_int_equal(x.devices, devices);
}

static void T05_a_member_who_does_not_tell_where_it_stands_is_shown(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    world_off(w, s.ben);
    world_run(w, 70 * HOUR_MS);
    overdue_is(w, s.ana, "", 0);
    world_run(w, 4 * HOUR_MS);
    overdue_is(w, s.ana, "Ben's phone", 1);
    world_off(w, s.ana);
    world_on(w, s.ben);
    world_run(w, 80 * HOUR_MS);
    overdue_is(w, s.ben, "Ana's phone", 1);
    overdue_is(w, s.maya, "Ana's phone", 1);
    world_on(w, s.ana);
    overdue_is(w, s.ana, "", 0); /* she could not hear anybody */
    world_run(w, 6 * HOUR_MS);
    overdue_is(w, s.ben, "", 0);
}

/* ---- removals ---- */

static void T05_a_withheld_removal_is_known_by_letter_and_nothing_more_is_sent(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    world_withhold_group(w, s.ben, SCOPE_FAMILY);
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Maya's tablet", "Maya", NULL, NULL);
    world_run(w, 5 * MINUTE_MS);
    assert_int_equal(world_number(w, s.ben, "SELECT count(*) FROM revocation"), 1);
    assert_int_equal(world_number(w, s.ben, "SELECT pending FROM mls_group" FAMILY), 1);
    world_ok(w, s.ben, CMD_SEND, "Berg", "not for Maya's tablet", NULL, NULL);
    world_run(w, HOUR_MS);
    assert_false(world_has_text(w, s.maya, "not for Maya's tablet", NULL));
    assert_int_equal(
        world_number(w, s.ben, "SELECT count(*) FROM entry WHERE own = 1 AND kind = 1 AND acked = 0"), 1);
    world_run(w, 40 * HOUR_MS); /* added again, by another log */
    assert_true(world_has_text(w, s.ana, "not for Maya's tablet", "Ben"));
    assert_false(world_has_text(w, s.maya, "not for Maya's tablet", NULL));
}

static void T05_who_is_kept_from_a_removal_commits_it_in_turn(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    fork_log(w, s.ben, SCOPE_FAMILY);
    fork_log(w, s.ben, SCOPE_PARENTS);
    fork_log(w, s.ben, SCOPE_WARD);
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Maya's tablet", "Maya", NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(family_epoch(w, s.ben), family_epoch(w, s.ana));
    assert_int_equal(
        world_number(w, s.ben,
                     "SELECT count(*) FROM chain WHERE chain = 2 AND family = (SELECT value FROM meta"
                     " WHERE key = 'family')"),
        world_number(w, s.ana,
                     "SELECT count(*) FROM chain WHERE chain = 2 AND family = (SELECT value FROM meta"
                     " WHERE key = 'family')"));
    assert_int_equal(world_number(w, s.ben, "SELECT count(*) FROM removal_record"), 0);
    world_ok(w, s.ben, CMD_SEND, "Berg", "without Maya", NULL, NULL);
    world_run(w, DAY_MS);
    assert_false(world_has_text(w, s.maya, "without Maya", NULL));
    assert_true(world_alarms(w, s.ben) > 0 && world_alarms(w, s.ana) > 0); /* and it was a fork */
}

struct removed_leaf {
    struct device_id device;
    bool there;
};

static enum status look_for_leaf(struct node *n, void *arg)
{
    struct removed_leaf *x = arg;
    int64_t id = 0;
    struct group *g = NULL;
    assert_ok(sql_number(&n->sql, &id, 0, "SELECT id FROM mls_group WHERE kind = 1 AND state < 3", ""));
    assert_ok(group_get(n, id, &g));
    x->there = group_has_device(g, &x->device, NULL);
    return ST_OK;
}

static void T05_who_was_removed_does_not_come_back_by_another_branch(void **state)
{
    struct world *w = *state;
    struct story s;
    struct removed_leaf maya = {.there = true};
    char sql[160];
    family_of_three(w, &s);
    maya.device = world_node(w, s.maya)->self.device;
    fork_log(w, s.ben, SCOPE_FAMILY);
    world_cut(w, s.ben, true);
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, "Maya's tablet", "Maya", NULL, NULL);
    world_run(w, MINUTE_MS);
    assert_ok(world_forge(w, s.ana, look_for_leaf, &maya));
    assert_false(maya.there);
    snprintf(sql, sizeof(sql), "UPDATE mls_group SET state = 2, asked_at = 0, stuck_at = %lld" FAMILY,
             (long long)world_now(w).wall_ms);
    world_sql(w, s.ana, sql); /* and asks Ben */
    world_restart(w, s.ana);
    world_run(w, MINUTE_MS);
    world_cut(w, s.ben, false);
    for (int i = 0; i < 600; i++) {
        world_run(w, 1000);
        if (i < 300) /* the letters that tell of it are kept from him as well */
            world_sql(w, s.ben, "DELETE FROM revocation");
        assert_ok(world_forge(w, s.ana, look_for_leaf, &maya));
        assert_false(maya.there);
    }
}

/* ---- gaps ---- */

struct shown { /* the state of the family's group, by view_status */
    char state[256];
};

static void look_at_family(void *ctx, const struct status_row *row)
{
    struct shown *x = ctx;
    for (size_t i = 0; i < row->group_count; i++) {
        if (strcmp(row->groups[i].kind, "family") == 0)
            snprintf(x->state, sizeof(x->state), "%s", row->groups[i].state);
    }
}

static void shows(struct world *w, size_t device, const char *begins, const char *has)
{
    struct shown x = {""};
    assert_ok(view_status(world_node(w, device), look_at_family, &x));
    if (strncmp(x.state, begins, strlen(begins)) != 0 || strstr(x.state, has) == NULL)
        fail_msg("status says \"%s\", not \"%s … %s\"", x.state, begins, has);
}

static int64_t gaps(struct world *w, size_t device)
{
    return world_number(w, device, "SELECT count(*) FROM mls_group WHERE state = 1 AND gap_at != 0");
}

/* Maya is away while Ana writes and then Ben tells where he stands; the relay hides what Ana wrote. */
static void hole_at_maya(struct world *w, const struct story *s)
{
    world_off(w, s->maya);
    world_ok(w, s->ana, CMD_SEND, "Berg", "hidden", NULL, NULL);
    world_run(w, 10000);
    world_sql(w, s->ben, "UPDATE mls_group SET have_at = 0" FAMILY);
    world_tick(w, s->ben);
    world_run(w, 10000);
    world_off(w, s->ben);
    world_hide_one(w, s->maya);
    world_on(w, s->maya);
}

static bool has_told_that_it_is_stuck(struct world *w, void *device)
{
    return world_number(w, *(size_t *)device, "SELECT count(*) FROM notice WHERE kind = 12") > 0;
}

static void T05_after_a_hole_only_an_answer_to_this_devices_question_counts(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    hole_at_maya(w, &s);
    world_run(w, 2 * HOUR_MS); /* Ana has answered; what Ben told was told before */
    assert_int_equal(gaps(w, s.maya), 1);
    assert_int_equal(world_number(w, s.maya,
                                  "SELECT count(*) FROM beacon b JOIN mls_group g ON g.id = b.grp"
                                  " WHERE g.kind = 1 AND b.gap_epoch >= 0"),
                     1);
    shows(w, s.maya, "waiting: the relay left out a block", "Ben's phone");
    assert_true(world_until(w, has_told_that_it_is_stuck, &s.maya, 23 * HOUR_MS));
    shows(w, s.maya, "stuck: ", "no word for a day from Ben's phone");
    world_on(w, s.ben); /* before anybody founds a successor (test_succession) */
    world_run(w, HOUR_MS);
    assert_int_equal(world_number(w, s.maya, "SELECT max(generation) FROM mls_group" FAMILY), 0);
    assert_int_equal(gaps(w, s.maya), 0);
    shows(w, s.maya, "active", "");
    assert_true(world_has_text(w, s.maya, "hidden", "Ana"));
    refresh(w, s.ben); /* and the group goes on */
    assert_int_equal(family_epoch(w, s.maya), family_epoch(w, s.ben));
}

/* So long ago the device read its groups' logs to their end last. */
static void away_for_days(struct world *w, size_t device, int days)
{
    char sql[100];
    snprintf(sql, sizeof(sql), "UPDATE mls_group SET read_at = read_at - %lld", days * (long long)DAY_MS);
    world_sql(w, device, sql);
    world_restart(w, device);
}

static void T05_after_forty_days_away_a_device_asks_before_it_follows(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    world_off(w, s.ben);
    away_for_days(w, s.maya, 39);
    assert_int_equal(gaps(w, s.maya), 0);
    away_for_days(w, s.maya, 41);
    assert_int_equal(gaps(w, s.maya), 2); /* family, ward; she is alone in own */
    world_run(w, HOUR_MS);
    assert_int_equal(gaps(w, s.maya), 2);
    shows(w, s.maya, "waiting: this device was away for 40 days", "Ben's phone");
    world_on(w, s.ben);
    world_run(w, HOUR_MS);
    assert_int_equal(gaps(w, s.maya), 0);
    story_say(w, s.maya, "Berg", "back", s.ben);
}

static void T05_who_was_away_and_finds_others_ahead_is_added_again(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    world_off(w, s.maya);
    refresh(w, s.ben);
    world_on(w, s.maya);
    away_for_days(w, s.maya, 41); /* before anything was read */
    world_run(w, 3 * HOUR_MS);
    assert_int_equal(gaps(w, s.maya), 0);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM mls_group WHERE kind = 1"), 2);
    assert_int_equal(family_epoch(w, s.maya), family_epoch(w, s.ana));
    story_say(w, s.maya, "Berg", "back", s.ben);
}

/* ---- joining ---- */

static void T05_who_joins_under_another_incarnation_than_it_was_told_has_a_gap(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    size_t laptop = story_add(w, s.ana, "Ana's laptop", "Ana", "parent", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(gaps(w, laptop), 0);
    world_off(w, laptop);
    size_t tim = world_add(w, "Tim's tablet"); /* a ward is founded, and the laptop is sent an Admission */
    story_pair(w, s.ana, tim, "Tim", "child", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    world_off(w, s.ana);
    world_off(w, tim);
    world_rename_relay(w);
    world_on(w, laptop);
    world_run(w, HOUR_MS);
    assert_int_equal(
        world_number(w, laptop,
                     "SELECT count(*) FROM mls_group WHERE kind = 3 AND state = 1 AND gap_at != 0"),
        2);
    world_on(w, s.ana);
    world_on(w, tim);
    world_run(w, 6 * HOUR_MS);
    assert_int_equal(gaps(w, laptop), 0);
}

struct told {
    struct device_id from;
    uint64_t more; /* epochs that the beacon is ahead */
};

/* A beacon of another member, as a letter would bring it. */
static enum status tell(struct node *n, void *arg)
{
    const struct told *t = arg;
    struct group *g = inside_group(n, SCOPE_FAMILY);
    struct beacon b = {0};
    struct buffer bytes;
    struct writer w;
    buffer_init(&bytes, 1024);
    writer_init(&w, &bytes);
    b.scope = g->scope;
    b.generation = g->generation;
    b.epoch = g->epoch + t->more;
    memcpy(b.founding_hash, g->founding, HASH_LEN);
    assert_ok(beacon_encode(&w, &b));
    enum status st = group_beacon_seen(n, g, &t->from, buffer_span(&bytes));
    buffer_wipe(&bytes);
    return st;
}

static void T05_who_has_caught_up_is_not_behind_by_what_it_was_behind_before(void **state)
{
    struct world *w = *state;
    struct story s;
    struct told one = {.more = 1};
    family_of_three(w, &s);
    one.from = world_node(w, s.ana)->self.device;
    assert_ok(world_forge(w, s.maya, tell, &one)); /* Ana is ahead … */
    world_run(w, 2 * HOUR_MS);
    world_sql(w, s.maya,
              "UPDATE beacon SET ahead_since = 1, epoch = (SELECT epoch FROM mls_group" FAMILY ")"
              " WHERE grp = (SELECT id FROM mls_group" FAMILY
              ")");                                /* … long ago, and Maya has caught up since */
    assert_ok(world_forge(w, s.maya, tell, &one)); /* and is again, a moment ago */
    world_run(w, HOUR_MS);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM mls_group WHERE state = 2"), 0);
    assert_int_equal(world_alarms(w, s.maya), 0);
    world_run(w, 25 * HOUR_MS); /* but a day of that is an alarm */
    assert_true(world_alarms(w, s.maya) > 0);
}

/* A member who says so and is not makes a device be added again, and no more. */
static void T05_who_says_that_it_is_ahead_and_is_not_blames_no_relay(void **state)
{
    struct world *w = *state;
    struct story s;
    struct told one = {.more = 1};
    family_of_three(w, &s);
    one.from = world_node(w, s.ana)->self.device;
    assert_ok(world_forge(w, s.maya, tell, &one));
    world_run(w, 32 * HOUR_MS);
    assert_true(world_alarms(w, s.maya) > 0);
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM mls_group WHERE kind = 1 AND behind = 1"),
                     1);
    assert_int_equal(family_epoch(w, s.maya), family_epoch(w, s.ana));
    assert_int_equal(trouble(w, s.maya), 0);
}

/* ---- a device that asks without end ---- */

static void T25_a_device_that_asks_without_end_is_added_again_once_an_hour(void **state)
{
    struct world *w = *state;
    struct story s;
    family_of_three(w, &s);
    for (int i = 0; i < 6; i++) {
        world_stick(w, s.ben, SCOPE_FAMILY);
        world_run(w, 5 * MINUTE_MS);
        assert_int_equal(family_epoch(w, s.ben), family_epoch(w, s.ana));
    }
    assert_int_equal(world_refused(w, s.ana, ST_GROUP_READDED), 0);
    int64_t before = family_epoch(w, s.ana);
    world_stick(w, s.ben, SCOPE_FAMILY);
    world_run(w, 40 * MINUTE_MS);
    assert_true(world_refused(w, s.ana, ST_GROUP_READDED) > 0);
    assert_true(world_refused(w, s.maya, ST_GROUP_READDED) > 0);
    assert_true(world_alarms(w, s.ana) > 0);
    assert_int_equal(family_epoch(w, s.ana), before);
    world_run(w, 3 * HOUR_MS);
    story_say(w, s.ana, "Berg", "there you are", s.ben);
}

/* ---- which of two branches gives way ---- */

static void T05_a_later_branch_with_a_removed_device_gives_no_place(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[2 * ID_LEN + 1];
    family_of_three(w, &s);
    world_cut(w, s.ben, true);
    hex_encode(id, SPAN_ID(&world_node(w, s.maya)->self.device));
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, id, "Maya", NULL, NULL);
    world_run(w, 5 * MINUTE_MS);
    struct node *ana = world_node(w, s.ana);
    struct group old = *inside_group(ana, SCOPE_FAMILY),
                 *there = inside_group(world_node(w, s.ben), SCOPE_FAMILY);
    const struct device_id *removed = &world_node(w, s.maya)->self.device;
    assert_true(group_has_device(there, removed, NULL) && !group_has_device(&old, removed, NULL));
    assert_false(apart_gives_way(ana, &old, old.mls)); /* not later */
    old.epoch = 0;                                     /* as if the others had gone far ahead */
    assert_true(apart_gives_way(ana, &old, old.mls));
    assert_false(apart_gives_way(ana, &old, there->mls));
    old.state = GROUP_STUCK;
    assert_false(apart_gives_way(ana, &old, there->mls));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T05_members_who_are_shown_two_branches_hear_of_it_within_a_day),
        WORLD_TEST(T05_a_commit_that_is_withheld_is_an_alarm_after_a_day_and_comes_by_readding),
        WORLD_TEST(T05_what_was_withheld_in_a_conversation_is_not_laid_to_the_relay),
        WORLD_TEST(T05_who_says_that_it_is_ahead_and_is_not_blames_no_relay),
        WORLD_TEST(T05_who_has_caught_up_is_not_behind_by_what_it_was_behind_before),
        WORLD_TEST(T05_who_was_removed_does_not_come_back_by_another_branch),
        WORLD_TEST(T05_who_never_sees_its_own_commit_win_is_added_again),
        WORLD_TEST(T05_texts_that_are_withheld_are_an_alarm_and_come_by_another_log),
        WORLD_TEST(T05_texts_in_two_branches_meet_again),
        WORLD_TEST(T05_two_branches_become_one_again),
        WORLD_TEST(T05_a_member_who_does_not_tell_where_it_stands_is_shown),
        WORLD_TEST(T05_a_withheld_removal_is_known_by_letter_and_nothing_more_is_sent),
        WORLD_TEST(T05_who_is_kept_from_a_removal_commits_it_in_turn),
        WORLD_TEST(T05_after_a_hole_only_an_answer_to_this_devices_question_counts),
        WORLD_TEST(T05_after_forty_days_away_a_device_asks_before_it_follows),
        WORLD_TEST(T05_who_was_away_and_finds_others_ahead_is_added_again),
        WORLD_TEST(T05_who_joins_under_another_incarnation_than_it_was_told_has_a_gap),
        WORLD_TEST(T25_a_device_that_asks_without_end_is_added_again_once_an_hour),
        WORLD_TEST(T05_a_later_branch_with_a_removed_device_gives_no_place),
    };
    cmocka_set_test_filter(getenv("KITH_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
