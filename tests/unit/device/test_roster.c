/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/device/family_fixture.h"

static struct roster_body body_of(const struct family *f, enum roster_kind kind, unsigned who,
                                  const struct sample_key *device)
{
    return (struct roster_body){.kind = kind,
                                .person = person_of(f, who),
                                .role = ROLE_ADULT,
                                .name = span_text("Somebody"),
                                .device = device->device,
                                .device_name = span_text("laptop")};
}

static void names_and_devices_are_kept(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    const struct roster_person *maya = roster_person_of(&f.roster, &f.maya.device);
    assert_non_null(maya);
    assert_string_equal(maya->name.text, "Maya");
    assert_string_equal(maya->devices[0].name.text, "phone");
    assert_string_equal(f.roster.family_name.text, "Berg");
    struct roster_body b = body_of(&f, ROSTER_RENAME, MAYA, &f.maya);
    assert_ok(extend_roster(&f, &b, BY(&f.ben, {0})));
    assert_string_equal(roster_find(&f.roster, &b.person)->name.text, "Somebody");
    family_wipe(&f);
}

/* T31: no parent plants a device under a child's name. */
static void T31_a_childs_device_takes_that_child_and_a_parent(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct roster_body b = body_of(&f, ROSTER_ADD_DEVICE, MAYA, &f.maya_laptop);
    assert_status(extend_roster(&f, &b, BY(&f.ana, {0})), ST_CHAIN_SIGNERS);
    assert_status(extend_roster(&f, &b, BY(&f.ana, {&f.ben})), ST_CHAIN_SIGNERS);
    assert_status(extend_roster(&f, &b, BY(&f.ana, {&f.tim})), ST_CHAIN_SIGNERS);
    assert_status(extend_roster(&f, &b, BY(&f.maya, {0})), ST_CHAIN_SIGNERS);
    assert_ok(extend_roster(&f, &b, BY(&f.ana, {&f.maya})));
    assert_int_equal(roster_find(&f.roster, &b.person)->device_count, 2);
    family_wipe(&f);
}

static void T31_a_lost_last_device_is_not_replaced_by_a_parent_alone(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct roster_body b = body_of(&f, ROSTER_REMOVE_DEVICE, MAYA, &f.maya);
    assert_ok(extend_roster(&f, &b, BY(&f.ana, {0})));
    b = body_of(&f, ROSTER_ADD_DEVICE, MAYA, &f.maya_laptop);
    assert_status(extend_roster(&f, &b, BY(&f.ana, {0})), ST_CHAIN_LATER);
    assert_status(extend_roster(&f, &b, BY(&f.ana, {&f.ben})), ST_CHAIN_LATER);
    b = body_of(&f, ROSTER_ADD_PERSON, MAYA, &f.maya_laptop);
    b.role = ROLE_CHILD;
    assert_status(extend_roster(&f, &b, BY(&f.ana, {0})), ST_CHAIN_SUBJECT);
    family_wipe(&f);
}

/* Law 8, T21: alone, a child's device changes nothing: not even its own name. */
static void T21_a_childs_signature_alone_changes_nothing(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    for (int kind = ROSTER_ADD_PERSON; kind < ROSTER_LATER_FIRST; kind++) {
        for (unsigned who = ANA; who <= EVE; who++) {
            struct roster_body b =
                body_of(&f, (enum roster_kind)kind, who, kind == ROSTER_REMOVE_DEVICE ? &f.maya : &f.eve);
            if (kind == ROSTER_ADD_PERSON)
                b.role = ROLE_CHILD;
            assert_int_not_equal(extend_roster(&f, &b, BY(&f.maya, {0})), ST_OK);
            assert_int_not_equal(extend_roster(&f, &b, BY(&f.maya, {&f.tim})), ST_OK);
        }
    }
    family_wipe(&f);
}

static void an_outsider_changes_nothing(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct roster_body b = body_of(&f, ROSTER_RENAME, MAYA, &f.maya);
    assert_status(extend_roster(&f, &b, BY(&f.eve, {0})), ST_CHAIN_SIGNERS);
    assert_status(extend_roster(&f, &b, BY(&f.eve, {&f.ana})), ST_CHAIN_SIGNERS);
    family_wipe(&f);
}

static void persons_come_in_the_role_that_the_authority_chain_gives(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct roster_body b = body_of(&f, ROSTER_ADD_PERSON, EVE, &f.eve);
    b.role = ROLE_CHILD;
    assert_status(extend_roster(&f, &b, BY(&f.ana, {0})), ST_CHAIN_DISAGREE);
    struct authority_body a = {.kind = AUTHORITY_ADD_CHILD, .person = b.person};
    assert_ok(extend_authority(&f, &a, BY(&f.ana, {0})));
    b.role = ROLE_PARENT;
    assert_status(extend_roster(&f, &b, BY(&f.ana, {0})), ST_CHAIN_DISAGREE);
    b.role = ROLE_CHILD;
    b.device = f.ben.device; /* somebody's already */
    assert_status(extend_roster(&f, &b, BY(&f.ana, {0})), ST_CHAIN_SUBJECT);
    b.device = f.eve.device;
    assert_status(roster_agrees(&f.roster, &f.at), ST_CHAIN_DISAGREE);
    assert_ok(extend_roster(&f, &b, BY(&f.ana, {0})));
    assert_ok(roster_agrees(&f.roster, &f.at));
    family_wipe(&f);
}

