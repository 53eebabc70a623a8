/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/property/mls_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/mls/limits.h"

enum { MESSAGE_MAX = 1 << 20, KITH_CONTEXT = 0xf4b1 };

static const uint16_t understood[] = {KITH_CONTEXT};

/* ---- failing, chance ---- */

void world_fail(const struct world *w, const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\nreplay with: --seed %" PRIu64 " (step %" PRIu64 ")\n", file, line, what,
            w->seed, w->step);
    exit(1);
}

void world_expect(const struct world *w, enum status got, enum status want, const char *file, int line,
                  const char *what)
{
    if (got == want)
        return;
    fprintf(stderr, "got %s, want %s: ", status_name(got), status_name(want));
    world_fail(w, file, line, what);
}

uint64_t world_below(struct world *w, uint64_t bound)
{
    return test_entropy_below(&w->entropy, bound);
}

bool world_chance(struct world *w, uint64_t percent)
{
    return world_below(w, 100) < percent;
}

struct mls_psk_list world_psks(const struct world *w)
{
    return (struct mls_psk_list){w->psk, WORLD_PSKS};
}

/* ---- who is there ---- */

size_t world_member_count(const struct world *w)
{
    size_t count = 0;
    for (size_t i = 0; i < WORLD_DEVICES; i++)
        count += w->device[i].group != NULL;
    return count;
}

static size_t random_device(struct world *w, size_t but, bool member)
{
    size_t found = WORLD_DEVICES, seen = 0;
    for (size_t i = 0; i < WORLD_DEVICES; i++) {
        if (i == but || (w->device[i].group != NULL) != member)
            continue;
        if (world_below(w, ++seen) == 0)
            found = i;
    }
    return found;
}

size_t world_random_member(struct world *w, size_t but)
{
    return random_device(w, but, true);
}

size_t world_random_outsider(struct world *w, size_t but)
{
    return random_device(w, but, false);
}

static struct mls_self self_of(const struct world_device *d)
{
    return (struct mls_self){.identity = SPAN(d->identity),
                             .key = &d->key,
                             .extensions = understood,
                             .extension_count = sizeof(understood) / sizeof(understood[0])};
}

static void new_person(struct world *w, struct world_device *d)
{
    struct sign_public public;
    uint64_t name = ++w->name_count;
    sign_keypair(&w->entropy.entropy, &d->key, &public);
    memcpy(d->identity, &name, sizeof(name));
    test_records_free(&d->records);
    test_records_init(&d->records);
}

static void offer(struct world *w, struct world_device *d)
{
    new_person(w, d);
    const struct mls_key_package_args a = {.self = self_of(d), .not_after_ms = INT64_C(1) << 50};
    d->package.len = d->package_record.len = 0;
    WORLD_OK(w, mls_key_package_new(&a, &w->entropy.entropy, d->ref, &d->package, &d->package_record));
}

void world_offer(struct world *w, size_t device)
{
    offer(w, &w->device[device]);
}

static void device_init(struct world_device *d)
{
    buffer_init(&d->package, MESSAGE_MAX);
    buffer_init(&d->package_record, MESSAGE_MAX);
    test_records_init(&d->records);
}

static void device_wipe(struct world_device *d)
{
    mls_group_free(d->group);
    buffer_wipe(&d->package);
    buffer_wipe(&d->package_record);
    test_records_free(&d->records);
}

void world_start(struct world *w, uint64_t seed)
{
    static const uint8_t group_id[] = {1, 2, 3}, context[] = {1};
    static const struct mls_extension extension = {KITH_CONTEXT, {context, sizeof(context)}};
    memset(w, 0, sizeof(*w));
    w->seed = seed;
    w->late_for = WORLD_DEVICES;
    test_entropy_init(&w->entropy, seed);
    buffer_init(&w->late, MESSAGE_MAX);
    for (size_t i = 0; i < WORLD_PSKS; i++) {
        entropy_fill(&w->entropy.entropy, w->psk_value[i], sizeof(w->psk_value[i]));
        w->psk_id[i] = (uint8_t)i;
        w->psk[i] = (struct mls_psk){SPAN_OF(&w->psk_id[i], 1), SPAN(w->psk_value[i])};
    }
    for (size_t i = 0; i < WORLD_DEVICES; i++)
        device_init(&w->device[i]);
    device_init(&w->stranger);
    new_person(w, &w->device[0]);
    const struct mls_create_args a = {.group_id = SPAN(group_id),
                                      .extensions = {&extension, 1},
                                      .self = self_of(&w->device[0]),
                                      .not_after_ms = INT64_C(1) << 50};
    WORLD_OK(w, mls_group_create(&w->device[0].group, &a, &w->entropy.entropy));
    world_save(w, 0);
}

