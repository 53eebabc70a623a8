/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile member, relay or stranger sends to a group, and what it gets for it. Every message here is
 * as well formed as the attack allows: built from the inside, with the group's own secrets where a member
 * would have them. */
#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/staged.h"
#include "tests/support/test.h"
#include "tests/support/test_hex.h"
#include "tests/support/test_member.h"

enum { MEMBERS = 4, MESSAGE_MAX = 4 << 20 };

struct world {
    struct test_member m[MEMBERS + 1];
    struct test_member *all[MEMBERS + 2];
    struct buffer message, other;
    struct mls_staged *staged;
    size_t live;
};

static struct world w;

static int setup(void **state)
{
    (void)state;
    w = (struct world){.live = mem_live()};
    buffer_init(&w.message, MESSAGE_MAX);
    buffer_init(&w.other, MESSAGE_MAX);
    test_family(w.m, w.all, MEMBERS);
    test_member_init(&w.m[MEMBERS], "new");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mls_staged_free(w.staged);
    test_family_free(w.m, MEMBERS + 1);
    buffer_wipe(&w.message);
    buffer_wipe(&w.other);
    assert_int_equal(mem_live(), w.live);
    return 0;
}

/* ---- messages from the inside ---- */

struct forging {
    struct test_member *as; /* whose signing key and ratchet */
    uint32_t claimed;       /* whose leaf it says */
    enum wire_format format;
    enum content_type type;
    struct span body; /* of the content */
    struct span tag;  /* confirmation tag of a commit */
    enum sender_type sender;
};

/* A message in w.message that is right but for what `f` says. */
static void forge(const struct forging *f)
{
    struct mls_group *g = f->as->group;
    uint8_t signature[SIGNATURE_LEN];
    struct writer wr;
    struct authenticated_content a = {.wire_format = f->format};
    a.content.group_id = g->now->context.group_id;
    a.content.epoch = g->now->context.epoch;
    a.content.sender = (struct sender){f->sender == 0 ? SENDER_MEMBER : f->sender, f->claimed};
    a.content.type = f->type;
    a.content.body = f->body;
    assert_ok(content_sign(&a, buffer_span(&g->now->context_bytes), &f->as->key, signature));
    a.auth.signature = SPAN(signature);
    a.auth.confirmation_tag = f->tag;
    buffer_wipe(&w.message);
    if (a.content.sender.type == SENDER_MEMBER) {
        assert_ok(group_frame(g, &a, 0, &f->as->entropy.entropy, &w.message));
        return;
    }
    writer_init(&wr, &w.message);
    message_write_header(&wr, WIRE_PUBLIC_MESSAGE);
    public_message_write(&wr, &(struct public_message){.signed_content = a});
    assert_ok(writer_done(&wr));
}

static struct span encode_proposal(const struct proposal *p)
{
    struct writer wr;
    w.other.len = 0;
    writer_init(&wr, &w.other);
    proposal_write(&wr, p);
    assert_ok(writer_done(&wr));
    return buffer_span(&w.other);
}

/* A commit by m1 of one proposal by value, without path and with a false tag: enough for the public checks.
 */
static enum status commit_of(const struct proposal *p)
{
    static const uint8_t tag[HASH_LEN];
    struct buffer list, body;
    struct writer wr;
    buffer_init(&list, MESSAGE_MAX);
    buffer_init(&body, MESSAGE_MAX);
    writer_init(&wr, &list);
    proposal_or_ref_write(&wr, &(struct proposal_or_ref){.type = PROPOSAL_BY_VALUE, .proposal = *p});
    writer_init(&wr, &body);
    commit_write(&wr, &(struct commit){.proposals = buffer_span(&list)});
    assert_ok(writer_done(&wr));
    forge(&(struct forging){.as = &w.m[1],
                            .claimed = 1,
                            .format = WIRE_PUBLIC_MESSAGE,
                            .type = CONTENT_COMMIT,
                            .body = buffer_span(&body),
                            .tag = SPAN(tag)});
    buffer_wipe(&list);
    buffer_wipe(&body);
    return test_hear_status(&w.m[0], buffer_span(&w.message));
}

