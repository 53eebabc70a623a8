/* SPDX-License-Identifier: Apache-2.0 */
/* Pairing against a relay that is the attacker and against somebody who has photographed the link: the
 * attacks are those of the ProVerif model's mutants (pairing.pv). */
#include "tests/unit/device/pairing_scene.h"

/* ---- T13: photographing, racing, replaying, standing between ---- */

static void T13_a_wrong_code_voids_the_link(void **state)
{
    (void)state;
    struct scene s;
    char wrong[PAIRING_CODE_DIGITS + 1];
    scene_init(&s, ROLE_CHILD);
    run_to_code(&s);
    memcpy(wrong, pairing_facts(s.device.p)->code, sizeof(wrong));
    wrong[5] = wrong[5] == '9' ? '0' : (char)(wrong[5] + 1);
    assert_ok(type_code(&s, wrong));
    expect_failed(&s.parent, ST_PAIRING_CODE);
    pass(&s.parent, &s.device);
    expect_failed(&s.device, ST_PAIRING_CODE);
    assert_status(type_code(&s, pairing_facts(s.device.p)->code), ST_PAIRING_NONE); /* no second entry */
    scene_free(&s);
}

static void T13_only_the_new_device_can_show_the_code(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, ROLE_CHILD);
    run_to_code(&s);
    assert_int_equal(strlen(pairing_facts(s.device.p)->code), PAIRING_CODE_DIGITS);
    assert_string_equal(pairing_facts(s.parent.p)->code, "");
    restart(&s.parent);
    assert_string_equal(pairing_facts(s.parent.p)->code, "");
    scene_free(&s);
}

static void T13_a_second_request_voids_the_link(void **state)
{
    (void)state;
    static const enum pairing_phase when[] = {PHASE_ANSWERED, PHASE_CODE, PHASE_ACCEPTED};
    for (size_t i = 0; i < 3; i++) {
        struct scene s;
        struct side thief;
        scene_init(&s, ROLE_CHILD);
        side_init(&thief);
        struct pairing_join_args a = join_args(&s); /* from the photograph */
        assert_ok(pairing_join(&thief.p, &a, &thief.sent));
        if (when[i] == PHASE_ANSWERED)
            pass(&s.device, &s.parent);
        else if (when[i] == PHASE_CODE)
            run_to_code(&s);
        else
            run_to_accepted(&s);
        give(&s.parent, buffer_span(&thief.sent));
        expect_failed(&s.parent, ST_LINK_USED);
        pass(&s.parent, &s.device);
        expect_failed(&s.device, ST_LINK_USED);
        side_free(&thief);
        scene_free(&s);
    }
}

static void T13_doubled_messages_change_nothing(void **state)
{
    (void)state;
    struct scene s;
    struct buffer commit, answer, open;
    scene_init(&s, ROLE_CHILD);
    buffer_init(&commit, PAIRING_MESSAGE_MAX);
    buffer_init(&answer, PAIRING_MESSAGE_MAX);
    buffer_init(&open, PAIRING_MESSAGE_MAX);
    assert_ok(buffer_copy(&commit, buffer_span(&s.device.sent)));
    pass(&s.device, &s.parent);
    assert_ok(buffer_copy(&answer, buffer_span(&s.parent.sent)));
    give(&s.parent, buffer_span(&commit));
    assert_int_equal(s.parent.sent.len, 0);
    give(&s.device, buffer_span(&answer));
    give(&s.device, buffer_span(&answer));
    open_device(&s);
    assert_ok(buffer_copy(&open, buffer_span(&s.device.sent)));
    give(&s.parent, buffer_span(&open));
    give(&s.parent, buffer_span(&open));
    assert_int_equal(phase(&s.parent), PHASE_CODE);
    assert_ok(type_code(&s, pairing_facts(s.device.p)->code));
    struct buffer accept = s.parent.sent;
    buffer_init(&s.parent.sent, PAIRING_MESSAGE_MAX);
    give(&s.device, buffer_span(&accept));
    give(&s.device, buffer_span(&accept));
    assert_int_equal(phase(&s.device), PHASE_ACCEPTED);
    buffer_wipe(&accept);
    buffer_wipe(&commit);
    buffer_wipe(&answer);
    buffer_wipe(&open);
    scene_free(&s);
}

