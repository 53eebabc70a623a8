/* SPDX-License-Identifier: Apache-2.0 */
/* A person's own no to a contact, and the yes that comes before it, after it and at once with it: in whatever
 * order a device hears of them. */
#include <stdio.h>
#include <string.h>

#include "protocol/beacon.h"
#include "protocol/evidence.h"
#include "sync/contact_internal.h"
#include "tests/support/test_samples.h"
#include "tests/world/world_test.h"

struct home { /* Ana and Ben, their child Maya with a tablet and a laptop, and Kim, an adult elsewhere */
    size_t ana, ben, maya, laptop, kim;
};

static void assert_contact(struct world *w, size_t device, const char *name, const char *state)
{
    char is[32];
    world_contact(w, device, name, is);
    assert_string_equal(is, state);
}

/* `asker` uses an invite of `of`, who is asked on `by`. */
static void ask(struct world *w, size_t by, const char *of, size_t asker, const char *note)
{
    char link[WORLD_TEXT_MAX];
    snprintf(link, sizeof(link), "%s", world_ok(w, by, CMD_INVITE, of, NULL, NULL, NULL)->link);
    story_meet(w, asker, link, note);
}

static void meet_kim(struct world *w, struct home *h, bool two)
{
    h->ana = world_add(w, "Ana's phone");
    h->maya = world_add(w, "Maya's tablet");
    h->kim = world_add(w, "Kim's phone");
    story_found(w, h->ana, "Berg", "Ana");
    story_pair(w, h->ana, h->maya, "Maya", "child", SIZE_MAX);
    story_found(w, h->kim, "Sol", "Kim");
    ask(w, h->ana, "Maya", h->kim, "hello");
    story_decide(w, h->ana, true);
    story_wait_contact(w, h->maya, "Kim", "active");
    story_wait_contact(w, h->kim, "Maya", "active");
    world_run(w, MINUTE_MS);
    if (two) {
        h->laptop = world_add(w, "Maya's laptop");
        story_pair(w, h->ana, h->laptop, "Maya", "child", h->maya);
        story_wait_contact(w, h->laptop, "Kim", "active");
    }
    world_run(w, MINUTE_MS);
}

/* What Kim ended, and the parents allowed anew, Maya's laptop hears of last. */
static void what_another_device_reads_late_ends_no_later_yes(void **state)
{
    struct world *w = *state;
    struct home h;
    meet_kim(w, &h, true);
    world_off(w, h.laptop);
    world_ok(w, h.kim, CMD_WITHDRAW, "Maya", NULL, NULL, NULL);
    story_wait_contact(w, h.maya, "Kim", "withdrawn");
    story_wait_contact(w, h.ana, "Kim", "withdrawn");
    world_run(w, HOUR_MS);
    ask(w, h.ana, "Maya", h.kim, "again");
    story_decide(w, h.ana, true);
    world_run(w, 2 * HOUR_MS); /* the laptop may be the one whose turn it is to found */
    story_wait_contact(w, h.maya, "Kim", "active");
    world_on(w, h.laptop);
    world_run(w, HOUR_MS);
    assert_contact(w, h.ana, "Kim", "active");
    assert_contact(w, h.maya, "Kim", "active");
    assert_contact(w, h.laptop, "Kim", "active");
    story_say(w, h.kim, "Maya", "here again", h.laptop);
    story_say(w, h.laptop, "Kim", "me too", h.kim);
}

/* A child has one device, which is off when the other leaves, asks again and is allowed. */
static void what_the_only_device_reads_late_ends_no_later_yes(void **state)
{
    struct world *w = *state;
    struct home h;
    meet_kim(w, &h, false);
    world_off(w, h.maya);
    world_ok(w, h.kim, CMD_WITHDRAW, "Maya", NULL, NULL, NULL);
    world_run(w, HOUR_MS);
    ask(w, h.ana, "Maya", h.kim, "again");
    story_decide(w, h.ana, true);
    world_run(w, HOUR_MS);
    world_on(w, h.maya);
    world_run(w, HOUR_MS);
    assert_contact(w, h.ana, "Kim", "active");
    assert_contact(w, h.maya, "Kim", "active");
    story_say(w, h.kim, "Maya", "here again", h.maya);
}

