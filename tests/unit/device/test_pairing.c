/* SPDX-License-Identifier: Apache-2.0 */
/* Pairing: honest runs, links and families that are not what they seem, the agreed chain entry, the record.
 */
#include "tests/unit/device/pairing_scene.h"

/* ---- honest runs ---- */

static void a_childs_device_and_its_parents_agree_on_everything(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, ROLE_CHILD);
    run_to_confirmed(&s);
    const struct pairing_facts *p = pairing_facts(s.parent.p), *d = pairing_facts(s.device.p);
    assert_memory_equal(&p->family, &d->family, sizeof(p->family));
    assert_memory_equal(&p->person, &s.family.maya, sizeof(p->person));
    assert_memory_equal(&d->person, &s.family.maya, sizeof(d->person));
    assert_memory_equal(&p->device, &s.new_device, sizeof(p->device));
    assert_int_equal(d->role, ROLE_CHILD);
    assert_true(span_equal(d->family_name, span_text("The Lindens")));
    assert_true(span_equal(d->relay, span_text("kith-relay://relay")));
    assert_true(span_equal(p->device_name, span_text("tablet")));
    assert_true(span_equal(p->letterbox, buffer_span(&s.letterbox)));
    assert_true(span_equal(p->key_packages.bytes, s.package_list.bytes));
    assert_true(span_equal(p->certificate, d->certificate));
    struct device_certificate c;
    assert_ok(device_certificate_decode(&c, d->certificate));
    assert_true(c.supervised);
    assert_ok(pairing_finish(s.parent.p));
    assert_int_equal(phase(&s.parent), PHASE_DONE);
    scene_free(&s);
}

static void a_parents_first_device_brings_a_recovery_key(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, ROLE_PARENT);
    run_to_confirmed(&s);
    assert_true(pairing_facts(s.parent.p)->has_recovery);
    scene_free(&s);
    scene_init(&s, ROLE_PARENT); /* and her second one none */
    side_free(&s.parent);
    side_free(&s.device);
    side_init(&s.parent);
    side_init(&s.device);
    s.parent.key = s.family.key;
    sign_keypair(&dice.entropy, &s.device.key, (struct sign_public *)(void *)&s.new_device);
    buffer_wipe(&s.link);
    offer_as(&s, s.family.ana, ROLE_PARENT);
    struct pairing_join_args a = join_args(&s);
    assert_ok(pairing_join(&s.device.p, &a, &s.device.sent));
    run_to_confirmed(&s);
    assert_false(pairing_facts(s.parent.p)->has_recovery);
    scene_free(&s);
}

static void T50_both_sides_go_on_after_a_restart_at_every_step(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, ROLE_CHILD);
    restart(&s.parent);
    restart(&s.device);
    pass(&s.device, &s.parent);
    restart(&s.parent);
    pass(&s.parent, &s.device);
    restart(&s.device);
    open_device(&s);
    restart(&s.device);
    pass(&s.device, &s.parent);
    restart(&s.parent);
    assert_ok(type_code(&s, pairing_facts(s.device.p)->code));
    restart(&s.parent);
    pass(&s.parent, &s.device);
    restart(&s.device);
    make_packages(&s, &s.device.key, pairing_facts(s.device.p)->certificate);
    assert_ok(say_yes(&s));
    restart(&s.device);
    pass(&s.device, &s.parent);
    restart(&s.parent);
    assert_int_equal(phase(&s.parent), PHASE_CONFIRMED);
    assert_true(pairing_facts(s.parent.p)->key_packages.count == 2);
    scene_free(&s);
}

static void the_code_may_be_typed_with_spaces_and_a_slip_is_no_try(void **state)
{
    (void)state;
    struct scene s;
    char spaced[16];
    scene_init(&s, ROLE_CHILD);
    run_to_code(&s);
    const char *c = pairing_facts(s.device.p)->code;
    snprintf(spaced, sizeof(spaced), " %.3s-%s", c, c + 3);
    assert_status(type_code(&s, "12345"), ST_PAIRING_DIGITS);
    assert_status(type_code(&s, "1234567"), ST_PAIRING_DIGITS);
    assert_status(type_code(&s, "12345x"), ST_PAIRING_DIGITS);
    assert_ok(type_code(&s, spaced));
    assert_int_equal(phase(&s.parent), PHASE_ACCEPTED);
    scene_free(&s);
}

