/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/proposal_list.h"

#include "protocol/mem.h"

/* ---- the list ---- */

void proposal_list_init(struct proposal_list *l)
{
    *l = (struct proposal_list){0};
    buffer_init(&l->storage, MLS_MESSAGE_MAX);
}

/* Room grows by doubling: 4, 8, 16 … items. */
static size_t capacity(size_t count)
{
    size_t cap = 4;
    while (cap < count) {
        cap *= 2;
    }
    return count == 0 ? 0 : cap;
}

void proposal_list_wipe(struct proposal_list *l)
{
    mem_free(l->items, capacity(l->count) * sizeof(*l->items));
    buffer_wipe(&l->storage);
    *l = (struct proposal_list){0};
}

enum status proposal_list_push(struct proposal_list *l, const struct listed_proposal *p)
{
    size_t have = capacity(l->count), want = capacity(l->count + 1);
    if (l->count == MLS_PROPOSALS_MAX) {
        return ST_WIRE_LIMIT;
    }
    if (want > have) {
        struct listed_proposal *more = mem_alloc(want, sizeof(*more));
        if (more == NULL) {
            return ST_NO_MEMORY;
        }
        for (size_t i = 0; i < l->count; i++) {
            more[i] = l->items[i];
        }
        mem_free(l->items, have * sizeof(*l->items));
        l->items = more;
    }
    l->items[l->count++] = *p;
    return ST_OK;
}

enum status proposal_list_own(struct proposal_list *l)
{
    struct writer w;
    struct reader r;
    struct buffer storage;
    buffer_init(&storage, MLS_MESSAGE_MAX);
    writer_init(&w, &storage);
    for (size_t i = 0; i < l->count; i++) {
        writer_vec(&w, l->items[i].ref);
        proposal_write(&w, &l->items[i].proposal);
    }
    enum status s = writer_done(&w);
    if (s != ST_OK) {
        buffer_wipe(&storage);
        return s;
    }
    reader_init(&r, buffer_span(&storage));
    for (size_t i = 0; i < l->count; i++) {
        l->items[i].ref = reader_vec(&r, MLS_HASH_MAX);
        proposal_read(&r, &l->items[i].proposal);
    }
    buffer_wipe(&l->storage);
    l->storage = storage;
    return reader_done(&r);
}

/* ---- one proposal ---- */

/* RFC 9420 §12.1.2, §7.3 */
static enum status check_update(const struct leaf_node *n, uint32_t sender,
                                const struct proposal_rules *rules)
{
    const struct leaf_node *old = ratchet_tree_leaf(rules->tree, sender);
    const struct leaf_place place = {rules->group_id, sender};
    if (old == NULL) {
        return ST_MLS_NOT_A_MEMBER;
    }
    if (n->source != LEAF_UPDATE) {
        return ST_MLS_LEAF_SOURCE;
    }
    if (span_equal(n->encryption_key, old->encryption_key)) {
        return ST_MLS_LEAF_KEY_SAME;
    }
    enum status s = leaf_node_check(n, NULL);
    return s == ST_OK ? leaf_node_verify(n, &place) : s;
}

/* RFC 9420 §12.1.4 */
static enum status check_psk(const struct psk_id *id)
{
    if (id->type == PSK_RESUMPTION && id->usage != PSK_USAGE_APPLICATION) {
        return ST_MLS_BRANCH;
    }
    return id->nonce.len == SECRET_LEN ? ST_OK : ST_MLS_PSK_NONCE;
}

