/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include "policy/rules.h"
#include "tests/support/test_decoder.h"

static void full_policy(struct policy *p)
{
    policy_defaults(p);
    assert_ok(policy_quiet_add(p, "Europe/Berlin", 1260, 1440));
    assert_ok(policy_quiet_add(p, "America/Argentina/ComodRivadavia", 10065, 15));
    p->releases[p->release_count++] = (struct policy_release){1000, FIELD_APPROVAL, POLICY_APPROVAL_NOTIFY};
    p->releases[p->release_count++] = (struct policy_release){1000, FIELD_PERMIT_DAYS, 500};
    p->releases[p->release_count++] = (struct policy_release){2000, FIELD_APPROVAL, POLICY_APPROVAL_SELF};
    assert_ok(policy_check(p));
}

static enum status again(void *ctx, struct span in, struct buffer *out)
{
    (void)ctx;
    struct policy p;
    enum status st = policy_decode(&p, in);
    if (st != ST_OK)
        return st;
    struct writer w;
    writer_init(&w, out);
    return policy_encode(&w, &p);
}

static void encode(const struct policy *p, struct buffer *out)
{
    struct writer w;
    buffer_init(out, POLICY_ENCODED_MAX);
    writer_init(&w, out);
    assert_ok(policy_encode(&w, p));
}

static void rules_decoder_stands_what_every_decoder_must(void **state)
{
    (void)state;
    struct policy p;
    struct buffer bytes;
    full_policy(&p);
    encode(&p, &bytes);
    check_decoder(again, NULL, buffer_span(&bytes));
    buffer_wipe(&bytes);
}

static void rules_defaults_are_those_of_the_document(void **state)
{
    (void)state;
    struct policy p;
    policy_defaults(&p);
    assert_int_equal(p.approval, POLICY_APPROVAL_ANY_PARENT);
    assert_int_equal(p.discovery, POLICY_DISCOVERY_HIDDEN);
    assert_int_equal(p.approach_notice, POLICY_NOTICE_SILENT);
    assert_int_equal(p.introductions, POLICY_INTRODUCTIONS_ASK);
    assert_int_equal(p.groups, POLICY_GROUPS_EVERY_PAIR);
    assert_int_equal(p.attachments, POLICY_ATTACHMENTS_IMAGES);
    assert_int_equal(p.permit_days, 365);
    assert_int_equal(p.pending_max, 10);
    assert_int_equal(p.oversight, POLICY_OVERSIGHT_CONTACTS);
    assert_ok(policy_check(&p));
}

static void rules_decode_of_rubbish_leaves_the_defaults(void **state)
{
    (void)state;
    static const uint8_t rubbish[] = {9, 9, 9};
    struct policy p, defaults;
    memset(&p, 0xff, sizeof(p));
    policy_defaults(&defaults);
    assert_status(policy_decode(&p, SPAN(rubbish)), ST_WIRE_VERSION);
    assert_true(policy_equal(&p, &defaults));
}

static void rules_check_refuses_each_field_out_of_range(void **state)
{
    (void)state;
    struct policy good, p[13];
    full_policy(&good);
    for (size_t i = 0; i < 13; i++)
        p[i] = good;
    p[0].approval = POLICY_APPROVAL_COUNT;
    p[1].discovery = POLICY_DISCOVERY_COUNT;
    p[2].attachments = POLICY_ATTACHMENTS_COUNT;
    p[3].permit_days = 0;
    p[4].permit_days = POLICY_PERMIT_DAYS_MAX + 1;
    p[5].pending_max = POLICY_PENDING_MAX + 1;
    p[6].oversight = POLICY_OVERSIGHT_COUNT;
    p[7].quiet.always = true; /* and zones */
    p[8].quiet.zones[0] = good.quiet.zones[1];
    p[8].quiet.zones[1] = good.quiet.zones[0]; /* order */
    p[9].releases[2] = p[9].releases[1];       /* doubled */
    p[10].releases[0].field = FIELD_OVERSIGHT; /* seeing more is never a step towards independence */
    p[11].releases[0].value = POLICY_APPROVAL_COUNT;
    memset(p[12].quiet.zones[1].slots, 0, POLICY_QUIET_BYTES); /* a zone that says nothing */
    assert_ok(policy_check(&good));
    for (size_t i = 0; i < 13; i++)
        assert_status(policy_check(&p[i]), ST_POLICY_FIELD);
}

