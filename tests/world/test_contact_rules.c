/* SPDX-License-Identifier: Apache-2.0 */
/* What entries and letters of the contact story may not do, whoever wrote them: the handlers are given what a
 * tampered device could send. */
#include <stdio.h>

#include "sync/contact_internal.h"
#include "tests/world/world_test.h"

struct scene {
    struct world *w;
    struct story s;
    struct node *ana, *maya, *leo;
    struct buffer permit; /* Ana's, for Maya and Leo */
    struct permit p;
};

static int setup(void **state)
{
    struct scene *x = mem_alloc(1, sizeof(*x));
    bool found;
    x->w = world_new(test_seed(11));
    story_children_meet(x->w, &x->s);
    x->ana = world_node(x->w, x->s.ana);
    x->maya = world_node(x->w, x->s.maya);
    x->leo = world_node(x->w, x->s.leo);
    struct person_ref maya = self_person(x->maya), leo = self_person(x->leo);
    buffer_init(&x->permit, WIRE_PERMIT_MAX);
    assert_ok(permit_newest(x->ana, &maya, &leo, &x->permit, &found));
    assert_true(found);
    assert_ok(permit_decode(&x->p, buffer_span(&x->permit)));
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct scene *x = *state;
    buffer_wipe(&x->permit);
    world_free(x->w);
    mem_free(x, sizeof(*x));
    return 0;
}

/* An entry in Maya's ward as if `who` had written it. */
static struct applied_entry in_ward(struct scene *x, const struct node *who, const struct entry_body *body)
{
    struct applied_entry e = {.scope_kind = SCOPE_WARD,
                              .author = who->self.device,
                              .who = self_person(who),
                              .hlc = 1,
                              .body = body};
    assert_ok(scope_id_of_person(SCOPE_WARD, &x->maya->self.person, &e.scope));
    entropy_fill(&x->ana->entropy, e.hash.b, sizeof(e.hash.b));
    return e;
}

