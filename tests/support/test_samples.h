/* SPDX-License-Identifier: Apache-2.0 */
/* One good sample of every structure of protocol/ that travels, and its round trip, by name. Unit tests stand
 * each decoder through check_decoder with it; fuzz targets use the round trips; the fuzz corpus is these
 * samples. */
#ifndef KITH_TESTS_SUPPORT_TEST_SAMPLES_H
#define KITH_TESTS_SUPPORT_TEST_SAMPLES_H

#include "protocol/ids.h"
#include "protocol/suite.h"
#include "tests/support/test_decoder.h"

/* A key pair from a number: the same number, the same keys. */
struct sample_key {
    struct sign_private key;
    struct device_id device;
};
struct sample_key sample_key(unsigned n);

/* Ids whose bytes are all n. */
struct person_ref sample_person(unsigned family, unsigned person);
struct person_id sample_person_id(unsigned n);

/* Encodes the sample called `name` ("permit"); aborts for a name that is not there. */
void sample_encode(const char *name, struct buffer *out);
/* check_decoder on that sample, with its own round trip. */
void sample_check_decoder(const char *name);
/* For what is signed: every flip of one bit in the sample is refused by decoder or verifier. */
void sample_check_signed(const char *name);
/* For fuzz targets: whatever decodes must encode to the same bytes. */
void sample_fuzz(const char *name, const uint8_t *data, size_t size);

/* The names, for a test that walks them all; NULL past the end. */
const char *sample_name(size_t index);

#endif
