/* SPDX-License-Identifier: Apache-2.0 */
/* What the MLS engine costs, beside the floor that libsodium sets (floor.h):
 *
 *     mls [MEMBERS...]       (2 8 32 128 unless told)
 *
 * prints `name value unit` lines. For an operation x at n members: x_n (microseconds of processor time, the
 * least of several runs), x_n_floor, x_n_ratio, its counted operations, and for what travels or is saved the
 * bytes.
 *
 * Two shapes of a group: *fresh*, all members just added by one commit, so that no parent has a key and a
 * path is sealed for each member by itself; *full*, every parent has a key, since each member added the next.
 * The committer commits nothing (an empty commit, with its path); who follows is its sibling, which has most
 * to derive. Both start from a group that was loaded from records, so that every run does the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/mem.h"
#include "protocol/mls/group.h"
#include "protocol/mls/ratchet_tree.h"
#include "tests/bench/floor.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_records.h"

enum { MESSAGE_MAX = 1 << 20, RUNS = 15, TEXT_LEN = 1024, PATH_SECRET = 32 };

#define MUST(call) must((call), #call)
static void must(enum status st, const char *what)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, status_name(st));
    exit(1);
}

/* ---- two members of a group, as records ---- */

struct member {
    uint8_t identity[8];
    struct sign_private key;
    struct buffer package, package_record;
    struct mls_group *group;
    struct test_records records;
};

struct bench {
    struct test_entropy entropy;
    struct member committer, follower;
    struct buffer welcome; /* by which the committer's sibling could have joined … */
    struct member joiner;  /* … or this one does */
    size_t members;
    const char *shape;
};

static void person(struct bench *b, struct member *m)
{
    struct sign_public public;
    uint8_t ref[HASH_LEN];
    memset(m, 0, sizeof(*m));
    buffer_init(&m->package, MESSAGE_MAX);
    buffer_init(&m->package_record, MESSAGE_MAX);
    test_records_init(&m->records);
    entropy_fill(&b->entropy.entropy, m->identity, sizeof(m->identity));
    sign_keypair(&b->entropy.entropy, &m->key, &public);
    const struct mls_key_package_args a = {.self = {.identity = SPAN(m->identity), .key = &m->key},
                                           .not_after_ms = INT64_C(1) << 50};
    MUST(mls_key_package_new(&a, &b->entropy.entropy, ref, &m->package, &m->package_record));
}

static void member_wipe(struct member *m)
{
    mls_group_free(m->group);
    buffer_wipe(&m->package);
    buffer_wipe(&m->package_record);
    test_records_free(&m->records);
    memset(m, 0, sizeof(*m));
}

static void found(struct bench *b, struct member *m)
{
    static const uint8_t group_id[32] = {1};
    const struct mls_create_args a = {.group_id = SPAN(group_id),
                                      .self = {.identity = SPAN(m->identity), .key = &m->key},
                                      .not_after_ms = INT64_C(1) << 50};
    MUST(mls_group_create(&m->group, &a, &b->entropy.entropy));
}

/* `by` adds the members whose key packages are given; the Welcome goes to `welcome`. */
static void add(struct bench *b, struct member *by, const struct span *packages, size_t count, bool path,
                struct buffer *welcome)
{
    struct mls_staged *s;
    struct buffer message;
    const struct mls_commit_args a = {
        .key = &by->key, .adds = packages, .add_count = count, .force_path = path};
    buffer_init(&message, MESSAGE_MAX);
    buffer_init(welcome, MESSAGE_MAX);
    MUST(mls_group_commit(by->group, &a, &b->entropy.entropy, &s, &message, welcome));
    mls_group_merge(by->group, s);
    buffer_wipe(&message);
}

static void join(struct member *m, struct span welcome)
{
    const struct mls_join_args a = {.welcome = welcome,
                                    .key_package_record = buffer_span(&m->package_record)};
    MUST(mls_group_join(&m->group, &a));
}

static void store(struct member *m)
{
    MUST(mls_group_save(m->group, &m->records.sink));
}

static void load(struct member *m)
{
    mls_group_free(m->group);
    m->group = NULL;
    test_records_rewind(&m->records);
    MUST(mls_group_load(&m->group, &m->records.source));
}

static void build_fresh(struct bench *b)
{
    enum { MAX = 1024 };
    static struct member others[MAX];
    static struct span packages[MAX];
    struct buffer welcome;
    b->shape = "fresh";
    person(b, &b->committer);
    found(b, &b->committer);
    for (size_t i = 0; i + 1 < b->members; i++) {
        person(b, &others[i]);
        packages[i] = buffer_span(&others[i].package);
    }
    add(b, &b->committer, packages, b->members - 1, false, &welcome);
    join(&others[0], buffer_span(&welcome));
    b->follower = others[0];
    b->follower.records.sink.ctx = b->follower.records.source.ctx = &b->follower.records;
    for (size_t i = 1; i + 1 < b->members; i++)
        member_wipe(&others[i]);
    buffer_wipe(&welcome);
}

