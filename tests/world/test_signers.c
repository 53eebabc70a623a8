/* SPDX-License-Identifier: Apache-2.0 */
/* Whose signature counts: of parents and their devices, now, after a device was lost, and after seven days.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/certificates.h"
#include "device/roster.h"
#include "policy/rules.h"
#include "sync/contact.h"
#include "sync/facts.h"
#include "sync/family.h"
#include "sync/journal.h"
#include "tests/world/world_test.h"

/* ---- rules ---- */

/* The child's own program takes its certificate for one that says "not supervised". */
static enum status call_unsupervised(struct node *n, void *arg)
{
    const struct device_id *device = arg;
    struct device_certificate c;
    struct buffer bytes, changed;
    struct writer w;
    buffer_init(&bytes, WIRE_CERTIFICATE_MAX);
    buffer_init(&changed, WIRE_CERTIFICATE_MAX);
    writer_init(&w, &changed);
    enum status st = family_certificate(n, device, &bytes, &c);
    c.supervised = false;
    if (st == ST_OK)
        st = device_certificate_encode(&w, &c);
    if (st == ST_OK)
        st = sql_run(&n->sql, "UPDATE certificate SET supervised = 0, certificate = ? WHERE device = ?", "bb",
                     buffer_span(&changed), SPAN_ID(device));
    buffer_wipe(&bytes);
    buffer_wipe(&changed);
    return st;
}

/* Rules with permits of `days`, as an entry of this device in Maya's ward; it replaces all that it knows. */
struct edit {
    struct person_id child;
    uint16_t days;
};

static enum status write_rules(struct node *n, void *arg)
{
    const struct edit *edit = arg;
    struct policy *p = mem_alloc(1, sizeof(*p));
    struct entry_body body = {.kind = ENTRY_POLICY};
    struct scope_id scope;
    struct buffer document;
    struct writer w;
    struct query q;
    buffer_init(&document, POLICY_ENCODED_MAX);
    writer_init(&w, &document);
    enum status st = facts_policy(n, &edit->child, p);
    p->permit_days = edit->days;
    if (st == ST_OK)
        st = policy_encode(&w, p);
    body.u.policy.document = buffer_span(&document);
    if (st == ST_OK)
        st = scope_id_of_person(SCOPE_WARD, &edit->child, &scope);
    if (st == ST_OK) {
        query_start(&q, &n->sql,
                    "SELECT hash FROM entry WHERE scope = ? AND kind = 10 ORDER BY hlc DESC LIMIT 8", "b",
                    SPAN_ID(&scope));
        while (query_next(&q))
            QUERY_ID(&q, 0, &body.u.policy.based_on.at[body.u.policy.based_on.count++]);
        st = query_end(&q);
    }
    if (st == ST_OK)
        st = journal_append(n, SCOPE_WARD, &scope, &body, NULL);
    buffer_wipe(&document);
    mem_free(p, sizeof(*p));
    return st;
}

static void see_days(void *ctx, const struct policy_row *row)
{
    if (strcmp(row->field, "permit_days") == 0)
        snprintf(ctx, 64, "%s", row->value);
}

static void assert_days(struct world *w, size_t device, const char *days)
{
    char value[64] = "";
    assert_ok(view_policy(world_node(w, device), "Maya", see_days, value));
    assert_string_equal(value, days);
}

static void T21_rules_are_a_parents_as_the_chain_says_whatever_a_certificate_says(void **state)
{
    struct world *w = *state;
    struct story s;
    struct edit edit = {.days = 3000};
    story_children_meet(w, &s);
    struct device_id maya = world_node(w, s.maya)->self.device;
    edit.child = world_node(w, s.maya)->self.person;
    assert_ok(world_forge(w, s.ben, call_unsupervised, &maya));
    assert_ok(world_forge(w, s.maya, call_unsupervised, &maya));
    (void)world_forge(w, s.maya, write_rules, &edit); /* a device voids its own void entry and says so */
    world_run(w, 5 * MINUTE_MS);
    assert_days(w, s.ben, "365");
    assert_days(w, s.maya, "365");
}

/* ---- a proposal that is too old ---- */

