/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
/* One member of one MLS group, driven by JSON lines: for tests against other implementations.
 *
 *     mls_peer [--seed N]       N makes all randomness reproducible; without it, it is the system's
 *
 * Each line on stdin is an object with a "cmd"; each gets one line on stdout: {"ok": true, …} or {"ok":
 * false, "status": name, "text": why}. After a failure the member is as it was. All bytes are lower-case hex,
 * messages are whole MLSMessages, leaves and epochs are numbers. Suite 0x0003; one process is one member with
 * one group.
 *
 *   key_package    identity?, last_resort?            → key_package, ref
 *                  The member's signature key is made at the first key_package or create, whose identity is its
 *                  credential.
 *   create         group_id, identity?, extensions?   → state
 *   join           welcome, tree?                     → state
 *                  With a key package made before.
 *
 *   add            key_package        |
 *   remove         leaf               |  each also: public?, authenticated_data?
 *   update                            |                → message
 *   psk            id                 |  A proposal, by reference.
 *   extensions     extensions         |
 *
 *   commit         adds?, removes?, psks?, extensions?, force_path?, pending?, tree_apart?, public?,
 *                  authenticated_data?                → message, welcome?, tree, epoch
 *                  By value: lists of key packages, leaves and ids; pending (default true) takes the waiting
 *                  proposals too. Nothing changes until the message is given to process; that of another member's
 *                  commit drops this one.
 *   process        message                            → kind, state, …
 *                  kind is "proposal", "commit" or "application". With it: sender; own (a commit of ours); removed (we
 *                  are out); changes: a list of {kind, leaf, proposer}; plaintext.
 *   know_psk       id, value                          → (nothing)
 *                  Before a psk, commit, process or join.
 *
 *   protect        plaintext, authenticated_data?, padding?      → message
 *   unprotect      message                       → plaintext, sender, epoch, authenticated_data
 *   export         label (text), context?, length                → secret
 *   authenticator                                                → epoch, authenticator
 *   members                                      → members: list of {leaf, identity, key}, tree, tree_hash
 *   reload                                                       → state
 *                  Throws the group away and loads it from the records that it has saved after each command.
 *
 * state is epoch, leaf (ours), members (count), authenticator. extensions are a list of {type, data}. */
/* clang-format on */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "protocol/mls/group.h"
#include "protocol/mls/limits.h"
#include "tests/mls_peer_fields.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_records.h"

enum { KEY_PACKAGES_MAX = 64, PSKS_KNOWN_MAX = 256 };
/* The lifetime of every leaf: all of time that a clock can show. */
static const int64_t forever_ms = INT64_C(9000000000000000);

struct own_key_package {
    uint8_t ref[HASH_LEN];
    struct buffer record;
};

static struct peer {
    struct test_entropy seeded;
    struct entropy entropy;
    struct sign_private key;
    bool has_key;
    struct buffer identity;
    struct own_key_package packages[KEY_PACKAGES_MAX];
    size_t package_count;
    struct mls_psk psks[PSKS_KNOWN_MAX];
    size_t psk_count;
    struct mls_group *group;
    struct mls_staged *pending; /* the own commit that was not processed yet */
    struct test_records records;
} me;

/* ---- the member ---- */

static struct mls_psk_list psk_list(void)
{
    return (struct mls_psk_list){me.psks, me.psk_count};
}

static enum status become(const json_t *in)
{
    struct sign_public public;
    struct span identity = get_bytes_or_none(in, "identity");
    if (bad_field || (me.has_key && identity.len == 0))
        return ST_OK;
    if (!me.has_key)
        sign_keypair(&me.entropy, &me.key, &public);
    me.has_key = true;
    return buffer_copy(&me.identity, identity.len > 0 ? identity : span_text("peer"));
}

static struct mls_self self(void)
{
    return (struct mls_self){.identity = buffer_span(&me.identity), .key = &me.key};
}

static void put_state(json_t *out)
{
    uint8_t authenticator[HASH_LEN];
    mls_group_authenticator(me.group, authenticator);
    put_number(out, "epoch", mls_group_epoch(me.group));
    put_number(out, "leaf", mls_group_own_leaf(me.group));
    put_number(out, "members", mls_group_member_count(me.group));
    put_bytes(out, "authenticator", SPAN(authenticator));
}