static int64_t count(struct node *n, const char *table)
{
    char text[64];
    sqlite3_stmt *st;
    snprintf(text, sizeof(text), "SELECT count(*) FROM %s", table);
    assert_int_equal(sqlite3_prepare_v2(n->sql.db, text, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t rows = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return rows;
}

static void T21_a_permit_counts_only_from_a_parent(void **state)
{
    struct scene *x = *state;
    struct entry_body body = {.kind = ENTRY_PERMIT, .u.permit.permit = buffer_span(&x->permit)};
    struct applied_entry e = in_ward(x, x->maya, &body); /* a genuine one, replayed by the child */
    assert_status(apply_permit(x->ana, &e), ST_JOURNAL_AUTHOR);
    e = in_ward(x, x->leo, &body);
    assert_status(apply_permit(x->ana, &e), ST_JOURNAL_AUTHOR);
    e = in_ward(x, x->ana, &body);
    assert_ok(apply_permit(x->ana, &e));
    e.closes_only = true; /* written after the parent's device was removed */
    assert_status(apply_permit(x->ana, &e), ST_JOURNAL_AUTHOR);
}

static void T21_a_permit_that_a_child_signed_is_none(void **state)
{
    struct scene *x = *state;
    struct permit p = x->p;
    struct buffer bytes;
    struct writer w;
    int64_t before = count(x->maya, "permit");
    p.serial++;
    p.approval_count = 0;
    assert_ok(permit_approve(&p, &x->maya->self.person, &x->maya->self.device, &x->maya->self.key));
    buffer_init(&bytes, WIRE_PERMIT_MAX);
    writer_init(&w, &bytes);
    assert_ok(permit_encode(&w, &p));
    assert_true(permit_keep(x->maya, buffer_span(&bytes)) != ST_OK);
    assert_int_equal(count(x->maya, "permit"), before);
    buffer_wipe(&bytes);
}

static void T21_a_permit_is_for_the_child_of_that_ward(void **state)
{
    struct scene *x = *state;
    struct entry_body body = {.kind = ENTRY_PERMIT, .u.permit.permit = buffer_span(&x->permit)};
    struct applied_entry e = in_ward(x, x->ana, &body);
    size_t kim = world_add(x->w, "Kim's tablet"); /* Maya's sister: a ward that Ana knows as well */
    story_pair(x->w, x->s.ana, kim, "Kim", "child", SIZE_MAX);
    assert_ok(apply_permit(x->ana, &e));
    assert_ok(scope_id_of_person(SCOPE_WARD, &world_node(x->w, kim)->self.person, &e.scope));
    assert_status(apply_permit(x->ana, &e), ST_JOURNAL_AUTHOR);
}

static void T21_decisions_count_only_from_parents(void **state)
{
    struct scene *x = *state;
    struct entry_body body = {.kind = ENTRY_DECISION, .u.decision.yes = true};
    struct applied_entry e = in_ward(x, x->maya, &body);
    int64_t before = count(x->ana, "decision");
    assert_status(apply_decision(x->ana, &e), ST_JOURNAL_AUTHOR);
    assert_int_equal(count(x->ana, "decision"), before);
    e = in_ward(x, x->ana, &body);
    e.closes_only = true; /* beyond the pin a yes is void … */
    assert_status(apply_decision(x->ana, &e), ST_JOURNAL_AUTHOR);
    body.u.decision.yes = false; /* … and a no counts */
    assert_ok(apply_decision(x->ana, &e));
    assert_int_equal(count(x->ana, "decision"), before + 1);
}

static void withdrawal(struct scene *x, const struct node *issuer, struct buffer *out)
{
    struct permit_withdrawal v = {.child = self_person(x->maya),
                                  .contact = self_person(x->leo),
                                  .serial = x->p.serial,
                                  .issuer = issuer->self.device};
    struct writer w;
    buffer_init(out, WIRE_PERMIT_MAX);
    writer_init(&w, out);
    assert_ok(permit_withdrawal_sign(&v, &issuer->self.key));
    assert_ok(permit_withdrawal_encode(&w, &v));
}

static void T21_a_withdrawal_is_signed_by_a_parent_whoever_brings_it(void **state)
{
    struct scene *x = *state;
    struct buffer bytes;
    char contact[32];
    withdrawal(x, x->maya, &bytes);
    struct entry_body card = {
        .kind = ENTRY_CONTACT_CARD,
        .u.contact_card = {.who = self_person(x->maya), .withdrawal = buffer_span(&bytes)}};
    struct applied_entry e = {.scope_kind = SCOPE_OWN, .who = self_person(x->leo), .body = &card};
    assert_true(apply_contact_card(x->leo, &e) != ST_OK);
    world_contact(x->w, x->s.leo, "Maya", contact);
    assert_string_equal(contact, "active");
    buffer_wipe(&bytes);
    withdrawal(x, x->ana, &bytes); /* a parent's counts, also when passed on */
    card.u.contact_card.withdrawal = buffer_span(&bytes);
    assert_ok(apply_contact_card(x->leo, &e));
    world_contact(x->w, x->s.leo, "Maya", contact);
    assert_string_equal(contact, "withdrawn");
    assert_status(world_do(x->w, x->s.leo, CMD_SEND, "Maya", "still there?", NULL, NULL)->status,
                  ST_CONTACT_ENDED);
    buffer_wipe(&bytes);
}

/* Asking in the name of another child, or of a parent. */
static void T21_an_ask_is_the_childs_own(void **state)
{
    struct scene *x = *state;
    struct entry_body body = {.kind = ENTRY_ASK};
    struct applied_entry e = in_ward(x, x->ana, &body);
    int64_t before = count(x->ana, "request");
    assert_status(apply_ask(x->ana, &e), ST_JOURNAL_AUTHOR);
    assert_int_equal(count(x->ana, "request"), before);
}

/* T23: the child's device makes an invite of its own, and tells its other devices. */
static void T23_a_childs_own_invite_is_void(void **state)
{
    struct scene *x = *state;
    struct buffer box, encoded;
    struct box_secrets secrets = {.relay = SPAN_EMPTY};
    struct writer w;
    int64_t id, before = count(x->maya, "invite");
    struct box_args args = {.kind = BOX_INVITE,
                            .owner = self_person(x->maya),
                            .expires_ms = x->maya->now.wall_ms + CONTACT_DAY_MS};
    struct invite i = {.who = self_person(x->maya), .supervised = true, .signer = x->maya->self.device};
    buffer_init(&box, LETTERBOX_MAX);
    buffer_init(&encoded, ENTRY_INVITE_MAX);
    assert_ok(box_new(x->maya, &args, &box, &secrets, &id));
    i.letterbox = buffer_span(&box);
    assert_ok(invite_sign(&i, &x->maya->self.key));
    writer_init(&w, &encoded);
    assert_ok(invite_encode(&w, &i));
    struct entry_body body = {
        .kind = ENTRY_INVITE_KEY,
        .u.invite_key = {.person = x->maya->self.person, .invite = buffer_span(&encoded)}};
    body.u.invite_key.box = secrets;
    struct applied_entry e = {.scope_kind = SCOPE_OWN, .who = self_person(x->maya), .body = &body};
    assert_status(apply_invite_key(x->maya, &e), ST_INVITE_SIGNER);
    assert_int_equal(count(x->maya, "invite"), before);
    buffer_wipe(&box);
    buffer_wipe(&encoded);
}

/* A child asks for an invite of its own: a parent makes those. */
static void T23_a_child_gets_no_invite_by_itself(void **state)
{
    struct scene *x = *state;
    const struct world_result *r = world_do(x->w, x->s.maya, CMD_INVITE, NULL, NULL, NULL, NULL);
    assert_status(r->status, ST_POLICY_ASK);
    assert_string_not_equal(r->rule, "");
}

/* Approving and denying is for those whom policy names. */
static void T21_a_child_decides_nothing(void **state)
{
    struct scene *x = *state;
    uint8_t id[HASH_LEN] = {0xab, 0xcd, 0xef, 0x01};
    struct request r;
    bool fresh;
    request_init(&r);
    memcpy(r.id, id, sizeof(id));
    r.kind = REQUEST_ASK;
    r.person = x->maya->self.person;
    r.other = (struct person_ref){{{9}}, {{9}}};
    r.state = REQUEST_WAITING;
    r.at_ms = x->maya->now.wall_ms;
    assert_ok(request_insert(x->maya, &r, &fresh));
    assert_status(world_do(x->w, x->s.maya, CMD_APPROVE, "abcdef01", NULL, NULL, NULL)->status,
                  ST_REQUEST_NOT_YOURS);
    assert_status(world_do(x->w, x->s.maya, CMD_DENY, "abcdef01", NULL, NULL, NULL)->status,
                  ST_REQUEST_NOT_YOURS);
    request_free(&r);
}

#define CONTACT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTACT_TEST(T21_a_permit_counts_only_from_a_parent),
        CONTACT_TEST(T21_a_permit_that_a_child_signed_is_none),
        CONTACT_TEST(T21_a_permit_is_for_the_child_of_that_ward),
        CONTACT_TEST(T21_decisions_count_only_from_parents),
        CONTACT_TEST(T21_a_withdrawal_is_signed_by_a_parent_whoever_brings_it),
        CONTACT_TEST(T21_an_ask_is_the_childs_own),
        CONTACT_TEST(T23_a_childs_own_invite_is_void),
        CONTACT_TEST(T23_a_child_gets_no_invite_by_itself),
        CONTACT_TEST(T21_a_child_decides_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