static void a_change_that_was_signed_too_late_is_not_made(void **state)
{
    struct world *w = *state;
    char link[WORLD_TEXT_MAX], code[NODE_CODE_LEN + 1];
    size_t ana = world_add(w, "Ana's phone"), maya = world_add(w, "Maya's tablet"),
           laptop = world_add(w, "Maya's laptop");
    story_found(w, ana, "Berg", "Ana");
    story_pair(w, ana, maya, "Maya", "child", SIZE_MAX);
    snprintf(link, sizeof(link), "%s", world_ok(w, ana, CMD_PAIR_INVITE, "Maya", "child", NULL, NULL)->link);
    world_ok(w, laptop, CMD_PAIR_ACCEPT, link, "Maya's laptop", NULL, NULL);
    world_run(w, 10000);
    assert_int_equal(world_pairing(w, laptop, code), PAIRING_CODE);
    world_ok(w, ana, CMD_PAIR_CONFIRM, code, NULL, NULL, NULL);
    world_run(w, 10000);
    world_ok(w, laptop, CMD_PAIR_YES, NULL, NULL, NULL, NULL);
    world_run(w, 10000);
    assert_true(story_has_request(w, maya));
    world_off(w, ana);
    story_decide(w, maya, true); /* in time, but Ana's phone hears of it when the week is over */
    world_run(w, 10000);
    world_off(w, maya);
    world_run(w, 8 * DAY_MS);
    world_on(w, ana);
    world_on(w, maya);
    world_run(w, 10 * MINUTE_MS);
    assert_int_equal(world_number(w, ana, "SELECT count(*) FROM chain_wish"), 0);
    assert_int_equal(world_number(w, ana, "SELECT max(height) FROM chain WHERE chain = 2"), 1);
    assert_int_equal(world_number(w, ana, "SELECT state FROM pairing ORDER BY id DESC LIMIT 1"),
                     PAIRING_FAILED);
    assert_int_not_equal(world_pairing(w, laptop, code), PAIRING_DONE);
}

/* ---- a parent's phone is lost ---- */

struct lost { /* Ana said yes to Leo by her phone; it is lost, and her laptop removes it */
    size_t phone, laptop, maya, rosa, leo;
};

static void until_the_laptop_is_there(struct world *w, struct lost *s)
{
    s->phone = world_add(w, "Ana's phone");
    s->maya = world_add(w, "Maya's tablet");
    s->rosa = world_add(w, "Rosa's phone");
    s->leo = world_add(w, "Leo's tablet");
    story_found(w, s->phone, "Berg", "Ana");
    story_pair(w, s->phone, s->maya, "Maya", "child", SIZE_MAX);
    story_found(w, s->rosa, "Sol", "Rosa");
    story_pair(w, s->rosa, s->leo, "Leo", "child", SIZE_MAX);
    story_ask(w, s->leo, s->phone, "Maya", "It is me, Leo from school");
    story_decide(w, s->rosa, true);
    story_decide(w, s->phone, true);
    story_wait_contact(w, s->leo, "Maya", "active");
    story_wait_contact(w, s->maya, "Leo", "active");
    s->laptop = story_add(w, s->phone, "Ana's laptop", "Ana", "parent", SIZE_MAX);
    world_run(w, 10 * MINUTE_MS);
}

static void lose_the_phone(struct world *w, struct lost *s)
{
    world_off(w, s->phone);
    world_ok(w, s->laptop, CMD_DEVICES_REMOVE, "Ana's phone", NULL, NULL, NULL);
    world_run(w, 30 * MINUTE_MS);
}