void world_end(struct world *w)
{
    for (size_t i = 0; i < WORLD_DEVICES; i++)
        device_wipe(&w->device[i]);
    device_wipe(&w->stranger);
    buffer_wipe(&w->late);
}

/* ---- saving ---- */

static void reload(struct world *w, size_t device)
{
    struct world_device *d = &w->device[device];
    uint8_t before[HASH_LEN], after[HASH_LEN];
    mls_group_authenticator(d->group, before);
    mls_group_free(d->group);
    d->group = NULL;
    test_records_rewind(&d->records);
    WORLD_OK(w, mls_group_load(&d->group, &d->records.source));
    mls_group_authenticator(d->group, after);
    WORLD_TRUE(w, memcmp(before, after, HASH_LEN) == 0);
    WORLD_TRUE(w, !mls_group_changed(d->group));
    w->reloads++;
}

void world_save(struct world *w, size_t device)
{
    struct world_device *d = &w->device[device];
    WORLD_OK(w, mls_group_save(d->group, &d->records.sink));
    WORLD_TRUE(w, !mls_group_changed(d->group));
    if (world_chance(w, 4))
        reload(w, device);
}

/* ---- messages ---- */

/* Somebody in between changed one bit: the message is refused, and the right one still opens afterwards. */
static void receive_damaged(struct world *w, size_t device, struct span message)
{
    struct world_device *d = &w->device[device];
    struct mls_received r;
    struct buffer damaged;
    buffer_init(&damaged, MESSAGE_MAX);
    WORLD_OK(w, buffer_copy(&damaged, message));
    size_t bit = (size_t)world_below(w, 8 * damaged.len);
    damaged.ptr[bit / 8] ^= (uint8_t)(1 << bit % 8);
    WORLD_TRUE(w, mls_group_receive(d->group, buffer_span(&damaged), &r) != ST_OK);
    buffer_wipe(&damaged);
}

static void receive(struct world *w, size_t device, struct span message, enum mls_received_kind kind,
                    struct mls_received *out)
{
    if (world_chance(w, 3))
        receive_damaged(w, device, message);
    WORLD_OK(w, mls_group_receive(w->device[device].group, message, out));
    WORLD_TRUE(w, out->kind == kind);
}

void world_propose(struct world *w, size_t device, struct mls_propose_args *a)
{
    struct buffer message;
    buffer_init(&message, MESSAGE_MAX);
    a->key = &w->device[device].key;
    a->public_message = world_chance(w, 50);
    WORLD_OK(w, mls_group_propose(w->device[device].group, a, &w->entropy.entropy, &message));
    world_save(w, device);
    for (size_t i = 0; i < WORLD_DEVICES; i++) {
        struct mls_received r;
        if (i == device || !w->device[i].group)
            continue;
        receive(w, i, buffer_span(&message), MLS_RECEIVED_PROPOSAL, &r);
        WORLD_TRUE(w, r.sender == mls_group_own_leaf(w->device[device].group));
        mls_received_wipe(&r);
        world_save(w, i);
    }
    buffer_wipe(&message);
}

/* ---- commits ---- */

void world_commit(struct world *w, size_t device, struct mls_commit_args *a, struct world_commit *out)
{
    struct world_device *d = &w->device[device];
    *out = (struct world_commit){0};
    buffer_init(&out->message, MESSAGE_MAX);
    buffer_init(&out->welcome, MESSAGE_MAX);
    a->key = &d->key;
    a->psks = world_psks(w);
    a->public_message = world_chance(w, 50);
    WORLD_OK(w,
             mls_group_commit(d->group, a, &w->entropy.entropy, &out->staged, &out->message, &out->welcome));
    WORLD_OK(w, mls_staged_save(out->staged, &d->records.sink));
    world_save(w, device);
    if (!world_chance(w, 10))
        return;
    mls_staged_free(out->staged); /* switched off between sending and reading back */
    reload(w, device);
    test_records_rewind(&d->records);
    WORLD_OK(w, mls_staged_load(&out->staged, d->group, &d->records.source));
    WORLD_TRUE(w, out->staged != NULL);
}