static struct psk_id psk_of(enum psk_type type, enum psk_usage usage, struct span nonce)
{
    return (struct psk_id){.type = type,
                           .usage = usage,
                           .external_id = span_text("id"),
                           .group_id = span_text("test group"),
                           .nonce = nonce};
}

/* ---- ratchets ---- */

static void a_wrong_ciphertext_does_not_spend_the_ratchet(void **state)
{
    (void)state;
    struct buffer bad;
    test_protect(&w.m[1], "hello", &bad);
    bad.ptr[bad.len - 1] ^= 1; /* the sample that the sender data's key comes from is at the front */
    assert_status(test_hear_status(&w.m[0], buffer_span(&bad)), ST_CRYPTO_OPEN);
    bad.ptr[bad.len - 1] ^= 1;
    test_hear(&w.m[0], buffer_span(&bad), "hello");
    buffer_wipe(&bad);
}

static void a_false_signature_does_not_spend_the_victims_ratchet(void **state)
{
    (void)state;
    /* m2 knows the ratchet of m1 as every member does, and seals in m1's name */
    const struct forging f = {.as = &w.m[2],
                              .claimed = 1,
                              .format = WIRE_PRIVATE_MESSAGE,
                              .type = CONTENT_APPLICATION,
                              .body = span_text("I am m1")};
    forge(&f);
    assert_status(test_hear_status(&w.m[0], buffer_span(&w.message)), ST_CRYPTO_SIGNATURE);
    assert_false(mls_group_changed(w.m[0].group) && w.m[0].group->stored.any);
    test_say(&w.m[1], &w.m[0], "the first of m1");
}

static void a_generation_bomb_is_refused_at_once(void **state)
{
    (void)state;
    struct buffer bomb, after;
    struct message_key k;
    for (size_t i = 0; i < SECRET_TREE_AHEAD_MAX + 1; i++) {
        assert_ok(secret_tree_send(w.m[1].group->now->messages, 1, RATCHET_APPLICATION, &k));
    }
    message_key_wipe(&k);
    test_protect(&w.m[1], "boom", &bomb);
    assert_status(test_hear_status(&w.m[0], buffer_span(&bomb)), ST_MLS_GENERATION_AHEAD);
    buffer_wipe(&bomb);
    /* within the window is fine, and what was skipped can still be read */
    test_protect(&w.m[2], "early", &bomb);
    test_protect(&w.m[2], "late", &after);
    test_hear(&w.m[0], buffer_span(&after), "late");
    test_hear(&w.m[0], buffer_span(&bomb), "early");
    assert_status(test_hear_status(&w.m[0], buffer_span(&bomb)), ST_MLS_GENERATION_USED);
    buffer_wipe(&bomb);
    buffer_wipe(&after);
}

static void every_flip_of_a_message_is_refused(void **state)
{
    (void)state;
    struct buffer m;
    test_protect(&w.m[1], "hi", &m);
    for (size_t bit = 0; bit < 8 * m.len; bit++) {
        m.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(test_hear_status(&w.m[0], buffer_span(&m)) != ST_OK);
        m.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < m.len; len++) {
        assert_true(test_hear_status(&w.m[0], SPAN_OF(m.ptr, len)) != ST_OK);
    }
    test_hear(&w.m[0], buffer_span(&m), "hi");
    buffer_wipe(&m);
}

static void every_flip_of_a_commit_is_refused_in_public_or_in_private(void **state)
{
    (void)state;
    const uint32_t gone = 3;
    struct buffer welcome;
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    buffer_init(&welcome, MESSAGE_MAX);
    a.removes = &gone;
    a.remove_count = 1;
    a.public_message = true; /* nothing but signature, tags and tree protect it */
    assert_ok(mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &welcome));
    for (size_t bit = 0; bit < 8 * w.message.len; bit++) {
        w.message.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct mls_received r;
        enum status s = mls_group_receive(w.m[0].group, buffer_span(&w.message), &r);
        if (s == ST_OK) {
            s = mls_staged_open(w.m[0].group, r.staged, NULL);
        }
        assert_true(s != ST_OK);
        mls_received_wipe(&r);
        w.message.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    test_follow(&w.m[0], buffer_span(&w.message));
    buffer_wipe(&welcome);
}

