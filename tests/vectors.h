/* SPDX-License-Identifier: Apache-2.0 */
/* The runner of public test vectors: what its files share. A file of vectors is a JSON array of cases; each
 * has a function that judges one case. */
#ifndef KITH_TESTS_VECTORS_H
#define KITH_TESTS_VECTORS_H

#include <jansson.h>

#include "protocol/bytes.h"

enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_SKIPPED /* another cipher suite */ };

typedef enum verdict vector_fn(const json_t *c);

/* Fields of a case. One that is missing or of another type makes the running case fail, and gives nothing. */
struct span vector_bytes(const json_t *object, const char *key); /* hex; lives until the case ends */
struct span vector_hex(const json_t *string);
uint64_t vector_number(const json_t *object, const char *key);
const json_t *vector_array(const json_t *object, const char *key);

/* ---- one for each kind of file ---- */

vector_fn vector_tree_math, vector_tree_operations, vector_tree_validation, vector_treekem;

#endif
