/* SPDX-License-Identifier: Apache-2.0 */
/* A member's tampered device hands out certificates of its own making. */
#include <stdio.h>
#include <string.h>

#include "protocol/certificate.h"
#include "protocol/evidence.h"
#include "sync/family.h"
#include "sync/removal.h"
#include "sync/scope_group.h"
#include "tests/world/world_test.h"

struct forged {
    struct device_id device;
    struct person_ref as;
    bool supervised;
    uint64_t authority_height;
};

static enum status encode(const struct node *n, const struct forged *f, struct buffer *out)
{
    struct device_certificate c = {
        .who = f->as, .device = f->device, .not_after_ms = n->now.wall_ms + INT64_C(800) * 86400000};
    struct writer w;
    /* Signed well, but by a device that is no parent's. */
    c.issuer = n->self.device;
    c.supervised = f->supervised;
    c.authority_height = f->authority_height;
    enum status st = device_certificate_sign(&c, &n->self.key);
    writer_init(&w, out);
    return st == ST_OK ? device_certificate_encode(&w, &c) : st;
}

static enum status hand_out(struct node *n, void *arg)
{
    const struct forged *f = arg;
    struct buffer certificate, record;
    struct writer w;
    struct scope_id scope;
    struct group *g = NULL;
    buffer_init(&certificate, WIRE_CERTIFICATE_MAX);
    buffer_init(&record, 2 * WIRE_CERTIFICATE_MAX);
    enum status st = encode(n, f, &certificate);
    const struct evidence_record e = {.kind = EVIDENCE_CERTIFICATE, .body = buffer_span(&certificate)};
    writer_init(&w, &record);
    if (st == ST_OK)
        st = evidence_record_encode(&w, &e);
    const struct group_message message = {GROUP_EVIDENCE, buffer_span(&record)};
    if (st == ST_OK)
        st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &scope);
    if (st == ST_OK)
        st = group_of_scope(n, &scope, &g);
    if (st == ST_OK)
        st = group_send(n, g, &message, 1, OUTBOX_PLAIN, NULL);
    buffer_wipe(&certificate);
    buffer_wipe(&record);
    return st;
}

/* What the node does with a certificate, by whatever way it came. */
static enum status keep(struct node *n, void *arg)
{
    struct buffer *certificate = arg;
    return family_keep_certificate(n, buffer_span(certificate));
}

static long long supervised(struct world *w, size_t at, const struct device_id *device)
{
    char sql[200], hex[2 * ID_LEN + 1];
    hex_encode(hex, SPAN_ID(device));
    snprintf(sql, sizeof(sql), "SELECT supervised FROM certificate WHERE device = x'%s'", hex);
    return (long long)world_number(w, at, sql);
}

/* T31, T21: nobody becomes somebody else by a certificate of their own making. */
static void T31_T21_a_member_cannot_make_a_device_another_persons(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone"), ben = world_add(w, "Ben's phone"),
           maya = world_add(w, "Maya's tablet"), tom = world_add(w, "Tom's tablet");
    story_found(w, ana, "Berg", "Ana");
    story_pair(w, ana, ben, "Ben", "parent", SIZE_MAX);
    story_pair(w, ana, maya, "Maya", "child", SIZE_MAX);
    story_pair(w, ana, tom, "Tom", "child", SIZE_MAX);
    world_run(w, 60000);
    const struct node *a = world_node(w, ana), *m = world_node(w, maya);
    const struct forged tablet_is_anas = {.device = m->self.device, .as = {a->self.family, a->self.person}};
    struct forged phone_is_nobodys = {.device = a->self.device, .as = {a->self.family, {{9}}}};
    assert_ok(world_forge(w, maya, hand_out, (void *)(uintptr_t)&tablet_is_anas));
    assert_ok(world_forge(w, maya, hand_out, &phone_is_nobodys));
    world_run(w, 60000);
    assert_int_equal(supervised(w, ben, &m->self.device), 1);
    assert_int_equal(supervised(w, ben, &a->self.device), 0);
    world_ok(w, maya, CMD_SEND, "Berg", "I, Ana, allow everything", NULL, NULL);
    world_run(w, 60000);
    assert_true(world_has_text(w, ben, "I, Ana, allow everything", "Maya"));
    assert_false(world_has_text(w, ben, "I, Ana, allow everything", "Ana"));

    /* Nor by any other way: the one door to the table refuses it. */
    struct buffer certificate;
    buffer_init(&certificate, WIRE_CERTIFICATE_MAX);
    assert_ok(encode(m, &tablet_is_anas, &certificate));
    assert_status(world_forge(w, ben, keep, &certificate), ST_CERTIFICATE_PERSON);
    struct forged ghost = {
        .device = {{7}},
        .as = {a->self.family, m->self.person},
        .supervised = true,
        .authority_height = (uint64_t)world_number(w, ben, "SELECT max(height) FROM chain WHERE chain = 1")};
    buffer_wipe(&certificate);
    assert_ok(encode(m, &ghost, &certificate));
    assert_status(world_forge(w, ben, keep, &certificate), ST_CERTIFICATE_ISSUER);
    buffer_wipe(&certificate);

    /* Not even by a parent's device, which may certify children's devices: this one is Maya's for good. */
    const struct forged tablet_is_toms = {.device = m->self.device,
                                          .as = {a->self.family, world_node(w, tom)->self.person},
                                          .supervised = true,
                                          .authority_height = ghost.authority_height};
    assert_ok(encode(a, &tablet_is_toms, &certificate));
    assert_status(world_forge(w, ben, keep, &certificate), ST_CERTIFICATE_PERSON);
    buffer_wipe(&certificate);
}