static void drop_pending(void)
{
    mls_staged_free(me.pending);
    me.pending = NULL;
}

/* ---- commands: each gives the status, and fills `out` on ST_OK ---- */

static enum status do_key_package(const json_t *in, json_t *out)
{
    enum status st = become(in);
    if (st != ST_OK || bad_field)
        return st;
    if (me.package_count == KEY_PACKAGES_MAX)
        return ST_NO_SPACE;
    struct own_key_package *p = &me.packages[me.package_count];
    struct buffer *message = new_buffer();
    struct mls_key_package_args a = {
        .self = self(), .not_after_ms = forever_ms, .last_resort = get_flag(in, "last_resort", false)};
    buffer_init(&p->record, MLS_MESSAGE_MAX);
    st = mls_key_package_new(&a, &me.entropy, p->ref, message, &p->record);
    if (st != ST_OK)
        return st;
    me.package_count++;
    put_bytes(out, "ref", SPAN(p->ref));
    put_buffer(out, "key_package", message);
    return ST_OK;
}

static enum status do_create(const json_t *in, json_t *out)
{
    enum status st = me.group ? ST_USAGE : become(in);
    struct mls_create_args a = {.group_id = get_bytes(in, "group_id"),
                                .extensions = get_extensions(in),
                                .self = self(),
                                .not_after_ms = forever_ms};
    if (st != ST_OK || bad_field)
        return st;
    st = mls_group_create(&me.group, &a, &me.entropy);
    if (st == ST_OK)
        put_state(out);
    return st;
}

static enum status do_join(const json_t *in, json_t *out)
{
    struct mls_join_args a = {.welcome = get_bytes(in, "welcome"),
                              .ratchet_tree = get_bytes_or_none(in, "tree"),
                              .psks = psk_list()};
    if (me.group)
        return ST_USAGE;
    for (size_t i = 0; i < me.package_count && !bad_field; i++) {
        if (!mls_welcome_names(a.welcome, me.packages[i].ref))
            continue;
        a.key_package_record = buffer_span(&me.packages[i].record);
        enum status st = mls_group_join(&me.group, &a);
        if (st == ST_OK)
            put_state(out);
        return st;
    }
    return ST_MLS_NOT_FOR_US;
}

static enum status do_know_psk(const json_t *in, json_t *out)
{
    (void)out;
    struct span id = get_bytes(in, "id"), value = get_bytes(in, "value");
    if (bad_field || me.psk_count == PSKS_KNOWN_MAX)
        return ST_NO_SPACE;
    uint8_t *copy = malloc(id.len + value.len + 1); /* lives as long as the process */
    if (!copy)
        return ST_NO_MEMORY;
    memcpy(copy, id.ptr, id.len);
    memcpy(copy + id.len, value.ptr, value.len);
    me.psks[me.psk_count++] = (struct mls_psk){SPAN_OF(copy, id.len), SPAN_OF(copy + id.len, value.len)};
    return ST_OK;
}

static enum status propose(const json_t *in, struct mls_propose_args *a, json_t *out)
{
    struct buffer *message = new_buffer();
    a->key = &me.key;
    a->public_message = get_flag(in, "public", false);
    a->authenticated_data = get_bytes_or_none(in, "authenticated_data");
    if (bad_field || !me.group)
        return ST_USAGE;
    enum status st = mls_group_propose(me.group, a, &me.entropy, message);
    if (st == ST_OK)
        put_buffer(out, "message", message);
    return st;
}

static enum status do_add(const json_t *in, json_t *out)
{
    struct mls_propose_args a = {.kind = MLS_PROPOSE_ADD, .key_package = get_bytes(in, "key_package")};
    return propose(in, &a, out);
}

static enum status do_remove(const json_t *in, json_t *out)
{
    struct mls_propose_args a = {.kind = MLS_PROPOSE_REMOVE,
                                 .leaf = (uint32_t)get_number(in, "leaf", UINT32_MAX)};
    return propose(in, &a, out);
}