/* NOCOMMIT: the attacker, having seen the parent's nonce, opens with a nonce of its choice. */
static void T13_the_opening_must_be_what_was_committed_to(void **state)
{
    (void)state;
    struct scene s;
    struct pairing_message m;
    struct buffer forged;
    scene_init(&s, ROLE_CHILD);
    pass(&s.device, &s.parent);
    pass(&s.parent, &s.device);
    open_device(&s);
    assert_ok(pairing_message_decode(&m, buffer_span(&s.device.sent)));
    struct pairing_message answer;
    assert_ok(pairing_message_decode(&answer, buffer_span(&s.parent.sent)));
    struct pairing_transcript t = {.family = answer.u.answer.family,
                                   .person = answer.u.answer.person,
                                   .role = answer.u.answer.role,
                                   .new_device = s.new_device,
                                   .parent_device = answer.u.answer.device};
    struct buffer payload;
    struct pairing_link link;
    buffer_init(&payload, LINK_PAYLOAD_MAX);
    assert_ok(link_parse(LINK_PAIR, buffer_span(&s.link), &payload));
    assert_ok(pairing_link_decode(&link, buffer_span(&payload)));
    assert_ok(pairing_link_hash(&link, t.link_hash));
    memcpy(t.parent_nonce, answer.u.answer.nonce, sizeof(t.parent_nonce));
    m.u.open.nonce[0] ^= 1;
    memcpy(t.new_nonce, m.u.open.nonce, sizeof(t.new_nonce));
    assert_ok(pairing_open_sign(&m.u.open, &t, &s.device.key)); /* all else about it is good */
    give(&s.parent, forge(&forged, &m));
    expect_failed(&s.parent, ST_PAIRING_COMMITMENT);
    buffer_wipe(&forged);
    buffer_wipe(&payload);
    scene_free(&s);
}

/* The opening's fields are signed by the committed key: a letterbox cannot be swapped on the way. */
static void T13_a_changed_opening_is_refused(void **state)
{
    (void)state;
    struct scene s;
    struct pairing_message m;
    struct buffer forged, other;
    scene_init(&s, ROLE_CHILD);
    pass(&s.device, &s.parent);
    pass(&s.parent, &s.device);
    open_device(&s);
    assert_ok(pairing_message_decode(&m, buffer_span(&s.device.sent)));
    make_letterbox(&other);
    m.u.open.letterbox = buffer_span(&other);
    give(&s.parent, forge(&forged, &m));
    expect_failed(&s.parent, ST_PAIRING_REFUSED);
    buffer_wipe(&forged);
    buffer_wipe(&other);
    scene_free(&s);
}

/* The answer is changed on its way, and the device takes it: it cannot open to the parent any more. */
static void expect_no_opening(void (*change)(struct pairing_answer *a))
{
    struct scene s;
    struct pairing_message m;
    struct buffer forged;
    scene_init(&s, ROLE_CHILD);
    pass(&s.device, &s.parent);
    assert_ok(pairing_message_decode(&m, buffer_span(&s.parent.sent)));
    change(&m.u.answer);
    give(&s.device, forge(&forged, &m));
    assert_int_equal(phase(&s.device), PHASE_OPENING);
    open_device(&s);
    pass(&s.device, &s.parent); /* the opening is signed over another transcript than the parent's */
    expect_failed(&s.parent, ST_PAIRING_REFUSED);
    buffer_wipe(&forged);
    scene_free(&s);
}

static void change_role(struct pairing_answer *a)
{
    a->role = ROLE_PARENT;
}
static void change_person(struct pairing_answer *a)
{
    a->person.b[0] ^= 1;
}
static void change_nonce(struct pairing_answer *a)
{
    a->nonce[0] ^= 1;
}

static void T13_a_changed_role_person_or_nonce_does_not_go_through(void **state)
{
    (void)state;
    expect_no_opening(change_role); /* NOROLE */
    expect_no_opening(change_person);
    expect_no_opening(change_nonce);
}

/* NOROLE, NOLINK: everything that both sides fix is in the code, each field by itself. */
static void T13_the_code_depends_on_every_field_of_the_transcript(void **state)
{
    (void)state;
    struct pairing_transcript t;
    char code[PAIRING_CODE_DIGITS + 1], other[PAIRING_CODE_DIGITS + 1];
    static const size_t offsets[] = {
        offsetof(struct pairing_transcript, link_hash),     offsetof(struct pairing_transcript, family),
        offsetof(struct pairing_transcript, person),        offsetof(struct pairing_transcript, new_device),
        offsetof(struct pairing_transcript, parent_device), offsetof(struct pairing_transcript, new_nonce),
        offsetof(struct pairing_transcript, parent_nonce)};
    random_bytes(&t, sizeof(t));
    t.role = ROLE_CHILD;
    assert_ok(pairing_code(&t, code));
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        struct pairing_transcript u = t;
        ((uint8_t *)&u)[offsets[i]] ^= 1;
        assert_ok(pairing_code(&u, other));
        assert_string_not_equal(code, other);
    }
    t.role = ROLE_PARENT;
    assert_ok(pairing_code(&t, other));
    assert_string_not_equal(code, other);
}

/* Whoever has the link answers once more, with a nonce of their own: the code stays that of the first answer.
 */
