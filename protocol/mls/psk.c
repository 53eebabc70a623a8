/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/psk.h"

#include "protocol/mls/limits.h"

void psk_id_read(struct reader *r, struct psk_id *out)
{
    struct psk_id id = {0};
    uint8_t type = reader_u8(r);
    if (type == PSK_EXTERNAL) {
        id.type = PSK_EXTERNAL;
        id.external_id = reader_vec(r, MLS_PSK_ID_MAX);
    } else if (type == PSK_RESUMPTION) {
        id.type = PSK_RESUMPTION;
        uint8_t usage = reader_u8(r);
        if (usage < PSK_USAGE_APPLICATION || usage > PSK_USAGE_BRANCH) {
            reader_fail(r, ST_WIRE_ENUM);
        }
        id.usage = (enum psk_usage)usage;
        id.group_id = reader_vec(r, MLS_GROUP_ID_MAX);
        id.epoch = reader_u64(r);
    } else {
        reader_fail(r, ST_WIRE_ENUM);
    }
    id.nonce = reader_vec(r, MLS_NONCE_MAX);
    *out = r->failed == ST_OK ? id : (struct psk_id){0};
}

void psk_id_write(struct writer *w, const struct psk_id *id)
{
    writer_u8(w, (uint8_t)id->type);
    if (id->type == PSK_EXTERNAL) {
        writer_vec(w, id->external_id);
    } else {
        writer_u8(w, (uint8_t)id->usage);
        writer_vec(w, id->group_id);
        writer_u64(w, id->epoch);
    }
    writer_vec(w, id->nonce);
}

bool psk_id_equal(const struct psk_id *a, const struct psk_id *b)
{
    return a->type == b->type && a->usage == b->usage && a->epoch == b->epoch &&
           span_equal(a->external_id, b->external_id) && span_equal(a->group_id, b->group_id) &&
           span_equal(a->nonce, b->nonce);
}