/* ---- whose note it is ---- */

struct forged {
    struct person_ref who;
    uint32_t generation;
    bool ward;
};

static enum status tell_forged(struct node *n, void *arg)
{
    const struct forged *f = arg;
    struct sample_key stranger = sample_key(9);
    struct leave_note note = {.who = f->who, .device = stranger.device, .generation = f->generation};
    struct entry_body body = {.kind = ENTRY_LEAVE};
    struct person_ref self = self_person(n);
    struct buffer encoded;
    struct writer w;
    buffer_init(&encoded, 512);
    writer_init(&w, &encoded);
    struct query q;
    query_start(&q, &n->sql, "SELECT scope FROM contact LIMIT 1", "");
    if (query_next(&q))
        QUERY_ID(&q, 0, &note.scope);
    enum status st = query_end(&q);
    if (st == ST_OK)
        st = leave_note_sign(&note, &stranger.key);
    if (st == ST_OK)
        st = leave_note_encode(&w, &note);
    body.u.leave.note = buffer_span(&encoded);
    if (st == ST_OK)
        st = f->ward ? ward_append(n, &self.person, &body)
                     : journal_append(n, SCOPE_CONVERSATION, &note.scope, &body, NULL);
    buffer_wipe(&encoded);
    return st;
}

static struct person_ref person_on(struct world *w, size_t device)
{
    return self_person(world_node(w, device));
}

/* A child's device that says that the other left ends the contact, as it may; but not in the other's name. */
static void T31_a_note_under_a_strangers_key_is_not_the_others(void **state)
{
    struct world *w = *state;
    struct home h;
    meet_kim(w, &h, true);
    struct forged f = {.who = person_on(w, h.kim)};
    assert_ok(world_forge(w, h.kim, tell_forged, &f)); /* Kim's device can say it; nobody believes it */
    world_run(w, 10 * MINUTE_MS);
    assert_contact(w, h.maya, "Kim", "active");
    f.ward = true;
    assert_ok(world_forge(w, h.maya, tell_forged, &f));
    story_wait_contact(w, h.ana, "Kim", "withdrawn");
    assert_int_equal(world_number(w, h.ana, "SELECT count(*) FROM notice WHERE kind = 7 AND what = 'Kim'"),
                     0);
    story_wait_contact(w, h.maya, "Kim", "withdrawn");
    story_wait_contact(w, h.laptop, "Kim", "withdrawn");
}

/* ---- clocks ---- */

/* A no of Ana's by a clock that was ahead makes the serial of Ben's yes as great; Maya's no is after it all
 * the same. */