struct backdated { /* a revocation that `by` signs */
    struct device_id by;
    struct sign_private key;
    struct revocation revocation;
};

static enum status take_revocation(struct node *n, void *arg)
{
    struct backdated *b = arg;
    struct buffer bytes;
    struct writer w;
    buffer_init(&bytes, WIRE_ENTRY_MAX);
    b->revocation.issuer = b->by;
    enum status st = revocation_sign(&b->revocation, &b->key);
    writer_init(&w, &bytes);
    if (st == ST_OK)
        st = revocation_encode(&w, &b->revocation);
    if (st == ST_OK)
        st = revocation_keep(n, buffer_span(&bytes));
    buffer_wipe(&bytes);
    return st;
}

/* T21: what a removed parent's device signs says nothing, whatever height it names. */
static void T21_a_removed_parents_device_cannot_backdate_a_revocation(void **state)
{
    struct world *w = *state;
    size_t ana = world_add(w, "Ana's phone"), old = world_add(w, "Ana's old phone"),
           maya = world_add(w, "Maya's tablet");
    char id[2 * ID_LEN + 1];
    story_found(w, ana, "Berg", "Ana");
    story_pair(w, ana, old, "Ana", "parent", SIZE_MAX);
    story_pair(w, ana, maya, "Maya", "child", SIZE_MAX);
    world_run(w, 60000);
    const struct node *thief = world_node(w, old), *m = world_node(w, maya);
    struct backdated b = {.by = thief->self.device, .key = thief->self.key};
    b.revocation.device = m->self.device;
    b.revocation.who = (struct person_ref){m->self.family, m->self.person};
    b.revocation.authority_height =
        (uint64_t)world_number(w, ana, "SELECT max(height) FROM chain WHERE chain = 1");
    hex_encode(id, SPAN_ID(&b.by));
    world_ok(w, ana, CMD_DEVICES_REMOVE, id, NULL, NULL, NULL);
    world_run(w, 120000);
    assert_status(world_forge(w, ana, take_revocation, &b), ST_REVOCATION_ISSUER);
    story_say(w, ana, "Berg", "are you there?", maya);
    sign_private_wipe(&b.key);
}

enum { FLOOD_BLOCKS = 600, EVIDENCE_WINDOW = 512 };

/* Fills the epoch's log with evidence that no commit names. */
static enum status flood_evidence(struct node *n, void *arg)
{
    enum { RECORD = 15000, BYTES = 15200 };
    struct scope_id scope;
    struct group *g = NULL;
    uint8_t *body = mem_alloc(1, RECORD);
    (void)arg;
    enum status st = scope_id_of_family(SCOPE_FAMILY, &n->self.family, &scope);
    if (st == ST_OK)
        st = group_of_scope(n, &scope, &g);
    for (uint16_t i = 0; st == ST_OK && i < FLOOD_BLOCKS; i++) {
        struct buffer record;
        struct writer w;
        buffer_init(&record, BYTES);
        writer_init(&w, &record);
        memcpy(body, &i, sizeof(i));
        const struct evidence_record e = {.kind = EVIDENCE_CERTIFICATE, .body = SPAN_OF(body, RECORD)};
        st = evidence_record_encode(&w, &e);
        struct span message = buffer_span(&record);
        if (st == ST_OK)
            st = logs_append(n, g->log, &message, 1, OUTBOX_PLAIN, g->id, NULL);
        buffer_wipe(&record);
    }
    mem_free(body, RECORD);
    return st;
}