static void rules_quiet_hours_run_over_the_end_of_the_week(void **state)
{
    (void)state;
    struct policy p;
    policy_defaults(&p);
    assert_ok(policy_quiet_add(&p, "UTC", 10065, 30)); /* Sunday 23:45 to Monday 00:30 */
    const struct policy_quiet_zone *z = &p.quiet.zones[0];
    assert_true(policy_quiet_slot(z, 10065));
    assert_true(policy_quiet_slot(z, 10079));
    assert_true(policy_quiet_slot(z, 29));
    assert_false(policy_quiet_slot(z, 30));
    assert_false(policy_quiet_slot(z, 10064));
}

static void rules_quiet_hours_refuse_what_is_no_interval(void **state)
{
    (void)state;
    struct policy p, before;
    policy_defaults(&p);
    before = p;
    assert_status(policy_quiet_add(&p, "UTC", 10, 30), ST_POLICY_FIELD);
    assert_status(policy_quiet_add(&p, "UTC", 30, 30), ST_POLICY_FIELD);
    assert_status(policy_quiet_add(&p, "UTC", 10080, 30), ST_POLICY_FIELD);
    assert_status(policy_quiet_add(&p, "", 15, 30), ST_POLICY_FIELD);
    assert_status(policy_quiet_add(&p, "a b", 15, 30), ST_POLICY_FIELD);
    assert_status(policy_quiet_add(&p, "01234567890123456789012345678901234567890123456789", 15, 30),
                  ST_POLICY_FIELD);
    assert_true(policy_equal(&p, &before));
    static const char *const zones[] = {"A", "B", "C", "D", "E"};
    for (size_t i = 0; i < 4; i++)
        assert_ok(policy_quiet_add(&p, zones[i], 0, 15));
    assert_status(policy_quiet_add(&p, zones[4], 0, 15), ST_POLICY_ZONES);
}

static void rules_merge_of_too_many_zones_is_always_quiet(void **state)
{
    (void)state;
    struct policy a, b, m;
    policy_defaults(&a);
    policy_defaults(&b);
    static const char *const zones[] = {"A", "B", "C", "D", "E", "F"};
    for (size_t i = 0; i < 3; i++) {
        assert_ok(policy_quiet_add(&a, zones[i], 0, 15));
        assert_ok(policy_quiet_add(&b, zones[i + 3], 0, 15));
    }
    policy_merge(&a, &b, &m);
    assert_true(m.quiet.always);
    assert_ok(policy_check(&m));
}

static void rules_merge_keeps_only_releases_that_both_agreed(void **state)
{
    (void)state;
    struct policy a, b, m;
    full_policy(&a);
    full_policy(&b);
    b.releases[1].value = 400;
    policy_merge(&a, &b, &m);
    assert_int_equal(m.release_count, 2);
    assert_int_equal(m.releases[1].at_ms, 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_decoder_stands_what_every_decoder_must),
        cmocka_unit_test(rules_defaults_are_those_of_the_document),
        cmocka_unit_test(rules_decode_of_rubbish_leaves_the_defaults),
        cmocka_unit_test(rules_check_refuses_each_field_out_of_range),
        cmocka_unit_test(rules_quiet_hours_run_over_the_end_of_the_week),
        cmocka_unit_test(rules_quiet_hours_refuse_what_is_no_interval),
        cmocka_unit_test(rules_merge_of_too_many_zones_is_always_quiet),
        cmocka_unit_test(rules_merge_keeps_only_releases_that_both_agreed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