static enum status do_update(const json_t *in, json_t *out)
{
    struct mls_propose_args a = {.kind = MLS_PROPOSE_UPDATE};
    return propose(in, &a, out);
}

static enum status do_psk(const json_t *in, json_t *out)
{
    struct mls_propose_args a = {.kind = MLS_PROPOSE_PSK, .psk_id = get_bytes(in, "id")};
    return propose(in, &a, out);
}

static enum status do_extensions(const json_t *in, json_t *out)
{
    struct mls_propose_args a = {.kind = MLS_PROPOSE_EXTENSIONS, .extensions = get_extensions(in)};
    return propose(in, &a, out);
}

static void get_commit(const json_t *in, struct mls_commit_args *a)
{
    const json_t *removes = json_object_get(in, "removes");
    a->key = &me.key;
    a->adds = get_byte_list(in, "adds", &a->add_count);
    a->psk_ids = get_byte_list(in, "psks", &a->psk_id_count);
    a->psks = psk_list();
    a->remove_count = list_size(removes, "removes");
    uint32_t *leaves = block(a->remove_count * sizeof(*leaves));
    for (size_t i = 0; i < a->remove_count; i++) {
        const json_t *leaf = json_array_get(removes, i);
        if (!json_is_integer(leaf))
            bad_field = "removes";
        leaves[i] = (uint32_t)json_integer_value(leaf);
    }
    a->removes = leaves;
    a->set_extensions = json_object_get(in, "extensions") != NULL;
    a->extensions = get_extensions(in);
    a->force_path = get_flag(in, "force_path", false);
    a->take_pending = get_flag(in, "pending", true);
    a->tree_apart = get_flag(in, "tree_apart", false);
    a->public_message = get_flag(in, "public", false);
    a->authenticated_data = get_bytes_or_none(in, "authenticated_data");
}

static enum status put_staged(json_t *out)
{
    struct buffer *tree = new_buffer();
    put_number(out, "epoch", mls_staged_epoch(me.pending));
    enum status st = mls_staged_tree(me.pending, tree);
    put_buffer(out, "tree", tree);
    return st;
}

static enum status do_commit(const json_t *in, json_t *out)
{
    struct mls_commit_args a = {0};
    struct buffer *message = new_buffer(), *welcome = new_buffer();
    get_commit(in, &a);
    if (bad_field || !me.group)
        return ST_USAGE;
    drop_pending();
    enum status st = mls_group_commit(me.group, &a, &me.entropy, &me.pending, message, welcome);
    if (st == ST_OK)
        st = mls_staged_save(me.pending, &me.records.sink);
    if (st == ST_OK)
        st = put_staged(out);
    if (st == ST_OK && welcome->len > 0)
        put_bytes(out, "welcome", buffer_span(welcome));
    if (st == ST_OK)
        put_bytes(out, "message", buffer_span(message));
    buffer_wipe(message);
    buffer_wipe(welcome);
    return st;
}

/* ---- receiving ---- */

static void put_changes(const struct mls_staged *s, json_t *out)
{
    static const char *const kinds[] = {"add", "remove", "update", "psk", "extensions"};
    const struct mls_change *changes;
    size_t count = mls_staged_changes(s, &changes);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "kind", kinds[changes[i].kind], "leaf",
                                              (json_int_t)changes[i].leaf, "proposer",
                                              (json_int_t)changes[i].proposer));
    }
    json_object_set_new(out, "changes", list);
    json_object_set_new(out, "removed", json_boolean(mls_staged_removes_us(s)));
    put_number(out, "sender", mls_staged_committer(s));
}

/* Takes *staged on success: it is the group's then. */
static enum status merge(struct mls_staged **staged, bool own, json_t *out)
{
    struct mls_psk_list psks = psk_list();
    enum status st = mls_staged_open(me.group, *staged, &psks);
    if (st != ST_OK)
        return st;
    put_changes(*staged, out);
    json_object_set_new(out, "kind", json_string("commit"));
    json_object_set_new(out, "own", json_boolean(own));
    mls_group_merge(me.group, *staged);
    *staged = NULL;
    put_state(out);
    return ST_OK;
}

