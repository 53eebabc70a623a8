/* SPDX-License-Identifier: Apache-2.0 */
#include "device/authorize_internal.h"

/* RFC 9420 §7.2: a LeafNode begins with encryption_key and signature_key, both opaque<V>. */
static struct span signature_key_of(struct span leaf_node)
{
    struct reader r;
    reader_init(&r, leaf_node);
    (void)reader_vec(&r, DH_LEN);
    return reader_vec(&r, SIGN_PUBLIC_LEN);
}

enum status judge_leaf(struct judge_member *m, struct span identity)
{
    enum status st = device_certificate_decode(&m->certificate, identity);
    if (st != ST_OK)
        return st;
    /* protocol.md §5.1: the leaf key is the device key */
    return span_equal(signature_key_of(m->leaf_node), SPAN_ID(&m->certificate.device)) ? ST_OK
                                                                                       : ST_AUTHORIZE_LEAF;
}

const struct authority *judge_family(const struct judge *j, const struct person_ref *who)
{
    return chains_family_const(j->chains, &who->family);
}

enum status judge_certificate(const struct judge *j, const struct device_certificate *c)
{
    const struct authority *at = judge_family(j, &c->who);
    const struct judge_record *r;
    size_t i = 0;
    if (!at)
        return ST_CERTIFICATE_FAMILY;
    enum status st = certificate_check(at, c);
    if (st == ST_OK)
        return ST_OK;
    while ((r = judge_next(j, EVIDENCE_CERTIFICATE, &i))) {
        struct device_certificate fresh;
        if (device_certificate_decode(&fresh, r->body) != ST_OK || !ID_EQUAL(&fresh.device, &c->device) ||
            !person_ref_equal(&fresh.who, &c->who))
            continue;
        if (certificate_check(at, &fresh) == ST_OK)
            return ST_OK;
    }
    return st;
}

enum status judge_tree(const struct judge *j)
{
    size_t leaves = 0;
    for (size_t i = 0; i < j->member_count; i++) {
        const struct judge_member *m = &j->members[i];
        size_t devices = 0;
        if (!judge_stays(m))
            continue;
        leaves++;
        for (size_t k = 0; k < j->member_count; k++) {
            const struct judge_member *other = &j->members[k];
            if (!judge_stays(other))
                continue;
            if (k < i && ID_EQUAL(&other->certificate.device, &m->certificate.device))
                return ST_AUTHORIZE_TWICE;
            devices += person_ref_equal(&other->certificate.who, &m->certificate.who);
        }
        if (devices > WIRE_DEVICES_MAX)
            return ST_AUTHORIZE_LIMIT;
    }
    return leaves <= WIRE_LEAVES_MAX ? ST_OK : ST_AUTHORIZE_LIMIT;
}