static void either_side_can_say_no(void **state)
{
    (void)state;
    struct scene s;
    scene_init(&s, ROLE_CHILD);
    run_to_accepted(&s);
    buffer_wipe(&s.device.sent);
    assert_ok(pairing_cancel(s.device.p, &s.device.sent));
    pass(&s.device, &s.parent);
    expect_failed(&s.device, ST_PAIRING_CANCELLED);
    expect_failed(&s.parent, ST_PAIRING_CANCELLED);
    scene_free(&s);
}

/* ---- T14 ---- */

static void T14_a_device_in_a_family_refuses_another(void **state)
{
    (void)state;
    struct scene s;
    struct pairing *none;
    scene_init(&s, ROLE_CHILD);
    struct pairing_join_args a = join_args(&s);
    a.in_family = true;
    assert_status(pairing_join(&none, &a, &s.device.sent), ST_COMMAND_IN_FAMILY);
    assert_null(none);
    scene_free(&s);
}

static void T14_a_meeting_link_pairs_nothing(void **state)
{
    (void)state;
    struct scene s;
    struct pairing *none;
    struct buffer payload, meet;
    scene_init(&s, ROLE_CHILD);
    buffer_init(&payload, LINK_PAYLOAD_MAX);
    buffer_init(&meet, LINK_TEXT_MAX);
    assert_ok(link_parse(LINK_PAIR, buffer_span(&s.link), &payload));
    assert_ok(link_print(LINK_MEET, buffer_span(&payload), &meet));
    struct pairing_join_args a = join_args(&s);
    a.link = buffer_span(&meet);
    assert_status(pairing_join(&none, &a, &s.device.sent), ST_LINK_OTHER_KIND);
    memcpy(meet.ptr + 5, "pair", 4); /* the scheme changed by hand */
    a.link = buffer_span(&meet);
    assert_status(pairing_join(&none, &a, &s.device.sent), ST_LINK_DAMAGED);
    buffer_wipe(&payload);
    buffer_wipe(&meet);
    scene_free(&s);
}

/* NOHEAD: who photographed the link answers first, with a family of its own. */
static void T14_the_answers_chain_must_end_in_the_links_head(void **state)
{
    (void)state;
    struct scene s;
    struct family evil;
    struct pairing_message m;
    struct buffer forged;
    scene_init(&s, ROLE_CHILD);
    family_init(&evil);
    pass(&s.device, &s.parent);
    assert_ok(pairing_message_decode(&m, buffer_span(&s.parent.sent)));
    m.u.answer.device = evil.device;
    m.u.answer.authority_chain = evil.chain;
    struct chain_entry first;
    struct span rest = evil.chain.bytes, item;
    assert_true(wire_list_next(&rest, &item));
    assert_ok(chain_entry_decode(&first, item));
    struct entry_hash hash;
    assert_ok(chain_entry_hash(&first, &hash));
    memcpy(m.u.answer.family.b, hash.b, sizeof(hash.b));
    give(&s.device, forge(&forged, &m));
    expect_failed(&s.device, ST_PAIRING_FAMILY);
    buffer_wipe(&forged);
    buffer_wipe(&evil.chain_bytes);
    scene_free(&s);
}

static void T14_the_answering_key_must_be_a_parents_of_that_chain(void **state)
{
    (void)state;
    struct scene s;
    struct pairing_message m;
    struct buffer forged;
    scene_init(&s, ROLE_CHILD);
    pass(&s.device, &s.parent);
    assert_ok(pairing_message_decode(&m, buffer_span(&s.parent.sent)));
    random_bytes(&m.u.answer.device, sizeof(m.u.answer.device)); /* the true chain, the attacker's key */
    give(&s.device, forge(&forged, &m));
    expect_failed(&s.device, ST_PAIRING_FAMILY);
    buffer_wipe(&forged);
    scene_free(&s);
}

