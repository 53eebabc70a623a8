/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/update_path.h"

#include "protocol/mls/limits.h"

enum { CIPHERTEXT_MAX = 1024 /* of an HPKECiphertext; a path secret with its tag has 48 or 80 bytes */ };

void hpke_ciphertext_read(struct reader *r, struct hpke_ciphertext *out)
{
    struct hpke_ciphertext c = {0};
    c.kem_output = reader_vec(r, MLS_PUBLIC_KEY_MAX);
    c.ciphertext = reader_vec(r, CIPHERTEXT_MAX);
    *out = r->failed == ST_OK ? c : (struct hpke_ciphertext){0};
}

void hpke_ciphertext_write(struct writer *w, const struct hpke_ciphertext *c)
{
    writer_vec(w, c->kem_output);
    writer_vec(w, c->ciphertext);
}

void update_path_node_read(struct reader *r, struct update_path_node *out)
{
    struct update_path_node n = {0};
    n.encryption_key = reader_vec(r, MLS_PUBLIC_KEY_MAX);
    struct reader list = reader_enter(r, MLS_MESSAGE_MAX);
    n.secrets = SPAN_OF(list.at, reader_left(&list));
    while (reader_more(&list)) {
        struct hpke_ciphertext c;
        hpke_ciphertext_read(&list, &c);
        if (++n.secret_count > MLS_LEAVES_MAX) { /* no resolution is larger than the tree */
            reader_fail(&list, ST_WIRE_LIMIT);
        }
    }
    reader_leave(r, &list);
    *out = r->failed == ST_OK ? n : (struct update_path_node){0};
}

void update_path_node_write(struct writer *w, const struct update_path_node *n)
{
    writer_vec(w, n->encryption_key);
    writer_vec(w, n->secrets);
}

void update_path_read(struct reader *r, struct update_path *out)
{
    struct update_path p = {0};
    leaf_node_read(r, &p.leaf);
    struct reader list = reader_enter(r, MLS_MESSAGE_MAX);
    p.nodes = SPAN_OF(list.at, reader_left(&list));
    while (reader_more(&list)) {
        struct update_path_node n;
        update_path_node_read(&list, &n);
        if (++p.node_count > MLS_DEPTH_MAX) {
            reader_fail(&list, ST_WIRE_LIMIT);
        }
    }
    reader_leave(r, &list);
    *out = r->failed == ST_OK ? p : (struct update_path){0};
}

enum status update_path_decode(struct update_path *out, struct span in)
{
    struct reader r;
    reader_init(&r, in);
    update_path_read(&r, out);
    enum status s = reader_done(&r);
    if (s != ST_OK) {
        *out = (struct update_path){0};
    }
    return s;
}

void update_path_write(struct writer *w, const struct update_path *p)
{
    leaf_node_write(w, &p->leaf);
    writer_vec(w, p->nodes);
}