static void move(struct member *to, struct member *from)
{
    *to = *from;
    to->records.sink.ctx = to->records.source.ctx = &to->records;
    memset(from, 0, sizeof(*from));
}

static void build_full(struct bench *b)
{
    struct buffer welcome;
    struct member next;
    b->shape = "full";
    person(b, &b->follower);
    found(b, &b->follower);
    for (size_t i = 1; i < b->members; i++) {
        person(b, &next);
        struct span package = buffer_span(&next.package);
        add(b, &b->follower, &package, 1, true, &welcome);
        join(&next, buffer_span(&welcome));
        buffer_wipe(&welcome);
        if (i + 1 < b->members) {
            member_wipe(&b->follower);
            move(&b->follower, &next);
        } else {
            move(&b->committer, &next);
        }
    }
}

/* ---- time ---- */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void keep_least(double *best, double took)
{
    if (*best == 0 || took < *best)
        *best = took;
}

/* One operation's time and that of its floor, which is run after each of its runs. */
struct timed {
    double us, floor_us;
    struct floor_ops ops;
};

static void keep_timed(struct timed *t, double took)
{
    keep_least(&t->us, took);
    keep_least(&t->floor_us, floor_run(&t->ops));
}

/* ---- lengths of what is signed, hashed and sealed ---- */

struct sizes {
    size_t depth, leaf, context, group_id, members;
    size_t recipients; /* ciphertexts in the path */
    size_t levels;     /* nodes of the path that the follower learns */
};

static struct sizes sizes_of(const struct bench *b)
{
    struct mls_member m;
    uint32_t leaf = mls_group_own_leaf(b->committer.group);
    struct sizes z = {.members = b->members, .group_id = mls_group_id(b->committer.group).len};
    bool found_it = mls_group_next_member(b->committer.group, &leaf, &m);
    z.leaf = found_it ? m.leaf_node.len : 0;
    z.context = mls_group_context(b->committer.group).len;
    while ((size_t)1 << z.depth < b->members)
        z.depth++;
    z.levels = z.depth;
    z.recipients = strcmp(b->shape, "fresh") == 0 ? b->members - 1 : z.depth;
    return z;
}

static size_t leaf_tbs(const struct sizes *z)
{
    return z->leaf - 66 + floor_vec(z->group_id) + 4;
}

static size_t framed_tbs(const struct sizes *z, size_t body)
{
    return 4 + floor_vec(z->group_id) + 8 + 5 + 1 + 1 + body + z->context;
}

/* Path, empty list of proposals, in a Commit. */
static size_t commit_body(const struct sizes *z)
{
    size_t ciphertext = floor_vec(32) + floor_vec(PATH_SECRET + 16);
    size_t nodes = z->depth * (floor_vec(32) + 2) + z->recipients * ciphertext;
    return 1 + 1 + z->leaf + floor_vec(nodes);
}

/* ---- operations that several have in common ---- */

static void count_node_hash(struct floor_ops *o) /* §7.8, of a parent with a parent hash */
{
    floor_hash(o, 2 + floor_vec(32) + floor_vec(32) + 1 + 2 * floor_vec(32));
}

/* The committer's new leaf, hashes and parent hashes along its path. */
static void count_tree(struct floor_ops *o, const struct sizes *z)
{
    floor_hash(o, 6 + z->leaf);
    for (size_t i = 0; i < z->depth; i++) {
        count_node_hash(o);
        floor_hash(o, 3 * floor_vec(32)); /* ParentHashInput, §7.9 */
    }
}

static void count_path_step(struct floor_ops *o) /* §7.4 */
{
    floor_expand_label(o, "node", 0);
    floor_derive_key_pair(o);
    floor_expand_label(o, "path", 0);
}

static void count_epoch(struct floor_ops *o, const struct sizes *z, bool from_commit) /* §8 */
{
    static const char *const labels[] = {"sender data", "encryption", "exporter",       "external", "confirm",
                                         "membership",  "resumption", "authentication", "init"};
    if (from_commit) {
        floor_hmac(o, 32);
        floor_expand_label(o, "joiner", z->context);
    }
    floor_hmac(o, 32);
    floor_expand_label(o, "epoch", z->context);
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        floor_expand_label(o, labels[i], 0);
    floor_hmac(o, 32);                 /* confirmation tag */
    floor_hash(o, 32 + floor_vec(32)); /* interim transcript hash */
}