enum status proposal_check(const struct proposal *p, uint32_t sender, const struct proposal_rules *rules)
{
    switch (p->type) {
    case PROPOSAL_ADD:
        return key_package_verify(&p->u.add);
    case PROPOSAL_UPDATE:
        return check_update(&p->u.update, sender, rules);
    case PROPOSAL_REMOVE:
        return ratchet_tree_leaf(rules->tree, p->u.remove) != NULL ? ST_OK : ST_MLS_NOT_A_MEMBER;
    case PROPOSAL_PSK:
        return check_psk(&p->u.psk);
    case PROPOSAL_REINIT:
        return ST_MLS_REINIT;
    case PROPOSAL_EXTERNAL_INIT:
        return ST_MLS_EXTERNAL;
    case PROPOSAL_EXTENSIONS:
        return ST_OK; /* what it asks of the members is checked when it is applied */
    }
    return ST_MLS_PROPOSAL_TYPE;
}

/* ---- proposals together (RFC 9420 §12.2) ---- */

static bool changes_leaf(const struct listed_proposal *p, uint32_t *leaf)
{
    *leaf = p->proposal.type == PROPOSAL_REMOVE ? p->proposal.u.remove : p->sender;
    return p->proposal.type == PROPOSAL_REMOVE || p->proposal.type == PROPOSAL_UPDATE;
}

bool proposal_conflicts(const struct listed_proposal *a, const struct listed_proposal *b)
{
    uint32_t leaf_a, leaf_b;
    if (changes_leaf(a, &leaf_a) && changes_leaf(b, &leaf_b)) {
        return leaf_a == leaf_b;
    }
    if (a->proposal.type != b->proposal.type) {
        return false;
    }
    switch (a->proposal.type) {
    case PROPOSAL_ADD: /* the same client: Kith's devices are their signature keys */
        return span_equal(a->proposal.u.add.leaf.signature_key, b->proposal.u.add.leaf.signature_key);
    case PROPOSAL_PSK:
        return psk_id_equal(&a->proposal.u.psk, &b->proposal.u.psk);
    case PROPOSAL_EXTENSIONS:
        return true;
    case PROPOSAL_UPDATE:
    case PROPOSAL_REMOVE:
    case PROPOSAL_REINIT:
    case PROPOSAL_EXTERNAL_INIT:
        break;
    }
    return false;
}

bool proposal_committable(const struct listed_proposal *p, uint32_t committer)
{
    uint32_t leaf;
    return !(changes_leaf(p, &leaf) && leaf == committer);
}

static bool conflicts_with_earlier(const struct proposal_list *l, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (proposal_conflicts(&l->items[k], &l->items[i])) {
            return true;
        }
    }
    return false;
}

/* Here, where all members judge the list alike, and not first in the private step, where one would be alone.
 */
static enum status check_psk_count(const struct proposal_list *l)
{
    size_t count = 0;
    for (size_t i = 0; i < l->count; i++) {
        count += l->items[i].proposal.type == PROPOSAL_PSK;
    }
    return count <= MLS_PSKS_MAX ? ST_OK : ST_MLS_PSK_COUNT;
}

enum status proposal_list_check(const struct proposal_list *l, uint32_t committer,
                                const struct proposal_rules *rules)
{
    enum status count = check_psk_count(l);
    if (count != ST_OK) {
        return count;
    }
    for (size_t i = 0; i < l->count; i++) { /* the cheap rules first, then the signatures */
        if (!proposal_committable(&l->items[i], committer)) {
            return ST_MLS_PROPOSAL_SENDER;
        }
        if (conflicts_with_earlier(l, i)) {
            return ST_MLS_PROPOSAL_LIST;
        }
    }
    for (size_t i = 0; i < l->count; i++) {
        const struct listed_proposal *p = &l->items[i];
        enum status s = p->checked ? ST_OK : proposal_check(&p->proposal, p->sender, rules);
        if (s != ST_OK) {
            return s;
        }
    }
    return ST_OK;
}

bool proposal_list_needs_path(const struct proposal_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        enum proposal_type type = l->items[i].proposal.type;
        if (type != PROPOSAL_ADD && type != PROPOSAL_PSK && type != PROPOSAL_REINIT) {
            return true;
        }
    }
    return l->count == 0;
}
