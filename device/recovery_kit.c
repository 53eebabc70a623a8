/* SPDX-License-Identifier: Apache-2.0 */
#include "device/recovery_kit.h"

static enum status public_of(const struct secret *kit, struct sign_public *public)
{
    struct sign_private private;
    enum status st = recovery_key(kit, &private, public);
    sign_private_wipe(&private);
    return st;
}

enum status recovery_kit_make(struct entropy *e, struct secret *kit, struct sign_public *public)
{
    entropy_fill(e, kit->b, sizeof(kit->b));
    enum status st = public_of(kit, public);
    if (st != ST_OK)
        secret_wipe(kit);
    return st;
}

enum status recovery_kit_verify(const struct authority *at, const struct person_id *parent, struct span words)
{
    const struct authority_person *p = authority_find(at, parent);
    struct secret kit;
    struct sign_public public;
    if (p == NULL || p->role != ROLE_PARENT)
        return ST_USAGE;
    enum status st = recovery_parse(words, &kit);
    if (st != ST_OK)
        return st;
    st = public_of(&kit, &public);
    secret_wipe(&kit);
    if (st != ST_OK)
        return st;
    return ID_EQUAL(&public, &p->recovery) ? ST_OK : ST_RECOVERY_OTHER;
}

enum status recovery_box_derive(const struct secret *kit, struct recovery_box *out)
{
    struct secret parts[5];
    memset(out, 0, sizeof(*out));
    enum status st = expand_with_label(LABELS_KITH, SPAN_ID(kit), span_text(label_text(LABEL_RECOVERY_LOG)),
                                       SPAN_EMPTY, (uint8_t *)parts, sizeof(parts));
    if (st == ST_OK)
        st = dh_derive(SPAN_ID(&parts[4]), &out->hpke_private, &out->hpke_public);
    if (st == ST_OK) {
        out->write_token = parts[0];
        out->read_token = parts[1];
        out->trim_token = parts[2];
        out->block_key = parts[3];
    }
    bytes_wipe(parts, sizeof(parts));
    return st;
}