static void T13_a_later_answer_changes_nothing(void **state)
{
    (void)state;
    struct scene s;
    struct pairing_message m;
    struct buffer answer, forged;
    char code[PAIRING_CODE_DIGITS + 1];
    scene_init(&s, ROLE_CHILD);
    buffer_init(&answer, PAIRING_MESSAGE_MAX);
    pass(&s.device, &s.parent);
    assert_ok(buffer_copy(&answer, buffer_span(&s.parent.sent)));
    pass(&s.parent, &s.device);
    open_device(&s);
    memcpy(code, pairing_facts(s.device.p)->code, sizeof(code));
    assert_ok(pairing_message_decode(&m, buffer_span(&answer)));
    m.u.answer.nonce[0] ^= 1;
    m.u.answer.role = ROLE_PARENT;
    give(&s.device, forge(&forged, &m));
    assert_int_equal(phase(&s.device), PHASE_CODE);
    assert_string_equal(pairing_facts(s.device.p)->code, code);
    assert_int_equal(pairing_facts(s.device.p)->role, ROLE_CHILD);
    buffer_wipe(&forged);
    buffer_wipe(&answer);
    scene_free(&s);
}

/* Between two links of one family: what was said under one does not count under the other. */
static void T13_messages_of_another_link_are_refused(void **state)
{
    (void)state;
    struct scene s;
    struct side second;
    scene_init(&s, ROLE_CHILD);
    side_init(&second);
    second.key = s.family.key;
    struct side first = s.parent;
    struct buffer first_link = s.link;
    s.parent = second;
    offer_as(&s, s.family.maya, ROLE_CHILD);      /* a second link */
    give(&s.parent, buffer_span(&s.device.sent)); /* the attacker carries it over */
    pass(&s.parent, &s.device);
    open_device(&s);
    pass(&s.device, &s.parent);
    expect_failed(&s.parent, ST_PAIRING_REFUSED); /* NOLINK */
    side_free(&first);
    buffer_wipe(&first_link);
    scene_free(&s);
}

static void accept_message(struct scene *s, struct pairing_message *m, struct buffer *kept)
{
    run_to_code(s);
    assert_ok(type_code(s, pairing_facts(s->device.p)->code));
    buffer_init(kept, PAIRING_MESSAGE_MAX);
    assert_ok(buffer_copy(kept, buffer_span(&s->parent.sent)));
    assert_ok(pairing_message_decode(m, buffer_span(kept)));
}

static void T13_an_accept_that_the_answering_key_did_not_sign_is_refused(void **state)
{
    (void)state;
    struct scene s;
    struct pairing_message m;
    struct buffer forged, kept;
    scene_init(&s, ROLE_CHILD);
    accept_message(&s, &m, &kept);
    m.u.accept.signature.b[0] ^= 1;
    give(&s.device, forge(&forged, &m));
    expect_failed(&s.device, ST_PAIRING_REFUSED);
    buffer_wipe(&forged);
    buffer_wipe(&kept);
    scene_free(&s);
}

/* NOWAIT */
static void T13_the_new_device_says_yes_only_after_the_parents_device_accepted(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, ROLE_CHILD);
    run_to_code(&s);
    assert_status(say_yes(&s), ST_PAIRING_NONE);
    assert_int_equal(s.device.sent.len, 0);
    scene_free(&s);
}

static void T13_a_confirm_before_the_code_voids(void **state)
{
    (void)state;
    struct scene s, done;
    scene_init(&done, ROLE_CHILD);
    run_to_accepted(&done);
    make_packages(&done, &done.device.key, pairing_facts(done.device.p)->certificate);
    assert_ok(say_yes(&done));
    scene_init(&s, ROLE_CHILD);
    run_to_code(&s);
    give(&s.parent, buffer_span(&done.device.sent));
    expect_failed(&s.parent, ST_PAIRING_REFUSED);
    scene_free(&s);
    scene_free(&done);
}

static void T13_key_packages_must_be_the_paired_devices(void **state)
{
    (void)state;
    struct scene s;
    struct pairing_message m;
    struct buffer forged;
    scene_init(&s, ROLE_CHILD);
    run_to_accepted(&s);
    make_packages(&s, &s.device.key, span_text("somebody else")); /* another identity */
    assert_status(say_yes(&s), ST_USAGE);
    s.package_list = (struct wire_list){SPAN_EMPTY, 0}; /* none */
    assert_status(say_yes(&s), ST_USAGE);
    make_packages(&s, &s.device.key, pairing_facts(s.device.p)->certificate);
    assert_ok(say_yes(&s));
    assert_ok(pairing_message_decode(&m, buffer_span(&s.device.sent)));
    struct scene other; /* swapped on the way for others of the same key */
    memset(&other, 0, sizeof(other));
    other.new_device = s.new_device;
    buffer_init(&other.packages, WIRE_LIST_MAX);
    make_packages(&other, &s.device.key, pairing_facts(s.device.p)->certificate);
    m.u.confirm.key_packages = other.package_list;
    give(&s.parent, forge(&forged, &m));
    expect_failed(&s.parent, ST_PAIRING_REFUSED);
    buffer_wipe(&forged);
    buffer_wipe(&other.packages);
    scene_free(&s);
}