static void a_void_message_spends_its_key(void **state)
{
    (void)state;
    forge(&(struct forging){
        .as = &w.m[1],
        .claimed = 1,
        .format = WIRE_PRIVATE_MESSAGE,
        .type = CONTENT_PROPOSAL,
        .body = encode_proposal(&(struct proposal){.type = PROPOSAL_REMOVE, .u.remove = 77})});
    w.m[0].group->changed = false;
    assert_status(test_hear_status(&w.m[0], buffer_span(&w.message)), ST_MLS_NOT_A_MEMBER);
    assert_true(mls_group_changed(w.m[0].group));
    assert_status(test_hear_status(&w.m[0], buffer_span(&w.message)), ST_MLS_GENERATION_USED);
}

/* ---- refused by name ---- */

static void reinit_external_and_branching_are_refused_by_name(void **state)
{
    (void)state;
    static const uint8_t nonce[SECRET_LEN];
    const struct {
        struct proposal p;
        enum status want;
    } table[] = {
        {{.type = PROPOSAL_REINIT, .u.reinit = {.version = 1, .cipher_suite = 3}}, ST_MLS_REINIT},
        {{.type = PROPOSAL_EXTERNAL_INIT, .u.external_init = SPAN(nonce)}, ST_MLS_EXTERNAL},
        {{.type = PROPOSAL_PSK, .u.psk = psk_of(PSK_RESUMPTION, PSK_USAGE_BRANCH, SPAN(nonce))},
         ST_MLS_BRANCH},
        {{.type = PROPOSAL_PSK, .u.psk = psk_of(PSK_RESUMPTION, PSK_USAGE_REINIT, SPAN(nonce))},
         ST_MLS_BRANCH},
        {{.type = PROPOSAL_PSK, .u.psk = psk_of(PSK_EXTERNAL, 0, SPAN_OF(nonce, 31))}, ST_MLS_PSK_NONCE},
        {{.type = PROPOSAL_REMOVE, .u.remove = 77}, ST_MLS_NOT_A_MEMBER},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_status(commit_of(&table[i].p), table[i].want);
        forge(&(struct forging){.as = &w.m[1],
                                .claimed = 1,
                                .format = WIRE_PRIVATE_MESSAGE,
                                .type = CONTENT_PROPOSAL,
                                .body = encode_proposal(&table[i].p)});
        assert_status(test_hear_status(&w.m[0], buffer_span(&w.message)), table[i].want);
    }
    assert_int_equal(mls_group_pending_count(w.m[0].group), 0);
}

static void senders_from_outside_are_refused_by_name(void **state)
{
    (void)state;
    const enum sender_type senders[] = {SENDER_EXTERNAL, SENDER_NEW_MEMBER_PROPOSAL,
                                        SENDER_NEW_MEMBER_COMMIT};
    for (size_t i = 0; i < 3; i++) {
        forge(&(struct forging){
            .as = &w.m[1],
            .format = WIRE_PUBLIC_MESSAGE,
            .type = CONTENT_PROPOSAL,
            .sender = senders[i],
            .body = encode_proposal(&(struct proposal){.type = PROPOSAL_REMOVE, .u.remove = 2})});
        assert_status(test_hear_status(&w.m[0], buffer_span(&w.message)), ST_MLS_EXTERNAL);
    }
}

static void application_data_in_public_is_refused(void **state)
{
    (void)state;
    struct authenticated_content a = {.wire_format = WIRE_PUBLIC_MESSAGE};
    uint8_t signature[SIGNATURE_LEN] = {0};
    struct writer wr;
    struct mls_group *g = w.m[1].group;
    a.content.type = CONTENT_APPLICATION;
    a.content.body = span_text("secret");
    assert_ok(group_sign_content(g, &w.m[1].key, &a, signature));
    assert_status(public_message_seal(&a, &g->now->secrets.membership_key, SPAN_EMPTY, &w.message),
                  ST_MLS_PUBLIC_APPLICATION);
    writer_init(&wr, &w.message);
    message_write_header(&wr, WIRE_PUBLIC_MESSAGE);
    public_message_write(&wr, &(struct public_message){a, SPAN(signature)});
    assert_ok(writer_done(&wr));
    assert_status(test_hear_status(&w.m[0], buffer_span(&w.message)), ST_MLS_PUBLIC_APPLICATION);
}

