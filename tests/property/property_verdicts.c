/* SPDX-License-Identifier: Apache-2.0 */
/* A member that breaks the protocol on purpose: its commits are changed at random after they were made,
 * signed again with its key, and given to all others. What must hold (protocol.md §5.3): all others come to
 * the same verdict in public, whatever their place in the tree; nobody opens in private what was changed; and
 * an unchanged commit between them works.
 *
 *     property_verdicts [--seed N] [--rounds N] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/mem.h"
#include "protocol/mls/staged.h"
#include "tests/support/test.h"
#include "tests/support/test_member.h"

enum { MEMBERS = 9, ATTACKER = 1, MESSAGE_MAX = 4 << 20, EVOLVE_EVERY = 12 };

static struct run {
    uint64_t seed, rounds;
    struct test_entropy random;
    struct test_member m[MEMBERS];
    struct test_member *all[MEMBERS + 1];
    struct buffer message, welcome, proposals, nodes, leaf, body;
    size_t in_public[STATUS_COUNT], in_private, opened, removals;
} run;

static size_t below(size_t bound)
{
    return (size_t)test_entropy_below(&run.random, bound);
}

static bool is_in(size_t i)
{
    return run.m[i].group && mls_group_is_member(run.m[i].group);
}

/* ---- an honest change of the tree, now and then: blanks and unmerged leaves ---- */

static void evolve(void)
{
    size_t by = below(MEMBERS), who = below(MEMBERS);
    while (!is_in(by))
        by = below(MEMBERS);
    struct mls_commit_args a = test_commit_args(&run.m[by]);
    struct test_member *joins[2] = {NULL, NULL};
    struct span package;
    uint32_t leaf;
    if (who != by && who != ATTACKER && is_in(who)) {
        leaf = mls_group_own_leaf(run.m[who].group);
        a.removes = &leaf;
        a.remove_count = 1;
    } else if (!is_in(who)) {
        mls_group_free(run.m[who].group);
        run.m[who].group = NULL;
        package = test_member_package(&run.m[who]);
        a.adds = &package;
        a.add_count = 1;
        joins[0] = &run.m[who];
    }
    struct test_member *members[MEMBERS + 1] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        if (is_in(i))
            members[count++] = &run.m[i];
    }
    test_commit(&run.m[by], &a, members, joins);
}

/* ---- the attacker's commit, and what is done to it ---- */

static struct mls_staged *make_commit(void)
{
    static const struct mls_psk psk = {{(const uint8_t *)"id", 2}, {(const uint8_t *)"value", 5}};
    struct test_member *m = &run.m[ATTACKER];
    struct mls_commit_args a = test_commit_args(m);
    struct mls_staged *staged;
    uint32_t leaf = (uint32_t)below(m->group->now->tree.leaf_count);
    a.public_message = true;
    a.force_path = below(2) == 0;
    a.psks = (struct mls_psk_list){&psk, 1};
    a.psk_ids = &psk.id;
    a.psk_id_count = below(2);
    a.removes = &leaf;
    bool can_remove = leaf != mls_group_own_leaf(m->group) && ratchet_tree_leaf(&m->group->now->tree, leaf);
    a.remove_count = can_remove && below(3) == 0;
    run.message.len = run.welcome.len = 0;
    assert_ok(mls_group_commit(m->group, &a, &m->entropy.entropy, &staged, &run.message, &run.welcome));
    return staged;
}

struct forged { /* what the commit will be; the spans are of `run`'s buffers or of the staged one */
    struct commit commit;
    uint8_t tag[HASH_LEN + 8];
    size_t tag_len;
};

static void no_change(struct forged *f)
{
    (void)f;
}

static void drop_path(struct forged *f)
{
    f->commit.has_path = false;
}

/* A list that says one thing twice, or says it in another order. */
static void repeat_proposals(struct forged *f)
{
    run.proposals.len = 0;
    assert_ok(buffer_append(&run.proposals, f->commit.proposals));
    assert_ok(buffer_append(&run.proposals, f->commit.proposals));
    f->commit.proposals = buffer_span(&run.proposals);
}