static void T25_a_flood_of_evidence_stops_no_removal(void **state)
{
    struct world *w = *state;
    struct story s;
    char id[2 * ID_LEN + 1];
    story_children_meet(w, &s);
    size_t laptop = story_add(w, s.ana, "Maya's laptop", "Maya", "child", s.maya);
    world_run(w, 60000);
    assert_ok(world_forge(w, laptop, flood_evidence, NULL));
    world_run(w, 5 * 60000);
    int64_t kept = world_number(w, s.ana, "SELECT count(*) FROM evidence");
    assert_true(kept > EVIDENCE_WINDOW / 2 && kept <= EVIDENCE_WINDOW); /* nor does it fill the disk */
    hex_encode(id, SPAN_ID(&world_node(w, laptop)->self.device));
    world_ok(w, s.ana, CMD_DEVICES_REMOVE, id, NULL, NULL, NULL);
    world_run(w, 24 * 60 * 60000);
    assert_int_equal(world_number(w, laptop, "SELECT value FROM meta WHERE key = 'removed'"), 1);
    story_say(w, s.ana, "Berg", "it is out", s.maya);
}

/* A revocation of `device` by Rosa's phone, as if it were Leo's: her own chain lets her sign that. */
static void by_rosa(struct world *w, const struct story *s, size_t device, struct backdated *b)
{
    const struct node *rosa = world_node(w, s->rosa), *leo = world_node(w, s->leo);
    memset(b, 0, sizeof(*b));
    b->by = rosa->self.device;
    b->key = rosa->self.key;
    b->revocation.device = world_node(w, device)->self.device;
    b->revocation.who = (struct person_ref){leo->self.family, leo->self.person};
}

/* T25: a family speaks for its own devices. Else anybody whose chain is known here could silence a family. */
static void T25_a_contacts_family_revokes_no_device_of_ours(void **state)
{
    struct world *w = *state;
    struct story s;
    struct backdated b;
    story_children_meet(w, &s);
    by_rosa(w, &s, s.ana, &b);
    assert_status(world_forge(w, s.ben, take_revocation, &b), ST_REVOCATION_ISSUER);
    assert_status(world_forge(w, s.maya, take_revocation, &b), ST_REVOCATION_ISSUER);
    assert_status(world_forge(w, s.ana, take_revocation, &b), ST_REVOCATION_ISSUER);
    story_say(w, s.ben, "Berg", "still here?", s.ana);
    story_say(w, s.maya, "Leo", "and you?", s.leo);
    sign_private_wipe(&b.key);
}

static enum status make_key(struct node *n, void *arg)
{
    (void)arg;
    return self_make_key(n);
}

/* The same of a laptop that is to be Maya's, and that nobody knows yet. */
static size_t new_by_rosa(struct world *w, const struct story *s, struct backdated *b)
{
    size_t laptop = world_add(w, "Maya's laptop");
    assert_ok(world_forge(w, laptop, make_key, NULL));
    by_rosa(w, s, laptop, b);
    return laptop;
}

static void family_takes(struct world *w, const struct story *s, struct backdated *b)
{
    for (size_t i = s->ana; i <= s->maya; i++)
        assert_ok(world_forge(w, i, take_revocation, b));
}

/* Nor one that is not known yet, once it is. */
static void T25_what_a_stranger_said_of_a_key_ends_when_it_is_known_whose_it_is(void **state)
{
    struct world *w = *state;
    struct story s;
    struct backdated b;
    story_children_meet(w, &s);
    size_t laptop = new_by_rosa(w, &s, &b);
    family_takes(w, &s, &b);
    story_pair(w, s.ana, laptop, "Maya", "child", s.maya);
    world_run(w, 5 * 60000);
    assert_int_equal(world_number(w, s.ana, "SELECT count(*) FROM revocation"), 0);
    story_say(w, s.ben, "Berg", "a laptop", laptop);
    story_say(w, s.leo, "Maya", "hello, laptop", laptop);
    sign_private_wipe(&b.key);
}