static void T22_a_leave_ends_a_yes_whose_serial_runs_ahead(void **state)
{
    struct world *w = *state;
    struct home h;
    meet_kim(w, &h, false);
    h.ben = world_add(w, "Ben's phone");
    story_pair(w, h.ana, h.ben, "Ben", "parent", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    world_clock(w, h.ana, 2 * DAY_MS);
    world_ok(w, h.ana, CMD_WITHDRAW, "Kim", NULL, NULL, NULL);
    world_clock(w, h.ana, 0);
    story_wait_contact(w, h.maya, "Kim", "withdrawn");
    story_wait_contact(w, h.ben, "Kim", "withdrawn");
    world_run(w, HOUR_MS);
    ask(w, h.ben, "Maya", h.kim, "again");
    story_decide(w, h.ben, true);
    story_wait_contact(w, h.maya, "Kim", "active");
    world_run(w, HOUR_MS);
    world_ok(w, h.maya, CMD_WITHDRAW, "Kim", NULL, NULL, NULL);
    story_wait_contact(w, h.ben, "Kim", "withdrawn");
    story_wait_contact(w, h.kim, "Maya", "withdrawn");
    world_run(w, HOUR_MS);
    ask(w, h.ben, "Maya", h.kim, "a third time");
    story_decide(w, h.ben, true);
    story_wait_contact(w, h.maya, "Kim", "active");
    story_wait_contact(w, h.ben, "Kim", "active");
    story_wait_contact(w, h.kim, "Maya", "active");
    story_say(w, h.kim, "Maya", "here again", h.maya);
}

/* ---- generations ---- */

static int64_t generation_of(struct world *w, size_t device)
{
    return world_number(w, device, "SELECT max(generation) FROM mls_group WHERE kind = 5 AND state = 1");
}

struct adults {
    size_t ana, dan, later;
};

/* Who was asked has the request still, also on devices that come later. */
static void meet_dan(struct world *w, struct adults *a, bool dan_asks)
{
    a->ana = world_add(w, "Ana's phone");
    a->dan = world_add(w, "Dan's phone");
    story_found(w, a->ana, "Berg", "Ana");
    story_found(w, a->dan, "Sol", "Dan");
    ask(w, dan_asks ? a->ana : a->dan, NULL, dan_asks ? a->dan : a->ana, "from work");
    story_decide(w, dan_asks ? a->ana : a->dan, true);
    story_wait_contact(w, a->ana, "Dan", "active");
    story_wait_contact(w, a->dan, "Ana", "active");
    world_run(w, MINUTE_MS);
}

/* Dan left; then he says yes on a laptop that came since, and was never in their conversation. */
static void two_meet_again_from_a_device_that_came_since(void **state)
{
    struct world *w = *state;
    struct adults a;
    meet_dan(w, &a, true);
    world_ok(w, a.dan, CMD_WITHDRAW, "Ana", NULL, NULL, NULL);
    story_wait_contact(w, a.ana, "Dan", "withdrawn");
    a.later = world_add(w, "Dan's laptop");
    story_pair(w, a.dan, a.later, "Dan", "parent", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    assert_contact(w, a.later, "Ana", "left");
    ask(w, a.later, NULL, a.ana, "sorry");
    world_off(w, a.dan);
    story_decide(w, a.later, true);
    world_run(w, 2 * HOUR_MS);
    world_on(w, a.dan);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(generation_of(w, a.later), 1);
    story_say(w, a.ana, "Dan", "to the phone", a.dan);
    story_say(w, a.ana, "Dan", "to the laptop", a.later);
    story_say(w, a.dan, "Ana", "from the phone", a.ana);
}

/* The same for the one who was left. */
static void who_was_left_meets_again_from_a_device_that_came_since(void **state)
{
    struct world *w = *state;
    struct adults a;
    meet_dan(w, &a, false);
    world_ok(w, a.dan, CMD_WITHDRAW, "Ana", NULL, NULL, NULL);
    story_wait_contact(w, a.ana, "Dan", "withdrawn");
    a.later = world_add(w, "Ana's laptop");
    story_pair(w, a.ana, a.later, "Ana", "parent", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
    assert_contact(w, a.later, "Dan", "withdrawn");
    ask(w, a.later, NULL, a.dan, "sorry");
    world_off(w, a.ana);
    story_decide(w, a.later, true);
    world_run(w, 2 * HOUR_MS);
    world_on(w, a.ana);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(generation_of(w, a.later), 1);
    story_say(w, a.dan, "Ana", "to the phone", a.ana);
    story_say(w, a.dan, "Ana", "to the laptop", a.later);
    story_say(w, a.later, "Dan", "from the laptop", a.dan);
}

/* Ana leaves where nothing goes out, and asks again before it does. */
static void who_leaves_and_asks_again_at_once_is_heard(void **state)
{
    struct world *w = *state;
    struct adults a;
    char link[WORLD_TEXT_MAX];
    meet_dan(w, &a, true);
    snprintf(link, sizeof(link), "%s", world_ok(w, a.dan, CMD_INVITE, NULL, NULL, NULL, NULL)->link);
    world_mute(w, a.ana, true);
    world_ok(w, a.ana, CMD_WITHDRAW, "Dan", NULL, NULL, NULL);
    story_meet(w, a.ana, link, "no, wait");
    world_run(w, MINUTE_MS);
    world_mute(w, a.ana, false);
    story_decide(w, a.dan, true);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(generation_of(w, a.ana), 1);
    assert_int_equal(generation_of(w, a.dan), 1);
    story_say(w, a.ana, "Dan", "here", a.dan);
    story_say(w, a.dan, "Ana", "here, too", a.ana);
}

/* Ana says yes on a device whose turn to found has not come, and thinks better of it. */
static void who_leaves_before_there_is_a_conversation_founds_none(void **state)
{
    struct world *w = *state;
    struct adults a;
    size_t both[2], last;
    both[0] = world_add(w, "Ana's phone");
    both[1] = world_add(w, "Ana's laptop");
    a.dan = world_add(w, "Dan's phone");
    story_found(w, both[0], "Berg", "Ana");
    story_pair(w, both[0], both[1], "Ana", "parent", SIZE_MAX);
    story_found(w, a.dan, "Sol", "Dan");
    world_run(w, MINUTE_MS);
    last = ID_COMPARE(&world_node(w, both[0])->self.device, &world_node(w, both[1])->self.device) < 0 ? 1 : 0;
    ask(w, both[last], NULL, a.dan, "Dan from work");
    world_run(w, MINUTE_MS);
    story_decide(w, both[last], true);
    world_ok(w, both[last], CMD_WITHDRAW, "Dan", NULL, NULL, NULL);
    world_run(w, 3 * (int64_t)HOUR_MS);
    assert_contact(w, both[0], "Dan", "left");
    assert_contact(w, both[1], "Dan", "left");
}

/* Maya's tablet ends it, and her laptop hears that before the yes that it ends; no parent is there. */
static void T20_a_yes_that_comes_after_the_leave_that_ended_it_opens_nothing(void **state)
{
    struct world *w = *state;
    struct home h;
    meet_kim(w, &h, true);
    world_off(w, h.ana);
    world_ok(w, h.maya, CMD_WITHDRAW, "Kim", NULL, NULL, NULL);
    story_wait_contact(w, h.laptop, "Kim", "left");
    world_sql(w, h.laptop, "DELETE FROM contact");
    world_sql(w, h.laptop, "UPDATE permit SET granted = 0");
    world_sql(w, h.laptop, "UPDATE entry SET applied = 0 WHERE kind = 14");
    world_run(w, 3 * (int64_t)HOUR_MS);
    assert_int_equal(generation_of(w, h.laptop), -1);
    assert_contact(w, h.laptop, "Kim", "withdrawn");
    assert_contact(w, h.maya, "Kim", "left");
    assert_contact(w, h.kim, "Maya", "withdrawn");
    world_on(w, h.ana);
    story_wait_contact(w, h.ana, "Kim", "withdrawn");
}

/* The device whose turn it is to found is off, and the other's has not come when a parent thinks better of
 * it. */
static void a_wish_to_found_ends_with_the_yes(void **state)
{
    struct world *w = *state;
    struct home h;
    meet_kim(w, &h, true);
    world_ok(w, h.ana, CMD_WITHDRAW, "Kim", NULL, NULL, NULL);
    story_wait_contact(w, h.kim, "Maya", "withdrawn");
    bool first = ID_COMPARE(&world_node(w, h.maya)->self.device, &world_node(w, h.laptop)->self.device) < 0;
    size_t next = first ? h.laptop : h.maya;
    world_off(w, first ? h.maya : h.laptop);
    world_run(w, HOUR_MS);
    ask(w, h.ana, "Maya", h.kim, "again");
    story_decide(w, h.ana, true);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(world_number(w, next, "SELECT count(*) FROM conversation_wish"), 1);
    world_ok(w, h.ana, CMD_WITHDRAW, "Kim", NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(world_number(w, next, "SELECT count(*) FROM conversation_wish"), 0);
}

/* ---- what the relay loses ---- */

/* The relay said that it has the leave, and goes back to a copy without it before anybody has read it. */
static void a_leave_that_the_relay_lost_is_told_again(void **state)
{
    struct world *w = *state;
    struct adults a;
    meet_dan(w, &a, true);
    world_off(w, a.dan);
    world_keep_store(w);
    world_ok(w, a.ana, CMD_WITHDRAW, "Dan", NULL, NULL, NULL);
    world_run(w, 10 * MINUTE_MS);
    world_put_back_store(w);
    world_on(w, a.dan);
    world_run(w, 2 * DAY_MS);
    assert_contact(w, a.dan, "Ana", "withdrawn");
    assert_contact(w, a.ana, "Dan", "left");
}

struct posted { /* a letter of Dan's */
    uint32_t generation;
    bool strange;
};

static enum status post(struct node *n, void *arg)
{
    const struct posted *p = arg;
    struct sample_key stranger = sample_key(9);
    struct leave_note note = {.who = self_person(n),
                              .device = p->strange ? stranger.device : n->self.device,
                              .generation = p->generation};
    struct leave_heard heard = {.hlc = 1};
    struct evidence_record r = {.kind = EVIDENCE_LEAVE};
    struct person_ref to;
    struct buffer box, encoded, told, record;
    struct writer w;
    struct query q;
    buffer_init(&box, LETTERBOX_MAX);
    buffer_init(&encoded, LEAVE_NOTE_MAX);
    buffer_init(&told, LEAVE_HEARD_MAX);
    buffer_init(&record, EVIDENCE_RECORD_MAX);
    query_start(&q, &n->sql, "SELECT scope, family, other, their_box FROM contact", "");
    assert_true(query_next(&q));
    QUERY_ID(&q, 0, &note.scope);
    QUERY_ID(&q, 1, &to.family);
    QUERY_ID(&q, 2, &to.person);
    assert_ok(buffer_copy(&box, query_blob(&q, 3)));
    assert_ok(query_end(&q));
    assert_ok(leave_note_sign(&note, p->strange ? &stranger.key : &n->self.key));
    writer_init(&w, &encoded);
    assert_ok(leave_note_encode(&w, &note));
    heard.note = buffer_span(&encoded);
    writer_init(&w, &told);
    assert_ok(leave_heard_encode(&w, &heard));
    r.body = buffer_span(&told);
    writer_init(&w, &record);
    assert_ok(evidence_record_encode(&w, &r));
    struct letter l = {LETTERBOX_EVIDENCE, buffer_span(&box), to, buffer_span(&record)};
    enum status st = letter_send(n, &l);
    buffer_wipe(&box);
    buffer_wipe(&encoded);
    buffer_wipe(&told);
    buffer_wipe(&record);
    return st;
}

/* Of the conversation that is here, by a device of who sends it. */
static void T31_a_leave_by_letter_is_for_the_conversation_that_is_here(void **state)
{
    struct world *w = *state;
    struct adults a;
    meet_dan(w, &a, true);
    world_ok(w, a.dan, CMD_WITHDRAW, "Ana", NULL, NULL, NULL);
    story_wait_contact(w, a.ana, "Dan", "withdrawn");
    ask(w, a.ana, NULL, a.dan, "sorry");
    story_decide(w, a.ana, true);
    story_wait_contact(w, a.dan, "Ana", "active");
    world_run(w, MINUTE_MS);
    assert_int_equal(generation_of(w, a.ana), 1);
    struct posted p = {.generation = 0};
    assert_ok(world_forge(w, a.dan, post, &p));
    p = (struct posted){.generation = 1, .strange = true};
    assert_ok(world_forge(w, a.dan, post, &p));
    world_run(w, 10 * MINUTE_MS);
    assert_contact(w, a.ana, "Dan", "active");
    story_say(w, a.ana, "Dan", "still here", a.dan);
    p.strange = false;
    assert_ok(world_forge(w, a.dan, post, &p));
    story_wait_contact(w, a.ana, "Dan", "withdrawn");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(what_another_device_reads_late_ends_no_later_yes),
        WORLD_TEST(what_the_only_device_reads_late_ends_no_later_yes),
        WORLD_TEST(T31_a_note_under_a_strangers_key_is_not_the_others),
        WORLD_TEST(T22_a_leave_ends_a_yes_whose_serial_runs_ahead),
        WORLD_TEST(two_meet_again_from_a_device_that_came_since),
        WORLD_TEST(who_was_left_meets_again_from_a_device_that_came_since),
        WORLD_TEST(who_leaves_and_asks_again_at_once_is_heard),
        WORLD_TEST(who_leaves_before_there_is_a_conversation_founds_none),
        WORLD_TEST(T20_a_yes_that_comes_after_the_leave_that_ended_it_opens_nothing),
        WORLD_TEST(a_wish_to_found_ends_with_the_yes),
        WORLD_TEST(T31_a_leave_by_letter_is_for_the_conversation_that_is_here),
        WORLD_TEST(a_leave_that_the_relay_lost_is_told_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