static void add_proposal(struct forged *f)
{
    static uint8_t nonce[SECRET_LEN], unknown[] = {0x77, 0x77, 0};
    struct writer w;
    struct proposal_or_ref item = {.type = PROPOSAL_BY_VALUE};
    struct proposal *p = &item.proposal;
    const struct ratchet_tree *t = &run.m[ATTACKER].group->now->tree;
    static const enum proposal_type types[] = {PROPOSAL_REMOVE, PROPOSAL_PSK,    PROPOSAL_EXTENSIONS,
                                               PROPOSAL_UPDATE, PROPOSAL_REINIT, PROPOSAL_EXTERNAL_INIT};
    p->type = types[below(sizeof(types) / sizeof(types[0]))];
    if (p->type == PROPOSAL_REMOVE)
        p->u.remove = (uint32_t)below(2 * t->leaf_count);
    if (p->type == PROPOSAL_PSK)
        p->u.psk = (struct psk_id){.type = PSK_EXTERNAL,
                                   .external_id = span_text("id"),
                                   .nonce = SPAN_OF(nonce, below(SECRET_LEN + 1))};
    if (p->type == PROPOSAL_EXTENSIONS)
        p->u.extensions.list = below(2) ? SPAN(unknown) : SPAN_EMPTY;
    if (p->type == PROPOSAL_UPDATE)
        p->u.update = *ratchet_tree_leaf(t, mls_group_own_leaf(run.m[ATTACKER].group));
    run.proposals.len = 0;
    assert_ok(buffer_append(&run.proposals, f->commit.proposals));
    writer_init(&w, &run.proposals);
    proposal_or_ref_write(&w, &item);
    assert_ok(writer_done(&w));
    f->commit.proposals = buffer_span(&run.proposals);
}

/* A key that is in the tree already, one of small order, or of no length. */
static struct span bad_key(void)
{
    static const uint8_t weak[DH_LEN];
    const struct ratchet_tree *t = &run.m[ATTACKER].group->now->tree;
    struct span in_tree = ratchet_tree_key(t, (uint32_t)below(2 * t->leaf_count - 1));
    switch (below(3)) {
    case 0:
        return SPAN(weak);
    case 1:
        return SPAN_OF(weak, below(DH_LEN));
    default:
        return in_tree;
    }
}

/* One node of the path: its key, or its ciphertexts, or the node altogether. */
static void change_path(struct forged *f)
{
    struct reader r;
    struct writer w;
    if (!f->commit.has_path || f->commit.path.node_count == 0)
        return;
    uint32_t which = (uint32_t)below(f->commit.path.node_count), how = (uint32_t)below(4);
    reader_init(&r, f->commit.path.nodes);
    run.nodes.len = 0;
    writer_init(&w, &run.nodes);
    for (uint32_t i = 0; i < f->commit.path.node_count; i++) {
        struct update_path_node n;
        update_path_node_read(&r, &n);
        if (i == which && how == 0)
            n.encryption_key = bad_key();
        if (i == which && how == 1)
            n.secrets = SPAN_EMPTY;
        if (i == which && how == 2)
            continue;
        update_path_node_write(&w, &n);
        if (i == which && how == 3)
            update_path_node_write(&w, &n);
    }
    assert_ok(writer_done(&w));
    f->commit.path.nodes = buffer_span(&run.nodes);
}

/* The path's leaf, signed again: another source, parent hash, key, or no capabilities. */
static void change_leaf(struct forged *f)
{
    static const uint8_t hash[HASH_LEN] = {1};
    const struct mls_group *g = run.m[ATTACKER].group;
    const struct leaf_place place = {mls_group_id(g), mls_group_own_leaf(g)};
    struct leaf_node n = f->commit.path.leaf;
    if (!f->commit.has_path)
        return;
    switch (below(4)) {
    case 0:
        n.source = below(2) ? LEAF_UPDATE : LEAF_KEY_PACKAGE;
        break;
    case 1:
        n.parent_hash = SPAN_OF(hash, below(HASH_LEN + 1));
        break;
    case 2:
        n.encryption_key = bad_key();
        break;
    default:
        n.capabilities.extensions.list = SPAN_EMPTY;
    }
    run.leaf.len = 0;
    assert_ok(leaf_node_sign(&n, &place, &run.m[ATTACKER].key, &run.leaf));
    assert_ok(leaf_node_decode(&f->commit.path.leaf, buffer_span(&run.leaf)));
}

static void change_tag(struct forged *f)
{
    if (below(2))
        f->tag[below(HASH_LEN)] ^= 1;
    else
        f->tag_len = below(sizeof(f->tag));
}

static void (*const changes[])(struct forged *f) = {no_change,   drop_path,   repeat_proposals, add_proposal,
                                                    change_path, change_leaf, change_tag};

static void flip_bits(struct buffer *b)
{
    for (size_t i = below(3) + 1; i > 0 && b->len > 0; i--)
        b->ptr[below(b->len)] ^= (uint8_t)(1u << below(8));
}

