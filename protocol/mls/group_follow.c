/* SPDX-License-Identifier: Apache-2.0 */
/* The private step of a received commit: what it holds for this member alone (RFC 9420 §12.4.2). */
#include "protocol/mls/psk_lookup.h"
#include "protocol/mls/staged.h"

static enum status psk_secret_of(const struct mls_staged *s, const struct mls_group *g,
                                 const struct mls_psk_list *psks, struct secret *out)
{
    struct buffer ids;
    const struct psk_sources sources = {psks, g};
    enum status st = staged_psk_ids(s, &ids);
    if (st == ST_OK) {
        st = psk_lookup(buffer_span(&ids), &sources, out);
    }
    buffer_wipe(&ids);
    return st;
}

/* The commit secret, all zero without a path; and our keys as they will be. */
static enum status open_path(const struct mls_staged *s, const struct mls_group *g, struct treekem_keys *keys,
                             struct secret *commit_secret)
{
    const struct commit *c = &s->commit.content.u.commit;
    *commit_secret = (struct secret){0};
    *keys = g->now->keys;
    if (s->has_update_key) {
        treekem_keys_init(keys, group_own_leaf(g), &s->update_key);
    }
    treekem_keys_prune(keys, &s->next->tree);
    if (!c->has_path) {
        return ST_OK;
    }
    const struct treekem_take_args a = {s->committer, &c->path, {s->added, s->added_count}};
    enum status st = treekem_open(&s->next->tree, keys, &a, buffer_span(&s->provisional), commit_secret);
    return st == ST_OK || status_class(st) == CLASS_INTERNAL ? st : ST_MLS_PRIVATE_PATH;
}

static enum status open_secrets(struct mls_staged *s, const struct mls_group *g,
                                const struct secret *psk_secret)
{
    struct treekem_keys keys;
    struct secret commit_secret, joiner = {0};
    enum status st = open_path(s, g, &keys, &commit_secret);
    if (st == ST_OK) {
        st = staged_derive(s, g, &commit_secret, psk_secret, &joiner);
    }
    if (st == ST_OK &&
        !bytes_equal_secret(SPAN(s->next->confirmation_tag), s->commit.auth.confirmation_tag)) {
        st = ST_MLS_PRIVATE_TAG;
    }
    if (st == ST_OK) {
        s->next->keys = keys;
    } else { /* ready to be tried again, after ST_NO_MEMORY */
        epoch_secrets_wipe(&s->next->secrets);
        secret_tree_free(s->next->messages);
        s->next->messages = NULL;
    }
    treekem_keys_wipe(&keys);
    secret_wipe(&commit_secret);
    secret_wipe(&joiner);
    return st;
}

enum status mls_staged_open(const struct mls_group *g, struct mls_staged *s, const struct mls_psk_list *psks)
{
    struct secret psk_secret;
    enum status st = ST_OK;
    if (s->open) {
        return ST_OK;
    }
    if (g->removed || s->base_epoch != g->now->context.epoch) {
        return ST_MLS_STAGED;
    }
    if (s->past == NULL) {
        st = past_epoch_new(&s->past, g->now);
    }
    if (st == ST_OK && !s->removes_us) { /* nothing in the commit is sealed for those whom it removes */
        st = psk_secret_of(s, g, psks, &psk_secret);
        if (st == ST_OK) {
            st = open_secrets(s, g, &psk_secret);
        }
        secret_wipe(&psk_secret);
    }
    s->open = st == ST_OK;
    return st;
}
