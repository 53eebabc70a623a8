/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/psk_lookup.h"

#include "protocol/mls/group_internal.h"
#include "protocol/mls/limits.h"
#include "protocol/mls/psk_secret.h"

static enum status find_external(const struct psk_id *id, const struct mls_psk_list *known,
                                 struct span *value)
{
    for (size_t i = 0; known != NULL && i < known->count; i++) {
        if (span_equal(known->items[i].id, id->external_id)) {
            *value = known->items[i].value;
            return ST_OK;
        }
    }
    return ST_MLS_PSK_UNKNOWN;
}

/* RFC 9420 §8.6: the resumption PSK of this group's present epoch or of one that is still kept. */
static enum status find_resumption(const struct psk_id *id, const struct mls_group *g, struct span *value)
{
    if (id->usage != PSK_USAGE_APPLICATION) {
        return ST_MLS_BRANCH;
    }
    if (g == NULL || !span_equal(id->group_id, g->now->context.group_id)) {
        return ST_MLS_PSK_UNKNOWN;
    }
    if (id->epoch == g->now->context.epoch) {
        *value = SPAN_ID(&g->now->secrets.resumption_psk);
        return ST_OK;
    }
    const struct past_epoch *p = group_past(g, id->epoch);
    if (p == NULL) {
        return ST_MLS_PSK_UNKNOWN;
    }
    *value = SPAN_ID(&p->resumption_psk);
    return ST_OK;
}

enum status psk_lookup(struct span ids, const struct psk_sources *from, struct secret *psk_secret)
{
    struct psk_input inputs[MLS_PSKS_MAX];
    size_t count = 0;
    struct reader r;
    *psk_secret = (struct secret){0};
    reader_init(&r, ids);
    while (reader_more(&r)) {
        struct psk_id id;
        struct span value = SPAN_EMPTY;
        const uint8_t *start = r.at;
        if (count == MLS_PSKS_MAX) {
            return ST_MLS_PSK_COUNT;
        }
        psk_id_read(&r, &id);
        if (r.failed != ST_OK) {
            break;
        }
        enum status s = id.type == PSK_EXTERNAL ? find_external(&id, from->external, &value)
                                                : find_resumption(&id, from->group, &value);
        if (s != ST_OK) {
            return s;
        }
        inputs[count++] = (struct psk_input){SPAN_OF(start, (size_t)(r.at - start)), value};
    }
    enum status s = reader_done(&r);
    return s == ST_OK ? psk_secret_compute(inputs, count, psk_secret) : s;
}