/* ---- a key that is claimed before its owner is met ---- */

struct squat { /* a certificate by Rosa, and the chain that it holds by */
    struct family_id family;
    struct buffer certificate, bytes;
    struct wire_list chain;
};

static enum status list_chain(struct node *n, void *arg)
{
    struct squat *q = arg;
    return family_chain_list(n, &n->self.family, CHAIN_AUTHORITY, 0, &q->bytes, &q->chain);
}

static enum status hear(struct node *n, void *arg)
{
    struct squat *q = arg;
    enum status st = family_take_chain(n, &q->family, &q->chain);
    return st == ST_OK ? family_keep_certificate(n, buffer_span(&q->certificate)) : st;
}

static enum status hear_proven(struct node *n, void *arg)
{
    const struct squat *q = arg;
    return family_keep_proven(n, buffer_span(&q->certificate));
}

/* What a device says of itself, in somebody else's mouth. */
static enum status list_own(struct node *n, void *arg)
{
    struct squat *q = arg;
    memset(q, 0, sizeof(*q));
    q->family = n->self.family;
    buffer_init(&q->certificate, WIRE_CERTIFICATE_MAX);
    buffer_init(&q->bytes, WIRE_LIST_MAX);
    enum status st = family_own_certificate(n, &q->certificate);
    return st == ST_OK ? list_chain(n, q) : st;
}

/* Rosa says of this device that it is Leo's. */
static void squat_on(struct world *w, const struct story *s, size_t device, struct squat *q)
{
    const struct node *rosa = world_node(w, s->rosa);
    const struct forged is_leos = {.device = world_node(w, device)->self.device,
                                   .as = {rosa->self.family, world_node(w, s->leo)->self.person},
                                   .supervised = true,
                                   .authority_height = (uint64_t)world_number(
                                       w, s->leo,
                                       "SELECT max(height) FROM chain WHERE chain = 1 AND family IN "
                                       "(SELECT family FROM chain WHERE chain = 2)")};
    memset(q, 0, sizeof(*q));
    q->family = rosa->self.family;
    buffer_init(&q->certificate, WIRE_CERTIFICATE_MAX);
    buffer_init(&q->bytes, WIRE_LIST_MAX);
    assert_ok(encode(rosa, &is_leos, &q->certificate));
    assert_ok(world_forge(w, s->rosa, list_chain, q));
}

static void squat_free(struct squat *q)
{
    buffer_wipe(&q->certificate);
    buffer_wipe(&q->bytes);
}

static void assert_owner(struct world *w, size_t at, size_t device)
{
    char sql[300], hex[2 * ID_LEN + 1], person[2 * SHORT_ID_LEN + 1];
    const struct node *n = world_node(w, device);
    hex_encode(hex, SPAN_ID(&n->self.device));
    hex_encode(person, SPAN_ID(&n->self.person));
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM certificate WHERE device = x'%s' AND person = x'%s' AND proven = 1", hex,
             person);
    assert_int_equal(world_number(w, at, sql), 1);
}

/* T31: any family can name any key; whose it is its own signature says, and who has it is not kept out. */
static void T31_who_claims_a_key_before_its_owner_is_met_does_not_keep_the_owner_out(void **state)
{
    struct world *w = *state;
    struct story s;
    struct squat phone, tablet, own;
    story_children_meet(w, &s);
    size_t tia = world_add(w, "Tia's phone");
    story_found(w, tia, "Kern", "Tia");
    squat_on(w, &s, tia, &phone);
    squat_on(w, &s, s.maya, &tablet);
    const size_t berg[] = {s.ana, s.ben, s.maya};
    for (size_t i = 0; i < 3; i++)
        assert_ok(world_forge(w, berg[i], hear, &phone));
    assert_ok(world_forge(w, tia, hear, &tablet));
    assert_ok(world_forge(w, tia, list_own, &own));
    assert_status(world_forge(w, s.ana, hear, &own), ST_CERTIFICATE_PERSON); /* anybody can say that, too */
    story_ask(w, tia, s.ana, "Maya", "It is me, Tia from the choir");
    story_decide(w, s.ben, true);
    story_wait_contact(w, tia, "Maya", "active");
    story_wait_contact(w, s.maya, "Tia", "active");
    story_say(w, tia, "Maya", "hello", s.maya);
    story_say(w, s.maya, "Tia", "and hello to you", tia);
    assert_true(world_has_text(w, s.maya, "hello", "Tia"));
    assert_true(world_has_text(w, tia, "and hello to you", "Maya"));
    assert_owner(w, s.maya, tia);
    assert_owner(w, tia, s.maya);
    /* And from then on it is too late for a claim. */
    assert_status(world_forge(w, s.maya, hear, &phone), ST_CERTIFICATE_PERSON);
    assert_status(world_forge(w, tia, hear, &tablet), ST_CERTIFICATE_PERSON);
    squat_free(&phone);
    squat_free(&tablet);
    squat_free(&own);
}

