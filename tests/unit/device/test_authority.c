/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/sample_relays.h"
#include "tests/unit/device/family_fixture.h"

static void the_family_id_is_the_hash_of_the_first_entry(void **state)
{
    (void)state;
    struct family f;
    struct span rest, item;
    struct chain_entry e;
    struct entry_hash hash;
    family_found(&f, 10);
    rest = f.authority.bytes;
    assert_true(wire_list_next(&rest, &item));
    assert_ok(chain_entry_decode(&e, item));
    assert_ok(chain_entry_hash(&e, &hash));
    assert_memory_equal(hash.b, f.at.family.b, ID_LEN);
    assert_int_equal(authority_parent_count(&f.at), 1);
    family_wipe(&f);
}

static void a_replay_gives_the_same_state(void **state)
{
    (void)state;
    struct family f;
    struct authority at;
    struct roster roster;
    family_of_four(&f, 10);
    assert_ok(authority_replay(&at, &f.authority));
    assert_memory_equal(&at, &f.at, sizeof at);
    assert_ok(roster_replay(&roster, &at, &f.authority, &f.entries));
    assert_memory_equal(&roster, &f.roster, sizeof roster);
    family_wipe(&f);
}

/* T32: with two parents, a third comes in only by both. */
static void T32_a_parent_is_added_by_all_parents(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct authority_body b = {
        .kind = AUTHORITY_ADD_PARENT, .person = person_of(&f, EVE), .device = f.eve.device};
    struct authority before = f.at;
    assert_status(extend_authority(&f, &b, BY(&f.ana, {0})), ST_CHAIN_SIGNERS);
    assert_status(extend_authority(&f, &b, BY(&f.ana, {&f.maya})), ST_CHAIN_SIGNERS);
    assert_status(extend_authority(&f, &b, BY(&f.eve, {&f.ana, &f.ben})), ST_CHAIN_SIGNERS);
    assert_memory_equal(&before, &f.at, sizeof before); /* a refusal changes nothing */
    assert_ok(extend_authority(&f, &b, BY(&f.ana, {&f.ben})));
    assert_int_equal(authority_parent_count(&f.at), 3);
    family_wipe(&f);
}

/* T32: two devices of one parent are one vote. */
static void T32_votes_are_counted_by_person(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    assert_ok(add_parent_device(&f, ANA, &f.ana_laptop, &f.ana));
    struct authority_body b = {
        .kind = AUTHORITY_ADD_PARENT, .person = person_of(&f, EVE), .device = f.eve.device};
    assert_status(extend_authority(&f, &b, BY(&f.ana, {&f.ana_laptop})), ST_CHAIN_SIGNERS);
    assert_ok(extend_authority(&f, &b, BY(&f.ana_laptop, {&f.ben})));
    family_wipe(&f);
}

/* T31: no parent adds a device to the other. */
static void T31_a_parents_device_comes_by_that_parent_only(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct authority_body b = {
        .kind = AUTHORITY_ADD_DEVICE, .person = person_of(&f, BEN), .device = f.eve.device};
    assert_status(extend_authority(&f, &b, BY(&f.ana, {0})), ST_CHAIN_SIGNERS);
    assert_ok(extend_authority(&f, &b, BY(&f.ana, {&f.ben})));
    b.person = person_of(&f, MAYA); /* a child's devices stand in the roster */
    b.device = f.maya_laptop.device;
    assert_status(extend_authority(&f, &b, BY(&f.ana, {0})), ST_CHAIN_SUBJECT);
    family_wipe(&f);
}

/* T32: nobody throws a parent's device out alone, and the last one stays. */
static void T32_a_parents_device_goes_by_that_parents_other_device(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct authority_body b = {
        .kind = AUTHORITY_REMOVE_DEVICE, .person = person_of(&f, BEN), .device = f.ben.device};
    assert_status(extend_authority(&f, &b, BY(&f.ana, {0})), ST_CHAIN_SIGNERS);
    assert_status(extend_authority(&f, &b, BY(&f.ben, {0})),
                  ST_CHAIN_SIGNERS); /* the last: nobody left to say so */
    assert_ok(add_parent_device(&f, BEN, &f.ben_laptop, &f.ben));
    assert_status(extend_authority(&f, &b, BY(&f.ben, {0})),
                  ST_CHAIN_SIGNERS); /* not the removed one itself */
    assert_status(extend_authority(&f, &b, BY(&f.ana, {0})), ST_CHAIN_SIGNERS);
    assert_ok(extend_authority(&f, &b, BY(&f.ben_laptop, {0})));
    assert_null(authority_parent_of(&f.at, &f.ben.device));
    assert_status(extend_authority(&f, &b, BY(&f.ben_laptop, {0})), ST_CHAIN_SUBJECT);
    family_wipe(&f);
}