static void T20_what_a_lost_phone_permitted_goes_on_also_on_devices_that_come_later(void **state)
{
    struct world *w = *state;
    struct lost s;
    until_the_laptop_is_there(w, &s);
    story_say(w, s.leo, "Maya", "before", s.maya);
    lose_the_phone(w, &s);
    story_say(w, s.leo, "Maya", "still there?", s.maya);
    story_say(w, s.maya, "Leo", "yes", s.leo);
    size_t tablet = world_add(w, "Maya's new tablet"), other = world_add(w, "Leo's laptop");
    story_pair(w, s.laptop, tablet, "Maya", "child", s.maya);
    story_pair(w, s.rosa, other, "Leo", "child", s.leo);
    world_run(w, 30 * MINUTE_MS);
    story_say(w, tablet, "Leo", "from the new one", other);
    story_say(w, other, "Maya", "so am I", tablet);
    story_say(w, s.leo, "Maya", "and I", tablet);
    assert_false(story_has_request(w, s.laptop)); /* nobody was asked again */
    assert_false(story_has_request(w, s.rosa));
    world_same_state(w, s.maya, tablet);
    world_same_state(w, s.maya, s.laptop);
    assert_int_equal(world_alarms(w, s.leo) + world_alarms(w, s.maya) + world_alarms(w, tablet), 0);
}

/* The child's own device hears of the removal, and not yet of the permit that is signed again. */
static void T20_a_contact_follows_the_chain_with_the_permit_that_counts_by_it(void **state)
{
    struct world *w = *state;
    struct lost s;
    static const char *const counting = "SELECT count(*) FROM permit WHERE enough = 1";
    until_the_laptop_is_there(w, &s);
    story_say(w, s.leo, "Maya", "before", s.maya);
    world_sql(w, s.maya,
              "UPDATE log SET listening = 0 WHERE kind = 1 AND owner IN"
              " (SELECT id FROM mls_group WHERE kind = 3)");
    world_restart(w, s.maya);
    lose_the_phone(w, &s);
    assert_int_equal(world_number(w, s.maya, counting), 1); /* Leo's alone */
    assert_int_equal(world_number(w, s.leo, counting), 2);  /* who was not led to where it does not count */
    world_sql(w, s.maya,
              "UPDATE log SET listening = 1 WHERE kind = 1 AND owner IN"
              " (SELECT id FROM mls_group WHERE kind = 3)");
    world_restart(w, s.maya);
    world_run(w, 30 * MINUTE_MS);
    assert_int_equal(world_number(w, s.leo, "SELECT count(*) FROM permit WHERE enough = 0"), 1);
    story_say(w, s.leo, "Maya", "after", s.maya);
    story_say(w, s.maya, "Leo", "too", s.leo);
}

/* ---- what the thief does with it ---- */

struct carried { /* entries of one device in one scope, as its own database has them */
    struct buffer entries[8];
    size_t count;
    struct scope_id scope;
    struct device_id via;
};

static void take_entries(struct world *w, size_t device, int64_t after, struct carried *c)
{
    struct query q;
    c->count = 0;
    query_start(&q, &world_node(w, device)->sql,
                "SELECT entry FROM entry WHERE own = 1 AND scope = ? AND id > ? ORDER BY seq", "bi",
                SPAN_ID(&c->scope), after);
    while (c->count < 8 && query_next(&q)) {
        buffer_init(&c->entries[c->count], GROUP_MESSAGE_MAX);
        assert_ok(buffer_append(&c->entries[c->count++], query_blob(&q, 0)));
    }
    assert_ok(query_end(&q));
    assert_true(c->count > 0);
}

static void drop_entries(struct carried *c)
{
    for (size_t i = 0; i < c->count; i++)
        buffer_wipe(&c->entries[i]);
}

/* Somebody in the family passes them on, as repair would. */
static enum status pass_on(struct node *n, void *arg)
{
    const struct carried *c = arg;
    enum status st = ST_OK;
    for (size_t i = 0; st == ST_OK && i < c->count; i++)
        st = journal_take_passed_on(n, SCOPE_WARD, &c->scope, buffer_span(&c->entries[i]), &c->via);
    return st;
}

struct thief {
    struct person_ref child, contact;
    uint64_t serial;
    struct device_id device; /* of the child */
    struct buffer permit, withdrawal, certificate;
};

/* A certificate for the child's device, as the phone gave when it was a parent's; it ends later than others.
 */
static enum status forge_certificate(struct node *n, struct thief *t)
{
    const struct authority *a;
    const struct roster *r;
    struct device_certificate c;
    struct writer w;
    buffer_init(&t->certificate, WIRE_CERTIFICATE_MAX);
    writer_init(&w, &t->certificate);
    enum status st = family_states(n, &a, &r);
    if (st != ST_OK)
        return st;
    struct certificate_args args = {.at = a,
                                    .person = t->child.person,
                                    .device = t->device,
                                    .now_ms = n->now.wall_ms + 3000 * DAY_MS,
                                    .issuer = n->self.device,
                                    .key = &n->self.key};
    st = certificate_issue(&c, &args);
    return st == ST_OK ? device_certificate_encode(&w, &c) : st;
}