/* Key and nonce of the first message of a leaf in an epoch: from the root of the secret tree down, both
 * children at each level, then its two ratchets, of which one steps (§9). A later message only steps. */
static void count_message_key(struct floor_ops *o, const struct sizes *z, bool first)
{
    for (size_t i = 0; first && i < 2 * z->depth; i++)
        floor_expand_label(o, "tree", 5);
    for (size_t i = 0; first && i < 2; i++)
        floor_expand_label(o, "application", 0);
    floor_expand_label(o, "key", 4);
    floor_expand_label(o, "nonce", 4);
    floor_expand_label(o, "secret", 4);
    floor_expand_label(o, "key", 32); /* of the sender data, from a sample of the ciphertext (§6.3.2) */
    floor_expand_label(o, "nonce", 32);
}

static void count_framing(struct floor_ops *o, const struct sizes *z, size_t content, bool first)
{
    count_message_key(o, z, first);
    floor_aead(o, content);
    floor_aead(o, 12);
}

/* ---- saving: a sink that only counts ---- */

struct counting {
    struct record_sink sink;
    size_t bytes, calls;
};

static enum status count_put(void *ctx, struct span key, struct span value)
{
    struct counting *c = ctx;
    c->bytes += key.len + value.len;
    c->calls++;
    return ST_OK;
}
static enum status count_remove(void *ctx, struct span key)
{
    struct counting *c = ctx;
    c->bytes += key.len;
    c->calls++;
    return ST_OK;
}

/* Saves into nothing; returns the microseconds. */
static double save_timed(struct mls_group *g, struct counting *c)
{
    *c = (struct counting){.sink = {.ctx = c, .put = count_put, .remove = count_remove}};
    double start = now_us();
    MUST(mls_group_save(g, &c->sink));
    return now_us() - start;
}

/* ---- output ---- */

static void print_ops(const char *name, const struct floor_ops *o)
{
    printf("%s_x25519 %.0f count\n%s_ed25519 %.0f count\n%s_sha256_blocks %.0f count\n%s_aead_bytes %.0f "
           "bytes\n",
           name, o->base + o->mult, name, o->sign + o->verify, name, o->hash_blocks, name, o->aead_bytes);
}

static void print_timed(const struct bench *b, const char *what, const struct timed *t)
{
    char name[64];
    snprintf(name, sizeof(name), "%s_%s_%zu", what, b->shape, b->members);
    printf("%s %.1f us\n%s_floor %.1f us\n%s_ratio %.2f ratio\n", name, t->us, name, t->floor_us, name,
           t->us / t->floor_us);
    print_ops(name, &t->ops);
}

/* Saving: its time and bytes, and its time as a share of the cryptography's. */
static void print_saved(const struct bench *b, const char *what, double us, const struct counting *c,
                        const struct timed *of)
{
    printf("%s_save_%s_%zu %.1f us\n", what, b->shape, b->members, us);
    printf("%s_save_bytes_%s_%zu %zu bytes\n", what, b->shape, b->members, c->bytes);
    printf("%s_save_records_%s_%zu %zu count\n", what, b->shape, b->members, c->calls);
    printf("%s_save_ratio_%s_%zu %.3f ratio\n", what, b->shape, b->members, us / of->floor_us);
}

static void print_value(const struct bench *b, const char *what, double value, const char *unit)
{
    printf("%s_%s_%zu %.1f %s\n", what, b->shape, b->members, value, unit);
}

/* ---- commit ---- */

struct commit_times {
    struct timed create, process;
    double save_create, save_process;
    struct counting saved_create, saved_process;
    size_t message;
};

static void commit_once(struct bench *b, struct commit_times *t)
{
    struct mls_staged *s;
    struct mls_received r;
    struct buffer message, welcome;
    const struct mls_commit_args a = {.key = &b->committer.key, .force_path = true};
    buffer_init(&message, MESSAGE_MAX);
    buffer_init(&welcome, MESSAGE_MAX);
    load(&b->committer);
    load(&b->follower);
    double start = now_us();
    MUST(mls_group_commit(b->committer.group, &a, &b->entropy.entropy, &s, &message, &welcome));
    keep_timed(&t->create, now_us() - start);
    t->message = message.len;
    mls_group_merge(b->committer.group, s);
    keep_least(&t->save_create, save_timed(b->committer.group, &t->saved_create));
    start = now_us();
    MUST(mls_group_receive(b->follower.group, buffer_span(&message), &r));
    MUST(mls_staged_open(b->follower.group, r.staged, &(struct mls_psk_list){NULL, 0}));
    mls_group_merge(b->follower.group, r.staged);
    keep_timed(&t->process, now_us() - start);
    r.staged = NULL;
    mls_received_wipe(&r);
    keep_least(&t->save_process, save_timed(b->follower.group, &t->saved_process));
    buffer_wipe(&message);
    buffer_wipe(&welcome);
}