static bool is_own_commit(struct span message)
{
    uint8_t pending[HASH_LEN], hash[HASH_LEN];
    if (!me.pending)
        return false;
    mls_staged_message_hash(me.pending, pending);
    hash_bytes(message, hash);
    return memcmp(pending, hash, sizeof(hash)) == 0;
}

static enum status put_received(struct mls_received *r, json_t *out)
{
    put_number(out, "sender", r->sender);
    put_bytes(out, "authenticated_data", r->authenticated_data);
    if (r->kind == MLS_RECEIVED_COMMIT) {
        enum status st = merge(&r->staged, false, out);
        if (st == ST_OK)
            drop_pending();
        return st;
    }
    bool proposal = r->kind == MLS_RECEIVED_PROPOSAL;
    json_object_set_new(out, "kind", json_string(proposal ? "proposal" : "application"));
    put_state(out);
    if (!proposal) {
        put_bytes(out, "plaintext", r->application);
        put_number(out, "epoch", r->epoch);
    }
    return ST_OK;
}

static enum status do_process(const json_t *in, json_t *out)
{
    struct span message = get_bytes(in, "message");
    if (bad_field || !me.group)
        return ST_USAGE;
    if (is_own_commit(message))
        return merge(&me.pending, true, out);
    struct mls_received r = {0};
    enum status st = mls_group_receive(me.group, message, &r);
    if (st == ST_OK)
        st = put_received(&r, out);
    mls_received_wipe(&r);
    return st;
}

static enum status do_unprotect(const json_t *in, json_t *out)
{
    struct mls_message_info info;
    enum status st = mls_message_info(get_bytes(in, "message"), &info);
    if (st != ST_OK || bad_field)
        return st;
    return info.kind == MLS_MESSAGE_PRIVATE && !info.handshake ? do_process(in, out) : ST_USAGE;
}

static enum status do_protect(const json_t *in, json_t *out)
{
    struct buffer *message = new_buffer();
    struct mls_protect_args a = {.key = &me.key,
                                 .plaintext = get_bytes(in, "plaintext"),
                                 .authenticated_data = get_bytes_or_none(in, "authenticated_data")};
    if (json_object_get(in, "padding"))
        a.padding = (size_t)get_number(in, "padding", MLS_PLAINTEXT_MAX);
    if (bad_field || !me.group)
        return ST_USAGE;
    enum status st = mls_group_protect(me.group, &a, &me.entropy, message);
    if (st == ST_OK)
        put_buffer(out, "message", message);
    return st;
}

/* ---- asking ---- */

static enum status do_export(const json_t *in, json_t *out)
{
    const char *label = json_string_value(json_object_get(in, "label"));
    size_t len = (size_t)get_number(in, "length", HKDF_OUT_MAX);
    uint8_t *secret = block(len);
    if (!label)
        bad_field = "label";
    struct span context = get_bytes_or_none(in, "context");
    if (bad_field || !me.group)
        return ST_USAGE;
    enum status st = mls_group_export(me.group, label, context, secret, len);
    if (st == ST_OK)
        put_bytes(out, "secret", SPAN_OF(secret, len));
    return st;
}

static enum status do_authenticator(const json_t *in, json_t *out)
{
    (void)in;
    if (!me.group)
        return ST_USAGE;
    put_state(out);
    return ST_OK;
}

static enum status do_members(const json_t *in, json_t *out)
{
    (void)in;
    struct mls_member m;
    struct buffer *tree = new_buffer();
    uint8_t hash[HASH_LEN];
    uint32_t leaf = 0;
    json_t *list = json_array();
    json_object_set_new(out, "members", list);
    while (me.group && mls_group_next_member(me.group, &leaf, &m)) {
        json_t *one = json_object();
        put_number(one, "leaf", m.leaf);
        put_bytes(one, "identity", m.identity);
        put_bytes(one, "key", m.key);
        json_array_append_new(list, one);
    }
    enum status st = me.group ? mls_group_tree(me.group, tree) : ST_USAGE;
    if (st != ST_OK)
        return st;
    put_buffer(out, "tree", tree);
    mls_group_tree_hash(me.group, hash);
    put_bytes(out, "tree_hash", SPAN(hash));
    return ST_OK;
}