/* One parent is enough, as for whom a removed relay would otherwise keep; a child's device is not. */
static void T05_a_parent_says_which_relays_a_family_has(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct authority_body b = {.kind = AUTHORITY_RELAYS, .relays = sample_relays(1)};
    assert_status(extend_authority(&f, &b, BY(&f.maya, {0})), ST_CHAIN_SIGNERS);
    assert_status(extend_authority(&f, &b, BY(&f.maya, {&f.ana, &f.ben})), ST_CHAIN_SIGNERS);
    assert_int_equal(f.at.relays.count, 0);
    assert_ok(extend_authority(&f, &b, BY(&f.ben, {0})));
    assert_int_equal(f.at.relays.count, 2);
    assert_int_equal(f.at.relays_at, f.at.head.height);
    family_wipe(&f);
}

/* T21: children sign no authority, whatever it says. */
static void T21_a_childs_device_authors_nothing(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    for (int kind = AUTHORITY_FOUND; kind < AUTHORITY_LATER_FIRST; kind++) {
        struct authority_body b = {.kind = (enum authority_kind)kind,
                                   .person = person_of(&f, kind == AUTHORITY_ADD_CHILD ? EVE : TIM),
                                   .device = f.eve.device,
                                   .role = ROLE_ADULT};
        enum status st = extend_authority(&f, &b, BY(&f.maya, {0}));
        assert_int_not_equal(st, ST_OK);
        st = extend_authority(&f, &b, BY(&f.maya, {&f.tim, &f.eve}));
        assert_int_not_equal(st, ST_OK);
    }
    family_wipe(&f);
}

/* T21: nor does a parent's device after it was removed. */
static void T21_a_removed_device_authors_nothing(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    assert_ok(add_parent_device(&f, BEN, &f.ben_laptop, &f.ben));
    struct authority_body b = {
        .kind = AUTHORITY_REMOVE_DEVICE, .person = person_of(&f, BEN), .device = f.ben.device};
    assert_ok(extend_authority(&f, &b, BY(&f.ben_laptop, {0})));
    b = (struct authority_body){.kind = AUTHORITY_ADD_CHILD, .person = person_of(&f, EVE)};
    assert_status(extend_authority(&f, &b, BY(&f.ben, {0})), ST_CHAIN_SIGNERS);
    assert_ok(extend_authority(&f, &b, BY(&f.ben_laptop, {0})));
    family_wipe(&f);
}

static void growing_up_and_removing_a_person_take_all_parents(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct authority_body b = {.kind = AUTHORITY_SET_ROLE, .person = person_of(&f, MAYA), .role = ROLE_ADULT};
    assert_status(extend_authority(&f, &b, BY(&f.ana, {0})), ST_CHAIN_SIGNERS);
    b.role = ROLE_PARENT;
    assert_status(extend_authority(&f, &b, BY(&f.ana, {&f.ben})), ST_CHAIN_LATER);
    b.role = ROLE_ADULT;
    assert_ok(extend_authority(&f, &b, BY(&f.ana, {&f.ben})));
    assert_false(authority_is_supervised(&f.at, &b.person));
    b = (struct authority_body){.kind = AUTHORITY_REMOVE_PERSON, .person = person_of(&f, TIM)};
    assert_status(extend_authority(&f, &b, BY(&f.ben, {0})), ST_CHAIN_SIGNERS);
    assert_ok(extend_authority(&f, &b, BY(&f.ben, {&f.ana})));
    assert_null(authority_find(&f.at, &b.person));
    b.person = person_of(&f, ANA);
    assert_status(extend_authority(&f, &b, BY(&f.ben, {&f.ana})), ST_CHAIN_LATER);
    family_wipe(&f);
}