static void count_commit(const struct sizes *z, struct floor_ops *o, bool creating)
{
    size_t body = commit_body(z), content = body + floor_vec(64) + floor_vec(32);
    *o = (struct floor_ops){0};
    count_tree(o, z);
    for (size_t i = 0; i < (creating ? z->depth : z->levels); i++)
        count_path_step(o);
    if (creating) {
        o->base++; /* the leaf's fresh key */
        floor_sign(o, "LeafNodeTBS", leaf_tbs(z));
        for (size_t i = 0; i < z->recipients; i++)
            floor_hpke_seal(o, "UpdatePathNode", z->context, PATH_SECRET);
        floor_sign(o, "FramedContentTBS", framed_tbs(z, body));
    } else {
        floor_verify(o, "LeafNodeTBS", leaf_tbs(z));
        floor_hpke(o, "UpdatePathNode", z->context, PATH_SECRET);
        floor_verify(o, "FramedContentTBS", framed_tbs(z, body));
    }
    floor_hash(o, 32 + framed_tbs(z, body) - z->context + floor_vec(64)); /* confirmed transcript hash */
    count_epoch(o, z, true);
    count_framing(o, z, content, true);
}

static void bench_commit(struct bench *b)
{
    struct commit_times t = {0};
    const struct sizes z = sizes_of(b);
    count_commit(&z, &t.create.ops, true);
    count_commit(&z, &t.process.ops, false);
    for (int i = 0; i < RUNS; i++)
        commit_once(b, &t);
    print_timed(b, "commit_create", &t.create);
    print_saved(b, "commit_create", t.save_create, &t.saved_create, &t.create);
    print_value(b, "commit_message", (double)t.message, "bytes");
    print_timed(b, "commit_process", &t.process);
    print_saved(b, "commit_process", t.save_process, &t.saved_process, &t.process);
}

/* ---- messages ---- */

struct message_times {
    struct timed protect, unprotect;
    double save_protect, save_unprotect;
    struct counting saved_protect, saved_unprotect;
    size_t message;
};

static void message_once(struct bench *b, struct message_times *t)
{
    static const uint8_t text[TEXT_LEN] = {7};
    struct buffer message;
    struct mls_received r;
    const struct mls_protect_args a = {.key = &b->committer.key, .plaintext = SPAN(text)};
    buffer_init(&message, MESSAGE_MAX);
    double start = now_us();
    MUST(mls_group_protect(b->committer.group, &a, &b->entropy.entropy, &message));
    keep_timed(&t->protect, now_us() - start);
    keep_least(&t->save_protect, save_timed(b->committer.group, &t->saved_protect));
    start = now_us();
    MUST(mls_group_receive(b->follower.group, buffer_span(&message), &r));
    keep_timed(&t->unprotect, now_us() - start);
    keep_least(&t->save_unprotect, save_timed(b->follower.group, &t->saved_unprotect));
    t->message = message.len;
    mls_received_wipe(&r);
    buffer_wipe(&message);
}

static void count_message(const struct sizes *z, struct floor_ops *o, bool sending)
{
    size_t body = floor_vec(TEXT_LEN);
    *o = (struct floor_ops){0};
    (sending ? floor_sign : floor_verify)(o, "FramedContentTBS", framed_tbs(z, body));
    count_framing(o, z, body + floor_vec(64), false);
}

static void bench_messages(struct bench *b)
{
    struct message_times t = {0};
    const struct sizes z = sizes_of(b);
    count_message(&z, &t.protect.ops, true);
    count_message(&z, &t.unprotect.ops, false);
    load(&b->committer);
    load(&b->follower);
    for (int i = 0; i < 20 * RUNS; i++) /* the first derives the ratchets; the least is a later one */
        message_once(b, &t);
    print_timed(b, "protect_1024", &t.protect);
    print_saved(b, "protect_1024", t.save_protect, &t.saved_protect, &t.protect);
    print_value(b, "protect_1024_message", (double)t.message, "bytes");
    print_timed(b, "unprotect_1024", &t.unprotect);
    print_saved(b, "unprotect_1024", t.save_unprotect, &t.saved_unprotect, &t.unprotect);
}

/* ---- joining ---- */