static void T13_a_link_ends_after_ten_minutes(void **state)
{
    (void)state;
    struct scene s;
    int64_t late = NOW + PAIRING_LINK_MS;
    scene_init(&s, ROLE_CHILD);
    struct pairing_join_args a = join_args(&s);
    struct pairing *none;
    a.now_ms = late;
    assert_status(pairing_join(&none, &a, &s.device.sent), ST_LINK_EXPIRED);
    a.now_ms = NOW - PAIRING_LINK_MS - 1; /* a clock that is far behind is no way round it */
    assert_status(pairing_join(&none, &a, &s.device.sent), ST_LINK_EXPIRED);
    run_to_code(&s);
    buffer_wipe(&s.parent.sent);
    assert_ok(pairing_tick(s.parent.p, late - 1, &s.parent.sent));
    assert_int_equal(phase(&s.parent), PHASE_CODE);
    assert_ok(pairing_enter_code(s.parent.p, span_text(pairing_facts(s.device.p)->code), late, &s.parent.key,
                                 &s.parent.sent));
    expect_failed(&s.parent, ST_LINK_EXPIRED);
    assert_ok(pairing_tick(s.device.p, late, &s.device.sent));
    expect_failed(&s.device, ST_LINK_EXPIRED);
    scene_free(&s);
}

static void T13_the_end_of_a_pairing_erases_the_links_secret(void **state)
{
    (void)state;
    struct scene s;
    struct buffer record;
    uint8_t secret[SECRET_LEN];
    scene_init(&s, ROLE_CHILD);
    struct buffer payload;
    struct pairing_link link;
    buffer_init(&payload, LINK_PAYLOAD_MAX);
    assert_ok(link_parse(LINK_PAIR, buffer_span(&s.link), &payload));
    assert_ok(pairing_link_decode(&link, buffer_span(&payload)));
    memcpy(secret, link.secret.b, sizeof(secret));
    buffer_wipe(&payload);
    buffer_wipe(&s.parent.sent);
    assert_ok(pairing_cancel(s.parent.p, &s.parent.sent));
    buffer_init(&record, PAIRING_SAVED_MAX);
    assert_ok(pairing_save(s.parent.p, &record));
    bool found = false;
    for (size_t i = 0; i + sizeof(secret) <= record.len; i++)
        found = found || memcmp(record.ptr + i, secret, sizeof(secret)) == 0;
    assert_false(found);
    buffer_wipe(&record);
    scene_free(&s);
}

static void T53_rubbish_ends_a_pairing_and_nothing_else(void **state)
{
    (void)state;
    struct scene s;
    static const uint8_t rubbish[] = {1, 2, 3};
    scene_init(&s, ROLE_CHILD);
    give(&s.parent, SPAN(rubbish));
    expect_failed(&s.parent, ST_PAIRING_REFUSED);
    give(&s.parent, SPAN(rubbish));
    assert_int_equal(s.parent.sent.len, 0); /* over is over */
    scene_free(&s);
}

int main(void)
{
    if (suite_start() != ST_OK)
        return 1;
    test_entropy_init(&dice, test_seed(64));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(T13_a_wrong_code_voids_the_link),
        cmocka_unit_test(T13_only_the_new_device_can_show_the_code),
        cmocka_unit_test(T13_a_second_request_voids_the_link),
        cmocka_unit_test(T13_doubled_messages_change_nothing),
        cmocka_unit_test(T13_the_opening_must_be_what_was_committed_to),
        cmocka_unit_test(T13_a_changed_opening_is_refused),
        cmocka_unit_test(T13_a_changed_role_person_or_nonce_does_not_go_through),
        cmocka_unit_test(T13_the_code_depends_on_every_field_of_the_transcript),
        cmocka_unit_test(T13_a_later_answer_changes_nothing),
        cmocka_unit_test(T13_messages_of_another_link_are_refused),
        cmocka_unit_test(T13_an_accept_that_the_answering_key_did_not_sign_is_refused),
        cmocka_unit_test(T13_the_new_device_says_yes_only_after_the_parents_device_accepted),
        cmocka_unit_test(T13_a_confirm_before_the_code_voids),
        cmocka_unit_test(T13_key_packages_must_be_the_paired_devices),
        cmocka_unit_test(T13_a_link_ends_after_ten_minutes),
        cmocka_unit_test(T13_the_end_of_a_pairing_erases_the_links_secret),
        cmocka_unit_test(T53_rubbish_ends_a_pairing_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