static void a_device_or_person_stands_once(void **state)
{
    (void)state;
    struct family f;
    family_of_four(&f, 10);
    struct authority_body b = {
        .kind = AUTHORITY_ADD_DEVICE, .person = person_of(&f, ANA), .device = f.ben.device};
    assert_status(extend_authority(&f, &b, BY(&f.ana, {0})), ST_CHAIN_SUBJECT);
    b = (struct authority_body){.kind = AUTHORITY_ADD_CHILD, .person = person_of(&f, BEN)};
    assert_status(extend_authority(&f, &b, BY(&f.ana, {0})), ST_CHAIN_SUBJECT);
    b = (struct authority_body){
        .kind = AUTHORITY_FOUND, .person = person_of(&f, EVE), .device = f.eve.device};
    assert_status(extend_authority(&f, &b, BY(&f.ana, {0})), ST_CHAIN_KIND);
    family_wipe(&f);
}

/* A proposal stays good while no later entry is about the same person. */
static void a_proposal_overtaken_by_a_later_entry_is_stale(void **state)
{
    (void)state;
    struct family f;
    struct buffer body, entry;
    struct writer w;
    family_of_four(&f, 10);
    assert_ok(add_parent_device(&f, BEN, &f.ben_laptop, &f.ben));
    struct authority_body b = {
        .kind = AUTHORITY_ADD_DEVICE, .person = person_of(&f, BEN), .device = f.eve.device};
    buffer_init(&body, 1024);
    buffer_init(&entry, 4096);
    writer_init(&w, &body);
    assert_ok(authority_body_encode(&w, &b));
    struct chain_proposal p = {.family = f.at.family,
                               .chain = CHAIN_AUTHORITY,
                               .based_on = f.at.head.height - 1, /* before Ben's laptop came */
                               .body = buffer_span(&body)};
    struct cosigner ben = {.device = f.ben.device};
    assert_ok(chain_proposal_sign(&p, &f.ben.key, &ben.signature));
    struct chain_draft d = {.chain = CHAIN_AUTHORITY,
                            .head = &f.at.head,
                            .author = &f.ana.device,
                            .key = &f.ana.key,
                            .proposal = &p,
                            .cosigners = &ben,
                            .cosigner_count = 1};
    assert_ok(chain_draft_encode(&d, &entry));
    assert_status(authority_apply_bytes(&f.at, buffer_span(&entry)), ST_CHAIN_STALE);
    buffer_wipe(&body);
    buffer_wipe(&entry);
    family_wipe(&f);
}

/* T21: a signature under one proposal is none under another's body. */
static void T21_a_cosignature_is_not_moved_to_another_change(void **state)
{
    (void)state;
    struct family f;
    struct buffer one, two, entry;
    struct writer w;
    family_of_four(&f, 10);
    struct authority_body wanted = {
        .kind = AUTHORITY_SET_ROLE, .person = person_of(&f, TIM), .role = ROLE_ADULT};
    struct authority_body forged = {
        .kind = AUTHORITY_ADD_PARENT, .person = person_of(&f, EVE), .device = f.eve.device};
    buffer_init(&one, 1024);
    buffer_init(&two, 1024);
    buffer_init(&entry, 4096);
    writer_init(&w, &one);
    assert_ok(authority_body_encode(&w, &wanted));
    writer_init(&w, &two);
    assert_ok(authority_body_encode(&w, &forged));
    struct chain_proposal p = {.family = f.at.family, .chain = CHAIN_AUTHORITY, .based_on = f.at.head.height};
    struct cosigner ben = {.device = f.ben.device};
    p.body = buffer_span(&one);
    assert_ok(chain_proposal_sign(&p, &f.ben.key, &ben.signature));
    p.body = buffer_span(&two);
    struct chain_draft d = {.chain = CHAIN_AUTHORITY,
                            .head = &f.at.head,
                            .author = &f.ana.device,
                            .key = &f.ana.key,
                            .proposal = &p,
                            .cosigners = &ben,
                            .cosigner_count = 1};
    assert_ok(chain_draft_encode(&d, &entry));
    assert_status(authority_apply_bytes(&f.at, buffer_span(&entry)), ST_CRYPTO_SIGNATURE);
    buffer_wipe(&one);
    buffer_wipe(&two);
    buffer_wipe(&entry);
    family_wipe(&f);
}

