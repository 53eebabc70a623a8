/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/proposal.h"

#include "protocol/mls/limits.h"

static void reinit_read(struct reader *r, struct reinit *out)
{
    out->group_id = reader_vec(r, MLS_GROUP_ID_MAX);
    out->version = reader_u16(r);
    out->cipher_suite = reader_u16(r);
    extensions_read(r, &out->extensions);
}

static void reinit_write(struct writer *w, const struct reinit *p)
{
    writer_vec(w, p->group_id);
    writer_u16(w, p->version);
    writer_u16(w, p->cipher_suite);
    extensions_write(w, &p->extensions);
}

void proposal_read(struct reader *r, struct proposal *out)
{
    struct proposal p = {0};
    uint16_t type = reader_u16(r);
    p.type = (enum proposal_type)type;
    switch (type) {
    case PROPOSAL_ADD:
        key_package_read(r, &p.u.add);
        break;
    case PROPOSAL_UPDATE:
        leaf_node_read(r, &p.u.update);
        break;
    case PROPOSAL_REMOVE:
        p.u.remove = reader_u32(r);
        break;
    case PROPOSAL_PSK:
        psk_id_read(r, &p.u.psk);
        break;
    case PROPOSAL_REINIT:
        reinit_read(r, &p.u.reinit);
        break;
    case PROPOSAL_EXTERNAL_INIT:
        p.u.external_init = reader_vec(r, MLS_PUBLIC_KEY_MAX);
        break;
    case PROPOSAL_EXTENSIONS:
        extensions_read(r, &p.u.extensions);
        break;
    default:
        reader_fail(r, ST_MLS_PROPOSAL_TYPE);
        break;
    }
    *out = r->failed == ST_OK ? p : (struct proposal){0};
}

void proposal_write(struct writer *w, const struct proposal *p)
{
    writer_u16(w, (uint16_t)p->type);
    switch (p->type) {
    case PROPOSAL_ADD:
        key_package_write(w, &p->u.add);
        break;
    case PROPOSAL_UPDATE:
        leaf_node_write(w, &p->u.update);
        break;
    case PROPOSAL_REMOVE:
        writer_u32(w, p->u.remove);
        break;
    case PROPOSAL_PSK:
        psk_id_write(w, &p->u.psk);
        break;
    case PROPOSAL_REINIT:
        reinit_write(w, &p->u.reinit);
        break;
    case PROPOSAL_EXTERNAL_INIT:
        writer_vec(w, p->u.external_init);
        break;
    case PROPOSAL_EXTENSIONS:
        extensions_write(w, &p->u.extensions);
        break;
    }
}

enum status proposal_decode(struct proposal *out, struct span in)
{
    struct reader r;
    reader_init(&r, in);
    proposal_read(&r, out);
    enum status s = reader_done(&r);
    if (s != ST_OK) {
        *out = (struct proposal){0};
    }
    return s;
}

void proposal_or_ref_read(struct reader *r, struct proposal_or_ref *out)
{
    struct proposal_or_ref p = {0};
    uint8_t type = reader_u8(r);
    p.type = (enum proposal_or_ref_type)type;
    if (type == PROPOSAL_BY_VALUE) {
        proposal_read(r, &p.proposal);
    } else if (type == PROPOSAL_BY_REF) {
        p.ref = reader_vec(r, MLS_HASH_MAX);
    } else {
        reader_fail(r, ST_WIRE_ENUM);
    }
    *out = r->failed == ST_OK ? p : (struct proposal_or_ref){0};
}

void proposal_or_ref_write(struct writer *w, const struct proposal_or_ref *p)
{
    writer_u8(w, (uint8_t)p->type);
    if (p->type == PROPOSAL_BY_VALUE) {
        proposal_write(w, &p->proposal);
    } else {
        writer_vec(w, p->ref);
    }
}