static enum status do_reload(const json_t *in, json_t *out)
{
    (void)in;
    struct mls_group *again;
    struct mls_staged *pending = NULL;
    if (!me.group)
        return ST_USAGE;
    test_records_rewind(&me.records);
    enum status st = mls_group_load(&again, &me.records.source);
    if (st != ST_OK)
        return st;
    test_records_rewind(&me.records);
    st = mls_staged_load(&pending, again, &me.records.source);
    if (st == ST_OK && (me.pending != NULL) != (pending != NULL))
        st = ST_INTERNAL;
    if (st != ST_OK) {
        mls_staged_free(pending);
        mls_group_free(again);
        return st;
    }
    drop_pending();
    mls_group_free(me.group);
    me.group = again;
    me.pending = pending;
    put_state(out);
    return ST_OK;
}

/* ---- lines ---- */

static const struct command {
    const char *name;
    enum status (*run)(const json_t *in, json_t *out);
} commands[] = {
    {"key_package", do_key_package}, {"create", do_create},   {"join", do_join},
    {"know_psk", do_know_psk},       {"add", do_add},         {"remove", do_remove},
    {"update", do_update},           {"psk", do_psk},         {"extensions", do_extensions},
    {"commit", do_commit},           {"process", do_process}, {"protect", do_protect},
    {"unprotect", do_unprotect},     {"export", do_export},   {"authenticator", do_authenticator},
    {"members", do_members},         {"reload", do_reload},
};

static const struct command *find_command(const json_t *in)
{
    const char *name = json_string_value(json_object_get(in, "cmd"));
    for (size_t i = 0; name && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    bad_field = "cmd";
    return NULL;
}

static json_t *answer_of(enum status st, json_t *out)
{
    if (st == ST_OK && !bad_field) {
        json_object_set_new(out, "ok", json_true());
        return out;
    }
    json_decref(out);
    if (bad_field)
        return json_pack("{s:b, s:s, s:s}", "ok", 0, "status", "REQUEST", "text", bad_field);
    return json_pack("{s:b, s:s, s:s}", "ok", 0, "status", status_name(st), "text", status_text(st));
}

static json_t *run_line(const char *line)
{
    json_error_t error;
    json_t *in = json_loads(line, JSON_REJECT_DUPLICATES, &error), *out = json_object();
    bad_field = json_is_object(in) ? NULL : "not a JSON object";
    const struct command *c = bad_field ? NULL : find_command(in);
    enum status st = c ? c->run(in, out) : ST_USAGE;
    if (me.group && mls_group_changed(me.group) && mls_group_save(me.group, &me.records.sink) != ST_OK)
        st = ST_INTERNAL;
    json_decref(in);
    return answer_of(st, out);
}

static void fill_system(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    randombytes_buf(out, len);
}

static void clean_up(void)
{
    drop_pending();
    mls_group_free(me.group);
    for (size_t i = 0; i < me.package_count; i++)
        buffer_wipe(&me.packages[i].record);
    for (size_t i = 0; i < me.psk_count; i++)
        free((void *)(uintptr_t)me.psks[i].id.ptr);
    buffer_wipe(&me.identity);
    test_records_free(&me.records);
    sign_private_wipe(&me.key);
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t cap = 0;
    if (suite_start() != ST_OK || (argc != 1 && (argc != 3 || strcmp(argv[1], "--seed") != 0))) {
        fprintf(stderr, "usage: mls_peer [--seed N]\n");
        return 2;
    }
    me.entropy = (struct entropy){NULL, fill_system};
    if (argc == 3) {
        test_entropy_init(&me.seeded, strtoull(argv[2], NULL, 10));
        me.entropy = me.seeded.entropy;
    }
    buffer_init(&me.identity, MLS_CREDENTIAL_MAX);
    test_records_init(&me.records);
    while (getline(&line, &cap, stdin) > 0) {
        json_t *answer = run_line(line);
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(answer);
        free_blocks();
    }
    free(line);
    clean_up();
    return 0;
}