static void forks_gaps_and_repetitions_are_told_apart(void **state)
{
    (void)state;
    struct family f, fork;
    struct span rest, item, last = SPAN_EMPTY;
    struct chain_entry e;
    family_of_four(&f, 10);
    for (rest = f.authority.bytes; wire_list_next(&rest, &item);)
        last = item;
    assert_status(authority_apply_bytes(&f.at, last), ST_CHAIN_KNOWN);

    struct authority_body b = {.kind = AUTHORITY_ADD_CHILD, .person = person_of(&f, EVE)};
    fork = f; /* two branches from here; they share the buffers, so only the states are extended */
    struct buffer body, ours, theirs;
    struct writer w;
    buffer_init(&body, 1024);
    buffer_init(&ours, 4096);
    buffer_init(&theirs, 4096);
    writer_init(&w, &body);
    assert_ok(authority_body_encode(&w, &b));
    make_entry(&f, CHAIN_AUTHORITY, buffer_span(&body), BY(&f.ana, {0}), &ours);
    make_entry(&fork, CHAIN_AUTHORITY, buffer_span(&body), BY(&f.ben, {0}), &theirs);
    assert_ok(authority_apply_bytes(&f.at, buffer_span(&ours)));
    assert_status(authority_apply_bytes(&f.at, buffer_span(&theirs)), ST_CHAIN_FORK);
    assert_ok(authority_apply_bytes(&fork.at, buffer_span(&theirs)));
    struct buffer next;
    buffer_init(&next, 4096);
    buffer_wipe(&body);
    b.person = sample_person_id(200);
    writer_init(&w, &body);
    assert_ok(authority_body_encode(&w, &b));
    make_entry(&fork, CHAIN_AUTHORITY, buffer_span(&body), BY(&f.ana, {0}), &next);
    assert_status(authority_apply_bytes(&f.at, buffer_span(&next)),
                  ST_CHAIN_FORK); /* the successor of a rival */
    struct authority short_of = {0};
    assert_status(authority_apply_bytes(&short_of, buffer_span(&next)), ST_CHAIN_GAP);
    assert_ok(chain_entry_decode(&e, buffer_span(&theirs)));
    assert_status(chain_entry_compare(&f.at.head.hash, &e), ST_CHAIN_FORK);
    assert_ok(chain_entry_decode(&e, buffer_span(&ours)));
    assert_status(chain_entry_compare(&f.at.head.hash, &e), ST_CHAIN_KNOWN);
    buffer_wipe(&body);
    buffer_wipe(&ours);
    buffer_wipe(&theirs);
    buffer_wipe(&next);
    family_wipe(&f);
}

static void every_bit_of_an_entry_counts(void **state)
{
    (void)state;
    struct family f;
    struct buffer body, entry;
    struct writer w;
    family_of_four(&f, 10);
    struct authority_body b = {
        .kind = AUTHORITY_ADD_PARENT, .person = person_of(&f, EVE), .device = f.eve.device};
    buffer_init(&body, 1024);
    buffer_init(&entry, 4096);
    writer_init(&w, &body);
    assert_ok(authority_body_encode(&w, &b));
    make_entry(&f, CHAIN_AUTHORITY, buffer_span(&body), BY(&f.ana, {&f.ben}), &entry);
    for (size_t bit = 0; bit < 8 * entry.len; bit++) {
        struct authority at = f.at;
        entry.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(authority_apply_bytes(&at, buffer_span(&entry)), ST_OK);
        entry.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_ok(authority_apply_bytes(&f.at, buffer_span(&entry)));
    buffer_wipe(&body);
    buffer_wipe(&entry);
    family_wipe(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_family_id_is_the_hash_of_the_first_entry),
        cmocka_unit_test(a_replay_gives_the_same_state),
        cmocka_unit_test(T32_a_parent_is_added_by_all_parents),
        cmocka_unit_test(T32_votes_are_counted_by_person),
        cmocka_unit_test(T31_a_parents_device_comes_by_that_parent_only),
        cmocka_unit_test(T32_a_parents_device_goes_by_that_parents_other_device),
        cmocka_unit_test(T05_a_parent_says_which_relays_a_family_has),
        cmocka_unit_test(T21_a_childs_device_authors_nothing),
        cmocka_unit_test(T21_a_removed_device_authors_nothing),
        cmocka_unit_test(growing_up_and_removing_a_person_take_all_parents),
        cmocka_unit_test(a_device_or_person_stands_once),
        cmocka_unit_test(a_proposal_overtaken_by_a_later_entry_is_stale),
        cmocka_unit_test(T21_a_cosignature_is_not_moved_to_another_change),
        cmocka_unit_test(forks_gaps_and_repetitions_are_told_apart),
        cmocka_unit_test(every_bit_of_an_entry_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