static void a_public_message_needs_the_membership_tag(void **state)
{
    (void)state;
    forge(&(struct forging){.as = &w.m[1],
                            .claimed = 1,
                            .format = WIRE_PUBLIC_MESSAGE,
                            .type = CONTENT_PROPOSAL,
                            .body =
                                encode_proposal(&(struct proposal){.type = PROPOSAL_REMOVE, .u.remove = 2})});
    w.message.ptr[w.message.len - 1] ^= 1;
    assert_status(test_hear_status(&w.m[0], buffer_span(&w.message)), ST_MLS_MEMBERSHIP_TAG);
    w.message.ptr[w.message.len - 1] ^= 1;
    assert_ok(test_hear_status(&w.m[0], buffer_span(&w.message)));
}

/* ---- commits ---- */

static void a_commit_that_needs_a_path_has_one(void **state)
{
    (void)state;
    assert_status(commit_of(&(struct proposal){.type = PROPOSAL_REMOVE, .u.remove = 2}), ST_MLS_PATH_MISSING);
    assert_status(commit_of(&(struct proposal){.type = PROPOSAL_EXTENSIONS}), ST_MLS_PATH_MISSING);
}

static void nobody_commits_their_own_removal_or_update(void **state)
{
    (void)state;
    const uint32_t self = 1;
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    a.removes = &self;
    a.remove_count = 1;
    assert_status(
        mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.other),
        ST_MLS_PROPOSAL_SENDER);
    assert_status(commit_of(&(struct proposal){.type = PROPOSAL_REMOVE, .u.remove = 1}),
                  ST_MLS_PROPOSAL_SENDER);
}

static void proposals_that_collide_are_refused(void **state)
{
    (void)state;
    const uint32_t twice[] = {2, 2};
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    a.removes = twice;
    a.remove_count = 2;
    assert_status(
        mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.other),
        ST_MLS_PROPOSAL_LIST);
    const struct span package = test_member_package(&w.m[MEMBERS]);
    const struct span packages[] = {package, package};
    a = test_commit_args(&w.m[1]);
    a.adds = packages;
    a.add_count = 2;
    assert_status(
        mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.other),
        ST_MLS_PROPOSAL_LIST);
}

static void a_member_is_not_added_twice(void **state)
{
    (void)state;
    const struct span again = test_member_package(&w.m[2]);
    const uint32_t gone = 2;
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    a.adds = &again;
    a.add_count = 1;
    assert_status(
        mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.other),
        ST_MLS_KEY_TWICE);
    a.removes = &gone; /* but may be replaced: re-adding */
    a.remove_count = 1;
    assert_ok(mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.other));
    test_follow(&w.m[0], buffer_span(&w.message));
}

static void lifetimes_are_judged_by_the_adder_and_never_void_a_commit(void **state)
{
    (void)state;
    const struct mls_key_package_args old = {
        .self = test_member_self(&w.m[MEMBERS]), .not_before_ms = 1000, .not_after_ms = 2000};
    assert_ok(mls_key_package_new(&old, &w.m[MEMBERS].entropy.entropy, w.m[MEMBERS].ref,
                                  &w.m[MEMBERS].package, &w.m[MEMBERS].record));
    const struct span package = buffer_span(&w.m[MEMBERS].package);
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    a.adds = &package;
    a.add_count = 1;
    a.now_ms = 3001;
    assert_status(
        mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.other),
        ST_MLS_LIFETIME);
    a.now_ms = 999;
    assert_status(
        mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.other),
        ST_MLS_LIFETIME);
    a.now_ms = 1500;
    assert_ok(mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.other));
    test_follow(&w.m[0], buffer_span(&w.message)); /* whose clock is nobody's business */
    test_member_join(&w.m[MEMBERS], buffer_span(&w.other));
}