static void count_join(const struct sizes *z, struct floor_ops *o, size_t tree, size_t parents)
{
    size_t info = z->context + 4 + floor_vec(tree) + floor_vec(32) + 4; /* GroupInfoTBS, near enough */
    *o = (struct floor_ops){0};
    floor_hpke(o, "Welcome", info + floor_vec(64) + 16, floor_vec(32) + 1 + floor_vec(32) + 1);
    floor_hmac(o, 32); /* joiner and PSK secret, then the Welcome's key */
    floor_expand_label(o, "welcome", 0);
    floor_expand_label(o, "key", 0);
    floor_expand_label(o, "nonce", 0);
    floor_aead(o, info + floor_vec(64));
    floor_verify(o, "GroupInfoTBS", info);
    for (size_t i = 0; i < z->members; i++) {
        floor_hash(o, 6 + z->leaf);
        floor_verify(o, "LeafNodeTBS", leaf_tbs(z));
    }
    for (size_t i = 0; i < parents; i++)
        floor_hash(o, 3 * floor_vec(32)); /* the parent hash of one side */
    for (size_t i = 0; i + 1 < ((size_t)1 << z->depth); i++)
        count_node_hash(o);
    for (size_t i = 0; i < z->levels; i++)
        count_path_step(o);
    count_epoch(o, z, false);
}

static size_t parent_count(struct span tree)
{
    struct ratchet_tree t;
    size_t count = 0;
    MUST(ratchet_tree_decode(&t, tree));
    for (uint32_t x = 1; x < 2 * t.leaf_count; x += 2)
        count += !ratchet_tree_is_blank(&t, x);
    ratchet_tree_wipe(&t);
    return count;
}

static void bench_join(struct bench *b)
{
    struct timed t = {0};
    struct buffer tree;
    struct counting c;
    const struct sizes z = sizes_of(b);
    buffer_init(&tree, MESSAGE_MAX);
    join(&b->joiner, buffer_span(&b->welcome));
    double save = save_timed(b->joiner.group, &c);
    MUST(mls_group_tree(b->joiner.group, &tree));
    count_join(&z, &t.ops, tree.len, parent_count(buffer_span(&tree)));
    for (int i = 0; i < RUNS; i++) {
        mls_group_free(b->joiner.group);
        b->joiner.group = NULL;
        double start = now_us();
        join(&b->joiner, buffer_span(&b->welcome));
        keep_timed(&t, now_us() - start);
    }
    print_timed(b, "join", &t);
    print_saved(b, "join", save, &c, &t);
    print_value(b, "join_welcome", (double)b->welcome.len, "bytes");
    buffer_wipe(&tree);
}

/* Replaces the follower's sibling by someone new, whose Welcome is kept. */
static void build_join(struct bench *b)
{
    struct mls_staged *s;
    struct buffer message;
    uint32_t leaf = mls_group_own_leaf(b->committer.group);
    load(&b->follower);
    person(b, &b->joiner);
    struct span package = buffer_span(&b->joiner.package);
    const struct mls_commit_args a = {
        .key = &b->follower.key, .adds = &package, .add_count = 1, .removes = &leaf, .remove_count = 1};
    buffer_init(&message, MESSAGE_MAX);
    buffer_init(&b->welcome, MESSAGE_MAX);
    MUST(mls_group_commit(b->follower.group, &a, &b->entropy.entropy, &s, &message, &b->welcome));
    mls_staged_free(s);
    buffer_wipe(&message);
}

/* ---- all ---- */

static void bench_group(size_t members, void (*build)(struct bench *))
{
    struct bench b = {.members = members};
    test_entropy_init(&b.entropy, members);
    build(&b);
    store(&b.committer);
    store(&b.follower);
    bench_commit(&b);
    bench_messages(&b);
    build_join(&b);
    bench_join(&b);
    member_wipe(&b.committer);
    member_wipe(&b.follower);
    member_wipe(&b.joiner);
    buffer_wipe(&b.welcome);
}

int main(int argc, char **argv)
{
    static const char *const usual[] = {"2", "8", "32", "128"};
    int count = argc > 1 ? argc - 1 : 4;
    MUST(suite_start());
    for (int i = 0; i < count; i++) {
        const char *text = argc > 1 ? argv[i + 1] : usual[i];
        unsigned long members = strtoul(text, NULL, 10);
        if (members < 2 || members > 512) {
            fprintf(stderr, "usage: mls [MEMBERS...], each 2 to 512\n");
            return 1;
        }
        bench_group(members, build_fresh);
        bench_group(members, build_full);
    }
    floor_print_primitives();
    return mem_live() != 0;
}