/* A permit and a withdrawal of the thief's, dated as they like; the permit also as an entry of the ward. */
static enum status forge(struct node *n, void *arg)
{
    struct thief *t = arg;
    struct permit p = {.child = t->child,
                       .has_contact = true,
                       .contact = t->contact,
                       .kinds = PERMIT_ALL,
                       .oversight = OVERSIGHT_CONTACTS,
                       .not_before_ms = n->now.wall_ms - 30 * DAY_MS,
                       .not_after_ms = n->now.wall_ms + 3000 * DAY_MS,
                       .serial = t->serial};
    struct permit_withdrawal v = {
        .child = t->child, .contact = t->contact, .serial = INT64_MAX, .issuer = n->self.device};
    struct entry_body body = {.kind = ENTRY_PERMIT};
    struct scope_id ward;
    struct writer w;
    buffer_init(&t->permit, WIRE_PERMIT_MAX);
    buffer_init(&t->withdrawal, WIRE_PERMIT_MAX);
    enum status st = forge_certificate(n, t);
    if (st == ST_OK)
        st = permit_approve(&p, &n->self.person, &n->self.device, &n->self.key);
    writer_init(&w, &t->permit);
    if (st == ST_OK)
        st = permit_encode(&w, &p);
    if (st == ST_OK)
        st = permit_withdrawal_sign(&v, &n->self.key);
    writer_init(&w, &t->withdrawal);
    if (st == ST_OK)
        st = permit_withdrawal_encode(&w, &v);
    body.u.permit.permit = buffer_span(&t->permit);
    if (st == ST_OK)
        st = scope_id_of_person(SCOPE_WARD, &t->child.person, &ward);
    return st == ST_OK ? journal_append(n, SCOPE_WARD, &ward, &body, NULL) : st;
}

static enum status keep_permit(struct node *n, void *arg)
{
    const struct thief *t = arg;
    return permit_keep(n, buffer_span(&t->permit));
}

static enum status keep_certificate(struct node *n, void *arg)
{
    const struct thief *t = arg;
    return family_keep_certificate(n, buffer_span(&t->certificate));
}

static enum status keep_withdrawal(struct node *n, void *arg)
{
    const struct thief *t = arg;
    return withdrawal_keep(n, buffer_span(&t->withdrawal));
}

static void T21_what_a_lost_phone_signs_after_its_removal_opens_nothing(void **state)
{
    struct world *w = *state;
    struct lost s;
    struct carried ward;
    struct edit edit = {.days = 3000};
    until_the_laptop_is_there(w, &s);
    size_t sam = world_add(w, "Sam's phone");
    story_found(w, sam, "Stranger", "Sam");
    edit.child = world_node(w, s.maya)->self.person;
    int64_t before = world_number(w, s.phone, "SELECT max(id) FROM entry");
    lose_the_phone(w, &s);
    world_lose(w, 100); /* the thief has it without a network */
    world_on(w, s.phone);
    struct thief t = {.child = self_person(world_node(w, s.maya)),
                      .contact = self_person(world_node(w, sam)),
                      .serial = (uint64_t)(world_now(w).wall_ms - 10 * DAY_MS) << 16,
                      .device = world_node(w, s.maya)->self.device};
    assert_ok(world_forge(w, s.phone, forge, &t));
    assert_ok(world_forge(w, s.phone, write_rules, &edit));
    assert_ok(scope_id_of_person(SCOPE_WARD, &edit.child, &ward.scope));
    take_entries(w, s.phone, before, &ward);
    assert_int_equal(ward.count, 2);
    world_off(w, s.phone);
    world_lose(w, 0);
    ward.via = world_node(w, s.maya)->self.device;
    assert_ok(world_forge(w, s.laptop, pass_on, &ward));
    ward.via = world_node(w, s.laptop)->self.device;
    assert_ok(world_forge(w, s.maya, pass_on, &ward));
    world_run(w, 10 * MINUTE_MS);
    size_t tablet = world_add(w, "Maya's new tablet"); /* which never knew the phone as a parent's */
    story_pair(w, s.laptop, tablet, "Maya", "child", s.maya);
    world_run(w, 30 * MINUTE_MS);
    const size_t all[] = {s.laptop, s.maya, tablet, s.leo};
    for (size_t i = 0; i < 4; i++) {
        assert_int_not_equal(world_forge(w, all[i], keep_permit, &t), ST_OK);
        assert_int_not_equal(world_forge(w, all[i], keep_withdrawal, &t), ST_OK);
        assert_int_equal(world_number(w, all[i],
                                      "SELECT count(*) FROM permit WHERE enough = 1 AND not_after_ms >"
                                      " 1900000000000"),
                         0);
        (void)world_forge(w, all[i], keep_certificate, &t);
        assert_int_equal(
            world_number(w, all[i], "SELECT count(*) FROM certificate WHERE not_after_ms > 1900000000000"),
            0);
        if (all[i] != s.leo)
            assert_days(w, all[i], "365");
    }
    drop_entries(&ward);
    buffer_wipe(&t.permit);
    buffer_wipe(&t.withdrawal);
    buffer_wipe(&t.certificate);
    story_say(w, s.leo, "Maya", "and we go on", tablet);
}

