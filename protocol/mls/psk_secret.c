/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/mls/psk_secret.h"

#include "protocol/mls/limits.h"

/* struct { PreSharedKeyID id; uint16 index; uint16 count; } PSKLabel */
static enum status psk_label_encode(struct buffer *to, struct span id, size_t index, size_t count)
{
    to->len = 0;
    struct writer w;
    writer_init(&w, to);
    writer_bytes(&w, id);
    writer_u16(&w, (uint16_t)index);
    writer_u16(&w, (uint16_t)count);
    return writer_done(&w);
}

/* One link of the chain: secret = Extract(ExpandWithLabel(Extract(0, psk), "derived psk", PSKLabel), secret).
 */
static enum status psk_chain(struct secret *secret, struct span value, struct span label)
{
    static const uint8_t zero[SECRET_LEN];
    struct secret extracted, input;
    hkdf_extract(SPAN(zero), value, &extracted);
    enum status st = expand_with_label(LABELS_MLS, SPAN_ID(&extracted), span_text("derived psk"), label,
                                       input.b, sizeof(input.b));
    if (st == ST_OK) {
        struct secret before = *secret;
        hkdf_extract(SPAN_ID(&input), SPAN_ID(&before), secret);
        secret_wipe(&before);
    }
    secret_wipe(&extracted);
    secret_wipe(&input);
    return st;
}

/* RFC 9420 §8.4 */
enum status psk_secret_compute(const struct psk_input *psks, size_t count, struct secret *out)
{
    *out = (struct secret){{0}};
    if (count > MLS_PSKS_MAX)
        return ST_MLS_PSK_COUNT;
    struct buffer label;
    buffer_init(&label, MLS_MESSAGE_MAX);
    enum status st = ST_OK;
    for (size_t i = 0; i < count && st == ST_OK; i++) {
        st = psk_label_encode(&label, psks[i].id, i, count);
        if (st == ST_OK)
            st = psk_chain(out, psks[i].psk, buffer_span(&label));
    }
    if (st != ST_OK)
        secret_wipe(out);
    buffer_wipe(&label);
    return st;
}