static void a_leaf_without_the_groups_extension_is_not_added(void **state)
{
    (void)state;
    struct mls_key_package_args plain = {.self = test_member_self(&w.m[MEMBERS]), .not_after_ms = INT64_MAX};
    plain.self.extension_count = 0;
    assert_ok(mls_key_package_new(&plain, &w.m[MEMBERS].entropy.entropy, w.m[MEMBERS].ref,
                                  &w.m[MEMBERS].package, &w.m[MEMBERS].record));
    const struct span package = buffer_span(&w.m[MEMBERS].package);
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    a.adds = &package;
    a.add_count = 1;
    assert_status(
        mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.other),
        ST_MLS_CAPABILITIES);
    struct mls_extension unknown = {0x5555, SPAN_EMPTY};
    a = test_commit_args(&w.m[1]);
    a.set_extensions = true;
    a.extensions = (struct mls_extension_list){&unknown, 1};
    assert_status(
        mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.other),
        ST_MLS_CAPABILITIES);
}

/* A path secret that is wrong for one member is found by that member alone, in the private step: the commit
 * passes every public check. */
static void T25_a_poisoned_path_fails_in_the_private_step(void **state)
{
    (void)state;
    const struct mls_commit_args a = test_commit_args(&w.m[1]);
    assert_ok(mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.other));
    struct mls_staged *s = test_receive_commit(&w.m[0], buffer_span(&w.message));
    uint8_t *poison = s->provisional.ptr + s->provisional.len - 1; /* as if sealed for another context */
    *poison ^= 1;
    assert_status(mls_staged_open(w.m[0].group, s, NULL), ST_MLS_PRIVATE_PATH);
    *poison ^= 1;
    s->next->context_bytes.ptr[s->next->context_bytes.len - 1] ^= 1;
    assert_status(mls_staged_open(w.m[0].group, s, NULL), ST_MLS_PRIVATE_TAG);
    uint8_t out[32];
    assert_status(mls_staged_export(s, "x", SPAN_EMPTY, out, 32), ST_MLS_STAGED);
    mls_staged_free(s);
    test_follow(&w.m[2], buffer_span(&w.message));
}

/* ---- proposals by reference ---- */

static void propose(size_t by, const struct mls_propose_args *a)
{
    struct mls_received r;
    buffer_wipe(&w.message);
    assert_ok(mls_group_propose(w.m[by].group, a, &w.m[by].entropy.entropy, &w.message));
    for (size_t i = 0; i < MEMBERS; i++) {
        if (i != by) {
            assert_ok(mls_group_receive(w.m[i].group, buffer_span(&w.message), &r));
            assert_int_equal(r.kind, MLS_RECEIVED_PROPOSAL);
            mls_received_wipe(&r);
        }
    }
}

static void all_kinds_of_proposals_go_by_reference(void **state)
{
    (void)state;
    const struct mls_extension extension = {TEST_EXTENSION, span_text("new context")};
    struct mls_propose_args p = {
        .key = &w.m[0].key, .kind = MLS_PROPOSE_UPDATE, .identity = span_text("anew")};
    struct mls_commit_args a = test_commit_args(&w.m[2]);
    struct test_member *const joins[] = {&w.m[MEMBERS], NULL};
    struct test_member *const stay[] = {&w.m[0], &w.m[1], &w.m[2], NULL};
    struct test_member *const now[] = {&w.m[0], &w.m[1], &w.m[2], &w.m[MEMBERS], NULL};
    uint32_t leaf = 0;
    struct mls_member member;
    propose(0, &p);
    p = (struct mls_propose_args){.key = &w.m[1].key, .kind = MLS_PROPOSE_EXTENSIONS, .public_message = true};
    p.extensions = (struct mls_extension_list){&extension, 1};
    propose(1, &p);
    p.kind = MLS_PROPOSE_ADD;
    p.key_package = test_member_package(&w.m[MEMBERS]);
    propose(1, &p);
    p.kind = MLS_PROPOSE_REMOVE;
    p.leaf = 3;
    propose(1, &p);
    a.take_pending = true;
    test_commit(&w.m[2], &a, stay, joins);
    assert_agree(now);
    assert_int_equal(mls_group_pending_count(w.m[0].group), 0);
    assert_true(mls_group_next_member(w.m[1].group, &leaf, &member));
    assert_span(member.identity, span_text("anew"));
    const struct mls_commit_args next = test_commit_args(&w.m[1]);
    test_commit(&w.m[1], &next, now, NULL); /* m0 opens it with the key of its Update */
    assert_agree(now);
}