/* A permit that the phone gave when nobody heard it any more, and that one device took before it heard of the
 * removal: it ends there too. */
static void T21_what_a_lost_phone_signed_alone_ends_with_it(void **state)
{
    struct world *w = *state;
    struct lost s;
    until_the_laptop_is_there(w, &s);
    size_t sam = world_add(w, "Sam's phone");
    story_found(w, sam, "Stranger", "Sam");
    world_off(w, s.laptop);
    struct thief t = {.child = self_person(world_node(w, s.maya)),
                      .contact = self_person(world_node(w, sam)),
                      .serial = (uint64_t)(world_now(w).wall_ms - 10 * DAY_MS) << 16,
                      .device = world_node(w, s.maya)->self.device};
    world_lose(w, 100);
    assert_ok(world_forge(w, s.phone, forge, &t)); /* the laptop never accepts it */
    world_off(w, s.phone);
    world_lose(w, 0);
    assert_ok(world_forge(w, s.maya, keep_permit, &t));
    static const char *const opened =
        "SELECT count(*) FROM permit WHERE enough = 1 AND not_after_ms > 1900000000000";
    assert_int_equal(world_number(w, s.maya, opened), 1);
    world_on(w, s.laptop);
    world_ok(w, s.laptop, CMD_DEVICES_REMOVE, "Ana's phone", NULL, NULL, NULL);
    world_run(w, 30 * MINUTE_MS);
    assert_int_equal(world_number(w, s.maya, opened), 0);
    assert_int_equal(world_number(w, s.laptop, opened), 0);
    buffer_wipe(&t.permit);
    buffer_wipe(&t.withdrawal);
    buffer_wipe(&t.certificate);
}

/* ---- a no, and rules, outlive the device that wrote them ---- */

static void T21_the_no_of_a_device_that_is_removed_later_stays(void **state)
{
    struct world *w = *state;
    struct lost s;
    char contact[32];
    until_the_laptop_is_there(w, &s);
    world_ok(w, s.phone, CMD_POLICY_SET, "Maya", "permit_days", "30", NULL);
    world_ok(w, s.phone, CMD_WITHDRAW, "Leo", NULL, NULL, NULL);
    story_wait_contact(w, s.maya, "Leo", "withdrawn");
    story_wait_contact(w, s.leo, "Maya", "withdrawn");
    lose_the_phone(w, &s);
    size_t tablet = story_add(w, s.laptop, "Maya's new tablet", "Maya", "child", s.maya);
    world_run(w, 30 * MINUTE_MS);
    assert_int_equal(world_number(w, tablet, "SELECT count(*) FROM withdrawal"), 1);
    world_contact(w, tablet, "Leo", contact);
    assert_string_not_equal(contact, "active");
    assert_days(w, tablet, "30");
    world_same_state(w, s.maya, tablet);
}