/* The message in run.message; returns whether anything was changed. */
static bool forge(const struct mls_staged *staged)
{
    struct forged f = {.commit = staged->commit.content.u.commit, .tag_len = HASH_LEN};
    struct authenticated_content a = {.wire_format = WIRE_PUBLIC_MESSAGE};
    uint8_t signature[SIGNATURE_LEN];
    struct writer w;
    struct test_member *m = &run.m[ATTACKER];
    memcpy(f.tag, staged->commit.auth.confirmation_tag.ptr, HASH_LEN);
    changes[below(sizeof(changes) / sizeof(changes[0]))](&f);
    run.body.len = 0;
    writer_init(&w, &run.body);
    commit_write(&w, &f.commit);
    assert_ok(writer_done(&w));
    if (below(4) == 0)
        flip_bits(&run.body);
    a.content.type = CONTENT_COMMIT;
    a.content.body = buffer_span(&run.body);
    assert_ok(group_sign_content(m->group, &m->key, &a, signature));
    a.auth.confirmation_tag = SPAN_OF(f.tag, f.tag_len);
    run.message.len = 0;
    assert_ok(group_frame(m->group, &a, 0, &m->entropy.entropy, &run.message));
    return !span_equal(a.content.body, staged->commit.content.body) ||
           !span_equal(a.auth.confirmation_tag, staged->commit.auth.confirmation_tag);
}

/* ---- the others ---- */

static void open_privately(struct test_member *m, struct mls_staged *s, bool changed, const uint8_t *want)
{
    static const struct mls_psk psk = {{(const uint8_t *)"id", 2}, {(const uint8_t *)"value", 5}};
    static const struct mls_psk_list psks = {&psk, 1};
    uint8_t got[HASH_LEN];
    enum status st = mls_staged_open(m->group, s, &psks);
    if (mls_staged_removes_us(s)) { /* nothing in it is for us */
        assert_ok(st);
        run.removals++;
    } else if (changed) {
        if (st != ST_MLS_PRIVATE_PATH && st != ST_MLS_PSK_UNKNOWN) /* a flip may change the PSK's id */
            assert_status(st, ST_MLS_PRIVATE_TAG);
        run.in_private++;
    } else {
        assert_ok(st);
        assert_ok(mls_staged_authenticator(s, got));
        assert_memory_equal(got, want, HASH_LEN);
        run.opened++;
    }
}

static void attack(void)
{
    struct mls_staged *staged = make_commit();
    uint8_t authenticator[HASH_LEN];
    assert_ok(mls_staged_authenticator(staged, authenticator));
    bool changed = forge(staged);
    enum status verdict = STATUS_COUNT;
    for (size_t i = 0; i < MEMBERS; i++) {
        struct mls_received r;
        if (i == ATTACKER || !is_in(i))
            continue;
        enum status st = mls_group_receive(run.m[i].group, buffer_span(&run.message), &r);
        if (verdict == STATUS_COUNT)
            verdict = st;
        assert_status(st, verdict); /* all alike */
        if (st == ST_OK)
            open_privately(&run.m[i], r.staged, changed, authenticator);
        mls_received_wipe(&r);
    }
    if (!changed)
        assert_ok(verdict);
    if (verdict != STATUS_COUNT)
        run.in_public[verdict]++;
    mls_staged_free(staged);
}

static void every_member_comes_to_the_same_verdict_in_public(void **state)
{
    (void)state;
    struct buffer *buffers[] = {&run.message, &run.welcome, &run.proposals, &run.nodes, &run.leaf, &run.body};
    size_t live = mem_live();
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++)
        buffer_init(buffers[i], MESSAGE_MAX);
    test_entropy_init(&run.random, run.seed);
    test_family(run.m, run.all, MEMBERS);
    for (uint64_t round = 0; round < run.rounds; round++) {
        if (round % EVOLVE_EVERY == 0)
            evolve();
        attack();
    }
    test_family_free(run.m, MEMBERS);
    for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++)
        buffer_wipe(buffers[i]);
    assert_int_equal(mem_live(), live);
}

int main(int argc, char **argv)
{
    run.seed = 1;
    run.rounds = 1000;
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t *to = strcmp(argv[i], "--seed") == 0 ? &run.seed : &run.rounds;
        *to = strtoull(argv[i + 1], NULL, 10);
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_member_comes_to_the_same_verdict_in_public)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    printf("seed %llu: %llu commits; opened by %zu, refused in private by %zu, told of their removal %zu; in "
           "public:\n",
           (unsigned long long)run.seed, (unsigned long long)run.rounds, run.opened, run.in_private,
           run.removals);
    for (int s = 0; s < STATUS_COUNT; s++) {
        if (run.in_public[s] > 0)
            printf("  %-24s %zu\n", status_name((enum status)s), run.in_public[s]);
    }
    return failed;
}
