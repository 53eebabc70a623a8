/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/proposal_apply.h"

#include "protocol/mls/tree_validate.h"

static enum status apply_one(struct listed_proposal *p, struct ratchet_tree *tree)
{
    switch (p->proposal.type) {
    case PROPOSAL_UPDATE:
        return ratchet_tree_update(tree, p->sender, &p->proposal.u.update);
    case PROPOSAL_REMOVE:
        return ratchet_tree_remove(tree, p->proposal.u.remove);
    case PROPOSAL_ADD:
        return ratchet_tree_add(tree, &p->proposal.u.add.leaf, &p->leaf);
    case PROPOSAL_PSK:
    case PROPOSAL_REINIT:
    case PROPOSAL_EXTERNAL_INIT:
    case PROPOSAL_EXTENSIONS:
        break;
    }
    return ST_OK;
}

static enum status apply_type(struct proposal_list *l, enum proposal_type type, struct ratchet_tree *tree)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i].proposal.type != type) {
            continue;
        }
        enum status s = apply_one(&l->items[i], tree);
        if (s != ST_OK) {
            return s;
        }
    }
    return ST_OK;
}

static enum status check_leaf(const struct listed_proposal *p, const struct ratchet_tree *tree,
                              const struct tree_context *c)
{
    if (p->proposal.type == PROPOSAL_ADD) {
        return tree_validate_leaf(tree, c, p->leaf);
    }
    return p->proposal.type == PROPOSAL_UPDATE ? tree_validate_leaf(tree, c, p->sender) : ST_OK;
}

enum status proposal_apply(struct proposal_list *l, struct span group_id, struct ratchet_tree *tree,
                           struct extensions *extensions)
{
    static const enum proposal_type order[] = {PROPOSAL_UPDATE, PROPOSAL_REMOVE, PROPOSAL_ADD};
    const struct tree_context c = {group_id, extensions};
    bool context_changed = false;
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i].proposal.type == PROPOSAL_EXTENSIONS) {
            *extensions = l->items[i].proposal.u.extensions;
            context_changed = true;
        }
    }
    enum status s = ST_OK;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && s == ST_OK; i++) {
        s = apply_type(l, order[i], tree);
    }
    for (size_t i = 0; i < l->count && s == ST_OK; i++) {
        s = check_leaf(&l->items[i], tree, &c);
    }
    if (s == ST_OK && context_changed) {
        s = tree_validate_capabilities(tree, extensions);
    }
    return s;
}