static void T14_a_removed_parents_device_cannot_offer(void **state)
{
    (void)state;
    struct scene s;
    struct device_id other;
    scene_init(&s, ROLE_CHILD);
    random_bytes(&other, sizeof(other));
    struct authority_body add = {.kind = AUTHORITY_ADD_DEVICE, .person = s.family.ana, .device = other};
    struct authority_body remove = {
        .kind = AUTHORITY_REMOVE_DEVICE, .person = s.family.ana, .device = s.family.device};
    chain_append(&s.family, &add);
    chain_append(&s.family, &remove);
    struct pairing *none;
    struct pairing_offer_args a = {
        &dice.entropy,  NOW,           span_text("relay"), s.family.chain, s.family.device, span_text("F"),
        span_text("M"), s.family.maya, ROLE_CHILD};
    assert_status(pairing_offer(&none, &a, &s.link), ST_USAGE);
    scene_free(&s);
}

/* ---- the chain entry that was agreed on ---- */

struct roster_args {
    struct person_id person;
    enum person_role role;
    struct device_id device;
    const struct sign_private *key;
    struct device_id author;
};

static void roster_append(struct buffer *bytes, struct wire_list *list, const struct roster_args *a)
{
    struct roster_body body = {.kind = ROSTER_ADD_PERSON,
                               .person = a->person,
                               .role = a->role,
                               .name = span_text("Maya"),
                               .device = a->device,
                               .device_name = span_text("tablet")};
    struct buffer encoded_body, encoded;
    struct writer w;
    buffer_init(&encoded_body, 4096);
    buffer_init(&encoded, WIRE_ENTRY_MAX);
    writer_init(&w, &encoded_body);
    assert_ok(roster_body_encode(&w, &body));
    struct chain_entry e = {.chain = CHAIN_ROSTER,
                            .height = 1 + list->count,
                            .body = buffer_span(&encoded_body),
                            .author = a->author};
    random_bytes(&e.prev, sizeof(e.prev));
    assert_ok(chain_entry_sign(&e, a->key));
    writer_init(&w, &encoded);
    assert_ok(chain_entry_encode(&w, &e));
    assert_ok(wire_list_append(bytes, list, buffer_span(&encoded)));
    buffer_wipe(&encoded_body);
    buffer_wipe(&encoded);
}

static enum status judged(struct scene *s, const struct roster_args *entries, size_t count)
{
    struct buffer bytes;
    struct admission a;
    memset(&a, 0, sizeof(a));
    buffer_init(&bytes, WIRE_LIST_MAX);
    for (size_t i = 0; i < count; i++)
        roster_append(&bytes, &a.roster, &entries[i]);
    a.chain_count = 1;
    a.chains[0].family = pairing_facts(s->device.p)->family;
    a.chains[0].entries = s->family.chain;
    enum status st = pairing_judge(s->device.p, &a);
    buffer_wipe(&bytes);
    return st;
}

static void T13_the_new_device_joins_by_the_agreed_entry_only(void **state)
{
    (void)state;
    struct scene s;
    struct family ben;
    scene_init(&s, ROLE_CHILD);
    family_init(&ben);
    run_to_confirmed(&s);
    struct roster_args good = {s.family.maya, ROLE_CHILD, s.new_device, &s.family.key, s.family.device};
    struct roster_args entry[2] = {good, good};
    assert_ok(judged(&s, entry, 1));
    entry[0].role = ROLE_PARENT;
    assert_status(judged(&s, entry, 1), ST_PAIRING_ENTRY);
    entry[0] = good;
    entry[0].person = s.family.ana;
    assert_status(judged(&s, entry, 1), ST_PAIRING_ENTRY);
    entry[0] = good;
    entry[0].key = &ben.key; /* another parent's device than the one that answered */
    entry[0].author = ben.device;
    assert_status(judged(&s, entry, 1), ST_PAIRING_ENTRY);
    entry[0] = good;
    entry[0].device = ben.device;
    assert_status(judged(&s, entry, 1), ST_PAIRING_ENTRY); /* does not name us */
    entry[0] = good;
    entry[1].person = s.family.ana;
    assert_status(judged(&s, entry, 2), ST_PAIRING_ENTRY); /* names us twice */
    entry[1] = good;
    assert_status(judged(&s, entry, 2), ST_PAIRING_ENTRY); /* also when each by itself would do */
    buffer_wipe(&ben.chain_bytes);
    scene_free(&s);
}