void world_commit_wipe(struct world_commit *c)
{
    mls_staged_free(c->staged);
    buffer_wipe(&c->message);
    buffer_wipe(&c->welcome);
}

static void leave(struct world *w, size_t device)
{
    struct world_device *d = &w->device[device];
    WORLD_TRUE(w, !mls_group_is_member(d->group));
    world_save(w, device);
    mls_group_free(d->group);
    d->group = NULL;
    if (w->late_for == device)
        w->late_for = WORLD_DEVICES;
}

/* Takes a staged epoch that is open. */
static void merge(struct world *w, size_t device, struct mls_staged *s)
{
    bool removes_us = mls_staged_removes_us(s);
    uint8_t before[HASH_LEN], after[HASH_LEN];
    if (!removes_us)
        WORLD_OK(w, mls_staged_authenticator(s, before));
    mls_group_merge(w->device[device].group, s);
    if (removes_us) {
        leave(w, device);
        return;
    }
    mls_group_authenticator(w->device[device].group, after);
    WORLD_TRUE(w, memcmp(before, after, HASH_LEN) == 0);
    world_save(w, device);
}

static void follow(struct world *w, size_t device, struct span message, uint32_t committer)
{
    struct mls_received r;
    struct mls_psk_list psks = world_psks(w);
    receive(w, device, message, MLS_RECEIVED_COMMIT, &r);
    struct mls_staged *s = r.staged;
    r.staged = NULL;
    mls_received_wipe(&r);
    WORLD_TRUE(w, s && mls_staged_committer(s) == committer && !mls_staged_is_own(s));
    WORLD_OK(w, mls_staged_open(w->device[device].group, s, &psks));
    merge(w, device, s);
}

static void join(struct world *w, struct world_device *d, struct span welcome, struct span tree)
{
    const struct mls_join_args a = {.welcome = welcome,
                                    .key_package_record = buffer_span(&d->package_record),
                                    .ratchet_tree = tree,
                                    .psks = world_psks(w)};
    WORLD_OK(w, mls_group_join(&d->group, &a));
}

void world_apply(struct world *w, size_t device, struct world_commit *c)
{
    uint32_t committer = mls_group_own_leaf(w->device[device].group);
    bool members[WORLD_DEVICES];
    struct buffer tree;
    buffer_init(&tree, MESSAGE_MAX);
    WORLD_OK(w, mls_staged_tree(c->staged, &tree));
    for (size_t i = 0; i < WORLD_DEVICES; i++)
        members[i] = w->device[i].group != NULL;
    for (size_t i = 0; i < WORLD_DEVICES; i++) {
        struct span welcome = buffer_span(&c->welcome);
        if (i == device) {
            merge(w, i, c->staged);
            c->staged = NULL;
        } else if (members[i]) {
            follow(w, i, buffer_span(&c->message), committer);
        } else if (welcome.len > 0 && mls_welcome_names(welcome, w->device[i].ref)) {
            join(w, &w->device[i], welcome, buffer_span(&tree));
            world_save(w, i);
            w->joins++;
        }
    }
    buffer_wipe(&tree);
}

/* ---- what must hold ---- */

/* A stranger joins by a commit that is then thrown away, as it would when that commit had won: it finds the
 * whole tree good (RFC 9420 §12.4.3.1), and gets the secrets that the committer has. */