/* A thief with the key of a family's device has it sign what the thief's own family says of it: to who knows
 * the device as the family's it stays that. */
static void T31_of_a_familys_own_devices_no_key_says_otherwise(void **state)
{
    struct world *w = *state;
    struct story s;
    struct squat tablet;
    story_children_meet(w, &s);
    squat_on(w, &s, s.maya, &tablet);
    world_sql(w, s.ana, "UPDATE certificate SET proven = 0"); /* as it is told to who comes later */
    assert_status(world_forge(w, s.ana, hear_proven, &tablet), ST_CERTIFICATE_PERSON);
    squat_free(&tablet);
}

/* Nor by what it says of the key meanwhile. */
static void T25_pins_of_a_stranger_for_a_key_end_when_it_is_known_whose_it_is(void **state)
{
    struct world *w = *state;
    struct story s;
    struct backdated b;
    story_children_meet(w, &s);
    size_t laptop = new_by_rosa(w, &s, &b);
    b.revocation.pins.count = 1; /* of no scope that is known: pinned anywhere is pinned everywhere */
    b.revocation.pins.at[0].scope.b[0] = 7;
    family_takes(w, &s, &b);
    story_pair(w, s.ana, laptop, "Maya", "child", s.maya);
    world_run(w, 5 * 60000);
    assert_int_equal(world_number(w, s.ana, "SELECT count(*) FROM head WHERE pin_seq IS NOT NULL"), 0);
    story_say(w, laptop, "Berg", "here I am", s.ben);
    sign_private_wipe(&b.key);
}

static void T15_revocations_of_devices_that_nobody_has_met_are_bounded(void **state)
{
    enum { MANY = 200, KEPT = 128 };
    struct world *w = *state;
    struct story s;
    struct backdated b;
    story_children_meet(w, &s);
    by_rosa(w, &s, s.leo, &b);
    const struct device_id leos = b.revocation.device;
    for (unsigned i = 0; i < MANY; i++) {
        memset(&b.revocation.device, (int)i + 1, sizeof(b.revocation.device));
        assert_status(world_forge(w, s.maya, take_revocation, &b), i < KEPT ? ST_OK : ST_REVOCATION_ISSUER);
    }
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM revocation"), KEPT);
    b.revocation.device = leos; /* but that of one who is here is heard */
    assert_ok(world_forge(w, s.maya, take_revocation, &b));
    assert_int_equal(world_number(w, s.maya, "SELECT count(*) FROM revocation"), KEPT + 1);
    sign_private_wipe(&b.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(T31_T21_a_member_cannot_make_a_device_another_persons),
        WORLD_TEST(T21_a_removed_parents_device_cannot_backdate_a_revocation),
        WORLD_TEST(T25_a_contacts_family_revokes_no_device_of_ours),
        WORLD_TEST(T25_a_flood_of_evidence_stops_no_removal),
        WORLD_TEST(T25_what_a_stranger_said_of_a_key_ends_when_it_is_known_whose_it_is),
        WORLD_TEST(T31_who_claims_a_key_before_its_owner_is_met_does_not_keep_the_owner_out),
        WORLD_TEST(T15_revocations_of_devices_that_nobody_has_met_are_bounded),
        WORLD_TEST(T31_of_a_familys_own_devices_no_key_says_otherwise),
        WORLD_TEST(T25_pins_of_a_stranger_for_a_key_end_when_it_is_known_whose_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
