/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/certificate.h"

/* ---- DeviceCertificate ---- */

static void certificate_body(struct writer *w, const void *value)
{
    const struct device_certificate *c = value;
    wire_write_version(w);
    wire_write_person(w, &c->who);
    writer_u8(w, c->supervised);
    WRITE_ID(w, &c->device);
    writer_u64(w, c->authority_height);
    writer_time(w, c->not_after_ms);
    WRITE_ID(w, &c->issuer);
}

enum status device_certificate_encode(struct writer *w, const struct device_certificate *c)
{
    certificate_body(w, c);
    WRITE_ID(w, &c->signature);
    return writer_done(w);
}

enum status device_certificate_decode(struct device_certificate *out, struct span in)
{
    struct reader r;
    struct device_certificate c = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    wire_read_person(&r, &c.who);
    c.supervised = wire_read_bool(&r);
    READ_ID(&r, &c.device);
    c.authority_height = reader_u64(&r);
    c.not_after_ms = reader_time(&r);
    READ_ID(&r, &c.issuer);
    READ_ID(&r, &c.signature);
    return wire_finish(&r, out, &c, sizeof c);
}

enum status device_certificate_sign(struct device_certificate *c, const struct sign_private *key)
{
    return wire_sign(LABEL_CERTIFICATE, certificate_body, c, key, &c->signature);
}

enum status device_certificate_verify(const struct device_certificate *c)
{
    return wire_verify(LABEL_CERTIFICATE, certificate_body, c, &c->issuer, &c->signature);
}

/* ---- pins ---- */

void pins_write(struct writer *w, const struct pins *p)
{
    size_t mark = writer_open(w);
    if (p->count > WIRE_PINS_MAX)
        writer_fail(w, ST_WIRE_LIMIT);
    for (size_t i = 0; i < p->count && w->failed == ST_OK; i++) {
        WRITE_ID(w, &p->at[i].scope);
        writer_u64(w, p->at[i].seq);
        WRITE_ID(w, &p->at[i].hash);
    }
    writer_close(w, mark);
}

void pins_read(struct reader *r, struct pins *out)
{
    enum { PIN_LEN = SHORT_ID_LEN + 8 + ID_LEN };
    struct reader items = reader_enter(r, (size_t)WIRE_PINS_MAX * PIN_LEN);
    while (reader_more(&items)) {
        struct pin *p = &out->at[out->count++]; /* the vector's limit bounds the count */
        READ_ID(&items, &p->scope);
        p->seq = reader_u64(&items);
        READ_ID(&items, &p->hash);
    }
    reader_leave(r, &items);
}

/* ---- Revocation ---- */

static void revocation_body(struct writer *w, const void *value)
{
    const struct revocation *v = value;
    wire_write_version(w);
    wire_write_person(w, &v->who);
    WRITE_ID(w, &v->device);
    writer_u64(w, v->authority_height);
    pins_write(w, &v->pins);
    writer_optional(w, v->replaced);
    if (v->replaced) {
        wire_write_vec(w, v->certificate, WIRE_CERTIFICATE_MAX);
        wire_write_vec(w, v->key_package, WIRE_KEY_PACKAGE_MAX);
    }
    WRITE_ID(w, &v->issuer);
}

enum status revocation_encode(struct writer *w, const struct revocation *v)
{
    revocation_body(w, v);
    WRITE_ID(w, &v->signature);
    return writer_done(w);
}

enum status revocation_decode(struct revocation *out, struct span in)
{
    struct reader r;
    struct revocation v = {0};
    reader_init(&r, in);
    wire_read_version(&r);
    wire_read_person(&r, &v.who);
    READ_ID(&r, &v.device);
    v.authority_height = reader_u64(&r);
    pins_read(&r, &v.pins);
    v.replaced = reader_optional(&r);
    if (v.replaced) {
        v.certificate = reader_vec(&r, WIRE_CERTIFICATE_MAX);
        v.key_package = reader_vec(&r, WIRE_KEY_PACKAGE_MAX);
    }
    READ_ID(&r, &v.issuer);
    READ_ID(&r, &v.signature);
    return wire_finish(&r, out, &v, sizeof v);
}

enum status revocation_sign(struct revocation *v, const struct sign_private *key)
{
    return wire_sign(LABEL_REVOCATION, revocation_body, v, key, &v->signature);
}

enum status revocation_verify(const struct revocation *v)
{
    return wire_verify(LABEL_REVOCATION, revocation_body, v, &v->issuer, &v->signature);
}