static void a_parents_device_leaves_the_authority_chain_first(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    assert_ok(add_parent_device(&f, BEN, &f.ben_laptop, &f.ben));
    struct roster_body b = body_of(&f, ROSTER_REMOVE_DEVICE, BEN, &f.ben);
    assert_status(extend_roster(&f, &b, BY(&f.ben_laptop, {0})), ST_CHAIN_DISAGREE);
    struct authority_body a = {.kind = AUTHORITY_REMOVE_DEVICE, .person = b.person, .device = f.ben.device};
    assert_ok(extend_authority(&f, &a, BY(&f.ben_laptop, {0})));
    assert_status(extend_roster(&f, &b, BY(&f.ana, {0})), ST_CHAIN_SIGNERS);
    assert_ok(extend_roster(&f, &b, BY(&f.ben_laptop, {0})));
    assert_ok(roster_agrees(&f.roster, &f.at));
    family_wipe(&f);
}

/* T32 and protocol.md §6.1: all parents, and the person. */
static void T32_growing_up_takes_all_parents_and_the_person(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct authority_body a = {.kind = AUTHORITY_SET_ROLE, .person = person_of(&f, MAYA), .role = ROLE_ADULT};
    assert_ok(extend_authority(&f, &a, BY(&f.ana, {&f.ben})));
    struct roster_body b = body_of(&f, ROSTER_SET_ROLE, MAYA, &f.maya);
    assert_status(extend_roster(&f, &b, BY(&f.ana, {&f.ben})), ST_CHAIN_SIGNERS);
    assert_status(extend_roster(&f, &b, BY(&f.ana, {&f.maya})), ST_CHAIN_SIGNERS);
    assert_ok(extend_roster(&f, &b, BY(&f.ana, {&f.ben, &f.maya})));
    assert_ok(roster_agrees(&f.roster, &f.at));
    b = body_of(&f, ROSTER_RENAME, MAYA, &f.maya); /* an adult names themselves */
    assert_ok(extend_roster(&f, &b, BY(&f.maya, {0})));
    family_wipe(&f);
}

/* A removed parent's device cannot sign by an old height of the authority chain. */
static void T21_a_roster_entry_is_judged_where_it_says_and_nowhere_older(void **state)
{
    (void)state;
    struct family f;
    struct buffer body, entry;
    struct writer w;
    family_of_four(&f, 10);
    struct authority old = f.at;
    struct authority_body a = {.kind = AUTHORITY_ADD_CHILD, .person = person_of(&f, EVE)};
    struct roster_body b = body_of(&f, ROSTER_RENAME, MAYA, &f.maya);
    buffer_init(&body, 1024);
    buffer_init(&entry, 4096);
    writer_init(&w, &body);
    assert_ok(roster_body_encode(&w, &b));
    make_entry(&f, CHAIN_ROSTER, buffer_span(&body), BY(&f.ben, {0}), &entry);
    assert_ok(extend_authority(&f, &a, BY(&f.ana, {0})));
    assert_status(roster_apply_bytes(&f.roster, &f.at, buffer_span(&entry)), ST_CHAIN_GAP);
    assert_ok(roster_apply_bytes(&f.roster, &old, buffer_span(&entry)));
    buffer_wipe(&body);
    buffer_wipe(&entry);
    family_wipe(&f);
}

static void a_removed_person_is_gone_from_both(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct authority_body a = {.kind = AUTHORITY_REMOVE_PERSON, .person = person_of(&f, TIM)};
    struct roster_body b = body_of(&f, ROSTER_REMOVE_PERSON, TIM, &f.tim);
    assert_status(extend_roster(&f, &b, BY(&f.ana, {&f.ben})), ST_CHAIN_DISAGREE);
    assert_ok(extend_authority(&f, &a, BY(&f.ana, {&f.ben})));
    assert_status(extend_roster(&f, &b, BY(&f.ana, {0})), ST_CHAIN_SIGNERS);
    assert_ok(extend_roster(&f, &b, BY(&f.ana, {&f.ben})));
    assert_ok(roster_agrees(&f.roster, &f.at));
    b = body_of(&f, ROSTER_REMOVE_PERSON, BEN, &f.ben);
    assert_status(extend_roster(&f, &b, BY(&f.ana, {&f.ben})), ST_CHAIN_LATER);
    family_wipe(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_devices_are_kept),
        cmocka_unit_test(T31_a_childs_device_takes_that_child_and_a_parent),
        cmocka_unit_test(T31_a_lost_last_device_is_not_replaced_by_a_parent_alone),
        cmocka_unit_test(T21_a_childs_signature_alone_changes_nothing),
        cmocka_unit_test(an_outsider_changes_nothing),
        cmocka_unit_test(persons_come_in_the_role_that_the_authority_chain_gives),
        cmocka_unit_test(a_parents_device_leaves_the_authority_chain_first),
        cmocka_unit_test(T32_growing_up_takes_all_parents_and_the_person),
        cmocka_unit_test(T21_a_roster_entry_is_judged_where_it_says_and_nowhere_older),
        cmocka_unit_test(a_removed_person_is_gone_from_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