/* ---- a signature that comes before its signer ---- */

struct early { /* the chains of a family, as somebody knows them who knows them all */
    struct family_id family;
    struct wire_list chain[2];
    struct buffer bytes[2];
};

static void know_chains(struct early *e, struct node *n)
{
    e->family = n->self.family;
    for (size_t i = 0; i < 2; i++) {
        buffer_init(&e->bytes[i], WIRE_LIST_MAX);
        memset(&e->chain[i], 0, sizeof(e->chain[i]));
        assert_ok(family_chain_list(n, &e->family, i == 0 ? CHAIN_AUTHORITY : CHAIN_ROSTER, 0, &e->bytes[i],
                                    &e->chain[i]));
    }
}

/* As if the last entry of each, which brought the laptop, had not come yet. */
static enum status forget_last(struct node *n, void *arg)
{
    const struct early *e = arg;
    enum status st = ST_OK;
    for (int64_t i = 0; st == ST_OK && i < 2; i++)
        st = sql_run(&n->sql, "DELETE FROM chain WHERE family = ? AND chain = ? AND height >= ?", "bii",
                     SPAN_ID(&e->family), i + 1, (int64_t)e->chain[i].count - 1);
    family_forget(n);
    return st;
}

static enum status take_chains(struct node *n, void *arg)
{
    const struct early *e = arg;
    enum status st = family_take_chain(n, &e->family, &e->chain[0]);
    return st == ST_OK ? family_take_chain(n, &e->family, &e->chain[1]) : st;
}

static void a_permit_that_overtakes_its_signer_counts_when_the_chain_has_come(void **state)
{
    struct world *w = *state;
    struct lost s;
    struct carried ward;
    struct early early;
    char contact[32];
    until_the_laptop_is_there(w, &s);
    size_t kim = story_add(w, s.rosa, "Kim's tablet", "Kim", "child", SIZE_MAX);
    story_ask(w, kim, s.phone, "Maya", "I am Leo's sister");
    story_decide(w, s.rosa, true);
    world_run(w, MINUTE_MS);
    world_off(w, s.maya);
    int64_t before = world_number(w, s.laptop, "SELECT max(id) FROM entry");
    story_decide(w, s.laptop, true);
    know_chains(&early, world_node(w, s.laptop));
    world_on(w, s.maya);
    assert_ok(scope_id_of_person(SCOPE_WARD, &world_node(w, s.maya)->self.person, &ward.scope));
    take_entries(w, s.laptop, before, &ward);
    ward.via = world_node(w, s.phone)->self.device;
    assert_ok(world_forge(w, s.maya, forget_last, &early));
    assert_ok(world_forge(w, s.maya, pass_on, &ward));
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM permit WHERE enough = 0"), 1);
    world_contact(w, s.maya, "Kim", contact);
    assert_string_equal(contact, "");
    assert_ok(world_forge(w, s.maya, take_chains, &early));
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM permit WHERE enough = 0"), 0);
    world_contact(w, s.maya, "Kim", contact);
    assert_string_equal(contact, "founding");
    story_wait_contact(w, kim, "Maya", "active");
    story_say(w, kim, "Maya", "hello", s.maya);
    drop_entries(&ward);
    buffer_wipe(&early.bytes[0]);
    buffer_wipe(&early.bytes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T21_rules_are_a_parents_as_the_chain_says_whatever_a_certificate_says),
        WORLD_TEST(a_change_that_was_signed_too_late_is_not_made),
        WORLD_TEST(T20_what_a_lost_phone_permitted_goes_on_also_on_devices_that_come_later),
        WORLD_TEST(T20_a_contact_follows_the_chain_with_the_permit_that_counts_by_it),
        WORLD_TEST(T21_what_a_lost_phone_signs_after_its_removal_opens_nothing),
        WORLD_TEST(T21_what_a_lost_phone_signed_alone_ends_with_it),
        WORLD_TEST(T21_the_no_of_a_device_that_is_removed_later_stays),
        WORLD_TEST(a_permit_that_overtakes_its_signer_counts_when_the_chain_has_come),
    };
    cmocka_set_test_filter(getenv("KITH_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