static void colliding_pending_proposals_are_sorted_out_by_the_committer(void **state)
{
    (void)state;
    struct mls_propose_args p = {.key = &w.m[2].key, .kind = MLS_PROPOSE_UPDATE};
    struct mls_commit_args a = test_commit_args(&w.m[1]);
    const struct mls_change *c;
    propose(2, &p);
    propose(2, &p); /* the most recent Update … */
    p = (struct mls_propose_args){.key = &w.m[1].key, .kind = MLS_PROPOSE_UPDATE};
    propose(1, &p); /* the committer's own: never */
    p = (struct mls_propose_args){.key = &w.m[0].key, .kind = MLS_PROPOSE_REMOVE, .leaf = 2};
    propose(0, &p); /* … and rather any Remove (RFC 9420 §12.2) */
    a.take_pending = true;
    buffer_wipe(&w.message);
    assert_ok(mls_group_commit(w.m[1].group, &a, &w.m[1].entropy.entropy, &w.staged, &w.message, &w.other));
    assert_int_equal(mls_staged_changes(w.staged, &c), 2);
    assert_int_equal(c[0].kind, MLS_CHANGE_REMOVE);
    assert_int_equal(c[0].proposer, 0);
    assert_int_equal(c[1].leaf, 1);
    test_follow(&w.m[0], buffer_span(&w.message));
    test_follow(&w.m[2], buffer_span(&w.message));
    assert_false(mls_group_is_member(w.m[2].group));
}

static void a_commit_of_a_proposal_that_is_not_here_is_refused(void **state)
{
    (void)state;
    const struct mls_propose_args p = {.key = &w.m[1].key, .kind = MLS_PROPOSE_UPDATE};
    struct mls_commit_args a = test_commit_args(&w.m[2]);
    propose(1, &p);
    a.take_pending = true;
    assert_ok(mls_group_commit(w.m[2].group, &a, &w.m[2].entropy.entropy, &w.staged, &w.message, &w.other));
    mls_group_drop_pending(w.m[0].group);
    assert_status(test_hear_status(&w.m[0], buffer_span(&w.message)), ST_MLS_PROPOSAL_UNKNOWN);
}

static void application_data_waits_for_the_commit_of_proposals(void **state)
{
    (void)state;
    const struct mls_propose_args p = {.key = &w.m[1].key, .kind = MLS_PROPOSE_UPDATE};
    const struct mls_protect_args a = {.key = &w.m[0].key};
    propose(1, &p);
    assert_status(mls_group_protect(w.m[0].group, &a, &w.m[0].entropy.entropy, &w.message),
                  ST_MLS_PROPOSALS_WAIT);
    mls_group_drop_pending(w.m[0].group);
    test_say(&w.m[0], &w.m[2], "now");
}