static void T13_the_admissions_chain_goes_through_the_links_head(void **state)
{
    (void)state;
    struct scene s;
    struct family evil;
    scene_init(&s, ROLE_CHILD);
    family_init(&evil);
    run_to_confirmed(&s);
    struct roster_args good = {s.family.maya, ROLE_CHILD, s.new_device, &s.family.key, s.family.device};
    struct wire_list mine = s.family.chain;
    s.family.chain = evil.chain;
    assert_status(judged(&s, &good, 1), ST_PAIRING_ENTRY);
    s.family.chain = mine;
    assert_ok(judged(&s, &good, 1));
    /* and never makes a child's device a parent's */
    struct authority_body add = {
        .kind = AUTHORITY_ADD_DEVICE, .person = s.family.maya, .device = s.new_device};
    chain_append(&s.family, &add);
    assert_status(judged(&s, &good, 1), ST_PAIRING_ENTRY);
    buffer_wipe(&evil.chain_bytes);
    scene_free(&s);
}

/* ---- the record ---- */

static void T53_a_damaged_record_is_refused_or_harmless(void **state)
{
    (void)state;
    struct scene s;
    struct buffer record;
    struct pairing *p;
    scene_init(&s, ROLE_CHILD);
    run_to_code(&s);
    buffer_init(&record, PAIRING_SAVED_MAX);
    assert_ok(pairing_save(s.parent.p, &record));
    for (size_t len = 0; len < record.len; len++) {
        assert_status(pairing_load(&p, SPAN_OF(record.ptr, len)), ST_PAIRING_RECORD);
        assert_null(p);
    }
    for (size_t bit = 0; bit < 8 * record.len; bit++) {
        record.ptr[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        enum status st = pairing_load(&p, buffer_span(&record));
        assert_true(st == ST_OK || st == ST_PAIRING_RECORD);
        pairing_free(p);
        record.ptr[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    buffer_wipe(&record);
    scene_free(&s);
}

static void T54_nothing_is_left_on_the_heap(void **state)
{
    (void)state;
    size_t before = mem_live();
    struct scene s;
    scene_init(&s, ROLE_CHILD);
    run_to_confirmed(&s);
    scene_free(&s);
    assert_int_equal(mem_live(), before);
}

int main(void)
{
    if (suite_start() != ST_OK)
        return 1;
    test_entropy_init(&dice, test_seed(63));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_childs_device_and_its_parents_agree_on_everything),
        cmocka_unit_test(a_parents_first_device_brings_a_recovery_key),
        cmocka_unit_test(T50_both_sides_go_on_after_a_restart_at_every_step),
        cmocka_unit_test(the_code_may_be_typed_with_spaces_and_a_slip_is_no_try),
        cmocka_unit_test(either_side_can_say_no),
        cmocka_unit_test(T14_a_device_in_a_family_refuses_another),
        cmocka_unit_test(T14_a_meeting_link_pairs_nothing),
        cmocka_unit_test(T14_the_answers_chain_must_end_in_the_links_head),
        cmocka_unit_test(T14_the_answering_key_must_be_a_parents_of_that_chain),
        cmocka_unit_test(T14_a_removed_parents_device_cannot_offer),
        cmocka_unit_test(T13_the_new_device_joins_by_the_agreed_entry_only),
        cmocka_unit_test(T13_the_admissions_chain_goes_through_the_links_head),
        cmocka_unit_test(T53_a_damaged_record_is_refused_or_harmless),
        cmocka_unit_test(T54_nothing_is_left_on_the_heap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