static void check_stranger(struct world *w, size_t device)
{
    struct world_device *d = &w->device[device];
    struct buffer message, welcome;
    struct mls_staged *s;
    uint8_t theirs[HASH_LEN], ours[HASH_LEN];
    buffer_init(&message, MESSAGE_MAX);
    buffer_init(&welcome, MESSAGE_MAX);
    offer(w, &w->stranger);
    const struct span package = buffer_span(&w->stranger.package);
    const struct mls_commit_args a = {.key = &d->key, .adds = &package, .add_count = 1};
    WORLD_OK(w, mls_group_commit(d->group, &a, &w->entropy.entropy, &s, &message, &welcome));
    world_save(w, device);
    join(w, &w->stranger, buffer_span(&welcome), SPAN_EMPTY);
    WORLD_OK(w, mls_staged_authenticator(s, theirs));
    mls_group_authenticator(w->stranger.group, ours);
    WORLD_TRUE(w, memcmp(theirs, ours, HASH_LEN) == 0);
    WORLD_TRUE(w, mls_group_member_count(w->stranger.group) == world_member_count(w) + 1);
    mls_group_free(w->stranger.group);
    w->stranger.group = NULL;
    mls_staged_free(s);
    buffer_wipe(&message);
    buffer_wipe(&welcome);
}

void world_check(struct world *w)
{
    uint8_t first[HASH_LEN], hash[HASH_LEN];
    size_t one = world_random_member(w, WORLD_DEVICES);
    const struct mls_group *g = w->device[one].group;
    mls_group_authenticator(g, first);
    for (size_t i = 0; i < WORLD_DEVICES; i++) {
        const struct mls_group *other = w->device[i].group;
        if (!other)
            continue;
        mls_group_authenticator(other, hash);
        WORLD_TRUE(w, memcmp(first, hash, HASH_LEN) == 0);
        WORLD_TRUE(w, mls_group_epoch(other) == mls_group_epoch(g));
        WORLD_TRUE(w, span_equal(mls_group_context(other), mls_group_context(g)));
        WORLD_TRUE(w, mls_group_is_member(other) && mls_group_member_count(other) == world_member_count(w));
        WORLD_TRUE(w, mls_group_pending_count(other) == 0);
    }
    check_stranger(w, one);
}

/* ---- application messages ---- */

static void read_message(struct world *w, size_t device, struct span message, const uint8_t text[static 8])
{
    struct mls_received r;
    receive(w, device, message, MLS_RECEIVED_APPLICATION, &r);
    WORLD_TRUE(w, span_equal(r.application, SPAN_OF(text, 8)));
    mls_received_wipe(&r);
    WORLD_TRUE(w, mls_group_receive(w->device[device].group, message, &r) != ST_OK); /* once */
    world_save(w, device);
}

void world_read_late(struct world *w)
{
    static const uint8_t late[8] = "is late";
    if (w->late_for == WORLD_DEVICES)
        return;
    uint64_t age = mls_group_epoch(w->device[w->late_for].group) - w->late_epoch;
    if (age < MLS_EPOCHS_KEPT && world_chance(w, 50))
        return; /* later still */
    read_message(w, w->late_for, buffer_span(&w->late), late);
    w->late_for = WORLD_DEVICES;
    w->late_read++;
}

static void send(struct world *w, size_t device, const uint8_t text[static 8], struct buffer *message)
{
    const struct mls_protect_args a = {
        .key = &w->device[device].key, .plaintext = SPAN_OF(text, 8), .padding = (size_t)world_below(w, 64)};
    WORLD_OK(w, mls_group_protect(w->device[device].group, &a, &w->entropy.entropy, message));
    world_save(w, device);
}

static void say_to_all(struct world *w, size_t from)
{
    static const uint8_t text[8] = "in time";
    struct buffer message;
    buffer_init(&message, MESSAGE_MAX);
    send(w, from, text, &message);
    for (size_t i = 0; i < WORLD_DEVICES; i++) {
        if (i != from && w->device[i].group)
            read_message(w, i, buffer_span(&message), text);
    }
    buffer_wipe(&message);
}

void world_chat(struct world *w)
{
    static const uint8_t late[8] = "is late";
    size_t from = world_random_member(w, WORLD_DEVICES);
    if (w->late_for == WORLD_DEVICES && world_member_count(w) > 1 && world_chance(w, 50)) {
        w->late.len = 0;
        w->late_epoch = mls_group_epoch(w->device[from].group);
        send(w, from, late, &w->late);
        w->late_for = world_random_member(w, from);
    }
    /* several of one sender, which may load its ratchets from their records in between */
    for (uint64_t i = 1 + world_below(w, 4); i > 0; i--)
        say_to_all(w, from);
}