/* A resumption PSK of usage application, proposed by m1, with the epoch and group that it names. */
static enum status follow_resumption(uint64_t epoch, struct span group_id)
{
    static const uint8_t nonce[SECRET_LEN] = {1};
    struct mls_received r;
    struct authenticated_content a = {.wire_format = WIRE_PUBLIC_MESSAGE};
    uint8_t signature[SIGNATURE_LEN];
    struct psk_id id = psk_of(PSK_RESUMPTION, PSK_USAGE_APPLICATION, SPAN(nonce));
    id.external_id = SPAN_EMPTY;
    id.epoch = epoch;
    id.group_id = group_id;
    a.content.type = CONTENT_PROPOSAL;
    a.content.body = encode_proposal(&(struct proposal){.type = PROPOSAL_PSK, .u.psk = id});
    buffer_wipe(&w.message);
    assert_ok(group_sign_content(w.m[1].group, &w.m[1].key, &a, signature));
    assert_ok(group_frame(w.m[1].group, &a, 0, &w.m[1].entropy.entropy, &w.message));
    assert_ok(group_add_pending(w.m[1].group, &a, NULL));
    for (size_t i = 0; i < MEMBERS; i++) {
        if (i != 1) {
            assert_ok(mls_group_receive(w.m[i].group, buffer_span(&w.message), &r));
            mls_received_wipe(&r);
        }
    }
    struct mls_commit_args c = test_commit_args(&w.m[2]);
    c.take_pending = true;
    enum status s =
        mls_group_commit(w.m[2].group, &c, &w.m[2].entropy.entropy, &w.staged, &w.message, &w.other);
    if (s == ST_OK) {
        for (size_t i = 0; i < MEMBERS; i++) {
            if (i != 2)
                test_follow(&w.m[i], buffer_span(&w.message));
        }
        mls_group_merge(w.m[2].group, w.staged);
        w.staged = NULL;
        assert_agree(w.all);
    }
    return s;
}

static void resumption_psks_of_kept_epochs_enter(void **state)
{
    (void)state;
    uint64_t epoch = mls_group_epoch(w.m[0].group);
    assert_ok(follow_resumption(epoch, span_text("test group")));
    assert_ok(follow_resumption(epoch, span_text("test group"))); /* a past one by now */
    assert_ok(follow_resumption(epoch, span_text("test group")));
    assert_status(follow_resumption(epoch + 99, span_text("test group")), ST_MLS_PSK_UNKNOWN);
    for (size_t i = 0; i < MEMBERS; i++)
        mls_group_drop_pending(w.m[i].group);
    assert_status(follow_resumption(epoch, span_text("another")), ST_MLS_PSK_UNKNOWN);
}

static void a_flood_of_proposals_ends_at_the_limit(void **state)
{
    (void)state;
    struct mls_propose_args p = {.key = &w.m[1].key, .kind = MLS_PROPOSE_REMOVE, .leaf = 2};
    propose(1, &p); /* equal to the first of those below: kept once */
    for (uint8_t i = 0; i < MLS_PENDING_MAX; i++) {
        p.authenticated_data = SPAN_OF(&i, i > 0);
        propose(1, &p);
    }
    assert_status(mls_group_propose(w.m[1].group, &p, &w.m[1].entropy.entropy, &w.message), ST_MLS_PENDING);
    assert_int_equal(mls_group_pending_count(w.m[0].group), MLS_PENDING_MAX);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_wrong_ciphertext_does_not_spend_the_ratchet),
        T(a_false_signature_does_not_spend_the_victims_ratchet),
        T(a_generation_bomb_is_refused_at_once),
        T(every_flip_of_a_message_is_refused),
        T(every_flip_of_a_commit_is_refused_in_public_or_in_private),
        T(a_void_message_spends_its_key),
        T(reinit_external_and_branching_are_refused_by_name),
        T(senders_from_outside_are_refused_by_name),
        T(application_data_in_public_is_refused),
        T(a_public_message_needs_the_membership_tag),
        T(a_commit_that_needs_a_path_has_one),
        T(nobody_commits_their_own_removal_or_update),
        T(proposals_that_collide_are_refused),
        T(a_member_is_not_added_twice),
        T(lifetimes_are_judged_by_the_adder_and_never_void_a_commit),
        T(a_leaf_without_the_groups_extension_is_not_added),
        T(T25_a_poisoned_path_fails_in_the_private_step),
        T(all_kinds_of_proposals_go_by_reference),
        T(colliding_pending_proposals_are_sorted_out_by_the_committer),
        T(a_commit_of_a_proposal_that_is_not_here_is_refused),
        T(application_data_waits_for_the_commit_of_proposals),
        T(resumption_psks_of_kept_epochs_enter),
        T(a_flood_of_proposals_ends_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
